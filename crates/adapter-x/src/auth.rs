//! Who we are to X: two ways to say it, behind one trait.
//!
//! OAuth 1.0a: four words that do not change; each request is signed (egg-mode signs, see `docs/decisions/0016-x.md`). OAuth 2.0: an
//! access token that lives two hours, and a refresh token that changes each time it is used, so the new one must be on the disk
//! before anything else happens.

use std::{fmt, future::Future, pin::Pin};

use adapter_sdk::{Folder, Http, HttpError, Secret, Timestamp};
use base64::{Engine, prelude::BASE64_STANDARD};
use egg_mode::{
    KeyPair, Token,
    raw::{
        ParamList,
        auth::{Method, RequestBuilder},
    },
};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// An access token is renewed so long before it ends.
const EARLY: SignedDuration = SignedDuration::from_mins(2);
/// X's lifetime of an access token, where the answer does not say it.
const TWO_HOURS: i64 = 7200;

/// What is asked for: the address without its query, and the query's pairs, unencoded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
    pub(crate) query: &'a [(&'a str, &'a str)],
}

/// A request as it may be sent. `Debug` shows nothing of it.
pub(crate) struct Authorized {
    /// With its query, encoded as it was signed.
    pub(crate) url: String,
    /// The value of the header `Authorization`.
    pub(crate) authorization: Secret,
}

impl fmt::Debug for Authorized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorized(***)")
    }
}

/// Why we cannot say who we are.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAuthorized {
    /// X does not take the refresh token any more: the administrator must give a new one.
    #[error("X refuses to renew the access token ({0}); authorize the app again and give the new refresh token")]
    Refused(u16),
    /// X did not answer as it should.
    #[error("the access token could not be renewed")]
    Renewing(#[source] HttpError),
    /// The folder cannot be written, and a token that is not kept is lost.
    #[error("the state folder cannot be used")]
    Folder(#[source] std::io::Error),
}

type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A way to say who we are.
pub(crate) trait XAuth: Send + Sync + fmt::Debug {
    /// Makes the request one that X believes to be ours.
    fn authorize<'a>(&'a self, asked: Asked<'a>, now: Timestamp) -> Later<'a, Result<Authorized, NotAuthorized>>;

    /// X said 401 to what this way authorized. `true`: it may be tried once more.
    fn refused(&self, now: Timestamp) -> Later<'_, Result<bool, NotAuthorized>>;
}

/// Four words, and a signature over each request.
pub(crate) struct OAuth1 {
    token: Token,
}

impl fmt::Debug for OAuth1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OAuth1(***)")
    }
}

impl OAuth1 {
    pub(crate) fn new(consumer_key: &Secret, consumer_secret: &Secret, access_token: &Secret, access_token_secret: &Secret) -> Self {
        let pair = |key: &Secret, secret: &Secret| KeyPair::new(key.expose().to_owned(), secret.expose().to_owned());
        Self { token: Token::Access { consumer: pair(consumer_key, consumer_secret), access: pair(access_token, access_token_secret) } }
    }

    fn sign(&self, asked: Asked<'_>) -> Authorized {
        let method = Method::from_bytes(asked.method.as_bytes()).unwrap_or(Method::GET);
        let mut request = RequestBuilder::new(method, asked.url);
        if !asked.query.is_empty() {
            request = request.with_query_params(&params(asked.query));
        }
        let request = request.request_token(&self.token);
        let authorization = request.headers().get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        Authorized { url: request.uri().to_string(), authorization: authorization.into() }
    }
}

impl XAuth for OAuth1 {
    fn authorize<'a>(&'a self, asked: Asked<'a>, _: Timestamp) -> Later<'a, Result<Authorized, NotAuthorized>> {
        Box::pin(std::future::ready(Ok(self.sign(asked))))
    }

    /// The words do not change by themselves.
    fn refused(&self, _: Timestamp) -> Later<'_, Result<bool, NotAuthorized>> {
        Box::pin(std::future::ready(Ok(false)))
    }
}

fn params(query: &[(&str, &str)]) -> ParamList {
    query.iter().fold(ParamList::new(), |list, (name, value)| list.add_param((*name).to_owned(), (*value).to_owned()))
}

/// An access token, renewed by a refresh token that changes with every use.
pub(crate) struct OAuth2 {
    http: Http,
    renew_at: String,
    client_id: String,
    client_secret: Secret,
    /// The refresh token that the administrator gave; the ones after it are in the folder.
    seed: Secret,
    folder: Folder,
    file: String,
    kept: tokio::sync::Mutex<Option<Kept>>,
}

