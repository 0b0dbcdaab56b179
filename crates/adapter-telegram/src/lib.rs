#![doc = include_str!("../README.md")]

mod api;
mod media;
mod menu;
mod parse;
mod place;
mod poll;
mod probe;
mod send;
mod wire;

use std::time::Duration;

use adapter_sdk::{
    Adapter, Answer, Batch, Bytes, ConfigError, Door, DoorError, EitherWay, Event, FetchError, Finding, Http, ParseError, Poll, Raw,
    Refused, RemoteMedia, Reply, ReplyFile, Request, Secret, SendError, Sent, Webhook,
    model::room::{Beyond, Counts, Room},
    outgoing::Url,
};
use jiff::SignedDuration;
use serde::Deserialize;
use subtle::ConstantTimeEq;

/// The header with the word that Telegram and we agreed on.
const WORD: &str = "x-telegram-bot-api-secret-token";
/// Shorter words can be guessed; longer ones Telegram does not take.
const WORD_CHARS: std::ops::RangeInclusive<usize> = 16..=256;
/// The longest that a question may stay open, in seconds.
const LONGEST_WAIT: i64 = 50;
/// The pause after a question that found nothing: the waiting is done at Telegram's.
const BREATH: Duration = Duration::from_millis(300);

/// The adapter.
#[derive(Debug)]
pub struct Telegram {
    config: Config,
    api: api::Api,
    halves: adapter_sdk::Halves,
}

/// The `[adapter]` table. `config.default.toml` says what each key is for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Our bots.
    pub bots: Vec<Bot>,
    /// How messages come.
    pub way: Way,
    /// Where the Bot API is.
    pub api_url: String,
    /// For how long a question for news stays open.
    pub wait: SignedDuration,
}

/// How messages come. Telegram does one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Telegram calls our door.
    Webhook,
    /// We ask Telegram, again and again.
    Polling,
}

/// One bot of ours.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bot {
    /// Telegram's number for it; the account in every message's key.
    pub id: String,
    /// What it signs in with. It is part of every address that is called, so no address is ever shown.
    pub token: Secret,
    /// What Telegram shows at our door. Webhooks only.
    #[serde(default)]
    pub secret_token: Secret,
    /// What the log calls it.
    #[serde(default)]
    pub label: String,
}

impl Bot {
    fn name(&self) -> &str {
        if self.label.is_empty() { &self.id } else { &self.label }
    }

    fn check(&self, way: Way) -> Result<(), ConfigError> {
        if !self.id.parse::<i64>().is_ok_and(|id| id > 0 && id.to_string() == self.id) {
            return Err(ConfigError::value("bots.id", format!("must be the bot's number, not \"{}\"", self.id)));
        }
        let plain = |text: &str, more: &[char]| text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(&c));
        let token = self.token.expose();
        if token.is_empty() || !plain(token, &[':', '_', '-']) {
            return Err(ConfigError::value("bots.token", "must be as @BotFather gave it"));
        }
        let word = self.secret_token.expose();
        let fits = WORD_CHARS.contains(&word.len()) && plain(word, &['_', '-']);
        if !fits && (way == Way::Webhook || !word.is_empty()) {
            return Err(ConfigError::value("bots.secret_token", "must be 16 to 256 of A-Z a-z 0-9 _ -"));
        }
        Ok(())
    }
}

impl Config {
    fn check(&self) -> Result<(), ConfigError> {
        self.bots.iter().try_for_each(|bot| bot.check(self.way))?;
        let others = |at: usize| self.bots[..at].iter();
        for (at, bot) in self.bots.iter().enumerate() {
            if others(at).any(|other| other.id == bot.id) {
                return Err(ConfigError::value("bots.id", format!("stands there twice: \"{}\"", bot.id)));
            }
            // The word tells whose message it is.
            if self.way == Way::Webhook && others(at).any(|other| other.secret_token.expose() == bot.secret_token.expose()) {
                return Err(ConfigError::value("bots.secret_token", "must be another one for each bot"));
            }
        }
        if !(1..=LONGEST_WAIT).contains(&self.wait.as_secs()) {
            return Err(ConfigError::value("wait", "must be from 1 to 50 seconds"));
        }
        Ok(())
    }
}

impl Telegram {
    fn bot(&self, id: &str) -> Option<&Bot> {
        self.config.bots.iter().find(|bot| bot.id == id)
    }

    /// Whose word it is. Every bot's is compared, each in constant time.
    fn known_by(&self, word: &str) -> Option<&Bot> {
        let is = |bot: &Bot| !bot.secret_token.is_empty() && bool::from(word.as_bytes().ct_eq(bot.secret_token.expose().as_bytes()));
        self.config.bots.iter().fold(None, |known, bot| if is(bot) { Some(bot) } else { known })
    }
}

impl Adapter for Telegram {
    const NAME: &'static str = "telegram";
    const DEFAULTS: &'static str = include_str!("../config.default.toml");
    type Config = Config;

    fn open(config: Config, http: Http) -> Result<Self, ConfigError> {
        config.check()?;
        let http = http.trusting(&config.api_url).map_err(|source| ConfigError::Address { key: "adapter.api_url".into(), source })?;
        let base = Url::parse(&config.api_url).map_err(|_| ConfigError::value("api_url", "must be an http address"))?;
        Ok(Self { api: api::Api::new(http, base), config, halves: adapter_sdk::Halves::default() })
    }

    fn accounts(&self) -> Vec<String> {
        self.config.bots.iter().map(|bot| bot.id.clone()).collect()
    }

    fn takes_words(&self) -> Vec<Room> {
        vec![Room { audience: None, counts: Counts::Units, most: send::LONGEST.try_into().unwrap_or(u32::MAX), beyond: Beyond::Several }]
    }

    fn keep_headers() -> &'static [&'static str] {
        &[parse::BOT]
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
        self.reply(reply).await
    }

    async fn probe(&self) -> Vec<Finding> {
        self.findings().await
    }
}

impl Webhook for Telegram {
    fn verify(&self, request: &Request) -> Result<(), Refused> {
        let word = request.header(WORD).ok_or(Refused::Unsigned)?;
        self.known_by(word).map(drop).ok_or(Refused::WrongSignature)
    }

    /// Whoever tapped a button waits for a word from us, which may stand in the answer to Telegram's call.
    fn accepted(&self, request: &Request) -> Answer {
        parse::tap_in(&request.body).map_or_else(Answer::ok, |id| Answer::typed("application/json", api::heard_in_answer(&id).to_string()))
    }

    /// The word says which bot it is; it is not kept, and a header of that name that came along is not believed.
    async fn keep(&self, request: Request, door: &Door) -> Result<(), DoorError> {
        let bot = request.header(WORD).and_then(|word| self.known_by(word));
        let headers = bot.map(|bot| (parse::BOT.to_owned(), bot.id.clone())).into_iter().collect();
        door.take(String::new(), headers, request.body).await.map(drop)
    }
}

impl Poll for Telegram {
    fn every(&self) -> Duration {
        BREATH
    }

    async fn poll(&self, account: &str, cursor: Option<Vec<u8>>) -> Result<Batch, FetchError> {
        self.ask_for_news(account, cursor.as_deref()).await
    }
}

impl EitherWay for Telegram {
    fn polls(&self) -> bool {
        self.config.way == Way::Polling
    }
}
