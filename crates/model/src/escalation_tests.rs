//! When somebody is told, who that is, and what a missed clock leaves behind.

use std::collections::BTreeMap;

use jiff::{SignedDuration, ToSpan, civil::date};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::{
    Action, Actor, Agency, CitizenId, Complaint, Decision, DispatchState, Language, Limit, MessageId, MessageKey, NotAllowed, Opening,
    Reference, ReplyKind, ReplyTo, Role, Rule, Status, TraceId, TrackingCode, Triaged, UpdateKind, Visibility,
    clock::{Calendar, Office},
    decide, open,
};

fn agency(n: u128) -> AgencyId {
    AgencyId(Uuid::from_u128(n))
}

fn days(number: u16) -> Amount {
    Amount { number, unit: Unit::WorkingDays }
}

fn rule(id: i64, stage: Stage, when: When, to: Post) -> EscalationRule {
    EscalationRule {
        id,
        stage,
        agency: None,
        category: None,
        adapter: None,
        account: None,
        when,
        to,
        way: Way::Email,
        source: "aturan".into(),
        source_en: None,
        verified: false,
        from: None,
        until: None,
    }
}

fn directory() -> Directory {
    let row = |n| (agency(n), Agency { id: agency(n), code: n.to_string(), name: n.to_string() });
    let limit = |id, stage, number| Limit { id, ..Limit::new(stage, days(number), "aturan") };
    Directory {
        agencies: BTreeMap::from([row(1), row(2)]),
        rules: vec![Rule { category: Some("road".into()), ..Rule::new(1, agency(1)) }],
        limits: vec![
            limit(1, Stage::Forward, 3),
            limit(2, Stage::FirstAnswer, 2),
            limit(3, Stage::Settle, 5),
            limit(4, Stage::Silence, 10),
        ],
        ..Directory::default()
    }
}

/// A Friday morning in Jakarta.
fn now() -> Timestamp {
    "2026-11-20T03:00:00Z".parse().expect("a time")
}

fn after(hours: i64) -> Timestamp {
    now() + SignedDuration::from_hours(hours)
}

fn opened(category: Option<&str>) -> Complaint {
    let key = MessageKey { adapter: "chat".parse().expect("a name"), account: "1".into(), id: "m1".into() };
    let opening = Opening {
        citizen: CitizenId(Uuid::nil()),
        message: MessageId(Uuid::nil()),
        reference: Reference::of(&key, 0),
        tracking: TrackingCode::random(),
        adapter: key.adapter.clone(),
        account: key.account,
        text: "jalan berlubang".into(),
        place: None,
        location: None,
        visibility: Visibility::Hidden,
        language: Language::Id,
        reply_to: Some(ReplyTo {
            adapter: key.adapter,
            account: "1".into(),
            address: "tel:+6281200000001".parse().expect("an address"),
            thread: None,
            audience: crate::Audience::Private,
            open_until: None,
        }),
        opened_at: now(),
        triaged: Triaged { category: category.map(Into::into), ..Triaged::default() },
        held: None,
        trace: TraceId::random(),
    };
    open(opening, &directory(), now()).complaint
}

fn officer(of: u128) -> Actor {
    Actor::Staff { id: StaffId(Uuid::from_u128(of)), role: Role::Supervisor, agency: Some(agency(of)) }
}

fn act(complaint: &Complaint, action: Action, by: Actor, at: Timestamp) -> Decision {
    decide(complaint.clone(), action, by, &directory(), at).expect("is allowed")
}

fn resolve() -> Action {
    Action::Resolve { text: "sudah".into(), photo: None }
}

fn follow_up(text: &str) -> Action {
    Action::FollowUp {
        message: MessageId(Uuid::nil()),
        text: text.into(),
        same_breath: false,
        reply_to: None,
        triaged: None,
        location: None,
    }
}

fn settling(complaint: &Complaint) -> Running {
    complaint.running().into_iter().find(|clock| clock.stage == Stage::Settle).expect("it runs")
}

#[test]
fn a_post_that_is_empty_goes_up_one_level_and_never_down() {
    assert_eq!(Post::Supervisor.reached(|post| post == Post::Supervisor), Some(Post::Supervisor));
    assert_eq!(Post::Supervisor.reached(|post| matches!(post, Post::Officer | Post::Secretary)), Some(Post::Secretary));
    assert_eq!(Post::Head.reached(|post| post == Post::Admin), Some(Post::Admin), "nothing is escalated to nobody");
    assert_eq!(Post::Officer.reached(|_| false), None);
}

