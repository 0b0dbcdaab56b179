//! One exchange: built step by step, every hop checked, the body read up to its limit.

use std::{error::Error, fmt, time::Duration};

use bytes::{Bytes, BytesMut};
use futures::{FutureExt, future::BoxFuture};
use reqwest::{
    Method, StatusCode, Url,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Http, HttpError, origin,
    resolve::{NoAddress, OnlyPrivate},
};

/// Nobody makes us wait longer, in seconds: a typing error or a stranger in a platform's place would silence a channel for years.
const LONGEST_WAIT: u64 = 24 * 60 * 60;

/// A request that is not yet sent. `Debug` shows the method, never address, headers or body.
#[must_use = "nothing happens before `send`"]
pub struct Call {
    http: Http,
    method: Method,
    url: Result<Url, HttpError>,
    headers: HeaderMap,
    wrong_header: bool,
    body: Option<Bytes>,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("method", &self.method).finish_non_exhaustive()
    }
}

/// A file in a form.
#[derive(Clone, Copy)]
pub struct File<'a> {
    /// The field that it fills.
    pub field: &'a str,
    /// Its name.
    pub filename: &'a str,
    /// Its media type.
    pub mime: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
}

impl fmt::Debug for File<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "File({}, {} bytes)", self.mime, self.bytes.len())
    }
}

/// What came back, whatever its status. `Debug` shows status and size.
pub struct Response {
    /// The status; errors are answers too.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body, never more than was allowed.
    pub body: Bytes,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("status", &self.status).field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}

impl Response {
    /// Reads the body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        serde_json::from_slice(&self.body).map_err(|e| HttpError::Json { line: e.line(), column: e.column() })
    }

    /// The value of a header, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// How long the other side asks us to wait: `Retry-After` in seconds, a day at most. A date is not read: clocks differ.
    pub fn retry_after(&self) -> Option<Duration> {
        self.header("retry-after")?.trim().parse().ok().map(|seconds: u64| Duration::from_secs(seconds.min(LONGEST_WAIT)))
    }
}

