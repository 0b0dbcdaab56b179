//! From one update of Telegram's to events. Pure: the same bytes give the same events.
//!
//! - What is no update (no JSON, no number), and a message that says of no chat what it is, is an error: it is parked whole, for a person.
//! - What happens in groups and channels, and every kind of update that is no message of a citizen, gives nothing.
//! - A message of a private chat that holds nothing we can read is `unreadable`: the citizen is asked to send it as text or photo.

use std::collections::BTreeMap;

use adapter_sdk::{
    Address, Attachment, AttachmentKind, Content, Event, Inbound, MessageKey, ParseError, Point, Raw, RemoteMedia, Timestamp,
    model::Choice as Offered, odd::read,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    place::Place,
    wire::{Callback, Card, File, Location, Message, Update, User, Venue},
};

/// The header that says to which bot of ours an update came: written at the door, never taken from a request.
pub(crate) const BOT: &str = "x-muara-bot";

/// Keys of [`RemoteMedia::params`].
pub(crate) const ACCOUNT: &str = "account";
pub(crate) const SIZE: &str = "size";

/// The longest id of an album or a tap that goes into a key.
const LONGEST_ID: usize = 200;

/// Files beside the photo. An animation is sent as a document too, for older programs: once is enough.
const FILES: [(&str, AttachmentKind); 8] = [
    ("live_photo", AttachmentKind::Video),
    ("video", AttachmentKind::Video),
    ("video_note", AttachmentKind::Video),
    ("animation", AttachmentKind::Video),
    ("voice", AttachmentKind::Voice),
    ("audio", AttachmentKind::Audio),
    ("document", AttachmentKind::Document),
    ("sticker", AttachmentKind::Sticker),
];

/// What a citizen said that we cannot read, in Telegram's words.
const UNREAD: [&str; 9] = ["rich_message", "poll", "dice", "game", "story", "checklist", "paid_media", "invoice", "giveaway"];

/// What Telegram itself says in a chat: nobody wrote it.
const SERVICE: [&str; 12] = [
    "pinned_message",
    "message_auto_delete_timer_changed",
    "write_access_allowed",
    "chat_background_set",
    "connected_website",
    "users_shared",
    "chat_shared",
    "proximity_alert_triggered",
    "successful_payment",
    "refunded_payment",
    "gift",
    "unique_gift",
];

pub(crate) fn events(raw: &Raw) -> Result<Vec<Event>, ParseError> {
    let bot = raw.header(BOT).and_then(|id| id.parse().ok()).ok_or_else(|| ParseError::new("nobody says to which bot it came"))?;
    let update: Update = serde_json::from_slice(&raw.body)?;
    let number = update.update_id.0.ok_or_else(|| ParseError::new("an update without its number"))?;
    let inside = Inside { raw, bot, number };
    let inbound = if let Some(message) = update.objects.get("message") {
        inside.message(message, false)?
    } else if let Some(message) = update.objects.get("edited_message") {
        inside.message(message, true)?
    } else if let Some(tap) = update.objects.get("callback_query") {
        inside.tap(tap)?
    } else {
        // `my_chat_member` (they blocked the bot, or took that back) too: what it means for answers shows when one is sent.
        None
    };
    Ok(inbound.map(|inbound| Event::Message(Box::new(inbound))).into_iter().collect())
}

/// The id of the tap in an update, if it is one: Telegram waits for a word on it.
pub(crate) fn tap_in(body: &[u8]) -> Option<String> {
    let update: Update = serde_json::from_slice(body).ok()?;
    read::<Callback>(update.objects.get("callback_query")?).map(|tap| tap.id)
}

/// One update.
struct Inside<'a> {
    raw: &'a Raw,
    /// The bot that it came to.
    bot: i64,
    /// Telegram's number for it.
    number: i64,
}

