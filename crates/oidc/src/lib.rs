//! Signing in at a provider of OpenID Connect (Core 1.0): the authorization code flow with PKCE (RFC 7636), as RFC 9700 wants it.
//!
//! [`Provider::begin`] says where the browser goes, [`Provider::finish`] makes a [`Person`] of what it brings back. Who that person is here, and
//! what they may do, this crate does not know.

mod error;
mod keys;
mod token;

use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use model::Timestamp;
use outgoing::{Http, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::Mutex;

pub use error::OidcError;
use keys::Keys;

/// How long what a provider says of itself is believed, in seconds: it changes about never, and its keys are asked for again when one is missing.
const BELIEVED: i64 = 3600;
/// For one answer of the provider; somebody waits for it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes; a description, a set of keys and an answer with a token are some kilobytes.
const MOST: usize = 256 * 1024;
/// Characters; Core 1.0, section 2, allows a subject 255.
const LONGEST_SUBJECT: usize = 255;

/// Who we are to a provider.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its address, to the letter as it names itself: `https://sso.example.id/realms/pegawai`.
    pub issuer: String,
    /// What it calls us.
    pub client_id: String,
    /// What proves that we are who we say.
    pub client_secret: SecretString,
}

/// A provider. Nothing is asked of it before somebody signs in.
pub struct Provider {
    settings: Settings,
    http: Http,
    known: Mutex<Option<(Timestamp, Arc<Known>)>>,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider").field("issuer", &self.settings.issuer).finish_non_exhaustive()
    }
}

/// What the provider says of itself (Discovery 1.0), and its keys.
struct Known {
    about: About,
    keys: Keys,
}

#[derive(Deserialize)]
struct About {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// What has to be kept, where only we read it, until the browser comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Comes back with the browser; whoever does not know it began nothing here.
    pub state: String,
    /// Comes back inside the token.
    pub nonce: String,
    /// Proves that who asks for the token began this (PKCE).
    pub verifier: String,
}

/// What the browser brings back.
#[derive(Debug, Clone, Deserialize)]
pub struct Answer {
    /// For which beginning.
    #[serde(default)]
    pub state: String,
    /// What the token is asked for with.
    #[serde(default)]
    pub code: String,
    /// Who answers (RFC 9207), where the provider says so.
    #[serde(default)]
    pub iss: Option<String>,
    /// Why there is no code.
    #[serde(default)]
    pub error: Option<String>,
}

/// Who signed in there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The provider.
    pub issuer: String,
    /// What it calls them, always the same, never another's.
    pub subject: String,
    /// How to show them: the name that they sign in with there, if it is told.
    pub shown: Option<String>,
}

impl Provider {
    /// # Errors
    /// The issuer is no address; it must be `https`, but for this machine's own.
    pub fn new(settings: Settings, http: &Http) -> Result<Self, OidcError> {
        let url = Url::parse(&settings.issuer).map_err(|_| OidcError::Issuer)?;
        let loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if url.query().is_some() || url.fragment().is_some() || !(url.scheme() == "https" || url.scheme() == "http" && loopback) {
            return Err(OidcError::Issuer);
        }
        // It may stand in the city's own network: it is named in the configuration.
        let http = http.trusting(&settings.issuer).map_err(|_| OidcError::Issuer)?.limited(PATIENCE, MOST);
        Ok(Self { settings, http, known: Mutex::default() })
    }

