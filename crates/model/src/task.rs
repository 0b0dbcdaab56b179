//! Tasks of bodies without accounts: the head of a neighbourhood, a village's crew, volunteers. The agency that gives one stays responsible; what the body
//! says by its link is a word, and who is responsible acts on it.

use std::fmt;

use jiff::Timestamp;

use crate::{
    AttachmentId, Language, Reply, ReplyId, ReplyKind, ReplyTo, Site, TrackingCode,
    clock::long_date,
    reply::{fill, shortened, task_in},
};

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

/// Asking a body for help through an adapter: who asks, until when, and the link. What to do is not in it, nor anything of the complaint: that
/// stands behind the link. `Debug` shows neither link nor address.
#[derive(Clone)]
pub struct Request {
    /// Its key on the bus.
    pub id: ReplyId,
    /// To whom, and how.
    pub to: ReplyTo,
    /// In which language.
    pub language: Language,
    /// What the body is called; one line.
    pub name: String,
    /// Who asks.
    pub agency: String,
    /// Until when.
    pub due_at: Timestamp,
    /// Opens the task.
    pub code: TrackingCode,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Request {
    /// Puts it into words, as [`crate::word`] does with replies to citizens. Its facts, for platforms with approved templates: `site`, `name`,
    /// `agency`, `deadline`, `link`.
    pub fn word(self, site: &Site) -> Reply {
        let link = format!("{}/tugas/{}", site.base_url.trim_end_matches('/'), self.code.as_str());
        let params = [
            ("site", site.name.clone()),
            ("name", line(&self.name)),
            ("agency", self.agency),
            ("deadline", long_date(self.due_at, site.zone, self.language)),
            ("link", link),
        ];
        let params = params.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let words = task_in(self.language);
        Reply {
            id: self.id,
            to: self.to,
            kind: ReplyKind::Entrusted,
            language: self.language,
            text: fill(&words.text, &params),
            short: shortened(&words.short, &params),
            params,
            menu: None,
            files: Vec::new(),
        }
    }
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
    use crate::{Audience, clock::Zone};

    #[test]
    fn a_request_says_who_asks_until_when_and_where_and_nothing_else() {
        for language in [Language::Id, Language::En] {
            let to = ReplyTo {
                adapter: "chat".parse().expect("a name"),
                account: "1".into(),
                address: "tel:+6281200000001".parse().expect("an address"),
                thread: None,
                audience: Audience::Private,
                open_until: None,
            };
            let code = TrackingCode::random();
            let request = Request {
                id: ReplyId::new(Timestamp::UNIX_EPOCH),
                to,
                language,
                name: "RT 03/RW 05\nMelati".into(),
                agency: "Dinas Bina Marga".into(),
                due_at: Timestamp::constant(1_795_143_600, 0),
                code: code.clone(),
            };
            assert!(!format!("{request:?}").contains(code.as_str()) && !format!("{request:?}").contains("0000001"));
            let site = Site { name: "Kota Contoh".into(), base_url: "https://lapor.example.id/".into(), zone: Zone::default() };
            let reply = request.word(&site);
            let link = format!("https://lapor.example.id/tugas/{}", code.as_str());
            let facts: Vec<&str> = reply.params.keys().map(String::as_str).collect();
            assert_eq!((reply.kind, facts), (ReplyKind::Entrusted, vec!["agency", "deadline", "link", "name", "site"]));
            for fact in ["name", "agency", "deadline", "link"] {
                assert!(reply.text.contains(&reply.params[fact]), "{fact}: {}", reply.text);
            }
            assert_eq!(reply.params["link"], link);
            assert!(
                reply.short.len() > 1 && reply.short.iter().all(|form| form.contains(&link) && !form.contains('{')),
                "{:?}",
                reply.short
            );
            let lengths: Vec<usize> = reply.short.iter().map(String::len).collect();
            assert!(
                lengths.is_sorted_by(|a, b| a > b) && lengths.last().is_some_and(|last| *last < 160),
                "one text message holds it: {lengths:?}"
            );
        }
    }

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
