//! The HTTP server in front of the door, with `/health` and `/metrics` beside it.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use bus::{Bus, Stop};
use serde::Serialize;
use tokio::net::TcpListener;

use crate::{Door, RunError, pulse::Pulse, telemetry};

/// How long requests that are under way may take to end.
const GRACE: Duration = Duration::from_secs(10);

/// What `/health` looks at.
#[derive(Clone)]
pub(crate) struct Health {
    pub(crate) door: Door,
    pub(crate) bus: Arc<OnceLock<Bus>>,
    pub(crate) pulse: Pulse,
}

#[derive(Serialize)]
struct Report {
    /// Whether the door takes messages: the only thing that decides the status.
    door: bool,
    bus: bool,
    spool_waiting: u64,
    spool_bytes: u64,
    last_error: Option<String>,
}

pub(crate) fn routes(health: Health) -> Router {
    Router::new().route("/health", get(report)).with_state(health).route("/metrics", get(metrics))
}

async fn report(State(health): State<Health>) -> Response {
    let level = health.door.level();
    let report = Report {
        door: health.door.works(),
        bus: health.bus.get().is_some_and(Bus::is_connected),
        spool_waiting: level.waiting,
        spool_bytes: level.bytes,
        last_error: health.pulse.last_trouble().map(|(_, what)| what),
    };
    let status = if report.door { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report)).into_response()
}

async fn metrics() -> Response {
    match telemetry::metrics() {
        Some(handle) => handle.render().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, RunError> {
    TcpListener::bind(address).await.map_err(|source| RunError::Listen { address: address.to_string(), source })
}

/// Serves until `stop`, and lets what is under way end.
pub(crate) async fn serve(listener: TcpListener, routes: Router, stop: Stop) {
    let server = incoming::serve(listener, routes, incoming::Limits::default(), stop.clone().cancelled_owned());
    let patience = async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        () = server => {}
        () = patience => tracing::warn!("Requests were still under way at the end; their senders come again."),
    }
}
