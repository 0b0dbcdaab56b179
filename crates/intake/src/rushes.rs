//! Channels that bring far more than usual. In a rush the same one would be counted again by every batch.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use model::{AdapterName, Timestamp, guard::RUSH};
use store::{StoreError, Tx};

/// So long a channel that was full counts as full before it is counted again. What is counted are messages within [`RUSH`].
const KNOWN: Duration = Duration::from_mins(1);

/// An adapter's account.
pub(crate) type Channel = (AdapterName, String);

/// The channels that were full when they were last counted, and until when they are taken for it.
#[derive(Default)]
pub(crate) struct Rushes(Mutex<HashMap<Channel, Timestamp>>);

impl Rushes {
    /// Which of these brought more than `most` messages within [`RUSH`]; one that was found full a moment ago is not counted again.
    pub(crate) async fn among(
        &self,
        tx: &mut Tx,
        channels: &[(&AdapterName, &str)],
        most: u32,
        now: Timestamp,
    ) -> Result<HashSet<Channel>, StoreError> {
        let mut full = self.known(channels, now);
        let uncounted: Vec<_> = channels.iter().copied().filter(|(name, account)| !full.contains(&own(name, account))).collect();
        if !uncounted.is_empty() {
            let since = now.checked_sub(RUSH).unwrap_or(Timestamp::MIN);
            let found = store::guard::rushed(tx, &uncounted, since, most).await?;
            self.note(&found, now);
            full.extend(found);
        }
        Ok(full)
    }

    fn known(&self, channels: &[(&AdapterName, &str)], now: Timestamp) -> HashSet<Channel> {
        let mut full = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        full.retain(|_, until| *until > now);
        channels.iter().map(|(name, account)| own(name, account)).filter(|channel| full.contains_key(channel)).collect()
    }

    fn note(&self, found: &[Channel], now: Timestamp) {
        let until = now.checked_add(KNOWN).unwrap_or(now);
        let mut full = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        full.extend(found.iter().cloned().map(|channel| (channel, until)));
    }
}

fn own(name: &AdapterName, account: &str) -> Channel {
    (name.clone(), account.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_channel_is_known_for_a_minute() {
        let (rushes, name): (Rushes, AdapterName) = (Rushes::default(), "chat".parse().expect("a name"));
        let asked = [(&name, "one"), (&name, "two")];
        let now: Timestamp = "2026-11-23T01:00:00Z".parse().expect("a time");
        let later = |seconds| now.checked_add(Duration::from_secs(seconds)).expect("in range");
        assert!(rushes.known(&asked, now).is_empty());
        rushes.note(&[own(&name, "two")], now);
        assert_eq!(rushes.known(&asked, later(59)), HashSet::from([own(&name, "two")]));
        assert!(rushes.known(&asked, later(60)).is_empty());
    }
}
