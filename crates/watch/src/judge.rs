//! When something is wrong. Pure; each number says why it is what it is.

use bus::{Backlog, Expiry};
use jiff::ToSpan;
use model::{AdapterName, Channel, Timestamp, rhythm::Silence};
use store::request::Waiting;

use crate::{Alarm, Program, Way};

/// A platform's token is renewed by a person with other work, days.
const TOKEN: i64 = 14;
/// The spool empties within a second; after this, in minutes, the bus does not take it.
const SPOOL: i64 = 2;
/// What is tried again has longer and longer pauses; after this, in minutes, it is no hiccup.
const QUEUE: i64 = 10;
/// Refused requests are told for so long, in hours: a secret that is wrong shows itself all day.
const REFUSED: i64 = 1;
/// Somebody who looks after data has this long before the law's clock ends, in hours.
const REQUEST: i64 = 24;
/// So many refused replies within a day are more than one citizen's wrong number.
const FAILING: u64 = 5;

/// What is wrong with an official way in.
pub(crate) fn judge_way(way: &Way, silence: Option<Silence>, now: Timestamp) -> Vec<Alarm> {
    let mut alarms = Vec::new();
    if let Some(due) = way.due.as_ref().filter(|due| way.paused.is_none() && older(due.oldest, QUEUE, now)) {
        alarms.push(Alarm::Unpublished { waiting: due.replies, oldest: due.oldest });
    }
    if let (Some(silence), Some(since)) = (silence.filter(Silence::is_unusual), way.last_message) {
        alarms.push(Alarm::Silent { since, silence });
    }
    let failed: u64 = way.failed.iter().map(|failed| failed.lately).sum();
    if let Some(most) = way.failed.iter().max_by_key(|failed| failed.lately).filter(|_| failed >= FAILING) {
        alarms.push(Alarm::Failing { replies: failed, code: most.code.clone() });
    }
    worst_first(alarms)
}

/// What is wrong with a program. One that has never spoken is not installed yet, which is no alarm.
pub(crate) fn judge_program(program: &Program, name: &AdapterName, channels: &[&Channel], now: Timestamp) -> Vec<Alarm> {
    let mut alarms = Vec::new();
    let waits = |backlog: &Option<Backlog>| {
        let backlog = backlog.as_ref().filter(|backlog| backlog.waiting > 0)?;
        backlog.oldest.filter(|oldest| older(*oldest, QUEUE, now)).map(|oldest| (backlog.waiting, oldest))
    };
    if let Some((waiting, oldest)) = waits(&program.raw) {
        alarms.push(Alarm::Unread { waiting, oldest });
    }
    if let Some((waiting, oldest)) = waits(&program.replies) {
        alarms.push(Alarm::Undelivered { waiting, oldest });
    }
    alarms.extend(program.lost.map(|(missing, day)| Alarm::Unbalanced { missing, day }));
    let Some(said) = &program.said else { return worst_first(alarms) };
    if !program.has_row {
        alarms.push(Alarm::NoRow { account: None });
    }
    if said.is_missing(now) {
        // A program without a row may have been removed on purpose.
        alarms.extend(program.has_row.then_some(Alarm::Missing { since: said.last_seen }));
    } else {
        if let Some(oldest) = said.spool_oldest.filter(|oldest| said.spool_waiting > 0 && older(*oldest, SPOOL, now)) {
            alarms.push(Alarm::Spooled { waiting: said.spool_waiting, oldest });
        }
        if let (Some(what), Some(at)) = (&said.last_error, said.last_error_at) {
            alarms.push(Alarm::Trouble { what: what.clone(), at });
        }
        let served = |account: &&String| channels.iter().any(|channel| channel.adapter == *name && channel.account == **account);
        let without = said.accounts.iter().filter(|account| program.has_row && !served(account));
        alarms.extend(without.map(|account| Alarm::NoRow { account: Some(account.clone()) }));
    }
    if let Some(last) = said.last_refused.filter(|last| *last > now - REFUSED.hours()) {
        alarms.push(Alarm::Refused { times: said.refused, last });
    }
    alarms.extend(said.expiries.iter().filter_map(|expiry| ends(expiry, now)));
    worst_first(alarms)
}

