//! What an agency does with every complaint of an incident at once.

use crate::Action;

/// What an agency does for every complaint of an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Takes them.
    Claim,
    /// Answers every citizen.
    Answer(String),
    /// Says that its part is done.
    Resolve(String),
    /// Leaves a word for colleagues.
    Note(String),
    /// Opens what is done again, with the reason that each citizen reads.
    Reopen(String),
}

impl Act {
    /// The word in tables and addresses.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Answer(_) => "answer",
            Self::Resolve(_) => "resolve",
            Self::Note(_) => "note",
            Self::Reopen(_) => "reopen",
        }
    }

    /// Its words.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Claim => None,
            Self::Answer(text) | Self::Resolve(text) | Self::Note(text) | Self::Reopen(text) => Some(text),
        }
    }

    /// Reads word and words. `None`: there is no such act, or it lacks its words.
    pub fn from_word(word: &str, text: Option<String>) -> Option<Self> {
        let text = text.filter(|text| !text.trim().is_empty());
        match word {
            "claim" => Some(Self::Claim),
            "answer" => text.map(Self::Answer),
            "resolve" => text.map(Self::Resolve),
            "note" => text.map(Self::Note),
            "reopen" => text.map(Self::Reopen),
            _ => None,
        }
    }

    /// The same for one complaint.
    pub fn for_one(&self) -> Action {
        match self {
            Self::Claim => Action::Claim,
            Self::Answer(text) => Action::Answer { text: text.clone() },
            Self::Resolve(text) => Action::Resolve { text: text.clone(), photo: None },
            Self::Note(text) => Action::Note { text: text.clone() },
            Self::Reopen(text) => Action::Reopen { reason: text.clone() },
        }
    }
}
