//! Which replies are on their way. X has no key for repetitions, so we write down that we are about to post before we post: whoever
//! finds a reply begun and not ended looks first whether it is there.
//!
//! Holds ids and times, neither words nor names.

use std::{collections::BTreeMap, io};

use adapter_sdk::{Folder, ReplyId, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, MutexGuard};

const FILE: &str = "replies.json";
/// How many replies are remembered, the newest. A reply is tried for about a day, and parked then.
const MOST: usize = 1000;

/// How far a reply got.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// The ids of the parts that are out, in order.
    pub(crate) parts: Vec<String>,
    /// Set while the next part may be out or not: since when.
    #[serde(default)]
    pub(crate) begun: Option<Timestamp>,
    /// All parts are out.
    #[serde(default)]
    pub(crate) ended: bool,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: Folder,
    all: Mutex<Option<BTreeMap<ReplyId, Progress>>>,
}

impl Journal {
    pub(crate) fn new(folder: Folder) -> Self {
        Self { folder, all: Mutex::default() }
    }

    pub(crate) async fn of(&self, reply: ReplyId) -> io::Result<Progress> {
        Ok(self.all().await?.get_or_insert_default().get(&reply).cloned().unwrap_or_default())
    }

    /// `Ok` means it is on the disk.
    pub(crate) async fn note(&self, reply: ReplyId, progress: &Progress) -> io::Result<()> {
        let mut all = self.all().await?;
        let known = all.get_or_insert_default();
        if *progress == Progress::default() {
            known.remove(&reply);
        } else {
            known.insert(reply, progress.clone());
        }
        while known.len() > MOST {
            known.pop_first(); // ids are made in the order of time
        }
        self.folder.write(FILE, known).await
    }

    async fn all(&self) -> io::Result<MutexGuard<'_, Option<BTreeMap<ReplyId, Progress>>>> {
        let mut all = self.all.lock().await;
        if all.is_none() {
            *all = Some(self.folder.read(FILE).await?.unwrap_or_default());
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_begun_is_known_after_a_restart() {
        let place = tempfile::TempDir::new().expect("a folder");
        let now = "2026-11-21T09:00:00Z".parse().expect("a time");
        let reply = ReplyId::new(now);
        let begun = Progress { parts: vec!["1".into()], begun: Some(now), ended: false };
        Journal::new(Folder::new(place.path())).note(reply, &begun).await.expect("written");
        let journal = Journal::new(Folder::new(place.path()));
        assert_eq!(journal.of(reply).await.expect("read"), begun);
        assert_eq!(journal.of(ReplyId::new(now)).await.expect("read"), Progress::default());
        journal.note(reply, &Progress::default()).await.expect("written");
        assert_eq!(Journal::new(Folder::new(place.path())).of(reply).await.expect("read"), Progress::default());
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_is_an_error_and_not_a_shrug() {
        let place = tempfile::TempDir::new().expect("a folder");
        std::fs::write(place.path().join("file"), "in the way").expect("written");
        let journal = Journal::new(Folder::new(&place.path().join("file")));
        let reply = ReplyId::new(Timestamp::UNIX_EPOCH);
        assert!(journal.note(reply, &Progress { ended: true, ..Progress::default() }).await.is_err());
    }
}
