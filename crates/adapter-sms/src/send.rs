//! Answers: in the fullest words that fit, in the alphabet that costs least, no faster than the number may.

use std::time::Duration;

use adapter_sdk::{Half, Reply, ReplyKind, SendError, Sent};
use tokio::time::Instant;

use crate::{
    Sms,
    config::Number,
    gateway::{Outgoing, Trouble},
    gsm7::{measure, plain},
};

impl Sms {
    /// Sends one reply.
    pub(crate) async fn reply(&self, reply: &Reply) -> Result<Sent, SendError> {
        let number = self.config.number_of(&reply.to.account);
        let Some((number, gateway)) = number.and_then(|number| Some((number, self.config.gateway(&number.gateway)?))) else {
            tracing::error!(reply.id = %reply.id, account = %reply.to.account, "No number of this account is configured; the reply waits.");
            return Err(Trouble::NoNumber.into());
        };
        if reply.to.address.scheme() != "tel" {
            return Err(SendError::rejected("address", "not a telephone number"));
        }
        let texts = split(&words(reply, number, self.config.answer_parts), self.config.request_parts);
        let parts: usize = texts.iter().map(|text| measure(text).parts).sum();
        let takes = Duration::from_secs_f64(f64::from(u16::try_from(parts).unwrap_or(u16::MAX)) / number.per_second);
        self.pace.turn(&number.number, reply.id, takes, Instant::now()).map_err(|wait| SendError::Throttled(Some(wait)))?;
        let mut half = self.halves.take(reply.id);
        for (at, text) in texts.iter().enumerate().skip(half.sent) {
            let out = Outgoing {
                gateway: &number.gateway,
                http: &self.http,
                link: self.links.get(&number.gateway),
                number,
                account: &reply.to.account,
                to: &reply.to.address,
                text,
                length: measure(text),
                reply: reply.id,
            };
            match gateway.send(out).await {
                Ok(id) => half = Half { sent: at + 1, first: half.first.or(id) },
                Err(error) => {
                    self.halves.keep(reply.id, half);
                    return Err(error);
                }
            }
        }
        Ok(Sent::under(half.first))
    }
}

/// The fullest of the core's short forms that fits: one message, or some more where an officer's own words are in it. The link is worth no
/// second message: a form without it that takes fewer is taken, if the officer's words are still in it.
fn words(reply: &Reply, number: &Number, answer_parts: usize) -> String {
    if reply.kind == ReplyKind::Unreadable && !number.help.trim().is_empty() {
        return plain(number.help.trim());
    }
    let officer = reply.params.get("text").map(|text| plain(text)).filter(|text| !text.trim().is_empty());
    let allowed = if officer.is_some() { answer_parts } else { 1 };
    let forms: Vec<String> = reply.short.iter().map(|form| plain(form)).collect();
    let fits = forms.iter().position(|form| measure(form).parts <= allowed);
    let Some(fullest) = fits.or(forms.len().checked_sub(1)) else { return plain(&reply.text) };
    let holds = |form: &str| officer.as_ref().is_some_and(|officer| form.contains(officer));
    let mut chosen = &forms[fullest];
    for shorter in &forms[fullest + 1..] {
        if holds(chosen) && holds(shorter) && measure(shorter).parts < measure(chosen).parts {
            chosen = shorter;
        }
    }
    chosen.clone()
}

/// The text in pieces of so many parts, nothing left out but the white space at the seams. Breaks between paragraphs, lines or words;
/// inside a word only where the word itself is too long.
fn split(text: &str, most: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text.trim();
    while measure(rest).parts > most {
        let end = fitting(rest, most);
        let head = &rest[..end];
        let seam = ["\n\n", "\n", " "].iter().find_map(|seam| head.rfind(seam).filter(|at| *at > end / 2)).unwrap_or(end);
        pieces.push(rest[..seam].trim_end().to_owned());
        rest = rest[seam..].trim_start();
    }
    pieces.push(rest.to_owned());
    pieces
}

