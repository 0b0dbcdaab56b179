//! Pauses after tries that failed. They grow, and nobody is locked out for good; a browser that signed in before has a count of its own, so
//! that a stranger who keeps guessing stops strangers, not the person.

use axum::http::{HeaderMap, HeaderValue, header};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, Signer, Verifier};
use model::{StaffId, Timestamp};
use serde_json::json;
use store::{
    staff::Staff,
    tries::{self, FOR_ACCOUNTS, FOR_ADDRESSES, Key, Rule, Turn},
};
use ui::Words;

use crate::{Rooms, WebError};

/// A try, counted as failed until it is told otherwise.
pub(crate) struct Try {
    key: Key,
    fails: i32,
    until: Timestamp,
}

/// Counts a try; `Err`: none counts before that time.
pub(crate) async fn take(rooms: &Rooms, key: Key) -> Result<Result<Try, Timestamp>, WebError> {
    with(rooms, key, &FOR_ACCOUNTS).await
}

/// The same for an address, behind which a whole office may be.
pub(crate) async fn take_for_address(rooms: &Rooms, address: &str) -> Result<Result<Try, Timestamp>, WebError> {
    with(rooms, Key::address(address), &FOR_ADDRESSES).await
}

async fn with(rooms: &Rooms, key: Key, rule: &Rule) -> Result<Result<Try, Timestamp>, WebError> {
    Ok(match tries::take(rooms.db(), &key, rule, rooms.now()).await? {
        Turn::Go { fails, until } => Ok(Try { key, fails, until }),
        Turn::Wait { until } => Err(until),
    })
}

impl Try {
    /// It succeeded: nothing before it counts any more.
    pub(crate) async fn forgive(self, rooms: &Rooms) -> Result<(), WebError> {
        Ok(tries::forgive(rooms.db(), &[self.key]).await?)
    }

    /// It succeeded, and tells nothing of those by others.
    pub(crate) async fn give_back(self, rooms: &Rooms) -> Result<(), WebError> {
        Ok(tries::give_back(rooms.db(), &self.key).await?)
    }

    /// It failed: the end of the pause that follows, if one does. Pauses of an account that exists are written down for admins, without
    /// keeping the visitor: how long an answer takes must not tell whether there is such an account.
    pub(crate) fn failed(&self, rooms: &Rooms, whose: Option<&Staff>) -> Option<Timestamp> {
        let until = Some(self.until).filter(|until| *until > rooms.now())?;
        if let Some(staff) = whose {
            let (rooms, login, fails) = (rooms.clone(), staff.login.clone(), self.fails);
            tokio::spawn(async move {
                if let Err(error) = note(&rooms, &login, fails, until).await {
                    tracing::warn!(error = &error as &dyn std::error::Error, "Cannot write down that signing in is paused.");
                }
            });
        }
        Some(until)
    }
}

async fn note(rooms: &Rooms, login: &str, fails: i32, until: Timestamp) -> Result<(), WebError> {
    let mut tx = store::begin(rooms.db()).await?;
    let detail = json!({ "fails": fails, "until": until });
    store::audit::write(&mut tx, rooms.now(), None, "staff.sign_in_paused", login, &detail).await?;
    Ok(store::commit(tx).await?)
}

/// `Terlalu banyak percobaan. Coba lagi dalam 2 menit.`
pub(crate) fn say(until: Timestamp, now: Timestamp, words: Words) -> String {
    let seconds = until.duration_since(now).as_secs().max(1).unsigned_abs();
    if seconds <= 60 { words.count("sign_in.wait.seconds", seconds) } else { words.count("sign_in.wait.minutes", seconds.div_ceil(60)) }
}

const DAYS: u32 = 180;

fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-muara-kenal" } else { "muara-kenal" }
}

/// What is signed. The value of the cookie is the random part and the signature.
fn signed(staff: StaffId, random: &str) -> Vec<u8> {
    format!("this browser has signed in as {staff}: {random}").into_bytes()
}

/// The name of this browser, if it signed in as them before.
pub(crate) fn known_browser(headers: &HeaderMap, rooms: &Rooms, staff: StaffId) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let value = cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == cookie_name(rooms.https()))
        .map(|(_, value)| value)?;
    let (random, signature) = value.split_once('.')?;
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
    let signature = Signature::from_slice(&signature).ok()?;
    rooms.staff_key().verifying_key().verify(&signed(staff, random), &signature).ok()?;
    Some(random.to_owned())
}

/// The cookie by which this browser is known from now on; of no use for signing in.
pub(crate) fn know(rooms: &Rooms, staff: StaffId) -> HeaderValue {
    let random = BASE64_URL_SAFE_NO_PAD.encode(model::id::random_bytes());
    let signature = rooms.staff_key().sign(&signed(staff, &random)).to_bytes();
    let secure = if rooms.https() { "; Secure" } else { "" };
    let (name, seconds) = (cookie_name(rooms.https()), DAYS * 24 * 60 * 60);
    let signature = BASE64_URL_SAFE_NO_PAD.encode(signature);
    let cookie = format!("{name}={random}.{signature}; Path=/; HttpOnly; SameSite=Lax{secure}; Max-Age={seconds}");
    HeaderValue::from_str(&cookie).expect("base64 and fixed words make a header")
}
