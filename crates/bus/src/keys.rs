//! What adapters remember and say about themselves: they have no database, so it is kept here.

use std::time::Duration;

use async_nats::jetstream::kv::Store;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use futures::TryStreamExt;
use model::{AdapterName, ReplyId, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;
use tracing::warn;

use crate::{
    Bus, BusError,
    streams::{ANNOUNCED, CURSOR, SENT},
};

/// An adapter that has not announced itself for this long is missing.
pub const MISSING_AFTER: Duration = Duration::from_mins(1);

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

impl Announcement {
    /// Whether the adapter has been silent for longer than [`MISSING_AFTER`].
    pub fn is_missing(&self, now: Timestamp) -> bool {
        now.duration_since(self.last_seen).unsigned_abs() > MISSING_AFTER && now > self.last_seen
    }
}

impl Bus {
    /// Where a poller stands in one account; `None`: at the beginning.
    pub async fn cursor(&self, adapter: &AdapterName, account: &str) -> Result<Option<Vec<u8>>, BusError> {
        let value = read(self.bucket(&self.inner.cursor, CURSOR).await?, &cursor_key(adapter, account)).await?;
        Ok(value.map(Vec::from))
    }

    /// Moves it; only after everything before it is [`Accepted`](crate::Accepted).
    pub async fn move_cursor(&self, adapter: &AdapterName, account: &str, cursor: &[u8]) -> Result<(), BusError> {
        let value = Bytes::copy_from_slice(cursor);
        write(self.bucket(&self.inner.cursor, CURSOR).await?, &cursor_key(adapter, account), value).await
    }

    /// The platform's id of a reply that was sent within the last 30 days; `None`: not sent, as far as anyone knows.
    pub async fn sent(&self, reply: ReplyId) -> Result<Option<String>, BusError> {
        let value = read(self.bucket(&self.inner.sent, SENT).await?, &reply.to_string()).await?;
        Ok(value.map(|id| String::from_utf8_lossy(&id).into_owned()))
    }

    /// Remembers for 30 days that a reply was sent, and what the platform calls it (empty where it says nothing).
    pub async fn mark_sent(&self, reply: ReplyId, platform_id: &str) -> Result<(), BusError> {
        let value = Bytes::copy_from_slice(platform_id.as_bytes());
        write(self.bucket(&self.inner.sent, SENT).await?, &reply.to_string(), value).await
    }

    /// Says that an adapter lives; to be said again well within [`MISSING_AFTER`].
    pub async fn announce(&self, announcement: &Announcement) -> Result<(), BusError> {
        let value = serde_json::to_vec(announcement)?.into();
        write(self.bucket(&self.inner.announced, ANNOUNCED).await?, announcement.adapter.as_str(), value).await
    }

    /// What every adapter of the last 30 days said last, in the order of their names.
    pub async fn announced(&self) -> Result<Vec<Announcement>, BusError> {
        let bucket = self.bucket(&self.inner.announced, ANNOUNCED).await?;
        let mut names: Vec<String> =
            bucket.keys().await.map_err(BusError::unavailable)?.try_collect().await.map_err(BusError::unavailable)?;
        names.sort();
        let mut announced = Vec::with_capacity(names.len());
        for name in names {
            let Some(value) = read(bucket, &name).await? else { continue };
            if let Ok(announcement) = serde_json::from_slice(&value) {
                announced.push(announcement);
            } else {
                warn!("The announcement of adapter {name} cannot be read; is it newer than the core?");
            }
        }
        Ok(announced)
    }

    async fn bucket<'a>(&self, cell: &'a OnceCell<Store>, name: &str) -> Result<&'a Store, BusError> {
        self.connected().await?;
        let find = || async {
            self.inner.jetstream.get_key_value(name).await.map_err(|error| BusError::finding(error, &format!("bucket `{name}`")))
        };
        cell.get_or_try_init(find).await
    }
}

async fn read(bucket: &Store, key: &str) -> Result<Option<Bytes>, BusError> {
    bucket.get(key).await.map_err(BusError::unavailable)
}

async fn write(bucket: &Store, key: &str, value: Bytes) -> Result<(), BusError> {
    bucket.put(key, value).await.map(drop).map_err(BusError::unavailable)
}

/// Accounts are the platform's words; keys take few characters. The adapter's name comes first, so that the server can give each adapter
/// its own cursors only.
fn cursor_key(adapter: &AdapterName, account: &str) -> String {
    format!("{adapter}.a{}", BASE64_URL_SAFE_NO_PAD.encode(account))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_account_makes_a_key() {
        let adapter: AdapterName = "mail".parse().expect("a name");
        for account in ["", "a b", "lapor@kota.example", "日本", "a.*.>"] {
            let key = cursor_key(&adapter, account);
            assert!(key.starts_with("mail.a"), "{key}");
            assert!(key.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)), "{key}");
        }
    }

    #[test]
    fn an_adapter_is_missing_after_a_minute_of_silence() {
        let seen = Timestamp::UNIX_EPOCH;
        let announcement = Announcement {
            adapter: "mail".parse().expect("a name"),
            version: "1".into(),
            accounts: Vec::new(),
            started_at: seen,
            last_seen: seen,
            last_message: None,
            last_error: None,
            url: None,
            spool_waiting: 0,
        };
        let after = |seconds| Timestamp::from_second(seconds).expect("in range");
        assert!(!announcement.is_missing(after(60)));
        assert!(announcement.is_missing(after(61)));
        assert!(!announcement.is_missing(after(-600)), "a clock that is behind is no silence");
    }
}
