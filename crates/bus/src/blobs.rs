//! Quarantine: attachments that nobody has looked at yet, for 14 days.

use std::io;

use async_nats::jetstream::object_store::{DeleteErrorKind, GetErrorKind, ObjectMetadata, ObjectStore};
use bytes::Bytes;
use model::{BlobId, Content};
use sha2::{Digest, Sha256};
use tokio::{io::AsyncReadExt, time::timeout};

use crate::{
    Bus, BusError,
    connect::PATIENCE,
    publish::{fresh_id, hex},
    streams::QUARANTINE,
};

impl Bus {
    /// Keeps bytes in quarantine; the answer is always [`Content::Quarantined`], with their size and SHA-256.
    pub async fn put_blob(&self, bytes: Bytes) -> Result<Content, BusError> {
        let name = fresh_id();
        put(self.quarantine().await?, &name, &bytes).await?;
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(Content::Quarantined { blob: BlobId(name), bytes: size, sha256: hex(&Sha256::digest(&bytes)) })
    }

    /// Reads them, without removing them; `None`: they are gone.
    pub async fn take_blob(&self, id: &BlobId) -> Result<Option<Bytes>, BusError> {
        get(self.quarantine().await?, &id.0).await
    }

    /// Removes them; it is no error that they are gone.
    pub async fn delete_blob(&self, id: &BlobId) -> Result<(), BusError> {
        match self.quarantine().await?.delete(&id.0).await {
            Err(error) if error.kind() != DeleteErrorKind::NotFound => Err(BusError::unavailable(error)),
            _ => Ok(()),
        }
    }

    async fn quarantine(&self) -> Result<&ObjectStore, BusError> {
        self.connected().await?;
        let find = || async {
            self.inner.jetstream.get_object_store(QUARANTINE).await.map_err(|error| BusError::finding(error, "object store `quarantine`"))
        };
        self.inner.quarantine.get_or_try_init(find).await
    }
}

pub(crate) async fn put(store: &ObjectStore, name: &str, mut bytes: &[u8]) -> Result<(), BusError> {
    let meta = ObjectMetadata { name: name.to_owned(), ..ObjectMetadata::default() };
    store.put(meta, &mut bytes).await.map(drop).map_err(BusError::unavailable)
}

pub(crate) async fn get(store: &ObjectStore, name: &str) -> Result<Option<Bytes>, BusError> {
    let mut object = match store.get(name).await {
        Ok(object) => object,
        Err(error) if error.kind() == GetErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(BusError::unavailable(error)),
    };
    if object.info().deleted {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(object.info().size);
    // Each read brings one chunk: what does not come in this time does not come at all, because it was replaced meanwhile.
    while timeout(PATIENCE, object.read_buf(&mut bytes)).await.map_err(BusError::unavailable)?.map_err(broken)? > 0 {}
    Ok(Some(bytes.into()))
}

fn broken(error: io::Error) -> BusError {
    BusError::unavailable(error)
}
