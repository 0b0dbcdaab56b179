//! One message to one citizen at a time: whoever is too early gets a time to come back.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use adapter_sdk::{Address, ReplyId};
use tokio::time::Instant;

/// Turns that nobody came back for are forgotten after that long.
const FORGET: Duration = Duration::from_mins(10);
/// How many citizens are remembered before those at rest are forgotten.
const REMEMBER: usize = 4096;

/// Who may be written to when. Lives in memory: after a restart Meta's own limit stands behind it.
#[derive(Debug)]
pub(crate) struct Pace {
    pause: Duration,
    citizens: Mutex<HashMap<(String, Address), Turns>>,
}

#[derive(Debug)]
struct Turns {
    /// When the next one may be given out.
    free: Instant,
    given: Vec<(ReplyId, Instant)>,
}

impl Pace {
    pub(crate) fn new(pause: Duration) -> Self {
        Self { pause, citizens: Mutex::default() }
    }

    /// `Ok`: now. `Err`: come back after that long; the turn is kept for this reply.
    pub(crate) fn turn(&self, account: &str, citizen: &Address, reply: ReplyId, now: Instant) -> Result<(), Duration> {
        let mut citizens = self.citizens();
        if citizens.len() > REMEMBER {
            citizens.retain(|_, turns| turns.free > now);
        }
        let turns = citizens.entry((account.to_owned(), citizen.clone())).or_insert_with(|| Turns { free: now, given: Vec::new() });
        turns.given.retain(|(_, at)| now < *at + FORGET);
        if let Some(index) = turns.given.iter().position(|(id, _)| *id == reply) {
            let at = turns.given[index].1;
            if at > now {
                return Err(at - now);
            }
            turns.given.remove(index);
            return Ok(());
        }
        let at = turns.free.max(now);
        turns.free = at + self.pause;
        if at > now {
            turns.given.push((reply, at));
            return Err(at - now);
        }
        Ok(())
    }

    /// The platform says that it was too early: nobody writes there before that long has passed.
    pub(crate) fn too_early(&self, account: &str, citizen: &Address, wait: Duration, now: Instant) {
        if let Some(turns) = self.citizens().get_mut(&(account.to_owned(), citizen.clone())) {
            turns.free = turns.free.max(now + wait);
        }
    }

    fn citizens(&self) -> MutexGuard<'_, HashMap<(String, Address), Turns>> {
        self.citizens.lock().unwrap_or_else(PoisonError::into_inner) // the map is whole between any two statements
    }
}

/// How fast each of our numbers sends. Meta refuses more (130429) and counts it against us.
#[derive(Debug, Default)]
pub(crate) struct Flow(Mutex<HashMap<String, Instant>>);

impl Flow {
    /// How long to wait before the next message of this number may go: its place in the line is taken.
    pub(crate) fn turn(&self, account: &str, a_second: u32, now: Instant) -> Duration {
        let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner); // the map is whole between any two statements
        let free = next.entry(account.to_owned()).or_insert(now);
        let at = (*free).max(now);
        *free = at + Duration::from_secs(1) / a_second.max(1);
        at - now
    }

    /// Meta says that the number is too fast: nothing goes before that long has passed.
    pub(crate) fn too_fast(&self, account: &str, wait: Duration, now: Instant) {
        let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let free = next.entry(account.to_owned()).or_insert(now);
        *free = (*free).max(now + wait);
    }
}

#[cfg(test)]
mod tests {
    use adapter_sdk::Timestamp;

    use super::*;

    fn citizen(number: &str) -> Address {
        Address::tel(number).expect("a number")
    }

    #[test]
    fn replies_to_one_citizen_take_turns_and_others_do_not_wait() {
        let pace = Pace::new(Duration::from_secs(6));
        let (now, one) = (Instant::now(), citizen("0810000001"));
        let [a, b, c] = [(); 3].map(|()| ReplyId::new(Timestamp::UNIX_EPOCH));
        assert_eq!(pace.turn("1", &one, a, now), Ok(()));
        assert_eq!(pace.turn("1", &one, b, now), Err(Duration::from_secs(6)));
        assert_eq!(pace.turn("1", &one, c, now), Err(Duration::from_secs(12)));
        assert_eq!(pace.turn("1", &one, b, now), Err(Duration::from_secs(6)), "the turn is kept");
        assert_eq!(pace.turn("1", &citizen("0810000002"), c, now), Ok(()));
        let later = now + Duration::from_secs(6);
        assert_eq!(pace.turn("1", &one, b, later), Ok(()));
        assert_eq!(pace.turn("1", &one, c, later), Err(Duration::from_secs(6)));
    }

    #[test]
    fn a_number_sends_no_faster_than_it_may_and_other_numbers_do_not_wait() {
        let (flow, now) = (Flow::default(), Instant::now());
        let waits: Vec<Duration> = (0..5).map(|_| flow.turn("1", 80, now)).collect();
        assert_eq!(waits, [0, 1, 2, 3, 4].map(|n| Duration::from_secs(1) / 80 * n));
        assert_eq!(flow.turn("2", 80, now), Duration::ZERO);
        flow.too_fast("2", Duration::from_secs(20), now);
        assert_eq!(flow.turn("2", 80, now), Duration::from_secs(20));
        assert_eq!(flow.turn("1", 80, now + Duration::from_mins(1)), Duration::ZERO);
    }

    #[test]
    fn the_platforms_word_moves_everybody_back() {
        let pace = Pace::new(Duration::ZERO);
        let (now, one, reply) = (Instant::now(), citizen("0810000001"), ReplyId::new(Timestamp::UNIX_EPOCH));
        assert_eq!(pace.turn("1", &one, reply, now), Ok(()));
        pace.too_early("1", &one, Duration::from_secs(6), now);
        assert_eq!(pace.turn("1", &one, reply, now), Err(Duration::from_secs(6)));
        assert_eq!(pace.turn("1", &one, reply, now + Duration::from_secs(6)), Ok(()));
    }

    #[test]
    fn a_turn_that_nobody_took_does_not_stay() {
        let pace = Pace::new(Duration::from_secs(6));
        let (now, one) = (Instant::now(), citizen("0810000001"));
        let [a, b] = [(); 2].map(|()| ReplyId::new(Timestamp::UNIX_EPOCH));
        assert_eq!(pace.turn("1", &one, a, now), Ok(()));
        assert!(pace.turn("1", &one, b, now).is_err());
        let much_later = now + FORGET + Duration::from_mins(1);
        assert_eq!(pace.turn("1", &one, a, much_later), Ok(()));
        assert!(pace.citizens()[&("1".to_owned(), one)].given.is_empty());
    }
}
