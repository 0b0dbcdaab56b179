//! What the platform asks at the door, and what it hears.

use std::{fmt, net::IpAddr};

use axum::{
    body::Body,
    http::{HeaderMap, Method, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use bytes::Bytes;

/// A request, whole. `Debug` shows method and size.
#[derive(Clone)]
pub struct Request {
    /// GET, POST, ….
    pub method: Method,
    /// The path.
    pub path: String,
    /// The query string without `?`, as it came.
    pub query: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The body, byte for byte.
    pub body: Bytes,
    /// Who connected: the reverse proxy, where one stands before the door. `None` for a recorded request.
    pub peer: Option<IpAddr>,
}

impl Request {
    /// The headers of these lower-case names, as [`model::Raw`] keeps them.
    pub fn kept(&self, names: &[&str]) -> Vec<(String, String)> {
        names.iter().filter_map(|name| Some(((*name).to_owned(), self.header(name)?.to_owned()))).collect()
    }

    /// The value of a header, if it is text. Lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The first value in the query by that name, decoded.
    pub fn query_value(&self, name: &str) -> Option<String> {
        let url = outgoing::Url::parse(&format!("http://door.invalid/?{}", self.query)).ok()?;
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({}, {} bytes)", self.method, self.body.len())
    }
}

/// What the platform hears. `Debug` shows status and size: a handshake's answer holds a challenge.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The type of the body.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: Bytes,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.status, self.body.len())
    }
}

impl Answer {
    /// 200 and nothing else.
    pub fn ok() -> Self {
        Self::status(StatusCode::OK)
    }

    /// A status and nothing else.
    pub fn status(status: StatusCode) -> Self {
        Self { status, content_type: None, body: Bytes::new() }
    }

    /// 200 and plain text.
    pub fn text(body: impl Into<Bytes>) -> Self {
        Self { status: StatusCode::OK, content_type: Some("text/plain; charset=utf-8"), body: body.into() }
    }

    /// 200 and a body of another type.
    pub fn typed(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status: StatusCode::OK, content_type: Some(content_type), body: body.into() }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        if let Some(content_type) = self.content_type {
            response.headers_mut().insert(CONTENT_TYPE, axum::http::HeaderValue::from_static(content_type));
        }
        response
    }
}
