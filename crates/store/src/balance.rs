//! What the balance of a day asks of the database, and what is kept of it. `watch::balance` puts it together.
//!
//! Everything here reads one day by keys that grow with time (`UUIDv7`), or one row by its key: how much is stored does not matter.

use std::time::Duration;

use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use model::{AdapterName, MessageKey, ReplyId, Timestamp, TraceId};
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx,
    convert::{At, at, first_key, known},
};

/// Under which trace each of these messages is recorded, in their order; `None`: it is not.
pub async fn recorded(db: &PgPool, keys: &[MessageKey]) -> Result<Vec<Option<TraceId>>> {
    let adapters: Vec<String> = keys.iter().map(|key| key.adapter.as_str().to_owned()).collect();
    let accounts: Vec<String> = keys.iter().map(|key| key.account.clone()).collect();
    let ids: Vec<String> = keys.iter().map(|key| key.id.clone()).collect();
    let rows = sqlx::query!(
        // One look into the index of the unique key for each.
        r#"select asked.place as "place!", m.trace as "trace!"
        from unnest($1::text[], $2::text[], $3::text[]) with ordinality as asked (adapter, account, platform_id, place)
        cross join lateral (
          select message.trace
          from message
          where message.adapter = asked.adapter
            and message.account = asked.account
            and message.platform_id in (asked.platform_id, forgotten_id(asked.platform_id))
          limit 1
        ) m"#,
        &adapters,
        &accounts,
        &ids
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let mut found = vec![None; keys.len()];
    for row in rows {
        let place = usize::try_from(row.place - 1).ok().and_then(|place| found.get_mut(place));
        *known(place, "message", "trace")? = Some(known(row.trace.parse().ok(), "message", "trace")?);
    }
    Ok(found)
}

/// How many replies of a channel are where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replies {
    /// The adapter that delivers them.
    pub adapter: AdapterName,
    /// Our account.
    pub account: String,
    /// A word of `watch::balance::State`; `handed`: given to the bus, and nothing heard since; `unseen`: refused, and nobody looked at it yet.
    pub state: String,
    /// How many.
    pub count: u64,
}

/// Replies that were decided from `from` on and before `to`.
pub async fn replies(db: &PgPool, from: Timestamp, to: Timestamp) -> Result<Vec<Replies>> {
    let rows = sqlx::query!(
        r#"select adapter as "adapter!", account as "account!", state as "state!", count(*) as "count!"
        from (
          select reply.adapter, reply.account,
            case
              when reply.state = 'withheld' then 'withheld'
              when reply.receipt in ('sent', 'delivered', 'read') then 'done'
              when reply.receipt = 'unknown' then 'unknown'
              when reply.receipt = 'failed' then case
                when exists (select from reply again where again.complaint = reply.complaint and again.again_of = reply.id) then 'went_on'
                when next.reply is not null then 'went_on'
                when next.way = 'silence' then 'withheld'
                when next.way is not null then 'task'
                when reply.climbed_at is not null then 'refused'
                else 'unseen'
              end
              when reply.state = 'due' then 'under_way'
              else 'handed'
            end as state
          from reply
          left join reply_rung as own on own.reply = reply.id and reply.receipt = 'failed'
          left join lateral (
            select rung.reply, rung.way
            from reply_rung as rung
            where reply.receipt = 'failed'
              and rung.first = coalesce(own.first, reply.id)
              and rung.number > coalesce(own.number, 0)
            order by rung.number
            limit 1
          ) as next on true
          where reply.id >= $1
            and reply.id < $2
        ) as each
        group by adapter, account, state"#,
        first_key(from),
        first_key(to)
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            Ok(Replies {
                adapter: known(row.adapter.parse().ok(), "reply", "adapter")?,
                account: row.account,
                state: row.state,
                count: row.count.unsigned_abs(),
            })
        })
        .collect()
}

/// A reply of which nothing was heard since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silent {
    /// Which.
    pub id: ReplyId,
    /// The adapter that delivers it.
    pub adapter: AdapterName,
    /// Our account.
    pub account: String,
    /// `handed` or `unseen`, as in [`Replies`].
    pub state: String,
    /// Since when: given to the bus, or refused.
    pub since: Timestamp,
    /// Follows it through every log.
    pub trace: TraceId,
}

