//! A gateway of SMS over HTTP, the simplest kind there is: it posts a form for each message that comes, and takes a form for each that goes.
//!
//! Tests and plays hold a [`Gateway`]; adapter-sms reaches it by [`Gateway::table`].

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Form, Json, Router,
    extract::State as Shared,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{Fault, state::digits};

/// Our number at this gateway.
pub const NUMBER: &str = "1708";
/// The gateway's name in the adapter's configuration; with a colon it is in front of each message's id.
pub const NAME: &str = "lokal";

/// An SMS of ours as it reached a telephone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Text {
    /// Whose telephone, digits.
    pub to: String,
    /// What they read.
    pub message: String,
    /// What the sender calls it: the reply's id.
    #[serde(rename = "ref", default)]
    pub reply: String,
}

#[derive(Debug, Default)]
struct State {
    came: Vec<Text>,
    fault: Option<Fault>,
    requests: u64,
}

/// A running gateway. Cheap to clone; the server ends with the last clone.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// Where texts are handed to it.
    pub url: String,
    state: Arc<Mutex<State>>,
    _running: Arc<DropGuard>,
}

impl Gateway {
    /// Starts on loopback, on a port that the system chooses.
    pub async fn start() -> std::io::Result<Self> {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    /// Starts there.
    pub async fn start_at(listen: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let url = format!("http://{}/send", listener.local_addr()?);
        let (state, stop) = (Arc::new(Mutex::new(State::default())), CancellationToken::new());
        let routes = Router::new().route("/send", post(send)).with_state(Arc::clone(&state));
        let running = Arc::new(stop.clone().drop_guard());
        let serve = axum::serve(listener, routes).with_graceful_shutdown(async move { stop.cancelled().await });
        tokio::spawn(async move { serve.await });
        Ok(Self { url, state, _running: running })
    }

    /// The tables of adapter-sms that fit it; `word` is what the gateway proves itself with.
    pub fn table(&self, word: &str) -> String {
        format!(
            "[[adapter.numbers]]\nnumber = \"{NUMBER}\"\ngateway = \"{NAME}\"\nper_second = 1000\n\
             [adapter.http.{NAME}]\nsecret = \"{word}\"\nfrom = \"from\"\ntext = \"text\"\nid = \"id\"\nsend_url = \"{}\"\n\
             send_body = \"to={{to_digits}}&message={{text}}&ref={{reply}}\"\nsuccess_field = \"status\"\nsuccess = [\"0\"]\n\
             sent_id = \"messageId\"\nerror_field = \"status\"\nthrottled = [\"1\"]\nlater = [\"5\"]\n",
            self.url
        )
    }

    /// Everything that telephones got, the oldest first.
    pub fn came(&self) -> Vec<Text> {
        self.state().came.clone()
    }

    /// How many texts were handed to it, whatever it answered.
    pub fn requests(&self) -> u64 {
        self.state().requests
    }

    /// Fails until told otherwise; `None`: works again.
    pub fn fail(&self, fault: Option<Fault>) {
        self.state().fault = fault;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn send(Shared(state): Shared<Arc<Mutex<State>>>, Form(text): Form<Text>) -> Response {
    let lock = || state.lock().unwrap_or_else(PoisonError::into_inner);
    let fault = {
        let mut state = lock();
        state.requests += 1;
        state.fault.clone()
    };
    match &fault {
        Some(Fault::TooMany(_)) => return Json(json!({ "status": "1" })).into_response(),
        Some(Fault::Broken) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Some(Fault::Gone) => return StatusCode::NOT_FOUND.into_response(),
        Some(Fault::Code(code)) => return Json(json!({ "status": code.to_string() })).into_response(),
        Some(Fault::Wrong) => return "<html>sedang ada perbaikan</html>".into_response(),
        Some(Fault::Silent) => std::future::pending().await,
        Some(Fault::Slow(pause)) => tokio::time::sleep(*pause).await,
        Some(Fault::Lost) | None => {}
    }
    let number = {
        let mut state = lock();
        state.came.push(Text { to: digits(&text.to), ..text });
        state.came.len()
    };
    if fault == Some(Fault::Lost) {
        tokio::time::sleep(Duration::from_hours(1)).await;
    }
    Json(json!({ "status": "0", "messageId": format!("lokal-{number}") })).into_response()
}
