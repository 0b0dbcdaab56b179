//! Where it is: near the border of another area, or somewhere else than was thought.

use super::{Draft, words};
use crate::{Actor, Case, Course, DispatchState, NotAllowed, Owner, Pin, ReplyKind, UpdateKind};

/// What told the area, when staff did.
const PIN: &str = "pin";

impl Draft<'_> {
    /// What the published rules say of it as this case.
    pub(super) fn course(&self, case: Case<'_>) -> Course {
        let (ethics, grade) = (!self.complaint.why.ethics.is_empty(), self.complaint.visibility);
        self.directory.course(&self.directory.rules, &case, ethics, grade)
    }

    /// Who would have it in the areas whose border is near, and has it not. Nobody else is told of what is confidential.
    pub(super) fn note_near(&mut self) {
        let mut near = std::mem::take(&mut self.complaint.why.near);
        if self.complaint.visibility.is_confidential() {
            return;
        }
        for one in &mut near {
            one.agencies = self.course(Case { area: Some(&one.area), ..self.complaint.case() }).agencies;
            one.agencies.retain(|agency| self.complaint.dispatches.iter().all(|dispatch| dispatch.agency != *agency));
        }
        near.retain(|one| !one.agencies.is_empty());
        self.complaint.why.near = near;
    }

    /// It is somewhere else. Where the published rules say somebody else of the new place than of the old one, they get it: who answered for it gives it away, and the
    /// clock goes on. What the referee has, what is settled and what is confidential stays where it is.
    pub(super) fn move_pin(&mut self, to: Pin, reason: String) -> Result<(), NotAllowed> {
        let reason = words(reason)?;
        match self.by {
            Actor::Staff { role, .. } if role.may_triage() => {}
            _ => self.own_lead().map(|_| ())?,
        }
        let before = self.course(self.complaint.case()).agencies;
        let complaint = &mut self.complaint;
        (complaint.location, complaint.area) = (to.location, Some(to.area));
        (complaint.why.area, complaint.why.near) = (Some(PIN.to_owned()), to.near);
        self.step(UpdateKind::PinMoved, |update| update.text = Some(reason));
        let after = self.course(self.complaint.case());
        if before != after.agencies && !after.agencies.is_empty() && !after.visibility.is_confidential() {
            self.move_on(after);
        }
        self.note_near();
        Ok(())
    }

    fn move_on(&mut self, course: Course) {
        match self.complaint.owner() {
            Some(Owner::Agency(leads)) => {
                let given = self.complaint.of(leads).ok().filter(|_| !course.agencies.contains(&leads));
                if let Some(dispatch) = given {
                    dispatch.state = DispatchState::HandedOver;
                    (dispatch.officer, dispatch.responsible) = (None, false);
                }
            }
            Some(Owner::Desk) => self.let_go(),
            Some(Owner::Referee) | None => return,
        }
        self.complaint.why.rules = course.rules;
        self.complaint.why.version = Some(self.directory.rules_version).filter(|version| *version > 0);
        let first = course.agencies[0];
        self.give(course.agencies);
        self.complaint.make_responsible(first);
        self.say(ReplyKind::Routed, |_| ());
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;
    use crate::{
        Action, Complaint, Directory, Near, Opening, Rule, Triaged, Visibility, Why,
        decide::{
            decide, open,
            tests::{PARKS, ROADS, agency, directory, now, officer, opening},
        },
    };

    /// Roads of area 2 are the parks agency's.
    fn city() -> Directory {
        let mut city = directory();
        city.rules.push(Rule { category: Some("road".into()), area: Some("2".into()), ..Rule::new(2, agency(PARKS)) });
        city.rules_version = 7;
        city
    }

    fn near(area: &str) -> Vec<Near> {
        vec![Near { area: area.into(), agencies: Vec::new() }]
    }

    fn opened(area: &str, beside: &str, visibility: Visibility) -> Complaint {
        let why = Why { near: near(beside), ..Why::default() };
        let triaged = Triaged { area: Some(area.into()), why, ..opening(Some("road")).triaged };
        open(Opening { visibility, triaged, ..opening(Some("road")) }, &city(), now()).complaint
    }

    fn moved(complaint: Complaint, area: &str, hours: i64) -> Complaint {
        let to = Pin { location: None, area: area.into(), near: near("1") };
        let by = officer(1, if complaint.responsible().is_some_and(|dispatch| dispatch.agency == agency(ROADS)) { ROADS } else { PARKS });
        let action = Action::MovePin { to, reason: "salah titik".into() };
        decide(complaint, action, by, &city(), now() + hours.hours()).expect("allowed").complaint
    }

    #[test]
    fn who_would_have_it_across_the_border_is_noted_and_nobody_else() {
        let told = |complaint: &Complaint| complaint.why.near.iter().flat_map(|near| near.agencies.clone()).collect::<Vec<_>>();
        assert_eq!(told(&opened("1", "2", Visibility::Hidden)), [agency(PARKS)]);
        assert_eq!(told(&opened("2", "1", Visibility::Secret)), [agency(ROADS)]);
        assert!(opened("1", "3", Visibility::Hidden).why.near.is_empty(), "the same agency has it there");
        assert!(opened("1", "2", Visibility::Confidential).why.near.is_empty());
        assert_eq!(opened("1", "2", Visibility::Hidden).why.version, Some(7));
    }

    #[test]
    fn a_pin_that_is_moved_to_and_fro_moves_the_owner_and_never_the_clock() {
        let first = opened("1", "3", Visibility::Hidden);
        let began = first.dispatches[0].clocks.started;
        let mut complaint = first;
        for (hours, (area, owner)) in (1..).zip([("2", PARKS), ("1", ROADS), ("1", ROADS), ("2", PARKS), ("3", ROADS)]) {
            complaint = moved(complaint, area, hours);
            let dispatch = complaint.responsible().expect("an owner");
            assert_eq!((dispatch.agency, dispatch.clocks.started), (agency(owner), began), "{area}");
            assert_eq!(complaint.pending().count(), 1);
        }
    }

    #[test]
    fn a_pin_moves_nothing_that_the_rules_give_to_nobody_else() {
        // Handed to parks by people; both places are the roads agency's by the rules.
        let complaint = opened("1", "3", Visibility::Hidden);
        let given = Action::HandOver { to: vec![agency(PARKS)], reason: "taman".into() };
        let handed = decide(complaint, given, officer(1, ROADS), &city(), now()).expect("allowed").complaint;
        let after = moved(handed, "3", 1);
        assert_eq!(after.responsible().map(|dispatch| dispatch.agency), Some(agency(PARKS)));
        let done = Action::Resolve { text: "beres".into(), photo: None };
        let done = decide(opened("1", "3", Visibility::Hidden), done, officer(1, ROADS), &city(), now()).expect("allowed").complaint;
        let to = Pin { location: None, area: "2".into(), near: Vec::new() };
        let refused = decide(done, Action::MovePin { to, reason: "x".into() }, officer(1, ROADS), &city(), now());
        assert!(matches!(refused, Err(NotAllowed::NotWithThisAgency)), "what is settled is opened again first");
    }
}
