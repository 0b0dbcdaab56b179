//! The door: raw bytes in, and what a form needs to be drawn.

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    extract::ConnectInfo,
    http::{StatusCode, header::RETRY_AFTER, request::Parts},
    response::{IntoResponse, Response},
};
use bus::{Bus, BusError, Stop};
use bytes::Bytes;
use metrics::{counter, gauge};
use model::{AdapterName, BoxError, DoorDirectory, Raw, Site, Timestamp, TraceId};
use tokio::sync::watch;
use tracing::{debug, error, info};

use crate::{
    clock::now,
    form::{Visitor, secret},
    pulse::{Pulse, chain},
    spool::{Level, Spool, SpoolError},
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
    keeper: Keeper,
    max_body: usize,
    /// It refuses because there is no room: said once, until it takes again.
    full: AtomicBool,
    pulse: Pulse,
    known: watch::Sender<Known>,
    ways: Ways,
    closing: Stop,
}

/// How the world reaches a door.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ways {
    /// `door.public_url`, where the configuration says so.
    pub(crate) public_url: Option<String>,
    /// Proxies of ours in front.
    pub(crate) proxies: usize,
}

/// Where a message is durable before anyone is told yes.
#[derive(Debug)]
pub(crate) enum Keeper {
    /// In a spool of our own, synced; the bus gets it later.
    Spool(Spool),
    /// In a stream of three replicas: the yes is theirs.
    Bus(Straight),
}

/// A door without a spool.
#[derive(Debug)]
pub(crate) struct Straight {
    /// There once it is connected and was found to keep three copies.
    pub(crate) bus: Arc<OnceLock<Bus>>,
    /// For the pages' small files; nothing in it is a message.
    pub(crate) folder: PathBuf,
    last: Mutex<Option<Timestamp>>,
}

impl Straight {
    pub(crate) fn new(bus: Arc<OnceLock<Bus>>, folder: PathBuf) -> Self {
        Self { bus, folder, last: Mutex::default() }
    }

    async fn keep(&self, raw: &Raw) -> Result<(), SpoolError> {
        let away = || SpoolError::Bus(Arc::new(BusError::Unavailable("not connected".into())));
        // The sender has seconds, not minutes: who comes again later is better off than who waits.
        let bus = self.bus.get().filter(|bus| bus.is_connected()).ok_or_else(away)?;
        match bus.publish_raw(raw).await {
            Ok(_stored_or_known) => {
                *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(raw.received_at);
                Ok(())
            }
            Err(BusError::Full(_)) => Err(SpoolError::Full),
            Err(error) => Err(SpoolError::Bus(Arc::new(error))),
        }
    }
}

/// What the core published for doors.
#[derive(Clone, Default)]
struct Known {
    directory: Option<Arc<DoorDirectory>>,
    outline: Option<Bytes>,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("adapter", &self.inner.adapter).field("level", &self.level()).finish_non_exhaustive()
    }
}

impl Door {
    /// A door in front of a spool, for bodies of at most `max_body` bytes. The SDK makes an adapter's own; tests make others.
    pub fn new(adapter: AdapterName, spool: Spool, max_body: usize) -> Self {
        Self::of_process(adapter, Keeper::Spool(spool), max_body, Ways::default(), Pulse::default(), Stop::new())
    }

    /// The same for a process that the world reaches by `ways` and that ends with `closing`.
    pub(crate) fn of_process(adapter: AdapterName, keeper: Keeper, max_body: usize, ways: Ways, pulse: Pulse, closing: Stop) -> Self {
        let known = watch::Sender::default();
        Self { inner: Arc::new(Inner { adapter, keeper, max_body, full: AtomicBool::new(false), pulse, known, ways, closing }) }
    }

    /// How the world reaches it (`door.public_url`), where the configuration says so.
    pub fn public_url(&self) -> Option<&str> {
        self.inner.ways.public_url.as_deref()
    }

