//! Streams as files, for `muara backup`, and back again, for `muara restore`.
//!
//! A file is a row of records: the length of a head, the head as JSON, the length of the payload, the payload. Lengths are four bytes, the lowest first.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
};

use async_nats::{
    HeaderMap,
    header::{NATS_MESSAGE_ID, NATS_ROLLUP},
    jetstream::{
        consumer::PullConsumer,
        message::StreamMessage,
        object_store::ObjectInfo,
        stream::{DirectGetErrorKind, Stream},
    },
};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use model::AdapterName;
use serde::{Deserialize, Serialize};

use crate::{
    Bus, BusError, Queue,
    consume::durable,
    publish::fresh_id,
    redirected,
    streams::{CURSOR, EVENTS, PARKED, QUARANTINE, RAW, SENT},
};

/// A payload that no server takes is no payload of ours.
const MOST: u32 = 64 << 20;
/// Publishes under way at once.
const PIPELINE: usize = 256;
/// Messages that are acknowledged together.
const TOGETHER: usize = 500;

/// What of the bus is kept. The rest is made anew by whoever needs it, or follows from the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Archive {
    /// What came in, and what was made of it.
    Raw,
    /// What the core has not recorded.
    Events,
    /// What waits for a person.
    Parked,
    /// Files that nobody has looked at.
    Quarantine,
    /// Where pollers stand.
    Cursor,
    /// Which replies were sent.
    Sent,
}

impl Archive {
    /// Every one.
    pub const ALL: [Self; 6] = [Self::Raw, Self::Events, Self::Parked, Self::Quarantine, Self::Cursor, Self::Sent];

    /// Its name in a manifest and of its file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Events => "events",
            Self::Parked => "parked",
            Self::Quarantine => "quarantine",
            Self::Cursor => "cursor",
            Self::Sent => "sent",
        }
    }

    /// Its stream, and all subjects in it.
    fn stream(self) -> (String, String) {
        match self {
            Self::Raw => (RAW.to_owned(), "raw.>".to_owned()),
            Self::Events => (EVENTS.to_owned(), "events.>".to_owned()),
            Self::Parked => (PARKED.to_owned(), "parked.>".to_owned()),
            Self::Quarantine => (format!("OBJ_{QUARANTINE}"), format!("$O.{QUARANTINE}.>")),
            Self::Cursor => (format!("KV_{CURSOR}"), format!("$KV.{CURSOR}.>")),
            Self::Sent => (format!("KV_{SENT}"), format!("$KV.{SENT}.>")),
        }
    }
}

/// All of a message but its payload.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    sequence: u64,
    subject: String,
    headers: Vec<(String, String)>,
}

/// A message of a file.
#[derive(Debug)]
struct Kept {
    head: Head,
    payload: Bytes,
}

/// Up to where each adapter had read RAW.
pub type ReadTo = BTreeMap<AdapterName, u64>;

