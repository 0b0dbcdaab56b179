//! Several agencies at one complaint: asked for words, given a part, given the lead, below one another.

use super::{Draft, words};
use crate::{AgencyId, DispatchState, NotAllowed, ReplyKind, UpdateKind};

impl Draft<'_> {
    /// Asks another agency and gives nothing away: no state and no clock of the asker changes.
    pub(super) fn consult(&mut self, asked: AgencyId, text: String) -> Result<(), NotAllowed> {
        let text = words(text)?;
        let (agency, _) = self.own_dispatch()?;
        if asked == agency {
            return Err(NotAllowed::NoAgency);
        }
        self.known(&[asked])?;
        self.step(UpdateKind::Consulted, |update| {
            update.text = Some(text);
            update.to = vec![asked];
        });
        Ok(())
    }

    /// The agency that was asked answers the one that asked. Whether it was asked, the store knows.
    pub(super) fn advise(&mut self, to: AgencyId, asked: AgencyId, text: String) -> Result<(), NotAllowed> {
        let text = words(text)?;
        if self.own_agency()? != asked {
            return Err(NotAllowed::NotWithThisAgency);
        }
        self.step(UpdateKind::Advised, |update| {
            update.text = Some(text);
            update.to = vec![to];
        });
        Ok(())
    }

    /// Who answers for it gives others a part, and goes on answering for the whole.
    pub(super) fn share(&mut self, with: Vec<AgencyId>, text: String) -> Result<(), NotAllowed> {
        let text = words(text)?;
        let agency = self.own_lead()?;
        self.known(&with)?;
        let is_news = |other: &AgencyId| !self.complaint.pending().any(|dispatch| dispatch.agency == *other);
        if with.contains(&agency) || !with.iter().any(is_news) {
            return Err(NotAllowed::NoAgency);
        }
        for &other in &with {
            self.complaint.give(other, self.directory, self.now);
        }
        self.step(UpdateKind::Shared, |update| {
            update.text = Some(text);
            update.to = with;
        });
        self.say(ReplyKind::Routed, |_| ());
        Ok(())
    }

    /// Both keep it; the other one answers for it from now on. It counts like "not ours", so that nobody passes the lead back and forth either.
    pub(super) fn lead(&mut self, to: AgencyId, reason: String) -> Result<(), NotAllowed> {
        let reason = words(reason)?;
        if self.own_lead()? == to {
            return Err(NotAllowed::NoAgency);
        }
        self.complaint.of(to)?;
        if self.complaint.goes_to_referee_next() {
            return Err(NotAllowed::WithReferee);
        }
        self.complaint.refusals = self.complaint.refusals.saturating_add(1);
        self.complaint.make_responsible(to);
        self.moved(UpdateKind::Led, to, reason);
        Ok(())
    }

    /// From an agency to one below it, with all that it was answerable for. Not a "not ours": it is within the house.
    pub(super) fn pass_down(&mut self, to: AgencyId, reason: String) -> Result<(), NotAllowed> {
        let reason = words(reason)?;
        let (agency, _) = self.own_dispatch()?;
        self.below(to, agency)?;
        self.pass(agency, to)?;
        self.moved(UpdateKind::PassedDown, to, reason);
        Ok(())
    }

    /// What was passed down comes back to the agency above.
    pub(super) fn take_back(&mut self, from: AgencyId, reason: String) -> Result<(), NotAllowed> {
        let reason = words(reason)?;
        let agency = self.own_agency()?;
        self.below(from, agency)?;
        self.pass(from, agency)?;
        self.moved(UpdateKind::TakenBack, agency, reason);
        Ok(())
    }

    /// The agency of who acts, if it answers for the complaint.
    pub(super) fn own_lead(&mut self) -> Result<AgencyId, NotAllowed> {
        let (agency, dispatch) = self.own_dispatch()?;
        if dispatch.responsible { Ok(agency) } else { Err(NotAllowed::NotResponsible) }
    }

    fn below(&self, lower: AgencyId, upper: AgencyId) -> Result<(), NotAllowed> {
        self.known(&[lower])?;
        if self.directory.parents.get(&lower) == Some(&upper) { Ok(()) } else { Err(NotAllowed::NotBelow) }
    }

    /// One agency's part, and what it answers for, to another.
    fn pass(&mut self, from: AgencyId, to: AgencyId) -> Result<(), NotAllowed> {
        self.known(&[to])?;
        let dispatch = self.complaint.of(from)?;
        let leads = dispatch.responsible;
        dispatch.state = DispatchState::HandedOver;
        (dispatch.officer, dispatch.responsible) = (None, false);
        self.complaint.give(to, self.directory, self.now);
        if leads {
            self.complaint.make_responsible(to);
        }
        Ok(())
    }

    /// Says who has it now, and why, in the history and to the citizen.
    fn moved(&mut self, kind: UpdateKind, to: AgencyId, reason: String) {
        self.step(kind, |update| {
            update.text = Some(reason.clone());
            update.to = vec![to];
        });
        let name = self.name_of(to);
        self.say(ReplyKind::HandedOver, |facts| {
            facts.agency = Some(name);
            facts.text = Some(reason);
        });
    }
}
