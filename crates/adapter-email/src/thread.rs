//! What must be known to answer in the right conversation: travels as `ReplyTo::thread` through the core and back.

use serde::{Deserialize, Serialize};

/// The core keeps 512 bytes of it whole.
const LONGEST: usize = 500;
const LONGEST_SUBJECT: usize = 160;

/// The conversation of a mail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Thread {
    /// Message-ID of the mail to answer, without brackets.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    /// Message-ID that began the conversation, where that is another.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub(crate) root: Option<String>,
    /// What it was about, without `Re:`.
    #[serde(rename = "s", default, skip_serializing_if = "String::is_empty")]
    pub(crate) subject: String,
    /// A machine or a list wrote: only a person's own words are sent there.
    #[serde(rename = "q", default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) quiet: bool,
}

impl Thread {
    /// As text that the core keeps whole; what does not fit is left out, the least important first.
    pub(crate) fn written(mut self) -> String {
        if self.subject.len() > LONGEST_SUBJECT {
            self.subject.truncate(self.subject.floor_char_boundary(LONGEST_SUBJECT));
        }
        let shorten: [fn(&mut Self); 4] =
            [|_| (), |thread| thread.root = None, |thread| thread.subject.clear(), |thread| thread.message = None];
        for shorten in shorten {
            shorten(&mut self);
            let text = serde_json::to_string(&self).unwrap_or_default();
            if text.len() <= LONGEST {
                return text;
            }
        }
        String::new()
    }

    /// Reads it; what is not ours is an empty conversation.
    pub(crate) fn read(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }
}

/// The subject without what answering and passing on put before it, and without our number: so that it does not grow with each answer.
pub(crate) fn bare_subject(subject: &str) -> &str {
    let mut rest = subject.trim();
    while let Some((before, after)) = rest.split_once(':') {
        let word = before.trim().to_lowercase();
        // `Re[2]:`, `RE(3):`
        let word = word.split(['[', '(']).next().unwrap_or_default();
        if !matches!(word, "re" | "bls" | "balas" | "fw" | "fwd" | "trs" | "teruskan" | "aw" | "wg" | "sv" | "vs" | "antw" | "ref") {
            break;
        }
        rest = after.trim_start();
    }
    rest
}

/// Whether the subject says that this passes something on: then what it quotes is the message itself.
pub(crate) fn is_forward(subject: &str) -> bool {
    let start = subject.trim_start().split_once(':').map(|(before, _)| before.trim().to_lowercase()).unwrap_or_default();
    matches!(start.as_str(), "fw" | "fwd" | "trs" | "teruskan" | "wg")
}

/// Whether the subject says that this answers something.
pub(crate) fn is_answer(subject: &str) -> bool {
    bare_subject(subject).len() < subject.trim().len() && !is_forward(subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_survives_the_way_through_the_core() {
        let thread = Thread { message: Some("a@b".into()), root: Some("r@b".into()), subject: "Jalan \"rusak\"".into(), quiet: true };
        assert_eq!(Thread::read(Some(&thread.clone().written())), thread);
        assert_eq!(Thread::read(Some("1795238460/wamid")), Thread::default());
        assert_eq!(Thread::read(None), Thread::default());
    }

    #[test]
    fn what_is_too_long_is_left_out_and_the_message_stays_to_the_last() {
        let long = "x".repeat(400);
        let thread = Thread { message: Some("a@b".into()), root: Some(long.clone()), subject: "é".repeat(200), quiet: true };
        let written = thread.written();
        assert!(written.len() <= LONGEST);
        let read = Thread::read(Some(&written));
        assert_eq!((read.message.as_deref(), read.root, read.quiet), (Some("a@b"), None, true));
        let monstrous = Thread { message: Some("m".repeat(2000)), quiet: true, ..Thread::default() };
        assert_eq!(Thread::read(Some(&monstrous.written())), Thread { quiet: true, ..Thread::default() });
    }

    #[test]
    fn a_subject_does_not_grow() {
        for subject in ["Jalan rusak", "Re: Jalan rusak", "RE: re: Fwd: Jalan rusak", "Bls: Trs: Jalan rusak", "Re[2]: Jalan rusak"] {
            assert_eq!(bare_subject(subject), "Jalan rusak", "{subject}");
        }
        assert_eq!(bare_subject("Penting: lampu mati"), "Penting: lampu mati");
        assert!(is_forward("Fwd: Re: x") && !is_forward("Re: Fwd: x") && is_answer("Re: x") && !is_answer("x") && !is_answer("Fwd: x"));
    }
}
