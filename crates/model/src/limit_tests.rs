//! Which limit counts, and what the clocks of a complaint do while people act.

use std::collections::BTreeMap;

use jiff::{ToSpan, civil::date};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::{
    Action, Actor, Agency, CitizenId, Language, MessageId, MessageKey, Opening, Reference, Role, Rule, StaffId, TraceId, TrackingCode,
    Triaged, UpdateKind, Visibility, Why, decide, open,
};

fn agency(n: u128) -> AgencyId {
    AgencyId(Uuid::from_u128(n))
}

fn limit(id: i64, stage: Stage, number: u16) -> Limit {
    Limit { id, ..Limit::new(stage, Amount { number, unit: Unit::WorkingDays }, "aturan") }
}

fn directory(limits: Vec<Limit>) -> Directory {
    let row = |n| (agency(n), Agency { id: agency(n), code: n.to_string(), name: n.to_string() });
    Directory {
        agencies: BTreeMap::from([row(1), row(2), row(3)]),
        rules: vec![Rule { category: Some("road".into()), ..Rule::new(1, agency(1)) }],
        limits,
        ..Directory::default()
    }
}

/// A Friday morning in Jakarta.
fn now() -> Timestamp {
    "2026-11-20T03:00:00Z".parse().expect("a time")
}

fn after(days: i64) -> Timestamp {
    now() + (24 * days).hours()
}

fn opened(category: Option<&str>, directory: &Directory) -> Complaint {
    let key = MessageKey { adapter: "chat".parse().expect("a name"), account: "1".into(), id: "m1".into() };
    let opening = Opening {
        citizen: CitizenId(Uuid::nil()),
        message: MessageId(Uuid::nil()),
        reference: Reference::of(&key, 0),
        tracking: TrackingCode::random(),
        adapter: key.adapter,
        account: key.account,
        text: "jalan berlubang".into(),
        place: None,
        location: None,
        visibility: Visibility::Hidden,
        language: Language::Id,
        reply_to: None,
        opened_at: now(),
        triaged: Triaged {
            category: category.map(Into::into),
            why: Why { kind: Some("complaint".into()), ..Why::default() },
            ..Triaged::default()
        },
        held: None,
        trace: TraceId::random(),
    };
    open(opening, directory, now()).complaint
}

fn officer(of: u128) -> Actor {
    Actor::Staff { id: StaffId(Uuid::from_u128(of)), role: Role::Supervisor, agency: Some(agency(of)) }
}

fn triage() -> Actor {
    Actor::Staff { id: StaffId(Uuid::from_u128(9)), role: Role::Triage, agency: None }
}

fn ask() -> Action {
    Action::Ask { text: "di mana?".into() }
}

fn answer() -> Action {
    Action::Answer { text: "besok".into() }
}

fn resolve() -> Action {
    Action::Resolve { text: "sudah".into(), photo: None }
}

fn hand_over(to: &[u128]) -> Action {
    Action::HandOver { to: to.iter().copied().map(agency).collect(), reason: "bukan kami".into() }
}

fn wrote() -> Action {
    Action::FollowUp {
        message: MessageId(Uuid::nil()),
        text: "depan pasar".into(),
        same_breath: false,
        reply_to: None,
        triaged: None,
        location: None,
    }
}

fn act(complaint: Complaint, action: Action, by: Actor, directory: &Directory, at: Timestamp) -> Complaint {
    decide(complaint, action, by, directory, at).expect("is allowed").complaint
}

fn all_stages() -> Directory {
    directory(vec![limit(1, Stage::Forward, 3), limit(2, Stage::FirstAnswer, 5), limit(3, Stage::Settle, 14), limit(4, Stage::Silence, 10)])
}

