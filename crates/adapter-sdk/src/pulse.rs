//! What the adapter says about itself: announced on the bus, shown at `/health`.

use std::{
    collections::BTreeMap,
    error::Error,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bus::{AccountPulse, Expiry};
use model::Timestamp;

use crate::{Finding, clock::now};

/// The last trouble is told for so long, in seconds; then it is history.
const TROUBLE_LASTS: i64 = 10 * 60;
/// That messages were refused is not covered by a lesser trouble for so long, in seconds: it is announced more often than that.
const REFUSAL_STANDS: i64 = 60;
/// Accounts are in the platform's messages: more than any city has are somebody's mischief.
const MOST_ACCOUNTS: usize = 200;

/// How it goes. Cheap to clone; all clones are one. Times and counts; nothing that a citizen wrote.
#[derive(Clone, Default)]
pub(crate) struct Pulse {
    felt: Arc<Mutex<Felt>>,
}

#[derive(Default)]
struct Felt {
    trouble: Option<Trouble>,
    refused: u64,
    last_refused: Option<Timestamp>,
    oldest_waiting: Option<Timestamp>,
    expiries: Vec<Expiry>,
    accounts: BTreeMap<String, (Option<Timestamp>, Option<Timestamp>)>,
}

#[derive(Clone, Copy)]
struct Trouble {
    at: Timestamp,
    what: &'static str,
    /// The door said no to somebody's message because of it.
    refuses: bool,
}

impl Pulse {
    fn felt(&self) -> MutexGuard<'_, Felt> {
        self.felt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what went wrong last: one clause without personal data.
    pub(crate) fn trouble(&self, what: &'static str) {
        let (at, mut felt) = (now(), self.felt());
        let stands = |last: Trouble| last.refuses && at.as_second() - last.at.as_second() < REFUSAL_STANDS;
        if !felt.trouble.is_some_and(stands) {
            felt.trouble = Some(Trouble { at, what, refuses: false });
        }
    }

    /// The same of what makes the door refuse messages: administrators read of that first, and not of what led to it.
    pub(crate) fn refuses(&self, what: &'static str) {
        self.felt().trouble = Some(Trouble { at: now(), what, refuses: true });
    }

    /// What went wrong lately, and when.
    pub(crate) fn last_trouble(&self) -> Option<(Timestamp, String)> {
        let trouble = self.felt().trouble;
        let lasts = |trouble: &Trouble| now().as_second() - trouble.at.as_second() < TROUBLE_LASTS;
        trouble.filter(lasts).map(|trouble| (trouble.at, trouble.what.to_owned()))
    }

    /// A request came whose signature was wrong.
    pub(crate) fn refused(&self) {
        let mut felt = self.felt();
        felt.refused += 1;
        felt.last_refused = Some(now());
    }

    /// How many of those came since the start, and when the last did.
    pub(crate) fn refusals(&self) -> (u64, Option<Timestamp>) {
        let felt = self.felt();
        (felt.refused, felt.last_refused)
    }

    /// The spool's oldest message that is on its way to the bus; `None`: nothing is.
    pub(crate) fn forwarding(&self, oldest: Option<Timestamp>) {
        self.felt().oldest_waiting = oldest;
    }

    /// When the oldest message came in that the bus does not have yet.
    pub(crate) fn oldest_waiting(&self) -> Option<Timestamp> {
        self.felt().oldest_waiting
    }

    /// What the last look at the platform said of tokens and subscriptions.
    pub(crate) fn ends(&self, found: &[Finding]) {
        self.felt().expiries = found.iter().filter_map(Finding::expiry).collect();
    }

    /// The same, to be announced.
    pub(crate) fn expiries(&self) -> Vec<Expiry> {
        self.felt().expiries.clone()
    }

    /// A citizen's message came to one of our accounts.
    pub(crate) fn heard(&self, account: &str, at: Timestamp) {
        self.touch(account, |(message, _)| *message = Some(message.map_or(at, |before: Timestamp| before.max(at))));
    }

    /// The platform took a reply for one of our accounts.
    pub(crate) fn answered(&self, account: &str) {
        self.touch(account, |(_, reply)| *reply = Some(now()));
    }

    fn touch(&self, account: &str, write: impl FnOnce(&mut (Option<Timestamp>, Option<Timestamp>))) {
        let mut felt = self.felt();
        if felt.accounts.len() < MOST_ACCOUNTS || felt.accounts.contains_key(account) {
            write(felt.accounts.entry(account.to_owned()).or_default());
        }
    }

    /// How it goes with each account.
    pub(crate) fn accounts(&self) -> Vec<AccountPulse> {
        let felt = self.felt();
        let pulse = |(account, (last_message, last_reply)): (&String, &(Option<Timestamp>, Option<Timestamp>))| AccountPulse {
            account: account.clone(),
            last_message: *last_message,
            last_reply: *last_reply,
        };
        felt.accounts.iter().map(pulse).collect()
    }
}

/// An error with its causes, in one line for people.
pub(crate) fn words(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// An error with its causes, as a field of a log line.
pub(crate) fn chain<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_comes_late_does_not_turn_the_clock_back() {
        let pulse = Pulse::default();
        let at = |second| Timestamp::from_second(second).expect("in range");
        pulse.heard("a", at(20));
        pulse.heard("a", at(10));
        assert_eq!(pulse.accounts()[0].last_message, Some(at(20)));
    }

    #[test]
    fn that_messages_are_refused_is_told_before_what_led_to_it() {
        let pulse = Pulse::default();
        let last = || pulse.last_trouble().map(|(_, what)| what);
        pulse.trouble("the bus is away");
        assert_eq!(last().as_deref(), Some("the bus is away"));
        pulse.refuses("the door is full");
        pulse.trouble("the bus is away");
        assert_eq!(last().as_deref(), Some("the door is full"));
        pulse.refuses("the spool cannot be written");
        assert_eq!(last().as_deref(), Some("the spool cannot be written"));
    }

    #[test]
    fn what_a_look_at_the_platform_says_to_end_is_announced_with_what_to_do() {
        let pulse = Pulse::default();
        let lasting = Finding::warning("access token", "valid", "Make a new one.").until(Timestamp::UNIX_EPOCH);
        pulse.ends(&[Finding::fine("mailbox", "there"), lasting]);
        let ends = pulse.expiries();
        assert_eq!((ends.len(), ends[0].what.as_str(), ends[0].todo.as_str()), (1, "access token", "Make a new one."));
        pulse.ends(&[]);
        assert!(pulse.expiries().is_empty(), "the last look counts");
    }

    #[test]
    fn mischief_with_accounts_ends_at_a_number_and_hides_no_known_one() {
        let pulse = Pulse::default();
        pulse.heard("a", Timestamp::UNIX_EPOCH);
        for number in 0..10_000 {
            pulse.heard(&format!("b{number}"), Timestamp::UNIX_EPOCH);
        }
        pulse.answered("a");
        assert_eq!(pulse.accounts().len(), MOST_ACCOUNTS);
        assert!(pulse.accounts().iter().any(|one| one.account == "a" && one.last_reply.is_some()));
    }
}
