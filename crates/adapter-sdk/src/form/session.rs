//! The core's signed token as a session: arrives by a post from the core's page, is checked at every request, and is kept in a cookie that
//! scripts cannot read.

use std::borrow::Cow;

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Redirect, Response},
};
use jiff::Timestamp;
use serde::Deserialize;

/// What the core's page sends along with who signs in.
#[derive(Deserialize)]
pub struct Arrival {
    /// See [`super::clerk`].
    pub token: String,
}

/// The cookie of a door's pages, by its name.
#[derive(Debug, Clone, Copy)]
pub struct TokenCookie(pub &'static str);

impl TokenCookie {
    /// The token of a request, unchecked.
    pub fn token<'a>(&self, headers: &'a HeaderMap, https: bool) -> Option<&'a str> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == self.name(https)).map(|(_, token)| token)
    }

    /// Keeps a checked token until it is over, and leads to the first page. `Lax`: staff arrive by a post from the core's address.
    pub fn sign_in(&self, token: &str, expires_at: Timestamp, now: Timestamp, https: bool) -> Response {
        self.home(token, expires_at.as_second() - now.as_second(), https)
    }

    /// Takes the token away, and leads to the first page.
    pub fn sign_out(&self, https: bool) -> Response {
        self.home("", 0, https)
    }

    /// Over https the name itself makes browsers refuse a cookie that another host or plain http tries to set.
    fn name(&self, https: bool) -> Cow<'static, str> {
        if https { Cow::Owned(format!("__Host-{}", self.0)) } else { Cow::Borrowed(self.0) }
    }

    fn home(&self, token: &str, seconds: i64, https: bool) -> Response {
        let secure = if https { "; Secure" } else { "" };
        let cookie = format!("{}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}", self.name(https));
        let mut response = Redirect::to("/").into_response();
        // A token that is no header was none of the core's.
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOKIE: TokenCookie = TokenCookie("loket");

    fn set(response: &Response) -> &str {
        assert_eq!(response.headers()[header::LOCATION], "/");
        response.headers()[header::SET_COOKIE].to_str().expect("text")
    }

    #[test]
    fn over_https_the_cookie_goes_over_nothing_else() {
        assert_eq!(set(&COOKIE.sign_out(true)), "__Host-loket=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(set(&COOKIE.sign_out(false)), "loket=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn the_token_is_kept_until_it_is_over_and_found_among_other_cookies() {
        let now = Timestamp::UNIX_EPOCH;
        let response = COOKIE.sign_in("a.b", now + jiff::SignedDuration::from_secs(60), now, false);
        assert_eq!(set(&response), "loket=a.b; Path=/; Max-Age=60; HttpOnly; SameSite=Lax");
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("bahasa=id; loket=a.b"));
        headers.append(header::COOKIE, HeaderValue::from_static("__Host-loket=c.d"));
        assert_eq!((COOKIE.token(&headers, false), COOKIE.token(&headers, true)), (Some("a.b"), Some("c.d")));
        assert_eq!(TokenCookie("lok").token(&headers, false), None);
    }
}