/// Those replies of the time that are `handed` or `unseen`, at most so many.
pub async fn silent(db: &PgPool, from: Timestamp, to: Timestamp, most: u16) -> Result<Vec<Silent>> {
    let rows = sqlx::query!(
        r#"select id, adapter, account, case when receipt is null then 'handed' else 'unseen' end as "state!",
          coalesce(receipt_at, published_at, created_at) as "since!: At", trace
        from reply
        where id >= $1
          and id < $2
          and (
            (state = 'published' and receipt is null)
            or (receipt = 'failed' and climbed_at is null
              and not exists (select from reply again where again.complaint = reply.complaint and again.again_of = reply.id))
          )
        order by id
        limit $3"#,
        first_key(from),
        first_key(to),
        i64::from(most)
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            Ok(Silent {
                id: ReplyId(row.id),
                adapter: known(row.adapter.parse().ok(), "reply", "adapter")?,
                account: row.account,
                state: row.state,
                since: row.since.to_jiff(),
                trace: known(row.trace.parse().ok(), "reply", "trace")?,
            })
        })
        .collect()
}

/// A complaint that can be answered and has no acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    /// Its key.
    pub complaint: Uuid,
    /// By which adapter it came.
    pub adapter: AdapterName,
    /// To which account.
    pub account: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Follows it through every log.
    pub trace: TraceId,
}

/// Complaints of the time that could be answered when they came in and have no acknowledgement, at most so many. Left out are those of which a way
/// to answer may have become known later, because their citizen did something since, and those that are answered in no public place.
pub async fn unanswered(db: &PgPool, from: Timestamp, to: Timestamp, most: u16) -> Result<Vec<Unanswered>> {
    let rows = sqlx::query!(
        r#"select id, adapter, account, opened_at as "opened_at: At", trace
        from complaint
        where opened_at >= $1
          and opened_at < $2
          and reply_to is not null
          and visibility not in ('confidential', 'sealed')
          and not exists (select from reply where reply.complaint = complaint.id and reply.kind in ('received', 'forwarded'))
          and not exists (select from update where update.complaint = complaint.id and update.actor = 'citizen' and update.kind <> 'opened')
        order by opened_at, id
        limit $3"#,
        at(from) as At,
        at(to) as At,
        i64::from(most)
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            Ok(Unanswered {
                complaint: row.id,
                adapter: known(row.adapter.parse().ok(), "complaint", "adapter")?,
                account: row.account,
                opened_at: row.opened_at.to_jiff(),
                trace: known(row.trace.parse().ok(), "complaint", "trace")?,
            })
        })
        .collect()
}

/// What is kept of a door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    /// Its name.
    pub door: String,
    /// The last number that was given on a day.
    pub last: u64,
    /// Numbers that were found to be read or known, as PostgreSQL writes an `int8multirange`.
    pub proven: String,
}

/// What earlier looks knew of a door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its name.
    pub door: String,
    /// The last number before the day; 0: none is known.
    pub last: u64,
    /// The last number of the day, as far as an earlier look knew; 0: none is known.
    pub this_day: u64,
    /// Numbers of the day that were found to be read or known, as PostgreSQL writes an `int8multirange`.
    pub proven: String,
}

/// What is known of each door of an adapter.
pub async fn doors(db: &PgPool, adapter: &AdapterName, day: Date) -> Result<Vec<Known>> {
    let rows = sqlx::query!(
        r#"select door, coalesce(max(last) filter (where day < $2), 0) as "last!",
          coalesce(max(last) filter (where day = $2), 0) as "this_day!",
          coalesce(max(proven::text) filter (where day = $2), '{}') as "proven!"
        from balance_door
        where adapter = $1
        group by door"#,
        adapter.as_str(),
        day.to_sqlx() as jiff_sqlx::Date
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(rows
        .into_iter()
        .map(|row| Known { door: row.door, last: row.last.unsigned_abs(), this_day: row.this_day.unsigned_abs(), proven: row.proven })
        .collect())
}

/// Which of these names a person dropped.
pub async fn dropped(db: &PgPool, names: &[String]) -> Result<Vec<String>> {
    sqlx::query_scalar!("select name from parked_dropped where name = any($1)", names).fetch_all(db).await.map_err(StoreError::from_sqlx)
}

/// Remembers that a person dropped what was parked under this name. Nothing where it has none.
pub async fn drop_parked(tx: &mut Tx, name: &str, adapter: &AdapterName, now: Timestamp) -> Result<()> {
    if name.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into parked_dropped (name, adapter, dropped_at) values ($1, $2, $3) on conflict (name) do nothing",
        name,
        adapter.as_str(),
        at(now) as At
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// One term of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// `door`, `message` or `reply`.
    pub part: String,
    /// Our account; empty: of the door.
    pub account: String,
    /// A word of `watch::balance::State`.
    pub state: String,
    /// How many.
    pub count: u64,
}

/// One thing that is nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Our account, where it is known.
    pub account: Option<String>,
    /// `number`, `raw`, `message`, `reply` or `acknowledgement`.
    pub kind: String,
    /// Its name, the same on every look.
    pub name: String,
    /// Where it was last seen.
    pub seen: String,
    /// Follows it through every log.
    pub trace: Option<TraceId>,
}

