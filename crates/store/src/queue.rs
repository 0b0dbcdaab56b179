//! What staff see in lists. Every function takes a [`Scope`], and the scope is part of every `where`: what is not in it is not found, whoever asks
//! and however. The door to a single complaint is [`crate::access`].

mod counts;

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};
use model::{AdapterName, AgencyId, ComplaintId, DispatchState, Held, Reference, StaffId, Status, Visibility};
use sqlx::{FromRow, Postgres, QueryBuilder};
use uuid::Uuid;

pub use self::counts::{Counts, counts, disagreements, fold, suggestions};
pub use crate::access::{Scope, may_see};
use crate::{
    PgPool, Result, StoreError,
    convert::{At, at, json},
};

/// A list of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// What I have taken and not finished.
    Mine,
    /// What agencies still have to act on.
    Open,
    /// Of that, what nobody has taken.
    Unassigned,
    /// Of that, what is due before the day ends and not late yet. What waits for the citizen is not: its clock stands.
    Today,
    /// Of that, what is past its deadline. What waits for the citizen is only if it was late when they were asked.
    Overdue,
    /// What somebody was told of because a clock of it ends or ended; in triage too.
    Escalated,
    /// Of that, where the citizen was asked and has not answered.
    Waiting,
    /// What a person must give to an agency; words of danger first.
    Triage,
    /// What waits for a person to look whether it is a complaint; the oldest first.
    Held,
    /// What agencies pass back and forth and the referee must place; words of danger first.
    Referee,
    /// What other agencies asked this one about, without giving it away.
    Asked,
    /// What others have, just across the border of an area where this agency would have it.
    Near,
    /// What agencies have finished or handed on.
    Done,
}

impl View {
    /// Every list, in the order of the page.
    pub const ALL: [Self; 13] = [
        Self::Mine,
        Self::Open,
        Self::Unassigned,
        Self::Today,
        Self::Overdue,
        Self::Escalated,
        Self::Waiting,
        Self::Triage,
        Self::Held,
        Self::Referee,
        Self::Asked,
        Self::Near,
        Self::Done,
    ];

    /// Whether its lines are complaints that no agency answers for, instead of complaints with one agency.
    fn is_of_complaints(self) -> bool {
        matches!(self, Self::Triage | Self::Held | Self::Referee)
    }

    /// Whether it is what agencies have to act on, in the order of its dates.
    fn is_by_deadline(self) -> bool {
        matches!(self, Self::Mine | Self::Open | Self::Unassigned | Self::Today | Self::Overdue | Self::Waiting)
    }
}

/// What narrows a list. Empty: nothing does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only this category.
    pub category: Option<String>,
    /// Only areas whose code begins so.
    pub area: Option<String>,
    /// Only this agency; narrows the scope, never widens it.
    pub agency: Option<AgencyId>,
    /// Only what came by this account of this adapter.
    pub channel: Option<(AdapterName, String)>,
    /// Only where words of danger were found.
    pub danger: bool,
    /// Only this grade.
    pub visibility: Option<Visibility>,
    /// Only what was opened then or later.
    pub opened_since: Option<Timestamp>,
    /// Only what was opened earlier.
    pub opened_before: Option<Timestamp>,
}

/// Where a page of a list begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Start {
    /// At the top.
    #[default]
    Top,
    /// After this line.
    After(Cursor),
    /// So that it ends before this line.
    Before(Cursor),
}

/// The times that lists are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Now: what was due before is late.
    pub now: Timestamp,
    /// When the day ends, where the city is.
    pub tonight: Timestamp,
}

