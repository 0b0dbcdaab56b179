//! How long each list is, exactly: what is to be done by counting it, what is done by sums that are kept of it.

use jiff::{civil::Date, tz::TimeZone};
use jiff_sqlx::ToSqlx;
use model::{StaffId, Timestamp};
use sqlx::{FromRow, QueryBuilder};

use super::{ASKED, Filter, NEAR, NOT_WITH_REFEREE, Scope, Times, View, WITH_REFEREE, due_today, late, within};
use crate::{PgPool, Result, StoreError, Tx};

/// How many lines each list has, exactly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// [`View::Mine`].
    pub mine: u64,
    /// [`View::Open`].
    pub open: u64,
    /// [`View::Unassigned`].
    pub unassigned: u64,
    /// [`View::Today`].
    pub today: u64,
    /// [`View::Overdue`].
    pub overdue: u64,
    /// [`View::Escalated`].
    pub escalated: u64,
    /// [`View::Waiting`].
    pub waiting: u64,
    /// [`View::Triage`].
    pub triage: u64,
    /// [`View::Held`].
    pub held: u64,
    /// [`View::Referee`].
    pub referee: u64,
    /// [`View::Asked`].
    pub asked: u64,
    /// [`View::Near`].
    pub near: u64,
    /// [`View::Done`].
    pub done: u64,
}

impl Counts {
    /// The count of one list.
    pub fn of(&self, view: View) -> u64 {
        match view {
            View::Mine => self.mine,
            View::Open => self.open,
            View::Unassigned => self.unassigned,
            View::Today => self.today,
            View::Overdue => self.overdue,
            View::Escalated => self.escalated,
            View::Waiting => self.waiting,
            View::Triage => self.triage,
            View::Held => self.held,
            View::Referee => self.referee,
            View::Asked => self.asked,
            View::Near => self.near,
            View::Done => self.done,
        }
    }
}

#[derive(FromRow)]
struct OpenCounts {
    mine: i64,
    open: i64,
    unassigned: i64,
    today: i64,
    overdue: i64,
    escalated: i64,
    waiting: i64,
}

/// How many lines each list has for `me`. What is to be done is counted as it is; what is done, by the sums that are kept of it.
pub async fn counts(db: &PgPool, scope: &Scope, me: StaffId, filter: &Filter, times: Times) -> Result<Counts> {
    let open = open_counts(db, scope, me, filter, times);
    let (referee, asked) = (derived_count(db, View::Referee, scope, filter), derived_count(db, View::Asked, scope, filter));
    let near = derived_count(db, View::Near, scope, filter);
    let (triage, in_triage) = (triage_count(db, scope, filter), escalated_in_triage(db, scope, filter));
    let held = held_count(db, scope, filter);
    let done = done_count(db, scope, filter);
    let (open, in_triage, triage, held, referee, asked, near, done) =
        tokio::try_join!(open, in_triage, triage, held, referee, asked, near, done)?;
    let whole = |count: i64| u64::try_from(count).unwrap_or(0);
    Ok(Counts {
        mine: whole(open.mine),
        open: whole(open.open),
        unassigned: whole(open.unassigned),
        today: whole(open.today),
        overdue: whole(open.overdue),
        escalated: whole(open.escalated + in_triage),
        waiting: whole(open.waiting),
        triage: whole(triage),
        held: whole(held),
        referee: whole(referee),
        asked: whole(asked),
        near: whole(near),
        done: whole(done),
    })
}

async fn open_counts(db: &PgPool, scope: &Scope, me: StaffId, filter: &Filter, times: Times) -> Result<OpenCounts> {
    let mut query = QueryBuilder::new("select count(*) as open, count(*) filter (where q.officer is null) as unassigned, ");
    query.push("count(*) filter (where q.work = 'awaiting_citizen') as waiting, count(*) filter (where q.officer = ").push_bind(me.0);
    query.push(") as mine, count(*) filter (where q.escalated) as escalated, count(*) filter (where ");
    late(&mut query, times).push(") as overdue, count(*) filter (where ");
    due_today(&mut query, times).push(") as today from queue_open q where q.work <> 'triage'");
    within(&mut query, View::Open, scope, filter);
    query.build_query_as().persistent(false).fetch_one(db).await.map_err(StoreError::from_sqlx)
}

async fn triage_count(db: &PgPool, scope: &Scope, filter: &Filter) -> Result<i64> {
    let mut query = QueryBuilder::new("select count(*) from queue_open q where q.work = 'triage' and not q.held");
    query.push(NOT_WITH_REFEREE);
    within(&mut query, View::Triage, scope, filter);
    query.build_query_scalar().persistent(false).fetch_one(db).await.map_err(StoreError::from_sqlx)
}

async fn held_count(db: &PgPool, scope: &Scope, filter: &Filter) -> Result<i64> {
    let mut query = QueryBuilder::new("select count(*) from queue_open q where q.held");
    within(&mut query, View::Held, scope, filter);
    query.build_query_scalar().persistent(false).fetch_one(db).await.map_err(StoreError::from_sqlx)
}

