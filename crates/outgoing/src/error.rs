//! What can go wrong on the way out. No variant holds an address: addresses hold tokens.

use std::time::Duration;

/// Why there is no answer. An answer with an error status is an answer: see [`crate::Response::status`].
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Not an absolute http or https address.
    #[error("not an http address")]
    Url,
    /// A header's name or value cannot be sent.
    #[error("a header cannot be sent")]
    Header,
    /// It leads into a private network, and nobody configured that host.
    #[error("the address is in a private network")]
    Private,
    /// The name has no address.
    #[error("the name could not be resolved")]
    Resolve,
    /// No connection: refused, unreachable, or no common TLS.
    #[error("no connection")]
    Connect(#[source] reqwest::Error),
    /// It took longer than allowed.
    #[error("no answer within {} s", .0.as_secs_f32())]
    Timeout(Duration),
    /// The answer's body is longer than allowed.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The bytes that were allowed.
        limit: usize,
    },
    /// Too many redirects, one without a target, or one from https to http.
    #[error("redirected too often or to a wrong place")]
    Redirect,
    /// The connection broke, or the other side does not speak HTTP.
    #[error("the connection broke")]
    Broken(#[source] reqwest::Error),
    /// The answer's body is not what was promised.
    #[error("the answer is not the expected JSON (line {line}, column {column})")]
    Json {
        /// Where, from 1.
        line: usize,
        /// Where, from 1.
        column: usize,
    },
    /// The client could not be built: no TLS roots on this machine.
    #[error("the HTTP client could not be built")]
    Build(#[source] reqwest::Error),
}

impl HttpError {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Resolve | Self::Connect(_) | Self::Timeout(_) | Self::Broken(_))
    }
}
