//! A mail's words and files.

use std::borrow::Cow;

use adapter_sdk::AttachmentKind;
use mail_parser::{
    Encoding, Message, MessagePart, MimeHeaders, PartType,
    decoders::{base64::base64_decode, quoted_printable::quoted_printable_decode},
};

use crate::{charset, html, quote, tnef};

/// Pictures below this that a text refers to are logos, lines and counters.
const SMALLEST_PICTURE: usize = 6 * 1024;
/// The most words that are read of one mail.
const MOST_TEXT: usize = 1 << 20;
/// The file with the whole text, where only a part of it is shown.
const WHOLE: &str = "pesan-utuh.txt";

/// What a person reads of a mail.
#[derive(Debug)]
pub(crate) struct Body {
    /// What was written this time.
    pub(crate) text: String,
    /// The files, in their order.
    pub(crate) files: Vec<File>,
    /// It can be opened with a key that we do not have.
    pub(crate) sealed: bool,
}

/// One file in a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    /// How [`bytes`] finds it again.
    pub(crate) id: String,
    pub(crate) kind: AttachmentKind,
    pub(crate) mime: Option<String>,
    pub(crate) name: Option<String>,
}

/// Reads words and files.
pub(crate) fn read(mail: &Message<'_>, forwards: bool) -> Body {
    let sealed = is_sealed(mail);
    let whole = whole_text(mail);
    let trimmed = quote::trimmed(&whole, forwards);
    let mut files: Vec<File> = mail.attachments.iter().flat_map(|&number| files(mail, number)).collect();
    // What was left out is kept beside it, unless it is what we ourselves had written.
    if trimmed.left_out && !trimmed.ours && !sealed {
        let mime = Some("text/plain".to_owned());
        files.push(File { id: "whole".into(), kind: AttachmentKind::Document, mime, name: Some(WHOLE.into()) });
    }
    Body { text: if sealed { String::new() } else { trimmed.text }, files, sealed }
}

/// The bytes of a file that [`read`] named.
pub(crate) fn bytes(mail: &Message<'_>, id: &str) -> Option<Vec<u8>> {
    if id == "whole" {
        return Some(whole_text(mail).replace(html::QUOTE, "").into_bytes());
    }
    let (kind, place) = id.split_once(':')?;
    match kind {
        "part" => Some(mail.parts.get(place.parse::<usize>().ok()?)?.contents().to_vec()),
        "tnef" => {
            let (part, file) = place.split_once('/')?;
            let part = mail.parts.get(part.parse::<usize>().ok()?)?;
            Some(tnef::read(part.contents())?.files.get(file.parse::<usize>().ok()?)?.data.to_vec())
        }
        _ => None,
    }
}

/// All words of a mail, with marks where programs began to quote.
fn whole_text(mail: &Message<'_>) -> String {
    let mut text = joined(mail.text_body.iter().filter_map(|&number| part_text(mail, mail.part(number)?)));
    if text.trim().is_empty() {
        let wrapped = mail.attachments.iter().filter_map(|&number| wrapped_text(mail.part(number)?));
        let passed_on = mail.attachments.iter().filter_map(|&number| passed_on(mail.part(number)?));
        text = joined(wrapped.chain(passed_on));
    }
    text.truncate(text.floor_char_boundary(MOST_TEXT));
    text
}

fn joined(texts: impl Iterator<Item = String>) -> String {
    texts.filter(|text| !text.trim().is_empty()).collect::<Vec<_>>().join("\n\n")
}

fn part_text(mail: &Message<'_>, part: &MessagePart<'_>) -> Option<String> {
    match &part.body {
        PartType::Text(text) => {
            let text = charset::mended(readable(mail, part, text).replace(html::QUOTE, ""));
            let flowed =
                part.content_type().filter(|kind| kind.attribute("format").is_some_and(|format| format.eq_ignore_ascii_case("flowed")));
            let no_spaces =
                |kind: &mail_parser::ContentType<'_>| kind.attribute("delsp").is_some_and(|delsp| delsp.eq_ignore_ascii_case("yes"));
            Some(flowed.map_or(text.clone(), |kind| unflowed(&text, no_spaces(kind))))
        }
        PartType::Html(page) => Some(html::text(&charset::mended(readable(mail, part, page).into_owned()))),
        _ => None,
    }
}

