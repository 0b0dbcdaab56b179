//! The sum of one day and one adapter: what its doors took, and what was found of it. Pure: lines of RAW come in in any order, and what is known
//! of the surroundings at the end.
//!
//! Nothing is counted that could be counted twice: a number of a door is one thing however often its message is stored, delivered or parsed, and a
//! key is one message.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use bus::{DoorNumber, Entry, What, message_name};
use jiff::SignedDuration;
use model::{AdapterName, Event, MessageKey, Timestamp, TraceId};

use super::ranges::Ranges;

/// An event is published a moment before it is noted that it was made.
const A_MOMENT: SignedDuration = SignedDuration::from_mins(1);
/// Losses that are named one by one; the sums count all.
const MOST_NAMED: usize = 1000;

/// Where something of a day is now. In the equations of `docs/decisions/0041`, each is a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Of the door: the parser read it. Of messages: recorded. Of replies: the platform has it.
    Done,
    /// The same was there before.
    Again,
    /// It waits for a person, with its reason.
    Parked,
    /// A person gave it up, with a reason.
    Dropped,
    /// On its way still.
    UnderWay,
    /// Of replies: the platform said no, and a person has the task of telling the citizen.
    Task,
    /// Of replies: the platform said no, and it went on by another way.
    WentOn,
    /// Of replies: the platform said no to what need not arrive; staff see it at the complaint.
    Refused,
    /// Of replies: the citizen wants none, or is blocked.
    Withheld,
    /// Of replies: nobody can know whether it was sent. Staff see it.
    Unknown,
    /// RAW held the day's beginning no more when it was counted.
    Unproven,
    /// It should be somewhere, and is nowhere.
    Missing,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 12] = [
        Self::Done,
        Self::Again,
        Self::Parked,
        Self::Dropped,
        Self::UnderWay,
        Self::Task,
        Self::WentOn,
        Self::Refused,
        Self::Withheld,
        Self::Unknown,
        Self::Unproven,
        Self::Missing,
    ];

    /// The word in tables, figures and word files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Again => "again",
            Self::Parked => "parked",
            Self::Dropped => "dropped",
            Self::UnderWay => "under_way",
            Self::Task => "task",
            Self::WentOn => "went_on",
            Self::Refused => "refused",
            Self::Withheld => "withheld",
            Self::Unknown => "unknown",
            Self::Unproven => "unproven",
            Self::Missing => "missing",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// Sums by state.
pub type Sums = BTreeMap<State, u64>;

/// One thing that is nowhere, by its name, and where it was last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// Numbers of a door that never came to RAW, or were removed from it before they were counted.
    Numbers {
        /// The door.
        door: Arc<str>,
        /// From this number …
        first: u64,
        /// … to this one.
        last: u64,
        /// When the door took the number before the first.
        after: Option<Timestamp>,
        /// When it took the number after the last.
        before: Option<Timestamp>,
    },
    /// A raw message that was acknowledged without a note of what was made of it.
    Raw {
        /// Its number, where its door numbers.
        number: Option<DoorNumber>,
        /// Its place in RAW.
        sequence: u64,
        /// Its trace.
        trace: TraceId,
        /// When the door took it.
        taken_at: Timestamp,
    },
    /// A message that was read and is not recorded.
    Message {
        /// Its key.
        key: MessageKey,
        /// The number that brought it.
        number: Option<DoorNumber>,
        /// Its trace.
        trace: TraceId,
        /// When its event was made.
        made_at: Timestamp,
    },
}

/// A message that the parser found in what the door took on the day.
#[derive(Debug, Clone)]
pub struct Brought {
    /// Its key, as it is recorded.
    pub key: MessageKey,
    number: Option<DoorNumber>,
    trace: TraceId,
    made_at: Timestamp,
}

