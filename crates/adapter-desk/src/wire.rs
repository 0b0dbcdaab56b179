//! An entry as it is sent, and what it says. Everything here is pure; the words were checked at the door.

use std::collections::BTreeMap;

use adapter_sdk::{
    Adapter, AdapterName, Address, Attachment, AttachmentKind, Audience, Bytes, Content, Event, Inbound, Language, MessageKey, ParseError,
    Point, Raw, Reference, RemoteMedia, ReplyTo, Timestamp, TrackingCode, Visibility,
    form::{File, FileType, Form, Limits, contact},
    model::clock::{Zone, date_and_time},
};
use ui::Words;
use uuid::Uuid;

use crate::{Config, Desk, pages::BOOK};

/// What the door writes beside the form.
pub(crate) mod header {
    /// The form's media type with its boundary.
    pub(crate) const CONTENT_TYPE: &str = "content-type";
    /// The code in the link on the slip.
    pub(crate) const TRACKING: &str = "muara-tracking";
    /// Account of the office, from the clerk's token.
    pub(crate) const OFFICE: &str = "muara-office";
    /// What people call the office.
    pub(crate) const OFFICE_LABEL: &str = "muara-office-label";
    /// Code of the office's area.
    pub(crate) const OFFICE_AREA: &str = "muara-office-area";
    /// The clerk's name, from the token.
    pub(crate) const CLERK: &str = "muara-clerk";
    /// `wib`, `wita` or `wit`.
    pub(crate) const ZONE: &str = "muara-zone";
    /// The chosen area in words, where it is not simply the office's: `parse` has no directory.
    pub(crate) const AREA: &str = "muara-area";
    /// When the clerk wrote it, where that was well before it came here: there was no line.
    pub(crate) const WRITTEN: &str = "muara-written-at";
    /// Who wrote it, where somebody else sent it. Empty: the door cannot say who.
    pub(crate) const WRITER: &str = "muara-writer";
    /// Set when the office was closed.
    pub(crate) const CLOSED: &str = "muara-outside-hours";
    /// Set when an entry that was taken before came again with other content: a number for that content, in hex.
    pub(crate) const EDIT: &str = "muara-edit";
}

pub(crate) const HEADERS: &[&str] = &[
    header::CONTENT_TYPE,
    header::TRACKING,
    header::OFFICE,
    header::OFFICE_LABEL,
    header::OFFICE_AREA,
    header::CLERK,
    header::ZONE,
    header::AREA,
    header::WRITTEN,
    header::WRITER,
    header::CLOSED,
    header::EDIT,
];

