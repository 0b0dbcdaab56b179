//! How far back a search looks: the newest of a common word are near, and of a rare one there are few.

use model::Timestamp;

/// From now back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// So many days.
    Days(i64),
    /// So many periods of 28 days.
    Periods(i64),
}

/// How many periods are looked at together, before everything is.
const PERIODS: [i64; 3] = [2, 5, 14];

impl Reach {
    /// Where looking begins.
    pub(super) const NEAREST: Self = Self::Days(4);

    fn days(self) -> i64 {
        match self {
            Self::Days(many) => many,
            Self::Periods(many) => many * 28,
        }
    }

    /// The nearest reach that is likely to hold as many as are needed, judged by how many were found in this one; `None`: whenever. It is asked to
    /// hold twice as many, because a look that finds too few is for nothing.
    pub(super) fn further(self, found: usize, needed: i64) -> Option<Self> {
        let found = i64::try_from(found).unwrap_or(i64::MAX);
        let enough = |reach: &Self| reach.days() > self.days() && found.saturating_mul(reach.days()) / self.days() >= 2 * needed;
        PERIODS.map(Self::Periods).into_iter().find(enough)
    }

    /// The marks of its days or periods, as a query: the one of `newest` and those before.
    pub(super) fn marks(self, newest: Timestamp) -> String {
        let (mark, many, seconds) = match self {
            Self::Days(many) => ('d', many, 86_400),
            Self::Periods(many) => ('p', many, 28 * 86_400),
        };
        let last = newest.as_second().div_euclid(seconds);
        let marks: Vec<String> = (last - many + 1..=last).map(|n| format!("':{mark}{n}'")).collect();
        format!("({})", marks.join(" | "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_says_how_far_to_look_next() {
        let next = |found| Reach::NEAREST.further(found, 501);
        assert_eq!(next(0), None, "what was not found in days is looked for whenever");
        assert_eq!(next(20), Some(Reach::Periods(14)));
        assert_eq!(next(30), Some(Reach::Periods(5)));
        assert_eq!(next(80), Some(Reach::Periods(2)));
        assert_eq!(Reach::Periods(2).further(500, 501), Some(Reach::Periods(5)));
        assert_eq!(Reach::Periods(14).further(400, 501), None);
    }

    #[test]
    fn a_reach_names_its_days_and_periods_up_to_the_newest() {
        let newest = Timestamp::from_second(28 * 86_400 * 10 + 3).expect("a time");
        assert_eq!(Reach::Days(2).marks(newest), "(':d279' | ':d280')");
        assert_eq!(Reach::Periods(2).marks(newest), "(':p9' | ':p10')");
    }
}
