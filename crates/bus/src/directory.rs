//! What adapters with pages need to draw their forms, without the database: a key-value bucket. A city's outline is larger than a message
//! and travels in parts, like a large raw body.

use async_nats::jetstream::{
    message::StreamMessage,
    stream::{DirectGetErrorKind, Stream},
};
use bytes::Bytes;
use model::{DoorDirectory, TraceId};
use sha2::{Digest, Sha256};

use crate::{
    Bus, BusError,
    parts::Parts,
    publish::{fresh_id, headers, hex},
    redirected::genuine,
};

const STREAM: &str = "KV_directory";
const WORDS: &str = "$KV.directory.words";
const OUTLINE: &str = "$KV.directory.outline";
const VERSION: &str = "$KV.directory.version";

impl Bus {
    /// Publishes both, if they differ from what is there. The core does it at its start and when the directory changes.
    pub async fn put_directory(&self, directory: &DoorDirectory, outline_geojson: Bytes) -> Result<(), BusError> {
        let words = Bytes::from(serde_json::to_vec(directory)?);
        let version = hex(&Sha256::new().chain_update(&words).chain_update(&outline_geojson).finalize());
        if self.directory_version().await?.is_some_and(|old| old == version) {
            return Ok(());
        }
        self.replace(OUTLINE, outline_geojson).await?;
        self.replace(WORDS, words).await?;
        // Last: whoever sees the new version finds what belongs to it.
        self.replace(VERSION, version.into()).await
    }

    /// The directory; `None`: the core has not published one yet.
    pub async fn directory(&self) -> Result<Option<DoorDirectory>, BusError> {
        let bytes = self.current(WORDS).await?;
        Ok(bytes.map(|bytes| serde_json::from_slice(&bytes)).transpose()?)
    }

    /// `GeoJSON` of the areas, for the map; `None`: the core has not published it yet.
    pub async fn outline(&self) -> Result<Option<Bytes>, BusError> {
        self.current(OUTLINE).await
    }

    /// Changes whenever directory or outline change. A small question: ask often, and read only when the answer differs from last time.
    pub async fn directory_version(&self) -> Result<Option<String>, BusError> {
        let bytes = self.current(VERSION).await?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    async fn replace(&self, subject: &str, payload: Bytes) -> Result<(), BusError> {
        let old = self.last(subject).await?.and_then(|message| Parts::named_in(Some(&message.headers)));
        let _accepted = self.publish_large(subject, headers(&fresh_id(), TraceId::random()), payload).await?;
        match old {
            Some(parts) => self.drop_parts(STREAM, subject, &parts).await,
            None => Ok(()),
        }
    }

    async fn current(&self, subject: &str) -> Result<Option<Bytes>, BusError> {
        // The parts may be replaced between the look at the head and the reading; the next head names the new ones.
        for _ in 0..3 {
            let Some(message) = self.last(subject).await? else { return Ok(None) };
            let Some(parts) = Parts::named_in(Some(&message.headers)) else { return Ok(Some(message.payload)) };
            if let Some(payload) = self.take_parts(STREAM, subject, &parts).await? {
                return Ok(Some(payload));
            }
        }
        Err(BusError::unavailable("the directory is being replaced"))
    }

    async fn last(&self, subject: &str) -> Result<Option<StreamMessage>, BusError> {
        self.connected().await?;
        let stream: Stream<()> = self.inner.jetstream.get_stream_no_info(STREAM).await.map_err(BusError::refused)?;
        match stream.direct_get_last_for_subject(subject).await {
            Ok(message) => genuine(message).map(Some),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Err(error) => Err(BusError::reading(error, STREAM)),
        }
    }
}
