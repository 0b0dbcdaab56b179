//! Who answers for it: handing over, the referee's word, and the step that says so when nobody chose.

use super::{Draft, words};
use crate::{Actor, AgencyId, DispatchState, NotAllowed, Referee, ReplyKind, UpdateKind, reply::referee_in};

impl Draft<'_> {
    /// "Not ours". Who answers for it names a better one, until that was said too often: then the referee decides. Who only helps gives
    /// its part to another, or back.
    pub(super) fn hand_over(&mut self, to: Vec<AgencyId>, reason: String) -> Result<(), NotAllowed> {
        let reason = words(reason)?;
        let (agency, dispatch) = self.own_dispatch()?;
        if to.contains(&agency) {
            return Err(NotAllowed::NoAgency);
        }
        let leads = dispatch.responsible;
        dispatch.state = DispatchState::HandedOver;
        (dispatch.officer, dispatch.responsible) = (None, false);
        if !to.is_empty() {
            self.known(&to)?;
        }
        let ends_here = to.is_empty() || self.complaint.goes_to_referee_next();
        self.complaint.refusals = self.complaint.refusals.saturating_add(1);
        if leads && ends_here {
            self.call_referee(to, reason);
            return Ok(());
        }
        // A part that nobody takes falls back to who answers for the whole.
        let back = self.complaint.responsible().map(|dispatch| dispatch.agency);
        let to = if ends_here { back.into_iter().collect() } else { to };
        for &next in &to {
            self.complaint.give(next, self.directory, self.now);
        }
        if let Some(&next) = to.first().filter(|_| leads) {
            self.complaint.make_responsible(next);
        }
        let names = if to.is_empty() { referee_in(self.complaint.language).to_owned() } else { self.names_of(&to) };
        self.step(UpdateKind::HandedOver, |update| {
            update.text = Some(reason.clone());
            update.to = to;
        });
        self.say(ReplyKind::HandedOver, |facts| {
            facts.agency = Some(names);
            facts.text = Some(reason);
        });
        Ok(())
    }

    /// `named`: whom the agency would have given it to. The referee reads it, and decides.
    fn call_referee(&mut self, named: Vec<AgencyId>, reason: String) {
        self.complaint.referee = Referee::Asked;
        self.step(UpdateKind::ToReferee, |update| {
            update.text = Some(reason.clone());
            update.to = named;
        });
        let referee = referee_in(self.complaint.language).to_owned();
        self.say(ReplyKind::HandedOver, |facts| {
            facts.agency = Some(referee);
            facts.text = Some(reason);
        });
    }

    /// The referee's word: the first of the agencies answers for it, the others help. Everybody may read why.
    pub(super) fn place(
        &mut self,
        agencies: Vec<AgencyId>,
        reason: String,
        category: Option<String>,
        area: Option<String>,
    ) -> Result<(), NotAllowed> {
        let Actor::Staff { role, .. } = self.by else { return Err(NotAllowed::Role) };
        if !role.may_referee() {
            return Err(NotAllowed::Role);
        }
        if self.complaint.referee == Referee::Never {
            return Err(NotAllowed::NotWithReferee);
        }
        let reason = words(reason)?;
        self.known(&agencies)?;
        self.complaint.category = category.or(self.complaint.category.take());
        self.complaint.area = area.or(self.complaint.area.take());
        self.complaint.referee = Referee::Placed;
        for &agency in &agencies {
            self.complaint.give(agency, self.directory, self.now);
        }
        self.complaint.make_responsible(agencies[0]);
        let names = self.names_of(&agencies);
        self.step(UpdateKind::Placed, |update| {
            update.text = Some(reason.clone());
            update.to = agencies;
        });
        self.say(ReplyKind::HandedOver, |facts| {
            facts.agency = Some(names);
            facts.text = Some(reason);
        });
        Ok(())
    }

    fn names_of(&self, agencies: &[AgencyId]) -> String {
        let names: Vec<&str> = agencies.iter().map(|&agency| self.directory.agency_name(agency)).collect();
        names.join(", ")
    }

    /// One answers for it, whatever was done; where nobody chose who, the history says it.
    pub(super) fn settle_owner(&mut self) {
        self.complaint.settle_owner();
        let leads = self.complaint.responsible().map(|dispatch| dispatch.agency);
        let Some(now) = leads.filter(|_| self.led.is_some() && self.led != leads) else { return };
        let said = |kind| {
            use UpdateKind as Kind;
            matches!(kind, Kind::Routed | Kind::HandedOver | Kind::Placed | Kind::Led | Kind::PassedDown | Kind::TakenBack | Kind::Undone)
        };
        if !self.updates.iter().any(|update| said(update.kind) && update.to.first() == Some(&now)) {
            self.by = Actor::System;
            self.step(UpdateKind::Led, |update| update.to = vec![now]);
        }
    }
}

#[cfg(test)]
mod tests;