#[test]
fn working_days_before_and_after_are_those_of_the_office() {
    let calendar = Calendar { holidays: BTreeMap::from([(date(2026, 11, 25), "Libur".into())]), ..Calendar::default() };
    let working = calendar.of(None);
    // Friday, 27 November, when the office closes.
    let due: Timestamp = "2026-11-27T16:00:00+07:00".parse().expect("a time");
    assert_eq!(When::At.moment(due, &working), due);
    assert_eq!(When::Before(days(1)).moment(due, &working), "2026-11-26T00:00:00+07:00".parse().expect("a time"));
    let two = "2026-11-24T00:00:00+07:00".parse().expect("a time");
    assert_eq!(When::Before(days(2)).moment(due, &working), two, "the day off in between does not count");
    assert_eq!(When::After(days(1)).moment(due, &working), "2026-11-30T16:00:00+07:00".parse().expect("a time"));
    let hours = |number| Amount { number, unit: Unit::WorkingHours };
    assert_eq!(When::Before(hours(2)).moment(due, &working), "2026-11-27T14:00:00+07:00".parse().expect("a time"));
    let clock = Amount { number: 6, unit: Unit::Hours };
    assert_eq!(When::Before(clock).moment(due, &working), due - SignedDuration::from_hours(6));
}

#[test]
fn each_rule_comes_once_in_its_order_and_the_next_look_is_at_the_next_moment() {
    let (complaint, directory) = (opened(Some("road")), directory());
    let clock = settling(&complaint);
    let rules = [
        rule(1, Stage::Settle, When::After(days(1)), Post::Head),
        rule(2, Stage::Settle, When::At, Post::Supervisor),
        rule(3, Stage::Settle, When::Before(days(1)), Post::Officer),
        rule(4, Stage::FirstAnswer, When::At, Post::Supervisor),
    ];
    let at = |now, done: &[i64]| {
        let looked = look(&clock, &complaint, &rules, |rule| done.contains(&rule.id), &directory, now);
        (looked.due.iter().map(|rule| rule.id).collect::<Vec<_>>(), looked.next)
    };
    let working = directory.working(Some(agency(1)));
    let [head, supervisor, officer] = [0, 1, 2].map(|n| rules[n].when.moment(clock.due, &working));
    assert_eq!(at(now(), &[]), (vec![], Some(officer)));
    assert_eq!(at(officer, &[]), (vec![3], Some(supervisor)), "what is due at its moment comes at its moment");
    assert_eq!(at(officer, &[3]), (vec![], Some(supervisor)), "and once");
    assert_eq!(at(supervisor, &[3]), (vec![2], Some(supervisor + 1.second())), "the mark of a missed clock is made a second later");
    assert_eq!(at(supervisor + 1.second(), &[3, 2]), (vec![], Some(head)));
    assert_eq!(at(head + 72.hours(), &[]), (vec![3, 2, 1], None), "whoever looks late loses none");
}

#[test]
fn rules_hold_on_their_days_and_for_what_they_name() {
    let (complaint, directory) = (opened(Some("road")), directory());
    let clock = settling(&complaint);
    let told = |change: &dyn Fn(&mut EscalationRule)| {
        let mut one = rule(1, Stage::Settle, When::At, Post::Supervisor);
        change(&mut one);
        !look(&clock, &complaint, &[one], |_| false, &directory, after(24 * 30)).due.is_empty()
    };
    let due = directory.day(clock.due);
    assert!(told(&|_| ()));
    assert!(told(&|rule| (rule.from, rule.until) = (Some(due), Some(due))), "the day of the moment counts, not the day of the look");
    assert!(!told(&|rule| rule.from = due.tomorrow().ok()), "a new rule does not come to what was due before it");
    assert!(!told(&|rule| rule.until = due.yesterday().ok()));
    assert!(told(&|rule| rule.agency = Some(agency(1))) && !told(&|rule| rule.agency = Some(agency(2))));
    assert!(told(&|rule| rule.category = Some("road".into())) && !told(&|rule| rule.category = Some("tree".into())));
    assert!(told(&|rule| rule.adapter = "chat".parse().ok()) && !told(&|rule| rule.adapter = "mail".parse().ok()));
    assert!(!told(&|rule| (rule.adapter, rule.account) = ("chat".parse().ok(), Some("2".into()))));
}

