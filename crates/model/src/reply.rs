//! Words to a citizen: what kind, to where, and how each kind is worded, privately and in public.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::LazyLock,
};

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    About, AttachmentId, AttachmentKind, Audience, Guarded, ReplyId, ReplyTo, Status, TrackingCode,
    clock::{Zone, day_and_month, long_date},
    connect::Connected,
    question::{Asks, Choice, Menu, Question},
    same::Heard,
};

/// The languages we speak.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Indonesian: first everywhere.
    #[default]
    Id,
    /// English.
    En,
}

impl Language {
    /// The BCP 47 tag.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::En => "en",
        }
    }

    /// `en…` is English; everything else is answered in Indonesian.
    pub fn from_tag(tag: &str) -> Self {
        if tag.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("en")) { Self::En } else { Self::Id }
    }
}

/// What a reply says. Adapters choose an approved template by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyKind {
    /// We have it; number and link. No agency yet.
    Received,
    /// We have it; number, link, and who has it until when.
    Forwarded,
    /// It was with triage, and now an agency has it.
    Routed,
    /// Your message was added to your complaint.
    Noted,
    /// Somebody works on it.
    Started,
    /// The agency asks something.
    Asked,
    /// The agency says something.
    Answered,
    /// Another agency has it now.
    HandedOver,
    /// It is done; how; and how to say that it is not.
    Resolved,
    /// It is open again.
    Reopened,
    /// We could not read what was sent.
    Unreadable,
    /// Something is missing that only the citizen knows; they may skip it.
    Wanted,
    /// For a while nobody answers what they write there; why, and until when. Where the platform has a list of blocked senders, its adapter
    /// enters them after saying so.
    Blocked,
    /// Nobody said a word since it was settled: it is closed; and how to open it again.
    Closed,
    /// Messages are answered there again. An adapter takes them off the platform's list before saying so.
    Unblocked,
    /// To somebody on the spot, not to a citizen: an agency asks for help, and the link opens the task ([`crate::task::Request`]).
    Entrusted,
    /// To staff and holders of posts, not to a citizen: a clock ends or ended, and the link leads to the page of the complaint, for who may sign in.
    Escalated,
}

/// How long the acknowledgement of something without words waits for them: a photo is sent first and its caption typed after it, and one
/// answer is enough.
pub const SETTLING: jiff::SignedDuration = jiff::SignedDuration::from_secs(15);

impl ReplyKind {
    /// Every kind that citizens read.
    pub const ALL: [Self; 15] = [
        Self::Received,
        Self::Forwarded,
        Self::Routed,
        Self::Noted,
        Self::Started,
        Self::Asked,
        Self::Answered,
        Self::HandedOver,
        Self::Resolved,
        Self::Reopened,
        Self::Unreadable,
        Self::Wanted,
        Self::Closed,
        Self::Blocked,
        Self::Unblocked,
    ];

    /// The word in tables, word files and template maps.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Forwarded => "forwarded",
            Self::Routed => "routed",
            Self::Noted => "noted",
            Self::Started => "started",
            Self::Asked => "asked",
            Self::Answered => "answered",
            Self::HandedOver => "handed_over",
            Self::Resolved => "resolved",
            Self::Reopened => "reopened",
            Self::Unreadable => "unreadable",
            Self::Wanted => "wanted",
            Self::Closed => "closed",
            Self::Blocked => "blocked",
            Self::Unblocked => "unblocked",
            Self::Entrusted => "entrusted",
            Self::Escalated => "escalated",
        }
    }

    /// Reads the word of what citizens read.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The first answer to a new complaint.
    pub fn acknowledges(self) -> bool {
        matches!(self, Self::Received | Self::Forwarded)
    }
}

/// A reply as it is decided and stored: what to say, not yet in which words.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplyDraft {
    /// Its key.
    pub id: ReplyId,
    /// What it says.
    pub kind: ReplyKind,
    /// To whom, and how.
    pub to: ReplyTo,
    /// In which language.
    pub language: Language,
    /// The update or message it answers: with complaint and kind, a reply is sent once.
    pub cause: Uuid,
    /// Facts for the words.
    pub facts: Facts,
}

impl ReplyDraft {
    /// When it may go out, decided at `now`: most at once.
    pub fn due_at(&self, now: Timestamp) -> Timestamp {
        match (self.kind, self.facts.deadline) {
            (ReplyKind::Unblocked, Some(until)) => until.max(now),
            _ if self.facts.settles => now.checked_add(SETTLING).unwrap_or(now),
            _ => now,
        }
    }
}

