//! The road, step 2: a mail becomes events. Pure.

use adapter_sdk::{
    Address, Attachment, AttachmentKind, Audience, Content, Event, Inbound, Language, MessageKey, ParseError, Proof, Raw, Receipt,
    ReceiptState, Reference, RemoteMedia, ReplyId, ReplyTo, Timestamp, Visibility,
};
use mail_parser::{Message, MessageParser, MimeHeaders};
use sha2::{Digest, Sha256};

use crate::{
    Email,
    address::{Carried, Mailbox, Signer},
    body::{self, File},
    bounce::{self, Meant},
    kind::{self, Kind},
    thread::{self, Thread},
};

/// What the poller says of a mail beside its bytes.
pub(crate) mod says {
    /// Which of our addresses it was read for.
    pub(crate) const ACCOUNT: &str = "account";
    /// Its size in bytes, where it was too large to be read whole: the bytes are its beginning.
    pub(crate) const SIZE: &str = "whole-size";
    /// The server does not give it out: the bytes are empty.
    pub(crate) const REFUSED: &str = "refused";
}

/// The longest Message-ID that is kept as it is; a longer one is known by its mail's hash alone.
const LONGEST_ID: usize = 300;
/// Files of one mail; the core takes fifty.
const MOST_FILES: usize = 48;
/// Recipients that are looked at.
const MOST_RECIPIENTS: usize = 100;

/// The events in one mail.
pub(crate) fn events(raw: &Raw, email: &Email) -> Result<Vec<Event>, ParseError> {
    let polled = raw.header(says::ACCOUNT).ok_or_else(|| ParseError::new("nothing says which mailbox it is from"))?;
    if raw.header(says::REFUSED).is_some() {
        return Err(ParseError::new("the mail server lists this mail and does not give it out"));
    }
    let mail = MessageParser::default().parse(&raw.body).ok_or_else(|| ParseError::new("no mail: it has no head"))?;
    Ok(Reading::new(raw, email, &mail, polled)?.events())
}

/// The bytes of a file that [`events`] named.
pub(crate) fn file(raw: &Raw, id: &str) -> Option<Vec<u8>> {
    body::bytes(&MessageParser::default().parse(&raw.body)?, id)
}

/// One mail while it is read.
struct Reading<'a> {
    raw: &'a Raw,
    mail: &'a Message<'a>,
    from: Option<Mailbox>,
    account: &'a Mailbox,
    accounts: &'a [Mailbox],
    authserv_id: &'a str,
    carried: Option<Carried>,
}

impl<'a> Reading<'a> {
    fn new(raw: &'a Raw, email: &'a Email, mail: &'a Message<'a>, polled: &str) -> Result<Self, ParseError> {
        let recipients = recipients(mail);
        // A copy for another of our addresses has the same head: the first one named there has both, and the second comes again.
        let named = || recipients.named.iter().find_map(|to| email.mailboxes.iter().position(|account| to.belongs_to(account)));
        let polled = || email.mailboxes.iter().position(|account| account.known() == polled.to_lowercase());
        let place = named().or_else(polled).ok_or_else(|| ParseError::new("from a mailbox that is not configured any more"))?;
        let account = &email.mailboxes[place];
        let signer = Signer { key: email.config.reply_key.expose().as_bytes(), account };
        let carried = recipients.named.iter().chain(&recipients.delivered).find_map(|to| signer.read(to));
        let authserv_id = email.config.accounts[place].authserv_id.as_str();
        Ok(Self { raw, mail, from: from(mail), account, accounts: &email.mailboxes, authserv_id, carried })
    }

    fn events(&self) -> Vec<Event> {
        let returned = match self.carried {
            Some(Carried::Returned(reply)) => Some(reply),
            _ => None,
        };
        let kind = kind::kind(self.mail, self.from.as_ref(), self.accounts, returned.is_some());
        match kind {
            Kind::Own => Vec::new(),
            Kind::Bounce => self.receipt(bounce::told(self.mail, returned, self.account)),
            Kind::ReadReceipt => self.receipt(bounce::shown(self.mail, self.account)),
            Kind::AutoReply if self.answers_us() => self.receipt(self.arrived(returned)),
            Kind::AutoReply | Kind::NoReply | Kind::Quiet | Kind::Person => vec![Event::Message(Box::new(self.message(kind)))],
        }
    }

