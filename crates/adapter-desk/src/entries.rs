//! The list of the day: what slips need to be printed again. Numbers and codes, nothing about the citizen.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use adapter_sdk::{Language, Reference, Reply, Timestamp, TrackingCode, model::StaffId};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tracing::warn;
use uuid::Uuid;

/// Enough for the day and the morning after.
const KEPT: SignedDuration = SignedDuration::from_hours(36);

/// One entry, as its slip needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) id: Uuid,
    pub(crate) office: String,
    pub(crate) staff: StaffId,
    pub(crate) reference: Reference,
    pub(crate) tracking: TrackingCode,
    pub(crate) category: Option<String>,
    pub(crate) language: Language,
    pub(crate) at: Timestamp,
    /// A number for what was typed: tells an entry sent again from one that was changed.
    pub(crate) content: u64,
    /// The kind of contact that answers go to, if not to the slip.
    pub(crate) answered_by: Option<String>,
    /// Who has it and until when, once the core has said so.
    #[serde(default)]
    pub(crate) answer: Option<Answer>,
}

/// What the slip says of the acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) agency: Option<String>,
    pub(crate) deadline: Option<String>,
}

/// The last entries, in memory and in a file of the spool's folder.
#[derive(Debug)]
pub(crate) struct Entries {
    most: usize,
    kept: Mutex<VecDeque<Entry>>,
    file: OnceLock<PathBuf>,
    writing: tokio::sync::Mutex<()>,
}

impl Entries {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, kept: Mutex::default(), file: OnceLock::new(), writing: tokio::sync::Mutex::default() }
    }

    /// Reads what the last process left, drops what is old, and writes there from now on. Without a readable file the list begins empty:
    /// the entries themselves are in the spool and with the core.
    pub(crate) fn open(&self, folder: &Path, now: Timestamp) {
        let path = folder.join("entries.jsonl");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        for entry in text.lines().filter_map(|line| serde_json::from_str::<Entry>(line).ok()) {
            if entry.at + KEPT > now {
                self.keep(entry);
            }
        }
        let lines: String = self.kept().iter().filter_map(line).collect();
        if let Err(error) = std::fs::write(&path, lines) {
            warn!(error = %error, "Cannot keep the list of the day in {}: reprints end with this process.", path.display());
        }
        let _ = self.file.set(path);
    }

    pub(crate) fn get(&self, id: Uuid) -> Option<Entry> {
        self.kept().iter().find(|entry| entry.id == id).cloned()
    }

    /// The entries of an office since a moment, the newest first.
    pub(crate) fn of(&self, office: &str, since: Timestamp) -> Vec<Entry> {
        let of_office = |entry: &&Entry| entry.office == office && entry.at >= since;
        let mut found: Vec<Entry> = self.kept().iter().filter(of_office).cloned().collect();
        found.sort_by_key(|entry| std::cmp::Reverse(entry.at));
        found
    }

    /// Adds an entry, or puts it in place of an earlier one with the same id.
    pub(crate) async fn put(&self, entry: Entry) {
        self.keep(entry.clone());
        self.write(&entry).await;
    }

    /// Notes the acknowledgement. An entry that is no longer kept needs none.
    pub(crate) async fn answered(&self, id: &str, reply: &Reply) {
        let fact = |name: &str| reply.params.get(name).cloned();
        let changed = id.parse().ok().and_then(|id| self.get(id)).map(|entry| {
            let old = entry.answer.clone();
            let agency = fact("agency").or_else(|| old.as_ref().and_then(|answer| answer.agency.clone()));
            let deadline = fact("deadline").or_else(|| old.and_then(|answer| answer.deadline));
            Entry { answer: Some(Answer { agency, deadline }), ..entry }
        });
        if let Some(entry) = changed {
            self.put(entry).await;
        }
    }

    fn keep(&self, entry: Entry) {
        let mut kept = self.kept();
        kept.retain(|known| known.id != entry.id);
        if kept.len() >= self.most {
            kept.pop_front();
        }
        kept.push_back(entry);
    }

    async fn write(&self, entry: &Entry) {
        let (Some(path), Some(line)) = (self.file.get(), line(entry)) else { return };
        let _one_at_a_time = self.writing.lock().await;
        let written = async {
            let mut file = tokio::fs::OpenOptions::new().append(true).create(true).open(path).await?;
            file.write_all(line.as_bytes()).await?;
            file.flush().await
        };
        if let Err(error) = written.await {
            warn!(error = %error, "Could not note an entry in the list of the day.");
        }
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn line(entry: &Entry) -> Option<String> {
    serde_json::to_string(entry).ok().map(|json| json + "\n")
}

#[cfg(test)]
mod tests {
    use adapter_sdk::{Adapter, MessageKey};

    use super::*;
    use crate::Desk;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).expect("a time")
    }

    fn entry(n: u128, second: i64) -> Entry {
        let id = Uuid::from_u128(n);
        let key = MessageKey { adapter: Desk::NAME.parse().expect("a name"), account: "kel-a".into(), id: id.to_string() };
        Entry {
            id,
            office: "kel-a".into(),
            staff: StaffId(Uuid::nil()),
            reference: Reference::of(&key, 0),
            tracking: "AAAAAAAAAAAAAAAAAAAAAA".parse().expect("a code"),
            category: None,
            language: Language::Id,
            at: at(second),
            content: 1,
            answered_by: None,
            answer: None,
        }
    }

    #[tokio::test]
    async fn the_list_is_there_after_a_restart_without_what_is_old() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Entries::new(10);
        first.open(folder.path(), at(0));
        first.put(entry(1, 0)).await;
        first.put(entry(2, 100_000)).await;
        first.put(Entry { content: 9, ..entry(2, 100_000) }).await;
        let second = Entries::new(10);
        second.open(folder.path(), at(130_000));
        let ids: Vec<u128> = second.of("kel-a", at(0)).iter().map(|entry| entry.id.as_u128()).collect();
        assert_eq!(ids, [2]);
        assert_eq!(second.get(Uuid::from_u128(2)).map(|entry| entry.content), Some(9));
        assert!(second.of("kel-b", at(0)).is_empty());
    }

    #[tokio::test]
    async fn the_list_is_bounded_and_the_oldest_goes_first() {
        let entries = Entries::new(2);
        for n in 1..=3 {
            entries.put(entry(n, i64::try_from(n).expect("small"))).await;
        }
        let ids: Vec<u128> = entries.of("kel-a", at(0)).iter().map(|entry| entry.id.as_u128()).collect();
        assert_eq!(ids, [3, 2]);
    }

    #[test]
    fn a_torn_last_line_loses_only_itself() {
        let folder = tempfile::tempdir().expect("a folder");
        let good = line(&entry(1, 0)).expect("a line");
        std::fs::write(folder.path().join("entries.jsonl"), format!("{good}{}", &good[..20])).expect("written");
        let entries = Entries::new(10);
        entries.open(folder.path(), at(1));
        assert_eq!(entries.of("kel-a", at(0)).len(), 1);
    }
}
