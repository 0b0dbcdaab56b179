//! What is older than its rule allows goes, once a day; files that no row has any more go from storage; and what a citizen asked to be erased is erased when
//! they were told.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use object_store::{ObjectStore, ObjectStoreExt, path::Path};
use store::{PgPool, StoreError, request, retention};
use tracing::{info, warn};

use crate::wake::Round;

/// Removes.
#[derive(Debug, Clone)]
pub struct Retention {
    db: PgPool,
    files: Arc<dyn ObjectStore>,
}

/// How often the rules are applied.
const EACH: SignedDuration = SignedDuration::from_hours(24);

/// Complaints of one transaction: it holds them and their citizens for a moment.
const AT_ONCE: i64 = 50;

/// Files that are removed in one round.
const FILES: i64 = 100;

impl Retention {
    /// What it needs; no I/O.
    pub fn new(db: PgPool, files: Arc<dyn ObjectStore>) -> Self {
        Self { db, files }
    }

    /// One batch. Broken off, what it did stays done and the rest is found again; two that remove at once take turns.
    pub async fn round(&self, now: Timestamp) -> Result<Round, StoreError> {
        let erased = request::work_off(&self.db, now).await?;
        if erased > 0 {
            info!("Erased what citizens asked for in {erased} requests.");
        }
        let files = self.remove_files().await?;
        let again = self.apply(now).await?;
        Ok(if files || again { Round::Full } else { Round::Drained })
    }

    /// Applies the rules, if a day went by since they were applied last; `true`: there may be more.
    async fn apply(&self, now: Timestamp) -> Result<bool, StoreError> {
        let ran = retention::ran_at(&self.db).await?;
        if ran.is_some_and(|ran| now.duration_since(ran) < EACH) {
            return Ok(false);
        }
        let batch = retention::remove(&self.db, now, AT_ONCE).await?;
        if batch.elsewhere {
            return Ok(false);
        }
        if batch.removed == 0 {
            retention::ran(&self.db, now).await?;
            return Ok(false);
        }
        info!("Removed {} things that were older than their rule allows.", batch.removed);
        Ok(true)
    }

    /// Removes files that no row has any more; `true`: there may be more. What storage does not let go of stays on the list.
    async fn remove_files(&self) -> Result<bool, StoreError> {
        let keys = retention::files_left(&self.db, FILES).await?;
        let mut gone = Vec::new();
        for key in &keys {
            // Our own names: a path that is none has no file.
            let Ok(path) = Path::parse(key) else {
                gone.push(key.clone());
                continue;
            };
            match self.files.delete(&path).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => gone.push(key.clone()),
                Err(_) => warn!("A file that is to be removed could not be: storage does not answer. It is tried again."),
            }
        }
        retention::files_gone(&self.db, &gone).await?;
        Ok(i64::try_from(keys.len()).is_ok_and(|n| n == FILES) && gone.len() == keys.len())
    }
}
