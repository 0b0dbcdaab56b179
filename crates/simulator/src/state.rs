//! What the platform knows: citizens, media, and what still has to be told to the webhook.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::{Options, webhook::hex};

/// A message of ours as it reached a citizen's telephone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Received {
    /// The platform's id.
    pub wamid: String,
    /// Which number of ours sent it.
    pub account: String,
    /// Free text, or which template.
    pub form: Form,
    /// What the citizen reads; of a template, its parameters, one a line.
    pub text: String,
    /// The message it quotes.
    pub quoted: Option<String>,
    /// What the sender attached for the statuses.
    pub callback: Option<String>,
    /// When, by the platform's clock.
    pub at: Timestamp,
}

/// In which form a message was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Written freely.
    Text,
    /// Free text with something to tap.
    Menu {
        /// `button`, `list` or `location_request_message`.
        kind: String,
        /// What can be tapped: id and title.
        choices: Vec<(String, String)>,
    },
    /// A picture that was uploaded before; its words are the caption.
    Picture {
        /// The platform's id of the file.
        media: String,
    },
    /// An approved template.
    Template {
        /// Its name.
        name: String,
        /// Its language.
        language: String,
    },
}

/// How the platform fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// 429, with `Retry-After` in seconds where given.
    TooMany(Option<u64>),
    /// 500.
    Broken,
    /// Takes the request, does nothing, never answers.
    Silent,
    /// Does what it was asked to, and never says so.
    Lost,
    /// Answers late.
    Slow(Duration),
    /// 200 with something that is no answer.
    Wrong,
    /// 404 and nothing else.
    Gone,
    /// The platform's own error of this code.
    Code(u32),
}

/// Where it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Sending a message.
    Messages,
    /// Asking for the address of a file.
    MediaAddress,
    /// Getting the file.
    MediaFile,
    /// Asking for the state of templates.
    Templates,
    /// Blocking a sender, and taking it back.
    Blocked,
    /// Giving a file, to be shown in a message.
    Upload,
}

/// How errors of the 24-hour window reach the sender.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WindowErrors {
    /// In the answer to the request.
    #[default]
    InAnswer,
    /// Accepted first, and a `failed` status later.
    InStatus,
}

#[derive(Debug)]
pub(crate) struct Citizen {
    pub(crate) name: String,
    pub(crate) user_id: String,
    pub(crate) hides_phone: bool,
    pub(crate) reads: bool,
    /// When they wrote last, by account: opens the window.
    pub(crate) wrote: HashMap<String, Timestamp>,
    pub(crate) last_got: Option<Timestamp>,
    pub(crate) received: Vec<Received>,
}

#[derive(Debug, Clone)]
pub(crate) struct Media {
    pub(crate) bytes: bytes::Bytes,
    pub(crate) mime: String,
    pub(crate) sha256: [u8; 32],
    /// How asking for it fails, and how often.
    pub(crate) fault: Option<(Fault, u32)>,
}

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) media: String,
    pub(crate) until: Timestamp,
}

/// A failure that is switched on.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) fault: Fault,
    /// Requests that still get through first.
    pub(crate) spared: u32,
    /// Requests that still fail; `None`: all.
    pub(crate) left: Option<u32>,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) options: Options,
    pub(crate) shift: SignedDuration,
    serial: u64,
    pub(crate) citizens: HashMap<String, Citizen>,
    pub(crate) media: HashMap<String, Media>,
    pub(crate) links: HashMap<String, Link>,
    /// Whom the city blocked: what they write does not reach it.
    pub(crate) blocked: BTreeSet<String>,
    /// Not yet taken by the webhook, oldest first.
    pub(crate) outbox: VecDeque<Value>,
    /// Taken by the webhook; for redeliveries.
    pub(crate) taken: VecDeque<Value>,
    /// Meta's word for each template, by name and language; while there is none, every name is taken.
    pub(crate) templates: BTreeMap<(String, String), String>,
    /// Where the webhook is, once somebody subscribed.
    pub(crate) webhook: Option<String>,
    /// The quality rating of our number.
    pub(crate) quality: &'static str,
    pub(crate) faults: HashMap<Endpoint, Planned>,
    pub(crate) requests: HashMap<Endpoint, u64>,
    /// Cancelled when the last holder of the platform let it go.
    pub(crate) stop: CancellationToken,
}

/// Redeliveries reach this far back.
const TAKEN: usize = 10_000;

