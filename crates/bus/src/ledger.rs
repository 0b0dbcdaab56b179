//! The stream RAW as a ledger: what each door took, by its numbers, and what was made of it. Read for the balance, by the core alone.
//!
//! A door gives every message that it says yes to the next number. It travels in the header `Muara-Taken: <door>/<number>/<seconds since 1970>`, so a
//! number that never comes names itself. What the server knew already (a platform delivered it twice) is not stored a second time: the door leaves a
//! note of its numbers under `raw.<adapter>.made.again`. What the parser made of a message lies under `raw.<adapter>.made.<hash>` (see `replay`).

use std::{collections::VecDeque, fmt, sync::Arc, time::Duration};

use async_nats::{
    datetime::from_nanos,
    header::NATS_MESSAGE_ID,
    jetstream::{
        self,
        consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull},
        context::ConsumerInfoErrorKind,
        stream::DirectGetErrorKind,
    },
};
use bytes::Bytes;
use futures::StreamExt;
use model::{AdapterName, Event, Timestamp, TraceId};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::{
    Bus, BusError,
    connect::PATIENCE,
    parked,
    parts::Parts,
    publish::{fresh_id, headers},
    redirected::{self, genuine},
    streams::RAW,
};

/// Names door, number and time of a raw message.
pub(crate) const TAKEN: &str = "Muara-Taken";
/// The last word of the subject where a door notes what the server knew already. No hash is written so.
const AGAIN: &str = "again";
/// How each raw message's id begins; one that a person sent on its road again has another.
const RAW_ID: &str = "raw-";
/// Messages that are fetched at once.
const AT_ONCE: usize = 256;
/// How long the server remembers a reader that is gone.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(1);
/// A message is stored after its door has taken it; by how much the clocks of the two may differ.
const CLOCKS: Duration = Duration::from_mins(5);
/// A door's name and number are short, whoever writes them.
const LONGEST_DOOR: usize = 64;

/// A message's number at the door that took it: 1, 2, 3, … as long as the door's spool lives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DoorNumber {
    /// The door's name: `<seconds since 1970 when it was made, in hex>-<random>`. Another spool is another door.
    pub door: Arc<str>,
    /// The number.
    pub number: u64,
}

/// `67f2c1a0-5b2e…#17`
impl fmt::Display for DoorNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.door, self.number)
    }
}

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its place in RAW.
    pub sequence: u64,
    /// When it was stored there.
    pub stored_at: Timestamp,
    /// What it says.
    pub what: What,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// A raw message.
    Raw {
        /// Hash of its bytes: [`crate::raw_hash`].
        hash: String,
        /// Its number; `None`: its door does not number.
        number: Option<DoorNumber>,
        /// When the door took it; where that is not said, when it was stored.
        taken_at: Timestamp,
        /// Follows it through every log.
        trace: TraceId,
    },
    /// What was made of a raw message.
    Made {
        /// Of which.
        hash: String,
        /// The events; their files are not fetched yet.
        events: Vec<Event>,
    },
    /// Numbers of a door whose bytes the server knew already, each with the time when the door took it.
    Again {
        /// Which door.
        door: Arc<str>,
        /// Number and time.
        numbers: Vec<(u64, Timestamp)>,
    },
}

/// What a door says the server knew already.
#[derive(Serialize, Deserialize)]
struct Known {
    door: Arc<str>,
    /// Number, and seconds since 1970.
    numbers: Vec<(u64, i64)>,
}

/// The header of a raw message with this number.
pub(crate) fn taken(number: &DoorNumber, at: Timestamp) -> String {
    format!("{}/{}/{}", number.door, number.number, at.as_second())
}

/// What a door may call itself, and its numbers: whoever reads them writes them into tables.
fn is_number_of(door: &str, number: u64) -> bool {
    let named = !door.is_empty() && door.len() <= LONGEST_DOOR && door.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    named && number > 0 && i64::try_from(number).is_ok_and(|number| number < i64::MAX)
}

fn read_taken(text: &str) -> Option<(DoorNumber, Timestamp)> {
    let mut words = text.split('/');
    let (door, number, at) = (words.next()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let fits = is_number_of(door, number) && words.next().is_none();
    fits.then_some((DoorNumber { door: door.into(), number }, Timestamp::from_second(at).ok()?))
}

/// Reads an adapter's part of RAW in the order in which it was stored. Ends with what was there when it began.
pub struct LedgerReader {
    bus: Bus,
    adapter: AdapterName,
    name: String,
    consumer: PullConsumer,
    fetched: VecDeque<jetstream::Message>,
    pending: u64,
}

impl fmt::Debug for LedgerReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LedgerReader({}, {} left)", self.adapter, self.pending)
    }
}

