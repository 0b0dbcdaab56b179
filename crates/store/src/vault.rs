//! Keys that are kept outside the database, and what is sealed with them. Who steals the tables alone reads nothing of it.

use std::fmt;

use model::id::random_bytes;
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf, hmac,
};

use crate::audit::hex;

/// The keys of the installation. The newest, the last one in the file, seals; all of them open, so that a key can be replaced in peace.
pub struct Vault {
    keys: Vec<Key>,
}

/// One line of the file, and what is derived from it for who wrote.
pub(crate) struct Key {
    pub(crate) id: String,
    /// Seals second factors.
    own: LessSafeKey,
    /// Seals who wrote and how to reach them.
    contact: LessSafeKey,
    nonces: hmac::Key,
    pseudonyms: hmac::Key,
    proof: [u8; 32],
}

/// What one key seals and what another: a key derived for one purpose tells nothing of one for another (HKDF-SHA256, RFC 5869).
const DERIVED: &[u8] = b"muara vault 1";

impl Key {
    fn new(id: &str, bytes: &[u8; 32]) -> Option<Self> {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, DERIVED).extract(bytes);
        let mac = |about: &'static [u8]| root.expand(&[about], hmac::HMAC_SHA256).ok().map(hmac::Key::from);
        let contact: UnboundKey = root.expand(&[b"contact".as_slice()], &CHACHA20_POLY1305).ok()?.into();
        let proof = hmac::sign(&mac(b"proof")?, id.as_bytes());
        Some(Self {
            id: id.to_owned(),
            own: LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, bytes).ok()?),
            contact: LessSafeKey::new(contact),
            nonces: mac(b"contact nonce")?,
            pseudonyms: mac(b"pseudonym")?,
            proof: proof.as_ref().try_into().ok()?,
        })
    }

    /// By which another key of the same name is told from this one. Tells nothing of the key.
    pub(crate) fn proof(&self) -> &[u8; 32] {
        &self.proof
    }

    /// Nonce, ciphertext, tag. The nonce follows from what is sealed and where (as in SIV, RFC 5297): the same again is the same bytes, so that writing a
    /// row again changes nothing of it, and nothing else is told by them.
    pub(crate) fn seal(&self, about: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.nonces);
        for part in [&(about.len() as u64).to_be_bytes(), about, plain] {
            context.update(part);
        }
        let tag = context.sign();
        let nonce: [u8; NONCE_LEN] = std::array::from_fn(|at| tag.as_ref()[at]);
        seal_with(&self.contact, nonce, about, plain)
    }

    pub(crate) fn open(&self, about: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        open_with(&self.contact, about, sealed)
    }

    /// Always the same for the same thing of a kind, and nothing can be told from it without the key: the first 16 bytes of an HMAC.
    pub(crate) fn pseudonym(&self, kind: &str, plain: &[u8]) -> [u8; 16] {
        let mut context = hmac::Context::with_key(&self.pseudonyms);
        for part in [kind.as_bytes(), &[0], plain] {
            context.update(part);
        }
        let tag = context.sign();
        std::array::from_fn(|at| tag.as_ref()[at])
    }
}

fn seal_with(key: &LessSafeKey, nonce: [u8; NONCE_LEN], about: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut sealed = plain.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(about), &mut sealed).expect("a few bytes can be sealed");
    [&nonce[..], &sealed].concat()
}

fn open_with(key: &LessSafeKey, about: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    let (nonce, rest) = sealed.split_at_checked(NONCE_LEN).ok_or(OpenError::Broken)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| OpenError::Broken)?;
    let mut rest = rest.to_vec();
    let plain = key.open_in_place(nonce, Aad::from(about), &mut rest).map_err(|_| OpenError::Broken)?;
    Ok(plain.to_vec())
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.ids().collect();
        f.debug_struct("Vault").field("keys", &names).finish_non_exhaustive()
    }
}

/// Something sealed, and the name of the key that opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Which key.
    pub key_id: String,
    /// Nonce, ciphertext, tag.
    pub bytes: Vec<u8>,
}

/// The text of keys cannot be used. No value is in the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// A line is not a name and 64 hexadecimal digits.
    #[error("line {0} of the keys is not a name, a space and 64 hexadecimal digits")]
    Line(usize),
    /// Two keys have one name.
    #[error("line {0} of the keys has the name of an earlier one")]
    Twice(usize),
    /// There is no key at all.
    #[error("the file of keys holds none")]
    Empty,
}

/// Why something does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Its key is not among ours any more.
    #[error("the key {0} is missing: put its line back into the file of vault.keys_file and start again; nothing is lost")]
    NoKey(String),
    /// It was altered, or belongs to something else.
    #[error("the seal is broken")]
    Broken,
}