/// A day of one adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// Which day, in the site's zone.
    pub day: Date,
    /// Which adapter.
    pub adapter: AdapterName,
    /// When it was looked at.
    pub looked_at: Timestamp,
    /// How long the look took.
    pub took: Duration,
    /// Its terms.
    pub sums: Vec<Sum>,
    /// What is nowhere.
    pub missing: Vec<Missing>,
}

/// Makes this process the one that looks, until then; `false`: another one does.
pub async fn take_turn(db: &PgPool, now: Timestamp, until: Timestamp) -> Result<bool> {
    let taken = sqlx::query_scalar!(
        r#"insert into balance_turn (until) values ($2)
        on conflict (one) do update set until = excluded.until where balance_turn.until <= $1
        returning true as "taken!""#,
        at(now) as At,
        at(until) as At
    )
    .fetch_optional(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(taken.is_some())
}

/// Gives the turn back.
pub async fn end_turn(db: &PgPool) -> Result<()> {
    sqlx::query!("delete from balance_turn").execute(db).await.map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Keeps a day: its terms instead of those of the look before, what is missing beside what was, and what is there again marked as found.
/// `whole`: RAW still holds all of the day. If not, what was counted and missed of doors and messages stays as it was: what is not there any
/// more is no proof of anything.
pub async fn keep(tx: &mut Tx, day: &Day, doors: &[Door], whole: bool) -> Result<()> {
    let (date, adapter, looked_at) = (day.day.to_sqlx(), day.adapter.as_str(), at(day.looked_at));
    sqlx::query!(
        "insert into balance (day, adapter, looked_at, took) values ($1, $2, $3, $4)
        on conflict (day, adapter) do update set looked_at = excluded.looked_at, took = excluded.took",
        date as jiff_sqlx::Date,
        adapter,
        looked_at as At,
        i64::try_from(day.took.as_millis()).unwrap_or(i64::MAX)
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    keep_sums(tx, day, whole).await?;
    keep_missing(tx, day, whole).await?;
    for door in doors {
        sqlx::query!(
            "insert into balance_door (door, day, adapter, last, proven) values ($1, $2, $3, $4, $5::text::int8multirange)
            on conflict (door, day) do update
            set last = greatest(balance_door.last, excluded.last), proven = balance_door.proven + excluded.proven",
            door.door,
            date as jiff_sqlx::Date,
            adapter,
            i64::try_from(door.last).unwrap_or(i64::MAX),
            door.proven
        )
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    }
    Ok(())
}

async fn keep_sums(tx: &mut Tx, day: &Day, whole: bool) -> Result<()> {
    let date = day.day.to_sqlx();
    sqlx::query!(
        "delete from balance_sum where day = $1 and adapter = $2 and ($3 or part = 'reply')",
        date as jiff_sqlx::Date,
        day.adapter.as_str(),
        whole
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let parts: Vec<String> = day.sums.iter().map(|sum| sum.part.clone()).collect();
    let accounts: Vec<String> = day.sums.iter().map(|sum| sum.account.clone()).collect();
    let states: Vec<String> = day.sums.iter().map(|sum| sum.state.clone()).collect();
    let counts: Vec<i64> = day.sums.iter().map(|sum| i64::try_from(sum.count).unwrap_or(i64::MAX)).collect();
    sqlx::query!(
        "insert into balance_sum (day, adapter, part, account, state, count)
        select $1, $2, part, account, state, count
        from unnest($3::text[], $4::text[], $5::text[], $6::bigint[]) as new (part, account, state, count)
        where count > 0
          and (part = 'reply' or not exists (select from balance_sum where day = $1 and adapter = $2 and part <> 'reply'))",
        date as jiff_sqlx::Date,
        day.adapter.as_str(),
        &parts,
        &accounts,
        &states,
        &counts
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

async fn keep_missing(tx: &mut Tx, day: &Day, whole: bool) -> Result<()> {
    let (date, looked_at) = (day.day.to_sqlx(), at(day.looked_at));
    let accounts: Vec<Option<String>> = day.missing.iter().map(|missing| missing.account.clone()).collect();
    let kinds: Vec<String> = day.missing.iter().map(|missing| missing.kind.clone()).collect();
    let names: Vec<String> = day.missing.iter().map(|missing| missing.name.clone()).collect();
    let seen: Vec<String> = day.missing.iter().map(|missing| missing.seen.clone()).collect();
    let traces: Vec<Option<String>> = day.missing.iter().map(|missing| missing.trace.map(|trace| trace.to_string())).collect();
    sqlx::query!(
        "with now_missing as (
          select distinct on (kind, name) *
          from unnest($4::text[], $5::text[], $6::text[], $7::text[], $8::text[]) as new (account, kind, name, seen, trace)
        ), found as (
          update balance_missing
          set found_at = $3
          where day = $1
            and adapter = $2
            and found_at is null
            and (kind, name) not in (select kind, name from now_missing)
            and ($9 or kind in ('reply', 'acknowledgement'))
        )
        insert into balance_missing (day, adapter, account, kind, name, seen, trace, noticed_at)
        select $1, $2, account, kind, name, seen, trace, $3
        from now_missing
        on conflict on constraint balance_missing_once do update
        set seen = excluded.seen, found_at = null",
        date as jiff_sqlx::Date,
        day.adapter.as_str(),
        looked_at as At,
        &accounts as &[Option<String>],
        &kinds,
        &names,
        &seen,
        &traces as &[Option<String>],
        whole
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Notes that a day was looked at, also of adapters that are not there any more: nobody waits for a newer look at them.
pub async fn looked_at(db: &PgPool, day: Date, now: Timestamp) -> Result<()> {
    sqlx::query!("update balance set looked_at = $2 where day = $1 and looked_at < $2", day.to_sqlx() as jiff_sqlx::Date, at(now) as At)
        .execute(db)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// When a day was looked at last, and whether anything of it was missing or on its way then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// Which day.
    pub day: Date,
    /// When, the earliest of its adapters.
    pub looked_at: Timestamp,
    /// Something was missing or on its way.
    pub unsettled: bool,
}

/// The looks at days from this one on.
pub async fn looked(db: &PgPool, since: Date) -> Result<Vec<Looked>> {
    let rows = sqlx::query!(
        r#"select day as "day: jiff_sqlx::Date", min(looked_at) as "looked_at!: At",
          exists (select from balance_sum where balance_sum.day = balance.day and state in ('missing', 'under_way')) as "unsettled!"
        from balance
        where day >= $1
        group by day
        order by day"#,
        since.to_sqlx() as jiff_sqlx::Date
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(rows
        .into_iter()
        .map(|row| Looked { day: row.day.to_jiff(), looked_at: row.looked_at.to_jiff(), unsettled: row.unsettled })
        .collect())
}

/// The latest days that were looked at, the newest first, each adapter of each with its terms and what is missing of it still.
pub async fn latest(db: &PgPool, days: u16) -> Result<Vec<Day>> {
    let rows = sqlx::query!(
        r#"select day as "day: jiff_sqlx::Date", adapter, looked_at as "looked_at: At", took
        from balance
        where day in (select distinct day from balance order by day desc limit $1)
        order by day desc, adapter"#,
        i64::from(days)
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let adapter: AdapterName = known(row.adapter.parse().ok(), "balance", "adapter")?;
        let day: Date = row.day.to_jiff();
        found.push(Day {
            day,
            looked_at: row.looked_at.to_jiff(),
            took: Duration::from_millis(row.took.unsigned_abs()),
            sums: sums(db, day, &adapter).await?,
            missing: missing(db, day, &adapter).await?,
            adapter,
        });
    }
    Ok(found)
}

async fn sums(db: &PgPool, day: Date, adapter: &AdapterName) -> Result<Vec<Sum>> {
    let rows = sqlx::query!(
        "select part, account, state, count from balance_sum where day = $1 and adapter = $2 order by part, account, state",
        day.to_sqlx() as jiff_sqlx::Date,
        adapter.as_str()
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(rows
        .into_iter()
        .map(|row| Sum { part: row.part, account: row.account, state: row.state, count: row.count.unsigned_abs() })
        .collect())
}

/// How many lost things of one day and adapter are listed.
const MOST_LISTED: i64 = 200;

async fn missing(db: &PgPool, day: Date, adapter: &AdapterName) -> Result<Vec<Missing>> {
    let rows = sqlx::query!(
        "select account, kind, name, seen, trace
        from balance_missing
        where day = $1
          and adapter = $2
          and found_at is null
        order by id
        limit $3",
        day.to_sqlx() as jiff_sqlx::Date,
        adapter.as_str(),
        MOST_LISTED
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let read = |trace: Option<String>| trace.and_then(|trace| trace.parse().ok());
    Ok(rows
        .into_iter()
        .map(|row| Missing { account: row.account, kind: row.kind, name: row.name, seen: row.seen, trace: read(row.trace) })
        .collect())
}

/// How many things of this day and later are missing by adapter, and the latest day of which some are.
pub async fn open(db: &PgPool, since: Date) -> Result<Vec<(AdapterName, u64, Date)>> {
    let rows = sqlx::query!(
        r#"select adapter, count(*) as "count!", max(day) as "day!: jiff_sqlx::Date"
        from balance_missing
        where found_at is null
          and day >= $1
        group by adapter
        order by adapter"#,
        since.to_sqlx() as jiff_sqlx::Date
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| Ok((known(row.adapter.parse().ok(), "balance_missing", "adapter")?, row.count.unsigned_abs(), row.day.to_jiff())))
        .collect()
}