/// What lies around a day's ledger when it is closed.
#[derive(Debug, Default)]
pub struct Around {
    /// Now.
    pub now: Timestamp,
    /// What is younger than this is on its way.
    pub patience: SignedDuration,
    /// Up to where in RAW the adapter has acknowledged; `None`: it never read.
    pub read_to: Option<u64>,
    /// When the oldest event was published that intake has not finished; `None`: there is none.
    pub events_oldest: Option<Timestamp>,
    /// Names of what is parked, and of what a person dropped.
    pub parked: HashSet<String>,
    /// The same of what a person dropped.
    pub dropped: HashSet<String>,
    /// What earlier looks knew of each door.
    pub doors: BTreeMap<Arc<str>, Before>,
    /// What doors said of themselves before RAW was read, where the day is today.
    pub said: Vec<Said>,
    /// When the oldest message was stored that RAW still holds.
    pub raw_begins: Option<Timestamp>,
    /// The day is not over: what a door says of its last number is said of this day.
    pub is_today: bool,
}

/// What earlier looks knew of a door.
#[derive(Debug, Clone, Default)]
pub struct Before {
    /// Its last number of earlier days.
    pub last: Option<u64>,
    /// The last one of this day that an earlier look knew of.
    pub this_day: Option<u64>,
    /// Numbers of this day that were found to be read or known.
    pub proven: Ranges,
}

/// What a door says of itself.
#[derive(Debug, Clone)]
pub struct Said {
    /// The last number that it said yes to.
    pub last: DoorNumber,
    /// How many messages wait in its spool.
    pub waiting: u64,
    /// When it took the last one.
    pub taken_at: Option<Timestamp>,
}

/// What is kept of a door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoorDay {
    /// The door.
    pub door: Arc<str>,
    /// Its last number of the day.
    pub last: u64,
    /// Numbers that were found to be read or known.
    pub proven: Ranges,
}

/// A day of one adapter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judged {
    /// What the doors took.
    pub taken: Sums,
    /// What was found in it, by account.
    pub messages: BTreeMap<String, Sums>,
    /// What is nowhere; at most some hundreds.
    pub missing: Vec<Missing>,
    /// To go on from.
    pub doors: Vec<DoorDay>,
}

/// A raw message of the day of which nothing is known yet.
#[derive(Debug)]
struct Open {
    number: Option<DoorNumber>,
    sequence: u64,
    taken_at: Timestamp,
    trace: TraceId,
}

#[derive(Debug, Default)]
struct Door {
    /// In RAW, whenever they were taken.
    stored: Ranges,
    /// The server knew their bytes.
    again: Ranges,
    /// Taken on the day.
    day: Ranges,
    /// Taken on the day, and read.
    read: Ranges,
    /// When the ends of ranges were taken.
    times: BTreeMap<u64, Timestamp>,
}

/// The lines so far.
#[derive(Debug)]
pub struct Ledger {
    from: Timestamp,
    to: Timestamp,
    doors: BTreeMap<Arc<str>, Door>,
    open: HashMap<String, Vec<Open>>,
    read: u64,
    messages: BTreeMap<String, Sums>,
    lost: Vec<Brought>,
}

impl Ledger {
    /// Of what doors took from `from` on and before `to`.
    pub fn new(from: Timestamp, to: Timestamp) -> Self {
        Self { from, to, doors: BTreeMap::new(), open: HashMap::new(), read: 0, messages: BTreeMap::new(), lost: Vec::new() }
    }

    fn is_of_day(&self, at: Timestamp) -> bool {
        (self.from..self.to).contains(&at)
    }

    /// Writes down a line. The messages that it shows were brought: say of each what is recorded, by [`Self::found`].
    #[must_use = "each of them has to be looked for"]
    pub fn hear(&mut self, entry: Entry) -> Vec<Brought> {
        let Entry { sequence, stored_at, what } = entry;
        match what {
            What::Raw { hash, number, taken_at, trace } => {
                if self.is_new(number.as_ref(), taken_at) && self.is_of_day(taken_at) {
                    self.open.entry(hash).or_default().push(Open { number, sequence, taken_at, trace });
                }
                Vec::new()
            }
            What::Made { hash, events } => self.made(&hash, &events, stored_at),
            What::Again { door, numbers } => {
                for (number, at) in numbers {
                    let is_of_day = self.is_of_day(at);
                    let door = self.doors.entry(door.clone()).or_default();
                    door.again.insert(number);
                    door.note(number, at, is_of_day);
                }
                Vec::new()
            }
        }
    }

