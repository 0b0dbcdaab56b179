//! What adapters say about themselves, again and again: the bucket `announced`, from which the core sees who is alive.

use std::time::Duration;

use futures::TryStreamExt;
use model::{AdapterName, Timestamp, room::Room};
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::{Bus, BusError, DoorNumber, streams::ANNOUNCED};

/// An adapter that has not announced itself for this long is missing.
pub const MISSING_AFTER: Duration = Duration::from_mins(1);

/// What an adapter says about itself. Times, counts and clauses; nothing a citizen wrote, no address, no secret.
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
    /// When the last raw message came in: also what was nothing for us.
    #[serde(default)]
    pub last_message: Option<Timestamp>,
    /// What went wrong last, one clause without personal data.
    #[serde(default)]
    pub last_error: Option<String>,
    /// When that was.
    #[serde(default)]
    pub last_error_at: Option<Timestamp>,
    /// Where its pages or its webhook are.
    #[serde(default)]
    pub url: Option<String>,
    /// Raw messages in its spool that the bus does not have yet.
    #[serde(default)]
    pub spool_waiting: u64,
    /// When the oldest of those came in.
    #[serde(default)]
    pub spool_oldest: Option<Timestamp>,
    /// Requests at its door whose signature was wrong, since it runs.
    #[serde(default)]
    pub refused: u64,
    /// When the last of those came.
    #[serde(default)]
    pub last_refused: Option<Timestamp>,
    /// How it goes with each account that had a message or a reply since it runs.
    #[serde(default)]
    pub by_account: Vec<AccountPulse>,
    /// What it signs in with and runs out, the first to end first.
    #[serde(default)]
    pub expiries: Vec<Expiry>,
    /// Its door and the last number that it said yes to; `None`: a door without a spool, or a release that did not number.
    #[serde(default)]
    pub door: Option<DoorNumber>,
    /// How much it can write at once; empty: as much as anybody types, or a release that did not say.
    #[serde(default)]
    pub room: Vec<Room>,
}

/// How it goes with one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountPulse {
    /// Which, as in the keys of its messages.
    pub account: String,
    /// When a citizen's message came in last.
    #[serde(default)]
    pub last_message: Option<Timestamp>,
    /// When the platform took a reply last.
    #[serde(default)]
    pub last_reply: Option<Timestamp>,
}

/// Something that the adapter needs and that ends: an access token, a subscription, a certificate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Expiry {
    /// When it ends.
    pub at: Timestamp,
    /// What it is, in two or three words: `access token`. Never the thing itself.
    pub what: String,
    /// For which account; `None`: for all of them.
    #[serde(default)]
    pub account: Option<String>,
    /// What to do about it, one sentence for the administrator.
    pub todo: String,
}

impl Announcement {
    /// That an adapter runs, and nothing else yet.
    pub fn new(adapter: AdapterName, version: &str, started_at: Timestamp) -> Self {
        Self {
            adapter,
            version: version.to_owned(),
            accounts: Vec::new(),
            started_at,
            last_seen: started_at,
            last_message: None,
            last_error: None,
            last_error_at: None,
            url: None,
            spool_waiting: 0,
            spool_oldest: None,
            refused: 0,
            last_refused: None,
            by_account: Vec::new(),
            expiries: Vec::new(),
            door: None,
            room: Vec::new(),
        }
    }

    /// Whether the adapter has been silent for longer than [`MISSING_AFTER`].
    pub fn is_missing(&self, now: Timestamp) -> bool {
        now.duration_since(self.last_seen).unsigned_abs() > MISSING_AFTER && now > self.last_seen
    }
}

impl Bus {
    /// Says that an adapter lives; to be said again well within [`MISSING_AFTER`].
    pub async fn announce(&self, announcement: &Announcement) -> Result<(), BusError> {
        let value = serde_json::to_vec(announcement)?.into();
        self.remember(ANNOUNCED, announcement.adapter.as_str(), value).await
    }

    /// What every adapter of the last 30 days said last, in the order of their names. The core alone may ask.
    pub async fn announced(&self) -> Result<Vec<Announcement>, BusError> {
        self.connected().await?;
        let find = || async {
            self.inner.jetstream.get_key_value(ANNOUNCED).await.map_err(|error| BusError::finding(error, "bucket `announced`"))
        };
        let bucket = self.inner.announced.get_or_try_init(find).await?;
        let mut names: Vec<String> =
            bucket.keys().await.map_err(BusError::unavailable)?.try_collect().await.map_err(BusError::unavailable)?;
        names.sort();
        let mut announced = Vec::with_capacity(names.len());
        for name in names {
            let value = match self.remembered(ANNOUNCED, &name).await {
                Ok(Some(value)) => value,
                // Somebody else's words under its name; the log says so. It hides nobody else.
                Ok(None) | Err(BusError::Refused(_)) => continue,
                Err(error) => return Err(error),
            };
            match serde_json::from_slice::<Announcement>(&value) {
                // Its credential lets it write under its own name only: what it says of another is nobody's word.
                Ok(said) if said.adapter.as_str() == name => announced.push(said),
                Ok(_) => warn!("The announcement of adapter {name} speaks of another."),
                Err(_) => warn!("The announcement of adapter {name} cannot be read; is it newer than the core?"),
            }
        }
        Ok(announced)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_is_missing_after_a_minute_of_silence() {
        let announcement = Announcement::new("mail".parse().expect("a name"), "1", Timestamp::UNIX_EPOCH);
        let after = |seconds| Timestamp::from_second(seconds).expect("in range");
        assert!(!announcement.is_missing(after(60)));
        assert!(announcement.is_missing(after(61)));
        assert!(!announcement.is_missing(after(-600)), "a clock that is behind is no silence");
    }

    #[test]
    fn an_adapter_of_an_older_release_is_understood() {
        let old = r#"{"adapter":"mail","version":"0.0.9","started_at":"2026-11-20T00:00:00Z","last_seen":"2026-11-20T00:01:00Z"}"#;
        let said: Announcement = serde_json::from_str(old).expect("fields are only ever added");
        assert_eq!((said.refused, said.by_account.len(), said.expiries.len()), (0, 0, 0));
    }
}
