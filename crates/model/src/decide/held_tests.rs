use jiff::SignedDuration;

use super::super::{
    decide, open,
    tests::{directory, now, opening, staff},
};
use crate::{
    Action, Actor, Decision, Guarded, Held, NotAllowed, Opening, Owner, ReplyKind, Role, Sign, Signal, Status, UpdateKind, Verdict,
    Visibility, Why,
};

fn held(flood: bool) -> Held {
    let signs = vec![Sign { signal: Signal::Advert, points: 70, found: vec!["gacor".into()] }];
    Held { due: now() + SignedDuration::from_hours(30), points: 70, signs, flood, agency: None, verdict: None }
}

fn opened(change: impl FnOnce(&mut Opening)) -> Decision {
    let mut opening = Opening { held: Some(held(false)), ..opening(Some("road")) };
    change(&mut opening);
    open(opening, &directory(), now())
}

fn kinds(decision: &Decision) -> Vec<UpdateKind> {
    decision.updates.iter().map(|update| update.kind).collect()
}

fn reject() -> Action {
    Action::Reject { reason: "Iklan judi.".into() }
}

#[test]
fn what_is_held_is_with_the_desk_and_no_agency_and_its_citizen_is_told_so() {
    let decision = opened(|_| ());
    assert!(decision.complaint.is_held() && decision.complaint.dispatches.is_empty());
    assert_eq!((decision.complaint.status(), decision.complaint.owner()), (Status::Received, Some(Owner::Desk)));
    assert_eq!(kinds(&decision), [UpdateKind::Opened, UpdateKind::Held]);
    let said: Vec<_> = decision.replies.iter().map(|reply| (reply.kind, reply.facts.guarded)).collect();
    assert_eq!(said, [(ReplyKind::Received, Some(Guarded::Held))]);
}

#[test]
fn danger_a_breach_of_duty_and_a_whistle_blower_are_never_held() {
    let never: [fn(&mut Opening); 4] = [
        |one| one.triaged.why.danger = vec!["kebakaran".into()],
        |one| one.triaged.why.ethics = vec!["pungli".into()],
        |one| one.visibility = Visibility::Sealed,
        |one| one.visibility = Visibility::Secret,
    ];
    for change in never {
        let decision = opened(change);
        assert_eq!(decision.complaint.why.held, None);
        assert!(!kinds(&decision).contains(&UpdateKind::Held));
    }
}

#[test]
fn what_is_let_go_takes_the_road_it_would_have_taken_with_its_clocks_from_when_it_came_in() {
    let begun = opened(|_| ()).complaint;
    let straight = open(opening(Some("road")), &directory(), now()).complaint;
    let later = now() + SignedDuration::from_hours(26);
    let decision = decide(begun, Action::Release, staff(Role::Triage), &directory(), later).expect("is allowed");
    assert_eq!(kinds(&decision), [UpdateKind::Released, UpdateKind::Routed]);
    assert_eq!(decision.replies.iter().map(|reply| reply.kind).collect::<Vec<_>>(), [ReplyKind::Routed]);
    let agencies = |complaint: &crate::Complaint| complaint.dispatches.iter().map(|one| (one.agency, one.deadline)).collect::<Vec<_>>();
    assert_eq!(agencies(&decision.complaint), agencies(&straight), "the agency and the deadline of one that was never held");
    let again = decide(decision.complaint, Action::Release, staff(Role::Triage), &directory(), later);
    assert_eq!(again, Err(NotAllowed::NotHeld));
}

#[test]
fn only_who_sorts_says_what_it_is_and_says_why_it_is_none() {
    let begun = opened(|_| ()).complaint;
    for by in [staff(Role::Officer), staff(Role::Supervisor), staff(Role::Clerk), Actor::Citizen, Actor::System] {
        for action in [Action::Release, reject()] {
            assert_eq!(decide(begun.clone(), action, by, &directory(), now()), Err(NotAllowed::Role), "{by:?}");
        }
    }
    let wordless = Action::Reject { reason: "  ".into() };
    assert_eq!(decide(begun, wordless, staff(Role::Triage), &directory(), now()), Err(NotAllowed::NoWords));
}

#[test]
fn what_is_no_complaint_is_closed_with_a_reason_and_opens_again_when_its_citizen_says_so() {
    let begun = opened(|_| ()).complaint;
    let closed = decide(begun, reject(), staff(Role::Triage), &directory(), now()).expect("is allowed");
    assert_eq!((closed.complaint.status(), closed.complaint.owner()), (Status::Resolved, None));
    let facts = &closed.replies[0].facts;
    assert_eq!((facts.guarded, facts.text.as_deref()), (Some(Guarded::Spam), Some("Iklan judi.")));
    let more = Action::FollowUp {
        message: crate::MessageId::new(now()),
        text: "lagi".into(),
        same_breath: false,
        reply_to: None,
        triaged: Some(Box::new(opening(Some("road")).triaged)),
        location: None,
    };
    let wrote = decide(closed.complaint.clone(), more, Actor::Citizen, &directory(), now()).expect("is allowed");
    assert!(wrote.complaint.is_spam() && wrote.complaint.dispatches.is_empty(), "more of the same opens nothing");
    let reopen = Action::Reopen { reason: "Ini laporan.".into() };
    let contested = decide(closed.complaint, reopen, Actor::Citizen, &directory(), now()).expect("is allowed").complaint;
    assert_eq!((contested.status(), contested.owner()), (Status::Received, Some(Owner::Desk)));
    assert_eq!(contested.why.held.expect("is kept").verdict, Some(Verdict::Contested));
}

#[test]
fn words_of_danger_that_follow_let_it_go_at_once() {
    let begun = opened(|_| ()).complaint;
    let mut triaged = opening(Some("road")).triaged;
    triaged.why = Why { danger: vec!["kebakaran".into()], ..triaged.why };
    let follow_up = |triaged| Action::FollowUp {
        message: crate::MessageId::new(now()),
        text: "tolong".into(),
        same_breath: true,
        reply_to: None,
        triaged: Some(Box::new(triaged)),
        location: None,
    };
    let calm = decide(begun.clone(), follow_up(opening(Some("road")).triaged), Actor::Citizen, &directory(), now()).expect("is allowed");
    assert!(calm.complaint.is_held() && calm.complaint.dispatches.is_empty(), "other words leave it where it is");
    let danger = decide(begun, follow_up(triaged), Actor::Citizen, &directory(), now()).expect("is allowed");
    assert!(!danger.complaint.is_held() && !danger.complaint.dispatches.is_empty());
}

#[test]
fn who_gives_it_to_an_agency_by_hand_has_said_that_it_is_one() {
    let begun = opened(|_| ()).complaint;
    let agency = *directory().agencies.keys().next().expect("an agency");
    let route = Action::Route { agencies: vec![agency], category: None, area: None };
    let routed = decide(begun, route, staff(Role::Triage), &directory(), now()).expect("is allowed");
    assert_eq!(routed.complaint.why.held.expect("is kept").verdict, Some(Verdict::Real));
}
