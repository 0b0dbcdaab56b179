//! Telegram's JSON (Bot API 10.1), as it comes. Forgiving on purpose: a field of a wrong type is a missing field. What a missing field means is
//! decided in `parse`.

use adapter_sdk::odd::{Odd, Words, read};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// One thing that happened: the object under the name of its kind, beside its number.
#[derive(Deserialize)]
pub(crate) struct Update {
    #[serde(default)]
    pub(crate) update_id: Odd<i64>,
    #[serde(flatten)]
    pub(crate) objects: Map<String, Value>,
}

/// A message of a chat. Its parts (text, photo, …) are among `parts`, each under its name.
#[derive(Default, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the platform's names")]
pub(crate) struct Message {
    #[serde(default)]
    pub(crate) message_id: Odd<i64>,
    #[serde(default)]
    pub(crate) from: Odd<User>,
    #[serde(default)]
    pub(crate) chat: Odd<Chat>,
    /// Unix seconds.
    #[serde(default)]
    pub(crate) date: Odd<i64>,
    #[serde(default)]
    pub(crate) edit_date: Odd<i64>,
    #[serde(default)]
    pub(crate) text: Odd<Words>,
    #[serde(default)]
    pub(crate) caption: Odd<Words>,
    #[serde(default)]
    pub(crate) media_group_id: Odd<Words>,
    #[serde(default)]
    pub(crate) reply_to_message: Odd<Pointed>,
    #[serde(default)]
    pub(crate) reply_markup: Odd<Markup>,
    #[serde(flatten)]
    pub(crate) parts: Map<String, Value>,
}

impl Message {
    /// The part by that name, if it is there and of that shape.
    pub(crate) fn part<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        read(self.parts.get(name)?)
    }
}

/// A message that another one points at.
#[derive(Deserialize)]
pub(crate) struct Pointed {
    #[serde(default)]
    pub(crate) message_id: Odd<i64>,
}

/// Where a message stands.
#[derive(Deserialize)]
pub(crate) struct Chat {
    pub(crate) id: i64,
    /// `private`, `group`, `supergroup`, `channel`.
    #[serde(default, rename = "type")]
    pub(crate) kind: Odd<Words>,
}

/// A person or a bot. Names are for show: they change.
#[derive(Deserialize)]
pub(crate) struct User {
    pub(crate) id: i64,
    #[serde(default)]
    pub(crate) first_name: Odd<Words>,
    #[serde(default)]
    pub(crate) last_name: Odd<Words>,
    #[serde(default)]
    pub(crate) username: Odd<Words>,
}

/// A file of any kind; of photos one size.
#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "the platform's names")]
pub(crate) struct File {
    pub(crate) file_id: String,
    /// Bytes.
    #[serde(default)]
    pub(crate) file_size: Odd<u64>,
    #[serde(default)]
    pub(crate) file_name: Odd<Words>,
    #[serde(default)]
    pub(crate) mime_type: Odd<Words>,
    #[serde(default)]
    pub(crate) width: Odd<u64>,
    #[serde(default)]
    pub(crate) height: Odd<u64>,
}

/// A place.
#[derive(Deserialize)]
pub(crate) struct Location {
    #[serde(default)]
    pub(crate) latitude: Odd<f64>,
    #[serde(default)]
    pub(crate) longitude: Odd<f64>,
}

/// A place with a name.
#[derive(Deserialize)]
pub(crate) struct Venue {
    #[serde(default)]
    pub(crate) location: Odd<Location>,
    #[serde(default)]
    pub(crate) title: Odd<Words>,
    #[serde(default)]
    pub(crate) address: Odd<Words>,
}

/// Somebody's card.
#[derive(Deserialize)]
pub(crate) struct Card {
    #[serde(default)]
    pub(crate) phone_number: Odd<Words>,
    #[serde(default)]
    pub(crate) first_name: Odd<Words>,
    #[serde(default)]
    pub(crate) last_name: Odd<Words>,
    /// Whose number it is, where Telegram knows.
    #[serde(default)]
    pub(crate) user_id: Odd<i64>,
}

/// Somebody tapped a button below a message of ours.
#[derive(Deserialize)]
pub(crate) struct Callback {
    pub(crate) id: String,
    pub(crate) from: User,
    #[serde(default)]
    pub(crate) message: Odd<Message>,
    #[serde(default)]
    pub(crate) data: Odd<Words>,
}

/// The buttons below a message, in rows.
#[derive(Deserialize)]
pub(crate) struct Markup {
    #[serde(default)]
    pub(crate) inline_keyboard: Vec<Vec<Odd<Button>>>,
}

/// One button.
#[derive(Deserialize)]
pub(crate) struct Button {
    pub(crate) text: String,
    #[serde(default)]
    pub(crate) callback_data: Odd<Words>,
}

/// Any answer of the Bot API.
#[derive(Deserialize)]
pub(crate) struct Answer<T> {
    pub(crate) ok: bool,
    pub(crate) result: Option<T>,
    #[serde(default)]
    pub(crate) error_code: Odd<u16>,
    #[serde(default)]
    pub(crate) description: Odd<Words>,
    #[serde(default)]
    pub(crate) parameters: Odd<Parameters>,
}

/// What helps to go on after a refusal.
#[derive(Deserialize)]
pub(crate) struct Parameters {
    /// Seconds.
    #[serde(default)]
    pub(crate) retry_after: Odd<u64>,
}

/// A message that Telegram took.
#[derive(Deserialize)]
pub(crate) struct Taken {
    pub(crate) message_id: i64,
    pub(crate) chat: Chat,
}

/// Where a file is to be had, for at least an hour.
#[derive(Deserialize)]
pub(crate) struct Found {
    #[serde(default)]
    pub(crate) file_path: Odd<Words>,
}

/// Who we are.
#[derive(Deserialize)]
pub(crate) struct Me {
    pub(crate) id: i64,
}

/// Where Telegram calls, and how that went.
#[derive(Deserialize)]
pub(crate) struct Hook {
    /// Empty: nowhere.
    #[serde(default)]
    pub(crate) url: Odd<Words>,
    #[serde(default)]
    pub(crate) pending_update_count: Odd<u64>,
    #[serde(default)]
    pub(crate) last_error_message: Odd<Words>,
}
