//! Made-up days: doors take messages, some are delivered twice, statuses bring nothing, albums bring several; lines come in any order and more than
//! once. What was not lost is never called missing, and what was lost is named.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use bus::{DoorNumber, Entry, What, message_name};
use jiff::{SignedDuration, ToSpan, civil::date};
use model::{Event, MessageKey, Timestamp, TraceId, clock::Zone};
use proptest::prelude::*;
use store::balance::Looked;

use super::{Around, Before, Judged, Ledger, Missing, Ranges, Said, State, due};

const HOUR: i64 = 3600;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + seconds).expect("a time")
}

fn door() -> Arc<str> {
    format!("{:x}-0a", at(-HOUR).as_second()).into()
}

fn key(n: usize) -> MessageKey {
    MessageKey { adapter: "chat".parse().expect("a name"), account: "1".into(), id: format!("m{n}") }
}

fn message(key: &MessageKey) -> Event {
    let inbound = serde_json::json!({
        "reference": model::Reference::of(key, 0), "key": key, "sender": ["chat:ani"], "audience": "private",
        "text": "", "sent_at": "2026-11-21T00:00:00Z", "received_at": "2026-11-21T00:00:00Z", "reply_to": null,
    });
    Event::Message(serde_json::from_value(inbound).expect("a message"))
}

fn status() -> Event {
    Event::OptOut { address: "chat:ani".parse().expect("an address") }
}

fn trace(n: usize) -> TraceId {
    format!("{:032x}", n + 1).parse().expect("a trace")
}

/// Where a message goes wrong, or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// As it should be.
    Fine,
    /// It never comes to RAW, or is taken out of it.
    NotInRaw,
    /// The server knew its bytes: the same as the one before.
    Known,
    /// It is acknowledged, and nothing is known of it.
    NotRead,
    /// It cannot be parsed.
    Parked,
    /// The same, and somebody gave it up.
    Dropped,
    /// It was not read yet.
    Waits,
    /// Its events are lost, or their rows taken away.
    NotRecorded,
    /// Its events are parked.
    EventsParked,
    /// Its events wait for intake.
    EventsWait,
}

/// What a door took: its fate, how many messages it brings, whether they are those of the one before, how often its lines are there, where they go.
#[derive(Debug, Clone)]
struct Taken {
    fate: Fate,
    messages: usize,
    same_as_before: bool,
    forwarded: usize,
    place: u32,
}

fn taken() -> impl Strategy<Value = Taken> {
    let fate = prop_oneof![
        12 => Just(Fate::Fine),
        1 => Just(Fate::NotInRaw),
        3 => Just(Fate::Known),
        1 => Just(Fate::NotRead),
        1 => Just(Fate::Parked),
        1 => Just(Fate::Dropped),
        1 => Just(Fate::Waits),
        1 => Just(Fate::NotRecorded),
        1 => Just(Fate::EventsParked),
        1 => Just(Fate::EventsWait),
    ];
    (fate, 0_usize..3, prop::bool::weighted(0.2), 1_usize..3, 0_u32..40)
        .prop_map(|(fate, messages, same_as_before, forwarded, place)| Taken { fate, messages, same_as_before, forwarded, place })
}

/// What a history must come to.
#[derive(Debug, Default)]
struct Expected {
    taken: BTreeMap<State, u64>,
    messages: BTreeMap<State, u64>,
    missing: BTreeSet<String>,
}

impl Expected {
    fn taken(&mut self, state: State) {
        *self.taken.entry(state).or_default() += 1;
    }

    fn message(&mut self, state: State) {
        *self.messages.entry(state).or_default() += 1;
    }
}

/// A history as it would have been written down.
#[derive(Default)]
struct History {
    lines: Vec<(u32, Entry)>,
    recorded: HashMap<MessageKey, TraceId>,
    around: Around,
    expected: Expected,
}

const READ_TO: u64 = 1_000_000;

