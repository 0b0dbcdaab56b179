//! One citizen's matter, and the rules of what may be done with it: `open` and `decide` are pure, and return all that must be
//! written, so that nobody can change a status and forget to tell the citizen.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    AdapterName, AgencyId, AttachmentId, CitizenId, ComplaintId, Directory, DispatchId, Language, MessageId, Point, Reference, ReplyDraft,
    ReplyId, ReplyKind, ReplyTo, Role, Routing, StaffId, TraceId, TrackingCode, Triaged, UpdateId, Why, reply::Facts, route,
};

/// Who may see a complaint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// May be shown to everybody, without the citizen's name.
    Public,
    /// Not shown to the public.
    #[default]
    Hidden,
    /// Not shown to the public, and the agency does not learn who wrote.
    Secret,
}

impl Visibility {
    /// Every value, the most open first.
    pub const ALL: [Self; 3] = [Self::Public, Self::Hidden, Self::Secret];

    /// The word in tables and forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Hidden => "hidden",
            Self::Secret => "secret",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|value| value.as_str() == word)
    }
}

/// What the citizen sees of the whole complaint. Follows from its dispatches: see [`Complaint::status`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// We have it; a person is choosing the agency.
    Received,
    /// An agency has it and has not begun.
    Forwarded,
    /// An agency works on it.
    InProgress,
    /// An agency waits for the citizen's answer.
    AwaitingCitizen,
    /// Every agency says it is done.
    Resolved,
}

impl Status {
    /// Every status, in the order of a complaint's life.
    pub const ALL: [Self; 5] = [Self::Received, Self::Forwarded, Self::InProgress, Self::AwaitingCitizen, Self::Resolved];

    /// The word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Forwarded => "forwarded",
            Self::InProgress => "in_progress",
            Self::AwaitingCitizen => "awaiting_citizen",
            Self::Resolved => "resolved",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// How far one agency is with its part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DispatchState {
    /// In the agency's queue; nobody took it yet.
    Open,
    /// An officer works on it.
    InProgress,
    /// An officer asked the citizen something.
    AwaitingCitizen,
    /// The agency says it is done.
    Done,
    /// Another agency has it now. Never counts again.
    HandedOver,
}

impl DispatchState {
    /// Every state, in order.
    pub const ALL: [Self; 5] = [Self::Open, Self::InProgress, Self::AwaitingCitizen, Self::Done, Self::HandedOver];

    /// The word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::InProgress => "in_progress",
            Self::AwaitingCitizen => "awaiting_citizen",
            Self::Done => "done",
            Self::HandedOver => "handed_over",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether the agency still has to act.
    pub fn is_pending(self) -> bool {
        matches!(self, Self::Open | Self::InProgress | Self::AwaitingCitizen)
    }
}

/// One complaint given to one agency. An agency has at most one dispatch of a complaint: given back to it, the same one opens again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispatch {
    /// Its key.
    pub id: DispatchId,
    /// Who must act.
    pub agency: AgencyId,
    /// How far they are.
    pub state: DispatchState,
    /// Who took it.
    pub officer: Option<StaffId>,
    /// Since when they have it.
    pub given_at: Timestamp,
    /// Until when it must be settled. Neither an edit nor a new officer moves it.
    pub deadline: Timestamp,
}

