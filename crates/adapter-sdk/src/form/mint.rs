//! What a form shows beside the number: the link's code and the proof of a receipt, both functions of the message's key.

use std::fmt;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use model::{MessageKey, TrackingCode};
use sha2::Sha256;

/// 128 bits: nobody guesses one.
const BYTES: usize = 16;

/// The door's secret, for codes that must be the same when the same form comes twice.
///
/// A form that is sent again (a lost answer, a second click, another process of the same door, a restart in between) must show the
/// same number *and* the same link. The number is a function of the key; so is the tracking code: HMAC-SHA-256 of the key under the
/// door's secret, cut to 128 bits. Without the secret it is as good as random, and there is nothing to keep, to lose or to share.
/// The door writes the code into the raw message, so that a replay after a change of the secret still says what the citizen was shown.
#[derive(Clone)]
pub struct Mint {
    secret: [u8; 32],
}

impl Mint {
    /// From 32 secret bytes. All processes of one door need the same.
    pub fn new(secret: [u8; 32]) -> Self {
        Self { secret }
    }

    /// The code in the citizen's link.
    ///
    /// # Panics
    /// Never: what is made here is a code.
    pub fn tracking(&self, key: &MessageKey) -> TrackingCode {
        self.seal("tracking", key, "").parse().expect("sixteen bytes in base64 are a code")
    }

    /// A word for the address of the receipt: that this door took this message, and when.
    pub fn proof(&self, key: &MessageKey, at: Timestamp) -> String {
        let at = at.as_second().to_string();
        format!("{at}.{}", self.seal("receipt", key, &at))
    }

    /// When this door took the message, if the word says so and is ours.
    pub fn proven(&self, key: &MessageKey, proof: &str) -> Option<Timestamp> {
        let (at, seal) = proof.split_once('.')?;
        let seal = BASE64_URL_SAFE_NO_PAD.decode(seal).ok().filter(|seal| seal.len() == BYTES)?;
        self.mac("receipt", key, at).verify_truncated_left(&seal).ok()?;
        Timestamp::from_second(at.parse().ok()?).ok()
    }

    /// A word that only this door can have written: the text, readable by everybody, and a seal on it.
    pub fn word(&self, purpose: &str, text: &str) -> String {
        let mac = self.mac_of(&["word", purpose, text]).finalize().into_bytes();
        format!("{}.{}", BASE64_URL_SAFE_NO_PAD.encode(text), BASE64_URL_SAFE_NO_PAD.encode(&mac[..BYTES]))
    }

    /// The text of a word that this door wrote for this purpose.
    pub fn read(&self, purpose: &str, word: &str) -> Option<String> {
        let (text, seal) = word.split_once('.')?;
        let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let seal = BASE64_URL_SAFE_NO_PAD.decode(seal).ok().filter(|seal| seal.len() == BYTES)?;
        self.mac_of(&["word", purpose, &text]).verify_truncated_left(&seal).ok()?;
        Some(text)
    }

    /// A key for one holder, the same as long as the door's secret is: what a browser of theirs seals with.
    pub fn key(&self, purpose: &str, holder: &str) -> [u8; 32] {
        self.mac_of(&["key", purpose, holder]).finalize().into_bytes().into()
    }

    fn seal(&self, purpose: &str, key: &MessageKey, more: &str) -> String {
        let whole = self.mac(purpose, key, more).finalize().into_bytes();
        BASE64_URL_SAFE_NO_PAD.encode(&whole[..BYTES])
    }

    fn mac(&self, purpose: &str, key: &MessageKey, more: &str) -> Hmac<Sha256> {
        self.mac_of(&[purpose, key.adapter.as_str(), &key.account, &key.id, more])
    }

    fn mac_of(&self, parts: &[&str]) -> Hmac<Sha256> {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.secret).expect("HMAC takes a key of any length");
        for part in parts {
            mac.update(&part.len().to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac
    }
}

impl fmt::Debug for Mint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mint(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str) -> MessageKey {
        MessageKey { adapter: "form".parse().expect("a name"), account: "utama".into(), id: id.into() }
    }

    #[test]
    fn the_same_form_gets_the_same_code_and_another_form_or_secret_another() {
        let mint = Mint::new([7; 32]);
        assert_eq!(mint.tracking(&key("a")), Mint::new([7; 32]).tracking(&key("a")));
        assert_ne!(mint.tracking(&key("a")), mint.tracking(&key("b")));
        assert_ne!(mint.tracking(&key("a")), Mint::new([8; 32]).tracking(&key("a")));
        assert_eq!(format!("{mint:?}"), "Mint(***)");
    }

    #[test]
    fn a_word_is_read_only_where_this_door_wrote_it_for_this_purpose() {
        let mint = Mint::new([7; 32]);
        let word = mint.word("shift", "Sari|kel-a");
        assert_eq!(mint.read("shift", &word).as_deref(), Some("Sari|kel-a"));
        assert_eq!(mint.read("other", &word), None);
        assert_eq!(Mint::new([8; 32]).read("shift", &word), None);
        let (text, seal) = word.split_once('.').expect("two parts");
        for wrong in [String::new(), ".".into(), format!("{text}."), format!("{text}.{}", &seal[..8]), format!("x{text}.{seal}")] {
            assert_eq!(mint.read("shift", &wrong), None, "{wrong}");
        }
    }

    #[test]
    fn each_holder_has_a_key_of_their_own() {
        let mint = Mint::new([7; 32]);
        assert_eq!(mint.key("seal", "kel-a"), Mint::new([7; 32]).key("seal", "kel-a"));
        assert_ne!(mint.key("seal", "kel-a"), mint.key("seal", "kel-b"));
        assert_ne!(mint.key("seal", "kel-a"), Mint::new([8; 32]).key("seal", "kel-a"));
    }

    #[test]
    fn a_receipt_is_drawn_only_for_what_this_door_took() {
        let mint = Mint::new([7; 32]);
        let at = Timestamp::from_second(1_790_000_000).expect("a time");
        let proof = mint.proof(&key("a"), at);
        assert_eq!(mint.proven(&key("a"), &proof), Some(at));
        assert_eq!(mint.proven(&key("b"), &proof), None);
        assert_eq!(Mint::new([8; 32]).proven(&key("a"), &proof), None);
        let (time, seal) = proof.split_once('.').expect("two parts");
        for wrong in [String::new(), format!("{time}."), format!("{time}.{}", &seal[..8]), format!("1{time}.{seal}"), "x.y".into()] {
            assert_eq!(mint.proven(&key("a"), &wrong), None, "{wrong}");
        }
    }
}