impl Call {
    pub(crate) fn new(http: Http, method: Method, url: &str) -> Self {
        let url = Url::parse(url).map_err(|_| HttpError::Url);
        Self { http, method, url, headers: HeaderMap::new(), wrong_header: false, body: None }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) => _ = self.headers.append(name, value),
            _ => self.wrong_header = true,
        }
        self
    }

    /// Adds `Authorization: Bearer …`, hidden from `Debug`.
    pub fn bearer(mut self, token: &str) -> Self {
        match HeaderValue::try_from(format!("Bearer {token}")) {
            Ok(mut value) => {
                value.set_sensitive(true);
                self.headers.insert(AUTHORIZATION, value);
            }
            Err(_) => self.wrong_header = true,
        }
        self
    }

    /// Adds pairs to the query.
    pub fn query(mut self, pairs: &[(&str, &str)]) -> Self {
        if let Ok(url) = &mut self.url {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        self
    }

    /// Sets the body.
    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self.headers.remove(CONTENT_TYPE);
        self.header("content-type", content_type)
    }

    /// Sets the body to JSON.
    ///
    /// # Panics
    /// When the value cannot be JSON (a map with keys that are no text): a fault in the caller.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Self {
        let body = serde_json::to_vec(value).expect("our own types are JSON");
        self.body("application/json", body)
    }

    /// Sets the body to a form, `application/x-www-form-urlencoded`.
    ///
    /// # Panics
    /// Never: a constant is an address.
    pub fn form(self, pairs: &[(&str, &str)]) -> Self {
        let mut url = Url::parse("http://form.invalid/").expect("a constant address");
        url.query_pairs_mut().extend_pairs(pairs);
        let body = url.query().unwrap_or_default().to_owned();
        self.body("application/x-www-form-urlencoded", body)
    }

    /// Sets the body to a form with fields and one file, `multipart/form-data` (RFC 7578). Names are ours: no quotes or line breaks in them.
    pub fn form_with_file(self, fields: &[(&str, &str)], file: File<'_>) -> Self {
        let taken = |boundary: &str| file.bytes.windows(boundary.len()).any(|part| part == boundary.as_bytes());
        let named = |number: u64| format!("muara-{number:016x}");
        let (mut number, mut boundary) = (0, named(0));
        while taken(&boundary) {
            number += 1;
            boundary = named(number);
        }
        let mut body = BytesMut::with_capacity(file.bytes.len() + 1024);
        for (name, value) in fields {
            body.extend_from_slice(
                format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").as_bytes(),
            );
        }
        let File { field, filename, mime, bytes } = file;
        let head = format!("Content-Disposition: form-data; name=\"{field}\"; filename=\"{filename}\"\r\nContent-Type: {mime}");
        body.extend_from_slice(format!("--{boundary}\r\n{head}\r\n\r\n").as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        self.body(&format!("multipart/form-data; boundary={boundary}"), body.freeze())
    }

    /// Another limit of time for this call.
    pub fn timeout(mut self, total: Duration) -> Self {
        self.http.limits.total = total;
        self
    }

    /// Another limit of size for this call.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.http.limits.max_body = bytes;
        self
    }

    /// Sends it. Boxed, so that each program that calls it does not compile it again.
    pub fn send(self) -> BoxFuture<'static, Result<Response, HttpError>> {
        async move {
            let total = self.http.limits.total;
            tokio::time::timeout(total, self.follow()).await.map_err(|_| HttpError::Timeout(total))?
        }
        .boxed()
    }

    async fn follow(mut self) -> Result<Response, HttpError> {
        if self.wrong_header {
            return Err(HttpError::Header);
        }
        let mut url = std::mem::replace(&mut self.url, Err(HttpError::Url))?;
        for _ in 0..=self.http.limits.redirects {
            let response = self.hop(&url).await?;
            let follows = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
            if !follows || !matches!(self.method, Method::GET | Method::HEAD) {
                return read(response, self.http.limits.max_body).await;
            }
            let next = target(&url, response.headers())?;
            if origin(&next) != origin(&url) {
                // What was meant for one host is not told to another: any header may be a key.
                let accept = self.headers.remove(ACCEPT);
                self.headers = accept.into_iter().map(|value| (ACCEPT, value)).collect();
            }
            url = next;
        }
        Err(HttpError::Redirect)
    }

    async fn hop(&self, url: &Url) -> Result<reqwest::Response, HttpError> {
        let client = self.http.client_for(url)?;
        let mut request = client.request(self.method.clone(), url.clone()).headers(self.headers.clone());
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        request.send().await.map_err(|e| sort(e, self.http.limits.connect))
    }
}

fn target(from: &Url, headers: &HeaderMap) -> Result<Url, HttpError> {
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok()).ok_or(HttpError::Redirect)?;
    let next = from.join(location).map_err(|_| HttpError::Redirect)?;
    let weaker = from.scheme() == "https" && next.scheme() != "https";
    if weaker || !matches!(next.scheme(), "http" | "https") { Err(HttpError::Redirect) } else { Ok(next) }
}

async fn read(mut response: reqwest::Response, limit: usize) -> Result<Response, HttpError> {
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(HttpError::TooLarge { limit });
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| HttpError::Broken(e.without_url()))? {
        if body.len() + chunk.len() > limit {
            return Err(HttpError::TooLarge { limit });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Response { status: response.status(), headers: std::mem::take(response.headers_mut()), body: body.freeze() })
}

fn sort(error: reqwest::Error, connect: Duration) -> HttpError {
    let error = error.without_url();
    if caused_by::<OnlyPrivate>(&error) {
        HttpError::Private
    } else if caused_by::<NoAddress>(&error) {
        HttpError::Resolve
    } else if error.is_timeout() {
        HttpError::Timeout(connect)
    } else if error.is_connect() {
        HttpError::Connect(error)
    } else {
        HttpError::Broken(error)
    }
}

fn caused_by<E: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<E>() {
            return true;
        }
        cause = error.source();
    }
    false
}
