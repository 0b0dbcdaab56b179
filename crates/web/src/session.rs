//! Who is signed in: a cookie with a random value, whose hash the database knows.

use std::time::Duration;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, Method, header, request::Parts},
};
use model::{Actor, Role};
use store::{queue::Scope, staff::Staff};

use crate::{Rooms, WebError};

/// Over https the name itself makes browsers refuse a cookie that another host or plain http tries to set.
fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-muara" } else { "muara" }
}

/// Who is signed in. Asking for it keeps everybody else out.
pub(crate) struct SignedIn {
    pub(crate) staff: Staff,
    /// The token that their forms carry.
    pub(crate) csrf: String,
}

impl SignedIn {
    /// What they may see.
    pub(crate) fn scope(&self) -> Scope {
        Scope::of(&self.staff)
    }

    /// Who acts, for `model::decide`.
    pub(crate) fn actor(&self) -> Actor {
        Actor::Staff { id: self.staff.id, role: self.staff.role, agency: self.staff.agency }
    }

    /// Keeps other roles out of a page.
    pub(crate) fn only(&self, may: impl FnOnce(Role) -> bool) -> Result<(), WebError> {
        if may(self.staff.role) { Ok(()) } else { Err(WebError::NotForRole) }
    }

    /// Keeps everybody but admins out.
    pub(crate) fn only_admin(&self) -> Result<(), WebError> {
        self.only(|role| role == Role::Admin)
    }
}

impl FromRequestParts<Rooms> for SignedIn {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, rooms: &Rooms) -> Result<Self, WebError> {
        let session = match token(&parts.headers, rooms.https()) {
            Some(token) => store::staff::session(rooms.db(), token, rooms.now()).await?,
            None => None,
        };
        let back = || match (&parts.method, parts.uri.path_and_query()) {
            (&Method::GET, Some(page)) => page.as_str().to_owned(),
            _ => "/antrean".to_owned(),
        };
        let session = session.ok_or_else(|| WebError::SignInFirst { back: back() })?;
        if !session.second_factor && rooms.needs_factor(session.staff.role) && !may_go_without(parts.uri.path()) {
            return Err(WebError::FactorFirst);
        }
        Ok(Self { staff: session.staff, csrf: session.csrf })
    }
}

/// What who still owes a second factor may do: get one, or leave.
fn may_go_without(path: &str) -> bool {
    path == "/faktor" || path.starts_with("/faktor/") || path == "/keluar" || path == "/sandi"
}

/// The value of our cookie, if the browser sent one.
pub(crate) fn token(headers: &HeaderMap, https: bool) -> Option<&str> {
    named(headers, cookie_name(https))
}

/// The value of a cookie, if the browser sent one of this name.
pub(crate) fn named<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(name, _)| *name == wanted).map(|(_, value)| value)
}

/// The cookie of a new session: read by no script, sent by no other site's form.
pub(crate) fn cookie(token: &str, https: bool) -> HeaderValue {
    set(token, "", https)
}

/// Makes the browser forget it.
pub(crate) fn no_cookie(https: bool) -> HeaderValue {
    set("", "; Max-Age=0", https)
}

/// A cookie of who is on the way somewhere and back: it lasts `time`, and an empty value with no time makes the browser forget it.
pub(crate) fn passing(name: &str, value: &str, time: Duration, https: bool) -> HeaderValue {
    let secure = if https { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}{secure}", time.as_secs());
    HeaderValue::from_str(&cookie).expect("base64, hex and fixed words make a header")
}

fn set(value: &str, age: &str, https: bool) -> HeaderValue {
    let secure = if https { "; Secure" } else { "" };
    let cookie = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}", cookie_name(https));
    HeaderValue::from_str(&cookie).expect("hex and fixed words make a header")
}