    fn receipt(&self, told: Option<(Meant, ReceiptState)>) -> Vec<Event> {
        let Some((meant, state)) = told else { return Vec::new() };
        let (reply, platform_id) = match meant {
            Meant::Reply(reply) => (Some(reply), None),
            Meant::Id(id) => (None, Some(id)),
        };
        let adapter = self.raw.adapter.clone();
        let at = self.sent_at().min(self.raw.received_at);
        vec![Event::Receipt(Receipt { reply, platform_id, adapter, account: self.account.known(), state, at, file_refused: None })]
    }

    /// A machine answers in the person's absence: so it got there.
    fn arrived(&self, returned: Option<ReplyId>) -> Option<(Meant, ReceiptState)> {
        let meant = returned.map(Meant::Reply).or_else(|| self.our_id().map(Meant::Id))?;
        Some((meant, ReceiptState::Delivered))
    }

    fn answers_us(&self) -> bool {
        self.carried.is_some() || self.our_id().is_some()
    }

    /// The newest mail of ours that this one names as what it answers.
    fn our_id(&self) -> Option<String> {
        let named = ids(self.mail.in_reply_to()).into_iter().chain(ids(self.mail.references()).into_iter().rev());
        named.into_iter().find_map(|id| bounce::our_id(&id, self.account))
    }

    fn message(&self, kind: Kind) -> Inbound {
        let subject = self.mail.subject().unwrap_or_default().trim();
        let body = body::read(self.mail, thread::is_forward(subject));
        let id = self.mail.message_id().map(str::trim).filter(|id| !id.is_empty() && id.len() <= LONGEST_ID).map(str::to_owned);
        let key = MessageKey { adapter: self.raw.adapter.clone(), account: self.account.known(), id: self.key_id(id.as_deref()) };
        let sender = self.from.as_ref().and_then(Mailbox::address);
        let in_reply_to = self.our_id();
        let proof = self.proof();
        let thread = Thread {
            message: id.clone(),
            root: ids(self.mail.references()).into_iter().next().filter(|root| Some(root) != id.as_ref()),
            subject: thread::bare_subject(subject).to_owned(),
            quiet: kind == Kind::Quiet,
        };
        let root = ids(self.mail.references()).into_iter().next().or_else(|| ids(self.mail.in_reply_to()).into_iter().next()).or(id);
        let answers = thread::is_answer(subject) && (in_reply_to.is_some() || matches!(proof, Proof::Answer(_)));
        let can_answer = matches!(kind, Kind::Person | Kind::Quiet);
        Inbound {
            reference: Reference::of(&key, 0),
            reply_to: sender.as_ref().filter(|_| can_answer).and_then(|_| self.reply_to(thread)),
            sender: vec![sender.unwrap_or_else(|| nobody(&key))],
            proof,
            sender_name: self.sender_name(),
            contact: Vec::new(),
            audience: Audience::Private,
            text: with_subject(if answers { "" } else { thread::bare_subject(subject) }, body.text),
            sent_at: self.sent_at(),
            received_at: self.raw.received_at,
            language: self.language(),
            location: None,
            place: None,
            office_area: None,
            category: None,
            visibility: Visibility::default(),
            attachments: self.attachments(&body.files),
            in_reply_to,
            thread: root,
            replaces: None,
            unreadable: body.sealed.then(|| "an encrypted mail".to_owned()),
            tracking: None,
            key,
        }
    }

    /// Message-ID and hash: programs that give several mails one id lose none, and a mail that is read again is the same.
    fn key_id(&self, id: Option<&str>) -> String {
        let mut hash = Sha256::new();
        for name in ["From", "Date", "Subject"] {
            hash.update(kind::text(self.mail, name).unwrap_or_default());
            hash.update([0]);
        }
        let start = usize::try_from(self.mail.root_part().raw_body_offset()).unwrap_or(usize::MAX);
        let body = self.raw.body.get(start..).unwrap_or_default();
        let end = body.iter().rposition(|byte| !byte.is_ascii_whitespace()).map_or(0, |last| last + 1);
        for line in body[..end].split(|&byte| byte == b'\n') {
            hash.update(line.strip_suffix(b"\r").unwrap_or(line));
            hash.update(b"\n");
        }
        let digest = hash.finalize();
        let hash = u64::from_be_bytes(std::array::from_fn(|place| digest[place]));
        format!("{}#{hash:016x}", id.unwrap_or_default())
    }

    fn proof(&self) -> Proof {
        match (self.carried, &self.from) {
            (Some(Carried::Answer(number)), _) => Proof::Answer(number),
            (_, Some(from)) if kind::is_proven(self.mail, from, self.authserv_id) => Proof::Platform,
            _ => Proof::Claim,
        }
    }

