//! The provider's keys (RFC 7517), and which of them fits a token.

use jsonwebtoken::{
    Algorithm, DecodingKey, Header,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

/// Those that can sign; what we do not know is passed over.
pub(crate) struct Keys(Vec<Jwk>);

/// As it comes: one unknown key must not hide the others.
#[derive(Deserialize)]
pub(crate) struct Given {
    keys: Vec<Value>,
}

impl Keys {
    pub(crate) fn new(given: Given) -> Self {
        let read = given.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        Self(read.filter(signs).collect())
    }

    /// By its name; where the token names none, the only one that could have signed it.
    pub(crate) fn fitting(&self, header: &Header) -> Option<DecodingKey> {
        let mut able = self.0.iter().filter(|key| can(key, header.alg));
        let key = match &header.kid {
            Some(name) => able.find(|key| key.common.key_id.as_ref() == Some(name)),
            None => able.next().filter(|_| able.next().is_none()),
        };
        DecodingKey::from_jwk(key?).ok()
    }
}

fn signs(key: &Jwk) -> bool {
    let by_use = key.common.public_key_use.as_ref().is_none_or(|what| *what == PublicKeyUse::Signature);
    let by_act = key.common.key_operations.as_ref().is_none_or(|acts| acts.contains(&KeyOperations::Verify));
    by_use && by_act
}

/// A key signs in the ways of its kind only: a public key must never be taken for a shared secret.
fn can(key: &Jwk, way: Algorithm) -> bool {
    let fits = match (&key.algorithm, way) {
        (AlgorithmParameters::RSA(_), way) => {
            use Algorithm::{PS256, PS384, PS512, RS256, RS384, RS512};
            matches!(way, RS256 | RS384 | RS512 | PS256 | PS384 | PS512)
        }
        (AlgorithmParameters::EllipticCurve(curve), Algorithm::ES256) => curve.curve == EllipticCurve::P256,
        (AlgorithmParameters::EllipticCurve(curve), Algorithm::ES384) => curve.curve == EllipticCurve::P384,
        (AlgorithmParameters::OctetKeyPair(pair), Algorithm::EdDSA) => pair.curve == EllipticCurve::Ed25519,
        _ => false,
    };
    let named = key.common.key_algorithm.is_none_or(|named| named.to_string() == format!("{way:?}"));
    fits && named
}