impl State {
    pub(crate) fn new(options: Options, stop: CancellationToken) -> Self {
        Self {
            options,
            shift: SignedDuration::ZERO,
            serial: 0,
            citizens: HashMap::new(),
            media: HashMap::new(),
            links: HashMap::new(),
            blocked: BTreeSet::new(),
            outbox: VecDeque::new(),
            taken: VecDeque::new(),
            templates: BTreeMap::new(),
            webhook: None,
            quality: "GREEN",
            faults: HashMap::new(),
            requests: HashMap::new(),
            stop,
        }
    }

    /// The platform's time: the machine's, moved.
    pub(crate) fn now(&self) -> Timestamp {
        crate::clock::now().checked_add(self.shift).unwrap_or(Timestamp::MAX)
    }

    fn serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// An id in the shape of Meta's: never seen before, also not in an earlier run.
    pub(crate) fn wamid(&mut self) -> String {
        let serial = self.serial();
        let seed = format!("{} {serial} {}", self.options.phone_number_id, crate::clock::now().as_nanosecond());
        format!("wamid.{}==", hex(&Sha256::digest(seed)[..18]).to_uppercase())
    }

    pub(crate) fn citizen(&mut self, phone: &str) -> &mut Citizen {
        self.citizens.entry(phone.to_owned()).or_insert_with(|| {
            let hash = Sha256::digest(phone);
            let number = u64::from_be_bytes(std::array::from_fn(|i| hash[i]));
            Citizen {
                name: format!("Warga {}", phone.get(phone.len().saturating_sub(4)..).unwrap_or(phone)),
                user_id: format!("ID.{number:020}"),
                hides_phone: false,
                reads: true,
                wrote: HashMap::new(),
                last_got: None,
                received: Vec::new(),
            }
        })
    }

    /// Whom a request means: `to` wins over `recipient`, as at Meta.
    pub(crate) fn find(&self, to: Option<&str>, recipient: Option<&str>) -> Option<String> {
        match (to, recipient) {
            (Some(to), _) => Some(digits(to)),
            (None, Some(id)) => self.citizens.iter().find(|(_, c)| c.user_id == id).map(|(phone, _)| phone.clone()),
            (None, None) => None,
        }
    }

    pub(crate) fn keep_media(&mut self, bytes: bytes::Bytes, mime: &str) -> String {
        let id = format!("{}", 800_000_000_000_000 + self.serial());
        let sha256 = Sha256::digest(&bytes).into();
        self.media.insert(id.clone(), Media { bytes, mime: mime.to_owned(), sha256, fault: None });
        id
    }

    /// How this request for a file fails, if it does; counts it.
    pub(crate) fn fault_of(&mut self, media: &str) -> Option<Fault> {
        let (fault, left) = self.media.get_mut(media)?.fault.as_mut()?;
        *left = left.checked_sub(1)?;
        Some(fault.clone())
    }

    pub(crate) fn link(&mut self, media: &str) -> String {
        let token = format!("{:x}{:x}", self.serial(), crate::clock::now().as_nanosecond());
        let until = self.now().checked_add(self.options.link_life).unwrap_or(Timestamp::MAX);
        self.links.insert(token.clone(), Link { media: media.to_owned(), until });
        token
    }

    /// A citizen writes: `kind` with its object, as in `"text": {"body": …}`.
    pub(crate) fn write(&mut self, phone: &str, kind: &str, object: Value, quoted: Option<&str>) -> String {
        let wamid = self.wamid();
        let (at, account) = (self.now(), self.options.phone_number_id.clone());
        let citizen = self.citizen(phone);
        citizen.wrote.insert(account, at);
        let mut message = json!({ "from_user_id": citizen.user_id, "id": wamid, "timestamp": seconds(at), "type": kind });
        if !citizen.hides_phone {
            message["from"] = json!(phone);
        }
        if let Some(quoted) = quoted {
            message["context"] = json!({ "from": self.options.display_phone_number, "id": quoted });
        }
        message[kind] = object;
        if !self.blocked.contains(phone) {
            let value = self.value(phone, "messages", &message);
            self.outbox.push_back(value);
        }
        wamid
    }

