//! How often one visitor may try. Kept in memory: a restart forgives, several processes each count for themselves.

use std::{collections::HashMap, num::NonZeroU32, sync::Mutex};

use incoming::Rate;

use crate::WebError;

/// One counter for each kind of trying.
pub(crate) struct Limits {
    sign_in_by_address: Rate,
    device_by_address: Rate,
    lookup: Rate,
    words_of_citizen: Rate,
    desk_search: Rate,
    open_pages: Mutex<HashMap<String, usize>>,
}

const fn at_once(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).expect("a limit above zero")
}

/// Pages that one network address may keep open. A mobile network or a large office has one address for many; nobody takes all the places there are.
pub(crate) const MOST_OPEN_OF_ONE: usize = 400;

impl Default for Limits {
    fn default() -> Self {
        Self {
            // A whole office may sign in from one address in the morning.
            sign_in_by_address: Rate::new(at_once(40), at_once(10)),
            device_by_address: Rate::new(at_once(40), at_once(10)),
            lookup: Rate::new(at_once(20), at_once(10)),
            words_of_citizen: Rate::new(at_once(10), at_once(2)),
            desk_search: Rate::new(at_once(60), at_once(30)),
            open_pages: Mutex::default(),
        }
    }
}

impl Limits {
    /// A step of signing in, right or wrong: checking a password costs. Guessing is held up by `account::pause`.
    pub(crate) fn sign_in(&self, address: &str) -> Result<(), WebError> {
        check(&self.sign_in_by_address, address)
    }

    /// A device that is asked for a passkey, before anybody says who they are: it is kept for minutes.
    pub(crate) fn device(&self, address: &str) -> Result<(), WebError> {
        check(&self.device_by_address, address)
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

    /// A page that stays open; `false`: this address has as many as one may.
    pub(crate) fn open_page(&self, address: &str) -> bool {
        let mut open = self.open_pages.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let count = open.get(address).copied().unwrap_or(0);
        if count >= MOST_OPEN_OF_ONE {
            return false;
        }
        open.insert(address.to_owned(), count + 1);
        true
    }

    /// It was closed.
    pub(crate) fn close_page(&self, address: &str) {
        let mut open = self.open_pages.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(count) = open.get_mut(address) {
            *count -= 1;
            if *count == 0 {
                open.remove(address);
            }
        }
    }
}

fn check(limit: &Rate, key: &str) -> Result<(), WebError> {
    limit.take(&key).map_err(|wait| WebError::TooOften { wait })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_does_not_keep_every_place_and_gives_back_what_it_closes() {
        let limits = Limits::default();
        assert!((0..MOST_OPEN_OF_ONE).all(|_| limits.open_page("192.0.2.1")));
        assert!(!limits.open_page("192.0.2.1") && limits.open_page("192.0.2.2"));
        limits.close_page("192.0.2.1");
        assert!(limits.open_page("192.0.2.1"));
        (0..MOST_OPEN_OF_ONE).for_each(|_| limits.close_page("192.0.2.1"));
        limits.close_page("192.0.2.2");
        assert!(limits.open_pages.lock().expect("is whole").is_empty());
    }

    #[test]
    fn who_has_to_wait_is_told_how_long() {
        let limits = Limits::default();
        let refused = (0..100).find_map(|_| limits.lookup("192.0.2.1").err()).expect("too often");
        assert!(matches!(refused, WebError::TooOften { wait } if !wait.is_zero()), "{refused:?}");
    }
}
