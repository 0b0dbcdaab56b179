//! Who answers for it: as stories, and whatever people do.

use proptest::prelude::*;

use super::super::{
    open,
    tests::{PARKS, ROADS, WATER, act, agency, directory, kinds, now, officer, opened, opening, resolve, staff},
};
use crate::{
    Action, Actor, Complaint, DispatchState, MOST_BOUNCES, NotAllowed, Opening, Owner, Referee, ReplyKind, Role, Status, Triaged,
    UpdateKind,
};

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
