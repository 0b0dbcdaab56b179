//! What a batch comes to: decided in memory, one message after the other, from what the tables said under lock. Pure.

pub(crate) mod guard;
mod joining;

use std::collections::{BTreeMap, HashMap, HashSet};

use model::{
    Action, Actor, AdapterName, Address, Answer, Audience, CitizenId, Complaint, ComplaintId, Decision, Inbound, Language, MessageId,
    MessageKey, Opening, Question, Reference, ReplyDraft, ReplyId, ReplyKind, Timestamp, Told, TraceId, TrackingCode, Triaged,
    acknowledge_again, ask, decide,
    incident::{Change, StepKind},
    open,
    same::{Beside, SaysSame, hear},
    tell, without_notes,
};
use store::{block::Block, citizen, message};

use crate::{Recorded, Rooms, bounds::Bounded};

/// How long after their last message what a citizen sends still belongs to it: text, then a photo, then the place.
pub(crate) const BREATH: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);
/// How often the number of one message may be taken by chance before we believe in a fault instead.
pub(crate) const TURNS: u8 = 8;

/// What the tables know about the messages of a batch, read under lock.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Whose the addresses are.
    pub(crate) people: HashMap<Address, citizen::Known>,
    /// Messages that were recorded before: of the batch, edited by it, or answered by it.
    pub(crate) recorded: HashMap<MessageKey, message::Known>,
    /// Our own replies that the batch answers.
    pub(crate) answered: HashMap<MessageKey, ComplaintId>,
    /// The citizens' conversations.
    pub(crate) threads: Vec<message::Earlier>,
    /// What the citizens sent within a breath of the batch's messages.
    pub(crate) lately: Vec<message::Earlier>,
    /// Complaints that wait for their citizen's answer.
    pub(crate) awaiting: Vec<(CitizenId, ComplaintId)>,
    /// Whose the numbers are that the batch brings or quotes.
    pub(crate) numbers: HashMap<Reference, (ComplaintId, CitizenId)>,
    /// Codes that are taken.
    pub(crate) codes: HashSet<TrackingCode>,
    /// How much the senders sent, and others with them.
    pub(crate) lately_sent: guard::Lately,
    /// Senders who are not answered.
    pub(crate) blocked: Vec<Block>,
    /// Every complaint that a message of the batch may belong to, locked.
    pub(crate) complaints: Vec<Complaint>,
    /// Those of them whose acknowledgement still waits for words.
    pub(crate) settling: Vec<ComplaintId>,
    /// Those of them whose citizen may say whether it is the same as an earlier one.
    pub(crate) beside: HashMap<ComplaintId, Beside>,
}

/// All that must be written.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Citizens, in the order of their ids.
    pub(crate) citizens: Vec<citizen::Seen>,
    /// Messages: place in the batch, key, citizen, complaint.
    pub(crate) messages: Vec<Placed>,
    /// Complaints that are new or changed.
    pub(crate) decisions: Vec<Decision>,
    /// Replies to what opened no complaint.
    pub(crate) replies: Vec<(ReplyDraft, TraceId)>,
    /// Complaints whose waiting acknowledgement another one replaces.
    pub(crate) acknowledged_again: Vec<ComplaintId>,
    /// What citizens said of complaints that may be the same.
    pub(crate) said: Vec<(StepKind, Change)>,
    /// New complaints whose citizens were shown their page already: what is asked is asked there.
    pub(crate) on_page: HashSet<ComplaintId>,
    /// Which words opened complaints, and whose they are.
    pub(crate) words: Vec<(i64, CitizenId)>,
    /// What each message came to, in the order of the batch.
    pub(crate) recorded: Vec<Recorded>,
}

/// Where a message of the batch belongs.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) id: MessageId,
    /// Which message of the batch.
    pub(crate) at: usize,
    pub(crate) citizen: CitizenId,
    pub(crate) complaint: Option<ComplaintId>,
}

