//! Defaults, file, environment; secrets from files; and errors that say which key, and never a value.

use std::{fmt, path::Path};

use config::{Config, Environment, File, FileFormat, Map, Value, ValueKind};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{SettingsError, nearest};

/// What begins every variable of ours.
const PREFIX: &str = "MUARA";
/// Between the parts of a key in a variable, as keys have single ones inside.
const SEPARATOR: &str = "__";

/// A table that is read before its type is known: an adapter's own, where everything around it is compiled once for all adapters.
/// `Debug` shows nothing of it.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Table(Value);

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Table(***)")
    }
}

impl Table {
    /// Reads it into its type; `path` is where it stood, for errors: `adapter`, or nothing for the whole.
    ///
    /// # Errors
    /// Names the option that is wrong.
    pub fn typed<T: DeserializeOwned>(self, path: &str) -> Result<T, SettingsError> {
        T::deserialize(self.0).map_err(|error| told(&error, path))
    }
}

/// Lays the texts over each other, the file over these, the environment over all, and reads secrets from their files.
pub(crate) fn merged(
    texts: &[&str],
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Table, SettingsError> {
    let mut builder = Config::builder();
    for text in texts {
        builder = builder.add_source(File::from_str(text, FileFormat::Toml));
    }
    if let Some(path) = file {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|source| SettingsError::File { key: "--config".into(), path: path.display().to_string(), source })?;
        builder = builder.add_source(File::from_str(&text, FileFormat::Toml));
    }
    let ours: Map<String, String> =
        environment.into_iter().filter(|(name, _)| name.starts_with("MUARA_") && name.contains(SEPARATOR)).collect();
    let variables = Environment::with_prefix(PREFIX).prefix_separator("_").separator(SEPARATOR).source(Some(ours));
    let mut tree = builder.add_source(variables).build().map_err(|error| told(&error, ""))?.cache;
    read_secrets(&mut tree, "")?;
    Ok(Table(tree))
}

/// Replaces every `x_file` by `x` with what the file holds, in tables and in lists of tables.
fn read_secrets(tree: &mut Value, path: &str) -> Result<(), SettingsError> {
    let table = match &mut tree.kind {
        ValueKind::Table(table) => table,
        ValueKind::Array(items) => {
            return items.iter_mut().enumerate().try_for_each(|(place, item)| read_secrets(item, &format!("{path}[{place}]")));
        }
        _ => return Ok(()),
    };
    let names: Vec<String> = table.keys().cloned().collect();
    for name in names {
        let key = join(path, &name);
        let given = table.get(&name).and_then(|value| value.clone().into_string().ok());
        if let (Some(secret), Some(file)) = (name.strip_suffix("_file"), given) {
            table.remove(&name);
            if file.is_empty() {
                continue;
            }
            let already = table.get(secret).and_then(|value| value.clone().into_string().ok()).is_some_and(|value| !value.is_empty());
            if already {
                return Err(SettingsError::Syntax(format!("give either `{}` or `{key}`, not both", join(path, secret))));
            }
            let text = std::fs::read_to_string(&file).map_err(|source| SettingsError::File { key, path: file, source })?;
            let text = text.trim_end_matches(['\r', '\n']).to_owned();
            table.insert(secret.to_owned(), Value::new(None, ValueKind::String(text)));
        } else if let Some(value) = table.get_mut(&name) {
            read_secrets(value, &key)?;
        }
    }
    Ok(())
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Says which key is wrong and how, and leaves out every value: it may be a secret in the wrong place.
fn told(error: &config::ConfigError, path: &str) -> SettingsError {
    match error {
        config::ConfigError::At { error, key, .. } => told(error, &key.as_ref().map_or(path.to_owned(), |key| join(path, key))),
        config::ConfigError::Type { expected, key, .. } => {
            let key = key.as_ref().map_or(path.to_owned(), |key| join(path, key));
            SettingsError::Syntax(format!("`{key}` must be {expected}"))
        }
        config::ConfigError::NotFound(key) => SettingsError::Syntax(format!("`{}` is missing", join(path, key))),
        config::ConfigError::FileParse { cause, .. } => SettingsError::Syntax(without_source(&cause.to_string())),
        other => said(&other.to_string(), path),
    }
}

/// The first line says where, the last what; between them the parser shows the line itself, which may hold a secret.
fn without_source(text: &str) -> String {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let place = lines.next().unwrap_or_default().to_owned();
    lines.next_back().map_or(place.clone(), |what| format!("{place}: {what}"))
}

/// Makes serde's sentence one that helps.
fn said(text: &str, path: &str) -> SettingsError {
    let quoted: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
    match (quoted.as_slice(), path) {
        ([unknown, known @ ..], _) if text.starts_with("unknown field") => SettingsError::Syntax(match nearest::of(unknown, known) {
            Some(near) => format!("there is no key `{}`; did you mean `{}`?", join(path, unknown), join(path, near)),
            None => format!("there is no key `{}`; known are {}", join(path, unknown), known.join(", ")),
        }),
        ([missing, ..], _) if text.starts_with("missing field") => SettingsError::Syntax(format!("`{}` is missing", join(path, missing))),
        (_, "") => SettingsError::Syntax(text.to_owned()),
        _ => SettingsError::Option { key: path.to_owned(), why: text.to_owned() },
    }
}
