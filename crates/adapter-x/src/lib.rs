#![doc = include_str!("../README.md")]

mod api;
mod auth;
mod budget;
mod journal;
mod parse;
mod poll;
mod probe;
mod problem;
mod send;
mod thread;
mod weigh;
mod wire;

use std::{path::PathBuf, time::Duration};

use adapter_sdk::{
    Adapter, Audience, Batch, Bytes, ConfigError, Event, FetchError, Finding, Folder, Http, ParseError, Poll, Raw, RemoteMedia, Reply,
    Secret, SendError, Sent, Timestamp,
    model::room::{Beyond, Counts, Room},
    outgoing::Url,
};
use jiff::SignedDuration;
use serde::Deserialize;

pub use crate::budget::{BudgetConfig, Prices};
use crate::{
    api::{Call, Endpoint, NoAnswer},
    auth::{OAuth1, OAuth2, XAuth},
};

/// The longest query that X's search takes, in characters.
const LONGEST_QUERY: usize = 512;

/// The adapter.
#[derive(Debug)]
pub struct X {
    config: Config,
    api: api::Api,
    budget: budget::Budget,
    journal: journal::Journal,
}

/// The `[adapter]` table. `config.default.toml` says what each key is for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Our accounts.
    pub accounts: Vec<Account>,
    /// Where X's API is.
    pub api_url: String,
    /// What must outlive the process lies there.
    pub state_folder: PathBuf,
    /// The usual pause between two looks.
    pub every: SignedDuration,
    /// How far back the first look goes.
    pub begin: SignedDuration,
    /// At which ages a post is looked up again.
    pub look_again: Vec<SignedDuration>,
    /// How long X may take to show us a post of our own.
    pub settle: SignedDuration,
    /// What becomes of answers to posts that do not mention us.
    pub unmentioned: Unmentioned,
    /// How much money there is.
    pub budget: BudgetConfig,
    /// What things cost.
    pub prices: Prices,
}

/// What becomes of an answer to a post that does not mention us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unmentioned {
    /// It is not sent, and staff see why: what X asks of self-serve apps.
    Silent,
    /// It goes by direct message, where the account has those switched on.
    Direct,
    /// It goes below the post: only with a plan of X's that allows it.
    Answer,
}

/// One account of ours.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// X's number for it; the account in every message's key.
    pub user_id: String,
    /// Its name without `@`.
    pub username: String,
    /// Hashtags that make a post ours without a mention, without `#`.
    #[serde(default)]
    pub hashtags: Vec<String>,
    /// Reads and sends direct messages.
    #[serde(default)]
    pub direct_messages: bool,
    /// What the log calls it.
    #[serde(default)]
    pub label: String,
    /// OAuth 1.0a: the app's key, by `consumer_key_file`.
    #[serde(default)]
    pub consumer_key: Secret,
    /// The app's secret.
    #[serde(default)]
    pub consumer_secret: Secret,
    /// The account's token for the app.
    #[serde(default)]
    pub access_token: Secret,
    /// The secret of that token.
    #[serde(default)]
    pub access_token_secret: Secret,
    /// OAuth 2.0: the app's client id.
    #[serde(default)]
    pub client_id: String,
    /// The app's client secret, where it has one.
    #[serde(default)]
    pub client_secret: Secret,
    /// The first refresh token; the adapter keeps those that come after it.
    #[serde(default)]
    pub refresh_token: Secret,
    /// Made by `open`.
    #[serde(skip)]
    auth: Option<Box<dyn XAuth>>,
}

impl Account {
    fn name(&self) -> &str {
        if self.label.is_empty() { &self.username } else { &self.label }
    }

    fn auth(&self) -> &dyn XAuth {
        self.auth.as_deref().expect("`open` has made it")
    }

    /// The search for the hashtags: nobody's repetition, and nothing of our own.
    fn search(&self) -> String {
        let tags = self.hashtags.iter().map(|tag| format!("#{tag}")).collect::<Vec<_>>().join(" OR ");
        format!("({tags}) -is:retweet -from:{}", self.username)
    }

    fn check(&self) -> Result<(), ConfigError> {
        if !thread::is_id(&self.user_id) {
            return Err(ConfigError::value("accounts.user_id", format!("must be X's number for the account, not \"{}\"", self.user_id)));
        }
        let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name(&self.username) || self.username.len() > 15 {
            return Err(ConfigError::value("accounts.username", "must be the account's name without @"));
        }
        if let Some(wrong) = self.hashtags.iter().find(|tag| !is_name(tag)) {
            return Err(ConfigError::value("accounts.hashtags", format!("must be words without #, not \"{wrong}\"")));
        }
        if self.search().chars().count() > LONGEST_QUERY {
            return Err(ConfigError::value("accounts.hashtags", format!("are too many for one search of {LONGEST_QUERY} characters")));
        }
        let first = [&self.consumer_key, &self.consumer_secret, &self.access_token, &self.access_token_secret];
        let (some, all) = (first.iter().any(|word| !word.is_empty()), first.iter().all(|word| !word.is_empty()));
        match (all, some, !self.client_id.is_empty() && !self.refresh_token.is_empty()) {
            (true, _, false) | (false, false, true) => Ok(()),
            (_, true, true) => Err(ConfigError::value("accounts", "must have the keys of OAuth 1.0a or those of OAuth 2.0, not both")),
            _ => Err(ConfigError::value(
                "accounts",
                "must have consumer_key, consumer_secret, access_token and access_token_secret (OAuth 1.0a), or client_id and refresh_token (OAuth 2.0)",
            )),
        }
    }
}

