//! "Continue in another channel": who holds the link of a complaint takes a short code from its page and sends it from where they want to go on.
//! Link and platform together prove that both are one citizen's; nothing else does.

use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::id::random_bytes;

/// No vowels that make words, nothing that is misread: 0, 1, I, L, O and U are missing.
const ALPHABET: &[u8; 30] = b"23456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Symbols of a code: 44 bits.
const SYMBOLS: usize = 9;
/// Digits of a code at least: a word that somebody writes behind `sambung` holds none.
const FEWEST_DIGITS: usize = 2;
/// What stands before it.
const WORDS: [&str; 3] = ["SAMBUNG", "SAMBUNGKAN", "CONNECT"];
/// A longer text is a message of its own.
const LONGEST: usize = 1_000;
/// It stands near the beginning: a mail has a subject before it and a signature behind.
const LINES: usize = 5;

/// So long it can be used, once.
pub const HOLDS: SignedDuration = SignedDuration::from_mins(15);
/// So many wrong ones from one sender are answered …
pub const MOST_TRIES: i64 = 5;
/// … within this time; then not even the right one counts.
pub const TRIES_WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// A one-time code: `K7Q-M2X-PT4`. Only its hash is kept; `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Code([u8; SYMBOLS]);

impl Code {
    /// A new one.
    pub fn random() -> Self {
        loop {
            // The largest multiple of 30 in a byte: every symbol is as likely as every other.
            let symbols = (0..4).flat_map(|_| random_bytes()).filter(|byte| *byte < 240).map(|byte| ALPHABET[usize::from(byte % 30)]);
            let symbols: Vec<u8> = symbols.take(SYMBOLS).collect();
            if let Ok(symbols) = <[u8; SYMBOLS]>::try_from(symbols)
                && digits(&symbols) >= FEWEST_DIGITS
            {
                return Self(symbols);
            }
        }
    }

    /// The code that a message brings: `SAMBUNG K7Q-M2X-PT4`, in any case, with any spaces and signs, alone on one of its first lines.
    pub fn find_in(text: &str) -> Option<Self> {
        (text.len() <= LONGEST)
            .then(|| text.lines().map(str::trim).filter(|line| !line.is_empty()).take(LINES).find_map(Self::in_line))
            .flatten()
    }

    fn in_line(line: &str) -> Option<Self> {
        let bare: String = line.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
        let others = line.chars().any(|c| c.is_alphanumeric() && !c.is_ascii());
        let code = |word: &str| {
            let symbols = <[u8; SYMBOLS]>::try_from(bare.strip_prefix(word)?.as_bytes()).ok()?;
            (symbols.iter().all(|symbol| ALPHABET.contains(symbol)) && digits(&symbols) >= FEWEST_DIGITS).then_some(Self(symbols))
        };
        WORDS.iter().filter(|_| !others).find_map(|word| code(word))
    }

    /// What is kept of it.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest([b"muara connect ".as_slice(), &self.0].concat()).into()
    }
}

fn digits(symbols: &[u8]) -> usize {
    symbols.iter().filter(|symbol| symbol.is_ascii_digit()).count()
}

/// As a person copies it.
impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, symbol) in self.0.iter().enumerate() {
            if place > 0 && place % 3 == 0 {
                f.write_str("-")?;
            }
            write!(f, "{}", char::from(*symbol))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code")
    }
}

/// What is said about a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connected {
    /// To who sent it: the complaint goes on here.
    Here,
    /// To where it was answered before: it goes on elsewhere.
    Elsewhere,
    /// To who sent one that does not count. Which of the reasons it is nobody is told.
    Refused,
}

impl Connected {
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Here, Self::Elsewhere, Self::Refused];
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_code_is_found_as_people_write_it() {
        let code = Code::find_in("SAMBUNG K7Q-M2X-PT4").expect("a code");
        assert_eq!(code.to_string(), "K7Q-M2X-PT4");
        for text in [
            "sambung k7q m2x pt4",
            "Sambung: k7qm2xpt4.",
            "  SAMBUNGK7QM2XPT4 ",
            "\"SAMBUNG K7Q-M2X-PT4\"",
            "Re: laporan\n\nsambung k7q-m2x-pt4\n\n-- \nDikirim dari ponsel",
            "connect K7QM2XPT4",
            "sambungkan k7q-m2x-pt4",
        ] {
            assert_eq!(Code::find_in(text), Some(code.clone()), "{text}");
        }
    }

    #[test]
    fn other_words_are_no_code() {
        for text in [
            "",
            "sambung",
            "sambung pipa air kami",
            "sambungan listrik 12 hari padam",
            "tolong sambung k7q-m2x-pt4",
            "sambung k7q-m2x-pt",
            "sambung k7q-m2x-pt44",
            "sambung kabel rumah",
            "sambung k0q-m1x-pt4",
            "SAMBUNG K7Q-M2X-PT4 ya pak",
        ] {
            assert_eq!(Code::find_in(text), None, "{text}");
        }
        let buried = format!("{}sambung k7q-m2x-pt4", "halo\n".repeat(9));
        assert_eq!(Code::find_in(&buried), None);
    }

    #[test]
    fn a_code_hides_itself_and_no_two_are_alike() {
        let (one, other) = (Code::random(), Code::random());
        assert_ne!(one, other);
        assert_ne!(one.hash(), other.hash());
        assert_eq!(format!("{one:?}"), "Code");
    }

    proptest! {
        #[test]
        fn every_code_is_read_back(_n in 0..64_u8) {
            let code = Code::random();
            prop_assert_eq!(Code::find_in(&format!("Sambung {code}")), Some(code));
        }

        #[test]
        fn any_text_is_read_without_panic(text in "(?s).{0,200}|[Ss]ambung .{0,30}") {
            let _ = Code::find_in(&text);
        }
    }
}
