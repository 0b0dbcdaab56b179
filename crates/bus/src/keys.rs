//! What adapters remember.
use crate::{Bus, BusError};
use model::{AdapterName, ReplyId, Timestamp};
use serde::{Deserialize, Serialize};

/// What an adapter says about itself, again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// Who.
    pub adapter: AdapterName,
    /// Which release.
    pub version: String,
    /// The accounts it serves.
    #[serde(default)]
    pub accounts: Vec<String>,
    /// Since when it runs.
    pub started_at: Timestamp,
    /// When it said this.
    pub last_seen: Timestamp,
    /// When the last raw message came in.
    #[serde(default)]
    pub last_message: Option<Timestamp>,
    /// What went wrong last, one clause without personal data.
    #[serde(default)]
    pub last_error: Option<String>,
    /// Where its pages or its webhook are.
    #[serde(default)]
    pub url: Option<String>,
    /// Raw messages in its spool that the bus does not have yet.
    #[serde(default)]
    pub spool_waiting: u64,
}

impl Bus {
    /// Where a poller stands in one account; `None`: at the beginning.
    pub async fn cursor(&self, _adapter: &AdapterName, _account: &str) -> Result<Option<Vec<u8>>, BusError> {
        todo!()
    }
    /// Moves it. Only after everything before it is [`crate::Accepted`].
    pub async fn move_cursor(&self, _adapter: &AdapterName, _account: &str, _cursor: &[u8]) -> Result<(), BusError> {
        todo!()
    }
    /// The platform's id of a reply that was sent within the last 30 days.
    pub async fn sent(&self, _reply: ReplyId) -> Result<Option<String>, BusError> {
        todo!()
    }
    /// Remembers for 30 days that a reply was sent.
    pub async fn mark_sent(&self, _reply: ReplyId, _platform_id: &str) -> Result<(), BusError> {
        todo!()
    }
    /// Says that an adapter lives.
    pub async fn announce(&self, _announcement: &Announcement) -> Result<(), BusError> {
        todo!()
    }
    /// What every adapter said last, by name.
    pub async fn announced(&self) -> Result<Vec<Announcement>, BusError> {
        todo!()
    }
}
