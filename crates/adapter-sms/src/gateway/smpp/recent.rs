//! Which messages a centre may deliver again. SMPP gives a message no name: the same words of the same citizen are a second message, unless the
//! centre never heard our yes to the first. So each gets a name of ours at the door, in a file as long as it is not certain that the yes arrived:
//! it is, when the centre has said anything a while after it on the same link. A link that broke before that leaves the names, and what comes
//! again on the next one is known by them.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::Instant;
use tracing::warn;

use crate::parse::print;

/// Where the head of a PDU ends: the sequence number in it is another one each time.
const BODY: usize = 16;
/// A centre that never came back does not come back any more.
const FORGET: Duration = Duration::from_hours(7 * 24);

/// The messages of one link.
pub(super) struct Recent {
    folder: PathBuf,
    /// Of an earlier link, which ended before we knew that the yes had arrived.
    left: HashSet<String>,
    /// Of this link, by print.
    here: HashMap<String, Here>,
    /// A centre does not come again earlier than this for want of an answer.
    lag: Duration,
}

struct Here {
    name: String,
    came: Instant,
    /// When the yes was written.
    answered: Option<Instant>,
}

impl Recent {
    /// What an earlier link left in the folder.
    pub(super) fn open(folder: &Path, lag: Duration) -> Self {
        let mut left = HashSet::new();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let age = entry.metadata().ok().and_then(|metadata| metadata.modified().ok()).and_then(|at| at.elapsed().ok());
            if age.is_some_and(|age| age > FORGET) {
                let _ = fs::remove_file(entry.path()); // next time, then
            } else if let Ok(name) = entry.file_name().into_string() {
                left.insert(name);
            }
        }
        Self { folder: folder.to_owned(), left, here: HashMap::new(), lag }
    }

    /// The print by which a message is known, and its name.
    pub(super) fn name(&mut self, pdu: &[u8], now: adapter_sdk::Timestamp, came: Instant) -> (String, String) {
        let known = print(&[&String::from_utf8_lossy(pdu.get(4..8).unwrap_or_default()), &latin(pdu.get(BODY..).unwrap_or_default())]);
        if let Some(Here { name, came: before, answered: None }) = self.here.get(&known)
            && *before + self.lag <= came
        {
            return (known, name.clone());
        }
        let path = self.folder.join(&known);
        let again = if self.left.remove(&known) { fs::read_to_string(&path).ok().filter(|name| !name.is_empty()) } else { None };
        let name = again.unwrap_or_else(|| {
            let name = format!("{:x}-{}", now.as_nanosecond().max(0), &known[..8.min(known.len())]);
            if let Err(error) = fs::create_dir_all(&self.folder).and_then(|()| fs::write(&path, &name)) {
                warn!(error = &error as &dyn std::error::Error, "Could not note a message; delivered again it is taken for another one.");
            }
            name
        });
        self.here.insert(known.clone(), Here { name: name.clone(), came, answered: None });
        (known, name)
    }

    /// Yes was written, or no: then it comes again, and is not known yet.
    pub(super) fn answered(&mut self, known: &str, yes: bool, now: Instant) {
        if yes && let Some(here) = self.here.get_mut(known) {
            here.answered = Some(now);
        } else if !yes {
            self.forget(known);
        }
    }

    /// The centre said something at `heard`: every yes that was written a while before it has arrived.
    pub(super) fn arrived(&mut self, heard: Instant) {
        let lag = self.lag;
        let certain: Vec<String> = self
            .here
            .iter()
            .filter(|(_, here)| here.answered.is_some_and(|at| at + lag <= heard))
            .map(|(known, _)| known.clone())
            .collect();
        for known in certain {
            self.forget(&known);
        }
    }

    fn forget(&mut self, known: &str) {
        self.here.remove(known);
        let _ = fs::remove_file(self.folder.join(known)); // it is forgotten after a week, then
    }
}

/// Octets as a text that is another one for other octets.
fn latin(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use adapter_sdk::Timestamp;

    use super::*;

    fn pdu(sequence: u8, text: &str) -> Vec<u8> {
        [&[0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, sequence][..], text.as_bytes()].concat()
    }

    #[test]
    fn the_same_words_are_another_message_unless_the_centre_may_have_missed_our_yes() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let at = |second| Timestamp::from_second(second).expect("a time");
        let (began, lag) = (Instant::now(), Duration::from_secs(10));
        let mut link = Recent::open(folder.path(), lag);
        let (known, first) = link.name(&pdu(1, "1"), at(1), began);
        assert_eq!(link.name(&pdu(2, "1"), at(2), began + lag).1, first, "it has not been answered for long");
        assert_ne!(link.name(&pdu(2, "2"), at(2), began).1, first);
        let (_, twice) = link.name(&pdu(3, "1"), at(3), began);
        assert_ne!(twice, first, "nobody comes again so early: the citizen said it twice");
        link.answered(&known, true, began);
        let (_, second) = link.name(&pdu(4, "1"), at(4), began + lag);
        assert_ne!(second, twice, "and once more");
        link.answered(&known, true, began);

        // The link breaks: nobody knows whether the yes arrived.
        let mut next = Recent::open(folder.path(), lag);
        assert_eq!(next.name(&pdu(1, "1"), at(5), began).1, second);
        next.answered(&known, true, began);
        next.arrived(began + lag);
        drop(next);
        let mut last = Recent::open(folder.path(), lag);
        assert_ne!(last.name(&pdu(1, "1"), at(6), began).1, second, "the centre was there afterwards, so it heard yes");
        last.answered(&known, false, began);
        assert_eq!(
            fs::read_dir(folder.path()).expect("the folder").count(),
            1,
            "what is told no is not noted, and \"2\" never was answered"
        );
    }
}
