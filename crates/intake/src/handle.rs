//! What becomes of each event: handled, again later, or set aside for a person.

use std::collections::HashMap;

use bus::Delivery;
use metrics::counter;
use model::{
    Address, Event, Failure, Inbound, MessageKey, Notice, NoticeState, Receipt, ReceiptState, ReplyId, Timestamp, TraceId, Unvouched,
};
use store::{PgPool, StoreError, citizen, mailing, message, notice, reply, work_message};
use tracing::{info, warn};

use crate::{Rooms, record_batch};

/// Why an event is set aside.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("the event names another adapter than the one that sent it")]
    ForeignAdapter,
    #[error(transparent)]
    Unvouched(#[from] Unvouched),
    #[error("no channel is open for this adapter and account")]
    NoChannel,
    #[error("the platform told of a message that we do not know yet")]
    UnknownReply,
    #[error("a message was taken back that we do not know yet")]
    UnknownMessage,
}

/// How long a platform may be faster than our own note of what we sent or took. After that, what it tells is of somebody else's message.
const MAY_RUN_AHEAD: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);
/// Receipts in one statement; bundles hold many.
const RECEIPTS_AT_ONCE: usize = 1000;
/// When such a thing is looked at again: the bus sets aside what failed twenty times, and by then this one is old enough to be let go.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_secs(40);

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
            Event::Receipts { receipts: bundle } => {
                results.push((at, Ok(())));
                receipts.extend(bundle.into_iter().map(|receipt| (at, receipt)));
            }
            Event::OptOut { address } => results.push((at, opt_out(db, &address, delivery.trace, now).await)),
            Event::OptIn { address } => results.push((at, opt_in(db, &address, delivery.trace).await)),
            Event::Moved { from, to, at: when, .. } => results.push((at, moved(db, &from, &to, when, delivery.trace).await)),
            Event::Notice(notice) => results.push((at, noticed(db, notice).await)),
            Event::Withdrawn { key, at: since } => results.push((at, withdrawn(db, &key, since, delivery.trace, now).await)),
        }
    }
    results.extend(record_all(db, rooms, messages, now).await);
    results.extend(note_receipts(db, receipts, now).await);
    one_each(results)
}

/// The results in the order of the events. A bundle comes again whole as long as one of it has to, for saying a receipt twice says nothing more;
/// only then is it set aside for another.
fn one_each(mut results: Handled) -> Vec<Result<(), Failure>> {
    let rank = |result: &Result<(), Failure>| match result {
        Err(Failure::Retry { .. }) => 0,
        Err(Failure::Park { .. }) => 1,
        Ok(()) => 2,
    };
    results.sort_by_key(|(at, result)| (*at, rank(result)));
    results.dedup_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

impl Refused {
    fn reason(&self) -> &'static str {
        match self {
            Self::ForeignAdapter => "names another adapter",
            Self::Unvouched(Unvouched::Address) => "vouches for another kind of address",
            Self::Unvouched(Unvouched::Way) => "names another way to answer",
            Self::NoChannel => "no channel for this account",
            Self::UnknownReply => "receipt of an unknown reply",
            Self::UnknownMessage => "withdrawal of an unknown message",
        }
    }
}

