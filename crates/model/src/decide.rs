//! The rules of what may be done with a complaint: `open` and `decide` are pure, and return all that must be written, so that nobody can
//! change a status and forget to tell the citizen.

mod block;
mod grade;
mod held;
mod owners;
mod pin;
mod together;
mod undo;

pub use self::block::LONGEST_BLOCK;

use jiff::Timestamp;

use crate::{
    Action, Actor, AgencyId, AttachmentId, Audience, Complaint, ComplaintId, Course, Decision, Directory, Dispatch, DispatchState, Due,
    Held, MessageId, NotAllowed, Opening, Point, Question, Questions, Referee, ReplyDraft, ReplyId, ReplyKind, Role, StaffId, Status,
    Triaged, Update, UpdateId, UpdateKind, Why,
    connect::Connected,
    escalation::{Missed, ended},
    privacy,
    reply::Facts,
    same::{Heard, SaysSame},
};

/// Stands in the history of what is not closed by itself, for staff.
const NOT_TOLD: &str = "Tidak ditutup otomatis: kabar selesai beserta tanggal penutupannya tidak sampai kepada warga.";

/// For so long who took or gave away a complaint can take that back.
pub const UNDO: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);

/// A new complaint: routed if a rule knows where to, else waiting in triage, and acknowledged either way. What is held waits for a person first, but for
/// what never may.
pub fn open(opening: Opening, directory: &Directory, now: Timestamp) -> Decision {
    let mut complaint = Complaint {
        id: ComplaintId::new(now),
        reference: opening.reference,
        tracking: opening.tracking,
        citizen: opening.citizen,
        adapter: opening.adapter,
        account: opening.account,
        text: opening.text,
        category: opening.triaged.category,
        area: opening.triaged.area,
        place: opening.place,
        location: opening.location,
        visibility: opening.visibility,
        language: opening.language,
        reply_to: opening.reply_to,
        opened_at: opening.opened_at,
        why: opening.triaged.why,
        questions: Questions::default(),
        trace: opening.trace,
        version: 0,
        forward: None,
        refusals: 0,
        referee: Referee::Never,
        dispatches: Vec::new(),
        erased: false,
    };
    complaint.forward = complaint.await_forwarding(directory);
    let learned = opening.triaged.agency;
    complaint.why.held = opening.held.map(|held| Held { agency: learned, ..held });
    let mut draft = Draft::new(complaint, Actor::System, directory, now);
    draft.step(UpdateKind::Opened, |update| update.message = Some(opening.message));
    if draft.stays_held() {
        return draft.done();
    }
    let kind = if draft.route_by_rules(learned) {
        ReplyKind::Forwarded
    } else {
        draft.step(UpdateKind::ToTriage, |_| ());
        ReplyKind::Received
    };
    let danger = !draft.complaint.why.danger.is_empty();
    // A photo or a place comes first, its words seconds later. Danger waits for nothing.
    let wordless = kind == ReplyKind::Received && draft.complaint.text.trim().is_empty() && !danger;
    draft.say(kind, |facts| {
        facts.danger = danger;
        facts.settles = wordless;
    });
    draft.done()
}

/// The acknowledgement of a complaint that did not go out yet, once more with what is known now: in its place, and in the place of the news
/// that an agency has it. What it would have asked was not asked.
pub fn acknowledge_again(decision: &mut Decision, directory: &Directory, now: Timestamp) {
    decision.replies.retain(|reply| reply.kind != ReplyKind::Routed);
    let answered = decision.complaint.questions.same.take().filter(|earlier| earlier.same.is_some());
    decision.complaint.questions = Questions { same: answered, ..Questions::default() };
    let complaint = &decision.complaint;
    let (Some(to), Some(cause)) = (complaint.reply_to.clone(), decision.updates.last()) else { return };
    let in_public = complaint.visibility.is_confidential() && to.audience == Audience::Public;
    let kind = if complaint.dispatches.is_empty() || in_public { ReplyKind::Received } else { ReplyKind::Forwarded };
    let danger = !complaint.why.danger.is_empty();
    let settles = kind == ReplyKind::Received && complaint.text.trim().is_empty() && !danger;
    let facts = Facts { danger, settles, ..complaint.facts(directory) };
    decision.replies.push(ReplyDraft { id: ReplyId::new(now), kind, to, language: complaint.language, cause: cause.id.0, facts });
    crate::ask(decision, directory, now);
}

