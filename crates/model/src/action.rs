//! What people do with a complaint, what it leads to, and why it may be refused.

use jiff::Timestamp;

use crate::{
    AdapterName, AgencyId, AttachmentId, CitizenId, Complaint, Held, Language, MessageId, Near, Point, Reference, ReplyDraft, ReplyTo,
    Role, StaffId, Status, TraceId, TrackingCode, Triaged, UpdateId, Visibility,
    escalation::Missed,
    same::{Heard, SaysSame},
};

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
        /// To whom; never empty. The first one answers for it, the others help.
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
    /// An agency says "not ours". An empty `to` means the referee, who places it: "not ours" without a better owner is not an end. After
    /// [`crate::MOST_BOUNCES`] the referee has it, whoever is named.
    HandOver {
        /// To whom; the first one answers for it.
        to: Vec<AgencyId>,
        /// Why; the citizen reads it.
        reason: String,
    },
    /// The referee says whose it is, once and with a reason.
    Place {
        /// To whom; never empty. The first one answers for it, the others help.
        agencies: Vec<AgencyId>,
        /// Why; the agencies and the citizen read it.
        reason: String,
        /// The category, if the person set it.
        category: Option<String>,
        /// The area, if the person set it.
        area: Option<String>,
    },
    /// An agency asks another one for words, and gives nothing away: its own clock goes on.
    Consult {
        /// Who is asked.
        asked: AgencyId,
        /// The question.
        text: String,
    },
    /// The agency that was asked answers.
    Advise {
        /// Who asked.
        asker: AgencyId,
        /// Who was asked.
        asked: AgencyId,
        /// The answer.
        text: String,
    },
    /// The responsible agency gives others a part of it.
    Share {
        /// To whom; never empty.
        with: Vec<AgencyId>,
        /// Who does what; the citizen reads it.
        text: String,
    },
    /// The responsible agency makes one that helps the responsible one, and helps itself from now on.
    Lead {
        /// Who answers for it now.
        to: AgencyId,
        /// Why; the citizen reads it.
        reason: String,
    },
    /// An agency gives it to one below it.
    PassDown {
        /// To whom.
        to: AgencyId,
        /// Why; the citizen reads it.
        reason: String,
    },
    /// An agency takes it back from one below it.
    TakeBack {
        /// From whom.
        from: AgencyId,
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
    /// A supervisor or an admin ends the conversation with somebody who abuses it, for a while: what they write where they wrote this is
    /// kept and not answered.
    Block {
        /// Why; the citizen reads it.
        reason: String,
        /// Until when. Nobody is shut out for good.
        until: Timestamp,
    },
    /// The citizen says whether it is the same as the earlier one they were asked about: see [`crate::same::hear`].
    SaySame {
        /// What they said, and where.
        says: SaysSame,
        /// What became of it; `None`: they would rather not say.
        heard: Option<Heard>,
        /// How far the other one is, if they are together now.
        known: Option<Status>,
    },
    /// The citizen goes on in another channel, with a code from their page: see [`crate::connect`].
    Connect {
        /// The recorded message that brought it.
        message: MessageId,
        /// Where to answer from now on; `None`: where it was.
        reply_to: Option<ReplyTo>,
    },
    /// The citizen takes it out of its incident: see [`crate::same::leave`].
    Leave {
        /// Why; staff read it.
        reason: String,
    },
    /// An admin closes somebody's account: what they hold goes to a colleague, or back to their agency's queue. The citizen sees nothing of it.
    PassOn {
        /// Who held it.
        from: StaffId,
        /// Who holds it now; `None`: nobody, their agency has it.
        to: Option<StaffId>,
        /// What stands in the history, for staff.
        text: String,
    },
    /// A supervisor or an admin takes a block back before its time.
    Unblock {
        /// Why; for staff.
        reason: String,
    },
    /// Who may see it is another grade from now on. Staff may raise it; who may lower it is in [`crate::privacy`].
    Regrade {
        /// The new grade.
        to: Visibility,
        /// Why; the citizen reads it. Theirs may be empty.
        reason: String,
    },
    /// It is somewhere else than was thought. The published rules say anew whose it is.
    MovePin {
        /// Where.
        to: Pin,
        /// Why; the citizen reads it.
        reason: String,
    },
    /// Somebody takes back what they did last, a moment ago, before anybody else did anything: that they took it, or gave it to others.
    Undo {
        /// The last step of the history.
        last: Box<Update>,
        /// Whether their agency had worked on it before that step.
        worked: bool,
    },
    /// The responsible agency gives a task to a body without an account, and stays responsible.
    Entrust {
        /// What it is called, without a person's name.
        name: String,
        /// What it shall do.
        task: String,
    },
    /// That body says something by its link.
    Report(crate::task::Reported),
    /// The agency takes the task back.
    Recall {
        /// What the body is called.
        name: String,
    },
    /// Who sorts says of what was held that it is a complaint: it goes its way, with its clocks counted from when it came in.
    Release,
    /// Who sorts says of what was held that it is no complaint.
    Reject {
        /// Why; the citizen reads it.
        reason: String,
    },
    /// Nobody said a word since it was settled: it counts as closed.
    Close {
        /// Whether the citizen was told before that this would come, and when.
        told: bool,
    },
    /// Days off were added or taken away: clocks that still run are counted again. Where none moves, nothing is written.
    Reckon,
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
    /// An agency says "not ours", and the referee has it now; `to`: whom the agency named.
    ToReferee,
    /// The referee said whose it is.
    Placed,
    /// Another agency answers for it now, because who did is done or wants so.
    Led,
    /// An agency asked another one, and gave nothing away.
    Consulted,
    /// The agency that was asked answered.
    Advised,
    /// Others have a part of it too.
    Shared,
    /// An agency below has it now.
    PassedDown,
    /// The agency above has it again.
    TakenBack,
    /// One agency is done.
    Resolved,
    /// Open again.
    Reopened,
    /// The citizen's messages are not answered for a while.
    Blocked,
    /// They are again.
    Unblocked,
    /// The citizen says that it is the same as an earlier one.
    SaidSame,
    /// The citizen says that it is not.
    SaidOther,
    /// The citizen took it out of its incident: theirs is another one.
    Left,
    /// The citizen goes on in another channel.
    Connected,
    /// A deadline is another one, because the calendar changed: the text is a [`crate::Moved`].
    Moved,
    /// Who may see it is another grade: the text is a [`crate::privacy::Regraded`].
    Regraded,
    /// Somebody was told that a clock ends or ended: the text is a [`crate::escalation::Escalated`]. For staff.
    Escalated,
    /// It is somewhere else than was thought.
    PinMoved,
    /// The step before was taken back by who did it.
    Undone,
    /// A body without an account has a task: the text is a [`crate::task::Entrusted`].
    Entrusted,
    /// That body said something: the text is a [`crate::task::Reported`]. For staff, who confirm it.
    Reported,
    /// The task was taken back; the text is what the body is called. For staff.
    Recalled,
    /// It counts as closed: nobody said a word since it was settled.
    Closed,
    /// Held until a person has looked whether it is a complaint.
    Held,
    /// A person looked: it is one.
    Released,
    /// A person looked: it is none. The text says why.
    Rejected,
}

