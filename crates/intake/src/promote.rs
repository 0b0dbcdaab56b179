//! From quarantine to storage: what the bytes are decides, not what anybody called them. The original is kept as it came, for staff; a
//! picture is also written anew without its metadata, and only that copy may be shown.

use std::time::Duration;

use bus::Stop;
use bytes::Bytes;
use futures::StreamExt;
use model::{BlobId, Look, Timestamp};
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, path::Path};
use store::{
    StoreError,
    attachment::{self, Claimed, Outcome},
    live::Work,
};
use tokio::time::timeout;
use tracing::{info, warn};

use crate::{
    Context, Newest,
    bounds::sha256,
    picture::{self, Copy},
    run::now,
    same_photo,
    sniff::{Family, Found, sniff},
};

/// What a file may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of a file.
    pub most_bytes: u64,
    /// Pixels of a picture before it is decoded: memory, at four bytes each.
    pub most_pixels: u64,
    /// Longest side of the copy that may be shown, in pixels.
    pub longest_side: u32,
}

impl Default for Limits {
    /// 100 MB, the most that WhatsApp takes; the largest picture of common telephones; a copy that fills a screen.
    fn default() -> Self {
        Self { most_bytes: 100 * 1024 * 1024, most_pixels: 50_000_000, longest_side: 2048 }
    }
}

/// How long one attachment may take before another worker tries.
const LEASE: Duration = Duration::from_mins(5);
/// Taken at once, worked on one after the other: a decoded picture is large.
const AT_ONCE: u16 = 4;
/// We look by ourselves too: a notification may be lost.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// After that many tries over days something is wrong with the file, not with our surroundings.
const MOST_TRIES: u16 = 100;

/// Promotes until `stop`.
pub(crate) async fn run(context: &Context, rooms: &Newest, stop: Stop) {
    while !stop.is_cancelled() {
        // Register first, then look: nothing appears unseen in between.
        let mut wakes = match store::live::work(&context.db).await {
            Ok(wakes) => wakes.filter(|work| std::future::ready(*work == Work::Attachment)).boxed(),
            Err(_) => futures::stream::pending().boxed(),
        };
        while !stop.is_cancelled() {
            // Past the lease another worker has them anyway.
            match timeout(LEASE, promote_due(context, rooms, now())).await {
                Ok(Ok(0)) => (),
                Ok(Ok(_)) => continue,
                Ok(Err(error)) => warn!("The attachments cannot be read: {error}."),
                Err(_silent) => warn!("The attachments took too long, and are tried again."),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                woken = wakes.next() => if woken.is_none() { break },
                () = tokio::time::sleep(LOOK_EVERY) => (),
            }
        }
    }
}

/// Looks at what is due; how many there were.
pub async fn promote_due(context: &Context, rooms: &Newest, now: Timestamp) -> Result<usize, StoreError> {
    let claimed = attachment::claim(&context.db, now, LEASE, AT_ONCE).await?;
    let count = claimed.len();
    for claimed in claimed {
        promote(context, rooms, claimed, now).await?;
    }
    Ok(count)
}

async fn promote(context: &Context, rooms: &Newest, claimed: Claimed, now: Timestamp) -> Result<(), StoreError> {
    let (id, trace, blob) = (claimed.id, claimed.trace, claimed.blob.clone());
    let (outcome, look) = match examine(context, &claimed).await {
        Ok(found) => found,
        Err(_) if claimed.attempts >= MOST_TRIES => (Outcome::Refused { reason: format!("given up after {MOST_TRIES} tries") }, None),
        Err(error) => {
            warn!(trace.id = %trace, attachment.id = %id, "An attachment has to wait: {error}.");
            (Outcome::Retry { after: pause(claimed.attempts) }, None)
        }
    };
    let is_done = !matches!(outcome, Outcome::Retry { .. });
    let told = words(&outcome);
    match settle(context, rooms, claimed, outcome, look, now).await {
        Ok(()) => info!(trace.id = %trace, attachment.id = %id, "{told}"),
        // Another worker has it by now, and writes the same names.
        Err(StoreError::Stale) => return Ok(()),
        Err(error) => return Err(error),
    }
    if is_done && let Err(error) = context.bus.delete_blob(&blob).await {
        // It goes by itself when its time is over.
        warn!(trace.id = %trace, attachment.id = %id, "A file stays in quarantine: {error}.");
    }
    Ok(())
}

