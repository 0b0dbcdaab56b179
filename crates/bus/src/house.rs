//! Room on the bus: how full each stream is, and what is removed from RAW before it refuses a citizen's message.

use std::time::Duration;

use async_nats::jetstream::stream::{DiscardPolicy, RawMessageErrorKind, Stream};
use futures::TryStreamExt;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::{
    Bus, BusError, Stop,
    error::chain,
    streams::{RAW, streams},
};

/// How often we look.
const LOOK: Duration = Duration::from_mins(1);
/// Per cent from which a stream is called nearly full.
const NEARLY: u64 = 80;
/// The parts of a large message come before it: what is this much older than the oldest unread message is not one of them.
const PARTS_TAKE: Duration = Duration::from_mins(10);

/// How full one stream or bucket is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fill {
    /// Its name at the server: `RAW`, `KV_sent`, `OBJ_quarantine`, ….
    pub stream: String,
    /// How many messages it holds.
    pub messages: u64,
    /// How much they take.
    pub bytes: u64,
    /// How much it may hold.
    pub max_bytes: u64,
    /// What happens when it is full: `true`, its oldest goes; `false`, it refuses what is new.
    pub drops_oldest: bool,
}

impl Fill {
    /// How full, 0 to 100.
    pub fn per_cent(&self) -> u64 {
        self.bytes.saturating_mul(100).checked_div(self.max_bytes).unwrap_or(0)
    }

    /// What an administrator has to expect, in one clause.
    fn then(&self) -> &'static str {
        if self.drops_oldest { "when it is full its oldest goes" } else { "when it is full it refuses what is new" }
    }
}

impl Bus {
    /// How full every stream and bucket is. The core alone may ask.
    pub async fn fill(&self) -> Result<Vec<Fill>, BusError> {
        self.connected().await?;
        let mut fill = Vec::new();
        for config in streams() {
            let stream = self.stream(&config.name).await?;
            let info = stream.cached_info();
            fill.push(Fill {
                stream: config.name,
                messages: info.state.messages,
                bytes: info.state.bytes,
                max_bytes: u64::try_from(info.config.max_bytes).unwrap_or(0),
                drops_oldest: info.config.discard == DiscardPolicy::Old,
            });
        }
        Ok(fill)
    }

    /// Looks after the streams until `stop`: warns of what is nearly full, and removes from RAW the oldest of what every adapter has read
    /// before RAW would refuse what is new. Unread messages are never removed. One process of the core does it; several do no harm.
    pub async fn keep_house(&self, stop: Stop) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(look.tick()).await.is_some() {
            if let Err(error) = self.look_after().await {
                warn!("Could not look after the streams: {}.", chain(&error));
            }
        }
    }

    async fn look_after(&self) -> Result<(), BusError> {
        for fill in self.fill().await?.iter().filter(|fill| fill.per_cent() >= NEARLY) {
            if fill.stream == RAW && self.make_room(PARTS_TAKE).await? {
                continue;
            }
            warn!(stream.messages = fill.messages, "Stream {} is {} per cent full; {}.", fill.stream, fill.per_cent(), fill.then());
        }
        Ok(())
    }

    /// Removes the oldest quarter of RAW, if all of it was read `margin` before what was not. `false`: there is nothing to remove.
    #[doc(hidden)]
    pub async fn make_room(&self, margin: Duration) -> Result<bool, BusError> {
        let stream = self.stream(RAW).await?;
        let state = &stream.cached_info().state;
        let quarter = state.first_sequence + state.last_sequence.saturating_sub(state.first_sequence) / 4;
        let Some(at) = published(&stream, quarter, "raw.>").await? else { return Ok(false) };
        let mut keep_from = published(&stream, state.last_sequence, "raw.>").await?;
        for unread in self.oldest_unread(&stream).await? {
            keep_from = keep_from.map(|keep| keep.min(unread));
        }
        if keep_from.is_none_or(|keep| at + margin >= keep) {
            return Ok(false);
        }
        let removed = stream.purge().sequence(quarter).await.map_err(BusError::unavailable)?;
        info!(stream.removed = removed.purged, "Removed the oldest messages of RAW, which every adapter had read.");
        Ok(true)
    }

    /// When the oldest unread message of each adapter was published.
    async fn oldest_unread(&self, stream: &Stream) -> Result<Vec<Published>, BusError> {
        let mut oldest = Vec::new();
        let mut consumers = stream.consumers();
        while let Some(consumer) = consumers.try_next().await.map_err(BusError::unavailable)? {
            // A reader of the balance has several filters; it is no adapter and may begin again.
            if consumer.config.filter_subject.is_empty() {
                continue;
            }
            if consumer.num_pending > 0 || consumer.num_ack_pending > 0 {
                let next = consumer.ack_floor.stream_sequence + 1;
                // Unread and not to be found: better keep everything.
                oldest.push(published(stream, next, &consumer.config.filter_subject).await?.unwrap_or_default());
            }
        }
        Ok(oldest)
    }

    pub(crate) async fn stream(&self, name: &str) -> Result<Stream, BusError> {
        self.inner.jetstream.get_stream(name).await.map_err(|error| BusError::finding(error, &format!("stream {name}")))
    }
}

/// The time of a message, since 1970.
pub(crate) type Published = Duration;

/// When the first message from a sequence on was published; `None`: there is none.
pub(crate) async fn published(stream: &Stream, sequence: u64, subject: &str) -> Result<Option<Published>, BusError> {
    match stream.raw_message_builder().sequence(sequence).next_by_subject(subject).send().await {
        Ok(message) => Ok(Some(since_1970(message.time.unix_timestamp_nanos()))),
        Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => Err(BusError::unavailable(error)),
    }
}

fn since_1970(nanos: i128) -> Published {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}
