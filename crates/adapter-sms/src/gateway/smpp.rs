//! SMPP 3.4: an operator's own link. Nobody calls our door: we call the operator's centre, bind as a transceiver and stay ([`link`]). What comes
//! in is kept as the octets of its PDU; the centre hears yes only when they are on the disk.

mod link;
mod pdu;
mod recent;

use std::time::Duration;

use adapter_sdk::{ConfigError, ParseError, ReceiptState, ReplyId, Secret, SendError, outgoing::tls};
use serde::Deserialize;

pub(crate) use link::{Incoming, Link, Standing, Trial};

use self::{
    link::{Order, Outcome},
    pdu::{Delivered, Pdu, command, esm, status, tag},
};
use super::{Outgoing, PAUSE, Trouble, eight_bits, locked_out};
use crate::{
    config::check_secret,
    fields::Fields,
    gsm7::{self, Coding},
    hand_in::Note,
    said::{Delivery, Heard, Said, Text, Told},
    udh::{self, Part},
};

/// The type of a body that is a PDU.
pub(crate) const CONTENT_TYPE: &str = "application/x-smpp";
/// A report on a message of ours is wanted, of its end.
const WANT_REPORT: u8 = 1;
/// UTF-16, big end first.
const UCS2: u8 = 8;

/// One link. The README says what to ask the operator.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smpp {
    /// The centre's name or address.
    pub host: String,
    /// Where it listens.
    #[serde(default = "port")]
    pub port: u16,
    /// Whether the connection is protected.
    #[serde(default)]
    pub tls: bool,
    /// Certificates in PEM that are trusted instead of the system's, by `ca_file`.
    #[serde(default)]
    pub ca: Option<String>,
    /// Who we are there; at most 15 characters.
    pub system_id: String,
    /// At most 8 characters, by `password_file`.
    pub password: Secret,
    /// Where the operator wants one; at most 12 characters.
    #[serde(default)]
    pub system_type: String,
    /// Which numbers of ours are served by this link, where the operator wants to hear it; at most 40 characters.
    #[serde(default)]
    pub address_range: String,
    /// What `data_coding` 0 means there, in both directions.
    #[serde(default)]
    pub default_alphabet: Alphabet,
    /// How texts of several parts are sent.
    #[serde(default)]
    pub long_texts: LongTexts,
    /// How the ids of our messages are written in answers and in reports.
    #[serde(default)]
    pub message_ids: MessageIds,
    /// Type of number and numbering plan of our sender, where the operator wants others than those that its form implies.
    #[serde(default)]
    pub sender_type: Option<[u8; 2]>,
    /// How many messages may be on their way to the centre without an answer.
    #[serde(default = "window")]
    pub window: usize,
    /// Seconds of silence after which the link is asked whether it is there.
    #[serde(default = "enquire")]
    pub enquire: u64,
    /// Seconds that the centre has for an answer.
    #[serde(default = "patience")]
    pub patience: u64,
    /// The operator's own codes for "too fast", beside 0x58 and 0x14.
    #[serde(default)]
    pub throttled: Vec<u32>,
    /// For "not now".
    #[serde(default)]
    pub later: Vec<u32>,
    /// For "you, not the message".
    #[serde(default)]
    pub locked_out: Vec<u32>,
    /// For "the citizen wants none".
    #[serde(default)]
    pub opted_out: Vec<u32>,
    /// Opens the door to PDUs that come by HTTP, from a link that somebody else holds; by `secret_file`. Empty: closed.
    #[serde(default)]
    pub secret: Secret,
    /// Who may call then: addresses and networks. Empty: everybody who knows the word.
    #[serde(default)]
    pub allow_from: Vec<String>,
}

fn port() -> u16 {
    2775
}

fn window() -> usize {
    10
}

fn enquire() -> u64 {
    30
}

fn patience() -> u64 {
    10
}

/// What an operator calls its default alphabet. Ask: a wrong one makes "@" of an inverted exclamation mark.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alphabet {
    /// The GSM alphabet, a septet an octet.
    #[default]
    Gsm7,
    /// The GSM alphabet, eight septets in seven octets.
    Gsm7Packed,
    /// ISO 8859-1.
    Latin1,
}

