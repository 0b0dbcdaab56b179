#![doc = include_str!("../README.md")]

mod block;
mod media;
mod menu;
mod notices;
mod pace;
mod parse;
mod probe;
mod refusal;
mod send;
mod templates;
mod thread;
mod wire;

use std::{collections::BTreeMap, time::Duration};

use adapter_sdk::{
    Adapter, Answer, Bytes, ConfigError, Event, FetchError, Finding, Http, ParseError, Raw, Refused, RemoteMedia, Reply, ReplyFile,
    ReplyKind, Request, Secret, SendError, Sent, Timestamp, Webhook,
    axum::http::{Method, StatusCode},
    model::room::{Beyond, Counts, Room},
    outgoing::Url,
};
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The header with Meta's signature over the raw body.
const SIGNATURE: &str = "x-hub-signature-256";
/// Meta's challenge is a number; whatever is longer is none.
const LONGEST_CHALLENGE: usize = 256;

/// The adapter.
#[derive(Debug)]
pub struct WhatsApp {
    config: Config,
    http: Http,
    pace: pace::Pace,
    flow: pace::Flow,
    halves: adapter_sdk::Halves,
    /// Of a block or its end, which half is done.
    told: adapter_sdk::Halves,
    templates: templates::Registry,
}

/// The `[adapter]` table. `config.default.toml` says what each key is for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Our numbers.
    pub accounts: Vec<Account>,
    /// Signs what Meta sends.
    pub app_secret: Secret,
    /// Meta's id of the app, digits. With it the app itself asks until when the tokens last; without it the token is asked, and Meta may not
    /// tell.
    #[serde(default)]
    pub app_id: String,
    /// What we agreed with Meta for the handshake.
    pub verify_token: Secret,
    /// Where the Graph API is.
    pub graph_url: String,
    /// Its version, `v26.0`.
    pub version: String,
    /// Seconds between two messages to one citizen.
    pub pair_pause: u32,
    /// Messages a second from one number.
    pub throughput: u32,
    /// The approved template of each kind of reply.
    #[serde(default)]
    pub templates: BTreeMap<ReplyKind, Template>,
}

/// One number of ours.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Meta's id of the number; the account in every message's key.
    pub phone_number_id: String,
    /// Of a system user, by `access_token_file`.
    pub access_token: Secret,
    /// Meta's id of the business account that the number and its templates belong to. Without it nobody asks for the templates' state.
    #[serde(default)]
    pub business_account_id: String,
    /// Messages a second from this number, where it takes another amount than the others.
    pub throughput: Option<u32>,
    /// What the log calls it.
    #[serde(default)]
    pub label: String,
}

impl Account {
    fn name(&self) -> &str {
        if self.label.is_empty() { &self.phone_number_id } else { &self.label }
    }

    /// Whose templates it sends: of the business, or, where nobody said which that is, its own.
    fn business(&self) -> &str {
        if self.business_account_id.is_empty() { &self.phone_number_id } else { &self.business_account_id }
    }
}

/// A template that Meta approved.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Its name at Meta.
    pub name: String,
    /// The languages it is approved in, the usual one first: `["id", "en"]`.
    pub languages: Vec<String>,
    /// Which facts of a reply fill `{{1}}`, `{{2}}`, …: `site`, `reference`, `link`, `agency`, `deadline`, `text`, and of a request to somebody on
    /// the spot `name`.
    #[serde(default)]
    pub params: Vec<String>,
}

/// The facts that a reply has.
const FACTS: [&str; 9] = ["site", "reference", "link", "agency", "deadline", "closes", "text", "name", "stage"];

impl Config {
    fn check(&self) -> Result<(), ConfigError> {
        let digits = |id: &str| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit());
        if let Some(account) = self.accounts.iter().find(|account| !digits(&account.phone_number_id)) {
            return Err(ConfigError::value("accounts.phone_number_id", format!("must be digits, not \"{}\"", account.phone_number_id)));
        }
        if let Some(account) =
            self.accounts.iter().find(|account| !account.business_account_id.is_empty() && !digits(&account.business_account_id))
        {
            return Err(ConfigError::value(
                "accounts.business_account_id",
                format!("must be digits, not \"{}\"", account.business_account_id),
            ));
        }
        if !self.app_id.is_empty() && !digits(&self.app_id) {
            return Err(ConfigError::value("app_id", format!("must be digits, not \"{}\"", self.app_id)));
        }
        if self.throughput == 0 || self.accounts.iter().any(|account| account.throughput == Some(0)) {
            return Err(ConfigError::value("throughput", "must be at least 1"));
        }
        if self.accounts.iter().any(|account| account.access_token.is_empty()) {
            return Err(ConfigError::value("accounts.access_token", "must not be empty"));
        }
        // Without the secret every webhook would be forged or refused; without the token every handshake.
        for (key, secret) in [("app_secret", &self.app_secret), ("verify_token", &self.verify_token)] {
            if secret.is_empty() && !self.accounts.is_empty() {
                return Err(ConfigError::value(key, "must not be empty"));
            }
        }
        let version = self.version.strip_prefix('v').and_then(|v| v.split_once('.'));
        if !version.is_some_and(|(major, minor)| digits(major) && digits(minor)) {
            return Err(ConfigError::value("version", "must look like v26.0"));
        }
        for template in self.templates.values() {
            if template.languages.is_empty() {
                return Err(ConfigError::value("templates.languages", "must name at least one"));
            }
            if let Some(unknown) = template.params.iter().find(|param| !FACTS.contains(&param.as_str())) {
                return Err(ConfigError::value("templates.params", format!("knows {}, not \"{unknown}\"", FACTS.join(", "))));
            }
        }
        Ok(())
    }
}

