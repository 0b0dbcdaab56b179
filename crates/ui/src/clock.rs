//! How a deadline is said: in working days, as the offices count them.

use jiff::{Timestamp, ToSpan};
use model::clock::Calendar;

use crate::Words;

/// How near a deadline is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// So many working days are left after today.
    Left(u64),
    /// Due today.
    Today,
    /// So many days over; at least one.
    Late(u64),
}

/// How urgent a clock is: chooses colour and icon, never instead of the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Time enough.
    Calm,
    /// Due today or on the next working day.
    Soon,
    /// Over.
    Late,
}

impl Clock {
    /// Reads the deadline against `now`, in the calendar's zone and with its holidays.
    pub fn of(deadline: Timestamp, now: Timestamp, calendar: &Calendar) -> Self {
        let day = |at: Timestamp| at.to_zoned(calendar.zone.time_zone()).date();
        let (due, today) = (day(deadline), day(now));
        if now > deadline {
            let over = (today - due).get_days();
            return Self::Late(u64::try_from(over).unwrap_or(0).max(1));
        }
        // A deadline is at most a year of working days away; the bound keeps a wrong row from hanging a page.
        let days = today.series(1.day()).skip(1).take(800).take_while(|day| *day <= due);
        match days.filter(|day| calendar.is_working_day(*day)).count() {
            0 => Self::Today,
            left => Self::Left(left as u64),
        }
    }

    /// How urgent it is.
    pub fn level(self) -> Level {
        match self {
            Self::Left(2..) => Level::Calm,
            Self::Left(_) | Self::Today => Level::Soon,
            Self::Late(_) => Level::Late,
        }
    }

    /// In words: `sisa 3 hari kerja`, `hari ini`, `terlambat 2 hari`.
    pub fn say(self, words: &Words) -> String {
        match self {
            Self::Left(days) => words.count("clock.left", days),
            Self::Today => words.t("clock.today").to_owned(),
            Self::Late(days) => words.count("clock.late", days),
        }
    }
}

impl Level {
    /// The name in style sheets.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Soon => "soon",
            Self::Late => "late",
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use model::Language;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_clock_counts_working_days_left_and_days_late() {
        let mut calendar = Calendar::default();
        calendar.holidays.insert(date(2026, 11, 25), "libur".into());
        let deadline = at("2026-11-27T16:00:00+07:00"); // a Friday
        for (now, expected) in [
            ("2026-11-20T10:00:00+07:00", "sisa 4 hari kerja"), // the Friday before: Mon, Tue, Thu, Fri
            ("2026-11-26T23:00:00+07:00", "sisa 1 hari kerja"),
            ("2026-11-27T15:59:00+07:00", "hari ini"),
            ("2026-11-27T16:01:00+07:00", "terlambat 1 hari"),
            ("2026-11-29T10:00:00+07:00", "terlambat 2 hari"),
        ] {
            assert_eq!(Clock::of(deadline, at(now), &calendar).say(&Words::get(Language::Id)), expected, "{now}");
        }
    }

    #[test]
    fn a_deadline_is_counted_as_the_calendar_set_it() {
        let calendar = Calendar::default();
        for days in 1..60 {
            let now = at("2026-11-20T10:00:00+07:00");
            assert_eq!(Clock::of(calendar.deadline(now, days), now, &calendar), Clock::Left(u64::from(days)));
        }
    }
}
