//! The HTTP client for everything that leaves the house: bounded in size and time, never into a private network.
//!
//! Addresses come from strangers (a photo's link, a call-back), so every hop is checked: the address after the name was resolved, the
//! literal address, and each redirect. What the configuration names may be private, if it is trusted by name: [`Http::trusting`].

mod address;
mod call;
mod error;
mod resolve;
pub mod tls;

use std::{sync::Arc, time::Duration};

pub use call::{Call, File, Response};
pub use error::HttpError;
pub use reqwest::{Method, StatusCode, Url, header, header::HeaderMap};

/// How long, how much, how far.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Until a connection stands.
    pub connect: Duration,
    /// For the whole exchange, redirects and body included.
    pub total: Duration,
    /// Bytes of an answer's body; more is [`HttpError::TooLarge`].
    pub max_body: usize,
    /// How many redirects are followed, of GET and HEAD only.
    pub redirects: u8,
    /// `true` lets every address through: for tests, which live on loopback.
    pub allow_private: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            total: Duration::from_secs(30),
            max_body: 32 * 1024 * 1024,
            redirects: 3,
            allow_private: false,
        }
    }
}

/// The client. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Http {
    limits: Limits,
    /// Resolves names and drops every address that is not public.
    guarded: reqwest::Client,
    /// Resolves names and believes them: only for trusted origins.
    believing: reqwest::Client,
    trusted: Arc<[Origin]>,
}

/// Scheme, host and port.
type Origin = (String, String, Option<u16>);

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Http {
    /// Builds the client; no I/O but reading the machine's TLS roots.
    pub fn new(limits: Limits) -> Result<Self, HttpError> {
        // A second installation of the provider in one process is no fault: the first one stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self {
            guarded: client(&limits, resolve::Names::Public)?,
            believing: client(&limits, resolve::Names::All)?,
            limits,
            trusted: [].into(),
        })
    }

    /// A client that also goes to the scheme, host and port of this address, wherever that is: for addresses from the configuration,
    /// never for one that came in a message.
    pub fn trusting(&self, address: &str) -> Result<Self, HttpError> {
        let url = Url::parse(address).map_err(|_| HttpError::Url)?;
        let origin = origin(&url).ok_or(HttpError::Url)?;
        let trusted = self.trusted.iter().cloned().chain([origin]).collect();
        Ok(Self { trusted, ..self.clone() })
    }

    /// The same client with other limits of time and size. The time to connect stays as it was built.
    #[must_use]
    pub fn limited(&self, total: Duration, max_body: usize) -> Self {
        Self { limits: Limits { total, max_body, ..self.limits.clone() }, ..self.clone() }
    }

    /// Begins a GET.
    pub fn get(&self, url: &str) -> Call {
        self.call(Method::GET, url)
    }

    /// Begins a POST.
    pub fn post(&self, url: &str) -> Call {
        self.call(Method::POST, url)
    }

    /// Begins any request. A wrong address is told by [`Call::send`].
    pub fn call(&self, method: Method, url: &str) -> Call {
        Call::new(self.clone(), method, url)
    }

    /// Which client may go there; `Err` where none may.
    fn client_for(&self, url: &Url) -> Result<&reqwest::Client, HttpError> {
        let origin = origin(url).ok_or(HttpError::Url)?;
        if self.limits.allow_private || self.trusted.contains(&origin) {
            return Ok(&self.believing);
        }
        // A literal address never meets the resolver.
        if address::literal(url).is_some_and(|ip| !address::is_public(ip)) {
            return Err(HttpError::Private);
        }
        Ok(&self.guarded)
    }
}

fn origin(url: &Url) -> Option<Origin> {
    matches!(url.scheme(), "http" | "https").then_some(())?;
    Some((url.scheme().to_owned(), url.host_str()?.to_ascii_lowercase(), url.port_or_known_default()))
}

#[expect(clippy::disallowed_methods, reason = "this is the crate that sets the limits")]
fn client(limits: &Limits, names: resolve::Names) -> Result<reqwest::Client, HttpError> {
    reqwest::Client::builder()
        .user_agent(concat!("Muara/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(limits.connect)
        .redirect(reqwest::redirect::Policy::none()) // followed in `call`, each hop checked
        .no_proxy() // a proxy would resolve the names, and no check of ours would count
        .referer(false)
        .pool_max_idle_per_host(4)
        .pool_idle_timeout(Duration::from_secs(30))
        .dns_resolver(names)
        .build()
        .map_err(HttpError::Build)
}
