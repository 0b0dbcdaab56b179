//! One chosen complaint as it goes through the door, and what it says. Pure; the words were checked at the door.

use std::{collections::BTreeMap, fmt::Write};

use adapter_sdk::{
    Adapter, AdapterName, Address, Attachment, AttachmentKind, Audience, Bytes, Content, Event, Inbound, Language, MessageKey, ParseError,
    Point, Proof, Raw, Reference, RemoteMedia, Timestamp, TrackingCode, Visibility,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use ui::Words;

use crate::{ChatImport, draw::BOOK, export};

/// A complaint that staff chose: one message of a group, or several of one person.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Chosen {
    /// The account of the channel.
    pub(crate) account: String,
    /// The code in the link that staff were shown.
    pub(crate) tracking: TrackingCode,
    /// What people call the group.
    pub(crate) group: String,
    /// Who exported or forwarded it.
    pub(crate) exported_by: String,
    /// Why it may be used: a key of the words.
    pub(crate) consent: Consent,
    /// The member of staff.
    pub(crate) imported_by: String,
    /// Code of the area of the group.
    #[serde(default)]
    pub(crate) area: Option<String>,
    /// Never empty, the oldest first.
    pub(crate) messages: Vec<Line>,
}

/// Why words from a group may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Consent {
    /// Who wrote asked for it.
    Asked,
    /// The group knows that complaints are passed on.
    Known,
    /// Nobody said; the author is to be told.
    Untold,
}

impl Consent {
    pub(crate) const ALL: [Self; 3] = [Self::Asked, Self::Known, Self::Untold];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Known => "known",
            Self::Untold => "untold",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|consent| consent.word() == word)
    }

    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Asked => "izin.asked",
            Self::Known => "izin.known",
            Self::Untold => "izin.untold",
        }
    }
}

/// One message.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    /// See [`id`].
    pub(crate) id: String,
    /// As the exporting telephone called them.
    pub(crate) author: String,
    pub(crate) sent_at: Timestamp,
    pub(crate) text: String,
    #[serde(default)]
    pub(crate) files: Vec<Part>,
    #[serde(default)]
    pub(crate) place: Option<(f64, f64)>,
}

/// A file of a message.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) name: String,
    /// Base 64; `None`: it was not in the export.
    pub(crate) data: Option<String>,
}

/// Which message of a group it is, whoever exported it with whatever telephone: the minute, the words, whether there was a file, and which
/// one of several that are alike. Not the author, whom every address book calls something else; not the group, whose name is typed in.
pub(crate) fn id(message: &export::Message, nth: usize) -> String {
    let minute = message.at.strftime("%Y-%m-%d %H:%M").to_string();
    let words = message.text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let file = if message.media.is_some() { "file" } else { "" };
    hash(&[&minute, &words, file, &nth.to_string()])
}

/// The same for every message of a chat, by its place.
pub(crate) fn ids(messages: &[export::Message]) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut ids = Vec::with_capacity(messages.len());
    for message in messages {
        let alike = seen.entry(id(message, 0)).or_default();
        ids.push(id(message, *alike));
        *alike += 1;
    }
    ids
}

fn hash(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.len().to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().iter().take(16).fold(String::with_capacity(32), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}"); // writing into a String cannot fail
        hex
    })
}

pub(crate) fn key(account: &str, id: &str) -> MessageKey {
    MessageKey { adapter: name(), account: account.to_owned(), id: id.to_owned() }
}

fn name() -> AdapterName {
    ChatImport::NAME.parse().expect("our own name is a name")
}

pub(crate) fn parse(raw: &Raw) -> Result<Vec<Event>, ParseError> {
    let chosen: Chosen = serde_json::from_slice(&raw.body)?;
    let first = chosen.messages.first().ok_or_else(|| ParseError::new("an import without a message"))?;
    if chosen.account.is_empty() || chosen.messages.iter().any(|line| line.id.is_empty() || line.id.len() > 512) {
        return Err(ParseError::new("an import without its account or an id"));
    }
    let head = first.id.clone();
    let mut events = Vec::with_capacity(chosen.messages.len());
    for (place, line) in chosen.messages.iter().enumerate() {
        let inbound = inbound(raw, &chosen, place, line, &head)?;
        events.push(Event::Message(Box::new(inbound)));
    }
    Ok(events)
}