#[test]
fn the_narrowest_limit_counts_whatever_the_order_of_the_rows() {
    let chat: AdapterName = "chat".parse().expect("a name");
    let rows = || {
        vec![
            limit(1, Stage::Settle, 14),
            Limit { agency: Some(agency(1)), ..limit(2, Stage::Settle, 7) },
            Limit { category: Some("road".into()), ..limit(3, Stage::Settle, 5) },
            Limit { category: Some("road".into()), agency: Some(agency(1)), ..limit(4, Stage::Settle, 3) },
            Limit { kind: Some("aspiration".into()), ..limit(5, Stage::Settle, 60) },
            Limit { adapter: Some(chat.clone()), account: Some("2".into()), ..limit(6, Stage::Settle, 2) },
            Limit { adapter: Some(chat.clone()), ..limit(7, Stage::Settle, 9) },
            limit(8, Stage::FirstAnswer, 1),
        ]
    };
    let matter = |agency_id, category, kind, account| Matter {
        kind,
        category,
        adapter: &chat,
        account,
        agency: Some(agency(agency_id)),
        on: date(2026, 11, 20),
    };
    let cases = [
        (matter(1, Some("road"), None, "1"), 4),
        (matter(2, Some("road"), Some("aspiration"), "1"), 3),
        (matter(1, None, None, "2"), 2),
        (matter(2, Some("flood"), Some("aspiration"), "2"), 5),
        (matter(2, Some("flood"), None, "2"), 6),
        (matter(2, Some("flood"), None, "1"), 7),
    ];
    for reversed in [false, true] {
        let mut rows = rows();
        if reversed {
            rows.reverse();
        }
        let directory = directory(rows);
        for (matter, expected) in &cases {
            assert_eq!(directory.limit(Stage::Settle, matter).map(|limit| limit.id), Some(*expected), "{matter:?}");
        }
        let mut contested: Vec<(i64, i64)> = directory.contested().into_iter().map(|(first, other)| (first.id, other.id)).collect();
        contested.sort_unstable();
        let beside = [(2, 5), (2, 6), (2, 7), (3, 2), (3, 5), (3, 6), (3, 7), (4, 5), (4, 6), (4, 7), (5, 6), (5, 7)];
        assert_eq!(contested, beside, "each pair is named with the one that counts first");
    }
}

#[test]
fn a_limit_counts_for_what_began_on_its_days() {
    let old = Limit { until: Some(date(2026, 11, 22)), ..limit(1, Stage::Settle, 5) };
    let new = Limit { from: Some(date(2026, 11, 23)), ..limit(2, Stage::Settle, 2) };
    let directory = directory(vec![old, new]);
    let complaint = opened(None, &directory);
    let of = |at: Timestamp| directory.limit(Stage::Settle, &complaint.matter(Some(agency(1)), at, &directory)).map(|limit| limit.id);
    assert_eq!(of(now()), Some(1));
    assert_eq!(of("2026-11-22T16:59:59Z".parse().expect("a time")), Some(1), "one second before midnight in Jakarta");
    assert_eq!(of("2026-11-22T17:00:00Z".parse().expect("a time")), Some(2));
    assert!(directory.contested().is_empty(), "they never meet");
}

#[test]
fn every_stage_has_its_own_clock() {
    let directory = all_stages();
    let waiting = opened(None, &directory);
    let forward = waiting.forward.expect("a limit asks for it");
    assert_eq!((forward.at, forward.met), ("2026-11-25T09:00:00Z".parse().expect("a time"), None));
    let route = Action::Route { agencies: vec![agency(1)], category: None, area: None };
    let routed = act(waiting, route, triage(), &directory, after(3));
    assert_eq!(routed.forward.and_then(|forward| forward.met), Some(after(3)));
    let clocks = &routed.dispatches[0].clocks;
    assert_eq!((clocks.started, clocks.settle, clocks.settled), (after(3), Some(3), None), "an agency's time begins when it gets it");
    assert_eq!(clocks.answer.map(|answer| (answer.at, answer.met)), Some(("2026-11-30T09:00:00Z".parse().expect("a time"), None)));

    let asked = act(routed, ask(), officer(1), &directory, after(4));
    assert_eq!(asked.dispatches[0].clocks.answer.and_then(|answer| answer.met), None, "a question is no answer");
    let answered = act(asked, answer(), officer(1), &directory, after(5));
    assert_eq!(answered.dispatches[0].clocks.answer.and_then(|answer| answer.met), Some(after(5)));
    let done = act(answered, resolve(), officer(1), &directory, after(6));
    let clocks = &done.dispatches[0].clocks;
    assert_eq!(clocks.answer.and_then(|answer| answer.met), Some(after(5)), "the first one counts");
    assert_eq!((clocks.settled, clocks.closes.map(|closes| closes.limit)), (Some(after(6)), Some(4)));

    let again = act(done, Action::Reopen { reason: "belum".into() }, Actor::Citizen, &directory, after(7));
    let clocks = &again.dispatches[0].clocks;
    assert_eq!((clocks.started, clocks.settled, clocks.closes, clocks.pauses.len()), (after(7), None, None, 0));
    assert_eq!(clocks.answer.and_then(|answer| answer.met), None, "and has to be answered again");
}

