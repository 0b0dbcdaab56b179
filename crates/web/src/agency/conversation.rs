//! What was said about a complaint, by whom, in order: the citizen's messages as they came, our replies with what became of them, and
//! notes among staff.

use std::collections::HashMap;

use model::{AttachmentKind, Audience, Directory, ReplyId, ReplyKind, StaffId, Timestamp, Update, UpdateKind, reach::Way};
use store::{
    attachment::{AttachmentState, StoredAttachment},
    message::RecordedMessage,
    reach::Step,
    reply::{ReplyState, SentReply},
};
use ui::{Page, Photo};

use super::unreached::{way, why};
use crate::{Rooms, files::public_copy, page::channel_name};

/// One thing that was said.
pub(super) struct Turn {
    pub(super) side: Side,
    pub(super) who: String,
    pub(super) at: Timestamp,
    /// What kind of thing it is.
    pub(super) label: String,
    pub(super) text: String,
    /// The whole message as it was sent, where the words above are only its kind.
    pub(super) whole: String,
    pub(super) photos: Vec<Photo>,
    pub(super) files: Vec<FileLine>,
    /// What became of a reply of ours: of its words, and of a file that did not go along.
    pub(super) receipts: Vec<Receipt>,
    /// Short remarks: an edit, seen by everybody, cut.
    pub(super) remarks: Vec<String>,
}

/// Who speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Citizen,
    Ours,
    Note,
}

impl Side {
    /// The class of the message.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Citizen => "theirs",
            Self::Ours => "ours",
            Self::Note => "note",
        }
    }
}

/// A file that is no shown picture.
pub(super) struct FileLine {
    pub(super) icon: &'static str,
    pub(super) name: String,
    /// Size, or why it cannot be had.
    pub(super) detail: String,
    /// Where it is; empty when it cannot be had.
    pub(super) href: String,
    /// Whether a browser can play it.
    pub(super) sound: bool,
}

/// What became of a reply.
pub(super) struct Receipt {
    pub(super) icon: &'static str,
    pub(super) text: String,
    pub(super) failed: bool,
}

/// Everything that a conversation is made of.
pub(super) struct Said<'a> {
    pub(super) messages: &'a [RecordedMessage],
    pub(super) replies: &'a [SentReply],
    /// By which ways replies that failed went on, by the first reply of each.
    pub(super) ladders: &'a HashMap<ReplyId, Vec<Step>>,
    pub(super) history: &'a [Update],
    pub(super) staff: &'a HashMap<StaffId, String>,
}

/// In the order it was said.
pub(super) fn turns(said: &Said<'_>, rooms: &Rooms, directory: &Directory, page: &Page) -> Vec<Turn> {
    let messages = said.messages.iter().map(|message| of_citizen(message, page));
    let replies = said.replies.iter().map(|reply| ours(reply, rooms, directory, said, page));
    let notes = said.history.iter().filter(|update| update.kind == UpdateKind::Noted).map(|update| note(update, said.staff, page));
    let mut turns: Vec<Turn> = messages.chain(replies).chain(notes).collect();
    turns.sort_by_key(|turn| turn.at);
    turns
}

fn of_citizen(message: &RecordedMessage, page: &Page) -> Turn {
    let name = message.sender_name.clone();
    let mut remarks = Vec::new();
    if message.is_edit {
        remarks.push(page.t("talk.edited").to_owned());
    }
    if message.audience == Audience::Public {
        remarks.push(page.t("talk.public").to_owned());
    }
    if message.withdrawn_at.is_some() {
        remarks.push(page.t("talk.withdrawn").to_owned());
    }
    if let Some(cut) = &message.cut {
        remarks.push(page.fill("talk.cut", "what", cut));
    }
    let (photos, files) = split(&message.attachments, page);
    Turn {
        side: Side::Citizen,
        who: name.unwrap_or_else(|| page.t("talk.citizen").to_owned()),
        at: message.sent_at,
        label: String::new(),
        text: message.text.clone(),
        whole: String::new(),
        photos,
        files,
        receipts: Vec::new(),
        remarks,
    }
}

/// Pictures to show, and other files to list.
pub(super) fn split(attachments: &[StoredAttachment], page: &Page) -> (Vec<Photo>, Vec<FileLine>) {
    let (shown, others): (Vec<_>, Vec<_>) = attachments.iter().partition(|file| public_copy(file).is_some());
    let photos = (1u64..).zip(shown).map(|(n, file)| Photo {
        src: format!("/berkas/{}", file.id),
        alt: page.fill("track.photo", "n", n.to_string()),
        width: file.width.unwrap_or(0),
        height: file.height.unwrap_or(0),
    });
    (photos.collect(), others.into_iter().map(|file| file_line(file, page)).collect())
}