/// One line of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Which complaint.
    pub complaint: ComplaintId,
    /// Its number.
    pub reference: Reference,
    /// As the citizen sees it.
    pub status: Status,
    /// The agency of this line; none in triage and with the referee.
    pub agency: Option<AgencyId>,
    /// How far that agency is.
    pub work: Option<DispatchState>,
    /// Whether that agency only helps: another one answers for the complaint.
    pub helps: bool,
    /// Who took it, by name.
    pub officer: Option<String>,
    /// Until when that agency must settle it; of what is held and waits, until when somebody must look.
    pub deadline: Option<Timestamp>,
    /// When the citizen wrote.
    pub opened_at: Timestamp,
    /// Code of the category.
    pub category: Option<String>,
    /// Code of the area.
    pub area: Option<String>,
    /// Where it is, in words.
    pub place: Option<String>,
    /// The first words, at most 200 characters.
    pub words: String,
    /// Whether a photo came with it.
    pub has_photo: bool,
    /// Whether the text speaks of danger.
    pub danger: bool,
    /// Who may see it.
    pub visibility: Visibility,
    /// Why it was held; most never are.
    pub held: Option<Held>,
    /// The channel: adapter …
    pub adapter: AdapterName,
    /// … and account.
    pub account: String,
    cursor: Cursor,
}

impl Row {
    /// Where the list goes on after this line.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }
}

impl Cursor {
    /// A place in what was found, which is in the order of how well it fits.
    pub(crate) fn of_rank(rank: i64, id: Uuid) -> Self {
        Self { calm: true, at: Timestamp::from_microsecond(rank).unwrap_or_default(), id }
    }

    pub(crate) fn at(self) -> Timestamp {
        self.at
    }

    pub(crate) fn rank(self) -> i64 {
        self.at.as_microsecond()
    }

    pub(crate) fn id(self) -> Uuid {
        self.id
    }
}

/// A place in a list: everything after it comes next. In an address: `calm.1764000000000000.<uuid>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    calm: bool,
    at: Timestamp,
    id: Uuid,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", u8::from(self.calm), self.at.as_microsecond(), self.id.simple())
    }
}

impl FromStr for Cursor {
    type Err = ();
    fn from_str(s: &str) -> Result<Self, ()> {
        let mut parts = s.splitn(3, '.');
        let mut part = || parts.next().ok_or(());
        let calm = part()? == "1";
        let at = part()?.parse().map_err(|_| ()).and_then(|micros| Timestamp::from_microsecond(micros).map_err(|_| ()))?;
        let id = part()?.parse().map_err(|_| ())?;
        Ok(Self { calm, at, id })
    }
}

/// Which page of which list.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// Who asks: whose [`View::Mine`] it is.
    pub me: StaffId,
    /// Which list.
    pub view: View,
    /// What narrows it.
    pub filter: &'a Filter,
    /// Which page.
    pub from: Start,
    /// How many lines at most.
    pub most: u16,
}

/// A page of a list, and where the pages beside it begin.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lines {
    /// In the order of the list.
    pub rows: Vec<Row>,
    /// The page before, if there is one.
    pub newer: Option<Cursor>,
    /// The page after, if there is one.
    pub older: Option<Cursor>,
}

/// One page of a list. A line is a complaint with one agency; in triage, a complaint. A page that is not there any more, because what was on it
/// moved on, is the nearest one.
pub async fn rows(db: &PgPool, scope: &Scope, asked: &Asked<'_>, times: Times) -> Result<Lines> {
    let page = page(db, scope, asked, asked.from, times).await?;
    match asked.from {
        // The beginning of the list came nearer: a short first page would look like the whole list.
        Start::Before(_) if page.newer.is_none() => self::page(db, scope, asked, Start::Top, times).await,
        Start::After(cursor) if page.rows.is_empty() => self::page(db, scope, asked, Start::Before(cursor), times).await,
        _ => Ok(page),
    }
}

/// The lines after those that were read, for who reads a whole list; none where it ends.
pub async fn next(db: &PgPool, scope: &Scope, asked: &Asked<'_>, times: Times) -> Result<Lines> {
    page(db, scope, asked, asked.from, times).await
}

