//! Whose figures somebody looks at, of which days, and what narrows them.

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use model::{AgencyId, Directory};
use serde::Deserialize;
use store::{
    access,
    figures::{Asked, Dimension},
    queue::{Filter, Scope, Times},
};

use crate::{page, session::SignedIn};

/// Days that are counted at once: a leap year.
const MOST_DAYS: i32 = 366;
/// Days, where nobody says which.
const DAYS: i32 = 30;

/// The address after `?`.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(crate) struct Address {
    /// First day: `2026-11-01`.
    pub(super) from: String,
    /// Last day.
    pub(super) to: String,
    pub(super) agency: String,
    pub(super) category: String,
    pub(super) area: String,
    pub(super) channel: String,
    /// Of a list: what it counts.
    pub(super) measure: String,
    /// Of a list: after which line.
    pub(super) after: String,
}

/// What the figures are of.
pub(super) struct Look {
    /// Whose complaints.
    pub(super) scope: Scope,
    pub(super) filter: Filter,
    pub(super) first: Date,
    pub(super) last: Date,
    since: Timestamp,
    until: Timestamp,
    /// The agency that was asked for, by somebody who sees several.
    pub(super) agency: Option<AgencyId>,
    /// Whether the reader may open what is counted. Else small numbers are not said.
    pub(super) opens: bool,
    /// Agencies below the reader's own, where they look at their own: their figures are shown beside it.
    pub(super) below: Vec<AgencyId>,
    /// More days were asked for than are counted at once.
    pub(super) shortened: bool,
}

impl Look {
    pub(super) fn of(address: &Address, by: &SignedIn, directory: &Directory, now: Timestamp) -> Self {
        let zone = directory.calendar.zone.time_zone();
        let today = now.to_zoned(zone.clone()).date();
        let (first, last, shortened) = days(address, today);
        // PostgreSQL refuses NUL in text.
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty() && !text.contains('\0'));
        let asked: Option<AgencyId> = address.agency.parse().ok();
        let below = by.staff.agency.map(|own| access::below(directory, own)).unwrap_or_default();
        let lower = asked.filter(|asked| below.contains(asked));
        let (scope, agency, opens) = match (lower, by.scope().is_of_an_agency()) {
            (Some(lower), _) => (Scope::Agency(lower), Some(lower), false),
            // Who works for one agency looks at it, whatever they ask for.
            (None, true) => (by.scope(), None, true),
            (None, false) => (by.scope(), asked, true),
        };
        let filter = Filter {
            category: some(&address.category),
            area: some(&address.area),
            agency: agency.filter(|_| opens),
            channel: some(&address.channel)
                .as_deref()
                .and_then(|channel| channel.split_once(' '))
                .and_then(|(adapter, account)| Some((adapter.parse().ok()?, account.to_owned()))),
            ..Filter::default()
        };
        let below = if lower.is_some() { Vec::new() } else { below };
        let (since, until) = (start(first, &zone), start(next(last), &zone));
        Self { scope, filter, first, last, since, until, agency, opens, below, shortened }
    }

    pub(super) fn asked(&self, times: Times) -> Asked<'_> {
        Asked { scope: &self.scope, filter: &self.filter, since: self.since, until: self.until, times }
    }

    /// The same of every agency: of this, only those below are told.
    pub(super) fn of_all<'a>(&'a self, everything: &'a Scope, times: Times) -> Asked<'a> {
        Asked { scope: everything, ..self.asked(times) }
    }

    /// What narrows, by the names of the fields, with one of them as this key says.
    pub(super) fn narrowing(&self, key: Option<(Dimension, &str)>) -> Vec<(&'static str, String)> {
        let said = |dimension, own: Option<String>| match key {
            Some((of, key)) if of == dimension => Some(key.to_owned()),
            _ => own,
        };
        let channel = self.filter.channel.as_ref().map(|(adapter, account)| format!("{adapter} {account}"));
        let all = [
            ("agency", said(Dimension::Agency, self.agency.map(|agency| agency.to_string()))),
            ("category", said(Dimension::Category, self.filter.category.clone())),
            ("area", said(Dimension::Area, self.filter.area.clone())),
            ("channel", said(Dimension::Channel, channel)),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// An address with what narrows it.
    pub(super) fn address(&self, path: &str, key: Option<(Dimension, &str)>) -> String {
        self.narrowing(key).into_iter().fold(path.to_owned(), |address, (name, value)| {
            let joint = if address.contains('?') { '&' } else { '?' };
            format!("{address}{joint}{name}={}", page::encoded(&value))
        })
    }

    /// `?from=…&to=…` of these days.
    pub(super) fn of_days(path: &str, first: Date, last: Date) -> String {
        let joint = if path.contains('?') { '&' } else { '?' };
        format!("{path}{joint}from={first}&to={last}")
    }
}

/// The days that were asked for, and whether more were.
fn days(address: &Address, today: Date) -> (Date, Date, bool) {
    let last = address.to.parse().unwrap_or(today).clamp(Date::constant(2000, 1, 1), Date::constant(2200, 1, 1));
    let first: Date = address.from.parse().unwrap_or_else(|_| back(last, DAYS - 1));
    let first = first.min(last);
    let earliest = back(last, MOST_DAYS - 1);
    (first.max(earliest), last, first < earliest)
}

pub(super) fn back(day: Date, days: i32) -> Date {
    day.checked_sub(days.days()).unwrap_or(day)
}

pub(super) fn next(day: Date) -> Date {
    day.checked_add(1.day()).unwrap_or(day)
}

fn start(day: Date, zone: &TimeZone) -> Timestamp {
    day.to_zoned(zone.clone()).map_or(Timestamp::MIN, |midnight| midnight.timestamp())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn days_are_as_asked_and_never_more_than_a_year_nor_backwards() {
        let today = date(2026, 11, 20);
        let of = |from: &str, to: &str| days(&Address { from: from.into(), to: to.into(), ..Address::default() }, today);
        assert_eq!(of("", ""), (date(2026, 10, 22), today, false));
        assert_eq!(of("2026-11-01", "2026-11-30"), (date(2026, 11, 1), date(2026, 11, 30), false));
        assert_eq!(of("2026-12-01", "2026-11-30"), (date(2026, 11, 30), date(2026, 11, 30), false));
        assert_eq!(of("2020-01-01", ""), (date(2025, 11, 20), today, true));
        assert_eq!(of("-9999-01-01", "9999-12-31").1, date(2200, 1, 1));
        assert_eq!(of("kemarin", "x"), (date(2026, 10, 22), today, false));
    }
}
