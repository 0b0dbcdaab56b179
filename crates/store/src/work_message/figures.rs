//! How many messages to people who work for the city or with it went out, day by day and channel by channel.

use jiff::{ToSpan, civil::Date};
use jiff_sqlx::ToSqlx;
use model::clock::Zone;
use uuid::Uuid;

use crate::{PgPool, Result, StoreError, convert::first_key};

/// One day of one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// The city's day.
    pub day: Date,
    /// Which program.
    pub adapter: String,
    /// Which account of ours.
    pub account: String,
    /// Whether they tell of clocks; else they bring links to tasks.
    pub escalations: bool,
    /// All that were to go out.
    pub all: u64,
    /// The platform took them, or more.
    pub sent: u64,
    /// They did not arrive, or were never sent.
    pub failed: u64,
    /// Nobody knows whether they arrived.
    pub unsure: u64,
}

/// The last days up to this one, the newest first; a day on which there were none is left out. What is neither sent, failed nor unsure is under way.
/// Messages that went with a complaint's words are counted no more.
pub async fn of_days(db: &PgPool, last: Date, days: u8, zone: Zone) -> Result<Vec<Day>> {
    let dates: Vec<Date> = (0..i64::from(days)).map(|back| last.saturating_sub(back.days())).collect();
    let begins = |day: Date| day.to_zoned(zone.time_zone()).map_or(Uuid::nil(), |midnight| first_key(midnight.timestamp()));
    let first: Vec<Uuid> = dates.iter().map(|day| begins(*day)).collect();
    let next: Vec<Uuid> = dates.iter().map(|day| begins(day.saturating_add(1.day()))).collect();
    let dates: Vec<jiff_sqlx::Date> = dates.into_iter().map(ToSqlx::to_sqlx).collect();
    let rows = sqlx::query!(
        r#"select given.day as "day!: jiff_sqlx::Date", adapter, account, escalation is not null as "escalations!", count(*) as "all!",
          count(*) filter (where receipt in ('sent', 'delivered', 'read')) as "sent!",
          count(*) filter (where receipt = 'failed' or state = 'refused') as "failed!",
          count(*) filter (where receipt = 'unknown') as "unsure!"
        from unnest($1::date[], $2::uuid[], $3::uuid[]) as given (day, first, next)
        join work_message on id >= given.first and id < given.next
        group by 1, 2, 3, 4
        order by 1 desc, 2, 3, 4"#,
        &dates as &[jiff_sqlx::Date],
        &first,
        &next
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let days = rows.into_iter().map(|row| Day {
        day: row.day.to_jiff(),
        adapter: row.adapter,
        account: row.account,
        escalations: row.escalations,
        all: row.all.unsigned_abs(),
        sent: row.sent.unsigned_abs(),
        failed: row.failed.unsigned_abs(),
        unsure: row.unsure.unsigned_abs(),
    });
    Ok(days.collect())
}
