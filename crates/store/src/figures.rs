//! Figures: how many came in, were settled, wait, are late; by agency, area, category and channel. Counted from the views `figure_…`, which say which
//! rows count and by which moment (docs/data.md), and narrowed as lists are: a figure counts what its reader may see, so that the list behind
//! it has exactly that many lines.

mod lines;
mod pace;

use std::collections::BTreeMap;

use jiff::civil::Date;
use model::{Timestamp, clock::Zone};
use sqlx::{FromRow, Postgres, QueryBuilder};

pub use lines::lines;
pub use pace::{Pace, Spread, paces};

use crate::{
    PgPool, Result, StoreError, Tx,
    convert::at,
    queue::{Filter, Scope, Times, due_today, kind, late},
};

/// What is counted, and for whom.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// Whose complaints.
    pub scope: &'a Scope,
    /// What narrows them. Ages do not count: the period says from when to when.
    pub filter: &'a Filter,
    /// From this moment …
    pub since: Timestamp,
    /// … and before this one.
    pub until: Timestamp,
    /// What is late now.
    pub times: Times,
}

/// Something that happened in a period, each with its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Came in: complaints; of one agency, those that it has or had.
    Came,
    /// Settled, and not opened again since.
    Settled,
    /// Of these, those that were late.
    SettledLate,
    /// Answered for the first time.
    Answered,
    /// Opened again.
    Reopened,
    /// Of these, those that the citizen opened again.
    Contested,
    /// Given on to another agency.
    HandedOver,
    /// Sent to the referee, because nobody took it.
    ToReferee,
    /// Closed because nobody said a word.
    Closed,
    /// Clocks that were missed.
    Missed,
    /// Replies that a platform did not deliver.
    Unsent,
}

impl Measure {
    /// Every measure, in the order of the page.
    pub const ALL: [Self; 11] = [
        Self::Came,
        Self::Settled,
        Self::SettledLate,
        Self::Answered,
        Self::Reopened,
        Self::Contested,
        Self::HandedOver,
        Self::ToReferee,
        Self::Closed,
        Self::Missed,
        Self::Unsent,
    ];

    /// The word in addresses and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Came => "came",
            Self::Settled => "settled",
            Self::SettledLate => "settled_late",
            Self::Answered => "answered",
            Self::Reopened => "reopened",
            Self::Contested => "contested",
            Self::HandedOver => "handed_over",
            Self::ToReferee => "to_referee",
            Self::Closed => "closed",
            Self::Missed => "missed",
            Self::Unsent => "unsent",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|measure| measure.as_str() == word)
    }

    /// Its view, and what else narrows it.
    fn source(self, of_agency: bool) -> (&'static str, &'static str) {
        match self {
            Self::Came if of_agency => ("figure_given", ""),
            Self::Came => ("figure_opened", ""),
            Self::Settled => ("figure_settled", ""),
            Self::SettledLate => ("figure_settled", " and not q.in_time"),
            Self::Answered => ("figure_answered", ""),
            Self::Reopened => ("figure_step", " and q.kind = 'reopened'"),
            Self::Contested => ("figure_step", " and q.kind = 'reopened' and q.by_citizen"),
            Self::HandedOver => ("figure_step", " and q.kind = 'handed_over'"),
            Self::ToReferee => ("figure_step", " and q.kind = 'to_referee'"),
            Self::Closed => ("figure_step", " and q.kind = 'closed'"),
            Self::Missed => ("figure_missed", ""),
            Self::Unsent => ("figure_unsent", ""),
        }
    }
}

/// By what figures are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dimension {
    /// By agency: the key is its id.
    Agency,
    /// By area: a kecamatan's code; within one, a kelurahan's.
    Area,
    /// By category's code.
    Category,
    /// By channel: adapter, a space, account.
    Channel,
}

impl Dimension {
    /// Every one, in the order of the page.
    pub const ALL: [Self; 4] = [Self::Agency, Self::Area, Self::Category, Self::Channel];

