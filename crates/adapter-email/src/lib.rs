#![doc = include_str!("../README.md")]

mod address;
mod body;
mod bounce;
mod certificate;
mod charset;
mod compose;
mod config;
mod html;
mod imap;
mod kind;
mod login;
mod parse;
mod probe;
mod quote;
mod smtp;
mod thread;
mod tnef;

use std::time::Duration;

use adapter_sdk::{
    Adapter, Batch, Bytes, ConfigError, Event, FetchError, Finding, Folder, Http, ParseError, Poll, Raw, RemoteMedia, Reply, ReplyFile,
    SendError, Sent, Timestamp, outgoing::tls,
};

use crate::{address::Mailbox, imap::Sessions, login::Tokens, smtp::Answers};
pub use config::{Account, Config, Grant, OAuth, Security, Server};

/// The largest file that goes along with a reply, in bytes: written as a mail it is a third larger, and servers that take 10 MB are common.
const LARGEST_FILE: u64 = 7 * 1024 * 1024;

/// The adapter.
#[derive(Debug)]
pub struct Email {
    config: Config,
    /// The accounts' addresses, in their order.
    mailboxes: Vec<Mailbox>,
    http: Http,
    sessions: Sessions,
    tokens: Tokens,
    answers: Answers,
}

impl Email {
    fn account(&self, address: &str) -> Option<&Account> {
        self.account_and_mailbox(address).map(|(account, _)| account)
    }

    fn account_and_mailbox(&self, address: &str) -> Option<(&Account, &Mailbox)> {
        let place = self.mailboxes.iter().position(|mailbox| mailbox.known() == address.to_lowercase())?;
        Some((&self.config.accounts[place], &self.mailboxes[place]))
    }
}

impl Adapter for Email {
    const NAME: &'static str = "email";
    const DEFAULTS: &'static str = include_str!("../config.default.toml");
    type Config = Config;

    fn open(config: Config, http: Http) -> Result<Self, ConfigError> {
        config.check()?;
        for account in &config.accounts {
            for (key, server) in [("imap", &account.imap), ("smtp", &account.smtp)] {
                if let Some(pem) = &server.ca {
                    tls::certificates(pem).map_err(|error| ConfigError::value(&format!("accounts.{key}.ca"), error.to_string()))?;
                }
                if let Some(oauth) = &server.oauth {
                    let key = format!("adapter.accounts.{key}.oauth.token_url");
                    http.trusting(&oauth.token_url).map_err(|source| ConfigError::Address { key, source })?;
                }
            }
        }
        let mailboxes = config.accounts.iter().filter_map(|account| Mailbox::parse(&account.address)).collect();
        let tokens = Tokens::new(Folder::new(&config.state_folder));
        Ok(Self { config, mailboxes, http, sessions: Sessions::default(), tokens, answers: Answers::default() })
    }

    fn accounts(&self) -> Vec<String> {
        self.mailboxes.iter().map(Mailbox::known).collect()
    }

    fn parse(&self, raw: &Raw) -> Result<Vec<Event>, ParseError> {
        parse::events(raw, self)
    }

    async fn fetch(&self, _media: &RemoteMedia) -> Result<Bytes, FetchError> {
        Err(FetchError::Gone("a mail's files lie in the mail itself".to_owned()))
    }

    async fn fetch_from(&self, raw: &Raw, media: &RemoteMedia) -> Result<Bytes, FetchError> {
        parse::file(raw, &media.id).map(Bytes::from).ok_or_else(|| FetchError::Gone("the mail has no such part".to_owned()))
    }

    fn takes(&self, file: &ReplyFile) -> bool {
        file.size <= LARGEST_FILE
    }

    async fn send(&self, reply: &Reply) -> Result<Sent, SendError> {
        self.reply(reply, now()).await
    }

    async fn probe(&self) -> Vec<Finding> {
        self.look_at_everything(now()).await
    }
}

impl Poll for Email {
    /// The waiting is done inside, where the server can end it.
    fn every(&self) -> Duration {
        Duration::from_secs(1)
    }

    async fn poll(&self, account: &str, cursor: Option<Vec<u8>>) -> Result<Batch, FetchError> {
        self.look(account, cursor).await
    }
}

/// The clock is read here: how many answers somebody had is a question about today.
fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "sending is an edge")]
    Timestamp::now()
}
