//! What the log looks like.

use serde::Deserialize;
use tracing_subscriber::{EnvFilter, fmt};

use crate::SettingsError;

/// `[log]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSettings {
    /// Lines for people or for machines.
    pub format: LogFormat,
    /// What to say: `info`, `info,intake=debug`.
    pub level: String,
}

/// Lines for people or for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One readable line each.
    Text,
    /// One JSON object each.
    Json,
}

/// Begins to log to standard output, for the whole process. A second call changes nothing.
///
/// # Errors
/// When `level` is not a filter.
pub fn start_log(settings: &LogSettings) -> Result<(), SettingsError> {
    // At the level debug these libraries write whole mails, with addresses and words, and what a passkey and its challenge are: what comes last
    // holds, whatever is asked for.
    let level = format!("{},lettre=warn,webauthn_rs=warn,webauthn_rs_core=warn", settings.level);
    let filter = EnvFilter::try_new(level).map_err(|error| SettingsError::Option { key: "log.level".into(), why: error.to_string() })?;
    let lines = fmt().with_env_filter(filter).with_target(true);
    // An error says that a subscriber is set already: it stays.
    let _ = match settings.format {
        LogFormat::Text => lines.compact().with_ansi(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    Ok(())
}
