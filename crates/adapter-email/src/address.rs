//! Mail addresses, as hosts understand them, and what we sign into ours.
//!
//! `aduan+7kq2m4xt9pch.<sign>@…` is the address to answer a complaint at: whoever writes there has read what we wrote about it.
//! `aduan+b-<reply>.<sign>@…` is where a host returns a reply of ours that it could not deliver.

use adapter_sdk::{Address, Reference, ReplyId};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// RFC 5321, 4.5.3.1.
const LONGEST_LOCAL: usize = 64;
const LONGEST_DOMAIN: usize = 255;
/// Characters of a sign: 60 bits.
const SIGN: usize = 12;
/// Digits and letters that survive a change of case: RFC 4648, base 32, small.
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// An address in its two halves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mailbox {
    local: String,
    domain: String,
}

impl Mailbox {
    /// Reads `local@domain`; `None` when it is none that a host would take.
    pub(crate) fn parse(written: &str) -> Option<Self> {
        let written = written.trim().trim_start_matches('<').trim_end_matches('>');
        let (local, domain) = written.rsplit_once('@')?;
        let odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';' | '"' | '(' | ')' | '\\' | '@');
        let fits = !local.is_empty()
            && local.len() <= LONGEST_LOCAL
            && !local.chars().any(odd)
            && !domain.is_empty()
            && domain.len() <= LONGEST_DOMAIN
            && !domain.chars().any(odd)
            && !domain.starts_with(['.', '-'])
            && !domain.ends_with(['.', '-'])
            && !domain.contains("..");
        fits.then(|| Self { local: local.to_owned(), domain: domain.to_lowercase() })
    }

    /// As one knows it again: hosts that tell `A@` from `a@` are not met any more.
    pub(crate) fn known(&self) -> String {
        format!("{}@{}", self.local.to_lowercase(), self.domain)
    }

    /// As it was written, the domain small.
    pub(crate) fn written(&self) -> String {
        format!("{}@{}", self.local, self.domain)
    }

    /// The half behind the `@`.
    pub(crate) fn domain(&self) -> &str {
        &self.domain
    }

    /// The half before it, small.
    pub(crate) fn local(&self) -> String {
        self.local.to_lowercase()
    }

    /// What stands between `+` and `@`, when the rest is `account`.
    fn detail_of(&self, account: &Self) -> Option<&str> {
        let (base, detail) = self.local.split_once('+')?;
        (self.domain == account.domain && base.eq_ignore_ascii_case(&account.local)).then_some(detail)
    }

    /// Whether it is this account of ours, with or without a detail.
    pub(crate) fn belongs_to(&self, account: &Self) -> bool {
        self.known() == account.known() || self.detail_of(account).is_some()
    }

    /// The citizen's address as the core keeps it.
    pub(crate) fn address(&self) -> Option<Address> {
        Address::new("mailto", &self.known()).ok()
    }

    fn with(&self, detail: &str) -> Option<String> {
        (self.local.len() + 1 + detail.len() <= LONGEST_LOCAL).then(|| format!("{}+{detail}@{}", self.local, self.domain))
    }
}

/// What an address of ours carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carried {
    /// An answer to what we wrote about the complaint of this number.
    Answer(Reference),
    /// This reply came back.
    Returned(ReplyId),
}

/// Signs and reads the addresses of ours.
pub(crate) struct Signer<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) account: &'a Mailbox,
}

impl Signer<'_> {
    /// Where to answer about this complaint; `None` where our own name is too long for it.
    pub(crate) fn answer(&self, reference: Reference) -> Option<String> {
        let number = reference.to_string().replace('-', "").to_lowercase();
        self.account.with(&format!("{number}.{}", self.sign("answer", &number)))
    }

    /// Where this reply returns when it cannot be delivered.
    pub(crate) fn returns(&self, reply: ReplyId) -> Option<String> {
        let id = base32(reply.0.as_bytes());
        self.account.with(&format!("b-{id}.{}", self.sign("return", &id)))
    }

    /// What an address carries, when it is ours and the sign is right.
    pub(crate) fn read(&self, recipient: &Mailbox) -> Option<Carried> {
        let detail = recipient.detail_of(self.account)?.to_lowercase();
        let (value, sign) = detail.rsplit_once('.')?;
        let right = |purpose: &str, value: &str| bool::from(self.sign(purpose, value).as_bytes().ct_eq(sign.as_bytes()));
        if let Some(id) = value.strip_prefix("b-") {
            return right("return", id).then(|| reply_id(id).map(Carried::Returned)).flatten();
        }
        right("answer", value).then(|| value.parse().ok().map(Carried::Answer)).flatten()
    }

    fn sign(&self, purpose: &str, value: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key).expect("HMAC takes a key of any length");
        for part in [purpose, &self.account.known(), value] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        let mut sign = base32(&mac.finalize().into_bytes());
        sign.truncate(SIGN);
        sign
    }
}

