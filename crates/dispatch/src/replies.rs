//! Replies: claimed, worded, handed to the bus. The adapter of each delivers.

use std::{fmt, sync::Arc, time::Duration};

use bus::Bus;
use jiff::Timestamp;
use metrics::counter;
use model::{AttachmentKind, Audience, Reply, ReplyFile, Site, TraceId, word};
use object_store::{ObjectStore, ObjectStoreExt, path::Path};
use store::{
    PgPool, StoreError,
    attachment::{self, AttachmentState},
    reply,
};
use tracing::{info, warn};

use crate::wake::{Round, causes};

/// The work list of replies and what it needs.
#[derive(Clone)]
pub struct Replies {
    /// Where the photos are that go along.
    pub files: Arc<dyn ObjectStore>,
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
pub(crate) const FIRST_PAUSE: Duration = Duration::from_secs(5);
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// Tries in which a reply waits for its photo to be checked: some two minutes. Then the words go alone.
const TRIES_FOR_A_PHOTO: u16 = 6;

/// What goes along with a reply.
enum Along {
    Files(Vec<ReplyFile>),
    /// Not there yet.
    Wait,
}

impl fmt::Debug for Replies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replies").field("site", &self.site).finish_non_exhaustive()
    }
}

impl Replies {
    /// Publishes what is due.
    pub async fn round(&self, now: Timestamp) -> Result<Round, StoreError> {
        let claimed = reply::claim(&self.db, now, LEASE, MOST).await?;
        let round = if claimed.len() == usize::from(MOST) { Round::Full } else { Round::Drained };
        let (mut ready, mut worded): (Vec<reply::Claimed>, Vec<(Reply, TraceId)>) = (Vec::new(), Vec::new());
        for claimed in claimed {
            match self.along(&claimed).await? {
                Along::Wait => self.put_back(claimed, now).await?,
                Along::Files(files) => {
                    worded.push((Reply { files, ..word(&claimed.draft, &self.site) }, claimed.trace));
                    ready.push(claimed);
                }
            }
        }
        let answers = self.bus.publish_replies(&worded).await;

        let mut published = Vec::with_capacity(ready.len());
        for ((claimed, (reply, trace)), answer) in ready.into_iter().zip(worded).zip(answers) {
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

    /// The photo of a reply, as a copy that may be shown, given to the bus for the adapter. Nobody's answer waits long for it.
    async fn along(&self, claimed: &reply::Claimed) -> Result<Along, StoreError> {
        let to = &claimed.draft.to;
        let alone = Along::Files(Vec::new());
        let Some(photo) = claimed.draft.facts.photo.filter(|_| to.audience == Audience::Private) else { return Ok(alone) };
        let Some((file, _)) = attachment::load(&self.db, photo).await? else { return Ok(alone) };
        let may_wait = claimed.attempts <= TRIES_FOR_A_PHOTO;
        let key = match file.state {
            AttachmentState::Due if may_wait => return Ok(Along::Wait),
            AttachmentState::Kept if file.kind == AttachmentKind::Image => file.public_key.as_deref().and_then(|key| Path::parse(key).ok()),
            _ => None,
        };
        let Some(key) = key else {
            warn!(trace.id = %claimed.trace, reply.id = %claimed.draft.id, "A reply goes without its photo: it was not kept.");
            return Ok(alone);
        };
        match self.give(&key, claimed).await {
            Ok(file) => Ok(Along::Files(vec![file])),
            Err(_) if may_wait => Ok(Along::Wait),
            Err(error) => {
                warn!(trace.id = %claimed.trace, reply.id = %claimed.draft.id, "A reply goes without its photo: {}.", causes(&*error));
                Ok(alone)
            }
        }
    }

    /// Copies in storage are JPEG: `intake` makes them.
    async fn give(&self, key: &Path, claimed: &reply::Claimed) -> Result<ReplyFile, model::BoxError> {
        let bytes = self.files.get(key).await?.bytes().await?;
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let at = self.bus.put_file(&claimed.draft.to.adapter, bytes).await?;
        let name = claimed.draft.facts.reference.as_deref().unwrap_or("foto");
        Ok(ReplyFile {
            kind: AttachmentKind::Image,
            mime: "image/jpeg".to_owned(),
            filename: format!("{name}.jpg"),
            size,
            at,
            bytes: bytes::Bytes::new(),
        })
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
