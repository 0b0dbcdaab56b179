//! Complaints made ready for comparing, kept for those that come next: in a flood the same earlier ones are met again and again, and
//! reading them costs several times as much as comparing.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use model::ComplaintId;
use store::likeness::Candidate;
use triage::{Judge, Seen, Side};

/// Of one generation; two are kept. A sight takes some two kilobytes.
const MOST: usize = 2_000;

/// What was seen lately, by one judge.
#[derive(Default)]
pub(crate) struct Sights(Mutex<Generations>);

/// The younger ones, and those before them: when the younger ones are many, they become the older ones, and who was not met again is gone.
#[derive(Default)]
struct Generations {
    young: HashMap<ComplaintId, Sight>,
    old: HashMap<ComplaintId, Sight>,
}

/// With a hash of what it was read from: words that follow make it another one.
#[derive(Clone)]
struct Sight {
    of: u64,
    seen: Arc<Seen>,
}

impl Sights {
    /// A complaint made ready, now or before.
    pub(crate) fn see(&self, judge: &Judge, candidate: &Candidate) -> Arc<Seen> {
        let of = hash(candidate);
        if let Some(seen) = self.lock().get(candidate.id, of) {
            return seen;
        }
        let (text, place, area) = (&candidate.text, &candidate.place, &candidate.area);
        let seen = Arc::new(judge.see(&Side { text, place, area, at: candidate.opened_at.as_second() }));
        self.lock().keep(candidate.id, Sight { of, seen: seen.clone() });
        seen
    }

    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn get(&mut self, id: ComplaintId, of: u64) -> Option<Arc<Seen>> {
        let sight = self.young.get(&id).or_else(|| self.old.get(&id)).filter(|sight| sight.of == of)?.clone();
        let seen = sight.seen.clone();
        self.keep(id, sight);
        Some(seen)
    }

    fn keep(&mut self, id: ComplaintId, sight: Sight) {
        if self.young.len() >= MOST {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(id, sight);
    }
}

fn hash(candidate: &Candidate) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&candidate.text, &candidate.place, &candidate.area).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use model::{CitizenId, Status, Timestamp};

    use super::*;

    fn candidate(text: &str) -> Candidate {
        Candidate {
            id: ComplaintId::new(Timestamp::UNIX_EPOCH),
            citizen: CitizenId::new(Timestamp::UNIX_EPOCH),
            text: text.into(),
            place: String::new(),
            area: String::new(),
            category: None,
            location: None,
            opened_at: Timestamp::UNIX_EPOCH,
            status: Status::Received,
            incident: None,
        }
    }

    #[test]
    fn a_complaint_is_read_once_until_its_words_change() {
        let (sights, judge) = (Sights::default(), Judge::plain());
        let mut one = candidate("banjir di jalan melati");
        let first = sights.see(&judge, &one);
        assert!(Arc::ptr_eq(&first, &sights.see(&judge, &one)));
        one.text += ", sudah selutut";
        let second = sights.see(&judge, &one);
        assert!(!Arc::ptr_eq(&first, &second));
        assert!(Arc::ptr_eq(&second, &sights.see(&judge, &one)));
    }

    #[test]
    fn who_is_met_again_stays_and_the_others_make_room() {
        let (sights, judge) = (Sights::default(), Judge::plain());
        let (met, left) = (candidate("lampu padam"), candidate("pohon tumbang"));
        let (met_first, left_first) = (sights.see(&judge, &met), sights.see(&judge, &left));
        for _ in 0..3 {
            for _ in 0..MOST {
                sights.see(&judge, &candidate("x"));
            }
            assert!(Arc::ptr_eq(&met_first, &sights.see(&judge, &met)));
        }
        assert!(!Arc::ptr_eq(&left_first, &sights.see(&judge, &left)));
        let kept = sights.lock();
        assert!(kept.young.len() <= MOST && kept.old.len() <= MOST);
    }
}
