//! Staff get a link to set their password by mail, and read that a recovery code of theirs was used. Each try of an invitation brings a link of its own:
//! only hashes of links are kept.

use std::time::Duration;

use jiff::Timestamp;
use model::{TraceId, clock, fill};
use store::{
    PgPool, StoreError,
    mailing::{MailKey, MailOutcome},
    staff::mail::{self, ClaimedAccountMail, Occasion},
};

use crate::{
    mails::{Desk, Mailing, Mails, params},
    notice::words,
    send::email::Letter,
};

/// The work list of mails to staff about their own account.
pub type AccountMails = Mails<ClaimedAccountMail>;

impl Mailing for ClaimedAccountMail {
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
        format!("the account {}", self.staff)
    }

    /// In the language of the account.
    fn letter(&self, desk: &Desk<'_>, _now: Timestamp) -> Letter {
        let words = words(self.language);
        let time = |at| Some(clock::date_and_time(at, desk.site.zone, self.language));
        let (words, when, left, link) = match &self.occasion {
            Occasion::Invitation { token, until } => (&words.invitation, time(*until), None, desk.link(&format!("/undangan/{token}"))),
            Occasion::RecoveryCode { used_at, left } => {
                (&words.recovery_code, time(*used_at), Some(left.to_string()), desk.link("/faktor"))
            }
        };
        let params = params([
            ("login", Some(self.login.clone())),
            ("when", when),
            ("left", left),
            ("link", Some(link)),
            ("site", Some(desk.site.name.clone())),
        ]);
        Letter { key: MailKey::Account(self.id), subject: fill(&words.subject, &params), body: fill(&words.body, &params) }
    }
}
