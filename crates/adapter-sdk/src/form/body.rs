//! Bodies with photos, read within a budget of memory and of patience.

use std::{sync::Arc, time::Duration};

use axum::http::StatusCode;
use bytes::Bytes;
use futures::StreamExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout, timeout_at},
};

/// One unit of the budget.
const UNIT: usize = 1024;
/// Units that are taken at once: few locks for a photo, little waste for a small message.
const STEP: u32 = 16;

/// How much memory all bodies that are being read or spooled may take together. A full budget is a visible "not now", never a
/// process that dies with everybody's forms.
#[derive(Debug, Clone)]
pub struct Budget {
    room: Arc<Semaphore>,
}

/// A body, and its share of the budget: keep it until the bytes are spooled.
#[derive(Debug)]
pub struct Body {
    /// The bytes.
    pub bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

/// How long a body may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// From its first byte to its last.
    pub whole: Duration,
    /// Between two pieces.
    pub pause: Duration,
}

impl Default for Patience {
    /// Five megabytes over a village's 2G line take ten minutes; a line that is silent for a minute is gone.
    fn default() -> Self {
        Self { whole: Duration::from_mins(15), pause: Duration::from_mins(1) }
    }
}

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// More bytes than one form may have.
    #[error("the body is too large")]
    TooLarge,
    /// The budget is used up by others.
    #[error("too many forms at once")]
    Busy,
    /// The sender was too slow.
    #[error("the body came too slowly")]
    Slow,
    /// The line broke.
    #[error("the body ended early")]
    Broken,
}

impl BodyError {
    /// What HTTP calls it, and the key of the words for it in the word files of `ui`; they may name `{mb}`, how large a body may be.
    pub fn told(self) -> (StatusCode, &'static str) {
        match self {
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "form.too_large"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "form.busy"),
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, "form.slow"),
            Self::Broken => (StatusCode::BAD_REQUEST, "form.slow"),
        }
    }
}

impl Budget {
    /// So many bytes for all bodies together.
    pub fn new(bytes: usize) -> Self {
        Self { room: Arc::new(Semaphore::new((bytes / UNIT).min(Semaphore::MAX_PERMITS))) }
    }

    /// Reads a body of at most `most` bytes. What is over is read and thrown away, up to twice the limit: a browser shows our answer
    /// only when it could send all.
    pub async fn read(&self, body: axum::body::Body, most: usize, patience: Patience) -> Result<Body, BodyError> {
        let end = Instant::now() + patience.whole;
        let mut pieces = body.into_data_stream();
        let mut held: Option<OwnedSemaphorePermit> = None;
        let mut room = 0;
        let mut bytes = Vec::new();
        let mut failed = None;
        let mut seen = 0;
        while let Some(piece) = timeout_at(end, timeout(patience.pause, pieces.next())).await.map_err(slow)?.map_err(slow)? {
            let piece = piece.map_err(|_| BodyError::Broken)?;
            seen += piece.len();
            if seen > most {
                failed = Some(BodyError::TooLarge);
            }
            while failed.is_none() && room < seen {
                match self.room.clone().try_acquire_many_owned(STEP) {
                    Ok(more) => match &mut held {
                        Some(held) => held.merge(more),
                        None => held = Some(more),
                    },
                    Err(_) => failed = Some(BodyError::Busy),
                }
                room += STEP as usize * UNIT;
            }
            if failed.is_none() {
                bytes.extend_from_slice(&piece);
            } else {
                bytes = Vec::new();
                held = None;
            }
            if seen > 2 * most {
                break;
            }
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(Body { bytes: bytes.into(), _room: held }),
        }
    }
}

fn slow(_: tokio::time::error::Elapsed) -> BodyError {
    BodyError::Slow
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    async fn read(budget: &Budget, bytes: usize) -> Result<Body, BodyError> {
        budget.read(axum::body::Body::from(vec![1; bytes]), 2 * MIB, Patience::default()).await
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused_and_one_at_the_limit_is_read() {
        let budget = Budget::new(16 * MIB);
        assert_eq!(read(&budget, 2 * MIB).await.map(|body| body.bytes.len()).ok(), Some(2 * MIB));
        assert_eq!(read(&budget, 2 * MIB + 1).await.err(), Some(BodyError::TooLarge));
    }

    #[tokio::test]
    async fn a_full_budget_says_not_now_until_a_body_is_let_go() {
        let budget = Budget::new(3 * MIB);
        let first = read(&budget, 2 * MIB).await.expect("room");
        assert_eq!(read(&budget, 2 * MIB).await.err(), Some(BodyError::Busy));
        drop(first);
        assert!(read(&budget, 2 * MIB).await.is_ok());
        assert!(read(&budget, 2 * MIB).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_line_is_given_up() {
        let body = axum::body::Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
        assert_eq!(Budget::new(MIB).read(body, MIB, Patience::default()).await.err(), Some(BodyError::Slow));
    }

    #[tokio::test]
    async fn a_broken_line_is_no_form() {
        let pieces = [Ok(Bytes::from_static(b"half")), Err(std::io::Error::other("gone"))];
        let body = axum::body::Body::from_stream(futures::stream::iter(pieces));
        assert_eq!(Budget::new(MIB).read(body, MIB, Patience::default()).await.err(), Some(BodyError::Broken));
    }
}
