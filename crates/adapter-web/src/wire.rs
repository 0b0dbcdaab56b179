//! The form as it is sent, and what it says. Everything here is pure; the words were checked at the door.

use adapter_sdk::{
    Adapter, AdapterName, Address, Attachment, AttachmentKind, Audience, Bytes, Content, Event, Inbound, Language, MessageKey, ParseError,
    Point, Raw, Reference, RemoteMedia, ReplyTo, TrackingCode, Visibility,
    form::{File, FileType, Form, Limits, contact},
};
use uuid::Uuid;

use crate::Web;

/// The form's media type with its boundary.
pub(crate) const CONTENT_TYPE: &str = "content-type";
/// The code in the link that the citizen was shown.
pub(crate) const TRACKING: &str = "muara-tracking";
/// The chosen area in words: `parse` has no directory.
pub(crate) const AREA: &str = "muara-area";
/// Set when a form that was taken before came again with other content: a number for that content, in hex.
pub(crate) const EDIT: &str = "muara-edit";

/// The fields, by the names they have on the page.
pub(crate) mod field {
    /// A UUID that the page was drawn with: the idempotency key.
    pub(crate) const ID: &str = "kiriman";
    /// The language of the page.
    pub(crate) const LANGUAGE: &str = "bahasa";
    /// Photos.
    pub(crate) const PHOTOS: &str = "foto";
    /// What happened.
    pub(crate) const TEXT: &str = "isi";
    /// Degrees north.
    pub(crate) const LAT: &str = "lat";
    /// Degrees east.
    pub(crate) const LON: &str = "lon";
    /// Address or landmark.
    pub(crate) const PLACE: &str = "tempat";
    /// Code of the kelurahan.
    pub(crate) const AREA: &str = "wilayah";
    /// Code of the category.
    pub(crate) const CATEGORY: &str = "kategori";
    /// What the citizen calls themselves.
    pub(crate) const NAME: &str = "nama";
    /// A telephone number or a mail address.
    pub(crate) const CONTACT: &str = "kontak";
    /// Who may see it.
    pub(crate) const VISIBILITY: &str = "tampil";
    /// People do not see this one; programs fill it.
    pub(crate) const TRAP: &str = "situs";
    /// What makes one complaint differ from another.
    pub(crate) const CONTENT: [&str; 9] = [TEXT, LAT, LON, PLACE, AREA, CATEGORY, NAME, CONTACT, VISIBILITY];
}

/// Which message a form is.
pub(crate) fn key(account: &str, id: Uuid) -> MessageKey {
    MessageKey { adapter: name(), account: account.to_owned(), id: id.to_string() }
}

fn name() -> AdapterName {
    Web::NAME.parse().expect("our own name is a name")
}

pub(crate) fn parse(raw: &Raw, account: &str) -> Result<Vec<Event>, ParseError> {
    let form = read(raw)?;
    let id: Uuid = form.typed(field::ID).parse().map_err(|_| ParseError::new("the form has no id"))?;
    let first = key(account, id);
    let sender = Address::new(Web::NAME, &first.id).map_err(|_| ParseError::new("the id makes no address"))?;
    // Changed words of a form that we have join its complaint; a code of its own would open another.
    let (key, replaces, tracking) = match raw.header(EDIT) {
        Some(edit) => (MessageKey { id: format!("{}.{edit}", first.id), ..first.clone() }, Some(first), None),
        None => (first, None, Some(tracking(raw)?)),
    };
    let reference = Reference::of(&key, 0);
    Ok(vec![Event::Message(Box::new(Inbound {
        key,
        sender: vec![sender.clone()],
        proof: adapter_sdk::Proof::Platform,
        sender_name: form.text(field::NAME),
        contact: form.text(field::CONTACT).and_then(|typed| contact(&typed)).into_iter().collect(),
        audience: Audience::Private,
        text: form.text(field::TEXT).unwrap_or_default(),
        sent_at: raw.received_at,
        received_at: raw.received_at,
        language: Some(Language::from_tag(form.typed(field::LANGUAGE))),
        location: point(&form),
        place: place(&form, raw.header(AREA)),
        office_area: raw.header(AREA).and_then(|_| form.text(field::AREA)),
        category: form.text(field::CATEGORY),
        visibility: Visibility::from_word(form.typed(field::VISIBILITY)).unwrap_or_default(),
        attachments: form.files(field::PHOTOS).map(attachment).collect(),
        in_reply_to: None,
        thread: None,
        replaces,
        unreadable: None,
        reply_to: Some(ReplyTo {
            adapter: name(),
            account: account.to_owned(),
            address: sender,
            thread: None,
            audience: Audience::Private,
            open_until: None,
        }),
        reference,
        tracking,
    }))])
}

/// The bytes of one photo: a view into the raw body.
pub(crate) fn file(raw: &Raw, media: &RemoteMedia) -> Option<Bytes> {
    let part = media.id.strip_prefix("part:")?.parse().ok()?;
    Some(read(raw).ok()?.file(part)?.bytes.clone())
}

/// Where the citizen pointed, if they did.
pub(crate) fn point(form: &Form) -> Option<Point> {
    let degrees = |name| form.typed(name).trim().parse::<f64>().ok().filter(|degrees| degrees.is_finite());
    Point::new(degrees(field::LAT)?, degrees(field::LON)?)
}

fn read(raw: &Raw) -> Result<Form, ParseError> {
    let content_type = raw.header(CONTENT_TYPE).unwrap_or_default();
    Form::read(content_type, &raw.body, &Limits::default()).map_err(|error| ParseError::new(error.to_string()))
}

fn tracking(raw: &Raw) -> Result<TrackingCode, ParseError> {
    raw.header(TRACKING).and_then(|code| code.parse().ok()).ok_or_else(|| ParseError::new("the door wrote no tracking code"))
}

fn place(form: &Form, area: Option<&str>) -> Option<String> {
    let parts: Vec<String> = form.text(field::PLACE).into_iter().chain(area.map(str::to_owned)).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn attachment(file: &File) -> Attachment {
    Attachment {
        kind: AttachmentKind::Image,
        mime: FileType::of(&file.bytes).map(|kind| kind.mime().to_owned()),
        filename: file.filename.clone(),
        content: Content::Remote(RemoteMedia { id: format!("part:{}", file.part), params: std::collections::BTreeMap::default() }),
    }
}