impl Config {
    fn check(&self) -> Result<(), ConfigError> {
        self.accounts.iter().try_for_each(Account::check)?;
        for (key, time) in [("every", self.every), ("begin", self.begin), ("settle", self.settle)] {
            if time.is_negative() || (key == "every" && time.is_zero()) {
                return Err(ConfigError::value(key, "must be longer than nothing"));
            }
        }
        if self.look_again.windows(2).any(|two| two[0] >= two[1]) || self.look_again.iter().any(|age| !age.is_positive()) {
            return Err(ConfigError::value("look_again", "must be ages in growing order"));
        }
        let money = |value: f64| value.is_finite() && value >= 0.0;
        if !money(self.budget.monthly) {
            return Err(ConfigError::value("budget.monthly", "must be dollars, 0 for no limit"));
        }
        if !money(self.budget.for_answers) || self.budget.for_answers >= 1.0 {
            return Err(ConfigError::value("budget.for_answers", "must be from 0 to less than 1"));
        }
        let Prices { mention, post, user, direct, answer, answer_with_link, direct_sent } = self.prices;
        if ![mention, post, user, direct, answer, answer_with_link, direct_sent].into_iter().all(money) {
            return Err(ConfigError::value("prices", "must be dollars"));
        }
        Ok(())
    }
}

impl X {
    /// A file of a direct message, which X gives to who is in the conversation.
    async fn direct_file(&self, account: &str, names: &str, now: Timestamp) -> Result<Bytes, FetchError> {
        let account = self.account(account).ok_or_else(|| FetchError::Gone("no such account is configured".to_owned()))?;
        let path: Vec<&str> = ["dm_conversations", "media"].into_iter().chain(names.split('/')).collect();
        let call = Call { endpoint: Endpoint::DirectFile, path: &path, query: &[], body: None };
        self.api.ask(account, call, now).await.map(|answer| answer.body).map_err(NoAnswer::into_fetch)
    }

    fn account(&self, user_id: &str) -> Option<&Account> {
        self.config.accounts.iter().find(|account| account.user_id == user_id)
    }
}

impl Adapter for X {
    const NAME: &'static str = "x";
    const DEFAULTS: &'static str = include_str!("../config.default.toml");
    type Config = Config;

    fn open(mut config: Config, http: Http) -> Result<Self, ConfigError> {
        config.check()?;
        let http = http.trusting(&config.api_url).map_err(|source| ConfigError::Address { key: "adapter.api_url".into(), source })?;
        let base = Url::parse(&config.api_url).map_err(|_| ConfigError::value("api_url", "must be an http address"))?;
        let (folder, url) = (Folder::new(&config.state_folder), config.api_url.trim_end_matches('/').to_owned());
        for account in &mut config.accounts {
            let auth: Box<dyn XAuth> = if account.client_id.is_empty() {
                Box::new(OAuth1::new(&account.consumer_key, &account.consumer_secret, &account.access_token, &account.access_token_secret))
            } else {
                let client = (account.client_id.as_str(), &account.client_secret);
                Box::new(OAuth2::new(http.clone(), &url, client, &account.refresh_token, folder.clone(), &account.user_id))
            };
            account.auth = Some(auth);
        }
        let budget = budget::Budget::new(&config.budget, folder.clone());
        Ok(Self { api: api::Api::new(http, base), budget, journal: journal::Journal::new(folder), config })
    }

    fn accounts(&self) -> Vec<String> {
        self.config.accounts.iter().map(|account| account.user_id.clone()).collect()
    }

    fn takes_words(&self) -> Vec<Room> {
        let room = |audience, counts, most: usize| {
            let most = most.try_into().unwrap_or(u32::MAX);
            Room { audience: Some(audience), counts, most, beyond: Beyond::Several }
        };
        vec![
            room(Audience::Public, Counts::Weight, weigh::HEAVIEST_POST),
            room(Audience::Private, Counts::Characters, weigh::LONGEST_DIRECT),
        ]
    }

    fn parse(&self, raw: &Raw) -> Result<Vec<Event>, ParseError> {
        parse::events(raw, &self.config.accounts)
    }

    async fn fetch(&self, media: &RemoteMedia) -> Result<Bytes, FetchError> {
        if let Some(account) = media.params.get(parse::header::ACCOUNT) {
            let names = media.id.strip_prefix(parse::DIRECT_FILE).unwrap_or_default();
            return self.direct_file(account, names, now()).await;
        }
        let answer = self.api.file(&media.id).send().await?;
        if answer.status.is_success() { Ok(answer.body) } else { Err(FetchError::from_answer(&answer)) }
    }

    async fn send(&self, reply: &Reply) -> Result<Sent, SendError> {
        self.reply(reply, now()).await
    }

    async fn probe(&self) -> Vec<Finding> {
        self.findings(now()).await
    }
}

impl Poll for X {
    fn every(&self) -> Duration {
        self.config.every.unsigned_abs() * self.budget.stretch()
    }

    async fn poll(&self, account: &str, cursor: Option<Vec<u8>>) -> Result<Batch, FetchError> {
        self.look(account, cursor, now()).await
    }
}

/// The clock is read here: signatures, windows and months are questions about now.
fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "calling the platform is an edge")]
    Timestamp::now()
}
