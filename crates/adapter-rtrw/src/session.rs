//! Who imports, by the token that the core signed.

use adapter_sdk::{
    ClerkToken, Door, Timestamp,
    axum::http::HeaderMap,
    form::{NotAClerk, TokenCookie, clerk},
    model::Role,
};

/// Keeps the token.
pub(crate) const COOKIE: TokenCookie = TokenCookie("impor");

/// Reads a token: signed by the core, not over, and of somebody who may take complaints in.
pub(crate) fn read(token: &str, door: &Door, now: Timestamp) -> Result<ClerkToken, NotAClerk> {
    let directory = door.directory().ok_or(NotAClerk::NoKey)?;
    let clerk = clerk(token, &directory, now)?;
    if matches!(clerk.role, Role::Clerk | Role::Triage | Role::Admin) { Ok(clerk) } else { Err(NotAClerk::Forged) }
}

/// The session of a request, if it has one.
pub(crate) fn of(headers: &HeaderMap, door: &Door, now: Timestamp) -> Result<ClerkToken, NotAClerk> {
    read(COOKIE.token(headers, door.is_https()).ok_or(NotAClerk::Forged)?, door, now)
}
