//! From Meta's JSON to events. Pure: the same bytes give the same events.
//!
//! What cannot be understood is never dropped in silence and never takes its neighbours with it:
//!
//! - A frame that is not Meta's (no JSON, another `object`, a change without its number) is an error: the whole delivery is parked.
//! - A message of an unknown or broken kind becomes an [`Inbound`] that is `unreadable`: recorded, and answered with a request to
//!   send it as text or photo.
//! - A message without an id is named by the hash of its bytes; one without a sender gets an address of its own, which joins it to
//!   nobody and cannot be answered. Meta promises both; should it break the promise, the words are still recorded.

use std::{collections::BTreeMap, time::Duration};

use adapter_sdk::{
    Address, Attachment, AttachmentKind, Audience, Content, Event, Inbound, MessageKey, ParseError, Point, Raw, Receipt, ReceiptState,
    Reference, RemoteMedia, ReplyId, ReplyTo, Timestamp, Visibility, model::Choice as Offered, without_numbers,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    notices::notice,
    thread::Thread,
    wire::{
        Button, Card, Change, Choice, Contact, Delivery, Edit, Fault, Filled, Interactive, Location, Media, Message, Messages, Odd, Status,
        System, Text, Unsupported, Words,
    },
};

/// Keys of [`RemoteMedia::params`].
pub(crate) const ACCOUNT: &str = "account";
pub(crate) const SHA256: &str = "sha256";

/// Free text for so long after the citizen's last message.
const WINDOW: Duration = Duration::from_hours(24);
/// The longest id that a key takes.
const LONGEST_ID: usize = 512;

pub(crate) fn events(raw: &Raw) -> Result<Vec<Event>, ParseError> {
    let delivery: Delivery = serde_json::from_slice(&raw.body)?;
    if delivery.object != "whatsapp_business_account" {
        return Err(ParseError::new("a webhook of another product of Meta"));
    }
    let mut events = Vec::new();
    for mut entry in delivery.entry {
        for change in std::mem::take(&mut entry.changes) {
            if change.field == "messages" {
                change_events(raw, change, &mut events)?;
            } else if let Some(notice) = notice(raw, &entry, &change) {
                events.push(Event::Notice(notice));
            }
        }
    }
    Ok(events)
}

fn change_events(raw: &Raw, change: Change, events: &mut Vec<Event>) -> Result<(), ParseError> {
    let value: Messages = serde_json::from_value(change.value)?;
    // Without it nobody knows whose message it is: kept for a person.
    if value.metadata.phone_number_id.0.is_empty() {
        return Err(ParseError::new("the number of ours is empty"));
    }
    let inside =
        Inside { raw, account: value.metadata.phone_number_id.0, contacts: value.contacts.into_iter().filter_map(|c| c.0).collect() };
    let ours = value.metadata.display_phone_number.text().map(digits);
    for fault in value.errors.iter().filter_map(|fault| fault.0.as_ref()) {
        tracing::warn!(meta.code = fault.code.text().unwrap_or_default(), "Meta reports an error of the account.");
    }
    for message in &value.written {
        events.extend(inside.moved(message));
        events.extend(inside.message(message, ours.as_deref()).map(|inbound| Event::Message(Box::new(inbound))));
    }
    for status in value.statuses.iter().filter_map(|status| status.0.as_ref()) {
        events.extend(inside.receipt(status).map(Event::Receipt));
    }
    Ok(())
}

/// One change: everything in it came to one number of ours.
struct Inside<'a> {
    raw: &'a Raw,
    account: String,
    contacts: Vec<Contact>,
}

/// What a message says.
enum Said {
    Something(Box<Saying>),
    /// No message: a reaction, an order, a change of number (see [`Inside::moved`]).
    Nothing,
    /// Something we cannot read: the platform's word for it.
    Unreadable(String),
}

#[derive(Default)]
struct Saying {
    text: String,
    attachments: Vec<Attachment>,
    location: Option<Point>,
    place: Option<String>,
    category: Option<String>,
    replaces: Option<String>,
    answers: Option<String>,
}