/// The facts a reply may mention.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// The complaint's number.
    #[serde(default)]
    pub reference: Option<String>,
    /// The code for the link.
    #[serde(default)]
    pub tracking: Option<TrackingCode>,
    /// Who has it, or who says it.
    #[serde(default)]
    pub agency: Option<String>,
    /// Until when it must be settled; of a block, until when it holds.
    #[serde(default)]
    pub deadline: Option<Timestamp>,
    /// What the officer wrote.
    #[serde(default)]
    pub text: Option<String>,
    /// The text spoke of danger: the reply begins with the emergency number.
    #[serde(default)]
    pub danger: bool,
    /// What the citizen is asked with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asks: Option<Asks>,
    /// Something is asked on the citizen's page.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asks_on_page: bool,
    /// What became of what the citizen said about an earlier complaint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<Heard>,
    /// What is said about a code from a citizen's page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected: Option<Connected>,
    /// What is said to who is held, or not answered any more for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guarded: Option<Guarded>,
    /// Others have written about the same thing before, and so far it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Status>,
    /// It waits a moment for words that belong to what came without any: see [`SETTLING`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub settles: bool,
    /// The photo that shows it: goes along where the platform takes files, and is on the citizen's page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photo: Option<AttachmentId>,
    /// When it counts as closed if the citizen says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closes: Option<Timestamp>,
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Facts").field("reference", &self.reference).finish_non_exhaustive()
    }
}

/// A reply as it goes over the bus. `Debug` shows no text.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// Its key; the platform's idempotency key where it has one.
    pub id: ReplyId,
    /// To whom, and how.
    pub to: ReplyTo,
    /// What it says.
    pub kind: ReplyKind,
    /// In which language.
    #[serde(default)]
    pub language: Language,
    /// The whole text, for every platform that takes text.
    pub text: String,
    /// The same in few words, the fullest first, for platforms that count characters: the first that fits is sent, and where none
    /// fits the last. Empty for a public audience, whose texts are short already.
    #[serde(default)]
    pub short: Vec<String>,
    /// The same facts one by one, as words, for platforms with approved templates: `reference`, `link`, `agency`, `deadline`, `text`.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// What the citizen can tap instead of typing, for platforms that have such a thing. `text` asks the same in words and numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub menu: Option<Menu>,
    /// What goes along with the words, never to a public audience. `text` stands without it: it has the link to the page with the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<ReplyFile>,
}

/// A file that goes along with a reply: a copy that may be shown, without place and time in it. `Debug` shows no bytes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyFile {
    /// What it is.
    pub kind: AttachmentKind,
    /// The media type of the bytes: `image/jpeg`.
    pub mime: String,
    /// A name of ours: `7KQ2-M4XT-9PCH.jpg`.
    pub filename: String,
    /// Its size in bytes.
    pub size: u64,
    /// Where the bus keeps the bytes for the adapter, for some days.
    pub at: String,
    /// The bytes. Not in the message: the SDK brings them before the adapter sends.
    #[serde(skip)]
    pub bytes: Bytes,
}

impl fmt::Debug for ReplyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplyFile({}, {} bytes)", self.mime, self.size)
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("id", &self.id).field("kind", &self.kind).field("to", &self.to).finish_non_exhaustive()
    }
}

/// How this installation speaks of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// The city's name: `Kota Contoh`.
    pub name: String,
    /// Where `/t/{code}` is, without a slash at the end.
    pub base_url: String,
    /// For dates in words.
    #[serde(default)]
    pub zone: Zone,
}

impl Site {
    /// The citizen's link.
    pub fn link(&self, code: &TrackingCode) -> String {
        format!("{}/t/{}", self.base_url.trim_end_matches('/'), code.as_str())
    }
}

/// Puts a reply into words. A public audience gets the number and never the link: the link is the citizen's key.
pub fn word(draft: &ReplyDraft, site: &Site) -> Reply {
    let audience = draft.to.audience;
    let words = words(draft.language);
    let mut params = params(&draft.facts, audience, draft.language, site);
    if draft.facts.photo.is_some() && params.contains_key("link") {
        params.insert("photo".to_owned(), words.photo.clone());
    }
    if draft.facts.asks_on_page && params.contains_key("link") {
        params.insert("on_page".to_owned(), words.question.on_page.clone());
    }
    params
        .extend(draft.facts.asks.iter().filter_map(|asks| asks.about.as_ref()).flat_map(|about| words.question.about(about, draft, site)));
    let special = words.special(&draft.facts).filter(|_| audience == Audience::Private);
    let mut text = fill(special.map_or_else(|| words.pattern(draft.kind, audience), |special| &special.text), &params);
    let mut short = match audience {
        Audience::Private => {
            let asked = draft.facts.asks.iter().flat_map(|asks| words.question.short(asks, &params));
            let forms = special.map_or_else(|| words.short_forms(draft.kind), |special| &special.short);
            asked.chain(shortened(forms, &params)).collect()
        }
        Audience::Public => Vec::new(),
    };
    if draft.facts.danger && audience == Audience::Private {
        text = format!("{}\n\n{text}", words.danger);
        for form in &mut short {
            *form = format!("{} {form}", words.short_danger);
        }
    }
    if draft.facts.guarded == Some(Guarded::Last) && audience == Audience::Private {
        text = format!("{text}\n\n{}", words.last);
        for form in &mut short {
            *form = format!("{form} {}", words.short_last);
        }
    }
    // A question is a matter between us and the citizen.
    let menu = draft.facts.asks.as_ref().filter(|_| audience == Audience::Private).map(|asks| words.question.menu(&text, asks, &params));
    if let (Some(asks), Some(_)) = (&draft.facts.asks, &menu) {
        text = words.question.in_words(&text, asks, &params);
    }
    // Words of the question, not facts for templates.
    params.retain(|name, _| !ASKED.contains(&name.as_str()));
    Reply { id: draft.id, to: draft.to.clone(), kind: draft.kind, language: draft.language, text, short, params, menu, files: Vec::new() }
}

