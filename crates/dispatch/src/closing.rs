//! What nobody said a word about since it was settled is closed, and the citizen is told how to open it again.

use jiff::Timestamp;
use store::{PgPool, StoreError, closing};
use tracing::info;

use crate::{known::Known, wake::Round};

/// Looks for what is to be closed.
#[derive(Debug)]
pub struct Closing {
    db: PgPool,
    directory: Known,
}

/// Complaints that are closed at once.
const MOST: u16 = 100;

impl Closing {
    /// What it needs; no I/O.
    pub fn new(db: PgPool) -> Self {
        Self { db, directory: Known::default() }
    }

    /// Closes what is due. Broken off, nothing of the batch happened; two that look at once close nothing twice.
    pub async fn round(&self, now: Timestamp) -> Result<Round, StoreError> {
        let due = closing::due(&self.db, now, MOST).await?;
        if due.is_empty() {
            return Ok(Round::Drained);
        }
        let directory = self.directory.now(&self.db).await?;
        let closed = closing::close(&self.db, &due, &directory, now).await?;
        info!("Closed {closed} of {} complaints that nobody said a word about since they were settled.", due.len());
        Ok(if due.len() == usize::from(MOST) { Round::Full } else { Round::Drained })
    }
}
