//! What to do with a delivery that was not handled: again, or never.

use std::time::Duration;

/// The cause of a failure, whatever its type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Why a delivery was not handled, and what to do about it. Anything unknown is [`Failure::Retry`]; the bus parks what has failed
/// too often, so nothing loops for ever and nothing is dropped.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Come back later: the fault is in our surroundings.
    #[error("not now")]
    Retry {
        /// How long to wait; `None` lets the bus choose.
        after: Option<Duration>,
        /// What went wrong.
        source: BoxError,
    },
    /// Keep it aside for a person: the fault is in the message, and trying again will not mend it.
    #[error("parked: {reason}")]
    Park {
        /// One clause for the page of parked messages, without personal data.
        reason: &'static str,
        /// What went wrong.
        source: BoxError,
    },
}

impl Failure {
    /// Comes back after the bus's own pause.
    pub fn retry(source: impl Into<BoxError>) -> Self {
        Self::Retry { after: None, source: source.into() }
    }

    /// Set aside at once.
    pub fn park(reason: &'static str, source: impl Into<BoxError>) -> Self {
        Self::Park { reason, source: source.into() }
    }
}
