//! What the platform knows: who wrote, who got what, and what the bot has not heard yet.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;
use serde_json::{Value, json};

use super::TelegramOptions;
use crate::clock;

/// A message of the bot's as it reached a citizen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Got {
    /// Its number in the chat.
    pub id: i64,
    /// The words.
    pub text: String,
    /// Which message it answers.
    pub answers: Option<i64>,
    /// What can be tapped: what the bot hears, and what the citizen reads.
    pub buttons: Vec<(String, String)>,
    /// A photo.
    pub photo: Option<Bytes>,
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TelegramFault {
    /// Too fast: come again after so many seconds.
    TooMany(u64),
    /// This code with these words.
    Code(u16, &'static str),
    /// Does what was asked and never answers.
    Lost,
}

/// One citizen, who has written to the bot.
#[derive(Debug, Default)]
pub(super) struct Citizen {
    pub(super) got: Vec<Got>,
    pub(super) blocked: bool,
    wrote: BTreeMap<i64, Value>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) options: TelegramOptions,
    pub(super) citizens: BTreeMap<i64, Citizen>,
    /// Updates that nobody confirmed, with their numbers.
    pub(super) waiting: VecDeque<(i64, Value)>,
    pub(super) next_update: i64,
    pub(super) files: HashMap<String, Bytes>,
    pub(super) webhook: String,
    pub(super) heard: Vec<String>,
    pub(super) faults: HashMap<String, (TelegramFault, Option<u32>)>,
    pub(super) requests: HashMap<String, u64>,
    last: i64,
}

impl State {
    pub(super) fn new(options: TelegramOptions) -> Self {
        Self {
            options,
            citizens: BTreeMap::new(),
            waiting: VecDeque::new(),
            next_update: 500_000,
            files: HashMap::new(),
            webhook: String::new(),
            heard: Vec::new(),
            faults: HashMap::new(),
            requests: HashMap::new(),
            last: 100,
        }
    }

    /// A number that nothing else has.
    pub(super) fn next(&mut self) -> i64 {
        self.last += 1;
        self.last
    }

    fn tell(&mut self, kind: &str, object: Value) {
        let number = self.next_update;
        self.next_update += 1;
        let mut update = json!({ "update_id": number });
        update[kind] = object;
        self.waiting.push_back((number, update));
    }

    pub(super) fn photo(&mut self, caption: Option<&str>, jpeg: Bytes) -> Value {
        let id = format!("photo-{}", self.next());
        let size =
            |id: &str, side: u32| json!({ "file_id": id, "file_unique_id": id, "width": side, "height": side, "file_size": jpeg.len() });
        let mut parts = json!({ "photo": [size("small", 90), size(&id, 1280)] });
        if let Some(caption) = caption {
            parts["caption"] = json!(caption);
        }
        self.files.insert(id, jpeg);
        parts
    }

    pub(super) fn say(&mut self, citizen: i64, parts: &Value) -> i64 {
        let number = self.next();
        let mut message = json!({ "message_id": number, "from": person(citizen), "chat": chat(citizen), "date": now() });
        for (name, part) in parts.as_object().into_iter().flatten() {
            message[name.as_str()] = part.clone();
        }
        self.citizens.entry(citizen).or_default().wrote.insert(number, message.clone());
        self.tell("message", message);
        number
    }

    pub(super) fn edit(&mut self, citizen: i64, message: i64, text: &str) {
        let Some(wrote) = self.citizens.get_mut(&citizen).and_then(|citizen| citizen.wrote.get_mut(&message)) else { return };
        wrote["text"] = json!(text);
        wrote["edit_date"] = json!(now());
        let edited = wrote.clone();
        self.tell("edited_message", edited);
    }

    pub(super) fn tap(&mut self, citizen: i64, message: &Got, data: &str) {
        let rows: Vec<Value> = message.buttons.iter().map(|(data, text)| json!([{ "text": text, "callback_data": data }])).collect();
        let bot = json!({ "id": self.options.bot, "is_bot": true, "first_name": "Lapor" });
        let ours = json!({ "message_id": message.id, "from": bot, "chat": chat(citizen), "date": now(), "text": message.text,
            "reply_markup": { "inline_keyboard": rows } });
        let id = self.next().to_string();
        self.tell("callback_query", json!({ "id": id, "from": person(citizen), "message": ours, "chat_instance": "1", "data": data }));
    }

    pub(super) fn in_group(&mut self, citizen: i64, text: &str) {
        let group = json!({ "id": -1_000_000_000_001_i64, "type": "supergroup", "title": "Warga" });
        let number = self.next();
        self.tell("message", json!({ "message_id": number, "from": person(citizen), "chat": group, "date": now(), "text": text }));
    }

    pub(super) fn block(&mut self, citizen: i64, blocked: bool) {
        self.citizens.entry(citizen).or_default().blocked = blocked;
        let bot = json!({ "id": self.options.bot, "is_bot": true, "first_name": "Lapor" });
        let status = |out: bool| json!({ "user": bot, "status": if out { "kicked" } else { "member" } });
        self.tell(
            "my_chat_member",
            json!({ "chat": chat(citizen), "from": person(citizen), "date": now(), "old_chat_member": status(!blocked), "new_chat_member": status(blocked) }),
        );
    }

    /// Forgets every update before this number.
    pub(super) fn confirm(&mut self, before: i64) {
        self.waiting.retain(|(number, _)| *number >= before);
    }

    /// What the answer to a webhook's call may ask for.
    pub(super) fn order(&mut self, said: &Value) {
        if said["method"] == "answerCallbackQuery" {
            self.heard.extend(said["callback_query_id"].as_str().map(str::to_owned));
        }
    }

    /// Counts a call, and gives the way in which it fails.
    pub(super) fn fault(&mut self, method: &str) -> Option<TelegramFault> {
        *self.requests.entry(method.to_owned()).or_default() += 1;
        let (fault, times) = self.faults.get_mut(method)?;
        let fault = *fault;
        match times {
            Some(0) => return None,
            Some(left) => *left -= 1,
            None => {}
        }
        Some(fault)
    }
}

fn person(citizen: i64) -> Value {
    json!({ "id": citizen, "is_bot": false, "first_name": "Warga", "last_name": "Contoh", "language_code": "id" })
}

pub(super) fn chat(citizen: i64) -> Value {
    json!({ "id": citizen, "type": "private", "first_name": "Warga", "last_name": "Contoh" })
}

pub(super) fn now() -> i64 {
    clock::now().as_second()
}