/// Decides the whole batch.
pub(crate) fn plan(batch: &[(Bounded, TraceId)], known: Known, rooms: &Rooms, now: Timestamp) -> Plan {
    let mut desk = Desk::new(known, rooms, now);
    for (at, (message, trace)) in batch.iter().enumerate() {
        let recorded = desk.take(at, &message.inbound, *trace);
        desk.plan.recorded.push(recorded);
    }
    desk.done()
}

/// A message that may still be in its citizen's breath.
#[derive(Debug, Clone)]
struct Breath {
    adapter: AdapterName,
    account: String,
    thread: Option<String>,
    audience: Audience,
    /// `None`: it could not be read, and we said so.
    complaint: Option<ComplaintId>,
    at: Timestamp,
}

/// How a message joins a complaint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Joins {
    complaint: ComplaintId,
    same_breath: bool,
}

/// A conversation: whose, through which adapter and account, and the platform's name for it.
type Thread = (CitizenId, AdapterName, String, String);

struct Desk<'a> {
    rooms: &'a Rooms,
    now: Timestamp,
    people: HashMap<Address, citizen::Known>,
    seen: BTreeMap<CitizenId, citizen::Seen>,
    recorded: HashMap<MessageKey, message::Known>,
    answered: HashMap<MessageKey, ComplaintId>,
    threads: HashMap<Thread, ComplaintId>,
    breaths: HashMap<CitizenId, Vec<Breath>>,
    awaiting: HashMap<CitizenId, Vec<ComplaintId>>,
    numbers: HashMap<Reference, (ComplaintId, CitizenId)>,
    codes: HashSet<TrackingCode>,
    blocked: Vec<Block>,
    lately: guard::Lately,
    settling: HashSet<ComplaintId>,
    beside: HashMap<ComplaintId, Beside>,
    /// Complaints as they are after the messages so far, with what must be written of them.
    complaints: HashMap<ComplaintId, Decision>,
    /// Those that are new or changed, in the order in which that happened.
    touched: Vec<ComplaintId>,
    plan: Plan,
}

impl<'a> Desk<'a> {
    fn new(known: Known, rooms: &'a Rooms, now: Timestamp) -> Self {
        let mut breaths: HashMap<CitizenId, Vec<Breath>> = HashMap::new();
        for earlier in known.lately {
            breaths.entry(earlier.citizen).or_default().push(Breath {
                adapter: earlier.adapter,
                account: earlier.account,
                thread: earlier.thread,
                audience: earlier.audience,
                complaint: earlier.complaint,
                at: earlier.sent_at,
            });
        }
        let mut awaiting: HashMap<CitizenId, Vec<ComplaintId>> = HashMap::new();
        for (citizen, complaint) in known.awaiting {
            awaiting.entry(citizen).or_default().push(complaint);
        }
        let threads = known
            .threads
            .into_iter()
            .filter_map(|earlier| Some(((earlier.citizen, earlier.adapter, earlier.account, earlier.thread?), earlier.complaint?)));
        let untouched =
            |complaint: Complaint| (complaint.id, Decision { complaint, updates: Vec::new(), replies: Vec::new(), missed: Vec::new() });
        Self {
            rooms,
            now,
            people: known.people,
            seen: BTreeMap::new(),
            recorded: known.recorded,
            answered: known.answered,
            threads: threads.collect(),
            breaths,
            awaiting,
            numbers: known.numbers,
            codes: known.codes,
            blocked: known.blocked,
            lately: known.lately_sent,
            settling: known.settling.into_iter().collect(),
            beside: known.beside,
            complaints: known.complaints.into_iter().map(untouched).collect(),
            touched: Vec::new(),
            plan: Plan::default(),
        }
    }

    fn done(mut self) -> Plan {
        self.plan.citizens = std::mem::take(&mut self.seen).into_values().collect();
        self.plan.decisions = self.touched.iter().filter_map(|id| self.complaints.remove(id)).collect();
        self.hush();
        self.plan
    }