/// Facts of an earlier complaint that is asked about.
const ASKED: [&str; 5] = ["what", "where", "near", "date", "day"];

/// The short forms whose facts are all there, in the order of the word file.
pub(crate) fn shortened(forms: &[String], params: &BTreeMap<String, String>) -> Vec<String> {
    forms.iter().map(|form| fill(form, params)).filter(|form| !form.is_empty()).collect()
}

fn params(facts: &Facts, audience: Audience, language: Language, site: &Site) -> BTreeMap<String, String> {
    let link = facts.tracking.as_ref().filter(|_| audience == Audience::Private).map(|code| site.link(code));
    // What an officer writes is meant for the citizen, not for the street.
    let text = facts.text.clone().filter(|_| audience == Audience::Private);
    [
        ("site", Some(site.name.clone())),
        ("reference", facts.reference.clone()),
        ("link", link),
        ("agency", facts.agency.clone()),
        ("deadline", facts.deadline.map(|at| long_date(at, site.zone, language))),
        ("text", text),
        ("closes", facts.closes.map(|at| long_date(at, site.zone, language))),
        ("known", facts.known.map(|status| words(language).known(status).to_owned())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}

/// Replaces each `{name}` of a pattern from a word file; a line whose fact is missing is left out whole.
pub fn fill(pattern: &str, params: &BTreeMap<String, String>) -> String {
    let mut lines = Vec::new();
    'lines: for line in pattern.trim().lines() {
        let mut filled = String::new();
        let mut rest = line;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, tail)) = after.split_once('}') else { break };
            let Some(value) = params.get(name) else { continue 'lines };
            filled.push_str(before);
            filled.push_str(value);
            rest = tail;
        }
        filled.push_str(rest);
        lines.push(filled);
    }
    lines.join("\n")
}

/// The words of questions.
#[derive(Deserialize)]
struct QuestionWords {
    place: String,
    category: String,
    button: String,
    skip: String,
    place_in_words: String,
    category_in_words: String,
    place_short: Vec<String>,
    category_short: Vec<String>,
    same: String,
    earlier: String,
    yes: String,
    no: String,
    same_in_words: String,
    same_short: Vec<String>,
    on_page: String,
}

/// A menu of fewer is no menu.
const FEWEST_CHOICES: usize = 2;

impl QuestionWords {
    fn asked(&self, question: Question, params: &BTreeMap<String, String>) -> String {
        match question {
            Question::Place => self.place.clone(),
            Question::Category => self.category.clone(),
            Question::Same => fill(&self.same, params),
        }
    }

    /// What is told of an earlier complaint.
    fn about<'a>(&'a self, about: &'a About, draft: &ReplyDraft, site: &Site) -> impl Iterator<Item = (String, String)> + use<'a> {
        let what = about.what.as_ref().unwrap_or(&self.earlier).clone();
        let (date, day) = (long_date(about.at, site.zone, draft.language), day_and_month(about.at, site.zone, draft.language));
        let facts = [what, about.places.join(", "), about.places.first().cloned().unwrap_or_default(), date, day];
        ASKED.into_iter().map(str::to_owned).zip(facts)
    }

    /// What is offered, with the choice to choose nothing left out.
    fn choices(&self, asks: &Asks) -> Vec<Choice> {
        let choice = |id: &str, title: &str| Choice { id: id.to_owned(), title: title.to_owned() };
        match asks.question {
            Question::Same => vec![choice(Choice::SAME, &self.yes), choice(Choice::OTHER, &self.no)],
            Question::Place | Question::Category => asks.choices.clone(),
        }
    }

