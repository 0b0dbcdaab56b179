//! The road, step 1, the other way round: we call the platform. The cursor moves only after what it passed is on the disk.

use std::{sync::Arc, time::Duration};

use bus::{Bus, BusError, Stop};
use futures::future::join_all;
use model::AdapterName;
use tracing::{info, warn};

use crate::{
    Batch, Door, FetchError, Item,
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

    /// Returns the batch's cursor when every item is on the disk or, where the door takes nothing so large, set aside for a person; waits for
    /// room as long as it takes.
    async fn keep(&self, batch: Batch) -> Option<Vec<u8>> {
        let limit = self.door.max_body();
        let (mut left, too_large): (Vec<Item>, Vec<Item>) = batch.items.into_iter().partition(|item| item.body.len() <= limit);
        for item in too_large {
            self.set_aside(item, limit).await;
        }
        while !left.is_empty() {
            let taken = join_all(left.iter().map(|item| self.door.take(String::new(), item.headers.clone(), item.body.clone()))).await;
            let mut outcomes = taken.into_iter();
            left.retain(|_| match outcomes.next() {
                Some(taken) => taken.is_err(),
                None => false,
            });
            if !left.is_empty() {
                self.pulse.trouble("the spool takes nothing");
                tokio::time::sleep(PAUSE).await;
            }
        }
        batch.cursor
    }

    /// The platform gave it and will not give it again once the cursor has passed it: so it is not passed before it is parked.
    async fn set_aside(&self, item: Item, limit: usize) {
        let bytes = item.body.len();
        let raw = self.door.raw(String::new(), item.headers, item.body);
        let error = format!("{bytes} bytes, and `door.max_body` is {limit}");
        let mut pause = PAUSE;
        while let Err(problem) = self.bus.park_raw(&raw, "larger than the door takes", &error).await {
            warn!(account = self.account, error = chain(&problem), "An item that is larger than `door.max_body` could not be parked yet.");
            self.pulse.trouble("an item larger than the door takes waits to be parked");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        self.door.count("parked");
        self.pulse.trouble("an item was larger than the door takes and is parked");
        warn!(trace.id = %raw.trace, account = self.account, bytes, limit, "Parked an item of the platform that is larger than `door.max_body`.");
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
