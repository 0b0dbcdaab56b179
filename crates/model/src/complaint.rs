//! One citizen's matter: its words, its states, and to whom it was given. What may be done with it is in `decide`.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    AdapterName, AgencyId, CitizenId, Clocks, ComplaintId, Directory, DispatchId, Due, Held, Language, NotAllowed, Point, Questions,
    Referee, Reference, ReplyTo, StaffId, TraceId, TrackingCode, Verdict, Why, reply::Facts, routing::Case,
};

/// Who may see a complaint: its grade. A greater one is stricter. What follows from each is in [`crate::privacy`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// May be shown to everybody, without the citizen's name.
    Public,
    /// Not shown to the public.
    #[default]
    Hidden,
    /// Not shown to the public, and the agency does not learn who wrote.
    Secret,
    /// Seen by named staff only, and given to no agency but an inspectorate. Even they have to ask who wrote.
    Confidential,
    /// As `Confidential`, and nothing is kept of who wrote: they come back with the code of their link.
    Sealed,
}

impl Visibility {
    /// Every value, the most open first.
    pub const ALL: [Self; 5] = [Self::Public, Self::Hidden, Self::Secret, Self::Confidential, Self::Sealed];

    /// Who wrote is not shown, and it stays by itself: in no incident, compared with nothing, found by no name.
    pub fn is_secret(self) -> bool {
        self >= Self::Secret
    }

    /// A body that is no agency may be given a part of it.
    pub fn may_leave_the_house(self) -> bool {
        self < Self::Secret
    }

    /// Only named staff know that it is there.
    pub fn is_confidential(self) -> bool {
        self >= Self::Confidential
    }

