//! What comes in, and what became of what went out.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{AdapterName, Address, Language, Reference, ReplyId, TraceId, TrackingCode, Visibility};

/// Which message, for ever: unique in the database for good.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MessageKey {
    /// The adapter that read it.
    pub adapter: AdapterName,
    /// Which number, page, mailbox or office of ours it came to.
    pub account: String,
    /// The platform's own id, at most 512 bytes.
    pub id: String,
}

/// Who can read it there. Decides what an answer may contain: a tracking link is a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Only the citizen and we.
    Private,
    /// Everybody: a post, a comment.
    Public,
}

/// What speaks for the sender of a message. Decides which complaints it may join.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// The platform vouches for the sender's addresses.
    #[default]
    Platform,
    /// Nobody does: the message alone says who sent it, as the From line of a mail. It joins a complaint where it answers what was
    /// said there, which a stranger cannot know; never by quoting a number, nor because it came next.
    Claim,
    /// It carries a sign that only our own words about the complaint of this number held: it joins that complaint, whoever wrote it.
    Answer(Reference),
}

/// Stands before and behind what staff noted below a citizen's words (U+2063, which nobody sees): where it comes from, who handed it in. It is
/// shown like the rest, and is no word of the matter.
pub const NOTE: char = '\u{2063}';

/// The words of a text without what stands between pairs of [`NOTE`]; where they are no pairs, all of it.
pub fn without_notes(text: &str) -> Cow<'_, str> {
    let marks = text.matches(NOTE).count();
    if marks == 0 || !marks.is_multiple_of(2) { Cow::Borrowed(text) } else { Cow::Owned(text.split(NOTE).step_by(2).collect()) }
}

/// What came in, untouched: a request body, a mail, a filled form. `Debug` shows sizes, never content.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raw {
    /// Whose door it came through.
    pub adapter: AdapterName,
    /// When the door took it.
    pub received_at: Timestamp,
    /// Follows it through every log.
    pub trace: TraceId,
    /// The query string of the request, without `?`; empty if there was none.
    #[serde(default)]
    pub query: String,
    /// The headers that the adapter asked to keep, lower-case names.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The bytes.
    #[serde(with = "as_base64")]
    pub body: Bytes,
}

impl Raw {
    /// The first value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raw({}, {} bytes, {})", self.adapter, self.body.len(), self.trace)
    }
}

mod as_base64 {
    use super::{BASE64_STANDARD, Bytes, Deserialize, Deserializer, Engine, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        BASE64_STANDARD.decode(text.as_bytes()).map(Bytes::from).map_err(serde::de::Error::custom)
    }
}

/// All that an adapter ever tells the core.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A citizen wrote.
    Message(Box<Inbound>),
    /// A reply of ours got somewhere, or did not.
    Receipt(Receipt),
    /// The same of several at once, in any order, so that a rush of receipts is few messages. The SDK bundles them; adapters make single ones.
    Receipts {
        /// Of one adapter. Never empty.
        receipts: Vec<Receipt>,
    },
    /// The citizen wants no more messages at this address.
    OptOut {
        /// Where we must not write again.
        address: Address,
    },
    /// The citizen wants messages at this address again.
    OptIn {
        /// Where we may write again.
        address: Address,
    },
    /// The platform says that a citizen has other addresses now. They stay the same citizen: nobody guesses it, the platform vouches.
    Moved {
        /// Which adapter says so.
        adapter: AdapterName,
        /// What they had. Never empty.
        from: Vec<Address>,
        /// What they have instead. Never empty.
        to: Vec<Address>,
        /// When, by the platform's clock.
        at: Timestamp,
    },
    /// Something staff should know about an account of ours.
    Notice(Notice),
    /// The citizen took a message back where they wrote it: it was deleted there, or hidden from us. What is shown to others must not show
    /// it any more; the complaint stays, with its number.
    Withdrawn {
        /// Which message.
        key: MessageKey,
        /// When we noticed.
        at: Timestamp,
    },
}

/// What a platform says of an account of ours: a template was paused, the quality fell. The newest of a subject counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Which adapter says so.
    pub adapter: AdapterName,
    /// Which account of ours, or what the platform calls all of them together.
    pub account: String,
    /// What it is about, always in the same words: `template laporan_selesai (id)`. At most 300 characters.
    pub subject: String,
    /// How bad it is.
    pub state: NoticeState,
    /// The platform's word: `APPROVED`, `PAUSED`.
    pub word: String,
    /// The platform's reason, without personal data; may be empty.
    #[serde(default)]
    pub detail: String,
    /// When, by the platform's clock.
    pub at: Timestamp,
}

/// How bad what a platform says is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeState {
    /// As it should be.
    Fine,
    /// It works, and somebody should look.
    Watch,
    /// It does not work until somebody acts.
    Broken,
}

impl NoticeState {
    /// Every state, the best first.
    pub const ALL: [Self; 3] = [Self::Fine, Self::Watch, Self::Broken];