    /// One message: again, unreadable, a follow-up or a new complaint.
    fn take(&mut self, at: usize, inbound: &Inbound, trace: TraceId) -> Recorded {
        if let Some(known) = self.recorded.get(&inbound.key) {
            return Recorded::Again(known.complaint);
        }
        let citizens = self.whose(inbound);
        let citizen = citizens[0];
        let language = self.meet(citizen, inbound);
        let id = MessageId::new(self.now);
        let recorded = if let Some(complaint) = self.kept_without_answer(inbound, &citizens) {
            self.keep(id, complaint, inbound);
            Recorded::FollowUp(complaint)
        } else if unreadable(inbound) {
            self.say_unreadable(id, citizen, inbound, language, trace);
            Recorded::Unreadable
        } else if let Some((complaint, question, answer)) = self.answers(inbound, &citizens) {
            if question == Question::Same {
                self.hear(id, complaint, &answer, inbound);
            } else {
                self.tell(id, complaint, answer, inbound);
            }
            Recorded::FollowUp(complaint)
        } else if let Some(joins) = self.joins(inbound, &citizens) {
            if self.goes_on_and_on(inbound, citizen) {
                self.keep(id, joins.complaint, inbound);
            } else {
                self.follow_up(id, joins, inbound);
            }
            Recorded::FollowUp(joins.complaint)
        } else if let Some(complaint) = self.collected(inbound, citizen) {
            self.keep(id, complaint, inbound);
            Recorded::FollowUp(complaint)
        } else {
            Recorded::New(self.open(id, citizen, inbound, language, trace))
        };
        self.remember(id, at, citizen, inbound, recorded.complaint());
        recorded
    }

    /// Every citizen that one of the sender's addresses belongs to, the best address first; a new one where none does.
    fn whose(&self, inbound: &Inbound) -> Vec<CitizenId> {
        let mut citizens = Vec::new();
        for address in &inbound.sender {
            if let Some(known) = self.people.get(address).filter(|known| !citizens.contains(&known.citizen)) {
                citizens.push(known.citizen);
            }
        }
        if citizens.is_empty() {
            citizens.push(CitizenId::new(self.now));
        }
        citizens
    }

    /// Notes the citizen's name, language and addresses; the language to answer in.
    fn meet(&mut self, citizen: CitizenId, inbound: &Inbound) -> Language {
        let earlier = inbound.sender.iter().filter_map(|address| self.people.get(address)).find(|known| known.citizen == citizen);
        let seen = self.seen.entry(citizen).or_insert_with(|| citizen::Seen {
            id: citizen,
            is_new: earlier.is_none(),
            name: earlier.and_then(|known| known.name.clone()),
            language: earlier.map(|known| known.language).unwrap_or_default(),
            new_addresses: Vec::new(),
            used_addresses: Vec::new(),
        });
        seen.name = inbound.sender_name.clone().or(seen.name.take());
        seen.language = inbound.language.unwrap_or(seen.language);
        let (name, language) = (seen.name.clone(), seen.language);
        for address in &inbound.sender {
            match self.people.get(address) {
                None => {
                    seen.new_addresses.push(address.clone());
                    self.people.insert(address.clone(), citizen::Known { address: address.clone(), citizen, name: name.clone(), language });
                }
                Some(known) if known.citizen == citizen && !seen.new_addresses.contains(address) => {
                    seen.used_addresses.push(address.clone());
                }
                // Another's: a telephone number that changed hands. It stays theirs.
                Some(_) => (),
            }
        }
        language
    }

    /// The complaint to which what a blocked sender writes is added, without a word to them: the one it belongs to, else the one at which
    /// they were blocked. `None`: nobody blocked them here; or a door has promised a number; or the words speak of danger, which nobody is
    /// too rude to be in.
    fn kept_without_answer(&self, inbound: &Inbound, citizens: &[CitizenId]) -> Option<ComplaintId> {
        let meant =
            |address: &Address| inbound.sender.contains(address) || inbound.reply_to.as_ref().is_some_and(|to| to.address == *address);
        let here = |block: &&Block| block.adapter == inbound.key.adapter && block.account == inbound.key.account && meant(&block.address);
        let block = self.blocked.iter().find(here).filter(|_| inbound.tracking.is_none())?;
        if triage::is_of_danger(&without_notes(&inbound.text)) {
            return None;
        }
        let complaint = self.joins(inbound, citizens).map_or(block.complaint, |joins| joins.complaint);
        self.complaints.contains_key(&complaint).then_some(complaint)
    }

