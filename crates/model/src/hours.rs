//! When an office is open, as its door says it: `mon-thu 07:30-16:00, fri 07:30-11:30 13:00-16:30`.

use std::{fmt, str::FromStr};

use jiff::{
    Timestamp,
    civil::{Time, Weekday},
};
use serde::{Deserialize, Serialize};

use crate::{
    Language,
    clock::{DAYS_EN, DAYS_ID, Zone},
};

/// Days of the week as they are written, Monday first; English or Indonesian.
const SHORT: [[&str; 7]; 2] = [["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ["sen", "sel", "rab", "kam", "jum", "sab", "min"]];
/// More than an office's door can say.
const MOST: usize = 14;

/// The weekly hours of an office. Written and stored as text; days off are not in it: they are dated rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct OpeningHours(Vec<Days>);

/// Some days in a row with the same hours.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Days {
    /// Days since Monday.
    first: usize,
    last: usize,
    spans: Vec<Span>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    opens: Time,
    closes: Time,
}

impl OpeningHours {
    /// Whether the office is open at that moment.
    pub fn is_open(&self, at: Timestamp, zone: Zone) -> bool {
        let local = at.to_zoned(zone.time_zone());
        let day = day_number(local.weekday());
        let time = local.time();
        let today = self.0.iter().filter(|days| (days.first..=days.last).contains(&day));
        today.flat_map(|days| &days.spans).any(|span| span.opens <= time && time < span.closes)
    }

    /// From when to when it is open on such a day; in no order, and perhaps one in another.
    pub(crate) fn on(&self, weekday: Weekday) -> impl Iterator<Item = (Time, Time)> {
        let day = day_number(weekday);
        let days = self.0.iter().filter(move |days| (days.first..=days.last).contains(&day));
        days.flat_map(|days| &days.spans).map(|span| (span.opens, span.closes))
    }

    /// `Senin–Kamis 07.30–16.00, Jumat 07.30–11.30 dan 13.00–16.30`.
    pub fn in_words(&self, language: Language) -> String {
        let (names, clock, and) = match language {
            Language::Id => (DAYS_ID, "%H.%M", " dan "),
            Language::En => (DAYS_EN, "%H:%M", " and "),
        };
        let span = |span: &Span| format!("{}–{}", span.opens.strftime(clock), span.closes.strftime(clock));
        let each = |days: &Days| {
            let when = if days.first == days.last {
                names[days.first].to_owned()
            } else {
                format!("{}–{}", names[days.first], names[days.last])
            };
            format!("{when} {}", days.spans.iter().map(span).collect::<Vec<_>>().join(and))
        };
        self.0.iter().map(each).collect::<Vec<_>>().join(", ")
    }
}

fn day_number(day: Weekday) -> usize {
    usize::try_from(day.to_monday_zero_offset()).unwrap_or(0)
}

impl fmt::Display for OpeningHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, days) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            f.write_str(SHORT[0][days.first])?;
            if days.last != days.first {
                write!(f, "-{}", SHORT[0][days.last])?;
            }
            for span in &days.spans {
                write!(f, " {}-{}", span.opens.strftime("%H:%M"), span.closes.strftime("%H:%M"))?;
            }
        }
        Ok(())
    }
}

impl FromStr for OpeningHours {
    type Err = NotHours;

    fn from_str(text: &str) -> Result<Self, NotHours> {
        let days: Vec<Days> = text.split(',').map(days).collect::<Option<_>>().ok_or(NotHours)?;
        if days.is_empty() || days.len() > MOST { Err(NotHours) } else { Ok(Self(days)) }
    }
}

fn days(text: &str) -> Option<Days> {
    let mut words = text.split_whitespace();
    let when = words.next()?.to_lowercase();
    let (first, last) = when.split_once('-').unwrap_or((&when, &when));
    let (first, last) = (day(first)?, day(last)?);
    let spans: Vec<Span> = words.map(span).collect::<Option<_>>()?;
    let in_order = spans.windows(2).all(|pair| pair[0].closes <= pair[1].opens);
    (first <= last && in_order && (1..=MOST).contains(&spans.len())).then_some(Days { first, last, spans })
}

fn day(word: &str) -> Option<usize> {
    SHORT.iter().find_map(|names| names.iter().position(|name| *name == word))
}

fn span(word: &str) -> Option<Span> {
    let (opens, closes) = word.split_once('-')?;
    let (opens, closes) = (time(opens)?, time(closes)?);
    (opens < closes).then_some(Span { opens, closes })
}

/// `07:30` or `07.30`.
fn time(word: &str) -> Option<Time> {
    let (hour, minute) = word.split_once([':', '.'])?;
    let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    (two_digits(hour) && two_digits(minute)).then_some(())?;
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

impl TryFrom<String> for OpeningHours {
    type Error = NotHours;
    fn try_from(text: String) -> Result<Self, NotHours> {
        text.parse()
    }
}

impl From<OpeningHours> for String {
    fn from(hours: OpeningHours) -> Self {
        hours.to_string()
    }
}

/// The text says no hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no opening hours: write them as `mon-thu 07:30-16:00, fri 07:30-11:30 13:00-16:30`")]
pub struct NotHours;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hours(text: &str) -> OpeningHours {
        text.parse().expect("hours")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn hours_are_read_in_both_languages_and_said_as_a_door_says_them() {
        let read = hours("Sen-Kam 07.30-16.00, jum 07:30-11:30 13:00-16:30");
        assert_eq!(read.to_string(), "mon-thu 07:30-16:00, fri 07:30-11:30 13:00-16:30");
        assert_eq!(read.in_words(Language::Id), "Senin–Kamis 07.30–16.00, Jumat 07.30–11.30 dan 13.00–16.30");
        assert_eq!(read.in_words(Language::En), "Monday–Thursday 07:30–16:00, Friday 07:30–11:30 and 13:00–16:30");
    }

    #[test]
    fn an_office_is_open_in_its_own_zone_until_the_minute_it_closes() {
        let read = hours("mon-thu 07:30-16:00, fri 07:30-11:30 13:00-16:30");
        // 20 November 2026 is a Friday.
        for (moment, zone, open) in [
            ("2026-11-20T00:30:00Z", Zone::Wib, true),
            ("2026-11-20T00:29:59Z", Zone::Wib, false),
            ("2026-11-20T00:30:00Z", Zone::Wit, true),
            ("2026-11-20T04:30:00Z", Zone::Wib, false),
            ("2026-11-20T06:00:00Z", Zone::Wib, true),
            ("2026-11-20T09:30:00Z", Zone::Wib, false),
            ("2026-11-21T03:00:00Z", Zone::Wib, false),
        ] {
            assert_eq!(read.is_open(at(moment), zone), open, "{moment} {zone:?}");
        }
    }

    #[test]
    fn what_says_no_hours_is_refused() {
        for wrong in [
            "",
            ",",
            "mon",
            "mon 7-16",
            "mon 16:00-07:30",
            "fri-mon 07:00-08:00",
            "mon 24:00-25:00",
            "xyz 07:00-08:00",
            "mon 07:00-12:00 11:00-13:00",
            "mon +7:00-08:00",
        ] {
            assert_eq!(wrong.parse::<OpeningHours>(), Err(NotHours), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_what_is_read_comes_back(text in "[a-z0-9:. ,-]{0,60}") {
            if let Ok(read) = text.parse::<OpeningHours>() {
                prop_assert_eq!(read.to_string().parse::<OpeningHours>(), Ok(read));
            }
        }
    }
}
