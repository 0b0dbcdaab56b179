//! What can go wrong between us and the database.

use model::{BoxError, Failure};
use sqlx::postgres::PgQueryResult;

/// Why a statement did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database does not answer, or not now. Try again.
    #[error("the database is not available")]
    Unavailable(#[source] BoxError),
    /// Somebody else was faster: the version moved on, the lease ran out, or two transactions stood in each other's way. Load again.
    #[error("the row has changed meanwhile")]
    Stale,
    /// A constraint of the schema refused the row.
    #[error("the constraint {constraint} refused the row")]
    Conflict {
        /// Its name.
        constraint: String,
    },
    /// The values themselves are not what the schema takes: trying again will not mend it.
    #[error("the database refused the values ({code})")]
    Refused {
        /// PostgreSQL's code.
        code: String,
    },
    /// A row that this program cannot read: an older or newer one wrote it, or a hand did.
    #[error("{table}.{column} holds what this program cannot read")]
    Corrupt {
        /// Where.
        table: &'static str,
        /// In which column.
        column: &'static str,
    },
}

/// PostgreSQL's codes for "your transaction and another stood in each other's way": serialization failure and deadlock.
const IN_EACH_OTHERS_WAY: [&str; 2] = ["40001", "40P01"];

/// Classes of codes where the fault is in what we gave: data exceptions, integrity, limits of the program.
const OUR_VALUES: [&str; 3] = ["22", "23", "54"];

impl StoreError {
    /// Reads a driver's error. The row's values stay behind: PostgreSQL quotes them in its details.
    pub(crate) fn from_sqlx(error: sqlx::Error) -> Self {
        let sqlx::Error::Database(from_server) = &error else { return Self::Unavailable(Box::new(error)) };
        let code = from_server.code().unwrap_or_default();
        if IN_EACH_OTHERS_WAY.contains(&code.as_ref()) {
            return Self::Stale;
        }
        if let Some(constraint) = from_server.constraint() {
            return Self::Conflict { constraint: constraint.to_owned() };
        }
        if code.get(..2).is_some_and(|class| OUR_VALUES.contains(&class)) {
            return Self::Refused { code: code.into_owned() };
        }
        Self::Unavailable(Box::new(error))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::Stale => Self::retry(error),
            StoreError::Conflict { .. } | StoreError::Refused { .. } => Self::park("the database refused it", error),
            StoreError::Corrupt { .. } => Self::park("a row cannot be read", error),
        }
    }
}

/// For a statement that writes one row on a condition: nobody else was there first, and a lease has not run out. [`StoreError::Stale`]
pub(crate) fn still_ours(done: &PgQueryResult) -> Result<(), StoreError> {
    if done.rows_affected() == 0 { Err(StoreError::Stale) } else { Ok(()) }
}
