//! The rules of a complaint, as tables and as stories.

use std::collections::BTreeMap;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::{
    Agency, Audience, CitizenId, Language, MOST_BOUNCES, MessageKey, Owner, Reference, ReplyTo, Rule, Site, StaffId, Status, TraceId,
    TrackingCode, Visibility,
};

pub(super) const ROADS: u128 = 1;
pub(super) const PARKS: u128 = 2;
const WATER: u128 = 3;

pub(super) fn agency(n: u128) -> AgencyId {
    AgencyId(Uuid::from_u128(n))
}

pub(super) fn directory() -> Directory {
    let row = |n, name: &str| (agency(n), Agency { id: agency(n), code: name.to_lowercase(), name: name.into() });
    Directory {
        agencies: BTreeMap::from([row(ROADS, "Roads"), row(PARKS, "Parks"), row(WATER, "Water")]),
        parents: BTreeMap::from([(agency(WATER), agency(PARKS))]),
        rules: vec![Rule { category: Some("road".into()), ..Rule::new(1, agency(ROADS)) }],
        ..Directory::default()
    }
}

pub(super) fn now() -> Timestamp {
    "2026-11-20T03:00:00Z".parse().expect("a time")
}

pub(super) fn opening(category: Option<&str>) -> Opening {
    let key = MessageKey { adapter: "chat".parse().expect("a name"), account: "1".into(), id: "m1".into() };
    Opening {
        citizen: CitizenId(Uuid::nil()),
        message: MessageId(Uuid::nil()),
        reference: Reference::of(&key, 0),
        tracking: TrackingCode::random(),
        adapter: key.adapter.clone(),
        account: key.account.clone(),
        text: "jalan berlubang".into(),
        place: None,
        location: None,
        visibility: Visibility::Hidden,
        language: Language::Id,
        reply_to: Some(ReplyTo {
            adapter: key.adapter,
            account: key.account,
            address: "tel:+6281234567890".parse().expect("an address"),
            thread: None,
            audience: Audience::Private,
            open_until: None,
        }),
        opened_at: now(),
        triaged: Triaged { category: category.map(Into::into), ..Triaged::default() },
        held: None,
        trace: TraceId::random(),
    }
}

fn opened(category: Option<&str>) -> Complaint {
    open(opening(category), &directory(), now()).complaint
}

pub(super) fn officer(n: u128, of: u128) -> Actor {
    Actor::Staff { id: StaffId(Uuid::from_u128(n)), role: Role::Officer, agency: Some(agency(of)) }
}

pub(super) fn staff(role: Role) -> Actor {
    Actor::Staff { id: StaffId(Uuid::from_u128(9)), role, agency: None }
}

fn act(complaint: Complaint, action: Action, by: Actor) -> Result<Decision, NotAllowed> {
    decide(complaint, action, by, &directory(), now())
}

fn kinds(decision: &Decision) -> Vec<ReplyKind> {
    decision.replies.iter().map(|reply| reply.kind).collect()
}

fn resolve() -> Action {
    Action::Resolve { text: "sudah ditambal".into(), photo: None }
}

#[test]
fn a_complaint_with_a_rule_is_forwarded_and_one_without_waits_in_triage() {
    let routed = open(opening(Some("road")), &directory(), now());
    assert_eq!(routed.complaint.status(), Status::Forwarded);
    assert_eq!(kinds(&routed), [ReplyKind::Forwarded]);
    assert_eq!(routed.complaint.why.rules, [1]);
    let waiting = open(opening(None), &directory(), now());
    assert_eq!(waiting.complaint.status(), Status::Received);
    assert_eq!(kinds(&waiting), [ReplyKind::Received]);
    assert_eq!(waiting.updates.last().map(|update| update.kind), Some(UpdateKind::ToTriage));
}

#[test]
fn what_was_learned_decides_only_where_no_rule_does() {
    let learned = |category, of| {
        let mut opening = opening(category);
        opening.triaged.agency = Some(agency(of));
        let complaint = open(opening, &directory(), now()).complaint;
        complaint.dispatches.iter().map(|dispatch| dispatch.agency).collect::<Vec<_>>()
    };
    assert_eq!(learned(None, 2), [agency(2)]);
    assert_eq!(learned(Some("road"), 2), [agency(1)], "the city's own rule comes first");
    assert_eq!(learned(None, 99), [], "an agency that is gone gets nothing");
}

#[test]
fn a_word_of_bribery_keeps_the_complaint_confidential_and_from_the_agency() {
    let mut opening = opening(Some("road"));
    opening.triaged.agency = Some(agency(1));
    opening.triaged.why.ethics = vec!["pungli".into()];
    let complaint = open(opening, &directory(), now()).complaint;
    assert_eq!((complaint.status(), complaint.visibility), (Status::Received, Visibility::Confidential));
    assert!(complaint.dispatches.is_empty());
}

