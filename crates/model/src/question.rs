//! What only the citizen knows, asked once and theirs to skip: where it is, what it is about. The complaint never waits for an answer: it has
//! its number and its owner, or its place in triage, before anything is asked.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    About, Action, Actor, Audience, Complaint, Decision, Directory, Earlier, Language, MessageId, NotAllowed, Point, Reference, ReplyDraft,
    ReplyId, ReplyKind, ReplyTo, Triaged, UpdateKind, decide, same,
};

/// What can be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// Where it is.
    Place,
    /// What it is about.
    Category,
    /// Whether it is the same as an earlier one: see [`crate::same`].
    Same,
}

impl Question {
    /// Every question, the most useful first.
    pub const ALL: [Self; 3] = [Self::Place, Self::Category, Self::Same];
}

/// What a citizen was asked about one complaint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Questions {
    /// The one that is open, and since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<(Question, Timestamp)>,
    /// All that were asked: none is asked twice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<Question>,
    /// The citizen would rather not be asked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skipped: bool,
    /// The earlier complaint that it may be the same as, and what the citizen said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same: Option<Earlier>,
}

/// How long what a citizen says may be the answer to a question of ours.
const OPEN_FOR: SignedDuration = SignedDuration::from_hours(24);

impl Questions {
    /// The question that this moment's message may answer.
    pub fn open_at(&self, at: Timestamp) -> Option<Question> {
        self.open.filter(|(_, since)| at.duration_since(*since) <= OPEN_FOR).map(|(question, _)| question)
    }
}

/// A question as it goes with a reply, before it is put into words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asks {
    /// What is asked.
    pub question: Question,
    /// What can be chosen, in the citizen's language.
    #[serde(default)]
    pub choices: Vec<Choice>,
    /// The earlier complaint that is asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<About>,
}

/// One thing that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What the platform tells us when it is tapped: [`Choice::CATEGORY`] and a code, [`Choice::SAME`], [`Choice::OTHER`], or [`Choice::SKIP`].
    /// At most 200 bytes.
    pub id: String,
    /// What the citizen reads.
    pub title: String,
}

impl Choice {
    /// Begins the id of a choice that is a category.
    pub const CATEGORY: &str = "category:";
    /// The id of the choice to choose nothing.
    pub const SKIP: &str = "skip";
    /// The id of: yes, it is the same.
    pub const SAME: &str = "same:yes";
    /// The id of: no, it is another one.
    pub const OTHER: &str = "same:no";
}

/// What a platform can offer to tap, whole: question and answers.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Menu {
    /// The citizen can share a place.
    Location {
        /// The reply with the question.
        body: String,
    },
    /// The citizen can choose one.
    Choices {
        /// The reply with the question.
        body: String,
        /// What opens the list, where it must be opened.
        button: String,
        /// Never empty.
        choices: Vec<Choice>,
    },
}

impl std::fmt::Debug for Menu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Location { .. } => f.write_str("Location"),
            Self::Choices { choices, .. } => write!(f, "Choices({})", choices.len()),
        }
    }
}

/// How a message answers a question of ours.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The citizen would rather not say.
    Skip,
    /// What it is about: a code of the directory.
    Category(String),
    /// Where it is.
    Place {
        /// A point on the map.
        location: Option<Point>,
        /// An address, a landmark.
        place: Option<String>,
    },
    /// Whether it is the same as the earlier one.
    Same(bool),
}

/// What people write when they would rather not say.
const SKIPS: [&str; 12] =
    [Choice::SKIP, "lewati", "lewat", "skip saja", "lewati saja", "tidak", "tidak tahu", "ga tau", "gak tau", "no", "0", "-"];