/// The text, read anew where its alphabet is not named or named wrongly: UTF-8 that is called Western is UTF-8, and what nobody named and is no
/// UTF-8 is Windows' Western.
fn readable<'a>(mail: &Message<'_>, part: &MessagePart<'_>, text: &'a str) -> Cow<'a, str> {
    let named = part.content_type().and_then(|kind| kind.attribute("charset")).map(str::to_ascii_lowercase);
    let doubtful =
        named.as_deref().is_none_or(|name| name == "us-ascii" || name.starts_with("iso-8859-1") || name.starts_with("windows-1252"));
    if text.is_ascii() || !doubtful {
        return Cow::Borrowed(text);
    }
    let Some(bytes) = written(mail, part) else { return Cow::Borrowed(text) };
    if let Ok(utf8) = std::str::from_utf8(&bytes) {
        return Cow::Owned(utf8.to_owned());
    }
    if text.contains('\u{fffd}') {
        return Cow::Owned(bytes.iter().map(|&byte| charset::windows_1252(byte.into()).unwrap_or(char::from(byte))).collect());
    }
    Cow::Borrowed(text)
}

/// The bytes of a part as they were written, without what carried them.
fn written<'a>(mail: &'a Message<'_>, part: &MessagePart<'_>) -> Option<Cow<'a, [u8]>> {
    let from = usize::try_from(part.raw_body_offset()).ok()?;
    let until = usize::try_from(part.raw_end_offset()).ok()?;
    let bytes = mail.raw_message.get(from..until)?;
    match part.encoding {
        Encoding::None => Some(Cow::Borrowed(bytes)),
        Encoding::QuotedPrintable => quoted_printable_decode(bytes).map(Cow::Owned),
        Encoding::Base64 => base64_decode(bytes).map(Cow::Owned),
    }
}

/// RFC 3676: a line that ends with a space goes on in the next one of the same depth of quotation.
fn unflowed(text: &str, no_spaces: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut open: Option<usize> = None;
    for line in text.lines() {
        let depth = line.bytes().take_while(|&byte| byte == b'>').count();
        let words = &line[depth..];
        let words = words.strip_prefix(' ').unwrap_or(words);
        let is_sign = words == "-- ";
        if open != Some(depth) || is_sign {
            if !out.is_empty() {
                out.push('\n');
            }
            out.push_str(&">".repeat(depth));
            if depth > 0 {
                out.push(' ');
            }
        }
        let goes_on = words.ends_with(' ') && !is_sign;
        out.push_str(if goes_on && no_spaces { &words[..words.len() - 1] } else { words });
        open = goes_on.then_some(depth);
    }
    out
}

fn wrapped_text(part: &MessagePart<'_>) -> Option<String> {
    let wrapped = tnef::read(part.contents()).filter(|_| is_wrapped(part))?;
    wrapped.text.filter(|text| !text.trim().is_empty()).or_else(|| wrapped.html.map(|page| html::text(&page)))
}

/// A mail that was passed on as a file, where nothing else was written.
fn passed_on(part: &MessagePart<'_>) -> Option<String> {
    let mail = part.message()?;
    let words = joined(mail.text_body.iter().filter_map(|&number| part_text(mail, mail.part(number)?)));
    let subject = mail.subject().unwrap_or_default().trim();
    Some(if subject.is_empty() { words } else { format!("{subject}\n\n{words}") })
}

fn is_wrapped(part: &MessagePart<'_>) -> bool {
    part.is_content_type("application", "ms-tnef")
        || part.is_content_type("application", "vnd.ms-tnef")
        || part.attachment_name().is_some_and(|name| name.eq_ignore_ascii_case("winmail.dat"))
}

/// The files that one part stands for.
fn files(mail: &Message<'_>, number: u32) -> Vec<File> {
    let Some(part) = mail.part(number) else { return Vec::new() };
    if part.is_empty() || is_logo(part) {
        return Vec::new();
    }
    if is_wrapped(part)
        && let Some(wrapped) = tnef::read(part.contents())
    {
        let file = |(place, file): (usize, tnef::File<'_>)| {
            let mime = file.mime.map(|mime| one_line(&mime, 100)).filter(|mime| mime.contains('/'));
            File { id: format!("tnef:{number}/{place}"), kind: kind(mime.as_deref()), mime, name: file.name.as_deref().and_then(name) }
        };
        return wrapped.files.into_iter().enumerate().map(file).collect();
    }
    let mime = part.content_type().and_then(|kind| Some(format!("{}/{}", kind.ctype(), kind.subtype()?).to_lowercase()));
    let given = part.attachment_name().map(|name| charset::mended(name.to_owned())).as_deref().and_then(name);
    let passed_on = || part.message().map(|_| "surat-terusan.eml".to_owned());
    vec![File {
        id: format!("part:{number}"),
        kind: kind(mime.as_deref()),
        mime: mime.map(|mime| one_line(&mime, 100)),
        name: given.or_else(passed_on),
    }]
}