    /// One that was forwarded twice is stored twice, and was taken once.
    fn is_new(&mut self, number: Option<&DoorNumber>, taken_at: Timestamp) -> bool {
        let Some(number) = number else { return true };
        let is_of_day = self.is_of_day(taken_at);
        let door = self.doors.entry(number.door.clone()).or_default();
        let is_new = door.stored.insert(number.number);
        door.note(number.number, taken_at, is_of_day);
        is_new
    }

    /// Hashes of raw messages of which nothing is known yet: their note may lie before them, or nowhere.
    pub fn unread(&self) -> Vec<String> {
        self.open.keys().cloned().collect()
    }

    /// The names of everything that is not where it should be: what a person dropped is among them.
    pub fn names(&self) -> Vec<String> {
        self.open.keys().cloned().chain(self.lost.iter().map(|lost| message_name(&lost.key))).collect()
    }

    fn made(&mut self, hash: &str, events: &[Event], made_at: Timestamp) -> Vec<Brought> {
        let mut brought = Vec::new();
        for open in self.open.remove(hash).unwrap_or_default() {
            self.read += 1;
            if let Some(number) = &open.number {
                self.doors.entry(number.door.clone()).or_default().read.insert(number.number);
            }
            let keys = events.iter().filter_map(|event| if let Event::Message(inbound) = event { Some(&inbound.key) } else { None });
            let keys: BTreeSet<&MessageKey> = keys.collect();
            let each =
                keys.into_iter().map(|key| Brought { key: as_recorded(key), number: open.number.clone(), trace: open.trace, made_at });
            brought.extend(each);
        }
        brought
    }

    /// What is recorded under a message's key: the trace of the delivery that it came with first.
    pub fn found(&mut self, brought: Brought, recorded: Option<TraceId>) {
        let state = match recorded {
            Some(trace) if trace == brought.trace => State::Done,
            Some(_) => State::Again,
            None => return self.lost.push(brought),
        };
        self.count(&brought.key.account, state);
    }

    fn count(&mut self, account: &str, state: State) {
        *self.messages.entry(account.to_owned()).or_default().entry(state).or_default() += 1;
    }

    /// Judges what is left.
    pub fn close(mut self, around: &Around) -> Judged {
        let mut judged = Judged::default();
        self.close_raws(around, &mut judged);
        self.close_messages(around, &mut judged);
        self.close_doors(around, &mut judged);
        judged.messages = self.messages;
        judged.missing.truncate(MOST_NAMED);
        judged
    }

    fn close_raws(&mut self, around: &Around, judged: &mut Judged) {
        judged.add(State::Done, self.read);
        let mut open: Vec<(String, Open)> = std::mem::take(&mut self.open)
            .into_iter()
            .flat_map(|(hash, all)| all.into_iter().map(move |one| (hash.clone(), one)))
            .collect();
        open.sort_by_key(|(_, open)| open.sequence);
        for (hash, open) in open {
            let waits = around.read_to.is_none_or(|read_to| open.sequence > read_to);
            let state = around.state(&hash, open.taken_at, waits);
            judged.add(state, 1);
            if state == State::Missing {
                let Open { number, sequence, taken_at, trace } = open;
                judged.missing.push(Missing::Raw { number, sequence, trace, taken_at });
            }
        }
    }