    /// A citizen changes the number, and with it gets another id.
    pub(crate) fn move_to(&mut self, phone: &str, new: &str) {
        let Some(mut citizen) = self.citizens.remove(phone) else { return };
        let (wamid, at) = (self.wamid(), self.now());
        let previous = std::mem::replace(&mut citizen.user_id, format!("ID.{:020}", u128::from(self.serial) + 1_000_000));
        let system = json!({
            "type": "user_changed_number", "body": "A user changed the number", "wa_id": new,
            "user_id": citizen.user_id, "previous_user_id": previous,
        });
        self.citizens.insert(new.to_owned(), citizen);
        let message = json!({ "from": phone, "id": wamid, "timestamp": seconds(at), "type": "system", "system": system });
        let mut value = self.value(new, "messages", &message);
        if let Some(value) = value.as_object_mut() {
            value.remove("contacts"); // such a message has none
        }
        self.outbox.push_back(value);
    }

    pub(crate) fn set_template(&mut self, name: &str, language: &str, word: &str) {
        self.templates.insert((name.to_owned(), language.to_owned()), word.to_owned());
        self.outbox.push_back(json!({
            "event": word, "message_template_id": 1, "message_template_name": name, "message_template_language": language, "reason": "NONE",
        }));
    }

    /// What became of a message of ours.
    pub(crate) fn status(&mut self, phone: &str, wamid: &str, word: &str, callback: Option<&str>, error: Option<Value>) {
        let user_id = self.citizen(phone).user_id.clone();
        let mut status = json!({ "id": wamid, "status": word, "timestamp": seconds(self.now()), "recipient_user_id": user_id });
        if !self.citizen(phone).hides_phone {
            status["recipient_id"] = json!(phone);
        }
        if let Some(callback) = callback {
            status["biz_opaque_callback_data"] = json!(callback);
        }
        if let Some(error) = error {
            status["errors"] = json!([error]);
        }
        let value = self.value(phone, "statuses", &status);
        self.outbox.push_back(value);
    }

    fn value(&self, phone: &str, field: &str, item: &Value) -> Value {
        let Options { display_phone_number, phone_number_id, .. } = &self.options;
        let mut value = json!({
            "messaging_product": "whatsapp",
            "metadata": { "display_phone_number": display_phone_number, "phone_number_id": phone_number_id },
        });
        value[field] = json!([item]);
        if let Some(citizen) = self.citizens.get(phone) {
            let mut contact = json!({ "profile": { "name": citizen.name }, "user_id": citizen.user_id });
            if !citizen.hides_phone {
                contact["wa_id"] = json!(phone);
            }
            value["contacts"] = json!([contact]);
        }
        value
    }

    /// What the platform tells of our number.
    pub(crate) fn number(&self) -> Value {
        let webhooks = self.webhook.as_ref().map_or_else(|| json!({}), |url| json!({ "application": url }));
        json!({ "id": self.options.phone_number_id, "webhook_configuration": webhooks, "status": "CONNECTED", "quality_rating": self.quality })
    }

    /// Whether a template may be sent, or Meta's code why not.
    pub(crate) fn lets_through(&self, name: &str, language: &str) -> Result<(), u32> {
        match self.templates.get(&(name.to_owned(), language.to_owned())).map(String::as_str) {
            _ if self.templates.is_empty() => Ok(()),
            Some("APPROVED") => Ok(()),
            Some("PAUSED") => Err(132_015),
            Some("DISABLED") => Err(132_016),
            _ => Err(132_001),
        }
    }

    /// The webhook took it.
    pub(crate) fn took(&mut self, value: Value) {
        if self.taken.len() == TAKEN {
            self.taken.pop_front();
        }
        self.taken.push_back(value);
    }

    /// How this request fails, if it does; counts it.
    pub(crate) fn fault(&mut self, at: Endpoint) -> Option<Fault> {
        *self.requests.entry(at).or_default() += 1;
        let planned = self.faults.get_mut(&at)?;
        if planned.spared > 0 {
            planned.spared -= 1;
            return None;
        }
        let fault = planned.fault.clone();
        if let Some(left) = &mut planned.left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.faults.remove(&at);
            }
        }
        Some(fault)
    }
}

/// Unix seconds as text: Meta's way.
fn seconds(at: Timestamp) -> String {
    at.as_second().to_string()
}

/// The digits of a number; Indonesian `08…` becomes `628…`.
pub(crate) fn digits(phone: &str) -> String {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    match digits.strip_prefix('0') {
        Some(national) => format!("62{national}"),
        None => digits,
    }
}