/// One citizen's matter, with its number. `Debug` shows no text and no place.
#[derive(Clone, PartialEq)]
pub struct Complaint {
    /// Its key.
    pub id: ComplaintId,
    /// Its number.
    pub reference: Reference,
    /// The code in the citizen's link.
    pub tracking: TrackingCode,
    /// Whose it is.
    pub citizen: CitizenId,
    /// The channel it came by: the adapter …
    pub adapter: AdapterName,
    /// … and the account.
    pub account: String,
    /// What it is about, in the citizen's words: the first message and what followed within minutes.
    pub text: String,
    /// Code of its category.
    pub category: Option<String>,
    /// Code of its area.
    pub area: Option<String>,
    /// Where it is, in words.
    pub place: Option<String>,
    /// Where it is.
    pub location: Option<Point>,
    /// Who may see it.
    pub visibility: Visibility,
    /// The language to answer in.
    pub language: Language,
    /// Where to answer: where the citizen wrote last.
    pub reply_to: Option<ReplyTo>,
    /// When the door took the first message.
    pub opened_at: Timestamp,
    /// Why it is where it is.
    pub why: Why,
    /// Follows it through every log.
    pub trace: TraceId,
    /// Grows with each write; the store refuses a write over a version it did not read.
    pub version: i32,
    /// Every agency that has or had it.
    pub dispatches: Vec<Dispatch>,
}

impl fmt::Debug for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Complaint")
            .field("id", &self.id)
            .field("reference", &self.reference)
            .field("dispatches", &self.dispatches)
            .finish_non_exhaustive()
    }
}

impl Complaint {
    /// What the citizen sees: the most active of the agencies that still have to act; resolved when none has; received while no
    /// agency ever had it.
    pub fn status(&self) -> Status {
        let states = || self.dispatches.iter().map(|dispatch| dispatch.state);
        if states().any(|state| state == DispatchState::InProgress) {
            Status::InProgress
        } else if states().any(|state| state == DispatchState::AwaitingCitizen) {
            Status::AwaitingCitizen
        } else if states().any(|state| state == DispatchState::Open) {
            Status::Forwarded
        } else if states().any(|state| state == DispatchState::Done) {
            Status::Resolved
        } else {
            Status::Received
        }
    }

    /// Until when the citizen may expect it settled: the latest deadline of an agency that still has to act.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.pending().map(|dispatch| dispatch.deadline).max()
    }

    /// The dispatches whose agency still has to act.
    pub fn pending(&self) -> impl Iterator<Item = &Dispatch> {
        self.dispatches.iter().filter(|dispatch| dispatch.state.is_pending())
    }

    fn agencies(&self, directory: &Directory) -> Option<String> {
        let names: Vec<&str> = self.pending().map(|dispatch| directory.agency_name(dispatch.agency)).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    fn facts(&self, directory: &Directory) -> Facts {
        Facts {
            reference: Some(self.reference.to_string()),
            tracking: Some(self.tracking.clone()),
            agency: self.agencies(directory),
            deadline: self.deadline(),
            text: None,
            danger: false,
        }
    }

    fn of(&mut self, agency: AgencyId) -> Result<&mut Dispatch, NotAllowed> {
        let pending = |dispatch: &&mut Dispatch| dispatch.agency == agency && dispatch.state.is_pending();
        self.dispatches.iter_mut().find(pending).ok_or(NotAllowed::NotWithThisAgency)
    }

    fn give(&mut self, agency: AgencyId, directory: &Directory, now: Timestamp) {
        if self.of(agency).is_ok() {
            return;
        }
        let deadline = directory.deadline(agency, self.category.as_deref(), now);
        match self.dispatches.iter_mut().find(|dispatch| dispatch.agency == agency) {
            // Given back: the old clock goes on where it was still running.
            Some(again) => {
                *again = Dispatch { state: DispatchState::Open, officer: None, deadline: again.deadline.max(deadline), ..*again }
            }
            None => self.dispatches.push(Dispatch {
                id: DispatchId::new(now),
                agency,
                state: DispatchState::Open,
                officer: None,
                given_at: now,
                deadline,
            }),
        }
    }
}

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// Muara itself: a rule, a clock.
    System,
    /// The citizen whose complaint it is.
    Citizen,
    /// A member of staff.
    Staff {
        /// Who.
        id: StaffId,
        /// As what.
        role: Role,
        /// For which agency.
        agency: Option<AgencyId>,
    },
}

