//! A platform that answers as it is told and remembers what it was asked.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use adapter_sdk::Bytes;
use axum::{
    Router,
    body::to_bytes,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode},
    response::{IntoResponse, Response},
};

/// More than any test sends.
const MOST_BYTES: usize = 256 << 20;

/// One request that the fake platform saw.
#[derive(Debug, Clone)]
pub struct Seen {
    /// GET, POST, ….
    pub method: Method,
    /// The path.
    pub path: String,
    /// The query string, without `?`.
    pub query: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// An answer prepared in advance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canned {
    /// The status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body. `{platform}` in it becomes the fake platform's address: for answers that name another of its pages.
    pub body: String,
}

impl Canned {
    /// A status with a JSON body.
    pub fn json(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: vec![("content-type".into(), "application/json".into())], body: body.into() }
    }

    /// A status and nothing else.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new() }
    }

    /// Adds a header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn response(self, platform: &str) -> Response {
        let mut response = self.body.replace("{platform}", platform).into_response();
        *response.status_mut() = StatusCode::from_u16(self.status).expect("a prepared status is one");
        response.headers_mut().remove("content-type");
        for (name, value) in self.headers {
            let (name, value) = (HeaderName::try_from(name), HeaderValue::try_from(value));
            response.headers_mut().append(name.expect("a prepared header is one"), value.expect("a prepared header is one"));
        }
        response
    }
}

/// An HTTP server on loopback that plays a platform. It ends with the runtime it was started on.
#[derive(Debug, Clone)]
pub struct FakePlatform {
    url: String,
    script: Arc<Mutex<Script>>,
}

#[derive(Debug)]
struct Script {
    always: Canned,
    next: VecDeque<Canned>,
    at: Vec<(String, Canned)>,
    silent: bool,
    seen: Vec<Seen>,
}

impl FakePlatform {
    /// Starts one that answers 200 and nothing.
    ///
    /// # Panics
    /// When loopback has no port to give.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound socket has an address"));
        let script = Script { always: Canned::status(200), next: VecDeque::new(), at: Vec::new(), silent: false, seen: Vec::new() };
        let platform = Self { url, script: Arc::new(Mutex::new(script)) };
        let routes = Router::new().fallback(answer).with_state(platform.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        platform
    }

    /// Its address, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it answers from now on, whatever it is asked, unless a queued or a path's answer comes first. Ends a silence.
    pub fn always(&self, answer: Canned) {
        let mut script = self.script();
        script.always = answer;
        script.silent = false;
    }

    /// The next answer; several are given in turn.
    pub fn next(&self, answer: Canned) {
        self.script().next.push_back(answer);
    }

    /// What it answers to requests whose path begins so; of several that fit, the longest counts.
    pub fn at(&self, path: &str, answer: Canned) {
        let mut script = self.script();
        script.at.retain(|(known, _)| known != path);
        script.at.push((path.to_owned(), answer));
    }

    /// From now on it takes requests and never answers.
    pub fn fall_silent(&self) {
        self.script().silent = true;
    }

    /// Forgets every answer it was given, and what it has seen.
    pub fn forget(&self) {
        *self.script() = Script { always: Canned::status(200), next: VecDeque::new(), at: Vec::new(), silent: false, seen: Vec::new() };
    }

    /// Everything it was asked, in order.
    pub fn seen(&self) -> Vec<Seen> {
        self.script().seen.clone()
    }

    fn take(&self, seen: Seen) -> Option<Canned> {
        let mut script = self.script();
        let path = seen.path.clone();
        script.seen.push(seen);
        if script.silent {
            return None;
        }
        let queued = script.next.pop_front();
        let of_path = || script.at.iter().filter(|(begin, _)| path.starts_with(begin)).max_by_key(|(begin, _)| begin.len());
        Some(queued.or_else(|| of_path().map(|(_, answer)| answer.clone())).unwrap_or_else(|| script.always.clone()))
    }
}

async fn answer(State(platform): State<FakePlatform>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MOST_BYTES).await else { return StatusCode::BAD_REQUEST.into_response() };
    let seen = Seen {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body,
    };
    match platform.take(seen) {
        Some(answer) => answer.response(&platform.url),
        None => std::future::pending().await,
    }
}
