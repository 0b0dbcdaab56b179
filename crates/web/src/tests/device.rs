//! A device that keeps passkeys, played in memory: what a browser and an authenticator do together (Web Authentication Level 3, 6 and 7), with a real key.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};

/// Flags of authenticator data: its owner was there, was asked for a finger, a face or a PIN, and a new key follows.
const PRESENT: u8 = 1;
const VERIFIED: u8 = 1 << 2;
const ATTESTED: u8 = 1 << 6;

/// One device with one passkey.
pub(super) struct Device {
    key: EcdsaKeyPair,
    random: SystemRandom,
    /// What it calls the key.
    id: Vec<u8>,
    /// Whose it is: what the server said when it was made.
    user: String,
    /// How often it has signed.
    pub(super) counter: u32,
    /// The page that asks, as the browser says it.
    pub(super) origin: String,
    /// Whether it asks its owner.
    pub(super) verifies: bool,
}

impl Device {
    /// A new one, with a key that nobody has.
    pub(super) fn new() -> Self {
        let random = SystemRandom::new();
        let kept = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("a key is made");
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, kept.as_ref(), &random).expect("is a key");
        let id = model::id::random_bytes().to_vec();
        Self { key, random, id, user: String::new(), counter: 0, origin: "http://localhost".into(), verifies: true }
    }

    /// What it says when it is asked to make a key.
    pub(super) fn create(&mut self, asked: &Value) -> String {
        asked["user"]["id"].as_str().expect("whose").clone_into(&mut self.user);
        let data = self.data(asked["rp"]["id"].as_str().expect("a host name"), true);
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59".to_vec();
        object.extend(u16::try_from(data.len()).expect("is short").to_be_bytes());
        object.extend(data);
        self.says(&json!({ "clientDataJSON": encoded(&self.page("webauthn.create", asked)), "attestationObject": encoded(&object) }))
    }

    /// What it says when it is asked who is there.
    pub(super) fn get(&mut self, asked: &Value) -> String {
        self.counter += 1;
        let data = self.data(asked["rpId"].as_str().expect("a host name"), false);
        let page = self.page("webauthn.get", asked);
        let signed = [data.as_slice(), digest(&SHA256, &page).as_ref()].concat();
        let signature = self.key.sign(&self.random, &signed).expect("is signed");
        self.says(&json!({
            "clientDataJSON": encoded(&page),
            "authenticatorData": encoded(&data),
            "signature": encoded(signature.as_ref()),
            "userHandle": self.user,
        }))
    }

    fn says(&self, response: &Value) -> String {
        json!({ "id": encoded(&self.id), "rawId": encoded(&self.id), "type": "public-key", "response": response }).to_string()
    }

    /// What the browser knows of the page that asked.
    fn page(&self, kind: &str, asked: &Value) -> Vec<u8> {
        json!({ "type": kind, "challenge": asked["challenge"], "origin": self.origin, "crossOrigin": false }).to_string().into_bytes()
    }

    /// Authenticator data: the hash of the host name, flags, counter; with a new key what it is called and its public half.
    fn data(&self, host: &str, new: bool) -> Vec<u8> {
        let flags = PRESENT | if self.verifies { VERIFIED } else { 0 } | if new { ATTESTED } else { 0 };
        let mut data = digest(&SHA256, host.as_bytes()).as_ref().to_vec();
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        if new {
            data.extend([0; 16]);
            data.extend(u16::try_from(self.id.len()).expect("is short").to_be_bytes());
            data.extend(&self.id);
            data.extend(self.public_half());
        }
        data
    }

    /// A COSE key (RFC 9053, 7.1): EC2, ES256, P-256, x and y.
    fn public_half(&self) -> Vec<u8> {
        let point = self.key.public_key().as_ref();
        [b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20", &point[1..33], b"\x22\x58\x20", &point[33..]].concat()
    }
}

fn encoded(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
