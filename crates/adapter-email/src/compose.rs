//! A reply as a mail: headers that keep machines from answering, words in plain and simple HTML.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use adapter_sdk::{Language, Reference, Reply, ReplyFile, ReplyKind, SendError};
use lettre::{
    Message,
    message::{
        Attachment, Mailbox as Named, MultiPart, SinglePart,
        header::{ContentType, HeaderName, HeaderValue, MessageId},
    },
};
use serde::Deserialize;

use crate::{
    address::{Mailbox, Signer},
    config::Account,
    kind::LOOP,
    quote::MARKERS,
    thread::{self, Thread},
};

/// A mail that is ready to go.
pub(crate) struct Letter {
    /// Where it returns when it cannot be delivered.
    pub(crate) sender: String,
    /// Without brackets.
    pub(crate) id: String,
    /// The mail itself.
    pub(crate) mail: Message,
}

/// The words of the frame around a reply.
#[derive(Deserialize)]
struct Words {
    marker: String,
    subject: String,
    footer: String,
    footer_closed: String,
}

static ID: LazyLock<Words> = LazyLock::new(|| words(include_str!("../words/id.toml")));
static EN: LazyLock<Words> = LazyLock::new(|| words(include_str!("../words/en.toml")));

fn words(file: &str) -> Words {
    toml::from_str(file).expect("the word files are read by a test")
}

fn of(language: Language) -> &'static Words {
    match language {
        Language::Id => &ID,
        Language::En => &EN,
    }
}

/// Whether nobody wrote these words for this citizen: then a machine's mail is never answered with them, and their number is bounded.
pub(crate) fn is_automatic(kind: ReplyKind) -> bool {
    match kind {
        ReplyKind::Received
        | ReplyKind::Forwarded
        | ReplyKind::Routed
        | ReplyKind::Noted
        | ReplyKind::Started
        | ReplyKind::Reopened
        | ReplyKind::Unreadable
        | ReplyKind::Wanted
        | ReplyKind::Closed
        | ReplyKind::Unblocked => true,
        ReplyKind::Asked
        | ReplyKind::Answered
        | ReplyKind::HandedOver
        | ReplyKind::Resolved
        | ReplyKind::Blocked
        | ReplyKind::Entrusted
        | ReplyKind::Escalated => false,
    }
}

/// Puts a reply into a mail.
pub(crate) fn letter(reply: &Reply, account: &Account, ours: &Mailbox, to: &Mailbox, key: &[u8]) -> Result<Letter, SendError> {
    let thread = Thread::read(reply.to.thread.as_deref());
    let reference: Option<Reference> = reply.params.get("reference").and_then(|number| number.parse().ok());
    let signer = Signer { key, account: ours };
    let answer = Some(()).filter(|()| !key.is_empty()).and(reference).and_then(|reference| signer.answer(reference));
    let sender = Some(()).filter(|()| !key.is_empty()).and_then(|()| signer.returns(reply.id)).unwrap_or_else(|| ours.known());
    let id = message_id(reply, reference, ours);
    let answer = answer.unwrap_or_else(|| ours.known());
    let mut builder = Message::builder()
        .from(named(&account.name, &account.address)?)
        .reply_to(named(&account.name, &answer)?)
        .to(named("", &to.written())?)
        .subject(subject(reply, &thread, reference))
        .header(MessageId::from(format!("<{id}>")));
    if let Some(message) = &thread.message {
        let root = thread.root.as_ref().filter(|root| *root != message);
        let references = root.map_or_else(|| format!("<{message}>"), |root| format!("<{root}> <{message}>"));
        builder = builder.in_reply_to(format!("<{message}>")).references(references);
    }
    let automatic = is_automatic(reply.kind);
    for (name, value) in [
        ("X-Auto-Response-Suppress", "All"),
        (LOOP, ours.known().as_str()),
        ("Content-Language", reply.language.tag()),
        ("Auto-Submitted", if automatic { "auto-replied" } else { "no" }),
    ] {
        let name = HeaderName::new_from_ascii(name.to_owned()).map_err(|_| not_a_mail())?;
        builder = builder.raw_header(HeaderValue::new(name, value.to_owned()));
    }
    let text = text(reply, reference.is_some());
    let body =
        MultiPart::alternative().singlepart(SinglePart::plain(text.clone())).singlepart(SinglePart::html(page(&text, reply.language)));
    // What the envelope says is given to the server by itself.
    let mail = builder.multipart(with_files(body, &reply.files)).map_err(|_| not_a_mail())?;
    Ok(Letter { sender, id, mail })
}