/// A longer text is a message of its own, not an answer.
const LONGEST_ANSWER: usize = 200;
/// More than this nobody reads; with the choice to skip it is as much as the narrowest platform shows.
const MOST_CHOICES: usize = 9;
/// Words that stand where somebody says where something is.
const PLACE_WORDS: [&str; 58] = [
    "jl",
    "jln",
    "jalan",
    "gg",
    "gang",
    "rt",
    "rw",
    "kel",
    "kelurahan",
    "kec",
    "kecamatan",
    "desa",
    "dusun",
    "kampung",
    "kp",
    "komplek",
    "kompleks",
    "perum",
    "perumahan",
    "blok",
    "nomor",
    "no",
    "km",
    "depan",
    "dpn",
    "belakang",
    "blkg",
    "samping",
    "sebelah",
    "seberang",
    "dekat",
    "dkt",
    "deket",
    "antara",
    "pojok",
    "ujung",
    "pertigaan",
    "perempatan",
    "simpang",
    "bundaran",
    "lampu",
    "pasar",
    "sekolah",
    "sd",
    "sdn",
    "smp",
    "sma",
    "masjid",
    "mushola",
    "gereja",
    "kantor",
    "toko",
    "warung",
    "terminal",
    "stasiun",
    "halte",
    "jembatan",
    "taman",
];

/// Which answer to this question a message is; `None`: none, it is a message like any other. `about_something`: its own words speak for a
/// category, so that it is rather another matter.
pub fn answer(
    question: Question,
    text: &str,
    location: Option<Point>,
    place: Option<&str>,
    category: Option<&str>,
    about_something: bool,
    directory: &Directory,
) -> Option<Answer> {
    if question == Question::Same {
        return same::answer(text, about_something);
    }
    let words = text.trim().trim_end_matches(['.', '!']).to_lowercase();
    if SKIPS.contains(&words.as_str()) {
        return Some(Answer::Skip);
    }
    match question {
        Question::Place => {
            let said = (!about_something && looks_like_a_place(&words)).then(|| text.trim().to_owned());
            let place = place.map(str::to_owned).or(said);
            (location.is_some() || place.is_some()).then_some(Answer::Place { location, place })
        }
        Question::Category => {
            let by_number = || {
                let number = words.parse::<usize>().ok()?.checked_sub(1)?;
                directory.menu.iter().take(MOST_CHOICES).nth(number).cloned()
            };
            let by_name = || {
                let named = |code: &&String| {
                    directory.categories.get(*code).is_some_and(|c| [&c.name_id, &c.name_en].iter().any(|n| n.to_lowercase() == words))
                };
                directory.menu.iter().find(named).cloned()
            };
            let chosen = category.filter(|code| directory.categories.contains_key(*code)).map(str::to_owned);
            chosen.or_else(by_number).or_else(by_name).map(Answer::Category)
        }
        Question::Same => None,
    }
}

/// Who names a complaint or asks something back says nothing of where it is: "laporan saya nomor … bagaimana?".
fn looks_like_a_place(words: &str) -> bool {
    if words.ends_with('?') || !Reference::find_in(words).is_empty() {
        return false;
    }
    let mut parts = words.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    let stem = |part: &str| part.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
    words.chars().count() <= LONGEST_ANSWER && parts.any(|part| PLACE_WORDS.contains(&stem(part).as_str()))
}

impl Complaint {
    /// What to ask next: what is missing, was not asked, and can be answered. At most one thing.
    fn missing(&self, directory: &Directory) -> Option<Question> {
        let reachable = self.reply_to.as_ref().is_some_and(|to| to.audience == Audience::Private);
        if !reachable || self.questions.skipped || self.questions.open.is_some() {
            return None;
        }
        let somewhere = self.category.as_ref().is_none_or(|code| !directory.placeless.contains(code));
        let nowhere = self.area.is_none() && self.location.is_none() && self.place.is_none();
        let untold = self.category.is_none() && self.dispatches.is_empty() && !directory.menu.is_empty();
        let is_missing = |question: &Question| match question {
            Question::Place => somewhere && nowhere,
            Question::Category => untold,
            // Asked once the others are not: `same::ask_same`.
            Question::Same => false,
        };
        Question::ALL
            .into_iter()
            .filter(|question| directory.asks.contains(question) && !self.questions.asked.contains(question))
            .find(is_missing)
    }

