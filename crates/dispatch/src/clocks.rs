//! Running clocks are counted anew when days off, office hours or the time zone changed. Who has a complaint reads the old and the new date
//! in its history.

use jiff::Timestamp;
use store::{PgPool, StoreError, clocks};
use tracing::info;

use crate::wake::Round;

/// Looks whether the calendar changed.
#[derive(Debug, Clone)]
pub struct Clocks {
    /// Where the clocks are.
    pub db: PgPool,
}

/// Complaints that are read, and those of them that moved written, at once.
const AT_ONCE: usize = 200;

impl Clocks {
    /// Counts every running clock if the calendar changed. Broken off it begins again, and what was counted does not move twice.
    pub async fn round(&self, now: Timestamp) -> Result<Round, StoreError> {
        let Some(change) = clocks::change(&self.db, now).await? else { return Ok(Round::Drained) };
        let mut tx = store::begin(&self.db).await?;
        if !clocks::lock(&mut tx).await? {
            return Ok(Round::Drained);
        }
        let directory = store::directory::load(&self.db).await?;
        let running = clocks::running(&self.db).await?;
        let mut moved = 0;
        for some in running.chunks(AT_ONCE) {
            moved += clocks::count(&self.db, some, &directory, now).await?;
        }
        clocks::counted(&mut tx, &change, now).await?;
        store::commit(tx).await?;
        info!("The calendar changed: the clocks of {} open complaints were counted anew, {moved} moved.", running.len());
        Ok(Round::Drained)
    }
}