/// The city with an inspectorate.
fn inspected() -> Directory {
    let mut directory = directory();
    directory.agencies.insert(agency(3), Agency { id: agency(3), code: "inspectorate".into(), name: "Inspectorate".into() });
    directory.inspectorates.insert(agency(3));
    directory
}

fn holders(complaint: &Complaint) -> Vec<AgencyId> {
    complaint.pending().map(|dispatch| dispatch.agency).collect()
}

#[test]
fn what_is_confidential_goes_to_the_inspectorate_and_to_nobody_else() {
    let directory = inspected();
    for (visibility, ethics) in [(Visibility::Hidden, true), (Visibility::Confidential, false), (Visibility::Sealed, true)] {
        let mut opening = opening(Some("road"));
        opening.visibility = visibility;
        opening.triaged.why.ethics = if ethics { vec!["pungli".into()] } else { Vec::new() };
        let complaint = open(opening, &directory, now()).complaint;
        assert_eq!(holders(&complaint), [agency(3)], "{visibility:?}");
        assert_eq!(complaint.visibility, visibility.max(Visibility::Confidential));
        let route = Action::Route { agencies: vec![agency(ROADS)], category: None, area: None };
        assert_eq!(decide(complaint.clone(), route, staff(Role::Triage), &directory, now()), Err(NotAllowed::Confidential));
        let hand_over = Action::HandOver { to: vec![agency(PARKS)], reason: "x".into() };
        assert_eq!(decide(complaint, hand_over, officer(1, 3), &directory, now()), Err(NotAllowed::Confidential));
    }
    let mut several = inspected();
    several.inspectorates.insert(agency(PARKS));
    let mut opening = opening(Some("road"));
    opening.visibility = Visibility::Confidential;
    assert_eq!(holders(&open(opening, &several, now()).complaint), [], "of two, a person chooses");
}

#[test]
fn in_public_nothing_says_who_has_what_is_confidential() {
    let directory = inspected();
    let mut opening = opening(Some("road"));
    opening.visibility = Visibility::Confidential;
    opening.reply_to = opening.reply_to.map(|way| ReplyTo { audience: Audience::Public, ..way });
    let opened = open(opening, &directory, now());
    let mut said = opened.replies.clone();
    let mut complaint = opened.complaint;
    let resolve = Action::Resolve { text: "x".into(), photo: None };
    for action in [Action::Claim, Action::Answer { text: "x".into() }, Action::Ask { text: "x".into() }, resolve] {
        let decision = decide(complaint, action, officer(1, 3), &directory, now()).expect("may");
        said.extend(decision.replies);
        complaint = decision.complaint;
    }
    let site = Site { name: "Kota".into(), base_url: "https://contoh.example".into(), zone: crate::clock::Zone::Wib };
    assert_eq!(said.len(), 4, "it is acknowledged, and there are answers to read");
    for reply in said {
        let text = crate::word(&reply, &site).text;
        assert!(!text.contains("Inspectorate"), "{text}");
    }
}

#[test]
fn what_becomes_confidential_leaves_the_agency_that_had_it() {
    let directory = inspected();
    let had = open(opening(Some("road")), &directory, now()).complaint;
    let regrade = |to, reason: &str| Action::Regrade { to, reason: reason.into() };
    let raise = regrade(Visibility::Confidential, "petugas dinas disebut");
    let raised = decide(had.clone(), raise.clone(), officer(1, ROADS), &directory, now()).expect("anybody who has it may raise it");
    assert_eq!(holders(&raised.complaint), [agency(3)]);
    assert_eq!(raised.updates.iter().map(|update| update.kind).collect::<Vec<_>>(), [UpdateKind::Regraded, UpdateKind::Routed]);
    assert_eq!(decide(had.clone(), raise.clone(), officer(1, PARKS), &directory, now()), Err(NotAllowed::NotWithThisAgency));
    let silent = regrade(Visibility::Confidential, " ");
    assert_eq!(decide(had.clone(), silent.clone(), officer(1, ROADS), &directory, now()), Err(NotAllowed::NoWords));
    assert!(decide(had.clone(), silent, Actor::Citizen, &directory, now()).is_ok(), "a citizen need not say why");
    // Without an inspectorate a person chooses.
    let waits = act(had, raise, officer(1, ROADS)).expect("may").complaint;
    assert_eq!((waits.status(), holders(&waits)), (Status::Received, vec![]));
}

