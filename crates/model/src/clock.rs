//! Dates as people here count and say them: working days, three time zones, Indonesian months.

mod worked;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use jiff::{
    SignedDuration, Timestamp, ToSpan,
    civil::{Date, Time, Weekday, time},
    tz::{Offset, TimeZone},
};
use serde::{Deserialize, Serialize};

pub use worked::OpenTime;

use crate::{Language, OpeningHours};

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

/// How long something may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// How many …
    pub number: u16,
    /// … of what.
    pub unit: Unit,
}

/// What a limit counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Days on which the office works; over at its closing time.
    WorkingDays,
    /// Hours in which the office is open, to the second.
    WorkingHours,
    /// 24 hours each, through nights and days off.
    Days,
    /// Hours, through nights and days off.
    Hours,
}

impl Unit {
    /// Every unit.
    pub const ALL: [Self; 4] = [Self::WorkingDays, Self::WorkingHours, Self::Days, Self::Hours];

    /// The word in tables and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WorkingDays => "working_days",
            Self::WorkingHours => "working_hours",
            Self::Days => "days",
            Self::Hours => "hours",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.as_str() == word)
    }
}

/// A while in which nobody could go on: the citizen had been asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// When it began.
    pub from: Timestamp,
    /// When it ended; `None`: it has not.
    pub until: Option<Timestamp>,
}

/// When an office works, where that is not as everywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Office {
    /// Its week; `None`: as everywhere.
    pub hours: Option<OpeningHours>,
    /// Whether it works on days off too: a fire brigade, an emergency room.
    pub on_holidays: bool,
}

/// Hours of an office that wrote down none, on Mondays to Fridays.
const OPENS: Time = time(7, 30, 0, 0);
const CLOSES: Time = time(16, 0, 0, 0);
/// Days that are looked at for a deadline: rows that leave nearly no working day must not hang us. Then the rows are wrong, not the day.
const FURTHEST: usize = 20_000;

impl Calendar {
    /// Whether an office that wrote down no hours of its own works on that day.
    pub fn is_working_day(&self, day: Date) -> bool {
        self.of(None).is_working_day(day)
    }

    /// The deadline `working_days` after `from`: see [`Working::due`].
    pub fn deadline(&self, from: Timestamp, working_days: u16) -> Timestamp {
        self.of(None).due(from, Amount { number: working_days, unit: Unit::WorkingDays }, &[])
    }

    /// The days and hours of an office.
    pub fn of<'a>(&'a self, office: Option<&'a Office>) -> Working<'a> {
        Working { calendar: self, office }
    }
}

/// When one office works: its own week, the days off of all. Every deadline is counted here.
#[derive(Debug, Clone, Copy)]
pub struct Working<'a> {
    calendar: &'a Calendar,
    office: Option<&'a Office>,
}

impl<'a> Working<'a> {
    /// Whether the office works on that day.
    pub fn is_working_day(&self, day: Date) -> bool {
        self.has_hours(day) && (self.works_on_holidays() || !self.calendar.holidays.contains_key(&day))
    }