    fn column(self, filter: &Filter) -> &'static str {
        match self {
            Self::Agency => "q.agency::text",
            Self::Area if within_district(filter) => {
                "case when length(q.area) = 10 then q.area when length(q.area) = 7 then q.area || '-' else '-' end"
            }
            Self::Area => "case when length(q.area) >= 7 then left(q.area, 7) else '-' end",
            Self::Category => "coalesce(q.category, '-')",
            Self::Channel => "q.channel",
        }
    }
}

/// Whether the filter names a kecamatan or something in it.
fn within_district(filter: &Filter) -> bool {
    filter.area.as_ref().is_some_and(|area| area.len() >= 7)
}

/// The figures of one line of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cell {
    /// [`Measure::Came`].
    pub came: u64,
    /// [`Measure::Settled`].
    pub settled: u64,
    /// [`Measure::SettledLate`].
    pub settled_late: u64,
    /// Still to be done, now, whenever it came.
    pub waiting: u64,
    /// Of that, due before the day ends, and not late yet.
    pub today: u64,
    /// Of that, late.
    pub overdue: u64,
    /// [`Measure::Missed`].
    pub missed: u64,
}

/// What a period and this moment count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Of all.
    pub total: Cell,
    /// Line by line. What has no area or category stands under `-`; what came in and has no agency yet, under none.
    pub by: BTreeMap<(Dimension, String), Cell>,
    /// The rest, of all.
    pub counts: Counts,
}

/// How often each of the other things happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// [`Measure::Answered`].
    pub answered: u64,
    /// [`Measure::Reopened`].
    pub reopened: u64,
    /// [`Measure::Contested`].
    pub contested: u64,
    /// [`Measure::HandedOver`].
    pub handed_over: u64,
    /// [`Measure::ToReferee`].
    pub to_referee: u64,
    /// [`Measure::Closed`].
    pub closed: u64,
    /// [`Measure::Unsent`].
    pub unsent: u64,
}

/// One day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// Where the city is.
    pub day: Date,
    /// [`Measure::Came`].
    pub came: u64,
    /// [`Measure::Settled`].
    pub settled: u64,
}

/// Counts, all at one moment.
pub async fn figures(db: &PgPool, asked: &Asked<'_>) -> Result<Figures> {
    let mut tx = snapshot(db).await?;
    let mut figures = Figures::default();
    let given = grouped(&mut tx, asked, "figure_given", "").await?;
    if of_one(asked) {
        figures.fill(given, |cell, group| cell.came = whole(group.counted));
    } else {
        // A complaint that two agencies have came in once.
        let by_agency = given.into_iter().filter(|group| group.dimension() == Some(Dimension::Agency));
        figures.fill(by_agency, |cell, group| cell.came = whole(group.counted));
        let came = grouped(&mut tx, asked, "figure_opened", "").await?;
        figures.fill(came, |cell, group| cell.came = whole(group.counted));
    }
    let settled = grouped(&mut tx, asked, "figure_settled", "count(*) filter (where not q.in_time)").await?;
    figures.fill(settled, |cell, group| (cell.settled, cell.settled_late) = (whole(group.counted), whole(group.some)));
    let missed = grouped(&mut tx, asked, "figure_missed", "").await?;
    figures.fill(missed, |cell, group| cell.missed = whole(group.counted));
    let waiting = waiting(&mut tx, asked).await?;
    figures.fill(waiting, |cell, group| {
        (cell.waiting, cell.today, cell.overdue) = (whole(group.counted), whole(group.some), whole(group.more));
    });
    figures.counts = counts(&mut tx, asked).await?;
    crate::commit(tx).await?;
    Ok(figures)
}

impl Figures {
    fn fill(&mut self, found: impl IntoIterator<Item = Grouped>, set: impl Fn(&mut Cell, &Grouped)) {
        for group in found {
            match (group.dimension(), &group.key) {
                (None, _) => set(&mut self.total, &group),
                (Some(dimension), Some(key)) => set(self.by.entry((dimension, key.clone())).or_default(), &group),
                // Nobody's yet.
                (Some(_), None) => {}
            }
        }
    }

