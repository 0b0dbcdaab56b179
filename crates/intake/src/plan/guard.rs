//! Who sends too much, and what reads like no complaint: kept together or held, in the place where a message would open a complaint. Limits in
//! `model::Guard`, signs in `triage::signs`.

use std::collections::{HashMap, HashSet};

use model::{
    AdapterName, CitizenId, ComplaintId, Decision, Guard, Guarded, Held, Inbound, ReplyDraft, ReplyKind, Sign, Signal, Status, Timestamp,
    Triaged, Visibility,
    guard::{COUNTED, READ_CLOSELY, points},
    without_notes,
};
use store::guard::Habits;
use triage::{Around, is_of_breach, is_of_danger, same_words, signs};

use super::{BREATH, Desk};

/// A breach of duty opens a complaint of its own so many times as often as anything else.
const FOR_BREACHES: usize = 3;

/// What the tables know of who sends, read once for a batch.
#[derive(Debug, Default)]
pub(crate) struct Lately {
    /// Of the citizens that are known.
    pub(crate) habits: HashMap<CitizenId, Habits>,
    /// Who sent the same words.
    pub(crate) words: HashMap<i64, HashSet<CitizenId>>,
    /// Channels that bring far more than they usually may.
    pub(crate) rushed: HashSet<(AdapterName, String)>,
}

/// The words of a message by which the same of others are known. Of what is secret nothing is noted.
pub(crate) fn words_of(inbound: &Inbound) -> Option<i64> {
    let open = inbound.visibility < Visibility::Secret;
    open.then(|| same_words(&without_notes(&inbound.text))).flatten()
}

impl Desk<'_> {
    fn limits(&self) -> Guard {
        self.rooms.guard_at(self.now)
    }

    /// How many complaints this citizen opened in the hour before the message came in.
    fn opened_before(&self, citizen: CitizenId, at: Timestamp) -> usize {
        let within = |opened: &&Timestamp| (at.duration_since(**opened)).abs() <= COUNTED;
        self.lately.habits.get(&citizen).map_or(0, |habits| habits.opened.iter().filter(within).count())
    }

    /// Whether they opened as many as one may. A door that has promised a number counts its visitors itself.
    fn is_flooding(&self, inbound: &Inbound, citizen: CitizenId) -> bool {
        inbound.tracking.is_none() && self.opened_before(citizen, inbound.received_at) >= usize::from(self.limits().opens)
    }

    /// The complaint to which a message beyond the limit is added, without a word. `None`: it is within the limit, or the first one beyond it, or
    /// what may not wait.
    pub(super) fn collected(&self, inbound: &Inbound, citizen: CitizenId) -> Option<ComplaintId> {
        if !self.is_flooding(inbound, citizen) || inbound.visibility.is_secret() {
            return None;
        }
        let habits = self.lately.habits.get(&citizen)?;
        let words = without_notes(&inbound.text);
        if is_of_danger(&words) {
            // It rises to the top where the one before is.
            return habits.alarm.filter(|id| self.goes_on(*id));
        }
        let most = usize::from(self.limits().opens) * FOR_BREACHES;
        if is_of_breach(&words) && self.opened_before(citizen, inbound.received_at) < most {
            return None;
        }
        habits.basket.filter(|id| self.goes_on(*id))
    }

    fn goes_on(&self, id: ComplaintId) -> bool {
        self.complaints.get(&id).is_some_and(|decision| decision.complaint.status() != Status::Resolved)
    }

    /// Whether this citizen has written so much within a breath that it is no longer read for category and place each time: reading takes longer
    /// the longer the whole is, and others wait for the same transaction. Words of danger are always heard.
    pub(super) fn goes_on_and_on(&self, inbound: &Inbound, citizen: CitizenId) -> bool {
        let near = |at: Timestamp| inbound.sent_at.duration_since(at).abs() <= BREATH;
        let said = self.breaths.get(&citizen).map_or(0, |breaths| breaths.iter().filter(|breath| near(breath.at)).count());
        said >= READ_CLOSELY && !is_of_danger(&without_notes(&inbound.text))
    }

    /// Why a new complaint is held; `None`: it goes its way.
    pub(super) fn held(&self, inbound: &Inbound, citizen: CitizenId, triaged: &Triaged) -> Option<Held> {
        let limits = self.limits();
        let habits = self.lately.habits.get(&citizen);
        let others = words_of(inbound).and_then(|words| self.lately.words.get(&words));
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let around = Around {
            same_words: others.map_or(0, |others| count(others.iter().filter(|other| **other != citizen).count())),
            spam_before: habits.map_or(0, |habits| habits.spam),
            settled_before: habits.map_or(0, |habits| habits.settled),
            rush: self.lately.rushed.contains(&(inbound.key.adapter.clone(), inbound.key.account.clone())),
            place: inbound.place.is_some() || inbound.location.is_some(),
            file: !inbound.attachments.is_empty(),
        };
        let mut signs = signs(&without_notes(&inbound.text), triaged, &around);
        let flood = self.is_flooding(inbound, citizen);
        let sum = points(&signs);
        if flood {
            let opened = self.opened_before(citizen, inbound.received_at).to_string();
            signs.insert(0, Sign { signal: Signal::Flood, points: i16::try_from(limits.points).unwrap_or(i16::MAX), found: vec![opened] });
        } else if sum < limits.points {
            return None;
        }
        let due = self.rooms.directory.working(None).due(inbound.received_at, limits.amount(), &[]);
        Some(Held { due, points: points(&signs), signs, flood, agency: None, verdict: None })
    }

    /// What later messages of the batch must know about a complaint that was opened.
    pub(super) fn note_opened(&mut self, id: ComplaintId, citizen: CitizenId, inbound: &Inbound) {
        let habits = self.lately.habits.entry(citizen).or_default();
        if inbound.tracking.is_none() {
            habits.opened.push(inbound.received_at);
        }
        if let Some(complaint) = self.complaints.get(&id).map(|decision| &decision.complaint) {
            if complaint.why.held.as_ref().is_some_and(|held| held.flood) {
                habits.basket = Some(id);
            }
            if !complaint.why.danger.is_empty() {
                habits.alarm = Some(id);
            }
        }
        if let Some(words) = words_of(inbound) {
            self.lately.words.entry(words).or_default().insert(citizen);
            self.plan.words.push((words, citizen));
        }
    }

    /// Of the automatic answers to one citizen so many go out in an hour; the last one says that it is the last. Danger is always answered.
    pub(super) fn hush(&mut self) {
        let most = u32::from(self.limits().answers);
        for decision in &mut self.plan.decisions {
            let said = self.lately.habits.entry(decision.complaint.citizen).or_default();
            let replies = std::mem::take(&mut decision.replies);
            for mut reply in replies {
                if is_automatic(&reply) {
                    said.answers = said.answers.saturating_add(1);
                    if said.answers > most {
                        unask(decision, &reply);
                        continue;
                    }
                    if said.answers == most {
                        reply.facts.guarded = reply.facts.guarded.or(Some(Guarded::Last));
                    }
                }
                decision.replies.push(reply);
            }
        }
    }
}

fn is_automatic(reply: &ReplyDraft) -> bool {
    let kind = matches!(reply.kind, ReplyKind::Received | ReplyKind::Forwarded | ReplyKind::Routed | ReplyKind::Noted);
    kind && !reply.facts.danger
}

/// What was to be asked with an answer that does not go out was not asked.
fn unask(decision: &mut Decision, reply: &ReplyDraft) {
    if reply.facts.asks.is_some() {
        decision.complaint.questions.open = None;
    }
}
