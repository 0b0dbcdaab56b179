//! Defaults, file, environment; secrets from files; and errors that say which key, and never a value.

use std::path::Path;

use config::{Config, Environment, File, FileFormat, Map, Value, ValueKind};

use super::Settings;
use crate::ConfigError;

/// Beneath every adapter's own defaults.
pub(crate) const BASE: &str = include_str!("../../config.default.toml");
/// What the environment may set. Other variables of ours are other programs'.
const SECTIONS: [&str; 6] = ["bus", "door", "spool", "http", "log", "adapter"];
const PREFIX: &str = "MUARA_";
/// Between the parts of a key, as keys have single ones inside.
const SEPARATOR: &str = "__";

/// Lays the texts over the SDK's defaults, the file over these, the environment over all, and reads secrets from their files.
pub(crate) fn merged(texts: &[&str], file: Option<&Path>, environment: &[(String, String)]) -> Result<Value, ConfigError> {
    let mut builder = Config::builder().add_source(File::from_str(BASE, FileFormat::Toml));
    for text in texts {
        builder = builder.add_source(File::from_str(text, FileFormat::Toml));
    }
    if let Some(path) = file {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|source| ConfigError::File { key: "--config".into(), path: path.display().to_string(), source })?;
        builder = builder.add_source(File::from_str(&text, FileFormat::Toml));
    }
    let ours: Map<String, String> = environment.iter().filter(|(name, _)| is_ours(name)).cloned().collect();
    let variables = Environment::with_prefix(PREFIX.trim_end_matches('_')).prefix_separator("_").separator(SEPARATOR).source(Some(ours));
    let mut tree = builder.add_source(variables).build().map_err(|error| told(&error, ""))?.cache;
    secrets(&mut tree, "")?;
    Ok(tree)
}

fn is_ours(variable: &str) -> bool {
    let section = variable.strip_prefix(PREFIX).and_then(|rest| rest.split_once(SEPARATOR)).map(|(section, _)| section);
    section.is_some_and(|section| SECTIONS.contains(&section.to_ascii_lowercase().as_str()))
}

/// Reads the SDK's part; the adapter's table stays as it is.
pub(crate) fn read(tree: Value) -> Result<Settings<Value>, ConfigError> {
    serde::Deserialize::deserialize(tree).map_err(|error| told(&error, ""))
}

/// Replaces every `x_file` by `x` with what the file holds, in tables and in lists of tables.
fn secrets(tree: &mut Value, path: &str) -> Result<(), ConfigError> {
    let table = match &mut tree.kind {
        ValueKind::Table(table) => table,
        ValueKind::Array(items) => {
            return items.iter_mut().enumerate().try_for_each(|(place, item)| secrets(item, &format!("{path}[{place}]")));
        }
        _ => return Ok(()),
    };
    let names: Vec<String> = table.keys().cloned().collect();
    for name in names {
        let key = join(path, &name);
        let given = table.get(&name).and_then(|value| value.clone().into_string().ok());
        if let (Some(secret), Some(file)) = (name.strip_suffix("_file"), given) {
            let already = table.get(secret).and_then(|value| value.clone().into_string().ok()).is_some_and(|value| !value.is_empty());
            if already {
                return Err(ConfigError::Text(format!("give either `{}` or `{key}`, not both", join(path, secret))));
            }
            let text = std::fs::read_to_string(&file).map_err(|source| ConfigError::File { key, path: file, source })?;
            table.insert(secret.to_owned(), Value::new(None, ValueKind::String(text.trim().to_owned())));
            table.remove(&name);
        } else if let Some(value) = table.get_mut(&name) {
            secrets(value, &key)?;
        }
    }
    Ok(())
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Says which key is wrong and how, and leaves out every value: it may be a secret in the wrong place.
pub(crate) fn told(error: &config::ConfigError, path: &str) -> ConfigError {
    match error {
        config::ConfigError::At { error, key, .. } => told(error, &key.as_ref().map_or(path.to_owned(), |key| join(path, key))),
        config::ConfigError::Type { expected, key, .. } => {
            ConfigError::Value { key: key.as_ref().map_or(path.to_owned(), |key| join(path, key)), why: format!("must be {expected}") }
        }
        config::ConfigError::NotFound(key) => ConfigError::Value { key: join(path, key), why: "is missing".to_owned() },
        config::ConfigError::FileParse { cause, .. } => ConfigError::Text(without_source(&cause.to_string())),
        other => ConfigError::Text(said(&other.to_string(), path)),
    }
}

/// The first line says where, the last what; between them the parser shows the line itself, which may hold a secret.
fn without_source(text: &str) -> String {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let place = lines.next().unwrap_or_default().to_owned();
    lines.next_back().map_or(place.clone(), |what| format!("{place}: {what}"))
}

fn said(text: &str, path: &str) -> String {
    let quoted: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
    if text.starts_with("unknown field")
        && let [unknown, known @ ..] = quoted.as_slice()
    {
        return match nearest(unknown, known) {
            Some(near) => format!("there is no key `{}`; did you mean `{}`?", join(path, unknown), join(path, near)),
            None => format!("there is no key `{}`; known are {}", join(path, unknown), known.join(", ")),
        };
    }
    match (text.starts_with("missing field"), quoted.first()) {
        (true, Some(missing)) => format!("`{}` is missing", join(path, missing)),
        _ => format!("`{path}`: {text}"),
    }
}

/// The known key that a typing mistake away from this one, or that one of both begins with.
fn nearest<'a>(unknown: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = |name: &&&str| distance(unknown, name) <= 2.max(unknown.len() / 3) || unknown.starts_with(**name);
    known.iter().filter(near).min_by_key(|name| distance(unknown, name)).copied()
}

/// Levenshtein's.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (above.min(row[j]) + 1).min(diagonal + usize::from(from != *to));
            diagonal = above;
        }
    }
    row[b.len()]
}
