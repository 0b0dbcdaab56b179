//! Agencies that are asked by another get a mail, and one more when their time has passed; who asked gets one when the answer is there. Mails name
//! the complaint and quote nothing: what was asked may be about a person.

use std::time::Duration;

use jiff::Timestamp;
use model::{TraceId, clock, fill};
use store::{
    PgPool, StoreError,
    consult::mail::{self, ClaimedConsultation, Occasion},
    mailing::{MailKey, MailOutcome},
};

use crate::{
    mails::{Desk, Mailing, Mails, params},
    notice::words,
    send::email::Letter,
};

/// The work list of mails about questions between agencies.
pub type ConsultationMails = Mails<ClaimedConsultation>;

impl Mailing for ClaimedConsultation {
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
        format!("a question about complaint {}", self.reference)
    }

    fn letter(&self, desk: &Desk<'_>, _now: Timestamp) -> Letter {
        let words = &words(desk.language).consultation;
        let said = match self.occasion {
            Occasion::Asked => &words.asked,
            Occasion::Late => &words.late,
            Occasion::Answered => &words.answered,
        };
        let params = params([
            ("reference", Some(self.reference.to_string())),
            ("asker", Some(desk.directory.agency_name(self.asker).to_owned())),
            ("asked", Some(desk.directory.agency_name(self.asked).to_owned())),
            ("due", Some(clock::date_and_time(self.due_at, desk.site.zone, desk.language))),
            ("link", Some(desk.link(&format!("/aduan/{}", self.complaint)))),
            ("site", Some(desk.site.name.clone())),
        ]);
        let body = format!("{}\n\n{}", fill(&said.body, &params).trim_end(), fill(&words.end, &params));
        Letter { key: MailKey::Question(self.question, self.id), subject: fill(&said.subject, &params), body }
    }
}
