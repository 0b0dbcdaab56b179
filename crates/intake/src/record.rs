//! Messages become complaints: one transaction for a whole batch. What is asked of the database is asked under the locks of the senders,
//! what is decided is decided in memory by [`plan`], and what follows is written together or not at all.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use metrics::counter;
use model::{
    AdapterName, Address, AttachmentKind, CitizenId, ComplaintId, Content, Inbound, MessageKey, Proof, Reference, Timestamp, TraceId,
    TrackingCode,
    guard::{COUNTED, SAME_WORDS},
};
use store::{PgPool, StoreError, Tx, block, citizen, complaint, message, reply};
use tracing::info;

use crate::{
    Recorded, Rooms,
    bounds::{Bounded, bounded},
    connect, incident,
    plan::{BREATH, Known, Plan, answered_key, guard, numbers_of, plan},
};

/// How often a batch is decided again when somebody else recorded the same message or took the same number meanwhile. One time is
/// enough: what they wrote is seen then.
const TRIES: usize = 3;
/// The constraints that say so.
const TAKEN_MEANWHILE: [&str; 5] =
    ["message_key", "complaint_reference_key", "complaint_tracking_key", "incident_member_pkey", "incident_member_incident_fkey"];

/// Records messages in one transaction; the results in their order. After `Ok` all of them are durable, after an error none.
///
/// Twice the same message is [`Recorded::Again`], in one batch or in two, from one process or from twenty at once.
pub async fn record_batch(
    db: &PgPool,
    rooms: &Rooms,
    inbounds: &[(Inbound, TraceId)],
    now: Timestamp,
) -> Result<Vec<Recorded>, StoreError> {
    if inbounds.is_empty() {
        return Ok(Vec::new());
    }
    let codes = take_codes(db, rooms, inbounds, now).await?;
    let others = inbounds.iter().enumerate().filter(|(at, _)| !codes.contains_key(at)).map(|(_, message)| message);
    let batch: Vec<(Bounded, TraceId)> = others.map(|(inbound, trace)| (bounded(inbound.clone(), now), *trace)).collect();
    if batch.is_empty() {
        return Ok(codes.into_values().collect());
    }
    let mut tries = 1;
    let plan = loop {
        match try_to_record(db, rooms, &batch, now).await {
            Err(error) if tries < TRIES && was_taken_meanwhile(&error) => tries += 1,
            result => break result?,
        }
    };
    tell(&plan, &batch);
    let mut recorded = plan.recorded.into_iter();
    let each = (0..inbounds.len()).filter_map(|at| codes.get(&at).copied().or_else(|| recorded.next()));
    Ok(each.collect())
}

/// Messages that bring a code from a citizen's page, by their place in the batch: first, each for itself, so that what comes with them is
/// already of one citizen. Done twice they are as done once.
async fn take_codes(
    db: &PgPool,
    rooms: &Rooms,
    inbounds: &[(Inbound, TraceId)],
    now: Timestamp,
) -> Result<BTreeMap<usize, Recorded>, StoreError> {
    let mut taken = BTreeMap::new();
    for (at, (inbound, trace)) in inbounds.iter().enumerate() {
        let Some(code) = connect::code_in(inbound) else { continue };
        let bounded = bounded(inbound.clone(), now).inbound;
        let mut tries = 1;
        let recorded = loop {
            match connect::take(db, rooms, &bounded, &code, *trace, now).await {
                Err(error) if tries < TRIES && was_taken_meanwhile(&error) => tries += 1,
                result => break result?,
            }
        };
        taken.insert(at, recorded);
    }
    Ok(taken)
}

/// Records one message.
pub async fn record(db: &PgPool, rooms: &Rooms, inbound: &Inbound, trace: TraceId, now: Timestamp) -> Result<Recorded, StoreError> {
    let recorded = record_batch(db, rooms, &[(inbound.clone(), trace)], now).await?;
    Ok(recorded.first().copied().unwrap_or(Recorded::Again(None)))
}

fn was_taken_meanwhile(error: &StoreError) -> bool {
    match error {
        StoreError::Stale => true,
        StoreError::Conflict { constraint } => TAKEN_MEANWHILE.contains(&constraint.as_str()),
        StoreError::Unavailable(_) | StoreError::Refused { .. } | StoreError::Corrupt { .. } => false,
    }
}

