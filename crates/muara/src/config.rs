//! The configuration: `config.default.toml` is its reference, and every option there is read here.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use bus::Who;
use dispatch::{Mail, MailError, MailSettings, Tls};
use model::{Role, Site, clock::Zone};
use oidc::Provider;
use outgoing::Http;
use secrecy::SecretString;
use serde::Deserialize;
use settings::{LogSettings, Secret, SettingsError};
use store::vault::Vault;
use web::Elsewhere;

use crate::keys::Keys;

/// Every option, its default, and a comment.
pub(crate) const DEFAULTS: &str = include_str!("../config.default.toml");

/// What this process is told.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) site: SiteConfig,
    pub(crate) data: Data,
    pub(crate) database: Database,
    pub(crate) bus: BusSection,
    pub(crate) storage: Storage,
    pub(crate) web: Web,
    #[serde(default)]
    vault: VaultSection,
    pub(crate) metrics: Metrics,
    #[serde(default)]
    mail: Option<MailSection>,
    #[serde(default)]
    oidc: Option<OidcSection>,
    pub(crate) log: LogSettings,
}

/// How the installation speaks of itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SiteConfig {
    name: String,
    base_url: String,
    zone: Zone,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Data {
    pub(crate) folder: PathBuf,
    pub(crate) seed: PathBuf,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Database {
    pub(crate) private: bool,
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) password: Option<Secret>,
    pub(crate) connections: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BusSection {
    pub(crate) private: bool,
    pub(crate) port: u16,
    pub(crate) url: String,
    /// Empty: nobody said where. A private server's are always somewhere.
    pub(crate) keys: PathBuf,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    key: Option<Secret>,
    #[serde(default)]
    password: Option<Secret>,
    replicas: usize,
}

/// Where attachments are kept for good.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Storage {
    pub(crate) kind: StorageKind,
    pub(crate) folder: PathBuf,
    pub(crate) endpoint: String,
    pub(crate) bucket: String,
    pub(crate) region: String,
    pub(crate) access_key_id: String,
    #[serde(default)]
    pub(crate) secret_access_key: Option<Secret>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StorageKind {
    Folder,
    S3,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Web {
    pub(crate) listen: SocketAddr,
    pub(crate) desk_url: String,
    pub(crate) import_url: String,
    pub(crate) form_url: String,
    pub(crate) behind_proxy: bool,
    pub(crate) second_factor: Vec<Role>,
}

/// Keys that are kept outside the database.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct VaultSection {
    #[serde(default)]
    keys: Option<Secret>,
}

/// Figures for Prometheus.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Metrics {
    /// Empty: nowhere.
    pub(crate) listen: String,
}

/// Where staff may sign in with another account.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OidcSection {
    name: String,
    issuer: String,
    client_id: String,
    client_secret: Secret,
}

/// The mail server for agencies that are told by mail.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailSection {
    host: String,
    port: u16,
    from: String,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    password: Option<Secret>,
    tls: Tls,
}

impl Config {
    /// Reads the defaults, the file and the environment. Touches no network.
    pub(crate) fn load(file: Option<&Path>, environment: impl IntoIterator<Item = (String, String)>) -> Result<Self, SettingsError> {
        let mut config: Self = settings::load(&[DEFAULTS], file, environment)?;
        if config.storage.folder.as_os_str().is_empty() {
            config.storage.folder = config.data.folder.join("files");
        }
        if config.bus.private && config.bus.keys.as_os_str().is_empty() {
            config.bus.keys = config.data.folder.join("nats-keys");
        }
        if config.bus.url.is_empty() {
            config.bus.url = format!("nats://127.0.0.1:{}", config.bus.port);
        }
        Ok(config)
    }

    /// How the installation speaks of itself.
    pub(crate) fn site(&self) -> Site {
        let base_url = self.site.base_url.trim_end_matches('/').to_owned();
        Site { name: self.site.name.clone(), base_url, zone: self.site.zone }
    }

    /// What seals who wrote and the second factors of staff. `None`: nobody gave keys, and this installation keeps its own: see
    /// [`crate::private::vault`].
    ///
    /// # Errors
    /// The keys cannot be used; or there are none, and the database is not a private one of this machine.
    pub(crate) fn vault(&self) -> anyhow::Result<Option<Vault>> {
        let Some(keys) = self.vault.keys.as_ref().filter(|keys| !keys.is_empty()) else {
            anyhow::ensure!(
                self.database.private,
                "vault.keys_file is not set, and who wrote is sealed with what is in it: `muara vault new >/etc/muara/vault-keys` makes one; name it in [vault] keys_file, the same on every machine"
            );
            return Ok(None);
        };
        Ok(Some(Vault::parse(keys.expose()).context("vault.keys_file")?))
    }