/// The fields, by the names they have on the page.
pub(crate) mod field {
    /// A time-ordered UUID that the page was drawn with: the idempotency key, and when the entry was begun.
    pub(crate) const ID: &str = "kiriman";
    /// The language of the page.
    pub(crate) const LANGUAGE: &str = "bahasa";
    /// The language that the citizen reads.
    pub(crate) const CITIZEN_LANGUAGE: &str = "bahasa_warga";
    /// The citizen's words.
    pub(crate) const TEXT: &str = "isi";
    /// The clerk's summary.
    pub(crate) const SUMMARY: &str = "ringkas";
    /// Code of the category.
    pub(crate) const CATEGORY: &str = "kategori";
    /// Degrees north.
    pub(crate) const LAT: &str = "lat";
    /// Degrees east.
    pub(crate) const LON: &str = "lon";
    /// Address or landmark.
    pub(crate) const PLACE: &str = "tempat";
    /// Code of the kelurahan.
    pub(crate) const AREA: &str = "wilayah";
    /// The citizen's name.
    pub(crate) const NAME: &str = "nama";
    /// Which identity paper they showed; empty for none. Never its number.
    pub(crate) const PAPER: &str = "identitas";
    /// A telephone number or a mail address for answers.
    pub(crate) const CONTACT: &str = "kontak";
    /// Whom they speak for, if not for themselves.
    pub(crate) const BEHALF: &str = "mewakili";
    /// What they need to follow the matter: an interpreter, large print.
    pub(crate) const NEED: &str = "kebutuhan";
    /// Who may see it.
    pub(crate) const VISIBILITY: &str = "tampil";
    /// Scans and photos.
    pub(crate) const FILES: &str = "foto";
    /// The version of the text on data.
    pub(crate) const CONSENT: &str = "persetujuan";
    /// Set when that text was shown or read.
    pub(crate) const CONSENT_SHOWN: &str = "dibacakan";
    /// Number of a complaint that this one is about too.
    pub(crate) const RELATED: &str = "terkait";
    /// The number in today's queue.
    pub(crate) const TICKET: &str = "antrean";
    /// The code of the citizen's link, where the browser made it: its slip may be printed already.
    pub(crate) const CODE: &str = "kode";
    /// Whose shift the page was drawn in.
    pub(crate) const SHIFT: &str = "giliran";
    /// When the clerk pressed the button, by the browser's clock set right.
    pub(crate) const WRITTEN: &str = "dibuat";
    /// What makes one entry differ from another.
    pub(crate) const CONTENT: [&str; 15] =
        [TEXT, SUMMARY, CATEGORY, LAT, LON, PLACE, AREA, NAME, PAPER, CONTACT, BEHALF, NEED, VISIBILITY, CITIZEN_LANGUAGE, RELATED];
    /// The identity papers that the page offers.
    pub(crate) const PAPERS: [&str; 5] = ["ktp", "kia", "sim", "paspor", "lain"];
}

/// Which message an entry is.
pub(crate) fn key(office: &str, id: Uuid) -> MessageKey {
    MessageKey { adapter: name(), account: office.to_owned(), id: id.to_string() }
}

fn name() -> AdapterName {
    Desk::NAME.parse().expect("our own name is a name")
}

pub(crate) fn parse(raw: &Raw, config: &Config) -> Result<Vec<Event>, ParseError> {
    let form = read(raw)?;
    let id: Uuid = form.typed(field::ID).parse().map_err(|_| ParseError::new("the entry has no id"))?;
    let office = raw.header(header::OFFICE).ok_or_else(|| ParseError::new("the door wrote no office"))?;
    let first = key(office, id);
    let sender = Address::new(Desk::NAME, &first.id).map_err(|_| ParseError::new("the id makes no address"))?;
    let contact = form.text(field::CONTACT).and_then(|typed| contact(&typed));
    let reply_to = reply_to(contact.as_ref(), &first, &sender, config);
    // Changed words of an entry that we have join its complaint; a code of its own would open another.
    let (key, replaces, tracking) = match raw.header(header::EDIT) {
        Some(edit) => (MessageKey { id: format!("{}.{edit}", first.id), ..first.clone() }, Some(first), None),
        None => (first, None, Some(tracking(raw)?)),
    };
    let reference = Reference::of(&key, 0);
    Ok(vec![Event::Message(Box::new(Inbound {
        key,
        sender: vec![sender],
        proof: adapter_sdk::Proof::Platform,
        sender_name: form.text(field::NAME),
        contact: contact.into_iter().collect(),
        audience: Audience::Private,
        text: text(&form, raw, id),
        sent_at: written(raw).unwrap_or(raw.received_at),
        received_at: raw.received_at,
        language: Some(Language::from_tag(form.typed(field::CITIZEN_LANGUAGE))),
        location: point(&form),
        place: place(&form, raw.header(header::AREA)),
        office_area: office_area(&form, raw),
        category: form.text(field::CATEGORY),
        visibility: visibility(&form),
        attachments: form.files(field::FILES).map(attachment).collect(),
        in_reply_to: None,
        thread: None,
        replaces,
        unreadable: None,
        reply_to: Some(reply_to),
        reference,
        tracking,
    }))])
}