#[test]
fn what_waits_for_the_citizen_is_neither_escalated_nor_missed_unless_it_was_late_when_they_were_asked() {
    let directory = directory();
    let rules = [rule(1, Stage::Settle, When::At, Post::Supervisor)];
    for (asked, missed) in [(after(1), false), (after(24 * 20), true)] {
        let complaint = act(&opened(Some("road")), Action::Ask { text: "di mana?".into() }, officer(1), asked).complaint;
        let clock = settling(&complaint);
        let later = after(24 * 40);
        assert_eq!(look(&clock, &complaint, &rules, |_| false, &directory, later), Looked::default());
        assert_eq!(clock.is_missed(later), missed);
    }
}

#[test]
fn in_triage_the_citys_clock_runs_and_nobody_holds_it() {
    let complaint = opened(None);
    let [clock] = complaint.running()[..] else { panic!("one clock") };
    assert_eq!((clock.stage, clock.agency, clock.officer), (Stage::Forward, None, None));
    let routed = Action::Route { agencies: vec![agency(2)], category: None, area: None };
    let triage = Actor::Staff { id: StaffId(Uuid::from_u128(9)), role: Role::Triage, agency: None };
    let late = act(&complaint, routed, triage, after(24 * 9));
    let [missed] = late.missed[..] else { panic!("one mark") };
    assert_eq!((missed.clock.stage, missed.ended), (Stage::Forward, Some(after(24 * 9))));
}

#[test]
fn whatever_ends_a_late_clock_leaves_a_mark_of_who_had_it() {
    let complaint = act(&opened(Some("road")), Action::Claim, officer(1), after(1)).complaint;
    let late = after(24 * 20);
    let settled = act(&complaint, resolve(), officer(1), late);
    let mut stages: Vec<Stage> = settled.missed.iter().map(|missed| missed.clock.stage).collect();
    stages.sort_by_key(|stage| stage.as_str());
    assert_eq!(stages, [Stage::FirstAnswer, Stage::Settle]);
    assert!(settled.missed.iter().all(|missed| missed.ended == Some(late) && missed.clock.officer == Some(StaffId(Uuid::from_u128(1)))));

    let handed = act(&complaint, Action::HandOver { to: vec![agency(2)], reason: "bukan kami".into() }, officer(1), late);
    assert!(handed.missed.iter().any(|missed| missed.clock.agency == Some(agency(1)) && missed.ended == Some(late)));
    let after_that = handed.complaint.missed(late + 1.second());
    assert!(after_that.iter().all(|missed| missed.clock.agency == Some(agency(2))), "who gets it late has a mark of their own");

    let noted = act(&complaint, Action::Note { text: "besok".into() }, officer(1), late);
    assert!(noted.missed.iter().all(|missed| missed.ended.is_none()) && noted.missed.len() == 2, "a note ends nothing");
    let in_time = act(&complaint, resolve(), officer(1), after(2));
    assert_eq!(in_time.missed, []);
}

#[test]
fn silence_closes_what_is_settled_when_its_time_is_over_and_tells_the_citizen() {
    let settled = act(&opened(Some("road")), resolve(), officer(1), after(1));
    let over = settled.complaint.closes().expect("a date");
    let told = settled.replies.iter().find(|reply| reply.kind == ReplyKind::Resolved).expect("news");
    assert_eq!(told.facts.closes, Some(over), "the citizen is told beforehand");
    let close = |complaint: &Complaint, told, at| decide(complaint.clone(), Action::Close { told }, Actor::System, &directory(), at);
    assert_eq!(close(&settled.complaint, true, over - 1.second()), Err(NotAllowed::NotYet));
    assert_eq!(decide(settled.complaint.clone(), Action::Close { told: true }, officer(1), &directory(), over), Err(NotAllowed::Role));
    let closed = close(&settled.complaint, true, over).expect("is allowed");
    assert_eq!((closed.complaint.closed(), closed.complaint.closes(), closed.complaint.status()), (Some(over), None, Status::Resolved));
    assert_eq!(closed.updates.iter().map(|update| update.kind).collect::<Vec<_>>(), [UpdateKind::Closed]);
    assert_eq!(closed.replies.iter().map(|reply| reply.kind).collect::<Vec<_>>(), [ReplyKind::Closed]);
    assert_eq!(close(&closed.complaint, true, over + 1.hour()), Err(NotAllowed::NotYet), "once");

    let untold = close(&settled.complaint, false, over).expect("is allowed");
    assert_eq!((untold.complaint.closed(), untold.complaint.closes(), untold.replies.len()), (None, None, 0));
    assert_eq!(untold.updates[0].kind, UpdateKind::Noted, "staff read why it is not closed");
}

