//! Who sits at a desk: the core signs a token when they sign in, and the desk checks it without asking.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, VerifyingKey};
use jiff::Timestamp;
use model::{ClerkToken, DoorDirectory};

/// Reads `base64url(json).base64url(signature over the first part)` with the key that the core published, as far as it is neither over nor ended.
pub fn clerk(token: &str, directory: &DoorDirectory, now: Timestamp) -> Result<ClerkToken, NotAClerk> {
    let clerk = signed(token, &directory.staff_key)?;
    let ended = directory.ended.get(&clerk.staff).is_some_and(|first| clerk.generation < *first);
    if clerk.expires_at <= now || ended { Err(NotAClerk::Expired) } else { Ok(clerk) }
}

fn signed(token: &str, staff_key: &str) -> Result<ClerkToken, NotAClerk> {
    let key: [u8; 32] = decoded(staff_key).ok_or(NotAClerk::NoKey)?;
    let key = VerifyingKey::from_bytes(&key).map_err(|_| NotAClerk::NoKey)?;
    let (said, signature) = token.split_once('.').ok_or(NotAClerk::Forged)?;
    let signature: [u8; 64] = decoded(signature).ok_or(NotAClerk::Forged)?;
    key.verify_strict(said.as_bytes(), &Signature::from_bytes(&signature)).map_err(|_| NotAClerk::Forged)?;
    let json = BASE64_URL_SAFE_NO_PAD.decode(said).map_err(|_| NotAClerk::Forged)?;
    serde_json::from_slice(&json).map_err(|_| NotAClerk::Forged)
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
    /// Signed, but over, or ended by a new password or a closed account.
    #[error("the token has ended")]
    Expired,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ed25519_dalek::{Signer, SigningKey};
    use model::{Role, Site, StaffId, clock::Zone};

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1_790_000_000).expect("a time")
    }

    fn token(key: &SigningKey, expires_at: Timestamp) -> String {
        let clerk = ClerkToken {
            staff: StaffId::new(now()),
            name: "Petugas".into(),
            role: Role::Clerk,
            office: "kel-a".into(),
            expires_at,
            generation: 0,
        };
        let said = BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(&clerk).expect("JSON"));
        let signature = BASE64_URL_SAFE_NO_PAD.encode(key.sign(said.as_bytes()).to_bytes());
        format!("{said}.{signature}")
    }

    fn city(staff_key: &str) -> DoorDirectory {
        let site = Site { name: "Kota".into(), base_url: String::new(), zone: Zone::default() };
        let (staff_key, sign_in_url) = (staff_key.to_owned(), String::new());
        DoorDirectory { site, categories: vec![], areas: vec![], channels: vec![], staff_key, sign_in_url, ended: BTreeMap::new() }
    }

    #[test]
    fn only_a_token_of_the_core_opens_the_desk_and_only_while_it_lasts() {
        let key = SigningKey::from_bytes(&[3; 32]);
        let city = city(&BASE64_URL_SAFE_NO_PAD.encode(key.verifying_key().to_bytes()));
        let later = now() + jiff::SignedDuration::from_secs(60);
        let good = token(&key, later);
        assert_eq!(clerk(&good, &city, now()).map(|clerk| clerk.office), Ok("kel-a".to_owned()));
        assert_eq!(clerk(&good, &city, later).err(), Some(NotAClerk::Expired));
        assert_eq!(clerk(&token(&SigningKey::from_bytes(&[4; 32]), later), &city, now()).err(), Some(NotAClerk::Forged));
        assert_eq!(clerk(&good, &self::city(""), now()).err(), Some(NotAClerk::NoKey));
        for wrong in ["", ".", "a.b", &good[1..], &good[..good.len() - 1], &good.replace('.', "")] {
            assert_eq!(clerk(wrong, &city, now()).err(), Some(NotAClerk::Forged), "{wrong}");
        }
    }

    #[test]
    fn a_token_that_was_ended_opens_nothing_and_the_next_one_does() {
        let key = SigningKey::from_bytes(&[3; 32]);
        let mut city = city(&BASE64_URL_SAFE_NO_PAD.encode(key.verifying_key().to_bytes()));
        let given = token(&key, now() + jiff::SignedDuration::from_secs(60));
        let staff = clerk(&given, &city, now()).expect("it opens").staff;
        city.ended.insert(StaffId::new(now() + jiff::SignedDuration::from_secs(1)), 9);
        assert!(clerk(&given, &city, now()).is_ok(), "somebody else's were ended");
        city.ended.insert(staff, 0);
        assert!(clerk(&given, &city, now()).is_ok(), "it is of that generation");
        city.ended.insert(staff, 1);
        assert_eq!(clerk(&given, &city, now()).err(), Some(NotAClerk::Expired));
    }
}