async fn page(db: &PgPool, scope: &Scope, asked: &Asked<'_>, from: Start, times: Times) -> Result<Lines> {
    let most = usize::from(asked.most);
    let mut query = list(scope, asked, from, times);
    // Not kept as a prepared statement: each list has its own best plan, and PostgreSQL would settle for one that fits none.
    let found: Vec<Found> = query.build_query_as().persistent(false).fetch_all(db).await.map_err(StoreError::from_sqlx)?;
    let mut rows = found.into_iter().map(into_row).collect::<Result<Vec<_>>>()?;
    let more = rows.len() > most;
    rows.truncate(most);
    let back = matches!(from, Start::Before(_));
    if back {
        rows.reverse();
    }
    let newer = rows.first().map(Row::cursor).filter(|_| if back { more } else { from != Start::Top });
    let older = rows.last().map(Row::cursor).filter(|_| back || more);
    Ok(Lines { rows, newer, older })
}

/// Columns of a line, of `q` (the narrow row), `c` (its complaint), `d` (its dispatch) and `s` (who took it).
pub(crate) const COLUMNS: &str = "c.id, c.reference, c.status, s.name as officer, q.opened_at, q.category, q.area, c.place, left(c.text, 200) as words, \
    q.visibility, c.adapter, c.account, q.danger, exists (select from attachment a join message m on m.id = a.message \
    where m.complaint = c.id and a.kind = 'image') as has_photo, q.sort_at, q.id as sort_id, q.agency, c.why -> 'held' as held, \
    coalesce(not d.responsible, false) as helps";

/// What the referee has, as narrow rows: few, and read from an index of them alone. An agency may still do its part meanwhile.
const WITH_REFEREE: &str = "(select id, id as complaint, null::uuid as agency, null::uuid as officer, opened_at, category, area, \
    adapter || ' ' || account as channel, account, danger, visibility, opened_at as sort_at from complaint where referee = 'asked') q where true";

/// Questions between agencies that wait for words, as narrow rows of who is asked.
const ASKED: &str = "(select k.id, k.complaint, k.asked as agency, null::uuid as officer, k.due_at as deadline, c.opened_at, c.category, c.area, \
    c.adapter || ' ' || c.account as channel, c.account, c.danger, c.visibility, k.due_at as sort_at \
    from consultation k join complaint c on c.id = k.complaint where k.answered_at is null) q where true";

/// What is open near a border, as narrow rows of who would have it on the other side. The oldest first: the date is its owner's.
const NEAR: &str = "(select n.id, n.complaint, n.agency, null::uuid as officer, c.opened_at as deadline, c.opened_at, c.category, c.area, \
    c.adapter || ' ' || c.account as channel, c.account, c.danger, c.visibility, c.opened_at as sort_at \
    from near_border n join complaint c on c.id = n.complaint where c.status <> 'resolved' \
    and not exists (select from dispatch d where d.complaint = n.complaint and d.agency = n.agency)) q where true";

const NOT_WITH_REFEREE: &str = " and q.id not in (select id from complaint where referee = 'asked')";

