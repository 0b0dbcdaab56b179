//! Charts: numbers that are also said, drawn as plain SVG of rectangles. What is a width here is a number beside it on the page.

use jiff::{ToSpan, civil::Date};
use model::clock;
use store::{
    access::FEW,
    figures::{Day, Measure},
};
use ui::Page;

use super::{
    Number,
    look::{Look, next},
};

/// More days than that are drawn by week.
const MOST_DAYS: i32 = 45;

/// A bar in a table, in hundredths of the longest: all of it, and of that what is late.
pub(super) struct Bar {
    pub(super) whole: u64,
    pub(super) late: u64,
}

impl Bar {
    pub(super) fn of(whole: u64, late: u64, longest: u64) -> Self {
        let share = |n: u64| (n * 100).div_ceil(longest.max(1));
        Self { whole: share(whole), late: share(late) }
    }
}

/// What came in and was settled, day by day or week by week.
pub(super) struct Trend {
    /// Whether it is by week.
    pub(super) weekly: bool,
    /// Units of the drawing's width: ten for each.
    pub(super) width: usize,
    pub(super) columns: Vec<Column>,
    /// The most that a column has.
    pub(super) most: String,
    pub(super) first: String,
    pub(super) last: String,
}

/// A day or a week.
pub(super) struct Column {
    pub(super) label: String,
    pub(super) came: Number,
    pub(super) settled: Number,
    /// Where it is drawn, and how high, of a hundred.
    pub(super) at: usize,
    pub(super) came_high: u64,
    pub(super) settled_high: u64,
}

impl Trend {
    pub(super) fn of(look: &Look, days: &[Day], page: &Page) -> Self {
        let weekly = look.first.until(look.last).map_or(0, |span| span.get_days()) >= MOST_DAYS;
        let parts = parts(look.first, look.last, weekly);
        let sums: Vec<(Date, Date, u64, u64)> = parts
            .into_iter()
            .map(|(first, last)| {
                let within = days.iter().filter(|day| first <= day.day && day.day <= last);
                let (came, settled) = within.fold((0, 0), |(came, settled), day| (came + day.came, settled + day.settled));
                (first, last, came, settled)
            })
            .collect();
        // What is not said is not drawn either.
        let drawn = |n: u64| if look.opens || n >= FEW { n } else { 0 };
        let most = sums.iter().map(|&(.., came, settled)| drawn(came).max(drawn(settled))).max().unwrap_or(0);
        let columns = sums.iter().enumerate().map(|(at, &(first, last, came, settled))| {
            let link = |measure: Measure, n| {
                let address = look.address(&format!("/meja/daftar?measure={}", measure.as_str()), None);
                Number::of(n, Look::of_days(&address, first, last), look.opens, page)
            };
            Column {
                label: if first == last { short(first, page) } else { format!("{} – {}", short(first, page), short(last, page)) },
                came: link(Measure::Came, came),
                settled: link(Measure::Settled, settled),
                at: at * 10,
                came_high: Bar::of(drawn(came), 0, most).whole,
                settled_high: Bar::of(drawn(settled), 0, most).whole,
            }
        });
        Self {
            weekly,
            width: sums.len() * 10,
            columns: columns.collect(),
            most: page.words.number(most),
            first: short(look.first, page),
            last: short(look.last, page),
        }
    }
}

/// The days, each by itself or by weeks that begin on Monday.
fn parts(first: Date, last: Date, weekly: bool) -> Vec<(Date, Date)> {
    let mut parts = Vec::new();
    let mut from = first;
    while from <= last {
        let left = if weekly { 6 - i32::from(from.weekday().to_monday_zero_offset()) } else { 0 };
        let to = from.checked_add(left.days()).unwrap_or(last).min(last);
        parts.push((from, to));
        if next(to) <= to {
            break;
        }
        from = next(to);
    }
    parts
}

fn short(day: Date, page: &Page) -> String {
    let noon = day.at(12, 0, 0, 0).to_zoned(page.zone.time_zone());
    noon.map(|noon| clock::day_and_month(noon.timestamp(), page.zone, page.words.language())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn weeks_begin_on_monday_and_no_day_is_missing_or_twice() {
        let parts = parts(date(2026, 11, 18), date(2026, 12, 1), true);
        assert_eq!(
            parts,
            [(date(2026, 11, 18), date(2026, 11, 22)), (date(2026, 11, 23), date(2026, 11, 29)), (date(2026, 11, 30), date(2026, 12, 1))]
        );
        assert_eq!(super::parts(date(2026, 11, 18), date(2026, 11, 20), false).len(), 3);
    }

    #[test]
    fn what_is_there_is_never_drawn_as_nothing() {
        let bar = Bar::of(1, 0, 100_000);
        assert_eq!((bar.whole, bar.late), (1, 0));
        assert_eq!(Bar::of(0, 0, 0).whole, 0);
    }
}
