//! How often one visitor may try. Kept in memory: a restart forgives, several processes each count for themselves.

use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::WebError;

type Keyed = DefaultKeyedRateLimiter<String>;

/// One counter for each kind of trying.
pub(crate) struct Limits {
    sign_in_by_address: Keyed,
    lookup: Keyed,
    words_of_citizen: Keyed,
    desk_search: Keyed,
}

const fn at_once(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).expect("a limit above zero")
}

impl Default for Limits {
    fn default() -> Self {
        // A whole office may sign in from one address in the morning.
        let office = Quota::per_minute(at_once(10)).allow_burst(at_once(40));
        let lookup = Quota::per_minute(at_once(10)).allow_burst(at_once(20));
        let words = Quota::per_minute(at_once(2)).allow_burst(at_once(10));
        let desk = Quota::per_minute(at_once(30)).allow_burst(at_once(60));
        Self {
            sign_in_by_address: RateLimiter::keyed(office),
            lookup: RateLimiter::keyed(lookup),
            words_of_citizen: RateLimiter::keyed(words),
            desk_search: RateLimiter::keyed(desk),
        }
    }
}

impl Limits {
    /// A step of signing in, right or wrong: checking a password costs. Guessing is held up by `account::pause`.
    pub(crate) fn sign_in(&self, address: &str) -> Result<(), WebError> {
        check(&self.sign_in_by_address, address)
    }

    /// A lookup by number.
    pub(crate) fn lookup(&self, address: &str) -> Result<(), WebError> {
        check(&self.lookup, address)
    }

    /// A clerk's look for what there is already.
    pub(crate) fn desk_search(&self, staff: &str) -> Result<(), WebError> {
        check(&self.desk_search, staff)
    }

    /// Words or a "not done" from the holder of one tracking code.
    pub(crate) fn words_of_citizen(&self, code: &str) -> Result<(), WebError> {
        check(&self.words_of_citizen, code)
    }

    /// Drops who has not tried lately; called now and then.
    pub(crate) fn forget_the_quiet(&self) {
        for limit in [&self.sign_in_by_address, &self.lookup, &self.words_of_citizen] {
            limit.retain_recent();
        }
    }
}

fn check(limit: &Keyed, key: &str) -> Result<(), WebError> {
    // A key is a few characters of an address, a login or a code: nobody may fill the memory with longer ones.
    let key = key.chars().take(64).collect();
    limit.check_key(&key).map_err(|_| WebError::TooOften)
}