#[test]
fn time_stands_while_the_citizen_is_asked() {
    let directory = all_stages();
    let complaint = opened(Some("road"), &directory);
    let deadline = complaint.dispatches[0].deadline;
    let asked = act(complaint, ask(), officer(1), &directory, after(3));
    assert_eq!(asked.dispatches[0].clocks.paused(), Some(after(3)));
    let twice = act(asked, ask(), officer(1), &directory, after(4));
    assert_eq!(twice.dispatches[0].clocks.paused(), Some(after(3)), "asked again it is still the same pause");
    let heard = act(twice, wrote(), Actor::Citizen, &directory, after(10));
    let dispatch = &heard.dispatches[0];
    assert_eq!((dispatch.clocks.paused(), dispatch.clocks.pauses.len()), (None, 1));
    // Monday to Monday: five working days.
    let working = directory.working(Some(agency(1)));
    assert_eq!(dispatch.deadline, working.later(deadline, dispatch.clocks.pauses[0]));
    assert_eq!(working.days_waited(&dispatch.clocks.pauses), 5);
}

#[test]
fn a_date_that_no_limit_explains_stands_too_while_the_citizen_is_asked() {
    let directory = directory(Vec::new());
    let complaint = opened(Some("road"), &directory);
    let before = complaint.dispatches[0].deadline;
    let asked = act(complaint, ask(), officer(1), &directory, after(3));
    let heard = act(asked, wrote(), Actor::Citizen, &directory, after(4));
    assert_eq!(heard.dispatches[0].deadline, directory.calendar.deadline(before, 1));
}

#[test]
fn neither_an_edit_nor_a_handover_nor_the_referee_starts_a_clock_again() {
    let mut directory = all_stages();
    let complaint = opened(Some("road"), &directory);
    let (deadline, answered) = (complaint.dispatches[0].deadline, after(1));
    directory.limits.push(Limit { category: Some("flood".into()), ..limit(9, Stage::Settle, 60) });

    let complaint = act(complaint, answer(), officer(1), &directory, answered);
    let edit = Action::Route { agencies: vec![agency(1)], category: Some("flood".into()), area: None };
    let edited = act(complaint, edit, triage(), &directory, after(2));
    assert_eq!(edited.dispatches[0].deadline, deadline, "another category is no other date for who has it");

    let asked = act(edited, ask(), officer(1), &directory, after(3));
    let away = act(asked, hand_over(&[]), officer(1), &directory, after(5));
    let place = Action::Place { agencies: vec![agency(2)], reason: "milik dua".into(), category: None, area: None };
    let back = act(away, place, triage(), &directory, after(7));
    let clocks = &back.dispatches[1].clocks;
    assert_eq!(clocks.started, now(), "the citizen's time goes on, also while it lay with the referee");
    assert_eq!(clocks.pauses, [Pause { from: after(3), until: Some(after(5)) }], "what the citizen was waited for stays told");
    assert_eq!(clocks.answer.and_then(|answer| answer.met), Some(answered));
    let home = act(back, hand_over(&[1]), officer(2), &directory, after(8));
    let place = Action::Place { agencies: vec![agency(1)], reason: "milik satu".into(), category: None, area: None };
    let home = act(home, place, triage(), &directory, after(9));
    let dispatch = home.dispatches.iter().find(|dispatch| dispatch.agency == agency(1)).expect("is there");
    assert_eq!(dispatch.deadline, directory.working(None).later(deadline, Pause { from: after(3), until: Some(after(5)) }));
}

