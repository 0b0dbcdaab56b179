//! A gateway that the configuration describes: which field is which, how a text is given to it, what its answers and reports mean.

use std::collections::BTreeMap;

use adapter_sdk::{
    ConfigError, ParseError, ReceiptState, Refused, Request, Response, Secret, SendError, Timestamp,
    outgoing::{Method, Url},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{fmt::strtime, tz::TimeZone};
use serde::Deserialize;
use serde_json::Value;
use sha2::Sha256;

use super::{Outgoing, PAUSE, Trouble, code, locked_out, refused, report_url};
use crate::{
    config::{check_secret, check_url},
    fields::{Fields, at_path, encoded, find},
    gsm7::{self, Coding},
    said::{Delivery, Heard, Said, Text, Told},
    udh::{self, Part},
};

/// More messages than any gateway gives at once.
const MOST_AT_ONCE: usize = 1000;
/// What may stand in braces in `send_url`, `send_body` and `send_headers`.
const PLACES: [&str; 11] =
    ["to", "to_digits", "to_local", "from", "text", "text_hex", "reply", "coding", "username", "password", "report_url"];

/// One gateway. Names of fields are those of a form or of a query; in JSON they are paths, `message.from`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Generic {
    /// The word at the end of the address or in `x-gateway-secret`, by `secret_file`.
    pub secret: Secret,
    /// Instead of the word: the header with an HMAC-SHA-256 over the body, in hex or base 64, perhaps behind `sha256=`.
    pub signature_header: String,
    /// Its key, by `signature_key_file`.
    pub signature_key: Secret,
    /// Who may call: addresses and networks. Empty: everybody who proves it.
    pub allow_from: Vec<String>,
    /// How it reaches our door, for `{report_url}`.
    pub door_url: String,

    /// Where the list of messages is, if one delivery holds several: `results`.
    pub list: String,
    /// Who wrote.
    pub from: String,
    /// To which number of ours.
    pub to: String,
    /// The words.
    pub text: String,
    /// How the words are written down.
    pub text_coding: TextCoding,
    /// The gateway's id of the message.
    pub id: String,
    /// When it was sent.
    pub time: String,
    /// `rfc3339`, `unix`, `unix_ms`, or a pattern: `%Y-%m-%d %H:%M:%S`.
    pub time_format: String,
    /// The time zone of a pattern without one: `Asia/Jakarta`.
    pub time_zone: String,
    /// The header of a part, in hex.
    pub udh: String,
    /// Of a part: the number of the whole.
    pub part_reference: String,
    /// Of a part: of how many.
    pub part_of: String,
    /// Of a part: which, from 1.
    pub part_number: String,

    /// Where a text is given to it. `{…}` as in `send_body`.
    pub send_url: String,
    /// POST where this is empty.
    pub send_method: String,
    /// What `send_body` is.
    pub send_type: SendType,
    /// `{to}` +62812…, `{to_digits}` 62812…, `{to_local}` 0812…, `{from}`, `{text}`, `{text_hex}` (UTF-16), `{coding}` (0 or 2), `{reply}` (our
    /// id), `{report_url}`, `{username}`, `{password}`.
    pub send_body: String,
    /// Headers, with the same places.
    pub send_headers: BTreeMap<String, String>,
    /// `{username}`
    pub username: String,
    /// `{password}`, by `password_file`.
    pub password: Secret,
    /// Where its answer says whether it went well, and what it says then. Without: by the HTTP status.
    pub success_field: String,
    /// What stands there then; without `success_field` how the answer begins.
    pub success: Vec<String>,
    /// Where its answer says its id.
    pub sent_id: String,
    /// Where its answer says why not.
    pub error_field: String,
    /// What stands there for "too fast".
    pub throttled: Vec<String>,
    /// For "not now".
    pub later: Vec<String>,
    /// For "you, not the message": user, password, credit.
    pub locked_out: Vec<String>,
    /// For "the citizen wants none".
    pub opted_out: Vec<String>,

    /// Where a report says what happened. A delivery with this field is a report.
    pub report_status: String,
    /// Where a report says the gateway's id.
    pub report_id: String,
    /// Where a report says our id (`{reply}`); that of `{report_url}` is known without.
    pub report_reply: String,
    /// What stands there for "on the telephone".
    pub delivered: Vec<String>,
    /// For "on its way".
    pub sent: Vec<String>,
    /// For "never".
    pub failed: Vec<String>,

    /// Where it tells our credit, for `probe`; `{username}` and `{password}` as above.
    pub balance_url: String,
    /// Where in that answer.
    pub balance_field: String,
}

