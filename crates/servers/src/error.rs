//! What can go wrong with a server, in sentences that say what to do.

use std::{io, path::PathBuf};

/// Why a server could not be found, started or asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program is not on this machine, or only too old a version of it.
    #[error("{what} was not found: {advice}")]
    Missing {
        /// What is missing, with the version that is needed.
        what: &'static str,
        /// What was looked at and what to install.
        advice: String,
    },
    /// The folder cannot be used by the server, and why.
    #[error("{folder} cannot hold the data of {what}: {why}")]
    Folder {
        /// Which server.
        what: &'static str,
        /// The folder that was given.
        folder: PathBuf,
        /// Why not, and what to do about it.
        why: String,
    },
    /// The server was started and did not come to answer.
    #[error("{what} did not start: {why}")]
    Start {
        /// Which server.
        what: &'static str,
        /// Its own last words, or how long was waited.
        why: String,
    },
    /// The server refused a statement.
    #[error("PostgreSQL refused `{statement}`: {message}")]
    Refused {
        /// What was asked.
        statement: String,
        /// What it answered.
        message: String,
    },
    /// A file, a folder, a socket or a process could not be used.
    #[error("cannot {doing}")]
    Io {
        /// What was being done.
        doing: String,
        /// Why it did not work.
        #[source]
        source: io::Error,
    },
}

/// `result.doing(|| "read x")`: says what was being done when an I/O error came.
pub(crate) trait Doing<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|source| Error::Io { doing: what(), source })
    }
}