/// What follows when somebody does something with a complaint.
///
/// # Errors
/// [`NotAllowed`] says why not; nothing has changed then.
pub fn decide(complaint: Complaint, action: Action, by: Actor, directory: &Directory, now: Timestamp) -> Result<Decision, NotAllowed> {
    let mut draft = Draft::new(complaint, by, directory, now);
    match action {
        Action::FollowUp { message, text, same_breath, reply_to, triaged, location } => {
            draft.follow_up(message, &text, same_breath, triaged.map(|found| *found), location);
            draft.complaint.reply_to = reply_to.or(draft.complaint.reply_to.take());
            if by == Actor::Citizen && opens_again(&text, &draft.complaint) {
                draft.reopen(text)?;
            } else if !same_breath {
                draft.say(ReplyKind::Noted, |_| ());
            }
        }
        Action::Route { agencies, category, area } => draft.route(agencies, category, area)?,
        Action::Claim => draft.claim()?,
        Action::Ask { text } => draft.speak(text, UpdateKind::Asked, ReplyKind::Asked, DispatchState::AwaitingCitizen)?,
        Action::Answer { text } => draft.speak(text, UpdateKind::Answered, ReplyKind::Answered, DispatchState::InProgress)?,
        Action::Note { text } => {
            let text = words(text)?;
            draft.staff_who_sees_it()?;
            draft.step(UpdateKind::Noted, |update| update.text = Some(text));
        }
        Action::HandOver { to, reason } => draft.hand_over(to, reason)?,
        Action::Place { agencies, reason, category, area } => draft.place(agencies, reason, category, area)?,
        Action::Consult { asked, text } => draft.consult(asked, text)?,
        Action::Advise { asker: to, asked, text } => draft.advise(to, asked, text)?,
        Action::Share { with, text } => draft.share(with, text)?,
        Action::Lead { to, reason } => draft.lead(to, reason)?,
        Action::PassDown { to, reason } => draft.pass_down(to, reason)?,
        Action::TakeBack { from, reason } => draft.take_back(from, reason)?,
        Action::Resolve { text, photo } => draft.resolve(text, photo)?,
        Action::Reopen { reason } => draft.reopen(reason)?,
        Action::Block { reason, until } => draft.block(reason, until)?,
        Action::Unblock { reason } => draft.unblock(reason)?,
        Action::PassOn { from, to, text } => draft.pass_on(from, to, text)?,
        Action::SaySame { says, heard, known } => draft.say_same(says, heard, known)?,
        Action::Connect { message, reply_to } => {
            draft.the_citizen()?;
            draft.complaint.reply_to = reply_to.or(draft.complaint.reply_to.take());
            draft.step(UpdateKind::Connected, |update| update.message = Some(message));
            draft.say(ReplyKind::Noted, |facts| facts.connected = Some(Connected::Here));
        }
        Action::Leave { reason } => {
            let reason = words(reason)?;
            draft.the_citizen()?;
            draft.step(UpdateKind::Left, |update| update.text = Some(reason));
        }
        Action::Regrade { to, reason } => draft.regrade(to, reason)?,
        Action::MovePin { to, reason } => draft.move_pin(to, reason)?,
        Action::Undo { last, worked } => draft.undo(&last, worked)?,
        Action::Entrust { name, task } => draft.entrust(name, task)?,
        Action::Report(reported) => draft.report(&reported)?,
        Action::Recall { name } => draft.recall(name)?,
        Action::Close { told } => draft.close(told)?,
        Action::Release => draft.release()?,
        Action::Reject { reason } => draft.reject(reason)?,
        Action::Reckon => draft.reckon()?,
    }
    Ok(draft.done())
}