    /// Adds a message and says nothing.
    fn keep(&mut self, message: MessageId, id: ComplaintId, inbound: &Inbound) {
        let Some(decision) = self.complaints.remove(&id) else { return };
        let action = Action::FollowUp {
            message,
            text: inbound.text.clone(),
            same_breath: false,
            reply_to: None,
            triaged: None,
            location: inbound.location,
        };
        let next = decide(decision.complaint.clone(), action, Actor::Citizen, &self.rooms.directory, self.now).ok();
        self.add(id, decision, next.map(|next| Decision { replies: Vec::new(), ..next }));
    }

    /// The citizen says whether it is the same as the earlier one. What comes twice or too late is recorded, and changes nothing.
    fn hear(&mut self, message: MessageId, id: ComplaintId, answer: &Answer, inbound: &Inbound) {
        let Some(decision) = self.complaints.remove(&id) else { return };
        let same = if let Answer::Same(same) = answer { Some(*same) } else { None };
        let says = SaysSame { same, message: Some(message), reply_to: inbound.reply_to.clone() };
        let followed = hear(decision.complaint.clone(), says, self.beside.get(&id), &self.rooms.directory, self.now);
        let next = followed.map(|followed| {
            if let Some(step) = followed.step {
                self.beside.values_mut().for_each(|beside| beside.apply(&step.1));
                self.plan.said.push(step);
            }
            followed.decision
        });
        self.add(id, decision, next);
    }

    fn tell(&mut self, message: MessageId, id: ComplaintId, answer: Answer, inbound: &Inbound) {
        let Some(decision) = self.complaints.remove(&id) else { return };
        let answered = Inbound {
            category: if let Answer::Category(code) = &answer { Some(code.clone()) } else { inbound.category.clone() },
            place: if let Answer::Place { place, .. } = &answer { place.clone() } else { inbound.place.clone() },
            // What was tapped or numbered are no words of the matter.
            text: if matches!(answer, Answer::Place { .. }) { inbound.text.clone() } else { String::new() },
            ..inbound.clone()
        };
        let triaged = self.triage_again(&decision.complaint, &answered);
        let told = Told { message, text: inbound.text.clone(), reply_to: inbound.reply_to.clone(), triaged };
        let next = tell(decision.complaint.clone(), answer, told, &self.rooms.directory, self.now);
        self.add(id, decision, next.ok());
    }

    /// What was decided next about a complaint, behind what this batch decided before. `None`: nothing changes.
    fn add(&mut self, id: ComplaintId, mut decision: Decision, next: Option<Decision>) {
        if let Some(next) = next {
            if decision.updates.is_empty() {
                self.touched.push(id);
            }
            decision.complaint = next.complaint;
            decision.updates.extend(next.updates);
            decision.missed = next.missed;
            decision.replies.extend(next.replies);
        }
        self.complaints.insert(id, decision);
    }

    fn follow_up(&mut self, message: MessageId, joins: Joins, inbound: &Inbound) {
        let Some(mut decision) = self.complaints.remove(&joins.complaint) else { return };
        let mut complaint = decision.complaint.clone();
        let triaged = self.triage_again(&complaint, inbound);
        // Who was let in by an answer of ours alone may be anybody it was passed on to: we go on writing to whose complaint it is.
        let reply_to = inbound.reply_to.clone().filter(|_| self.wrote_it(complaint.citizen, inbound));
        if joins.same_breath {
            complete(&mut complaint, inbound, &triaged);
        }
        let action = Action::FollowUp {
            message,
            text: inbound.text.clone(),
            same_breath: joins.same_breath,
            reply_to,
            triaged: Some(Box::new(triaged)),
            location: inbound.location,
        };
        // No rule forbids a citizen to write. Were there one, the message is still recorded with its complaint.
        let mut next = decide(complaint, action, Actor::Citizen, &self.rooms.directory, self.now).ok();
        if let Some(next) = next.as_mut().filter(|_| joins.same_breath && says_more(inbound) && self.settling.contains(&joins.complaint)) {
            self.acknowledge_again(&mut decision, next);
        }
        self.add(joins.complaint, decision, next);
    }