async fn try_to_record(db: &PgPool, rooms: &Rooms, batch: &[(Bounded, TraceId)], now: Timestamp) -> Result<Plan, StoreError> {
    let mut tx = store::begin(db).await?;
    let messages: Vec<&Inbound> = batch.iter().map(|(message, _)| &message.inbound).collect();
    citizen::lock(&mut tx, &senders(&messages)).await?;
    let known = look_up(&mut tx, &messages, rooms, now).await?;
    let mut plan = plan(batch, known, rooms, now);
    let pictures = pictures(&plan, batch);
    incident::write_said(&mut tx, &plan.said, now).await?;
    let compared = incident::compare(&mut tx, &mut plan.decisions, &pictures, &plan.on_page, rooms, now).await?;
    write(&mut tx, &plan, batch, now).await?;
    incident::write(&mut tx, &compared, now).await?;
    store::commit(tx).await?;
    Ok(plan)
}

/// Sums of the pictures that each complaint's messages bring.
fn pictures(plan: &Plan, batch: &[(Bounded, TraceId)]) -> HashMap<ComplaintId, Vec<String>> {
    let mut pictures: HashMap<ComplaintId, Vec<String>> = HashMap::new();
    for placed in &plan.messages {
        let Some(complaint) = placed.complaint else { continue };
        for attachment in &batch[placed.at].0.inbound.attachments {
            if let (AttachmentKind::Image, Content::Quarantined { sha256, .. }) = (attachment.kind, &attachment.content) {
                pictures.entry(complaint).or_default().push(sha256.clone());
            }
        }
    }
    pictures
}