    /// A way to send mail, if one is configured.
    pub(crate) fn mail(&self) -> Result<Option<Mail>, MailError> {
        let Some(mail) = &self.mail else { return Ok(None) };
        let settings = MailSettings {
            host: mail.host.clone(),
            port: mail.port,
            tls: mail.tls,
            user: mail.user.clone().filter(|user| !user.is_empty()),
            password: mail.password.as_ref().map(|secret| SecretString::from(secret.expose())),
            from: mail.from.clone(),
        };
        Mail::new(&settings).map(Some)
    }

    /// Where staff may sign in with another account, if anywhere. Asks nobody anything.
    ///
    /// # Errors
    /// The issuer cannot be one.
    pub(crate) fn elsewhere(&self, http: &Http) -> anyhow::Result<Option<Elsewhere>> {
        let Some(oidc) = &self.oidc else { return Ok(None) };
        let client_secret = SecretString::from(oidc.client_secret.expose());
        let settings = oidc::Settings { issuer: oidc.issuer.clone(), client_id: oidc.client_id.clone(), client_secret };
        let provider = Provider::new(settings, http).context("oidc.issuer")?;
        Ok(Some(Elsewhere { name: oidc.name.clone(), provider: Arc::new(provider) }))
    }

    /// The mail server's host and port, if one is configured.
    pub(crate) fn mail_server(&self) -> Option<(&str, u16)> {
        self.mail.as_ref().map(|mail| (mail.host.as_str(), mail.port))
    }

    /// How this process reaches the bus.
    pub(crate) fn bus(&self, name: &str) -> bus::BusConfig {
        let key = self.bus.key.clone().filter(|key| !key.is_empty()).or_else(|| self.private_key());
        bus::BusConfig {
            url: self.bus.url.clone(),
            // Answers come to an inbox of this name, also where a key says who we are.
            user: self.bus.user.clone().filter(|user| !user.is_empty()).or_else(|| key.as_ref().map(|_| Who::Core.to_string())),
            key: key.map(|secret| SecretString::from(secret.expose())),
            password: self.bus.password.as_ref().map(|secret| SecretString::from(secret.expose())),
            name: name.to_owned(),
            replicas: self.bus.replicas,
        }
    }
}

impl Config {
    /// With a private server: the core's key, once `muara all` has made it. Only the user that runs it can read it.
    fn private_key(&self) -> Option<Secret> {
        let seed = || std::fs::read_to_string(Keys::new(&self.bus.keys).seed_file(&Who::Core)).ok();
        self.bus.private.then(seed).flatten().map(|seed| Secret::new(seed.trim()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_a_whole_configuration() {
        let config = Config::load(None, []).expect("the defaults are valid");
        assert_eq!(config.storage.folder, Path::new("data/files"));
        assert!(config.mail.is_none());
        assert_eq!(config.bus("test").url, "nats://127.0.0.1:8110", "the private server's");
    }

    #[test]
    fn who_does_not_keep_the_database_needs_keys_and_a_wrong_key_is_refused_unseen() {
        let with = |text: &str| {
            let file = tempfile::NamedTempFile::new().expect("a file");
            std::fs::write(file.path(), text).expect("it is written");
            Config::load(Some(file.path()), []).expect("the options are known").vault().map(|vault| vault.is_some())
        };
        let apart = "[database]\nprivate = false\n";
        assert_eq!(with("[database]\nprivate = true").ok(), Some(false), "a private installation makes its own");
        let error = with(apart).expect_err("there is no key").to_string();
        assert!(error.contains("vault.keys_file") && error.contains("muara vault new"), "{error}");
        let line = Vault::new_line();
        assert_eq!(with(&format!("{apart}[vault]\nkeys = \"{line}\"")).ok(), Some(true));
        let error = with("[vault]\nkeys = \"kunci-yang-salah\"").expect_err("that is no key");
        assert!(!format!("{error:#}").contains("salah"), "{error:#}");
    }

    /// A section that stands in comments, as it would be in a file.
    fn commented(name: &str) -> Config {
        let section = DEFAULTS.lines().skip_while(|line| !line.starts_with(name)).take_while(|line| line.starts_with("# "));
        let uncommented: Vec<&str> = section.map(|line| &line[2..]).collect();
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), uncommented.join("\n").replace("client_secret_file", "client_secret")).expect("it is written");
        Config::load(Some(file.path()), []).expect("the comments are valid")
    }

    #[test]
    fn the_mail_section_of_the_comments_is_valid() {
        assert_eq!(commented("# [mail]").mail.map(|mail| mail.port), Some(587));
    }

    #[test]
    fn the_section_about_signing_in_elsewhere_is_valid_and_its_issuer_must_be_https() {
        let http = Http::new(outgoing::Limits::default()).expect("a client");
        let mut config = commented("# [oidc]");
        let elsewhere = config.elsewhere(&http).expect("it is valid").expect("it is there");
        assert_eq!(elsewhere.provider.issuer(), "https://sso.example.id/realms/pegawai");
        config.oidc.as_mut().expect("it is there").issuer = "http://sso.example.id".into();
        assert!(config.elsewhere(&http).is_err());
    }
}
