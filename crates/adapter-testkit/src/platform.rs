//! A platform that answers as it is told and remembers what it was asked.

use std::sync::{Arc, Mutex};

use adapter_sdk::Bytes;
use axum::http::{HeaderMap, Method};

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
    /// The body.
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
}

/// An HTTP server on loopback that plays a platform. Ends when it is dropped.
#[derive(Debug, Clone)]
pub struct FakePlatform {
    url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl FakePlatform {
    /// Starts one that answers 200 and nothing.
    pub async fn start() -> Self {
        unimplemented!()
    }

    /// Its address, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it answers from now on, whatever it is asked, unless a queued or a path's answer comes first.
    pub fn always(&self, answer: Canned) {
        let _ = answer;
    }

    /// The next answer; several are given in turn.
    pub fn next(&self, answer: Canned) {
        let _ = answer;
    }

    /// What it answers to requests whose path begins so.
    pub fn at(&self, path: &str, answer: Canned) {
        let _ = (path, answer);
    }

    /// From now on it takes requests and never answers.
    pub fn fall_silent(&self) {}

    /// Everything it was asked, in order.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("nobody panics with the lock").clone()
    }
}