/// An adapter speaks for itself alone, of its own kinds of addresses, and only for accounts that the city has written down as open.
fn admit(delivery: &Delivery<Event>, rooms: &Rooms) -> Result<(), Refused> {
    let named = match &delivery.item {
        Event::Message(inbound) => Some(&inbound.key.adapter),
        Event::Receipt(receipt) => Some(&receipt.adapter),
        Event::Receipts { receipts } => receipts.iter().map(|receipt| &receipt.adapter).find(|named| **named != delivery.adapter),
        Event::Moved { adapter, .. } => Some(adapter),
        Event::Notice(notice) => Some(&notice.adapter),
        Event::Withdrawn { key, .. } => Some(&key.adapter),
        Event::OptOut { .. } | Event::OptIn { .. } => None,
    };
    if named.is_some_and(|named| *named != delivery.adapter) {
        return Err(Refused::ForeignAdapter);
    }
    rooms.directory.vouched(&delivery.adapter, &delivery.item)?;
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

async fn note_receipts(db: &PgPool, mut receipts: Vec<(usize, Receipt)>, now: Timestamp) -> Handled {
    introduce(&mut receipts);
    let mut handled = Vec::with_capacity(receipts.len());
    let mut rest = receipts.into_iter();
    loop {
        let some: Vec<(usize, Receipt)> = rest.by_ref().take(RECEIPTS_AT_ONCE).collect();
        if some.is_empty() {
            return handled;
        }
        handled.extend(note_some(db, some, now).await);
    }
}

/// The platform's word on a message of ours often comes together with our own note of what the platform calls it: then it need not come again.
fn introduce(receipts: &mut [(usize, Receipt)]) {
    let name = |receipt: &Receipt| Some((receipt.adapter.clone(), receipt.account.clone(), receipt.platform_id.clone()?));
    let of_ours = receipts.iter().filter_map(|(_, receipt)| Some((name(receipt)?, receipt.reply?)));
    let known: HashMap<_, ReplyId> = of_ours.collect();
    for (_, receipt) in receipts.iter_mut().filter(|(_, receipt)| receipt.reply.is_none()) {
        receipt.reply = name(receipt).and_then(|name| known.get(&name).copied());
    }
}

async fn note_some(db: &PgPool, receipts: Vec<(usize, Receipt)>, now: Timestamp) -> Handled {
    let (places, receipts): (Vec<usize>, Vec<Receipt>) = receipts.into_iter().unzip();
    let mut handled = Vec::with_capacity(places.len());
    match written(db, &receipts).await {
        Ok(known) => {
            for ((at, receipt), known) in places.into_iter().zip(&receipts).zip(known) {
                handled.push((at, follow(db, receipt, known, now).await));
            }
        }
        // One of them is to blame: each alone, so that only that one falls out.
        Err(error) if receipts.len() > 1 && is_poison(&error) => {
            for (at, receipt) in places.into_iter().zip(&receipts) {
                let result = match written(db, std::slice::from_ref(receipt)).await {
                    Ok(known) => follow(db, receipt, known.first().copied().unwrap_or_default(), now).await,
                    Err(error) => Err(error.into()),
                };
                handled.push((at, result));
            }
        }
        Err(error) => return all_failed(places, error),
    }
    handled
}

/// Which of them are about something of ours: a reply to a citizen, or a message or mail to somebody who works for the city or with it.
async fn written(db: &PgPool, receipts: &[Receipt]) -> Result<Vec<bool>, StoreError> {
    let mut known = reply::receipts(db, receipts).await?;
    let left = unknown(&known, receipts);
    if left.is_empty() {
        return Ok(known);
    }
    let (places, rest): (Vec<usize>, Vec<Receipt>) = left.into_iter().unzip();
    let mut of_work = work_message::receipts(db, &rest).await?;
    let (mails, about): (Vec<usize>, Vec<Receipt>) = unknown(&of_work, &rest).into_iter().unzip();
    for ((at, is_one), receipt) in mails.into_iter().zip(mailing::receipts(db, &about).await?).zip(&about) {
        of_work[at] = is_one;
        if is_one && matches!(receipt.state, ReceiptState::Failed { .. }) {
            counter!("muara_staff_mails_returned_total").increment(1);
        }
    }
    for (at, is_one) in places.into_iter().zip(of_work) {
        known[at] = is_one;
    }
    Ok(known)
}

/// Those that nobody knew yet, with their places.
fn unknown(known: &[bool], receipts: &[Receipt]) -> Vec<(usize, Receipt)> {
    known.iter().zip(receipts).enumerate().filter(|(_, (known, _))| !**known).map(|(at, (_, receipt))| (at, receipt.clone())).collect()
}

async fn follow(db: &PgPool, receipt: &Receipt, known: bool, now: Timestamp) -> Result<(), Failure> {
    match noted(receipt, known, now) {
        Ok(()) if known => once_more(db, receipt, now).await,
        other => other,
    }
}

/// Free words that came too late go out once more, as what the platform approved.
async fn once_more(db: &PgPool, receipt: &Receipt, now: Timestamp) -> Result<(), Failure> {
    if !matches!(receipt.state, ReceiptState::WindowClosed { .. }) {
        return Ok(());
    }
    if reply::again(db, receipt, now).await? > 0 {
        info!(adapter = %receipt.adapter, "A reply came too late for free words; it goes out once more.");
    }
    Ok(())
}

/// A receipt may overtake our own note of the platform's id; one that stays unknown is of a message that others sent from the account.
fn noted(receipt: &Receipt, known: bool, now: Timestamp) -> Result<(), Failure> {
    if known {
        return Ok(());
    }
    if now.duration_since(receipt.at) < MAY_RUN_AHEAD {
        return Err(Failure::Retry { after: Some(LOOK_AGAIN), source: Refused::UnknownReply.into() });
    }
    info!(adapter = %receipt.adapter, "Ignored a receipt of a message that is not ours.");
    Ok(())
}

async fn moved(db: &PgPool, from: &[Address], to: &[Address], when: Timestamp, trace: TraceId) -> Result<(), Failure> {
    if citizen::moved(db, from, to, when).await?.is_some() {
        info!(trace.id = %trace, "Noted that a citizen has another address.");
    } else {
        info!(trace.id = %trace, "Nobody whom we know has another address.");
    }
    Ok(())
}

async fn noticed(db: &PgPool, mut notice: Notice) -> Result<(), Failure> {
    for (text, longest) in [(&mut notice.subject, 300), (&mut notice.word, 100), (&mut notice.detail, 1000), (&mut notice.account, 300)] {
        *text = text.chars().filter(|c| !c.is_control()).take(longest).collect();
    }
    if notice.state == NoticeState::Broken {
        warn!(adapter = %notice.adapter, notice.word = %notice.word, "{}: something does not work until somebody acts.", notice.subject);
    }
    notice::put(db, &notice).await?;
    Ok(())
}

async fn opt_out(db: &PgPool, address: &Address, trace: TraceId, now: Timestamp) -> Result<(), Failure> {
    citizen::opt_out(db, address, now).await?;
    info!(trace.id = %trace, "Noted that a citizen wants no more messages.");
    Ok(())
}

async fn opt_in(db: &PgPool, address: &Address, trace: TraceId) -> Result<(), Failure> {
    citizen::opt_in(db, address).await?;
    info!(trace.id = %trace, "Noted that a citizen wants messages again.");
    Ok(())
}

/// The withdrawal of a message may overtake the message itself; one that stays unknown was never a complaint here.
async fn withdrawn(db: &PgPool, key: &MessageKey, since: Timestamp, trace: TraceId, now: Timestamp) -> Result<(), Failure> {
    if message::withdraw(db, key, since).await? {
        info!(trace.id = %trace, adapter = %key.adapter, "Noted that a citizen took a message back.");
        return Ok(());
    }
    if now.duration_since(since) < MAY_RUN_AHEAD {
        return Err(Failure::Retry { after: Some(LOOK_AGAIN), source: Refused::UnknownMessage.into() });
    }
    info!(trace.id = %trace, adapter = %key.adapter, "Ignored the withdrawal of a message that is not ours.");
    Ok(())
}