impl WhatsApp {
    fn account(&self, phone_number_id: &str) -> Option<&Account> {
        self.config.accounts.iter().find(|account| account.phone_number_id == phone_number_id)
    }

    /// An address of the Graph API. What came in a message is one segment of the path, whatever is in it.
    fn graph(&self, path: &[&str]) -> String {
        let mut url = Url::parse(&self.config.graph_url).expect("`open` has read it");
        url.path_segments_mut().expect("an http address has a path").pop_if_empty().push(&self.config.version).extend(path);
        url.into()
    }
}

impl Adapter for WhatsApp {
    const NAME: &'static str = "whatsapp";
    const DEFAULTS: &'static str = include_str!("../config.default.toml");
    type Config = Config;

    fn open(config: Config, http: Http) -> Result<Self, ConfigError> {
        config.check()?;
        let http = http.trusting(&config.graph_url).map_err(|source| ConfigError::Address { key: "adapter.graph_url".into(), source })?;
        let pace = pace::Pace::new(Duration::from_secs(config.pair_pause.into()));
        Ok(Self {
            config,
            http,
            pace,
            flow: pace::Flow::default(),
            halves: adapter_sdk::Halves::default(),
            told: adapter_sdk::Halves::default(),
            templates: templates::Registry::default(),
        })
    }

    fn accounts(&self) -> Vec<String> {
        self.config.accounts.iter().map(|account| account.phone_number_id.clone()).collect()
    }

    fn takes_words(&self) -> Vec<Room> {
        vec![Room { audience: None, counts: Counts::Units, most: send::LONGEST.try_into().unwrap_or(u32::MAX), beyond: Beyond::Several }]
    }

    fn parse(&self, raw: &Raw) -> Result<Vec<Event>, ParseError> {
        parse::events(raw)
    }

    async fn fetch(&self, media: &RemoteMedia) -> Result<Bytes, FetchError> {
        self.download(media).await
    }

    fn takes(&self, file: &ReplyFile) -> bool {
        send::takes(file)
    }

    async fn send(&self, reply: &Reply) -> Result<Sent, SendError> {
        match reply.kind {
            ReplyKind::Blocked => self.block(reply, now()).await,
            ReplyKind::Unblocked => self.unblock(reply, now()).await,
            _ => self.reply(reply, now()).await,
        }
    }

    async fn probe(&self) -> Vec<Finding> {
        self.look().await
    }
}

impl Webhook for WhatsApp {
    fn verify(&self, request: &Request) -> Result<(), Refused> {
        let signature = request.header(SIGNATURE).and_then(|value| media::from_hex(value.strip_prefix("sha256=")?));
        let signature = signature.ok_or(Refused::Unsigned)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(self.config.app_secret.expose().as_bytes()).expect("HMAC takes a key of any length");
        mac.update(&request.body);
        mac.verify_slice(&signature).map_err(|_| Refused::WrongSignature) // compares in constant time
    }

    fn handshake(&self, request: &Request) -> Option<Answer> {
        let mode = (request.method == Method::GET).then(|| request.query_value("hub.mode"))??;
        let token = request.query_value("hub.verify_token").unwrap_or_default();
        let challenge = request.query_value("hub.challenge").filter(|challenge| challenge.len() <= LONGEST_CHALLENGE);
        let ours = bool::from(token.as_bytes().ct_eq(self.config.verify_token.expose().as_bytes()));
        match challenge {
            Some(challenge) if mode == "subscribe" && ours && !token.is_empty() => Some(Answer::text(challenge)),
            _ => Some(Answer::status(StatusCode::FORBIDDEN)),
        }
    }
}

/// The clock is read here: whether 24 hours have passed is a question about now.
fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "sending is an edge")]
    Timestamp::now()
}
