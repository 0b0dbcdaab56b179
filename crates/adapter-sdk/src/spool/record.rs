//! A record on the disk: `mark · crc · length · payload`, the payload being `head length · head as JSON · body`.
//!
//! The head begins with the door's number of the record, in a place of its own length: the writer fills it in when it writes, so that
//! numbers have no gap that is nobody's loss. The checksum covers length and payload. The mark cannot occur in UTF-8, so after damage the next record is found by looking for it.

use std::io;

use bus::DoorNumber;
use bytes::Bytes;
use model::{AdapterName, Raw, Timestamp, TraceId};
use serde::{Deserialize, Serialize};

/// Begins every record.
pub(super) const MARK: [u8; 4] = [0xf5, b'M', b'u', 0xff];
/// Begins every segment file; the digit is the version of all this.
pub(super) const MAGIC: [u8; 8] = *b"MUARAS1\n";
/// Mark, checksum, length.
pub(super) const PREFIX: usize = 12;

/// How the head begins, and how many digits follow.
const NUMBER: &[u8] = br#"{"number":""#;
const DIGITS: usize = 20;

/// All of a [`Raw`] but its body.
#[derive(Serialize, Deserialize)]
struct Head<'a> {
    // The first: it is filled in where it stands.
    #[serde(default)]
    number: std::borrow::Cow<'a, str>,
    #[serde(default)]
    door: std::borrow::Cow<'a, str>,
    adapter: AdapterName,
    received_at: Timestamp,
    trace: TraceId,
    #[serde(default)]
    query: std::borrow::Cow<'a, str>,
    #[serde(default)]
    headers: std::borrow::Cow<'a, [(String, String)]>,
}

/// A record as it is written; the body is not copied.
#[derive(Debug)]
pub(super) struct Encoded {
    /// Everything before the body.
    pub(super) start: Vec<u8>,
    pub(super) body: Bytes,
    /// Checksum and length of what follows the number.
    rest: (u32, u64),
}

impl Encoded {
    pub(super) fn len(&self) -> u64 {
        (self.start.len() + self.body.len()) as u64
    }

    /// Gives it its number at the door. The body is not read again.
    pub(super) fn set_number(&mut self, number: u64) {
        let place = PREFIX + 4 + NUMBER.len();
        let digits = format!("{number:0DIGITS$}");
        self.start[place..place + DIGITS].copy_from_slice(digits.as_bytes());
        let mut crc = crc32fast::Hasher::new();
        crc.update(&self.start[8..place + DIGITS]);
        crc.combine(&crc32fast::Hasher::new_with_initial_len(self.rest.0, self.rest.1));
        self.start[4..8].copy_from_slice(&crc.finalize().to_le_bytes());
    }

    pub(super) fn to_vec(&self) -> Vec<u8> {
        [&self.start[..], &self.body[..]].concat()
    }
}

/// A record of this door, which has no number yet.
pub(super) fn encode(raw: &Raw, door: &str) -> io::Result<Encoded> {
    let head = Head {
        number: "00000000000000000000".into(),
        door: door.into(),
        adapter: raw.adapter.clone(),
        received_at: raw.received_at,
        trace: raw.trace,
        query: raw.query.as_str().into(),
        headers: raw.headers.as_slice().into(),
    };
    let mut start = vec![0; PREFIX + 4];
    serde_json::to_writer(&mut start, &head)?;
    let too_large = |_| io::Error::new(io::ErrorKind::FileTooLarge, "a record of more than 4 GiB");
    let head_len = u32::try_from(start.len() - PREFIX - 4).map_err(too_large)?;
    let payload_len = u32::try_from(start.len() - PREFIX + raw.body.len()).map_err(too_large)?;
    start[PREFIX..PREFIX + 4].copy_from_slice(&head_len.to_le_bytes());
    start[8..PREFIX].copy_from_slice(&payload_len.to_le_bytes());
    start[..4].copy_from_slice(&MARK);
    let mut rest = crc32fast::Hasher::new();
    rest.update(&start[PREFIX + 4 + NUMBER.len() + DIGITS..]);
    rest.update(&raw.body);
    let after = start.len() - (PREFIX + 4 + NUMBER.len() + DIGITS) + raw.body.len();
    let mut encoded = Encoded { start, body: raw.body.clone(), rest: (rest.finalize(), after as u64) };
    encoded.set_number(0);
    Ok(encoded)
}

/// The length of the payload that a prefix announces; `None` when it is no prefix.
pub(super) fn payload_len(prefix: &[u8; PREFIX]) -> Option<u32> {
    let (mark, rest) = prefix.split_first_chunk::<4>()?;
    (*mark == MARK).then_some(u32::from_le_bytes(*rest.last_chunk::<4>()?))
}

/// Reads a payload; `None` when the checksum does not fit, or it is not what we write.
pub(super) fn decode(prefix: &[u8; PREFIX], payload: &Bytes) -> Option<(Raw, Option<DoorNumber>)> {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&prefix[8..]);
    crc.update(payload);
    if crc.finalize().to_le_bytes() != prefix[4..8] {
        return None;
    }
    let (head_len, rest) = payload.split_first_chunk::<4>()?;
    let head_len = usize::try_from(u32::from_le_bytes(*head_len)).ok()?;
    let head: Head<'_> = serde_json::from_slice(rest.get(..head_len)?).ok()?;
    // 0 and nothing: of a release that did not number.
    let number = head.number.parse().ok().filter(|number| *number > 0 && !head.door.is_empty());
    let number = number.map(|number| DoorNumber { door: head.door.as_ref().into(), number });
    let raw = Raw {
        adapter: head.adapter,
        received_at: head.received_at,
        trace: head.trace,
        query: head.query.into_owned(),
        headers: head.headers.into_owned(),
        body: payload.slice(4 + head_len..),
    };
    Some((raw, number))
}
