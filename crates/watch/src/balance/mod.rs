//! The balance: everything that was said yes to is somewhere, and everybody who is owed a reply has it, or somebody knows why not. Counted for
//! one day, by names and not by counters, so that what is missing has its name (`docs/decisions/0041`).
//!
//! ```text
//!  what doors took        = read + known again + parked + dropped + under way + missing
//!  messages in what was   = recorded + known again + parked + dropped + under way + missing
//!    read
//!  replies owed           = at the platform + refused (a task, another way, or seen by staff) + withheld + under way + missing
//! ```
//!
//! What is read: the day's part of RAW once, front to back; for each message one look into the index of its key; the day's replies and complaints
//! by keys that grow with time. Nothing is held but what is open.

mod keep;
mod ledger;
mod ranges;
mod replies;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    time::Instant,
};

use bus::{Announcement, Bus, BusError, Entry, What};
use jiff::{SignedDuration, ToSpan, civil::Date};
use model::{AdapterName, Directory, MessageKey, Timestamp, clock::Zone};
use store::{
    PgPool, StoreError,
    balance::{Day, Door, Sum},
};
use tracing::warn;

pub use keep::keep_balance;
pub use ledger::{Around, Before, Brought, DoorDay, Judged, Ledger, Missing, Said, State, Sums};
pub use ranges::Ranges;

/// What is younger than this is on its way: longer than files are waited for, and than a restart takes.
pub const PATIENCE: SignedDuration = SignedDuration::from_mins(15);
/// Keys that are looked up at once.
const TOGETHER: usize = 500;
/// Parked messages whose names are read.
const MOST_PARKED: usize = 20_000;
/// Parked messages that are listed at once.
const PARKED_AT_ONCE: usize = 200;