/// Of the lists that stand in no table of their own.
async fn derived_count(db: &PgPool, view: View, scope: &Scope, filter: &Filter) -> Result<i64> {
    let mut query = QueryBuilder::new("select count(*) from ");
    query.push(match view {
        View::Asked => ASKED,
        View::Near => NEAR,
        _ => WITH_REFEREE,
    });
    within(&mut query, view, scope, filter);
    query.build_query_scalar().persistent(false).fetch_one(db).await.map_err(StoreError::from_sqlx)
}

/// Those of [`View::Escalated`] that no agency has: who works for one does not see them there.
async fn escalated_in_triage(db: &PgPool, scope: &Scope, filter: &Filter) -> Result<i64> {
    let mut query = QueryBuilder::new("select count(*) from queue_open q where q.escalated and q.work = 'triage'");
    within(&mut query, View::Escalated, scope, filter);
    query.build_query_scalar().persistent(false).fetch_one(db).await.map_err(StoreError::from_sqlx)
}

async fn done_count(db: &PgPool, scope: &Scope, filter: &Filter) -> Result<i64> {
    match (filter.opened_since, filter.opened_before) {
        (None, None) => done_sum(db, scope, filter).await,
        (Some(_), _) if !days_know(scope, filter) => done_rows(db, scope, filter).await,
        (since, before) => {
            // One moment for all, or something that is finished between them is counted once too often.
            let mut tx = crate::begin(db).await?;
            sqlx::query("set transaction isolation level repeatable read, read only")
                .execute(&mut *tx)
                .await
                .map_err(StoreError::from_sqlx)?;
            let all = match since {
                Some(since) => opened_since(&mut tx, scope, filter, since).await?,
                None => done_sum(&mut *tx, scope, filter).await?,
            };
            let younger = match before {
                Some(before) => opened_since(&mut tx, scope, filter, before).await?,
                None => 0,
            };
            Ok(all - younger)
        }
    }
}

/// Whether the sums of days know of everything that narrows, but for the hour.
fn days_know(scope: &Scope, filter: &Filter) -> bool {
    let known = Filter { agency: filter.agency, visibility: filter.visibility, ..Filter::default() };
    let hours = Filter { opened_since: None, opened_before: None, ..filter.clone() };
    scope.office().is_none() && hours == known
}

/// What is done and was opened from then on: by whole days where these know, the rest by the row. The kept sums do not know ages.
async fn opened_since(tx: &mut Tx, scope: &Scope, filter: &Filter, since: Timestamp) -> Result<i64> {
    let younger = Filter { opened_since: Some(since), opened_before: None, ..filter.clone() };
    let morrow = if days_know(scope, filter) { next_day(since) } else { None };
    let Some((day, begins)) = morrow else { return done_rows(&mut **tx, scope, &younger).await };
    let rest_of_the_day = Filter { opened_before: Some(begins), ..younger };
    Ok(day_sum(tx, scope, filter, day).await? + done_rows(&mut **tx, scope, &rest_of_the_day).await?)
}

/// The day after, by UTC, and when it begins; `None`: there is none.
fn next_day(moment: Timestamp) -> Option<(Date, Timestamp)> {
    let day = moment.to_zoned(TimeZone::UTC).date().tomorrow().ok()?;
    Some((day, day.to_zoned(TimeZone::UTC).ok()?.timestamp()))
}

/// What is done and was opened on that day or later.
async fn day_sum(tx: &mut Tx, scope: &Scope, filter: &Filter, day: Date) -> Result<i64> {
    let mut query = QueryBuilder::new("select coalesce(sum(q.n), 0)::bigint from queue_done_day q where q.day >= ");
    query.push_bind(day.to_sqlx());
    let whenever = Filter { opened_since: None, opened_before: None, ..filter.clone() };
    within(&mut query, View::Done, scope, &whenever);
    query.build_query_scalar().persistent(false).fetch_one(&mut **tx).await.map_err(StoreError::from_sqlx)
}

async fn done_sum<'e>(db: impl sqlx::PgExecutor<'e>, scope: &Scope, filter: &Filter) -> Result<i64> {
    let mut query = QueryBuilder::new("select coalesce(sum(q.n), 0)::bigint from queue_done_count q where true");
    let whenever = Filter { opened_since: None, opened_before: None, ..filter.clone() };
    within(&mut query, View::Done, scope, &whenever);
    query.build_query_scalar().persistent(false).fetch_one(db).await.map_err(StoreError::from_sqlx)
}

async fn done_rows<'e>(db: impl sqlx::PgExecutor<'e>, scope: &Scope, filter: &Filter) -> Result<i64> {
    let mut query = QueryBuilder::new("select count(*) from queue_done q where true");
    within(&mut query, View::Open, scope, filter);
    query.build_query_scalar().persistent(false).fetch_one(db).await.map_err(StoreError::from_sqlx)
}