fn history(days: &[Taken]) -> History {
    let around = Around {
        now: at(20 * HOUR),
        patience: SignedDuration::from_mins(15),
        read_to: Some(READ_TO),
        events_oldest: Some(at(10 * HOUR)),
        raw_begins: Some(at(-5 * HOUR)),
        is_today: true,
        // Somebody counted before: the door had given nothing.
        doors: BTreeMap::from([(door(), Before { last: Some(0), this_day: None, proven: Ranges::default() })]),
        ..Around::default()
    };
    let mut history = History { around, ..History::default() };
    for (n, one) in days.iter().enumerate() {
        history.take(n, one);
    }
    history
}

impl History {
    fn take(&mut self, n: usize, one: &Taken) {
        let number = DoorNumber { door: door(), number: n as u64 + 1 };
        let (hash, taken_at) = (format!("raw-{n}"), at(60 + i64::try_from(n).expect("few")));
        let fate = one.fate;
        match fate {
            Fate::NotInRaw => {
                self.expected.taken(State::Missing);
                self.expected.missing.insert(number.to_string());
                return;
            }
            Fate::Known => {
                self.expected.taken(State::Again);
                let what = What::Again { door: number.door, numbers: vec![(number.number, taken_at)] };
                return self.line(one, 0, taken_at, &what, 0);
            }
            _ => {}
        }
        // Its note comes after it; others come between.
        let sequence = if fate == Fate::Waits { READ_TO + 1 } else { n as u64 };
        self.line(one, sequence, taken_at, &What::Raw { hash: hash.clone(), number: Some(number.clone()), taken_at, trace: trace(n) }, 0);
        match fate {
            Fate::Parked => _ = self.around.parked.insert(hash.clone()),
            Fate::Dropped => _ = self.around.dropped.insert(hash.clone()),
            _ => {}
        }
        self.expected.taken(match fate {
            Fate::NotRead => State::Missing,
            Fate::Parked => State::Parked,
            Fate::Dropped => State::Dropped,
            Fate::Waits => State::UnderWay,
            _ => State::Done,
        });
        match fate {
            Fate::NotRead => _ = self.expected.missing.insert(number.to_string()),
            Fate::Parked | Fate::Dropped | Fate::Waits => {}
            _ => {
                let keys: Vec<MessageKey> = (0..one.messages).map(|m| key(10 * if one.same_as_before { 0 } else { n } + m)).collect();
                // Waiting events are younger than the oldest that waits.
                let made_at = if fate == Fate::EventsWait { at(11 * HOUR) } else { taken_at };
                let events = keys.iter().map(message).chain([status()]).collect();
                self.line(one, n as u64, made_at, &What::Made { hash, events }, 1000);
                self.messages(&keys, fate, trace(n));
            }
        }
    }

    fn messages(&mut self, keys: &[MessageKey], fate: Fate, by: TraceId) {
        for key in keys {
            let name = message_name(key);
            let known = self.recorded.contains_key(key);
            match fate {
                _ if known => self.expected.message(State::Again),
                // One that others of the history bring too is left to them.
                Fate::NotRecorded | Fate::EventsParked | Fate::EventsWait if key.id.len() == 2 => {
                    self.recorded.insert(key.clone(), by);
                    self.expected.message(State::Done);
                }
                Fate::NotRecorded => {
                    self.expected.message(State::Missing);
                    self.expected.missing.insert(name);
                }
                Fate::EventsParked => {
                    self.expected.message(State::Parked);
                    self.around.parked.insert(name);
                }
                Fate::EventsWait => self.expected.message(State::UnderWay),
                _ => {
                    self.recorded.insert(key.clone(), by);
                    self.expected.message(State::Done);
                }
            }
        }
    }

    /// Forwarded again or made again, a line is there more than once.
    fn line(&mut self, one: &Taken, sequence: u64, stored_at: Timestamp, what: &What, later: u32) {
        for again in 0..one.forwarded {
            let place = one.place + later + 100 * u32::try_from(again).expect("few");
            self.lines.push((place, Entry { sequence, stored_at, what: what.clone() }));
        }
    }

    /// Looks through it in the order in which its lines lie.
    fn look(&mut self, span: (i64, i64)) -> Judged {
        self.lines.sort_by_key(|(place, _)| *place);
        let mut ledger = Ledger::new(at(span.0), at(span.1));
        for (_, entry) in &self.lines {
            for brought in ledger.hear(entry.clone()) {
                let recorded = self.recorded.get(&brought.key).copied();
                ledger.found(brought, recorded);
            }
        }
        ledger.close(&self.around)
    }
}