    fn reply_to(&self, thread: Thread) -> Option<ReplyTo> {
        let address = Address::new("mailto", &self.from.as_ref()?.written()).ok()?;
        let account = self.account.known();
        Some(ReplyTo {
            adapter: self.raw.adapter.clone(),
            account,
            address,
            thread: Some(thread.written()),
            audience: Audience::Private,
            open_until: None,
        })
    }

    fn sender_name(&self) -> Option<String> {
        let name = self.mail.from()?.first()?.name()?.trim().trim_matches('"').trim();
        (!name.is_empty() && !name.contains('@')).then(|| crate::charset::mended(name.to_owned()))
    }

    fn sent_at(&self) -> Timestamp {
        let written = self.mail.date().filter(|date| date.is_valid()).and_then(|date| Timestamp::from_second(date.to_timestamp()).ok());
        written.unwrap_or(self.raw.received_at)
    }

    fn language(&self) -> Option<Language> {
        let named = self.mail.content_language().as_text()?;
        (!named.contains(',')).then(|| Language::from_tag(named.trim()))
    }

    fn attachments(&self, files: &[File]) -> Vec<Attachment> {
        let whole_size = self.raw.header(says::SIZE);
        let content = |file: &File| match whole_size {
            Some(_) => Content::Missing { why: "the mail is larger than we take; it is whole in the mailbox".to_owned() },
            None => Content::Remote(RemoteMedia { id: file.id.clone(), params: std::collections::BTreeMap::new() }),
        };
        let attachment =
            |file: &File| Attachment { kind: file.kind, mime: file.mime.clone(), filename: file.name.clone(), content: content(file) };
        let mut attachments: Vec<Attachment> = files.iter().take(MOST_FILES).map(attachment).collect();
        if let Some(size) = whole_size {
            let why = format!("the mail has {size} bytes, more than we take; it is whole in the mailbox");
            attachments.push(Attachment {
                kind: AttachmentKind::Document,
                mime: None,
                filename: Some("surat.eml".into()),
                content: Content::Missing { why },
            });
        }
        attachments
    }
}

/// The subject says what it is about, unless the text begins with it.
fn with_subject(subject: &str, text: String) -> String {
    if subject.is_empty() || text.starts_with(subject) {
        return text;
    }
    if text.is_empty() { subject.to_owned() } else { format!("{subject}\n\n{text}") }
}

/// A mail without a sender is nobody's but its own.
fn nobody(key: &MessageKey) -> Address {
    Address::new("unknown", &Reference::of(key, 0).to_string()).expect("a number is a path without control characters")
}

fn from(mail: &Message<'_>) -> Option<Mailbox> {
    let first =
        |address: Option<&mail_parser::Address<'_>>| address.and_then(|list| list.iter().find_map(|one| Mailbox::parse(one.address()?)));
    first(mail.from()).or_else(|| first(mail.sender()))
}

/// To whom it went.
struct Recipients {
    /// Named in the head, by whoever wrote it.
    named: Vec<Mailbox>,
    /// Where hosts say that they delivered it.
    delivered: Vec<Mailbox>,
}

fn recipients(mail: &Message<'_>) -> Recipients {
    let lists = mail.all_to().chain(mail.all_cc());
    let named = lists.flat_map(mail_parser::Address::iter).filter_map(|one| Mailbox::parse(one.address()?)).take(MOST_RECIPIENTS).collect();
    let told = ["Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To"];
    let delivered = mail.headers_raw().filter(|(name, _)| told.iter().any(|known| name.eq_ignore_ascii_case(known)));
    let delivered = delivered.flat_map(|(_, value)| value.split(',')).filter_map(Mailbox::parse).take(MOST_RECIPIENTS).collect();
    Recipients { named, delivered }
}

/// The Message-IDs of a header, without brackets.
fn ids(value: &mail_parser::HeaderValue<'_>) -> Vec<String> {
    let fits = |id: &str| !id.is_empty() && id.len() <= LONGEST_ID && !id.chars().any(char::is_whitespace);
    let listed = value.as_text_list().map(|list| list.iter().map(AsRef::as_ref).collect::<Vec<&str>>());
    let listed = listed.unwrap_or_else(|| value.as_text().into_iter().collect());
    listed.into_iter().map(|id| id.trim().trim_start_matches('<').trim_end_matches('>')).filter(|id| fits(id)).map(str::to_owned).collect()
}
