//! What is held back because of how much somebody sends or how it reads, and the limits that say when. Nothing is dropped: what is held has its
//! number, its history, a clock of its own and an owner, the desk of triage.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    AgencyId, Visibility,
    clock::{Amount, Unit},
};

/// Limits count over the hour before a message.
pub const COUNTED: SignedDuration = SignedDuration::from_hours(1);
/// How many people send the same words is counted over a day.
pub const SAME_WORDS: SignedDuration = SignedDuration::from_hours(24);
/// How full a channel is, is counted over ten minutes.
pub const RUSH: SignedDuration = SignedDuration::from_mins(10);
/// What one sender writes within a breath beyond so many messages is kept without being read for category and place again.
pub const READ_CLOSELY: usize = 30;

/// How much is let through. Rows with a day from which they hold; the newest that has begun counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// Complaints that one sender opens in an hour; what would open another is kept together and held.
    pub opens: u16,
    /// Automatic answers that one sender gets in an hour; the last one says that it is the last.
    pub answers: u16,
    /// Points from which a complaint is held.
    pub points: u16,
    /// Messages of one channel in ten minutes beyond which that speaks against a message too.
    pub rush: u32,
    /// Working days until somebody must have looked at what is held.
    pub days: u16,
}

impl Default for Guard {
    /// What a city starts with: decisions/0051 has the reasons.
    fn default() -> Self {
        Self { opens: 10, answers: 20, points: 60, rush: 1000, days: 1 }
    }
}

impl Guard {
    /// Until when somebody must look at what is held.
    pub fn amount(&self) -> Amount {
        Amount { number: self.days, unit: Unit::WorkingDays }
    }
}

/// Something that speaks for or against a message being a complaint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Its sender opened as many complaints in an hour as one may.
    Flood,
    /// Addresses of pages.
    Links,
    /// Words of advertisements: gambling, loans, potions, followers.
    Advert,
    /// An invitation to register, click or call, beside words of advertisements or an address.
    Invites,
    /// Letters that are no words.
    Gibberish,
    /// The same words came from several others within a day.
    SameWords,
    /// Nothing in it is of a complaint: no category, no place, no file.
    NoMatter,
    /// Staff found earlier ones of its sender to be no complaints.
    SpamBefore,
    /// Its channel brings far more than it usually may.
    Rush,
    /// It speaks of a category, or one was chosen. Speaks for it.
    Matter,
    /// It says where. Speaks for it.
    Place,
    /// A photo or a file came with it. Speaks for it.
    File,
    /// Agencies settled earlier ones of its sender. Speaks for it.
    SettledBefore,
}

impl Signal {
    /// Every signal.
    pub const ALL: [Self; 13] = [
        Self::Flood,
        Self::Links,
        Self::Advert,
        Self::Invites,
        Self::Gibberish,
        Self::SameWords,
        Self::NoMatter,
        Self::SpamBefore,
        Self::Rush,
        Self::Matter,
        Self::Place,
        Self::File,
        Self::SettledBefore,
    ];

    /// The word in tables and word files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flood => "flood",
            Self::Links => "links",
            Self::Advert => "advert",
            Self::Invites => "invites",
            Self::Gibberish => "gibberish",
            Self::SameWords => "same_words",
            Self::NoMatter => "no_matter",
            Self::SpamBefore => "spam_before",
            Self::Rush => "rush",
            Self::Matter => "matter",
            Self::Place => "place",
            Self::File => "file",
            Self::SettledBefore => "settled_before",
        }
    }
}

/// One signal of one message, and how much it counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sign {
    /// Which.
    pub signal: Signal,
    /// Points; below zero it speaks for the message.
    pub points: i16,
    /// The words that were found, or how many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<String>,
}

/// The sum of all signs, never below zero.
pub fn points(signs: &[Sign]) -> u16 {
    let sum: i32 = signs.iter().map(|sign| i32::from(sign.points)).sum();
    u16::try_from(sum.max(0)).unwrap_or(u16::MAX)
}

/// What a person said of a complaint that was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is a complaint, and goes its way.
    Real,
    /// It is none, and is closed.
    Spam,
    /// Its citizen says that it is one all the same, and a person chooses the agency.
    Contested,
}

/// Why a complaint was held, until when somebody must look, and what they said. Kept with the complaint's other reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Until when.
    pub due: Timestamp,
    /// The sum of the signs.
    pub points: u16,
    /// What spoke for and against it.
    pub signs: Vec<Sign>,
    /// What its sender writes beyond the limit is added to it, without an answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flood: bool,
    /// The agency that triage was sure of when it came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agency: Option<AgencyId>,
    /// What was said; `None`: it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

impl Held {
    /// Whether nobody has looked yet.
    pub fn waits(&self) -> bool {
        self.verdict.is_none()
    }
}

/// Whether something of this grade that speaks of danger or of a breach of duty may wait: a whistle-blower and an emergency never do.
pub fn may_wait(visibility: Visibility, danger: bool, breach: bool) -> bool {
    !visibility.is_secret() && !danger && !breach
}

/// What is said to who is held or answered no more, in the place of what the reply's kind says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guarded {
    /// A person looks at it first.
    Held,
    /// They wrote so much that it is kept together, and not answered one by one.
    Flood,
    /// The last automatic answer of this hour.
    Last,
    /// It was closed, and why.
    Spam,
}

impl Guarded {
    /// Everything that is said.
    pub const ALL: [Self; 4] = [Self::Held, Self::Flood, Self::Last, Self::Spam];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_speaks_for_a_message_takes_points_away_and_never_below_zero() {
        let sign = |signal, points| Sign { signal, points, found: Vec::new() };
        assert_eq!(points(&[sign(Signal::Advert, 40), sign(Signal::Links, 25), sign(Signal::Place, -30)]), 35);
        assert_eq!(points(&[sign(Signal::Advert, 10), sign(Signal::Place, -30)]), 0);
    }

    #[test]
    fn a_whistle_blower_and_an_emergency_never_wait() {
        assert!(may_wait(Visibility::Public, false, false) && may_wait(Visibility::Hidden, false, false));
        for grade in [Visibility::Secret, Visibility::Confidential, Visibility::Sealed] {
            assert!(!may_wait(grade, false, false), "{grade:?}");
        }
        assert!(!may_wait(Visibility::Public, true, false) && !may_wait(Visibility::Public, false, true));
    }
}
