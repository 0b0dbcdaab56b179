//! Meta's JSON, as it comes. Forgiving on purpose: a field of a wrong type is a missing field, so that one odd message never takes its
//! neighbours with it. What a missing field means is decided in `parse`.

use adapter_sdk::odd::read;
pub(crate) use adapter_sdk::odd::{Odd, Words};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// A whole webhook body.
#[derive(Deserialize)]
pub(crate) struct Delivery {
    pub(crate) object: String,
    pub(crate) entry: Vec<Entry>,
}

/// What happened to one business account.
#[derive(Deserialize)]
pub(crate) struct Entry {
    #[serde(default)]
    pub(crate) id: Odd<Words>,
    #[serde(default)]
    pub(crate) time: Odd<Words>,
    #[serde(default)]
    pub(crate) changes: Vec<Change>,
}

/// One change. Its value is read only where the field is ours.
#[derive(Deserialize)]
pub(crate) struct Change {
    pub(crate) field: String,
    #[serde(default)]
    pub(crate) value: Value,
}

/// The value of the field `messages`.
#[derive(Deserialize)]
pub(crate) struct Messages {
    pub(crate) metadata: Metadata,
    #[serde(default)]
    pub(crate) contacts: Vec<Odd<Contact>>,
    #[serde(default, rename = "messages")]
    pub(crate) written: Vec<Value>,
    #[serde(default)]
    pub(crate) statuses: Vec<Odd<Status>>,
    #[serde(default)]
    pub(crate) errors: Vec<Odd<Fault>>,
}

/// Which number of ours.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    pub(crate) phone_number_id: Words,
    #[serde(default)]
    pub(crate) display_phone_number: Odd<Words>,
}

/// Who a sender is. Parallel to the messages, but not in their order.
#[derive(Deserialize)]
pub(crate) struct Contact {
    #[serde(default)]
    pub(crate) profile: Odd<Profile>,
    #[serde(default)]
    pub(crate) wa_id: Odd<Words>,
    #[serde(default)]
    pub(crate) user_id: Odd<Words>,
}

/// How a person calls themselves.
#[derive(Deserialize)]
pub(crate) struct Profile {
    #[serde(default)]
    pub(crate) name: Odd<Words>,
    #[serde(default)]
    pub(crate) username: Odd<Words>,
}

/// One message. The object that its type names is among `objects`.
#[derive(Default, Deserialize)]
pub(crate) struct Message {
    #[serde(default)]
    pub(crate) id: Odd<Words>,
    #[serde(default)]
    pub(crate) from: Odd<Words>,
    #[serde(default)]
    pub(crate) from_user_id: Odd<Words>,
    #[serde(default)]
    pub(crate) timestamp: Odd<Words>,
    #[serde(default, rename = "type")]
    pub(crate) kind: Odd<Words>,
    #[serde(default)]
    pub(crate) group_id: Odd<Words>,
    #[serde(default)]
    pub(crate) context: Odd<Context>,
    #[serde(flatten)]
    pub(crate) objects: Map<String, Value>,
}

impl Message {
    /// The object by that name, if it is there and of that shape.
    pub(crate) fn object<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        read(self.objects.get(name)?)
    }
}

/// What a message answers.
#[derive(Deserialize)]
pub(crate) struct Context {
    #[serde(default)]
    pub(crate) id: Odd<Words>,
}

/// `text`
#[derive(Deserialize)]
pub(crate) struct Text {
    pub(crate) body: String,
}

/// `image`, `video`, `audio`, `document`, `sticker`
#[derive(Deserialize)]
pub(crate) struct Media {
    pub(crate) id: Words,
    #[serde(default)]
    pub(crate) mime_type: Odd<Words>,
    #[serde(default)]
    pub(crate) sha256: Odd<Words>,
    #[serde(default)]
    pub(crate) caption: Odd<Words>,
    #[serde(default)]
    pub(crate) filename: Odd<Words>,
    #[serde(default)]
    pub(crate) voice: Odd<bool>,
}

/// `location`: numbers, or texts that are numbers.
#[derive(Deserialize)]
pub(crate) struct Location {
    #[serde(default)]
    pub(crate) latitude: Odd<Words>,
    #[serde(default)]
    pub(crate) longitude: Odd<Words>,
    #[serde(default)]
    pub(crate) name: Odd<Words>,
    #[serde(default)]
    pub(crate) address: Odd<Words>,
}