/// What is wrong with the lists of people that have a clock of their own; that of agencies is escalated.
pub(crate) fn judge_lists(requests: &Waiting, held: Option<(u64, Timestamp)>, now: Timestamp) -> Vec<Alarm> {
    let near = requests.due.filter(|due| *due < now + REQUEST.hours());
    let requests = near.map(|due| Alarm::Requests { late: requests.late, due });
    let held = held.map(|(late, due)| Alarm::Held { late, due });
    worst_first(requests.into_iter().chain(held).collect())
}

fn ends(expiry: &Expiry, now: Timestamp) -> Option<Alarm> {
    if expiry.at <= now {
        Some(Alarm::Ended(expiry.clone()))
    } else {
        (expiry.at <= now + (24 * TOKEN).hours()).then(|| Alarm::Ends(expiry.clone()))
    }
}

fn older(time: Timestamp, minutes: i64, now: Timestamp) -> bool {
    time < now - minutes.minutes()
}

fn worst_first(mut alarms: Vec<Alarm>) -> Vec<Alarm> {
    alarms.sort_by_key(|alarm| std::cmp::Reverse(alarm.severity()));
    alarms
}

#[cfg(test)]
mod tests {
    use bus::Announcement;
    use jiff::civil::date;
    use store::channel::{Due, Failed, Pause};

    use super::*;
    use crate::Severity;

    fn now() -> Timestamp {
        "2026-11-20T03:00:00Z".parse().expect("a time")
    }

    fn name() -> AdapterName {
        "chat".parse().expect("a name")
    }

    fn channel() -> Channel {
        Channel { adapter: name(), account: "1".into(), label: "Chat".into(), area: None, from: date(2026, 1, 1), until: None, hours: None }
    }

    fn way() -> Way {
        Way {
            channel: channel(),
            today: 0,
            week: 0,
            last_message: Some(now() - 30.hours()),
            last_reply: None,
            has_rhythm: true,
            due: None,
            failed: Vec::new(),
            paused: None,
            alarms: Vec::new(),
        }
    }

    fn program(write: impl FnOnce(&mut Announcement)) -> Program {
        let mut said = Announcement::new(name(), "1", now() - 48.hours());
        said.last_seen = now() - 5.seconds();
        said.accounts = vec!["1".into()];
        write(&mut said);
        Program { said: Some(said), raw: None, replies: None, parked: 0, lost: None, has_row: true, alarms: Vec::new() }
    }

