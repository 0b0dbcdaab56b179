//! From what gateways say to events. Pure: the same bytes give the same events.

use adapter_sdk::{
    Address, Audience, Event, Inbound, MessageKey, ParseError, Proof, Raw, Receipt, Reference, ReplyTo, Timestamp, Visibility,
};
use jiff::SignedDuration;
use sha2::{Digest, Sha256};

use crate::{
    Sms,
    config::{Nameless, Number, WithoutKeyword},
    fields::Fields,
    keyword::{self, Found},
    number::{self, Sender},
    pieces,
    said::{Delivery, Heard, Said, Text, Told},
    udh::Part,
};

/// The longest id of a gateway that stands in a key as it is, in bytes.
const LONGEST_ID: usize = 300;
/// A time further from ours is of a modem without a clock.
const STRANGE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// All parts of a message that are there, or its only one.
struct Whole {
    /// Of its first part that is there.
    first: Heard,
    text: Text,
    /// A part is missing.
    torn: bool,
    /// The beginning is missing, and with it perhaps a keyword.
    headless: bool,
    /// The key's part that is the gateway's.
    id: String,
}

impl Sms {
    /// The events of one raw message.
    pub(crate) fn events(&self, raw: &Raw) -> Result<Vec<Event>, ParseError> {
        let name = Fields::read(raw.query.as_bytes()).text("gateway").ok_or_else(|| ParseError::new("no gateway is named"))?;
        let gateway = self.config.gateway(&name).ok_or_else(|| ParseError::new("of a gateway that is not configured"))?;
        let content_type = raw.header("content-type");
        if content_type == Some(pieces::CONTENT_TYPE) {
            let heard = pieces::read(&raw.body)?.iter().map(|piece| gateway.said(&piece.delivery())).collect::<Result<Vec<_>, _>>()?;
            let heard = heard.into_iter().flatten().filter_map(|said| if let Said::Heard(heard) = said { Some(*heard) } else { None });
            let whole = self.joined(heard.collect()).ok_or_else(|| ParseError::new("parts without any message"))?;
            return Ok(self.message(raw, &name, whole).into_iter().collect());
        }
        let said = gateway.said(&Delivery::new(&raw.query, content_type, &raw.body))?;
        Ok(said.into_iter().filter_map(|said| self.event(raw, &name, said)).collect())
    }

    fn event(&self, raw: &Raw, gateway: &str, said: Said) -> Option<Event> {
        match said {
            Said::Heard(heard) => self.message(raw, gateway, self.joined(vec![*heard])?),
            Said::Told(told) => Some(Event::Receipt(self.receipt(raw, gateway, told))),
            Said::Silence { from, wanted } => {
                let Some(Sender::Telephone(address)) = number::sender(&from) else { return None };
                Some(if wanted { Event::OptOut { address } } else { Event::OptIn { address } })
            }
        }
    }

