//! What every adapter's file holds: the SDK's own tables beneath the adapter's, and the adapter's own table `[adapter]`.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use ::settings::{LogSettings, Table, duration};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{ConfigError, Secret, Size};

/// Beneath every adapter's own defaults.
pub(crate) const BASE: &str = include_str!("../config.default.toml");
/// What the environment may set. Other variables of ours are other programs'.
const SECTIONS: [&str; 6] = ["bus", "door", "spool", "http", "log", "adapter"];

/// What every adapter's file holds, read into types.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings<C> {
    /// `[bus]`
    pub bus: BusSettings,
    /// `[door]`
    pub door: DoorSettings,
    /// `[spool]`
    pub spool: SpoolSettings,
    /// `[http]`
    pub http: HttpSettings,
    /// `[log]`
    pub log: LogSettings,
    /// `[adapter]`: the adapter's own.
    pub adapter: C,
}

/// How to reach the bus.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BusSettings {
    /// `nats://127.0.0.1:4222`; several with commas.
    pub url: String,
    /// The adapter's own user.
    #[serde(default)]
    pub user: Option<String>,
    /// The seed of its key, by `key_file`, as `muara channel add` wrote it.
    #[serde(default)]
    pub key: Option<Secret>,
    /// Its password, by `password_file`, where the server asks for one instead.
    #[serde(default)]
    pub password: Option<Secret>,
}

/// Where raw bytes enter.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoorSettings {
    /// Where the server listens.
    pub listen: SocketAddr,
    /// The largest body it takes.
    pub max_body: Size,
    /// Where a message must be before anyone is told yes.
    pub durability: Durability,
    /// How the world reaches it, for the administrators' page.
    #[serde(default)]
    pub public_url: Option<String>,
    /// How many proxies of ours stand in front and write `X-Forwarded-For`.
    pub proxies: usize,
}

/// Where a message must be before anyone is told yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// On this machine's disk, synced.
    Spool,
    /// With three servers of a NATS cluster.
    Bus,
}

/// Where raw bytes wait for the bus.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpoolSettings {
    /// The folder; belongs to this process alone.
    pub folder: PathBuf,
    /// How much may wait. Beyond it the door says 503.
    pub max_bytes: Size,
    /// How long an entry is kept after the bus acknowledged it.
    #[serde(deserialize_with = "duration")]
    pub keep: Duration,
}

/// The limits of calls to the platform.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpSettings {
    /// Until a connection stands.
    #[serde(deserialize_with = "duration")]
    pub connect: Duration,
    /// For a whole exchange.
    #[serde(deserialize_with = "duration")]
    pub total: Duration,
    /// The largest answer: the largest attachment.
    pub max_body: Size,
}

impl<C: DeserializeOwned> Settings<C> {
    /// Reads a text over the SDK's own defaults: what it leaves out is as the SDK has it.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        Self::layered(&[text])
    }

    /// Reads texts over the SDK's own defaults, each over the one before: an adapter's defaults, then what differs from them.
    pub fn layered(texts: &[&str]) -> Result<Self, ConfigError> {
        Settings::read(texts, None, [])?.typed()
    }
}

impl Settings<Table> {
    /// Reads the SDK's part; the adapter's own table stays as it is.
    pub(crate) fn read(
        texts: &[&str],
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let texts: Vec<&str> = std::iter::once(BASE).chain(texts.iter().copied()).collect();
        Ok(::settings::load(&texts, file, environment.into_iter().filter(|(name, _)| is_ours(name)))?)
    }

    /// Reads the adapter's own table.
    pub(crate) fn typed<C: DeserializeOwned>(self) -> Result<Settings<C>, ConfigError> {
        let (own, table) = self.split();
        Ok(own.with(table.typed("adapter")?))
    }
}

fn is_ours(variable: &str) -> bool {
    let section = variable.strip_prefix("MUARA_").and_then(|rest| rest.split_once("__")).map(|(section, _)| section);
    section.is_some_and(|section| SECTIONS.contains(&section.to_ascii_lowercase().as_str()))
}

impl<C> Settings<C> {
    /// The SDK's part and the adapter's.
    pub(crate) fn split(self) -> (Settings<()>, C) {
        let Self { bus, door, spool, http, log, adapter } = self;
        (Settings { bus, door, spool, http, log, adapter: () }, adapter)
    }
}

