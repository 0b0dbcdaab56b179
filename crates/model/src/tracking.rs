//! The number a citizen can say aloud, and the code in their link.

use std::{fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{MessageKey, id::random_bytes};

/// Crockford's base 32: no I, L, O or U, so that nothing is misheard or misread.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Symbols that carry the number; one more checks them.
const SYMBOLS: usize = 11;

/// The public number of a complaint, `7KQ2-M4XT-9PCH`: eleven symbols (55 bits) and a check symbol.
///
/// Short, readable aloud, and it opens nothing by itself. It is a function of the first message's key, so doors mint it without
/// asking anyone, and a redelivery gets the same. Ten million complaints meet by chance once in about seven hundred cities;
/// the store then takes [`Reference::of`] with the next `turn`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Reference([u8; SYMBOLS + 1]);

impl Reference {
    /// The number of the complaint that this message opens. `turn` is 0 but where the number is taken.
    pub fn of(key: &MessageKey, turn: u8) -> Self {
        let mut hash = Sha256::new();
        for part in [key.adapter.as_str(), &key.account, &key.id] {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        hash.update([turn]);
        let digest = hash.finalize();
        let mut bits = u64::from_be_bytes(std::array::from_fn(|i| digest[i]));
        let mut symbols = [0; SYMBOLS + 1];
        for symbol in &mut symbols[..SYMBOLS] {
            *symbol = (bits & 31) as u8;
            bits >>= 5;
        }
        symbols[SYMBOLS] = check(&symbols[..SYMBOLS]);
        Self(symbols)
    }

    /// Every well-formed number in a text, in order: what a citizen quotes when they write again.
    pub fn find_in(text: &str) -> Vec<Self> {
        let words: Vec<&str> = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').filter(|w| !w.is_empty()).collect();
        let whole = words.iter().filter_map(|word| word.parse().ok());
        // "7KQ2 M4XT 9PCH", as a telephone keyboard makes it.
        let spaced = words.windows(3).filter(|w| w.iter().all(|part| part.len() == 4)).filter_map(|w| w.concat().parse().ok());
        let mut found = Vec::new();
        for reference in whole.chain(spaced) {
            if !found.contains(&reference) {
                found.push(reference);
            }
        }
        found
    }
}

/// The check symbol: a weighted sum in the field of 32 elements, each place with its own power of a generator. Every single wrong
/// symbol and every exchange of two symbols is noticed.
fn check(symbols: &[u8]) -> u8 {
    let mut weight = 1;
    let mut sum = 0;
    for &symbol in symbols {
        weight = times_two(weight);
        sum ^= multiply(symbol, weight);
    }
    sum
}

fn times_two(x: u8) -> u8 {
    // x^5 + x^2 + 1, primitive over GF(2): the powers of two run through all 31 elements.
    let doubled = x << 1;
    if doubled & 32 == 0 { doubled } else { doubled ^ 0b10_0101 }
}

fn multiply(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    while b > 0 {
        if b & 1 == 1 {
            product ^= a;
        }
        a = times_two(a);
        b >>= 1;
    }
    product
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, &symbol) in self.0.iter().enumerate() {
            if place > 0 && place % 4 == 0 {
                f.write_str("-")?;
            }
            write!(f, "{}", char::from(ALPHABET[usize::from(symbol)]))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Reference {
    type Err = NotAReference;

    /// Forgiving: small letters, any dashes and spaces, O for 0, I and L for 1.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let mut symbols = [0; SYMBOLS + 1];
        let mut count = 0;
        for c in s.chars().filter(|c| *c != '-' && *c != ' ') {
            let c = match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            let value = ALPHABET.iter().position(|&a| char::from(a) == c).ok_or(NotAReference)?;
            *symbols.get_mut(count).ok_or(NotAReference)? = u8::try_from(value).map_err(|_| NotAReference)?;
            count += 1;
        }
        let whole = count == SYMBOLS + 1 && check(&symbols[..SYMBOLS]) == symbols[SYMBOLS];
        if whole { Ok(Self(symbols)) } else { Err(NotAReference) }
    }
}

impl TryFrom<String> for Reference {
    type Error = NotAReference;
    fn try_from(s: String) -> Result<Self, Self::Error> {
        s.parse()
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.to_string()
    }
}

/// The text is no number of ours, or a symbol was mistyped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a complaint number")]
pub struct NotAReference;

/// The citizen's key in `/t/{code}`: 128 random bits in 22 characters. `Debug` shows stars.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TrackingCode(String);

impl TrackingCode {
    /// A new one, from the operating system's randomness.
    pub fn random() -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(random_bytes()))
    }

    /// The code as it stands in the link.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TrackingCode {
    type Err = NotATrackingCode;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(s).map_err(|_| NotATrackingCode)?;
        if bytes.len() == 16 { Ok(Self(s.to_owned())) } else { Err(NotATrackingCode) }
    }
}

impl TryFrom<String> for TrackingCode {
    type Error = NotATrackingCode;
    fn try_from(s: String) -> Result<Self, Self::Error> {
        s.parse()
    }
}

impl From<TrackingCode> for String {
    fn from(code: TrackingCode) -> Self {
        code.0
    }
}

impl fmt::Debug for TrackingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The text is not a tracking code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a tracking code")]
pub struct NotATrackingCode;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reference(id: &str) -> Reference {
        let adapter = "sms".parse().expect("a name");
        Reference::of(&MessageKey { adapter, account: "1708".into(), id: id.into() }, 0)
    }

    #[test]
    fn the_same_message_has_the_same_number_and_another_has_another() {
        assert_eq!(reference("a"), reference("a"));
        assert_ne!(reference("a"), reference("b"));
        assert_eq!(reference("a").to_string().len(), 14);
    }

    #[test]
    fn a_number_is_found_as_people_write_it() {
        let number = reference("a");
        let text = number.to_string();
        for written in [
            format!("Saya mau tanya laporan {text}."),
            format!("no {}", text.to_lowercase()),
            format!("nomor: {}", text.replace('-', " ")),
            format!("#{}", text.replace('-', "")),
        ] {
            assert_eq!(Reference::find_in(&written), [number], "{written}");
        }
        assert!(Reference::find_in("jalan rusak di depan pasar sejak kemarin").is_empty());
    }

    proptest! {
        #[test]
        fn a_mistyped_symbol_is_noticed(id in "[a-z0-9]{1,20}", place in 0..12usize, change in 1..32u8) {
            let mut wrong = reference(&id);
            wrong.0[place] ^= change;
            prop_assert!(wrong.to_string().parse::<Reference>().is_err());
        }

        #[test]
        fn exchanged_symbols_are_noticed(id in "[a-z0-9]{1,20}", a in 0..11usize, b in 0..11usize) {
            let mut wrong = reference(&id);
            wrong.0.swap(a, b);
            prop_assert_eq!(wrong.to_string().parse::<Reference>().is_ok(), wrong == reference(&id));
        }

        #[test]
        fn any_text_is_searched_without_panic(text in ".*") {
            let _ = Reference::find_in(&text);
            let _ = text.parse::<TrackingCode>();
        }
    }

    #[test]
    fn a_tracking_code_survives_its_link_and_hides_in_logs() {
        let code = TrackingCode::random();
        assert_eq!(code.as_str().parse(), Ok(code.clone()));
        assert_eq!(format!("{code:?}"), "***");
        assert!("short".parse::<TrackingCode>().is_err());
    }
}
