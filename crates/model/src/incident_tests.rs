use uuid::Uuid;

use super::*;

const NOW: Timestamp = Timestamp::constant(1_795_143_600, 0);

fn id(n: u128) -> ComplaintId {
    ComplaintId(Uuid::from_u128(n))
}

fn at(n: u128) -> Timestamp {
    NOW + jiff::SignedDuration::from_mins(i64::try_from(n).expect("small"))
}

fn side(n: u128) -> Side {
    Side {
        complaint: id(n),
        opened_at: at(n),
        category: Some("flood".into()),
        area: None,
        place: Some(format!("rumah {n}")),
        visibility: Visibility::Hidden,
        incident: None,
        members: Vec::new(),
    }
}

fn staff() -> Actor {
    Actor::Staff { id: StaffId(Uuid::from_u128(900)), role: Role::Triage, agency: None }
}

/// What the tables say of these complaints once the change is written.
fn written(sides: &[Side], change: &Change) -> Vec<Side> {
    let mut sides = sides.to_vec();
    let mut members: Vec<Member> =
        sides.iter().filter_map(|side| side.members.iter().find(|own| own.complaint == side.complaint).cloned()).collect();
    let mut incidents: Vec<Incident> = sides.iter().filter_map(|side| side.incident.clone()).collect();
    for (before, after) in &change.members {
        if let Some(before) = before {
            assert!(members.contains(before), "what is said to be there is there");
            members.retain(|member| member != before);
        }
        members.extend(after.clone());
    }
    for (before, after) in &change.incidents {
        if let Some(before) = before {
            assert!(incidents.contains(before));
            incidents.retain(|incident| incident != before);
        }
        incidents.extend(after.clone());
    }
    for side in &mut sides {
        let own = members.iter().find(|member| member.complaint == side.complaint);
        side.incident = own.and_then(|own| incidents.iter().find(|incident| incident.id == own.incident).cloned());
        side.members = own.map_or(Vec::new(), |own| members.iter().filter(|member| member.incident == own.incident).cloned().collect());
        side.members.sort_by_key(|member| member.complaint);
    }
    sides
}

fn together(sides: &[Side], one: usize, other: usize) -> Vec<Side> {
    let change = join(&sides[one], &sides[other], None, None, staff(), at(100)).expect("is allowed");
    written(sides, &change)
}

#[test]
fn two_make_an_incident_led_by_the_older_one_and_a_third_joins_it() {
    let sides = together(&[side(1), side(2), side(3)], 1, 0);
    let incident = sides[0].incident.clone().expect("is in one");
    assert_eq!((incident.lead, sides[1].incident.clone()), (id(1), Some(incident.clone())));
    assert_eq!(incident.place.as_deref(), Some("rumah 1"));
    let sides = together(&sides, 2, 1);
    assert_eq!(sides[2].members.len(), 3);
    assert_eq!(sides[2].incident, Some(incident));
    assert_eq!(join(&sides[0], &sides[2], None, None, staff(), NOW), Err(NotAllowed::Together));
}

#[test]
fn a_complaint_that_came_late_and_was_sent_early_moves_the_beginning_and_not_the_lead() {
    let sides = together(&[side(2), side(3), side(1)], 0, 1);
    let sides = together(&sides, 0, 2);
    let incident = sides[2].incident.clone().expect("is in it");
    assert_eq!((incident.lead, incident.opened_at), (id(2), at(1)));
}

#[test]
fn two_incidents_become_the_older_one() {
    let sides = together(&[side(1), side(2), side(3), side(4)], 0, 1);
    let sides = together(&sides, 2, 3);
    let older = sides[0].incident.clone();
    let sides = together(&sides, 3, 1);
    assert!(sides.iter().all(|side| side.incident == older && side.members.len() == 4));
}

#[test]
fn every_step_taken_back_leaves_exactly_what_was() {
    let start = together(&[side(1), side(2), side(3), side(4), side(5)], 0, 1);
    let start = together(&start, 1, 4);
    let start = together(&start, 2, 3);
    let pair = Suggestion {
        complaint: id(3),
        other: id(2),
        percent: 70,
        reasons: vec![Reason::Area],
        at: at(3),
        state: SuggestionState::Open,
        by: None,
        decided_at: None,
    };
    let three = [start[0].clone(), start[1].clone(), start[4].clone()];
    let changes = [
        join(&start[2], &start[1], Some(pair.clone()), None, staff(), at(50)),
        split(&start[0], &three, vec![], staff(), at(50)),
        split(&start[4], &three, vec![pair], staff(), at(50)),
        split(&start[3], &start[2..4], vec![], staff(), at(50)),
    ];
    for change in changes {
        let change = change.expect("is allowed");
        let after = written(&start, &change);
        assert_ne!(after, start);
        assert_eq!(written(&after, &change.clone().reversed()), start);
        assert_eq!(change.clone().reversed().reversed(), change);
    }
}