impl Inside<'_> {
    fn message(&self, value: &Value, ours: Option<&str>) -> Option<Inbound> {
        let message = serde_json::from_value::<Message>(value.clone()).unwrap_or_default();
        let echo = ours.is_some_and(|ours| message.from.text() == Some(ours));
        if echo || message.group_id.text().is_some() {
            return None;
        }
        let (saying, unreadable) = match self.said(&message) {
            Said::Nothing => return None,
            Said::Something(saying) => (*saying, None),
            Said::Unreadable(kind) => (Saying::default(), Some(kind)),
        };
        let id = id_of(&message, value);
        let contact = self.contact(&message);
        let (sender, reply_address) = senders(&message, contact, &id);
        let sent_at = time(&message.timestamp).unwrap_or(self.raw.received_at);
        let key = self.key(id.clone());
        Some(Inbound {
            reference: Reference::of(&key, 0),
            reply_to: reply_address.map(|address| ReplyTo {
                adapter: self.raw.adapter.clone(),
                account: self.account.clone(),
                address,
                thread: Some(Thread { message: id, at: sent_at }.to_string()),
                audience: Audience::Private,
                open_until: sent_at.checked_add(WINDOW).ok(),
            }),
            key,
            sender,
            proof: adapter_sdk::Proof::Platform,
            sender_name: contact.and_then(name),
            contact: Vec::new(),
            audience: Audience::Private,
            text: saying.text,
            sent_at,
            received_at: self.raw.received_at,
            language: None,
            location: saying.location,
            place: saying.place,
            office_area: None,
            category: saying.category,
            visibility: Visibility::default(),
            attachments: saying.attachments,
            in_reply_to: saying.answers.or_else(|| quoted(&message)),
            thread: None,
            replaces: saying.replaces.map(|original| self.key(original)),
            unreadable,
            tracking: None,
        })
    }

    /// A citizen has another number or id: their history goes with them, because Meta says so.
    fn moved(&self, value: &Value) -> Option<Event> {
        let message = serde_json::from_value::<Message>(value.clone()).ok().filter(|message| message.kind.text() == Some("system"))?;
        let system: System = message.object("system")?;
        if !matches!(system.kind.text()?, "user_changed_number" | "user_changed_user_id") || message.group_id.text().is_some() {
            return None;
        }
        let user = |id: &Odd<Words>| Address::new("whatsapp", id.text()?).ok();
        let phone = |number: &Odd<Words>| Address::tel(&format!("+{}", number.text()?)).ok();
        let pairs = [(user(&system.previous_user_id), user(&system.user_id)), (phone(&message.from), phone(&system.wa_id))];
        // What has nothing instead stays: a number that Meta does not tell is not a number that is gone.
        let to: Vec<Address> = pairs.iter().filter_map(|(_, new)| new.clone()).collect();
        let from: Vec<Address> =
            pairs.into_iter().filter(|(old, new)| old != new).filter_map(|(old, new)| old.filter(|_| new.is_some())).collect();
        let known = self.raw.adapter.clone();
        let at = time(&message.timestamp).unwrap_or(self.raw.received_at);
        (!from.is_empty() && !to.is_empty()).then_some(Event::Moved { adapter: known, from, to, at })
    }

    fn key(&self, id: String) -> MessageKey {
        MessageKey { adapter: self.raw.adapter.clone(), account: self.account.clone(), id }
    }

    /// The contact of this sender, joined by identity: the two lists are not in one order.
    fn contact(&self, message: &Message) -> Option<&Contact> {
        let by_user = |contact: &&Contact| message.from_user_id.text().is_some_and(|id| contact.user_id.text() == Some(id));
        let by_phone = |contact: &&Contact| message.from.text().is_some_and(|from| contact.wa_id.text() == Some(from));
        let known = self.contacts.iter().find(by_user).or_else(|| self.contacts.iter().find(by_phone));
        // A message that names nobody, beside exactly one person.
        let nameless = message.from.text().is_none() && message.from_user_id.text().is_none();
        known.or(if let ([only], true) = (self.contacts.as_slice(), nameless) { Some(only) } else { None })
    }

    fn said(&self, message: &Message) -> Said {
        let kind = message.kind.text().unwrap_or("unknown");
        let said = match kind {
            "edit" => self.edit(message),
            "reaction" | "order" | "request_welcome" | "system" | "revoke" => return Said::Nothing,
            "unsupported" => message.object::<Unsupported>(kind).and_then(|what| Some(Said::Unreadable(word(&what.kind.0)?))),
            _ => self.plain(kind, message),
        };
        said.unwrap_or_else(|| Said::Unreadable(word(kind).unwrap_or_else(|| "unknown".to_owned())))
    }

    /// An edit, which only numbers shared with the WhatsApp Business app are told of.
    fn edit(&self, message: &Message) -> Option<Said> {
        let edit: Edit = message.object("edit")?;
        let original = (edit.original_message_id.0.len() <= LONGEST_ID).then_some(edit.original_message_id.0)?;
        let Said::Something(mut saying) = self.plain(edit.message.kind.text()?, &edit.message)? else { return None };
        saying.replaces = Some(original);
        saying.answers = quoted(&edit.message);
        Some(Said::Something(saying))
    }

    /// `None`: the object is not there, or says nothing.
    fn plain(&self, kind: &str, message: &Message) -> Option<Said> {
        let saying = match kind {
            "text" => words(message.object::<Text>(kind)?.body),
            "image" => self.media(AttachmentKind::Image, message.object(kind)?),
            "video" => self.media(AttachmentKind::Video, message.object(kind)?),
            "document" => self.media(AttachmentKind::Document, message.object(kind)?),
            "sticker" => self.media(AttachmentKind::Sticker, message.object(kind)?),
            "audio" | "voice" => {
                let media: Media = message.object(kind)?;
                let spoken = kind == "voice" || media.voice.0 == Some(true);
                self.media(if spoken { AttachmentKind::Voice } else { AttachmentKind::Audio }, media)
            }
            "location" => place(&message.object(kind)?)?,
            "contacts" => words(cards(&message.object::<Vec<Odd<Card>>>(kind)?)),
            "button" => words(message.object::<Button>(kind)?.text),
            "interactive" => return interactive(message.object(kind)?),
            _ => return None,
        };
        let empty = saying.text.trim().is_empty() && saying.attachments.is_empty() && saying.location.is_none() && saying.place.is_none();
        if empty { None } else { Some(Said::Something(Box::new(saying))) }
    }

    fn media(&self, kind: AttachmentKind, media: Media) -> Saying {
        let mut params = BTreeMap::from([(ACCOUNT.to_owned(), self.account.clone())]);
        params.extend(media.sha256.text().map(|hash| (SHA256.to_owned(), hash.to_owned())));
        let attachment = Attachment {
            kind,
            mime: media.mime_type.text().map(str::to_owned),
            filename: media.filename.text().map(str::to_owned),
            content: Content::Remote(RemoteMedia { id: media.id.0, params }),
        };
        Saying { text: media.caption.text().unwrap_or_default().to_owned(), attachments: vec![attachment], ..Saying::default() }
    }

    fn receipt(&self, status: &Status) -> Option<Receipt> {
        // We never write to groups; somebody else's program with the same number may.
        if status.recipient_type.text() == Some("group") {
            return None;
        }
        // What becomes of a picture says nothing of the words before it, and the reply is the words.
        if let Some(reply) = status.biz_opaque_callback_data.text().and_then(|data| data.strip_prefix(FILE)) {
            let reply = reply.parse::<ReplyId>().ok()?;
            let (ReceiptState::Failed { code, detail } | ReceiptState::WindowClosed { code, detail }) = failed(&status.errors) else {
                return None;
            };
            let refused = status.word.0 == "failed";
            return refused.then(|| Receipt {
                reply: Some(reply),
                platform_id: None,
                adapter: self.raw.adapter.clone(),
                account: self.account.clone(),
                state: ReceiptState::Sent,
                at: time(&status.timestamp).unwrap_or(self.raw.received_at),
                file_refused: Some(format!("{code}: {detail}")),
            });
        }
        let state = match status.word.0.as_str() {
            "sent" => ReceiptState::Sent,
            "delivered" => ReceiptState::Delivered,
            "read" | "played" => ReceiptState::Read,
            "failed" => failed(&status.errors),
            _ => return None,
        };
        Some(Receipt {
            reply: status.biz_opaque_callback_data.number::<ReplyId>(),
            platform_id: Some(status.id.0.clone()),
            adapter: self.raw.adapter.clone(),
            account: self.account.clone(),
            state,
            at: time(&status.timestamp).unwrap_or(self.raw.received_at),
            file_refused: None,
        })
    }
}

