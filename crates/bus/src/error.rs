//! What can go wrong on the bus, and what a handler makes of it.

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
    /// The setting `bus.url` is no address of a NATS server.
    #[error("`{url}` is not the address of a NATS server: write it like `nats://127.0.0.1:4222`, several with commas between")]
    Address {
        /// What the setting says.
        url: String,
        /// What is wrong with it.
        #[source]
        source: BoxError,
    },
    /// A stream or bucket is not there: the core creates them when it starts.
    #[error("the bus has no {0} yet: start `muara` once, it creates what is missing")]
    Missing(&'static str),
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
