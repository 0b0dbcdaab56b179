#![doc = include_str!("../README.md")]

mod core;
mod entries;
mod entry;
mod escpos;
mod files;
mod offline;
mod pages;
mod printer;
mod queue;
mod search;
mod session;
mod shift;
mod slip;
mod tickets;
mod wire;

use std::{collections::BTreeMap, sync::Arc};

use adapter_sdk::{
    Adapter, AdapterName, Bytes, ConfigError, Door, Event, FetchError, Finding, Http, Language, Pages, ParseError, Raw, RemoteMedia, Reply,
    SendError, Sent, Size,
    axum::Router,
    form::{Answers, Budget, FileLimits},
};
use serde::Deserialize;

use crate::{
    core::Core,
    entries::Entries,
    printer::{PrinterConfig, Printers},
    tickets::Tickets,
};

/// The `[adapter]` table; `config.default.toml` explains each key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    max_text: usize,
    max_name: usize,
    max_short: usize,
    max_files: usize,
    max_size: Size,
    memory: Size,
    list: usize,
    paper: Paper,
    /// Whether there is a queue with numbers.
    queue: bool,
    core_url: String,
    consent: Consent,
    limit: Told,
    #[serde(default)]
    answer_via: BTreeMap<String, Via>,
    #[serde(default)]
    printers: Vec<PrinterConfig>,
}

impl Config {
    fn files(&self) -> FileLimits {
        FileLimits { most: self.max_files, bytes: self.max_size.get(), scans: true }
    }
}

/// A text in every language.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    id: String,
    en: String,
}

impl Told {
    fn in_language(&self, language: Language) -> &str {
        match language {
            Language::Id => &self.id,
            Language::En => &self.en,
        }
    }
}

/// The text on data, and which one it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Consent {
    version: String,
    id: String,
    en: String,
}

/// By which adapter a kind of contact is answered.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Via {
    adapter: AdapterName,
    account: String,
}

/// What a slip is printed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Paper {
    /// The roll of a receipt printer, 80 mm.
    #[serde(rename = "80")]
    Roll,
    /// The roll of a small receipt printer, 58 mm.
    #[serde(rename = "58")]
    Narrow,
    /// A5.
    #[serde(rename = "a5")]
    A5,
    /// Large print on A4.
    #[serde(rename = "besar")]
    Large,
}

impl Paper {
    const ALL: [Self; 4] = [Self::Roll, Self::Narrow, Self::A5, Self::Large];

    /// In the address of a slip.
    fn word(self) -> &'static str {
        match self {
            Self::Roll => "80",
            Self::Narrow => "58",
            Self::A5 => "a5",
            Self::Large => "besar",
        }
    }

    /// The class of a page that shows a slip for it.
    fn class(self) -> &'static str {
        match self {
            Self::Roll => "slip-80",
            Self::Narrow => "slip-58",
            Self::A5 => "slip-a5",
            Self::Large => "slip-besar",
        }
    }

    /// The key of its words.
    fn label(self) -> &'static str {
        match self {
            Self::Roll => "slip.paper.80",
            Self::Narrow => "slip.paper.58",
            Self::A5 => "slip.paper.a5",
            Self::Large => "slip.paper.besar",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|paper| paper.word() == word)
    }
}

/// The desk.
pub struct Desk {
    config: Config,
    answers: Answers,
    entries: Entries,
    budget: Budget,
    core: Core,
    printers: Printers,
    tickets: Tickets,
}

impl Adapter for Desk {
    const NAME: &'static str = "desk";
    const DEFAULTS: &'static str = include_str!("../config.default.toml");
    type Config = Config;

    fn open(config: Config, http: Http) -> Result<Self, ConfigError> {
        if config.list == 0 {
            return Err(ConfigError::value("list", "must be at least 1"));
        }
        for (scheme, via) in &config.answer_via {
            if !matches!(scheme.as_str(), "tel" | "mailto") {
                return Err(ConfigError::value("answer_via", format!("knows `tel` and `mailto`, not `{scheme}`")));
            }
            if via.account.is_empty() || via.adapter.as_str() == Self::NAME {
                return Err(ConfigError::value("answer_via", "must name another adapter and our account there"));
            }
        }
        Ok(Self {
            answers: Answers::default(),
            entries: Entries::new(config.list),
            budget: Budget::new(config.memory.get()),
            core: Core::new(&http, &config.core_url)?,
            printers: Printers::open(&config.printers)?,
            tickets: Tickets::default(),
            config,
        })
    }

    fn keep_headers() -> &'static [&'static str] {
        wire::HEADERS
    }

    fn parse(&self, raw: &Raw) -> Result<Vec<Event>, ParseError> {
        wire::parse(raw, &self.config)
    }

    async fn fetch(&self, _: &RemoteMedia) -> Result<Bytes, FetchError> {
        Err(FetchError::Gone("the file is in the form itself".into()))
    }

    async fn fetch_from(&self, raw: &Raw, media: &RemoteMedia) -> Result<Bytes, FetchError> {
        wire::file(raw, media).ok_or_else(|| FetchError::Gone("the form has no such part".into()))
    }

    /// Puts the answer on the slip, where it is open, and into the list of the day. Later ones are on the page that the slip's code opens.
    async fn send(&self, reply: &Reply) -> Result<Sent, SendError> {
        if reply.to.address.scheme() != Self::NAME {
            return Err(SendError::rejected("address", "the desk answers on its own slips only"));
        }
        self.answers.keep(reply.to.address.path(), reply);
        self.entries.answered(reply.to.address.path(), reply).await;
        Ok(Sent::default())
    }

    /// The receipt printers; the core is asked with a clerk's token, which nobody has here.
    async fn probe(&self) -> Vec<Finding> {
        self.printers.probe().await
    }
}

impl Pages for Desk {
    fn pages(self: Arc<Self>, door: Door) -> Router {
        pages::router(self, door)
    }
}
