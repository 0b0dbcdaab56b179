//! The door: raw bytes in, and what a form needs to be drawn.

use std::{fmt, path::Path, sync::Arc};

use axum::{
    http::{StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use bus::Stop;
use bytes::Bytes;
use metrics::counter;
use model::{AdapterName, BoxError, DoorDirectory, Raw, Site, TraceId};
use tokio::sync::watch;
use tracing::{debug, error, warn};

use crate::{
    clock::now,
    form::secret,
    pulse::chain,
    spool::{Spool, SpoolError},
};

/// How long a sender is asked to wait when the door takes nothing, in seconds.
const RETRY: &str = "30";

/// Takes raw bytes and keeps them; lends what a form needs to be drawn. Cheap to clone.
#[derive(Clone)]
pub struct Door {
    inner: Arc<Inner>,
}

struct Inner {
    adapter: AdapterName,
    spool: Spool,
    max_body: usize,
    known: watch::Sender<Known>,
    public_url: Option<String>,
    closing: Stop,
}

/// What the core published for doors.
#[derive(Clone, Default)]
struct Known {
    directory: Option<Arc<DoorDirectory>>,
    outline: Option<Bytes>,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("adapter", &self.inner.adapter).field("spool", &self.inner.spool.level()).finish_non_exhaustive()
    }
}

impl Door {
    /// A door in front of a spool, for bodies of at most `max_body` bytes. The SDK makes an adapter's own; tests make others.
    pub fn new(adapter: AdapterName, spool: Spool, max_body: usize) -> Self {
        Self::of_process(adapter, spool, max_body, None, Stop::new())
    }

    /// The same for a process that the world reaches at `public_url` and that ends with `closing`.
    pub(crate) fn of_process(adapter: AdapterName, spool: Spool, max_body: usize, public_url: Option<String>, closing: Stop) -> Self {
        Self { inner: Arc::new(Inner { adapter, spool, max_body, known: watch::Sender::default(), public_url, closing }) }
    }

    /// How the world reaches it (`door.public_url`), where the configuration says so.
    pub fn public_url(&self) -> Option<&str> {
        self.inner.public_url.as_deref()
    }

    /// Whether the world reaches it by https only: browsers are then told to insist on it, and cookies go over nothing else.
    pub fn is_https(&self) -> bool {
        self.public_url().is_some_and(|url| url.starts_with("https://"))
    }

    /// Cancelled when the door closes: what a page holds open ends with it.
    pub fn closing(&self) -> &Stop {
        &self.inner.closing
    }

    /// Keeps the bytes and these headers as one `Raw`. `Ok` means they are on the disk: the person may be told. The trace id follows
    /// them through every log.
    pub async fn submit(&self, body: Bytes, headers: Vec<(String, String)>) -> Result<TraceId, DoorError> {
        self.take(String::new(), headers, body).await
    }

    /// The same with the query of a request: what [`crate::Adapter::parse`] will find in `Raw`.
    pub async fn take(&self, query: String, headers: Vec<(String, String)>, body: Bytes) -> Result<TraceId, DoorError> {
        let limit = self.inner.max_body;
        if body.len() > limit {
            self.count("too_large");
            return Err(DoorError::TooLarge { limit });
        }
        let headers = headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        let trace = TraceId::random();
        let raw = Raw { adapter: self.inner.adapter.clone(), received_at: now(), trace, query, headers, body };
        match self.inner.spool.append(&raw).await {
            Ok(()) => {
                self.count("accepted");
                debug!(trace.id = %trace, bytes = raw.body.len(), "Took a raw message at the door.");
                Ok(trace)
            }
            Err(SpoolError::Full) => {
                self.count("full");
                warn!("Refused a message: the spool is full. The bus has been away for long, or `spool.max_bytes` is too small.");
                Err(DoorError::Full)
            }
            Err(error) => {
                self.count("disk");
                error!(error = &error as &dyn std::error::Error, "Refused a message: the spool could not be written.");
                Err(DoorError::Broken(error.into()))
            }
        }
    }

    pub(crate) fn count(&self, outcome: &'static str) {
        counter!("muara_door_requests_total", "adapter" => self.inner.adapter.to_string(), "outcome" => outcome).increment(1);
    }

    /// The largest body that it takes, in bytes.
    pub fn max_body(&self) -> usize {
        self.inner.max_body
    }

    /// The spool's folder, where pages may keep small files of their own.
    pub fn folder(&self) -> &Path {
        self.inner.spool.folder()
    }

    /// The secret from which [`crate::form::Mint`] makes codes: made once, kept in the folder. Processes of one door that stand beside
    /// each other are given the same file. A disk that does not keep it is told in the log: codes then change with the next start.
    pub fn secret(&self) -> [u8; 32] {
        secret::kept(self.folder()).unwrap_or_else(|error| {
            error!(error = chain(&error), "Could not keep the door's secret: receipts will not survive a restart.");
            secret::fresh()
        })
    }

    pub(crate) fn spool(&self) -> &Spool {
        &self.inner.spool
    }

    /// What the core published for forms: kept fresh, and read from the disk at the start, so that forms work while the bus is down.
    /// `None` only before the first time.
    pub fn directory(&self) -> Option<Arc<DoorDirectory>> {
        self.inner.known.borrow().directory.clone()
    }

    /// The outlines of the areas as `GeoJSON`, for the map.
    pub fn outline(&self) -> Option<Bytes> {
        self.inner.known.borrow().outline.clone()
    }

    /// How the installation speaks of itself.
    pub fn site(&self) -> Option<Site> {
        self.directory().map(|directory| directory.site.clone())
    }

    /// Tells the door what the core published. The SDK does it; tests do it in its place.
    pub fn learn(&self, directory: DoorDirectory, outline: Option<Bytes>) {
        self.inner.known.send_replace(Known { directory: Some(Arc::new(directory)), outline });
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
            Self::Full | Self::Broken(_) => (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, RETRY)]).into_response(),
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        }
    }
}
