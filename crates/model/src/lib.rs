//! The words of Muara. No I/O, no async, no clock, no randomness outside [`id`].
//!
//! One word a thing, the same in code, tables and pages:
//!
//! | word | what it is |
//! |---|---|
//! | *citizen* | who wrote to us, known by the addresses a platform gave |
//! | *platform* | whose API it is: Meta, a mail server, a form of ours |
//! | *adapter* | a program for one platform |
//! | *channel* | an official way in: a row `(adapter, account, label, area, from, until)` |
//! | *door* | where raw bytes enter an adapter |
//! | *raw* | what came in, untouched: [`Raw`] |
//! | *event* | all that an adapter ever tells the core: [`Event`] |
//! | *message* | one thing a citizen sent: [`Inbound`] |
//! | *complaint* | one citizen's matter, with its number: [`Complaint`] |
//! | *agency* | who must act |
//! | *dispatch* | one complaint given to one agency, with its own state; one of them is *responsible*, the others help |
//! | *owner* | who answers for an open complaint, exactly one: [`Owner`] |
//! | *referee* | who places what agencies pass back and forth: [`Referee`] |
//! | *stage* | a part of a complaint's way with a clock of its own: [`Stage`] |
//! | *limit* | how long a stage may take, and who says so: [`Limit`] |
//! | *rule* | what a complaint is like, and which agency gets such a one: [`Rule`]; all of one moment are a *version*, the next one is a *draft* |
//! | *escalation* | telling somebody that a clock ends or ended, by a rule: [`escalation::EscalationRule`] |
//! | *update* | one step in a complaint's history: [`Update`] |
//! | *incident* | the thing in the world that several complaints are about: [`incident::Incident`] |
//! | *held* | kept back until a person has looked whether it is a complaint: [`guard`] |
//! | *grade* | how private a complaint is: [`Visibility`], [`privacy`] |
//! | *look* | sixty-four bits of a picture, by which the same photo is known again: [`Look`] |
//! | *reply* | words to a citizen: [`Reply`] |
//! | *receipt* | what became of a reply: [`Receipt`] |
//! | *number* or *reference* | short, readable aloud, opens nothing: [`Reference`] |
//! | *tracking code* | 128 random bits in a link, the citizen's key: [`TrackingCode`] |
//! | *park* | set aside for a person: [`Failure::Park`] |

mod action;
mod address;
pub mod clock;
mod complaint;
pub mod connect;
mod decide;
pub mod desk;
pub mod escalation;
mod failure;
pub mod guard;
mod hours;
pub mod id;
pub mod incident;
pub mod limit;
mod look;
mod message;
mod owner;
pub mod privacy;
mod question;
pub mod reach;
mod reply;
pub mod rhythm;
pub mod room;
mod routing;
pub mod rules;
pub mod same;
mod staff;
pub mod task;
pub mod template;
mod tracking;
mod voucher;

pub use action::{Action, Actor, Decision, NotAllowed, Opening, Pin, Update, UpdateKind};
pub use address::{AdapterName, Address, AddressError, is_mail_address, masked_mail};
pub use complaint::{Complaint, Dispatch, DispatchState, Status, Visibility};
pub use decide::{LONGEST_BLOCK, UNDO, acknowledge_again, decide, open};
pub use failure::{BoxError, Failure};
pub use guard::{Guard, Guarded, Held, Sign, Signal, Verdict};
pub use hours::{NotHours, OpeningHours};
pub use id::{
    AgencyId, AttachmentId, ChannelId, CitizenId, ComplaintId, DispatchId, EscalationId, IncidentId, MessageId, ReplyId, StaffId, TraceId,
    UpdateId,
};
pub use limit::{Clocks, Due, Limit, Matter, Moved, Stage};
pub use look::{Look, SAME_LOOK};
pub use message::{
    Attachment, AttachmentKind, Audience, BlobId, Content, Event, Inbound, MessageKey, NOTE, Notice, NoticeState, Point, Proof, Raw,
    Receipt, ReceiptState, RemoteMedia, ReplyTo, without_notes,
};
pub use owner::{MOST_BOUNCES, Owner, Referee};
pub use question::{Answer, Asks, Choice, Menu, Question, Questions, Told, answer, ask, tell};
pub use reply::{Facts, Language, Reply, ReplyDraft, ReplyFile, ReplyKind, SETTLING, Site, fill, word};
pub use routing::{
    Agency, Area, Case, Category, Channel, ClerkToken, Course, Directory, DoorDirectory, Guess, KINDS, LINE, Line, Near, Purpose, Routing,
    Rule, Triaged, Why, route,
};
pub use same::{About, Earlier};
pub use staff::Role;
pub use tracking::{NotAReference, NotATrackingCode, Reference, TrackingCode};
pub use voucher::{Unvouched, Voucher};

pub use jiff::Timestamp;
