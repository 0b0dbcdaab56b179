//! Streams and buckets: their names, what they keep and for how long, and the one function that creates them.
//!
//! A limit refuses what is new rather than dropping what is old: a full bus is noticed (doors spool, then answer 503),
//! a dropped complaint is not. FILES and `sent` drop their oldest: what is lost with it is little, and what a refusal would hold up is every answer.
//! [`Bus::keep_house`] makes room in RAW, by removing what every adapter has read.

use std::time::Duration;

use async_nats::jetstream::{
    ErrorCode,
    context::{AccountError, AccountErrorKind},
    stream::{Config, DiscardPolicy, Info, RetentionPolicy},
};
use tracing::{debug, warn};

use crate::{Bus, BusError, error::says_not_found};

/// What came in through the doors: `raw.<adapter>`, kept 14 days for replay.
pub(crate) const RAW: &str = "RAW";
/// What adapters tell the core: `events.<adapter>`, until acknowledged.
pub(crate) const EVENTS: &str = "EVENTS";
/// What the core tells adapters: `replies.<adapter>`, until acknowledged.
pub(crate) const REPLIES: &str = "REPLIES";
/// What waits for a person: `parked.<stream>.<adapter>`, 90 days.
pub(crate) const PARKED: &str = "PARKED";

/// Files that go along with replies: `files.<adapter>.>`, 7 days.
pub(crate) const FILES: &str = "FILES";

/// Key-value: where pollers stand.
pub(crate) const CURSOR: &str = "cursor";
/// Key-value: reply id to the platform's id.
pub(crate) const SENT: &str = "sent";
/// Key-value: what adapters say about themselves.
pub(crate) const ANNOUNCED: &str = "announced";
/// Object store: attachments nobody has looked at yet.
pub(crate) const QUARANTINE: &str = "quarantine";
/// Key-value: what adapters with pages need for their forms.
pub(crate) const DIRECTORY: &str = "directory";

/// A publish that is repeated within this time, with the same id, is answered [`crate::Accepted::Duplicate`].
pub const DUPLICATE_WINDOW: Duration = Duration::from_mins(2);

const DAY: Duration = Duration::from_hours(24);
const MIB: i64 = 1024 * 1024;
/// Smaller streams are of no use: RAW would have 64 MiB, and the disk is too small for Muara.
const SMALLEST_SHARE: i64 = 64;

/// Every stream with its usual size, 16 GiB together.
pub(crate) fn streams() -> Vec<Config> {
    let work = |name: &str, subject: &str, mib: i64| Config {
        retention: RetentionPolicy::WorkQueue,
        duplicate_window: DUPLICATE_WINDOW,
        ..stream(name, &[subject], mib)
    };
    vec![
        Config { max_age: 14 * DAY, duplicate_window: DUPLICATE_WINDOW, ..stream(RAW, &["raw.>"], 4096) },
        work(EVENTS, "events.>", 2048),
        work(REPLIES, "replies.>", 512),
        Config { max_age: 90 * DAY, ..stream(PARKED, &["parked.>"], 1024) },
        // A file that is dropped early costs one reply its photo, and its words have the link to it; a full stream would cost all of them.
        Config { max_age: 7 * DAY, discard: DiscardPolicy::Old, ..stream(FILES, &["files.>"], 512) },
        bucket(CURSOR, 64, Duration::ZERO),
        // A mark that is dropped early costs at worst one reply sent twice, a full bucket would cost all of them.
        Config { discard: DiscardPolicy::Old, ..bucket(SENT, 512, 30 * DAY) },
        bucket(ANNOUNCED, 16, 30 * DAY),
        objects(QUARANTINE, 8192, 14 * DAY),
        bucket(DIRECTORY, 256, Duration::ZERO),
    ]
}

fn stream(name: &str, subjects: &[&str], mib: i64) -> Config {
    Config {
        name: name.to_owned(),
        subjects: subjects.iter().map(|subject| (*subject).to_owned()).collect(),
        discard: DiscardPolicy::New,
        max_bytes: mib * MIB,
        // Lets parts and parked messages be read by subject, which the server can restrict to one adapter.
        allow_direct: true,
        ..Config::default()
    }
}