    /// What the provider is called in links: its address.
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Where the browser goes, and what is kept meanwhile. `back`: our own address that it is sent to afterwards, known to the provider.
    ///
    /// # Errors
    /// The provider does not answer, or is another than it should be.
    pub async fn begin(&self, back: &str, now: Timestamp) -> Result<(Begun, String), OidcError> {
        let known = self.known(now).await?;
        let begun = Begun { state: random(), nonce: random(), verifier: random() };
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&begun.verifier));
        let mut url = Url::parse(&known.about.authorization_endpoint).map_err(|_| OidcError::About)?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("scope", "openid profile")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", back)
            .append_pair("state", &begun.state)
            .append_pair("nonce", &begun.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        Ok((begun, url.into()))
    }

    /// Who it was. `begun` must be of this browser and is used up by whoever kept it, also when this fails.
    ///
    /// # Errors
    /// They refused, the answer is of something else, or the provider's word cannot be believed.
    pub async fn finish(&self, answer: &Answer, begun: &Begun, back: &str, now: Timestamp) -> Result<Person, OidcError> {
        if !bool::from(answer.state.as_bytes().ct_eq(begun.state.as_bytes())) {
            return Err(OidcError::Foreign);
        }
        let known = self.known(now).await?;
        // Another provider's answer given out as this one's (RFC 9207).
        let named = answer.iss.as_deref();
        if named.is_some_and(|named| named != known.about.issuer)
            || known.about.authorization_response_iss_parameter_supported && named.is_none()
        {
            return Err(OidcError::Foreign);
        }
        if answer.error.is_some() || answer.code.is_empty() {
            return Err(OidcError::Refused);
        }
        let token = self.token(&known.about, &answer.code, &begun.verifier, back).await?;
        let header = token::header(&token)?;
        let key = match known.keys.fitting(&header) {
            Some(key) => key,
            // Providers change their keys.
            None => self.learn(now).await?.keys.fitting(&header).ok_or(OidcError::Key)?,
        };
        let claims = token::claims(&token, &header, &key, &self.settings, now)?;
        if !claims.nonce.is_some_and(|nonce| bool::from(nonce.as_bytes().ct_eq(begun.nonce.as_bytes()))) {
            return Err(OidcError::Foreign);
        }
        if claims.sub.is_empty() || claims.sub.chars().count() > LONGEST_SUBJECT || claims.sub.chars().any(char::is_control) {
            return Err(OidcError::Token);
        }
        let shown = claims.preferred_username.or(claims.name).map(|name| plain(&name)).filter(|name| !name.is_empty());
        Ok(Person { issuer: known.about.issuer.clone(), subject: claims.sub, shown })
    }

    async fn token(&self, about: &About, code: &str, verifier: &str, back: &str) -> Result<String, OidcError> {
        #[derive(Deserialize)]
        struct Given {
            id_token: String,
        }
        let (id, secret) = (self.settings.client_id.as_str(), self.settings.client_secret.expose_secret());
        let mut form = vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", back), ("code_verifier", verifier)];
        let methods = &about.token_endpoint_auth_methods_supported;
        let in_the_form = !methods.is_empty() && !methods.iter().any(|method| method == "client_secret_basic");
        if in_the_form {
            form.extend([("client_id", id), ("client_secret", secret)]);
        }
        let mut call = self.http.post(&about.token_endpoint).form(&form);
        if !in_the_form {
            call = call.header("authorization", &basic(id, secret));
        }
        let response = call.header("accept", "application/json").send().await?;
        if !response.status.is_success() {
            return Err(OidcError::NoToken(response.status.as_u16()));
        }
        Ok(response.json::<Given>()?.id_token)
    }

    async fn known(&self, now: Timestamp) -> Result<Arc<Known>, OidcError> {
        if let Some((since, known)) = &*self.known.lock().await
            && (0..BELIEVED).contains(&(now.as_second() - since.as_second()))
        {
            return Ok(known.clone());
        }
        self.learn(now).await
    }

    async fn learn(&self, now: Timestamp) -> Result<Arc<Known>, OidcError> {
        let address = format!("{}/.well-known/openid-configuration", self.settings.issuer.trim_end_matches('/'));
        let about: About = self.read(&address).await?;
        if about.issuer != self.settings.issuer {
            return Err(OidcError::OtherIssuer);
        }
        let keys = Keys::new(self.read(&about.jwks_uri).await?);
        let known = Arc::new(Known { about, keys });
        *self.known.lock().await = Some((now, known.clone()));
        Ok(known)
    }

    async fn read<T: serde::de::DeserializeOwned>(&self, address: &str) -> Result<T, OidcError> {
        let response = self.http.get(address).header("accept", "application/json").send().await?;
        if !response.status.is_success() {
            return Err(OidcError::Status(response.status.as_u16()));
        }
        Ok(response.json()?)
    }
}

/// 256 random bits, as an address can hold them.
fn random() -> String {
    let bytes: Vec<u8> = [model::id::random_bytes(), model::id::random_bytes()].concat();
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// RFC 6749, section 2.3.1: both are coded as in a form before they are coded as in HTTP.
fn basic(id: &str, secret: &str) -> String {
    let coded = |text: &str| {
        let mut url = Url::parse("http://form.invalid/").expect("a constant address");
        url.query_pairs_mut().append_pair("", text);
        url.query().unwrap_or_default().trim_start_matches('=').to_owned()
    };
    let pair = format!("{}:{}", coded(id), coded(secret));
    format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(pair))
}

/// What may be shown: one short line.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(100).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests;
