//! Where attachments are kept for good: a folder on a small machine, S3 in a city.

use std::sync::Arc;

use anyhow::Context;
use object_store::{ObjectStore, aws::AmazonS3Builder, local::LocalFileSystem};

use crate::config::{Storage, StorageKind};

/// Opens the store. A folder is made if it is not there; S3 is not asked yet.
pub(crate) fn open(storage: &Storage) -> anyhow::Result<Arc<dyn ObjectStore>> {
    match storage.kind {
        StorageKind::Folder => {
            let folder = &storage.folder;
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
            // A file is synced before we call it kept.
            Ok(Arc::new(LocalFileSystem::new_with_prefix(folder)?.with_automatic_cleanup(true).with_fsync(true)))
        }
        StorageKind::S3 => {
            let mut builder = AmazonS3Builder::new()
                .with_endpoint(&storage.endpoint)
                .with_bucket_name(&storage.bucket)
                .with_region(&storage.region)
                .with_access_key_id(&storage.access_key_id)
                // What speaks like S3 on the same machine; the address says so itself.
                .with_allow_http(storage.endpoint.starts_with("http://"));
            if let Some(secret) = &storage.secret_access_key {
                builder = builder.with_secret_access_key(secret.expose());
            }
            Ok(Arc::new(builder.build().context("the S3 storage is not configured whole")?))
        }
    }
}