    fn message(&self, raw: &Raw, gateway: &str, whole: Whole) -> Option<Event> {
        let Whole { first, text, torn, headless, id } = whole;
        let sender = number::sender(&first.from);
        // Our own, come back: a modem in a loop, a gateway that shows what it sent.
        if self.config.numbers.iter().any(|ours| number::same(&ours.number, &first.from)) {
            return None;
        }
        let number = self.config.number_at(gateway, first.to.as_deref());
        let written = text.words();
        let found = number.and_then(|number| keyword::find(&written, &number.keywords, &number.separators));
        let address = match &sender {
            Some(Sender::Telephone(address)) => Some(address.clone()),
            Some(Sender::Nameless(_)) if self.config.nameless == Nameless::Ignore => return None,
            _ => None,
        };
        if let Some(address) = &address
            && let Some(event) = self.wish(address, &written, number, found.as_ref())
        {
            return Some(event);
        }
        let without = number.map(|number| number.without_keyword).filter(|_| found.is_none() && !headless).unwrap_or_default();
        let unreadable = match (&text, without) {
            (_, WithoutKeyword::Ignore) => return None,
            (Text::Unreadable(what), _) => Some((*what).to_owned()),
            (_, WithoutKeyword::Explain) => Some("without a keyword".to_owned()),
            _ if found.as_ref().is_some_and(|found| found.rest.is_empty()) && first.attachments.is_empty() => {
                Some("a keyword alone".to_owned())
            }
            _ => None,
        };
        let account = account(number, found.as_ref(), first.to.as_deref(), gateway);
        let key = MessageKey { adapter: raw.adapter.clone(), account: account.clone(), id: format!("{gateway}:{id}") };
        let words = found.as_ref().map_or(written.trim_end(), |found| found.rest).to_owned();
        let from = match sender {
            Some(Sender::Telephone(address) | Sender::Nameless(address)) => address,
            // A sender of control characters: recorded under an address that is nobody's.
            None => Address::new("sms", &format!("unknown/{}", print(&[&first.from]))).ok()?,
        };
        let inbound = Inbound {
            reference: Reference::of(&key, 0),
            sender: vec![from],
            proof: Proof::Platform, // the network says who wrote
            sender_name: None,
            contact: Vec::new(),
            audience: Audience::Private,
            text: if unreadable.is_some() && !torn { String::new() } else { words },
            sent_at: first.sent_at.filter(|at| raw.received_at.duration_since(*at).abs() <= STRANGE).unwrap_or(raw.received_at),
            received_at: raw.received_at,
            language: None,
            location: None,
            place: None,
            office_area: None,
            category: found.and_then(|found| found.keyword.category.clone()),
            visibility: Visibility::default(),
            attachments: first.attachments,
            in_reply_to: None,
            thread: None,
            replaces: None,
            unreadable,
            reply_to: address.map(|address| ReplyTo {
                adapter: raw.adapter.clone(),
                account,
                address,
                thread: None,
                audience: Audience::Private,
                open_until: None,
            }),
            tracking: None,
            key,
        };
        Some(Event::Message(Box::new(inbound)))
    }

    /// A message that is a wish for silence, or for its end: `STOP`, `BKN STOP`, `STOP BKN`.
    fn wish(&self, address: &Address, written: &str, number: Option<&Number>, found: Option<&Found<'_, '_>>) -> Option<Event> {
        let behind = found.map(|found| found.rest);
        let before = written.trim().rsplit_once(char::is_whitespace).filter(|(_, last)| {
            number
                .is_some_and(|number| keyword::find(last, &number.keywords, &number.separators).is_some_and(|found| found.rest.is_empty()))
        });
        let forms = [Some(written), behind, before.map(|(words, _)| words)];
        let says = |words: &[String]| forms.iter().flatten().any(|form| keyword::is_one_of(form, words));
        let address = || address.clone();
        match () {
            () if says(&self.config.opt_out) => Some(Event::OptOut { address: address() }),
            () if says(&self.config.opt_in) => Some(Event::OptIn { address: address() }),
            () => None,
        }
    }

    /// Puts parts in their order, and says where one is missing. Nothing of what arrived is left out.
    fn joined(&self, mut heard: Vec<Heard>) -> Option<Whole> {
        heard.sort_by_key(|heard| heard.part.map_or(0, |part| part.number));
        heard.dedup_by_key(|heard| heard.part.map_or(0, |part| part.number));
        let id = id(&heard);
        let Some(Part { of, .. }) = heard.first()?.part else {
            let first = heard.into_iter().next()?;
            let text = first.text.clone();
            return Some(Whole { first, text, torn: false, headless: false, id });
        };
        let (mut units, mut torn, mut any) = (Vec::new(), false, false);
        let mut next = 1_u16;
        for heard in heard.iter().filter(|heard| !matches!(heard.text, Text::Unreadable(_))) {
            let number = heard.part.map_or(1, |part| part.number.into());
            torn |= self.missing(&mut units, next, number, of);
            units.extend(heard.text.units());
            next = number + 1;
            any = true;
        }
        torn |= self.missing(&mut units, next, u16::from(of) + 1, of);
        let headless = heard.first().and_then(|heard| heard.part).is_none_or(|part| part.number > 1);
        let sent_at = heard.iter().filter_map(|heard| heard.sent_at).min();
        let mut first = heard.into_iter().next()?;
        first.sent_at = sent_at;
        let text = if any { Text::Units(units) } else { Text::Unreadable("data in parts") };
        Some(Whole { first, text, torn, headless, id })
    }

