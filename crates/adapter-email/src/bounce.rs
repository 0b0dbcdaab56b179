//! What hosts and programs tell of a mail that we sent: returned (RFC 3464, and ways of their own), delivered, shown (RFC 8098).

use adapter_sdk::{ReceiptState, ReplyId};
use mail_parser::{Message, MessagePart, MimeHeaders, PartType};

use crate::address::Mailbox;

/// How much of a host's words staff see.
const LONGEST_REASON: usize = 200;
/// How far into a mail without form we look for our own id.
const LONGEST_LOOK: usize = 256 * 1024;

/// Which mail of ours is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meant {
    /// By the address it returned to.
    Reply(ReplyId),
    /// By its Message-ID.
    Id(String),
}

/// What became of it; `None`: nothing that is final, or no mail of ours.
pub(crate) fn told(mail: &Message<'_>, returned: Option<ReplyId>, account: &Mailbox) -> Option<(Meant, ReceiptState)> {
    let meant = returned.map(Meant::Reply).or_else(|| own_id(mail, account).map(Meant::Id))?;
    let state = match report(mail) {
        Some(report) => report.state()?,
        None => without_form(mail)?,
    };
    Some((meant, state))
}

/// The reader's program says that it showed the mail.
pub(crate) fn shown(mail: &Message<'_>, account: &Mailbox) -> Option<(Meant, ReceiptState)> {
    let report = part(mail, "disposition-notification")?;
    let fields = String::from_utf8_lossy(report.contents()).into_owned();
    let displayed = field(&fields, "disposition").is_some_and(|value| value.to_lowercase().contains("displayed"));
    let id = field(&fields, "original-message-id").and_then(|id| our_id(&id, account))?;
    displayed.then_some((Meant::Id(id), ReceiptState::Read))
}

/// The Message-IDs of ours carry the reply's id and our domain.
pub(crate) fn our_id(text: &str, account: &Mailbox) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let at = lower.find(&format!("@{}", account.domain()))?;
    let left = text[..at].rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-').next()?;
    let (reply, _) = left.split_once('.')?;
    let fits = reply.len() == 32 && reply.bytes().all(|byte| byte.is_ascii_hexdigit());
    fits.then(|| format!("{left}@{}", account.domain()))
}

/// The last thing a host says of one recipient.
struct Report {
    action: String,
    status: String,
    reason: String,
}

impl Report {
    fn state(&self) -> Option<ReceiptState> {
        match self.action.as_str() {
            "delivered" | "relayed" | "expanded" => Some(ReceiptState::Delivered),
            "failed" => Some(failed(&self.status, &self.reason)),
            // Somebody still tries.
            "delayed" => None,
            _ if self.status.starts_with('5') => Some(failed(&self.status, &self.reason)),
            _ => None,
        }
    }
}

fn failed(status: &str, reason: &str) -> ReceiptState {
    let code = if status.is_empty() { "bounce".to_owned() } else { status.to_owned() };
    let detail = if reason.is_empty() { "the mail came back".to_owned() } else { reason.to_owned() };
    ReceiptState::Failed { code, detail }
}

fn report(mail: &Message<'_>) -> Option<Report> {
    let part = part(mail, "delivery-status").or_else(|| part(mail, "global-delivery-status"))?;
    let fields = String::from_utf8_lossy(part.contents()).replace("\r\n", "\n");
    // The first block is about the mail, each further one about a recipient; ours have one recipient.
    let about = fields.split("\n\n").find(|block| field(block, "action").is_some())?;
    let status = field(about, "status").unwrap_or_default();
    let reason = field(about, "diagnostic-code").unwrap_or_default();
    let reason = reason.split_once(';').map_or(reason.as_str(), |(_, words)| words);
    Some(Report {
        action: field(about, "action").unwrap_or_default().trim().to_lowercase(),
        status: status.split_whitespace().next().filter(|status| is_status(status)).unwrap_or_default().to_owned(),
        reason: impersonal(reason),
    })
}

/// The value of a field, its further lines joined.
fn field(fields: &str, name: &str) -> Option<String> {
    let mut lines = fields.lines();
    let first = lines.find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })?;
    let further = lines.take_while(|line| line.starts_with([' ', '\t'])).map(str::trim);
    Some(std::iter::once(first.as_str()).chain(further).collect::<Vec<_>>().join(" "))
}

/// A host that keeps to no form: the status that stands in its words.
fn without_form(mail: &Message<'_>) -> Option<ReceiptState> {
    let text = mail.body_text(0).unwrap_or_default();
    let text = &text[..text.floor_char_boundary(LONGEST_LOOK)];
    let status = text.split(|c: char| !c.is_ascii_digit() && c != '.').find(|word| is_status(word)).unwrap_or_default();
    let subject = mail.subject().unwrap_or_default().to_lowercase();
    let waits = status.starts_with('4') || ["delayed", "warning", "tertunda"].iter().any(|word| subject.contains(word));
    (!waits).then(|| failed(status, ""))
}

/// `5.1.1`
fn is_status(word: &str) -> bool {
    let mut numbers = word.split('.');
    let class = numbers.next().is_some_and(|class| matches!(class, "2" | "4" | "5"));
    class
        && numbers.clone().count() == 2
        && numbers.all(|number| !number.is_empty() && number.len() <= 3 && number.bytes().all(|b| b.is_ascii_digit()))
}