#[test]
fn a_word_of_the_citizen_stops_the_closing_and_one_word_opens_it_again() {
    let settled = act(&opened(Some("road")), resolve(), officer(1), after(1)).complaint;
    let over = settled.closes().expect("a date");
    let thanked = act(&settled, follow_up("Terima kasih, tetapi masih ada satu lubang"), Actor::Citizen, after(30));
    assert_eq!((thanked.complaint.closes(), thanked.complaint.status()), (None, Status::Resolved));
    let refused = decide(thanked.complaint, Action::Close { told: true }, Actor::System, &directory(), over + 24.hours());
    assert_eq!(refused, Err(NotAllowed::NotYet), "what a person must read is never closed");

    let closed = act(&settled, Action::Close { told: true }, Actor::System, over).complaint;
    let number = closed.reference.to_string();
    for words in [format!("BUKA {number}"), format!("buka lagi {}", number.replace('-', "").to_lowercase()), "Belum selesai!".into()] {
        for complaint in [&settled, &closed] {
            let again = act(complaint, follow_up(&words), Actor::Citizen, over + 48.hours());
            assert_eq!(again.complaint.status(), Status::Forwarded, "{words}");
            assert_eq!((again.complaint.closes(), again.complaint.closed()), (None, None));
            assert_eq!(again.replies.iter().map(|reply| reply.kind).collect::<Vec<_>>(), [ReplyKind::Reopened]);
        }
    }
    let working = opened(Some("road"));
    let kinds = act(&working, follow_up("belum selesai"), Actor::Citizen, after(2)).replies;
    assert_eq!(kinds.iter().map(|reply| reply.kind).collect::<Vec<_>>(), [ReplyKind::Noted], "what is open is not opened");
}

#[test]
fn nothing_is_closed_while_an_agency_still_has_to_act() {
    let triage = Actor::Staff { id: StaffId(Uuid::from_u128(9)), role: Role::Triage, agency: None };
    let both = Action::Route { agencies: vec![agency(1), agency(2)], category: None, area: None };
    let complaint = act(&opened(None), both, triage, after(1)).complaint;
    let one = act(&complaint, resolve(), officer(1), after(2)).complaint;
    let late = after(24 * 60);
    let close = |complaint: &Complaint| decide(complaint.clone(), Action::Close { told: true }, Actor::System, &directory(), late);
    assert_eq!(close(&one), Err(NotAllowed::NotYet));
    let all = act(&one, resolve(), officer(2), after(24 * 50)).complaint;
    assert_eq!(close(&all), Err(NotAllowed::NotYet), "the citizen's time begins with the last of them");
}

#[test]
fn a_step_says_what_it_means_and_nothing_else_is_one() {
    let told = Escalated { stage: Stage::Settle, due: now(), asked: Post::Head, reached: Some(Post::Secretary) };
    for told in [told, Escalated { reached: None, ..told }] {
        assert_eq!(Escalated::from_text(&told.to_text()), Some(told));
    }
    for wrong in ["", "settle", "settle 2026-11-20T03:00:00Z head", "settle x head nobody", "settle 2026-11-20T03:00:00Z head nobody more"]
    {
        assert_eq!(Escalated::from_text(wrong), None, "{wrong}");
    }
}

