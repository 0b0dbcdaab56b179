//! Replies: claimed, worded, handed to the bus. The adapter of each delivers.

use std::time::Duration;

use bus::Bus;
use jiff::Timestamp;
use metrics::counter;
use model::{Reply, Site, TraceId, word};
use store::{PgPool, StoreError, reply};
use tracing::{info, warn};

use crate::wake::{Round, causes};

/// The work list of replies and what it needs.
#[derive(Clone)]
pub struct Replies {
    /// The database.
    pub db: PgPool,
    /// Where they go.
    pub bus: Bus,
    /// How they speak of us.
    pub site: Site,
}

/// How many one round takes: published in one breath, so a flood of acknowledgements costs three statements a round.
const MOST: u16 = 256;
/// Longer than a round can last, the bus's own patience included. Then another worker takes over, and the reply's id keeps a second publish
/// from being a second message.
const LEASE: Duration = Duration::from_mins(2);
/// The pause after the bus did not take one; doubled each time up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

impl Replies {
    /// Publishes what is due.
    pub async fn round(&self, now: Timestamp) -> Result<Round, StoreError> {
        let claimed = reply::claim(&self.db, now, LEASE, MOST).await?;
        let round = if claimed.len() == usize::from(MOST) { Round::Full } else { Round::Drained };
        let worded: Vec<(Reply, TraceId)> = claimed.iter().map(|claimed| (word(&claimed.draft, &self.site), claimed.trace)).collect();
        let answers = self.bus.publish_replies(&worded).await;

        let mut published = Vec::with_capacity(claimed.len());
        for ((claimed, (reply, trace)), answer) in claimed.into_iter().zip(worded).zip(answers) {
            match answer {
                Ok(_) => {
                    counter!("muara_replies_published_total", "adapter" => reply.to.adapter.to_string()).increment(1);
                    info!(trace.id = %trace, reply.id = %reply.id, adapter = %reply.to.adapter, "Published a reply.");
                    published.push((claimed, reply.text));
                }
                Err(error) => {
                    warn!(trace.id = %trace, reply.id = %reply.id, "The bus did not take a reply: {}.", causes(&error));
                    self.put_back(claimed, now).await?;
                }
            }
        }
        self.settle(published, now).await?;
        Ok(round)
    }

    async fn settle(&self, published: Vec<(reply::Claimed, String)>, now: Timestamp) -> Result<(), StoreError> {
        if published.is_empty() {
            return Ok(());
        }
        let count = published.len();
        let still_ours = reply::published_many(&self.db, published, now).await?;
        if still_ours < u64::try_from(count).unwrap_or(u64::MAX) {
            warn!("{} of {count} replies had run out of their lease: another worker publishes them too.", count as u64 - still_ours);
        }
        Ok(())
    }

    async fn put_back(&self, claimed: reply::Claimed, now: Timestamp) -> Result<(), StoreError> {
        let pause = doubled(FIRST_PAUSE, claimed.attempts, LONGEST_PAUSE);
        let due_at = now.checked_add(pause).unwrap_or(now);
        match reply::retry(&self.db, claimed, due_at).await {
            // Another worker has it: then it is theirs.
            Ok(()) | Err(StoreError::Stale) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The pause after the nth try: the first, doubled each time, never more than the longest.
pub(crate) fn doubled(first: Duration, attempts: u16, longest: Duration) -> Duration {
    let doublings = u32::from(attempts.saturating_sub(1)).min(16);
    first.saturating_mul(1 << doublings).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_end() {
        let pause = |attempts| doubled(FIRST_PAUSE, attempts, LONGEST_PAUSE).as_secs();
        assert_eq!([0, 1, 2, 3, 6, 7, 8, u16::MAX].map(pause), [5, 5, 10, 20, 160, 300, 300, 300]);
    }
}
