//! Where a message stands: what a reply must know of the message it answers. The core keeps it for us, unread, in [`ReplyTo::thread`], and as the
//! id of what we sent.
//!
//! [`ReplyTo::thread`]: adapter_sdk::ReplyTo

use std::{fmt, str::FromStr};

/// A chat, and the message's number in it: 0 or none names no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) chat: i64,
    pub(crate) message: Option<i64>,
}

impl Place {
    /// The message by that name, for keys; `None` where the number names none.
    pub(crate) fn named(self) -> Option<String> {
        self.number().map(|number| format!("{}/{number}", self.chat))
    }

    /// The number, where it names a message.
    pub(crate) fn number(self) -> Option<i64> {
        self.message.filter(|number| *number > 0)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.chat, self.message.unwrap_or_default())
    }
}

impl FromStr for Place {
    type Err = ();
    fn from_str(s: &str) -> Result<Self, ()> {
        let (chat, message) = s.split_once('/').ok_or(())?;
        Ok(Self { chat: chat.parse().map_err(|_| ())?, message: Some(message.parse().map_err(|_| ())?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_the_core_and_zero_names_no_message() {
        let place = Place { chat: 4_503_599_627_370_495, message: Some(17) };
        assert_eq!(place.to_string().parse(), Ok(place));
        assert_eq!(place.named().as_deref(), Some("4503599627370495/17"));
        let scheduled = Place { chat: 1, message: Some(0) };
        assert_eq!((scheduled.to_string().as_str(), scheduled.named()), ("1/0", None));
        assert!("17".parse::<Place>().is_err());
    }
}