/// What became of it, and what its look leads to, together: whoever dies in between does both again.
async fn settle(
    context: &Context,
    rooms: &Newest,
    claimed: Claimed,
    outcome: Outcome,
    look: Option<Look>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let id = claimed.id;
    let Some(look) = look else { return attachment::settle(&context.db, claimed, outcome, now).await };
    let rooms = rooms.get().await?;
    let mut tx = store::begin(&context.db).await?;
    attachment::settle_within(&mut tx, claimed, outcome, now).await?;
    same_photo::compare(&mut tx, id, look, &rooms, now).await?;
    store::commit(tx).await
}

fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Kept { media_type, bytes, .. } => format!("Kept an attachment: {media_type}, {bytes} bytes."),
        Outcome::Refused { reason } => format!("Refused an attachment: {reason}."),
        Outcome::Missing { reason } => format!("Lost an attachment: {reason}."),
        Outcome::Retry { after } => format!("Will look at an attachment again in {} s.", after.as_secs()),
    }
}

/// Twice as long each time, up to an hour.
fn pause(attempts: u16) -> Duration {
    Duration::from_secs(5 << attempts.min(10)).min(Duration::from_hours(1))
}

/// Why an attachment has to wait: the fault is in our surroundings.
#[derive(Debug, thiserror::Error)]
enum NotNow {
    #[error("quarantine does not answer")]
    Quarantine(#[from] bus::BusError),
    #[error("storage does not take it")]
    Storage(#[from] object_store::Error),
}

/// What the file is and what becomes of it; of a picture that is kept, how it looks.
async fn examine(context: &Context, claimed: &Claimed) -> Result<(Outcome, Option<Look>), NotNow> {
    let Some(bytes) = take(context, &claimed.blob).await? else {
        return Ok((Outcome::Missing { reason: "no longer in quarantine".to_owned() }, None));
    };
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if size > context.limits.most_bytes {
        return Ok((Outcome::Refused { reason: format!("larger than {} bytes", context.limits.most_bytes) }, None));
    }
    let Some(found) = sniff(&bytes) else {
        return Ok((Outcome::Refused { reason: "not a kind of file that is kept".to_owned() }, None));
    };
    let copy = match public_copy(found, &bytes, context.limits).await {
        Ok(copy) => copy,
        Err(reason) => return Ok((Outcome::Refused { reason }, None)),
    };
    let look = copy.as_ref().and_then(|copy| copy.look);
    Ok((keep(context, claimed, found, bytes, copy).await?, look))
}

async fn take(context: &Context, blob: &BlobId) -> Result<Option<Bytes>, NotNow> {
    Ok(context.bus.take_blob(blob).await?)
}

/// The copy that may be shown; `None` where the file is no picture that we can write anew. The error is the reason to refuse it.
async fn public_copy(found: Found, bytes: &Bytes, limits: Limits) -> Result<Option<Copy>, String> {
    let Family::Picture(format) = found.family else { return Ok(None) };
    let bytes = bytes.clone();
    let work = move || picture::public_copy(&bytes, format, limits.most_pixels, limits.longest_side);
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(copy)) => Ok(Some(copy)),
        Ok(Err(error)) => Err(error.to_string()),
        // A decoder that panics has met bytes that nobody should look at.
        Err(_) => Err("the picture cannot be decoded".to_owned()),
    }
}

/// Puts original and copy into storage. The names follow from the attachment: a second try writes the same over it.
async fn keep(context: &Context, claimed: &Claimed, found: Found, bytes: Bytes, copy: Option<Copy>) -> Result<Outcome, NotNow> {
    let id = claimed.id.to_string();
    // The last digits are random: folders stay small.
    let shard = &id[id.len() - 2..];
    let original_key = format!("original/{shard}/{id}.{}", found.extension);
    let sha256 = sha256(&bytes);
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    put(&*context.files, &original_key, bytes).await?;
    let (width, height) = (copy.as_ref().map(|copy| copy.width), copy.as_ref().map(|copy| copy.height));
    let public_key = match copy {
        Some(copy) => {
            let key = format!("public/{shard}/{id}.jpg");
            put(&*context.files, &key, copy.bytes.into()).await?;
            Some(key)
        }
        None => None,
    };
    Ok(Outcome::Kept {
        kind: found.kind(claimed.kind),
        media_type: found.media_type.to_owned(),
        bytes: size,
        sha256,
        width,
        height,
        original_key,
        public_key,
    })
}

async fn put(files: &dyn ObjectStore, key: &str, bytes: Bytes) -> Result<(), NotNow> {
    files.put(&Path::from(key), PutPayload::from_bytes(bytes)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_an_hour() {
        assert_eq!(pause(1), Duration::from_secs(10));
        assert!(pause(5) > pause(4));
        assert_eq!(pause(u16::MAX), Duration::from_hours(1));
    }
}