/// How the words of a message are written down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextCoding {
    /// As text.
    #[default]
    Plain,
    /// UTF-16 in hex.
    Ucs2Hex,
    /// Septets, one a byte, in hex.
    Gsm7Hex,
    /// Septets, packed, in hex.
    Gsm7PackedHex,
}

/// What a request's body is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SendType {
    /// `application/x-www-form-urlencoded`
    #[default]
    Form,
    /// JSON; places stand inside quotes.
    Json,
    /// XML.
    Xml,
}

impl SendType {
    fn content_type(self) -> &'static str {
        match self {
            Self::Form => "application/x-www-form-urlencoded",
            Self::Json => "application/json",
            Self::Xml => "application/xml; charset=utf-8",
        }
    }

    /// A value so that it stays a value in it.
    fn escaped(self, value: &str) -> String {
        match self {
            Self::Form => encoded(value),
            Self::Json => {
                let quoted = Value::from(value).to_string();
                quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
            }
            Self::Xml => value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;"),
        }
    }
}

impl Generic {
    pub(super) fn check(&self, path: &dyn Fn(&str) -> String) -> Result<(), ConfigError> {
        let wrong = |key: &str, why: String| Err(ConfigError::Value { key: format!("adapter.{}", path(key)), why });
        if self.signs() {
            if self.signature_key.is_empty() {
                return wrong("signature_key", "must not be empty where a header is signed".into());
            }
        } else {
            check_secret(&self.secret, &path("secret"))?;
        }
        for (key, name) in [("from", &self.from), ("text", &self.text)] {
            if name.is_empty() {
                return wrong(key, "must name a field".into());
            }
        }
        if !self.send_url.is_empty() {
            check_url(&fill(&self.send_url, &|_| Some("word".into())), &path("send_url"))?;
        }
        let uses_door =
            std::iter::once(&self.send_url).chain([&self.send_body]).chain(self.send_headers.values()).any(|t| t.contains("{report_url}"));
        if uses_door {
            check_url(&self.door_url, &path("door_url"))?;
        }
        if !self.balance_url.is_empty() {
            check_url(&fill(&self.balance_url, &|_| Some("word".into())), &path("balance_url"))?;
        }
        let templates = [("send_url", &self.send_url), ("send_body", &self.send_body), ("balance_url", &self.balance_url)];
        let headers = self.send_headers.values().map(|value| ("send_headers", value));
        for (key, template) in templates.into_iter().chain(headers) {
            if let Some(unknown) = places(template).find(|place| !PLACES.contains(place)) {
                return wrong(key, format!("knows {{{}}}, not {{{unknown}}}", PLACES.join("}, {")));
            }
        }
        if self.send_method.parse::<Method>().is_err() && !self.send_method.is_empty() {
            return wrong("send_method", "must be a method such as POST".into());
        }
        if !self.time_zone.is_empty() && TimeZone::get(&self.time_zone).is_err() {
            return wrong("time_zone", "must be a time zone such as Asia/Jakarta".into());
        }
        Ok(())
    }

    pub(super) fn urls(&self) -> Vec<String> {
        let bare = |template: &String| fill(template, &|_| Some("word".into()));
        [&self.send_url, &self.balance_url].into_iter().filter(|url| !url.is_empty()).map(bare).collect()
    }

    /// Whether it signs what it sends.
    pub(super) fn signs(&self) -> bool {
        !self.signature_header.is_empty()
    }

    pub(super) fn verify(&self, request: &Request) -> Result<(), Refused> {
        let written = request.header(&self.signature_header).ok_or(Refused::Unsigned)?;
        let written = written.strip_prefix("sha256=").unwrap_or(written);
        let signature = match written.len() {
            64 => udh::from_hex(written),
            _ => BASE64_STANDARD.decode(written).ok(),
        };
        let mut mac = Hmac::<Sha256>::new_from_slice(self.signature_key.expose().as_bytes()).expect("HMAC takes a key of any length");
        mac.update(&request.body);
        mac.verify_slice(&signature.ok_or(Refused::Unsigned)?).map_err(|_| Refused::WrongSignature) // compares in constant time
    }