#[test]
fn a_rule_of_the_city_may_hold_despite_words_of_bribery() {
    let mut directory = directory();
    directory.rules[0].despite_ethics = true;
    let secret = |category| {
        let mut opening = opening(category);
        opening.triaged.agency = Some(agency(2));
        opening.triaged.why.ethics = vec!["pungli".into()];
        let complaint = open(opening, &directory, now()).complaint;
        (complaint.visibility == Visibility::Confidential, complaint.dispatches.iter().map(|dispatch| dispatch.agency).collect::<Vec<_>>())
    };
    assert_eq!(secret(Some("road")), (false, vec![agency(ROADS)]));
    assert_eq!(secret(None), (true, vec![]), "where no rule fits, what was learned sends nothing on");
}

#[test]
fn every_act_of_an_officer_reaches_the_citizen_but_a_note_does_not() {
    let cases: [(Action, &[ReplyKind], Status); 6] = [
        (Action::Claim, &[ReplyKind::Started], Status::InProgress),
        (Action::Ask { text: "di mana?".into() }, &[ReplyKind::Asked], Status::AwaitingCitizen),
        (Action::Answer { text: "besok".into() }, &[ReplyKind::Answered], Status::InProgress),
        (Action::Note { text: "cek lapangan".into() }, &[], Status::Forwarded),
        (Action::HandOver { to: vec![agency(PARKS)], reason: "taman".into() }, &[ReplyKind::HandedOver], Status::Forwarded),
        (resolve(), &[ReplyKind::Resolved], Status::Resolved),
    ];
    for (action, replies, status) in cases {
        let decision = act(opened(Some("road")), action.clone(), officer(1, ROADS)).expect("allowed");
        assert_eq!(kinds(&decision), replies, "{action:?}");
        assert_eq!(decision.complaint.status(), status, "{action:?}");
    }
}

#[test]
fn who_may_not_is_refused() {
    let note = || Action::Note { text: "x".into() };
    let route = || Action::Route { agencies: vec![agency(PARKS)], category: None, area: None };
    let cases = [
        (Action::Claim, officer(1, PARKS), NotAllowed::NotWithThisAgency),
        (note(), officer(1, PARKS), NotAllowed::NotWithThisAgency),
        (resolve(), staff(Role::Triage), NotAllowed::Role),
        (resolve(), Actor::Citizen, NotAllowed::Role),
        (route(), officer(1, ROADS), NotAllowed::Role),
        (Action::Claim, staff(Role::Clerk), NotAllowed::Role),
        (note(), staff(Role::Clerk), NotAllowed::Role),
        (Action::Ask { text: "  ".into() }, officer(1, ROADS), NotAllowed::NoWords),
        (Action::HandOver { to: vec![agency(ROADS)], reason: "x".into() }, officer(1, ROADS), NotAllowed::NoAgency),
        (Action::HandOver { to: vec![agency(77)], reason: "x".into() }, officer(1, ROADS), NotAllowed::NoAgency),
        (Action::Reopen { reason: "x".into() }, Actor::Citizen, NotAllowed::StillOpen),
    ];
    for (action, by, why) in cases {
        assert_eq!(act(opened(Some("road")), action.clone(), by), Err(why), "{action:?} {by:?}");
    }
}

#[test]
fn a_colleagues_complaint_is_theirs_unless_a_supervisor_acts() {
    let claimed = act(opened(Some("road")), Action::Claim, officer(1, ROADS)).expect("allowed").complaint;
    assert_eq!(act(claimed.clone(), resolve(), officer(2, ROADS)), Err(NotAllowed::TakenByColleague));
    let supervisor = Actor::Staff { id: StaffId(Uuid::from_u128(3)), role: Role::Supervisor, agency: Some(agency(ROADS)) };
    assert!(act(claimed, resolve(), supervisor).is_ok());
}

#[test]
fn two_agencies_each_have_their_own_state_and_the_last_one_resolves() {
    let both =
        act(opened(None), Action::Route { agencies: vec![agency(ROADS), agency(PARKS)], category: None, area: None }, staff(Role::Triage))
            .expect("allowed")
            .complaint;
    let one = act(both, resolve(), officer(1, ROADS)).expect("allowed").complaint;
    assert_eq!(one.status(), Status::Forwarded);
    let two = act(one, resolve(), officer(2, PARKS)).expect("allowed").complaint;
    assert_eq!(two.status(), Status::Resolved);
}

