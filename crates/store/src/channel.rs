//! How it goes with the official ways in: what came, what waits to go out, what did not arrive, and whether answers are held back.

use jiff::Timestamp;
use model::AdapterName;

use crate::{
    PgPool, Result, StoreError, Tx,
    convert::{At, at, known},
};

/// One hour in which messages came by a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hour {
    /// Which program …
    pub adapter: AdapterName,
    /// … and which account of ours.
    pub account: String,
    /// When the hour began, UTC.
    pub hour: Timestamp,
    /// How many came.
    pub messages: u64,
}

/// The hours since then in which messages came, of every channel that has a row: by channel, the oldest first.
pub async fn hours(db: &PgPool, since: Timestamp) -> Result<Vec<Hour>> {
    let rows = sqlx::query!(
        r#"select way.adapter, way.account, came.hour as "hour!: At", came.messages as "messages!"
        from (select distinct adapter, account from channel) way
        cross join lateral (
          select date_bin('1 hour', message.received_at, timestamptz '2000-01-01 00:00:00Z') as hour, count(*) as messages
          from message
          where message.adapter || ' ' || message.account = way.adapter || ' ' || way.account
            and message.received_at >= $1
          group by 1
        ) came
        order by way.adapter, way.account, came.hour"#,
        at(since) as At
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            Ok(Hour {
                adapter: known(row.adapter.parse().ok(), "channel", "adapter")?,
                account: row.account,
                hour: row.hour.to_jiff(),
                messages: whole(row.messages),
            })
        })
        .collect()
}

/// When each channel that has a row was written to last.
pub async fn last_messages(db: &PgPool) -> Result<Vec<(AdapterName, String, Timestamp)>> {
    let rows = sqlx::query!(
        r#"select way.adapter, way.account, newest.received_at as "received_at!: At"
        from (select distinct adapter, account from channel) way
        cross join lateral (
          select message.received_at
          from message
          where message.adapter || ' ' || message.account = way.adapter || ' ' || way.account
          order by message.received_at desc
          limit 1
        ) newest"#
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| Ok((known(row.adapter.parse().ok(), "channel", "adapter")?, row.account, row.received_at.to_jiff())))
        .collect()
}

/// Replies that wait to be handed to the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Which program …
    pub adapter: AdapterName,
    /// … and which account of ours.
    pub account: String,
    /// How many.
    pub replies: u64,
    /// When the oldest was decided.
    pub oldest: Timestamp,
}

/// What waits, by channel.
pub async fn due(db: &PgPool) -> Result<Vec<Due>> {
    let rows = sqlx::query!(
        r#"select adapter, account, count(*) as "replies!", min(created_at) as "oldest!: At"
        from reply
        where state = 'due'
        group by adapter, account"#
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            let adapter = known(row.adapter.parse().ok(), "reply", "adapter")?;
            Ok(Due { adapter, account: row.account, replies: whole(row.replies), oldest: row.oldest.to_jiff() })
        })
        .collect()
}

/// Replies that a platform refused for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Which program …
    pub adapter: AdapterName,
    /// … and which account of ours.
    pub account: String,
    /// The platform's code, without its words.
    pub code: String,
    /// How many of those decided since `since` …
    pub replies: u64,
    /// … and of those since `lately`.
    pub lately: u64,
}

/// What failed, by channel and code, the most frequent first.
pub async fn failed(db: &PgPool, since: Timestamp, lately: Timestamp) -> Result<Vec<Failed>> {
    let rows = sqlx::query!(
        r#"select adapter, account, split_part(coalesce(error, ''), ':', 1) as "code!", count(*) as "replies!",
          count(*) filter (where created_at >= $2) as "lately!"
        from reply
        where receipt = 'failed'
          and created_at >= $1
        group by 1, 2, 3
        order by 4 desc, 1, 2, 3"#,
        at(since) as At,
        at(lately) as At
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            let adapter = known(row.adapter.parse().ok(), "reply", "adapter")?;
            Ok(Failed { adapter, account: row.account, code: row.code, replies: whole(row.replies), lately: whole(row.lately) })
        })
        .collect()
}

/// A channel whose answers are held back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Which program …
    pub adapter: AdapterName,
    /// … and which account of ours.
    pub account: String,
    /// Since when.
    pub since: Timestamp,
    /// Why, in the words of who did it.
    pub reason: String,
}

/// Every channel whose answers are held back.
pub async fn pauses(db: &PgPool) -> Result<Vec<Pause>> {
    let rows = sqlx::query!(
        r#"select adapter, account, since as "since: At", reason
        from channel_pause
        order by adapter, account"#
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            let adapter = known(row.adapter.parse().ok(), "channel_pause", "adapter")?;
            Ok(Pause { adapter, account: row.account, since: row.since.to_jiff(), reason: row.reason })
        })
        .collect()
}

/// Holds the answers of a channel back from now on; `false`: they were already.
pub async fn pause(tx: &mut Tx, pause: &Pause) -> Result<bool> {
    let written = sqlx::query!(
        "insert into channel_pause (adapter, account, since, reason)
        values ($1, $2, $3, $4)
        on conflict (adapter, account) do nothing",
        pause.adapter.as_str(),
        pause.account,
        at(pause.since) as At,
        pause.reason
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(written.rows_affected() == 1)
}

/// Lets them go again, those that waited first; `false`: they were not held back.
pub async fn resume(tx: &mut Tx, adapter: &AdapterName, account: &str) -> Result<bool> {
    let written = sqlx::query!(
        "delete from channel_pause
        where adapter = $1
          and account = $2",
        adapter.as_str(),
        account
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    sqlx::query!("select pg_notify('work', 'reply')").execute(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    Ok(written.rows_affected() == 1)
}

/// What waits in the work lists, for whoever watches over the whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Work {
    /// Complaints that no agency ever had.
    pub unrouted: u64,
    /// When the oldest of them was opened.
    pub oldest_unrouted: Option<Timestamp>,
    /// Complaints that an agency must still act on: one for each agency.
    pub open: u64,
    /// Those past their deadline.
    pub overdue: u64,
    /// Agencies that must still be told.
    pub untold: u64,
    /// Agencies that could not be told: a person must look.
    pub refused: u64,
    /// Attachments that are not checked and kept yet.
    pub attachments: u64,
}

/// As of now.
pub async fn work(db: &PgPool, now: Timestamp) -> Result<Work> {
    let row = sqlx::query!(
        r#"select
          (select count(*) from queue_open where work = 'triage') as "unrouted!",
          (select min(opened_at) from queue_open where work = 'triage') as "oldest_unrouted: At",
          (select count(*) from queue_open where work <> 'triage') as "open!",
          (select count(*) from queue_open where work <> 'triage' and deadline < $1) as "overdue!",
          (select count(*) from dispatch where state = 'due') as "untold!",
          (select count(*) from dispatch where state = 'refused') as "refused!",
          (select count(*) from attachment where state = 'due') as "attachments!""#,
        at(now) as At
    )
    .fetch_one(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(Work {
        unrouted: whole(row.unrouted),
        oldest_unrouted: row.oldest_unrouted.map(At::to_jiff),
        open: whole(row.open),
        overdue: whole(row.overdue),
        untold: whole(row.untold),
        refused: whole(row.refused),
        attachments: whole(row.attachments),
    })
}

fn whole(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