proptest! {
    #[test]
    fn before_is_the_first_moment_that_leads_far_enough(
        hours in 0_i64..24 * 400, number in 1_u16..30, open_hours in any::<bool>(), six in any::<bool>(), off in prop::collection::vec(0_i64..500, 0..40)
    ) {
        let first = date(2026, 1, 1);
        let holidays = off.into_iter().map(|day| (first + day.days(), "Libur".to_owned())).collect();
        let calendar = Calendar { holidays, ..Calendar::default() };
        let office = Office { hours: "mon-sat 08:00-14:00".parse().ok(), on_holidays: false };
        let working = calendar.of(six.then_some(&office));
        let amount = Amount { number, unit: if open_hours { Unit::WorkingHours } else { Unit::WorkingDays } };
        let began = Timestamp::from_second(1_767_225_600 + hours * 3600).expect("in range");
        let due = working.due(began, days(3), &[]);
        let moment = When::Before(amount).moment(due, &working);
        prop_assert!(moment <= due);
        prop_assert!(working.due(moment, amount, &[]) >= due);
        prop_assert!(working.due(moment - 1.second(), amount, &[]) < due, "{moment}");
        prop_assert!(When::After(amount).moment(due, &working) >= due);
    }

    #[test]
    fn whoever_looks_at_any_times_tells_each_rule_once_and_none_is_lost(looks in prop::collection::vec(0_i64..24 * 40, 1..30)) {
        let (complaint, directory) = (opened(Some("road")), directory());
        let rules: Vec<EscalationRule> = [When::Before(days(2)), When::At, When::After(days(1)), When::After(days(4))]
            .into_iter()
            .zip(1..)
            .map(|(when, id)| rule(id, Stage::Settle, when, Post::Supervisor))
            .collect();
        let clock = settling(&complaint);
        let mut looks = looks;
        looks.sort_unstable();
        let last = after(*looks.last().expect("some"));
        let mut told: Vec<i64> = Vec::new();
        for look_at in looks {
            let looked = look(&clock, &complaint, &rules, |rule| told.contains(&rule.id), &directory, after(look_at));
            for rule in &looked.due {
                prop_assert!(!told.contains(&rule.id));
            }
            prop_assert!(looked.next.is_none_or(|next| next > after(look_at)));
            told.extend(looked.due.iter().map(|rule| rule.id));
        }
        let working = directory.working(Some(agency(1)));
        let due: Vec<i64> = rules.iter().filter(|rule| rule.when.moment(clock.due, &working) <= last).map(|rule| rule.id).collect();
        told.sort_unstable();
        prop_assert_eq!(told, due);
    }

    #[test]
    fn every_clock_that_ends_late_leaves_a_mark_whatever_is_done(acts in prop::collection::vec((0_u8..6, 1_i64..24 * 12), 1..14)) {
        let mut complaint = opened(Some("road"));
        let mut at = now();
        let mut marked: Vec<Missed> = Vec::new();
        for (what, hours) in acts {
            at += SignedDuration::from_hours(hours);
            let holder = complaint.pending().next().map_or(1, |dispatch| if dispatch.agency == agency(1) { 1 } else { 2 });
            let (action, by) = match what {
                0 => (Action::Claim, officer(holder)),
                1 => (Action::Ask { text: "?".into() }, officer(holder)),
                2 => (follow_up("ini"), Actor::Citizen),
                3 => (Action::HandOver { to: vec![agency(3 - holder)], reason: "bukan kami".into() }, officer(holder)),
                4 => (resolve(), officer(holder)),
                _ => (Action::Reopen { reason: "belum".into() }, Actor::Citizen),
            };
            let before = complaint.clone();
            let Ok(decision) = decide(complaint.clone(), action, by, &directory(), at) else { continue };
            for missed in &decision.missed {
                marked.retain(|known| !known.clock.is(&missed.clock));
                marked.push(*missed);
            }
            // Whatever ran past its end before this act, and is not there any more, has a mark that says when it ended.
            let still = decision.complaint.running();
            for clock in before.running().into_iter().filter(|clock| clock.is_missed(at)) {
                let mark = marked.iter().find(|known| known.clock.is(&clock)).expect("a mark");
                prop_assert_eq!(mark.ended.is_some(), !still.iter().any(|running| running.is(&clock)));
            }
            let late = decision.complaint.dispatches.iter().filter(|dispatch| dispatch.state == DispatchState::Done);
            for dispatch in late.filter(|dispatch| dispatch.clocks.settled == Some(at) && dispatch.deadline < at) {
                let asked_in_time = dispatch.clocks.pauses.last().is_some_and(|pause| pause.until == Some(at) && pause.from <= dispatch.deadline);
                prop_assert!(asked_in_time || marked.iter().any(|known| known.clock.agency == Some(dispatch.agency)));
            }
            complaint = decision.complaint;
        }
    }
}