/// The words first, as they are alone; then the files.
fn with_files(words: MultiPart, files: &[ReplyFile]) -> MultiPart {
    if files.is_empty() {
        return words;
    }
    files.iter().fold(MultiPart::mixed().multipart(words), |mail, file| {
        let kind = ContentType::parse(&file.mime).unwrap_or_else(|_| ContentType::parse("application/octet-stream").expect("a media type"));
        mail.singlepart(Attachment::new(file.filename.clone()).body(file.bytes.to_vec(), kind))
    })
}

fn not_a_mail() -> SendError {
    SendError::rejected("address", "no mail can be made of it")
}

fn named(name: &str, address: &str) -> Result<Named, SendError> {
    let address = address.parse().map_err(|_| SendError::rejected("address", "not an address that mail can be sent to"))?;
    Ok(Named::new(Some(name.to_owned()).filter(|name| !name.is_empty()), address))
}

/// The reply's id makes it the same whenever the reply is sent; the number helps people who read heads.
fn message_id(reply: &Reply, reference: Option<Reference>, ours: &Mailbox) -> String {
    let number = reference.map_or_else(|| "none".to_owned(), |number| number.to_string().replace('-', ""));
    format!("{}.{number}@{}", reply.id.to_string().replace('-', ""), ours.domain())
}

/// As the citizen called it, with our number; without theirs, our own words.
fn subject(reply: &Reply, thread: &Thread, reference: Option<Reference>) -> String {
    let number = reference.map(|number| number.to_string());
    let bare = thread::bare_subject(&thread.subject);
    let own = || {
        let params = BTreeMap::from([
            ("reference".to_owned(), number.clone().unwrap_or_default()),
            ("site".to_owned(), reply.params.get("site").cloned().unwrap_or_default()),
        ]);
        adapter_sdk::model::fill(&of(reply.language).subject, &params).trim().to_owned()
    };
    let line: String = match (&number, bare.is_empty()) {
        (_, true) => own(),
        (Some(number), false) if bare.contains(number.as_str()) => format!("Re: {bare}"),
        (Some(number), false) => format!("Re: {bare} [{number}]"),
        (None, false) => format!("Re: {bare}"),
    };
    line.chars().filter(|c| !c.is_control()).collect()
}

/// The reply's words between the line above which to answer and how to answer.
fn text(reply: &Reply, can_join: bool) -> String {
    let words = of(reply.language);
    let footer = if can_join { &words.footer } else { &words.footer_closed };
    format!("-- {} --\n\n{}\n\n{}\n", words.marker, reply.text.trim(), footer.trim())
}

/// The same as a page: paragraphs, links that can be followed, nothing loaded from anywhere.
fn page(text: &str, language: Language) -> String {
    let paragraphs: Vec<String> = text
        .trim()
        .split("\n\n")
        .map(|paragraph| {
            let lines: Vec<String> = paragraph.lines().map(line).collect();
            format!("<p>{}</p>", lines.join("<br>\n"))
        })
        .collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\"></head>\n\
         <body style=\"font-family: sans-serif; font-size: 16px; line-height: 1.5; color: #111; background: #fff\">\n{}\n</body></html>\n",
        language.tag(),
        paragraphs.join("\n")
    )
}

