//! The token in which the provider says who it was (Core 1.0, section 3.1.3.7).

use jsonwebtoken::{DecodingKey, Header, Validation, decode, decode_header};
use model::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::{OidcError, Settings};

/// Clocks differ, in seconds.
const DIFFERENCE: i64 = 60;
/// The oldest that a token may be, in seconds: it was asked for a moment ago.
const OLDEST: i64 = 600;

/// What the provider says.
#[derive(Debug, Deserialize)]
pub(crate) struct Claims {
    pub(crate) sub: String,
    aud: Value,
    azp: Option<String>,
    exp: i64,
    iat: i64,
    pub(crate) nonce: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) preferred_username: Option<String>,
}

pub(crate) fn header(token: &str) -> Result<Header, OidcError> {
    decode_header(token).map_err(|_| OidcError::Token)
}

/// The claims, after signature, issuer, audience and times were looked at.
pub(crate) fn claims(token: &str, header: &Header, key: &DecodingKey, settings: &Settings, now: Timestamp) -> Result<Claims, OidcError> {
    let mut wanted = Validation::new(header.alg);
    wanted.set_audience(&[&settings.client_id]);
    wanted.set_issuer(&[&settings.issuer]);
    wanted.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    // By our own clock, below.
    wanted.validate_exp = false;
    let claims = decode::<Claims>(token, key, &wanted).map_err(|_| OidcError::Token)?.claims;
    let now = now.as_second();
    let is_of_now = claims.exp > now - DIFFERENCE && claims.iat <= now + DIFFERENCE && claims.iat > now - OLDEST;
    // Made for several: it must have been given to us.
    let several = claims.aud.as_array().is_some_and(|all| all.len() > 1);
    let given_to_us = claims.azp.as_ref().map_or(!several, |party| *party == settings.client_id);
    if is_of_now && given_to_us { Ok(claims) } else { Err(OidcError::Token) }
}