/// Where the longest beginning that fits ends, in bytes; behind the first character at least.
fn fitting(text: &str, most: usize) -> usize {
    let ends: Vec<usize> = text.char_indices().map(|(at, c)| at + c.len_utf8()).take(most.saturating_mul(160)).collect();
    // A longer beginning never takes fewer parts.
    let fits = ends.partition_point(|end| measure(&text[..*end]).parts <= most);
    ends.get(fits.saturating_sub(1)).copied().unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use adapter_sdk::{Address, Audience, Language, ReplyId, ReplyTo, Timestamp};
    use proptest::prelude::*;

    use super::*;

    const NUMBER: &str = "7KQ2-M4XT-9PCH";

    fn number(help: &str) -> Number {
        serde_json::from_value(serde_json::json!({ "number": "1708", "gateway": "kannel", "help": help })).expect("a number")
    }

    fn reply(kind: ReplyKind, short: &[&str], officer: Option<&str>) -> Reply {
        let to = ReplyTo {
            adapter: "sms".parse().expect("a name"),
            account: "1708".into(),
            address: Address::tel("081200000001").expect("a number"),
            thread: None,
            audience: Audience::Private,
            open_until: None,
        };
        let params = officer.map(|text| ("text".to_owned(), text.to_owned())).into_iter().collect();
        let short = short.iter().map(|&form| form.into()).collect();
        Reply {
            id: ReplyId::new(Timestamp::UNIX_EPOCH),
            to,
            kind,
            language: Language::Id,
            text: "Teks panjang".into(),
            short,
            params,
            menu: None,
            files: Vec::new(),
        }
    }

    fn chosen(reply: &Reply) -> String {
        words(reply, &number(""), 4)
    }

    #[test]
    fn the_fullest_form_that_fits_one_message_is_sent() {
        let (link, long) = ("https://lapor.example.id/t/AAAAAAAAAAAAAAAAAAAAAA", "Dinas ".repeat(20));
        let full = format!("{NUMBER} nomor laporan Anda. Diteruskan ke {long}. Pantau: {link}");
        let short = format!("{NUMBER} nomor laporan Anda. Pantau: {link}");
        let bare = format!("{NUMBER} nomor laporan Anda.");
        let forms = [full.as_str(), &short, &bare];
        assert_eq!(chosen(&reply(ReplyKind::Forwarded, &forms, None)), short);
        let endless = "x".repeat(200);
        assert_eq!(chosen(&reply(ReplyKind::Forwarded, &[&endless, &endless, &bare], None)), bare);
        assert_eq!(chosen(&reply(ReplyKind::Forwarded, &[], None)), "Teks panjang", "a core of yesterday");
    }

    #[test]
    fn curly_quotes_of_an_officer_do_not_double_the_price() {
        let text = chosen(&reply(
            ReplyKind::Answered,
            &[&format!("{NUMBER}: \u{201c}besok\u{201d} \u{2013} ya")],
            Some("\u{201c}besok\u{201d} \u{2013} ya"),
        ));
        assert_eq!(text, format!("{NUMBER}: \"besok\" - ya"));
    }

    #[test]
    fn an_officers_words_may_take_several_messages_and_the_link_none() {
        let officer = "Tim turun besok pagi. ".repeat(6);
        let with = format!("{NUMBER}, jawaban Dinas: {officer} Pantau: https://lapor.example.id/t/AAAAAAAAAAAAAAAAAAAAAA");
        let without = format!("{NUMBER}, jawaban Dinas: {officer}");
        let there = format!("{NUMBER}: ada jawaban. Baca: https://lapor.example.id/t/AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!((measure(&with).parts, measure(&without).parts), (2, 2));
        assert_eq!(chosen(&reply(ReplyKind::Answered, &[&with, &without, &there], Some(&officer))), with, "it costs no more");
        let officer = "Tim turun besok pagi. ".repeat(5);
        let with = format!("{NUMBER}, jawaban Dinas: {officer} Pantau: https://lapor.example.id/t/AAAAAAAAAAAAAAAAAAAAAA");
        let without = format!("{NUMBER}, jawaban Dinas: {officer}");
        assert_eq!((measure(&with).parts, measure(&without).parts), (2, 1));
        assert_eq!(chosen(&reply(ReplyKind::Answered, &[&with, &without, &there], Some(&officer))), without);
        let novel = "kata ".repeat(400);
        let with = format!("{NUMBER}, jawaban Dinas: {novel}");
        assert_eq!(chosen(&reply(ReplyKind::Answered, &[&with, &there], Some(&novel))), there, "read under the link");
    }

    #[test]
    fn a_number_with_its_own_rules_says_them() {
        let unreadable = reply(ReplyKind::Unreadable, &["Maaf"], None);
        assert_eq!(words(&unreadable, &number("Format: BKN<spasi>isi aduan"), 4), "Format: BKN<spasi>isi aduan");
        assert_eq!(words(&unreadable, &number(" "), 4), "Maaf");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_everything_fits(words in prop::collection::vec("[a-zé€🌊]{1,300}", 1..30), most in 1..6_usize) {
            let text = words.join(" ");
            let pieces = split(&text, most);
            for piece in &pieces {
                prop_assert!(measure(piece).parts <= most && !piece.is_empty());
            }
            let bare = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(bare(&pieces.concat()), bare(&text));
        }
    }
}