/// How a text of several parts travels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LongTexts {
    /// Cut by us, each part with a header before its text (`esm_class` 0x40).
    #[default]
    Udh,
    /// Cut by us, each part with the fields `sar_*`.
    Sar,
    /// Whole, in `message_payload`: the centre cuts it.
    Payload,
}

/// How a centre writes the id of one message of ours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageIds {
    /// The same in its answer and in its report.
    #[default]
    Same,
    /// Hexadecimal in its answer, decimal in its report.
    HexThenDecimal,
    /// Decimal in its answer, hexadecimal in its report.
    DecimalThenHex,
}

impl MessageIds {
    /// The id as we keep it, of how it stands in an answer.
    fn of_answer(self, written: &str) -> String {
        if self == Self::HexThenDecimal { from_hex(written) } else { self.plain(written) }
    }

    /// The same of how it stands in a report.
    fn of_report(self, written: &str) -> String {
        if self == Self::DecimalThenHex { from_hex(written) } else { self.plain(written) }
    }

    /// Some fill numbers up with zeros in one place and not in the other.
    fn plain(self, written: &str) -> String {
        let number = self != Self::Same && written.bytes().all(|byte| byte.is_ascii_digit());
        let bare = written.trim_start_matches('0');
        if number && !bare.is_empty() { bare.to_owned() } else { written.to_owned() }
    }
}

/// A hexadecimal number in decimal; what is none stays as it is.
fn from_hex(written: &str) -> String {
    u128::from_str_radix(written, 16).map_or_else(|_| written.to_owned(), |number| number.to_string())
}

