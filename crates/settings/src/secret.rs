//! A value that must never be seen.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, de::Visitor};

/// A token, a password, a key. `Debug` shows stars, there is no `Display`, and the memory is wiped when it is dropped.
#[derive(Clone, Default)]
pub struct Secret(SecretString);

impl Secret {
    /// Wraps one.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into().into())
    }

    /// The value, for the one line that needs it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Not given.
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // Numbers too: a token of digits in the environment is read as one, and serde would quote it in its error.
        struct Digits;
        impl Visitor<'_> for Digits {
            type Value = Secret;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_str<E>(self, value: &str) -> Result<Secret, E> {
                Ok(Secret::new(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Secret, E> {
                Ok(Secret::new(value.to_string()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Secret, E> {
                Ok(Secret::new(value.to_string()))
            }
        }
        from.deserialize_any(Digits)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_of_digits_is_read_and_never_quoted() {
        let digits: Secret = serde_json::from_str("12345").expect("digits are a text too");
        assert_eq!(digits.expose(), "12345");
        assert_eq!(format!("{digits:?}"), "***");
    }
}