#[test]
fn handed_to_nobody_it_is_with_the_referee() {
    let decision =
        act(opened(Some("road")), Action::HandOver { to: vec![], reason: "bukan kami".into() }, officer(1, ROADS)).expect("allowed");
    assert_eq!(decision.complaint.status(), Status::Received);
    assert_eq!(decision.complaint.owner(), Some(Owner::Referee));
    assert_eq!(decision.updates.last().map(|update| update.kind), Some(UpdateKind::ToReferee));
    assert_eq!(kinds(&decision), [ReplyKind::HandedOver], "the citizen is told who has it now");
    assert_eq!(decision.replies[0].facts.agency.as_deref(), Some("penengah kota, yang menentukan dinasnya"));
    assert!(decision.complaint.deadline().is_some(), "its time goes on");
}

#[test]
fn a_handover_and_back_does_not_restart_the_clock() {
    let start = opened(Some("road"));
    let deadline = start.deadline();
    let away = act(start, Action::HandOver { to: vec![agency(PARKS)], reason: "x".into() }, officer(1, ROADS)).expect("allowed").complaint;
    let back = act(away, Action::HandOver { to: vec![agency(ROADS)], reason: "y".into() }, officer(2, PARKS)).expect("allowed").complaint;
    assert_eq!(back.deadline(), deadline);
    assert_eq!(back.dispatches.len(), 2);
}

#[test]
fn the_citizens_answer_ends_the_waiting() {
    let asked = act(opened(Some("road")), Action::Ask { text: "di mana?".into() }, officer(1, ROADS)).expect("allowed").complaint;
    let follow_up = Action::FollowUp {
        message: MessageId(Uuid::nil()),
        text: "depan pasar".into(),
        same_breath: false,
        reply_to: None,
        triaged: None,
        location: None,
    };
    let answered = act(asked, follow_up, Actor::Citizen).expect("allowed");
    assert_eq!(answered.complaint.status(), Status::InProgress);
    assert_eq!(kinds(&answered), [ReplyKind::Noted]);
}

#[test]
fn a_photo_first_and_its_words_seconds_later_are_one_complaint_that_finds_its_agency() {
    let mut photo = opening(None);
    photo.text = String::new();
    let waiting = open(photo, &directory(), now()).complaint;
    let words = Action::FollowUp {
        message: MessageId(Uuid::nil()),
        text: "jalan berlubang".into(),
        same_breath: true,
        reply_to: None,
        triaged: Some(Box::new(Triaged { category: Some("road".into()), ..Triaged::default() })),
        location: None,
    };
    let decision = act(waiting, words, Actor::Citizen).expect("allowed");
    assert_eq!(decision.complaint.text, "jalan berlubang");
    assert_eq!(decision.complaint.status(), Status::Forwarded);
    assert_eq!(kinds(&decision), [ReplyKind::Routed]);
}

#[test]
fn what_must_be_shown_is_not_settled_without_a_photo() {
    let shown = Directory { proofs: ["road".to_owned()].into(), ..directory() };
    let settle = |photo| {
        decide(opened(Some("road")), Action::Resolve { text: "x".into(), photo }, officer(1, ROADS), &shown, now())
            .map(|decision| decision.complaint)
    };
    assert_eq!(settle(None), Err(NotAllowed::NoPhoto));
    assert_eq!(settle(Some(AttachmentId(Uuid::nil()))).map(|complaint| complaint.status()), Ok(Status::Resolved));
    let not_theirs = decide(opened(Some("road")), resolve(), officer(2, PARKS), &shown, now());
    assert_eq!(not_theirs, Err(NotAllowed::NotWithThisAgency), "who may not is told that, and nothing of the category");
}

#[test]
fn what_was_erased_is_not_opened_again_by_anybody() {
    let resolved = act(opened(Some("road")), resolve(), officer(1, 1)).expect("allowed").complaint;
    let erased = Complaint { erased: true, ..resolved };
    for by in [Actor::Citizen, staff(Role::Triage), staff(Role::Admin)] {
        let refused = act(erased.clone(), Action::Reopen { reason: "masih berlubang".into() }, by);
        assert_eq!(refused.err(), Some(NotAllowed::Erased), "{by:?}");
    }
    let route = Action::Route { agencies: vec![agency(2)], category: None, area: None };
    assert_eq!(act(erased.clone(), route, staff(Role::Triage)).err(), Some(NotAllowed::Erased));
    // The word that opens others is a word like any other.
    let follow_up = Action::FollowUp {
        message: MessageId(Uuid::nil()),
        text: "BELUM SELESAI".into(),
        same_breath: false,
        reply_to: None,
        triaged: None,
        location: None,
    };
    let noted = act(erased, follow_up, Actor::Citizen).expect("is kept");
    assert_eq!((noted.complaint.status(), kinds(&noted)), (Status::Resolved, vec![ReplyKind::Noted]));
}