impl Bus {
    /// Notes numbers of an adapter's door whose bytes the server answered [`crate::Accepted::Duplicate`] for.
    pub async fn note_known(&self, adapter: &AdapterName, numbers: &[(&DoorNumber, Timestamp)]) -> Result<(), BusError> {
        let mut rest = numbers;
        while let Some((first, _)) = rest.first() {
            let (same, others) = rest.split_at(rest.iter().take_while(|(number, _)| number.door == first.door).count());
            let numbers = same.iter().map(|(number, at)| (number.number, at.as_second())).collect();
            let payload = serde_json::to_vec(&Known { door: first.door.clone(), numbers })?.into();
            let subject = format!("raw.{adapter}.made.{AGAIN}");
            let _accepted = self.publish(&subject, headers(&fresh_id(), TraceId::random()), payload).await?;
            rest = others;
        }
        Ok(())
    }

    /// Reads an adapter's ledger, beginning with what its door took at `from`. Some that was taken a few minutes before comes too. Nobody else's
    /// reading is touched.
    pub async fn ledger_since(&self, adapter: &AdapterName, from: Timestamp) -> Result<LedgerReader, BusError> {
        self.connected().await?;
        let from = from.checked_sub(CLOCKS).unwrap_or(Timestamp::MIN).max(Timestamp::UNIX_EPOCH);
        let start_time = from_nanos(from.as_nanosecond()).map_err(BusError::refused)?;
        let name = format!("balance-{adapter}-{}", fresh_id());
        let config = pull::Config {
            name: Some(name.clone()),
            filter_subjects: vec![format!("raw.{adapter}"), format!("raw.{adapter}.made.*")],
            deliver_policy: DeliverPolicy::ByStartTime { start_time },
            ack_policy: AckPolicy::None,
            inactive_threshold: FORGOTTEN_AFTER,
            ..pull::Config::default()
        };
        let created = self.inner.jetstream.create_consumer_strict_on_stream(config, RAW).await;
        let consumer = created.map_err(|error| BusError::refused(error.to_string()))?;
        let pending = consumer.cached_info().num_pending;
        Ok(LedgerReader { bus: self.clone(), adapter: adapter.clone(), name, consumer, fetched: VecDeque::new(), pending })
    }

    /// What was made of the raw message with this hash; `None`: nothing is known of it.
    pub async fn made_of_hash(&self, adapter: &AdapterName, hash: &str) -> Result<Option<Vec<Event>>, BusError> {
        self.connected().await?;
        let stream = self.inner.jetstream.get_stream_no_info(RAW).await.map_err(BusError::refused)?;
        let message = match stream.direct_get_last_for_subject(format!("raw.{adapter}.made.{}", hash.trim_start_matches(RAW_ID))).await {
            Ok(message) => genuine(message)?,
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(BusError::reading(error, RAW)),
        };
        self.read_made(adapter, Parts::named_in(Some(&message.headers)), message.payload).await
    }

    /// Up to where in RAW an adapter's messages were all read and acknowledged; `None`: it never read.
    pub async fn raw_read_to(&self, adapter: &AdapterName) -> Result<Option<u64>, BusError> {
        let stream = self.stream(RAW).await?;
        match stream.consumer_info(crate::Queue::Raw(adapter.clone()).durable()).await {
            // With nothing left to do the floor may lie behind messages of others.
            Ok(info) if info.num_pending == 0 && info.num_ack_pending == 0 => Ok(Some(info.delivered.stream_sequence)),
            Ok(info) => Ok(Some(info.ack_floor.stream_sequence)),
            Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => Ok(None),
            Err(error) => Err(BusError::unavailable(error)),
        }
    }

    /// Whether RAW still holds its first message.
    pub async fn raw_is_whole(&self) -> Result<bool, BusError> {
        Ok(self.stream(RAW).await?.cached_info().state.first_sequence <= 1)
    }

    /// When the oldest message that RAW still holds was stored; `None`: it holds none.
    pub async fn raw_begins(&self) -> Result<Option<Timestamp>, BusError> {
        let stream = self.stream(RAW).await?;
        let state = &stream.cached_info().state;
        Ok((state.messages > 0).then(|| Timestamp::from_nanosecond(state.first_timestamp.unix_timestamp_nanos()).unwrap_or_default()))
    }

