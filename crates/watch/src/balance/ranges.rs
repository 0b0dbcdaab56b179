//! Sets of numbers as ranges: ten million of them without a gap are one.

use std::{collections::BTreeMap, fmt, ops::RangeInclusive, str::FromStr};

/// Numbers, as ranges that neither touch nor overlap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranges(BTreeMap<u64, u64>);

impl Ranges {
    /// Adds one; `false`: it was there.
    pub fn insert(&mut self, number: u64) -> bool {
        if self.contains(number) {
            return false;
        }
        let below = self.0.range(..number).next_back().filter(|(_, end)| **end + 1 == number).map(|(start, _)| *start);
        let above = number.checked_add(1).and_then(|next| self.0.remove(&next));
        self.0.insert(below.unwrap_or(number), above.unwrap_or(number));
        true
    }

    /// Adds all of another set.
    pub fn extend(&mut self, other: &Self) {
        for (&start, &end) in &other.0 {
            self.insert_range(start, end);
        }
    }

    fn insert_range(&mut self, mut start: u64, mut end: u64) {
        let touching = |(known_start, known_end): (&u64, &u64)| {
            (*known_start <= end.saturating_add(1) && start <= known_end.saturating_add(1)).then_some((*known_start, *known_end))
        };
        let touched: Vec<(u64, u64)> = self.0.range(..=end.saturating_add(1)).rev().map_while(touching).collect();
        for (known_start, known_end) in touched {
            self.0.remove(&known_start);
            start = start.min(known_start);
            end = end.max(known_end);
        }
        self.0.insert(start, end);
    }

    /// Whether it is there.
    pub fn contains(&self, number: u64) -> bool {
        self.0.range(..=number).next_back().is_some_and(|(_, end)| *end >= number)
    }

    /// The lowest.
    pub fn first(&self) -> Option<u64> {
        self.0.keys().next().copied()
    }

    /// The highest.
    pub fn last(&self) -> Option<u64> {
        self.0.values().next_back().copied()
    }

    /// How many.
    pub fn len(&self) -> u64 {
        self.0.iter().map(|(start, end)| end - start + 1).fold(0, u64::saturating_add)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many of `within` are not there, as ranges.
    pub fn gaps(&self, within: RangeInclusive<u64>) -> Vec<(u64, u64)> {
        let (mut next, last) = within.into_inner();
        let mut gaps = Vec::new();
        if next > last {
            return gaps;
        }
        let before = self.0.range(..next).next_back().filter(|(_, end)| **end >= next);
        for (&start, &end) in before.into_iter().chain(self.0.range(next..=last)) {
            if start > next {
                gaps.push((next, start - 1));
            }
            let Some(after) = end.checked_add(1) else { return gaps };
            next = next.max(after);
        }
        if next <= last {
            gaps.push((next, last));
        }
        gaps
    }

    /// Those that are not in another set.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut left = Self::default();
        for (&start, &end) in &self.0 {
            for (start, end) in other.gaps(start..=end) {
                left.0.insert(start, end);
            }
        }
        left
    }

    /// Those of a stretch.
    #[must_use]
    pub fn within(&self, first: u64, last: u64) -> Self {
        let mut all = Self::default();
        if first <= last {
            all.0.insert(first, last);
        }
        all.without(&all.without(self))
    }
}

/// As PostgreSQL writes an `int8multirange`: `{[1,5),[7,8)}`.
impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, (start, end)) in self.0.iter().enumerate() {
            write!(f, "{}[{start},{})", if at == 0 { "" } else { "," }, end.saturating_add(1))?;
        }
        f.write_str("}")
    }
}

impl FromStr for Ranges {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).ok_or(())?;
        let mut ranges = Self::default();
        for range in inner.split_inclusive(')').map(|range| range.trim_start_matches(',')).filter(|range| !range.is_empty()) {
            let (start, end) =
                range.strip_prefix('[').and_then(|rest| rest.strip_suffix(')')).and_then(|rest| rest.split_once(',')).ok_or(())?;
            let (start, end): (u64, u64) = (start.parse().map_err(drop)?, end.parse().map_err(drop)?);
            if start >= end {
                return Err(());
            }
            ranges.insert_range(start, end - 1);
        }
        Ok(ranges)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn of(numbers: &BTreeSet<u64>) -> Ranges {
        let mut ranges = Ranges::default();
        for number in numbers.iter().rev() {
            ranges.insert(*number);
        }
        ranges
    }

    fn each(gaps: &[(u64, u64)]) -> Vec<u64> {
        gaps.iter().flat_map(|(start, end)| *start..=*end).collect()
    }

    proptest! {
        #[test]
        fn ranges_are_a_set(numbers in prop::collection::vec(0_u64..60, 0..80), others in prop::collection::btree_set(0_u64..60, 0..40), within in (0_u64..60, 0_u64..60)) {
            let mut ranges = Ranges::default();
            let mut set = BTreeSet::new();
            for number in numbers {
                prop_assert_eq!(ranges.insert(number), set.insert(number));
            }
            prop_assert_eq!(ranges.len(), set.len() as u64);
            prop_assert_eq!((ranges.first(), ranges.last()), (set.first().copied(), set.last().copied()));
            prop_assert_eq!((0..61).filter(|n| ranges.contains(*n)).collect::<BTreeSet<_>>(), set.clone());
            prop_assert_eq!(ranges.to_string().parse::<Ranges>(), Ok(ranges.clone()));
            prop_assert_eq!(ranges.0.len(), set.iter().filter(|n| !set.contains(&(*n + 1))).count());
            let missing: Vec<u64> = (within.0..=within.1).filter(|n| !set.contains(n)).collect();
            prop_assert_eq!(each(&ranges.gaps(within.0..=within.1)), missing);
            prop_assert_eq!(ranges.without(&of(&others)), of(&set.difference(&others).copied().collect()));
            prop_assert_eq!(ranges.within(within.0, within.1), of(&set.iter().copied().filter(|n| (within.0..=within.1).contains(n)).collect()));
            let mut both = ranges.clone();
            both.extend(&of(&others));
            prop_assert_eq!(both, of(&set.union(&others).copied().collect()));
        }
    }

    #[test]
    fn numbers_at_the_end_of_all_numbers_break_nothing() {
        let mut ranges = Ranges::default();
        assert!(ranges.insert(u64::MAX) && ranges.insert(1) && !ranges.insert(u64::MAX));
        assert_eq!(ranges.gaps(0..=u64::MAX), [(0, 0), (2, u64::MAX - 1)]);
        assert!("{[1,1)}".parse::<Ranges>().is_err() && "[1,2)".parse::<Ranges>().is_err() && "{x}".parse::<Ranges>().is_err());
    }
}
