//! What kind of mail it is: decides whether it is a message at all, and whether a machine may answer it (RFC 3834).

use mail_parser::{Message, MimeHeaders};

use crate::address::Mailbox;

/// What a mail is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A person wrote it, as far as one can see.
    Person,
    /// A machine or a list sent it: it may be a complaint, and is never answered by a machine.
    Quiet,
    /// Nobody reads what is written back.
    NoReply,
    /// A machine answered in a person's absence.
    AutoReply,
    /// A host tells what became of a mail.
    Bounce,
    /// A program tells that a mail was shown.
    ReadReceipt,
    /// We sent it.
    Own,
}

/// The header with which our own mails know themselves again.
pub(crate) const LOOP: &str = "X-Loop";
/// Senders behind which nobody reads.
const NOBODY: [&str; 9] =
    ["noreply", "no-reply", "no_reply", "donotreply", "do-not-reply", "do_not_reply", "mailer-daemon", "postmaster", "bounce"];
/// Answers of machines that say so nowhere but in their subject.
const AUTOMATIC_SUBJECTS: [&str; 9] = [
    "automatic reply:",
    "automatic reply",
    "auto-reply",
    "auto reply",
    "autoreply",
    "out of office",
    "balasan otomatis",
    "jawaban otomatis",
    "di luar kantor",
];

/// What a mail is. `returned`: it came to the address where our undeliverable replies return.
pub(crate) fn kind(mail: &Message<'_>, from: Option<&Mailbox>, accounts: &[Mailbox], returned: bool) -> Kind {
    let header = |name: &'static str| text(mail, name).unwrap_or_default().to_lowercase();
    let ours = |mailbox: &Mailbox| accounts.iter().any(|account| mailbox.belongs_to(account));
    let carries_loop = mail.header_values(LOOP).filter_map(|value| value.as_text().and_then(Mailbox::parse)).any(|known| ours(&known));
    if from.is_some_and(ours) || carries_loop {
        return Kind::Own;
    }
    match report(mail).as_deref() {
        Some("delivery-status") => return Kind::Bounce,
        Some("disposition-notification") => return Kind::ReadReceipt,
        Some(_) => return Kind::Quiet,
        None => {}
    }
    let submitted = header("Auto-Submitted");
    let submitted = submitted.split(';').next().unwrap_or_default().trim();
    let precedence = header("Precedence");
    let subject = mail.subject().unwrap_or_default().trim().to_lowercase();
    let daemon = from.is_some_and(|from| matches!(from.local().as_str(), "mailer-daemon" | "postmaster" | "mail-daemon" | "mdaemon"));
    let nowhere = text(mail, "Return-Path").is_some_and(|path| matches!(path.trim(), "" | "<>"));
    let answers = submitted.starts_with("auto-replied")
        || precedence == "auto_reply"
        || ["X-Autoreply", "X-Autorespond", "X-Autoresponse"].into_iter().any(|name| has(mail, name))
        || header("X-Auto-Response-Suppress") == "all" && AUTOMATIC_SUBJECTS.iter().any(|start| subject.starts_with(start));
    if answers && !daemon {
        return Kind::AutoReply;
    }
    if daemon && (returned || nowhere || is_undelivered(&subject)) || returned && (nowhere || is_undelivered(&subject)) {
        return Kind::Bounce;
    }
    if AUTOMATIC_SUBJECTS.iter().any(|start| subject.starts_with(start)) {
        return Kind::AutoReply;
    }
    let nobody = from.is_none_or(|from| {
        let local = from.local();
        NOBODY.iter().any(|name| local == *name || local.starts_with(&format!("{name}-")) || local.starts_with(&format!("{name}+")))
    });
    if nobody || nowhere {
        return Kind::NoReply;
    }
    let suppress = header("X-Auto-Response-Suppress");
    let machine = !matches!(submitted, "" | "no")
        || matches!(precedence.as_str(), "bulk" | "junk" | "list")
        || ["List-Id", "List-Unsubscribe", "List-Post", "Mailing-List", "X-Mailing-List", "Feedback-ID"]
            .into_iter()
            .any(|name| has(mail, name))
        || !matches!(suppress.as_str(), "" | "none")
        || has(mail, LOOP);
    if machine { Kind::Quiet } else { Kind::Person }
}