/// Why a file could not be written or put back.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The bus.
    #[error("the bus did not do its part")]
    Bus(#[from] BusError),
    /// The file.
    #[error("the file could not be read or written")]
    File(#[from] io::Error),
    /// It is not such a file.
    #[error("the file is not one of ours, or torn")]
    Torn,
}

impl Bus {
    /// Writes every message of a stream that comes after a place in it; answers how many they were and the last one's place. What comes in
    /// meanwhile may be among them.
    pub async fn keep(&self, what: Archive, after: u64, out: &mut (dyn Write + Send)) -> Result<(u64, u64), ArchiveError> {
        let (name, subjects) = what.stream();
        let last = self.stream(&name).await?.cached_info().state.last_sequence;
        let stream: Stream<()> = self.inner.jetstream.get_stream_no_info(&name).await.map_err(BusError::refused)?;
        let (mut count, mut place) = (0, after);
        while place < last {
            let message = match stream.direct_get_next_for_subject(subjects.as_str(), Some(place + 1)).await {
                Ok(message) => message,
                Err(error) if error.kind() == DirectGetErrorKind::NotFound => break,
                Err(error) => return Err(BusError::reading(error, &name).into()),
            };
            place = message.sequence;
            if redirected::read(&message) {
                tracing::error!(subject = %message.subject, "Left out of the backup: a copy of an answer under another's name; a credential may be stolen.");
                continue;
            }
            if what == Archive::Quarantine && is_gone(&message) {
                continue;
            }
            let head = Head { sequence: place, subject: message.subject.to_string(), headers: of_publisher(&message.headers) };
            write(out, &head, &message.payload)?;
            count += 1;
        }
        Ok((count, place))
    }

    /// Up to where each of these adapters has read RAW, and acknowledged.
    pub async fn read_to(&self, adapters: impl IntoIterator<Item = AdapterName>) -> Result<ReadTo, BusError> {
        let mut read_to = ReadTo::new();
        for adapter in adapters {
            if let Some(place) = self.raw_read_to(&adapter).await? {
                read_to.insert(adapter, place);
            }
        }
        Ok(read_to)
    }

    /// How many messages a stream holds.
    pub async fn held(&self, what: Archive) -> Result<u64, BusError> {
        Ok(self.stream(&what.stream().0).await?.cached_info().state.messages)
    }

    /// Publishes what a file holds, in its order; answers how many messages.
    pub async fn put_back(&self, from: &mut (dyn Read + Send)) -> Result<u64, ArchiveError> {
        self.put_back_some(from, &|_| true).await
    }

    /// The same of several files, each message once that is in more than one of them.
    pub async fn put_back_once(&self, files: &[&(dyn Fn() -> io::Result<Box<dyn Read + Send>> + Sync)]) -> Result<u64, ArchiveError> {
        let (mut count, mut seen) = (0, std::collections::HashSet::new());
        for open in files {
            let mut places = Vec::new();
            let mut from = open()?;
            while let Some(kept) = read(&mut *from)? {
                places.push(kept.head.sequence);
            }
            count += self.put_back_some(&mut *open()?, &|head| !seen.contains(&head.sequence)).await?;
            seen.extend(places);
        }
        Ok(count)
    }

    /// The same for RAW: what was read is there again as read, and only the rest is given to the adapters.
    pub async fn put_back_raw(
        &self,
        open: &(dyn Fn() -> io::Result<Box<dyn Read + Send>> + Sync),
        read_to: &ReadTo,
    ) -> Result<u64, ArchiveError> {
        let was_read = |head: &Head| {
            let mut words = head.subject.split('.').skip(1);
            let (Some(adapter), None) = (words.next(), words.next()) else { return true };
            adapter.parse().ok().and_then(|adapter: AdapterName| read_to.get(&adapter)).is_some_and(|place| head.sequence <= *place)
        };
        let mut count = self.put_back_some(&mut *open()?, &was_read).await?;
        for adapter in read_to.keys() {
            self.acknowledge_all(adapter).await?;
        }
        count += self.put_back_some(&mut *open()?, &|head| !was_read(head)).await?;
        Ok(count)
    }

    async fn put_back_some(&self, from: &mut (dyn Read + Send), choose: &(dyn Fn(&Head) -> bool + Sync)) -> Result<u64, ArchiveError> {
        let mut count = 0;
        loop {
            let mut some = Vec::with_capacity(PIPELINE);
            let mut read_any = false;
            while some.len() < PIPELINE {
                let Some(kept) = read(from)? else { break };
                read_any = true;
                if choose(&kept.head) {
                    some.push(kept);
                }
            }
            if !read_any {
                return Ok(count);
            }
            count += some.len() as u64;
            let publishes: Vec<_> = some.into_iter().map(|kept| self.publish_kept(kept)).collect();
            stream::iter(publishes).buffered(PIPELINE).try_for_each(|()| std::future::ready(Ok(()))).await?;
        }
    }

    async fn publish_kept(&self, kept: Kept) -> Result<(), BusError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &kept.head.headers {
            headers.append(name.as_str(), value.as_str());
        }
        // The same id may be there twice, from times that lay further apart than the restore takes: none is swallowed, keys absorb them.
        if kept.head.subject.split('.').count() > 2 || headers.get(NATS_MESSAGE_ID).is_none() {
            headers.insert(NATS_MESSAGE_ID, fresh_id());
        }
        self.publish(&kept.head.subject, headers, kept.payload).await.map(|_accepted| ())
    }

    /// Lets an adapter's reader have read all that RAW holds.
    async fn acknowledge_all(&self, adapter: &AdapterName) -> Result<(), BusError> {
        let queue = Queue::Raw(adapter.clone());
        let created = self.inner.jetstream.create_consumer_on_stream(durable(&queue, self.ack_wait), queue.stream()).await;
        let consumer: PullConsumer = created.map_err(|error| BusError::refused(error.to_string()))?;
        loop {
            let mut batch = consumer.fetch().max_messages(TOGETHER).messages().await.map_err(BusError::unavailable)?;
            let mut some = 0;
            while let Some(message) = batch.next().await {
                message.map_err(BusError::Unavailable)?.double_ack().await.map_err(BusError::Unavailable)?;
                some += 1;
            }
            if some == 0 {
                return Ok(());
            }
        }
    }
}

