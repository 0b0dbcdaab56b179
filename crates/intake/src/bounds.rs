//! Nothing that a citizen or a platform sends may be too much for a table: what is too long is cut where a character ends, what
//! PostgreSQL refuses is left out, and what was cut is noted for staff. The raw bytes stay as they came, in the stream of the door.

use std::{borrow::Cow, ops::Range};

use bytes::Bytes;
use model::{Address, Attachment, Content, Inbound, MessageKey, Point, Timestamp, Visibility};
use sha2::{Digest, Sha256};

/// Words of one message, and of a whole complaint: a dozen pages. Whoever has more to say sends a file.
pub(crate) const MOST_TEXT: usize = 64 * 1024;
const MOST_NAME_CHARS: usize = 200;
const MOST_PLACE_CHARS: usize = 500;
const MOST_FILENAME_CHARS: usize = 200;
const MOST_REASON_CHARS: usize = 200;
/// A platform's id; an index entry ends at 2.7 kB.
const MOST_ID: usize = 512;
const MOST_ATTACHMENTS: usize = 50;
const MOST_ADDRESSES: usize = 8;
/// Nobody wrote before: a platform's clock was never set.
const FIRST_DAY: Timestamp = Timestamp::UNIX_EPOCH;

/// A message that every table takes.
#[derive(Debug, Clone)]
pub(crate) struct Bounded {
    pub(crate) inbound: Inbound,
    /// What was cut, in one clause for staff.
    pub(crate) cut: Option<String>,
}

/// Makes a message fit. Pure, and the same for a redelivery.
pub(crate) fn bounded(mut inbound: Inbound, now: Timestamp) -> Bounded {
    let mut cuts = Cuts::default();
    inbound.key = key(inbound.key);
    inbound.replaces = inbound.replaces.map(key);
    inbound.in_reply_to = inbound.in_reply_to.map(|id| platform_id(&id));
    inbound.thread = inbound.thread.map(|thread| platform_id(&thread));
    inbound.text = cuts.bytes("text", without_nul(inbound.text), MOST_TEXT);
    inbound.sender_name =
        inbound.sender_name.map(|name| cuts.chars("sender_name", one_line(&name), MOST_NAME_CHARS)).filter(|n| !n.is_empty());
    inbound.place = inbound.place.map(|place| cuts.chars("place", one_line(&place), MOST_PLACE_CHARS)).filter(|p| !p.is_empty());
    inbound.unreadable = inbound.unreadable.map(|what| cuts.chars("unreadable", one_line(&what), MOST_REASON_CHARS));
    inbound.category = inbound.category.filter(|code| !code.contains('\0'));
    inbound.office_area = inbound.office_area.filter(|code| !code.contains('\0'));
    inbound.location = inbound.location.and_then(|point| Point::new(point.lat, point.lon));
    if inbound.visibility == Visibility::Sealed {
        keep_nobody(&mut inbound);
    }
    inbound.sender = senders(&inbound);
    cuts.list("contact", &mut inbound.contact, MOST_ADDRESSES);
    cuts.list("attachments", &mut inbound.attachments, MOST_ATTACHMENTS);
    for attachment in &mut inbound.attachments {
        bound_attachment(attachment, &mut cuts);
    }
    if let Some(way) = &mut inbound.reply_to {
        way.account = platform_id(&way.account);
        way.thread = way.thread.as_deref().map(platform_id);
    }
    inbound.received_at = inbound.received_at.clamp(FIRST_DAY, now.max(FIRST_DAY));
    inbound.sent_at = inbound.sent_at.clamp(FIRST_DAY, inbound.received_at);
    Bounded { inbound, cut: cuts.note() }
}

/// Of what is sealed nothing is kept that leads to who wrote, whatever the door sent along. An address that is no more than the message's own key
/// leads to nobody: it stays, so that a form that is sent again is still the same message.
fn keep_nobody(inbound: &mut Inbound) {
    let keys: Vec<&str> = std::iter::once(&inbound.key).chain(&inbound.replaces).map(|key| key.id.as_str()).collect();
    let own = |address: &Address| keys.contains(&address.path());
    inbound.sender.retain(own);
    if !inbound.reply_to.as_ref().is_some_and(|way| own(&way.address)) {
        inbound.reply_to = None;
    }
    inbound.sender_name = None;
    inbound.contact.clear();
    for attachment in &mut inbound.attachments {
        attachment.filename = None;
    }
}

/// Who wrote: none twice. A message without any sender is nobody's but its own.
fn senders(inbound: &Inbound) -> Vec<Address> {
    let mut senders: Vec<Address> = Vec::new();
    for address in inbound.sender.iter().take(MOST_ADDRESSES) {
        if !senders.contains(address) {
            senders.push(address.clone());
        }
    }
    if senders.is_empty() {
        let nobody = Address::new("unknown", &inbound.reference.to_string());
        senders.push(nobody.expect("a number is a path without control characters"));
    }
    senders
}

fn bound_attachment(attachment: &mut Attachment, cuts: &mut Cuts) {
    attachment.filename = attachment.filename.take().map(|name| cuts.chars("filename", one_line(&name), MOST_FILENAME_CHARS));
    attachment.mime = attachment.mime.take().map(|mime| cuts.chars("mime", one_line(&mime), MOST_REASON_CHARS));
    match &mut attachment.content {
        Content::Quarantined { blob, sha256, .. } => {
            blob.0 = without_nul(std::mem::take(&mut blob.0));
            *sha256 = one_line(sha256);
        }
        Content::Missing { why } => *why = cuts.chars("why", one_line(why), MOST_REASON_CHARS),
        Content::Remote(_) => (),
    }
}

