//! Bodies without accounts get the link to their task through the adapter of a chat or of text messages, where they have such an address: claimed,
//! worded, handed to the bus. Each try brings a link of its own, under the same id: of two the adapter sends one, and both open the task.

use std::{fmt, time::Duration};

use bus::Bus;
use jiff::Timestamp;
use metrics::counter;
use model::{Directory, Language, Reply, Site, TraceId, task::Request};
use store::{
    PgPool, StoreError,
    task::message::{self, ClaimedMessage},
};
use tracing::{info, warn};

use crate::{
    known::Known,
    replies::{FIRST_PAUSE, LONGEST_PAUSE, doubled},
    wake::{Round, causes},
};

/// The work list of messages with links to tasks, and what it needs.
pub struct TaskMessages {
    db: PgPool,
    bus: Bus,
    site: Site,
    language: Language,
    directory: Known,
}

/// How many one round takes.
const MOST: u16 = 64;
/// Longer than a round can last, the bus's own patience included.
const LEASE: Duration = Duration::from_mins(2);

impl fmt::Debug for TaskMessages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskMessages").field("site", &self.site).finish_non_exhaustive()
    }
}

impl TaskMessages {
    /// What it needs; no I/O.
    pub fn new(db: PgPool, bus: Bus, site: Site, language: Language) -> Self {
        Self { db, bus, site, language, directory: Known::default() }
    }

    /// Publishes what is due.
    pub async fn round(&self, now: Timestamp) -> Result<Round, StoreError> {
        let claimed = message::claim(&self.db, now, LEASE, MOST).await?;
        if claimed.is_empty() {
            return Ok(Round::Drained);
        }
        let round = if claimed.len() == usize::from(MOST) { Round::Full } else { Round::Drained };
        let directory = self.directory.now(&self.db).await?;
        let worded: Vec<(Reply, TraceId)> = claimed.iter().map(|one| (self.word(one, &directory), one.trace)).collect();
        let answers = self.bus.publish_replies(&worded).await;
        for (claimed, answer) in claimed.into_iter().zip(answers) {
            match answer {
                Ok(_) => self.settle(claimed).await?,
                Err(error) => {
                    let (trace, reference) = (claimed.trace, claimed.reference);
                    warn!(trace.id = %trace, "The bus did not take the link to a task of complaint {reference}: {}.", causes(&error));
                    self.put_back(claimed, now).await?;
                }
            }
        }
        Ok(round)
    }

    fn word(&self, claimed: &ClaimedMessage, directory: &Directory) -> Reply {
        let request = Request {
            id: claimed.id,
            to: claimed.to.clone(),
            language: self.language,
            name: claimed.name.clone(),
            agency: directory.agency_name(claimed.agency).to_owned(),
            due_at: claimed.due_at,
            code: claimed.code.clone(),
        };
        request.word(&self.site)
    }

    async fn settle(&self, claimed: ClaimedMessage) -> Result<(), StoreError> {
        let (trace, id, reference, adapter) = (claimed.trace, claimed.id, claimed.reference, claimed.to.adapter.clone());
        counter!("muara_replies_published_total", "adapter" => adapter.to_string()).increment(1);
        info!(trace.id = %trace, reply.id = %id, %adapter, "Published the link to a task of complaint {reference}.");
        not_ours(message::published(&self.db, claimed).await)
    }

    async fn put_back(&self, claimed: ClaimedMessage, now: Timestamp) -> Result<(), StoreError> {
        let pause = doubled(FIRST_PAUSE, claimed.attempts, LONGEST_PAUSE);
        let due_at = now.checked_add(pause).unwrap_or(now);
        not_ours(message::retry(&self.db, claimed, due_at).await)
    }
}

/// Another worker has it by now, or the task ended: then it is theirs, or nobody's.
fn not_ours(written: Result<(), StoreError>) -> Result<(), StoreError> {
    match written {
        Err(StoreError::Stale) => Ok(()),
        other => other,
    }
}