#[test]
fn who_leaves_an_incident_of_two_leaves_none_and_a_lead_is_followed_by_the_oldest() {
    let two = together(&[side(1), side(2)], 0, 1);
    let parted = written(&two, &split(&two[0], &two, vec![], Actor::Citizen, NOW).expect("is allowed"));
    assert!(parted.iter().all(|side| side.incident.is_none()));
    let three = together(&together(&[side(1), side(2), side(3)], 0, 1), 2, 1);
    let parted = written(&three, &split(&three[0], &three, vec![], Actor::Citizen, NOW).expect("is allowed"));
    let incident = parted[1].incident.clone().expect("is still there");
    assert_eq!((incident.lead, incident.place.as_deref(), incident.opened_at), (id(2), Some("rumah 2"), at(2)));
    assert_eq!(incident.id, three[0].incident.clone().expect("was there").id);
    assert_eq!(split(&parted[0], &[], vec![], staff(), NOW), Err(NotAllowed::Apart));
}

#[test]
fn joined_by_hand_is_a_decided_pair_that_teaches_and_taken_back_it_was_never_there() {
    let change = join_by_hand(&side(1), &side(2), None, staff(), at(9)).expect("is allowed");
    let [(None, Some(pair))] = change.suggestions.as_slice() else { panic!("{:?}", change.suggestions) };
    assert_eq!((pair.complaint, pair.other, pair.state, pair.decided_at), (id(2), id(1), SuggestionState::Joined, Some(at(9))));
    assert!(matches!(change.clone().reversed().suggestions.as_slice(), [(Some(_), None)]));
    let there = Suggestion { state: SuggestionState::Different, ..pair.clone() };
    let change = join_by_hand(&side(1), &side(2), Some(there.clone()), staff(), at(10)).expect("is allowed");
    assert_eq!(change.suggestions[0].0, Some(there), "a pair that is there is decided anew");
}

#[test]
fn who_may_open_complaints_again_opens_an_incident_that_is_closed_and_the_step_is_found_by_its_lead() {
    let incident = together(&[side(1), side(2)], 0, 1)[0].incident.clone().expect("is in one");
    let supervisor = Actor::Staff { id: StaffId(Uuid::nil()), role: Role::Supervisor, agency: None };
    let officer = Actor::Staff { id: StaffId(Uuid::nil()), role: Role::Officer, agency: None };
    assert_eq!(reopen(&incident, supervisor), Err(NotAllowed::StillOpen));
    let closed = Incident { state: IncidentState::Closed, ..incident };
    assert_eq!(reopen(&closed, officer), Err(NotAllowed::Role));
    let change = reopen(&closed, supervisor).expect("is allowed");
    assert_eq!((change.complaints(), change.incident()), (vec![closed.lead], Some(closed.id)));
}

#[test]
fn a_confidential_complaint_joins_nothing_and_a_clerk_joins_nobody() {
    let secret = Side { visibility: Visibility::Secret, ..side(2) };
    assert_eq!(join(&side(1), &secret, None, None, staff(), NOW), Err(NotAllowed::Confidential));
    let clerk = Actor::Staff { id: StaffId(Uuid::nil()), role: Role::Clerk, agency: None };
    assert_eq!(join(&side(1), &side(2), None, None, clerk, NOW), Err(NotAllowed::Role));
}

#[test]
fn a_split_teaches_that_the_pair_is_different_and_a_joined_pair_is_not_simply_parted() {
    let sides = together(&[side(1), side(2)], 0, 1);
    let pair = Suggestion {
        complaint: id(2),
        other: id(1),
        percent: 99,
        reasons: Vec::new(),
        at: NOW,
        state: SuggestionState::Joined,
        by: None,
        decided_at: Some(NOW),
    };
    let change = split(&sides[1], &sides, vec![pair.clone()], Actor::Citizen, at(9)).expect("is allowed");
    let after = change.suggestions[0].1.clone().expect("stays");
    assert_eq!((after.state, after.decided_at), (SuggestionState::Different, Some(at(9))));
    assert_eq!(part(pair, SuggestionState::Different, staff(), NOW), Err(NotAllowed::Together));
}