    /// One answer to a photo and its words: the acknowledgement that still waits gives way to one that knows the words.
    fn acknowledge_again(&mut self, before: &mut Decision, next: &mut Decision) {
        let id = next.complaint.id;
        before.replies.retain(|reply| !reply.facts.settles);
        acknowledge_again(next, &self.rooms.directory, self.now);
        if !self.plan.acknowledged_again.contains(&id) {
            self.plan.acknowledged_again.push(id);
        }
        if !next.replies.iter().any(|reply| reply.facts.settles) {
            self.settling.remove(&id);
        }
    }

    fn wrote_it(&self, citizen: CitizenId, inbound: &Inbound) -> bool {
        inbound.sender.iter().filter_map(|address| self.people.get(address)).any(|known| known.citizen == citizen)
    }

    /// What triage says of the complaint with this message added.
    fn triage_again(&self, complaint: &Complaint, inbound: &Inbound) -> Triaged {
        let text = format!("{}\n{}", complaint.text, inbound.text);
        let was_chosen = complaint.why.category.iter().any(|why| why == triage::CHOSEN);
        let chosen = inbound.category.as_deref().or(complaint.category.as_deref().filter(|_| was_chosen));
        let by_office = complaint.why.area.as_deref() == Some(triage::OFFICE);
        let found = triage::triage(
            &without_notes(&text),
            complaint.place.as_deref().or(inbound.place.as_deref()),
            complaint.location.or(inbound.location),
            inbound.office_area.as_deref().or(complaint.area.as_deref().filter(|_| by_office)),
            chosen,
            &self.rooms.directory,
            &self.rooms.atlas,
        );
        self.rooms.directory.by_purpose(found, chosen.is_some(), &complaint.adapter, &complaint.account)
    }

    fn open(&mut self, message: MessageId, citizen: CitizenId, inbound: &Inbound, language: Language, trace: TraceId) -> ComplaintId {
        let mut triaged = triage::triage(
            &without_notes(&inbound.text),
            inbound.place.as_deref(),
            inbound.location,
            inbound.office_area.as_deref(),
            inbound.category.as_deref(),
            &self.rooms.directory,
            &self.rooms.atlas,
        );
        triaged.why.quoted = self.quoted(inbound);
        let triaged = self.rooms.directory.by_purpose(triaged, inbound.category.is_some(), &inbound.key.adapter, &inbound.key.account);
        let held = self.held(inbound, citizen, &triaged);
        let reference = self.free_number(inbound);
        let tracking = inbound.tracking.clone().filter(|code| !self.codes.contains(code)).unwrap_or_else(TrackingCode::random);
        let opening = Opening {
            citizen,
            message,
            reference,
            tracking: tracking.clone(),
            adapter: inbound.key.adapter.clone(),
            account: inbound.key.account.clone(),
            text: inbound.text.clone(),
            place: inbound.place.clone(),
            location: inbound.location,
            visibility: inbound.visibility,
            language,
            reply_to: inbound.reply_to.clone(),
            opened_at: inbound.received_at,
            triaged,
            held,
            trace,
        };
        let mut decision = open(opening, &self.rooms.directory, self.now);
        let id = decision.complaint.id;
        // A form has asked already; what waits for a person is asked nothing.
        if inbound.tracking.is_some() {
            self.plan.on_page.insert(id);
        } else if !decision.complaint.is_held() {
            ask(&mut decision, &self.rooms.directory, self.now);
        }
        if decision.replies.iter().any(|reply| reply.facts.settles) {
            self.settling.insert(id);
        }
        self.numbers.insert(reference, (id, citizen));
        self.codes.insert(tracking);
        self.complaints.insert(id, decision);
        self.touched.push(id);
        self.note_opened(id, citizen, inbound);
        id
    }

