//! What was set aside for a person: bytes as they came, with the reason; and the way back.

use async_nats::{
    HeaderMap,
    jetstream::{
        message::StreamMessage,
        stream::{DirectGetErrorKind, Stream},
    },
};
use bytes::Bytes;
use futures::TryStreamExt;
use model::{AdapterName, Event, Raw, Reply, Timestamp, TraceId};
use tracing::info;

use crate::{
    Bus, BusError,
    parts::Parts,
    publish::{TRACEPARENT, fresh_id, headers, message_name, raw_id},
    streams::{PARKED, RAW},
};

const REASON: &str = "Muara-Reason";
const ERROR: &str = "Muara-Error";
const ATTEMPTS: &str = "Muara-Attempts";
/// Parked messages, and not the parts beside them.
const ALL: &str = "parked.*.*";

/// One message that was set aside. `Debug` shows no bytes.
#[derive(Clone)]
pub struct Parked {
    /// Its place in the stream PARKED.
    pub id: u64,
    /// The stream it came from: `RAW`, `EVENTS` or `REPLIES`.
    pub stream: String,
    /// Whose it is.
    pub adapter: AdapterName,
    /// One clause, without personal data.
    pub reason: String,
    /// The causes in one line, outermost first. For a payload that cannot be read it may quote it.
    pub error: String,
    /// When it was set aside.
    pub at: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// Follows it through every log.
    pub trace: TraceId,
    /// The payload as it was. Empty in a list when it is larger than half a mebibyte; [`Bus::parked_one`] brings it whole.
    pub bytes: Bytes,
}

impl Parked {
    /// What it is, the same wherever it goes: hash of a raw message, name of a citizen's message, id of a reply. Empty: nothing that is counted, or its
    /// bytes are not here.
    pub fn name(&self) -> String {
        let name = match self.stream.as_str() {
            "RAW" => serde_json::from_slice(&self.bytes).ok().map(|raw: Raw| raw_id(&raw)),
            "EVENTS" => match serde_json::from_slice(&self.bytes) {
                Ok(Event::Message(inbound)) => Some(message_name(&inbound.key)),
                _ => None,
            },
            "REPLIES" => serde_json::from_slice(&self.bytes).ok().map(|reply: Reply| reply.id.to_string()),
            _ => None,
        };
        name.unwrap_or_default()
    }
}

impl std::fmt::Debug for Parked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Parked({}, {} of {}, {}, {} bytes, {})", self.id, self.stream, self.adapter, self.reason, self.bytes.len(), self.trace)
    }
}

/// What is said about a message when it is set aside.
pub(crate) struct Aside<'a> {
    pub(crate) stream: &'a str,
    /// The subject's second word, whatever a publisher wrote there.
    pub(crate) adapter: &'a str,
    pub(crate) reason: &'a str,
    pub(crate) error: &'a str,
    pub(crate) attempts: u32,
    pub(crate) trace: TraceId,
    pub(crate) payload: Bytes,
}

impl Bus {
    /// What waits for a person, oldest first, after a given one.
    pub async fn parked(&self, after: Option<u64>, most: usize) -> Result<Vec<Parked>, BusError> {
        let stream = self.parked_stream().await?;
        let mut found = Vec::new();
        let mut next = after.map_or(1, |id| id.saturating_add(1));
        while found.len() < most {
            match stream.direct_get_next_for_subject(ALL, Some(next)).await {
                Ok(message) => {
                    next = message.sequence.saturating_add(1);
                    found.push(read(message));
                }
                Err(error) if error.kind() == DirectGetErrorKind::NotFound => break,
                Err(error) => return Err(BusError::reading(error, PARKED)),
            }
        }
        Ok(found)
    }

    /// One of them, with all its bytes; `None`: it is gone.
    pub async fn parked_one(&self, id: u64) -> Result<Option<Parked>, BusError> {
        let Some(message) = self.parked_message(id).await? else { return Ok(None) };
        let whole = self.whole_parked(&message).await?;
        let mut parked = read(message);
        parked.bytes = whole;
        Ok(Some(parked))
    }

    /// Publishes it again where it came from, with a fresh id (the server would swallow the old one within the duplicate window), then
    /// removes it here. `false`: it is gone. Should the removal fail after the publish, a second try publishes it twice, which the readers
    /// recognise.
    pub async fn retry_parked(&self, id: u64) -> Result<bool, BusError> {
        let Some(message) = self.parked_message(id).await? else { return Ok(false) };
        let payload = self.whole_parked(&message).await?;
        let (stream, adapter) = origin(&message);
        let subject = format!("{}.{adapter}", stream.to_ascii_lowercase());
        let headers = headers(&fresh_id(), trace(&message.headers));
        // Only RAW's readers know of parts.
        let _accepted = if stream == RAW {
            self.publish_large(&subject, headers, payload).await?
        } else {
            self.publish(&subject, headers, payload).await?
        };
        info!(trace.id = %trace(&message.headers), "Parked message {id} is on its way again.");
        self.remove(&message).await?;
        Ok(true)
    }

