//! Where an answer goes: below a post, or into the direct messages. Travels in `ReplyTo.thread`, because this adapter keeps no database.

use std::{fmt, str::FromStr};

/// The way back to a citizen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Thread {
    /// Below a post, for everybody to read.
    Post {
        /// Which.
        id: String,
        /// Whether its author mentioned us or quoted a post of ours: a self-serve app may answer no other.
        summoned: bool,
    },
    /// By direct message.
    Direct,
}

impl fmt::Display for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Post { id, summoned: true } => write!(f, "post/{id}"),
            Self::Post { id, summoned: false } => write!(f, "post/{id}/unmentioned"),
            Self::Direct => f.write_str("direct"),
        }
    }
}

impl FromStr for Thread {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text == "direct" {
            return Ok(Self::Direct);
        }
        let rest = text.strip_prefix("post/").ok_or(())?;
        let (id, summoned) = rest.strip_suffix("/unmentioned").map_or((rest, true), |id| (id, false));
        if is_id(id) { Ok(Self::Post { id: id.to_owned(), summoned }) } else { Err(()) }
    }
}

/// X's ids are numbers of up to 64 bits, written in digits.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// The order of ids is the order of time; digits compare by length first.
pub(crate) fn order(id: &str) -> (usize, &str) {
    let digits = id.trim_start_matches('0');
    (digits.len(), digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_read_as_it_was_written_and_nothing_else_is_one() {
        for thread in [
            Thread::Direct,
            Thread::Post { id: "1990000000000000001".into(), summoned: true },
            Thread::Post { id: "7".into(), summoned: false },
        ] {
            assert_eq!(thread.to_string().parse(), Ok(thread));
        }
        for wrong in ["", "post/", "post/12a", "post/1/2", "1", "post/123456789012345678901", "post/../1"] {
            assert_eq!(wrong.parse::<Thread>(), Err(()), "{wrong}");
        }
    }

    #[test]
    fn ids_are_ordered_as_numbers() {
        assert!(order("999") < order("1000"));
        assert!(order("1990000000000000001") < order("1990000000000000002"));
        assert_eq!(order("007"), order("7"));
    }
}
