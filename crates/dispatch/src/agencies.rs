//! Complaints to agencies: claimed, sent, settled.

use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use metrics::counter;
use model::{Directory, Language, Site};
use outgoing::Http;
use store::{
    PgPool, StoreError,
    dispatch::{self, Claimed, Outcome, SendKind},
};
use tokio::time::timeout;
use tracing::{error, info, warn};

use crate::{
    Mail,
    known::Known,
    notice::Notice,
    replies::doubled,
    send::{Tried, email, open311, webhook},
    wake::{Round, causes},
};

/// The work list of dispatches and what it needs.
pub struct Agencies {
    db: PgPool,
    site: Site,
    language: Language,
    http: Http,
    mail: Option<Mail>,
    directory: Known,
}

impl std::fmt::Debug for Agencies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agencies").field("site", &self.site.name).finish_non_exhaustive()
    }
}

/// How many are sent at once.
const MOST: u16 = 8;
/// No sending lasts longer, whatever the ways' own limits.
const SEND_AT_MOST: Duration = Duration::from_secs(90);
/// Longer than the longest sending: whoever still holds a claim is not sending any more.
const LEASE: Duration = Duration::from_mins(3);
/// The pause after a failed try; doubled each time up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// More than half a day. Then a person must look.
const MOST_TRIES: u16 = 20;
/// Characters of an agency's own number.
const MOST_OF_A_NUMBER: usize = 100;

impl Agencies {
    /// What it needs; no I/O.
    pub fn new(db: PgPool, site: Site, language: Language, http: Http, mail: Option<Mail>) -> Self {
        Self { db, site, language, http, mail, directory: Known::default() }
    }

    /// Sends what is due.
    pub async fn round(&self, now: Timestamp) -> Result<Round, StoreError> {
        let claimed = dispatch::claim(&self.db, now, LEASE, MOST).await?;
        let round = if claimed.len() == usize::from(MOST) { Round::Full } else { Round::Drained };
        if !claimed.is_empty() {
            let directory = self.directory.now(&self.db).await?;
            join_all(claimed.into_iter().map(|claimed| self.handle(claimed, &directory, now))).await;
        }
        Ok(round)
    }

    async fn handle(&self, claimed: Claimed, directory: &Directory, now: Timestamp) {
        let tried = timeout(SEND_AT_MOST, self.send(&claimed, directory, now)).await;
        let tried = tried.unwrap_or_else(|_| Tried::Unknown(format!("no end within {} s", SEND_AT_MOST.as_secs())));
        let outcome = outcome(tried, claimed.attempts);
        tell(&claimed, &outcome);
        let (trace, id) = (claimed.trace, claimed.id);
        match dispatch::settle(&self.db, claimed, outcome, now).await {
            Ok(()) => (),
            Err(StoreError::Stale) => warn!(trace.id = %trace, dispatch.id = %id, "Another worker has settled this dispatch meanwhile."),
            // The lease runs out, and the next claim says that an earlier one was left.
            Err(problem) => {
                error!(trace.id = %trace, dispatch.id = %id, "What became of a dispatch cannot be written: {}.", causes(&problem));
            }
        }
    }

    async fn send(&self, claimed: &Claimed, directory: &Directory, now: Timestamp) -> Tried {
        let notice = Notice {
            id: claimed.id,
            turn: claimed.turn,
            complaint: &claimed.complaint,
            agency: &claimed.agency,
            site: &self.site,
            directory,
            language: self.language,
        };
        let target = claimed.send_target.as_deref().unwrap_or_default();
        let secret = claimed.send_secret.as_deref();
        // Named staff read it here; nothing of it leaves, to no machine and no mailbox.
        if claimed.complaint.visibility.is_confidential() {
            return Tried::Delivered(None);
        }
        match claimed.send_kind {
            // Its staff read it here; or nothing may leave.
            SendKind::Queue | SendKind::Blackhole => Tried::Delivered(None),
            SendKind::Webhook => webhook::send(&self.http, &notice, target, secret, now).await,
            SendKind::Email | SendKind::Open311 if claimed.was_left => Tried::Unknown("an earlier try was broken off".to_owned()),
            SendKind::Email => email::send(self.mail.as_ref(), &notice, target, now).await,
            SendKind::Open311 => open311::send(&self.http, &notice, target, secret).await,
        }
    }
}

