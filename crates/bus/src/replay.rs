//! Raw messages again, for a newer parser: what the stream RAW still holds of one adapter, and what was made of each then.
//!
//! Beside every raw message the normalizer leaves what its parser made of it, under `raw.<adapter>.made.<hash>`: EVENTS is a work queue and
//! forgets what was read, and an adapter does not see the database. The two live in one stream, so each is kept as long as the other, and
//! the adapter's own credential reads them.

use std::{collections::VecDeque, time::Duration};

use async_nats::{
    HeaderMap,
    datetime::from_nanos,
    jetstream::{
        self,
        consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull},
        stream::DirectGetErrorKind,
    },
};
use bytes::Bytes;
use futures::StreamExt;
use model::{AdapterName, Event, Raw, Timestamp};
use tokio::time::timeout;

use crate::{
    Bus, BusError,
    connect::PATIENCE,
    parts::{self, Parts},
    publish::{headers, raw_id},
    redirected::{self, genuine},
    streams::RAW,
};

/// Messages that are fetched at once.
const AT_ONCE: usize = 64;
/// How long the server remembers a reader that is gone.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(1);
/// A message is stored after its door has taken it; by how much the clocks of the two may differ.
const CLOCKS: Duration = Duration::from_mins(5);

/// The name of an adapter's reader: one at a time.
pub(crate) fn reader(adapter: &AdapterName) -> String {
    format!("replay-{adapter}")
}

/// Where what was made of a raw message is.
fn made(raw: &Raw) -> String {
    let id = raw_id(raw);
    format!("raw.{}.made.{}", raw.adapter, id.trim_start_matches("raw-"))
}

/// One adapter's raw messages in the order in which they were stored, each once. Ends with what was there when it began.
pub struct RawReader {
    bus: Bus,
    adapter: AdapterName,
    consumer: PullConsumer,
    fetched: VecDeque<jetstream::Message>,
    /// Messages that the server has for us yet.
    pending: u64,
}

impl std::fmt::Debug for RawReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RawReader({}, {} left)", self.adapter, self.pending)
    }
}

impl Bus {
    /// Reads an adapter's raw messages again, beginning with those that its door took at `from` (its own reading of them is not touched).
    /// Some that were taken a few minutes before come too: look at [`Raw::received_at`].
    ///
    /// One at a time: a second reader of the same adapter ends the first, which then fails.
    pub async fn raw_since(&self, adapter: &AdapterName, from: Timestamp) -> Result<RawReader, BusError> {
        self.connected().await?;
        let from = from.checked_sub(CLOCKS).unwrap_or(Timestamp::MIN).max(Timestamp::UNIX_EPOCH);
        let start_time = from_nanos(from.as_nanosecond()).map_err(BusError::refused)?;
        let config = pull::Config {
            name: Some(reader(adapter)),
            filter_subject: format!("raw.{adapter}"),
            deliver_policy: DeliverPolicy::ByStartTime { start_time },
            ack_policy: AckPolicy::None,
            inactive_threshold: FORGOTTEN_AFTER,
            ..pull::Config::default()
        };
        let stream = self.inner.jetstream.get_stream_no_info(RAW).await.map_err(BusError::refused)?;
        // What an earlier one left, which knows how far it was read.
        let _none_or_gone = stream.delete_consumer(&reader(adapter)).await;
        let created = self.inner.jetstream.create_consumer_strict_on_stream(config, RAW).await;
        let consumer = created.map_err(|error| BusError::refused(error.to_string()))?;
        let pending = consumer.cached_info().num_pending;
        Ok(RawReader { bus: self.clone(), adapter: adapter.clone(), consumer, fetched: VecDeque::new(), pending })
    }