impl fmt::Debug for OAuth2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OAuth2(***)")
    }
}

/// The file of tokens.
#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    access_token: String,
    refresh_token: String,
    expires_at: Timestamp,
    /// Which of the administrator's refresh tokens these descend from: a new one from them begins anew.
    seed: String,
}

/// What X answers to a renewal.
#[derive(Deserialize)]
struct Renewed {
    access_token: String,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    expires_in: Option<i64>,
}

impl OAuth2 {
    /// `account` names the file of its tokens.
    pub(crate) fn new(http: Http, api_url: &str, client: (&str, &Secret), seed: &Secret, folder: Folder, account: &str) -> Self {
        Self {
            http,
            renew_at: format!("{api_url}/2/oauth2/token"),
            client_id: client.0.to_owned(),
            client_secret: client.1.clone(),
            seed: seed.clone(),
            folder,
            file: format!("oauth2-{account}.json"),
            kept: tokio::sync::Mutex::default(),
        }
    }

    /// A valid access token; whoever asks meanwhile waits for the same renewal.
    async fn token(&self, now: Timestamp) -> Result<String, NotAuthorized> {
        let mut kept = self.kept.lock().await;
        if kept.is_none() {
            let seed = fingerprint(&self.seed);
            *kept = self.folder.read::<Kept>(&self.file).await.map_err(NotAuthorized::Folder)?.filter(|kept| kept.seed == seed);
        }
        match kept.as_ref() {
            Some(valid) if now.saturating_add(EARLY).is_ok_and(|soon| soon < valid.expires_at) => Ok(valid.access_token.clone()),
            _ => self.renew(&mut kept, now).await,
        }
    }

    async fn renew(&self, kept: &mut Option<Kept>, now: Timestamp) -> Result<String, NotAuthorized> {
        // The old token dies with the answer: a folder that cannot be written must be noticed before.
        self.folder.write("writable", &now).await.map_err(NotAuthorized::Folder)?;
        let old = kept.as_ref().map_or(self.seed.expose(), |kept| kept.refresh_token.as_str()).to_owned();
        let form = [("grant_type", "refresh_token"), ("refresh_token", old.as_str()), ("client_id", self.client_id.as_str())];
        let mut call = self.http.post(&self.renew_at).form(&form);
        if !self.client_secret.is_empty() {
            let pair = format!("{}:{}", self.client_id, self.client_secret.expose());
            call = call.header("authorization", &format!("Basic {}", BASE64_STANDARD.encode(pair)));
        }
        let answer = call.send().await.map_err(NotAuthorized::Renewing)?;
        if matches!(answer.status.as_u16(), 400 | 401 | 403) {
            return Err(NotAuthorized::Refused(answer.status.as_u16()));
        }
        let renewed: Renewed = answer.json().map_err(NotAuthorized::Renewing)?;
        let lives = SignedDuration::from_secs(renewed.expires_in.unwrap_or(TWO_HOURS).clamp(0, 365 * 86_400));
        let fresh = Kept {
            access_token: renewed.access_token,
            refresh_token: renewed.refresh_token.unwrap_or(old),
            expires_at: now.saturating_add(lives).unwrap_or(now),
            seed: fingerprint(&self.seed),
        };
        // In memory first: should the disk fail now, this process at least still has it.
        let token = fresh.access_token.clone();
        *kept = Some(fresh);
        self.folder.write(&self.file, &*kept).await.map_err(NotAuthorized::Folder)?;
        Ok(token)
    }
}

impl XAuth for OAuth2 {
    fn authorize<'a>(&'a self, asked: Asked<'a>, now: Timestamp) -> Later<'a, Result<Authorized, NotAuthorized>> {
        Box::pin(async move {
            let token = self.token(now).await?;
            let url = match asked.query {
                [] => asked.url.to_owned(),
                query => format!("{}?{}", asked.url, params(query).to_urlencoded()),
            };
            Ok(Authorized { url, authorization: Secret::new(format!("Bearer {token}")) })
        })
    }

    /// It may have been withdrawn before its time: one renewal tells.
    fn refused(&self, now: Timestamp) -> Later<'_, Result<bool, NotAuthorized>> {
        Box::pin(async move {
            let mut kept = self.kept.lock().await;
            self.renew(&mut kept, now).await.map(|_| true)
        })
    }
}

/// Tells tokens apart without keeping one.
fn fingerprint(token: &Secret) -> String {
    BASE64_STANDARD.encode(&Sha256::digest(token.expose())[..12])
}
