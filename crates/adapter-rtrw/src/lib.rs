#![doc = include_str!("../README.md")]

mod draw;
pub mod export;
mod marks;
mod pages;
mod preview;
mod session;
mod uploads;
mod wire;

use std::sync::Arc;

use adapter_sdk::{
    Adapter, Bytes, ConfigError, Door, Event, FetchError, Http, Pages, ParseError, Raw, RemoteMedia, Reply, SendError, Sent, Size,
    axum::Router, form::Budget,
};
use serde::Deserialize;

/// The `[adapter]` table; `config.default.toml` explains each key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    account: String,
    max_upload: Size,
    max_attachment: Size,
    memory: Size,
    max_uploads: usize,
    keep_hours: u32,
}

/// The page where staff choose which messages of a group are complaints.
pub struct ChatImport {
    config: Config,
    budget: Budget,
}

impl Adapter for ChatImport {
    const NAME: &'static str = "rtrw";
    const DEFAULTS: &'static str = include_str!("../config.default.toml");
    type Config = Config;

    fn open(config: Config, _: Http) -> Result<Self, ConfigError> {
        if config.account.trim().is_empty() || config.account.len() > 100 {
            return Err(ConfigError::value("account", "must be a short name"));
        }
        if config.max_uploads == 0 || config.keep_hours == 0 {
            return Err(ConfigError::value("max_uploads", "and `keep_hours` must be at least 1"));
        }
        Ok(Self { budget: Budget::new(config.memory.get()), config })
    }

    fn accounts(&self) -> Vec<String> {
        vec![self.config.account.clone()]
    }

    fn keep_headers() -> &'static [&'static str] {
        &[]
    }

    fn parse(&self, raw: &Raw) -> Result<Vec<Event>, ParseError> {
        wire::parse(raw)
    }

    async fn fetch(&self, _: &RemoteMedia) -> Result<Bytes, FetchError> {
        Err(FetchError::Gone("the file is in the import itself".into()))
    }

    async fn fetch_from(&self, raw: &Raw, media: &RemoteMedia) -> Result<Bytes, FetchError> {
        wire::file(raw, media).ok_or_else(|| FetchError::Gone("the import has no such file".into()))
    }

    /// A group cannot be written to: answers are on the page that the link opens, which staff give to who wrote.
    async fn send(&self, _: &Reply) -> Result<Sent, SendError> {
        Err(SendError::rejected("no_way", "a group cannot be answered; the link was given to staff at the import"))
    }
}

impl Pages for ChatImport {
    fn pages(self: Arc<Self>, door: Door) -> Router {
        pages::router(self, door)
    }
}
