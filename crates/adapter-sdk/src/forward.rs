//! Behind the door: the spool is forwarded to RAW, in order, and forgotten when that is certain.
//!
//! Entries leave in the order they came in. Around a failure a later one may arrive before an earlier one, which is then published
//! again; whoever reads RAW expects that anyway, because every platform delivers so.

use std::time::{Duration, Instant};

use bus::{Accepted, Bus, BusError, DoorNumber, Stop};
use metrics::{counter, gauge};
use model::Raw;
use tracing::{error, info, warn};

use crate::{
    pulse::{Pulse, chain},
    spool::{Entry, Group, Spool},
};

/// How many records are on their way at once, and their bytes: what the forwarder may cost in memory.
const MOST_ENTRIES: usize = 128;
const MOST_BYTES: usize = 2 << 20;
/// Pauses after a failure, doubled from the first to the last.
const PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often what is certain is looked for.
const FORGET: Duration = Duration::from_secs(1);

/// Runs until `stop`.
pub(crate) async fn forward(spool: Spool, bus: Bus, pulse: Pulse, stop: Stop) {
    let tasks = async {
        tokio::join!(publish_all(&spool, &bus, &pulse), begin_anew(&spool, &bus), forget(&spool, &pulse));
    };
    stop.run_until_cancelled(tasks).await;
}

async fn publish_all(spool: &Spool, bus: &Bus, pulse: &Pulse) {
    loop {
        match spool.next(MOST_ENTRIES, MOST_BYTES).await {
            Ok(group) => {
                pulse.forwarding(group.entries.first().map(|entry| entry.raw.received_at));
                publish(spool, bus, pulse, &group).await;
                pulse.forwarding(None);
                spool.confirm(&group, Instant::now());
                counter!("muara_spool_forwarded_total").increment(group.entries.len() as u64);
            }
            Err(error) => {
                error!(error = chain(&error), "Cannot read the spool.");
                pulse.trouble("the spool cannot be read");
                tokio::time::sleep(LONGEST_PAUSE).await;
            }
        }
    }
}

/// Returns when the bus has all of it.
async fn publish(spool: &Spool, bus: &Bus, pulse: &Pulse, group: &Group) {
    let mut left: Vec<&Entry> = group.entries.iter().collect();
    let mut known: Vec<&Entry> = Vec::new();
    let mut pause = PAUSE;
    loop {
        let raws: Vec<(&Raw, Option<&DoorNumber>)> = left.iter().map(|entry| (&entry.raw, entry.number.as_ref())).collect();
        let outcomes = bus.publish_raws(&raws).await;
        let mut trouble = None;
        let failed = left.iter().zip(outcomes).filter_map(|(entry, outcome)| match outcome {
            Ok(Accepted::Stored) => None,
            Ok(Accepted::Duplicate) => {
                known.push(entry);
                None
            }
            Err(error) if is_final(&error) => {
                set_aside(spool, entry, &error);
                None
            }
            Err(error) => {
                trouble = Some(error);
                Some(*entry)
            }
        });
        left = failed.collect();
        if trouble.is_none() {
            trouble = note_known(bus, &mut known).await.err();
        }
        let Some(error) = trouble else { return };
        // Said once for each outage: the pauses grow only while it lasts.
        if pause == PAUSE {
            warn!(error = chain(&error), waiting = spool.level().waiting, "The bus does not take raw messages; they wait in the spool.");
        }
        pulse.trouble("the bus does not take raw messages");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// What the bus knew already is not stored again: without a note of it its numbers would look lost.
async fn note_known(bus: &Bus, known: &mut Vec<&Entry>) -> Result<(), BusError> {
    let Some(adapter) = known.first().map(|entry| &entry.raw.adapter) else { return Ok(()) };
    let numbers = known.iter().filter_map(|entry| Some((entry.number.as_ref()?, entry.raw.received_at)));
    bus.note_known(adapter, &numbers.collect::<Vec<_>>()).await?;
    known.clear();
    Ok(())
}

fn is_final(error: &BusError) -> bool {
    matches!(error, BusError::Encoding(_) | BusError::TooLarge { .. })
}

fn set_aside(spool: &Spool, entry: &Entry, error: &BusError) {
    counter!("muara_spool_damaged_total").increment(1);
    let trace = entry.raw.trace;
    match spool.set_aside(entry) {
        Ok(kept) => {
            let kept = kept.display();
            error!(trace.id = %trace, error = chain(error), %kept, "The bus will never take this raw message: moved aside.");
        }
        Err(disk) => error!(trace.id = %trace, error = chain(&disk), "A raw message that the bus will never take cannot be moved aside."),
    }
}

/// A server that was started again may have lost what it acknowledged and had not synced.
async fn begin_anew(spool: &Spool, bus: &Bus) {
    let mut server = bus.server();
    loop {
        server = bus.other_server(&server).await;
        spool.rewind();
        info!(waiting = spool.level().waiting, "Another NATS server answers: forwarding what may not have been synced again.");
    }
}

async fn forget(spool: &Spool, pulse: &Pulse) {
    let mut nearly = false;
    let mut ticks = tokio::time::interval(FORGET);
    loop {
        ticks.tick().await;
        if let Err(error) = spool.forget(Instant::now()) {
            error!(error = chain(&error), "Cannot delete what the spool need not keep.");
        }
        let level = spool.level();
        nearly = nearly_full(level.waiting_bytes, spool.max_bytes(), nearly, pulse);
        #[expect(clippy::cast_precision_loss, reason = "a gauge of bytes needs no last digit")]
        {
            gauge!("muara_spool_waiting").set(level.waiting as f64);
            gauge!("muara_spool_bytes").set(level.bytes as f64);
            gauge!("muara_spool_waiting_bytes").set(level.waiting_bytes as f64);
            gauge!("muara_spool_max_bytes").set(spool.max_bytes() as f64);
        }
    }
}

/// Says once that the spool fills up, while there is still time to do something.
fn nearly_full(waiting: u64, max: u64, said: bool, pulse: &Pulse) -> bool {
    let nearly = waiting > max / 5 * 4;
    if nearly {
        pulse.trouble("the spool is nearly full");
    }
    if nearly && !said {
        error!(bytes = waiting, "The spool is four fifths full; when it is full the door refuses messages. Look after the bus.");
    }
    nearly
}