/// One of `contacts`: a card of somebody else.
#[derive(Deserialize)]
pub(crate) struct Card {
    #[serde(default)]
    pub(crate) name: Odd<CardName>,
    #[serde(default)]
    pub(crate) phones: Vec<Odd<CardPhone>>,
}

/// The name on a card.
#[derive(Deserialize)]
pub(crate) struct CardName {
    #[serde(default)]
    pub(crate) formatted_name: Odd<Words>,
}

/// A number on a card.
#[derive(Deserialize)]
pub(crate) struct CardPhone {
    #[serde(default)]
    pub(crate) phone: Odd<Words>,
}

/// `interactive`: what was tapped or filled in.
#[derive(Deserialize)]
pub(crate) struct Interactive {
    #[serde(default, rename = "type")]
    pub(crate) kind: Odd<Words>,
    #[serde(default)]
    pub(crate) button_reply: Odd<Choice>,
    #[serde(default)]
    pub(crate) list_reply: Odd<Choice>,
    #[serde(default)]
    pub(crate) nfm_reply: Odd<Filled>,
}

/// The words of a tapped button or row.
#[derive(Deserialize)]
pub(crate) struct Choice {
    #[serde(default)]
    pub(crate) id: Odd<Words>,
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) description: Odd<Words>,
}

/// A filled form: JSON inside a text.
#[derive(Deserialize)]
pub(crate) struct Filled {
    #[serde(default)]
    pub(crate) body: Odd<Words>,
    #[serde(default)]
    pub(crate) response_json: Odd<Words>,
}

/// `button`: a quick reply of a template.
#[derive(Deserialize)]
pub(crate) struct Button {
    pub(crate) text: String,
}

/// `edit`
#[derive(Deserialize)]
pub(crate) struct Edit {
    pub(crate) original_message_id: Words,
    pub(crate) message: Message,
}

/// `system`: what changed about a citizen.
#[derive(Deserialize)]
pub(crate) struct System {
    #[serde(default, rename = "type")]
    pub(crate) kind: Odd<Words>,
    #[serde(default)]
    pub(crate) wa_id: Odd<Words>,
    #[serde(default)]
    pub(crate) user_id: Odd<Words>,
    #[serde(default)]
    pub(crate) previous_user_id: Odd<Words>,
}

/// `unsupported`
#[derive(Deserialize)]
pub(crate) struct Unsupported {
    #[serde(rename = "type")]
    pub(crate) kind: Words,
}

/// What became of a message of ours.
#[derive(Deserialize)]
pub(crate) struct Status {
    pub(crate) id: Words,
    #[serde(rename = "status")]
    pub(crate) word: Words,
    #[serde(default)]
    pub(crate) timestamp: Odd<Words>,
    #[serde(default)]
    pub(crate) recipient_type: Odd<Words>,
    #[serde(default)]
    pub(crate) biz_opaque_callback_data: Odd<Words>,
    #[serde(default)]
    pub(crate) errors: Vec<Odd<Fault>>,
}

/// An error in a webhook.
#[derive(Deserialize)]
pub(crate) struct Fault {
    #[serde(default)]
    pub(crate) code: Odd<Words>,
    #[serde(default)]
    pub(crate) title: Odd<Words>,
}

/// The answer to a request for a file's address.
#[derive(Deserialize)]
pub(crate) struct MediaAddress {
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) sha256: Odd<Words>,
}

/// The answer to a message that was accepted.
#[derive(Deserialize)]
pub(crate) struct Taken {
    #[serde(default)]
    pub(crate) messages: Vec<TakenMessage>,
}

/// Its id.
#[derive(Deserialize)]
pub(crate) struct TakenMessage {
    pub(crate) id: Words,
}

/// The answer to a request that was not.
#[derive(Deserialize)]
pub(crate) struct Refusal {
    pub(crate) error: RefusalError,
}

/// Meta's error object. `message` and `details` may hold a number and are not read.
#[derive(Deserialize)]
pub(crate) struct RefusalError {
    pub(crate) code: i64,
    #[serde(default)]
    pub(crate) title: Odd<Words>,
    #[serde(default)]
    pub(crate) is_transient: Odd<bool>,
}

/// What became of a file that we gave Meta.
#[derive(Deserialize)]
pub(crate) struct Uploaded {
    pub(crate) id: String,
}