    /// Its week, where it is not as everywhere.
    pub fn own_hours(&self) -> Option<&'a OpeningHours> {
        self.office.and_then(|office| office.hours.as_ref())
    }

    /// The days off that fell out between two moments, the day of `from` left out: what the office would else have worked on.
    pub fn days_off(&self, from: Timestamp, until: Timestamp) -> Vec<(Date, &'a str)> {
        let (first, last) = (self.date(from), self.date(until));
        if self.works_on_holidays() || first >= last {
            return Vec::new();
        }
        let between = self.calendar.holidays.range((Bound::Excluded(first), Bound::Included(last)));
        between.filter(|(day, _)| self.has_hours(**day)).map(|(day, name)| (*day, name.as_str())).collect()
    }

    /// How many working days of these pauses did not count.
    pub fn days_waited(&self, pauses: &[Pause]) -> u64 {
        let days: BTreeSet<Date> = ended(pauses)
            .into_iter()
            .flat_map(|(from, until)| {
                self.date(from).series(1.day()).skip(1).take(FURTHEST).take_while(move |day| *day <= self.date(until))
            })
            .collect();
        days.into_iter().filter(|day| self.is_working_day(*day)).count() as u64
    }

    /// Until when something that began at `from` must be done. A pure function: asked again it says the same, and with a day off more it
    /// never says an earlier moment.
    ///
    /// - Working days: that many working days later, when the office closes. The day of `from` does not count. Zero is the next closing time.
    ///   Days on which the citizen was still waited for do not count, nor does the day of their answer.
    /// - Working hours: that much open time later, without pauses.
    /// - Days and hours: that much time later, without pauses.
    ///
    /// A pause that has not ended changes nothing yet.
    pub fn due(&self, from: Timestamp, amount: Amount, pauses: &[Pause]) -> Timestamp {
        let pauses = ended(pauses);
        match amount.unit {
            Unit::WorkingDays => self.after_days(from, amount.number, &pauses),
            Unit::WorkingHours => self.after_open_hours(from, SignedDuration::from_hours(amount.number.into()), &pauses),
            Unit::Days => after(from, SignedDuration::from_hours(24 * i64::from(amount.number)), &pauses),
            Unit::Hours => after(from, SignedDuration::from_hours(amount.number.into()), &pauses),
        }
    }

    /// A deadline of which nobody knows any more how it was counted, later by the working days of a pause.
    pub fn later(&self, deadline: Timestamp, pause: Pause) -> Timestamp {
        match u16::try_from(self.days_waited(&[pause])).unwrap_or(u16::MAX) {
            0 => deadline,
            number => self.due(deadline, Amount { number, unit: Unit::WorkingDays }, &[]),
        }
    }

    fn after_days(&self, from: Timestamp, number: u16, pauses: &[(Timestamp, Timestamp)]) -> Timestamp {
        let waited: Vec<(Date, Date)> = pauses.iter().map(|(from, until)| (self.date(*from), self.date(*until))).collect();
        let counts = |day: Date| self.is_working_day(day) && !waited.iter().any(|(asked, answered)| *asked < day && day <= *answered);
        let start = from.to_zoned(self.calendar.zone.time_zone());
        let mut day = start.date();
        let mut left = number;
        if left == 0 && start.time() >= self.closes(day) {
            day = next(day);
        }
        for _ in 0..FURTHEST {
            if left == 0 {
                break;
            }
            day = next(day);
            left -= u16::from(counts(day));
        }
        for _ in 0..FURTHEST {
            if counts(day) {
                break;
            }
            day = next(day);
        }
        self.at(day, self.closes(day)).unwrap_or(from)
    }

    fn after_open_hours(&self, from: Timestamp, amount: SignedDuration, pauses: &[(Timestamp, Timestamp)]) -> Timestamp {
        let mut left = amount;
        let mut day = self.date(from);
        for _ in 0..FURTHEST {
            for (opens, closes) in self.spans(day) {
                let (Some(opens), Some(closes)) = (self.at(day, opens), self.at(day, closes)) else { continue };
                for (begins, ends) in without((opens.max(from), closes), pauses) {
                    let open = ends.duration_since(begins);
                    if open >= left {
                        return begins.checked_add(left).unwrap_or(ends);
                    }
                    left -= open;
                }
            }
            day = next(day);
        }
        self.at(day, CLOSES).unwrap_or(from)
    }

    fn works_on_holidays(&self) -> bool {
        self.office.is_some_and(|office| office.on_holidays)
    }

    /// Whether its week has hours on that day.
    fn has_hours(&self, day: Date) -> bool {
        match self.own_hours() {
            Some(hours) => hours.on(day.weekday()).next().is_some(),
            None => !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday),
        }
    }

    /// From when to when it is open on that day, in order, none in another.
    fn spans(&self, day: Date) -> Vec<(Time, Time)> {
        if !self.is_working_day(day) {
            return Vec::new();
        }
        let Some(hours) = self.own_hours() else { return vec![(OPENS, CLOSES)] };
        let mut spans: Vec<(Time, Time)> = hours.on(day.weekday()).collect();
        spans.sort_unstable();
        let mut apart: Vec<(Time, Time)> = Vec::with_capacity(spans.len());
        for (opens, closes) in spans {
            match apart.last_mut() {
                Some(last) if opens <= last.1 => last.1 = last.1.max(closes),
                _ => apart.push((opens, closes)),
            }
        }
        apart
    }

    fn closes(&self, day: Date) -> Time {
        let hours = self.own_hours();
        hours.and_then(|hours| hours.on(day.weekday()).map(|(_, closes)| closes).max()).unwrap_or(CLOSES)
    }

    fn date(&self, at: Timestamp) -> Date {
        at.to_zoned(self.calendar.zone.time_zone()).date()
    }

    fn at(&self, day: Date, time: Time) -> Option<Timestamp> {
        day.to_datetime(time).to_zoned(self.calendar.zone.time_zone()).ok().map(|zoned| zoned.timestamp())
    }
}

/// Pauses of several agencies as one list, in order, none in another; what has not ended ends now.
pub(crate) fn together<'a>(pauses: impl Iterator<Item = &'a Pause>, now: Timestamp) -> Vec<Pause> {
    let over: Vec<Pause> = pauses.map(|pause| Pause { until: pause.until.or(Some(now)), ..*pause }).collect();
    ended(&over).into_iter().map(|(from, until)| Pause { from, until: Some(until) }).collect()
}

/// The pauses that have ended, in order, none in another.
fn ended(pauses: &[Pause]) -> Vec<(Timestamp, Timestamp)> {
    let mut ended: Vec<(Timestamp, Timestamp)> =
        pauses.iter().filter_map(|pause| Some((pause.from, pause.until?))).filter(|(from, until)| from < until).collect();
    ended.sort_unstable();
    let mut apart: Vec<(Timestamp, Timestamp)> = Vec::with_capacity(ended.len());
    for (from, until) in ended {
        match apart.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(until),
            _ => apart.push((from, until)),
        }
    }
    apart
}

/// What is left of a stretch of time when the pauses are taken out.
fn without(stretch: (Timestamp, Timestamp), pauses: &[(Timestamp, Timestamp)]) -> Vec<(Timestamp, Timestamp)> {
    let (mut begins, ends) = stretch;
    let mut left = Vec::new();
    for (from, until) in pauses.iter().filter(|(from, until)| *until > stretch.0 && *from < ends) {
        if begins < *from {
            left.push((begins, *from));
        }
        begins = begins.max(*until);
    }
    if begins < ends {
        left.push((begins, ends));
    }
    left
}

/// `amount` after `from`, later by each pause that begins before.
fn after(from: Timestamp, amount: SignedDuration, pauses: &[(Timestamp, Timestamp)]) -> Timestamp {
    let mut end = from.checked_add(amount).unwrap_or(Timestamp::MAX);
    for (asked, answered) in pauses.iter().filter(|(_, answered)| *answered > from) {
        if *asked < end {
            end = end.checked_add(answered.duration_since(from.max(*asked))).unwrap_or(Timestamp::MAX);
        }
    }
    end
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

#[cfg(test)]
#[path = "clock_tests.rs"]
mod decades;