fn base32(bytes: &[u8]) -> String {
    let bit = |at: usize| bytes.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1);
    let symbol = |start: usize| (0..5).fold(0, |value, offset| value << 1 | usize::from(bit(start + offset)));
    (0..bytes.len() * 8).step_by(5).map(|start| char::from(BASE32[symbol(start)])).collect()
}

/// The sixteen bytes of a reply's id.
fn reply_id(written: &str) -> Option<ReplyId> {
    if written.len() != 26 {
        return None;
    }
    let mut bits = 0_u128;
    let mut left = 128_u32;
    for symbol in written.bytes() {
        let value = u128::try_from(BASE32.iter().position(|&known| known == symbol)?).ok()?;
        let taken = left.min(5);
        bits = bits << taken | value >> (5 - taken);
        left -= taken;
    }
    format!("{bits:032x}").parse().ok()
}

#[cfg(test)]
mod tests {
    use adapter_sdk::{MessageKey, Timestamp};
    use proptest::prelude::*;

    use super::*;

    const KEY: &[u8] = b"an invented key of many characters";

    fn ours() -> Mailbox {
        Mailbox::parse("aduan@kota.example.id").expect("an address")
    }

    fn reference() -> Reference {
        Reference::of(&MessageKey { adapter: "email".parse().expect("a name"), account: "a".into(), id: "1".into() }, 0)
    }

    #[test]
    fn a_signed_address_is_read_again_whatever_happened_to_its_case() {
        let account = ours();
        let signer = Signer { key: KEY, account: &account };
        let answer = signer.answer(reference()).expect("it fits");
        let reply = ReplyId::new(Timestamp::UNIX_EPOCH);
        let returns = signer.returns(reply).expect("it fits");
        for written in [answer.clone(), answer.to_uppercase(), format!("<{answer}>")] {
            let recipient = Mailbox::parse(&written).expect("an address");
            assert_eq!(signer.read(&recipient), Some(Carried::Answer(reference())), "{written}");
            assert!(recipient.belongs_to(&account));
        }
        assert_eq!(signer.read(&Mailbox::parse(&returns).expect("an address")), Some(Carried::Returned(reply)));
    }

    #[test]
    fn a_guessed_changed_or_foreign_sign_is_nothing() {
        let account = ours();
        let signer = Signer { key: KEY, account: &account };
        let answer = signer.answer(reference()).expect("it fits");
        let other_key = Signer { key: b"another key of many characters, too", account: &account }.answer(reference()).expect("it fits");
        let other_account = Mailbox::parse("lain@kota.example.id").expect("an address");
        let elsewhere = Signer { key: KEY, account: &other_account }.answer(reference()).expect("it fits");
        let number = reference().to_string().replace('-', "").to_lowercase();
        let unsigned = format!("aduan+{number}@kota.example.id");
        let shorter = answer.replacen('@', "", 1).replace("kota.example.id", "") + "@kota.example.id";
        let cut = format!("{}@kota.example.id", &shorter[..shorter.find('@').expect("an at sign") - 1]);
        for wrong in [other_key, elsewhere, unsigned, cut, format!("aduan+{number}.@kota.example.id"), "aduan@kota.example.id".into()] {
            assert_eq!(signer.read(&Mailbox::parse(&wrong).expect("an address")), None, "{wrong}");
        }
    }

    #[test]
    fn a_long_name_of_ours_is_answered_without_a_sign() {
        let account = Mailbox::parse(&format!("{}@kota.example.id", "a".repeat(60))).expect("an address");
        assert_eq!(Signer { key: KEY, account: &account }.answer(reference()), None);
    }

    #[test]
    fn what_no_host_would_take_is_no_address() {
        for wrong in ["", "a", "@b", "a@", "a b@c", "a@b@c d", "a\n@b", "a@.b", "a@b..c", "<>", "a@b,c@d"] {
            assert!(Mailbox::parse(wrong).is_none(), "{wrong}");
        }
        assert_eq!(Mailbox::parse("<Warga@Example.ID>").map(|address| address.written()), Some("Warga@example.id".into()));
    }

    proptest! {
        #[test]
        fn any_text_is_looked_at_without_panic(text in ".{0,80}", detail in "[a-z0-9.+-]{0,40}") {
            let account = ours();
            let signer = Signer { key: KEY, account: &account };
            for written in [text, format!("aduan+{detail}@kota.example.id")] {
                if let Some(mailbox) = Mailbox::parse(&written) {
                    prop_assert_eq!(signer.read(&mailbox), None);
                }
            }
        }

        #[test]
        fn every_reply_is_found_again(bytes in any::<u128>()) {
            let reply: ReplyId = format!("{bytes:032x}").parse().expect("an id");
            prop_assert_eq!(reply_id(&base32(reply.0.as_bytes())), Some(reply));
        }
    }
}