/// What a message says.
enum Said {
    Something(Box<Saying>),
    /// Nothing for us: the button that begins a chat, a word of Telegram's own.
    Nothing,
    /// Something that we cannot read: the platform's word for it.
    Unreadable(&'static str),
}

#[derive(Default)]
struct Saying {
    text: String,
    attachments: Vec<Attachment>,
    location: Option<Point>,
    place: Option<String>,
    /// The citizen's own telephone number, which Telegram vouches for.
    phone: Option<Address>,
}

impl Inside<'_> {
    fn message(&self, value: &Value, edited: bool) -> Result<Option<Inbound>, ParseError> {
        let message: Message = shaped(value, "a message")?;
        let Some(chat) = &message.chat.0 else { return Err(ParseError::new("a message of no chat")) };
        let kind = chat.kind.text().ok_or_else(|| ParseError::new("a chat of no kind"))?;
        let sender = message.from.0.as_ref().map_or(chat.id, |from| from.id);
        if kind != "private" || sender == self.bot {
            return Ok(None);
        }
        let (saying, unreadable) = match self.said(&message, sender, edited) {
            Said::Nothing => return Ok(None),
            Said::Something(saying) => (*saying, None),
            Said::Unreadable(kind) => (Saying::default(), Some(kind.to_owned())),
        };
        let place = Place { chat: chat.id, message: message.message_id.0 };
        let at = if edited { &message.edit_date } else { &message.date };
        let mut inbound = self.inbound(self.key_of(place, edited), sender, message.from.0.as_ref(), place, time(at.0))?;
        inbound.replaces = place.named().filter(|_| edited).map(|id| self.key(id));
        inbound.text = saying.text;
        inbound.attachments = saying.attachments;
        inbound.location = saying.location;
        inbound.place = saying.place;
        inbound.sender.extend(saying.phone);
        let pointed = message.reply_to_message.0.as_ref().and_then(|pointed| pointed.message_id.0);
        inbound.in_reply_to = Place { chat: chat.id, message: pointed }.named();
        let album = message.media_group_id.text().filter(|id| id.len() <= LONGEST_ID);
        inbound.thread = album.map(|id| format!("{}{id}", Inbound::ALBUM));
        inbound.unreadable = unreadable;
        Ok(Some(inbound))
    }

    /// What both kinds of messages have, to be answered in the chat that they came from.
    fn inbound(&self, id: String, sender: i64, from: Option<&User>, place: Place, at: Option<Timestamp>) -> Result<Inbound, ParseError> {
        let address = Address::new("telegram", &sender.to_string()).map_err(|_| ParseError::new("a sender who is none"))?;
        let mut inbound = Inbound::private(self.key(id), address, String::new(), at.unwrap_or(self.raw.received_at));
        inbound.received_at = self.raw.received_at;
        inbound.sender_name = from.and_then(name);
        if let Some(way) = &mut inbound.reply_to {
            way.thread = Some(place.to_string());
        }
        Ok(inbound)
    }

    /// The chat and the number in it are a message for ever. Where Telegram gives no number or 0, which several may have, the update's
    /// tells them apart; and so it does for the versions of one message.
    fn key_of(&self, place: Place, edited: bool) -> String {
        match place.named() {
            Some(id) if edited => format!("{id}/edit/{}", self.number),
            Some(id) => id,
            None => format!("{}/0/{}", place.chat, self.number),
        }
    }

    fn key(&self, id: String) -> MessageKey {
        MessageKey { adapter: self.raw.adapter.clone(), account: self.bot.to_string(), id }
    }

    fn said(&self, message: &Message, sender: i64, edited: bool) -> Said {
        let text = message.text.text().or_else(|| message.caption.text()).unwrap_or_default();
        match command(text) {
            // Whoever opens the chat sends it, by a button; what may stand behind it came with the link.
            Some("/start") => return Said::Nothing,
            Some(_) if text.split_whitespace().count() == 1 => return Said::Unreadable("command"),
            _ => {}
        }
        // Who shares where they are sends an edit every few steps. The first point is where it was.
        if edited && message.parts.contains_key("location") && !message.parts.contains_key("venue") {
            return Said::Nothing;
        }
        let mut saying = Saying { text: text.to_owned(), attachments: self.files(message), ..Saying::default() };
        if let Some(venue) = message.part::<Venue>("venue") {
            let named: Vec<&str> = [venue.title.text(), venue.address.text()].into_iter().flatten().collect();
            saying.place = (!named.is_empty()).then(|| named.join(", "));
            saying.location = venue.location.0.as_ref().and_then(point);
        }
        saying.location = saying.location.or_else(|| point(&message.part("location")?));
        if let Some(card) = message.part::<Card>("contact") {
            saying.text = [saying.text.as_str(), &line(&card)].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n");
            saying.phone = own_number(&card, sender);
        }
        let has = |name: &str| message.parts.contains_key(name);
        match () {
            () if !saying.is_empty() => Said::Something(Box::new(saying)),
            () if SERVICE.iter().any(|name| has(name)) => Said::Nothing,
            () => Said::Unreadable(UNREAD.into_iter().find(|name| has(name)).unwrap_or("unknown")),
        }
    }