impl Smpp {
    pub(super) fn check(&self, path: &dyn Fn(&str) -> String) -> Result<(), ConfigError> {
        let wrong = |key: &str, why: String| Err(ConfigError::value(&path(key), why));
        for (key, text) in [("host", &self.host), ("system_id", &self.system_id)] {
            if text.is_empty() {
                return wrong(key, "must not be empty".into());
            }
        }
        let texts = [
            ("system_id", self.system_id.as_str(), 15),
            ("password", self.password.expose(), 8),
            ("system_type", &self.system_type, 12),
            ("address_range", &self.address_range, 40),
        ];
        for (key, text, most) in texts {
            if text.len() > most || !text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
                return wrong(key, format!("must have at most {most} characters of ASCII: SMPP has no room for more"));
            }
        }
        if !(1..=1000).contains(&self.window) {
            return wrong("window", "must be 1 to 1000".into());
        }
        for (key, seconds) in [("enquire", self.enquire), ("patience", self.patience)] {
            if !(1..=600).contains(&seconds) {
                return wrong(key, "must be 1 to 600".into());
            }
        }
        if let Some(pem) = &self.ca {
            tls::certificates(pem).or_else(|error| wrong("ca", error.to_string()).map(|()| Vec::new()))?;
        }
        if self.secret.is_empty() { Ok(()) } else { check_secret(&self.secret, &path("secret")) }
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(self.patience)
    }

    /// What the PDU says. What we know of a message that a report is on stands in the query: [`reported`] looked it up at the door.
    pub(super) fn said(&self, delivery: &Delivery<'_>) -> Result<Vec<Said>, ParseError> {
        let delivered = Delivered::read(delivery.body).map_err(ParseError::new)?;
        if delivered.is_report() {
            return Ok(self.told(&delivered, delivery.query)?.map(Said::Told).into_iter().collect());
        }
        if delivered.esm_class & esm::KIND != 0 {
            return Ok(Vec::new()); // a telephone acknowledges what it got
        }
        if delivered.from.is_empty() {
            return Err(ParseError::new("the centre does not say who wrote"));
        }
        Ok(vec![Said::Heard(Box::new(self.heard(&delivered, delivery.query)))])
    }

    fn heard(&self, delivered: &Delivered<'_>, query: &str) -> Heard {
        let has_header = delivered.esm_class & esm::UDHI != 0;
        let length = delivered.message.first().filter(|_| has_header).map_or(0, |length| 1 + usize::from(*length));
        let (header, text) = delivered.message.split_at_checked(length).unwrap_or((delivered.message, &[]));
        let read = udh::read(header);
        let text = if read.to_application {
            Text::Unreadable("message to an application")
        } else {
            self.words(delivered.data_coding, text, header.len())
        };
        Heard {
            // Ours, given at the door: the centre's sequence number is another one when the same message comes again.
            id: Fields::read(query.as_bytes()).text("id"),
            from: delivered.from.clone(),
            to: Some(delivered.to.clone()).filter(|to| !to.is_empty()),
            text,
            sent_at: None,
            part: read.part.or_else(|| sar(delivered)),
            attachments: Vec::new(),
        }
    }

    /// The words, by `data_coding` (SMPP 3.4, 5.2.19; 3GPP TS 23.038 for message classes).
    fn words(&self, data_coding: u8, bytes: &[u8], header: usize) -> Text {
        match data_coding {
            0x00 | 0xC0..=0xDF => self.by_default(bytes, header),
            0xF0..=0xFF if data_coding & 0x04 == 0 => self.by_default(bytes, header),
            0x01 | 0x03 => Text::Words(latin1(bytes)),
            0x02 | 0x04 | 0xF0..=0xFF => eight_bits(bytes),
            UCS2 | 0xE0..=0xEF => Text::Units(gsm7::units(bytes)),
            _ => Text::Unreadable("an alphabet that nobody here reads"),
        }
    }

    fn by_default(&self, bytes: &[u8], header: usize) -> Text {
        Text::Words(match self.default_alphabet {
            Alphabet::Gsm7 => gsm7::decode(bytes),
            Alphabet::Gsm7Packed => gsm7::decode(&gsm7::unpack(bytes, fill(header), None)),
            Alphabet::Latin1 => latin1(bytes),
        })
    }

    /// What became of a message of ours; `None` while nothing has.
    fn told(&self, delivered: &Delivered<'_>, query: &str) -> Result<Option<Told>, ParseError> {
        let report = Report::of(delivered);
        let written = report.id.ok_or_else(|| ParseError::new("a report that does not say on which message"))?;
        let known = Fields::read(query.as_bytes());
        let Some(state) = report.state else { return Ok(None) };
        Ok(Some(Told {
            reply: known.text("reply").and_then(|id| id.parse().ok()),
            platform_id: Some(self.message_ids.of_report(&written)),
            account: known.text("account"),
            from: Some(delivered.to.clone()).filter(|to| !to.is_empty()),
            state,
            at: None, // it says when in a time zone that it does not say
        }))
    }

    /// Sends one text, in its parts. Stopped between two of them it goes on there.
    pub(super) async fn send(&self, out: Outgoing<'_>) -> Result<Option<String>, SendError> {
        let link = out.link.ok_or(Trouble::Apart)?;
        let parts = self.parts(&out);
        let mut half = link.halves.take(out.reply);
        for (number, pdu) in parts.into_iter().enumerate().skip(half.sent) {
            let note = (number == 0).then(|| Note { reply: out.reply, account: out.account.to_owned() });
            let first = match link.submit(Order { pdu, note }).await {
                Outcome::Taken(id) => half.first.or(Some(id).filter(|id| !id.is_empty())),
                other => {
                    link.halves.keep(out.reply, half);
                    return Err(self.not_taken(&other, out.gateway));
                }
            };
            half = adapter_sdk::Half { sent: number + 1, first };
        }
        Ok(half.first)
    }

    /// What it means that the centre has not taken a message.
    fn not_taken(&self, outcome: &Outcome, gateway: &str) -> SendError {
        match outcome {
            Outcome::Refused(code) => self.refused(*code, gateway),
            Outcome::Lost => SendError::Unknown { platform_id: None, detail: "the link broke before the centre answered".to_owned() },
            Outcome::Apart(Some(status::WRONG_PASSWORD | status::WRONG_SYSTEM_ID | status::BIND_FAILED | status::WRONG_SYSTEM_TYPE)) => {
                locked_out(gateway)
            }
            Outcome::Taken(_) | Outcome::Apart(_) => Trouble::Apart.into(),
        }
    }

    fn refused(&self, code: u32, gateway: &str) -> SendError {
        let named = |codes: &[u32]| codes.contains(&code);
        match code {
            _ if named(&self.throttled) => SendError::Throttled(Some(PAUSE)),
            _ if named(&self.later) => Trouble::Itself(shown(code)).into(),
            _ if named(&self.locked_out) => locked_out(gateway),
            _ if named(&self.opted_out) => SendError::OptedOut,
            status::THROTTLED | status::QUEUE_FULL => SendError::Throttled(Some(PAUSE)),
            status::WRONG_STATE | status::SYSTEM_ERROR | status::SUBMIT_FAILED | status::NOT_NOW => Trouble::Itself(shown(code)).into(),
            status::WRONG_SENDER => locked_out(gateway),
            _ => SendError::rejected(shown(code), "the operator's centre does not send it"),
        }
    }

    /// The messages of one text. Without their sequence numbers, which are the link's.
    fn parts(&self, out: &Outgoing<'_>) -> Vec<Pdu> {
        let (coding, whole) = self.octets(out.text, out.length.coding, 0);
        let texts = gsm7::split(out.text);
        if texts.len() == 1 {
            return vec![self.submit(out, coding, 0, &whole, WANT_REPORT)];
        }
        if self.long_texts == LongTexts::Payload {
            return vec![self.submit(out, coding, 0, &[], WANT_REPORT).field(tag::PAYLOAD, &whole)];
        }
        // The same when it is tried again, so that parts of two tries fit together.
        let reference = reference(out.reply, out.text);
        let of = u8::try_from(texts.len()).unwrap_or(u8::MAX);
        let part = |(number, text): (u8, &str)| {
            // Its report is the one that is known by the id that we keep.
            let report = if number == 1 { WANT_REPORT } else { 0 };
            if self.long_texts == LongTexts::Sar {
                let (_, octets) = self.octets(text, out.length.coding, 0);
                let pdu = self.submit(out, coding, 0, &octets, report);
                return pdu.field(tag::SAR_REFERENCE, &[0, reference]).field(tag::SAR_TOTAL, &[of]).field(tag::SAR_NUMBER, &[number]);
            }
            let header = [5, 0, 3, reference, of, number];
            let (_, octets) = self.octets(text, out.length.coding, header.len());
            self.submit(out, coding, esm::UDHI, &[&header[..], &octets].concat(), report)
        };
        (1..=of).zip(texts).map(part).collect()
    }

    /// A text as octets, behind a header of so many, and their `data_coding`.
    fn octets(&self, text: &str, coding: Coding, header: usize) -> (u8, Vec<u8>) {
        let septets = gsm7::encode(text).filter(|_| coding == Coding::Gsm7);
        let octets = match (self.default_alphabet, septets) {
            (Alphabet::Gsm7, Some(septets)) => Some(septets),
            (Alphabet::Gsm7Packed, Some(septets)) => Some(gsm7::pack(&septets, fill(header))),
            (Alphabet::Latin1, Some(_)) => text.chars().map(|c| u8::try_from(c).ok()).collect(),
            (_, None) => None,
        };
        octets.map_or_else(|| (UCS2, text.encode_utf16().flat_map(u16::to_be_bytes).collect()), |octets| (0, octets))
    }

    fn submit(&self, out: &Outgoing<'_>, coding: u8, esm_class: u8, message: &[u8], report: u8) -> Pdu {
        let sender = out.number.sender();
        let digits = sender.strip_prefix('+').unwrap_or(sender);
        let [ton, npi] = self.sender_type.unwrap_or_else(|| type_of(sender));
        let length = u8::try_from(message.len()).unwrap_or(u8::MAX);
        Pdu::new(command::SUBMIT, 0)
            .text("") // service_type
            .bytes(&[ton, npi])
            .text(digits)
            .bytes(&[1, 1]) // the citizen's number is international, in E.164
            .text(out.to.path().trim_start_matches('+'))
            .bytes(&[esm_class, 0, 0])
            .text("") // at once
            .text("") // as long as the centre keeps messages
            .bytes(&[report, 0, coding, 0, length])
            .bytes(message)
    }
}