/// A gap is named as one: here each number of it is.
fn each_name(missing: &[Missing]) -> BTreeSet<String> {
    let names = missing.iter().flat_map(|missing| match missing {
        Missing::Numbers { door, first, last, .. } => (*first..=*last).map(|number| format!("{door}#{number}")).collect(),
        other => vec![other.name()],
    });
    names.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn every_loss_is_named_and_nothing_else_is(days in prop::collection::vec(taken(), 1..40)) {
        let mut days = days;
        // The door's last number is known from what it says of itself.
        let mut history = history(&days);
        history.around.said = vec![Said {
            last: DoorNumber { door: door(), number: days.len() as u64 },
            waiting: 0,
            taken_at: Some(at(60)),
        }];
        let judged = history.look((0, 24 * HOUR));
        prop_assert_eq!(each_name(&judged.missing), history.expected.missing.clone());
        prop_assert_eq!(&judged.taken, &history.expected.taken);
        prop_assert_eq!(judged.taken.values().sum::<u64>(), days.len() as u64, "what was taken is what it is made of");
        prop_assert_eq!(judged.messages.get("1").cloned().unwrap_or_default(), history.expected.messages.clone());
        // The same without what was lost: nothing is called missing.
        days.retain(|one| !matches!(one.fate, Fate::NotInRaw | Fate::NotRead | Fate::NotRecorded));
        let judged = self::history(&days).look((0, 24 * HOUR));
        prop_assert_eq!(judged.missing, vec![]);
    }

    #[test]
    fn two_days_share_what_a_door_took_without_a_rest(days in prop::collection::vec(taken(), 2..40), cut in 0_i64..40) {
        let mut history = history(&days);
        let whole = history.look((0, 24 * HOUR));
        let midnight = 60 + cut.min(i64::try_from(days.len()).expect("few"));
        let first = history.look((0, midnight));
        for door in &first.doors {
            history.around.doors.insert(door.door.clone(), Before { last: Some(door.last), this_day: None, proven: Ranges::default() });
        }
        let second = history.look((midnight, 24 * HOUR));
        let mut both = first.taken.clone();
        for (state, count) in &second.taken {
            *both.entry(*state).or_default() += count;
        }
        prop_assert_eq!(both, whole.taken);
        let names = &each_name(&first.missing) | &each_name(&second.missing);
        prop_assert_eq!(names, each_name(&whole.missing));
    }
}

fn fine(n: usize) -> Vec<Taken> {
    (0..n)
        .map(|place| Taken {
            fate: Fate::Fine,
            messages: 1,
            same_as_before: false,
            forwarded: 1,
            place: u32::try_from(place).expect("few"),
        })
        .collect()
}

#[test]
fn a_gap_says_between_which_times_it_was_taken() {
    let mut days = fine(9);
    for lost in [3, 4] {
        days[lost].fate = Fate::NotInRaw;
    }
    let judged = history(&days).look((0, 24 * HOUR));
    let gap = Missing::Numbers { door: door(), first: 4, last: 5, after: Some(at(62)), before: Some(at(65)) };
    assert_eq!(judged.missing, [gap]);
    assert_eq!(judged.taken, BTreeMap::from([(State::Done, 7), (State::Missing, 2)]));
}

#[test]
fn what_raw_forgot_after_an_earlier_look_stays_proven_and_what_it_forgot_before_is_no_loss() {
    let mut history = history(&fine(9));
    let first = history.look((0, 24 * HOUR));
    assert_eq!(first.doors[0].proven.to_string(), "{[1,10)}");
    // The first five are removed to make room.
    history.lines.retain(|(_, entry)| entry.stored_at >= at(65));
    history.around.raw_begins = Some(at(65));
    history.around.doors.insert(door(), Before { last: None, this_day: None, proven: first.doors[0].proven.clone() });
    let second = history.look((0, 24 * HOUR));
    assert_eq!((second.missing.len(), second.taken), (0, BTreeMap::from([(State::Done, 9)])));
    history.around.doors.insert(door(), Before { last: Some(0), this_day: None, proven: Ranges::default() });
    let unseen = history.look((0, 24 * HOUR));
    assert_eq!((unseen.missing.len(), unseen.taken), (0, BTreeMap::from([(State::Done, 4), (State::Unproven, 5)])));
}

