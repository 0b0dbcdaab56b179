//! Messages to telephones of people who work for the city or with it, through the adapter of a chat or of text messages: the link to a task, and that a
//! clock ends or ended. Claimed, worded, handed to the bus. Each try brings a link to a task of its own, under the same id: of two the adapter sends
//! one, and both open the task.

use std::{collections::BTreeMap, fmt, time::Duration};

use bus::Bus;
use jiff::Timestamp;
use metrics::counter;
use model::{ComplaintId, Directory, Language, Reference, Reply, ReplyKind, Site, Stage, TraceId, clock, fill, task::Request};
use store::{
    PgPool, StoreError,
    work_message::{self, ClaimedMessage, Says},
};
use tracing::{info, warn};

use crate::{
    known::Known,
    mails::params,
    notice::words,
    replies::{FIRST_PAUSE, LONGEST_PAUSE, doubled},
    wake::{Round, causes},
};

/// The work list of messages to telephones, and what it needs.
pub struct WorkMessages {
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

impl fmt::Debug for WorkMessages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkMessages").field("site", &self.site).finish_non_exhaustive()
    }
}

impl WorkMessages {
    /// What it needs; no I/O.
    pub fn new(db: PgPool, bus: Bus, site: Site, language: Language) -> Self {
        Self { db, bus, site, language, directory: Known::default() }
    }

    /// Publishes what is due.
    pub async fn round(&self, now: Timestamp) -> Result<Round, StoreError> {
        let claimed = work_message::claim(&self.db, now, LEASE, MOST).await?;
        if claimed.is_empty() {
            return Ok(Round::Drained);
        }
        let round = if claimed.len() == usize::from(MOST) { Round::Full } else { Round::Drained };
        let directory = self.directory.now(&self.db).await?;
        let worded: Vec<(Reply, TraceId)> = claimed.iter().map(|one| (self.word(one, &directory, now), one.trace)).collect();
        let answers = self.bus.publish_replies(&worded).await;
        for (claimed, answer) in claimed.into_iter().zip(answers) {
            match answer {
                Ok(_) => self.settle(claimed).await?,
                Err(error) => {
                    let (trace, reference) = (claimed.trace, claimed.reference);
                    warn!(trace.id = %trace, "The bus did not take a message to a telephone about complaint {reference}: {}.", causes(&error));
                    self.put_back(claimed, now).await?;
                }
            }
        }
        Ok(round)
    }

    fn word(&self, claimed: &ClaimedMessage, directory: &Directory, now: Timestamp) -> Reply {
        match &claimed.says {
            Says::Task { code, name, due_at, agency, .. } => {
                let request = Request {
                    id: claimed.id,
                    to: claimed.to.clone(),
                    language: self.language,
                    name: name.clone(),
                    agency: directory.agency_name(*agency).to_owned(),
                    due_at: *due_at,
                    code: code.clone(),
                };
                request.word(&self.site)
            }
            Says::Escalation { stage, due, complaint } => {
                let params = self.facts(claimed.reference, *stage, *due, *complaint, now);
                let words = &words(self.language).escalation.message;
                Reply {
                    id: claimed.id,
                    to: claimed.to.clone(),
                    kind: ReplyKind::Escalated,
                    language: self.language,
                    text: fill(&words.text, &params),
                    short: words.short.iter().map(|form| fill(form, &params)).collect(),
                    params,
                    menu: None,
                    files: Vec::new(),
                }
            }
        }
    }

    /// What is said of a clock, also for approved templates: number, which clock, since or until when, and the page for who may sign in. Nothing
    /// that the citizen wrote.
    fn facts(
        &self,
        reference: Reference,
        stage: Stage,
        due: Timestamp,
        complaint: ComplaintId,
        now: Timestamp,
    ) -> BTreeMap<String, String> {
        let words = &words(self.language).escalation;
        let said = if due < now { &words.message.passed } else { &words.message.ahead };
        let due = params([("due", Some(clock::date_and_time(due, self.site.zone, self.language)))]);
        params([
            ("site", Some(self.site.name.clone())),
            ("reference", Some(reference.to_string())),
            ("stage", Some(words.stages.get(stage.as_str()).cloned().unwrap_or_else(|| stage.as_str().to_owned()))),
            ("deadline", Some(fill(said, &due))),
            ("link", Some(format!("{}/aduan/{complaint}", self.site.base_url.trim_end_matches('/')))),
        ])
    }

    async fn settle(&self, claimed: ClaimedMessage) -> Result<(), StoreError> {
        let (trace, id, reference, adapter) = (claimed.trace, claimed.id, claimed.reference, claimed.to.adapter.clone());
        counter!("muara_replies_published_total", "adapter" => adapter.to_string()).increment(1);
        info!(trace.id = %trace, reply.id = %id, %adapter, "Published a message to a telephone about complaint {reference}.");
        not_ours(work_message::published(&self.db, claimed).await)
    }

    async fn put_back(&self, claimed: ClaimedMessage, now: Timestamp) -> Result<(), StoreError> {
        let pause = doubled(FIRST_PAUSE, claimed.attempts, LONGEST_PAUSE);
        let due_at = now.checked_add(pause).unwrap_or(now);
        not_ours(work_message::retry(&self.db, claimed, due_at).await)
    }
}

/// Another worker has it by now, or it is not wanted any more: then it is theirs, or nobody's.
fn not_ours(written: Result<(), StoreError>) -> Result<(), StoreError> {
    match written {
        Err(StoreError::Stale) => Ok(()),
        other => other,
    }
}