    /// Who asks, as far as floods are concerned: from the connection, or from what our own proxies wrote (`door.proxies`).
    pub fn visitor(&self, parts: &Parts) -> Visitor {
        let peer = parts.extensions.get().map_or(SocketAddr::from(([0, 0, 0, 0], 0)), |ConnectInfo(peer)| *peer);
        Visitor::of(peer, &parts.headers, self.inner.ways.proxies)
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
        let raw = self.raw(query, headers, body);
        let trace = raw.trace;
        let kept = match &self.inner.keeper {
            Keeper::Spool(spool) => spool.append(&raw).await,
            Keeper::Bus(straight) => straight.keep(&raw).await,
        };
        match kept {
            Ok(()) => {
                self.count("accepted");
                self.has_room();
                debug!(trace.id = %trace, bytes = raw.body.len(), "Took a raw message at the door.");
                Ok(trace)
            }
            Err(SpoolError::Full) => {
                self.count("full");
                self.is_full();
                Err(DoorError::Full)
            }
            Err(error @ SpoolError::Bus(_)) => {
                self.count("bus");
                self.inner.pulse.refuses("the bus does not take raw messages");
                debug!(error = chain(&error), "Refused a message: the bus did not take it.");
                Err(DoorError::Broken(error.into()))
            }
            Err(error) => {
                self.count("disk");
                self.inner.pulse.refuses("the spool cannot be written");
                error!(error = chain(&error), "Refused a message: the spool could not be written.");
                Err(DoorError::Broken(error.into()))
            }
        }
    }

    /// What came in, with the door's time and a new trace.
    pub(crate) fn raw(&self, query: String, headers: Vec<(String, String)>, body: Bytes) -> Raw {
        let headers = headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        Raw { adapter: self.inner.adapter.clone(), received_at: now(), trace: TraceId::random(), query, headers, body }
    }

    /// The alarm: an error in the log once, a gauge, `/health`, and the adapter's announcement.
    fn is_full(&self) {
        self.inner.pulse.refuses("the door is full and refuses messages");
        if !self.inner.full.swap(true, Ordering::Relaxed) {
            gauge!("muara_door_full").set(1.0);
            let level = self.level();
            error!(
                waiting = level.waiting,
                bytes = level.waiting_bytes,
                "The door is full and refuses messages until there is room. Look after the bus, or give `spool.max_bytes` more."
            );
        }
    }

    fn has_room(&self) {
        if self.inner.full.load(Ordering::Relaxed) && self.inner.full.swap(false, Ordering::Relaxed) {
            gauge!("muara_door_full").set(0.0);
            info!("The door takes messages again.");
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
        match &self.inner.keeper {
            Keeper::Spool(spool) => spool.folder(),
            Keeper::Bus(straight) => &straight.folder,
        }
    }

    /// The secret from which [`crate::form::Mint`] makes codes: made once, kept in the folder. Processes of one door that stand beside
    /// each other are given the same file. A disk that does not keep it is told in the log: codes then change with the next start.
    pub fn secret(&self) -> [u8; 32] {
        secret::kept(self.folder()).unwrap_or_else(|error| {
            error!(error = chain(&error), "Could not keep the door's secret: receipts will not survive a restart.");
            secret::fresh()
        })
    }

    /// The spool, unless the door goes straight to the bus.
    pub(crate) fn spool(&self) -> Option<&Spool> {
        match &self.inner.keeper {
            Keeper::Spool(spool) => Some(spool),
            Keeper::Bus(_) => None,
        }
    }

    /// What lies here and the bus does not have.
    pub(crate) fn level(&self) -> Level {
        self.spool().map(Spool::level).unwrap_or_default()
    }

    /// Whether it would take a message now.
    pub(crate) fn works(&self) -> bool {
        match &self.inner.keeper {
            Keeper::Spool(spool) => spool.works(),
            Keeper::Bus(straight) => straight.bus.get().is_some_and(Bus::is_connected) && !self.inner.full.load(Ordering::Relaxed),
        }
    }

    /// When the last message was taken, by the door's clock.
    pub(crate) fn last_taken(&self) -> Option<Timestamp> {
        match &self.inner.keeper {
            Keeper::Spool(spool) => spool.last_append(),
            Keeper::Bus(straight) => *straight.last.lock().unwrap_or_else(PoisonError::into_inner),
        }
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