#[test]
fn a_citizen_reopens_what_is_not_done() {
    let resolved = act(opened(Some("road")), resolve(), officer(1, ROADS)).expect("allowed").complaint;
    let reopened = act(resolved, Action::Reopen { reason: "masih berlubang".into() }, Actor::Citizen).expect("allowed");
    assert_eq!(reopened.complaint.status(), Status::Forwarded);
    assert_eq!(kinds(&reopened), [ReplyKind::Reopened]);
}

#[test]
fn only_a_photo_without_words_waits_a_moment_to_be_acknowledged() {
    let due = |text: &str, danger: &[&str]| {
        let mut opening = opening(None);
        opening.text = text.into();
        opening.triaged.why.danger = danger.iter().map(|&word| word.into()).collect();
        let decision = open(opening, &directory(), now());
        decision.replies[0].due_at(now())
    };
    assert_eq!(due("jalan berlubang", &[]), now());
    assert_eq!(due(" \n", &[]), now() + crate::SETTLING);
    assert_eq!(due("", &["api"]), now(), "danger waits for nothing");
}

fn block(until: Timestamp) -> Action {
    Action::Block { reason: "kata-kata kotor kepada petugas".into(), until }
}

#[test]
fn a_block_is_told_once_with_its_reason_and_ends_by_itself() {
    let supervisor = Actor::Staff { id: StaffId(Uuid::from_u128(9)), role: Role::Supervisor, agency: Some(agency(ROADS)) };
    let until = now() + jiff::SignedDuration::from_hours(7 * 24);
    let decision = act(opened(Some("road")), block(until), supervisor).expect("allowed");
    assert_eq!(kinds(&decision), [ReplyKind::Blocked, ReplyKind::Unblocked]);
    assert_eq!(decision.updates.iter().map(|update| update.kind).collect::<Vec<_>>(), [UpdateKind::Blocked]);
    assert!(!UpdateKind::Blocked.is_for_citizen(), "the words that go out are the ones that count");
    let [told, end] = &decision.replies[..] else { panic!("two") };
    assert_eq!((told.due_at(now()), end.due_at(now())), (now(), until));
    assert_eq!(told.facts.text.as_deref(), Some("kata-kata kotor kepada petugas"));
    assert_eq!(decision.complaint.status(), Status::Forwarded, "the complaint itself goes on");

    let back = act(decision.complaint, Action::Unblock { reason: "minta maaf".into() }, staff(Role::Admin)).expect("allowed");
    assert_eq!(kinds(&back), [ReplyKind::Unblocked]);
    assert_eq!(back.replies[0].due_at(now()), now(), "at once");
}

#[test]
fn nobody_is_blocked_for_good_nor_without_reason_nor_by_everybody() {
    let tomorrow = now() + jiff::SignedDuration::from_hours(24);
    let longest = act(opened(Some("road")), block(Timestamp::MAX), staff(Role::Admin)).expect("allowed");
    assert_eq!(longest.replies[0].facts.deadline, Some(now() + LONGEST_BLOCK));
    let refused = |action, by| act(opened(Some("road")), action, by).err();
    let supervisor = |agency_id| Actor::Staff { id: StaffId(Uuid::from_u128(9)), role: Role::Supervisor, agency: Some(agency(agency_id)) };
    assert_eq!(refused(block(now()), staff(Role::Admin)), Some(NotAllowed::AlreadyOver));
    assert_eq!(refused(Action::Block { reason: " ".into(), until: tomorrow }, staff(Role::Admin)), Some(NotAllowed::NoWords));
    assert_eq!(refused(block(tomorrow), supervisor(PARKS)), Some(NotAllowed::NotWithThisAgency));
    for by in [officer(1, ROADS), staff(Role::Triage), staff(Role::Clerk), Actor::Citizen, Actor::System] {
        assert_eq!(refused(block(tomorrow), by), Some(NotAllowed::Role), "{by:?}");
        assert_eq!(refused(Action::Unblock { reason: "x".into() }, by), Some(NotAllowed::Role), "{by:?}");
    }
    let unreachable = Complaint { reply_to: None, ..opened(Some("road")) };
    assert_eq!(act(unreachable, block(tomorrow), staff(Role::Admin)).err(), Some(NotAllowed::NoWayBack));
}