    /// The numbers of other complaints that the words name, for a person to look at.
    fn quoted(&self, inbound: &Inbound) -> Vec<String> {
        let others = Reference::find_in(&inbound.text).into_iter().filter(|number| self.numbers.contains_key(number));
        others.map(|number| number.to_string()).collect()
    }

    /// The door's number, or the next turn of this message where it is taken.
    fn free_number(&self, inbound: &Inbound) -> Reference {
        numbers_of(inbound).find(|number| !self.numbers.contains_key(number)).unwrap_or(inbound.reference)
    }

    /// Asks for words or a photo instead, unless we did so a moment ago.
    fn say_unreadable(&mut self, message: MessageId, citizen: CitizenId, inbound: &Inbound, language: Language, trace: TraceId) {
        let said = |breath: &Breath| {
            breath.complaint.is_none()
                && breath.adapter == inbound.key.adapter
                && breath.account == inbound.key.account
                && inbound.sent_at.duration_since(breath.at).abs() <= BREATH
        };
        let said_lately = self.breaths.get(&citizen).is_some_and(|breaths| breaths.iter().any(said));
        let Some(to) = inbound.reply_to.clone().filter(|_| !said_lately) else { return };
        let draft = ReplyDraft {
            id: ReplyId::new(self.now),
            kind: ReplyKind::Unreadable,
            to,
            language,
            cause: message.0,
            facts: model::Facts::default(),
        };
        self.plan.replies.push((draft, trace));
    }

    /// What later messages of the batch must know about this one.
    fn remember(&mut self, id: MessageId, at: usize, citizen: CitizenId, inbound: &Inbound, complaint: Option<ComplaintId>) {
        self.plan.messages.push(Placed { id, at, citizen, complaint });
        self.recorded.insert(inbound.key.clone(), message::Known { key: inbound.key.clone(), citizen, complaint });
        self.breaths.entry(citizen).or_default().push(Breath {
            adapter: inbound.key.adapter.clone(),
            account: inbound.key.account.clone(),
            thread: inbound.thread.clone(),
            audience: inbound.audience,
            complaint,
            at: inbound.sent_at,
        });
        if let (Some(thread), Some(complaint)) = (&inbound.thread, complaint) {
            let key = (citizen, inbound.key.adapter.clone(), inbound.key.account.clone(), thread.clone());
            self.threads.insert(key, complaint);
        }
    }
}

/// Nothing to read: the platform says so, or there is neither word nor file nor place. A form has checked that itself.
fn unreadable(inbound: &Inbound) -> bool {
    let is_empty =
        inbound.text.trim().is_empty() && inbound.attachments.is_empty() && inbound.location.is_none() && inbound.place.is_none();
    inbound.tracking.is_none() && (inbound.unreadable.is_some() || is_empty)
}

/// Whether it holds what a complaint without words waits for.
fn says_more(inbound: &Inbound) -> bool {
    !inbound.text.trim().is_empty() || inbound.location.is_some() || inbound.place.is_some() || inbound.category.is_some()
}

/// The numbers that the complaint of this message may get, the door's first.
pub(crate) fn numbers_of(inbound: &Inbound) -> impl Iterator<Item = Reference> {
    std::iter::once(inbound.reference).chain((0..TURNS).map(|turn| Reference::of(&inbound.key, turn)))
}

/// The key of the message or reply that this message answers.
pub(crate) fn answered_key(inbound: &Inbound) -> Option<MessageKey> {
    let id = inbound.in_reply_to.clone()?;
    Some(MessageKey { adapter: inbound.key.adapter.clone(), account: inbound.key.account.clone(), id })
}

/// What the same breath adds to a complaint, also when an agency has it already: where it is.
fn complete(complaint: &mut Complaint, inbound: &Inbound, triaged: &Triaged) {
    complaint.place = complaint.place.take().or_else(|| inbound.place.clone());
    if complaint.area.is_none() {
        complaint.area.clone_from(&triaged.area);
        complaint.why.area.clone_from(&triaged.why.area);
    }
}
