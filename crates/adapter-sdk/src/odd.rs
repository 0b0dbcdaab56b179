//! Platforms' JSON, read forgivingly: a value of a wrong type is a missing value, so that one odd field takes nothing else with it. What a
//! missing one means is decided where it is read.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

/// A text, or a number that stands for one: both are seen for ids, times and coordinates.
#[derive(Clone, PartialEq, Eq)]
pub struct Words(pub String);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Value::deserialize(from)? {
            Value::String(text) => Ok(Self(text)),
            Value::Number(number) => Ok(Self(number.to_string())),
            _ => Err(serde::de::Error::custom("not a text")),
        }
    }
}

/// A value that may be missing or of another shape.
pub struct Odd<T>(pub Option<T>);

impl<T> Default for Odd<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Odd<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(read(&Value::deserialize(from)?)))
    }
}

impl Odd<Words> {
    /// The text, if there is one and it is not blank.
    pub fn text(&self) -> Option<&str> {
        self.0.as_ref().map(|words| words.0.trim()).filter(|text| !text.is_empty())
    }

    /// The number that the text is.
    pub fn number<N: std::str::FromStr>(&self) -> Option<N> {
        self.text()?.parse().ok()
    }
}

/// The value, if it is of that shape.
pub fn read<T: DeserializeOwned>(value: &Value) -> Option<T> {
    T::deserialize(value).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_of_another_shape_is_missing_and_takes_nothing_with_it() {
        let all: Vec<Odd<Words>> = serde_json::from_value(json!(["7", 7, [7], null, " ", { "a": 7 }])).expect("a list");
        let numbers: Vec<Option<u8>> = all.iter().map(Odd::number).collect();
        assert_eq!(numbers, [Some(7), Some(7), None, None, None, None]);
    }
}