#[test]
fn what_somebody_leaves_behind_is_held_by_who_was_named_as_far_as_it_was() {
    let claimed = act(opened(Some("road")), Action::Claim, officer(1, ROADS)).expect("allowed").complaint;
    let asked = act(claimed, Action::Ask { text: "di mana?".into() }, officer(1, ROADS)).expect("allowed").complaint;
    let pass = |to| Action::PassOn { from: StaffId(Uuid::from_u128(1)), to, text: "Ani pindah".into() };
    let other = StaffId(Uuid::from_u128(2));
    for to in [Some(other), None] {
        let passed = act(asked.clone(), pass(to), staff(Role::Admin)).expect("allowed");
        let dispatch = &passed.complaint.dispatches[0];
        assert_eq!((dispatch.officer, dispatch.state), (to, DispatchState::AwaitingCitizen));
        assert_eq!(kinds(&passed), [], "the citizen is not told");
        let step = passed.updates.last().expect("a step");
        assert_eq!((step.kind, step.agency, step.text.as_deref()), (UpdateKind::Noted, Some(agency(ROADS)), Some("Ani pindah")));
        let again = act(passed.complaint, pass(None), staff(Role::Admin)).err();
        assert_eq!(again, Some(NotAllowed::NotWithThisAgency), "they hold nothing any more");
    }
    for by in [staff(Role::Triage), officer(1, ROADS), Actor::Citizen, Actor::System] {
        assert_eq!(act(asked.clone(), pass(None), by).err(), Some(NotAllowed::Role), "{by:?}");
    }
}

fn hand_over(to: &[u128]) -> Action {
    Action::HandOver { to: to.iter().copied().map(agency).collect(), reason: "bukan kami".into() }
}

fn place(to: &[u128]) -> Action {
    Action::Place { agencies: to.iter().copied().map(agency).collect(), reason: "taman ini aset Parks".into(), category: None, area: None }
}

fn owner(complaint: &Complaint) -> Option<Owner> {
    complaint.owner()
}

#[test]
fn who_is_named_first_answers_for_it_and_the_others_help() {
    let named = Action::Route { agencies: vec![agency(PARKS), agency(ROADS)], category: None, area: None };
    let both = act(opened(None), named, staff(Role::Triage)).expect("allowed").complaint;
    assert_eq!(owner(&both), Some(Owner::Agency(agency(PARKS))));
    let handed = act(both, hand_over(&[WATER]), officer(1, ROADS)).expect("allowed").complaint;
    assert_eq!(owner(&handed), Some(Owner::Agency(agency(PARKS))), "a part that is given on is still a part");
    let handed = act(handed, hand_over(&[ROADS]), officer(2, PARKS)).expect("allowed").complaint;
    assert_eq!(owner(&handed), Some(Owner::Agency(agency(ROADS))));
    let helping: Vec<_> = handed.pending().filter(|dispatch| !dispatch.responsible).map(|dispatch| dispatch.agency).collect();
    assert_eq!(helping, [agency(WATER)]);
}

#[test]
fn who_is_done_gives_the_whole_to_who_still_has_to_act_and_the_history_says_so() {
    let named = Action::Route { agencies: vec![agency(ROADS), agency(PARKS)], category: None, area: None };
    let both = act(opened(None), named, staff(Role::Triage)).expect("allowed").complaint;
    let one = act(both, resolve(), officer(1, ROADS)).expect("allowed");
    assert_eq!(owner(&one.complaint), Some(Owner::Agency(agency(PARKS))));
    let led = one.updates.last().expect("a step");
    assert_eq!((led.kind, led.by, &led.to), (UpdateKind::Led, Actor::System, &vec![agency(PARKS)]));
    let two = act(one.complaint, resolve(), officer(2, PARKS)).expect("allowed");
    assert_eq!((owner(&two.complaint), two.updates.len()), (None, 1));
    let again = act(two.complaint, Action::Reopen { reason: "belum".into() }, Actor::Citizen).expect("allowed").complaint;
    assert_eq!(owner(&again), Some(Owner::Agency(agency(PARKS))), "who answered for it last does so again");
}