/// What somebody wants to do with a complaint.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// The citizen wrote again.
    FollowUp {
        /// The recorded message.
        message: MessageId,
        /// Its words.
        text: String,
        /// Part of the same breath (photo and text sent apart, an album): joins the complaint's own words, and is not answered.
        same_breath: bool,
        /// Where to answer from now on.
        reply_to: Option<ReplyTo>,
        /// What triage says of the complaint now that it knows more; used while nobody has it.
        triaged: Option<Box<Triaged>>,
        /// Where it is, if this message said so.
        location: Option<Point>,
    },
    /// Triage gives it to agencies.
    Route {
        /// To whom; never empty.
        agencies: Vec<AgencyId>,
        /// The category, if the person set it.
        category: Option<String>,
        /// The area, if the person set it.
        area: Option<String>,
    },
    /// An officer takes it.
    Claim,
    /// An officer asks the citizen.
    Ask {
        /// The question.
        text: String,
    },
    /// An officer answers the citizen.
    Answer {
        /// The answer.
        text: String,
    },
    /// A word among staff.
    Note {
        /// The note.
        text: String,
    },
    /// An agency gives it on. An empty `to` means back to triage: "not ours" without a better owner is not an end.
    HandOver {
        /// To whom.
        to: Vec<AgencyId>,
        /// Why; the citizen reads it.
        reason: String,
    },
    /// An agency says its part is done.
    Resolve {
        /// What was done, for the citizen.
        text: String,
        /// The photo that shows it.
        photo: Option<AttachmentId>,
    },
    /// The citizen, triage or a supervisor says it is not done.
    Reopen {
        /// Why.
        reason: String,
    },
}

/// One step in a complaint's history.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// Its key.
    pub id: UpdateId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Actor,
    /// What.
    pub kind: UpdateKind,
    /// The agency that acted, or that a system step is about.
    pub agency: Option<AgencyId>,
    /// Words; a note's are for staff only.
    pub text: Option<String>,
    /// The agencies it went to.
    pub to: Vec<AgencyId>,
    /// The citizen's message it is about.
    pub message: Option<MessageId>,
    /// The photo it shows.
    pub attachment: Option<AttachmentId>,
}

/// What a step was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UpdateKind {
    /// The complaint was opened.
    Opened,
    /// Given to agencies.
    Routed,
    /// Waits for a person to choose.
    ToTriage,
    /// The citizen wrote again.
    FollowedUp,
    /// An officer took it.
    Claimed,
    /// An officer asked.
    Asked,
    /// An officer answered.
    Answered,
    /// A word among staff; the citizen never sees it.
    Noted,
    /// Given to another agency.
    HandedOver,
    /// One agency is done.
    Resolved,
    /// Open again.
    Reopened,
}

impl UpdateKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Opened,
        Self::Routed,
        Self::ToTriage,
        Self::FollowedUp,
        Self::Claimed,
        Self::Asked,
        Self::Answered,
        Self::Noted,
        Self::HandedOver,
        Self::Resolved,
        Self::Reopened,
    ];

    /// The word in tables and word files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Routed => "routed",
            Self::ToTriage => "to_triage",
            Self::FollowedUp => "followed_up",
            Self::Claimed => "claimed",
            Self::Asked => "asked",
            Self::Answered => "answered",
            Self::Noted => "noted",
            Self::HandedOver => "handed_over",
            Self::Resolved => "resolved",
            Self::Reopened => "reopened",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Whether the citizen may read the step.
    pub fn is_for_citizen(self) -> bool {
        self != Self::Noted
    }
}

/// What follows from an action: all of it is written in one transaction, or none.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The complaint as it is now, its dispatches included.
    pub complaint: Complaint,
    /// What to add to its history.
    pub updates: Vec<Update>,
    /// What to tell the citizen.
    pub replies: Vec<ReplyDraft>,
}

