//! One TOML per process: defaults compiled in, the administrator's file over them, `MUARA_…` of the environment over both.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::{ConfigError, Secret};

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
    /// Its password, by `password_file`.
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
    /// How the world reaches it, for the administrators' page.
    #[serde(default)]
    pub public_url: Option<String>,
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

/// What the log looks like.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSettings {
    /// Lines for people or for machines.
    pub format: LogFormat,
    /// As `RUST_LOG`: `info`, `info,adapter_sdk=debug`.
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

/// A number of bytes: `65536`, `"64 KiB"`, `"256 MiB"`, `"2 GiB"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl Size {
    /// As the machine counts in memory.
    pub fn get(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        let wrong = || serde::de::Error::custom("a size is a number of bytes or a text such as \"256 MiB\"");
        match Written::deserialize(from)? {
            Written::Number(bytes) => Ok(Self(bytes)),
            Written::Text(text) => parse_size(&text).map(Self).ok_or_else(wrong),
        }
    }
}

fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let unit: u64 = match text[digits..].trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    text[..digits].parse::<u64>().ok()?.checked_mul(unit)
}

fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let written = String::deserialize(from)?;
    let span: jiff::SignedDuration =
        written.parse().map_err(|_| serde::de::Error::custom("a duration is a text such as \"30s\" or \"5m\""))?;
    Duration::try_from(span).map_err(|_| serde::de::Error::custom("a duration is not negative"))
}

impl<C: DeserializeOwned> Settings<C> {
    /// Reads a text over the SDK's own defaults: what an adapter leaves out is as the SDK has it.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|e| ConfigError::Text(e.message().to_owned()))
    }
}