#[test]
fn after_two_bounces_the_referee_places_it_and_only_with_a_reason() {
    let there = act(opened(Some("road")), hand_over(&[PARKS]), officer(1, ROADS)).expect("allowed").complaint;
    assert_eq!((there.bounces(), owner(&there)), (0, Some(Owner::Agency(agency(PARKS)))));
    let back = act(there, hand_over(&[ROADS]), officer(2, PARKS)).expect("allowed").complaint;
    assert_eq!((back.bounces(), owner(&back)), (1, Some(Owner::Agency(agency(ROADS)))));
    assert!(back.goes_to_referee_next());
    let called = act(back, hand_over(&[PARKS]), officer(1, ROADS)).expect("allowed");
    assert_eq!((called.complaint.bounces(), owner(&called.complaint)), (2, Some(Owner::Referee)));
    let step = called.updates.last().expect("a step");
    assert_eq!((step.kind, &step.to), (UpdateKind::ToReferee, &vec![agency(PARKS)]), "whom they named is heard");

    let waiting = called.complaint;
    let route = Action::Route { agencies: vec![agency(PARKS)], category: None, area: None };
    assert_eq!(act(waiting.clone(), route, staff(Role::Triage)), Err(NotAllowed::WithReferee));
    for by in [officer(1, ROADS), officer(2, PARKS), staff(Role::Clerk), Actor::Citizen, Actor::System] {
        assert_eq!(act(waiting.clone(), place(&[PARKS]), by), Err(NotAllowed::Role), "{by:?}");
    }
    let wordless = Action::Place { agencies: vec![agency(PARKS)], reason: " ".into(), category: None, area: None };
    assert_eq!(act(waiting.clone(), wordless, staff(Role::Triage)), Err(NotAllowed::NoWords));
    let placed = act(waiting, place(&[PARKS]), staff(Role::Triage)).expect("allowed");
    assert_eq!(owner(&placed.complaint), Some(Owner::Agency(agency(PARKS))));
    assert_eq!(placed.replies[0].facts.text.as_deref(), Some("taman ini aset Parks"), "the citizen reads why");
    assert!(UpdateKind::Placed.is_for_citizen() && UpdateKind::ToReferee.is_for_citizen());

    let refused = act(placed.complaint, hand_over(&[WATER]), officer(2, PARKS)).expect("allowed").complaint;
    assert_eq!(owner(&refused), Some(Owner::Referee), "what the referee placed is passed on by nobody else");
    assert_eq!(act(opened(Some("road")), place(&[PARKS]), staff(Role::Triage)), Err(NotAllowed::NotWithReferee));
}

#[test]
fn a_helper_who_refuses_too_often_gives_its_part_back_and_the_referee_is_not_called() {
    let named = Action::Route { agencies: vec![agency(ROADS), agency(PARKS)], category: None, area: None };
    let mut complaint = act(opened(None), named, staff(Role::Triage)).expect("allowed").complaint;
    for (by, to) in [(PARKS, WATER), (WATER, PARKS), (PARKS, WATER)] {
        complaint = act(complaint, hand_over(&[to]), officer(by, by)).expect("allowed").complaint;
    }
    assert_eq!(complaint.pending().map(|dispatch| dispatch.agency).collect::<Vec<_>>(), [agency(ROADS)]);
    assert_eq!(owner(&complaint), Some(Owner::Agency(agency(ROADS))));
}

#[test]
fn who_is_asked_gets_nothing_and_the_askers_clock_goes_on() {
    let before = opened(Some("road"));
    let asked =
        act(before.clone(), Action::Consult { asked: agency(PARKS), text: "pohon siapa?".into() }, officer(1, ROADS)).expect("allowed");
    assert_eq!(asked.complaint.dispatches, before.dispatches);
    assert_eq!(kinds(&asked), [], "the citizen is not asked to wait for it");
    let advise = || Action::Advise { asker: agency(ROADS), asked: agency(PARKS), text: "pohon kami".into() };
    assert_eq!(act(asked.complaint.clone(), advise(), officer(3, WATER)), Err(NotAllowed::NotWithThisAgency));
    let told = act(asked.complaint, advise(), officer(2, PARKS)).expect("allowed");
    assert_eq!(told.complaint.dispatches, before.dispatches);
    assert_eq!(told.updates[0].to, [agency(ROADS)]);
    let own = Action::Consult { asked: agency(ROADS), text: "?".into() };
    assert_eq!(act(before, own, officer(1, ROADS)), Err(NotAllowed::NoAgency));
}

#[test]
fn parts_are_given_by_who_answers_for_it_and_the_lead_moves_only_twice() {
    let share = |with: u128| Action::Share { with: vec![agency(with)], text: "PARKS memangkas, kami menambal".into() };
    let leading = |to: u128| Action::Lead { to: agency(to), reason: "lebih banyak pohon daripada jalan".into() };
    let both = act(opened(Some("road")), share(PARKS), officer(1, ROADS)).expect("allowed");
    assert_eq!(kinds(&both), [ReplyKind::Routed]);
    assert_eq!(act(both.complaint.clone(), share(PARKS), officer(1, ROADS)), Err(NotAllowed::NoAgency), "they have it already");
    assert_eq!(act(both.complaint.clone(), share(WATER), officer(2, PARKS)), Err(NotAllowed::NotResponsible));
    assert_eq!(act(both.complaint.clone(), leading(WATER), officer(1, ROADS)), Err(NotAllowed::NotWithThisAgency));
    let led = act(both.complaint, leading(PARKS), officer(1, ROADS)).expect("allowed").complaint;
    assert_eq!((owner(&led), led.pending().count()), (Some(Owner::Agency(agency(PARKS))), 2));
    let back = act(led, leading(ROADS), officer(2, PARKS)).expect("allowed").complaint;
    assert_eq!(act(back, leading(PARKS), officer(1, ROADS)), Err(NotAllowed::WithReferee));
}