    /// The word in tables and forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Hidden => "hidden",
            Self::Secret => "secret",
            Self::Confidential => "confidential",
            Self::Sealed => "sealed",
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
    /// Whether they answer for the whole complaint: one agency at a time. The others help.
    pub responsible: bool,
    /// Who took it.
    pub officer: Option<StaffId>,
    /// Since when they have it.
    pub given_at: Timestamp,
    /// Until when it must be settled. Neither an edit nor a new officer nor another agency moves it.
    pub deadline: Timestamp,
    /// What it is counted from, and the clocks of the other stages.
    pub clocks: Clocks,
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
    /// What the citizen was asked.
    pub questions: Questions,
    /// Follows it through every log.
    pub trace: TraceId,
    /// Grows with each write; the store refuses a write over a version it did not read.
    pub version: i32,
    /// The clock of forwarding, where a limit asks for one.
    pub forward: Option<Due>,
    /// How often an agency said "not ours".
    pub refusals: u16,
    /// Whether the referee has it or placed it.
    pub referee: Referee,
    /// Every agency that has or had it.
    pub dispatches: Vec<Dispatch>,
    /// Who wrote or what they wrote was removed, by a rule or because they asked: nobody could work on it, or answer.
    pub erased: bool,
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
    /// What rules look at.
    pub fn case(&self) -> Case<'_> {
        Case {
            category: self.category.as_deref(),
            area: self.area.as_deref(),
            kind: self.why.kind.as_deref(),
            channel: Some((&self.adapter, &self.account)),
        }
    }

    /// What the citizen sees: the most active of the agencies that still have to act; resolved when none has; received while no
    /// agency ever had it, or the referee has it and nobody helps meanwhile. What was held and is no complaint is resolved.
    pub fn status(&self) -> Status {
        if self.is_spam() {
            return Status::Resolved;
        }
        let states = || self.dispatches.iter().map(|dispatch| dispatch.state);
        if states().any(|state| state == DispatchState::InProgress) {
            Status::InProgress
        } else if states().any(|state| state == DispatchState::AwaitingCitizen) {
            Status::AwaitingCitizen
        } else if states().any(|state| state == DispatchState::Open) {
            Status::Forwarded
        } else if self.referee != Referee::Asked && states().any(|state| state == DispatchState::Done) {
            Status::Resolved
        } else {
            Status::Received
        }
    }

    /// Whether it waits for a person to look whether it is a complaint.
    pub fn is_held(&self) -> bool {
        self.why.held.as_ref().is_some_and(Held::waits)
    }

    /// Whether a person found it to be none.
    pub fn is_spam(&self) -> bool {
        self.why.held.as_ref().is_some_and(|held| held.verdict == Some(Verdict::Spam))
    }

    /// Until when the citizen may expect it settled: the latest deadline of an agency that still has to act. While the referee has it, the time
    /// of those who gave it away goes on.
    pub fn deadline(&self) -> Option<Timestamp> {
        let given_away = || self.dispatches.iter().filter(|dispatch| dispatch.state == DispatchState::HandedOver);
        let waits = given_away().filter(|_| self.referee == Referee::Asked);
        self.pending().chain(waits).map(|dispatch| dispatch.deadline).max()
    }

    /// The dispatches whose agency still has to act.
    pub fn pending(&self) -> impl Iterator<Item = &Dispatch> {
        self.dispatches.iter().filter(|dispatch| dispatch.state.is_pending())
    }

    fn agencies(&self, directory: &Directory) -> Option<String> {
        let leads_first =
            self.pending().filter(|dispatch| dispatch.responsible).chain(self.pending().filter(|dispatch| !dispatch.responsible));
        let names: Vec<&str> = leads_first.map(|dispatch| directory.agency_name(dispatch.agency)).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    pub(crate) fn facts(&self, directory: &Directory) -> Facts {
        Facts {
            reference: Some(self.reference.to_string()),
            tracking: Some(self.tracking.clone()),
            agency: self.agencies(directory),
            deadline: self.deadline(),
            text: None,
            danger: false,
            asks: None,
            asks_on_page: false,
            known: None,
            heard: None,
            connected: None,
            guarded: None,
            settles: false,
            photo: None,
            closes: self.closes(),
        }
    }

    /// When it counts as closed if nobody says a word; `None`: somebody still has to act, or it is not closed by itself.
    pub fn closes(&self) -> Option<Timestamp> {
        let closes =
            || self.dispatches.iter().filter(|dispatch| dispatch.state == DispatchState::Done).map(|dispatch| dispatch.clocks.closes);
        let open = closes().all(|closes| closes.is_some_and(|closes| closes.met.is_none()));
        if self.status() == Status::Resolved && open { closes().flatten().map(|closes| closes.at).max() } else { None }
    }

    /// When it was closed.
    pub fn closed(&self) -> Option<Timestamp> {
        let done = || self.dispatches.iter().filter(|dispatch| dispatch.state == DispatchState::Done);
        let met = || done().map(|dispatch| dispatch.clocks.closes.and_then(|closes| closes.met));
        if self.status() == Status::Resolved && met().all(|met| met.is_some()) { met().flatten().max() } else { None }
    }

    pub(crate) fn of(&mut self, agency: AgencyId) -> Result<&mut Dispatch, NotAllowed> {
        let pending = |dispatch: &&mut Dispatch| dispatch.agency == agency && dispatch.state.is_pending();
        self.dispatches.iter_mut().find(pending).ok_or(NotAllowed::NotWithThisAgency)
    }

    pub(crate) fn give(&mut self, agency: AgencyId, directory: &Directory, now: Timestamp) {
        if self.of(agency).is_ok() {
            return;
        }
        let (deadline, clocks) = self.start(agency, directory, now);
        match self.dispatches.iter_mut().find(|dispatch| dispatch.agency == agency) {
            // Given back: the old clock goes on where it was still running.
            Some(again) => {
                (again.state, again.officer) = (DispatchState::Open, None);
                (again.deadline, again.clocks) = (deadline, clocks);
            }
            None => self.dispatches.push(Dispatch {
                id: DispatchId::new(now),
                agency,
                state: DispatchState::Open,
                responsible: false,
                officer: None,
                given_at: now,
                deadline,
                clocks,
            }),
        }
    }
}