/// Why a day could not be counted.
#[derive(Debug, thiserror::Error)]
pub enum BalanceError {
    /// The bus.
    #[error("the bus could not be read")]
    Bus(#[from] BusError),
    /// The database.
    #[error("the database could not be read")]
    Store(#[from] StoreError),
    /// No such day.
    #[error("there is no such day in this zone")]
    Day(#[from] jiff::Error),
}

/// Which day, seen from when.
#[derive(Debug, Clone, Copy)]
pub struct Looking {
    /// The day.
    pub day: Date,
    /// Where it begins and ends.
    pub zone: Zone,
    /// Now.
    pub now: Timestamp,
    /// What is younger is on its way: [`PATIENCE`].
    pub patience: SignedDuration,
}

impl Looking {
    fn span(&self) -> Result<(Timestamp, Timestamp), jiff::Error> {
        let zone = self.zone.time_zone();
        let begin = |day: Date| Ok::<_, jiff::Error>(day.to_zoned(zone.clone())?.timestamp());
        Ok((begin(self.day)?, begin(self.day.tomorrow()?)?))
    }
}

/// Whose day is counted: every adapter that a way in names, and every one that spoke within 30 days.
fn adapters(directory: &Directory, said: &[Announcement]) -> BTreeSet<AdapterName> {
    directory.channels.iter().map(|channel| channel.adapter.clone()).chain(said.iter().map(|said| said.adapter.clone())).collect()
}

/// What is asked once for all adapters, before anything is read: what comes meanwhile is on its way.
struct Surroundings {
    said: Vec<Announcement>,
    raw_begins: Option<Timestamp>,
    raw_is_whole: bool,
    events_oldest: Option<Timestamp>,
    replies_oldest: BTreeMap<AdapterName, Timestamp>,
    parked: HashSet<String>,
}

impl Surroundings {
    async fn ask(bus: &Bus) -> Result<Self, BusError> {
        let said = bus.announced().await?;
        let (mut events_oldest, mut replies_oldest) = (None, BTreeMap::new());
        for queue in bus.backlog().await? {
            let Some(oldest) = queue.oldest.filter(|_| queue.waiting > 0) else { continue };
            match (queue.stream, queue.reader.parse()) {
                ("EVENTS", _) => events_oldest = Some(oldest),
                ("REPLIES", Ok(adapter)) => _ = replies_oldest.insert(adapter, oldest),
                _ => {}
            }
        }
        let (raw_begins, raw_is_whole, parked) = (bus.raw_begins().await?, bus.raw_is_whole().await?, parked(bus).await?);
        Ok(Self { said, raw_begins, raw_is_whole, events_oldest, replies_oldest, parked })
    }

    /// Whether RAW still has all that came in since.
    fn holds(&self, from: Timestamp) -> bool {
        self.raw_is_whole || self.raw_begins.is_some_and(|begins| begins <= from)
    }
}

/// The names of what waits for a person.
async fn parked(bus: &Bus) -> Result<HashSet<String>, BusError> {
    let (mut names, mut after) = (HashSet::new(), None);
    for _ in 0..MOST_PARKED / PARKED_AT_ONCE {
        let page = bus.parked(after, PARKED_AT_ONCE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for one in page {
            // A large one is listed without its bytes.
            let whole = if one.bytes.is_empty() { bus.parked_one(one.id).await } else { Ok(Some(one)) };
            match whole {
                Ok(whole) => names.extend(whole.map(|one| one.name())),
                Err(error) => {
                    warn!(error = &error as &dyn std::error::Error, "A parked message cannot be read, and has no name in the balance.");
                }
            }
        }
    }
    Ok(names)
}

/// Counts a day, of every adapter, and keeps what was found. What fails of one adapter is told at the end: the others are counted all the same.
pub async fn balance(db: &PgPool, bus: &Bus, directory: &Directory, looking: Looking) -> Result<Vec<Day>, BalanceError> {
    let around = Surroundings::ask(bus).await?;
    let mut replies = replies::count(db, &around, looking).await?;
    let mut names = adapters(directory, &around.said);
    names.extend(replies.keys().cloned());
    let mut days = Vec::with_capacity(names.len());
    let mut failed = None;
    for adapter in names {
        let began = Instant::now();
        let judged = match read(db, bus, &adapter, &around, looking).await {
            Ok(judged) => judged,
            Err(error) => {
                warn!(%adapter, error = &error as &dyn std::error::Error, "The balance of {} could not be drawn.", looking.day);
                failed = Some(error);
                continue;
            }
        };
        let answers = replies.remove(&adapter).unwrap_or_default();
        let mut day =
            Day { day: looking.day, looked_at: looking.now, took: began.elapsed(), sums: sums(&judged), missing: Vec::new(), adapter };
        day.missing = judged.missing.iter().map(|missing| written(missing, &day.adapter)).collect();
        answers.add_to(&mut day);
        let doors: Vec<Door> = judged.doors.iter().map(kept).collect();
        let mut tx = store::begin(db).await?;
        store::balance::keep(&mut tx, &day, &doors, around.holds(looking.span()?.0)).await?;
        store::commit(tx).await?;
        days.push(day);
    }
    if let Some(error) = failed {
        return Err(error);
    }
    store::balance::looked_at(db, looking.day, looking.now).await?;
    Ok(days)
}

fn sums(judged: &Judged) -> Vec<Sum> {
    let sum = |part: &str, account: &str, sums: &Sums| {
        let each = sums.iter().map(|(state, count)| (state.as_str().to_owned(), *count));
        each.map(|(state, count)| Sum { part: part.to_owned(), account: account.to_owned(), state, count }).collect::<Vec<_>>()
    };
    let messages = judged.messages.iter().flat_map(|(account, sums)| sum("message", account, sums));
    sum("door", "", &judged.taken).into_iter().chain(messages).collect()
}

fn written(missing: &Missing, adapter: &AdapterName) -> store::balance::Missing {
    store::balance::Missing {
        account: missing.account().map(str::to_owned),
        kind: missing.kind().to_owned(),
        name: missing.name(),
        seen: missing.seen(adapter),
        trace: missing.trace(),
    }
}

fn kept(door: &DoorDay) -> Door {
    Door { door: door.door.to_string(), last: door.last, proven: door.proven.to_string() }
}

/// Reads one adapter's part of RAW.
async fn read(db: &PgPool, bus: &Bus, adapter: &AdapterName, around: &Surroundings, looking: Looking) -> Result<Judged, BalanceError> {
    let (from, to) = looking.span()?;
    let read_to = bus.raw_read_to(adapter).await?;
    let mut ledger = Ledger::new(from, to);
    let mut waiting: Vec<Brought> = Vec::new();
    let mut reader = bus.ledger_since(adapter, from).await?;
    while let Some(entry) = reader.next().await? {
        waiting.extend(ledger.hear(entry));
        if waiting.len() >= TOGETHER {
            look_up(db, &mut ledger, std::mem::take(&mut waiting)).await?;
        }
    }
    reader.close().await?;
    for hash in ledger.unread() {
        if let Some(events) = bus.made_of_hash(adapter, &hash).await? {
            let entry = Entry { sequence: 0, stored_at: looking.now, what: What::Made { hash, events } };
            waiting.extend(ledger.hear(entry));
        }
    }
    look_up(db, &mut ledger, waiting).await?;
    let dropped = store::balance::dropped(db, &ledger.names()).await?;
    let doors = store::balance::doors(db, adapter, looking.day).await?;
    let is_today = (from..to).contains(&looking.now);
    let said = around.said.iter().filter(|said| said.adapter == *adapter);
    Ok(ledger.close(&Around {
        now: looking.now,
        patience: looking.patience,
        read_to,
        events_oldest: around.events_oldest,
        parked: around.parked.clone(),
        dropped: dropped.into_iter().collect(),
        doors: doors.into_iter().map(before).collect(),
        said: said.filter_map(of_door).collect(),
        is_today,
        raw_begins: around.raw_begins,
    }))
}

fn before(door: store::balance::Known) -> (std::sync::Arc<str>, Before) {
    let some = |number: u64| Some(number).filter(|number| *number > 0);
    let before = Before { last: some(door.last), this_day: some(door.this_day), proven: door.proven.parse().unwrap_or_default() };
    (door.door.into(), before)
}

fn of_door(said: &Announcement) -> Option<Said> {
    let last = said.door.clone().filter(|last| last.number > 0)?;
    Some(Said { last, waiting: said.spool_waiting, taken_at: said.last_message })
}

async fn look_up(db: &PgPool, ledger: &mut Ledger, brought: Vec<Brought>) -> Result<(), StoreError> {
    let mut rest = brought;
    while !rest.is_empty() {
        let some: Vec<Brought> = rest.drain(..rest.len().min(TOGETHER)).collect();
        let keys: Vec<MessageKey> = some.iter().map(|brought| brought.key.clone()).collect();
        let recorded = store::balance::recorded(db, &keys).await?;
        for (brought, recorded) in some.into_iter().zip(recorded) {
            ledger.found(brought, recorded);
        }
    }
    Ok(())
}

/// Which days are to be looked at now: today every six hours, yesterday once it is an hour over, and what was not settled of the last week again
/// every six hours.
pub fn due(looked: &[store::balance::Looked], now: Timestamp, zone: Zone) -> Vec<Date> {
    const AGAIN: SignedDuration = SignedDuration::from_hours(6);
    const OVER: SignedDuration = SignedDuration::from_hours(1);
    let zone = zone.time_zone();
    let today = now.to_zoned(zone.clone()).date();
    let last = |day: Date| looked.iter().find(|looked| looked.day == day);
    let mut due = Vec::new();
    for back in (0..=7).rev() {
        let Ok(day) = today.checked_sub(back.days()) else { continue };
        let Some(end) = day.tomorrow().ok().and_then(|next| next.to_zoned(zone.clone()).ok()).map(|end| end.timestamp()) else { continue };
        let rested = last(day).is_none_or(|last| now.duration_since(last.looked_at) >= AGAIN);
        let closed = last(day).is_some_and(|last| last.looked_at.duration_since(end) >= OVER);
        let is_due = match back {
            0 => rested,
            1 => now.duration_since(end) >= OVER && (!closed || (rested && last(day).is_some_and(|last| last.unsettled))),
            _ => rested && last(day).is_some_and(|last| last.unsettled || !closed),
        };
        if is_due {
            due.push(day);
        }
    }
    due
}
