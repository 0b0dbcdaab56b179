//! Payloads that are too large for one message travel in parts, under subjects of their own beside the message: `raw.<adapter>.part.<id>.<n>`.
//!
//! Not in an object store, for two reasons. The parts of an adapter's message are readable with that adapter's credential and no
//! other's, because the server restricts reading by subject; and they live in the message's own stream, so that they are kept exactly as
//! long as it is. No consumer's filter matches them; they are read by subject.

use std::{fmt, str::FromStr};

use async_nats::{HeaderMap, jetstream::stream::DirectGetErrorKind};
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, stream};

use crate::{Bus, BusError, publish::fresh_id, redirected::genuine};

/// The largest payload that travels whole. NATS takes 1 MiB by default, headers included.
pub(crate) const WHOLE: usize = 512 * 1024;
/// More than any door takes: who reads a header believes nothing larger.
const MOST: usize = 256 << 20;
/// Names the parts in the message that stands for them.
pub(crate) const HEADER: &str = "Muara-Parts";
/// Parts under way at once: 4 MiB.
const PIPELINE: usize = 8;

/// Where the parts of a payload are: `<id>/<how many>/<bytes together>` in a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parts {
    id: String,
    count: usize,
    bytes: usize,
}

impl Parts {
    /// The parts that a message stands for, if it does.
    pub(crate) fn named_in(headers: Option<&HeaderMap>) -> Option<Self> {
        headers?.get(HEADER)?.as_str().parse().ok()
    }

    /// How many bytes they are together.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    fn subject(&self, beside: &str, index: usize) -> String {
        format!("{beside}.part.{}.{index}", self.id)
    }
}

impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.id, self.count, self.bytes)
    }
}

impl FromStr for Parts {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut fields = text.split('/');
        let mut next = || fields.next().ok_or(());
        let id = next()?.to_owned();
        let count: usize = next()?.parse().map_err(drop)?;
        let bytes: usize = next()?.parse().map_err(drop)?;
        let honest = id.bytes().all(|b| b.is_ascii_alphanumeric()) && bytes.div_ceil(WHOLE) == count && bytes <= MOST;
        if honest { Ok(Self { id, count, bytes }) } else { Err(()) }
    }
}

impl Bus {
    /// Stores a payload in parts beside a subject.
    pub(crate) async fn put_parts(&self, beside: &str, payload: Bytes) -> Result<Parts, BusError> {
        let parts = Parts { id: fresh_id(), count: payload.len().div_ceil(WHOLE), bytes: payload.len() };
        let publish = |index| {
            let part = payload.slice(index * WHOLE..payload.len().min((index + 1) * WHOLE));
            let subject = parts.subject(beside, index);
            async move { self.publish(&subject, HeaderMap::new(), part).await }
        };
        let publishes: Vec<_> = (0..parts.count).map(publish).collect();
        stream::iter(publishes).buffered(PIPELINE).try_for_each(|_accepted| std::future::ready(Ok(()))).await?;
        Ok(parts)
    }

    /// Reads it back; `None`: a part is gone, or has not reached the server that was asked.
    pub(crate) async fn take_parts(&self, stream: &str, beside: &str, parts: &Parts) -> Result<Option<Bytes>, BusError> {
        self.connected().await?;
        let parts_of = self.inner.jetstream.get_stream_no_info(stream).await.map_err(BusError::refused)?;
        let mut reads = stream::iter((0..parts.count).map(|index| parts_of.direct_get_last_for_subject(parts.subject(beside, index))))
            .buffered(PIPELINE);
        let mut payload = BytesMut::with_capacity(parts.bytes.min(WHOLE));
        while let Some(part) = reads.next().await {
            match part {
                Ok(part) => payload.extend_from_slice(&genuine(part)?.payload),
                Err(error) if error.kind() == DirectGetErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(BusError::reading(error, stream)),
            }
        }
        Ok((payload.len() == parts.bytes).then(|| payload.freeze()))
    }

    /// Removes the parts.
    pub(crate) async fn drop_parts(&self, stream: &str, beside: &str, parts: &Parts) -> Result<(), BusError> {
        let stream = self.inner.jetstream.get_stream_no_info(stream).await.map_err(BusError::refused)?;
        stream.purge().filter(format!("{beside}.part.{}.*", parts.id)).await.map(drop).map_err(BusError::unavailable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_survive_their_header() {
        let parts = Parts { id: "0a".into(), count: 2, bytes: WHOLE + 1 };
        assert_eq!(parts.to_string().parse(), Ok(parts));
    }

    #[test]
    fn a_header_that_lies_names_no_parts() {
        for wrong in ["", "a/1", "a/1/x", "a/1000000000/5", "a/2000000000/1048576000000000", "a.>/1/5", "a b/1/5"] {
            assert_eq!(wrong.parse::<Parts>(), Err(()), "{wrong}");
        }
    }
}