impl Settings<()> {
    fn with<C>(self, adapter: C) -> Settings<C> {
        let Self { bus, door, spool, http, log, adapter: () } = self;
        Settings { bus, door, spool, http, log, adapter }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Own {
        token: Secret,
        #[serde(default)]
        retries: u8,
    }

    const SMALLEST: &str = "[door]\nlisten = '127.0.0.1:0'\n[spool]\nfolder = '/nowhere'\n[adapter]\ntoken = 'word'\n";

    fn from(text: &str) -> Result<Settings<Own>, ConfigError> {
        Settings::from_toml(text)
    }

    fn with(text: &str) -> Result<Settings<Own>, ConfigError> {
        Settings::layered(&[SMALLEST, text])
    }

    fn said(result: Result<Settings<Own>, ConfigError>) -> String {
        result.map(drop).expect_err("it is wrong").to_string()
    }

    #[test]
    fn what_is_left_out_is_as_the_sdk_has_it() {
        let settings = from(SMALLEST).expect("settings");
        assert_eq!(settings.adapter.token.expose(), "word");
        assert_eq!(settings.adapter.retries, 0);
        assert_eq!(settings.spool.keep, Duration::from_secs(30));
        assert_eq!(settings.spool.max_bytes, Size(1 << 30));
        assert_eq!(settings.log.format, ::settings::LogFormat::Text);
    }

    #[test]
    fn a_misspelt_key_is_told_with_its_place_and_the_nearest_known_one() {
        assert_eq!(said(with("[door]\nlisten_to = '127.0.0.1:1'")), "there is no key `door.listen_to`; did you mean `door.listen`?");
        assert_eq!(said(with("[adapter]\ntokne = 'x'")), "there is no key `adapter.tokne`; did you mean `adapter.token`?");
        assert_eq!(said(with("[dor]\nlisten = '127.0.0.1:1'")), "there is no key `dor`; did you mean `door`?");
        assert!(said(with("[spool]\nzebra = 1")).starts_with("there is no key `spool.zebra`; known are "));
    }

    #[test]
    fn a_wrong_value_is_told_with_its_key() {
        assert_eq!(said(with("[spool]\nkeep = 'soon'")), "`spool.keep`: a duration is a text such as \"30s\" or \"5m\"");
        assert_eq!(said(with("[spool]\nkeep = '-5m'")), "`spool.keep`: a duration is not negative");
        assert_eq!(said(with("[door]\nmax_body = '4 MB'")), "`door.max_body`: a size is a number of bytes or a text such as \"256 MiB\"");
        assert!(said(with("[adapter]\nretries = 'many'")).contains("`adapter.retries`"));
        assert!(said(from("[adapter]\ntoken = 'x'\n[spool]\nfolder = 'x'")).contains("`door.listen` is missing"));
    }

    #[test]
    fn a_secret_comes_from_a_file_and_never_shows() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let path = folder.path().join("token");
        std::fs::write(&path, "quite-secret\n").expect("a file");
        let settings = with(&format!("[adapter]\ntoken = ''\ntoken_file = '{}'", path.display())).expect("settings");
        assert_eq!(settings.adapter.token.expose(), "quite-secret");
        assert!(!format!("{settings:?}").contains("quite-secret"));
        assert!(
            said(with(&format!("[adapter]\ntoken_file = '{}'", path.display()))).contains("either `adapter.token` or `adapter.token_file`")
        );
        assert!(said(with("[adapter]\ntoken = ''\ntoken_file = '/nowhere/token'")).contains("/nowhere/token"));
        for wrong in ["[adapter]\nretries = 'quite-secret'", "[adapter]\ntoken = quite-secret", "[adapter]\ntoken = ['quite-secret']"] {
            let error = with(wrong).map(drop).expect_err("it is wrong");
            assert!(!format!("{error} {error:?}").contains("quite-secret"), "{error:?}");
        }
        assert_eq!(with("[adapter]\ntoken = 12345").expect("digits").adapter.token.expose(), "12345");
    }

    #[test]
    fn each_of_several_accounts_has_its_secret_in_a_file() {
        #[derive(Debug, Deserialize)]
        struct Several {
            accounts: Vec<Own>,
        }
        let folder = tempfile::TempDir::new().expect("a folder");
        let path = folder.path().join("token");
        std::fs::write(&path, "quite-secret\n").expect("a file");
        let text = format!("[[adapter.accounts]]\ntoken = 'word'\n[[adapter.accounts]]\ntoken_file = '{}'", path.display());
        let read = |text: &str| Settings::<Several>::layered(&[SMALLEST, text]);
        let accounts = read(&text).expect("settings").adapter.accounts;
        assert_eq!([accounts[0].token.expose(), accounts[1].token.expose()], ["word", "quite-secret"]);
        let error = read("[[adapter.accounts]]\ntoken_file = '/nowhere/token'").map(drop).expect_err("no such file");
        assert!(error.to_string().contains("`adapter.accounts[0].token_file`"), "{error}");
    }

    #[test]
    fn the_environment_stands_over_the_file_and_strangers_variables_do_not_matter() {
        let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let environment = [
            variable("MUARA_DOOR__LISTEN", "127.0.0.1:9"),
            variable("MUARA_ADAPTER__RETRIES", "3"),
            variable("MUARA_DATABASE__URL", "of the core"),
            variable("MUARA_CONFIG", "/etc/x.toml"),
        ];
        let settings: Settings<Own> = Settings::read(&[SMALLEST], None, environment).expect("layers").typed().expect("settings");
        assert_eq!(settings.door.listen.port(), 9);
        assert_eq!(settings.adapter.retries, 3);
    }
}