/// The narrow rows of one page, then what is shown of their complaints.
fn list(scope: &Scope, asked: &Asked<'_>, from: Start, times: Times) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("select ");
    query.push(COLUMNS);
    match asked.view {
        View::Referee => query.push(", null::text as work, c.deadline from (select * from ").push(WITH_REFEREE),
        View::Asked => query.push(", null::text as work, q.deadline from (select * from ").push(ASKED),
        View::Near => query.push(", null::text as work, c.deadline from (select * from ").push(NEAR),
        _ => &mut query,
    };
    query.push(match asked.view {
        View::Triage => ", null::text as work, null::timestamptz as deadline from (select *, q.opened_at as sort_at from queue_open q where q.work = 'triage' and not q.held",
        View::Held => ", null::text as work, (c.why -> 'held' ->> 'due')::timestamptz as deadline from (select *, q.opened_at as sort_at from queue_open q where q.held",
        View::Referee | View::Asked | View::Near => "",
        View::Done => ", d.work, d.deadline from (select *, q.given_at as sort_at from queue_done q where true",
        View::Escalated => {
            ", nullif(q.work, 'triage') as work, q.deadline from (select *, coalesce(q.deadline, q.opened_at) as sort_at from queue_open q where q.escalated"
        }
        _ => ", q.work, q.deadline from (select *, q.deadline as sort_at from queue_open q where q.work <> 'triage'",
    });
    within(&mut query, asked.view, scope, asked.filter);
    follows(&mut query, asked.view, asked.filter);
    which(&mut query, asked.view, asked.me, times);
    let descending = matches!(from, Start::Before(_)) != (asked.view == View::Done);
    let (key, order) = match (asked.view, descending) {
        (View::Triage | View::Held | View::Referee, false) => ("(not q.danger, q.opened_at, q.id)", "not q.danger, q.opened_at, q.id"),
        (View::Triage | View::Held | View::Referee, true) => {
            ("(not q.danger, q.opened_at, q.id)", "not q.danger desc, q.opened_at desc, q.id desc")
        }
        (View::Done, false) => ("(q.given_at, q.id)", "q.given_at, q.id"),
        (View::Done, true) => ("(q.given_at, q.id)", "q.given_at desc, q.id desc"),
        (View::Escalated, false) => ("(coalesce(q.deadline, q.opened_at), q.id)", "coalesce(q.deadline, q.opened_at), q.id"),
        (View::Escalated, true) => ("(coalesce(q.deadline, q.opened_at), q.id)", "coalesce(q.deadline, q.opened_at) desc, q.id desc"),
        (_, false) => ("(q.deadline, q.id)", "q.deadline, q.id"),
        (_, true) => ("(q.deadline, q.id)", "q.deadline desc, q.id desc"),
    };
    if let Start::After(cursor) | Start::Before(cursor) = from {
        query.push(format_args!(" and {key} {} (", if descending { "<" } else { ">" }));
        if asked.view.is_of_complaints() {
            query.push_bind(cursor.calm).push(", ");
        }
        query.push_bind(at(cursor.at)).push(", ").push_bind(cursor.id).push(")");
    }
    query.push(format_args!(" order by {order} limit ")).push_bind(i64::from(asked.most) + 1);
    query.push(") q join complaint c on c.id = q.complaint ");
    query.push(if asked.view == View::Done {
        "join dispatch d on d.id = q.id left join staff s on s.id = d.officer"
    } else {
        "left join dispatch d on d.id = q.id left join staff s on s.id = q.officer"
    });
    query.push(format_args!(
        " order by {}",
        order.replace("coalesce(q.deadline, q.opened_at)", "q.sort_at").replace("q.deadline", "q.sort_at")
    ));
    query
}

/// What is in the scope and fits the filter.
fn within(query: &mut QueryBuilder<Postgres>, view: View, scope: &Scope, filter: &Filter) {
    for agency in [scope.agency(), filter.agency.map(|agency| agency.0)].into_iter().flatten() {
        if view.is_of_complaints() {
            query.push(" and exists (select from dispatch d where d.complaint = q.complaint and d.agency = ").push_bind(agency).push(")");
        } else {
            query.push(" and q.agency = ").push_bind(agency);
        }
    }
    if let Some(office) = scope.office() {
        query.push(" and q.account = ").push_bind(office.to_owned());
    }
    if !scope.confided() {
        query.push(" and shown(q.visibility, false)");
    }
    kind(query, filter);
    if let Some(since) = filter.opened_since {
        query.push(" and q.opened_at >= ").push_bind(at(since));
    }
    if let Some(before) = filter.opened_before {
        query.push(" and q.opened_at < ").push_bind(at(before));
    }
}

