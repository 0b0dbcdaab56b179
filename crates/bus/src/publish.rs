//! What goes onto the bus, each with an id that makes a repetition harmless.

use async_nats::{
    HeaderMap,
    jetstream::{context::PublishAckFuture, message::PublishMessage},
};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use model::{AdapterName, Event, MessageKey, Raw, Receipt, ReceiptState, Reply, TraceId};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{Bus, BusError, DoorNumber, ledger, parts};

/// Publishes under way at once when many are given: enough to hide the way there and back, few enough to be fair to others.
const PIPELINE: usize = 256;
/// The W3C header that carries the trace.
pub(crate) const TRACEPARENT: &str = "traceparent";

/// The bus has it. Only then may a door say yes, or a cursor move.
#[must_use = "only what the bus has taken may be acknowledged to others"]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// Stored now.
    Stored,
    /// It was there already: published lately with the same id.
    Duplicate,
}

/// On its way to the server.
struct Underway {
    ack: PublishAckFuture,
    subject: String,
    bytes: usize,
}

impl Underway {
    /// The server's word for it.
    async fn answered(self) -> Result<Accepted, BusError> {
        let Self { ack, subject, bytes } = self;
        let ack = ack.await.map_err(|error| BusError::publishing(error, &subject, bytes))?;
        Ok(if ack.duplicate { Accepted::Duplicate } else { Accepted::Stored })
    }
}

impl Bus {
    /// Publishes what came in through a door. Its id is a hash of adapter, query and body, so that a platform's own repetition and ours
    /// are both [`Accepted::Duplicate`]. A body of any size: what does not fit one message travels in parts, unseen by the reader.
    pub async fn publish_raw(&self, raw: &Raw) -> Result<Accepted, BusError> {
        self.publish_raw_as(raw, raw_id(raw)).await
    }

    /// The same with a fresh id, for a replay: within the duplicate window the server would swallow the old one.
    pub async fn publish_raw_again(&self, raw: &Raw) -> Result<Accepted, BusError> {
        self.publish_raw_as(raw, fresh_id()).await
    }

    async fn publish_raw_as(&self, raw: &Raw, id: String) -> Result<Accepted, BusError> {
        let payload = json(raw)?;
        self.publish_large(&format!("raw.{}", raw.adapter), headers(&id, raw.trace), payload).await
    }

    /// Publishes one event. Its id is the message's key, or the reply and its state.
    pub async fn publish_event(&self, event: &Event, trace: TraceId, adapter: &AdapterName) -> Result<Accepted, BusError> {
        let id = event_id(event).unwrap_or_else(fresh_id);
        self.publish(&format!("events.{adapter}"), headers(&id, trace), json(event)?).await
    }

    /// Publishes many at once, in this order, and waits for all. An error means that some may be missing: publish all again, the ones that
    /// are there are recognised.
    pub async fn publish_events(&self, events: &[(Event, TraceId)], adapter: &AdapterName) -> Result<(), BusError> {
        let publishes: Vec<_> = events.iter().map(|(event, trace)| self.publish_event(event, *trace, adapter)).collect();
        stream::iter(publishes).buffered(PIPELINE).try_for_each(|_accepted| std::future::ready(Ok(()))).await
    }

    /// Publishes one reply to the adapter that delivers it. Its id is the reply's.
    pub async fn publish_reply(&self, reply: &Reply, trace: TraceId) -> Result<Accepted, BusError> {
        self.publish(&format!("replies.{}", reply.to.adapter), headers(&reply.id.to_string(), trace), json(reply)?).await
    }

    /// Publishes many at once; one answer each, in the same order.
    pub async fn publish_replies(&self, replies: &[(Reply, TraceId)]) -> Vec<Result<Accepted, BusError>> {
        let publishes: Vec<_> = replies.iter().map(|(reply, trace)| self.publish_reply(reply, *trace)).collect();
        stream::iter(publishes).buffered(PIPELINE).collect().await
    }

