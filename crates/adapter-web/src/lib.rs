#![doc = include_str!("../README.md")]

mod entry;
mod pages;
mod wire;

use std::{num::NonZeroU32, sync::Arc};

use adapter_sdk::{
    Adapter, Bytes, ConfigError, Door, Event, FetchError, Http, Pages, ParseError, Raw, RemoteMedia, Reply, SendError, Sent, Size,
    axum::Router,
    form::{Answers, Budget, FileLimits, Rate, Recent},
};
use serde::Deserialize;

/// The `[adapter]` table; `config.default.toml` explains each key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    account: String,
    max_text: usize,
    max_name: usize,
    max_place: usize,
    max_photos: usize,
    max_photo: Size,
    memory: Size,
    burst: NonZeroU32,
    per_minute: NonZeroU32,
}

impl Config {
    fn photos(&self) -> FileLimits {
        FileLimits { most: self.max_photos, bytes: self.max_photo.get(), scans: false }
    }
}

/// How many forms that were taken are remembered, to tell one that is sent again from one that was changed.
const REMEMBERED: usize = 4096;

/// The citizen's form.
pub struct Web {
    config: Config,
    answers: Answers,
    taken: Recent<pages::Taken>,
    budget: Budget,
    rate: Rate,
}

impl Adapter for Web {
    const NAME: &'static str = "web";
    const DEFAULTS: &'static str = include_str!("../config.default.toml");
    type Config = Config;

    fn open(config: Config, _: Http) -> Result<Self, ConfigError> {
        if config.account.is_empty() {
            return Err(ConfigError::value("account", "must not be empty"));
        }
        Ok(Self {
            answers: Answers::default(),
            taken: Recent::new(REMEMBERED),
            budget: Budget::new(config.memory.get()),
            rate: Rate::new(config.burst, config.per_minute),
            config,
        })
    }

    fn accounts(&self) -> Vec<String> {
        vec![self.config.account.clone()]
    }

    fn keep_headers() -> &'static [&'static str] {
        &[wire::CONTENT_TYPE, wire::TRACKING, wire::AREA, wire::EDIT]
    }

    fn parse(&self, raw: &Raw) -> Result<Vec<Event>, ParseError> {
        wire::parse(raw, &self.config.account)
    }

    async fn fetch(&self, _: &RemoteMedia) -> Result<Bytes, FetchError> {
        Err(FetchError::Gone("the file is in the form itself".into()))
    }

    async fn fetch_from(&self, raw: &Raw, media: &RemoteMedia) -> Result<Bytes, FetchError> {
        wire::file(raw, media).ok_or_else(|| FetchError::Gone("the form has no such part".into()))
    }

    /// Puts the answer on the receipt page, where it is open. Later ones are on the tracking page, whose link the citizen has.
    async fn send(&self, reply: &Reply) -> Result<Sent, SendError> {
        if reply.to.address.scheme() != Self::NAME {
            return Err(SendError::rejected("address", "the form answers on its own page only"));
        }
        self.answers.keep(reply.to.address.path(), reply);
        Ok(Sent::default())
    }
}

impl Pages for Web {
    fn pages(self: Arc<Self>, door: Door) -> Router {
        pages::router(self, door)
    }
}
