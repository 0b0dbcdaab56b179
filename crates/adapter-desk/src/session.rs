//! Who sits at the desk. The core's signed token is the session: checked at every request, kept in a cookie that scripts cannot read.

use adapter_sdk::{
    Adapter, Channel, ClerkToken, Door, Timestamp,
    axum::http::{HeaderMap, HeaderValue, header},
    form::{NotAClerk, clerk},
};

use crate::Desk;

const COOKIE: &str = "loket";

/// The clerk and their office.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) clerk: ClerkToken,
    /// What people call the office.
    pub(crate) label: String,
    /// Code of the office's area.
    pub(crate) area: Option<String>,
}

/// Reads a token: signed by the core, not over, and for an office that has an open channel here.
pub(crate) fn read(token: &str, door: &Door, now: Timestamp) -> Result<Session, NotAClerk> {
    let directory = door.directory().ok_or(NotAClerk::NoKey)?;
    let clerk = clerk(token, &directory.staff_key, now)?;
    let today = now.to_zoned(directory.site.zone.time_zone()).date();
    let open = |channel: &&Channel| {
        let ours = channel.adapter.as_str() == Desk::NAME && channel.account == clerk.office;
        ours && channel.from <= today && channel.until.is_none_or(|until| today <= until)
    };
    let channel = directory.channels.iter().find(open).ok_or(NotAClerk::Forged)?;
    Ok(Session { label: channel.label.clone(), area: channel.area.clone(), clerk })
}

/// The session of a request, if it has one.
pub(crate) fn of(headers: &HeaderMap, door: &Door, now: Timestamp) -> Result<Session, NotAClerk> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let token = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('=')).find(|(name, _)| *name == COOKIE);
    read(token.ok_or(NotAClerk::Forged)?.1, door, now)
}

/// Keeps the token until it is over. `Lax`: the clerk arrives by a post from the core's address.
pub(crate) fn cookie(token: &str, session: &Session, now: Timestamp, https: bool) -> Option<HeaderValue> {
    let seconds = session.clerk.expires_at.as_second() - now.as_second();
    let secure = if https { "; Secure" } else { "" };
    HeaderValue::from_str(&format!("{COOKIE}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")).ok()
}

/// Takes the token away.
pub(crate) const NO_COOKIE: HeaderValue = HeaderValue::from_static("loket=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
