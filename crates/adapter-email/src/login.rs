//! Passwords, and tokens that stand for them.

use std::{
    collections::HashMap,
    fmt::Write,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use adapter_sdk::{BoxError, Folder, Http};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
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

/// Tokens that are still good, and the newest refresh tokens. Some givers take a refresh token once and give the next along: that one is on the disk
/// before it is used, so that a restart does not need a person.
pub(crate) struct Tokens {
    folder: Folder,
    chains: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Chain>>>>,
}

/// What descends from one refresh token of the configuration. Another one there is another chain, with another file: so it counts at once.
#[derive(Default)]
struct Chain {
    access: Option<(String, Instant)>,
    /// Where it is not the configuration's own any more.
    refresh: Option<String>,
}

/// The file of a chain.
#[derive(Serialize, Deserialize)]
struct Kept {
    refresh_token: String,
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
    /// With the newest refresh tokens kept in this folder.
    pub(crate) fn new(folder: Folder) -> Self {
        Self { folder, chains: Mutex::default() }
    }

    /// What opens this server now.
    pub(crate) async fn ticket(&self, server: &Server, http: &Http) -> Result<Ticket, BoxError> {
        match &server.oauth {
            None => Ok(Ticket::Password(server.password.expose().to_owned())),
            Some(oauth) => Ok(Ticket::Token(self.token(oauth, http).await?)),
        }
    }

    /// The server did not take it: the next one is a new one.
    pub(crate) async fn forget(&self, server: &Server) {
        if let Some(oauth) = &server.oauth {
            self.chain(&print(oauth)).lock().await.access = None;
        }
    }

    /// A token that is good; whoever asks meanwhile waits for the same one.
    async fn token(&self, oauth: &OAuth, http: &Http) -> Result<String, TokenError> {
        let name = print(oauth);
        let chain = self.chain(&name);
        let mut chain = chain.lock().await;
        if let Some((token, _)) = chain.access.as_ref().filter(|(_, until)| *until > Instant::now()) {
            return Ok(token.clone());
        }
        let given = if oauth.grant == Grant::RefreshToken {
            let file = format!("oauth2-{name}.json");
            self.renewed(oauth, http, &file, &mut chain).await?
        } else {
            ask(oauth, "", http).await?
        };
        let lasts = given.expires_in.map_or(USUAL, Duration::from_secs).saturating_sub(MARGIN);
        chain.access = Some((given.access_token.clone(), Instant::now() + lasts));
        Ok(given.access_token)
    }

    /// Asks with the newest refresh token, and keeps the one that comes along.
    async fn renewed(&self, oauth: &OAuth, http: &Http, file: &str, chain: &mut Chain) -> Result<Given, TokenError> {
        let first = oauth.refresh_token.expose();
        if chain.refresh.is_none() {
            chain.refresh = self.folder.read::<Kept>(file).await.unwrap_or_else(|error| not_kept(&error)).map(|kept| kept.refresh_token);
        }
        let asked = ask(oauth, chain.refresh.as_deref().unwrap_or(first), http).await;
        let given = match asked {
            // A folder that was put back from a copy: the configuration's own may still be good.
            Err(TokenError::Refused(_)) if chain.refresh.take().is_some_and(|kept| kept != first) => ask(oauth, first, http).await?,
            other => other?,
        };
        if let Some(next) = given.refresh_token.clone().filter(|next| chain.refresh.as_deref().unwrap_or(first) != next) {
            let kept = Kept { refresh_token: next };
            self.folder.write(file, &kept).await.unwrap_or_else(|error| not_kept(&error));
            chain.refresh = Some(kept.refresh_token);
        }
        Ok(given)
    }

    fn chain(&self, name: &str) -> Arc<tokio::sync::Mutex<Chain>> {
        self.chains.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default().clone()
    }
}

/// The mail goes on; a person is needed after the next restart.
fn not_kept<T: Default>(error: &std::io::Error) -> T {
    tracing::error!(error = error as &dyn std::error::Error, "The newest refresh token cannot be kept or read: look at `state_folder`.");
    T::default()
}

/// What a chain is known by: who gives, to whom, for what, and from which first token. A hash, because that is secret.
fn print(oauth: &OAuth) -> String {
    let mut hash = Sha256::new();
    for part in [&oauth.token_url, &oauth.client_id, &oauth.scope, oauth.refresh_token.expose()] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize()[..16].iter().fold(String::with_capacity(32), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing into a String cannot fail
        text
    })
}

async fn ask(oauth: &OAuth, refresh: &str, http: &Http) -> Result<Given, TokenError> {
    let http = http.trusting(&oauth.token_url).map_err(TokenError::Unreachable)?;
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
        return Err(TokenError::Refused(answer.status.as_u16()));
    }
    answer.json().map_err(|_| TokenError::Unreadable)
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
