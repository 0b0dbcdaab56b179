//! Calls to X: authorized, within its windows, and with their refusals read.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use adapter_sdk::{
    FetchError, Http, HttpError, Response, SendError, Timestamp,
    outgoing::{Method, Url},
};
use serde_json::Value;
use tracing::error;

use crate::{
    Account,
    auth::{Asked, NotAuthorized},
    problem::{No, window_ends},
};

/// What is asked; each has a window of its own at X.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Endpoint {
    Mentions,
    Search,
    Lookup,
    Me,
    OwnPosts,
    Answer,
    DirectRead,
    DirectFile,
    DirectSend,
}

/// Why there is no answer to use.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// X said no, or we know that it would.
    No(No),
    /// It certainly did not do what we asked.
    NotAsked(adapter_sdk::BoxError),
    /// It may have done it, or not.
    Unknown(HttpError),
}

impl NoAnswer {
    pub(crate) fn into_fetch(self) -> FetchError {
        match self {
            Self::No(no) => no.to_fetch(),
            Self::NotAsked(cause) => FetchError::Later(cause),
            Self::Unknown(HttpError::TooLarge { .. }) => FetchError::TooLarge,
            Self::Unknown(error) => FetchError::Later(error.into()),
        }
    }

    pub(crate) fn into_send(self) -> SendError {
        match self {
            Self::No(no) => no.to_send(),
            Self::NotAsked(cause) => SendError::Unreachable(cause),
            Self::Unknown(error) => error.into(),
        }
    }
}

/// The API of one installation.
#[derive(Debug)]
pub(crate) struct Api {
    http: Http,
    base: Url,
    /// Until when an endpoint is closed to an account.
    closed: Mutex<HashMap<(String, Endpoint), Timestamp>>,
}

/// One request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) endpoint: Endpoint,
    /// Segments of the path after `/2`.
    pub(crate) path: &'a [&'a str],
    pub(crate) query: &'a [(&'a str, &'a str)],
    /// With a body it is a POST.
    pub(crate) body: Option<&'a Value>,
}

impl Api {
    pub(crate) fn new(http: Http, base: Url) -> Self {
        Self { http, base, closed: Mutex::default() }
    }

    /// Asks, and gives an answer only where it is a success. A refusal for our own keys, app or money is told in the log.
    pub(crate) async fn ask(&self, account: &Account, call: Call<'_>, now: Timestamp) -> Result<Response, NoAnswer> {
        if let Some(wait) = self.closed_for(account, call.endpoint, now) {
            return Err(NoAnswer::No(No::Wait(wait)));
        }
        let mut answer = self.once(account, call, now).await?;
        if answer.status.as_u16() == 401 && account.auth().refused(now).await.map_err(not_authorized)? {
            answer = self.once(account, call, now).await?;
        }
        self.note_window(account, call.endpoint, &answer, now);
        if answer.status.is_success() {
            return Ok(answer);
        }
        let no = No::read(&answer, now);
        if let Some(alarm) = no.alarm() {
            error!(account = %account.name(), status = answer.status.as_u16(), endpoint = ?call.endpoint, "{alarm}.");
        }
        Err(NoAnswer::No(no))
    }

    async fn once(&self, account: &Account, call: Call<'_>, now: Timestamp) -> Result<Response, NoAnswer> {
        let url = self.url(call.path);
        let method = if call.body.is_some() { Method::POST } else { Method::GET };
        let asked = Asked { method: method.as_str(), url: &url, query: call.query };
        let authorized = account.auth().authorize(asked, now).await.map_err(not_authorized)?;
        let mut request = self.http.call(method, &authorized.url).header("authorization", authorized.authorization.expose());
        if let Some(body) = call.body {
            request = request.json(body);
        }
        request.send().await.map_err(|error| match error {
            HttpError::Resolve | HttpError::Connect(_) | HttpError::Private | HttpError::Url | HttpError::Header => {
                NoAnswer::NotAsked(error.into())
            }
            error => NoAnswer::Unknown(error),
        })
    }

    fn url(&self, path: &[&str]) -> String {
        let mut url = self.base.clone();
        url.path_segments_mut().expect("`open` has read it").pop_if_empty().push("2").extend(path);
        url.into()
    }

    fn closed_for(&self, account: &Account, endpoint: Endpoint, now: Timestamp) -> Option<Duration> {
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        let until = closed.get(&(account.user_id.clone(), endpoint))?;
        Duration::try_from(until.duration_since(now)).ok().filter(|left| !left.is_zero())
    }

    fn note_window(&self, account: &Account, endpoint: Endpoint, answer: &Response, now: Timestamp) {
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (account.user_id.clone(), endpoint);
        match window_ends(answer, now).and_then(|wait| now.checked_add(wait).ok()) {
            Some(until) => _ = closed.insert(key, until),
            None => _ = closed.remove(&key),
        }
    }

    /// Gets a file, without saying who we are: its address came in a post.
    pub(crate) fn file(&self, url: &str) -> adapter_sdk::outgoing::Call {
        self.http.get(url)
    }
}

fn not_authorized(error: NotAuthorized) -> NoAnswer {
    if !matches!(error, NotAuthorized::Renewing(_)) {
        error!(error = &error as &dyn std::error::Error, "Cannot tell X who we are.");
    }
    NoAnswer::NotAsked(error.into())
}