/// Type of number and numbering plan, by how a sender looks: international, a short code, a name.
fn type_of(sender: &str) -> [u8; 2] {
    match sender.strip_prefix('+').unwrap_or(sender) {
        digits if !digits.bytes().all(|byte| byte.is_ascii_digit()) => [5, 0],
        digits if sender.starts_with('+') || digits.len() > 8 => [1, 1],
        _ => [0, 1],
    }
}

/// Empty bits before packed septets behind a header: the text begins at the next septet's boundary.
fn fill(header: usize) -> u8 {
    u8::try_from((7 - header * 8 % 7) % 7).unwrap_or(0)
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn sar(delivered: &Delivered<'_>) -> Option<Part> {
    let octet = |tag| u8::try_from(delivered.number(tag)?).ok();
    Part::new(delivered.number(tag::SAR_REFERENCE)?, octet(tag::SAR_TOTAL)?, octet(tag::SAR_NUMBER)?)
}

/// A number that stays with a text of a reply.
fn reference(reply: ReplyId, text: &str) -> u8 {
    let print = crate::parse::print(&[&reply.to_string(), text]);
    u8::from_str_radix(print.get(..2).unwrap_or_default(), 16).unwrap_or(0)
}

fn shown(code: u32) -> String {
    format!("0x{code:02x}")
}

/// A report of the centre, by its fields or else by its text: `id:… sub:… dlvrd:… submit date:… done date:… stat:DELIVRD err:000`.
struct Report {
    id: Option<String>,
    state: Option<ReceiptState>,
}

impl Report {
    fn of(delivered: &Delivered<'_>) -> Self {
        let text = latin1(delivered.message);
        let word = |name: &str| {
            let (_, rest) = text.split_once(name)?;
            let word: String = rest.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).take(65).collect();
            (!word.is_empty()).then_some(word)
        };
        let field = delivered.field(tag::RECEIPTED_ID).map(pdu::until_nul).filter(|id| !id.is_empty());
        let stat = word("stat:").map(|stat| stat.to_ascii_uppercase());
        let named = delivered.number(tag::STATE).and_then(state_named).map(str::to_owned).or(stat);
        let why = word("err:").filter(|code| code.bytes().any(|byte| byte != b'0'));
        Self { id: field.or_else(|| word("id:")), state: named.and_then(|named| state(&named, why.as_deref())) }
    }
}

