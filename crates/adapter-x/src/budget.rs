//! What X costs, and how much of it there may be in a month.
//!
//! Pay-per-use is prepaid by credits. Counted here is an upper bound: X bills a resource that is read twice on one day once. The first part
//! of the month's money is for reading and the rest is kept for answers: whoever was heard is told so. Near the end of the first part we
//! look less often; at its end we stop looking, and say so.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use adapter_sdk::{Folder, Timestamp};
use jiff::{civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use tracing::{error, warn};

const FILE: &str = "spent.json";
/// How long whoever finds the money gone waits before they ask again: the administrator may have given more.
const ASK_AGAIN: Duration = Duration::from_hours(1);
/// Millionths of a dollar in a dollar.
const MICRO: f64 = 1_000_000.0;

/// Dollars for one of each. `config.default.toml` says where the numbers come from.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// A post that was found by mention.
    pub mention: f64,
    /// Any other post that was read.
    pub post: f64,
    /// A user that came with a post.
    pub user: f64,
    /// A direct message that was read.
    pub direct: f64,
    /// An answer below a post.
    pub answer: f64,
    /// A post of ours with a link in it.
    pub answer_with_link: f64,
    /// A direct message that was sent.
    pub direct_sent: f64,
}

/// The `[adapter.budget]` table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetConfig {
    /// Dollars a calendar month (UTC); 0: no limit of ours.
    pub monthly: f64,
    /// The part of it that is kept for answers, 0 to 1.
    pub for_answers: f64,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    Reading,
    Answers,
}

/// Counts.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Millionths of a dollar; `None`: no limit.
    monthly: Option<u64>,
    for_reading: u64,
    folder: Folder,
    spent: Mutex<Option<Spent>>,
    /// One writer at a time, so that the file never goes back.
    writing: tokio::sync::Mutex<()>,
}

/// The file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Spent {
    /// The first day of the month.
    month: Date,
    micro: u64,
    /// Whether the end of the money was told already.
    #[serde(default)]
    told: bool,
}

impl Budget {
    pub(crate) fn new(config: &BudgetConfig, folder: Folder) -> Self {
        let monthly = micro(config.monthly);
        let for_reading = micro(config.monthly * (1.0 - config.for_answers));
        let monthly = (monthly > 0).then_some(monthly);
        Self { monthly, for_reading, folder, spent: Mutex::default(), writing: tokio::sync::Mutex::default() }
    }

    /// Whether there is money for this now; `Err`: how long to wait before asking again.
    pub(crate) async fn allow(&self, what: For, now: Timestamp) -> Result<(), Duration> {
        self.load(now).await;
        let Some(monthly) = self.monthly else { return Ok(()) };
        let most = if what == For::Reading { self.for_reading } else { monthly };
        let first_time = {
            let mut spent = self.spent();
            let Some(spent) = spent.as_mut() else { return Ok(()) };
            spent.renew(now);
            if spent.micro < most {
                return Ok(());
            }
            !std::mem::replace(&mut spent.told, true)
        };
        if first_time {
            error!(spent = %self.dollars(), limit = %dollars(monthly), "The month's money for X is spent: no new posts are read until the month ends or `adapter.budget.monthly` is raised.");
        }
        Err(ASK_AGAIN)
    }

    /// Notes what was spent, in dollars. A file that cannot be written is told, and the count goes on in memory.
    pub(crate) async fn spend(&self, dollars: f64, now: Timestamp) {
        self.load(now).await;
        {
            let mut spent = self.spent();
            let spent = spent.get_or_insert_with(|| Spent::nothing(now));
            spent.renew(now);
            spent.micro = spent.micro.saturating_add(micro(dollars));
        }
        let _in_turn = self.writing.lock().await;
        let current = *self.spent();
        if let Err(error) = self.folder.write(FILE, &current).await {
            warn!(
                error = &error as &dyn std::error::Error,
                "What X costs cannot be written down; after a restart the count begins too low."
            );
        }
    }

