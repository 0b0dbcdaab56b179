//! The road, step 1: the platform calls. Handshake, size, signature, spool, yes; in this order.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request as Incoming, State},
    http::{StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
    routing::any,
};
use metrics::{counter, histogram};
use tracing::warn;

use crate::{
    Door, Refused, Request, Webhook,
    any::AnyWebhook,
    clock::now,
    form::{BodyError, Budget, Patience, Visitor},
    pulse::Pulse,
};

/// All bodies of addresses that proved themselves that are being read or spooled together, in bytes: what a flood can cost in memory.
const MEMORY: usize = 32 << 20;
/// The same for everybody else, who have a quarter of it each: whoever is slow there takes nothing from the platform.
const STRANGERS: usize = MEMORY / 2;
/// Platforms are machines with good lines: a kilobyte a second is what a line has that does not work.
const PATIENCE: Patience =
    Patience { whole: Duration::from_secs(30), pause: Duration::from_secs(10), pace: 1024, stretch: Duration::from_secs(5) };

/// How long a signature speaks for the address that it came from.
const TRUST: Duration = Duration::from_hours(1);
/// Addresses that are remembered as proven: more than any platform has.
const MOST_PROVEN: usize = 1 << 16;

struct Receiver {
    platform: Arc<dyn AnyWebhook>,
    door: Door,
    budget: Budget,
    strangers: Budget,
    proven: Proven,
    pulse: Pulse,
    refused: Seldom,
}

/// The routes of a webhook's door, without the loops behind it: `/webhook` and everything below it.
pub fn webhook_routes<A: Webhook>(adapter: Arc<A>, door: Door) -> Router {
    routes(adapter, door, Pulse::default())
}

pub(crate) fn routes(platform: Arc<dyn AnyWebhook>, door: Door, pulse: Pulse) -> Router {
    // One body may always be read, however large it may be.
    let room = |bytes: usize| Budget::new(bytes.max(2 * door.max_body()));
    let (budget, strangers) = (room(MEMORY), room(STRANGERS));
    let receiver = Receiver { platform, door, budget, strangers, proven: Proven::default(), pulse, refused: Seldom::default() };
    let receiver = Arc::new(receiver);
    // Below it for platforms that can prove themselves only by a word in the address.
    Router::new().route("/webhook", any(receive)).route("/webhook/{*below}", any(receive)).with_state(receiver)
}

async fn receive(State(receiver): State<Arc<Receiver>>, incoming: Incoming) -> Response {
    let begun = Instant::now();
    let response = receiver.receive(incoming).await;
    histogram!("muara_door_seconds").record(begun.elapsed().as_secs_f64());
    response
}

impl Receiver {
    async fn receive(&self, incoming: Incoming) -> Response {
        let (parts, body) = incoming.into_parts();
        let from = self.door.visitor(&parts);
        let body = match self.read(body, from).await {
            Ok(body) => body,
            Err(response) => return response,
        };
        let request = Request {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body: body.bytes.clone(),
            peer: parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip()),
        };
        if let Some(answer) = self.platform.handshake(&request) {
            self.door.count("handshake");
            return answer.into_response();
        }
        if let Err(why) = self.platform.verify(&request) {
            return self.refuse(why);
        }
        self.proven.put(from);
        let answer = self.platform.accepted(&request);
        match self.platform.keep(request, &self.door).await {
            Ok(()) => answer.into_response(),
            Err(error) => error.into_response(),
        }
    }

    /// A platform calls from few addresses, and as much at once as it likes: once a signature proved one, it is held to no share.
    async fn read(&self, body: Body, from: Visitor) -> Result<crate::form::Body, Response> {
        let (budget, share) = if self.proven.has(from) { (&self.budget, None) } else { (&self.strangers, Some(from)) };
        budget.read(body, self.door.max_body(), PATIENCE, share).await.map_err(|error| match error {
            BodyError::TooLarge => {
                self.door.count("too_large");
                StatusCode::PAYLOAD_TOO_LARGE.into_response()
            }
            BodyError::Busy => {
                self.door.count("busy");
                (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "5")]).into_response()
            }
            BodyError::Slow => {
                self.door.count("slow");
                StatusCode::REQUEST_TIMEOUT.into_response()
            }
            BodyError::Broken => StatusCode::BAD_REQUEST.into_response(),
        })
    }

    fn refuse(&self, why: Refused) -> Response {
        self.door.count("refused");
        counter!("muara_signature_refused_total").increment(1);
        self.pulse.refused();
        if let Some(others) = self.refused.now() {
            // Either somebody tries, or our secret is not the platform's any more: then every real message is refused.
            warn!(others, "Refused a request at the webhook: {why}. If real messages stay away, check the secret.");
        }
        StatusCode::UNAUTHORIZED.into_response()
    }
}

/// Addresses from which the platform called within [`TRUST`]. Only who signs gets in, so there are few.
#[derive(Default)]
struct Proven {
    since: Mutex<HashMap<Visitor, Instant>>,
}

impl Proven {
    fn has(&self, from: Visitor) -> bool {
        self.since().get(&from).is_some_and(|since| since.elapsed() < TRUST)
    }

    fn put(&self, from: Visitor) {
        let mut since = self.since();
        if since.len() >= MOST_PROVEN && !since.contains_key(&from) {
            since.retain(|_, since| since.elapsed() < TRUST);
        }
        if since.len() < MOST_PROVEN || since.contains_key(&from) {
            since.insert(from, Instant::now());
        }
    }

    fn since(&self) -> MutexGuard<'_, HashMap<Visitor, Instant>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets one of many through, once a minute: a flood must not fill the log.
#[derive(Default)]
struct Seldom {
    minute: AtomicI64,
    held: AtomicU64,
}

impl Seldom {
    /// `Some`, with how many were held back, when it is time to speak.
    fn now(&self) -> Option<u64> {
        let minute = now().as_second() / 60;
        if self.minute.swap(minute, Ordering::Relaxed) == minute {
            self.held.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(self.held.swap(0, Ordering::Relaxed))
    }
}