    fn close_messages(&mut self, around: &Around, judged: &mut Judged) {
        let mut named = BTreeSet::new();
        for lost in std::mem::take(&mut self.lost) {
            // Brought twice and recorded never is lost once.
            let state = if named.insert(lost.key.clone()) {
                let waits = around.events_oldest.is_some_and(|oldest| oldest <= lost.made_at + A_MOMENT);
                around.state(&message_name(&lost.key), lost.made_at, waits)
            } else {
                State::Again
            };
            self.count(&lost.key.account, state);
            if state == State::Missing {
                let Brought { key, number, trace, made_at } = lost;
                judged.missing.push(Missing::Message { key, number, trace, made_at });
            }
        }
    }

    fn close_doors(&mut self, around: &Around, judged: &mut Judged) {
        let proven = around.doors.iter().filter(|(_, before)| !before.proven.is_empty() || before.this_day.is_some()).map(|(door, _)| door);
        for door in around.said.iter().filter(|_| around.is_today).map(|said| &said.last.door).chain(proven) {
            self.doors.entry(door.clone()).or_default();
        }
        for (name, door) in &self.doors {
            let before = around.doors.get(name).cloned().unwrap_or_default();
            let said = around.said.iter().find(|said| said.last.door == *name);
            judged.add(State::Again, door.day.without(&door.stored).len());
            let end = said.map(|said| said.last.number).filter(|last| around.is_today && Some(*last) > before.last);
            let Some(last) = door.day.last().max(before.proven.last()).max(before.this_day).max(end) else { continue };
            let first = before.last.map(|last| last + 1).or_else(|| (born(name)? >= self.from).then_some(1)).or(door.day.first());
            let seen = [door.day.first(), before.proven.first()].into_iter().flatten();
            let first = seen.fold(first.unwrap_or(last), u64::min);
            let mut known = door.stored.clone();
            known.extend(&door.again);
            // Read by an earlier look, and removed from RAW since.
            let proven = before.proven.within(first, last).without(&known);
            judged.add(State::Done, proven.len());
            known.extend(&proven);
            for (start, end) in known.gaps(first..=last) {
                let gap = Gap { first: start, last: end, door, is_first: start == first };
                let state = gap.state(around, said, self.from);
                judged.add(state, (end - start).saturating_add(1));
                if state == State::Missing {
                    judged.missing.push(gap.named(name));
                }
            }
            let mut found = door.read.clone();
            found.extend(&door.day.without(&door.stored));
            found.extend(&proven);
            judged.doors.push(DoorDay { door: name.clone(), last, proven: found });
        }
    }
}

impl Door {
    fn note(&mut self, number: u64, at: Timestamp, is_of_day: bool) {
        if is_of_day {
            self.day.insert(number);
        }
        // Only the times of the ends of ranges are of use: those between two neighbours are forgotten.
        let inner = |number: u64, all: &[&Ranges]| {
            let known = |number: u64| all.iter().any(|ranges| ranges.contains(number));
            number.checked_sub(1).is_some_and(known) && number.checked_add(1).is_some_and(known)
        };
        self.times.insert(number, at);
        for near in [number.saturating_sub(1), number, number.saturating_add(1)] {
            if inner(near, &[&self.stored, &self.again]) {
                self.times.remove(&near);
            }
        }
    }
}

/// Numbers of which nothing is there.
struct Gap<'a> {
    first: u64,
    last: u64,
    door: &'a Door,
    /// Nothing of the day is known before it.
    is_first: bool,
}

impl Gap<'_> {
    fn before(&self) -> Option<Timestamp> {
        self.door.times.get(&self.first.checked_sub(1)?).copied()
    }

    fn after(&self) -> Option<Timestamp> {
        self.door.times.get(&self.last.checked_add(1)?).copied()
    }

    fn state(&self, around: &Around, said: Option<&Said>, from: Timestamp) -> State {
        // The end of what the door took: forwarded in order, so it waits in the spool if anything does.
        let is_end = self.after().is_none();
        let young = self.after().or(said.and_then(|said| said.taken_at)).is_some_and(|at| around.is_young(at));
        if young || (is_end && said.is_some_and(|said| said.waiting > 0)) {
            return State::UnderWay;
        }
        let forgotten = around.raw_begins.is_none_or(|begins| begins > from);
        if forgotten && self.is_first { State::Unproven } else { State::Missing }
    }

    fn named(&self, door: &Arc<str>) -> Missing {
        Missing::Numbers { door: door.clone(), first: self.first, last: self.last, after: self.before(), before: self.after() }
    }
}