    /// Publishes many in this order and waits for all; one answer each. Where the bus goes away in the middle the rest is not tried: to be tried
    /// again from there, in the same order.
    /// Each travels with its number at its door, where it has one.
    pub async fn publish_raws(&self, raws: &[(&Raw, Option<&DoorNumber>)]) -> Vec<Result<Accepted, BusError>> {
        let mut underway = Vec::new();
        let mut away = false;
        for (raw, number) in raws {
            let sent = if away { Err(BusError::unavailable("the bus went away before it")) } else { self.send_raw(raw, *number).await };
            away |= matches!(sent, Err(BusError::Unavailable(_)));
            underway.push(sent);
        }
        futures::future::join_all(underway.into_iter().map(|sent| async move { sent?.answered().await })).await
    }

    async fn send_raw(&self, raw: &Raw, number: Option<&DoorNumber>) -> Result<Underway, BusError> {
        let (subject, mut headers, mut payload) = (format!("raw.{}", raw.adapter), headers(&raw_id(raw), raw.trace), json(raw)?);
        if let Some(number) = number {
            headers.insert(ledger::TAKEN, ledger::taken(number, raw.received_at));
        }
        if payload.len() > parts::WHOLE {
            headers.insert(parts::HEADER, self.put_parts(&subject, payload).await?.to_string());
            payload = Bytes::new();
        }
        self.send(&subject, headers, payload).await
    }

    /// One message of any size, where the reader knows of parts.
    pub(crate) async fn publish_large(&self, subject: &str, mut headers: HeaderMap, payload: Bytes) -> Result<Accepted, BusError> {
        if payload.len() <= parts::WHOLE {
            return self.publish(subject, headers, payload).await;
        }
        let parts = self.put_parts(subject, payload).await?;
        headers.insert(parts::HEADER, parts.to_string());
        self.publish(subject, headers, Bytes::new()).await
    }

    /// One message, and the server's word that it is stored.
    pub(crate) async fn publish(&self, subject: &str, headers: HeaderMap, payload: Bytes) -> Result<Accepted, BusError> {
        let sent = self.send(subject, headers, payload).await?;
        sent.answered().await
    }

    /// Gives one message to the client, which writes what it is given in order.
    async fn send(&self, subject: &str, headers: HeaderMap, payload: Bytes) -> Result<Underway, BusError> {
        self.connected().await?;
        let (subject, bytes) = (subject.to_owned(), payload.len());
        let message = PublishMessage::build().headers(headers).payload(payload);
        match self.inner.jetstream.send_publish(subject.clone(), message).await {
            Ok(ack) => Ok(Underway { ack, subject, bytes }),
            Err(error) => Err(BusError::publishing(error, &subject, bytes)),
        }
    }
}

pub(crate) fn headers(id: &str, trace: TraceId) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(async_nats::header::NATS_MESSAGE_ID, id);
    headers.insert(TRACEPARENT, trace.traceparent());
    headers
}

/// An id that no other message has.
pub(crate) fn fresh_id() -> String {
    hex(&model::id::random_bytes())
}

fn json(value: &impl Serialize) -> Result<Bytes, BusError> {
    Ok(serde_json::to_vec(value)?.into())
}

/// What is the same for the same bytes of the same adapter, whenever they come: the id of a raw message on the bus.
pub fn raw_hash(raw: &Raw) -> String {
    raw_id(raw)
}

pub(crate) fn raw_id(raw: &Raw) -> String {
    hash("raw", &[raw.adapter.as_str().as_bytes(), raw.query.as_bytes(), &raw.body])
}

/// What names a citizen's message on the bus: the hash of its key.
pub fn message_name(key: &MessageKey) -> String {
    hash("message", &[key.adapter.as_str().as_bytes(), key.account.as_bytes(), key.id.as_bytes()])
}