    pub(super) fn said(&self, delivery: &Delivery<'_>) -> Result<Vec<Said>, ParseError> {
        let query = Fields::read(delivery.query.as_bytes());
        if !delivery.is_json() {
            let fields = Fields::read(delivery.body).and(query.clone());
            return Ok(self.one(&|name| fields.text(name), &query)?.into_iter().collect());
        }
        let value: Value = serde_json::from_slice(delivery.body)?;
        let items = match find(&value, &self.list) {
            Some(Value::Array(items)) => items.iter().collect(),
            Some(item) if self.list.is_empty() => vec![item],
            _ => return Err(ParseError::new("the list of messages is not where `list` says")),
        };
        if items.len() > MOST_AT_ONCE {
            return Err(ParseError::new("more messages at once than any gateway gives"));
        }
        let said = items.into_iter().map(|item| self.one(&|name| at_path(item, name), &query));
        Ok(said.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    fn one(&self, field: &dyn Fn(&str) -> Option<String>, query: &Fields) -> Result<Option<Said>, ParseError> {
        let named = |name: &str| if name.is_empty() { None } else { field(name) };
        if let Some(status) = named(&self.report_status) {
            return Ok(self.report(&status, &named, query).map(Said::Told));
        }
        let from = named(&self.from).ok_or_else(|| ParseError::new("nobody is where `from` says"))?;
        let heard = Heard {
            id: named(&self.id),
            from,
            to: named(&self.to),
            text: self.words(named(&self.text).unwrap_or_default(), named(&self.udh).as_deref())?,
            sent_at: named(&self.time).and_then(|written| self.timestamp(&written)),
            part: self.part(&named),
            attachments: Vec::new(),
        };
        Ok(Some(Said::Heard(Box::new(heard))))
    }

    fn words(&self, written: String, udh: Option<&str>) -> Result<Text, ParseError> {
        let header = udh.and_then(udh::from_hex).unwrap_or_default();
        if udh::read(&header).to_application {
            return Ok(Text::Unreadable("message to an application"));
        }
        let bytes = || udh::from_hex(&written).ok_or_else(|| ParseError::new("the text is not in hex, as `text_coding` says"));
        Ok(match self.text_coding {
            TextCoding::Plain => Text::Words(written),
            TextCoding::Ucs2Hex => Text::Units(gsm7::units(&bytes()?)),
            TextCoding::Gsm7Hex => Text::Words(gsm7::decode(&bytes()?)),
            TextCoding::Gsm7PackedHex => {
                // Behind a header the text begins at the next septet's boundary.
                let fill = u8::try_from((7 - header.len() * 8 % 7) % 7).unwrap_or(0);
                Text::Words(gsm7::decode(&gsm7::unpack(&bytes()?, fill, None)))
            }
        })
    }

    fn part(&self, named: &dyn Fn(&str) -> Option<String>) -> Option<Part> {
        if let Some(header) = named(&self.udh).and_then(|hex| udh::from_hex(&hex)) {
            return udh::read(&header).part;
        }
        let number = |name: &str| named(name)?.parse::<u16>().ok();
        let (of, which) = (number(&self.part_of)?, number(&self.part_number)?);
        // Some give no number of the whole, or one that is no number: then sender and count must do.
        let reference = number(&self.part_reference).unwrap_or(0);
        Part::new(reference, u8::try_from(of).ok()?, u8::try_from(which).ok()?)
    }

    fn timestamp(&self, written: &str) -> Option<Timestamp> {
        match self.time_format.as_str() {
            "" | "rfc3339" => written.parse().ok(),
            "unix" => Timestamp::from_second(written.parse().ok()?).ok(),
            "unix_ms" => Timestamp::from_millisecond(written.parse().ok()?).ok(),
            pattern => {
                let broken = strtime::parse(pattern, written).ok()?;
                let zone = || TimeZone::get(if self.time_zone.is_empty() { "UTC" } else { &self.time_zone }).ok();
                broken.to_timestamp().ok().or_else(|| Some(broken.to_datetime().ok()?.to_zoned(zone()?).ok()?.timestamp()))
            }
        }
    }

    fn report(&self, status: &str, named: &dyn Fn(&str) -> Option<String>, query: &Fields) -> Option<Told> {
        let is = |words: &[String]| words.iter().any(|word| word.eq_ignore_ascii_case(status));
        let state = match () {
            () if is(&self.delivered) => ReceiptState::Delivered,
            () if is(&self.failed) => ReceiptState::Failed { code: code(status), detail: "the network could not deliver it".to_owned() },
            () if is(&self.sent) => ReceiptState::Sent,
            () => return None,
        };
        let reply = named(&self.report_reply).or_else(|| query.text("reply")).and_then(|id| id.parse().ok());
        let platform_id = named(&self.report_id);
        if reply.is_none() && platform_id.is_none() {
            return None;
        }
        Some(Told { reply, platform_id, account: query.text("account"), from: None, state, at: None })
    }

    pub(super) async fn send(&self, out: Outgoing<'_>) -> Result<Option<String>, SendError> {
        if self.send_url.is_empty() {
            return Err(SendError::rejected("one_way", "nothing can be sent through this gateway"));
        }
        let value = |place: &str| self.value(place, &out);
        let method = self.send_method.parse::<Method>().ok().filter(|_| !self.send_method.is_empty()).unwrap_or(Method::POST);
        let url = fill(&self.send_url, &|place| value(place).map(|value| encoded(&value)));
        let mut call = out.http.call(method.clone(), &url);
        for (name, template) in &self.send_headers {
            call = call.header(name, &fill(template, &value));
        }
        if method != Method::GET {
            let body = fill(&self.send_body, &|place| value(place).map(|value| self.send_type.escaped(&value)));
            call = call.body(self.send_type.content_type(), body);
        }
        let answer = call.send().await?;
        self.understood(&answer, out.gateway)
    }

    fn value(&self, place: &str, out: &Outgoing<'_>) -> Option<String> {
        let digits = out.to.path().trim_start_matches('+');
        Some(match place {
            "to" => out.to.path().to_owned(),
            "to_digits" => digits.to_owned(),
            "to_local" => digits.strip_prefix("62").map_or(digits.to_owned(), |rest| format!("0{rest}")),
            "from" => out.number.sender().to_owned(),
            "text" => out.text.to_owned(),
            "text_hex" => super::twilio::hex(&out.text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>()),
            "coding" => if out.length.coding == Coding::Gsm7 { "0" } else { "2" }.to_owned(),
            "reply" => out.reply.to_string(),
            "report_url" => report_url(&self.door_url, &self.secret, out, ""),
            "username" => self.username.clone(),
            "password" => self.password.expose().to_owned(),
            _ => return None,
        })
    }

    /// What its answer means: first by the status, then by what it says.
    fn understood(&self, answer: &Response, gateway: &str) -> Result<Option<String>, SendError> {
        if answer.status.is_server_error() || answer.status.as_u16() == 429 {
            return Err(refused(answer, gateway));
        }
        let body: Value = answer.json().unwrap_or(Value::Null);
        let why = at_path(&body, &self.error_field).filter(|_| !self.error_field.is_empty());
        let is = |words: &[String]| why.as_ref().is_some_and(|why| words.contains(why));
        match () {
            () if is(&self.throttled) => return Err(SendError::Throttled(Some(answer.retry_after().unwrap_or(PAUSE)))),
            () if is(&self.later) => return Err(Trouble::Itself(code(&why.unwrap_or_default())).into()),
            () if is(&self.locked_out) => return Err(locked_out(gateway)),
            () if is(&self.opted_out) => return Err(SendError::OptedOut),
            () => {}
        }
        let text = String::from_utf8_lossy(&answer.body);
        let well = match (self.success_field.as_str(), self.success.as_slice()) {
            ("", []) => answer.status.is_success(),
            ("", begins) => answer.status.is_success() && begins.iter().any(|begin| text.trim_start().starts_with(begin.as_str())),
            (field, words) => answer.status.is_success() && at_path(&body, field).is_some_and(|word| words.contains(&word)),
        };
        if well {
            return Ok(if self.sent_id.is_empty() { None } else { at_path(&body, &self.sent_id) });
        }
        match why {
            // Not its words at all: a page of a proxy, or of maintenance.
            None if body.is_null() && answer.status.is_success() && !self.success_field.is_empty() => Err(Trouble::OddAnswer.into()),
            Some(why) => Err(SendError::rejected(code(&why), "the gateway does not send it")),
            None if answer.status.is_success() => Err(SendError::rejected("refused", "the gateway does not send it")),
            None => Err(refused(answer, gateway)),
        }
    }

    /// Where the credit is asked for, filled; `None` where it is not told.
    pub(crate) fn balance(&self) -> Option<String> {
        let value = |place: &str| match place {
            "username" => Some(encoded(&self.username)),
            "password" => Some(encoded(self.password.expose())),
            _ => None,
        };
        let url = fill(&self.balance_url, &value);
        Url::parse(&url).is_ok().then_some(url)
    }
}

/// Fills the places of a template; one without a value stays as it is.
fn fill(template: &str, value: &dyn Fn(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let place = after.split_once('}').filter(|(place, _)| PLACES.contains(place));
        if let Some((value, tail)) = place.and_then(|(place, tail)| Some((value(place)?, tail))) {
            filled.push_str(&value);
            rest = tail;
        } else {
            filled.push('{');
            rest = after;
        }
    }
    filled.push_str(rest);
    filled
}

/// The words in braces that look like places: JSON has braces of its own.
fn places(template: &str) -> impl Iterator<Item = &str> {
    let word = |place: &&str| !place.is_empty() && place.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    template.split('{').skip(1).filter_map(|after| Some(after.split_once('}')?.0)).filter(word)
}