fn is_logo(part: &MessagePart<'_>) -> bool {
    let is_picture = part.content_type().is_some_and(|kind| kind.ctype().eq_ignore_ascii_case("image"));
    let attached = part.content_disposition().is_some_and(mail_parser::ContentType::is_attachment);
    is_picture && part.content_id().is_some() && !attached && part.len() < SMALLEST_PICTURE
}

fn kind(mime: Option<&str>) -> AttachmentKind {
    match mime.and_then(|mime| mime.split_once('/')).map(|(kind, _)| kind) {
        Some("image") => AttachmentKind::Image,
        Some("video") => AttachmentKind::Video,
        Some("audio") => AttachmentKind::Audio,
        _ => AttachmentKind::Document,
    }
}

/// A file's name: one line, without a path.
fn name(given: &str) -> Option<String> {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    Some(one_line(last, 200)).filter(|name| !name.is_empty())
}

fn one_line(text: &str, most: usize) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(most).collect::<String>().trim().to_owned()
}

/// Whether the words themselves are encrypted, or signed in a way that hides them.
fn is_sealed(mail: &Message<'_>) -> bool {
    let root = mail.root_part();
    if root.is_content_type("multipart", "encrypted")
        || root.is_content_type("application", "pkcs7-mime")
        || root.is_content_type("application", "x-pkcs7-mime")
    {
        return true;
    }
    let first = mail.text_body.first().and_then(|&number| mail.part(number)).and_then(MessagePart::text_contents);
    first.is_some_and(|text| text.trim_start().starts_with("-----BEGIN PGP MESSAGE-----"))
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;

    use super::*;

    fn body(mail: &str) -> Body {
        let mail = mail.replace('\n', "\r\n");
        let mail = MessageParser::default().parse(mail.as_bytes()).expect("a mail");
        read(&mail, false)
    }

    #[test]
    fn flowed_lines_are_joined_at_their_depth() {
        assert_eq!(unflowed("satu \ndua\ntiga\n> empat \n> lima\n-- \nWarga", false), "satu dua\ntiga\n> empat lima\n-- \nWarga");
        assert_eq!(unflowed("sam \nbung", true), "sambung");
    }

    #[test]
    fn a_logo_is_left_out_and_a_photo_in_the_text_is_not() {
        let picture = |id: &str, size: usize| {
            format!(
                "--b\nContent-Type: image/png; name={id}.png\nContent-ID: <{id}>\nContent-Disposition: inline\n\n{}\n",
                "x".repeat(size)
            )
        };
        let mail = format!(
            "From: a@example.id\nContent-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>Lihat <img src=cid:foto></p>\n{}{}--b--\n",
            picture("logo", 900),
            picture("foto", 9000)
        );
        let body = body(&mail);
        assert_eq!(body.files.iter().filter_map(|file| file.name.as_deref()).collect::<Vec<_>>(), ["foto.png"]);
        assert_eq!(body.text, "Lihat");
    }

    #[test]
    fn what_is_encrypted_is_said_to_be_and_shows_no_words() {
        let pgp = "From: a@example.id\nContent-Type: text/plain\n\n-----BEGIN PGP MESSAGE-----\n\nhQEM\n-----END PGP MESSAGE-----\n";
        assert!(body(pgp).sealed);
        let smime = "From: a@example.id\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\nContent-Transfer-Encoding: base64\n\nMIAGCSqGSIb3DQEHA6CA\n";
        let smime = body(smime);
        assert!(smime.sealed && smime.text.is_empty() && smime.files.len() == 1, "{smime:?}");
        assert!(!body("From: a@example.id\n\nhalo\n").sealed);
    }

    #[test]
    fn letters_of_an_unnamed_alphabet_are_read() {
        let mail = b"From: a@example.id\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\x93kaf\xe9\x94 tutup\r\n";
        let mail = MessageParser::default().parse(&mail[..]).expect("a mail");
        assert_eq!(read(&mail, false).text, "“kafé” tutup");
    }
}
