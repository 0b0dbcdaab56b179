//! What staff see: the lists, and the one door to a single complaint. Every function takes a [`Scope`], and the scope is part of every
//! `where`: what is not in it is not found, whoever asks and however.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use model::{AdapterName, AgencyId, ComplaintId, DispatchState, Reference, Role, StaffId, Status, Visibility};
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError,
    convert::{At, at},
    staff::Staff,
};

/// Which complaints a member of staff may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every one: triage and admins.
    Everything,
    /// What this agency has or had: officers and supervisors.
    Agency(AgencyId),
    /// What came in through this office: clerks. An office has one account, whatever the way in.
    Office(String),
}

impl Scope {
    /// What this person may see. An account that lacks what its role needs sees nothing.
    pub fn of(staff: &Staff) -> Self {
        match staff.role {
            Role::Triage | Role::Admin => Self::Everything,
            Role::Officer | Role::Supervisor => Self::Agency(staff.agency.unwrap_or(AgencyId(Uuid::nil()))),
            Role::Clerk => Self::Office(staff.office.clone().unwrap_or_default()),
        }
    }

    pub(crate) fn agency(&self) -> Option<Uuid> {
        if let Self::Agency(agency) = self { Some(agency.0) } else { None }
    }

    pub(crate) fn office(&self) -> Option<&str> {
        if let Self::Office(office) = self { Some(office) } else { None }
    }
}

/// Whether this complaint is in the scope. The door to a complaint's page, its files and its actions.
pub async fn may_see(db: &PgPool, scope: &Scope, complaint: ComplaintId) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"select exists (
             select 1 from complaint c
             where c.id = $1
               and ($2::uuid is null or exists (select 1 from dispatch d where d.complaint = c.id and d.agency = $2))
               and ($3::text is null or c.account = $3)
           ) as "found!""#,
        complaint.0,
        scope.agency(),
        scope.office(),
    )
    .fetch_one(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(found)
}

/// A list of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// What I have taken and not finished.
    Mine,
    /// What agencies still have to act on.
    Open,
    /// The same, past its deadline.
    Overdue,
    /// What a person must give to an agency; words of danger first.
    Triage,
    /// What agencies have finished or handed on.
    Done,
}

impl View {
    /// Every list, in the order of the page.
    pub const ALL: [Self; 5] = [Self::Mine, Self::Open, Self::Overdue, Self::Triage, Self::Done];
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
    /// The agency of this line; none in triage.
    pub agency: Option<AgencyId>,
    /// How far that agency is.
    pub work: Option<DispatchState>,
    /// Who took it, by name.
    pub officer: Option<String>,
    /// Until when that agency must settle it.
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

/// How many lines each list has, exactly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// [`View::Mine`].
    pub mine: u64,
    /// [`View::Open`].
    pub open: u64,
    /// [`View::Overdue`].
    pub overdue: u64,
    /// [`View::Triage`].
    pub triage: u64,
    /// [`View::Done`].
    pub done: u64,
}

impl Counts {
    /// The count of one list.
    pub fn of(&self, view: View) -> u64 {
        match view {
            View::Mine => self.mine,
            View::Open => self.open,
            View::Overdue => self.overdue,
            View::Triage => self.triage,
            View::Done => self.done,
        }
    }
}

/// What a list query asks for, as parameters.
struct Narrow<'a> {
    agencies: Option<Vec<Uuid>>,
    office: Option<&'a str>,
    category: Option<&'a str>,
    area: Option<&'a str>,
}

impl<'a> Narrow<'a> {
    fn by(scope: &'a Scope, filter: &'a Filter) -> Self {
        let asked = filter.agency.map(|agency| agency.0);
        let agencies = match (scope.agency(), asked) {
            (Some(own), Some(asked)) if own != asked => Some(Vec::new()),
            (Some(own), _) => Some(vec![own]),
            (None, asked) => asked.map(|asked| vec![asked]),
        };
        Self { agencies, office: scope.office(), category: filter.category.as_deref(), area: filter.area.as_deref() }
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
    /// The last line of the page before; `None`: from the top.
    pub after: Option<Cursor>,
    /// How many lines at most.
    pub most: u16,
}

impl Asked<'_> {
    fn after_at(&self) -> Option<At> {
        self.after.map(|cursor| at(cursor.at))
    }

    fn after_id(&self) -> Option<Uuid> {
        self.after.map(|cursor| cursor.id)
    }
}

/// One page of a list. A line is a complaint with one agency; in triage, a complaint.
pub async fn rows(db: &PgPool, scope: &Scope, asked: &Asked<'_>, now: Timestamp) -> Result<Vec<Row>> {
    let narrow = Narrow::by(scope, asked.filter);
    let found = match asked.view {
        View::Mine | View::Open | View::Overdue => pending(db, &narrow, asked, now).await,
        View::Triage => triage(db, &narrow, asked).await,
        View::Done => done(db, &narrow, asked).await,
    };
    found.map_err(StoreError::from_sqlx)?.into_iter().map(into_row).collect()
}

