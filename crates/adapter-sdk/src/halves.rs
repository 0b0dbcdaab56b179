//! Replies that a platform stopped in the middle.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use model::ReplyId;

/// How many are remembered; beyond it the oldest reply is forgotten.
const MOST: usize = 1000;

/// How far replies in several messages got before the platform stopped them, so that no part is sent twice. In memory: after a crash a
/// reply begins again, as [`crate::Adapter::send`] allows.
#[derive(Debug, Default)]
pub struct Halves(Mutex<BTreeMap<ReplyId, Half>>);

/// How far one reply got.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Half {
    /// How many of its parts the platform has.
    pub sent: usize,
    /// The platform's id of the first.
    pub first: Option<String>,
}

impl Halves {
    /// Where to go on with a reply: at its beginning, if nothing is known of it. It is not remembered any more.
    pub fn take(&self, reply: ReplyId) -> Half {
        self.all().remove(&reply).unwrap_or_default()
    }

    /// Whether the platform has a part of it.
    pub fn has_begun(&self, reply: ReplyId) -> bool {
        self.all().contains_key(&reply)
    }

    /// Remembers a reply of which the platform has a part.
    pub fn keep(&self, reply: ReplyId, half: Half) {
        if half.sent == 0 {
            return;
        }
        let mut all = self.all();
        if all.len() == MOST {
            all.pop_first();
        }
        all.insert(reply, half);
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<ReplyId, Half>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner) // the map is whole between any two statements
    }
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::*;

    #[test]
    fn a_reply_goes_on_where_it_was_stopped_and_only_once() {
        let (halves, reply) = (Halves::default(), ReplyId::new(Timestamp::UNIX_EPOCH));
        let half = Half { sent: 2, first: Some("m1".into()) };
        halves.keep(reply, half.clone());
        assert!(halves.has_begun(reply));
        assert_eq!(halves.take(reply), half);
        assert!(!halves.has_begun(reply));
        assert_eq!(halves.take(reply), Half::default());
        halves.keep(reply, Half::default());
        assert!(halves.all().is_empty(), "what has not begun is nothing to remember");
    }

    #[test]
    fn not_more_than_so_many_are_remembered_and_the_oldest_goes_first() {
        let halves = Halves::default();
        let reply = |second: usize| ReplyId::new(Timestamp::from_second(i64::try_from(second).expect("small")).expect("a time"));
        let replies: Vec<ReplyId> = (0..=MOST).map(reply).collect();
        for reply in &replies {
            halves.keep(*reply, Half { sent: 1, first: None });
        }
        assert_eq!(halves.all().len(), MOST);
        assert_eq!(halves.take(replies[0]).sent, 0);
        assert_eq!(halves.take(replies[MOST]).sent, 1);
    }
}
