//! Whose shift a page was drawn in: a word that the door sealed. It goes with every entry, so that one which was written without a line,
//! or is sent after somebody else signed in at the same browser, still says who wrote it.

use adapter_sdk::{Timestamp, form::Mint, model::StaffId};
use serde::{Deserialize, Serialize};

use crate::session::Session;

const PURPOSE: &str = "shift";

/// Who, where, until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shift {
    pub(crate) staff: StaffId,
    pub(crate) name: String,
    pub(crate) office: String,
    pub(crate) until: Timestamp,
}

impl Shift {
    pub(crate) fn of(session: &Session) -> Self {
        let clerk = session.clerk.clone();
        Self { staff: clerk.staff, name: clerk.name, office: clerk.office, until: clerk.expires_at }
    }

    /// The same for the same session.
    pub(crate) fn word(&self, mint: &Mint) -> String {
        mint.word(PURPOSE, &serde_json::to_string(self).unwrap_or_default())
    }

    /// Reads a word of this door; one that is over still says who wrote.
    pub(crate) fn read(mint: &Mint, word: &str) -> Option<Self> {
        serde_json::from_str(&mint.read(PURPOSE, word)?).ok()
    }
}
