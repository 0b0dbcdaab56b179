//! Where files are kept for long: a folder by default, S3 or what speaks like it by configuration.

use std::{path::PathBuf, sync::Arc};

use object_store::{ObjectStore, aws::AmazonS3Builder, local::LocalFileSystem};
use serde::Deserialize;

/// Where to keep files.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Files {
    /// In this folder, which is made if it is not there. A file is synced before we call it kept.
    Folder(PathBuf),
    /// In a bucket.
    S3(Bucket),
}

/// A bucket of S3 or of something that speaks like it.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// Its name.
    pub bucket: String,
    /// Its region; what speaks like S3 mostly wants `us-east-1`.
    pub region: String,
    /// `https://…` of what speaks like S3; absent for Amazon's own. `http://` is taken as it is: it says so itself.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The key's name.
    pub access_key_id: String,
    /// File that holds the key, and nothing else.
    pub secret_access_key_file: PathBuf,
}

/// Why the storage cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The folder cannot be made or is not one.
    #[error("the folder {folder} for files cannot be used")]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The key's file cannot be read.
    #[error("the key in {file} cannot be read")]
    Key {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The settings make no sense.
    #[error("the storage cannot be set up")]
    Settings(#[from] object_store::Error),
}

/// Opens the storage. Touches the folder or the key's file, never the network.
pub fn open(files: &Files) -> Result<Arc<dyn ObjectStore>, FilesError> {
    match files {
        Files::Folder(folder) => {
            std::fs::create_dir_all(folder).map_err(|source| FilesError::Folder { folder: folder.clone(), source })?;
            Ok(Arc::new(LocalFileSystem::new_with_prefix(folder)?.with_fsync(true)))
        }
        Files::S3(bucket) => Ok(Arc::new(s3(bucket)?)),
    }
}

fn s3(bucket: &Bucket) -> Result<object_store::aws::AmazonS3, FilesError> {
    let file = &bucket.secret_access_key_file;
    let secret = std::fs::read_to_string(file).map_err(|source| FilesError::Key { file: file.clone(), source })?;
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&bucket.bucket)
        .with_region(&bucket.region)
        .with_access_key_id(&bucket.access_key_id)
        .with_secret_access_key(secret.trim());
    if let Some(endpoint) = &bucket.endpoint {
        builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
    }
    Ok(builder.build()?)
}