#[test]
fn the_end_of_what_a_door_took_is_missed_by_what_it_says_and_not_while_it_waits_in_the_spool() {
    let mut history = history(&fine(3));
    let last = DoorNumber { door: door(), number: 5 };
    history.around.said = vec![Said { last: last.clone(), waiting: 2, taken_at: Some(at(64)) }];
    assert_eq!(history.look((0, 24 * HOUR)).taken, BTreeMap::from([(State::Done, 3), (State::UnderWay, 2)]));
    history.around.said = vec![Said { last: last.clone(), waiting: 0, taken_at: Some(history.around.now) }];
    assert_eq!(history.look((0, 24 * HOUR)).taken, BTreeMap::from([(State::Done, 3), (State::UnderWay, 2)]), "a moment ago");
    history.around.said = vec![Said { last, waiting: 0, taken_at: Some(at(64)) }];
    let judged = history.look((0, 24 * HOUR));
    assert_eq!(each_name(&judged.missing), BTreeSet::from([format!("{}#4", door()), format!("{}#5", door())]));
}

#[test]
fn a_door_that_was_there_before_anybody_counted_begins_with_its_first_number() {
    let mut history = history(&fine(5));
    history.around.doors.clear();
    // The line of the first one, and the note of what was made of it.
    history.lines.drain(..2);
    assert_eq!(history.look((0, 24 * HOUR)).missing.len(), 0, "it was made before the day");
    let judged = history.look((-2 * HOUR, 24 * HOUR));
    assert_eq!(each_name(&judged.missing), BTreeSet::from([format!("{}#1", door())]), "it was made on the day: its first number is 1");
}

#[test]
fn a_door_without_numbers_is_counted_by_what_lies_in_raw() {
    let mut history = history(&fine(2));
    for (_, entry) in &mut history.lines {
        if let What::Raw { number, .. } = &mut entry.what {
            *number = None;
        }
    }
    let judged = history.look((0, 24 * HOUR));
    assert_eq!((judged.taken, judged.doors.len()), (BTreeMap::from([(State::Done, 2)]), 0));
}

#[test]
fn a_number_beyond_reason_costs_nothing() {
    let mut history = history(&fine(1));
    let number = Some(DoorNumber { door: door(), number: u64::MAX });
    let what = What::Raw { hash: "raw-x".into(), number, taken_at: at(70), trace: trace(99) };
    history.lines.push((9, Entry { sequence: 9, stored_at: at(70), what }));
    let judged = history.look((0, 24 * HOUR));
    assert_eq!(judged.missing.len(), 2, "one gap, and one that nobody read");
}

#[test]
fn today_is_looked_at_every_six_hours_yesterday_once_it_is_over_and_what_is_not_settled_again() {
    let zone = Zone::default();
    let now: Timestamp = "2026-11-22T09:00:00+07:00".parse().expect("a time");
    let (yesterday, today) = (date(2026, 11, 21), date(2026, 11, 22));
    assert_eq!(due(&[], now, zone), [yesterday, today]);
    let looked = |day, hours: i64, unsettled| Looked { day, looked_at: now - hours.hours(), unsettled };
    assert_eq!(due(&[looked(yesterday, 1, false), looked(today, 1, false)], now, zone), []);
    assert_eq!(due(&[looked(yesterday, 1, false), looked(today, 7, false)], now, zone), [today]);
    assert_eq!(due(&[looked(yesterday, 12, false), looked(today, 1, false)], now, zone), [yesterday], "before it was over");
    assert_eq!(due(&[looked(yesterday, 7, true), looked(today, 1, false)], now, zone), [yesterday]);
    let before = date(2026, 11, 18);
    assert_eq!(due(&[looked(before, 7, true), looked(yesterday, 1, false), looked(today, 1, false)], now, zone), [before]);
    assert_eq!(due(&[looked(before, 40, false), looked(yesterday, 1, false), looked(today, 1, false)], now, zone), []);
    let early: Timestamp = "2026-11-22T00:30:00+07:00".parse().expect("a time");
    assert_eq!(due(&[], early, zone), [today], "yesterday settles first");
}
