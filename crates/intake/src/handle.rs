//! What becomes of each event: handled, again later, or set aside for a person.

use bus::Delivery;
use metrics::counter;
use model::{Address, Event, Failure, Inbound, Receipt, Timestamp, TraceId};
use store::{PgPool, StoreError, citizen, reply};
use tracing::{info, warn};

use crate::{Rooms, record_batch};

/// Why an event is set aside.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("the event names another adapter than the one that sent it")]
    ForeignAdapter,
    #[error("no channel is open for this adapter and account")]
    NoChannel,
    #[error("the platform told of a message that we do not know yet")]
    UnknownReply,
}

/// How long a platform may be faster than our own note of what we sent. After that, the receipt is of somebody else's message.
const RECEIPT_MAY_RUN_AHEAD: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);
/// When such a receipt is looked at again.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_secs(15);

/// Handles what the bus has ready; one result for each event, in their order. `Ok` means committed.
///
/// All messages go into one transaction. When the database refuses it because of one of them, each is tried alone, so that one
/// poisoned message falls out and the others are recorded.
pub async fn handle_batch(db: &PgPool, rooms: &Rooms, events: Vec<Delivery<Event>>, now: Timestamp) -> Vec<Result<(), Failure>> {
    let mut results: Handled = Vec::with_capacity(events.len());
    let mut messages: Vec<(usize, Inbound, TraceId)> = Vec::new();
    let mut receipts: Vec<(usize, Receipt)> = Vec::new();
    for (at, delivery) in events.into_iter().enumerate() {
        if let Err(refused) = admit(&delivery, rooms) {
            warn!(trace.id = %delivery.trace, adapter = %delivery.adapter, "Set an event aside: {refused}.");
            counter!("muara_events_set_aside_total", "reason" => refused.reason()).increment(1);
            results.push((at, Err(Failure::park(refused.reason(), refused))));
            continue;
        }
        match delivery.item {
            Event::Message(inbound) => messages.push((at, *inbound, delivery.trace)),
            Event::Receipt(receipt) => receipts.push((at, receipt)),
            Event::OptOut { address } => results.push((at, opt_out(db, &address, delivery.trace, now).await)),
        }
    }
    results.extend(record_all(db, rooms, messages, now).await);
    results.extend(note_receipts(db, receipts, now).await);
    results.sort_unstable_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

impl Refused {
    fn reason(&self) -> &'static str {
        match self {
            Self::ForeignAdapter => "names another adapter",
            Self::NoChannel => "no channel for this account",
            Self::UnknownReply => "receipt of an unknown reply",
        }
    }
}

/// An adapter speaks for itself alone, and only for accounts that the city has written down as open.
fn admit(delivery: &Delivery<Event>, rooms: &Rooms) -> Result<(), Refused> {
    let named = match &delivery.item {
        Event::Message(inbound) => Some(&inbound.key.adapter),
        Event::Receipt(receipt) => Some(&receipt.adapter),
        Event::OptOut { .. } => None,
    };
    if named.is_some_and(|named| *named != delivery.adapter) {
        return Err(Refused::ForeignAdapter);
    }
    let Event::Message(inbound) = &delivery.item else { return Ok(()) };
    let zone = rooms.directory.calendar.zone.time_zone();
    let day = inbound.received_at.to_zoned(zone).date();
    match rooms.directory.channel(&inbound.key.adapter, &inbound.key.account, day) {
        Some(_) => Ok(()),
        None => Err(Refused::NoChannel),
    }
}

/// Place in the batch, and what became of the event there.
type Handled = Vec<(usize, Result<(), Failure>)>;

async fn record_all(db: &PgPool, rooms: &Rooms, messages: Vec<(usize, Inbound, TraceId)>, now: Timestamp) -> Handled {
    let (places, batch): (Vec<usize>, Vec<(Inbound, TraceId)>) =
        messages.into_iter().map(|(at, inbound, trace)| (at, (inbound, trace))).unzip();
    match record_batch(db, rooms, &batch, now).await {
        Ok(_) => places.into_iter().map(|at| (at, Ok(()))).collect(),
        Err(error) if batch.len() > 1 && is_poison(&error) => record_each(db, rooms, places, batch, now).await,
        Err(error) => all_failed(places, error),
    }
}

/// Whether the fault is in one of the messages, and not in our surroundings.
fn is_poison(error: &StoreError) -> bool {
    match error {
        StoreError::Conflict { .. } | StoreError::Refused { .. } | StoreError::Corrupt { .. } => true,
        StoreError::Unavailable(_) | StoreError::Stale => false,
    }
}

async fn record_each(db: &PgPool, rooms: &Rooms, places: Vec<usize>, batch: Vec<(Inbound, TraceId)>, now: Timestamp) -> Handled {
    let mut handled = Vec::with_capacity(batch.len());
    for (at, message) in places.into_iter().zip(batch) {
        let trace = message.1;
        let result = record_batch(db, rooms, std::slice::from_ref(&message), now).await;
        let result = result.map(|_| ()).map_err(Failure::from);
        if let Err(Failure::Park { reason, .. }) = &result {
            warn!(trace.id = %trace, adapter = %message.0.key.adapter, "Set a message aside: {reason}.");
        }
        handled.push((at, result));
    }
    handled
}

/// The one failure for all; only the first can own its cause.
fn all_failed(places: Vec<usize>, error: StoreError) -> Handled {
    let words = error.to_string();
    let mut first = Some(Failure::from(error));
    places.into_iter().map(|at| (at, Err(first.take().unwrap_or_else(|| Failure::retry(words.clone()))))).collect()
}

async fn note_receipts(db: &PgPool, receipts: Vec<(usize, Receipt)>, now: Timestamp) -> Handled {
    if receipts.is_empty() {
        return Vec::new();
    }
    let (places, receipts): (Vec<usize>, Vec<Receipt>) = receipts.into_iter().unzip();
    match reply::receipts(db, &receipts).await {
        Ok(known) => places.into_iter().zip(&receipts).zip(known).map(|((at, receipt), known)| (at, noted(receipt, known, now))).collect(),
        Err(error) => all_failed(places, error),
    }
}

/// A receipt may overtake our own note of the platform's id; one that stays unknown is of a message that others sent from the account.
fn noted(receipt: &Receipt, known: bool, now: Timestamp) -> Result<(), Failure> {
    if known {
        return Ok(());
    }
    if now.duration_since(receipt.at) < RECEIPT_MAY_RUN_AHEAD {
        return Err(Failure::Retry { after: Some(LOOK_AGAIN), source: Refused::UnknownReply.into() });
    }
    info!(adapter = %receipt.adapter, "Ignored a receipt of a message that is not ours.");
    Ok(())
}

async fn opt_out(db: &PgPool, address: &Address, trace: TraceId, now: Timestamp) -> Result<(), Failure> {
    citizen::opt_out(db, address, now).await?;
    info!(trace.id = %trace, "Noted that a citizen wants no more messages.");
    Ok(())
}