    /// The word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Watch => "watch",
            Self::Broken => "broken",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// One message from a citizen, in words every adapter shares. `Debug` shows no text and no name.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Inbound {
    /// Which message this is.
    pub key: MessageKey,
    /// Every identity the platform vouches for, best first; never empty. A telephone number may be absent.
    pub sender: Vec<Address>,
    /// What speaks for the sender.
    #[serde(default)]
    pub proof: Proof,
    /// What the citizen calls themselves.
    #[serde(default)]
    pub sender_name: Option<String>,
    /// Addresses the citizen claims but nobody proved: a number typed into a form. Never used to join identities.
    #[serde(default)]
    pub contact: Vec<Address>,
    /// Who can read it where it was written.
    pub audience: Audience,
    /// The words, as they were written.
    pub text: String,
    /// The platform's time.
    pub sent_at: Timestamp,
    /// The door's time.
    pub received_at: Timestamp,
    /// The language to answer in, if the door knows.
    #[serde(default)]
    pub language: Option<Language>,
    /// Where it is, if the citizen pointed at it.
    #[serde(default)]
    pub location: Option<Point>,
    /// Where it is in words: an address, a landmark.
    #[serde(default)]
    pub place: Option<String>,
    /// Code of the area of the office it was handed in at: the weakest hint of place.
    #[serde(default)]
    pub office_area: Option<String>,
    /// Code of the category the citizen or the clerk chose.
    #[serde(default)]
    pub category: Option<String>,
    /// Who may see it.
    #[serde(default)]
    pub visibility: Visibility,
    /// Photos, voice notes, files; in the order they were sent.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
    /// The platform's id of what this answers: one of our replies, or an earlier message of the citizen.
    #[serde(default)]
    pub in_reply_to: Option<String>,
    /// The platform's conversation, where that is narrower than the sender (a mail thread, a post's comments), or [`Inbound::ALBUM`] and a name
    /// of the platform's.
    #[serde(default)]
    pub thread: Option<String>,
    /// Set when this is an edit of an earlier message.
    #[serde(default)]
    pub replaces: Option<MessageKey>,
    /// Set when the platform delivered something we cannot read (a poll, a message "not available"): answered with a request to
    /// send it as text or photo, and no complaint is opened. Says what it was, in the platform's word.
    #[serde(default)]
    pub unreadable: Option<String>,
    /// How to answer; `None` when there is no way.
    pub reply_to: Option<ReplyTo>,
    /// The number, minted at the door.
    pub reference: Reference,
    /// Set when the door has already shown number and link to the citizen (a form, a desk): the message then always opens its own
    /// complaint, with this code.
    #[serde(default)]
    pub tracking: Option<TrackingCode>,
}

impl Inbound {
    /// Begins a thread that is one sending in several messages and no conversation: its parts belong together however late they come, and what
    /// else is said at the time is no other matter for not being part of it.
    pub const ALBUM: &str = "album:";

    /// A private message of words, in a conversation with somebody the platform vouches for, to be answered there. What else is known of it is
    /// set on top.
    pub fn private(key: MessageKey, sender: Address, text: impl Into<String>, at: Timestamp) -> Self {
        Self {
            reference: Reference::of(&key, 0),
            reply_to: Some(ReplyTo::private(&key, sender.clone())),
            key,
            sender: vec![sender],
            proof: Proof::Platform,
            sender_name: None,
            contact: Vec::new(),
            audience: Audience::Private,
            text: text.into(),
            sent_at: at,
            received_at: at,
            language: None,
            location: None,
            place: None,
            office_area: None,
            category: None,
            visibility: Visibility::default(),
            attachments: Vec::new(),
            in_reply_to: None,
            thread: None,
            replaces: None,
            unreadable: None,
            tracking: None,
        }
    }
}

impl fmt::Debug for Inbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbound")
            .field("adapter", &self.key.adapter)
            .field("reference", &self.reference)
            .field("sender", &self.sender)
            .field("text_chars", &self.text.chars().count())
            .field("attachments", &self.attachments.len())
            .finish_non_exhaustive()
    }
}

/// Degrees, WGS 84.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Degrees north.
    pub lat: f64,
    /// Degrees east.
    pub lon: f64,
}

impl Point {
    /// `None` unless both are finite and on the globe.
    pub fn new(lat: f64, lon: f64) -> Option<Self> {
        (lat.abs() <= 90.0 && lon.abs() <= 180.0).then_some(Self { lat, lon })
    }

    /// How far it is to another point. As if the earth were flat, which is right to a percent within a city.
    pub fn metres_to(self, other: Self) -> f64 {
        const METRES_OF_A_DEGREE: f64 = 111_320.0;
        let east = (self.lon - other.lon) * f64::midpoint(self.lat, other.lat).to_radians().cos();
        (self.lat - other.lat).hypot(east) * METRES_OF_A_DEGREE
    }
}

impl fmt::Debug for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Point(***)")
    }
}