/// Whether the citizen's words are those by which what was settled is opened again: the word that we told them, with its number or in answer
/// to our message.
fn opens_again(text: &str, complaint: &Complaint) -> bool {
    const WORDS: [&str; 6] = ["BUKA", "BUKA LAGI", "BELUM SELESAI", "BELUM BERES", "REOPEN", "NOT DONE"];
    if complaint.status() != Status::Resolved || complaint.erased {
        return false;
    }
    let number = complaint.reference.to_string();
    let text = text.to_uppercase().replace(&number, " ").replace(&number.replace('-', ""), " ");
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    WORDS.contains(&words.join(" ").as_str())
}

fn words(text: String) -> Result<String, NotAllowed> {
    if text.trim().is_empty() { Err(NotAllowed::NoWords) } else { Ok(text) }
}

/// A decision while it is being made.
struct Draft<'a> {
    complaint: Complaint,
    updates: Vec<Update>,
    replies: Vec<ReplyDraft>,
    by: Actor,
    directory: &'a Directory,
    now: Timestamp,
    /// What had been missed before anything was done.
    missed: Vec<Missed>,
    /// Who answered for it before.
    led: Option<AgencyId>,
}

impl<'a> Draft<'a> {
    fn new(complaint: Complaint, by: Actor, directory: &'a Directory, now: Timestamp) -> Self {
        let missed = complaint.missed(now);
        let led = complaint.responsible().map(|dispatch| dispatch.agency);
        Self { complaint, updates: Vec::new(), replies: Vec::new(), by, directory, now, missed, led }
    }

    fn done(mut self) -> Decision {
        self.settle_owner();
        self.complaint.keep_time(self.directory, self.now);
        ended(&mut self.missed, &self.complaint, self.now);
        Decision { complaint: self.complaint, updates: self.updates, replies: self.replies, missed: self.missed }
    }

    /// Adds a step to the history.
    fn step(&mut self, kind: UpdateKind, fill: impl FnOnce(&mut Update)) {
        let agency = match self.by {
            Actor::Staff { agency, .. } => agency,
            Actor::System | Actor::Citizen => None,
        };
        let mut update = Update {
            id: UpdateId::new(self.now),
            at: self.now,
            by: self.by,
            kind,
            agency,
            text: None,
            to: Vec::new(),
            message: None,
            attachment: None,
        };
        fill(&mut update);
        self.updates.push(update);
    }

    /// Tells the citizen, with the facts as they are now; the last step is the cause.
    fn say(&mut self, kind: ReplyKind, fill: impl FnOnce(&mut Facts)) {
        self.complaint.keep_time(self.directory, self.now);
        let (Some(to), Some(cause)) = (self.complaint.reply_to.clone(), self.updates.last()) else { return };
        let confidential = self.complaint.visibility.is_confidential() && to.audience == Audience::Public;
        let Some(kind) = (if confidential { privacy::in_public(kind) } else { Some(kind) }) else { return };
        let mut facts = self.complaint.facts(self.directory);
        fill(&mut facts);
        self.replies.push(ReplyDraft { id: ReplyId::new(self.now), kind, to, language: self.complaint.language, cause: cause.id.0, facts });
    }

    /// The agency for which the actor may act on this complaint.
    fn own_agency(&self) -> Result<AgencyId, NotAllowed> {
        match self.by {
            Actor::Staff { role, agency: Some(agency), .. } if role.belongs_to_agency() => Ok(agency),
            _ => Err(NotAllowed::Role),
        }
    }

    fn name_of(&self, agency: AgencyId) -> String {
        self.directory.agency_name(agency).to_owned()
    }

    fn staff_who_sees_it(&mut self) -> Result<(), NotAllowed> {
        match self.by {
            Actor::Staff { role, .. } if role.may_triage() => Ok(()),
            Actor::Staff { .. } => self.own_agency().and_then(|agency| self.complaint.of(agency).map(|_| ())),
            Actor::System | Actor::Citizen => Err(NotAllowed::Role),
        }
    }