fn senders(messages: &[&Inbound]) -> Vec<Address> {
    messages.iter().flat_map(|inbound| inbound.sender.iter().cloned()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Every address that a block may be on: who writes, and where they would be answered.
fn reachable(messages: &[&Inbound]) -> Vec<Address> {
    let back = messages.iter().filter_map(|inbound| inbound.reply_to.as_ref()).map(|to| to.address.clone());
    senders(messages).into_iter().chain(back).collect::<BTreeSet<_>>().into_iter().collect()
}

/// All that deciding needs: a statement for each kind of thing, and none for what the batch does not ask.
async fn look_up(tx: &mut Tx, messages: &[&Inbound], rooms: &Rooms, now: Timestamp) -> Result<Known, StoreError> {
    let mut known = Known { recorded: recorded(tx, messages).await?, ..Known::default() };
    let new: Vec<&Inbound> = messages.iter().copied().filter(|inbound| !known.recorded.contains_key(&inbound.key)).collect();
    if new.is_empty() {
        return Ok(known);
    }
    let people = citizen::known(tx, &senders(&new)).await?;
    known.people = people.into_iter().map(|person| (person.address.clone(), person)).collect();
    known.lately_sent = sent_lately(tx, &new, &known.people, rooms, now).await?;
    numbers(tx, &new, &mut known).await?;
    let joinable: Vec<&Inbound> = new.into_iter().filter(|inbound| inbound.tracking.is_none()).collect();
    known.answered = answered(tx, &joinable).await?;
    known.threads = threads(tx, &joinable, &known.people).await?;
    known.lately = lately(tx, &joinable, &known.people).await?;
    known.awaiting = awaiting(tx, &joinable, &known.people).await?;
    known.blocked = block::among(tx, &reachable(&joinable), now).await?;
    let candidates = candidates(&joinable, &known);
    known.complaints = complaint::lock_many(tx, &candidates).await?;
    known.settling = reply::settling(tx, &candidates, now).await?;
    known.beside = store::incident::beside(tx, &known.complaints).await?;
    Ok(known)
}

/// Of the batch's own messages, of those they edit and of those they answer: which were recorded before.
async fn recorded(tx: &mut Tx, messages: &[&Inbound]) -> Result<HashMap<MessageKey, message::Known>, StoreError> {
    let keys: BTreeSet<MessageKey> = messages
        .iter()
        .flat_map(|inbound| [Some(inbound.key.clone()), inbound.replaces.clone(), answered_key(inbound)])
        .flatten()
        .collect();
    let recorded = message::recorded(tx, &keys.into_iter().collect::<Vec<_>>()).await?;
    Ok(recorded.into_iter().map(|known| (known.key.clone(), known)).collect())
}

/// Whose the numbers are that the batch brings or quotes, and which codes are taken. Where a number is taken, its next turns too.
async fn numbers(tx: &mut Tx, new: &[&Inbound], known: &mut Known) -> Result<(), StoreError> {
    let own = new.iter().map(|inbound| inbound.reference);
    let quoted = new.iter().flat_map(|inbound| Reference::find_in(&inbound.text));
    let proven = new.iter().filter_map(|inbound| proven(inbound));
    let asked: HashSet<Reference> = own.chain(quoted).chain(proven).collect();
    let codes: Vec<TrackingCode> = new.iter().filter_map(|inbound| inbound.tracking.clone()).collect();
    look_up_numbers(tx, asked.into_iter().collect(), &codes, known).await?;
    let taken = new.iter().filter(|inbound| known.numbers.contains_key(&inbound.reference));
    let turns: Vec<Reference> = taken.flat_map(|inbound| numbers_of(inbound)).collect();
    if turns.is_empty() { Ok(()) } else { look_up_numbers(tx, turns, &[], known).await }
}

/// The number of the complaint that the door knows this message to answer.
fn proven(inbound: &Inbound) -> Option<Reference> {
    if let Proof::Answer(number) = inbound.proof { Some(number) } else { None }
}

async fn look_up_numbers(tx: &mut Tx, asked: Vec<Reference>, codes: &[TrackingCode], known: &mut Known) -> Result<(), StoreError> {
    for found in complaint::numbered(tx, &asked, codes).await? {
        known.numbers.insert(found.reference, (found.id, found.citizen));
        known.codes.insert(found.tracking);
    }
    Ok(())
}

type People = HashMap<Address, citizen::Known>;

/// Every citizen that one of the sender's addresses belongs to, the best address first.
fn citizens<'a>(inbound: &'a Inbound, people: &'a People) -> impl Iterator<Item = CitizenId> + 'a {
    inbound.sender.iter().filter_map(|address| people.get(address)).map(|person| person.citizen)
}

async fn answered(tx: &mut Tx, messages: &[&Inbound]) -> Result<HashMap<MessageKey, ComplaintId>, StoreError> {
    let asked: Vec<MessageKey> = messages.iter().filter_map(|inbound| answered_key(inbound)).collect();
    if asked.is_empty() {
        return Ok(HashMap::new());
    }
    Ok(reply::answered(tx, &asked).await?.into_iter().collect())
}

async fn threads(tx: &mut Tx, messages: &[&Inbound], people: &People) -> Result<Vec<message::Earlier>, StoreError> {
    let mut asked: Vec<(CitizenId, &AdapterName, &str, &str)> = Vec::new();
    for inbound in messages {
        let Some(thread) = &inbound.thread else { continue };
        asked.extend(
            citizens(inbound, people).map(|citizen| (citizen, &inbound.key.adapter, inbound.key.account.as_str(), thread.as_str())),
        );
    }
    if asked.is_empty() { Ok(Vec::new()) } else { message::in_threads(tx, &asked).await }
}

/// What each citizen sent around the times of their messages here.
async fn lately(tx: &mut Tx, messages: &[&Inbound], people: &People) -> Result<Vec<message::Earlier>, StoreError> {
    let mut windows: HashMap<CitizenId, (Timestamp, Timestamp)> = HashMap::new();
    for inbound in messages {
        let Some(citizen) = citizens(inbound, people).next() else { continue };
        let (from, until) = windows.entry(citizen).or_insert((inbound.sent_at, inbound.sent_at));
        *from = (*from).min(inbound.sent_at);
        *until = (*until).max(inbound.sent_at);
    }
    let widened = |(citizen, (from, until)): (CitizenId, (Timestamp, Timestamp))| {
        (citizen, from.checked_sub(BREATH).unwrap_or(from), until.checked_add(BREATH).unwrap_or(until))
    };
    let asked: Vec<_> = windows.into_iter().map(widened).collect();
    if asked.is_empty() { Ok(Vec::new()) } else { message::between(tx, &asked).await }
}

/// How much the known senders sent, who else sent the same words, and which channels are full.
async fn sent_lately(tx: &mut Tx, new: &[&Inbound], people: &People, rooms: &Rooms, now: Timestamp) -> Result<guard::Lately, StoreError> {
    let before = |at: Timestamp, by| at.checked_sub(by).unwrap_or(Timestamp::MIN);
    let known: BTreeSet<CitizenId> = new.iter().filter_map(|inbound| citizens(inbound, people).next()).collect();
    let known: Vec<CitizenId> = known.into_iter().collect();
    let first = new.iter().map(|inbound| inbound.received_at).min().unwrap_or(now);
    let words: BTreeSet<i64> = new.iter().filter_map(|inbound| guard::words_of(inbound)).collect();
    let channels: BTreeSet<(&AdapterName, &str)> = new.iter().map(|inbound| (&inbound.key.adapter, inbound.key.account.as_str())).collect();
    let channels: Vec<_> = channels.into_iter().collect();
    let rushed = rooms.rushes.among(tx, &channels, rooms.guard_at(now).rush, now).await?;
    let mut lately = guard::Lately { rushed, ..guard::Lately::default() };
    if !known.is_empty() {
        lately.habits = store::guard::habits(tx, &known, before(first, COUNTED), before(now, COUNTED)).await?;
    }
    if !words.is_empty() {
        let words: Vec<i64> = words.into_iter().collect();
        for (words, citizen) in store::guard::senders_of(tx, &words, before(now, SAME_WORDS)).await? {
            lately.words.entry(words).or_default().insert(citizen);
        }
    }
    Ok(lately)
}

async fn awaiting(tx: &mut Tx, messages: &[&Inbound], people: &People) -> Result<Vec<(CitizenId, ComplaintId)>, StoreError> {
    let asked: HashSet<(CitizenId, &str, &str)> = messages
        .iter()
        .filter_map(|inbound| Some((citizens(inbound, people).next()?, inbound.key.adapter.as_str(), inbound.key.account.as_str())))
        .collect();
    if asked.is_empty() { Ok(Vec::new()) } else { complaint::awaiting(tx, &asked.into_iter().collect::<Vec<_>>()).await }
}

/// Every complaint that one of the messages may belong to.
fn candidates(messages: &[&Inbound], known: &Known) -> Vec<ComplaintId> {
    let referred = messages.iter().flat_map(|inbound| {
        let keys = [inbound.replaces.clone(), answered_key(inbound)];
        keys.into_iter().flatten().filter_map(|key| known.recorded.get(&key)?.complaint)
    });
    let quoted = messages.iter().flat_map(|inbound| {
        let own = move |citizen: &CitizenId| citizens(inbound, &known.people).any(|own| own == *citizen);
        let numbers = Reference::find_in(&inbound.text).into_iter().filter_map(|number| known.numbers.get(&number));
        numbers.filter(move |(_, citizen)| own(citizen)).map(|(complaint, _)| *complaint)
    });
    let proven = messages.iter().filter_map(|inbound| known.numbers.get(&proven(inbound)?)).map(|(complaint, _)| *complaint);
    let all: BTreeSet<ComplaintId> = referred
        .chain(quoted)
        .chain(proven)
        .chain(known.answered.values().copied())
        .chain(known.threads.iter().filter_map(|earlier| earlier.complaint))
        .chain(known.lately.iter().filter_map(|earlier| earlier.complaint))
        .chain(known.awaiting.iter().map(|(_, complaint)| *complaint))
        .chain(known.blocked.iter().map(|block| block.complaint))
        .chain(known.lately_sent.habits.values().flat_map(|habits| [habits.basket, habits.alarm]).flatten())
        .collect();
    all.into_iter().collect()
}

async fn write(tx: &mut Tx, plan: &Plan, batch: &[(Bounded, TraceId)], now: Timestamp) -> Result<(), StoreError> {
    let messages: Vec<message::New<'_>> = plan
        .messages
        .iter()
        .map(|placed| {
            let (message, trace) = &batch[placed.at];
            message::New {
                id: placed.id,
                inbound: &message.inbound,
                citizen: placed.citizen,
                complaint: placed.complaint,
                cut: message.cut.as_deref(),
                trace: *trace,
            }
        })
        .collect();
    let replies: Vec<reply::New<'_>> =
        plan.replies.iter().map(|(draft, trace)| reply::New { draft, complaint: None, trace: *trace, now }).collect();
    citizen::write(tx, &plan.citizens, now).await?;
    message::insert(tx, &messages, now).await?;
    reply::take_back(tx, &plan.acknowledged_again).await?;
    complaint::write_many(tx, &plan.decisions).await?;
    store::guard::note_words(tx, &plan.words, now).await?;
    reply::insert(tx, &replies).await
}

/// One line for each message, once it is durable.
fn tell(plan: &Plan, batch: &[(Bounded, TraceId)]) {
    let numbers: HashMap<ComplaintId, Reference> =
        plan.decisions.iter().map(|decision| (decision.complaint.id, decision.complaint.reference)).collect();
    for (recorded, (message, trace)) in plan.recorded.iter().zip(batch) {
        let adapter = &message.inbound.key.adapter;
        let number = recorded.complaint().and_then(|id| numbers.get(&id)).copied().unwrap_or(message.inbound.reference);
        counter!("muara_messages_recorded_total", "adapter" => adapter.to_string(), "outcome" => outcome(*recorded)).increment(1);
        match recorded {
            Recorded::New(id) => info!(trace.id = %trace, complaint.id = %id, %adapter, "Recorded complaint {number}."),
            Recorded::FollowUp(id) => info!(trace.id = %trace, complaint.id = %id, %adapter, "Added a message to complaint {number}."),
            Recorded::Again(_) => info!(trace.id = %trace, %adapter, "Knew a message already."),
            // Told by who took it.
            Recorded::Code(_) => (),
            Recorded::Unreadable => info!(trace.id = %trace, %adapter, "Recorded a message that cannot be read."),
        }
    }
}

fn outcome(recorded: Recorded) -> &'static str {
    match recorded {
        Recorded::New(_) => "new",
        Recorded::FollowUp(_) => "follow_up",
        Recorded::Again(_) => "again",
        Recorded::Unreadable => "unreadable",
        Recorded::Code(_) => "code",
    }
}
