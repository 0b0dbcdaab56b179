//! Counting running clocks anew when days off or office hours changed.

use jiff_sqlx::ToSqlx;
use model::{Action, Actor, Complaint, ComplaintId, Decision, Directory, Timestamp, decide};

use crate::{PgPool, Result, StoreError, Tx, complaint, directory::Holiday};

/// A change of the calendar under which the running clocks were not counted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Says which calendar: another one has another mark.
    mark: String,
    /// Whether they were counted under it once already.
    again: bool,
}

/// So long after the first counting everything is counted once more. Longer than any program works with a directory it has read.
const ONCE_MORE: jiff::SignedDuration = jiff::SignedDuration::from_mins(2);
/// Any number, the same in every process.
const LOCK: i64 = 0x6d75_6172_6100_0140;

/// Whether days off, office hours or the time zone changed since the clocks were counted.
pub async fn change(db: &PgPool, now: Timestamp) -> Result<Option<Change>> {
    let row = sqlx::query!(
        r#"with calendar (mark) as (
          select md5(concat_ws('|',
            (select string_agg(day::text, ',' order by day) from holiday),
            (select string_agg(concat_ws(':', id, hours, on_holidays), ',' order by id) from agency where hours is not null or on_holidays),
            (select value::text from setting where name = 'zone')))
        )
        select calendar.mark as "mark!", clock_calendar.mark = calendar.mark as "same?", clock_calendar.counted_at as "counted_at?: crate::convert::At",
          clock_calendar.twice as "twice?"
        from calendar
        left join clock_calendar on true"#
    )
    .fetch_one(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let again = row.same == Some(true);
    let waits = row.counted_at.is_some_and(|counted| now < counted.to_jiff().checked_add(ONCE_MORE).unwrap_or(Timestamp::MAX));
    let done = again && (row.twice == Some(true) || waits);
    Ok((!done).then_some(Change { mark: row.mark, again }))
}

/// Makes this process the one that counts, until the transaction ends; `false`: another one does.
pub async fn lock(tx: &mut Tx) -> Result<bool> {
    crate::only_one(tx, LOCK).await
}

/// Writes down that everything was counted.
pub async fn counted(tx: &mut Tx, change: &Change, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "insert into clock_calendar (mark, counted_at, twice)
        values ($1, $2, $3)
        on conflict (only_row) do update
        set mark = excluded.mark, counted_at = excluded.counted_at, twice = excluded.twice",
        change.mark,
        now.to_sqlx() as jiff_sqlx::Timestamp,
        change.again
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Every complaint that has a clock which runs.
pub async fn running(db: &PgPool) -> Result<Vec<ComplaintId>> {
    let ids = sqlx::query_scalar!(
        r#"select complaint as "complaint!"
        from dispatch
        where work in ('open', 'in_progress', 'awaiting_citizen')
        union
        select id
        from complaint
        where status = 'received'
          and forward_due is not null
          and forwarded_at is null
        order by 1"#
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(ids.into_iter().map(ComplaintId).collect())
}

/// Those of some complaints whose clocks would move, counted by this directory.
pub async fn moves(db: &PgPool, ids: &[ComplaintId], directory: &Directory, now: Timestamp) -> Result<Vec<ComplaintId>> {
    let mut connection = db.acquire().await.map_err(StoreError::from_sqlx)?;
    let read = complaint::read(&mut connection, ids).await?;
    let moved = read.into_iter().filter_map(|complaint| reckoned(complaint, directory, now));
    Ok(moved.map(|decision| decision.complaint.id).collect())
}

/// The rules let the system do this with every complaint. `None`: nothing moves.
fn reckoned(complaint: Complaint, directory: &Directory, now: Timestamp) -> Option<Decision> {
    decide(complaint, Action::Reckon, Actor::System, directory, now).ok().filter(|decision| !decision.updates.is_empty())
}

/// Counts the clocks of some complaints anew; how many moved. Read first without a lock: most do not move.
pub async fn count(db: &PgPool, ids: &[ComplaintId], directory: &Directory, now: Timestamp) -> Result<u64> {
    let moved = moves(db, ids, directory, now).await?;
    if moved.is_empty() {
        return Ok(0);
    }
    let mut tx = db.begin().await.map_err(StoreError::from_sqlx)?;
    let locked = complaint::lock_many(&mut tx, &moved).await?;
    let decisions: Vec<Decision> = locked.into_iter().filter_map(|complaint| reckoned(complaint, directory, now)).collect();
    complaint::write_many(&mut tx, &decisions).await?;
    crate::commit(tx).await?;
    Ok(decisions.len() as u64)
}

/// Days off to add, or to name otherwise; what is there with the same name and source is left alone. How many were written.
pub async fn write_holidays(db: &PgPool, holidays: &[Holiday]) -> Result<u64> {
    let days: Vec<String> = holidays.iter().map(|holiday| holiday.day.to_string()).collect();
    let names: Vec<String> = holidays.iter().map(|holiday| holiday.name.clone()).collect();
    let sources: Vec<String> = holidays.iter().map(|holiday| holiday.source.clone()).collect();
    let written = sqlx::query!(
        "insert into holiday (day, name, source)
        select day::date, name, source
        from unnest($1::text[], $2::text[], $3::text[]) as new (day, name, source)
        on conflict (day) do update
        set name = excluded.name, source = excluded.source
        where (holiday.name, holiday.source) is distinct from (excluded.name, excluded.source)",
        &days,
        &names,
        &sources
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(written.rows_affected())
}

/// Every day off, in order.
pub async fn holidays(db: &PgPool) -> Result<Vec<Holiday>> {
    let rows = sqlx::query!(
        r#"select day as "day: jiff_sqlx::Date", name, source
        from holiday
        order by day"#
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(rows.into_iter().map(|row| Holiday { day: row.day.to_jiff(), name: row.name, source: row.source }).collect())
}
