//! Looks again and again: says in the log what went wrong and what is well again, and keeps the last look for whoever shows it.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use bus::{Bus, Stop};
use model::{Directory, Timestamp};
use store::{PgPool, channel::Hour};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::{Look, look, measure::measure};

/// How often. An adapter counts as missing after a minute.
const EVERY: Duration = Duration::from_secs(30);

/// What past messages say is read anew after this, in seconds: eight weeks of a large city are half a million of them.
const PAST_LASTS: i64 = 15 * 60;

/// The last look, for pages that show a banner and cannot wait; and what it knows of the past, which the next look need not read again. Cheap to
/// clone.
#[derive(Debug, Clone, Default)]
pub struct Last {
    look: Arc<RwLock<Option<Arc<Look>>>>,
    past: Arc<RwLock<Option<Arc<Past>>>>,
}

/// The hours of the last weeks in which messages came, as of a moment.
#[derive(Debug)]
pub(crate) struct Past {
    /// When it was read.
    pub(crate) read_at: Timestamp,
    /// From this hour on it has to be read again.
    pub(crate) until: Timestamp,
    /// Before that.
    pub(crate) hours: Vec<Hour>,
}

impl Last {
    /// `None`: not looked yet.
    pub fn look(&self) -> Option<Arc<Look>> {
        self.look.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is known of the past, while it is fresh.
    pub(crate) fn past(&self, now: Timestamp) -> Option<Arc<Past>> {
        let past = self.past.read().unwrap_or_else(PoisonError::into_inner).clone();
        past.filter(|past| (0..PAST_LASTS).contains(&(now.as_second() - past.read_at.as_second())))
    }

    pub(crate) fn keep_past(&self, past: Past) -> Arc<Past> {
        let past = Arc::new(past);
        *self.past.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&past));
        past
    }

    /// Remembers one.
    pub fn keep(&self, look: Look) -> Arc<Look> {
        let look = Arc::new(look);
        *self.look.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&look));
        look
    }
}

/// Looks until `stop`. A database that is away is waited for: then the pages say so, and whoever watches `/health`.
pub async fn keep_watch(
    db: PgPool,
    bus: Bus,
    directory: impl Fn() -> Arc<Directory> + Send,
    now: impl Fn() -> Timestamp + Send,
    last: Last,
    stop: Stop,
) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known = Known::new();
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let directory = directory();
        let looking = look(&db, &bus, &directory, now(), &last);
        match stop.run_until_cancelled(looking).await {
            Some(Ok(look)) => {
                measure(&look);
                tell(&look, &mut known);
                last.keep(look);
            }
            Some(Err(error)) => tracing::debug!(error = &error as &dyn std::error::Error, "Could not look at the channels."),
            None => return,
        }
    }
}

/// What is wrong: of whom, and which alarm.
type Known = BTreeSet<(String, &'static str)>;

/// Says what is new and what is over; what goes on was said.
fn tell(look: &Look, known: &mut Known) {
    let mut present = Known::new();
    for (whose, alarm) in look.alarms() {
        let key = (whose, alarm.name());
        if !known.contains(&key) && !present.contains(&key) {
            warn!(whose = key.0, alarm = key.1, severity = alarm.severity().as_str(), "Something needs a look: {alarm}.");
        }
        present.insert(key);
    }
    // While the bus is away nothing is known of programs: that is no recovery.
    if look.bus {
        for (whose, alarm) in known.difference(&present) {
            info!(whose, alarm, "It is well again.");
        }
        *known = present;
    } else {
        known.extend(present);
    }
}