/// What a try means for the row. What may have arrived is never sent again by itself: a person looks first.
fn outcome(tried: Tried, attempts: u16) -> Outcome {
    match tried {
        Tried::Delivered(number) => Outcome::Delivered { agency_reference: number.map(|number| one_short_line(&number)) },
        Tried::Refused(error) => Outcome::Refused { error },
        Tried::Unknown(error) => Outcome::Refused { error: format!("it may have arrived or not: {error}") },
        Tried::NotNow { error, .. } if attempts >= MOST_TRIES => {
            Outcome::Refused { error: format!("given up after {attempts} tries: {error}") }
        }
        Tried::NotNow { after, error } => {
            let pause = doubled(FIRST_PAUSE, attempts, LONGEST_PAUSE);
            Outcome::Retry { after: after.map_or(pause, |asked| asked.clamp(pause, LONGEST_PAUSE)), error }
        }
    }
}

/// The agency's own number as we keep it: what another system answers is as hostile as any input, and the database takes no NUL.
fn one_short_line(number: &str) -> String {
    number.chars().filter(|letter| !letter.is_control()).take(MOST_OF_A_NUMBER).collect()
}

fn tell(claimed: &Claimed, outcome: &Outcome) {
    let (trace, complaint) = (claimed.trace, claimed.complaint.id);
    let (reference, agency, way) = (claimed.complaint.reference, &claimed.agency.code, claimed.send_kind.as_str());
    let became = match outcome {
        Outcome::Delivered { .. } => "told",
        Outcome::Retry { .. } => "again",
        Outcome::Refused { .. } => "refused",
    };
    counter!("muara_agencies_told_total", "way" => way, "outcome" => became).increment(1);
    match outcome {
        Outcome::Delivered { .. } => {
            info!(trace.id = %trace, complaint.id = %complaint, agency = %agency, "Told {agency} of complaint {reference} ({way}).");
        }
        Outcome::Retry { after, error } => {
            let pause = after.as_secs();
            warn!(trace.id = %trace, complaint.id = %complaint, agency = %agency,
                "Could not tell {agency} of complaint {reference} ({way}): {error}. Again in {pause} s.");
        }
        Outcome::Refused { error } => {
            error!(trace.id = %trace, complaint.id = %complaint, agency = %agency,
                "{agency} is not told of complaint {reference} ({way}): {error}. A person must look.");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not_now(after: Option<u64>) -> Tried {
        Tried::NotNow { after: after.map(Duration::from_secs), error: "later".into() }
    }

    fn pause(tried: Tried, attempts: u16) -> Option<u64> {
        match outcome(tried, attempts) {
            Outcome::Retry { after, .. } => Some(after.as_secs()),
            Outcome::Delivered { .. } | Outcome::Refused { .. } => None,
        }
    }

    #[test]
    fn pauses_grow_and_what_the_other_side_asks_is_heard_within_reason() {
        assert_eq!([1, 2, 5, 19].map(|attempts| pause(not_now(None), attempts)), [Some(30), Some(60), Some(480), Some(3600)]);
        assert_eq!(pause(not_now(Some(120)), 1), Some(120));
        assert_eq!(pause(not_now(Some(1)), 3), Some(120), "never sooner than our own pause");
        assert_eq!(pause(not_now(Some(1_000_000)), 1), Some(3600), "never for days");
        assert_eq!(pause(not_now(None), MOST_TRIES), None);
    }

    #[test]
    fn an_agencys_own_number_is_one_short_line() {
        let told = Tried::Delivered(Some(format!("A-1\0\n{}", "9".repeat(500))));
        let kept = format!("A-1{}", "9".repeat(97));
        assert_eq!(outcome(told, 1), Outcome::Delivered { agency_reference: Some(kept) });
    }

    #[test]
    fn what_may_have_arrived_is_left_to_a_person() {
        let outcome = outcome(Tried::Unknown("no answer within 30 s".into()), 1);
        assert_eq!(outcome, Outcome::Refused { error: "it may have arrived or not: no answer within 30 s".into() });
    }
}
