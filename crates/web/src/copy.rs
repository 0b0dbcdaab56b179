//! What is kept about somebody, as they get it: one JSON for programs, one page for people, and their files. For `muara citizen export`, and for the page
//! of a complaint once somebody allowed it.

use askama::Template;
use model::{Actor, Address, AttachmentKind, Directory, Language, Site, Timestamp, UpdateKind};
use serde::Serialize;
use store::{
    PgPool,
    attachment::{AttachmentState, StoredAttachment},
    audit::Access,
    message::RecordedMessage,
    person::{self, Everything, Subject, Told},
    reply::SentReply,
};
use ui::{Page, Visit};

use crate::{WebError, page};

/// A copy, without its files: those are named in it, and lie in storage.
pub struct Copy {
    /// `data.json`
    pub json: Vec<u8>,
    /// `data.html`
    pub html: String,
    /// Name in the copy (`berkas/…`), name in storage, size in bytes.
    pub files: Vec<(String, String, u64)>,
}

/// How long the bus keeps raw messages.
const RAW_DAYS: i64 = 14;

#[derive(Serialize)]
struct Data {
    format: &'static str,
    from: String,
    made_at: Timestamp,
    name: Option<String>,
    addresses: Vec<KnownAddress>,
    complaints: Vec<Complaint>,
    /// Until when the last raw message is on the bus.
    raw_until: Option<Timestamp>,
}

#[derive(Serialize)]
struct KnownAddress {
    address: String,
    since: Timestamp,
    until: Timestamp,
    former: bool,
    silent: bool,
}

#[derive(Serialize)]
struct Complaint {
    number: String,
    opened_at: Timestamp,
    channel: String,
    category: String,
    area: String,
    place: Option<String>,
    point: Option<(f64, f64)>,
    status: &'static str,
    grade: &'static str,
    /// Why it cannot be erased now: a word of the page below.
    keeps: Option<String>,
    messages: Vec<Message>,
    answers: Vec<Answer>,
    steps: Vec<Step>,
    accesses: Vec<Accessed>,
}

#[derive(Serialize)]
struct Message {
    sent_at: Timestamp,
    received_at: Timestamp,
    name: Option<String>,
    sender: Option<String>,
    contact: Vec<String>,
    text: String,
    place: Option<String>,
    point: Option<(f64, f64)>,
    withdrawn_at: Option<Timestamp>,
    files: Vec<File>,
}

#[derive(Serialize)]
struct File {
    kind: &'static str,
    name: Option<String>,
    media_type: Option<String>,
    bytes: Option<u64>,
    state: &'static str,
    /// Where it lies in this copy.
    path: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    at: Timestamp,
    kind: &'static str,
    to: String,
    text: Option<String>,
    receipt: Option<String>,
    receipt_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct Step {
    at: Timestamp,
    what: &'static str,
    by: String,
    text: Option<String>,
}

#[derive(Serialize)]
struct Accessed {
    at: Timestamp,
    what: String,
    by: String,
}

/// What drawing needs besides the data.
struct Draw<'a> {
    directory: &'a Directory,
    page: &'a Page,
    language: Language,
    /// Whose page may be open on a shared telephone gets addresses masked, and no name.
    masked: bool,
}

/// Collects it. A complaint's code proves that complaint alone, and its link may be with others: then addresses are masked and the name is left out.
pub async fn copy(
    db: &PgPool,
    site: &Site,
    directory: &Directory,
    subject: Subject,
    now: Timestamp,
    language: Language,
) -> Result<Copy, WebError> {
    let words = page::words(language);
    let visit = Visit { language, path: "/".to_owned(), query: String::new(), is_get: true };
    let page = Page::new(&visit, words, site, now, words.t("copy.title"));
    let draw = Draw { directory, page: &page, language, masked: matches!(subject, Subject::Complaint(_)) };
    let everything = person::everything(db, subject).await?;
    let files = everything.complaints.iter().flat_map(|one| &one.messages).flat_map(|message| &message.attachments).filter_map(kept);
    let files = files.collect();
    let data = draw.data(&everything, site, now);
    let html = CopyPage { page: &page, data: &data }.render()?;
    let json = serde_json::to_vec_pretty(&data).map_err(std::io::Error::from)?;
    Ok(Copy { json, html, files })
}

#[derive(Template)]
#[template(path = "copy.html")]
struct CopyPage<'a> {
    page: &'a Page,
    data: &'a Data,
}

/// A file that is there: its name in the copy, its name in storage, its size.
fn kept(file: &StoredAttachment) -> Option<(String, String, u64)> {
    let key = file.original_key.clone().filter(|_| file.state == AttachmentState::Kept)?;
    Some((name_in_copy(&key), key, file.bytes.unwrap_or(0)))
}

/// Names in storage are our own ids; what a platform called a file never is a path.
fn name_in_copy(key: &str) -> String {
    format!("berkas/{}", key.rsplit('/').next().unwrap_or(key))
}