    /// Takes one message out of RAW, as an accident would. For tests of the balance.
    #[doc(hidden)]
    pub async fn forget_raw(&self, sequence: u64) -> Result<bool, BusError> {
        let stream = self.inner.jetstream.get_stream_no_info(RAW).await.map_err(BusError::refused)?;
        stream.delete_message(sequence).await.map_err(BusError::unavailable)
    }

    async fn read_made(&self, adapter: &AdapterName, parts: Option<Parts>, payload: Bytes) -> Result<Option<Vec<Event>>, BusError> {
        let payload = match parts {
            Some(parts) => self.take_parts(RAW, &format!("raw.{adapter}"), &parts).await?,
            None => Some(payload),
        };
        let Some(payload) = payload else { return Ok(None) };
        match serde_json::from_slice(&payload) {
            Ok(events) => Ok(Some(events)),
            // Of a newer release, or rubbish: one line, and no reason to count nothing else.
            Err(error) => {
                tracing::warn!(%adapter, "What was made of a raw message cannot be read: {error}.");
                Ok(None)
            }
        }
    }
}

impl LedgerReader {
    /// The next line; `None`: that was all. What is no line of it is left out.
    pub async fn next(&mut self) -> Result<Option<Entry>, BusError> {
        loop {
            let Some(message) = self.message().await? else { return Ok(None) };
            if let Some(entry) = self.read(message).await? {
                return Ok(Some(entry));
            }
        }
    }

    async fn read(&self, message: jetstream::Message) -> Result<Option<Entry>, BusError> {
        let info = message.info().map_err(BusError::Unavailable)?;
        let stored_at = Timestamp::from_nanosecond(info.published.unix_timestamp_nanos()).unwrap_or_default();
        let sequence = info.stream_sequence;
        let message = message.message;
        let headers = message.headers.unwrap_or_default();
        if redirected::delivered(&headers) {
            return Ok(None);
        }
        let what = match message.subject.split('.').nth(3) {
            None => {
                let hash = headers.get(NATS_MESSAGE_ID).map(|id| id.as_str().to_owned()).filter(|id| id.starts_with(RAW_ID));
                let Some(hash) = hash else { return Ok(None) };
                let (number, taken_at) = headers.get(TAKEN).and_then(|taken| read_taken(taken.as_str())).unzip();
                What::Raw { hash, number, taken_at: taken_at.unwrap_or(stored_at), trace: parked::trace(&headers) }
            }
            Some(AGAIN) => {
                let Ok(known) = serde_json::from_slice::<Known>(&message.payload) else { return Ok(None) };
                let time = |(number, at): (u64, i64)| (number, Timestamp::from_second(at).unwrap_or(stored_at));
                let ours = |(number, _): &(u64, i64)| is_number_of(&known.door, *number);
                What::Again { numbers: known.numbers.into_iter().filter(ours).map(time).collect(), door: known.door }
            }
            Some(hash) => {
                let hash = format!("{RAW_ID}{hash}");
                match self.bus.read_made(&self.adapter, Parts::named_in(Some(&headers)), message.payload).await? {
                    Some(events) => What::Made { hash, events },
                    None => return Ok(None),
                }
            }
        };
        Ok(Some(Entry { sequence, stored_at, what }))
    }

    async fn message(&mut self) -> Result<Option<jetstream::Message>, BusError> {
        while self.fetched.is_empty() && self.pending > 0 {
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
            // Removed meanwhile: the server knows.
            let still = self.consumer.get_info().await.map_err(BusError::refused)?.num_pending;
            self.pending = if still < self.pending { still } else { 0 };
        }
        Ok(())
    }

    /// Ends it; a reader that is only dropped is forgotten by the server a minute later.
    pub async fn close(self) -> Result<(), BusError> {
        let stream = self.bus.inner.jetstream.get_stream_no_info(RAW).await.map_err(BusError::refused)?;
        stream.delete_consumer(&self.name).await.map(drop).map_err(BusError::unavailable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_header_says_is_read_back_and_anything_else_is_nothing() {
        let number = DoorNumber { door: "67f2c1a0-5b2e".into(), number: 17 };
        let at = Timestamp::from_second(1_795_000_000).expect("a time");
        assert_eq!(read_taken(&taken(&number, at)), Some((number, at)));
        for wrong in ["", "a/1", "a/0/1", "/1/1", "a/x/1", "a/1/x", "a/1/1/1", &format!("{}/1/1", "a".repeat(65)), "a/1/99999999999999"] {
            assert_eq!(read_taken(wrong), None, "{wrong}");
        }
    }
}
