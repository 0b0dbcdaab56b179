//! How a line of an export begins: a time, in one of many ways to write it.

use jiff::civil::{Date, DateTime, Time};

/// In which order a date is written. A whole chat is written in one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrder {
    /// 21/11/2026: Indonesia, and most of the world.
    DayFirst,
    /// 11/21/2026.
    MonthFirst,
    /// 2026-11-21.
    YearFirst,
}

impl DateOrder {
    /// Every order, the usual one first.
    pub const ALL: [Self; 3] = [Self::DayFirst, Self::MonthFirst, Self::YearFirst];
}

/// A time as it is written: which of the first two numbers is the month is not yet known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The three numbers of the date; the third is missing in lines copied from a telephone.
    pub(super) date: (u16, u16, Option<u16>),
    time: Time,
    /// Whether it was written with AM or PM.
    pub(super) halves: bool,
}

impl Stamp {
    /// The moment, if the date is one in this order. `today`: where the year is missing it is the last one in which that day is not in the
    /// future.
    pub fn moment(&self, order: DateOrder, today: Date) -> Option<DateTime> {
        let (first, second, third) = self.date;
        let (year, month, day) = match order {
            DateOrder::DayFirst => (third, second, first),
            DateOrder::MonthFirst => (third, first, second),
            // With two digits it would be a date in two orders nearly always, and WhatsApp writes all four in front.
            DateOrder::YearFirst if first >= 1000 => (Some(first), second, third?),
            DateOrder::YearFirst => return None,
        };
        let date = |year: i16| Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok();
        let date = match year {
            Some(year) => date(full_year(year)?)?,
            None => [today.year(), today.year() - 1].into_iter().filter_map(date).find(|date| *date <= today)?,
        };
        Some(date.to_datetime(self.time))
    }
}

/// WhatsApp began in 2009; two digits are of this century.
fn full_year(year: u16) -> Option<i16> {
    match year {
        0..=99 => Some(2000 + i16::try_from(year).ok()?),
        1990..=2100 => i16::try_from(year).ok(),
        _ => None,
    }
}

/// The time at the beginning of a line, and what follows it. `None`: the line goes on with what was said before.
pub(super) fn header(line: &str) -> Option<(Stamp, &str)> {
    let line = line.trim_start_matches(is_mark);
    if let Some(inside) = line.strip_prefix('[') {
        let (stamp, rest) = dated(inside).or_else(|| timed(inside))?;
        return Some((stamp, rest.trim_start_matches(is_mark).strip_prefix(']')?.trim_start_matches([' ', '\u{a0}'])));
    }
    let (stamp, rest) = dated(line)?;
    let rest = rest.trim_start_matches(is_space);
    Some((stamp, rest.strip_prefix("- ").or_else(|| rest.strip_prefix("– "))?))
}

/// `21/11/26 10.15`, `11/21/26, 10:15:32 AM`, `21/11 10.15`.
fn dated(text: &str) -> Option<(Stamp, &str)> {
    let (first, rest) = number(text, 4)?;
    let separator = rest.chars().next().filter(|c| ['/', '.', '-'].contains(c))?;
    let (second, rest) = number(rest.strip_prefix(separator)?, 2)?;
    let (third, rest) = match rest.strip_prefix(separator).and_then(|rest| number(rest, 4)) {
        Some((third, rest)) => (Some(third), rest),
        None => (None, rest),
    };
    let rest = rest.trim_start_matches(is_mark);
    let rest = rest.strip_prefix(',').or_else(|| rest.strip_prefix(" pukul")).unwrap_or(rest);
    let spaceless = rest.trim_start_matches(is_space);
    if spaceless.len() == rest.len() {
        return None;
    }
    let (time, halves, rest) = clock(spaceless)?;
    Some((Stamp { date: (first, second, third), time, halves }, rest))
}

/// `10:15, 21/11/2026`: as lines copied in a browser begin.
fn timed(text: &str) -> Option<(Stamp, &str)> {
    let (time, halves, rest) = clock(text)?;
    let rest = rest.trim_start_matches(is_space).strip_prefix(',')?.trim_start_matches(is_space);
    let (first, rest) = number(rest, 4)?;
    let separator = rest.chars().next().filter(|c| ['/', '.', '-'].contains(c))?;
    let (second, rest) = number(rest.strip_prefix(separator)?, 2)?;
    let (third, rest) = number(rest.strip_prefix(separator)?, 4)?;
    Some((Stamp { date: (first, second, Some(third)), time, halves }, rest))
}