/// One file that came with a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attachment {
    /// What the platform calls it; `intake` looks at the bytes before anyone believes it.
    pub kind: AttachmentKind,
    /// The media type the platform named, if any.
    #[serde(default)]
    pub mime: Option<String>,
    /// The file's name as sent, never used as a path.
    #[serde(default)]
    pub filename: Option<String>,
    /// Where the bytes are.
    pub content: Content,
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentKind {
    /// A still picture.
    Image,
    /// A film.
    Video,
    /// Sound that was sent as a file.
    Audio,
    /// Sound that was spoken into the app.
    Voice,
    /// Anything else.
    Document,
    /// A sticker: kept, never evidence.
    Sticker,
}

/// Where the bytes of an attachment are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Content {
    /// Still on the platform. Never leaves the adapter: `normalize` fetches it first.
    Remote(RemoteMedia),
    /// In the quarantine store, unchecked.
    Quarantined {
        /// Its name there.
        blob: BlobId,
        /// Its size.
        bytes: u64,
        /// SHA-256 in hex.
        sha256: String,
    },
    /// It could not be had; the complaint goes on without it.
    Missing {
        /// One clause for staff, without personal data.
        why: String,
    },
}

/// The name of an object in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BlobId(pub String);

/// How to ask the platform for a file. The keys are the adapter's own.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct RemoteMedia {
    /// The platform's id or address of the file.
    pub id: String,
    /// What else the adapter needs to fetch it.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
}

impl fmt::Debug for RemoteMedia {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RemoteMedia(***)") // an address may hold a token
    }
}

/// How to answer: where the citizen wrote, unless that way cannot answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyTo {
    /// Which adapter delivers.
    pub adapter: AdapterName,
    /// From which account of ours.
    pub account: String,
    /// To whom.
    pub address: Address,
    /// In which conversation or under which post.
    #[serde(default)]
    pub thread: Option<String>,
    /// Who else will read the answer.
    pub audience: Audience,
    /// Until when the platform takes what we write freely, where it sets such a limit; afterwards only what it approved before. Each new
    /// message of the citizen moves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_until: Option<Timestamp>,
}

impl ReplyTo {
    /// Back to where a message came from, in a conversation that nobody else reads.
    pub fn private(key: &MessageKey, address: Address) -> Self {
        let (adapter, account) = (key.adapter.clone(), key.account.clone());
        Self { adapter, account, address, thread: None, audience: Audience::Private, open_until: None }
    }
}

/// What became of a reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Which reply, where the adapter knows it.
    #[serde(default)]
    pub reply: Option<ReplyId>,
    /// The platform's id of the message we sent: with `adapter` and `account`, the other way to find the reply.
    #[serde(default)]
    pub platform_id: Option<String>,
    /// Which adapter says so.
    pub adapter: AdapterName,
    /// Which account of ours sent it.
    pub account: String,
    /// What happened.
    pub state: ReceiptState,
    /// When, by the platform's clock.
    pub at: Timestamp,
    /// Why a file that should go along with the reply did not, for good: the platform's code and words, for staff, without personal data. What
    /// `state` says is of the words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_refused: Option<String>,
}

/// The steps of a delivery. A later, weaker step never overwrites a stronger one: see [`ReceiptState::rank`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ReceiptState {
    /// The platform took it.
    Sent,
    /// It is on the citizen's device.
    Delivered,
    /// They looked at it.
    Read,
    /// It may be sent or not, and nobody can find out: the connection broke at the wrong moment. Not tried again by itself, because a
    /// citizen should not be written to twice.
    Unknown {
        /// What happened, for staff; without personal data.
        detail: String,
    },
    /// The platform's final no.
    Failed {
        /// The platform's code.
        code: String,
        /// The platform's words, for staff; without personal data.
        detail: String,
    },
    /// Accepted first and refused later, because the time for free words was over: sent once more, as what the platform approved.
    WindowClosed {
        /// The platform's code.
        code: String,
        /// The platform's words, for staff; without personal data.
        detail: String,
    },
}

impl ReceiptState {
    /// The word in tables.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Unknown { .. } => "unknown",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed { .. } | Self::WindowClosed { .. } => "failed",
        }
    }

    /// Receipts come in any order. One is written only over a lower rank; `failed` stands over `sent` alone: a message that was
    /// delivered or read did not fail, whatever comes late.
    pub fn rank(&self) -> i16 {
        match self {
            Self::Sent | Self::Unknown { .. } => 1,
            Self::Failed { .. } | Self::WindowClosed { .. } => 2,
            Self::Delivered => 3,
            Self::Read => 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousandth_of_a_degree_is_a_hundred_metres_here() {
        let at = |lat, lon| Point::new(lat, lon).expect("on the globe");
        let north = at(-6.2, 106.8).metres_to(at(-6.201, 106.8));
        assert!((north - 111.3).abs() < 1.0, "{north}");
        let east = at(-6.2, 106.8).metres_to(at(-6.2, 106.801));
        assert!((east - 110.7).abs() < 1.0, "{east}");
    }
}