    /// Removes it for good. `false`: it was gone.
    pub async fn drop_parked(&self, id: u64) -> Result<bool, BusError> {
        let Some(message) = self.parked_message(id).await? else { return Ok(false) };
        self.remove(&message).await
    }

    /// How many there are.
    pub async fn parked_count(&self) -> Result<u64, BusError> {
        let stream = self.parked_stream().await?;
        let subjects = stream.info_with_subjects(ALL).await.map_err(BusError::unavailable)?;
        let counts: Vec<(String, usize)> = subjects.try_collect().await.map_err(BusError::unavailable)?;
        Ok(counts.into_iter().map(|(_, count)| u64::try_from(count).unwrap_or(u64::MAX)).sum())
    }

    /// Sets aside what never was in RAW because its door takes nothing so large: it waits for a person as it came. Retried, it goes to its
    /// adapter whatever its size. The same again within [`crate::DUPLICATE_WINDOW`] is there once.
    pub async fn park_raw(&self, raw: &Raw, reason: &str, error: &str) -> Result<(), BusError> {
        let payload = serde_json::to_vec(raw)?.into();
        let aside = Aside { stream: RAW, adapter: raw.adapter.as_str(), reason, error, attempts: 0, trace: raw.trace, payload };
        self.put_aside(aside, &format!("parked-{}", raw_id(raw))).await
    }

    /// Sets a message aside; it may be acknowledged where it came from once this is `Ok`.
    pub(crate) async fn set_aside(&self, aside: Aside<'_>) -> Result<(), BusError> {
        self.put_aside(aside, &fresh_id()).await
    }

    async fn put_aside(&self, aside: Aside<'_>, id: &str) -> Result<(), BusError> {
        let mut headers = headers(id, aside.trace);
        headers.insert(REASON, aside.reason);
        headers.insert(ERROR, aside.error);
        headers.insert(ATTEMPTS, aside.attempts.to_string());
        let subject = format!("parked.{}.{}", aside.stream, aside.adapter);
        self.publish_large(&subject, headers, aside.payload).await.map(|_accepted| ())
    }

    async fn parked_stream(&self) -> Result<Stream<()>, BusError> {
        self.connected().await?;
        self.inner.jetstream.get_stream_no_info(PARKED).await.map_err(BusError::refused)
    }

    async fn parked_message(&self, id: u64) -> Result<Option<StreamMessage>, BusError> {
        if id == 0 {
            // Sequences begin at one; the server calls a question for none malformed, which would look as if it were away.
            return Ok(None);
        }
        match self.parked_stream().await?.direct_get(id).await {
            // A part has a sequence too.
            Ok(message) => Ok(Some(message).filter(|message| message.subject.split('.').count() == 3)),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Err(error) => Err(BusError::reading(error, PARKED)),
        }
    }

    async fn whole_parked(&self, message: &StreamMessage) -> Result<Bytes, BusError> {
        let Some(parts) = Parts::named_in(Some(&message.headers)) else { return Ok(message.payload.clone()) };
        let whole = self.take_parts(PARKED, &message.subject, &parts).await?;
        whole.ok_or_else(|| BusError::unavailable("a part of the message is not there"))
    }

    async fn remove(&self, message: &StreamMessage) -> Result<bool, BusError> {
        let removed = self.parked_stream().await?.delete_message(message.sequence).await.map_err(BusError::unavailable)?;
        if let Some(parts) = Parts::named_in(Some(&message.headers)) {
            self.drop_parts(PARKED, &message.subject, &parts).await?;
        }
        Ok(removed)
    }
}

fn read(message: StreamMessage) -> Parked {
    let (stream, adapter) = origin(&message);
    let header = |name: &str| message.headers.get(name).map(|value| value.as_str().to_owned()).unwrap_or_default();
    Parked {
        id: message.sequence,
        stream: stream.to_owned(),
        adapter: adapter.parse().unwrap_or_else(|_| unknown()),
        reason: header(REASON),
        error: header(ERROR),
        at: Timestamp::from_nanosecond(message.time.unix_timestamp_nanos()).unwrap_or(Timestamp::UNIX_EPOCH),
        attempts: header(ATTEMPTS).parse().unwrap_or(0),
        trace: trace(&message.headers),
        bytes: message.payload,
    }
}

/// The stream and the adapter of `parked.<stream>.<adapter>`.
fn origin(message: &StreamMessage) -> (&str, &str) {
    let mut words = message.subject.split('.').skip(1);
    (words.next().unwrap_or_default(), words.next().unwrap_or_default())
}

/// The trace of a message; a new one for a message that was published by hand.
pub(crate) fn trace(headers: &HeaderMap) -> TraceId {
    headers.get(TRACEPARENT).and_then(|value| TraceId::from_traceparent(value.as_str())).unwrap_or_else(TraceId::random)
}

/// Stands for a name that is none.
pub(crate) fn unknown() -> AdapterName {
    "unknown".parse().expect("lower-case letters are a name")
}