fn key(key: MessageKey) -> MessageKey {
    MessageKey { adapter: key.adapter, account: platform_id(&key.account), id: platform_id(&key.id) }
}

/// A platform's id as it is; a monstrous one by its beginning and its hash, which is as good to know it again.
fn platform_id(id: &str) -> String {
    let clean: Cow<'_, str> = if id.contains('\0') { id.replace('\0', "").into() } else { id.into() };
    if clean.len() <= MOST_ID {
        return clean.into_owned();
    }
    format!("{}#{}", &clean[beginning(&clean, 256)], sha256(clean.as_bytes()))
}

/// SHA-256 in hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Bytes::copy_from_slice(&Sha256::digest(bytes)))
}

fn without_nul(mut text: String) -> String {
    text.retain(|c| c != '\0');
    text
}

/// A name or a place: one line, no control characters.
fn one_line(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.trim().to_owned()
}

/// The first bytes of a text, up to where a character ends.
fn beginning(text: &str, most: usize) -> Range<usize> {
    0..text.floor_char_boundary(most)
}

/// What was cut so far.
#[derive(Default)]
struct Cuts(Vec<String>);

impl Cuts {
    fn bytes(&mut self, what: &str, mut text: String, most: usize) -> String {
        if text.len() > most {
            self.0.push(format!("{what}: {} bytes", text.len()));
            text.truncate(beginning(&text, most).end);
        }
        text
    }

    fn chars(&mut self, what: &str, text: String, most: usize) -> String {
        // No text has more characters than bytes.
        if text.len() <= most || text.chars().count() <= most {
            return text;
        }
        self.0.push(format!("{what}: {} chars", text.chars().count()));
        text.chars().take(most).collect()
    }

    fn list<T>(&mut self, what: &str, list: &mut Vec<T>, most: usize) {
        if list.len() > most {
            self.0.push(format!("{what}: {}", list.len()));
            list.truncate(most);
        }
    }

    fn note(self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use model::ReplyTo;

    use super::*;
    use crate::samples::{NOW, inbound};

    #[test]
    fn a_monstrous_message_is_cut_where_a_character_ends_and_says_so() {
        let mut message = inbound("m1", "");
        message.text = format!("\0x{}", "é".repeat(MOST_TEXT));
        message.sender_name = Some("ü\n".repeat(10_000));
        message.key.id = "k".repeat(10_000);
        let bounded = bounded(message, NOW);
        assert_eq!(bounded.inbound.text.len(), MOST_TEXT - 1);
        assert!(bounded.inbound.text.starts_with("xé"));
        assert_eq!(bounded.inbound.sender_name.map(|name| name.chars().count()), Some(MOST_NAME_CHARS));
        assert!(bounded.inbound.key.id.len() <= MOST_ID);
        assert_eq!(bounded.cut.as_deref(), Some("text: 131073 bytes; sender_name: 19999 chars"));
    }

    #[test]
    fn two_monstrous_ids_stay_two() {
        let (a, b) = (format!("{}a", "k".repeat(9_000)), format!("{}b", "k".repeat(9_000)));
        assert_ne!(platform_id(&a), platform_id(&b));
        assert_eq!(platform_id(&a), platform_id(&a));
        assert_eq!(platform_id("wamid.1"), "wamid.1");
    }

    #[test]
    fn what_fits_is_left_as_it_is() {
        let message = inbound("m1", "jalan rusak");
        let bounded = bounded(message.clone(), NOW);
        assert_eq!((bounded.inbound, bounded.cut), (message, None));
    }

    #[test]
    fn a_clock_that_was_never_set_and_one_that_runs_ahead_are_put_right() {
        let mut message = inbound("m1", "");
        message.sent_at = Timestamp::MAX;
        message.received_at = Timestamp::MAX;
        let ahead = bounded(message.clone(), NOW).inbound;
        assert_eq!((ahead.sent_at, ahead.received_at), (NOW, NOW));
        message.sent_at = Timestamp::MIN;
        assert_eq!(bounded(message, NOW).inbound.sent_at, FIRST_DAY);
    }

    #[test]
    fn of_what_is_sealed_nothing_is_kept_that_leads_to_who_wrote() {
        let mut message = inbound("m1", "pungli di loket");
        message.visibility = Visibility::Sealed;
        message.sender_name = Some("Sari Contoh".into());
        message.contact = vec!["mailto:sari@contoh.example".parse().expect("an address")];
        let kept = bounded(message.clone(), NOW).inbound;
        assert_eq!((kept.sender_name, kept.contact.len(), kept.reply_to), (None, 0, None));
        assert_eq!(kept.sender.iter().map(Address::scheme).collect::<Vec<_>>(), ["unknown"]);
        assert_eq!(kept.text, "pungli di loket");
        // A form's own key is nobody's address: it is how the form that is sent again is known.
        let own = Address::new("chat", "m1").expect("an address");
        message.sender.push(own.clone());
        message.reply_to = message.reply_to.map(|way| ReplyTo { address: own.clone(), ..way });
        let kept = bounded(message, NOW).inbound;
        assert_eq!(kept.sender, std::slice::from_ref(&own));
        assert_eq!(kept.reply_to.map(|way| way.address), Some(own));
    }

    #[test]
    fn a_message_without_a_sender_is_nobodys_but_its_own() {
        let mut message = inbound("m1", "");
        message.sender.clear();
        assert_eq!(bounded(message, NOW).inbound.sender.len(), 1);
    }
}