impl UpdateKind {
    /// Every kind.
    pub const ALL: [Self; 37] = [
        Self::Opened,
        Self::Routed,
        Self::ToTriage,
        Self::FollowedUp,
        Self::Claimed,
        Self::Asked,
        Self::Answered,
        Self::Noted,
        Self::HandedOver,
        Self::ToReferee,
        Self::Placed,
        Self::Led,
        Self::Consulted,
        Self::Advised,
        Self::Shared,
        Self::PassedDown,
        Self::TakenBack,
        Self::Resolved,
        Self::Reopened,
        Self::Blocked,
        Self::Unblocked,
        Self::SaidSame,
        Self::SaidOther,
        Self::Left,
        Self::Connected,
        Self::Moved,
        Self::Regraded,
        Self::Escalated,
        Self::Closed,
        Self::PinMoved,
        Self::Undone,
        Self::Entrusted,
        Self::Reported,
        Self::Recalled,
        Self::Held,
        Self::Released,
        Self::Rejected,
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
            Self::ToReferee => "to_referee",
            Self::Placed => "placed",
            Self::Led => "led",
            Self::Consulted => "consulted",
            Self::Advised => "advised",
            Self::Shared => "shared",
            Self::PassedDown => "passed_down",
            Self::TakenBack => "taken_back",
            Self::Resolved => "resolved",
            Self::Reopened => "reopened",
            Self::Blocked => "blocked",
            Self::Unblocked => "unblocked",
            Self::SaidSame => "said_same",
            Self::SaidOther => "said_other",
            Self::Left => "left",
            Self::Connected => "connected",
            Self::Moved => "moved",
            Self::Regraded => "regraded",
            Self::Escalated => "escalated",
            Self::Closed => "closed",
            Self::Held => "held",
            Self::Released => "released",
            Self::Rejected => "rejected",
            Self::PinMoved => "pin_moved",
            Self::Undone => "undone",
            Self::Entrusted => "entrusted",
            Self::Reported => "reported",
            Self::Recalled => "recalled",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Whether the citizen may read the step.
    pub fn is_for_citizen(self) -> bool {
        !matches!(self, Self::Noted | Self::Blocked | Self::Unblocked | Self::Escalated | Self::Reported | Self::Recalled)
    }
}

/// Where staff say that it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Pin {
    /// The point; `None`: only the area is known.
    pub location: Option<Point>,
    /// Code of its area.
    pub area: String,
    /// Other areas whose border is near; who would have it there is filled in.
    pub near: Vec<Near>,
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
    /// Clocks that had been missed when it was decided.
    pub missed: Vec<Missed>,
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
    /// It cannot be closed: somebody still has to act, it was closed before, or the citizen still has time.
    #[error("the complaint cannot be closed yet")]
    NotYet,
    /// Agencies disagreed about it: only the referee says whose it is.
    #[error("the referee places it")]
    WithReferee,
    /// Nobody disagrees about it.
    #[error("the referee was not called")]
    NotWithReferee,
    /// Another agency answers for it.
    #[error("another agency is responsible")]
    NotResponsible,
    /// The one agency is not below the other.
    #[error("the agency is not below this one")]
    NotBelow,
    /// It is not resolved, so it cannot be opened again.
    #[error("the complaint is still open")]
    StillOpen,
    /// Its words, or who wrote them, were removed: it stays closed.
    #[error("the complaint was erased")]
    Erased,
    /// A colleague has it.
    #[error("a colleague has it")]
    TakenByColleague,
    /// The complaints are in one incident already.
    #[error("they are together already")]
    Together,
    /// It is not held, or somebody has looked at it before.
    #[error("the complaint is not held")]
    NotHeld,
    /// The complaint is in no incident.
    #[error("it is in no incident")]
    Apart,
    /// A confidential complaint stays by itself.
    #[error("the complaint is confidential")]
    Confidential,
    /// The citizen cannot be reached where they wrote, so there is nobody to block.
    #[error("there is no way back to the citizen")]
    NoWayBack,
    /// The day on which it should end has passed.
    #[error("it would be over already")]
    AlreadyOver,
    /// It has this grade already.
    #[error("it has this grade already")]
    SameGrade,
    /// Only who writes seals, when they write; and nobody but them opens what is sealed.
    #[error("only who writes seals and unseals")]
    Sealed,
    /// A complaint of this category is settled with a photo that shows it.
    #[error("a photo is needed")]
    NoPhoto,
    /// Too much time has passed to take the step back, somebody else acted since, or it is of a kind that cannot be.
    #[error("the step cannot be taken back any more")]
    TooLate,
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
    /// Why it is held back; `None`: it goes its way.
    pub held: Option<Held>,
    /// Follows it through every log.
    pub trace: TraceId,
}
