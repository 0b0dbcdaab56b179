//! How regularly a channel is written to, and when its silence is more than chance. Pure: counts of the past in, a verdict with its reasons out.
//!
//! What counts is whether anything came in an hour, not how much: a flood's five hundred messages in one hour say nothing about the next week.
//! For each hour of the week the past says how often something came in it; where the past is short, the same hour of all days helps out.
//! The chance of a silence is the product of the chances that each of its hours stays empty.

use jiff::{Timestamp, ToSpan, Zoned, tz::TimeZone};

use crate::clock::Zone;

/// Seconds of an hour.
const HOUR: i64 = 3600;
/// Hours of a week.
const WEEK: usize = 7 * 24;
/// A channel that is younger than this, in days, has no rhythm yet.
const DAYS: i64 = 14;
/// The same hour of all days counts as much as so many weeks of the very hour.
const HELP: f64 = 1.0;
/// No hour is so busy that its emptiness alone means something.
const MOST: f64 = 0.95;
/// A silence that is rarer than this is called one: with fourteen channels a false alarm in a year or so.
const RARE: f64 = 0.001;
/// Longer silences are not looked at hour by hour, in hours: two months.
const LONGEST: i64 = 24 * 60;

/// How regularly a channel is written to.
#[derive(Debug, Clone, PartialEq)]
pub struct Rhythm {
    /// For each hour of the week, Monday 0 o'clock first, how likely it is that something comes in it.
    chances: Vec<f64>,
    zone: TimeZone,
}

/// How unusual it is that nothing came since the last message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Silence {
    /// Whole hours in which nothing came.
    pub hours: u32,
    /// In how many of such hours something usually comes.
    pub usual: f64,
    /// How likely such a silence is by chance, 0 to 1.
    pub chance: f64,
}

impl Silence {
    /// Whether it is more than chance.
    pub fn is_unusual(&self) -> bool {
        self.chance < RARE
    }
}

impl Rhythm {
    /// Learns from the starts of the hours in which something came. The past begins with the first of them and ends with the last, so that the
    /// silence that is judged does not count as usual. `None`: too short to know anything.
    pub fn learn(active: &[Timestamp], zone: Zone) -> Option<Self> {
        let zone = zone.time_zone();
        let (first, last) = (*active.iter().min()?, *active.iter().max()?);
        if last.as_second() - first.as_second() < DAYS * 24 * 3600 {
            return None;
        }
        let local = |at: Timestamp| at.to_zoned(zone.clone());
        let (mut seen, mut came) = (vec![0.0; WEEK], vec![0.0; WEEK]);
        let mut hour = first;
        while hour <= last {
            seen[slot(&local(hour))] += 1.0;
            hour = hour.checked_add(1.hour()).ok()?;
        }
        for at in active {
            came[slot(&local(*at))] += 1.0;
        }
        let of_day = |counts: &[f64], slot: usize| -> f64 { (0..7).map(|day| counts[day * 24 + slot % 24]).sum() };
        let chance = |slot: usize| {
            let any_day = of_day(&came, slot) / of_day(&seen, slot).max(1.0);
            ((came[slot] + HELP * any_day) / (seen[slot] + HELP)).min(MOST)
        };
        Some(Self { chances: (0..WEEK).map(chance).collect(), zone })
    }

    /// Judges that nothing came between the last message and now.
    pub fn silence(&self, last: Timestamp, now: Timestamp) -> Silence {
        let mut silence = Silence { hours: 0, usual: 0.0, chance: 1.0 };
        // The zones differ by whole hours, so an hour begins everywhere at once.
        let begun = last.as_second() - last.as_second().rem_euclid(HOUR);
        for number in 1..=LONGEST {
            let Ok(hour) = Timestamp::from_second(begun + number * HOUR) else { break };
            if hour.as_second() + HOUR > now.as_second() {
                break;
            }
            let chance = self.chances[slot(&hour.to_zoned(self.zone.clone()))];
            silence.hours += 1;
            silence.usual += chance;
            silence.chance *= 1.0 - chance;
        }
        silence
    }
}

fn slot(at: &Zoned) -> usize {
    let day = usize::try_from(at.weekday().to_monday_zero_offset()).unwrap_or(0);
    day * 24 + usize::try_from(at.hour()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Monday, 5 October 2026, midnight in Jakarta.
    fn monday() -> Timestamp {
        "2026-10-04T17:00:00Z".parse().expect("a time")
    }

    fn at(day: i64, hour: i64) -> Timestamp {
        monday() + (day * 24 + hour).hours()
    }

    /// Six weeks in which something came in every hour between seven and twenty-one, on weekdays alone.
    fn office() -> Vec<Timestamp> {
        let days = (0..42).filter(|day| day % 7 < 5);
        days.flat_map(|day| (7..21).map(move |hour| at(day, hour))).collect()
    }

    #[test]
    fn a_quiet_night_and_a_quiet_weekend_are_usual() {
        let rhythm = Rhythm::learn(&office(), Zone::Wib).expect("long enough");
        let night = rhythm.silence(at(42, 20), at(43, 7));
        assert!(!night.is_unusual(), "{night:?}");
        let weekend = rhythm.silence(at(46, 20), at(49, 6));
        assert!(!weekend.is_unusual(), "{weekend:?}");
    }

    #[test]
    fn a_quiet_working_morning_is_not() {
        let rhythm = Rhythm::learn(&office(), Zone::Wib).expect("long enough");
        let morning = rhythm.silence(at(42, 20), at(43, 11));
        assert!(morning.is_unusual(), "{morning:?}");
        assert_eq!(morning.hours, 14);
        assert!((3.0..5.0).contains(&morning.usual), "{morning:?}");
    }

    #[test]
    fn one_empty_hour_means_nothing_however_busy_the_channel() {
        let always: Vec<Timestamp> = (0..42 * 24).map(|hour| at(0, hour)).collect();
        let rhythm = Rhythm::learn(&always, Zone::Wib).expect("long enough");
        assert!(!rhythm.silence(at(41, 23), at(42, 2)).is_unusual());
        assert!(rhythm.silence(at(41, 23), at(42, 4)).is_unusual());
    }

    #[test]
    fn a_channel_that_is_hardly_used_is_hardly_ever_called_silent() {
        let weekly: Vec<Timestamp> = (0..8).map(|week| at(week * 7 + 2, 10)).collect();
        let rhythm = Rhythm::learn(&weekly, Zone::Wib).expect("long enough");
        assert!(!rhythm.silence(at(51, 10), at(51 + 13, 12)).is_unusual());
    }

    #[test]
    fn a_young_channel_has_no_rhythm_yet() {
        assert!(Rhythm::learn(&[], Zone::Wib).is_none());
        let days: Vec<Timestamp> = (0..10 * 24).map(|hour| at(0, hour)).collect();
        assert!(Rhythm::learn(&days, Zone::Wib).is_none());
    }

    #[test]
    fn a_clock_that_is_behind_is_no_silence() {
        let rhythm = Rhythm::learn(&office(), Zone::Wib).expect("long enough");
        assert_eq!(rhythm.silence(at(42, 20), at(40, 0)).hours, 0);
    }
}
