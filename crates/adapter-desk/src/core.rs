//! What the desk asks the core: over HTTP, with the token of the clerk who asks, so that the answer is what this clerk may see. The desk's
//! own credential could not ask anything; see `docs/decisions/0017-the-desk-without-a-line.md`.

use std::time::Duration;

use adapter_sdk::{
    Bytes, ConfigError, Http, HttpError,
    model::desk::{Findings, SEARCH, Search, UNDELIVERED, Undelivered},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::session::Session;

/// A citizen stands there and waits.
const PATIENCE: Duration = Duration::from_secs(8);
/// Ten findings, or two hundred answers.
const MOST_BYTES: usize = 512 * 1024;

/// The way to the core.
pub(crate) struct Core {
    http: Http,
    /// Of the configuration; empty: the address that citizens use.
    url: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    #[error("the core cannot be asked")]
    Unreachable(#[source] HttpError),
    #[error("the core does not say where it is")]
    Unknown,
    #[error("the core knows no such clerk any more")]
    NotAClerk,
    #[error("the core answered {0}")]
    Refused(u16),
}

impl Core {
    /// `url` may lead into a private network: it is from the configuration.
    pub(crate) fn new(http: &Http, url: &str) -> Result<Self, ConfigError> {
        let url = url.trim_end_matches('/').to_owned();
        if url.is_empty() {
            return Ok(Self { http: http.clone(), url });
        }
        let http = http.trusting(&url).map_err(|_| ConfigError::value("core_url", "must be an address on the web"))?;
        Ok(Self { http, url })
    }

    pub(crate) async fn search(&self, site: &str, session: &Session, asked: &Search) -> Result<Findings, NoAnswer> {
        self.ask(site, SEARCH, session, asked).await
    }

    pub(crate) async fn undelivered(&self, site: &str, session: &Session) -> Result<Undelivered, NoAnswer> {
        self.ask(site, UNDELIVERED, session, &()).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        site: &str,
        path: &str,
        session: &Session,
        question: &(impl Serialize + Sync),
    ) -> Result<T, NoAnswer> {
        let base = if self.url.is_empty() { site.trim_end_matches('/') } else { &self.url };
        if base.is_empty() {
            return Err(NoAnswer::Unknown);
        }
        let body = Bytes::from(serde_json::to_vec(question).unwrap_or_default());
        let call = self.http.post(&format!("{base}{path}")).bearer(session.token.expose()).body("application/json", body);
        let answer = call.timeout(PATIENCE).max_body(MOST_BYTES).send().await.map_err(NoAnswer::Unreachable)?;
        match answer.status.as_u16() {
            200 => answer.json().map_err(NoAnswer::Unreachable),
            401 | 403 => Err(NoAnswer::NotAClerk),
            other => Err(NoAnswer::Refused(other)),
        }
    }
}
