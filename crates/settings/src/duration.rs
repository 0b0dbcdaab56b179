//! Durations as people write them.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error};

/// Reads `"30s"`, `"5m"`, `"1h 30m"`; use it with `#[serde(deserialize_with = "settings::duration")]`.
///
/// # Errors
/// When the text is no duration, or a negative one.
pub fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let written = String::deserialize(from)?;
    let span: jiff::SignedDuration = written.parse().map_err(|_| D::Error::custom("a duration is a text such as \"30s\" or \"5m\""))?;
    Duration::try_from(span).map_err(|_| D::Error::custom("a duration is not negative"))
}