/// The `report-type` of a report.
fn report(mail: &Message<'_>) -> Option<String> {
    let content = mail.content_type()?;
    let is_report =
        content.ctype().eq_ignore_ascii_case("multipart") && content.subtype().is_some_and(|kind| kind.eq_ignore_ascii_case("report"));
    is_report.then(|| content.attribute("report-type").unwrap_or("delivery-status").to_lowercase())
}

fn is_undelivered(subject: &str) -> bool {
    let words = [
        "undeliver",
        "returned mail",
        "delivery status",
        "delivery failure",
        "failure notice",
        "mail delivery failed",
        "gagal terkirim",
        "tidak terkirim",
    ];
    words.iter().any(|word| subject.contains(word))
}

/// A header's value as it stands there, unfolded.
pub(crate) fn text(mail: &Message<'_>, name: &'static str) -> Option<String> {
    Some(mail.header_raw(name)?.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn has(mail: &Message<'_>, name: &'static str) -> bool {
    mail.header_raw(name).is_some()
}

/// Whether our own mail server says that the domain of the sender's address stands behind the mail (RFC 8601). Only what stands above
/// everything that another host wrote counts, and of that the first word about DMARC.
pub(crate) fn is_proven(mail: &Message<'_>, from: &Mailbox, authserv_id: &str) -> bool {
    if authserv_id.is_empty() {
        return false;
    }
    for (name, value) in mail.headers_raw() {
        if !name.eq_ignore_ascii_case("Authentication-Results") {
            continue;
        }
        let value = without_comments(value);
        let mut parts = value.split(';').map(str::trim);
        let by = parts.next().and_then(|id| id.split_whitespace().next()).unwrap_or_default();
        if !by.eq_ignore_ascii_case(authserv_id) {
            return false;
        }
        for part in parts {
            let mut words = part.split_whitespace();
            let Some(("dmarc", result)) = words.next().and_then(|word| word.split_once('=')) else { continue };
            let about = words.find_map(|word| word.strip_prefix("header.from="));
            return result.eq_ignore_ascii_case("pass") && about.is_none_or(|about| about.eq_ignore_ascii_case(from.domain()));
        }
    }
    false
}

/// RFC 5322 lets people talk in brackets anywhere.
fn without_comments(value: &str) -> String {
    let mut depth = 0_u32;
    let mut plain = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            c if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;

    use super::*;

    fn of(head: &str) -> Kind {
        let text = format!("{head}\r\n\r\nIsi.\r\n");
        let mail = MessageParser::default().parse(text.as_bytes()).expect("a mail");
        let from = mail.from().and_then(|from| from.first()).and_then(|from| Mailbox::parse(from.address()?));
        let ours = [Mailbox::parse("aduan@kota.example.id").expect("an address")];
        kind(&mail, from.as_ref(), &ours, false)
    }

    #[test]
    fn who_may_be_answered_by_a_machine_is_decided_as_rfc_3834_says() {
        let person = "From: Warga <warga@example.id>\r\nSubject: Lampu";
        let table = [
            ("", Kind::Person),
            ("Auto-Submitted: no", Kind::Person),
            ("X-Auto-Response-Suppress: None", Kind::Person),
            ("Return-Path: <warga@example.id>", Kind::Person),
            ("Auto-Submitted: auto-replied", Kind::AutoReply),
            ("Auto-Submitted: auto-replied (vacation)", Kind::AutoReply),
            ("Auto-Submitted: Auto-Replied; owner-email=\"x@example.id\"", Kind::AutoReply),
            ("Precedence: auto_reply", Kind::AutoReply),
            ("X-Autoreply: yes", Kind::AutoReply),
            ("X-Autorespond: Lampu", Kind::AutoReply),
            ("Auto-Submitted: auto-generated", Kind::Quiet),
            ("Auto-Submitted: auto-notified; owner-email=\"x@example.id\"", Kind::Quiet),
            ("Precedence: bulk", Kind::Quiet),
            ("Precedence: junk", Kind::Quiet),
            ("Precedence: List", Kind::Quiet),
            ("List-Id: <warga.example.id>", Kind::Quiet),
            ("List-Unsubscribe: <mailto:x@example.id>", Kind::Quiet),
            ("X-Auto-Response-Suppress: DR, OOF, AutoReply", Kind::Quiet),
            ("X-Loop: other@example.id", Kind::Quiet),
            ("Return-Path: <>", Kind::NoReply),
            ("X-Loop: aduan@kota.example.id", Kind::Own),
            ("Content-Type: multipart/report; report-type=delivery-status; boundary=b", Kind::Bounce),
            ("Content-Type: multipart/report; report-type=disposition-notification; boundary=b", Kind::ReadReceipt),
            ("Content-Type: multipart/report; report-type=feedback-report; boundary=b", Kind::Quiet),
        ];
        for (line, expected) in table {
            let head = if line.is_empty() { person.to_owned() } else { format!("{line}\r\n{person}") };
            assert_eq!(of(&head), expected, "{line}");
        }
        for (from, expected) in [
            ("aduan@kota.example.id", Kind::Own),
            ("Aduan+x.y@Kota.Example.ID", Kind::Own),
            ("noreply@example.id", Kind::NoReply),
            ("no-reply+1@example.id", Kind::NoReply),
            ("Postmaster@example.id", Kind::NoReply),
            ("bounce-12@example.id", Kind::NoReply),
            ("bouncer@example.id", Kind::Person),
        ] {
            assert_eq!(of(&format!("From: {from}\r\nSubject: x")), expected, "{from}");
        }
        assert_eq!(of("Subject: tanpa pengirim"), Kind::NoReply);
        assert_eq!(of("From: warga@example.id\r\nSubject: Balasan otomatis: Lampu"), Kind::AutoReply);
        assert_eq!(of("From: MAILER-DAEMON@example.id\r\nSubject: Undelivered Mail Returned to Sender"), Kind::Bounce);
        assert_eq!(of("From: mailer-daemon@example.id\r\nAuto-Submitted: auto-replied\r\nSubject: failure notice"), Kind::Bounce);
    }

    fn proven(head: &str) -> bool {
        let text = format!("{head}\r\nFrom: warga@example.id\r\n\r\nIsi.\r\n");
        let mail = MessageParser::default().parse(text.as_bytes()).expect("a mail");
        is_proven(&mail, &Mailbox::parse("warga@example.id").expect("an address"), "mx.kota.example.id")
    }

    #[test]
    fn only_our_own_servers_word_proves_a_sender() {
        let ours = "Authentication-Results: mx.kota.example.id (milter 1); spf=pass; dmarc=pass (p=reject) header.from=example.id";
        let foreign = "Authentication-Results: mx.other.example; dmarc=pass header.from=example.id";
        assert!(proven(ours));
        assert!(proven(&format!("Received: x\r\n{ours}\r\n{foreign}")));
        assert!(proven(&format!("Authentication-Results: MX.kota.example.id 1; dkim=pass\r\n{ours}")));
        for wrong in [
            String::new(),
            foreign.to_owned(),
            format!("{foreign}\r\n{ours}"),
            ours.replace("dmarc=pass", "dmarc=fail"),
            ours.replace("header.from=example.id", "header.from=other.example"),
            format!("{}\r\n{ours}", ours.replace("dmarc=pass", "dmarc=none")),
            "Authentication-Results: mx.kota.example.id; spf=pass (dmarc=pass)".to_owned(),
            "Authentication-Results: mx.kota.example.id; none".to_owned(),
        ] {
            assert!(!proven(&wrong), "{wrong}");
        }
    }
}