    /// For platforms where things are tapped. The last choice is always to choose nothing.
    fn menu(&self, text: &str, asks: &Asks, params: &BTreeMap<String, String>) -> Menu {
        let body = format!("{text}\n\n{}", self.asked(asks.question, params)).trim().to_owned();
        match asks.question {
            Question::Place => Menu::Location { body },
            Question::Category | Question::Same => {
                let skip = Choice { id: Choice::SKIP.to_owned(), title: self.skip.clone() };
                Menu::Choices { body, button: self.button.clone(), choices: self.choices(asks).into_iter().chain([skip]).collect() }
            }
        }
    }

    /// For platforms that count characters: the fullest first. Choices that do not fit are left out from the end, so the numbers stay right.
    fn short(&self, asks: &Asks, params: &BTreeMap<String, String>) -> Vec<String> {
        let forms = |patterns: &[String], params: &BTreeMap<String, String>| -> Vec<String> {
            patterns.iter().map(|pattern| fill(pattern, params)).filter(|form| !form.is_empty()).collect()
        };
        match asks.question {
            Question::Place => return forms(&self.place_short, params),
            Question::Same => return forms(&self.same_short, params),
            Question::Category => (),
        }
        let all = asks.choices.len();
        let fewer = (FEWEST_CHOICES..=all).rev().flat_map(|count| {
            let numbered = (1..).zip(&asks.choices).take(count).map(|(number, choice)| format!("{number} {}", choice.title));
            let mut params = params.clone();
            params.insert("choices".to_owned(), numbered.collect::<Vec<_>>().join(", "));
            let shortest = self.category_short.len().saturating_sub(1);
            forms(if count == all { &self.category_short } else { &self.category_short[shortest..] }, &params)
        });
        fewer.collect()
    }

    /// For platforms where everything is typed.
    fn in_words(&self, text: &str, asks: &Asks, params: &BTreeMap<String, String>) -> String {
        let mut lines = vec![text.to_owned(), String::new(), self.asked(asks.question, params)];
        lines.extend((1..).zip(self.choices(asks)).map(|(number, choice)| format!("{number}. {}", choice.title)));
        lines.push(match asks.question {
            Question::Place => self.place_in_words.clone(),
            Question::Category => self.category_in_words.clone(),
            Question::Same => self.same_in_words.clone(),
        });
        lines.join("\n").trim().to_owned()
    }
}

/// How an outcome is said, in the place of what its kind says.
#[derive(Deserialize)]
pub(crate) struct Special {
    pub(crate) text: String,
    pub(crate) short: Vec<String>,
}

#[derive(Deserialize)]
struct Words {
    danger: String,
    heard: BTreeMap<Heard, Special>,
    connected: BTreeMap<Connected, Special>,
    guarded: BTreeMap<Guarded, Special>,
    last: String,
    short_last: String,
    photo: String,
    question: QuestionWords,
    short_danger: String,
    referee: String,
    task: Special,
    known: HashMap<Status, String>,
    short: BTreeMap<ReplyKind, Vec<String>>,
    private: BTreeMap<ReplyKind, String>,
    public: BTreeMap<ReplyKind, String>,
}

impl Words {
    fn pattern(&self, kind: ReplyKind, audience: Audience) -> &str {
        let patterns = match audience {
            Audience::Private => &self.private,
            Audience::Public => &self.public,
        };
        patterns.get(&kind).map_or("", String::as_str)
    }

    fn special(&self, facts: &Facts) -> Option<&Special> {
        let heard = || self.heard.get(&facts.heard?);
        let guarded = || self.guarded.get(&facts.guarded?);
        facts.connected.and_then(|connected| self.connected.get(&connected)).or_else(heard).or_else(guarded)
    }

    fn short_forms(&self, kind: ReplyKind) -> &[String] {
        self.short.get(&kind).map(Vec::as_slice).unwrap_or_default()
    }

    fn known(&self, status: Status) -> &str {
        self.known.get(&status).map_or("", String::as_str)
    }
}

static ID: LazyLock<Words> = LazyLock::new(|| parse(include_str!("../wording/id.toml")));
static EN: LazyLock<Words> = LazyLock::new(|| parse(include_str!("../wording/en.toml")));

fn parse(file: &str) -> Words {
    toml::from_str(file).expect("the word files are read by a test")
}

/// What the referee is called where an agency's name would stand.
pub(crate) fn referee_in(language: Language) -> &'static str {
    &words(language).referee
}

/// What somebody on the spot reads who is asked for help.
pub(crate) fn task_in(language: Language) -> &'static Special {
    &words(language).task
}

fn words(language: Language) -> &'static Words {
    match language {
        Language::Id => &ID,
        Language::En => &EN,
    }
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