/// The bytes of one scan or photo: a view into the raw body.
pub(crate) fn file(raw: &Raw, media: &RemoteMedia) -> Option<Bytes> {
    let part = media.id.strip_prefix("part:")?.parse().ok()?;
    Some(read(raw).ok()?.file(part)?.bytes.clone())
}

fn read(raw: &Raw) -> Result<Form, ParseError> {
    let content_type = raw.header(header::CONTENT_TYPE).unwrap_or_default();
    Form::read(content_type, &raw.body, &Limits::default()).map_err(|error| ParseError::new(error.to_string()))
}

fn tracking(raw: &Raw) -> Result<TrackingCode, ParseError> {
    raw.header(header::TRACKING).and_then(|code| code.parse().ok()).ok_or_else(|| ParseError::new("the door wrote no tracking code"))
}

/// When an entry was written that came later. Never after it came: clocks differ.
fn written(raw: &Raw) -> Option<Timestamp> {
    raw.header(header::WRITTEN)?.parse().ok().filter(|at: &Timestamp| *at <= raw.received_at)
}

/// By the adapter that the configuration names for this kind of contact, else on the slip's own page.
fn reply_to(contact: Option<&Address>, key: &MessageKey, sender: &Address, config: &Config) -> ReplyTo {
    let by_contact = contact.and_then(|contact| {
        let via = config.answer_via.get(contact.scheme())?;
        Some((via.adapter.clone(), via.account.clone(), contact.clone()))
    });
    let (adapter, account, address) = by_contact.unwrap_or_else(|| (name(), key.account.clone(), sender.clone()));
    ReplyTo { adapter, account, address, thread: None, audience: Audience::Private, open_until: None }
}

fn visibility(form: &Form) -> Visibility {
    Visibility::from_word(form.typed(field::VISIBILITY)).unwrap_or_default()
}

fn point(form: &Form) -> Option<Point> {
    let degrees = |name| form.typed(name).trim().parse::<f64>().ok().filter(|degrees| degrees.is_finite());
    Point::new(degrees(field::LAT)?, degrees(field::LON)?)
}

fn place(form: &Form, area: Option<&str>) -> Option<String> {
    let parts: Vec<String> = form.text(field::PLACE).into_iter().chain(area.map(str::to_owned)).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// The area that the clerk chose, if the door knew it, else that of the office.
fn office_area(form: &Form, raw: &Raw) -> Option<String> {
    let chosen = raw.header(header::AREA).and_then(|_| form.text(field::AREA));
    chosen.or_else(|| raw.header(header::OFFICE_AREA).map(str::to_owned))
}

/// The citizen's words first, untouched; below them what the clerk noted, for the officers. Who they speak for is not said where the
/// agency must not learn who wrote.
fn text(form: &Form, raw: &Raw, id: Uuid) -> String {
    let words = Words::of(&BOOK, Language::Id);
    let secret = visibility(form).is_secret();
    let mut notes = Vec::new();
    let mut note = |key: &str, value: &str| notes.push(words.fill(key, &[("isi", value)]));
    if let Some(summary) = form.text(field::SUMMARY) {
        note("catatan.ringkas", &summary);
    }
    let paper = form.text(field::PAPER).filter(|paper| field::PAPERS.contains(&paper.as_str()));
    note("catatan.identitas", paper_in_words(words, paper.as_deref()));
    if let Some(behalf) = form.text(field::BEHALF) {
        note("catatan.mewakili", if secret { words.t("catatan.orang_lain") } else { &behalf });
    }
    if let Some(need) = form.text(field::NEED) {
        note("catatan.kebutuhan", &need);
    }
    if let Some(related) = form.text(field::RELATED).and_then(|typed| typed.parse::<Reference>().ok()) {
        note("catatan.terkait", &related.to_string());
    }
    if let Some(ticket) = form.text(field::TICKET).and_then(|typed| typed.parse::<u32>().ok()) {
        note("catatan.antrean", &ticket.to_string());
    }
    if let (Some(version), Some(_)) = (form.text(field::CONSENT), form.text(field::CONSENT_SHOWN)) {
        note("catatan.persetujuan", &version);
    }
    notes.push(desk_line(raw, id, words));
    notes.extend(later_line(raw, words));
    if raw.header(header::CLOSED).is_some() {
        notes.push(words.t("catatan.di_luar_jam").to_owned());
    }
    let head = words.t("catatan.judul");
    let parts = form.text(field::TEXT).into_iter().chain([format!("{head}\n{}", notes.join("\n"))]);
    parts.collect::<Vec<_>>().join("\n\n")
}

/// The words for an identity paper, or for none.
pub(crate) fn paper_in_words(words: Words, paper: Option<&str>) -> &'static str {
    words.t(match paper {
        Some("ktp") => "identitas.ktp",
        Some("kia") => "identitas.kia",
        Some("sim") => "identitas.sim",
        Some("paspor") => "identitas.paspor",
        Some(_) => "identitas.lain",
        None => "identitas.tidak",
    })
}