    /// Gives it to whom the rules name ([`Directory::course`]); where none fits, to whom was learned, if that is sure. `false`: a person must
    /// choose.
    fn route_by_rules(&mut self, learned: Option<AgencyId>) -> bool {
        let Course { visibility, mut agencies, rules } = self.course(self.complaint.case());
        self.complaint.visibility = visibility;
        self.complaint.why.rules = rules;
        self.complaint.why.version = Some(self.directory.rules_version).filter(|version| *version > 0);
        if agencies.is_empty() && !visibility.is_confidential() {
            agencies.extend(learned.filter(|agency| self.directory.agencies.contains_key(agency)));
        }
        let found = !agencies.is_empty();
        self.give(agencies);
        self.note_near();
        found
    }

    fn give(&mut self, agencies: Vec<AgencyId>) {
        if agencies.is_empty() {
            return;
        }
        for &agency in &agencies {
            self.complaint.give(agency, self.directory, self.now);
        }
        self.step(UpdateKind::Routed, |update| update.to = agencies);
    }

    fn follow_up(&mut self, message: MessageId, text: &str, same_breath: bool, triaged: Option<Triaged>, location: Option<Point>) {
        let text = text.trim();
        if same_breath && !text.is_empty() {
            if !self.complaint.text.is_empty() {
                self.complaint.text.push('\n');
            }
            self.complaint.text.push_str(text);
        }
        self.complaint.location = self.complaint.location.or(location);
        // The citizen answered: the question is no longer what we wait for.
        for dispatch in &mut self.complaint.dispatches {
            if dispatch.state == DispatchState::AwaitingCitizen {
                dispatch.state = DispatchState::InProgress;
            }
        }
        // They said something after it was settled: it is not closed by itself any more. A person reads it.
        for dispatch in &mut self.complaint.dispatches {
            dispatch.clocks.closes = dispatch.clocks.closes.filter(|closes| closes.met.is_some());
        }
        self.step(UpdateKind::FollowedUp, |update| {
            update.message = Some(message);
            update.text = (!text.is_empty()).then(|| text.to_owned());
        });
        let nobody_has_it = self.complaint.dispatches.is_empty() && !self.complaint.is_spam();
        if let Some(triaged) = triaged.filter(|_| nobody_has_it) {
            self.complaint.category = triaged.category.or(self.complaint.category.take());
            self.complaint.area = triaged.area.or(self.complaint.area.take());
            let quoted = std::mem::take(&mut self.complaint.why.quoted);
            let held = self.complaint.why.held.take();
            self.complaint.why = Why { quoted, held, ..triaged.why };
            self.by = Actor::System;
            if self.still_waits() {
                return;
            }
            if self.route_by_rules(triaged.agency) {
                self.say(ReplyKind::Routed, |_| ());
            }
        }
    }

    /// Nobody else speaks for them.
    fn the_citizen(&self) -> Result<(), NotAllowed> {
        if self.by == Actor::Citizen { Ok(()) } else { Err(NotAllowed::Role) }
    }

    /// The citizen's word stands in the history whatever became of it. An officer who waits for words still waits.
    fn say_same(&mut self, says: SaysSame, heard: Option<Heard>, known: Option<Status>) -> Result<(), NotAllowed> {
        self.the_citizen()?;
        let questions = &mut self.complaint.questions;
        questions.open = questions.open.take().filter(|(question, _)| *question != Question::Same);
        questions.skipped |= says.same.is_none();
        if let Some(earlier) = &mut questions.same {
            earlier.same = says.same;
        }
        self.complaint.reply_to = says.reply_to.or(self.complaint.reply_to.take());
        let kind = match says.same {
            Some(true) => UpdateKind::SaidSame,
            Some(false) => UpdateKind::SaidOther,
            None => UpdateKind::FollowedUp,
        };
        self.step(kind, |update| update.message = says.message);
        if says.message.is_some() && heard.is_some() {
            self.say(ReplyKind::Noted, |facts| (facts.heard, facts.known) = (heard, known));
        }
        Ok(())
    }