    /// Says that the parts from `next` to before `number` are missing. Whether any is.
    fn missing(&self, units: &mut Vec<u16>, next: u16, number: u16, of: u8) -> bool {
        if next >= number {
            return false;
        }
        let last = number - 1;
        let which = if next == last { next.to_string() } else { format!("{next}-{last}") };
        let words = self.config.missing_part.replace("{number}", &which).replace("{of}", &of.to_string());
        let before = if units.last().is_none_or(|unit| *unit == u16::from(b' ')) { "" } else { " " };
        let after = if last == u16::from(of) { "" } else { " " };
        units.extend(format!("{before}{words}{after}").encode_utf16());
        true
    }

    fn receipt(&self, raw: &Raw, gateway: &str, told: Told) -> Receipt {
        let number = || self.config.number_at(gateway, told.from.as_deref()).map(|number| number.account().to_owned());
        let account = told.account.clone().filter(|account| account.len() <= LONGEST_ID).or_else(number);
        Receipt {
            reply: told.reply,
            platform_id: told.platform_id,
            adapter: raw.adapter.clone(),
            account: account.unwrap_or_else(|| gateway.to_owned()),
            state: told.state,
            at: told.at.unwrap_or(raw.received_at),
            file_refused: None,
        }
    }
}

/// Where a message belongs: the keyword's account, the number's, or, of a number that nobody configured, the number itself, so that its
/// messages wait for a channel instead of going to another's.
fn account(number: Option<&Number>, found: Option<&Found<'_, '_>>, to: Option<&str>, gateway: &str) -> String {
    let of_keyword = found.map(|found| found.keyword.account.as_str()).filter(|account| !account.is_empty());
    let written = to.map(|to| to.trim().chars().filter(|c| !c.is_control()).take(64).collect::<String>()).filter(|to| !to.is_empty());
    match (of_keyword, number, written) {
        (Some(account), ..) => account.to_owned(),
        (None, Some(number), _) => number.account().to_owned(),
        (None, None, Some(to)) => to,
        (None, None, None) => gateway.to_owned(),
    }
}

/// The gateway's id of a message; of several parts, and where it gives none, a print of what is the same whenever it comes.
fn id(heard: &[Heard]) -> String {
    if let [only] = heard
        && only.part.is_none()
        && let Some(id) = &only.id
        && id.len() <= LONGEST_ID
        && !id.chars().any(char::is_control)
    {
        return id.clone();
    }
    let prints: Vec<String> = heard.iter().map(print_of).collect();
    let kind = if heard.len() > 1 { "parts" } else { "print" };
    format!("{kind}-{}", print(&prints.iter().map(String::as_str).collect::<Vec<_>>()))
}

/// What makes one message or part itself: the same when it is delivered again, another in every other message.
pub(crate) fn print_of(heard: &Heard) -> String {
    let part = heard.part.map(|part| format!("{}/{}/{}", part.reference, part.of, part.number)).unwrap_or_default();
    // Where the gateway names it, that is enough; its time may be the time of the delivery.
    let named = heard.id.clone().unwrap_or_default();
    let time = heard.sent_at.filter(|_| heard.id.is_none()).map(|at: Timestamp| at.to_string()).unwrap_or_default();
    print(&[&named, &heard.from, heard.to.as_deref().unwrap_or_default(), &heard.text.words(), &time, &part])
}

/// A short hash of several texts.
pub(crate) fn print(texts: &[&str]) -> String {
    use std::fmt::Write as _;
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text.len().to_be_bytes());
        hash.update(text);
    }
    hash.finalize()[..16].iter().fold(String::with_capacity(32), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing into a String cannot fail
        text
    })
}
