//! A small memory with a bound: what came last, by id.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Remembers the last `most` things by id; the oldest is forgotten first.
#[derive(Debug)]
pub struct Recent<T> {
    most: usize,
    kept: Mutex<Kept<T>>,
}

#[derive(Debug)]
struct Kept<T> {
    by_id: HashMap<String, T>,
    order: VecDeque<String>,
}

impl<T: Clone> Recent<T> {
    /// An empty one.
    pub fn new(most: usize) -> Self {
        Self { most, kept: Mutex::new(Kept { by_id: HashMap::new(), order: VecDeque::new() }) }
    }

    /// What is remembered under this id.
    pub fn get(&self, id: &str) -> Option<T> {
        self.kept().by_id.get(id).cloned()
    }

    /// Remembers `value`, unless `keep` prefers what is there.
    pub fn put_unless(&self, id: &str, value: T, keep: impl FnOnce(&T) -> bool) {
        let mut kept = self.kept();
        if kept.by_id.get(id).is_some_and(keep) {
            return;
        }
        if kept.by_id.insert(id.to_owned(), value).is_none() {
            kept.order.push_back(id.to_owned());
        }
        if kept.order.len() > self.most
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.by_id.remove(&oldest);
        }
    }

    /// Remembers `value` in place of what was there.
    pub fn put(&self, id: &str, value: T) {
        self.put_unless(id, value, |_| false);
    }

    fn kept(&self) -> MutexGuard<'_, Kept<T>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_and_a_known_one_takes_no_new_place() {
        let recent = Recent::new(2);
        recent.put("a", 1);
        recent.put("b", 2);
        recent.put("b", 3);
        assert_eq!((recent.get("a"), recent.get("b")), (Some(1), Some(3)));
        recent.put("c", 4);
        assert_eq!((recent.get("a"), recent.get("b"), recent.get("c")), (None, Some(3), Some(4)));
        recent.put_unless("c", 5, |known| *known == 4);
        assert_eq!(recent.get("c"), Some(4));
    }
}
