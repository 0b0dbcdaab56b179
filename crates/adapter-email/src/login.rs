//! Passwords, and tokens that stand for them.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use adapter_sdk::{BoxError, Http};
use serde::Deserialize;
use tokio::time::Instant;

use crate::config::{Grant, OAuth, Server};

/// A token that is about to end is asked for anew.
const MARGIN: Duration = Duration::from_mins(1);
/// How long a token counts of which the giver does not say how long.
const USUAL: Duration = Duration::from_mins(50);

/// What opens a server.
pub(crate) enum Ticket {
    Password(String),
    Token(String),
}

/// Tokens that are still good, and the newest refresh tokens, by who they are for.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<HashMap<String, Kept>>);

#[derive(Default, Clone)]
struct Kept {
    access: Option<(String, Instant)>,
    refresh: Option<String>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens(***)")
    }
}

/// The giver of tokens gave none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("the giver of tokens cannot be reached")]
    Unreachable(#[source] adapter_sdk::HttpError),
    #[error("the giver of tokens answers {0}: has the refresh token or the secret ended?")]
    Refused(u16),
    #[error("the giver of tokens answers something else")]
    Unreadable,
}

#[derive(Deserialize)]
struct Given {
    access_token: String,
    #[serde(default)]
    expires_in: Option<u64>,
    #[serde(default)]
    refresh_token: Option<String>,
}

impl Tokens {
    /// What opens this server now.
    pub(crate) async fn ticket(&self, server: &Server, http: &Http) -> Result<Ticket, BoxError> {
        match &server.oauth {
            None => Ok(Ticket::Password(server.password.expose().to_owned())),
            Some(oauth) => Ok(Ticket::Token(self.token(server, oauth, http).await?)),
        }
    }

    /// The server did not take it: the next one is a new one.
    pub(crate) fn forget(&self, server: &Server) {
        if let Some(kept) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&key(server)) {
            kept.access = None;
        }
    }

    async fn token(&self, server: &Server, oauth: &OAuth, http: &Http) -> Result<String, BoxError> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key(server)).cloned().unwrap_or_default();
        if let Some((token, _)) = kept.access.filter(|(_, until)| *until > Instant::now()) {
            return Ok(token);
        }
        let refresh = kept.refresh.unwrap_or_else(|| oauth.refresh_token.expose().to_owned());
        let given = ask(oauth, &refresh, http).await?;
        let lasts = given.expires_in.map_or(USUAL, Duration::from_secs).saturating_sub(MARGIN);
        let kept =
            Kept { access: Some((given.access_token.clone(), Instant::now() + lasts)), refresh: given.refresh_token.or(Some(refresh)) };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key(server), kept);
        Ok(given.access_token)
    }
}

fn key(server: &Server) -> String {
    format!("{}/{}", server.host, server.user)
}

async fn ask(oauth: &OAuth, refresh: &str, http: &Http) -> Result<Given, BoxError> {
    let http = http.trusting(&oauth.token_url)?;
    let mut form = vec![("client_id", oauth.client_id.as_str())];
    match oauth.grant {
        Grant::RefreshToken => form.extend([("grant_type", "refresh_token"), ("refresh_token", refresh)]),
        Grant::ClientCredentials => form.push(("grant_type", "client_credentials")),
    }
    if !oauth.scope.is_empty() {
        form.push(("scope", oauth.scope.as_str()));
    }
    if !oauth.client_secret.is_empty() {
        form.push(("client_secret", oauth.client_secret.expose()));
    }
    let answer = http.post(&oauth.token_url).form(&form).send().await.map_err(TokenError::Unreachable)?;
    if !answer.status.is_success() {
        return Err(TokenError::Refused(answer.status.as_u16()).into());
    }
    answer.json().map_err(|_| TokenError::Unreadable.into())
}

/// `XOAUTH2`, as Google and Microsoft describe it. A second challenge holds an error, and wants an empty answer.
pub(crate) struct XOAuth2 {
    answer: Option<String>,
}

impl XOAuth2 {
    pub(crate) fn new(user: &str, token: &str) -> Self {
        Self { answer: Some(format!("user={user}\x01auth=Bearer {token}\x01\x01")) }
    }
}

impl async_imap::Authenticator for XOAuth2 {
    type Response = String;
    fn process(&mut self, _challenge: &[u8]) -> String {
        self.answer.take().unwrap_or_default()
    }
}
