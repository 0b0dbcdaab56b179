//! Counts days by itself: in a cluster one process at a time.

use std::time::Duration;

use bus::{Bus, Stop};
use futures::future::BoxFuture;
use jiff::{SignedDuration, ToSpan};
use metrics::gauge;
use model::{Timestamp, clock::Zone};
use store::{PgPool, balance::Day};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tracing::{error, info, warn};

use super::{BalanceError, Looking, PATIENCE, balance, due};

/// How often it is asked whether a day is due.
const EVERY: Duration = Duration::from_mins(1);
/// A look reads a day of RAW: one that fails is not repeated at once.
const AFTER_A_FAILURE: Duration = Duration::from_mins(10);
/// Longer than a look takes; then another process may.
const TURN: SignedDuration = SignedDuration::from_mins(30);
/// Losses that stand in the log one by one; the rows have all.
const MOST_TOLD: usize = 20;

/// Looks at the days that are due, until `stop`.
pub fn keep_balance(db: PgPool, bus: Bus, zone: Zone, now: fn() -> Timestamp, stop: Stop) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            match stop.run_until_cancelled(round(&db, &bus, zone, now())).await {
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    warn!(error = &error as &dyn std::error::Error, "The balance could not be drawn; it is tried again.");
                    _ = stop.run_until_cancelled(sleep(AFTER_A_FAILURE)).await;
                }
                None => return,
            }
        }
    })
}

async fn round(db: &PgPool, bus: &Bus, zone: Zone, now: Timestamp) -> Result<(), BalanceError> {
    let today = now.to_zoned(zone.time_zone()).date();
    let looked = store::balance::looked(db, today.checked_sub(8.days())?).await?;
    let days = due(&looked, now, zone);
    if !days.is_empty() && store::balance::take_turn(db, now, now + TURN).await? {
        let done = look(db, bus, zone, now, &days).await;
        store::balance::end_turn(db).await?;
        done?;
    }
    measure(db, today.checked_sub(14.days())?).await
}

async fn look(db: &PgPool, bus: &Bus, zone: Zone, now: Timestamp, days: &[jiff::civil::Date]) -> Result<(), BalanceError> {
    let directory = store::directory::load(db).await?;
    for &day in days {
        let looking = Looking { day, zone, now, patience: PATIENCE };
        for adapter in balance(db, bus, &directory, looking).await? {
            tell(&adapter);
        }
    }
    Ok(())
}

/// What is missing is an error, each by its name.
fn tell(day: &Day) {
    let (date, adapter) = (day.day, &day.adapter);
    if day.missing.is_empty() {
        let taken: u64 = day.sums.iter().filter(|sum| sum.part == "door").map(|sum| sum.count).sum();
        info!(%adapter, taken, took.ms = day.took.as_millis(), "The balance of {date} sums.");
        return;
    }
    for missing in day.missing.iter().take(MOST_TOLD) {
        error!(%adapter, kind = missing.kind, name = missing.name, "The balance of {date} does not sum: {}.", missing.seen);
    }
    error!(%adapter, missing = day.missing.len(), "The balance of {date} does not sum: `muara balance --day {date}` names all that is missing.");
}

#[expect(clippy::cast_precision_loss, reason = "a gauge needs no last digit")]
async fn measure(db: &PgPool, since: jiff::civil::Date) -> Result<(), BalanceError> {
    let open = store::balance::open(db, since).await?;
    for day in store::balance::latest(db, 2).await? {
        let missing = open.iter().find(|(adapter, ..)| *adapter == day.adapter).map_or(0, |(_, count, _)| *count);
        gauge!("muara_balance_missing", "adapter" => day.adapter.to_string()).set(missing as f64);
        gauge!("muara_balance_looked_at_seconds", "adapter" => day.adapter.to_string()).set(day.looked_at.as_second() as f64);
    }
    Ok(())
}