fn line(line: &str) -> String {
    let words: Vec<String> = line
        .split(' ')
        .map(|word| {
            let bare = word.trim_end_matches(['.', ',', ')', ';']);
            let safe = (bare.starts_with("https://") || bare.starts_with("http://")) && bare.len() > 10;
            if safe { format!("<a href=\"{0}\">{0}</a>{1}", escaped(bare), escaped(&word[bare.len()..])) } else { escaped(word) }
        })
        .collect();
    words.join(" ")
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// The first line of our mails is the one that [`crate::quote`] knows.
const _: () = assert!(MARKERS.len() == 2);

#[cfg(test)]
mod tests {
    use adapter_sdk::{Address, Audience, MessageKey, ReplyId, ReplyTo, Timestamp};
    use mail_parser::MessageParser;

    use super::*;
    use crate::config::{Account, Security, Server};

    fn server() -> Server {
        Server {
            host: "localhost".into(),
            port: None,
            security: Security::None,
            user: String::new(),
            password: adapter_sdk::Secret::new(""),
            oauth: None,
            ca: None,
        }
    }

    fn account() -> Account {
        Account {
            address: "aduan@kota.example.id".into(),
            name: "Pengaduan Kota Contoh".into(),
            folders: vec!["INBOX".into()],
            authserv_id: String::new(),
            imap: server(),
            smtp: server(),
        }
    }

    pub(super) fn reply(kind: ReplyKind, thread: Thread) -> Reply {
        let reference = Reference::of(&MessageKey { adapter: "email".parse().expect("a name"), account: "a".into(), id: "1".into() }, 0);
        Reply {
            id: ReplyId::new(Timestamp::UNIX_EPOCH),
            to: ReplyTo {
                adapter: "email".parse().expect("a name"),
                account: "aduan@kota.example.id".into(),
                address: Address::new("mailto", "Warga@example.id").expect("an address"),
                thread: Some(thread.written()),
                audience: Audience::Private,
                open_until: None,
            },
            kind,
            language: Language::Id,
            text: format!("Terima kasih <b>&</b>.\nNomor: {reference}\nPantau di sini: https://lapor.example.id/t/AAA\nJalan \"Melati\""),
            short: Vec::new(),
            params: BTreeMap::from([("reference".into(), reference.to_string()), ("site".into(), "Kota Contoh".into())]),
            menu: None,
            files: Vec::new(),
        }
    }

    fn written(reply: &Reply) -> (Letter, String) {
        let (account, ours) = (account(), Mailbox::parse("aduan@kota.example.id").expect("an address"));
        let to = Mailbox::parse(reply.to.address.path()).expect("an address");
        let letter = letter(reply, &account, &ours, &to, b"an invented key of many characters").expect("a letter");
        let text = String::from_utf8(letter.mail.formatted()).expect("a mail is ASCII");
        (letter, text)
    }

    #[test]
    fn an_answer_is_threaded_signed_and_keeps_machines_quiet() {
        let thread = Thread {
            message: Some("m1@example.id".into()),
            root: Some("m0@example.id".into()),
            subject: "Re: Lampu mati é".into(),
            quiet: false,
        };
        let reply = reply(ReplyKind::Received, thread);
        let (letter, text) = written(&reply);
        let mail = MessageParser::default().parse(text.as_bytes()).expect("a mail");
        let number = &reply.params["reference"];
        assert_eq!(mail.subject(), Some(format!("Re: Lampu mati é [{number}]").as_str()));
        let header = |name: &'static str| crate::kind::text(&mail, name).unwrap_or_else(|| panic!("{name} in {text}"));
        assert_eq!(header("In-Reply-To"), "<m1@example.id>");
        assert_eq!(header("References"), "<m0@example.id> <m1@example.id>");
        assert_eq!((header("Auto-Submitted").as_str(), header("X-Auto-Response-Suppress").as_str()), ("auto-replied", "All"));
        assert_eq!(mail.message_id(), Some(letter.id.as_str()));
        let answer = mail.reply_to().and_then(|to| to.first()).and_then(|to| Mailbox::parse(to.address()?)).expect("an address");
        let ours = Mailbox::parse("aduan@kota.example.id").expect("an address");
        let signer = Signer { key: b"an invented key of many characters", account: &ours };
        assert_eq!(signer.read(&answer), Some(crate::address::Carried::Answer(number.parse().expect("a number"))));
        let back = Mailbox::parse(&letter.sender).expect("an address");
        assert_eq!(signer.read(&back), Some(crate::address::Carried::Returned(reply.id)));
        assert_eq!(crate::bounce::our_id(&letter.id, &ours).as_deref(), Some(letter.id.as_str()));
        let accounts = [ours];
        assert_eq!(
            crate::kind::kind(&mail, Mailbox::parse("x@example.id").as_ref(), &accounts, false),
            crate::kind::Kind::Own,
            "by X-Loop"
        );
    }

    #[test]
    fn words_are_escaped_and_links_lead_where_they_say() {
        let (_, text) = written(&reply(ReplyKind::Answered, Thread::default()));
        let mail = MessageParser::default().parse(text.as_bytes()).expect("a mail");
        let page = mail.body_html(0).expect("a page");
        assert!(page.contains("&lt;b&gt;&amp;&lt;/b&gt;") && page.contains("Jalan &quot;Melati&quot;"), "{page}");
        assert!(page.contains("<a href=\"https://lapor.example.id/t/AAA\">https://lapor.example.id/t/AAA</a>"), "{page}");
        assert!(!page.contains("<b>") && !page.contains("src="));
        let plain = mail.body_text(0).expect("a text");
        assert!(plain.contains("Terima kasih <b>&</b>."), "{plain}");
        assert_eq!(crate::kind::text(&mail, "Auto-Submitted").as_deref(), Some("no"));
        assert!(mail.subject().is_some_and(|subject| subject.starts_with("Laporan ")), "{:?}", mail.subject());
    }

    #[test]
    fn what_a_citizen_quotes_of_ours_is_cut_by_its_first_line() {
        for language in [Language::Id, Language::En] {
            let sent = text(&Reply { language, ..reply(ReplyKind::Asked, Thread::default()) }, true);
            let quoted = sent.lines().map(|line| format!("> {line}\n")).collect::<Vec<_>>().concat();
            let cut = crate::quote::trimmed(&format!("Sisi utara.\n\n{quoted}"), false);
            assert!(cut.text == "Sisi utara." && cut.ours, "{cut:?}");
        }
    }

    #[test]
    fn files_lie_beside_the_words_and_the_words_stay_as_they_are() {
        let alone = reply(ReplyKind::Resolved, Thread::default());
        let file = ReplyFile {
            kind: adapter_sdk::AttachmentKind::Image,
            mime: "image/jpeg".into(),
            filename: "7KQ2-M4XT-9PCH.jpg".into(),
            size: 3,
            at: String::new(),
            bytes: vec![0xFF, 0xD8, 0].into(),
        };
        let (_, without) = written(&alone);
        let (_, with) = written(&Reply { files: vec![file], ..alone });
        let parse = |text: &str| MessageParser::default().parse(text.as_bytes()).map(mail_parser::Message::into_owned).expect("a mail");
        let (without, with) = (parse(&without), parse(&with));
        assert_eq!((with.body_text(0), with.body_html(0)), (without.body_text(0), without.body_html(0)));
        assert_eq!((without.attachment_count(), with.attachment_count()), (0, 1));
        let file = with.attachment(0).expect("a file");
        assert_eq!(file.contents(), [0xFF, 0xD8, 0]);
        assert_eq!(mail_parser::MimeHeaders::attachment_name(file), Some("7KQ2-M4XT-9PCH.jpg"));
    }

    #[test]
    fn a_hostile_subject_or_name_adds_no_header() {
        let thread = Thread { subject: "x\r\nBcc: orang@example.id".into(), ..Thread::default() };
        let (_, text) = written(&reply(ReplyKind::Received, thread));
        let mail = MessageParser::default().parse(text.as_bytes()).expect("a mail");
        assert!(mail.bcc().is_none(), "{text}");
    }
}
