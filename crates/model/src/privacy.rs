//! The five grades of privacy: who learns who wrote, and who may change the grade. Which rows somebody sees at all is in `store::access`.
//!
//! | grade | public | agency | who routes | named staff | who wrote |
//! |---|---|---|---|---|---|
//! | [`Visibility::Public`] | text and photos | all | all | all | staff see it |
//! | [`Visibility::Hidden`] | nothing | all | all | all | staff see it |
//! | [`Visibility::Secret`] | nothing | all but who wrote | on request | on request | who routes may ask, with a reason |
//! | [`Visibility::Confidential`] | nothing | nothing | nothing | all | named staff may ask, with a reason |
//! | [`Visibility::Sealed`] | nothing | nothing | nothing | all | nobody: it is not kept |

use jiff::SignedDuration;

use crate::{Actor, NotAllowed, ReplyKind, Role, Visibility};

/// For how long somebody who gave a reason sees who wrote one complaint.
pub const UNMASKED: SignedDuration = SignedDuration::from_mins(15);

/// Whether somebody who sees a complaint learns who wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Identity {
    /// Yes.
    Shown,
    /// Once they say why, for a short while; it is written down.
    OnRequest,
    /// No.
    Never,
}

/// What a role learns of who wrote a complaint of this grade that it may see.
pub fn identity(grade: Visibility, role: Role) -> Identity {
    match grade {
        Visibility::Public | Visibility::Hidden => Identity::Shown,
        Visibility::Secret if role.may_triage() => Identity::OnRequest,
        Visibility::Confidential if role != Role::Clerk => Identity::OnRequest,
        Visibility::Secret | Visibility::Confidential | Visibility::Sealed => Identity::Never,
    }
}

/// Whether this grade may become that one. Everybody who works on a complaint may raise its grade; lowering it takes the citizen's own word, or a
/// supervisor or an admin.
///
/// # Errors
/// [`NotAllowed::SameGrade`], [`NotAllowed::Sealed`]: nobody seals later, because who wrote is kept already, and what is sealed stays so for
/// staff; [`NotAllowed::Role`].
pub fn may_regrade(by: Actor, from: Visibility, to: Visibility) -> Result<(), NotAllowed> {
    if from == to {
        return Err(NotAllowed::SameGrade);
    }
    match by {
        _ if to == Visibility::Sealed => Err(NotAllowed::Sealed),
        Actor::Staff { .. } if from == Visibility::Sealed => Err(NotAllowed::Sealed),
        Actor::Staff { role: Role::Triage | Role::Officer, .. } if to > from => Ok(()),
        Actor::Citizen | Actor::Staff { role: Role::Supervisor | Role::Admin, .. } => Ok(()),
        Actor::Staff { .. } | Actor::System => Err(NotAllowed::Role),
    }
}

/// What may be said where everybody reads it about a complaint that only named staff see: nothing that says who has it.
pub(crate) fn in_public(kind: ReplyKind) -> Option<ReplyKind> {
    match kind {
        ReplyKind::Forwarded => Some(ReplyKind::Received),
        ReplyKind::Resolved => Some(ReplyKind::Answered),
        ReplyKind::Routed | ReplyKind::Started | ReplyKind::HandedOver => None,
        other => Some(other),
    }
}

/// A grade that became another, as a step of the history says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regraded {
    /// What it was.
    pub from: Visibility,
    /// What it is.
    pub to: Visibility,
    /// Why; may be empty where the citizen did it.
    pub reason: String,
}

impl Regraded {
    /// As it stands in a complaint's history, which pages say in words: old and new grade, and the reason.
    pub fn to_text(&self) -> String {
        format!("{} {} {}", self.from.as_str(), self.to.as_str(), self.reason.trim())
    }

    /// Reads it; `None`: it is no such text.
    pub fn from_text(text: &str) -> Option<Self> {
        let (from, rest) = text.split_once(' ')?;
        let (to, reason) = rest.split_once(' ')?;
        Some(Self { from: Visibility::from_word(from)?, to: Visibility::from_word(to)?, reason: reason.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::StaffId;

    fn staff(role: Role) -> Actor {
        Actor::Staff { id: StaffId(Uuid::nil()), role, agency: None }
    }

    #[test]
    fn who_wrote_is_shown_below_secret_and_never_where_it_is_sealed() {
        for role in Role::ALL {
            assert_eq!(identity(Visibility::Public, role), Identity::Shown);
            assert_eq!(identity(Visibility::Hidden, role), Identity::Shown);
            let routes = if role.may_triage() { Identity::OnRequest } else { Identity::Never };
            assert_eq!(identity(Visibility::Secret, role), routes, "{role}");
            let sees = if role == Role::Clerk { Identity::Never } else { Identity::OnRequest };
            assert_eq!(identity(Visibility::Confidential, role), sees, "{role}");
            assert_eq!(identity(Visibility::Sealed, role), Identity::Never, "{role}");
        }
    }

    #[test]
    fn everybody_who_works_on_it_raises_a_grade_and_few_lower_it() {
        for from in Visibility::ALL {
            for to in Visibility::ALL {
                let refused =
                    if from == to { Some(NotAllowed::SameGrade) } else { (to == Visibility::Sealed).then_some(NotAllowed::Sealed) };
                assert_eq!(may_regrade(Actor::Citizen, from, to), refused.map_or(Ok(()), Err), "{from:?} {to:?}");
                for role in Role::ALL {
                    let may = may_regrade(staff(role), from, to).is_ok();
                    let lowers = matches!(role, Role::Supervisor | Role::Admin);
                    let expected = refused.is_none() && from != Visibility::Sealed && role != Role::Clerk && (to > from || lowers);
                    assert_eq!(may, expected, "{role} {from:?} {to:?}");
                }
                assert!(may_regrade(Actor::System, from, to).is_err());
            }
        }
    }

    proptest! {
        #[test]
        fn a_regraded_step_survives_its_text(from in 0_usize..5, to in 0_usize..5, reason in "[a-z ]{0,40}") {
            let one = Regraded { from: Visibility::ALL[from], to: Visibility::ALL[to], reason: reason.trim().to_owned() };
            prop_assert_eq!(Regraded::from_text(&one.to_text()), Some(one));
        }

        #[test]
        fn no_text_of_a_step_breaks_the_reader(text in ".{0,60}") {
            let _ = Regraded::from_text(&text);
        }
    }
}
