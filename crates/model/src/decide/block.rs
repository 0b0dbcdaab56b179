//! A sender who is not answered for a while.

use jiff::Timestamp;

use super::{Draft, words};
use crate::{Actor, NotAllowed, ReplyKind, Role, UpdateKind};

/// No block holds longer; it can be put on again, by somebody who has to say why.
pub const LONGEST_BLOCK: jiff::SignedDuration = jiff::SignedDuration::from_hours(90 * 24);

impl Draft<'_> {
    /// Whom a block may be put on or taken off by: who answers for the agency, or for the whole.
    fn may_block(&mut self) -> Result<(), NotAllowed> {
        match self.by {
            Actor::Staff { role: Role::Admin, .. } => Ok(()),
            Actor::Staff { role: Role::Supervisor, agency: Some(agency), .. } => {
                let has_it = self.complaint.dispatches.iter().any(|dispatch| dispatch.agency == agency);
                if has_it { Ok(()) } else { Err(NotAllowed::NotWithThisAgency) }
            }
            Actor::Staff { .. } | Actor::System | Actor::Citizen => Err(NotAllowed::Role),
        }
    }

    /// Says so once, and writes down that it ends by itself.
    pub(super) fn block(&mut self, reason: String, until: Timestamp) -> Result<(), NotAllowed> {
        let reason = words(reason)?;
        self.may_block()?;
        if self.complaint.reply_to.is_none() {
            return Err(NotAllowed::NoWayBack);
        }
        let until = until.min(self.now.checked_add(LONGEST_BLOCK).unwrap_or(until));
        if until <= self.now {
            return Err(NotAllowed::AlreadyOver);
        }
        self.step(UpdateKind::Blocked, |update| update.text = Some(reason.clone()));
        self.say(ReplyKind::Blocked, |facts| {
            facts.deadline = Some(until);
            facts.text = Some(reason);
        });
        self.say(ReplyKind::Unblocked, |facts| facts.deadline = Some(until));
        Ok(())
    }

    pub(super) fn unblock(&mut self, reason: String) -> Result<(), NotAllowed> {
        let reason = words(reason)?;
        self.may_block()?;
        if self.complaint.reply_to.is_none() {
            return Err(NotAllowed::NoWayBack);
        }
        self.step(UpdateKind::Unblocked, |update| update.text = Some(reason));
        self.say(ReplyKind::Unblocked, |facts| facts.deadline = None);
        Ok(())
    }
}
