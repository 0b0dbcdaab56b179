//! What waits on the bus for whom: asked by the core, so that it is known also of an adapter that is down.

use async_nats::jetstream::stream::Stream;
use futures::TryStreamExt;
use model::Timestamp;

use crate::{
    Bus, BusError,
    house::{Published, published},
    streams::{EVENTS, RAW, REPLIES},
};

/// The names of the readers, as `Queue` gives them.
const INTAKE: &str = "intake";
const NORMALIZE: &str = "normalize-";

/// What waits in one queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backlog {
    /// `RAW`, `EVENTS` or `REPLIES`.
    pub stream: &'static str,
    /// Whose queue it is: an adapter's name, or `intake`.
    pub reader: String,
    /// Messages that nobody has finished yet, those in hand included.
    pub waiting: u64,
    /// When the oldest of them was published.
    pub oldest: Option<Timestamp>,
}

impl Bus {
    /// What waits in every queue: of RAW and EVENTS those that were ever read. The core alone may ask.
    pub async fn backlog(&self) -> Result<Vec<Backlog>, BusError> {
        self.connected().await?;
        let mut found = Vec::new();
        for name in [RAW, EVENTS] {
            self.unread(name, &mut found).await?;
        }
        self.undelivered(&mut found).await?;
        Ok(found)
    }

    /// By what its reader has acknowledged.
    async fn unread(&self, name: &'static str, found: &mut Vec<Backlog>) -> Result<(), BusError> {
        let stream: Stream = self.stream(name).await?;
        let mut consumers = stream.consumers();
        while let Some(consumer) = consumers.try_next().await.map_err(BusError::unavailable)? {
            // Others read for a replay, and are gone soon.
            if consumer.name != INTAKE && !consumer.name.starts_with(NORMALIZE) {
                continue;
            }
            let waiting = consumer.num_pending.saturating_add(u64::try_from(consumer.num_ack_pending).unwrap_or(0));
            let first = consumer.ack_floor.stream_sequence + 1;
            let oldest = if waiting > 0 { published(&stream, first, &consumer.config.filter_subject).await? } else { None };
            let reader = consumer.name.trim_start_matches(NORMALIZE).to_owned();
            found.push(Backlog { stream: name, reader, waiting, oldest: oldest.and_then(time) });
        }
        Ok(())
    }

    /// What is acknowledged is gone: so what is there is what waits, also for an adapter that never came.
    async fn undelivered(&self, found: &mut Vec<Backlog>) -> Result<(), BusError> {
        let stream: Stream = self.stream(REPLIES).await?;
        let subjects = stream.info_with_subjects("replies.>").await.map_err(BusError::unavailable)?;
        let counts: Vec<(String, usize)> = subjects.try_collect().await.map_err(BusError::unavailable)?;
        for (subject, count) in counts {
            let oldest = published(&stream, 1, &subject).await?;
            let reader = subject.trim_start_matches("replies.").to_owned();
            found.push(Backlog {
                stream: REPLIES,
                reader,
                waiting: u64::try_from(count).unwrap_or(u64::MAX),
                oldest: oldest.and_then(time),
            });
        }
        Ok(())
    }
}

fn time(since_1970: Published) -> Option<Timestamp> {
    Timestamp::UNIX_EPOCH.checked_add(since_1970).ok()
}