impl Around {
    fn is_young(&self, at: Timestamp) -> bool {
        self.now.duration_since(at) < self.patience
    }

    /// Of something that was taken or made `at` and is not where it should be.
    fn state(&self, name: &str, at: Timestamp, waits: bool) -> State {
        match () {
            () if self.parked.contains(name) => State::Parked,
            () if self.dropped.contains(name) => State::Dropped,
            () if waits || self.is_young(at) => State::UnderWay,
            () => State::Missing,
        }
    }
}

impl Judged {
    fn add(&mut self, state: State, count: u64) {
        if count > 0 {
            let sum = self.taken.entry(state).or_default();
            *sum = sum.saturating_add(count);
        }
    }
}

/// When a door was made, by its name.
fn born(door: &str) -> Option<Timestamp> {
    let (seconds, _) = door.split_once('-')?;
    Timestamp::from_second(i64::from_str_radix(seconds, 16).ok()?).ok()
}

/// A platform's id may hold what PostgreSQL does not.
fn as_recorded(key: &MessageKey) -> MessageKey {
    let clean = |text: &str| text.replace('\0', "");
    MessageKey { adapter: key.adapter.clone(), account: clean(&key.account), id: clean(&key.id) }
}

/// One line for an administrator at a terminal. Message keys are shown: who may run the command may read the database.
impl Missing {
    /// What it is.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Numbers { .. } => "number",
            Self::Raw { .. } => "raw",
            Self::Message { .. } => "message",
        }
    }

    /// Its name: the same on every look.
    pub fn name(&self) -> String {
        match self {
            Self::Numbers { door, first, last, .. } if first == last => format!("{door}#{first}"),
            Self::Numbers { door, first, last, .. } => format!("{door}#{first}-{last}"),
            Self::Raw { number: Some(number), .. } => number.to_string(),
            Self::Raw { number: None, trace, .. } => trace.to_string(),
            Self::Message { key, .. } => message_name(key),
        }
    }

    /// Where it was last seen, without a citizen's words or address.
    pub fn seen(&self, adapter: &AdapterName) -> String {
        let time = |at: &Option<Timestamp>| at.map_or_else(|| "?".to_owned(), |at| format!("{at:.0}"));
        match self {
            Self::Numbers { after, before, .. } => {
                format!(
                    "taken at the door between {} and {}; not in RAW: look into `damaged` of the spool of {adapter}",
                    time(after),
                    time(before)
                )
            }
            Self::Raw { sequence, trace, taken_at, .. } => {
                format!(
                    "taken {taken_at:.0}, in RAW at {sequence}, read, and nothing is noted of what was made; trace {trace}: `adapter-{adapter} replay` reads it again"
                )
            }
            Self::Message { number, trace, made_at, .. } => {
                let number = number.as_ref().map_or_else(|| "a door without numbers".to_owned(), ToString::to_string);
                format!("from {number}, its event made {made_at:.0}, and neither recorded, parked nor on its way; trace {trace}")
            }
        }
    }

    /// The account that it was written to, where that is known.
    pub fn account(&self) -> Option<&str> {
        if let Self::Message { key, .. } = self { Some(&key.account) } else { None }
    }

    /// Its trace, where one is known.
    pub fn trace(&self) -> Option<TraceId> {
        match self {
            Self::Numbers { .. } => None,
            Self::Raw { trace, .. } | Self::Message { trace, .. } => Some(*trace),
        }
    }
}