/// What follows from when it was opened, in the order of the list, so that it is not walked past everything older: nothing is given to an agency, and nothing
/// due, before it is opened. The day is for clocks that differ.
fn follows(query: &mut QueryBuilder<Postgres>, view: View, filter: &Filter) {
    let Some(since) = filter.opened_since else { return };
    let later = match view {
        View::Done => " and q.given_at >= ",
        _ if view.is_by_deadline() => " and q.deadline >= ",
        _ => return,
    };
    query.push(later).push_bind(at(since.checked_sub(SignedDuration::from_hours(24)).unwrap_or(since)));
}

/// Stands in a filter for what has no category, or no area that lies in a kecamatan; behind an area's code: exactly this area.
pub const NONE: &str = "-";

/// Of the filter, what also the counter knows.
pub(crate) fn kind(query: &mut QueryBuilder<Postgres>, filter: &Filter) {
    match filter.category.as_deref() {
        Some(NONE) => {
            query.push(" and q.category is null");
        }
        Some(category) => {
            query.push(" and q.category = ").push_bind(category.to_owned());
        }
        None => {}
    }
    if filter.area.as_deref() == Some(NONE) {
        query.push(" and (q.area is null or length(q.area) < 7)");
    } else if let Some(exactly) = filter.area.as_ref().and_then(|area| area.strip_suffix(NONE)) {
        query.push(" and q.area = ").push_bind(exactly.to_owned());
    } else if let Some(area) = &filter.area {
        match area.len() {
            10 => query.push(" and q.area = ").push_bind(area.clone()),
            7 => query.push(" and left(q.area, 7) = ").push_bind(area.clone()),
            _ => query.push(" and starts_with(q.area, ").push_bind(area.clone()).push(")"),
        };
    }
    if let Some((adapter, account)) = &filter.channel {
        query.push(" and q.channel = ").push_bind(format!("{adapter} {account}"));
    }
    if filter.danger {
        query.push(" and q.danger");
    }
    if let Some(visibility) = filter.visibility {
        query.push(" and q.visibility = ").push_bind(visibility.as_str());
        // Said once more as it is, so that the index of what is not public is recognised.
        if visibility != Visibility::Public {
            query.push(" and q.visibility <> 'public'");
        }
    }
}

/// What makes the list this list.
fn which(query: &mut QueryBuilder<Postgres>, view: View, me: StaffId, times: Times) {
    match view {
        View::Mine => query.push(" and q.officer = ").push_bind(me.0),
        View::Unassigned => query.push(" and q.officer is null"),
        View::Today => due_today(query.push(" and "), times),
        View::Overdue => late(query.push(" and "), times),
        View::Waiting => query.push(" and q.work = 'awaiting_citizen'"),
        View::Triage => query.push(NOT_WITH_REFEREE),
        View::Open | View::Escalated | View::Held | View::Referee | View::Asked | View::Near | View::Done => query,
    };
}

/// Due before the day ends, and not late yet.
pub(crate) fn due_today(query: &mut QueryBuilder<Postgres>, times: Times) -> &mut QueryBuilder<Postgres> {
    query.push("q.work <> 'awaiting_citizen' and q.deadline >= ").push_bind(at(times.now));
    query.push(" and q.deadline < ").push_bind(at(times.tonight))
}

/// Late. Said of the deadline alone first, so that its index is recognised.
pub(crate) fn late(query: &mut QueryBuilder<Postgres>, times: Times) -> &mut QueryBuilder<Postgres> {
    query.push("q.deadline < ").push_bind(at(times.now)).push(" and (q.asked_at is null or q.deadline < q.asked_at)")
}