fn file_line(file: &StoredAttachment, page: &Page) -> FileLine {
    let (icon, kind) = match file.kind {
        AttachmentKind::Image => ("photo", page.t("file.image")),
        AttachmentKind::Sticker => ("photo", page.t("file.sticker")),
        AttachmentKind::Video => ("film", page.t("file.video")),
        AttachmentKind::Audio | AttachmentKind::Voice => ("sound", page.t("file.sound")),
        AttachmentKind::Document => ("file", page.t("file.document")),
    };
    let kept = file.state == AttachmentState::Kept;
    let reason = file.reason.clone().unwrap_or_default();
    let detail = match file.state {
        AttachmentState::Kept => file.bytes.map(|bytes| size(bytes, page)).unwrap_or_default(),
        AttachmentState::Due => page.t("file.due").to_owned(),
        AttachmentState::Refused => page.fill("file.refused", "reason", &reason),
        AttachmentState::Missing => page.fill("file.missing", "reason", &reason),
    };
    let is_sound = matches!(file.kind, AttachmentKind::Audio | AttachmentKind::Voice);
    FileLine {
        icon,
        name: file.filename.clone().unwrap_or_else(|| kind.to_owned()),
        detail,
        href: if kept { format!("/berkas/{}", file.id) } else { String::new() },
        sound: kept && is_sound,
    }
}