    /// The lines of one table: those with most to be done first.
    pub fn lines(&self, dimension: Dimension) -> Vec<(&str, Cell)> {
        let mut lines: Vec<(&str, Cell)> =
            self.by.iter().filter(|((of, _), _)| *of == dimension).map(|((_, key), cell)| (key.as_str(), *cell)).collect();
        lines.sort_by_key(|(key, cell)| (std::cmp::Reverse((cell.overdue, cell.waiting, cell.came)), (*key).to_owned()));
        lines
    }
}

/// Day by day, those without anything left out.
pub async fn days(db: &PgPool, asked: &Asked<'_>, zone: Zone) -> Result<Vec<Day>> {
    let mut tx = snapshot(db).await?;
    let mut days: BTreeMap<Date, Day> = BTreeMap::new();
    for (measure, settled) in [(Measure::Came, false), (Measure::Settled, true)] {
        for (day, n) in by_day(&mut tx, asked, measure, zone).await? {
            let one = days.entry(day).or_insert(Day { day, came: 0, settled: 0 });
            if settled { one.settled = n } else { one.came = n }
        }
    }
    crate::commit(tx).await?;
    Ok(days.into_values().collect())
}

async fn by_day(tx: &mut Tx, asked: &Asked<'_>, measure: Measure, zone: Zone) -> Result<Vec<(Date, u64)>> {
    let offset = zone.time_zone().to_offset(asked.since).seconds();
    let (view, which) = measure.source(of_one(asked));
    let mut query = QueryBuilder::new("select ((q.at at time zone 'UTC') + ");
    query.push_bind(offset).push(format_args!(" * interval '1 second')::date as day, count(*) as n from {view} q where true{which}"));
    narrow(&mut query, asked);
    query.push(" group by 1");
    let rows: Vec<(jiff_sqlx::Date, i64)> =
        query.build_query_as().persistent(false).fetch_all(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    Ok(rows.into_iter().map(|(day, n)| (day.to_jiff(), whole(n))).collect())
}

/// The definitions of the views that figures are counted from: name, what it is, and its statement. The evidence of how something was counted.
pub async fn definitions(db: &PgPool) -> Result<Vec<(String, String, String)>> {
    sqlx::query_as(
        "select relname::text, coalesce(obj_description(oid, 'pg_class'), ''), pg_get_viewdef(oid, true)
        from pg_class
        where relkind = 'v' and relnamespace = current_schema()::regnamespace and starts_with(relname, 'figure_')
        order by relname",
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)
}

/// A transaction in which everything is as it was at one moment.
async fn snapshot(db: &PgPool) -> Result<Tx> {
    let mut tx = crate::begin(db).await?;
    sqlx::query("set transaction isolation level repeatable read, read only").execute(&mut *tx).await.map_err(StoreError::from_sqlx)?;
    Ok(tx)
}

/// Whether the figures are of one agency, and not of all.
fn of_one(asked: &Asked<'_>) -> bool {
    asked.scope.is_of_an_agency() || asked.filter.agency.is_some()
}

/// What is in the period, in the scope and fits the filter.
fn narrow(query: &mut QueryBuilder<Postgres>, asked: &Asked<'_>) {
    query.push(" and q.at >= ").push_bind(at(asked.since)).push(" and q.at < ").push_bind(at(asked.until));
    within(query, asked);
}

/// What is in the scope and fits the filter.
fn within(query: &mut QueryBuilder<Postgres>, asked: &Asked<'_>) {
    let scope = asked.scope;
    for agency in [scope.agency(), asked.filter.agency.map(|agency| agency.0)].into_iter().flatten() {
        query.push(" and q.agency = ").push_bind(agency);
    }
    if let Some(office) = scope.office() {
        query.push(" and q.account = ").push_bind(office.to_owned());
    }
    if !scope.confided() {
        query.push(" and shown(q.visibility, false)");
    }
    kind(query, asked.filter);
}

/// One group: of which dimension (by its bit), its key, and up to three counts.
#[derive(FromRow)]
struct Grouped {
    which: i32,
    key: Option<String>,
    counted: i64,
    some: i64,
    more: i64,
}

impl Grouped {
    /// The dimension that is not summed up; `None`: all of them are.
    fn dimension(&self) -> Option<Dimension> {
        match self.which {
            0b0111 => Some(Dimension::Agency),
            0b1011 => Some(Dimension::Area),
            0b1101 => Some(Dimension::Category),
            0b1110 => Some(Dimension::Channel),
            _ => None,
        }
    }
}

fn whole(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

/// Begins a statement that counts by each dimension, and in all.
fn grouping() -> QueryBuilder<Postgres> {
    QueryBuilder::new(
        "select grouping(k.agency, k.area, k.category, k.channel) as which, coalesce(k.agency, k.area, k.category, k.channel) as key, \
         count(*) as counted",
    )
}

fn from(query: &mut QueryBuilder<Postgres>, view: &str, filter: &Filter) {
    let [agency, area, category, channel] = Dimension::ALL.map(|dimension| dimension.column(filter));
    query.push(format_args!(
        " from {view} q cross join lateral (select {agency} as agency, {area} as area, {category} as category, {channel} as channel) k where true"
    ));
}

const SETS: &str = " group by grouping sets ((k.agency), (k.area), (k.category), (k.channel), ())";

/// What a view has in the period, by each dimension and in all.
async fn grouped(tx: &mut Tx, asked: &Asked<'_>, view: &str, some: &str) -> Result<Vec<Grouped>> {
    let mut query = grouping();
    query.push(format_args!(", {} as some, 0::bigint as more", if some.is_empty() { "0::bigint" } else { some }));
    from(&mut query, view, asked.filter);
    narrow(&mut query, asked);
    query.push(SETS);
    query.build_query_as().persistent(false).fetch_all(&mut **tx).await.map_err(StoreError::from_sqlx)
}

/// What waits now: all, due today, late.
async fn waiting(tx: &mut Tx, asked: &Asked<'_>) -> Result<Vec<Grouped>> {
    let mut query = grouping();
    query.push(", count(*) filter (where ");
    due_today(&mut query, asked.times);
    query.push(") as some, count(*) filter (where ");
    late(&mut query, asked.times);
    query.push(") as more");
    from(&mut query, "figure_waiting", asked.filter);
    within(&mut query, asked);
    query.push(SETS);
    query.build_query_as().persistent(false).fetch_all(&mut **tx).await.map_err(StoreError::from_sqlx)
}

async fn counts(tx: &mut Tx, asked: &Asked<'_>) -> Result<Counts> {
    Ok(Counts {
        answered: count(tx, asked, Measure::Answered).await?,
        reopened: count(tx, asked, Measure::Reopened).await?,
        contested: count(tx, asked, Measure::Contested).await?,
        handed_over: count(tx, asked, Measure::HandedOver).await?,
        to_referee: count(tx, asked, Measure::ToReferee).await?,
        closed: count(tx, asked, Measure::Closed).await?,
        unsent: count(tx, asked, Measure::Unsent).await?,
    })
}

async fn count(tx: &mut Tx, asked: &Asked<'_>, measure: Measure) -> Result<u64> {
    let (view, which) = measure.source(of_one(asked));
    let mut query = QueryBuilder::new("select count(*) from ");
    query.push(format_args!("{view} q where true{which}"));
    narrow(&mut query, asked);
    let count: i64 = query.build_query_scalar().persistent(false).fetch_one(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    Ok(whole(count))
}

/// How many lines the list of a measure has.
pub async fn size(db: &PgPool, asked: &Asked<'_>, measure: Measure) -> Result<u64> {
    let mut tx = snapshot(db).await?;
    let size = count(&mut tx, asked, measure).await?;
    crate::commit(tx).await?;
    Ok(size)
}