    fn files(&self, message: &Message) -> Vec<Attachment> {
        let sizes = message.part::<Vec<Value>>("photo").unwrap_or_default();
        let largest = sizes.iter().filter_map(read::<File>).max_by_key(pixels);
        let photo = largest.map(|file| (AttachmentKind::Image, file));
        let animated = message.parts.contains_key("animation");
        let others = FILES.into_iter().filter(|(name, _)| !(animated && *name == "document"));
        let others = others.filter_map(|(name, kind)| Some((kind, message.part::<File>(name)?)));
        photo.into_iter().chain(others).map(|(kind, file)| self.attachment(kind, file)).collect()
    }

    /// Name and type are told here alone: the address of the file has lost them.
    fn attachment(&self, kind: AttachmentKind, file: File) -> Attachment {
        let mut params = BTreeMap::from([(ACCOUNT.to_owned(), self.bot.to_string())]);
        params.extend(file.file_size.0.map(|size| (SIZE.to_owned(), size.to_string())));
        let (mime, filename) = (file.mime_type.text().map(str::to_owned), file.file_name.text().map(str::to_owned));
        Attachment { kind, mime, filename, content: Content::Remote(RemoteMedia { id: file.file_id, params }) }
    }

    /// A button of ours. Telegram says what it stands for, and its words only where it still knows the message.
    fn tap(&self, value: &Value) -> Result<Option<Inbound>, ParseError> {
        let tap: Callback = shaped(value, "a tap")?;
        let message = tap.message.0.unwrap_or_default();
        let private = message.chat.0.as_ref().is_none_or(|chat| chat.kind.text() == Some("private"));
        let Some(data) = tap.data.text().filter(|data| private && is_ours(data) && tap.id.len() <= LONGEST_ID) else { return Ok(None) };
        let place = Place { chat: message.chat.0.as_ref().map_or(tap.from.id, |chat| chat.id), message: message.message_id.0 };
        let mut inbound = self.inbound(format!("tap/{}", tap.id), tap.from.id, Some(&tap.from), place, None)?;
        let buttons = message.reply_markup.0.iter().flat_map(|markup| markup.inline_keyboard.iter().flatten());
        let tapped = buttons.filter_map(|button| button.0.as_ref()).find(|button| button.callback_data.text() == Some(data));
        inbound.category = data.strip_prefix(Offered::CATEGORY).map(str::to_owned);
        inbound.text = tapped.map_or(inbound.category.as_deref().unwrap_or(data), |button| button.text.as_str()).to_owned();
        inbound.in_reply_to = place.named();
        Ok(Some(inbound))
    }
}

impl Saying {
    fn is_empty(&self) -> bool {
        self.text.is_empty() && self.attachments.is_empty() && self.location.is_none() && self.place.is_none()
    }
}

fn shaped<T: DeserializeOwned>(value: &Value, what: &str) -> Result<T, ParseError> {
    read(value).ok_or_else(|| ParseError::new(format!("{what} of another shape")))
}

/// The command that a text begins with, without the bot's name behind it.
fn command(text: &str) -> Option<&str> {
    let word = text.split_whitespace().next().filter(|word| word.starts_with('/'))?;
    let name = word.split('@').next().unwrap_or(word);
    let fits = name.len() > 1 && name[1..].chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    fits.then_some(name)
}

fn is_ours(data: &str) -> bool {
    data.starts_with(Offered::CATEGORY) || [Offered::SKIP, Offered::SAME, Offered::OTHER].contains(&data)
}

fn pixels(file: &File) -> u64 {
    file.width.0.unwrap_or_default().saturating_mul(file.height.0.unwrap_or_default())
}

fn point(location: &Location) -> Option<Point> {
    let (lat, lon) = location.latitude.0.zip(location.longitude.0)?;
    Point::new(lat, lon)
}

fn time(seconds: Option<i64>) -> Option<Timestamp> {
    Timestamp::from_second(seconds.filter(|second| *second > 0)?).ok()
}

/// First and last name, else the username: for show alone.
fn name(user: &User) -> Option<String> {
    let names: Vec<&str> = [user.first_name.text(), user.last_name.text()].into_iter().flatten().collect();
    if names.is_empty() { user.username.text().map(|name| format!("@{name}")) } else { Some(names.join(" ")) }
}

/// Name and number, as the citizen wanted us to see them; nothing else of the card.
fn line(card: &Card) -> String {
    let names: Vec<&str> = [card.first_name.text(), card.last_name.text()].into_iter().flatten().collect();
    let parts = [Some(names.join(" ")), card.phone_number.text().map(str::to_owned)];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// The number on a card that is the sender's own; anybody else's is only a word.
fn own_number(card: &Card, sender: i64) -> Option<Address> {
    let number = card.phone_number.text().filter(|_| card.user_id.0 == Some(sender))?;
    Address::tel(&format!("+{}", number.trim_start_matches('+'))).ok()
}