/// A key-value bucket is a stream that keeps the last message of each subject (NATS's ADR-8).
fn bucket(name: &str, mib: i64, max_age: Duration) -> Config {
    Config {
        max_messages_per_subject: 1,
        max_age,
        allow_rollup: true,
        deny_delete: true,
        ..stream(&format!("KV_{name}"), &[&format!("$KV.{name}.>")], mib)
    }
}

/// An object store is a stream of chunks and descriptions (NATS's ADR-20).
fn objects(name: &str, mib: i64, max_age: Duration) -> Config {
    Config { max_age, allow_rollup: true, ..stream(&format!("OBJ_{name}"), &[&format!("$O.{name}.C.>"), &format!("$O.{name}.M.>")], mib) }
}

impl Bus {
    /// Creates or updates every stream and bucket: RAW, EVENTS, REPLIES, PARKED, FILES, `cursor`, `sent`, `announced`, `directory`, `quarantine`.
    /// Idempotent. The core alone calls it, at its start; programs that start together do it one after another.
    ///
    /// The size of a stream that is there already is left alone: whoever changed it with `nats stream edit` knows the disk. New ones that
    /// do not all fit the server's storage are made half as large, and half again; with them those that are empty and of a size that only
    /// this function gives, which somebody made who did not come to the end.
    ///
    /// # Errors
    /// [`BusError::NoJetStream`]; [`BusError::Full`] when not even the smallest sizes fit.
    pub async fn ensure(&self) -> Result<(), BusError> {
        self.connected().await?;
        self.inner.jetstream.query_account().await.map_err(without_jetstream)?;
        let turn = self.turn().await?;
        let done = self.put_streams_that_fit().await;
        turn.end().await;
        done
    }

    async fn put_streams_that_fit(&self) -> Result<(), BusError> {
        let mut wanted = Vec::new();
        for config in streams() {
            let found = self.find(&config.name).await?;
            wanted.push((Config { num_replicas: self.inner.replicas, ..config }, found));
        }
        let whole = wanted.iter().all(|(_, found)| found.is_some());
        let mut share = 1;
        while let Err(error) = self.put_streams(&wanted, whole, share).await {
            if !matches!(error, BusError::Full(_)) || share >= SMALLEST_SHARE {
                return Err(error);
            }
            share *= 2;
        }
        if share > 1 {
            warn!("The server's storage is small: new streams have 1/{share} of their usual size.");
        }
        Ok(())
    }

    async fn find(&self, name: &str) -> Result<Option<Info>, BusError> {
        match self.inner.jetstream.get_stream(name).await {
            Ok(found) => Ok(Some(found.cached_info().clone())),
            Err(error) if says_not_found(&error) => Ok(None),
            Err(error) => Err(BusError::unavailable(error)),
        }
    }

    async fn put_streams(&self, wanted: &[(Config, Option<Info>)], whole: bool, share: i64) -> Result<(), BusError> {
        // What becomes smaller first makes room for what is new.
        let (found, new): (Vec<_>, Vec<_>) = wanted.iter().partition(|(_, found)| found.is_some());
        for (usual, found) in found.into_iter().chain(new) {
            let mut config = usual.clone();
            config.max_bytes /= share;
            if let Some(found) = found {
                let unfinished = !whole && found.state.messages == 0 && is_share(found.config.max_bytes, usual.max_bytes);
                config.max_bytes = if unfinished { config.max_bytes.min(found.config.max_bytes) } else { found.config.max_bytes };
                config.placement.clone_from(&found.config.placement);
            }
            let name = config.name.clone();
            self.inner.jetstream.create_or_update_stream(config).await.map_err(BusError::creating)?;
            debug!("Stream {name} is as it should be.");
        }
        Ok(())
    }
}

/// Whether a size is one that [`Bus::ensure`] gives.
fn is_share(bytes: i64, usual: i64) -> bool {
    std::iter::successors(Some(1), |share| Some(share * 2)).take_while(|share| *share <= SMALLEST_SHARE).any(|share| usual / share == bytes)
}

fn without_jetstream(error: AccountError) -> BusError {
    match error.kind() {
        AccountErrorKind::JetStreamUnavailable => BusError::NoJetStream,
        AccountErrorKind::JetStream(said) if said.error_code() == ErrorCode::JETSTREAM_NOT_ENABLED => BusError::NoJetStream,
        _ => BusError::unavailable(error),
    }
}
