//! How fast a number may send: whoever is too early gets a time to come back, which is kept for that reply.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use adapter_sdk::ReplyId;
use tokio::time::Instant;

/// Turns that nobody came back for are forgotten after that long.
const FORGET: Duration = Duration::from_mins(10);
/// So much may go out ahead of its time: a number that rested does not begin with a pause.
const AHEAD: Duration = Duration::from_secs(1);

/// Who may send when. Lives in memory: the gateway's own limit stands behind it.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    numbers: Mutex<HashMap<String, Turns>>,
}

#[derive(Debug)]
struct Turns {
    /// When everything that was given out has gone.
    free: Instant,
    given: HashMap<ReplyId, Instant>,
}

impl Pace {
    /// `Ok`: now. `Err`: come back after that long. `takes`: how long the number is busy with it.
    pub(crate) fn turn(&self, number: &str, reply: ReplyId, takes: Duration, now: Instant) -> Result<(), Duration> {
        let mut numbers = self.numbers();
        let turns = numbers.entry(number.to_owned()).or_insert_with(|| Turns { free: now, given: HashMap::new() });
        turns.given.retain(|_, at| now < *at + FORGET);
        if let Some(at) = turns.given.get(&reply).copied() {
            if at > now {
                return Err(at - now);
            }
            turns.given.remove(&reply);
            return Ok(());
        }
        let at = turns.free.max(now);
        turns.free = at + takes;
        if at > now + AHEAD {
            turns.given.insert(reply, at);
            return Err(at - now);
        }
        Ok(())
    }

    fn numbers(&self) -> MutexGuard<'_, HashMap<String, Turns>> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner) // the map is whole between any two statements
    }
}

#[cfg(test)]
mod tests {
    use adapter_sdk::Timestamp;

    use super::*;

    #[test]
    fn a_number_sends_no_faster_than_it_may_and_another_does_not_wait() {
        let (pace, now) = (Pace::default(), Instant::now());
        let five = Duration::from_secs(5);
        let [a, b, c] = [(); 3].map(|()| ReplyId::new(Timestamp::UNIX_EPOCH));
        assert_eq!(pace.turn("modem", a, five, now), Ok(()));
        assert_eq!(pace.turn("modem", b, five, now), Err(five));
        assert_eq!(pace.turn("modem", c, five, now), Err(2 * five));
        assert_eq!(pace.turn("modem", b, five, now), Err(five), "the turn is kept");
        assert_eq!(pace.turn("kannel", c, five, now), Ok(()));
        assert_eq!(pace.turn("modem", b, five, now + five), Ok(()));
        assert_eq!(pace.turn("modem", c, five, now + five), Err(five));
    }

    #[test]
    fn a_fast_number_gives_nobody_a_pause_shorter_than_it_is_worth() {
        let (pace, now) = (Pace::default(), Instant::now());
        let hundredth = Duration::from_millis(10);
        let turns = (0..200).map(|_| pace.turn("1708", ReplyId::new(Timestamp::UNIX_EPOCH), hundredth, now));
        let held: Vec<bool> = turns.map(|turn| turn.is_err()).collect();
        assert!(held[..100].iter().all(|held| !held) && held[150..].iter().all(|held| *held));
    }
}
