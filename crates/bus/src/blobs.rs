//! Quarantine: attachments that nobody has looked at yet, for 14 days.
//!
//! An object store as NATS describes it (ADR-20), so that its tools can look in. Written here by hand and not by the client's own `put`: that one
//! asks the server about the whole store first, and who may ask that may list every attachment in it. The chunks of a file lie below its
//! owner's name, so that nobody can write into another's.

use std::io;

use async_nats::{
    HeaderMap,
    header::NATS_ROLLUP,
    jetstream::object_store::{GetErrorKind, ObjectInfo, ObjectOptions, ObjectStore},
};
use base64::{Engine, prelude::BASE64_URL_SAFE};
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

/// The size of a chunk that NATS's own clients use.
const CHUNK: usize = 128 * 1024;
/// More than any door takes. Who wrote a file into quarantine says how large it is, and need not tell the truth.
const MOST: usize = 256 << 20;

impl Bus {
    /// Keeps bytes in quarantine; the answer is always [`Content::Quarantined`], with their size and SHA-256.
    pub async fn put_blob(&self, bytes: Bytes) -> Result<Content, BusError> {
        let id = format!("{}.{}", self.inner.owner, fresh_id());
        let sha256 = Sha256::digest(&bytes);
        let mut chunks = 0;
        for start in (0..bytes.len()).step_by(CHUNK) {
            let chunk = bytes.slice(start..bytes.len().min(start + CHUNK));
            let _accepted = self.publish(&chunks_of(&id), HeaderMap::new(), chunk).await?;
            chunks += 1;
        }
        let digest = Some(format!("SHA-256={}", BASE64_URL_SAFE.encode(sha256)));
        self.describe(&ObjectInfo { size: bytes.len(), chunks, digest, ..info(&id) }).await?;
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(Content::Quarantined { blob: BlobId(id), bytes: size, sha256: hex(&sha256) })
    }

    /// Reads them, without removing them; `None`: they are gone, or more than any door takes.
    pub async fn take_blob(&self, id: &BlobId) -> Result<Option<Bytes>, BusError> {
        get(self.quarantine().await?, &id.0).await
    }

    /// Removes them; it is no error that they are gone.
    pub async fn delete_blob(&self, id: &BlobId) -> Result<(), BusError> {
        // Ids come in events, from outside; what is not one of ours names nothing.
        if !is_ours(&id.0) {
            return Ok(());
        }
        self.describe(&ObjectInfo { deleted: true, ..info(&id.0) }).await?;
        // An empty message takes the place of all chunks.
        self.publish(&chunks_of(&id.0), in_place_of_all(), Bytes::new()).await.map(|_accepted| ())
    }

    async fn describe(&self, info: &ObjectInfo) -> Result<(), BusError> {
        let subject = format!("$O.{QUARANTINE}.M.{}", BASE64_URL_SAFE.encode(&info.name));
        self.publish(&subject, in_place_of_all(), serde_json::to_vec(info)?.into()).await.map(|_accepted| ())
    }

    async fn quarantine(&self) -> Result<&ObjectStore, BusError> {
        self.connected().await?;
        let find = || async {
            self.inner.jetstream.get_object_store(QUARANTINE).await.map_err(|error| BusError::finding(error, "object store `quarantine`"))
        };
        self.inner.quarantine.get_or_try_init(find).await
    }
}

fn info(id: &str) -> ObjectInfo {
    ObjectInfo {
        name: id.to_owned(),
        description: None,
        metadata: std::collections::HashMap::new(),
        headers: None,
        options: Some(ObjectOptions { link: None, max_chunk_size: Some(CHUNK) }),
        bucket: QUARANTINE.to_owned(),
        nuid: id.to_owned(),
        size: 0,
        chunks: 0,
        modified: None,
        digest: None,
        deleted: false,
    }
}

fn chunks_of(id: &str) -> String {
    format!("$O.{QUARANTINE}.C.{id}")
}

/// The server removes what the subject held before.
fn in_place_of_all() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_ROLLUP, "sub");
    headers
}

/// `<owner>.<random>`, in characters that mean nothing to the server.
fn is_ours(id: &str) -> bool {
    let word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    id.split_once('.').is_some_and(|(owner, random)| word(owner) && word(random))
}

async fn get(store: &ObjectStore, name: &str) -> Result<Option<Bytes>, BusError> {
    // What says that it is a link to itself would be followed for ever.
    let mut object = match timeout(PATIENCE, store.get(name)).await.map_err(BusError::unavailable)? {
        Ok(object) => object,
        Err(error) if error.kind() == GetErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(BusError::unavailable(error)),
    };
    if object.info().deleted {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(object.info().size.min(MOST));
    // Each read brings one chunk: what does not come in this time does not come at all, because it was replaced meanwhile.
    while timeout(PATIENCE, object.read_buf(&mut bytes)).await.map_err(BusError::unavailable)?.map_err(broken)? > 0 {
        if bytes.len() > MOST {
            return Ok(None);
        }
    }
    Ok(Some(bytes.into()))
}

fn broken(error: io::Error) -> BusError {
    BusError::unavailable(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_from_outside_names_one_subject_or_nothing() {
        assert!(is_ours("adapter-whatsapp.0123456789abcdef"));
        for id in ["", "0123", "a.b.c", "a.>", "*.b", ".b", "a.", "a b.c", "a.$x"] {
            assert!(!is_ours(id), "{id}");
        }
    }
}