impl Vault {
    /// Reads keys: one a line, a name, a space and 64 hexadecimal digits; empty lines and lines that begin with `#` do not count.
    pub fn parse(text: &str) -> Result<Self, VaultError> {
        let mut keys: Vec<Key> = Vec::new();
        for (at, line) in text.lines().enumerate().map(|(at, line)| (at + 1, line.trim())) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (id, digits) = line.split_once(' ').ok_or(VaultError::Line(at))?;
            let bytes = unhex(digits.trim()).ok_or(VaultError::Line(at))?;
            let named = !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
            let key = Key::new(id, &bytes).filter(|_| named).ok_or(VaultError::Line(at))?;
            if keys.iter().any(|known| known.id == id) {
                return Err(VaultError::Twice(at));
            }
            keys.push(key);
        }
        if keys.is_empty() { Err(VaultError::Empty) } else { Ok(Self { keys }) }
    }

    /// A new key as a line of the file; its name sorts by nothing and tells nothing.
    pub fn new_line() -> String {
        let half = || hex(&random_bytes());
        format!("{} {}{}", &half()[..8], half(), half())
    }

    /// The name of the key that seals now.
    pub fn newest(&self) -> &str {
        self.keys.last().map_or("", |key| &key.id)
    }

    /// The names of the keys, in the order of the file.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| key.id.as_str())
    }

    pub(crate) fn keys(&self) -> &[Key] {
        &self.keys
    }

    pub(crate) fn key(&self, id: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.id == id)
    }

    /// Seals something. `about` says what it belongs to: moved elsewhere, it does not open.
    ///
    /// # Panics
    /// When the operating system has no randomness to give: nothing safe could follow.
    pub fn seal(&self, about: &[u8], plain: &[u8]) -> Sealed {
        let key = self.keys.last().expect("a vault has a key");
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&random_bytes()[..NONCE_LEN]);
        Sealed { key_id: key.id.clone(), bytes: seal_with(&key.own, nonce, about, plain) }
    }

    /// Opens what was sealed about the same thing.
    pub fn open(&self, about: &[u8], sealed: &Sealed) -> Result<Vec<u8>, OpenError> {
        let key = self.key(&sealed.key_id).ok_or_else(|| OpenError::NoKey(sealed.key_id.clone()))?;
        open_with(&key.own, about, &sealed.bytes)
    }
}

fn unhex(digits: &str) -> Option<[u8; 32]> {
    if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_its_key_for_what_it_is_about_and_not_otherwise() {
        let old = Vault::new_line();
        let vault = Vault::parse(&old).expect("a key");
        let sealed = vault.seal(b"ani", b"rahasia");
        assert_eq!(vault.open(b"ani", &sealed).as_deref(), Ok(&b"rahasia"[..]));
        assert_ne!(vault.seal(b"ani", b"rahasia").bytes, sealed.bytes, "every seal is another one");
        assert_eq!(vault.open(b"budi", &sealed), Err(OpenError::Broken), "it belongs to somebody else");
        let altered = Sealed { bytes: sealed.bytes.iter().map(|byte| byte ^ 1).collect(), ..sealed.clone() };
        assert_eq!(vault.open(b"ani", &altered), Err(OpenError::Broken));
        assert_eq!(vault.open(b"ani", &Sealed { bytes: vec![1], ..sealed.clone() }), Err(OpenError::Broken));

        let both = Vault::parse(&format!("# the old one\n{old}\n\n{}\n", Vault::new_line())).expect("two keys");
        assert_eq!(both.open(b"ani", &sealed).as_deref(), Ok(&b"rahasia"[..]), "the old key still opens");
        assert_eq!(both.seal(b"ani", b"x").key_id, both.newest(), "the newest seals");
        let new = Vault::parse(&Vault::new_line()).expect("a key");
        assert_eq!(new.open(b"ani", &sealed), Err(OpenError::NoKey(sealed.key_id)));
    }

    #[test]
    fn keys_that_are_none_are_refused_without_repeating_them() {
        let key = "ab".repeat(32);
        assert_eq!(Vault::parse("\n# nothing\n").err(), Some(VaultError::Empty));
        for wrong in [key.clone(), format!("a {}", &key[1..]), format!("a {}", key.replace("ab", "xy")), format!("a/b {key}")] {
            assert_eq!(Vault::parse(&wrong).err(), Some(VaultError::Line(1)), "{wrong}");
        }
        assert_eq!(Vault::parse(&format!("a {key}\na {key}")).err(), Some(VaultError::Twice(2)));
        let vault = Vault::parse(&format!("a {key}")).expect("a key");
        assert!(!format!("{vault:?}").contains("abab"));
    }
}