/// `None`: saying it twice means nothing more than saying it once, and saying it again later must be possible.
fn event_id(event: &Event) -> Option<String> {
    match event {
        Event::Message(inbound) => Some(message_name(&inbound.key)),
        Event::Receipt(receipt) => Some(receipt_id(receipt)),
        Event::Receipts { receipts } => {
            let ids: Vec<String> = receipts.iter().map(receipt_id).collect();
            Some(hash("receipts", &ids.iter().map(String::as_bytes).collect::<Vec<_>>()))
        }
        Event::OptOut { .. } | Event::OptIn { .. } => None,
        Event::Moved { adapter, from, to, at } => {
            let addresses: Vec<String> =
                from.iter().map(ToString::to_string).chain(["to".to_owned()]).chain(to.iter().map(ToString::to_string)).collect();
            let at = at.to_string();
            let said: Vec<&[u8]> =
                [adapter.as_str(), &at].into_iter().chain(addresses.iter().map(String::as_str)).map(str::as_bytes).collect();
            Some(hash("moved", &said))
        }
        Event::Notice(notice) => {
            let at = notice.at.to_string();
            let said = [notice.adapter.as_str(), &notice.account, &notice.subject, &notice.word, &at];
            Some(hash("notice", &said.map(str::as_bytes)))
        }
        Event::Withdrawn { key, .. } => {
            Some(hash("withdrawn", &[key.adapter.as_str().as_bytes(), key.account.as_bytes(), key.id.as_bytes()]))
        }
    }
}

fn receipt_id(receipt: &Receipt) -> String {
    let reply = receipt.reply.map(|reply| reply.to_string()).unwrap_or_default();
    let platform_id = receipt.platform_id.as_deref().unwrap_or_default();
    let code = match &receipt.state {
        ReceiptState::Failed { code, .. } | ReceiptState::WindowClosed { code, .. } => code.as_str(),
        ReceiptState::Sent | ReceiptState::Unknown { .. } | ReceiptState::Delivered | ReceiptState::Read => "",
    };
    let file = receipt.file_refused.as_deref().unwrap_or_default();
    let told = [receipt.adapter.as_str(), &receipt.account, &reply, platform_id, receipt.state.as_str(), code, file];
    hash("receipt", &told.map(str::as_bytes))
}

/// Platforms' ids may hold anything, headers may not; and lengths keep `ab, c` apart from `a, bc`.
fn hash(kind: &str, fields: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    for field in fields {
        hasher.update(u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(field);
    }
    format!("{kind}-{}", hex(&hasher.finalize()))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    format!("{:x}", Bytes::copy_from_slice(bytes))
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::*;

    fn raw(adapter: &str, query: &str, body: &'static [u8]) -> Raw {
        Raw {
            adapter: adapter.parse().expect("a name"),
            received_at: Timestamp::UNIX_EPOCH,
            trace: TraceId::random(),
            query: query.to_owned(),
            headers: Vec::new(),
            body: Bytes::from_static(body),
        }
    }

    #[test]
    fn the_same_bytes_have_the_same_id_whenever_and_however_they_come() {
        assert_eq!(raw_id(&raw("chat", "a=1", b"body")), raw_id(&raw("chat", "a=1", b"body")));
    }

    #[test]
    fn other_bytes_another_query_or_another_adapter_have_another_id() {
        let id = raw_id(&raw("chat", "a=1", b"body"));
        for other in [raw("chat", "a=1", b"bodY"), raw("chat", "a=1b", b"ody"), raw("mail", "a=1", b"body")] {
            assert_ne!(raw_id(&other), id);
        }
    }

    #[test]
    fn each_state_of_a_reply_is_an_event_of_its_own() {
        let receipt = |state| Receipt {
            reply: None,
            platform_id: Some("wamid.1".into()),
            adapter: "chat".parse().expect("a name"),
            account: "1".into(),
            state,
            at: Timestamp::UNIX_EPOCH,
            file_refused: None,
        };
        assert_ne!(receipt_id(&receipt(ReceiptState::Sent)), receipt_id(&receipt(ReceiptState::Read)));
        assert_eq!(receipt_id(&receipt(ReceiptState::Sent)), receipt_id(&receipt(ReceiptState::Sent)));
        let without_photo = Receipt { file_refused: Some("131053: x".into()), ..receipt(ReceiptState::Sent) };
        assert_ne!(receipt_id(&receipt(ReceiptState::Sent)), receipt_id(&without_photo), "it comes later, and is no repetition");
    }
}