/// `420 KB`, `3,2 MB`.
fn size(bytes: u64, page: &Page) -> String {
    let separator = if page.lang() == "id" { ',' } else { '.' };
    match bytes {
        0..1_000_000 => format!("{} KB", bytes.div_ceil(1000)),
        _ => format!("{}{separator}{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

fn ours(reply: &SentReply, rooms: &Rooms, directory: &Directory, said: &Said<'_>, page: &Page) -> Turn {
    let words = reply.draft.facts.text.clone().unwrap_or_default();
    Turn {
        side: Side::Ours,
        who: author(reply, directory, said, page),
        at: reply.created_at,
        label: kind(reply.draft.kind, page).to_owned(),
        text: words,
        whole: whole(reply, rooms, page),
        photos: Vec::new(),
        files: Vec::new(),
        receipts: std::iter::once(receipt(reply, page)).chain(file(reply, page)).collect(),
        remarks: rungs(reply, directory, said, page),
    }
}

/// The whole message in words, without the link.
pub(super) fn whole(reply: &SentReply, rooms: &Rooms, page: &Page) -> String {
    let whole = reply.text.clone().unwrap_or_else(|| model::word(&reply.draft, rooms.site()).text);
    // The link is the citizen's key: with it, anybody could speak as them.
    let link = reply.draft.facts.tracking.as_ref().map(|code| rooms.site().link(code));
    link.map_or(whole.clone(), |link| whole.replace(&link, page.t("talk.link")))
}

/// By which way it went, where that is not the first; and what came after it, where that was its end.
fn rungs(reply: &SentReply, directory: &Directory, said: &Said<'_>, page: &Page) -> Vec<String> {
    let here = |steps: &&Vec<Step>| steps.iter().any(|step| step.reply == Some(reply.draft.id));
    let Some(steps) = said.ladders.values().find(here) else { return Vec::new() };
    let at = steps.iter().position(|step| step.reply == Some(reply.draft.id)).unwrap_or(0);
    let to = &reply.draft.to;
    let channel = channel_name(&to.adapter, &to.account, reply.created_at, directory);
    let taken = (at > 0).then(|| page.words.fill("unreached.tried", &[("way", way(steps[at].way, page)), ("channel", &channel)]));
    let end = steps.get(at + 1).filter(|step| step.reply.is_none()).map(|end| {
        let open = match end.way {
            Way::Silence => "",
            _ if end.is_open => page.t("unreached.open"),
            _ => page.t("unreached.closed"),
        };
        format!("{} {open}", why(end.why, page)).trim().to_owned()
    });
    taken.into_iter().chain(end).collect()
}

/// The officer whose act the reply tells of; the program, where it was nobody's.
fn author(reply: &SentReply, directory: &Directory, said: &Said<'_>, page: &Page) -> String {
    let cause = said.history.iter().find(|update| update.id.0 == reply.draft.cause);
    match cause.map(|update| (update.by, update.agency)) {
        Some((model::Actor::Staff { id, .. }, agency)) => {
            let name = said.staff.get(&id).cloned().unwrap_or_default();
            agency.map_or(name.clone(), |agency| format!("{name}, {}", directory.agency_name(agency)))
        }
        _ => page.t("talk.system").to_owned(),
    }
}

pub(super) fn kind(kind: ReplyKind, page: &Page) -> &str {
    match kind {
        ReplyKind::Received | ReplyKind::Forwarded => page.t("reply.received"),
        ReplyKind::Routed => page.t("reply.routed"),
        ReplyKind::Noted => page.t("reply.noted"),
        ReplyKind::Started => page.t("reply.started"),
        ReplyKind::Asked => page.t("reply.asked"),
        ReplyKind::Answered => page.t("reply.answered"),
        ReplyKind::HandedOver => page.t("reply.handed_over"),
        ReplyKind::Resolved => page.t("reply.resolved"),
        ReplyKind::Reopened => page.t("reply.reopened"),
        ReplyKind::Closed => page.t("reply.closed"),
        ReplyKind::Unreadable => page.t("reply.unreadable"),
        ReplyKind::Wanted => page.t("reply.wanted"),
        ReplyKind::Blocked => page.t("reply.blocked"),
        ReplyKind::Unblocked => page.t("reply.unblocked"),
        // To no citizen: never in a conversation.
        ReplyKind::Entrusted => page.t("task.title"),
        ReplyKind::Escalated => page.t("menu.escalation"),
    }
}

fn receipt(reply: &SentReply, page: &Page) -> Receipt {
    let fine = |icon, key: &str| Receipt { icon, text: key.to_owned(), failed: false };
    match (reply.state, reply.receipt.as_deref()) {
        (ReplyState::Withheld, _) if reply.error.as_deref() == Some(store::reply::BLOCKED) => {
            Receipt { icon: "cross", text: page.t("receipt.blocked").to_owned(), failed: true }
        }
        (ReplyState::Due, _) if reply.draft.kind == ReplyKind::Unblocked => {
            let until = reply.draft.facts.deadline.unwrap_or(reply.created_at);
            fine("clock", &page.fill("receipt.due.on", "date", page.time(&until)))
        }
        (ReplyState::Withheld, _) => Receipt { icon: "cross", text: page.t("receipt.withheld").to_owned(), failed: true },
        (ReplyState::Due, _) => fine("clock", page.t("receipt.due")),
        (_, Some("sent")) => fine("sent", page.t("receipt.sent")),
        (_, Some("unknown")) => {
            let error = reply.error.clone().unwrap_or_default();
            Receipt { icon: "alert", text: page.fill("receipt.unknown", "error", &error), failed: true }
        }
        (_, Some("delivered")) => fine("delivered", page.t("receipt.delivered")),
        (_, Some("read")) => fine("delivered", page.t("receipt.read")),
        (_, Some("failed")) => Receipt { icon: "alert", text: failed(reply.error.as_deref().unwrap_or_default(), page), failed: true },
        _ => fine("clock", page.t("receipt.handed_on")),
    }
}

/// Why the photo did not go along.
fn file(reply: &SentReply, page: &Page) -> Option<Receipt> {
    let text = match reply.file_error.as_deref()? {
        "file_gone" => page.t("receipt.file.gone").to_owned(),
        error => page.fill("receipt.file.refused", "error", error),
    };
    Some(Receipt { icon: "alert", text, failed: true })
}

/// Why it failed; what an adapter says of the platform's list of blocked senders in our own words.
fn failed(error: &str, page: &Page) -> String {
    match error.split_once(": ").map_or(error, |(code, _)| code) {
        "block_window" => page.t("receipt.block.window").to_owned(),
        "block_full" => page.t("receipt.block.full").to_owned(),
        "block_refused" => page.fill("receipt.block.refused", "error", error),
        _ => page.fill("receipt.failed", "error", error),
    }
}

fn note(update: &Update, staff: &HashMap<StaffId, String>, page: &Page) -> Turn {
    let who = match update.by {
        model::Actor::Staff { id, .. } => staff.get(&id).cloned().unwrap_or_default(),
        _ => page.t("talk.system").to_owned(),
    };
    Turn {
        side: Side::Note,
        who,
        at: update.at,
        label: page.t("talk.note").to_owned(),
        text: update.text.clone().unwrap_or_default(),
        whole: String::new(),
        photos: Vec::new(),
        files: Vec::new(),
        receipts: Vec::new(),
        remarks: Vec::new(),
    }
}
