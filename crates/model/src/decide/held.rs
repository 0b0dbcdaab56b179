//! What is held: it waits for a person, is let go with its clocks counted from when it came in, or is closed as no complaint; and its citizen may
//! say that it is one all the same.

use super::{Draft, words};
use crate::{Actor, Audience, Guarded, NotAllowed, ReplyKind, Stage, UpdateKind, Verdict, guard::may_wait};

impl Draft<'_> {
    /// Whether the new complaint waits; then its citizen is told so, briefly. What never waits is not held, whatever speaks against it.
    pub(super) fn stays_held(&mut self) -> bool {
        let grade = self.course(self.complaint.case()).visibility;
        if !self.may_wait(grade) {
            self.complaint.why.held = None;
        }
        let Some(flood) = self.complaint.why.held.as_ref().map(|held| held.flood) else { return false };
        self.complaint.visibility = grade;
        self.step(UpdateKind::Held, |_| ());
        let said = if flood { Guarded::Flood } else { Guarded::Held };
        self.say(ReplyKind::Received, |facts| facts.guarded = Some(said));
        true
    }

    /// Whether it goes on waiting after its citizen wrote more. Words of danger or of a breach of duty let it go at once.
    pub(super) fn still_waits(&mut self) -> bool {
        if !self.complaint.is_held() {
            return false;
        }
        let waits = self.may_wait(self.course(self.complaint.case()).visibility);
        if !waits {
            self.let_go();
        }
        waits
    }

    fn may_wait(&self, grade: crate::Visibility) -> bool {
        let why = &self.complaint.why;
        may_wait(grade.max(self.complaint.visibility), !why.danger.is_empty(), !why.ethics.is_empty())
    }

    /// It is a complaint. Nothing, where it is not held.
    pub(super) fn let_go(&mut self) {
        let Some(held) = self.complaint.why.held.as_mut().filter(|held| held.waits()) else { return };
        held.verdict = Some(Verdict::Real);
        self.step(UpdateKind::Released, |_| ());
    }

    pub(super) fn release(&mut self) -> Result<(), NotAllowed> {
        self.who_sorts_it()?;
        let learned = self.complaint.why.held.as_ref().and_then(|held| held.agency);
        self.let_go();
        self.by = Actor::System;
        if self.route_by_rules(learned) {
            self.say(ReplyKind::Routed, |_| ());
        } else {
            self.step(UpdateKind::ToTriage, |_| ());
        }
        Ok(())
    }

    pub(super) fn reject(&mut self, reason: String) -> Result<(), NotAllowed> {
        self.who_sorts_it()?;
        let reason = words(reason)?;
        let Some(held) = self.complaint.why.held.as_mut() else { return Err(NotAllowed::NotHeld) };
        held.verdict = Some(Verdict::Spam);
        if let Some(forward) = &mut self.complaint.forward {
            forward.met = forward.met.or(Some(self.now));
        }
        self.step(UpdateKind::Rejected, |update| update.text = Some(reason.clone()));
        // Nobody is called a spammer where everybody reads it.
        if self.complaint.reply_to.as_ref().is_some_and(|to| to.audience == Audience::Private) {
            self.say(ReplyKind::Noted, |facts| (facts.guarded, facts.text) = (Some(Guarded::Spam), Some(reason)));
        }
        Ok(())
    }

    fn who_sorts_it(&self) -> Result<(), NotAllowed> {
        match self.by {
            Actor::Staff { role, .. } if !role.may_triage() => Err(NotAllowed::Role),
            Actor::Staff { .. } if self.complaint.is_held() => Ok(()),
            Actor::Staff { .. } => Err(NotAllowed::NotHeld),
            Actor::System | Actor::Citizen => Err(NotAllowed::Role),
        }
    }

    /// It was closed as no complaint, and is one, says who may: a person chooses the agency, in a time of its own.
    pub(super) fn contest(&mut self, reason: String) {
        if let Some(held) = &mut self.complaint.why.held {
            held.verdict = Some(Verdict::Contested);
        }
        let matter = self.complaint.matter(None, self.now, self.directory);
        self.complaint.forward = self.directory.due(Stage::Forward, &matter, self.now, &[]);
        self.step(UpdateKind::Reopened, |update| update.text = Some(reason));
        self.step(UpdateKind::ToTriage, |_| ());
        self.say(ReplyKind::Reopened, |_| ());
    }
}

#[cfg(test)]
#[path = "held_tests.rs"]
mod tests;
