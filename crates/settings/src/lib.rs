//! One TOML per process: defaults compiled in and readable, the admin's file over them, `MUARA_…` of the environment over both.
//!
//! - An option is `[section] key`; in the environment `MUARA_SECTION__KEY`. Variables without `__` are not ours.
//! - A secret is given as `key_file = "/path"`, read once, a newline at its end dropped. `key` itself works too, for tests.
//! - An unknown key is refused, and the nearest known one is named.
//! - Nothing here touches the network, and nothing but secrets touches the disk: `check` may call it anywhere.

mod duration;
mod log;
mod nearest;
mod secret;
mod size;

use std::path::{Path, PathBuf};

use config::{Config, Environment, File, FileFormat};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

pub use duration::duration;
pub use log::{LogFormat, LogSettings, start_log};
pub use secret::Secret;
pub use size::Size;

/// What begins every variable of ours.
const PREFIX: &str = "MUARA";

/// Why a configuration cannot be used. Every text is a sentence for the admin, and none holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file is not there or not readable.
    #[error("cannot read {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not TOML, or the environment does not fit it.
    #[error("the configuration is not valid: {0}")]
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

/// Reads `defaults`, then the admin's file, then the environment, each over what came before.
///
/// # Errors
/// Names the file or the option that is wrong.
pub fn load<T: DeserializeOwned>(
    defaults: &str,
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<T, SettingsError> {
    let ours = environment.into_iter().filter(|(name, _)| name.starts_with("MUARA_") && name.contains("__"));
    let variables = Environment::with_prefix(PREFIX).separator("__").prefix_separator("_").try_parsing(true);
    let mut builder = Config::builder().add_source(File::from_str(defaults, FileFormat::Toml));
    if let Some(path) = file {
        let text = std::fs::read_to_string(path).map_err(|source| SettingsError::File { path: path.to_owned(), source })?;
        builder = builder.add_source(File::from_str(&text, FileFormat::Toml));
    }
    let merged = builder.add_source(variables.source(Some(ours.collect()))).build();
    let merged: Value = merged.and_then(Config::try_deserialize).map_err(|error| SettingsError::Syntax(error.to_string()))?;
    let Value::Object(mut sections) = merged else { return Err(SettingsError::Syntax("it is not a table".into())) };
    read_secrets(&mut sections)?;
    read(Value::Object(sections))
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, SettingsError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let key = error.path().to_string();
        SettingsError::Option { key, why: nearest::explain(&error.inner().to_string()) }
    })
}

/// Puts the content of `key_file` where `key` is read.
fn read_secrets(table: &mut Map<String, Value>) -> Result<(), SettingsError> {
    let mut found = Vec::new();
    for (key, value) in table.iter_mut() {
        match value {
            Value::Object(inner) => read_secrets(inner)?,
            Value::Array(items) => {
                for item in items.iter_mut().filter_map(Value::as_object_mut) {
                    read_secrets(item)?;
                }
            }
            Value::String(path) if key.ends_with("_file") => found.push((key.clone(), PathBuf::from(path.as_str()))),
            _ => {}
        }
    }
    for (key, path) in found {
        table.remove(&key);
        if path.as_os_str().is_empty() {
            continue;
        }
        let text = std::fs::read_to_string(&path).map_err(|source| SettingsError::File { path, source })?;
        table.insert(key.trim_end_matches("_file").to_owned(), Value::String(text.trim_end_matches(['\r', '\n']).to_owned()));
    }
    Ok(())
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
        let settings: Settings = load(DEFAULTS, Some(file.path()), environment).expect("it is valid");
        assert_eq!(settings.web.listen.port(), 82);
        assert_eq!(settings.web.body, Size(7));
        assert_eq!(settings.web.patience, Duration::from_secs(30));
    }

    #[test]
    fn a_secret_is_read_from_its_file_and_shows_stars() {
        let secret = written("kata-sandi-contoh\n");
        let file = written(&format!("[web]\nkey_file = \"{}\"\n", secret.path().display()));
        let settings: Settings = load(DEFAULTS, Some(file.path()), []).expect("it is valid");
        assert_eq!(settings.web.key.as_ref().map(Secret::expose), Some("kata-sandi-contoh"));
        assert!(!format!("{settings:?}").contains("kata-sandi"));
    }

    #[test]
    fn an_unknown_key_is_refused_and_the_nearest_known_one_is_named() {
        let file = written("[web]\nlistn = \"127.0.0.1:81\"\n");
        let error = load::<Settings>(DEFAULTS, Some(file.path()), []).expect_err("it is unknown").to_string();
        assert!(error.contains("listn") && error.contains("did you mean `listen`"), "{error}");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_path() {
        let error = load::<Settings>(DEFAULTS, None, variables(&[("MUARA_WEB__LISTEN", "nowhere")])).expect_err("no address");
        assert!(error.to_string().starts_with("`web.listen`"), "{error}");
        let missing = load::<Settings>(DEFAULTS, Some(Path::new("/no/such/file")), []).expect_err("no file");
        assert!(missing.to_string().contains("/no/such/file"));
    }
}
