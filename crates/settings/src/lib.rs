//! One TOML per process: defaults compiled in and readable, the admin's file over them, `MUARA_…` of the environment over both.
//!
//! - An option is `[section] key`; in the environment `MUARA_SECTION__KEY`. Variables without `__` are not ours.
//! - A secret is given as `key_file = "/path"`, read once, a newline at its end dropped. `key` itself works too, for tests.
//! - An unknown key is refused, and the nearest known one is named.
//! - What a text of the environment means is decided by the option it is for: `7` is a number for one, a text for another.
//! - Nothing here touches the network, and nothing but secrets touches the disk: `check` may call it anywhere.

mod duration;
mod layers;
mod log;
mod nearest;
mod secret;
mod size;

use std::path::Path;

use serde::de::DeserializeOwned;

pub use duration::duration;
pub use layers::Table;
pub use log::{LogFormat, LogSettings, start_log};
pub use secret::Secret;
pub use size::Size;

/// Why a configuration cannot be used. Every text is a sentence for the admin, and none holds a value: it may be a secret in the wrong place.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file is not there or not readable.
    #[error("`{key}` names the file {path}, which cannot be read")]
    File {
        /// The path of the option that names it: `bus.password_file`, or `--config`.
        key: String,
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is not TOML, or has an option that nobody knows.
    #[error("{0}")]
    Syntax(String),
    /// One option is wrong.
    #[error("`{key}`: {why}")]
    Option {
        /// Its path: `web.listen`.
        key: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Reads `defaults`, each text over the one before, then the admin's file, then the environment.
///
/// # Errors
/// Names the file or the option that is wrong.
pub fn load<T: DeserializeOwned>(
    defaults: &[&str],
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<T, SettingsError> {
    layers::merged(defaults, file, environment)?.typed("")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        web: Web,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Web {
        listen: std::net::SocketAddr,
        #[serde(deserialize_with = "duration")]
        patience: Duration,
        body: Size,
        #[serde(default)]
        key: Option<Secret>,
    }

    const DEFAULTS: &str = "[web]\nlisten = \"127.0.0.1:80\"\npatience = \"30s\"\nbody = \"1 MiB\"\n";

    fn variables(all: &[(&str, &str)]) -> Vec<(String, String)> {
        all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn written(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("it is written");
        file
    }

    #[test]
    fn the_environment_stands_over_the_file_and_the_file_over_the_defaults() {
        let file = written("[web]\nlisten = \"127.0.0.1:81\"\nbody = 7\n");
        let environment = variables(&[("MUARA_WEB__LISTEN", "127.0.0.1:82"), ("MUARA_UNRELATED", "x"), ("PATH", "y")]);
        let settings: Settings = load(&[DEFAULTS], Some(file.path()), environment).expect("it is valid");
        assert_eq!(settings.web.listen.port(), 82);
        assert_eq!(settings.web.body, Size(7));
        assert_eq!(settings.web.patience, Duration::from_secs(30));
    }

    #[test]
    fn a_secret_is_read_from_its_file_and_shows_stars() {
        let secret = written("kata-sandi-contoh\n");
        let file = written(&format!("[web]\nkey_file = \"{}\"\n", secret.path().display()));
        let settings: Settings = load(&[DEFAULTS], Some(file.path()), []).expect("it is valid");
        assert_eq!(settings.web.key.as_ref().map(Secret::expose), Some("kata-sandi-contoh"));
        assert!(!format!("{settings:?}").contains("kata-sandi"));
    }

    #[test]
    fn an_unknown_key_is_refused_and_the_nearest_known_one_is_named() {
        let file = written("[web]\nlistn = \"127.0.0.1:81\"\n");
        let error = load::<Settings>(&[DEFAULTS], Some(file.path()), []).expect_err("it is unknown").to_string();
        assert!(error == "there is no key `web.listn`; did you mean `web.listen`?", "{error}");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_path() {
        let error = load::<Settings>(&[DEFAULTS], None, variables(&[("MUARA_WEB__LISTEN", "nowhere")])).expect_err("no address");
        assert!(error.to_string().starts_with("`web.listen`"), "{error}");
        let missing = load::<Settings>(&[DEFAULTS], Some(Path::new("/no/such/file")), []).expect_err("no file");
        assert!(missing.to_string().contains("/no/such/file"));
    }

    #[test]
    fn a_table_that_is_typed_later_tells_its_errors_with_their_whole_path() {
        #[derive(Debug, Deserialize)]
        struct Open {
            web: Table,
        }
        let open: Open = load(&[DEFAULTS], None, variables(&[("MUARA_WEB__PATIENCE", "soon")])).expect("nothing is read yet");
        assert!(!format!("{open:?}").contains("127.0.0.1"), "a table may hold secrets");
        let error = open.web.typed::<Web>("web").expect_err("no duration").to_string();
        assert!(error.starts_with("`web.patience`"), "{error}");
    }

    #[test]
    fn a_secret_is_given_once_and_an_empty_path_is_none() {
        let both = load::<Settings>(&[DEFAULTS, "[web]\nkey = 'a'\nkey_file = '/no/such/file'"], None, []).expect_err("two");
        assert_eq!(both.to_string(), "give either `web.key` or `web.key_file`, not both");
        let none: Settings = load(&[DEFAULTS, "[web]\nkey_file = ''"], None, []).expect("it is valid");
        assert!(none.web.key.is_none());
    }
}
