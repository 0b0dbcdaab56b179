//! What adapters with pages need to draw their forms, without the database: an object store, because a city's outline is larger than a message.

use async_nats::jetstream::object_store::{InfoErrorKind, ObjectStore};
use base64::{Engine, prelude::BASE64_URL_SAFE};
use bytes::Bytes;
use model::DoorDirectory;
use sha2::{Digest, Sha256};

use crate::{
    Bus, BusError,
    blobs::{get, put},
    streams::DIRECTORY,
};

const WORDS: &str = "directory";
const OUTLINE: &str = "outline";

impl Bus {
    /// Publishes both, where they differ from what is there. The core does it at its start and when the directory changes.
    pub async fn put_directory(&self, directory: &DoorDirectory, outline_geojson: Bytes) -> Result<(), BusError> {
        let store = self.directory_store().await?;
        put_changed(store, OUTLINE, &outline_geojson).await?;
        put_changed(store, WORDS, &serde_json::to_vec(directory)?).await
    }

    /// The directory; `None`: the core has not published one yet.
    pub async fn directory(&self) -> Result<Option<DoorDirectory>, BusError> {
        let bytes = get(self.directory_store().await?, WORDS).await?;
        Ok(bytes.map(|bytes| serde_json::from_slice(&bytes)).transpose()?)
    }

    /// `GeoJSON` of the areas, for the map; `None`: the core has not published it yet.
    pub async fn outline(&self) -> Result<Option<Bytes>, BusError> {
        get(self.directory_store().await?, OUTLINE).await
    }

    /// Changes whenever directory or outline change. Two small questions: ask often, and read only when it differs from last time.
    pub async fn directory_version(&self) -> Result<Option<String>, BusError> {
        let store = self.directory_store().await?;
        let (words, outline) = (digest(store, WORDS).await?, digest(store, OUTLINE).await?);
        Ok(words.zip(outline).map(|(words, outline)| format!("{words} {outline}")))
    }

    async fn directory_store(&self) -> Result<&ObjectStore, BusError> {
        self.connected().await?;
        let find = || async {
            self.inner.jetstream.get_object_store(DIRECTORY).await.map_err(|e| BusError::finding(e, "object store `directory`"))
        };
        self.inner.directory.get_or_try_init(find).await
    }
}

async fn put_changed(store: &ObjectStore, name: &str, bytes: &[u8]) -> Result<(), BusError> {
    let new = format!("SHA-256={}", BASE64_URL_SAFE.encode(Sha256::digest(bytes)));
    if digest(store, name).await?.is_some_and(|old| old == new) { Ok(()) } else { put(store, name, bytes).await }
}

async fn digest(store: &ObjectStore, name: &str) -> Result<Option<String>, BusError> {
    match store.info(name).await {
        Ok(info) => Ok(info.digest.filter(|_| !info.deleted)),
        Err(error) if error.kind() == InfoErrorKind::NotFound => Ok(None),
        Err(error) => Err(BusError::unavailable(error)),
    }
}