/// What begins the callback data of a file that follows the words of a reply; the reply's id comes after it.
pub(crate) const FILE: &str = "file:";

/// Code and title; Meta's details may name the number.
fn failed(errors: &[Odd<Fault>]) -> ReceiptState {
    let fault = errors.iter().find_map(|error| error.0.as_ref());
    let code = fault.and_then(|fault| fault.code.text()).unwrap_or("unknown").to_owned();
    let detail = without_numbers(fault.and_then(|fault| fault.title.text()).unwrap_or_default());
    // Meta took it and says a moment later that the 24 hours are over.
    if code == "131047" { ReceiptState::WindowClosed { code, detail } } else { ReceiptState::Failed { code, detail } }
}

/// The platform's id, or the hash of the bytes where there is none that fits.
fn id_of(message: &Message, value: &Value) -> String {
    match message.id.text() {
        Some(id) if id.len() <= LONGEST_ID && !id.chars().any(char::is_control) => id.to_owned(),
        _ => {
            use std::fmt::Write as _;
            let mut id = String::from("sha256:");
            for byte in Sha256::digest(value.to_string()) {
                let _ = write!(id, "{byte:02x}"); // writing into a String cannot fail
            }
            id
        }
    }
}

/// Every identity, the business-scoped one first; and where to answer. A known number is answered at the number: Meta asks for it, and
/// goes on telling the number only to those who use it.
fn senders(message: &Message, contact: Option<&Contact>, id: &str) -> (Vec<Address>, Option<Address>) {
    let user = message.from_user_id.text().or_else(|| contact?.user_id.text());
    let phone = message.from.text().or_else(|| contact?.wa_id.text());
    // Some say that a business-scoped id can stand where the number stood: both shapes are read.
    let number = phone.and_then(|phone| Address::tel(&format!("+{phone}")).ok());
    let user = user.or(if number.is_none() { phone } else { None });
    let user = user.and_then(|user| Address::new("whatsapp", user).ok());
    let answer = number.clone().or_else(|| user.clone());
    let known: Vec<Address> = [user, number].into_iter().flatten().collect();
    if known.is_empty() {
        let nobody = Address::new("whatsapp", &format!("unknown/{}", id.get(..200).unwrap_or(id)));
        return (nobody.into_iter().collect(), None);
    }
    (known, answer)
}

