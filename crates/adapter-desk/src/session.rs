//! Who sits at the desk, by the token that the core signed.

use adapter_sdk::{
    Adapter, Channel, ClerkToken, Door, Secret, Timestamp,
    axum::http::HeaderMap,
    form::{NotAClerk, TokenCookie, clerk},
    model::OpeningHours,
};

use crate::Desk;

/// Keeps the token.
pub(crate) const COOKIE: TokenCookie = TokenCookie("loket");

/// The clerk and their office.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) clerk: ClerkToken,
    /// What people call the office.
    pub(crate) label: String,
    /// Code of the office's area.
    pub(crate) area: Option<String>,
    /// When the office is open, where somebody said so.
    pub(crate) hours: Option<OpeningHours>,
    /// The token itself: the core is asked with it.
    pub(crate) token: Secret,
}

/// Reads a token: signed by the core, not over, and for an office that has an open channel here.
pub(crate) fn read(token: &str, door: &Door, now: Timestamp) -> Result<Session, NotAClerk> {
    let directory = door.directory().ok_or(NotAClerk::NoKey)?;
    let clerk = clerk(token, &directory, now)?;
    let today = now.to_zoned(directory.site.zone.time_zone()).date();
    let open = |channel: &&Channel| {
        let ours = channel.adapter.as_str() == Desk::NAME && channel.account == clerk.office;
        ours && channel.from <= today && channel.until.is_none_or(|until| today <= until)
    };
    let channel = directory.channels.iter().find(open).ok_or(NotAClerk::Forged)?;
    Ok(Session { label: channel.label.clone(), area: channel.area.clone(), hours: channel.hours.clone(), token: Secret::new(token), clerk })
}

/// The session of a request, if it has one.
pub(crate) fn of(headers: &HeaderMap, door: &Door, now: Timestamp) -> Result<Session, NotAClerk> {
    read(COOKIE.token(headers, door.is_https()).ok_or(NotAClerk::Forged)?, door, now)
}
