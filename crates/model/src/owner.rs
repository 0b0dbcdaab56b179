//! Who answers for a complaint. While it is open there is exactly one: the responsible agency, the desk that still looks for one, or the
//! referee. Every other agency that has it helps.

use serde::{Deserialize, Serialize};

use crate::{AgencyId, Complaint, Dispatch, DispatchState, Status};

/// After so many times back and forth nobody passes a complaint on any more: the referee places it. The first "not ours" is not one of them, for
/// it was the rule's mistake.
pub const MOST_BOUNCES: u16 = 2;

/// Whether agencies disagreed about a complaint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Referee {
    /// Nobody asked.
    #[default]
    Never,
    /// The referee has it, and places it.
    Asked,
    /// The referee placed it: the agency may not pass it on, only bring it back before the referee.
    Placed,
}

impl Referee {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Never, Self::Asked, Self::Placed];

    /// The word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Asked => "asked",
            Self::Placed => "placed",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// The one who answers for an open complaint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Nobody was found yet: the city's own desk, which looks for one.
    Desk,
    /// The city's own desk, as referee between agencies that all said "not ours".
    Referee,
    /// This agency.
    Agency(AgencyId),
}

impl Complaint {
    /// Who answers for it; `None`: it is resolved.
    pub fn owner(&self) -> Option<Owner> {
        match (self.responsible(), self.status()) {
            _ if self.referee == Referee::Asked => Some(Owner::Referee),
            (Some(dispatch), _) => Some(Owner::Agency(dispatch.agency)),
            (None, Status::Resolved) => None,
            (None, _) => Some(Owner::Desk),
        }
    }

    /// The part of the responsible agency, while it still has to act.
    pub fn responsible(&self) -> Option<&Dispatch> {
        self.pending().find(|dispatch| dispatch.responsible)
    }

    /// Whether nobody can pass it on any more who says "not ours": what they name is only heard by the referee.
    pub fn goes_to_referee_next(&self) -> bool {
        self.referee == Referee::Placed || self.refusals >= MOST_BOUNCES
    }

    /// How often it went back and forth.
    pub fn bounces(&self) -> u16 {
        self.refusals.saturating_sub(1)
    }

    /// Makes this agency the one that answers for it. Nothing, if it does not have it.
    pub(crate) fn make_responsible(&mut self, agency: AgencyId) {
        if self.of(agency).is_err() {
            return;
        }
        for dispatch in &mut self.dispatches {
            dispatch.responsible = dispatch.agency == agency;
        }
    }

    /// Sees to it that exactly one agency answers for what agencies still have to do, and none for what is with the referee. Who has done
    /// their part gives the whole on to who got it first of those that have not.
    pub(crate) fn settle_owner(&mut self) {
        let with_referee = self.referee == Referee::Asked;
        for dispatch in &mut self.dispatches {
            dispatch.responsible &= dispatch.state != DispatchState::HandedOver && !with_referee;
        }
        if with_referee || self.responsible().is_some() {
            return;
        }
        let first = self.pending().map(|dispatch| dispatch.agency).next();
        if let Some(first) = first {
            self.make_responsible(first);
        }
    }
}
