//! Who is told that a clock ends or ended: looked at when it is due, told by mail.

use std::{collections::BTreeMap, time::Duration};

use futures::future::join_all;
use jiff::Timestamp;
use metrics::counter;
use model::{Directory, Language, Site, clock, fill};
use store::{
    PgPool, StoreError,
    escalation::{self, ClaimedMail, MailOutcome},
};
use tokio::time::timeout;
use tracing::{error, info, warn};

use crate::{
    Mail,
    known::Known,
    notice::words,
    replies::doubled,
    send::{
        Tried,
        email::{Letter, hand_in},
    },
    wake::{Round, causes},
};

/// Looks at clocks that end.
#[derive(Debug)]
pub struct Escalations {
    db: PgPool,
    directory: Known,
}

/// Complaints that are looked at at once, of those that are new and of those that were looked at before.
const MOST: u16 = 200;

impl Escalations {
    /// What it needs; no I/O.
    pub fn new(db: PgPool) -> Self {
        Self { db, directory: Known::default() }
    }

    /// Looks at what is due. One process at a time; broken off, nothing of the batch happened.
    pub async fn round(&self, now: Timestamp) -> Result<Round, StoreError> {
        let swept = self.sweep().await?;
        let directory = self.directory.now(&self.db).await?;
        let mut tx = store::begin(&self.db).await?;
        if !escalation::lock(&mut tx).await? {
            return Ok(Round::Drained);
        }
        let due = escalation::due(&mut tx, now, MOST).await?;
        if due.is_empty() {
            return Ok(if swept { Round::Full } else { Round::Drained });
        }
        let done = escalation::look_at(&mut tx, &due, &directory, now).await?;
        store::commit(tx).await?;
        counter!("muara_escalations_total").increment(done.told);
        if done.told > 0 {
            info!("Looked at the clocks of {} complaints: {} times somebody is told, by {} mails.", due.len(), done.told, done.mails);
        }
        if done.nobody > 0 {
            error!("{} times a clock ended and there is nobody to tell, not even an admin.", done.nobody);
        }
        Ok(if swept || due.len() >= usize::from(MOST) { Round::Full } else { Round::Drained })
    }

    /// A transaction of its own: it touches rows of complaints that it does not lock.
    async fn sweep(&self) -> Result<bool, StoreError> {
        let mut tx = store::begin(&self.db).await?;
        let swept = escalation::sweep(&mut tx).await?;
        store::commit(tx).await?;
        Ok(swept)
    }
}

/// The work list of mails about clocks.
#[derive(Debug)]
pub struct EscalationMails {
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
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// More than half a day. Then it stands among those that nobody got.
const MOST_TRIES: u16 = 20;

impl EscalationMails {
    /// What it needs; no I/O.
    pub fn new(db: PgPool, site: Site, language: Language, mail: Option<Mail>) -> Self {
        Self { db, site, language, mail, directory: Known::default() }
    }

    /// Sends what is due.
    pub async fn round(&self, now: Timestamp) -> Result<Round, StoreError> {
        let claimed = escalation::claim(&self.db, now, LEASE, MOST_MAILS).await?;
        let round = if claimed.len() == usize::from(MOST_MAILS) { Round::Full } else { Round::Drained };
        if !claimed.is_empty() {
            let directory = self.directory.now(&self.db).await?;
            join_all(claimed.into_iter().map(|claimed| self.handle(claimed, &directory, now))).await;
        }
        Ok(round)
    }

    async fn handle(&self, claimed: ClaimedMail, directory: &Directory, now: Timestamp) {
        let letter = self.letter(&claimed, directory, now);
        let tried = timeout(SEND_AT_MOST, hand_in(self.mail.as_ref(), &letter, &claimed.email, now)).await;
        let outcome = outcome(tried.unwrap_or_else(|_| Tried::Unknown("no end".to_owned())), claimed.attempts);
        let (trace, id, reference) = (claimed.trace, claimed.id, claimed.reference);
        match &outcome {
            MailOutcome::Delivered => {
                info!(trace.id = %trace, "Told somebody by mail that a clock of complaint {reference} ends or ended.");
            }
            MailOutcome::Retry { error, .. } => warn!(trace.id = %trace, "A mail about a clock of complaint {reference} waits: {error}."),
            MailOutcome::Refused { error } => {
                error!(trace.id = %trace, "Nobody gets the mail about a clock of complaint {reference}: {error}. A person must look.");
            }
        }
        match escalation::settle(&self.db, claimed, outcome, now).await {
            Ok(()) => (),
            Err(StoreError::Stale) => warn!(trace.id = %trace, "Another worker has settled mail {id} meanwhile."),
            Err(problem) => error!(trace.id = %trace, "What became of mail {id} cannot be written: {}.", causes(&problem)),
        }
    }

    fn letter(&self, claimed: &ClaimedMail, directory: &Directory, now: Timestamp) -> Letter {
        let words = &words(self.language).escalation;
        let named = |names: &BTreeMap<String, String>, word: &str| names.get(word).cloned().unwrap_or_else(|| word.to_owned());
        let category = claimed.category.as_deref().and_then(|code| directory.categories.get(code)).map(|category| match self.language {
            Language::Id => category.name_id.clone(),
            Language::En => category.name_en.clone(),
        });
        let told = &claimed.told;
        let mut params: BTreeMap<String, String> = [
            ("reference", Some(claimed.reference.to_string())),
            ("stage", Some(named(&words.stages, told.stage.as_str()))),
            ("due", Some(clock::date_and_time(told.due, self.site.zone, self.language))),
            ("agency", claimed.agency.map(|agency| directory.agency_name(agency).to_owned())),
            ("category", category),
            ("area", claimed.area.as_deref().map(|code| directory.area_path(code)).filter(|path| !path.is_empty())),
            ("link", Some(format!("{}/aduan/{}", self.site.base_url.trim_end_matches('/'), claimed.complaint))),
            ("site", Some(self.site.name.clone())),
            ("post", Some(named(&words.posts, told.asked.as_str()))),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect();
        if told.reached != Some(told.asked) {
            params.insert("instead".to_owned(), fill(&words.instead, &params));
        }
        let subject = if told.due < now { &words.passed } else { &words.ahead };
        Letter { key: format!("{}.{}", claimed.escalation, claimed.id), subject: fill(subject, &params), body: fill(&words.body, &params) }
    }
}

/// Where nobody knows whether it arrived it is sent again, under the same message id: twice told is better than never.
pub(crate) fn outcome(tried: Tried, attempts: u16) -> MailOutcome {
    let (after, error) = match tried {
        Tried::Delivered(_) => return MailOutcome::Delivered,
        Tried::Refused(error) => return MailOutcome::Refused { error },
        Tried::Unknown(error) => (None, error),
        Tried::NotNow { after, error } => (after, error),
    };
    if attempts >= MOST_TRIES {
        return MailOutcome::Refused { error: format!("given up after {attempts} tries: {error}") };
    }
    let pause = doubled(FIRST_PAUSE, attempts, LONGEST_PAUSE);
    MailOutcome::Retry { after: after.map_or(pause, |asked| asked.clamp(pause, LONGEST_PAUSE)), error }
}
