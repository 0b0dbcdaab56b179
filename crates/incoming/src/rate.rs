//! How often one visitor may come. Kept in memory, and never in more of it than a fixed number of counters takes, however many visitors there are.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    state::keyed::DefaultKeyedStateStore,
};

/// Counters of one [`Rate`], some dozens of bytes each. Of ten thousand visitors one in a hundred shares theirs with another; who that is cannot be
/// chosen from outside, because each process spreads them in its own way.
const COUNTERS: u64 = 1 << 20;
/// The quiet ones are forgotten after so many visits: looking through all of them takes time.
const VISITS: u32 = 1 << 14;

/// Counts visitors by whatever tells them apart.
#[derive(Debug)]
pub struct Rate {
    limiter: RateLimiter<u32, DefaultKeyedStateStore<u32>, DefaultClock>,
    clock: DefaultClock,
    spread: RandomState,
    visits: AtomicU32,
}

impl Rate {
    /// So many at once, and so many more a minute.
    pub fn new(burst: NonZeroU32, per_minute: NonZeroU32) -> Self {
        Self {
            limiter: RateLimiter::keyed(Quota::per_minute(per_minute).allow_burst(burst)),
            clock: DefaultClock::default(),
            spread: RandomState::new(),
            visits: AtomicU32::new(0),
        }
    }

    /// Counts one; `Err` says how long to wait.
    pub fn take(&self, visitor: &impl Hash) -> Result<(), Duration> {
        if self.visits.fetch_add(1, Ordering::Relaxed) % VISITS == VISITS - 1 {
            self.limiter.retain_recent();
        }
        let counter = u32::try_from(self.spread.hash_one(visitor) % COUNTERS).unwrap_or(0);
        self.limiter.check_key(&counter).map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }

    /// How many counters are in use.
    pub fn len(&self) -> usize {
        self.limiter.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.limiter.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(burst: u32) -> Rate {
        Rate::new(NonZeroU32::new(burst).expect("not zero"), NonZeroU32::MIN)
    }

    #[test]
    fn who_comes_too_often_is_told_how_long_to_wait_and_their_neighbour_is_not() {
        let rate = rate(2);
        assert!(rate.take(&"a").is_ok() && rate.take(&"a").is_ok());
        assert!(rate.take(&"a").is_err_and(|wait| !wait.is_zero() && wait <= Duration::from_mins(1)));
        assert!(rate.take(&"b").is_ok());
    }

    #[test]
    fn millions_of_visitors_take_no_more_memory_than_the_counters() {
        let rate = rate(1);
        for visitor in 0..3_000_000_u32 {
            let _ = rate.take(&visitor);
        }
        let most = usize::try_from(COUNTERS).expect("fits");
        assert!(rate.len() <= most && rate.len() > most / 2, "{}", rate.len());
    }
}
