//! Who is told that a clock ends or ended: looked at when it is due, told by mail or telephone, and followed up where a message did not arrive.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use jiff::Timestamp;
use metrics::counter;
use model::{Directory, Language, Reference, TraceId, clock, fill};
use store::{
    PgPool, StoreError,
    escalation::{self, ClaimedMail, MailedClock},
    mailing::{MailKey, MailOutcome},
};
use tracing::{error, info, warn};

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
        self.follow(&directory, now).await?;
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
            info!(
                "Looked at the clocks of {} complaints: {} times somebody is told, by {} mails and {} messages to telephones.",
                due.len(),
                done.told,
                done.mails,
                done.messages
            );
        }
        if done.nobody > 0 {
            error!("{} times a clock ended and there is nobody to tell, not even an admin.", done.nobody);
        }
        Ok(if swept || due.len() >= usize::from(MOST) { Round::Full } else { Round::Drained })
    }

    /// Messages that did not arrive become mails, or go up; so do mails that nobody got. A batch a round: what is left is there in the next.
    async fn follow(&self, directory: &Directory, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = store::begin(&self.db).await?;
        if !escalation::lock(&mut tx).await? {
            return Ok(());
        }
        let done = escalation::follow(&mut tx, directory, now, MOST).await?;
        store::commit(tx).await?;
        counter!("muara_escalations_not_arrived_total").increment(done.messages + done.returned);
        if done.messages + done.returned > 0 {
            warn!(
                "{} messages and {} mails about clocks did not arrive: {} mails go instead, {} times the next post up is told.",
                done.messages, done.returned, done.mails, done.up
            );
        }
        if done.nobody > 0 {
            error!(
                "{} times nobody got what was to be said of a clock, and there is nobody above to tell, not even an admin.",
                done.nobody
            );
        }
        Ok(())
    }

    /// A transaction of its own: it touches rows of complaints that it does not lock.
    async fn sweep(&self) -> Result<bool, StoreError> {
        let mut tx = store::begin(&self.db).await?;
        let swept = escalation::sweep(&mut tx).await?;
        store::commit(tx).await?;
        Ok(swept)
    }
}

/// No address gets mails about clocks in quicker succession: what ends meanwhile goes in one. Clocks run for hours and days.
const APART: Duration = Duration::from_mins(30);
/// Clocks that one mail lists; it says how many more there are.
const MOST_LINES: usize = 100;

/// The work list of mails about clocks.
pub type EscalationMails = Mails<ClaimedMail>;

impl Mailing for ClaimedMail {
    async fn claim(db: &PgPool, now: Timestamp, lease: Duration, most: u16) -> Result<Vec<Self>, StoreError> {
        escalation::claim(db, now, lease, APART, most).await
    }

    async fn settle(self, db: &PgPool, outcome: MailOutcome, now: Timestamp) -> Result<(), StoreError> {
        let delivered = outcome == MailOutcome::Delivered;
        let others: Vec<(TraceId, Reference)> = self.clocks.iter().skip(1).map(|clock| (clock.trace, clock.reference)).collect();
        escalation::settle(db, self, outcome, now).await?;
        for (trace, reference) in others.into_iter().filter(|_| delivered) {
            info!(trace.id = %trace, "The mail with others told of a clock of complaint {reference}.");
        }
        Ok(())
    }

    fn email(&self) -> &str {
        &self.email
    }

    fn attempts(&self) -> u16 {
        self.attempts
    }

    fn trace(&self) -> TraceId {
        self.clocks[0].trace
    }

    fn about(&self) -> String {
        match self.clocks.len() {
            1 => format!("a clock of complaint {}", self.clocks[0].reference),
            many => format!("{many} clocks, the first of complaint {}", self.clocks[0].reference),
        }
    }

    fn letter(&self, desk: &Desk<'_>, now: Timestamp) -> Letter {
        // Two rules may tell one person of the same clock: it stands there once.
        let mut seen = HashSet::new();
        let distinct = |clock: &&MailedClock| seen.insert((clock.complaint, clock.told.stage, clock.agency));
        let clocks: Vec<&MailedClock> = self.clocks.iter().filter(distinct).collect();
        match clocks.as_slice() {
            [clock] => of_one(clock, desk, now),
            clocks => of_many(clocks, desk, now),
        }
    }
}

fn of_one(clock: &MailedClock, desk: &Desk<'_>, now: Timestamp) -> Letter {
    let words = &words(desk.language).escalation;
    let params = facts(clock, desk);
    let subject = if clock.told.due < now { &words.passed } else { &words.ahead };
    Letter { key: MailKey::Clock(clock.escalation.0, clock.id), subject: fill(subject, &params), body: fill(&words.body, &params) }
}

fn of_many(clocks: &[&MailedClock], desk: &Desk<'_>, now: Timestamp) -> Letter {
    let words = &words(desk.language).escalation;
    let line = |clock: &&MailedClock| {
        let mut params = facts(clock, desk);
        let said = if clock.told.due < now { &words.message.passed } else { &words.message.ahead };
        params.insert("deadline".to_owned(), fill(said, &params));
        params.entry("agency".to_owned()).or_insert_with(|| desk.site.name.clone());
        fill(&words.many.line, &params)
    };
    let lines: Vec<String> = clocks.iter().take(MOST_LINES).map(line).collect();
    let mut params = params([
        ("count", Some(clocks.len().to_string())),
        ("lines", Some(lines.join("\n"))),
        ("link", Some(desk.link("/antrean?view=escalated"))),
        ("site", Some(desk.site.name.clone())),
    ]);
    if clocks.len() > MOST_LINES {
        params.insert("more".to_owned(), (clocks.len() - MOST_LINES).to_string());
    }
    let (first, last) = (clocks[0], clocks[clocks.len() - 1]);
    Letter {
        key: MailKey::Clocks(first.escalation.0, first.id, last.id, clocks.len()),
        subject: fill(&words.many.subject, &params),
        body: fill(&words.many.body, &params),
    }
}

/// What is said of one clock. Nothing that the citizen wrote.
fn facts(clock: &MailedClock, desk: &Desk<'_>) -> BTreeMap<String, String> {
    let words = &words(desk.language).escalation;
    let named = |names: &BTreeMap<String, String>, word: &str| names.get(word).cloned().unwrap_or_else(|| word.to_owned());
    let category = clock.category.as_deref().and_then(|code| desk.directory.categories.get(code)).map(|category| match desk.language {
        Language::Id => category.name_id.clone(),
        Language::En => category.name_en.clone(),
    });
    let mut params = params([
        ("reference", Some(clock.reference.to_string())),
        ("stage", Some(named(&words.stages, clock.told.stage.as_str()))),
        ("due", Some(clock::date_and_time(clock.told.due, desk.site.zone, desk.language))),
        ("agency", clock.agency.map(|agency| desk.directory.agency_name(agency).to_owned())),
        ("category", category),
        ("area", desk.area(clock.area.as_deref())),
        ("link", Some(desk.link(&format!("/aduan/{}", clock.complaint)))),
        ("site", Some(desk.site.name.clone())),
        ("post", Some(named(&words.posts, clock.told.asked.as_str()))),
    ]);
    if clock.told.reached != Some(clock.told.asked) {
        params.insert("instead".to_owned(), fill(&words.instead, &params));
    }
    params
}
