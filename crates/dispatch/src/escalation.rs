//! Who is told that a clock ends or ended: looked at when it is due, told by mail.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use metrics::counter;
use model::{Language, TraceId, clock, fill};
use store::{
    PgPool, StoreError,
    escalation::{self, ClaimedMail},
    mailing::MailOutcome,
};
use tracing::{error, info};

use crate::{
    known::Known,
    mails::{Desk, Mailing, Mails, params},
    notice::words,
    send::email::Letter,
    wake::Round,
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
pub type EscalationMails = Mails<ClaimedMail>;

impl Mailing for ClaimedMail {
    async fn claim(db: &PgPool, now: Timestamp, lease: Duration, most: u16) -> Result<Vec<Self>, StoreError> {
        escalation::claim(db, now, lease, most).await
    }

    async fn settle(self, db: &PgPool, outcome: MailOutcome, now: Timestamp) -> Result<(), StoreError> {
        escalation::settle(db, self, outcome, now).await
    }

    fn email(&self) -> &str {
        &self.email
    }

    fn attempts(&self) -> u16 {
        self.attempts
    }

    fn trace(&self) -> TraceId {
        self.trace
    }

    fn about(&self) -> String {
        format!("a clock of complaint {}", self.reference)
    }

    fn letter(&self, desk: &Desk<'_>, now: Timestamp) -> Letter {
        let words = &words(desk.language).escalation;
        let named = |names: &BTreeMap<String, String>, word: &str| names.get(word).cloned().unwrap_or_else(|| word.to_owned());
        let category = self.category.as_deref().and_then(|code| desk.directory.categories.get(code)).map(|category| match desk.language {
            Language::Id => category.name_id.clone(),
            Language::En => category.name_en.clone(),
        });
        let told = &self.told;
        let mut params = params([
            ("reference", Some(self.reference.to_string())),
            ("stage", Some(named(&words.stages, told.stage.as_str()))),
            ("due", Some(clock::date_and_time(told.due, desk.site.zone, desk.language))),
            ("agency", self.agency.map(|agency| desk.directory.agency_name(agency).to_owned())),
            ("category", category),
            ("area", desk.area(self.area.as_deref())),
            ("link", Some(desk.link(&format!("/aduan/{}", self.complaint)))),
            ("site", Some(desk.site.name.clone())),
            ("post", Some(named(&words.posts, told.asked.as_str()))),
        ]);
        if told.reached != Some(told.asked) {
            params.insert("instead".to_owned(), fill(&words.instead, &params));
        }
        let subject = if told.due < now { &words.passed } else { &words.ahead };
        Letter { key: format!("{}.{}", self.escalation, self.id), subject: fill(subject, &params), body: fill(&words.body, &params) }
    }
}