/// `message_state` in the words of the text form (SMPP 3.4, 5.2.28 and appendix B).
fn state_named(number: u16) -> Option<&'static str> {
    ["ENROUTE", "DELIVRD", "EXPIRED", "DELETED", "UNDELIV", "ACCEPTD", "UNKNOWN", "REJECTD"]
        .get(usize::from(number).checked_sub(1)?)
        .copied()
}

/// `None`: nothing has become of it yet.
fn state(named: &str, why: Option<&str>) -> Option<ReceiptState> {
    let failed = |detail: &str| {
        let code = why.map_or_else(|| named.to_owned(), |why| format!("{named} {}", why.chars().take(10).collect::<String>()));
        Some(ReceiptState::Failed { code, detail: detail.to_owned() })
    };
    match named {
        "DELIVRD" => Some(ReceiptState::Delivered),
        "ACCEPTD" => Some(ReceiptState::Sent),
        "EXPIRED" => failed("the telephone could not be reached in time"),
        "UNDELIV" => failed("the network could not deliver it"),
        "REJECTD" | "DELETED" => failed("the network refused it"),
        "UNKNOWN" => Some(ReceiptState::Unknown { detail: "the network does not know what became of it".to_owned() }),
        _ => None,
    }
}

/// The id, as we keep it, of the message that a PDU reports on: for looking up at the door whose it is.
pub(crate) fn reported(smpp: &Smpp, pdu: &[u8]) -> Option<String> {
    let delivered = Delivered::read(pdu).ok().filter(Delivered::is_report)?;
    Some(smpp.message_ids.of_report(&Report::of(&delivered).id?))
}
