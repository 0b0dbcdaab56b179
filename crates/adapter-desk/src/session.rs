//! Who sits at the desk. The core's signed token is the session: checked at every request, kept in a cookie that scripts cannot read.

use adapter_sdk::{
    Adapter, Channel, ClerkToken, Door, Secret, Timestamp,
    axum::http::{HeaderMap, HeaderValue, header},
    form::{NotAClerk, clerk},
    model::OpeningHours,
};

use crate::Desk;

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
    let clerk = clerk(token, &directory.staff_key, now)?;
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
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let token = pairs.filter(|(name, _)| *name == cookie_name(door.is_https())).map(|(_, token)| token).next();
    read(token.ok_or(NotAClerk::Forged)?, door, now)
}

/// Over https the name itself makes browsers refuse a cookie that another host or plain http tries to set.
fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-loket" } else { "loket" }
}

/// Keeps the token until it is over. `Lax`: the clerk arrives by a post from the core's address.
pub(crate) fn cookie(token: &str, session: &Session, now: Timestamp, https: bool) -> Option<HeaderValue> {
    set(token, session.clerk.expires_at.as_second() - now.as_second(), https)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_https_the_cookie_goes_over_nothing_else() {
        let said = |https| no_cookie(https).expect("a header").to_str().expect("text").to_owned();
        assert_eq!(said(true), "__Host-loket=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(said(false), "loket=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    }
}
