//! Slows down while nothing succeeds, so that an outage does not use up the attempts of everything that waits.

use std::time::Duration;

use tokio::time::Instant;

use super::settle::Verdict;

/// Fresh calls that must fail in a row before we believe that the fault is not in the messages.
const DOUBT: u32 = 5;
const LONGEST: Duration = Duration::from_secs(30);

/// How fast to go on.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Calls in a row that failed whole, each with messages that are new to us: one that fails for ever is no sign of an outage.
    failed: u32,
    until: Option<Instant>,
}

impl Pace {
    /// Takes note of what one call came to.
    pub(super) fn note<'a>(&mut self, outcomes: impl Iterator<Item = (u32, &'a Verdict)>, now: Instant) {
        let mut fresh = false;
        for (attempt, verdict) in outcomes {
            if !matches!(verdict, Verdict::Retry { after: None, .. }) {
                *self = Self::default();
                return;
            }
            fresh |= attempt <= 2;
        }
        if fresh {
            self.failed = self.failed.saturating_add(1);
        }
        if self.in_trouble() {
            let doublings = self.failed.saturating_sub(DOUBT).min(5);
            self.until = Some(now + LONGEST.min(Duration::from_secs(1 << doublings)));
        }
    }

    /// One message at a time, with pauses.
    pub(super) fn in_trouble(&self) -> bool {
        self.failed >= DOUBT
    }

    /// When the next call may begin, if not now.
    pub(super) fn pause(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry() -> Verdict {
        Verdict::Retry { after: None, error: String::new() }
    }

    fn failed(pace: &mut Pace, attempt: u32, times: u32) -> Instant {
        let now = Instant::now();
        for _ in 0..times {
            pace.note([(attempt, &retry())].into_iter(), now);
        }
        now
    }

    #[test]
    fn many_fresh_failures_slow_down_and_one_success_ends_it() {
        let mut pace = Pace::default();
        let now = failed(&mut pace, 1, DOUBT - 1);
        assert!(!pace.in_trouble() && pace.pause(now).is_none());
        let now = failed(&mut pace, 1, 1);
        assert!(pace.in_trouble());
        assert_eq!(pace.pause(now), Some(now + Duration::from_secs(1)));
        let now = failed(&mut pace, 1, 100);
        assert_eq!(pace.pause(now), Some(now + LONGEST));
        pace.note([(1, &retry()), (1, &Verdict::Done)].into_iter(), now);
        assert!(!pace.in_trouble() && pace.pause(now).is_none());
    }

    #[test]
    fn one_message_that_fails_for_ever_slows_nobody_down() {
        let mut pace = Pace::default();
        failed(&mut pace, 3, 100);
        assert!(!pace.in_trouble());
    }

    #[test]
    fn a_handler_that_names_the_time_knows_what_it_does() {
        let mut pace = Pace::default();
        for _ in 0..100 {
            pace.note([(1, &Verdict::Retry { after: Some(Duration::ZERO), error: String::new() })].into_iter(), Instant::now());
        }
        assert!(!pace.in_trouble());
    }
}