#[test]
fn what_is_passed_down_can_be_taken_back_and_is_no_refusal() {
    let learned = Triaged { agency: Some(agency(PARKS)), ..Triaged::default() };
    let start = open(Opening { triaged: learned, ..opening(None) }, &directory(), now()).complaint;
    let down = |to: u128| Action::PassDown { to: agency(to), reason: "wilayah selatan".into() };
    let back = || Action::TakeBack { from: agency(WATER), reason: "kami kerjakan sendiri".into() };
    assert_eq!(act(start.clone(), down(ROADS), officer(2, PARKS)), Err(NotAllowed::NotBelow));
    let below = act(start.clone(), down(WATER), officer(2, PARKS)).expect("allowed");
    assert_eq!((owner(&below.complaint), below.complaint.refusals), (Some(Owner::Agency(agency(WATER))), 0));
    assert_eq!(below.complaint.deadline(), start.deadline(), "the clock goes on");
    assert_eq!(act(below.complaint.clone(), back(), officer(1, ROADS)), Err(NotAllowed::NotBelow));
    let again = act(below.complaint, back(), officer(2, PARKS)).expect("allowed").complaint;
    assert_eq!(owner(&again), Some(Owner::Agency(agency(PARKS))));
    assert_eq!(act(again, back(), officer(2, PARKS)), Err(NotAllowed::NotWithThisAgency), "there is nothing to take back");
}

fn any_action() -> impl Strategy<Value = (Action, Actor)> {
    let to = prop::collection::vec(prop::sample::select(vec![ROADS, PARKS, WATER]), 0..4)
        .prop_map(|ids| ids.into_iter().map(agency).collect::<Vec<_>>());
    let one = prop::sample::select(vec![ROADS, PARKS, WATER]).prop_map(agency);
    let action = (0..14u8, to, one).prop_map(|(which, to, one)| match which {
        9 => Action::Consult { asked: one, text: "?".into() },
        10 => Action::Share { with: to, text: "x".into() },
        11 => Action::Lead { to: one, reason: "x".into() },
        12 => Action::PassDown { to: one, reason: "x".into() },
        13 => Action::TakeBack { from: one, reason: "x".into() },
        0 => Action::Claim,
        1 => Action::Ask { text: "?".into() },
        2 => Action::Answer { text: "!".into() },
        3 | 4 => Action::HandOver { to, reason: "x".into() },
        5 => resolve(),
        6 => Action::Reopen { reason: "x".into() },
        7 => Action::Place { agencies: to, reason: "x".into(), category: None, area: None },
        _ => Action::Route { agencies: to, category: None, area: None },
    });
    let actor = prop::sample::select(vec![officer(1, ROADS), officer(2, PARKS), officer(3, WATER), staff(Role::Triage), Actor::Citizen]);
    (action, actor)
}

proptest! {
    /// Nobody is forgotten: whatever people do, a complaint is with an agency, done, on the desk, or with the referee. And at every instant
    /// exactly one of them answers for it.
    #[test]
    fn whatever_happens_exactly_one_owner_answers_and_no_agency_has_it_twice(
        known in any::<bool>(),
        acts in prop::collection::vec(any_action(), 0..30),
    ) {
        let mut complaint = opened(known.then_some("road"));
        for (action, by) in acts {
            if let Ok(decision) = act(complaint.clone(), action, by) {
                prop_assert!(!decision.updates.is_empty());
                complaint = decision.complaint;
            }
            let mut agencies: Vec<_> = complaint.dispatches.iter().map(|dispatch| dispatch.agency).collect();
            agencies.sort();
            agencies.dedup();
            prop_assert_eq!(agencies.len(), complaint.dispatches.len());

            let leads = complaint.pending().filter(|dispatch| dispatch.responsible).count();
            let asked = usize::from(complaint.referee == Referee::Asked);
            let desk = usize::from(complaint.status() == Status::Received && asked == 0);
            let open = usize::from(complaint.status() != Status::Resolved);
            prop_assert_eq!(leads + asked + desk, open, "{:?}", complaint);
            prop_assert_eq!(complaint.owner().is_some(), open == 1);
            let marked = complaint.dispatches.iter().filter(|dispatch| dispatch.responsible);
            prop_assert!(marked.clone().count() <= 1);
            prop_assert!(marked.clone().all(|dispatch| dispatch.state != DispatchState::HandedOver));
            // Nobody passes it back and forth for ever.
            prop_assert!(complaint.bounces() < MOST_BOUNCES || complaint.goes_to_referee_next());
        }
    }
}