/// What agencies still have to act on, the nearest deadline first.
async fn pending(db: &PgPool, narrow: &Narrow<'_>, asked: &Asked<'_>, now: Timestamp) -> sqlx::Result<Vec<Found>> {
    let mine = (asked.view == View::Mine).then_some(asked.me.0);
    let late_at = (asked.view == View::Overdue).then(|| at(now));
    sqlx::query_as!(
        Found,
        r#"select c.id, c.reference, c.status, d.agency as "agency?", d.work as "work?", s.name as "officer?",
                      d.deadline as "deadline?: At", c.opened_at as "opened_at: At",
                      c.category, c.area, c.place, left(c.text, 200) as "words!", c.visibility, c.adapter, c.account,
                      c.danger as "danger!",
                      exists (select 1 from attachment a join message m on m.id = a.message
                              where m.complaint = c.id and a.kind = 'image') as "has_photo!",
                      d.deadline as "sort_at!: At", d.id as "sort_id!"
               from dispatch d join complaint c on c.id = d.complaint left join staff s on s.id = d.officer
               where d.work in ('open', 'in_progress', 'awaiting_citizen')
                 and ($1::uuid[] is null or d.agency = any($1))
                 and ($2::text is null or c.account = $2)
                 and ($3::text is null or c.category = $3)
                 and ($4::text is null or starts_with(c.area, $4))
                 and ($5::uuid is null or d.officer = $5)
                 and ($6::timestamptz is null or d.deadline < $6)
                 and ($7::timestamptz is null or (d.deadline, d.id) > ($7, $8))
               order by d.deadline, d.id
               limit $9"#,
        narrow.agencies.as_deref(),
        narrow.office,
        narrow.category,
        narrow.area,
        mine,
        late_at as Option<At>,
        asked.after_at() as Option<At>,
        asked.after_id(),
        i64::from(asked.most),
    )
    .fetch_all(db)
    .await
}

/// What waits for a person, words of danger first, then the oldest.
async fn triage(db: &PgPool, narrow: &Narrow<'_>, asked: &Asked<'_>) -> sqlx::Result<Vec<Found>> {
    sqlx::query_as!(
        Found,
        r#"select c.id, c.reference, c.status, null::uuid as "agency?", null::text as "work?", null::text as "officer?",
                      null::timestamptz as "deadline?: At", c.opened_at as "opened_at: At",
                      c.category, c.area, c.place, left(c.text, 200) as "words!", c.visibility, c.adapter, c.account,
                      c.danger as "danger!",
                      exists (select 1 from attachment a join message m on m.id = a.message
                              where m.complaint = c.id and a.kind = 'image') as "has_photo!",
                      c.opened_at as "sort_at!: At", c.id as "sort_id!"
               from complaint c
               where c.status = 'received'
                 and ($1::uuid[] is null or exists (select 1 from dispatch d where d.complaint = c.id and d.agency = any($1)))
                 and ($2::text is null or c.account = $2)
                 and ($3::text is null or c.category = $3)
                 and ($4::text is null or starts_with(c.area, $4))
                 and ($5::timestamptz is null
                      or (not c.danger, c.opened_at, c.id) > ($8, $5, $6))
               order by c.danger desc, c.opened_at, c.id
               limit $7"#,
        narrow.agencies.as_deref(),
        narrow.office,
        narrow.category,
        narrow.area,
        asked.after_at() as Option<At>,
        asked.after_id(),
        i64::from(asked.most),
        asked.after.is_some_and(|cursor| cursor.calm),
    )
    .fetch_all(db)
    .await
}

/// What agencies finished or handed on, what they got last first.
async fn done(db: &PgPool, narrow: &Narrow<'_>, asked: &Asked<'_>) -> sqlx::Result<Vec<Found>> {
    sqlx::query_as!(
        Found,
        r#"select c.id, c.reference, c.status, d.agency as "agency?", d.work as "work?", s.name as "officer?",
                      d.deadline as "deadline?: At", c.opened_at as "opened_at: At",
                      c.category, c.area, c.place, left(c.text, 200) as "words!", c.visibility, c.adapter, c.account,
                      c.danger as "danger!",
                      exists (select 1 from attachment a join message m on m.id = a.message
                              where m.complaint = c.id and a.kind = 'image') as "has_photo!",
                      d.given_at as "sort_at!: At", d.id as "sort_id!"
               from dispatch d join complaint c on c.id = d.complaint left join staff s on s.id = d.officer
               where d.work in ('done', 'handed_over')
                 and ($1::uuid[] is null or d.agency = any($1))
                 and ($2::text is null or c.account = $2)
                 and ($3::text is null or c.category = $3)
                 and ($4::text is null or starts_with(c.area, $4))
                 and ($5::timestamptz is null or (d.given_at, d.id) < ($5, $6))
               order by d.given_at desc, d.id desc
               limit $7"#,
        narrow.agencies.as_deref(),
        narrow.office,
        narrow.category,
        narrow.area,
        asked.after_at() as Option<At>,
        asked.after_id(),
        i64::from(asked.most),
    )
    .fetch_all(db)
    .await
}

