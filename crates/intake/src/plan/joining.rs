//! Which complaint a message belongs to, and whether it answers a question of ours.

use model::{
    Answer, Audience, CitizenId, Complaint, ComplaintId, Decision, Inbound, Proof, Question, Reference, Status, answer, without_notes,
};

use super::{BREATH, Breath, Desk, Joins, answered_key};
use crate::{Rooms, bounds::MOST_TEXT};

impl Desk<'_> {
    /// The complaint that this message belongs to, by the first rule that says so. A door that has shown a number to the citizen has
    /// promised a complaint of its own.
    pub(super) fn joins(&self, inbound: &Inbound, citizens: &[CitizenId]) -> Option<Joins> {
        if inbound.tracking.is_some() {
            return None;
        }
        let told = |complaint| Joins { complaint, same_breath: false };
        let answers = self
            .by_proof(inbound)
            .or_else(|| self.by_edit(inbound, citizens))
            .map(told)
            .or_else(|| self.by_answer(inbound, citizens))
            .or_else(|| self.by_thread(inbound, citizens));
        if answers.is_some() || inbound.proof == Proof::Claim {
            return answers;
        }
        self.by_number(inbound, citizens)
            .map(told)
            .or_else(|| self.by_breath(inbound, citizens[0]))
            .or_else(|| self.by_question(inbound, citizens[0]).map(told))
    }

    /// The complaint whose answer the door recognized, whoever wrote.
    fn by_proof(&self, inbound: &Inbound) -> Option<ComplaintId> {
        let Proof::Answer(number) = inbound.proof else { return None };
        let (complaint, _) = self.numbers.get(&number)?;
        self.complaints.contains_key(complaint).then_some(*complaint)
    }

    /// Whether the complaint is there and one of these citizens' own: what others quote or answer does not let them in.
    fn own(&self, complaint: ComplaintId, citizens: &[CitizenId]) -> Option<ComplaintId> {
        let decision = self.complaints.get(&complaint)?;
        citizens.contains(&decision.complaint.citizen).then_some(complaint)
    }

    fn by_edit(&self, inbound: &Inbound, citizens: &[CitizenId]) -> Option<ComplaintId> {
        let edited = self.recorded.get(inbound.replaces.as_ref()?)?;
        self.own(edited.complaint?, citizens)
    }

    /// Who points at a message of their own within minutes goes on with it; who points at one of ours answers.
    fn by_answer(&self, inbound: &Inbound, citizens: &[CitizenId]) -> Option<Joins> {
        let answered = answered_key(inbound)?;
        let ours = self.answered.get(&answered).copied();
        let complaint = ours.or_else(|| self.recorded.get(&answered)?.complaint)?;
        let complaint = self.own(complaint, citizens)?;
        Some(Joins { complaint, same_breath: ours.is_none() && self.breathes(complaint, inbound, citizens[0]) })
    }

    /// Whether this citizen said something about this complaint within minutes of the message, and there is room for more.
    fn breathes(&self, complaint: ComplaintId, inbound: &Inbound, citizen: CitizenId) -> bool {
        let near = |breath: &Breath| breath.complaint == Some(complaint) && inbound.sent_at.duration_since(breath.at).abs() <= BREATH;
        let has_room = |decision: &Decision| {
            decision.complaint.status() != Status::Resolved && decision.complaint.text.len() + inbound.text.len() < MOST_TEXT
        };
        self.breaths.get(&citizen).is_some_and(|breaths| breaths.iter().any(near)) && self.complaints.get(&complaint).is_some_and(has_room)
    }

    /// The conversation, or the album, that it is part of. The parts of an album are one breath.
    fn by_thread(&self, inbound: &Inbound, citizens: &[CitizenId]) -> Option<Joins> {
        let thread = inbound.thread.as_ref()?;
        let key = |citizen: CitizenId| (citizen, inbound.key.adapter.clone(), inbound.key.account.clone(), thread.clone());
        let complaint = citizens.iter().find_map(|&citizen| self.threads.get(&key(citizen)))?;
        let complaint = self.own(*complaint, citizens)?;
        let same_breath = !is_conversation(Some(thread)) && self.breathes(complaint, inbound, citizens[0]);
        Some(Joins { complaint, same_breath })
    }

    fn by_number(&self, inbound: &Inbound, citizens: &[CitizenId]) -> Option<ComplaintId> {
        let quoted = Reference::find_in(&inbound.text);
        quoted.iter().find_map(|number| {
            let (complaint, _) = self.numbers.get(number)?;
            self.own(*complaint, citizens)
        })
    }

    /// What the citizen sent to the same account within minutes. Another conversation or another audience is another matter.
    fn by_breath(&self, inbound: &Inbound, citizen: CitizenId) -> Option<Joins> {
        let near = |breath: &&Breath| inbound.sent_at.duration_since(breath.at).abs() <= BREATH;
        let alike = |breath: &&Breath| {
            breath.adapter == inbound.key.adapter
                && breath.account == inbound.key.account
                && breath.audience == inbound.audience
                && (!is_conversation(breath.thread.as_deref())
                    || !is_conversation(inbound.thread.as_deref())
                    || breath.thread == inbound.thread)
        };
        let goes_on = |complaint: ComplaintId| {
            let complaint = &self.complaints.get(&complaint)?.complaint;
            let has_room = complaint.text.len() + inbound.text.len() < MOST_TEXT;
            (complaint.citizen == citizen && complaint.status() != Status::Resolved && has_room).then_some(complaint.id)
        };
        let breaths = self.breaths.get(&citizen)?.iter();
        let latest = breaths.filter(near).filter(alike).filter_map(|b| Some((b.at, goes_on(b.complaint?)?))).max_by_key(|(at, _)| *at)?;
        Some(Joins { complaint: latest.1, same_breath: true })
    }

    /// An agency asked, and the citizen writes without pointing at the question, as most people do. Only where one question is open.
    fn by_question(&self, inbound: &Inbound, citizen: CitizenId) -> Option<ComplaintId> {
        let waits = |id: &&ComplaintId| {
            self.complaints.get(*id).is_some_and(|decision| {
                let complaint = &decision.complaint;
                complaint.status() == Status::AwaitingCitizen && goes_on_at(complaint, inbound)
            })
        };
        let mut asked = self.awaiting.get(&citizen)?.iter().filter(waits);
        let only = asked.next()?;
        (asked.next().is_none() && inbound.audience == Audience::Private).then_some(*only)
    }

    /// The complaint about which we asked something that this message answers: the one it quotes or goes on with, else the only one
    /// with an open question.
    pub(super) fn answers(&self, inbound: &Inbound, citizens: &[CitizenId]) -> Option<(ComplaintId, Question, Answer)> {
        if inbound.tracking.is_some() || inbound.replaces.is_some() || inbound.audience != Audience::Private {
            return None;
        }
        let joined = self.joins(inbound, citizens).map(|joins| joins.complaint);
        let complaint = joined.or_else(|| self.by_open_question(inbound, citizens[0]))?;
        // Nothing was asked yet.
        if self.settling.contains(&complaint) {
            return None;
        }
        let questions = &self.complaints.get(&complaint)?.complaint.questions;
        // A button of ours can be tapped for ever.
        let tapped = answered_key(inbound).is_some_and(|key| self.answered.contains_key(&key)) && questions.asked.contains(&Question::Same);
        let question = questions.open_at(inbound.sent_at).or(tapped.then_some(Question::Same))?;
        let (text, place) = (inbound.text.as_str(), inbound.place.as_deref());
        let answer = answer(
            question,
            text,
            inbound.location,
            place,
            inbound.category.as_deref(),
            self.about_something(inbound),
            &self.rooms.directory,
        )?;
        Some((complaint, question, answer))
    }

    /// Whether the message's own words speak for a category, or of danger: then they are no mere answer.
    fn about_something(&self, inbound: &Inbound) -> bool {
        let Rooms { directory, atlas, .. } = self.rooms;
        let found = triage::triage(&without_notes(&inbound.text), None, None, None, None, directory, atlas);
        found.category.is_some() || !found.why.danger.is_empty()
    }

    /// We asked, and the citizen answers without pointing at the question, as most people do. Only where one question is open.
    fn by_open_question(&self, inbound: &Inbound, citizen: CitizenId) -> Option<ComplaintId> {
        let open = |id: &&ComplaintId| {
            self.complaints.get(*id).is_some_and(|decision| {
                let complaint = &decision.complaint;
                complaint.questions.open_at(inbound.sent_at).is_some()
                    && complaint.status() != Status::Resolved
                    && goes_on_at(complaint, inbound)
            })
        };
        let mut asked = self.awaiting.get(&citizen)?.iter().filter(open);
        let only = asked.next()?;
        asked.next().is_none().then_some(*only)
    }
}

/// Whether this account is the one that the complaint came by, or where it is answered now.
fn goes_on_at(complaint: &Complaint, inbound: &Inbound) -> bool {
    let here = (&inbound.key.adapter, &inbound.key.account);
    let now = complaint.reply_to.as_ref().map(|to| (&to.adapter, &to.account));
    (&complaint.adapter, &complaint.account) == here || now == Some(here)
}

/// Whether the platform keeps it apart from what else the citizen says there: an album is only a way of sending.
fn is_conversation(thread: Option<&str>) -> bool {
    thread.is_some_and(|thread| !thread.starts_with(Inbound::ALBUM))
}