fn name(contact: &Contact) -> Option<String> {
    let profile = contact.profile.0.as_ref()?;
    profile.name.text().or_else(|| profile.username.text()).map(str::to_owned)
}

fn quoted(message: &Message) -> Option<String> {
    let id = message.context.0.as_ref()?.id.text()?;
    (id.len() <= LONGEST_ID).then(|| id.to_owned())
}

fn time(seconds: &Odd<Words>) -> Option<Timestamp> {
    Timestamp::from_second(seconds.number()?).ok()
}

fn words(text: String) -> Saying {
    Saying { text, ..Saying::default() }
}

fn place(location: &Location) -> Option<Saying> {
    let point = location.latitude.number().zip(location.longitude.number()).and_then(|(lat, lon)| Point::new(lat, lon));
    let named: Vec<&str> = [location.name.text(), location.address.text()].into_iter().flatten().collect();
    let place = (!named.is_empty()).then(|| named.join(", "));
    (point.is_some() || place.is_some()).then(|| Saying { location: point, place, ..Saying::default() })
}

/// Names and numbers, a card a line: what the citizen wanted us to see, nothing of the rest.
fn cards(cards: &[Odd<Card>]) -> String {
    let line = |card: &Card| {
        let name = card.name.0.as_ref().and_then(|name| name.formatted_name.text());
        let phones = card.phones.iter().filter_map(|phone| phone.0.as_ref()?.phone.text());
        name.into_iter().chain(phones).collect::<Vec<_>>().join(", ")
    };
    let lines: Vec<String> = cards.iter().filter_map(|card| card.0.as_ref()).map(line).filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

fn interactive(interactive: Interactive) -> Option<Said> {
    let saying = match interactive.kind.text()? {
        "button_reply" => tapped(interactive.button_reply.0?),
        "list_reply" => tapped(interactive.list_reply.0?),
        "nfm_reply" => words(filled(&interactive.nfm_reply.0?)),
        "call_permission_reply" => return Some(Said::Nothing),
        _ => return None,
    };
    (!saying.text.trim().is_empty()).then(|| Said::Something(Box::new(saying)))
}

/// A choice. Of one that we offered, its whole words (a long title is shortened and stands whole beneath) and the category it stands for.
fn tapped(choice: Choice) -> Saying {
    match choice.id.text().and_then(|id| id.strip_prefix(Offered::CATEGORY)).map(str::to_owned) {
        Some(category) => {
            let text = choice.description.text().map_or(choice.title.clone(), str::to_owned);
            Saying { text, category: Some(category), ..Saying::default() }
        }
        None => words(self::choice(choice)),
    }
}

fn choice(choice: Choice) -> String {
    match choice.description.text() {
        Some(description) => format!("{}\n{description}", choice.title),
        None => choice.title,
    }
}

/// A form's answers, one a line. The JSON is a text inside the JSON; where it is none, the text is what there is.
fn filled(form: &Filled) -> String {
    let Some(answers) = form.response_json.text() else { return form.body.text().unwrap_or_default().to_owned() };
    let Ok(Value::Object(fields)) = serde_json::from_str(answers) else { return answers.to_owned() };
    let shown = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    // The token is ours, for Meta's sake; the citizen never saw it.
    let lines: Vec<String> =
        fields.iter().filter(|(name, _)| *name != "flow_token").map(|(name, value)| format!("{name}: {}", shown(value))).collect();
    lines.join("\n")
}

/// The platform's word, if it is one.
fn word(kind: &str) -> Option<String> {
    let fits = !kind.is_empty() && kind.len() <= 64 && kind.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    fits.then(|| kind.to_owned())
}

fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}
