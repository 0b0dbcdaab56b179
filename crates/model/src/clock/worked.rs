//! How long an office had something, in its own open time: what figures of many complaints are made of.

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::TimeZone};

use super::{FURTHEST, Pause, Working, ended};

/// The open time of one office over some days, counted once, so that a stretch between two moments is a subtraction.
#[derive(Debug, Clone)]
pub struct OpenTime {
    zone: TimeZone,
    first: Date,
    /// Of each day: open seconds before it began, and when it is open, in seconds.
    days: Vec<(i64, Vec<(i64, i64)>)>,
    all: i64,
}

impl Working<'_> {
    /// The open time of the days from that of `first` to that of `last`; at most some decades.
    pub fn open_time(&self, first: Timestamp, last: Timestamp) -> OpenTime {
        let zone = self.calendar.zone.time_zone();
        let (first, last) = (self.date(first), self.date(last));
        let mut all = 0;
        let mut days = Vec::new();
        for day in first.series(1.day()).take(FURTHEST).take_while(|day| *day <= last) {
            let open: Vec<(i64, i64)> = self
                .spans(day)
                .into_iter()
                .filter_map(|(opens, closes)| Some((self.at(day, opens)?.as_second(), self.at(day, closes)?.as_second())))
                .filter(|(opens, closes)| opens < closes)
                .collect();
            let length: i64 = open.iter().map(|(opens, closes)| closes - opens).sum();
            days.push((all, open));
            all += length;
        }
        OpenTime { zone, first, days, all }
    }
}

impl OpenTime {
    /// How long it was open between two moments, without the pauses; one that has not ended lasts until `until`. What lies outside of the days
    /// that were counted is no open time.
    pub fn between(&self, from: Timestamp, until: Timestamp, pauses: &[Pause]) -> SignedDuration {
        let over: Vec<Pause> = pauses.iter().map(|pause| Pause { until: pause.until.or(Some(until)), ..*pause }).collect();
        let stood = ended(&over).into_iter().map(|(asked, answered)| (asked.max(from), answered.min(until)));
        let waited: i64 = stood.filter(|(asked, answered)| asked < answered).map(|(asked, answered)| self.length(asked, answered)).sum();
        SignedDuration::from_secs((self.length(from, until) - waited).max(0))
    }

    fn length(&self, from: Timestamp, until: Timestamp) -> i64 {
        self.before(until) - self.before(from)
    }

    /// Open seconds before a moment.
    fn before(&self, at: Timestamp) -> i64 {
        let days = at.to_zoned(self.zone.clone()).date().duration_since(self.first).as_hours() / 24;
        let Ok(day) = usize::try_from(days) else { return 0 };
        let Some((before, open)) = self.days.get(day) else { return self.all };
        let second = at.as_second();
        before + open.iter().map(|(opens, closes)| (second.min(*closes) - opens).max(0)).sum::<i64>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::{Calendar, Office};

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn nights_weekends_days_off_and_waiting_for_the_citizen_are_no_open_time() {
        let mut calendar = Calendar::default();
        calendar.holidays.insert(jiff::civil::date(2026, 11, 24), "libur".into());
        // Friday ten in the morning to Wednesday nine: six hours, Monday eight and a half, Wednesday one and a half.
        let (from, until) = (at("2026-11-20T10:00:00+07:00"), at("2026-11-25T09:00:00+07:00"));
        let open = calendar.of(None).open_time(from, until);
        assert_eq!(open.between(from, until, &[]), SignedDuration::from_mins(6 * 60 + 510 + 90));
        let asked = Pause { from: at("2026-11-20T15:00:00+07:00"), until: Some(at("2026-11-23T08:30:00+07:00")) };
        assert_eq!(open.between(from, until, &[asked]), SignedDuration::from_mins(6 * 60 + 510 + 90 - 120));
        let still = Pause { until: None, ..asked };
        assert_eq!(open.between(from, until, &[asked, still]), SignedDuration::from_mins(5 * 60));
        let always = Office { hours: None, on_holidays: true };
        let open = calendar.of(Some(&always)).open_time(from, until);
        assert_eq!(open.between(from, until, &[]), SignedDuration::from_mins(6 * 60 + 510 + 510 + 90));
    }

    proptest! {
        /// Minute by minute, without any table.
        #[test]
        fn open_time_is_the_minutes_in_which_it_is_open(start in 0_i64..200_000, length in 0_i64..20_000, ask in 0_i64..20_000, wait in 0_i64..9_000) {
            let minute = |n: i64| Timestamp::from_second(1_795_100_400 + n * 60).expect("in range");
            let calendar = Calendar::default();
            let working = calendar.of(None);
            let (from, until) = (minute(start), minute(start + length));
            let pause = Pause { from: minute(start + ask), until: Some(minute(start + ask + wait)) };
            let is_open = |at: Timestamp| {
                let zoned = at.to_zoned(calendar.zone.time_zone());
                working.is_working_day(zoned.date()) && super::super::OPENS <= zoned.time() && zoned.time() < super::super::CLOSES
            };
            let paused = |n: i64| (start + ask..start + ask + wait).contains(&n);
            let minutes = (start..start + length).filter(|n| is_open(minute(*n)) && !paused(*n)).count();
            let told = working.open_time(from, until).between(from, until, &[pause]);
            prop_assert_eq!(told, SignedDuration::from_mins(i64::try_from(minutes).expect("few")));
        }
    }
}