/// How many pairs wait for somebody's word and are in their scope on both sides.
pub async fn suggestions(db: &PgPool, scope: &Scope) -> Result<u64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!"
        from suggestion s
        join complaint c on c.id = s.complaint
        join complaint o on o.id = s.other
        where s.state in ('open', 'later')
          and c.visibility in ('public', 'hidden')
          and o.visibility in ('public', 'hidden')
          and ($1::uuid is null or (exists (select from dispatch d where d.complaint = s.complaint and d.agency = $1)
            and exists (select from dispatch d where d.complaint = s.other and d.agency = $1)))
          and ($2::text is null or (c.account = $2 and o.account = $2))"#,
        scope.agency(),
        scope.office(),
    )
    .fetch_one(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Any number: the key of the lock under which the sums are summed up.
const FOLDING: i64 = 715_150;

/// Sums up what was added to the sums since the last time; whoever counts meanwhile sees the one or the other. `false`: somebody else is at it.
pub async fn fold(db: &PgPool) -> Result<bool> {
    let mut tx = crate::begin(db).await?;
    if !crate::only_one(&mut tx, FOLDING).await? {
        return Ok(false);
    }
    sqlx::query!(
        "with kinds as (
          select agency, category, area, channel, danger, visibility
          from queue_done_count
          group by agency, category, area, channel, danger, visibility
          having count(*) > 1
        ), gone as (
          delete from queue_done_count q
          using kinds k
          where q.agency = k.agency and q.category is not distinct from k.category and q.area is not distinct from k.area
            and q.channel = k.channel and q.danger = k.danger and q.visibility = k.visibility
          returning q.agency, q.category, q.area, q.channel, q.account, q.danger, q.visibility, q.n
        )
        insert into queue_done_count (agency, category, area, channel, account, danger, visibility, n)
        select agency, category, area, channel, account, danger, visibility, sum(n)
        from gone
        group by agency, category, area, channel, account, danger, visibility
        having sum(n) <> 0"
    )
    .execute(&mut *tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    sqlx::query!(
        "with kinds as (
          select agency, visibility, day
          from queue_done_day
          group by agency, visibility, day
          having count(*) > 1
        ), gone as (
          delete from queue_done_day q
          using kinds k
          where q.agency = k.agency and q.visibility = k.visibility and q.day = k.day
          returning q.agency, q.visibility, q.day, q.n
        )
        insert into queue_done_day (agency, visibility, day, n)
        select agency, visibility, day, sum(n)
        from gone
        group by agency, visibility, day
        having sum(n) <> 0"
    )
    .execute(&mut *tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    crate::commit(tx).await?;
    Ok(true)
}

/// How many rows of the lists, and sums of them, are not what complaints and dispatches say: none. Reads everything; for tests and for who doubts.
pub async fn disagreements(db: &PgPool) -> Result<u64> {
    let count = sqlx::query_scalar!(
        r#"with open as (
          select d.id, d.complaint, d.agency, d.officer, d.work, d.deadline, c.opened_at, c.category, c.area, c.adapter || ' ' || c.account as channel,
            c.account, c.danger, c.visibility,
            case when d.work = 'awaiting_citizen' then (d.pauses -> -1 ->> 'from')::timestamptz end as asked_at
          from dispatch d join complaint c on c.id = d.complaint
          where d.work in ('open', 'in_progress', 'awaiting_citizen')
          union all
          select id, id, null, null, 'triage', null, opened_at, category, area, adapter || ' ' || account, account, danger, visibility, null
          from complaint
          where status = 'received'
        ), kept_open as (
          select id, complaint, agency, officer, work, deadline, opened_at, category, area, channel, account, danger, visibility, asked_at
          from queue_open
        ), done as (
          select d.id, d.complaint, d.agency, d.given_at, c.opened_at, c.category, c.area, c.adapter || ' ' || c.account as channel, c.account,
            c.danger, c.visibility
          from dispatch d join complaint c on c.id = d.complaint
          where d.work in ('done', 'handed_over')
        ), sums as (
          select agency, category, area, channel, account, danger, visibility, count(*)::bigint as n from done group by 1, 2, 3, 4, 5, 6, 7
        ), kept_sums as (
          select agency, category, area, channel, account, danger, visibility, sum(n)::bigint as n
          from queue_done_count group by 1, 2, 3, 4, 5, 6, 7 having sum(n) <> 0
        ), days as (
          select agency, visibility, (opened_at at time zone 'UTC')::date as day, count(*)::bigint as n from done group by 1, 2, 3
        ), kept_days as (
          select agency, visibility, day, sum(n)::bigint as n from queue_done_day group by 1, 2, 3 having sum(n) <> 0
        )
        select (select count(*) from (table open except table kept_open) a) + (select count(*) from (table kept_open except table open) a)
          + (select count(*) from (table done except table queue_done) a) + (select count(*) from (table queue_done except table done) a)
          + (select count(*) from (table sums except table kept_sums) a) + (select count(*) from (table kept_sums except table sums) a)
          + (select count(*) from (table days except table kept_days) a) + (select count(*) from (table kept_days except table days) a)
          as "count!""#
    )
    .fetch_one(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(u64::try_from(count).unwrap_or(0))
}
