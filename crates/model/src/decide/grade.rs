//! Who may read it changes.

use super::Draft;
use crate::{Actor, DispatchState, NotAllowed, Referee, Status, UpdateKind, Visibility, privacy, route};

impl Draft<'_> {
    /// Another grade. What becomes confidential leaves the agencies that are no inspectorate, and what they did with it stays in its history.
    pub(super) fn regrade(&mut self, to: Visibility, reason: String) -> Result<(), NotAllowed> {
        let from = self.complaint.visibility;
        privacy::may_regrade(self.by, from, to)?;
        if matches!(self.by, Actor::Staff { .. }) {
            self.staff_who_knows_it()?;
            if reason.trim().is_empty() {
                return Err(NotAllowed::NoWords);
            }
        }
        self.complaint.visibility = to;
        let regraded = privacy::Regraded { from, to, reason };
        self.step(UpdateKind::Regraded, |update| update.text = Some(regraded.to_text()));
        if to.is_confidential() && !from.is_confidential() {
            self.take_away();
        }
        Ok(())
    }

    /// Whose agency has it or had it, and who routes.
    fn staff_who_knows_it(&self) -> Result<(), NotAllowed> {
        match self.by {
            Actor::Staff { role, .. } if role.may_triage() => Ok(()),
            _ => {
                let agency = self.own_agency()?;
                let knows = self.complaint.dispatches.iter().any(|dispatch| dispatch.agency == agency);
                if knows { Ok(()) } else { Err(NotAllowed::NotWithThisAgency) }
            }
        }
    }

    /// From every agency that is no inspectorate; to the inspectorate, or to a person who chooses.
    fn take_away(&mut self) {
        let (waited, mut taken) = (self.complaint.owner().is_some(), false);
        for dispatch in &mut self.complaint.dispatches {
            if dispatch.state.is_pending() && !self.directory.inspectorates.contains(&dispatch.agency) {
                (dispatch.state, dispatch.officer, dispatch.responsible) = (DispatchState::HandedOver, None, false);
                taken = true;
            }
        }
        if !waited || self.complaint.pending().next().is_some() {
            return;
        }
        let routing = route(&self.complaint.case(), &self.directory.rules);
        self.by = Actor::System;
        match routing.inspectorate(self.directory) {
            Some(inspectorate) => {
                self.complaint.referee = Referee::Never;
                self.give(vec![inspectorate]);
            }
            None if self.complaint.referee == Referee::Asked => {}
            // Another agency settled its part: without one that answers for the rest, it would count as settled.
            None if self.complaint.status() == Status::Resolved => {
                self.complaint.referee = Referee::Asked;
                self.step(UpdateKind::ToReferee, |_| ());
            }
            None if taken => self.step(UpdateKind::ToTriage, |_| ()),
            None => {}
        }
    }
}