/// What came in through the scope's office or, with a wider scope, at all: the newest first.
pub async fn entries(db: &PgPool, scope: &Scope, after: Option<Cursor>, most: u16) -> Result<Vec<Row>> {
    let found = sqlx::query_as!(
        Found,
        r#"select c.id, c.reference, c.status, null::uuid as "agency?", null::text as "work?", false as "helps!", null::text as "officer?",
                  c.deadline as "deadline?: At", c.opened_at as "opened_at: At",
                  c.category, c.area, c.place, left(c.text, 200) as "words!", c.visibility, c.adapter, c.account,
                  c.danger as "danger!", c.why -> 'held' as "held?",
                  exists (select 1 from attachment a join message m on m.id = a.message
                          where m.complaint = c.id and a.kind = 'image') as "has_photo!",
                  c.opened_at as "sort_at!: At", c.id as "sort_id!"
           from complaint c
           where ($1::uuid is null or exists (select 1 from dispatch d where d.complaint = c.id and d.agency = $1))
             and ($2::text is null or c.account = $2)
             and shown(c.visibility, $6)
             and ($3::timestamptz is null or (c.opened_at, c.id) < ($3, $4))
           order by c.opened_at desc, c.id desc
           limit $5"#,
        scope.agency(),
        scope.office(),
        after.map(|cursor| at(cursor.at)) as Option<At>,
        after.map(|cursor| cursor.id),
        i64::from(most),
        scope.confided(),
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    found.into_iter().map(into_row).collect()
}

/// The complaint with this number, if it is in the scope.
pub async fn by_reference(db: &PgPool, scope: &Scope, reference: &Reference) -> Result<Option<ComplaintId>> {
    let id = sqlx::query_scalar!(
        "select c.id
         from complaint c
         where c.reference = $1
           and ($2::uuid is null or exists (select 1 from dispatch d where d.complaint = c.id and d.agency = $2)
             or exists (select 1 from consultation k where k.complaint = c.id and k.asked = $2)
                 or exists (select 1 from near_border n where n.complaint = c.id and n.agency = $2))
           and ($3::text is null or c.account = $3)
           and shown(c.visibility, $4)",
        reference.to_string(),
        scope.agency(),
        scope.office(),
        scope.confided(),
    )
    .fetch_optional(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(id.map(ComplaintId))
}

#[derive(FromRow)]
pub(crate) struct Found {
    id: Uuid,
    reference: String,
    status: String,
    agency: Option<Uuid>,
    work: Option<String>,
    helps: bool,
    officer: Option<String>,
    deadline: Option<At>,
    opened_at: At,
    category: Option<String>,
    area: Option<String>,
    place: Option<String>,
    words: String,
    visibility: String,
    adapter: String,
    account: String,
    danger: bool,
    held: Option<serde_json::Value>,
    has_photo: bool,
    sort_at: At,
    sort_id: Uuid,
}

pub(crate) fn into_row(found: Found) -> Result<Row> {
    let corrupt = |column| StoreError::Corrupt { table: "complaint", column };
    let work = match found.work {
        Some(word) => Some(DispatchState::from_word(&word).ok_or(StoreError::Corrupt { table: "dispatch", column: "work" })?),
        None => None,
    };
    Ok(Row {
        complaint: ComplaintId(found.id),
        reference: found.reference.parse().map_err(|_| corrupt("reference"))?,
        status: Status::from_word(&found.status).ok_or_else(|| corrupt("status"))?,
        agency: found.agency.map(AgencyId),
        work,
        helps: found.helps,
        officer: found.officer,
        deadline: found.deadline.map(At::to_jiff),
        opened_at: found.opened_at.to_jiff(),
        category: found.category,
        area: found.area,
        place: found.place,
        words: found.words,
        has_photo: found.has_photo,
        danger: found.danger,
        visibility: Visibility::from_word(&found.visibility).ok_or_else(|| corrupt("visibility"))?,
        held: found.held.map(|held| json(held, "complaint", "why")).transpose()?,
        adapter: found.adapter.parse().map_err(|_| corrupt("adapter"))?,
        account: found.account,
        cursor: Cursor { calm: !found.danger, at: found.sort_at.to_jiff(), id: found.sort_id },
    })
}