    /// Keeps what was made of a raw message beside it. The newest counts.
    pub async fn keep_made(&self, raw: &Raw, events: &[Event]) -> Result<(), BusError> {
        let payload = Bytes::from(serde_json::to_vec(events)?);
        let subject = made(raw);
        // The same again soon after is the same: a redelivery leaves no second copy.
        let id = format!("{}-{:08x}", raw_id(raw), checksum(&payload));
        let mut headers = headers(&id, raw.trace);
        if payload.len() <= parts::WHOLE {
            return self.publish(&subject, headers, payload).await.map(drop);
        }
        let parts = self.put_parts(&format!("raw.{}", raw.adapter), payload).await?;
        headers.insert(parts::HEADER, parts.to_string());
        self.publish(&subject, headers, Bytes::new()).await.map(drop)
    }

    /// What was made of a raw message when it was last normalized. `None`: nothing is known; it was parked, or is older than what is kept.
    pub async fn made_of(&self, raw: &Raw) -> Result<Option<Vec<Event>>, BusError> {
        self.connected().await?;
        let stream = self.inner.jetstream.get_stream_no_info(RAW).await.map_err(BusError::refused)?;
        let message = match stream.direct_get_last_for_subject(made(raw)).await {
            Ok(message) => genuine(message)?,
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(BusError::reading(error, RAW)),
        };
        let payload = self.whole_raw(&raw.adapter, Some(&message.headers), message.payload).await?;
        Ok(payload.map(|payload| serde_json::from_slice(&payload)).transpose()?)
    }

    /// A payload beside `raw.<adapter>`, which may travel in parts.
    async fn whole_raw(&self, adapter: &AdapterName, headers: Option<&HeaderMap>, payload: Bytes) -> Result<Option<Bytes>, BusError> {
        match Parts::named_in(headers) {
            Some(parts) => self.take_parts(RAW, &format!("raw.{adapter}"), &parts).await,
            None => Ok(Some(payload)),
        }
    }
}

impl RawReader {
    /// The next one; `None`: that was all. One whose parts are gone is left out with a line in the log.
    pub async fn next(&mut self) -> Result<Option<Raw>, BusError> {
        loop {
            let Some(message) = self.message().await? else { return Ok(None) };
            if message.headers.as_ref().is_some_and(redirected::delivered) {
                tracing::warn!("Left out what nobody published: an answer of the server that somebody had sent here.");
                continue;
            }
            let payload = self.bus.whole_raw(&self.adapter, message.headers.as_ref(), message.payload.clone()).await?;
            let Some(payload) = payload else {
                tracing::warn!("Left out a raw message whose parts are gone.");
                continue;
            };
            return Ok(Some(serde_json::from_slice(&payload)?));
        }
    }

    async fn message(&mut self) -> Result<Option<jetstream::Message>, BusError> {
        if self.fetched.is_empty() && self.pending > 0 {
            self.fetch().await?;
        }
        Ok(self.fetched.pop_front())
    }

    async fn fetch(&mut self) -> Result<(), BusError> {
        let most = usize::try_from(self.pending).unwrap_or(AT_ONCE).min(AT_ONCE);
        let mut batch = self.consumer.fetch().max_messages(most).messages().await.map_err(BusError::unavailable)?;
        while let Some(message) = timeout(PATIENCE, batch.next()).await.map_err(BusError::unavailable)? {
            self.fetched.push_back(message.map_err(BusError::Unavailable)?);
        }
        self.pending = self.pending.saturating_sub(self.fetched.len() as u64);
        if self.fetched.is_empty() {
            // Removed meanwhile, or somebody else began: the server knows which.
            let still = self.consumer.get_info().await.map_err(BusError::refused)?.num_pending;
            self.pending = if still < self.pending { still } else { 0 };
        }
        Ok(())
    }

    /// Ends it, so that another may begin at once; a reader that is only dropped is forgotten by the server a minute later.
    pub async fn close(self) -> Result<(), BusError> {
        let stream = self.bus.inner.jetstream.get_stream_no_info(RAW).await.map_err(BusError::refused)?;
        stream.delete_consumer(&reader(&self.adapter)).await.map(drop).map_err(BusError::unavailable)
    }
}

/// Enough to tell one making from another within the duplicate window.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}