    fn route(&mut self, agencies: Vec<AgencyId>, category: Option<String>, area: Option<String>) -> Result<(), NotAllowed> {
        let Actor::Staff { role, .. } = self.by else { return Err(NotAllowed::Role) };
        if !role.may_triage() {
            return Err(NotAllowed::Role);
        }
        if self.complaint.erased {
            return Err(NotAllowed::Erased);
        }
        if self.complaint.referee != Referee::Never {
            return Err(NotAllowed::WithReferee);
        }
        if self.complaint.is_spam() {
            return Err(NotAllowed::NotHeld);
        }
        self.known(&agencies)?;
        let leads = agencies[0];
        self.let_go();
        self.complaint.category = category.or(self.complaint.category.take());
        self.complaint.area = area.or(self.complaint.area.take());
        self.give(agencies);
        self.complaint.make_responsible(leads);
        self.say(ReplyKind::Routed, |_| ());
        Ok(())
    }

    fn known(&self, agencies: &[AgencyId]) -> Result<(), NotAllowed> {
        let known = agencies.iter().all(|agency| self.directory.agencies.contains_key(agency));
        if agencies.is_empty() || !known {
            return Err(NotAllowed::NoAgency);
        }
        let confided = agencies.iter().all(|agency| self.directory.inspectorates.contains(agency));
        if self.complaint.visibility.is_confidential() && !confided { Err(NotAllowed::Confidential) } else { Ok(()) }
    }

    /// The officer's own dispatch. A colleague's is theirs, unless a supervisor acts.
    fn own_dispatch(&mut self) -> Result<(AgencyId, &mut Dispatch), NotAllowed> {
        let agency = self.own_agency()?;
        let Actor::Staff { id, role, .. } = self.by else { return Err(NotAllowed::Role) };
        let dispatch = self.complaint.of(agency)?;
        if dispatch.officer.is_some_and(|officer| officer != id) && role != Role::Supervisor {
            return Err(NotAllowed::TakenByColleague);
        }
        Ok((agency, dispatch))
    }

    fn claim(&mut self) -> Result<(), NotAllowed> {
        let Actor::Staff { id, .. } = self.by else { return Err(NotAllowed::Role) };
        let (agency, dispatch) = self.own_dispatch()?;
        let is_news = dispatch.state == DispatchState::Open;
        dispatch.officer = Some(id);
        if is_news {
            dispatch.state = DispatchState::InProgress;
        }
        self.step(UpdateKind::Claimed, |_| ());
        if is_news {
            let name = self.name_of(agency);
            self.say(ReplyKind::Started, |facts| facts.agency = Some(name));
        }
        Ok(())
    }

    fn speak(&mut self, text: String, step: UpdateKind, kind: ReplyKind, then: DispatchState) -> Result<(), NotAllowed> {
        let text = words(text)?;
        let Actor::Staff { id, .. } = self.by else { return Err(NotAllowed::Role) };
        let now = self.now;
        let (agency, dispatch) = self.own_dispatch()?;
        dispatch.officer = Some(dispatch.officer.unwrap_or(id));
        dispatch.state = then;
        if kind == ReplyKind::Answered {
            dispatch.answered(now);
        }
        self.step(step, |update| update.text = Some(text.clone()));
        let name = self.name_of(agency);
        self.say(kind, |facts| {
            facts.agency = Some(name);
            facts.text = Some(text);
        });
        Ok(())
    }

    fn resolve(&mut self, text: String, photo: Option<AttachmentId>) -> Result<(), NotAllowed> {
        let text = words(text)?;
        let now = self.now;
        let unproven = photo.is_none() && self.complaint.category.as_ref().is_some_and(|code| self.directory.proofs.contains(code));
        let (agency, dispatch) = self.own_dispatch()?;
        if unproven {
            return Err(NotAllowed::NoPhoto);
        }
        dispatch.state = DispatchState::Done;
        dispatch.answered(now);
        self.step(UpdateKind::Resolved, |update| {
            update.text = Some(text.clone());
            update.attachment = photo;
        });
        let name = self.name_of(agency);
        self.say(ReplyKind::Resolved, |facts| {
            facts.agency = Some(name);
            facts.text = Some(text);
            facts.photo = photo;
        });
        Ok(())
    }

