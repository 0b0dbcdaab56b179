//! The `[adapter]` table. `config.default.toml` says what each key is for.

use std::{path::PathBuf, time::Duration};

use adapter_sdk::{ConfigError, Secret, Size};
use serde::Deserialize;

use crate::address::Mailbox;

/// The shortest key that signs anything, in characters.
const SHORTEST_KEY: usize = 16;

/// The `[adapter]` table. `config.default.toml` says what each key is for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Our addresses.
    pub accounts: Vec<Account>,
    /// Signs the address in `Reply-To` and the envelope's sender.
    pub reply_key: Secret,
    /// Whether mail to `aduan+anything@…` reaches the mailbox of `aduan@…`.
    pub plus_addresses: bool,
    /// The largest mail that is read whole.
    pub max_mail: Size,
    /// Automatic answers to one address within a day; further ones are withheld.
    pub most_answers: u32,
    /// Days: how far back the first look at a mailbox goes, and a look after its UIDs became invalid before the last mail that was seen.
    pub look_back: u32,
    /// Seconds to wait for news in one go (IDLE), and between looks at a server that cannot tell.
    pub idle: u32,
    /// Seconds that one step of a conversation with a server may take.
    pub patience: u32,
    /// Where the newest refresh tokens are kept, of givers that change them with every use.
    pub state_folder: PathBuf,
}

/// One address of ours, with its mailbox and the server that sends for it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// `aduan@kota.example.id`: the account in every message's key.
    pub address: String,
    /// How we sign: the name beside the address.
    #[serde(default)]
    pub name: String,
    /// The folders that are read; the first is the one that is listened to.
    #[serde(default = "inbox")]
    pub folders: Vec<String>,
    /// What our own mail server calls itself in `Authentication-Results`. Empty: no sender counts as proven.
    #[serde(default)]
    pub authserv_id: String,
    /// Where its mail is.
    pub imap: Server,
    /// Who takes our answers.
    pub smtp: Server,
}

/// A server and how to enter it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Its name, which its certificate must bear.
    pub host: String,
    /// Where it listens; by default what `security` implies.
    #[serde(default)]
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub security: Security,
    /// Who we are there. Empty, for SMTP: no login.
    #[serde(default)]
    pub user: String,
    /// By `password_file`.
    #[serde(default)]
    pub password: Secret,
    /// Instead of a password.
    #[serde(default)]
    pub oauth: Option<OAuth>,
    /// Certificates in PEM that are trusted instead of the system's, by `ca_file`.
    #[serde(default)]
    pub ca: Option<String>,
}

/// By what an access token is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// By a refresh token that a person got once, in a browser (RFC 6749, 6).
    #[default]
    RefreshToken,
    /// By our own id and secret, where the administrator gave the app the mailbox (RFC 6749, 4.4).
    ClientCredentials,
}

/// `XOAUTH2`: an access token is asked for, and renewed before it ends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuth {
    /// Where tokens are given out.
    pub token_url: String,
    /// Our id there.
    pub client_id: String,
    /// By `client_secret_file`; some givers want none.
    #[serde(default)]
    pub client_secret: Secret,
    /// By `refresh_token_file`; for [`Grant::RefreshToken`].
    #[serde(default)]
    pub refresh_token: Secret,
    /// By what it is asked for.
    #[serde(default)]
    pub grant: Grant,
    /// For what, where the giver wants to be told: words between spaces.
    #[serde(default)]
    pub scope: String,
}

impl OAuth {
    fn check(&self, key: &str) -> Result<(), ConfigError> {
        let missing = match self.grant {
            _ if self.client_id.is_empty() => Some("client_id"),
            Grant::RefreshToken if self.refresh_token.is_empty() => Some("refresh_token"),
            Grant::ClientCredentials if self.client_secret.is_empty() => Some("client_secret"),
            Grant::RefreshToken | Grant::ClientCredentials => None,
        };
        missing.map_or(Ok(()), |missing| Err(ConfigError::value(&format!("{key}.oauth.{missing}"), "must not be empty")))
    }
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// TLS from the first byte (993, 465).
    #[default]
    Tls,
    /// TLS after `STARTTLS` (143, 587); never without.
    Starttls,
    /// None: only to this machine.
    None,
}

fn inbox() -> Vec<String> {
    vec!["INBOX".to_owned()]
}

impl Config {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let key = self.reply_key.expose().len();
        if key < SHORTEST_KEY && !(self.accounts.is_empty() && key == 0) {
            return Err(ConfigError::value("reply_key", format!("must have at least {SHORTEST_KEY} characters")));
        }
        for (number, account) in self.accounts.iter().enumerate() {
            account.check()?;
            if self.accounts[..number].iter().any(|other| other.address.eq_ignore_ascii_case(&account.address)) {
                return Err(ConfigError::value("accounts.address", format!("names {} twice", account.address)));
            }
        }
        for (key, value) in [("idle", self.idle), ("patience", self.patience), ("most_answers", self.most_answers)] {
            if value == 0 {
                return Err(ConfigError::value(key, "must be more than 0"));
            }
        }
        if self.max_mail.get() < 64 * 1024 {
            return Err(ConfigError::value("max_mail", "must be at least 64 KiB"));
        }
        Ok(())
    }

    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs(self.patience.into())
    }

    pub(crate) fn idle(&self) -> Duration {
        Duration::from_secs(self.idle.into())
    }
}

impl Account {
    fn check(&self) -> Result<(), ConfigError> {
        if Mailbox::parse(&self.address).is_none() {
            return Err(ConfigError::value("accounts.address", format!("must look like aduan@kota.example.id, not \"{}\"", self.address)));
        }
        if self.folders.is_empty() || self.folders.iter().any(|folder| folder.is_empty() || folder.chars().any(char::is_control)) {
            return Err(ConfigError::value("accounts.folders", "must name at least one folder"));
        }
        if self.name.chars().any(char::is_control) {
            return Err(ConfigError::value("accounts.name", "must be one line"));
        }
        self.imap.check("accounts.imap")?;
        self.smtp.check("accounts.smtp")?;
        if self.imap.user.is_empty() {
            return Err(ConfigError::value("accounts.imap.user", "must not be empty"));
        }
        Ok(())
    }
}

impl Server {
    fn check(&self, key: &str) -> Result<(), ConfigError> {
        if self.host.is_empty() {
            return Err(ConfigError::value(&format!("{key}.host"), "must not be empty"));
        }
        if self.security == Security::None && !matches!(self.host.as_str(), "127.0.0.1" | "::1" | "localhost") {
            return Err(ConfigError::value(&format!("{key}.security"), "may be none on this machine alone"));
        }
        if let Some(oauth) = &self.oauth {
            oauth.check(key)?;
        }
        if !self.user.is_empty() && self.password.is_empty() && self.oauth.is_none() {
            return Err(ConfigError::value(&format!("{key}.password"), "must not be empty, or `oauth` must be given"));
        }
        Ok(())
    }

    pub(crate) fn port(&self, tls: u16, starttls: u16) -> u16 {
        self.port.unwrap_or(if self.security == Security::Tls { tls } else { starttls })
    }
}
