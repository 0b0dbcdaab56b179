//! What the work lists of mails share: what became of a mail, and what is written of it.

use std::time::Duration;

use model::Timestamp;

use crate::convert::{At, at, later};

/// What became of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailOutcome {
    /// The server took it.
    Delivered,
    /// Not now.
    Retry {
        /// How long to wait.
        after: Duration,
        /// For staff, without personal data.
        error: String,
    },
    /// Never.
    Refused {
        /// For staff, without personal data.
        error: String,
    },
}

/// How far a mail is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailState {
    /// It is still to be sent.
    Due,
    /// The server took it.
    Delivered,
    /// Nobody gets it.
    Refused,
}

impl MailState {
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        match word {
            "due" => Some(Self::Due),
            "delivered" => Some(Self::Delivered),
            "refused" => Some(Self::Refused),
            _ => None,
        }
    }
}

/// The columns that say it.
pub(crate) struct Written {
    pub(crate) state: &'static str,
    /// `None`: as before.
    pub(crate) due_at: Option<At>,
    pub(crate) error: Option<String>,
}

impl MailOutcome {
    pub(crate) fn written(self, now: Timestamp) -> Written {
        match self {
            Self::Delivered => Written { state: "delivered", due_at: None, error: None },
            Self::Retry { after, error } => Written { state: "due", due_at: Some(at(later(now, after))), error: Some(error) },
            Self::Refused { error } => Written { state: "refused", due_at: None, error: Some(error) },
        }
    }
}