    /// By how much the pause between two looks is stretched: the more of the reading money is gone, the longer.
    pub(crate) fn stretch(&self) -> u32 {
        let (Some(_), Some(spent)) = (self.monthly, *self.spent()) else { return 1 };
        match spent.micro.saturating_mul(4) / self.for_reading.max(1) {
            0..=1 => 1,
            2 => 2,
            _ => 4,
        }
    }

    /// What was spent this month, for people, and whether there is money for reading.
    pub(crate) async fn told(&self, now: Timestamp) -> (String, bool) {
        self.load(now).await;
        let spent = (*self.spent()).filter(|spent| spent.month == month(now)).map_or(0, |spent| spent.micro);
        (dollars(spent), self.monthly.is_none() || spent < self.for_reading)
    }

    fn dollars(&self) -> String {
        dollars(self.spent().map_or(0, |spent| spent.micro))
    }

    async fn load(&self, now: Timestamp) {
        if self.spent().is_some() {
            return;
        }
        let read = self.folder.read::<Spent>(FILE).await.unwrap_or_else(|error| {
            warn!(error = &error as &dyn std::error::Error, "What X cost so far cannot be read; the count begins at nothing.");
            None
        });
        self.spent().get_or_insert_with(|| read.unwrap_or_else(|| Spent::nothing(now)));
    }

    fn spent(&self) -> MutexGuard<'_, Option<Spent>> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner) // whole between any two statements
    }
}

impl Spent {
    fn nothing(now: Timestamp) -> Self {
        Self { month: month(now), micro: 0, told: false }
    }

    fn renew(&mut self, now: Timestamp) {
        if self.month != month(now) {
            *self = Self::nothing(now);
        }
    }
}

fn month(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date().first_of_month()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates, and nobody spends less than nothing")]
fn micro(dollars: f64) -> u64 {
    (dollars.max(0.0) * MICRO).round() as u64
}

#[expect(clippy::cast_precision_loss, reason = "for people, to the cent")]
fn dollars(micro: u64) -> String {
    format!("${:.2}", micro as f64 / MICRO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn budget(place: &tempfile::TempDir, monthly: f64) -> Budget {
        Budget::new(&BudgetConfig { monthly, for_answers: 0.2 }, Folder::new(place.path()))
    }

    #[tokio::test]
    async fn reading_ends_before_answers_do_and_a_new_month_begins_anew() {
        let place = tempfile::TempDir::new().expect("a folder");
        let budget = budget(&place, 10.0);
        let november = at("2026-11-21T00:00:00Z");
        assert_eq!(budget.allow(For::Reading, november).await, Ok(()));
        assert_eq!(budget.stretch(), 1);
        budget.spend(4.5, november).await;
        assert_eq!(budget.stretch(), 2);
        budget.spend(3.5, november).await;
        assert_eq!(budget.stretch(), 4);
        assert_eq!(budget.allow(For::Reading, november).await, Err(ASK_AGAIN));
        assert_eq!(budget.allow(For::Answers, november).await, Ok(()));
        budget.spend(2.0, november).await;
        assert_eq!(budget.allow(For::Answers, november).await, Err(ASK_AGAIN));
        assert_eq!(budget.dollars(), "$10.00");
        assert_eq!(budget.allow(For::Reading, at("2026-12-01T00:00:00Z")).await, Ok(()));
    }

    #[tokio::test]
    async fn what_was_spent_outlives_the_process() {
        let place = tempfile::TempDir::new().expect("a folder");
        let now = at("2026-11-21T00:00:00Z");
        for _ in 0..3 {
            budget(&place, 1.0).spend(0.3, now).await;
        }
        assert_eq!(budget(&place, 1.0).allow(For::Reading, now).await, Err(ASK_AGAIN));
        assert_eq!(budget(&place, 0.0).allow(For::Reading, now).await, Ok(()), "no limit");
    }
}
