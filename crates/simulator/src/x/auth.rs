//! Who asks: OAuth 1.0a by its signature (RFC 5849, computed here from scratch), OAuth 2.0 by its token.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header};
use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::state::State;

/// A signature may be so old, in seconds.
const FRESH: i64 = 300;

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stranger(pub(super) &'static str);

/// The request as it came.
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    /// Scheme, host and path.
    pub(super) url: &'a str,
    /// The query, as it came.
    pub(super) query: &'a str,
    pub(super) headers: &'a HeaderMap,
}

impl State {
    /// Whether it is our account that asks.
    pub(super) fn known(&mut self, asked: &Asked<'_>) -> Result<(), Stranger> {
        let value = asked.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or(Stranger("no authorization"))?;
        if let Some(token) = value.strip_prefix("Bearer ") {
            let now = self.now();
            let valid = self.access.as_ref().is_some_and(|(known, until)| known == token && now < *until);
            return if valid { Ok(()) } else { Err(Stranger("the token is not valid")) };
        }
        let words = value.strip_prefix("OAuth ").ok_or(Stranger("an unknown way to say who one is"))?;
        let mut given = BTreeMap::new();
        for pair in words.split(',') {
            let (name, value) = pair.trim().split_once('=').ok_or(Stranger("a word without value"))?;
            let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).ok_or(Stranger("a word without quotes"))?;
            given.insert(name.to_owned(), decoded(value));
        }
        self.signed(asked, &given)
    }

    fn signed(&mut self, asked: &Asked<'_>, given: &BTreeMap<String, String>) -> Result<(), Stranger> {
        let word = |name: &str| given.get(name).map(String::as_str).unwrap_or_default();
        let [key, _, token, _] = &self.options.keys;
        if word("oauth_consumer_key") != key || word("oauth_token") != token {
            return Err(Stranger("unknown keys"));
        }
        if word("oauth_signature_method") != "HMAC-SHA1" {
            return Err(Stranger("not signed with HMAC-SHA1"));
        }
        let at: i64 = word("oauth_timestamp").parse().map_err(|_| Stranger("no time"))?;
        if (self.now().as_second() - at).abs() > FRESH {
            return Err(Stranger("Timestamp out of bounds"));
        }
        if word("oauth_nonce").is_empty() || !self.nonces.insert(word("oauth_nonce").to_owned()) {
            return Err(Stranger("the nonce was used before"));
        }
        let mut pairs: Vec<(String, String)> =
            given.iter().filter(|(name, _)| *name != "oauth_signature" && *name != "realm").map(|(n, v)| (n.clone(), v.clone())).collect();
        pairs.extend(pairs_of(asked.query));
        let [_, consumer, _, secret] = &self.options.keys;
        let expected = signature(asked.method, asked.url, &pairs, consumer, secret);
        if expected == word("oauth_signature") { Ok(()) } else { Err(Stranger("the signature is wrong")) }
    }
}

/// The signature of RFC 5849: base 64 of HMAC-SHA1 over method, address and all pairs in order.
///
/// # Panics
/// Never: HMAC takes a key of any length.
pub fn signature(method: &str, url: &str, pairs: &[(String, String)], consumer_secret: &str, token_secret: &str) -> String {
    let mut encoded: Vec<(String, String)> = pairs.iter().map(|(name, value)| (quoted(name), quoted(value))).collect();
    encoded.sort();
    let parameters = encoded.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    let base = format!("{}&{}&{}", method.to_uppercase(), quoted(url), quoted(&parameters));
    let key = format!("{}&{}", quoted(consumer_secret), quoted(token_secret));
    let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(base.as_bytes());
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

/// The pairs of a query or form.
pub(super) fn pairs_of(query: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(&name.replace('+', " ")), decoded(&value.replace('+', " ")))
    };
    query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect()
}

fn quoted(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}"); // writing into a String cannot fail
        }
    }
    out
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = (*first == b'%').then(|| after.get(..2)).flatten().and_then(|two| std::str::from_utf8(two).ok());
        if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_of_the_standard() {
        // The example of RFC 5849, 3.1 and 3.4.1.1; its signature was computed with Python's hmac and urllib.
        let query = "b5=%3D%253D&a3=a&c%40=&a2=r%20b";
        let mut pairs = pairs_of(query);
        pairs.extend(pairs_of("c2&a3=2+q"));
        for (name, value) in [
            ("oauth_consumer_key", "9djdj82h48djs9d2"),
            ("oauth_token", "kkk9d7dh3k39sjv7"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131201"),
            ("oauth_nonce", "7d8f3e4a"),
        ] {
            pairs.push((name.into(), value.into()));
        }
        let signed = signature("POST", "http://example.com/request", &pairs, "j49sk3j29djd", "dh893hdasih9");
        assert_eq!(signed, "r6/TJjbCOr97/+UU0NsvSne7s5g=");
    }
}