impl Draw<'_> {
    fn data(&self, all: &Everything, site: &Site, now: Timestamp) -> Data {
        let last = all.complaints.iter().flat_map(|one| &one.messages).map(|message| message.received_at).max();
        let raw_until = last.map(|last| last + jiff::SignedDuration::from_hours(24 * RAW_DAYS)).filter(|until| *until > now);
        let addresses = all.addresses.iter().map(|one| KnownAddress {
            address: one.address.to_string(),
            since: one.since,
            until: one.until,
            former: one.former,
            silent: one.silent,
        });
        Data {
            format: "muara-citizen-1",
            from: site.name.clone(),
            made_at: now,
            name: all.name.clone(),
            addresses: addresses.collect(),
            complaints: all.complaints.iter().map(|one| self.complaint(one)).collect(),
            raw_until,
        }
    }

    fn complaint(&self, told: &Told) -> Complaint {
        let one = &told.complaint;
        let language = self.language;
        Complaint {
            number: one.reference.to_string(),
            opened_at: one.opened_at,
            channel: page::channel_name(&one.adapter, &one.account, one.opened_at, self.directory),
            category: page::category_name(one.category.as_deref(), self.directory, language),
            area: page::area_name(one.area.as_deref(), self.directory, language),
            place: one.place.clone(),
            point: one.location.map(|point| (point.lat, point.lon)),
            status: one.status().as_str(),
            grade: one.visibility.as_str(),
            keeps: told.keeps.as_deref().map(|word| keeps(word, self.page).to_owned()),
            messages: told.messages.iter().map(|message| self.message(message)).collect(),
            answers: told.replies.iter().map(|reply| self.answer(reply)).collect(),
            steps: told.history.iter().map(|update| self.step(update)).collect(),
            accesses: told.accesses.iter().map(|access| self.accessed(access)).collect(),
        }
    }

    fn address(&self, address: &Address) -> String {
        if self.masked { address.masked() } else { address.to_string() }
    }

    fn message(&self, message: &RecordedMessage) -> Message {
        let file = |file: &StoredAttachment| File {
            kind: kind_of(file.kind),
            name: file.filename.clone(),
            media_type: file.media_type.clone(),
            bytes: file.bytes,
            state: file.state.as_str(),
            path: kept(file).map(|(name, ..)| name),
        };
        Message {
            sent_at: message.sent_at,
            received_at: message.received_at,
            name: message.sender_name.clone().filter(|_| !self.masked),
            sender: message.sender.as_ref().map(|address| self.address(address)),
            contact: message.contact.iter().map(|address| self.address(address)).collect(),
            text: message.text.clone(),
            place: message.place.clone(),
            point: message.location.map(|point| (point.lat, point.lon)),
            withdrawn_at: message.withdrawn_at,
            files: message.attachments.iter().map(file).collect(),
        }
    }

    fn answer(&self, reply: &SentReply) -> Answer {
        Answer {
            at: reply.created_at,
            kind: reply.draft.kind.as_str(),
            to: self.address(&reply.draft.to.address),
            text: reply.text.clone(),
            receipt: reply.receipt.clone(),
            receipt_at: reply.receipt_at,
        }
    }

    /// What staff wrote for each other is not the citizen's, and may be about others (UU 27/2022, art. 33): the step is there, its words are not.
    fn step(&self, update: &model::Update) -> Step {
        let theirs = matches!(update.by, Actor::Citizen)
            || matches!(update.kind, UpdateKind::Asked | UpdateKind::Answered | UpdateKind::Resolved | UpdateKind::Reopened);
        let by = match update.by {
            Actor::Citizen => self.page.t("copy.by.citizen").to_owned(),
            Actor::System => self.page.t("copy.by.system").to_owned(),
            Actor::Staff { role, agency, .. } => self.somebody(Some(role), agency.map(|agency| self.directory.agency_name(agency))),
        };
        Step { at: update.at, what: update.kind.as_str(), by, text: update.text.clone().filter(|_| theirs) }
    }

    fn accessed(&self, access: &Access) -> Accessed {
        let what = match access.action.as_str() {
            "complaint.unmasked" => "copy.access.unmasked",
            "citizen.copied" => "copy.access.copied",
            "citizen.found" => "copy.access.found",
            _ => "copy.access.erased",
        };
        Accessed { at: access.at, what: self.page.t(what).to_owned(), by: self.somebody(access.role, access.agency.as_deref()) }
    }

    /// By what they are, not by name.
    fn somebody(&self, role: Option<model::Role>, agency: Option<&str>) -> String {
        let role = role.map_or(self.page.t("copy.by.system"), |role| page::role_name(role, self.page.words));
        agency.map_or_else(|| role.to_owned(), |agency| format!("{role} · {agency}"))
    }
}

/// Why something must stay, in words.
pub(crate) fn keeps<'a>(word: &str, page: &'a Page) -> &'a str {
    page.t(match word {
        "hold" => "copy.keeps.hold",
        "open" => "copy.keeps.open",
        "silence" => "copy.keeps.silence",
        "contested" => "copy.keeps.contested",
        "unreached" => "copy.keeps.unreached",
        _ => "copy.keeps.under_way",
    })
}

fn kind_of(kind: AttachmentKind) -> &'static str {
    match kind {
        AttachmentKind::Image => "image",
        AttachmentKind::Video => "video",
        AttachmentKind::Audio => "audio",
        AttachmentKind::Voice => "voice",
        AttachmentKind::Document => "document",
        AttachmentKind::Sticker => "sticker",
    }
}
