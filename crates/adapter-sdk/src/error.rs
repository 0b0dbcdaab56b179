//! What can go wrong at the traits' edges. No variant carries what a citizen wrote, and none carries a secret.

use std::time::Duration;

use model::BoxError;
use outgoing::{HttpError, Response, StatusCode};

/// The configuration cannot be used. Says which key, never a secret's value.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A key has a value that does not fit.
    #[error("`{key}` {why}")]
    Value {
        /// Path of the key: `adapter.app_secret`.
        key: String,
        /// One clause: `must not be empty`.
        why: String,
    },
    /// It cannot be read: not the TOML it should be, an unknown key, a file that is not there.
    #[error(transparent)]
    Settings(#[from] ::settings::SettingsError),
    /// The adapter's own name is none: a fault in its code.
    #[error("`{0}` is no name for an adapter")]
    Name(&'static str),
    /// The HTTP client refused an address or could not be built.
    #[error("`{key}` cannot be used as an address")]
    Address {
        /// Path of the key.
        key: String,
        /// Why not.
        #[source]
        source: HttpError,
    },
}

impl ConfigError {
    /// A key of the `[adapter]` table has a value that does not fit; `why` is a clause after the key: `must not be empty`.
    pub fn value(key: &str, why: impl Into<String>) -> Self {
        Self::Value { key: format!("adapter.{key}"), why: why.into() }
    }
}

/// The bytes are not what the platform sends. They are parked whole, for a person and a later release.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct ParseError {
    what: String,
}

impl ParseError {
    /// Says what is wrong in one clause, without anything from the bytes themselves.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into() }
    }
}

/// Keeps the place and drops the words: serde quotes what it read.
impl From<serde_json::Error> for ParseError {
    fn from(error: serde_json::Error) -> Self {
        Self::new(format!("not the expected JSON (line {}, column {})", error.line(), error.column()))
    }
}

/// Something on the platform could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Not now; tried again a bounded number of times.
    #[error("not to be had now")]
    Later(#[source] BoxError),
    /// Asked to wait.
    #[error("asked to wait")]
    Throttled(Option<Duration>),
    /// It is larger than we take.
    #[error("larger than we take")]
    TooLarge,
    /// Never: it is gone, forbidden, or not a file. One clause for staff, without personal data.
    #[error("not to be had: {0}")]
    Gone(String),
}

impl FetchError {
    /// What an answer that is no success means: 429 asks to wait, 408 and 5xx are for later, everything else is final.
    pub fn from_answer(answer: &Response) -> Self {
        match answer.status {
            StatusCode::TOO_MANY_REQUESTS => Self::Throttled(answer.retry_after()),
            StatusCode::REQUEST_TIMEOUT => Self::Later(status_error(answer.status)),
            status if status.is_server_error() => Self::Later(status_error(status)),
            status => Self::Gone(format!("the platform answered {}", status.as_u16())),
        }
    }
}

impl From<HttpError> for FetchError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::TooLarge { .. } => Self::TooLarge,
            error if error.is_transient() => Self::Later(error.into()),
            error => Self::Gone(error.to_string()),
        }
    }
}

/// The reply did not go out.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The platform is not there, or not itself, or our credentials do not work at the moment: tried again, later and later.
    #[error("the platform could not be reached")]
    Unreachable(#[source] BoxError),
    /// Too fast. Tried again after that time.
    #[error("the platform asked to wait")]
    Throttled(Option<Duration>),
    /// The platform's final no: becomes a receipt that staff see on the complaint.
    #[error("the platform rejected the reply ({code})")]
    Rejected {
        /// The platform's code.
        code: String,
        /// The platform's words, without personal data.
        detail: String,
    },
    /// The platform may have it or not, and cannot be asked: becomes a receipt `unknown` that staff see, and is never sent again by
    /// itself. A failure before anything was handed over is [`SendError::Unreachable`] instead.
    #[error("nobody knows whether the reply was sent: {detail}")]
    Unknown {
        /// The id under which the platform knows it if it has it: bounces and answers may name it.
        platform_id: Option<String>,
        /// What happened, in one clause without personal data.
        detail: String,
    },
    /// The citizen wants no messages: becomes a receipt and is remembered.
    #[error("the citizen wants no messages there")]
    OptedOut,
}

impl SendError {
    /// What an answer that is no success means where the platform says nothing more exact: 429 asks to wait; 408, 5xx and 401 (our
    /// credentials, not the reply) are for later; everything else is final.
    pub fn from_answer(answer: &Response) -> Self {
        match answer.status {
            StatusCode::TOO_MANY_REQUESTS => Self::Throttled(answer.retry_after()),
            StatusCode::REQUEST_TIMEOUT | StatusCode::UNAUTHORIZED => Self::Unreachable(status_error(answer.status)),
            status if status.is_server_error() => Self::Unreachable(status_error(status)),
            status => {
                Self::Rejected { code: status.as_u16().to_string(), detail: status.canonical_reason().unwrap_or_default().to_owned() }
            }
        }
    }

    /// The platform's final no.
    pub fn rejected(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Rejected { code: code.into(), detail: detail.into() }
    }
}

impl From<HttpError> for SendError {
    fn from(error: HttpError) -> Self {
        Self::Unreachable(error.into())
    }
}

/// An answer with a status that is no success.
#[derive(Debug, thiserror::Error)]
#[error("the platform answered {0}")]
struct StatusError(u16);

fn status_error(status: StatusCode) -> BoxError {
    StatusError(status.as_u16()).into()
}

/// The request is not from the platform. Answered 401 and counted; the message is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No signature, or none that can be read.
    #[error("the request is not signed")]
    Unsigned,
    /// A signature that is not over these bytes, or not with our secret.
    #[error("the signature is wrong")]
    WrongSignature,
    /// Signed rightly, but too old to be believed.
    #[error("the signature is too old")]
    Stale,
    /// From an address that may not call.
    #[error("the request comes from an address that may not call")]
    Stranger,
}

/// A replay stopped half-way. Begun again, it publishes nothing twice.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The configuration.
    #[error("the configuration cannot be used")]
    Config(#[from] ConfigError),
    /// The bus.
    #[error("the stored raw messages cannot be read")]
    Bus(#[from] bus::BusError),
    /// What is new could not be published.
    #[error("an event could not be published")]
    Publish(#[source] BoxError),
    /// What was seen could not be shown.
    #[error("the difference cannot be shown")]
    Show(#[from] std::io::Error),
}

impl From<model::Failure> for ReplayError {
    fn from(failure: model::Failure) -> Self {
        match failure {
            model::Failure::Retry { source, .. } | model::Failure::Park { source, .. } => Self::Publish(source),
        }
    }
}

/// The program cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration.
    #[error("the configuration cannot be used")]
    Config(#[from] ConfigError),
    /// The spool folder cannot be used.
    #[error("the spool {folder} cannot be opened")]
    Spool {
        /// Where.
        folder: String,
        /// Why not.
        #[source]
        source: BoxError,
    },
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A part of the program broke down: a fault in it.
    #[error("a part of the program broke down")]
    Broken(#[source] BoxError),
    /// `door.durability = "bus"`, and the bus keeps too few copies.
    #[error(
        "`door.durability = \"bus\"` needs a NATS cluster that keeps three copies of the stream RAW: set `bus.replicas = 3` for `muara`, or use \"spool\""
    )]
    Replicas,
    /// The bus refused us for good: a wrong password, a server that is too old.
    #[error("the bus cannot be used")]
    Bus(#[source] BoxError),
}