/// What a deleted file leaves behind. Put back behind the file itself it would delete that too.
fn is_gone(message: &StreamMessage) -> bool {
    let described = || serde_json::from_slice::<ObjectInfo>(&message.payload).is_ok_and(|info| info.deleted);
    message.payload.is_empty() || (message.subject.contains(".M.") && described())
}

/// What the publisher said, without what the server adds when it is asked.
fn of_publisher(headers: &HeaderMap) -> Vec<(String, String)> {
    let name_of = |name: &async_nats::HeaderName| name.to_string();
    let all = headers.iter().flat_map(|(name, values)| values.iter().map(move |value| (name_of(name), value.as_str().to_owned())));
    let ours = |name: &str| !name.starts_with("Nats-") || name == NATS_MESSAGE_ID.to_string();
    all.filter(|(name, _)| ours(name) && *name != NATS_ROLLUP.to_string()).collect()
}

fn write(out: &mut (dyn Write + Send), head: &Head, payload: &[u8]) -> io::Result<()> {
    let head = serde_json::to_vec(head)?;
    for part in [&head[..], payload] {
        let len = u32::try_from(part.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        out.write_all(&len.to_le_bytes())?;
        out.write_all(part)?;
    }
    Ok(())
}

/// The next record; `None`: that was all.
fn read(from: &mut (dyn Read + Send)) -> Result<Option<Kept>, ArchiveError> {
    let Some(head) = part(from)? else { return Ok(None) };
    let head = serde_json::from_slice(&head).map_err(|_| ArchiveError::Torn)?;
    let payload = part(from)?.ok_or(ArchiveError::Torn)?;
    Ok(Some(Kept { head, payload: payload.into() }))
}

fn part(from: &mut (dyn Read + Send)) -> Result<Option<Vec<u8>>, ArchiveError> {
    let mut len = [0; 4];
    let mut got = 0;
    while got < len.len() {
        match from.read(&mut len[got..])? {
            0 if got == 0 => return Ok(None),
            0 => return Err(ArchiveError::Torn),
            some => got += some,
        }
    }
    let len = u32::from_le_bytes(len);
    if len > MOST {
        return Err(ArchiveError::Torn);
    }
    let mut bytes = Vec::new();
    let read = from.take(len.into()).read_to_end(&mut bytes)?;
    if read as u64 == u64::from(len) { Ok(Some(bytes)) } else { Err(ArchiveError::Torn) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written_and_a_torn_one_is_none() {
        let head = Head { sequence: 3, subject: "raw.chat".into(), headers: vec![("a".into(), "b".into())] };
        let mut file = Vec::new();
        write(&mut file, &head, b"bytes").expect("memory");
        let kept = read(&mut &file[..]).expect("a record").expect("one");
        assert_eq!((kept.head.sequence, kept.head.subject.as_str(), &kept.payload[..]), (3, "raw.chat", &b"bytes"[..]));
        for cut in 1..file.len() {
            assert!(matches!(read(&mut &file[..cut]), Err(ArchiveError::Torn)), "cut after {cut}");
        }
        assert!(read(&mut &[][..]).expect("nothing").is_none());
        assert!(matches!(read(&mut &[0xff; 8][..]), Err(ArchiveError::Torn)));
    }
}
