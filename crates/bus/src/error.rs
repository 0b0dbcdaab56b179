//! What can go wrong on the bus, and what a handler makes of it.

use std::error::Error;

use async_nats::{
    StatusCode,
    jetstream::{
        self, ErrorCode,
        context::{CreateStreamError, CreateStreamErrorKind, GetStreamError, GetStreamErrorKind, PublishError, PublishErrorKind},
        stream::{DirectGetError, DirectGetErrorKind},
    },
};
use model::{BoxError, Failure};

/// Why the bus did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BusError {
    /// The bus does not answer, or not in time. What was asked may have happened all the same: ask again with the same ids.
    #[error("the bus does not answer")]
    Unavailable(#[source] BoxError),
    /// The server is older than what Muara is tried with.
    #[error(
        "the NATS server is version {version}, and Muara needs 2.10 or newer: install a newer nats-server, \
         or let the setting `bus.url` point at one"
    )]
    TooOld {
        /// What the server calls itself.
        version: String,
    },
    /// The server keeps nothing.
    #[error(
        "the NATS server runs without JetStream: start it with `--jetstream`, or add `jetstream {{ store_dir: … }}` to its configuration"
    )]
    NoJetStream,
    /// The setting `bus.url` is no address of a NATS server.
    #[error(
        "the setting `bus.url` is not the address of a NATS server: write it like `nats://127.0.0.1:4222`, several with commas between"
    )]
    Address(#[source] BoxError),
    /// A stream or bucket is not there: the core creates them when it starts.
    #[error("the bus has no {0} yet: start `muara` once, it creates what is missing")]
    Missing(String),
    /// A stream has reached its limit and takes nothing more until something is read or removed.
    #[error("the bus is full")]
    Full(#[source] BoxError),
    /// More bytes than one message may have.
    #[error("{bytes} bytes are too much for one message")]
    TooLarge {
        /// How many there were.
        bytes: usize,
    },
    /// It cannot be written as JSON, or read back.
    #[error("the message cannot be written or read as JSON")]
    Encoding(#[from] serde_json::Error),
    /// The bus understood, and said no.
    #[error("the bus refused")]
    Refused(#[source] BoxError),
}

impl BusError {
    pub(crate) fn unavailable(cause: impl Into<BoxError>) -> Self {
        Self::Unavailable(cause.into())
    }

    pub(crate) fn refused(cause: impl Into<BoxError>) -> Self {
        Self::Refused(cause.into())
    }

    /// Why a stream, bucket or store was not found.
    pub(crate) fn finding(error: impl Error + Send + Sync + 'static, what: &str) -> Self {
        if says_not_found(&error) { Self::Missing(what.to_owned()) } else { Self::unavailable(error) }
    }

    /// Why a stored message was not read.
    pub(crate) fn reading(error: DirectGetError, stream: &str) -> Self {
        match error.kind() {
            DirectGetErrorKind::ErrorResponse(StatusCode::NO_RESPONDERS, _) => Self::Missing(format!("stream {stream}")),
            _ => Self::unavailable(error),
        }
    }

    /// Why a publish was not accepted.
    pub(crate) fn publishing(error: PublishError, subject: &str, bytes: usize) -> Self {
        match error.kind() {
            PublishErrorKind::StreamNotFound => Self::Missing(format!("stream for `{subject}`")),
            PublishErrorKind::MaxPayloadExceeded => Self::TooLarge { bytes },
            PublishErrorKind::Other if is_full(&error) => Self::Full(error.into()),
            PublishErrorKind::Other if server_said(&error).is_some() => Self::refused(error),
            _ => Self::unavailable(error),
        }
    }

    /// Why a stream was not created.
    pub(crate) fn creating(error: CreateStreamError) -> Self {
        match error.kind() {
            CreateStreamErrorKind::TimedOut | CreateStreamErrorKind::JetStreamUnavailable | CreateStreamErrorKind::Response => {
                Self::unavailable(error)
            }
            CreateStreamErrorKind::JetStream(said) if said.error_code() == ErrorCode::STORAGE_RESOURCES_EXCEEDED => {
                Self::Full(error.into())
            }
            _ => Self::refused(error),
        }
    }
}

/// Whether the server said that there is no such stream; looks through the causes.
pub(crate) fn says_not_found(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref::<GetStreamError>() {
            return matches!(found.kind(), GetStreamErrorKind::JetStream(said) if said.error_code() == ErrorCode::STREAM_NOT_FOUND);
        }
        next = cause.source();
    }
    false
}

/// The answer of the server inside an error of the client, if it was one.
fn server_said(error: &PublishError) -> Option<&jetstream::Error> {
    error.source()?.downcast_ref()
}

/// A stream at its limit says "store failed"; a server out of disk says that it has no resources.
fn is_full(error: &PublishError) -> bool {
    let full = [
        ErrorCode::STREAM_STORE_FAILED,
        ErrorCode::INSUFFICIENT_RESOURCES,
        ErrorCode::STORAGE_RESOURCES_EXCEEDED,
        ErrorCode::ACCOUNT_RESOURCES_EXCEEDED,
    ];
    server_said(error).is_some_and(|said| full.contains(&said.error_code()))
}

impl From<BusError> for Failure {
    /// Everything passes, except what is wrong with the message itself.
    fn from(error: BusError) -> Self {
        match error {
            BusError::Encoding(_) => Self::park("cannot be written as JSON", error),
            BusError::TooLarge { .. } => Self::park("too large for the bus", error),
            _ => Self::retry(error),
        }
    }
}

/// An error and its causes in one line, outermost first; control characters cannot survive in a header.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut line = String::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let words = cause.to_string();
        // Some causes repeat themselves in what they caused.
        if !line.ends_with(&words) {
            if !line.is_empty() {
                line.push_str(": ");
            }
            line.push_str(&words);
        }
        next = cause.source();
    }
    one_line(&line)
}

/// At most 500 characters without control characters.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().take(500).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn a_chain_is_one_line_without_repetition() {
        assert_eq!(chain(&Outer(std::io::Error::other("inner\nmore"))), "outer: inner more");
        assert_eq!(chain(&Outer(std::io::Error::other("outer"))), "outer");
    }

    #[test]
    fn only_the_messages_own_faults_are_parked() {
        assert!(matches!(BusError::TooLarge { bytes: 1 }.into(), Failure::Park { .. }));
        assert!(matches!(BusError::unavailable("gone").into(), Failure::Retry { after: None, .. }));
    }
}
