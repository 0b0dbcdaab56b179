//! Mails to people who work for the city: claimed, written, handed in, settled. What each is about its work list says by itself ([`Mailing`]).

use std::{collections::BTreeMap, fmt, marker::PhantomData, time::Duration};

use futures::future::join_all;
use jiff::Timestamp;
use model::{Directory, Language, Site, TraceId};
use store::{PgPool, StoreError, mailing::MailOutcome};
use tokio::time::timeout;
use tracing::{error, info, warn};

use crate::{
    Mail,
    known::Known,
    replies::doubled,
    send::{
        Tried,
        email::{Letter, hand_in},
    },
    wake::{Round, causes},
};

/// How many are sent at once.
const MOST: u16 = 8;
/// No sending lasts longer.
const SEND_AT_MOST: Duration = Duration::from_secs(90);
/// Longer than the longest sending.
const LEASE: Duration = Duration::from_mins(3);
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// More than half a day. Then it stands among those that nobody got.
const MOST_TRIES: u16 = 20;

/// A mail that this worker has for a while, of one work list.
pub trait Mailing: Sized + Send + Sync {
    /// Takes up to `most` for `lease`.
    fn claim(db: &PgPool, now: Timestamp, lease: Duration, most: u16) -> impl Future<Output = Result<Vec<Self>, StoreError>> + Send;

    /// Writes what became of it. [`StoreError::Stale`]: it is another's by now, or not wanted any more.
    fn settle(self, db: &PgPool, outcome: MailOutcome, now: Timestamp) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// To whom.
    fn email(&self) -> &str;

    /// How often it was tried, this time included.
    fn attempts(&self) -> u16;

    /// Follows the complaint through every log.
    fn trace(&self) -> TraceId;

    /// For the log, without personal data: "a clock of complaint …".
    fn about(&self) -> String;

    /// What it says.
    fn letter(&self, desk: &Desk<'_>, now: Timestamp) -> Letter;
}

/// What a letter is written with.
#[derive(Debug)]
pub struct Desk<'a> {
    pub(crate) site: &'a Site,
    pub(crate) language: Language,
    pub(crate) directory: &'a Directory,
}

impl Desk<'_> {
    /// The address of a page.
    pub(crate) fn link(&self, path: &str) -> String {
        format!("{}{path}", self.site.base_url.trim_end_matches('/'))
    }

    /// The names of an area and of those around it; `None`: no area, or one without a name.
    pub(crate) fn area(&self, code: Option<&str>) -> Option<String> {
        code.map(|code| self.directory.area_path(code)).filter(|path| !path.is_empty())
    }
}

/// What is filled into the words: those that there are.
pub(crate) fn params<const N: usize>(values: [(&str, Option<String>); N]) -> BTreeMap<String, String> {
    values.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// One work list of mails.
pub struct Mails<M> {
    db: PgPool,
    site: Site,
    language: Language,
    mail: Option<Mail>,
    directory: Known,
    of: PhantomData<fn() -> M>,
}

impl<M> fmt::Debug for Mails<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mails").field("of", &std::any::type_name::<M>()).finish_non_exhaustive()
    }
}

impl<M: Mailing> Mails<M> {
    /// What it needs; no I/O.
    pub fn new(db: PgPool, site: Site, language: Language, mail: Option<Mail>) -> Self {
        Self { db, site, language, mail, directory: Known::default(), of: PhantomData }
    }

    /// Sends what is due.
    pub async fn round(&self, now: Timestamp) -> Result<Round, StoreError> {
        let claimed = M::claim(&self.db, now, LEASE, MOST).await?;
        let round = if claimed.len() == usize::from(MOST) { Round::Full } else { Round::Drained };
        if !claimed.is_empty() {
            let directory = self.directory.now(&self.db).await?;
            let desk = Desk { site: &self.site, language: self.language, directory: &directory };
            join_all(claimed.into_iter().map(|claimed| self.handle(claimed, &desk, now))).await;
        }
        Ok(round)
    }

    async fn handle(&self, claimed: M, desk: &Desk<'_>, now: Timestamp) {
        let letter = claimed.letter(desk, now);
        let tried = timeout(SEND_AT_MOST, hand_in(self.mail.as_ref(), &letter, claimed.email(), now)).await;
        let outcome = outcome(tried.unwrap_or_else(|_| Tried::Unknown("no end".to_owned())), claimed.attempts());
        let (trace, about) = (claimed.trace(), claimed.about());
        match &outcome {
            MailOutcome::Delivered => info!(trace.id = %trace, "Sent the mail about {about}."),
            MailOutcome::Retry { error, .. } => warn!(trace.id = %trace, "A mail about {about} waits: {error}."),
            MailOutcome::Refused { error } => error!(trace.id = %trace, "Nobody gets the mail about {about}: {error}. A person must look."),
        }
        match claimed.settle(&self.db, outcome, now).await {
            Ok(()) => (),
            Err(StoreError::Stale) => {
                warn!(trace.id = %trace, "The mail about {about} is another worker's by now, or not wanted any more.");
            }
            Err(problem) => error!(trace.id = %trace, "What became of the mail about {about} cannot be written: {}.", causes(&problem)),
        }
    }
}

/// Where nobody knows whether it arrived it is sent again, under the same message id: twice told is better than never.
fn outcome(tried: Tried, attempts: u16) -> MailOutcome {
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