    fn open_question(&mut self, question: Question, directory: &Directory, now: Timestamp) -> Asks {
        self.questions.open = Some((question, now));
        self.questions.asked.push(question);
        let choices = if question == Question::Category { choices(directory, self.language) } else { Vec::new() };
        Asks { question, choices, about: None }
    }
}

fn choices(directory: &Directory, language: Language) -> Vec<Choice> {
    let categories = directory.menu.iter().take(MOST_CHOICES).filter_map(|code| directory.categories.get(code));
    let choice = |category: &crate::Category| Choice {
        id: format!("{}{}", Choice::CATEGORY, category.code),
        title: if language == Language::Id { category.name_id.clone() } else { category.name_en.clone() },
    };
    categories.map(choice).collect()
}

/// Asks with the acknowledgement of a new complaint, if something is missing. Without an acknowledgement nothing is asked.
pub fn ask(decision: &mut Decision, directory: &Directory, now: Timestamp) {
    let Some(question) = decision.complaint.missing(directory) else { return };
    let Some(reply) = decision.replies.iter_mut().find(|reply| reply.kind.acknowledges()) else { return };
    reply.facts.asks = Some(decision.complaint.open_question(question, directory, now));
}

/// The message with an answer, as it was recorded.
#[derive(Debug, Clone)]
pub struct Told {
    /// The recorded message.
    pub message: MessageId,
    /// Its words.
    pub text: String,
    /// Where to answer from now on.
    pub reply_to: Option<ReplyTo>,
    /// What triage says of the complaint with the answer.
    pub triaged: Triaged,
}

/// What follows when the citizen answers: what was missing is filled in, the complaint is routed if that was what it waited for, and the
/// next question is asked, if there is one.
///
/// # Errors
/// No rule forbids a citizen to write; were there one, nothing has changed.
pub fn tell(mut complaint: Complaint, answer: Answer, told: Told, directory: &Directory, now: Timestamp) -> Result<Decision, NotAllowed> {
    complaint.questions.open = None;
    let skips = answer == Answer::Skip;
    let mut point = None;
    match answer {
        // Whether it is the same is heard elsewhere: it moves incidents too.
        Answer::Same(_) => (),
        Answer::Skip => complaint.questions.skipped = true,
        Answer::Category(code) => complaint.category = Some(code),
        Answer::Place { location, place } => {
            point = location;
            complaint.place = complaint.place.take().or(place);
            complaint.area = complaint.area.take().or_else(|| told.triaged.area.clone());
            complaint.why.area = complaint.why.area.take().or_else(|| told.triaged.why.area.clone());
        }
    }
    let action = Action::FollowUp {
        message: told.message,
        text: told.text,
        same_breath: false,
        reply_to: told.reply_to,
        triaged: (!skips).then(|| Box::new(told.triaged)),
        location: point,
    };
    let mut decision = decide(complaint, action, Actor::Citizen, directory, now)?;
    let routed = decision.replies.iter().any(|reply| reply.kind == ReplyKind::Routed);
    // One message back: who has it now, or the next question, or that we have the answer. A citizen who skips wants none.
    if routed || skips {
        decision.replies.retain(|reply| reply.kind != ReplyKind::Noted);
    }
    if !skips && !routed {
        ask_next(&mut decision, directory, now);
    }
    Ok(decision)
}

fn ask_next(decision: &mut Decision, directory: &Directory, now: Timestamp) {
    let Some(question) = decision.complaint.missing(directory) else { return };
    let cause = decision.updates.iter().find(|update| update.kind == UpdateKind::FollowedUp).map(|update| update.id.0);
    let Some((noted, cause)) = decision.replies.iter_mut().find(|reply| reply.kind == ReplyKind::Noted).zip(cause) else { return };
    let facts = crate::Facts { asks: Some(decision.complaint.open_question(question, directory, now)), ..noted.facts.clone() };
    *noted = ReplyDraft { id: ReplyId::new(now), kind: ReplyKind::Wanted, cause, facts, ..noted.clone() };
}

#[cfg(test)]
#[path = "question_tests.rs"]
mod tests;