fn inbound(raw: &Raw, chosen: &Chosen, place: usize, line: &Line, head: &str) -> Result<Inbound, ParseError> {
    let key = key(&chosen.account, &line.id);
    let is_first = place == 0;
    let phone = Address::tel(&line.author).ok().filter(|_| line.author.trim_start().starts_with('+'));
    let text = if is_first { with_origin(line, chosen) } else { line.text.clone() };
    Ok(Inbound {
        reference: Reference::of(&key, 0),
        key,
        sender: vec![sender(&chosen.group, &line.author)?],
        sender_name: phone.is_none().then(|| line.author.clone()),
        // In a file that anybody may have written: nobody proved it.
        contact: phone.into_iter().collect(),
        audience: Audience::Private,
        text,
        sent_at: line.sent_at,
        received_at: raw.received_at,
        language: None,
        location: line.place.and_then(|(lat, lon)| Point::new(lat, lon)),
        place: None,
        office_area: chosen.area.clone(),
        category: None,
        visibility: Visibility::default(),
        attachments: line.files.iter().enumerate().map(|(nth, part)| attachment(place, nth, part)).collect(),
        in_reply_to: (!is_first).then(|| head.to_owned()),
        thread: None,
        replaces: None,
        unreadable: None,
        reply_to: None,
        tracking: is_first.then(|| chosen.tracking.clone()),
        proof: Proof::Claim,
    })
}

/// One person in one group, as far as an export tells: never joined with anybody elsewhere.
fn sender(group: &str, author: &str) -> Result<Address, ParseError> {
    let plain = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let id = hash(&[&plain(group), &plain(author)]);
    Address::new("group", &id).map_err(|_| ParseError::new("no address can be made of the author"))
}

/// The citizen's words first, untouched; below them where they come from.
fn with_origin(line: &Line, chosen: &Chosen) -> String {
    let words = Words::of(&BOOK, Language::Id);
    let origin =
        words.fill("asal.baris", &[("grup", &chosen.group), ("pengekspor", &chosen.exported_by), ("petugas", &chosen.imported_by)]);
    let consent = words.fill("asal.izin", &[("izin", words.t(chosen.consent.key()))]);
    let notes = format!("{}\n{origin}\n{consent}", words.t("asal.judul"));
    let said = line.text.trim();
    if said.is_empty() { notes } else { format!("{said}\n\n{notes}") }
}

fn attachment(message: usize, nth: usize, part: &Part) -> Attachment {
    let content = match part.data {
        Some(_) => Content::Remote(RemoteMedia { id: format!("{message}/{nth}"), params: BTreeMap::default() }),
        None => Content::Missing { why: "it was not in the export".into() },
    };
    Attachment { kind: kind(&part.name), mime: None, filename: (!part.name.is_empty()).then(|| part.name.clone()), content }
}

/// By its name; `intake` looks at the bytes before anyone believes it.
fn kind(name: &str) -> AttachmentKind {
    let lower = name.to_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| lower.ends_with(ending));
    if lower.starts_with("stk-") || lower.contains("-sticker-") {
        AttachmentKind::Sticker
    } else if ends(&[".jpg", ".jpeg", ".png", ".webp", ".heic"]) {
        AttachmentKind::Image
    } else if ends(&[".mp4", ".3gp", ".mov"]) {
        AttachmentKind::Video
    } else if ends(&[".opus"]) || lower.starts_with("ptt-") || lower.contains("-audio-") {
        AttachmentKind::Voice
    } else if ends(&[".ogg", ".m4a", ".aac", ".mp3", ".amr"]) {
        AttachmentKind::Audio
    } else {
        AttachmentKind::Document
    }
}

/// The bytes of one file.
pub(crate) fn file(raw: &Raw, media: &RemoteMedia) -> Option<Bytes> {
    let chosen: Chosen = serde_json::from_slice(&raw.body).ok()?;
    let (message, nth) = media.id.split_once('/')?;
    let part = chosen.messages.get(message.parse::<usize>().ok()?)?.files.get(nth.parse::<usize>().ok()?)?;
    BASE64_STANDARD.decode(part.data.as_deref()?).ok().map(Bytes::from)
}

/// A file as it goes through the door.
pub(crate) fn part(name: &str, bytes: Option<&Bytes>) -> Part {
    Part { name: name.to_owned(), data: bytes.map(|bytes| BASE64_STANDARD.encode(bytes)) }
}
