//! What a reply must know of the message it answers: which one, and when. The core keeps it for us, unread, in [`ReplyTo::thread`].
//!
//! [`ReplyTo::thread`]: adapter_sdk::ReplyTo

use std::{fmt, str::FromStr};

use adapter_sdk::Timestamp;

/// The citizen's last message: quoted by the reply, and the beginning of the 24 hours in which free text is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Thread {
    /// Its id on the platform.
    pub(crate) message: String,
    /// When it was sent, in whole seconds.
    pub(crate) at: Timestamp,
}

impl fmt::Display for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.at.as_second(), self.message)
    }
}

impl FromStr for Thread {
    type Err = ();
    fn from_str(s: &str) -> Result<Self, ()> {
        let (seconds, message) = s.split_once('/').ok_or(())?;
        let at = seconds.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok()).ok_or(())?;
        Ok(Self { message: message.to_owned(), at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_survives_the_core() {
        let thread = Thread { message: "wamid.a/b==".into(), at: Timestamp::from_second(1_700_000_000).expect("in range") };
        assert_eq!(thread.to_string().parse(), Ok(thread));
        assert!("wamid.x".parse::<Thread>().is_err());
    }
}
