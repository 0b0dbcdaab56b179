//! Bodies without accounts get the link to their task by mail. Each try brings a link of its own: only hashes of links are kept.

use std::{collections::BTreeMap, time::Duration};

use futures::future::join_all;
use jiff::Timestamp;
use model::{Directory, Language, Site, clock, fill};
use store::{
    PgPool, StoreError,
    task::mail::{self, ClaimedTask},
};
use tokio::time::timeout;
use tracing::{error, info, warn};

use crate::{
    Mail,
    escalation::outcome,
    known::Known,
    notice::words,
    send::{
        Tried,
        email::{Letter, hand_in},
    },
    wake::{Round, causes},
};

/// The work list of mails with links to tasks.
#[derive(Debug)]
pub struct TaskMails {
    db: PgPool,
    site: Site,
    language: Language,
    mail: Option<Mail>,
    directory: Known,
}

/// How many are sent at once.
const MOST_MAILS: u16 = 8;
/// No sending lasts longer.
const SEND_AT_MOST: Duration = Duration::from_secs(90);
/// Longer than the longest sending.
const LEASE: Duration = Duration::from_mins(3);

impl TaskMails {
    /// What it needs; no I/O.
    pub fn new(db: PgPool, site: Site, language: Language, mail: Option<Mail>) -> Self {
        Self { db, site, language, mail, directory: Known::default() }
    }

    /// Sends what is due.
    pub async fn round(&self, now: Timestamp) -> Result<Round, StoreError> {
        let claimed = mail::claim(&self.db, now, LEASE, MOST_MAILS).await?;
        let round = if claimed.len() == usize::from(MOST_MAILS) { Round::Full } else { Round::Drained };
        if !claimed.is_empty() {
            let directory = self.directory.now(&self.db).await?;
            join_all(claimed.into_iter().map(|claimed| self.handle(claimed, &directory, now))).await;
        }
        Ok(round)
    }

    async fn handle(&self, claimed: ClaimedTask, directory: &Directory, now: Timestamp) {
        let letter = self.letter(&claimed, directory);
        let tried = timeout(SEND_AT_MOST, hand_in(self.mail.as_ref(), &letter, &claimed.email, now)).await;
        let outcome = outcome(tried.unwrap_or_else(|_| Tried::Unknown("no end".to_owned())), claimed.attempts);
        let (task, reference) = (claimed.task, claimed.reference);
        match &outcome {
            store::escalation::MailOutcome::Delivered => info!("Sent a body the link to its task of complaint {reference}."),
            store::escalation::MailOutcome::Retry { error, .. } => warn!("A mail about a task of complaint {reference} waits: {error}."),
            store::escalation::MailOutcome::Refused { error } => {
                error!("A body does not get the mail about its task of complaint {reference}: {error}. The complaint's page says so.");
            }
        }
        match mail::settle(&self.db, claimed, outcome, now).await {
            Ok(()) => (),
            Err(StoreError::Stale) => warn!("Task {task} ended, or another worker has settled its mail meanwhile."),
            Err(problem) => error!("What became of the mail of task {task} cannot be written: {}.", causes(&problem)),
        }
    }

    fn letter(&self, claimed: &ClaimedTask, directory: &Directory) -> Letter {
        let words = &words(self.language).task;
        let params: BTreeMap<String, String> = [
            ("name", Some(claimed.name.clone())),
            ("agency", Some(directory.agency_name(claimed.agency).to_owned())),
            ("task", Some(claimed.words.clone())),
            ("area", claimed.area.as_deref().map(|code| directory.area_path(code)).filter(|path| !path.is_empty())),
            ("due", Some(clock::long_date(claimed.due_at, self.site.zone, self.language))),
            ("link", Some(format!("{}/tugas/{}", self.site.base_url.trim_end_matches('/'), claimed.code.as_str()))),
            ("site", Some(self.site.name.clone())),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect();
        Letter { key: format!("{}.task", claimed.task), subject: fill(&words.subject, &params), body: fill(&words.body, &params) }
    }
}