/// Why an action was refused. Nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// The agency does not have this complaint, or not any more.
    #[error("the complaint is not with this agency")]
    NotWithThisAgency,
    /// The role may not do this.
    #[error("the role may not do this")]
    Role,
    /// Words are missing.
    #[error("words are needed")]
    NoWords,
    /// No agency was named, or one that does not exist.
    #[error("an agency is needed")]
    NoAgency,
    /// It is not resolved, so it cannot be opened again.
    #[error("the complaint is still open")]
    StillOpen,
    /// A colleague has it.
    #[error("a colleague has it")]
    TakenByColleague,
}

/// What a new complaint is made of.
#[derive(Debug, Clone)]
pub struct Opening {
    /// Whose it is.
    pub citizen: CitizenId,
    /// The recorded message that opens it.
    pub message: MessageId,
    /// Its number, minted at the door.
    pub reference: Reference,
    /// Its code: the door's, or a new one.
    pub tracking: TrackingCode,
    /// The channel: adapter.
    pub adapter: AdapterName,
    /// The channel: account.
    pub account: String,
    /// The citizen's words.
    pub text: String,
    /// Where it is, in words.
    pub place: Option<String>,
    /// Where it is.
    pub location: Option<Point>,
    /// Who may see it.
    pub visibility: Visibility,
    /// The language to answer in.
    pub language: Language,
    /// How to answer.
    pub reply_to: Option<ReplyTo>,
    /// When the door took the message.
    pub opened_at: Timestamp,
    /// What triage found.
    pub triaged: Triaged,
    /// Follows it through every log.
    pub trace: TraceId,
}

/// A new complaint: routed if a rule knows where to, else waiting in triage, and acknowledged either way.
pub fn open(opening: Opening, directory: &Directory, now: Timestamp) -> Decision {
    let complaint = Complaint {
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
        trace: opening.trace,
        version: 0,
        dispatches: Vec::new(),
    };
    let learned = opening.triaged.agency;
    let mut draft = Draft::new(complaint, Actor::System, directory, now);
    draft.step(UpdateKind::Opened, |update| update.message = Some(opening.message));
    let kind = if draft.route_by_rules(learned) {
        ReplyKind::Forwarded
    } else {
        draft.step(UpdateKind::ToTriage, |_| ());
        ReplyKind::Received
    };
    let danger = !draft.complaint.why.danger.is_empty();
    draft.say(kind, |facts| facts.danger = danger);
    draft.done()
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
            if !same_breath {
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
        Action::Resolve { text, photo } => draft.resolve(text, photo)?,
        Action::Reopen { reason } => draft.reopen(reason)?,
    }
    Ok(draft.done())
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
}

impl<'a> Draft<'a> {
    fn new(complaint: Complaint, by: Actor, directory: &'a Directory, now: Timestamp) -> Self {
        Self { complaint, updates: Vec::new(), replies: Vec::new(), by, directory, now }
    }