/// How many lines each list has for `me`. Complaints are looked at only where something narrows the list: the rest is counted in the
/// indexes of `dispatch`.
pub async fn counts(db: &PgPool, scope: &Scope, me: StaffId, filter: &Filter, now: Timestamp) -> Result<Counts> {
    let narrow = Narrow::by(scope, filter);
    // Not materialized: each of the two counts has its own index.
    let work = sqlx::query!(
        r#"with narrowed as not materialized (
             select d.work, d.officer, d.deadline
             from dispatch d
             where ($1::uuid[] is null or d.agency = any($1))
               and (coalesce($2, $3, $4) is null or exists (
                 select 1 from complaint c
                 where c.id = d.complaint
                   and ($2::text is null or c.account = $2)
                   and ($3::text is null or c.category = $3)
                   and ($4::text is null or starts_with(c.area, $4))
               ))
           )
           select pending.mine as "mine!", pending.open as "open!", pending.overdue as "overdue!", done.done as "done!"
           from (
             select count(*) filter (where officer = $5) as mine,
                    count(*) as open,
                    count(*) filter (where deadline < $6) as overdue
             from narrowed
             where work in ('open', 'in_progress', 'awaiting_citizen')
           ) pending, (
             select count(*) as done
             from narrowed
             where work in ('done', 'handed_over')
           ) done"#,
        narrow.agencies.as_deref(),
        narrow.office,
        narrow.category,
        narrow.area,
        me.0,
        at(now) as At,
    )
    .fetch_one(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let triage = sqlx::query_scalar!(
        r#"select count(*) as "count!"
           from complaint c
           where c.status = 'received'
             and ($1::uuid[] is null or exists (select 1 from dispatch d where d.complaint = c.id and d.agency = any($1)))
             and ($2::text is null or c.account = $2)
             and ($3::text is null or c.category = $3)
             and ($4::text is null or starts_with(c.area, $4))"#,
        narrow.agencies.as_deref(),
        narrow.office,
        narrow.category,
        narrow.area,
    )
    .fetch_one(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let whole = |count: i64| u64::try_from(count).unwrap_or(0);
    Ok(Counts {
        mine: whole(work.mine),
        open: whole(work.open),
        overdue: whole(work.overdue),
        triage: whole(triage),
        done: whole(work.done),
    })
}

/// What came in through the scope's office or, with a wider scope, at all: the newest first.
pub async fn entries(db: &PgPool, scope: &Scope, after: Option<Cursor>, most: u16) -> Result<Vec<Row>> {
    let found = sqlx::query_as!(
        Found,
        r#"select c.id, c.reference, c.status, null::uuid as "agency?", null::text as "work?", null::text as "officer?",
                  c.deadline as "deadline?: At", c.opened_at as "opened_at: At",
                  c.category, c.area, c.place, left(c.text, 200) as "words!", c.visibility, c.adapter, c.account,
                  c.danger as "danger!",
                  exists (select 1 from attachment a join message m on m.id = a.message
                          where m.complaint = c.id and a.kind = 'image') as "has_photo!",
                  c.opened_at as "sort_at!: At", c.id as "sort_id!"
           from complaint c
           where ($1::uuid is null or exists (select 1 from dispatch d where d.complaint = c.id and d.agency = $1))
             and ($2::text is null or c.account = $2)
             and ($3::timestamptz is null or (c.opened_at, c.id) < ($3, $4))
           order by c.opened_at desc, c.id desc
           limit $5"#,
        scope.agency(),
        scope.office(),
        after.map(|cursor| at(cursor.at)) as Option<At>,
        after.map(|cursor| cursor.id),
        i64::from(most),
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
           and ($2::uuid is null or exists (select 1 from dispatch d where d.complaint = c.id and d.agency = $2))
           and ($3::text is null or c.account = $3)",
        reference.to_string(),
        scope.agency(),
        scope.office(),
    )
    .fetch_optional(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(id.map(ComplaintId))
}

struct Found {
    id: Uuid,
    reference: String,
    status: String,
    agency: Option<Uuid>,
    work: Option<String>,
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
    has_photo: bool,
    sort_at: At,
    sort_id: Uuid,
}

fn into_row(found: Found) -> Result<Row> {
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
        adapter: found.adapter.parse().map_err(|_| corrupt("adapter"))?,
        account: found.account,
        cursor: Cursor { calm: !found.danger, at: found.sort_at.to_jiff(), id: found.sort_id },
    })
}