/// `10.15`, `10:15:32`, `10:15 PM`; whether AM or PM stood there.
fn clock(text: &str) -> Option<(Time, bool, &str)> {
    let (hour, rest) = number(text, 2)?;
    let separator = rest.chars().next().filter(|c| ['.', ':'].contains(c))?;
    let (minute, rest) = number(rest.strip_prefix(separator)?, 2)?;
    let (second, rest) = rest.strip_prefix(separator).and_then(|rest| number(rest, 2)).unwrap_or((0, rest));
    let (half, rest) = half(rest);
    let hour = match half {
        None => hour,
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some(Half::Morning) => hour % 12,
        Some(Half::Evening) => hour % 12 + 12,
    };
    let [hour, minute, second] = [hour, minute, second].map(|n| i8::try_from(n).ok());
    Some((Time::new(hour?, minute?, second?.min(59), 0).ok()?, half.is_some(), rest))
}

#[derive(Clone, Copy)]
enum Half {
    Morning,
    Evening,
}

fn half(text: &str) -> (Option<Half>, &str) {
    let word = text.trim_start_matches(is_space);
    for (name, half) in [("am", Half::Morning), ("pm", Half::Evening), ("a.m.", Half::Morning), ("p.m.", Half::Evening)] {
        if let Some(head) = word.get(..name.len()).filter(|head| head.eq_ignore_ascii_case(name)) {
            return (Some(half), &word[head.len()..]);
        }
    }
    (None, text)
}

/// A number of at most so many digits.
fn number(text: &str, most: usize) -> Option<(u16, &str)> {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    (1..=most).contains(&end).then(|| text[..end].parse().ok().map(|number| (number, &text[end..]))).flatten()
}

/// Spaces of every width.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}') || is_mark(c)
}

/// Marks without width: byte order, reading direction.
pub(super) fn is_mark(c: char) -> bool {
    matches!(c, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str, order: DateOrder) -> Option<(String, String)> {
        let (stamp, rest) = header(line)?;
        Some((stamp.moment(order, jiff::civil::date(2026, 11, 21))?.to_string(), rest.to_owned()))
    }

    #[test]
    fn every_way_to_write_a_time_is_read() {
        let cases = [
            ("21/11/26 10.15 - Budi: Halo", DateOrder::DayFirst, "2026-11-21T10:15:00", "Budi: Halo"),
            ("21/11/2026, 10:15 - Budi: Halo", DateOrder::DayFirst, "2026-11-21T10:15:00", "Budi: Halo"),
            ("[21/11/26 10.15.32] Budi: Halo", DateOrder::DayFirst, "2026-11-21T10:15:32", "Budi: Halo"),
            ("\u{200e}[21/11/2026, 10:15:32] Budi: Halo", DateOrder::DayFirst, "2026-11-21T10:15:32", "Budi: Halo"),
            ("11/21/26, 10:15 PM - Budi: Halo", DateOrder::MonthFirst, "2026-11-21T22:15:00", "Budi: Halo"),
            ("[11/21/26, 12:05:32\u{202f}AM] Budi: Halo", DateOrder::MonthFirst, "2026-11-21T00:05:32", "Budi: Halo"),
            ("2026-11-21, 10:15 - Budi: Halo", DateOrder::YearFirst, "2026-11-21T10:15:00", "Budi: Halo"),
            ("[10:15, 21/11/2026] Budi: Halo", DateOrder::DayFirst, "2026-11-21T10:15:00", "Budi: Halo"),
            ("[10.15, 21/11/2026] +62 812-0000-0000: Halo", DateOrder::DayFirst, "2026-11-21T10:15:00", "+62 812-0000-0000: Halo"),
            ("[21/11 10.15] Budi: Halo", DateOrder::DayFirst, "2026-11-21T10:15:00", "Budi: Halo"),
            ("[30/12 10.15] Budi: Halo", DateOrder::DayFirst, "2025-12-30T10:15:00", "Budi: Halo"),
            ("21.11.26, 10:15 - Budi: Halo", DateOrder::DayFirst, "2026-11-21T10:15:00", "Budi: Halo"),
        ];
        for (line, order, moment, rest) in cases {
            assert_eq!(read(line, order), Some((moment.to_owned(), rest.to_owned())), "{line}");
        }
    }

    #[test]
    fn what_only_looks_like_a_time_goes_on_with_the_message() {
        for line in [
            "10.15 - rapat",
            "21/11/26 rapat",
            "- 21/11/26 10.15",
            "21/11/26 10.15",
            "21/11/26 25.15 - x",
            "[21/11/26 10.15",
            "3/4 gelas",
            "",
        ] {
            assert_eq!(read(line, DateOrder::DayFirst), None, "{line}");
        }
        assert_eq!(read("31/02/26 10.15 - Budi: Halo", DateOrder::DayFirst), None, "no such day");
    }
}
