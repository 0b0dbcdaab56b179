//! Passkeys (Web Authentication Level 3): a key in somebody's phone, computer or security key that opens their account alone, because the device asks its
//! owner for a finger, a face or a PIN first. `webauthn-rs` knows the protocol; here it is told our address, and what it says is put into words.

pub(crate) mod own;
pub(crate) mod sign_in;

use std::{fmt, time::Duration};

use axum::http::{HeaderMap, HeaderValue, StatusCode};
use model::{Site, StaffId};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use store::passkey::{LONGEST_MINUTES, Try};
use tracing::info;
use ui::Words;
use webauthn_rs::{
    Webauthn, WebauthnBuilder,
    prelude::{Url, WebauthnError},
};

use crate::{Rooms, WebError, session};

/// How long a device may take.
const LONGEST: Duration = Duration::from_mins(LONGEST_MINUTES.unsigned_abs());

/// Why there are no passkeys at an address. Browsers ask no device there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Off {
    /// Its host is a number and no name.
    NoName,
    /// It is reached over plain http, and is not this machine's own `localhost`.
    PlainHttp,
}

impl Off {
    /// In a sentence, for who can mend it.
    pub(crate) fn say(self, words: Words) -> &'static str {
        words.t(match self {
            Self::NoName => "passkey.off.no_name",
            Self::PlainHttp => "passkey.off.plain_http",
        })
    }
}

/// What makes and checks passkeys at one address.
pub(crate) struct Keys {
    webauthn: Webauthn,
    /// The host name that passkeys are bound to, for ever.
    rp_id: String,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.rp_id)
    }
}

impl Keys {
    /// For the installation's public address.
    pub(crate) fn at(site: &Site) -> Result<Self, Off> {
        let address = Url::parse(&site.base_url).map_err(|_| Off::NoName)?;
        let rp_id = address.domain().ok_or(Off::NoName)?.to_owned();
        if address.scheme() != "https" && rp_id != "localhost" {
            return Err(Off::PlainHttp);
        }
        let webauthn = WebauthnBuilder::new(&rp_id, &address).and_then(|builder| builder.rp_name(&site.name).timeout(LONGEST).build());
        Ok(Self { webauthn: webauthn.map_err(|_| Off::NoName)?, rp_id })
    }

    /// The host name that passkeys are bound to.
    pub(crate) fn rp_id(&self) -> &str {
        &self.rp_id
    }
}

/// Why a passkey was not taken. Each is one sentence; more is told to nobody outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// Nobody began in this browser, or too long ago, or it was answered before.
    Over,
    /// It is not known here, or its account is closed.
    Unknown,
    /// It opens another account than the one whose password was given.
    NotTheirs,
    /// The device did not ask its owner.
    NotAsked,
    /// Its counter stood still or went back: there may be a copy.
    Doubted,
    /// The device's key is kept here already.
    Known,
    /// There are as many as one may have.
    Full,
    /// Anything else that does not fit.
    Wrong,
}

impl Refused {
    fn say(self, words: Words) -> &'static str {
        words.t(match self {
            Self::Over => "passkey.over",
            Self::Unknown => "passkey.unknown",
            Self::NotTheirs => "passkey.not_theirs",
            Self::NotAsked => "passkey.not_asked",
            Self::Doubted => "passkey.doubted",
            Self::Known => "passkey.known",
            Self::Full => "passkey.full",
            Self::Wrong => "passkey.wrong",
        })
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Unknown | Self::NotTheirs | Self::Doubted => StatusCode::FORBIDDEN,
            Self::Over | Self::NotAsked | Self::Known | Self::Full | Self::Wrong => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// What the library says. Its own words name what did not fit, never who or which key.
    fn of(error: &WebauthnError) -> Self {
        info!(cause = %error, "A passkey was refused.");
        match error {
            WebauthnError::CredentialPossibleCompromise => Self::Doubted,
            WebauthnError::UserNotVerified | WebauthnError::UserNotPresent => Self::NotAsked,
            WebauthnError::CredentialNotFound | WebauthnError::InvalidUserUniqueId => Self::Unknown,
            _ => Self::Wrong,
        }
    }
}

/// Notes what a device is asked for; the cookie that ties the answer to this browser.
async fn begin<S: Serialize + Sync>(rooms: &Rooms, adds: Option<(StaffId, String)>, state: &S) -> Result<HeaderValue, WebError> {
    let asked = Try { adds, state: serde_json::to_value(state)? };
    let token = store::passkey::begin(rooms.db(), &asked, rooms.now()).await?;
    Ok(session::passing(cookie_name(rooms.https()), &token, LONGEST, rooms.https()))
}

/// What was asked for in this browser, once.
async fn end(rooms: &Rooms, headers: &HeaderMap) -> Result<Option<Try>, WebError> {
    match session::named(headers, cookie_name(rooms.https())) {
        Some(token) => Ok(store::passkey::end(rooms.db(), token, rooms.now()).await?),
        None => Ok(None),
    }
}

fn no_cookie(rooms: &Rooms) -> HeaderValue {
    session::passing(cookie_name(rooms.https()), "", Duration::ZERO, rooms.https())
}

fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-muara-kunci" } else { "muara-kunci" }
}

/// What a browser sent of its device. How it cannot be read is said nowhere: the words of readers hold what they read.
fn read<T: DeserializeOwned>(sent: &str) -> Result<T, Refused> {
    serde_json::from_str(sent).map_err(|_| Refused::Wrong)
}

/// What was kept of a ceremony or a passkey.
fn kept<T: DeserializeOwned>(kept: Value) -> Result<T, WebError> {
    Ok(serde_json::from_value(kept)?)
}

#[cfg(test)]
mod tests {
    use model::clock::Zone;

    use super::*;

    #[test]
    fn there_are_passkeys_at_a_name_over_https_and_at_localhost_and_nowhere_else() {
        let at = |base_url: &str| {
            let site = Site { name: "Kota Contoh".into(), base_url: base_url.into(), zone: Zone::Wib };
            Keys::at(&site).map(|keys| keys.rp_id().to_owned())
        };
        assert_eq!(at("https://lapor.kota.example.id/"), Ok("lapor.kota.example.id".to_owned()));
        assert_eq!(at("http://localhost:8100"), Ok("localhost".to_owned()));
        assert_eq!(at("http://lapor.kota.example.id"), Err(Off::PlainHttp));
        for number in ["https://192.0.2.7", "http://127.0.0.1:8100", "https://[2001:db8::7]", "nothing"] {
            assert_eq!(at(number), Err(Off::NoName), "{number}");
        }
    }
}
