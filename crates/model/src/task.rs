//! Tasks of bodies without accounts: the head of a neighbourhood, a village's crew, volunteers. The agency that gives one stays responsible; what the body
//! says by its link is a word, and who is responsible acts on it.

use crate::AttachmentId;

/// What kind of body it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BodyKind {
    /// A neighbourhood (rukun tetangga).
    Rt,
    /// A group of neighbourhoods (rukun warga).
    Rw,
    /// A village or kelurahan, or an office of it.
    Village,
    /// A body of citizens: a youth group, a women's group, an empowerment board.
    Community,
    /// Volunteers.
    Volunteer,
}

impl BodyKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Rt, Self::Rw, Self::Village, Self::Community, Self::Volunteer];

    /// The word in tables and forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rt => "rt",
            Self::Rw => "rw",
            Self::Village => "village",
            Self::Community => "community",
            Self::Volunteer => "volunteer",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// What a body says of its task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Says {
    /// They work on it.
    Working,
    /// They are done.
    Done,
    /// It is not theirs.
    NotOurs,
}

impl Says {
    /// Everything there is to say.
    pub const ALL: [Self; 3] = [Self::Working, Self::Done, Self::NotOurs];

    /// The word in tables and forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Done => "done",
            Self::NotOurs => "not_ours",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|says| says.as_str() == word)
    }

    /// Whether words have to go with it.
    pub fn needs_words(self) -> bool {
        self != Self::Working
    }
}

/// That a body has a task, as a step of the history says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entrusted {
    /// What the body is called; one line.
    pub name: String,
    /// What it shall do.
    pub task: String,
}

/// What a body said, as a step of the history says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// What the body is called; one line.
    pub name: String,
    /// What it said.
    pub says: Says,
    /// In its words; may be empty where they only began.
    pub words: String,
    /// A photo of it. Not in the text: a step keeps it by itself.
    pub photo: Option<AttachmentId>,
}

/// One line: what a name may be.
fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Entrusted {
    /// As it stands in a complaint's history: the name on the first line, then the task.
    pub fn to_text(&self) -> String {
        format!("{}\n{}", line(&self.name), self.task.trim())
    }

    /// Reads it; `None`: it is no such text.
    pub fn from_text(text: &str) -> Option<Self> {
        let (name, task) = text.split_once('\n')?;
        Some(Self { name: name.to_owned(), task: task.to_owned() })
    }
}

impl Reported {
    /// As it stands in a complaint's history: what was said, the name, then the words.
    pub fn to_text(&self) -> String {
        format!("{} {}\n{}", self.says.as_str(), line(&self.name), self.words.trim())
    }

    /// Reads it; `None`: it is no such text.
    pub fn from_text(text: &str) -> Option<Self> {
        let (first, words) = text.split_once('\n')?;
        let (says, name) = first.split_once(' ')?;
        Some(Self { name: name.to_owned(), says: Says::from_word(says)?, words: words.to_owned(), photo: None })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_step_survives_its_text(says in 0_usize..3, name in "[a-zA-Z0-9/]{1,9}( [a-zA-Z0-9]{1,9}){0,3}", words in "[a-z\n ]{0,60}") {
            let reported = Reported { name: name.clone(), says: Says::ALL[says], words: words.trim().to_owned(), photo: None };
            prop_assert_eq!(Reported::from_text(&reported.to_text()), Some(reported));
            let entrusted = Entrusted { name, task: words.trim().to_owned() };
            prop_assert_eq!(Entrusted::from_text(&entrusted.to_text()), Some(entrusted));
        }

        #[test]
        fn no_text_of_a_step_breaks_the_reader(text in "(.|\n){0,60}") {
            let _ = (Reported::from_text(&text), Entrusted::from_text(&text));
        }
    }
}
