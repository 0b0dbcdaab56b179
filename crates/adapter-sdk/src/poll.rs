//! The road, step 1, the other way round: we call the platform. The cursor moves only after what it passed is on the disk.

use std::{sync::Arc, time::Duration};

use bus::{Bus, BusError, Stop};
use futures::future::join_all;
use model::AdapterName;
use tracing::{info, warn};

use crate::{
    Batch, Door, DoorError, FetchError,
    any::AnyPoll,
    pulse::{Pulse, chain},
};

/// Pauses after a failure, doubled from the first to the last.
const PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// One account's loop.
pub(crate) struct Poller {
    pub(crate) name: AdapterName,
    pub(crate) account: String,
    pub(crate) platform: Arc<dyn AnyPoll>,
    pub(crate) door: Door,
    pub(crate) bus: Bus,
    pub(crate) pulse: Pulse,
}

impl Poller {
    /// Runs until `stop`.
    pub(crate) async fn run(self, stop: Stop) {
        stop.run_until_cancelled(self.poll_on()).await;
    }

    async fn poll_on(&self) {
        let mut cursor = self.cursor().await;
        let mut pause = PAUSE;
        loop {
            match self.platform.poll(&self.account, cursor.clone()).await {
                Ok(batch) => {
                    pause = PAUSE;
                    let more = batch.more;
                    if let Some(next) = self.keep(batch).await {
                        self.move_cursor(&next).await;
                        cursor = Some(next);
                    }
                    if !more {
                        tokio::time::sleep(self.platform.every()).await;
                    }
                }
                Err(error) => {
                    warn!(account = self.account, error = chain(&error), "Could not poll the platform.");
                    self.pulse.trouble("the platform cannot be polled");
                    let asked = if let FetchError::Throttled(Some(after)) = error { after } else { pause };
                    tokio::time::sleep(asked).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Without knowing where we were, we would read everything again: so we wait for the bus.
    async fn cursor(&self) -> Option<Vec<u8>> {
        loop {
            match self.bus.cursor(&self.name, &self.account).await {
                Ok(cursor) => return cursor,
                Err(error) => {
                    warn!(account = self.account, error = chain(&error), "Could not read the cursor; polling begins when it is known.");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Returns the batch's cursor when every item is on the disk; waits for room as long as it takes.
    async fn keep(&self, batch: Batch) -> Option<Vec<u8>> {
        let mut left = batch.items;
        while !left.is_empty() {
            let taken = join_all(left.iter().map(|item| self.door.take(String::new(), item.headers.clone(), item.body.clone()))).await;
            let mut outcomes = taken.into_iter();
            left.retain(|_| match outcomes.next() {
                Some(Err(DoorError::TooLarge { limit })) => {
                    warn!(account = self.account, limit, "Left out an item of the platform that is larger than `door.max_body`.");
                    self.pulse.trouble("an item was larger than the door takes");
                    false
                }
                Some(Err(_)) => true,
                Some(Ok(_)) | None => false,
            });
            if !left.is_empty() {
                self.pulse.trouble("the spool takes nothing");
                tokio::time::sleep(PAUSE).await;
            }
        }
        batch.cursor
    }

    /// Best effort: a cursor that lags behind reads something twice.
    async fn move_cursor(&self, cursor: &[u8]) {
        match self.bus.move_cursor(&self.name, &self.account, cursor).await {
            Ok(()) => {}
            Err(BusError::Missing(what)) => info!(account = self.account, what, "The cursor is not kept yet."),
            Err(error) => warn!(account = self.account, error = chain(&error), "Could not keep the cursor."),
        }
    }
}