/// Words without anything that looks like an address.
pub(crate) fn impersonal(words: &str) -> String {
    let kept: Vec<&str> = words.split_whitespace().filter(|word| !word.contains('@') && !word.contains("http")).collect();
    let text: String = kept.join(" ").chars().filter(|c| !c.is_control()).take(LONGEST_REASON).collect();
    text.trim().to_owned()
}

fn part<'a>(mail: &'a Message<'_>, subtype: &str) -> Option<&'a MessagePart<'a>> {
    mail.parts.iter().find(|part| part.is_content_type("message", subtype))
}

/// Our own Message-ID in what came back: the returned head or mail, an answer's references, or anywhere in the words.
fn own_id(mail: &Message<'_>, account: &Mailbox) -> Option<String> {
    let whole = mail.parts.iter().filter_map(|part| match &part.body {
        PartType::Message(returned) => returned.message_id().and_then(|id| our_id(id, account)),
        _ => None,
    });
    let heads = mail
        .parts
        .iter()
        .filter(|part| part.is_content_type("text", "rfc822-headers") || part.is_content_type("message", "rfc822-headers"));
    let heads = heads.filter_map(|part| field(&String::from_utf8_lossy(part.contents()), "message-id").and_then(|id| our_id(&id, account)));
    let answered = [mail.in_reply_to(), mail.references()].into_iter().filter_map(|value| {
        let ids: Vec<&str> =
            value.as_text_list().map_or_else(|| value.as_text().into_iter().collect(), |list| list.iter().map(AsRef::as_ref).collect());
        ids.into_iter().find_map(|id| our_id(id, account))
    });
    let found = whole.chain(heads).chain(answered).next();
    found.or_else(|| {
        let text = mail.body_text(0)?;
        our_id(&text[..text.floor_char_boundary(LONGEST_LOOK)], account)
    })
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;

    use super::*;

    const ID: &str = "01936f0000007000800000000000000a.7KQ2M4XT9PCH@kota.example.id";

    fn account() -> Mailbox {
        Mailbox::parse("aduan@kota.example.id").expect("an address")
    }

    fn told_of(text: &str) -> Option<(Meant, ReceiptState)> {
        let text = text.replace('\n', "\r\n");
        let mail = MessageParser::default().parse(text.as_bytes()).expect("a mail");
        told(&mail, None, &account())
    }

    fn report_of(action: &str, status: &str) -> String {
        format!(
            "From: MAILER-DAEMON@mx.example.id\nSubject: Undelivered\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n\
             --b\nContent-Type: text/plain\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.id\n\n\
             Final-Recipient: rfc822; warga@example.id\nAction: {action}\nStatus: {status}\nDiagnostic-Code: smtp; 550 {status}\n <warga@example.id> no such user\n\n\
             --b\nContent-Type: text/rfc822-headers\n\nFrom: aduan@kota.example.id\nMessage-ID:\n <{ID}>\n\n--b--\n"
        )
    }

    #[test]
    fn a_report_is_read_and_names_nobody() {
        let meant = || Meant::Id(ID.to_owned());
        let failed = ReceiptState::Failed { code: "5.1.1".into(), detail: "550 5.1.1 no such user".into() };
        assert_eq!(told_of(&report_of("failed", "5.1.1")), Some((meant(), failed)));
        assert_eq!(told_of(&report_of("delivered", "2.0.0")), Some((meant(), ReceiptState::Delivered)));
        assert_eq!(told_of(&report_of("delayed", "4.4.1")), None);
    }

    #[test]
    fn a_bounce_of_a_mail_that_is_not_ours_tells_nothing() {
        assert_eq!(told_of(&report_of("failed", "5.1.1").replace("kota.example.id", "other.example")), None);
        assert_eq!(our_id("<someone.else@kota.example.id>", &account()), None);
        assert_eq!(our_id(&format!("\u{fffd}{ID}"), &account()).as_deref(), Some(ID), "a letter of three bytes before it");
    }

    #[test]
    fn a_host_without_form_is_understood_by_its_words() {
        let odd = format!(
            "From: MAILER-DAEMON@old.example\nSubject: failure notice\n\nHi. I couldn't deliver it: 5.2.2 mailbox full.\n--- Below\nMessage-ID: <{ID}>\n"
        );
        let failed = |code: &str| ReceiptState::Failed { code: code.into(), detail: "the mail came back".into() };
        assert_eq!(told_of(&odd), Some((Meant::Id(ID.into()), failed("5.2.2"))));
        assert_eq!(told_of(&odd.replace("5.2.2", "")), Some((Meant::Id(ID.into()), failed("bounce"))));
        assert_eq!(told_of(&odd.replace("5.2.2", "4.2.2")), None, "somebody still tries");
    }

    #[test]
    fn a_read_receipt_is_one() {
        let text = format!(
            "From: warga@example.id\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\nContent-Type: text/plain\n\nDibaca\n\
             --b\nContent-Type: message/disposition-notification\n\nOriginal-Message-ID: <{ID}>\nDisposition: manual-action/MDN-sent-manually; displayed\n\n--b--\n"
        );
        let mail = MessageParser::default().parse(text.as_bytes()).expect("a mail");
        assert_eq!(shown(&mail, &account()), Some((Meant::Id(ID.into()), ReceiptState::Read)));
    }

    #[test]
    fn a_status_is_three_numbers() {
        for right in ["5.1.1", "4.4.316", "2.0.0"] {
            assert!(is_status(right), "{right}");
        }
        for wrong in ["", "5", "5.1", "5.1.1.1", "10.0.0", "127.0.0.1", "5..1", "5.1.1000"] {
            assert!(!is_status(wrong), "{wrong}");
        }
    }
}
