//! The rules of a complaint, as tables and as stories.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::*;
use crate::{
    Agency, Audience, CitizenId, Language, MessageKey, Owner, Reference, ReplyTo, Rule, Site, StaffId, Status, TraceId, TrackingCode,
    Visibility,
};

pub(super) const ROADS: u128 = 1;
pub(super) const PARKS: u128 = 2;
pub(super) const WATER: u128 = 3;

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

pub(super) fn opened(category: Option<&str>) -> Complaint {
    open(opening(category), &directory(), now()).complaint
}

pub(super) fn officer(n: u128, of: u128) -> Actor {
    Actor::Staff { id: StaffId(Uuid::from_u128(n)), role: Role::Officer, agency: Some(agency(of)) }
}

pub(super) fn staff(role: Role) -> Actor {
    Actor::Staff { id: StaffId(Uuid::from_u128(9)), role, agency: None }
}

pub(super) fn act(complaint: Complaint, action: Action, by: Actor) -> Result<Decision, NotAllowed> {
    decide(complaint, action, by, &directory(), now())
}

pub(super) fn kinds(decision: &Decision) -> Vec<ReplyKind> {
    decision.replies.iter().map(|reply| reply.kind).collect()
}

pub(super) fn resolve() -> Action {
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
