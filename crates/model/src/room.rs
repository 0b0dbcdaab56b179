//! How much a platform takes at once, as its adapter announces it: for who writes an answer and sees while typing what becomes of it.

use serde::{Deserialize, Serialize};

use crate::Audience;

/// How a platform counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counts {
    /// Characters (code points).
    Characters,
    /// UTF-16 units: an emoji is two.
    Units,
    /// Parts of text messages: 160 septets alone and 153 of several, or 70 and 67 UTF-16 units where a character is not in the alphabet.
    Parts,
    /// Weights: most scripts one a character, others two, a link 23.
    Weight,
    /// A way of a later release.
    #[serde(other)]
    Unknown,
}

impl Counts {
    /// The word in pages and their scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Characters => "characters",
            Self::Units => "units",
            Self::Parts => "parts",
            Self::Weight => "weight",
            Self::Unknown => "",
        }
    }
}

/// What becomes of more than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Beyond {
    /// It goes in several messages.
    Several,
    /// A shorter form goes, in the end only with the link to where it can be read.
    Link,
    /// Something of a later release.
    #[serde(other)]
    Unknown,
}

impl Beyond {
    /// The word in pages and their scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Several => "several",
            Self::Link => "link",
            Self::Unknown => "",
        }
    }
}

/// How much goes into one message, of those that this audience reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Who reads it there; `None`: whoever.
    #[serde(default)]
    pub audience: Option<Audience>,
    /// How it is counted.
    pub counts: Counts,
    /// How much; of [`Counts::Parts`], how many.
    pub most: u32,
    /// What becomes of more.
    pub beyond: Beyond,
}

impl Room {
    /// The one that counts for this audience, of those that an adapter announced. One that is not understood is none.
    pub fn of(rooms: &[Self], audience: Audience) -> Option<Self> {
        let known = |room: &&Self| room.counts != Counts::Unknown && room.beyond != Beyond::Unknown && room.most > 0;
        rooms.iter().filter(known).find(|room| room.audience.is_none_or(|only| only == audience)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_audience_has_its_own_and_what_is_not_understood_is_none() {
        let later = r#"{"counts":"stones","most":3,"beyond":"flies"}"#;
        let later: Room = serde_json::from_str(later).expect("a later release is read");
        assert_eq!(Room::of(&[later], Audience::Private), None);
        let room = |audience, counts, most| Room { audience, counts, most, beyond: Beyond::Several };
        let two = [room(Some(Audience::Public), Counts::Weight, 280), room(Some(Audience::Private), Counts::Characters, 10_000)];
        assert_eq!(Room::of(&two, Audience::Public), Some(two[0]));
        assert_eq!(Room::of(&two, Audience::Private), Some(two[1]));
        let text = serde_json::to_string(&two[0]).expect("written");
        assert_eq!(serde_json::from_str::<Room>(&text).expect("read"), two[0]);
    }
}
