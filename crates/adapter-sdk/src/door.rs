//! The door as pages see it.

use std::sync::Arc;

use axum::{
    http::{StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use model::{BoxError, DoorDirectory, Site, TraceId};

/// Takes raw bytes and keeps them; lends what a form needs to be drawn. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Door {}

impl Door {
    /// Keeps the bytes and these headers (lower-case names) as one `Raw`. `Ok` means they are on the disk: the person may be told.
    /// The trace id follows them through every log.
    pub async fn submit(&self, body: Bytes, headers: Vec<(String, String)>) -> Result<TraceId, DoorError> {
        let _ = (body, headers);
        Err(DoorError::Full)
    }

    /// What the core published for forms: kept fresh, and read from the disk at the start, so that forms work while the bus is down.
    /// `None` only before the first time.
    pub fn directory(&self) -> Option<Arc<DoorDirectory>> {
        None
    }

    /// The outlines of the areas as `GeoJSON`, for the map.
    pub fn outline(&self) -> Option<Bytes> {
        None
    }

    /// The spool's folder, where pages may keep small files of their own.
    pub fn folder(&self) -> &std::path::Path {
        std::path::Path::new(".")
    }

    /// 32 random bytes, made at the first start and kept in the folder: what [`crate::form::Mint`] needs.
    pub fn secret(&self) -> [u8; 32] {
        [0; 32]
    }

    /// The largest body that [`Door::submit`] takes.
    pub fn max_body(&self) -> usize {
        usize::MAX
    }

    /// How the installation speaks of itself.
    pub fn site(&self) -> Option<Site> {
        self.directory().map(|directory| directory.site.clone())
    }
}

/// The door did not keep it. Nobody may be told that we have it.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// The spool is full: the bus has been away for long.
    #[error("the spool is full")]
    Full,
    /// More bytes than the door takes.
    #[error("larger than {limit} bytes")]
    TooLarge {
        /// The bytes that are allowed.
        limit: usize,
    },
    /// The disk.
    #[error("the spool could not be written")]
    Broken(#[source] BoxError),
}

/// 503 with `Retry-After`, or 413. Pages show their own words instead.
impl IntoResponse for DoorError {
    fn into_response(self) -> Response {
        match self {
            Self::Full | Self::Broken(_) => (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "30")]).into_response(),
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        }
    }
}
