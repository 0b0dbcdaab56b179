//! What is known of senders, of words that several send, and of full channels, for who decides what is held; and the limits that say when.

use std::collections::HashMap;

use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use model::{AdapterName, CitizenId, ComplaintId, Guard, StaffId, Timestamp};
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx,
    convert::{At, at},
};

/// Of what is held so many of the oldest are looked at: a flood of it is counted in no time.
const OLDEST: i64 = 1_000;
/// Of a sender's complaints so many of the newest are looked at.
const NEWEST: i64 = 200;
/// More senders of the same words say no more.
const MOST_SENDERS: i64 = 50;

/// Limits, and the day from which they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dated {
    /// From this day on.
    pub from: Date,
    /// What holds then.
    pub guard: Guard,
}

/// All limits that were written down, the latest first.
pub async fn limits(db: &PgPool) -> Result<Vec<Dated>> {
    let rows = sqlx::query!(
        r#"select valid_from as "valid_from: jiff_sqlx::Date", opens, answers, points, rush, days
        from guard_limit
        order by valid_from desc"#
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let whole = |number: i16| u16::try_from(number).unwrap_or(0);
    let dated = rows.into_iter().map(|row| Dated {
        from: row.valid_from.to_jiff(),
        guard: Guard {
            opens: whole(row.opens),
            answers: whole(row.answers),
            points: whole(row.points),
            rush: u32::try_from(row.rush).unwrap_or(u32::MAX),
            days: whole(row.days),
        },
    });
    Ok(dated.collect())
}

/// What holds on a day, of limits with the latest first.
pub fn in_force(limits: &[Dated], day: Date) -> Guard {
    limits.iter().find(|dated| dated.from <= day).map(|dated| dated.guard).unwrap_or_default()
}

/// Adds limits from a day on. `false`: some begin on that day already.
pub async fn add(tx: &mut Tx, dated: &Dated, by: Option<StaffId>, now: Timestamp) -> Result<bool> {
    let small = |number: u16| i16::try_from(number).unwrap_or(i16::MAX);
    let Guard { opens, answers, points, rush, days } = dated.guard;
    let done = sqlx::query!(
        "insert into guard_limit (valid_from, opens, answers, points, rush, days, noted_at, staff)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict (valid_from) do nothing",
        dated.from.to_sqlx() as jiff_sqlx::Date,
        small(opens),
        small(answers),
        small(points),
        i32::try_from(rush).unwrap_or(i32::MAX),
        small(days),
        at(now) as At,
        by.map(|staff| staff.0)
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(done.rows_affected() == 1)
}

/// What one sender did lately.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Habits {
    /// When they opened complaints, of the time that was asked for.
    pub opened: Vec<Timestamp>,
    /// The newest of these that gathers what they send beyond the limit.
    pub basket: Option<ComplaintId>,
    /// The newest of these that speaks of danger and is open.
    pub alarm: Option<ComplaintId>,
    /// Automatic answers since the time that was asked for.
    pub answers: u32,
    /// How many of their complaints staff found to be none.
    pub spam: u32,
    /// How many were settled.
    pub settled: u32,
}

/// What each of these senders did: complaints opened after `opened_since`, automatic answers made after `answered_since`.
pub async fn habits(
    tx: &mut Tx,
    citizens: &[CitizenId],
    opened_since: Timestamp,
    answered_since: Timestamp,
) -> Result<HashMap<CitizenId, Habits>> {
    let ids: Vec<Uuid> = citizens.iter().map(|citizen| citizen.0).collect();
    let rows = sqlx::query!(
        r#"select asked.citizen as "citizen!", coalesce(c.opened, '{}') as "opened!: Vec<At>", c.basket, c.alarm, c.spam as "spam!",
          c.settled as "settled!", r.answers as "answers!"
        from unnest($1::uuid[]) as asked (citizen)
        cross join lateral (
          select array_agg(opened_at) filter (where opened_at > $2) as opened,
            (array_agg(id order by opened_at desc) filter (where held and why -> 'held' -> 'flood' = 'true' and opened_at > $2))[1] as basket,
            (array_agg(id order by opened_at desc) filter (where danger and status <> 'resolved' and opened_at > $2))[1] as alarm,
            count(*) filter (where why -> 'held' ->> 'verdict' = 'spam') as spam,
            count(*) filter (where status = 'resolved' and why -> 'held' ->> 'verdict' is distinct from 'spam') as settled,
            array_agg(id) as ids
          from (
            select id, opened_at, status, held, danger, why
            from complaint
            where complaint.citizen = asked.citizen
            order by opened_at desc
            limit $4
          ) as own
        ) as c
        cross join lateral (
          select count(*) as answers
          from reply
          where reply.complaint = any(c.ids)
            and reply.created_at > $3
            and reply.kind in ('received', 'forwarded', 'routed', 'noted')
            and reply.state <> 'withheld'
        ) as r"#,
        &ids,
        at(opened_since) as At,
        at(answered_since) as At,
        NEWEST
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let whole = |count: i64| u32::try_from(count).unwrap_or(0);
    let habits = rows.into_iter().map(|row| {
        let habits = Habits {
            opened: row.opened.into_iter().map(At::to_jiff).collect(),
            basket: row.basket.map(ComplaintId),
            alarm: row.alarm.map(ComplaintId),
            answers: whole(row.answers),
            spam: whole(row.spam),
            settled: whole(row.settled),
        };
        (CitizenId(row.citizen), habits)
    });
    Ok(habits.collect())
}

/// Who sent these words since then: `(words, citizen)`, some dozens of each at most.
pub async fn senders_of(tx: &mut Tx, words: &[i64], since: Timestamp) -> Result<Vec<(i64, CitizenId)>> {
    let rows = sqlx::query!(
        r#"select asked.words as "words!", s.citizen
        from unnest($1::bigint[]) as asked (words)
        cross join lateral (
          select citizen
          from same_words
          where same_words.words = asked.words
            and same_words.at > $2
          limit $3
        ) as s"#,
        words,
        at(since) as At,
        MOST_SENDERS
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(rows.into_iter().map(|row| (row.words, CitizenId(row.citizen))).collect())
}

/// Notes who sent which words. The senders are locked, so nobody writes the same row meanwhile.
pub async fn note_words(tx: &mut Tx, sent: &[(i64, CitizenId)], now: Timestamp) -> Result<()> {
    if sent.is_empty() {
        return Ok(());
    }
    let (words, citizens): (Vec<i64>, Vec<Uuid>) = sent.iter().map(|(words, citizen)| (*words, citizen.0)).unzip();
    sqlx::query!(
        "insert into same_words (words, citizen, at)
        select distinct words, citizen, $3::timestamptz
        from unnest($1::bigint[], $2::uuid[]) as new (words, citizen)
        on conflict (words, citizen) do update
        set at = excluded.at",
        &words,
        &citizens,
        at(now) as At
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Forgets words that were sent before that time, at most so many; how many.
pub async fn forget_words(db: &PgPool, before: Timestamp, most: i64) -> Result<u64> {
    let done = sqlx::query!(
        "delete from same_words
        where (words, citizen) in (
          select words, citizen
          from same_words
          where at < $1
          limit $2
        )",
        at(before) as At,
        most
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(done.rows_affected())
}

/// Which of these channels brought more messages since then than that.
pub async fn rushed(tx: &mut Tx, channels: &[(&AdapterName, &str)], since: Timestamp, most: u32) -> Result<Vec<(AdapterName, String)>> {
    let names: Vec<String> = channels.iter().map(|(adapter, account)| format!("{adapter} {account}")).collect();
    let full = sqlx::query_scalar!(
        r#"select asked.channel as "channel!"
        from unnest($1::text[]) as asked (channel)
        where exists (
          select
          from message
          where message.adapter || ' ' || message.account = asked.channel
            and message.received_at > $2
          order by message.received_at
          offset $3
          limit 1
        )"#,
        &names,
        at(since) as At,
        i64::from(most)
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let rushed = channels.iter().zip(names).filter(|(_, name)| full.contains(name));
    Ok(rushed.map(|((adapter, account), _)| ((*adapter).clone(), (*account).to_owned())).collect())
}

/// What is held and should have been looked at: how many of the oldest thousand, and until when the first should have been. `None`: none.
pub async fn late(db: &PgPool, now: Timestamp) -> Result<Option<(u64, Timestamp)>> {
    let row = sqlx::query!(
        r#"select count(*) as "late!", min(oldest.due) as "due: At"
        from (
          select (c.why #>> '{held,due}')::timestamptz as due
          from queue_open q join complaint c on c.id = q.complaint
          where q.held
          order by q.opened_at, q.id
          limit $2
        ) oldest
        where oldest.due < $1"#,
        at(now) as At,
        OLDEST
    )
    .fetch_one(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(row.due.map(|due| (u64::try_from(row.late).unwrap_or(0), due.to_jiff())))
}
