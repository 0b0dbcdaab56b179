//! Who sits at a desk: the core signs a token when they sign in, and the desk checks it without asking.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, VerifyingKey};
use jiff::Timestamp;
use model::ClerkToken;

/// Reads `base64url(json).base64url(signature over the first part)` with the key of [`model::DoorDirectory::staff_key`].
pub fn clerk(token: &str, staff_key: &str, now: Timestamp) -> Result<ClerkToken, NotAClerk> {
    let key: [u8; 32] = decoded(staff_key).ok_or(NotAClerk::NoKey)?;
    let key = VerifyingKey::from_bytes(&key).map_err(|_| NotAClerk::NoKey)?;
    let (said, signature) = token.split_once('.').ok_or(NotAClerk::Forged)?;
    let signature: [u8; 64] = decoded(signature).ok_or(NotAClerk::Forged)?;
    key.verify_strict(said.as_bytes(), &Signature::from_bytes(&signature)).map_err(|_| NotAClerk::Forged)?;
    let json = BASE64_URL_SAFE_NO_PAD.decode(said).map_err(|_| NotAClerk::Forged)?;
    let clerk: ClerkToken = serde_json::from_slice(&json).map_err(|_| NotAClerk::Forged)?;
    if clerk.expires_at <= now { Err(NotAClerk::Expired) } else { Ok(clerk) }
}

fn decoded<const N: usize>(text: &str) -> Option<[u8; N]> {
    BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// Why a token opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAClerk {
    /// The door has no usable key: the core has not published one yet.
    #[error("there is no key to check tokens with")]
    NoKey,
    /// Not signed by the core, or not a token.
    #[error("the token is not from the core")]
    Forged,
    /// Signed, but over.
    #[error("the token has expired")]
    Expired,
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};
    use model::{Role, StaffId};

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1_790_000_000).expect("a time")
    }

    fn token(key: &SigningKey, expires_at: Timestamp) -> String {
        let clerk =
            ClerkToken { staff: StaffId::new(now()), name: "Petugas".into(), role: Role::Clerk, office: "kel-a".into(), expires_at };
        let said = BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(&clerk).expect("JSON"));
        let signature = BASE64_URL_SAFE_NO_PAD.encode(key.sign(said.as_bytes()).to_bytes());
        format!("{said}.{signature}")
    }

    #[test]
    fn only_a_token_of_the_core_opens_the_desk_and_only_while_it_lasts() {
        let key = SigningKey::from_bytes(&[3; 32]);
        let public = BASE64_URL_SAFE_NO_PAD.encode(key.verifying_key().to_bytes());
        let later = now() + jiff::SignedDuration::from_secs(60);
        let good = token(&key, later);
        assert_eq!(clerk(&good, &public, now()).map(|clerk| clerk.office), Ok("kel-a".to_owned()));
        assert_eq!(clerk(&good, &public, later).err(), Some(NotAClerk::Expired));
        assert_eq!(clerk(&token(&SigningKey::from_bytes(&[4; 32]), later), &public, now()).err(), Some(NotAClerk::Forged));
        assert_eq!(clerk(&good, "", now()).err(), Some(NotAClerk::NoKey));
        for wrong in ["", ".", "a.b", &good[1..], &good[..good.len() - 1], &good.replace('.', "")] {
            assert_eq!(clerk(wrong, &public, now()).err(), Some(NotAClerk::Forged), "{wrong}");
        }
    }
}