    fn reopen(&mut self, reason: String) -> Result<(), NotAllowed> {
        let reason = words(reason)?;
        let may = match self.by {
            Actor::Citizen => true,
            Actor::Staff { role, .. } => role.may_triage() || role == Role::Supervisor,
            Actor::System => false,
        };
        if !may {
            return Err(NotAllowed::Role);
        }
        if self.complaint.erased {
            return Err(NotAllowed::Erased);
        }
        if self.complaint.is_spam() {
            self.contest(reason);
            return Ok(());
        }
        let done: Vec<usize> = (0..self.complaint.dispatches.len())
            .filter(|&at| self.complaint.dispatches[at].state == DispatchState::Done)
            .filter(|&at| match self.by {
                Actor::Staff { role: Role::Supervisor, agency, .. } => agency == Some(self.complaint.dispatches[at].agency),
                _ => true,
            })
            .collect();
        if done.is_empty() {
            return Err(NotAllowed::StillOpen);
        }
        for at in done {
            let (deadline, clocks) = self.complaint.start(self.complaint.dispatches[at].agency, self.directory, self.now);
            let dispatch = &mut self.complaint.dispatches[at];
            dispatch.state = DispatchState::Open;
            dispatch.officer = None;
            dispatch.deadline = deadline;
            dispatch.clocks = clocks;
        }
        self.step(UpdateKind::Reopened, |update| update.text = Some(reason));
        self.say(ReplyKind::Reopened, |_| ());
        Ok(())
    }

    /// Only what every agency has settled, and only when the citizen's time is over for all of them. Who could not be told that this would come
    /// is not surprised by it: then it stays as it is, and staff read why.
    fn close(&mut self, told: bool) -> Result<(), NotAllowed> {
        if self.by != Actor::System {
            return Err(NotAllowed::Role);
        }
        let now = self.now;
        let over = |dispatch: &Dispatch| dispatch.clocks.closes.is_some_and(|closes| closes.met.is_none() && closes.at <= now);
        let done = || self.complaint.dispatches.iter().filter(|dispatch| dispatch.state == DispatchState::Done);
        if self.complaint.status() != Status::Resolved || !done().all(over) {
            return Err(NotAllowed::NotYet);
        }
        for dispatch in self.complaint.dispatches.iter_mut().filter(|dispatch| dispatch.state == DispatchState::Done) {
            dispatch.clocks.closes = dispatch.clocks.closes.filter(|_| told).map(|closes| Due { met: Some(now), ..closes });
        }
        if !told {
            self.step(UpdateKind::Noted, |update| update.text = Some(NOT_TOLD.to_owned()));
            return Ok(());
        }
        self.step(UpdateKind::Closed, |_| ());
        self.say(ReplyKind::Closed, |_| ());
        Ok(())
    }

    /// How far the agency is stays as it is: what was asked is still asked, and the citizen is not told twice that somebody began.
    fn pass_on(&mut self, from: StaffId, to: Option<StaffId>, text: String) -> Result<(), NotAllowed> {
        let text = words(text)?;
        if !matches!(self.by, Actor::Staff { role: Role::Admin, .. }) {
            return Err(NotAllowed::Role);
        }
        let mut agency = None;
        for dispatch in &mut self.complaint.dispatches {
            if dispatch.officer == Some(from) && !matches!(dispatch.state, DispatchState::Done | DispatchState::HandedOver) {
                dispatch.officer = to;
                agency = Some(dispatch.agency);
            }
        }
        let agency = agency.ok_or(NotAllowed::NotWithThisAgency)?;
        self.step(UpdateKind::Noted, |update| {
            update.text = Some(text);
            update.agency = Some(agency);
        });
        Ok(())
    }

    /// The calendar changed: what still runs is counted again, and each clock that moved is told.
    fn reckon(&mut self) -> Result<(), NotAllowed> {
        if self.by != Actor::System {
            return Err(NotAllowed::Role);
        }
        for moved in self.complaint.reckon(self.directory) {
            self.step(UpdateKind::Moved, |update| {
                update.agency = moved.agency;
                update.text = Some(moved.to_text());
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
