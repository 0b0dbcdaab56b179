//! Bodies without accounts get the link to their task by mail. Each try brings a link of its own: only hashes of links are kept.

use std::time::Duration;

use jiff::Timestamp;
use model::{TraceId, clock, fill};
use store::{
    PgPool, StoreError,
    mailing::{MailKey, MailOutcome},
    task::mail::{self, ClaimedTask},
};

use crate::{
    mails::{Desk, Mailing, Mails, params},
    notice::words,
    send::email::Letter,
};

/// The work list of mails with links to tasks.
pub type TaskMails = Mails<ClaimedTask>;

impl Mailing for ClaimedTask {
    async fn claim(db: &PgPool, now: Timestamp, lease: Duration, most: u16) -> Result<Vec<Self>, StoreError> {
        mail::claim(db, now, lease, most).await
    }

    async fn settle(self, db: &PgPool, outcome: MailOutcome, now: Timestamp) -> Result<(), StoreError> {
        mail::settle(db, self, outcome, now).await
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
        format!("a task of complaint {}", self.reference)
    }

    fn letter(&self, desk: &Desk<'_>, _now: Timestamp) -> Letter {
        let words = &words(desk.language).task;
        let params = params([
            ("name", Some(self.name.clone())),
            ("agency", Some(desk.directory.agency_name(self.agency).to_owned())),
            ("task", Some(self.words.clone())),
            ("area", desk.area(self.area.as_deref())),
            ("due", Some(clock::long_date(self.due_at, desk.site.zone, desk.language))),
            ("link", Some(desk.link(&format!("/tugas/{}", self.code.as_str())))),
            ("site", Some(desk.site.name.clone())),
        ]);
        Letter { key: MailKey::Task(self.task), subject: fill(&words.subject, &params), body: fill(&words.body, &params) }
    }
}
