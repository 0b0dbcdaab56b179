//! Taking back what one did a moment ago; and tasks of bodies without accounts, which change no owner.

use super::{Draft, UNDO, words};
use crate::{
    Actor, AgencyId, DispatchState, NotAllowed, ReplyKind, Update, UpdateKind,
    task::{Entrusted, Reported},
};

impl Draft<'_> {
    /// Only who did it, only the last thing that was done, and only while it has led to nothing.
    pub(super) fn undo(&mut self, last: &Update, worked: bool) -> Result<(), NotAllowed> {
        let agency = self.own_agency()?;
        let (Actor::Staff { id, .. }, Actor::Staff { id: who, .. }) = (self.by, last.by) else { return Err(NotAllowed::TooLate) };
        let in_time = self.now.duration_since(last.at) <= UNDO && last.at <= self.now;
        if who != id || last.agency != Some(agency) || !in_time {
            return Err(NotAllowed::TooLate);
        }
        match last.kind {
            UpdateKind::Claimed => self.undo_claim(worked),
            UpdateKind::HandedOver => self.undo_hand_over(agency, last, worked),
            _ => Err(NotAllowed::TooLate),
        }
    }

    fn undo_claim(&mut self, worked: bool) -> Result<(), NotAllowed> {
        let Actor::Staff { id, .. } = self.by else { return Err(NotAllowed::Role) };
        let (_, dispatch) = self.own_dispatch()?;
        if dispatch.officer != Some(id) {
            return Err(NotAllowed::TooLate);
        }
        dispatch.officer = None;
        if dispatch.state == DispatchState::InProgress && !worked {
            dispatch.state = DispatchState::Open;
        }
        self.step(UpdateKind::Undone, |_| ());
        Ok(())
    }

    /// Whoever got it by that step and has not touched it gives it back, with what it answers for.
    fn undo_hand_over(&mut self, agency: AgencyId, last: &Update, worked: bool) -> Result<(), NotAllowed> {
        let Actor::Staff { id, .. } = self.by else { return Err(NotAllowed::Role) };
        let gave = |one: &crate::Dispatch| one.agency == agency && one.state == DispatchState::HandedOver;
        if last.to.is_empty() || !self.complaint.dispatches.iter().any(gave) {
            return Err(NotAllowed::TooLate);
        }
        // Who had it before that step does not lose it by this one: then it is not taken back.
        let untouched = |one: &crate::Dispatch| one.given_at == last.at && one.state == DispatchState::Open && one.officer.is_none();
        let all = last.to.iter().all(|to| self.complaint.dispatches.iter().any(|one| one.agency == *to && untouched(one)));
        if !all {
            return Err(NotAllowed::TooLate);
        }
        let mut leads = false;
        for dispatch in self.complaint.dispatches.iter_mut().filter(|one| last.to.contains(&one.agency)) {
            leads |= dispatch.responsible;
            (dispatch.state, dispatch.responsible) = (DispatchState::HandedOver, false);
        }
        self.complaint.give(agency, self.directory, self.now);
        if worked {
            let dispatch = self.complaint.of(agency)?;
            (dispatch.state, dispatch.officer) = (DispatchState::InProgress, Some(id));
        }
        if leads {
            self.complaint.make_responsible(agency);
        }
        self.complaint.refusals = self.complaint.refusals.saturating_sub(1);
        self.step(UpdateKind::Undone, |update| update.to = vec![agency]);
        let name = self.name_of(agency);
        self.say(ReplyKind::HandedOver, |facts| facts.agency = Some(name));
        Ok(())
    }

    /// Gives a body without an account something to do. No state, no clock and no owner changes.
    pub(super) fn entrust(&mut self, name: String, task: String) -> Result<(), NotAllowed> {
        let task = words(task)?;
        if name.trim().is_empty() {
            return Err(NotAllowed::NoWords);
        }
        self.own_lead()?;
        if !self.complaint.visibility.may_leave_the_house() {
            return Err(NotAllowed::Confidential);
        }
        let entrusted = Entrusted { name, task };
        self.step(UpdateKind::Entrusted, |update| update.text = Some(entrusted.to_text()));
        Ok(())
    }

    /// What that body says changes nothing by itself: who is responsible reads it and acts.
    pub(super) fn report(&mut self, reported: &Reported) -> Result<(), NotAllowed> {
        if self.by != Actor::System {
            return Err(NotAllowed::Role);
        }
        if !self.complaint.visibility.may_leave_the_house() {
            return Err(NotAllowed::Confidential);
        }
        // Before the referee nobody works on it, and what is said still counts.
        if self.complaint.status() == crate::Status::Resolved {
            return Err(NotAllowed::TooLate);
        }
        let agency = self.complaint.responsible().map(|dispatch| dispatch.agency);
        self.step(UpdateKind::Reported, |update| {
            update.text = Some(reported.to_text());
            update.agency = agency;
            update.attachment = reported.photo;
        });
        Ok(())
    }

    pub(super) fn recall(&mut self, name: String) -> Result<(), NotAllowed> {
        let name = words(name)?;
        self.own_agency()?;
        self.staff_who_sees_it()?;
        self.step(UpdateKind::Recalled, |update| update.text = Some(name));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;
    use crate::{
        Action, Complaint, Decision, Owner, Role, Visibility,
        decide::{
            decide, open,
            tests::{PARKS, ROADS, agency, directory, now, officer, opening},
        },
        task::Says,
    };

    fn act(complaint: &Complaint, action: Action, by: Actor, minutes: i64) -> Result<Decision, NotAllowed> {
        decide(complaint.clone(), action, by, &directory(), now() + minutes.minutes())
    }

    fn roads() -> Complaint {
        open(opening(Some("road")), &directory(), now()).complaint
    }

    fn undo(after: &Decision, worked: bool) -> Action {
        Action::Undo { last: Box::new(after.updates.last().expect("a step").clone()), worked }
    }

    fn hand_over() -> Action {
        Action::HandOver { to: vec![agency(PARKS)], reason: "akar pohon".into() }
    }

    #[test]
    fn what_was_taken_is_put_back_and_is_unassigned_as_before() {
        let taken = act(&roads(), Action::Claim, officer(7, ROADS), 1).expect("taken");
        let back = act(&taken.complaint, undo(&taken, false), officer(7, ROADS), 5).expect("put back");
        let dispatch = &back.complaint.dispatches[0];
        assert_eq!((dispatch.state, dispatch.officer), (DispatchState::Open, None));
        assert_eq!(dispatch.deadline, taken.complaint.dispatches[0].deadline, "no clock moves");
        assert_eq!(back.updates[0].kind, UpdateKind::Undone);
        let worked = act(&taken.complaint, undo(&taken, true), officer(7, ROADS), 5).expect("put back");
        assert_eq!(worked.complaint.dispatches[0].state, DispatchState::InProgress, "a colleague had begun");
    }

    #[test]
    fn what_was_given_away_comes_back_with_its_time_and_counts_as_no_refusal() {
        let before = roads();
        let given = act(&before, hand_over(), officer(7, ROADS), 1).expect("given");
        assert_eq!((given.complaint.owner(), given.complaint.refusals), (Some(Owner::Agency(agency(PARKS))), 1));
        let back = act(&given.complaint, undo(&given, false), officer(7, ROADS), 9).expect("back").complaint;
        assert_eq!((back.owner(), back.refusals), (Some(Owner::Agency(agency(ROADS))), 0));
        assert_eq!(back.deadline(), before.deadline());
        assert_eq!(back.dispatches.iter().filter(|dispatch| dispatch.responsible).count(), 1);
    }

    #[test]
    fn nobody_takes_back_what_is_old_anothers_or_already_touched() {
        let given = act(&roads(), hand_over(), officer(7, ROADS), 1).expect("given");
        let late = act(&given.complaint, undo(&given, false), officer(7, ROADS), 12);
        assert_eq!(late, Err(NotAllowed::TooLate));
        for by in [officer(8, ROADS), officer(7, PARKS), Actor::Citizen, Actor::System] {
            assert!(act(&given.complaint, undo(&given, false), by, 2).is_err(), "{by:?}");
        }
        let touched = act(&given.complaint, Action::Claim, officer(9, PARKS), 2).expect("taken");
        assert_eq!(act(&touched.complaint, undo(&given, false), officer(7, ROADS), 3), Err(NotAllowed::TooLate));
        let answered = act(&roads(), Action::Answer { text: "besok".into() }, officer(7, ROADS), 1).expect("answered");
        assert_eq!(act(&answered.complaint, undo(&answered, false), officer(7, ROADS), 2), Err(NotAllowed::TooLate), "words were sent");
    }

    #[test]
    fn who_helped_before_does_not_lose_it_when_a_hand_over_is_taken_back() {
        let shared = Action::Share { with: vec![agency(PARKS)], text: "pangkas akar".into() };
        let shared = act(&roads(), shared, officer(7, ROADS), 1).expect("shared");
        let given = act(&shared.complaint, hand_over(), officer(7, ROADS), 2).expect("given");
        assert_eq!(act(&given.complaint, undo(&given, false), officer(7, ROADS), 3), Err(NotAllowed::TooLate));
    }

    #[test]
    fn a_task_changes_no_owner_and_what_is_said_of_it_changes_nothing() {
        let before = roads();
        let task = Action::Entrust { name: "RT 03 Melati".into(), task: "Pasang rambu sementara.".into() };
        let given = act(&before, task.clone(), officer(7, ROADS), 1).expect("given");
        assert_eq!(given.complaint.dispatches, before.dispatches);
        assert_eq!(act(&before, task.clone(), officer(7, PARKS), 1), Err(NotAllowed::NotWithThisAgency));
        let says = |says, words: &str| Action::Report(Reported { name: "RT 03 Melati".into(), says, words: words.into(), photo: None });
        let said = act(&given.complaint, says(Says::Done, "Sudah dipasang."), Actor::System, 9).expect("said");
        assert_eq!((said.complaint.dispatches.clone(), said.replies.len()), (before.dispatches, 0), "who is responsible confirms");
        assert_eq!(said.updates[0].agency, Some(agency(ROADS)));
        let staff = Actor::Staff { id: crate::StaffId(uuid::Uuid::nil()), role: Role::Admin, agency: None };
        assert!(act(&given.complaint, says(Says::Done, "x"), staff, 9).is_err(), "nobody speaks for them");
        for grade in [Visibility::Secret, Visibility::Confidential, Visibility::Sealed] {
            let hidden = Complaint { visibility: grade, ..given.complaint.clone() };
            assert_eq!(act(&hidden, task.clone(), officer(7, ROADS), 1), Err(NotAllowed::Confidential), "{grade:?}");
            assert_eq!(act(&hidden, says(Says::Working, ""), Actor::System, 1), Err(NotAllowed::Confidential), "{grade:?}");
        }
    }
}