#[test]
fn a_day_off_added_late_moves_what_runs_and_says_so_once() {
    let mut directory = all_stages();
    let complaint = opened(Some("road"), &directory);
    let (old, answer_by) = (complaint.dispatches[0].deadline, complaint.dispatches[0].clocks.answer.expect("has one").at);
    directory.calendar.holidays.insert(date(2026, 11, 26), "cuti bersama susulan".into());
    let moved = decide(complaint, Action::Reckon, Actor::System, &directory, after(1)).expect("is allowed");
    let told: Vec<Moved> = moved
        .updates
        .iter()
        .map(|update| Moved::from_text(update.text.as_deref().expect("has words"), update.agency).expect("is told"))
        .collect();
    let stages: Vec<_> = told.iter().map(|moved| (moved.stage, moved.agency, moved.from)).collect();
    assert_eq!(stages, [(Stage::FirstAnswer, Some(agency(1)), answer_by), (Stage::Settle, Some(agency(1)), old)]);
    assert!(moved.updates.iter().all(|update| update.kind == UpdateKind::Moved));
    assert_eq!(moved.complaint.dispatches[0].deadline, told[1].to);
    assert!(told.iter().all(|moved| moved.to > moved.from));

    let again = decide(moved.complaint.clone(), Action::Reckon, Actor::System, &directory, after(2)).expect("is allowed");
    assert_eq!((again.updates.len(), &again.complaint), (0, &moved.complaint), "nothing moves twice");
    assert!(decide(moved.complaint.clone(), Action::Reckon, officer(1), &directory, after(2)).is_err(), "nobody moves a date by hand");
    let done = act(moved.complaint, resolve(), officer(1), &directory, after(3));
    directory.calendar.holidays.insert(date(2026, 11, 27), "libur lagi".into());
    let after_the_end = decide(done, Action::Reckon, Actor::System, &directory, after(4)).expect("is allowed");
    assert!(after_the_end.updates.is_empty(), "what is done is not counted again");
}

#[test]
fn what_waits_in_triage_moves_too() {
    let mut directory = all_stages();
    let waiting = opened(None, &directory);
    directory.calendar.holidays.insert(date(2026, 11, 23), "libur".into());
    let moved = decide(waiting, Action::Reckon, Actor::System, &directory, after(1)).expect("is allowed");
    assert_eq!(moved.updates.len(), 1);
    assert_eq!(moved.complaint.forward.map(|forward| forward.at), Some("2026-11-26T09:00:00Z".parse().expect("a time")));
}

fn any_act() -> impl Strategy<Value = (Action, Actor, i64)> {
    let actor = prop::sample::select(vec![officer(1), officer(2), officer(3), triage(), Actor::Citizen]);
    let to = prop::collection::vec(prop::sample::select(vec![1, 2, 3]), 0..3);
    let action = (0..9u8, to).prop_map(|(which, to): (u8, Vec<u128>)| match which {
        0 => Action::Claim,
        1 => ask(),
        2 => answer(),
        3 => hand_over(&to),
        4 => resolve(),
        5 => Action::Reopen { reason: "belum".into() },
        6 => wrote(),
        7 => Action::Place { agencies: to.into_iter().map(agency).collect(), reason: "bukan kami".into(), category: None, area: None },
        _ => Action::Route { agencies: to.into_iter().map(agency).collect(), category: Some("flood".into()), area: None },
    });
    (action, actor, 0..20i64)
}

proptest! {
    /// Whatever people do: no pending clock begins again, no deadline of one that runs comes nearer, and counted anew it is the same.
    #[test]
    fn whatever_happens_a_running_clock_is_not_started_again(acts in prop::collection::vec(any_act(), 0..25)) {
        let directory = all_stages();
        let mut complaint = opened(Some("road"), &directory);
        let mut at = now();
        for (action, by, later) in acts {
            at += (24 * later).hours();
            let Ok(decision) = decide(complaint.clone(), action, by, &directory, at) else { continue };
            let next = decision.complaint;
            for before in complaint.dispatches.iter().filter(|dispatch| dispatch.state.is_pending()) {
                let after = next.dispatches.iter().find(|dispatch| dispatch.id == before.id).expect("none is lost");
                if after.state.is_pending() {
                    prop_assert_eq!(after.clocks.started, before.clocks.started);
                    prop_assert!(after.deadline >= before.deadline);
                }
                prop_assert!(after.clocks.pauses.len() >= before.clocks.pauses.len());
            }
            for dispatch in &next.dispatches {
                prop_assert_eq!(dispatch.clocks.paused().is_some(), dispatch.state == DispatchState::AwaitingCitizen);
                prop_assert_eq!(dispatch.clocks.settled.is_some(), dispatch.state == DispatchState::Done);
                prop_assert!(dispatch.clocks.pauses.windows(2).all(|two| two[0].until.is_some_and(|until| until <= two[1].from)));
            }
            let mut counted = next.clone();
            prop_assert_eq!(counted.reckon(&directory), vec![]);
            prop_assert_eq!(&counted, &next);
            complaint = next;
        }
    }
}
