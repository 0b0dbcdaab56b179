//! Who imports. The core's signed token is the session: checked at every request, kept in a cookie that scripts cannot read.

use adapter_sdk::{
    ClerkToken, Door, Timestamp,
    axum::http::{HeaderMap, HeaderValue, header},
    form::{NotAClerk, clerk},
    model::Role,
};

/// Reads a token: signed by the core, not over, and of somebody who may take complaints in.
pub(crate) fn read(token: &str, door: &Door, now: Timestamp) -> Result<ClerkToken, NotAClerk> {
    let directory = door.directory().ok_or(NotAClerk::NoKey)?;
    let clerk = clerk(token, &directory.staff_key, now)?;
    if matches!(clerk.role, Role::Clerk | Role::Triage | Role::Admin) { Ok(clerk) } else { Err(NotAClerk::Forged) }
}

/// The session of a request, if it has one.
pub(crate) fn of(headers: &HeaderMap, door: &Door, now: Timestamp) -> Result<ClerkToken, NotAClerk> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let token = pairs.filter(|(name, _)| *name == cookie_name(door.is_https())).map(|(_, token)| token).next();
    read(token.ok_or(NotAClerk::Forged)?, door, now)
}

/// Over https the name itself makes browsers refuse a cookie that another host or plain http tries to set.
fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-impor" } else { "impor" }
}

/// Keeps the token until it is over. `Lax`: staff arrive by a post from the core's address.
pub(crate) fn cookie(token: &str, clerk: &ClerkToken, now: Timestamp, https: bool) -> Option<HeaderValue> {
    set(token, clerk.expires_at.as_second() - now.as_second(), https)
}

/// Takes the token away.
pub(crate) fn no_cookie(https: bool) -> Option<HeaderValue> {
    set("", 0, https)
}

fn set(token: &str, seconds: i64, https: bool) -> Option<HeaderValue> {
    let secure = if https { "; Secure" } else { "" };
    let name = cookie_name(https);
    HeaderValue::from_str(&format!("{name}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")).ok()
}