    fn names(program: &Program) -> Vec<&'static str> {
        judge_program(program, &name(), &[&channel()], now()).iter().map(Alarm::name).collect()
    }

    fn names_of(way: &Way, silence: Option<Silence>) -> Vec<&'static str> {
        judge_way(way, silence, now()).iter().map(Alarm::name).collect()
    }

    fn backlog(minutes: i64) -> Backlog {
        Backlog { stream: "REPLIES", reader: "chat".into(), waiting: 3, oldest: Some(now() - minutes.minutes()) }
    }

    fn expiry(days: i64) -> Expiry {
        Expiry { at: now() + (24 * days).hours(), what: "access token".into(), account: None, todo: "Make a new one.".into() }
    }

    #[test]
    fn a_program_that_does_its_work_has_no_alarm() {
        assert_eq!(names(&program(|_| ())), [""; 0]);
        assert_eq!(
            names(&Program { replies: Some(backlog(5)), raw: Some(backlog(5)), ..program(|_| ()) }),
            [""; 0],
            "a moment's queue is no queue"
        );
    }

    #[test]
    fn each_thing_that_is_wrong_has_its_alarm_and_the_worst_comes_first() {
        assert_eq!(names(&program(|said| said.last_seen = now() - 2.minutes())), ["missing"]);
        assert_eq!(names(&Program { replies: Some(backlog(11)), ..program(|_| ()) }), ["undelivered"]);
        assert_eq!(names(&Program { raw: Some(backlog(11)), ..program(|_| ()) }), ["unread"]);
        assert_eq!(names(&Program { lost: Some((1, date(2026, 11, 19))), ..program(|_| ()) }), ["unbalanced"]);
        let waits = |said: &mut Announcement| {
            said.spool_waiting = 3;
            said.spool_oldest = Some(now() - 3.minutes());
            said.last_error = Some("the bus does not take raw messages".into());
            said.last_error_at = Some(now() - 1.minute());
        };
        assert_eq!(names(&program(waits)), ["spooled", "trouble"]);
        assert_eq!(names(&program(|said| said.accounts = vec!["1".into(), "2".into()])), ["no_row"]);
        assert_eq!(names(&Program { has_row: false, ..program(|_| ()) }), ["no_row"]);
        assert_eq!(names(&program(|said| said.last_refused = Some(now() - 5.minutes()))), ["refused"]);
        assert_eq!(names(&program(|said| said.last_refused = Some(now() - 5.hours()))), [""; 0]);
        assert_eq!(names(&program(|said| said.expiries = vec![expiry(30), expiry(10), expiry(-1)])), ["ended", "ends"]);
    }

    #[test]
    fn a_program_that_was_never_heard_is_not_installed_yet_but_what_waits_for_it_is_told() {
        let silent = Program { said: None, ..program(|_| ()) };
        assert_eq!(names(&silent), [""; 0]);
        assert_eq!(names(&Program { replies: Some(backlog(60)), ..silent }), ["undelivered"]);
    }

    #[test]
    fn silence_is_told_only_when_it_is_more_than_chance() {
        let silence = |chance| Some(Silence { hours: 12, usual: 8.0, chance });
        assert_eq!(names_of(&way(), silence(0.000_1)), ["silent"]);
        assert_eq!(names_of(&way(), silence(0.01)), [""; 0]);
        assert_eq!(names_of(&way(), None), [""; 0], "a channel without a rhythm");
    }

    #[test]
    fn replies_that_wait_are_an_alarm_unless_somebody_holds_them_back() {
        let due = Due { adapter: name(), account: "1".into(), replies: 4, oldest: now() - 1.hour() };
        let waiting = Way { due: Some(due), ..way() };
        assert_eq!(names_of(&waiting, None), ["unpublished"]);
        let pause = Pause { adapter: name(), account: "1".into(), since: now(), reason: "rehearsal".into() };
        assert_eq!(names_of(&Way { paused: Some(pause), ..waiting }, None), [""; 0]);
    }

    #[test]
    fn a_request_about_data_is_told_a_day_before_its_time_and_then_louder_and_what_is_held_once_it_is_late() {
        let alarms = |waiting: &Waiting, held| {
            judge_lists(waiting, held, now()).iter().map(|alarm| (alarm.name(), alarm.severity())).collect::<Vec<_>>()
        };
        let due = |hours: i64| Waiting { all: 2, late: 0, due: Some(now() + hours.hours()) };
        assert_eq!(alarms(&Waiting::default(), None), []);
        assert_eq!(alarms(&due(30), None), []);
        assert_eq!(alarms(&due(20), None), [("data_requests", Severity::Soon)]);
        let late = Waiting { late: 1, ..due(-1) };
        let held = Some((3, now() - 1.hour()));
        assert_eq!(alarms(&late, held), [("data_requests", Severity::Now), ("held", Severity::Soon)]);
    }

    #[test]
    fn one_citizens_wrong_number_is_no_alarm_and_five_refusals_are() {
        let failed = |lately| Failed { adapter: name(), account: "1".into(), code: "131026".into(), replies: 9, lately };
        assert_eq!(names_of(&Way { failed: vec![failed(4)], ..way() }, None), [""; 0]);
        assert_eq!(names_of(&Way { failed: vec![failed(3), failed(2)], ..way() }, None), ["failing"]);
    }
}