/// Who entered it, where, from when to when: the id of an entry holds the time it was begun.
fn desk_line(raw: &Raw, id: Uuid, words: Words) -> String {
    let zone = zone_of(raw);
    let clock = |at: Timestamp| at.to_zoned(zone.time_zone()).strftime("%H.%M").to_string();
    let begun =
        id.get_timestamp().and_then(|time| i64::try_from(time.to_unix().0).ok()).and_then(|second| Timestamp::from_second(second).ok());
    let ended = written(raw).unwrap_or(raw.received_at);
    // The id of a browser whose clock runs ahead says nothing.
    let begun = begun.filter(|begun| *begun <= ended);
    let office = raw.header(header::OFFICE_LABEL).or_else(|| raw.header(header::OFFICE)).unwrap_or_default();
    let writer = match raw.header(header::WRITER) {
        Some("") => "–",
        Some(writer) => writer,
        None => raw.header(header::CLERK).unwrap_or("–"),
    };
    words.fill(
        "catatan.loket",
        &[
            ("loket", office),
            ("petugas", writer),
            ("mulai", &clock(begun.unwrap_or(ended))),
            ("selesai", &clock(ended)),
            ("zona", zone.name()),
        ],
    )
}

/// That an entry was written without a line, when, and who sent it.
fn later_line(raw: &Raw, words: Words) -> Option<String> {
    let zone = zone_of(raw);
    let sender = raw.header(header::WRITER).and(raw.header(header::CLERK));
    let sent = sender.map(|sender| words.fill("catatan.dikirim", &[("petugas", sender)]));
    let line = written(raw).map(|at| words.fill("catatan.luring", &[("waktu", &date_and_time(at, zone, Language::Id))]));
    match (line, sent) {
        (Some(line), Some(sent)) => Some(format!("{line} {sent}")),
        (line, sent) => line.or(sent),
    }
}

fn zone_of(raw: &Raw) -> Zone {
    raw.header(header::ZONE).and_then(zone).unwrap_or_default()
}

/// The word of a zone, as it is in the raw message.
pub(crate) fn zone_word(zone: Zone) -> &'static str {
    match zone {
        Zone::Wib => "wib",
        Zone::Wita => "wita",
        Zone::Wit => "wit",
    }
}

fn zone(word: &str) -> Option<Zone> {
    [Zone::Wib, Zone::Wita, Zone::Wit].into_iter().find(|zone| zone_word(*zone) == word)
}

fn attachment(file: &File) -> Attachment {
    let kind = FileType::of(&file.bytes);
    Attachment {
        kind: if kind.is_some_and(FileType::is_photo) { AttachmentKind::Image } else { AttachmentKind::Document },
        mime: kind.map(|kind| kind.mime().to_owned()),
        filename: file.filename.clone(),
        content: Content::Remote(RemoteMedia { id: format!("part:{}", file.part), params: BTreeMap::default() }),
    }
}
