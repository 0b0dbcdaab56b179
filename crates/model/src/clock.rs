//! Dates as people here count and say them: working days, three time zones, Indonesian months.

use std::collections::BTreeMap;

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Weekday, time},
    tz::{Offset, TimeZone},
};
use serde::{Deserialize, Serialize};

use crate::Language;

/// The three time zones of Indonesia; none has summer time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Zone {
    /// Western, UTC+7: Jakarta.
    #[default]
    Wib,
    /// Central, UTC+8: Makassar.
    Wita,
    /// Eastern, UTC+9: Jayapura.
    Wit,
}

impl Zone {
    /// The name people write behind a time.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wib => "WIB",
            Self::Wita => "WITA",
            Self::Wit => "WIT",
        }
    }

    /// The zone for date arithmetic.
    pub fn time_zone(self) -> TimeZone {
        let hours = match self {
            Self::Wib => 7,
            Self::Wita => 8,
            Self::Wit => 9,
        };
        TimeZone::fixed(Offset::constant(hours))
    }
}

/// When the offices work. Holidays are dated rows with their source, never code.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// Where the offices are.
    pub zone: Zone,
    /// Days off besides Saturday and Sunday, with their names.
    pub holidays: BTreeMap<Date, String>,
}

/// The hour at which a deadline falls on its day: the end of office hours.
const END_OF_OFFICE_HOURS: i8 = 16;

impl Calendar {
    /// Whether the offices work on that day.
    pub fn is_working_day(&self, day: Date) -> bool {
        !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && !self.holidays.contains_key(&day)
    }

    /// The deadline `working_days` after `from`: that many working days later, at the end of office hours. The day of `from` does
    /// not count. Zero is the next end of office hours on a working day.
    pub fn deadline(&self, from: Timestamp, working_days: u16) -> Timestamp {
        let start = from.to_zoned(self.zone.time_zone());
        let mut day = start.date();
        let mut left = working_days;
        if left == 0 && start.hour() >= END_OF_OFFICE_HOURS {
            day = next(day);
        }
        while left > 0 {
            day = next(day);
            if self.is_working_day(day) {
                left -= 1;
            }
        }
        // A calendar full of holidays must not hang us: a year on, the rows are wrong, not the day.
        for _ in 0..366 {
            if self.is_working_day(day) {
                break;
            }
            day = next(day);
        }
        let end = day.to_datetime(time(END_OF_OFFICE_HOURS, 0, 0, 0));
        end.to_zoned(self.zone.time_zone()).map_or(from, |zoned| zoned.timestamp())
    }
}

fn next(day: Date) -> Date {
    day.checked_add(1.day()).unwrap_or(Date::MAX)
}

const MONTHS_ID: [&str; 12] =
    ["Januari", "Februari", "Maret", "April", "Mei", "Juni", "Juli", "Agustus", "September", "Oktober", "November", "Desember"];
const MONTHS_EN: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
pub(crate) const DAYS_ID: [&str; 7] = ["Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu"];
pub(crate) const DAYS_EN: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// `Jumat, 27 November 2026` or `Friday, 27 November 2026`.
pub fn long_date(at: Timestamp, zone: Zone, language: Language) -> String {
    let at = at.to_zoned(zone.time_zone());
    let (days, months) = match language {
        Language::Id => (DAYS_ID, MONTHS_ID),
        Language::En => (DAYS_EN, MONTHS_EN),
    };
    let weekday = usize::try_from(at.weekday().to_monday_zero_offset()).unwrap_or(0);
    let month = usize::try_from(at.month() - 1).unwrap_or(0);
    format!("{}, {} {} {}", days[weekday % 7], at.day(), months[month % 12], at.year())
}

/// `27 November`.
pub fn day_and_month(at: Timestamp, zone: Zone, language: Language) -> String {
    let at = at.to_zoned(zone.time_zone());
    let months = if language == Language::Id { MONTHS_ID } else { MONTHS_EN };
    format!("{} {}", at.day(), months[usize::try_from(at.month() - 1).unwrap_or(0) % 12])
}

/// `27 November 2026 pukul 14.05 WIB` or `27 November 2026, 14:05 WIB`.
pub fn date_and_time(at: Timestamp, zone: Zone, language: Language) -> String {
    let z = at.to_zoned(zone.time_zone());
    let month = usize::try_from(z.month() - 1).unwrap_or(0) % 12;
    match language {
        Language::Id => {
            format!("{} {} {} pukul {:02}.{:02} {}", z.day(), MONTHS_ID[month], z.year(), z.hour(), z.minute(), zone.name())
        }
        Language::En => format!("{} {} {}, {:02}:{:02} {}", z.day(), MONTHS_EN[month], z.year(), z.hour(), z.minute(), zone.name()),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn weekends_and_holidays_do_not_count() {
        let mut calendar = Calendar::default();
        let friday = at("2026-11-20T10:00:00+07:00");
        assert_eq!(calendar.deadline(friday, 1), at("2026-11-23T16:00:00+07:00"));
        assert_eq!(calendar.deadline(friday, 5), at("2026-11-27T16:00:00+07:00"));
        calendar.holidays.insert(date(2026, 11, 23), "libur".into());
        assert_eq!(calendar.deadline(friday, 1), at("2026-11-24T16:00:00+07:00"));
    }

    #[test]
    fn zero_days_is_the_next_end_of_office_hours() {
        let calendar = Calendar::default();
        assert_eq!(calendar.deadline(at("2026-11-20T10:00:00+07:00"), 0), at("2026-11-20T16:00:00+07:00"));
        assert_eq!(calendar.deadline(at("2026-11-20T17:00:00+07:00"), 0), at("2026-11-23T16:00:00+07:00"));
    }

    #[test]
    fn the_zone_decides_which_day_it_is() {
        let late = at("2026-11-19T16:30:00Z"); // Friday half past midnight in Jayapura, Thursday night in Jakarta
        let eastern = Calendar { zone: Zone::Wit, ..Calendar::default() };
        assert_eq!(eastern.deadline(late, 1), at("2026-11-23T16:00:00+09:00"));
        assert_eq!(Calendar::default().deadline(late, 1), at("2026-11-20T16:00:00+07:00"));
    }

    #[test]
    fn dates_read_as_people_say_them() {
        let noon = at("2026-11-27T05:05:00Z");
        assert_eq!(long_date(noon, Zone::Wib, Language::Id), "Jumat, 27 November 2026");
        assert_eq!(date_and_time(noon, Zone::Wib, Language::Id), "27 November 2026 pukul 12.05 WIB");
        assert_eq!(date_and_time(noon, Zone::Wit, Language::En), "27 November 2026, 14:05 WIT");
    }

    proptest! {
        #[test]
        fn a_deadline_is_later_than_its_start_on_a_working_day_and_never_shrinks(second in 0i64..4_000_000_000, days in 0u16..200) {
            let calendar = Calendar::default();
            let from = Timestamp::from_second(second).expect("in range");
            let deadline = calendar.deadline(from, days);
            prop_assert!(deadline > from);
            prop_assert!(calendar.is_working_day(deadline.to_zoned(calendar.zone.time_zone()).date()));
            let next = calendar.deadline(from, days + 1);
            // From a weekend, "by the end of office hours" and "in one working day" are the same Monday.
            prop_assert!(next > deadline || (days == 0 && next == deadline));
        }
    }
}