    fn done(self) -> Decision {
        Decision { complaint: self.complaint, updates: self.updates, replies: self.replies }
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
        let (Some(to), Some(cause)) = (self.complaint.reply_to.clone(), self.updates.last()) else { return };
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

    /// Gives it to whom the rules name; `false` if none does.
    /// By rules; where none fits, by what was learned if that is sure. What speaks of a breach of duty goes to nobody by itself.
    fn route_by_rules(&mut self, learned: Option<AgencyId>) -> bool {
        if !self.complaint.why.ethics.is_empty() {
            self.complaint.visibility = Visibility::Secret;
            return false;
        }
        let agencies = match route(self.complaint.category.as_deref(), self.complaint.area.as_deref(), self.directory) {
            Routing::To { agencies, rules } => {
                self.complaint.why.rules = rules;
                agencies
            }
            Routing::Triage => match learned.filter(|agency| self.directory.agencies.contains_key(agency)) {
                Some(agency) => vec![agency],
                None => return false,
            },
        };
        self.give(agencies);
        true
    }

    fn give(&mut self, agencies: Vec<AgencyId>) {
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
        self.step(UpdateKind::FollowedUp, |update| {
            update.message = Some(message);
            update.text = (!text.is_empty()).then(|| text.to_owned());
        });
        let nobody_has_it = self.complaint.dispatches.is_empty();
        if let Some(triaged) = triaged.filter(|_| nobody_has_it) {
            self.complaint.category = triaged.category.or(self.complaint.category.take());
            self.complaint.area = triaged.area.or(self.complaint.area.take());
            self.complaint.why = triaged.why;
            self.by = Actor::System;
            if self.route_by_rules(triaged.agency) {
                self.say(ReplyKind::Routed, |_| ());
            }
        }
    }

    fn route(&mut self, agencies: Vec<AgencyId>, category: Option<String>, area: Option<String>) -> Result<(), NotAllowed> {
        let Actor::Staff { role, .. } = self.by else { return Err(NotAllowed::Role) };
        if !role.may_triage() {
            return Err(NotAllowed::Role);
        }
        self.known(&agencies)?;
        self.complaint.category = category.or(self.complaint.category.take());
        self.complaint.area = area.or(self.complaint.area.take());
        self.give(agencies);
        self.say(ReplyKind::Routed, |_| ());
        Ok(())
    }

    fn known(&self, agencies: &[AgencyId]) -> Result<(), NotAllowed> {
        let known = agencies.iter().all(|agency| self.directory.agencies.contains_key(agency));
        if agencies.is_empty() || !known { Err(NotAllowed::NoAgency) } else { Ok(()) }
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
        let (agency, dispatch) = self.own_dispatch()?;
        dispatch.officer = Some(dispatch.officer.unwrap_or(id));
        dispatch.state = then;
        self.step(step, |update| update.text = Some(text.clone()));
        let name = self.name_of(agency);
        self.say(kind, |facts| {
            facts.agency = Some(name);
            facts.text = Some(text);
        });
        Ok(())
    }

    fn hand_over(&mut self, to: Vec<AgencyId>, reason: String) -> Result<(), NotAllowed> {
        let reason = words(reason)?;
        let (agency, dispatch) = self.own_dispatch()?;
        dispatch.state = DispatchState::HandedOver;
        dispatch.officer = None;
        if to.is_empty() {
            self.step(UpdateKind::ToTriage, |update| update.text = Some(reason));
            return Ok(());
        }
        if to.contains(&agency) {
            return Err(NotAllowed::NoAgency);
        }
        self.known(&to)?;
        for &next in &to {
            self.complaint.give(next, self.directory, self.now);
        }
        let names: Vec<&str> = to.iter().map(|&next| self.directory.agency_name(next)).collect();
        let names = names.join(", ");
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

    fn resolve(&mut self, text: String, photo: Option<AttachmentId>) -> Result<(), NotAllowed> {
        let text = words(text)?;
        let (agency, dispatch) = self.own_dispatch()?;
        dispatch.state = DispatchState::Done;
        self.step(UpdateKind::Resolved, |update| {
            update.text = Some(text.clone());
            update.attachment = photo;
        });
        let name = self.name_of(agency);
        self.say(ReplyKind::Resolved, |facts| {
            facts.agency = Some(name);
            facts.text = Some(text);
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
            let dispatch = &mut self.complaint.dispatches[at];
            dispatch.state = DispatchState::Open;
            dispatch.officer = None;
            let fresh = self.directory.deadline(dispatch.agency, self.complaint.category.as_deref(), self.now);
            dispatch.deadline = dispatch.deadline.max(fresh);
        }
        self.step(UpdateKind::Reopened, |update| update.text = Some(reason));
        self.say(ReplyKind::Reopened, |_| ());
        Ok(())
    }
}

#[cfg(test)]
#[path = "complaint_tests.rs"]
mod tests;
