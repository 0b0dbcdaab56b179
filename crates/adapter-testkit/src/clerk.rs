//! The core's part in a clerk's sign-in.

use adapter_sdk::ClerkToken;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer, SigningKey};

/// A key as the core has one, to sign in clerks of a test.
pub struct StaffKey {
    key: SigningKey,
}

impl StaffKey {
    /// The key that this number makes.
    pub fn new(number: u8) -> Self {
        Self { key: SigningKey::from_bytes(&[number; 32]) }
    }

    /// What the directory tells doors of it.
    pub fn public(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.key.verifying_key().to_bytes())
    }

    /// A clerk's signed token.
    ///
    /// # Panics
    /// Never: a token is JSON.
    pub fn sign(&self, token: &ClerkToken) -> String {
        let said = BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(token).expect("a token is JSON"));
        let signature = BASE64_URL_SAFE_NO_PAD.encode(self.key.sign(said.as_bytes()).to_bytes());
        format!("{said}.{signature}")
    }
}

impl std::fmt::Debug for StaffKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StaffKey(***)")
    }
}
