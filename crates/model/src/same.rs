//! "Is it this one?": a complaint that may be about the same thing as an earlier one, and nobody knows but who sent it. Asked once, theirs to
//! skip; one tap says yes, one says no. Of the earlier one they see what it is about, where, and which day: never words, name, photo or number.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Action, Actor, Answer, Audience, Choice, Complaint, ComplaintId, Decision, Directory, Language, MessageId, NotAllowed, Question,
    ReplyKind, ReplyTo, Status, decide,
    incident::{Change, IncidentState, Side, StepKind, Suggestion, SuggestionState, join, part, split},
    question::Asks,
};

/// The earlier complaint that a citizen is asked about, as far as they may see it. One for each complaint, for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// Which.
    pub complaint: ComplaintId,
    /// Code of its category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Code of its area.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<String>,
    /// The street, if who is asked named the same one: in their own words, so that nothing of the other's is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub street: Option<String>,
    /// When it came: the day is told.
    pub opened_at: Timestamp,
    /// What the citizen said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same: Option<bool>,
}

/// The same in the language of who is asked, as it goes with a reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// What it is about; `None`: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// Street and area, as far as they are known; never empty.
    pub places: Vec<String>,
    /// When it came.
    pub at: Timestamp,
}

impl Earlier {
    /// What may be told of it. `None`: it is not known where it is, so that nobody can tell which one is meant.
    pub fn about(&self, directory: &Directory, language: Language) -> Option<About> {
        let category = self.category.as_ref().and_then(|code| directory.categories.get(code));
        let what = category.map(|category| if language == Language::Id { &category.name_id } else { &category.name_en }).cloned();
        let area = self.area.as_ref().and_then(|code| directory.areas.get(code)).map(|area| area.name.clone());
        let places: Vec<String> = self.street.iter().cloned().chain(area).collect();
        (!places.is_empty()).then_some(About { what, places, at: self.opened_at })
    }
}

/// What became of a citizen's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heard {
    /// The two are together.
    Together,
    /// They are not about one thing: settled.
    Apart,
    /// It was decided meanwhile, or cannot be joined any more: only noted.
    Decided,
}

impl Heard {
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Together, Self::Apart, Self::Decided];
}

/// What people write for yes, for no, and to be left alone; the buttons among them.
const YES: [&str; 16] = [
    Choice::SAME,
    "1",
    "ya",
    "iya",
    "y",
    "ya sama",
    "iya sama",
    "sama",
    "ya betul",
    "betul",
    "benar",
    "yes",
    "yes same",
    "same",
    "yes the same",
    "the same",
];
const NO: [&str; 17] = [
    Choice::OTHER,
    "2",
    "tidak",
    "bukan",
    "bukan beda",
    "tidak sama",
    "beda",
    "berbeda",
    "lain",
    "hal lain",
    "no",
    "n",
    "no another",
    "no different",
    "different",
    "another",
    "not the same",
];
const NEITHER: [&str; 11] =
    [Choice::SKIP, "0", "-", "lewati", "lewat", "lewati saja", "skip saja", "tidak tahu", "ga tau", "gak tau", "not sure"];

/// How a text answers: yes, no, or that they would rather not say. `about_something`: it speaks of a matter of its own, so that only
/// the bare answer counts.
pub(crate) fn answer(text: &str, about_something: bool) -> Option<Answer> {
    let read = |line: &str| {
        let words: Vec<String> = line
            .split(|c: char| c.is_whitespace() || matches!(c, '.' | ',' | '!' | '?'))
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        let words = words.join(" ");
        let is_in = |list: &[&str]| list.contains(&words.as_str());
        if is_in(&YES) {
            Some(Answer::Same(true))
        } else if is_in(&NO) {
            Some(Answer::Same(false))
        } else {
            is_in(&NEITHER).then_some(Answer::Skip)
        }
    };
    // In a mail the answer stands alone on its first line, and a signature below.
    let first = || text.trim().lines().next().filter(|_| !about_something).and_then(read);
    read(text).or_else(first)
}

impl Complaint {
    /// The earlier one that its citizen may still be asked about.
    pub fn unanswered(&self) -> Option<&Earlier> {
        let may = !self.visibility.is_secret() && !self.questions.skipped && self.status() != Status::Resolved;
        self.questions.same.as_ref().filter(|earlier| may && earlier.same.is_none())
    }
}

/// Notes about which earlier complaint the citizen may be asked; the first one counts.
pub fn consider(complaint: &mut Complaint, earlier: Earlier, directory: &Directory) {
    let may = !complaint.visibility.is_secret()
        && complaint.questions.same.is_none()
        && !complaint.questions.skipped
        && directory.asks.contains(&Question::Same)
        && earlier.about(directory, complaint.language).is_some();
    if may {
        complaint.questions.same = Some(earlier);
    }
}

/// Asks with what is said to the citizen anyway, if nothing else is asked with it: place and category come first, they bring the complaint to
/// its agency. `on_page`: a door has shown its page to them, and it is asked there; a line says so.
pub fn ask_same(decision: &mut Decision, on_page: bool, directory: &Directory, now: Timestamp) {
    let complaint = &mut decision.complaint;
    let quiet =
        complaint.questions.open.is_some() || complaint.questions.asked.contains(&Question::Same) || !complaint.why.danger.is_empty();
    let Some(about) = complaint.unanswered().and_then(|earlier| earlier.about(directory, complaint.language)).filter(|_| !quiet) else {
        return;
    };
    let carries = |kind: ReplyKind| kind.acknowledges() || matches!(kind, ReplyKind::Routed | ReplyKind::Noted | ReplyKind::Wanted);
    let reply = decision
        .replies
        .iter_mut()
        .find(|reply| carries(reply.kind) && reply.to.audience == Audience::Private && reply.facts.asks.is_none());
    let Some(reply) = reply else { return };
    if on_page {
        reply.facts.asks_on_page = true;
        return;
    }
    complaint.questions.open = Some((Question::Same, now));
    complaint.questions.asked.push(Question::Same);
    reply.facts.asks = Some(Asks { question: Question::Same, choices: Vec::new(), about: Some(about) });
}

/// A complaint and the earlier one that its citizen is asked about, as the tables have them.
#[derive(Debug, Clone, PartialEq)]
pub struct Beside {
    /// The complaint.
    pub own: Side,
    /// The earlier one.
    pub other: Side,
    /// How far the earlier one is.
    pub other_status: Status,
    /// What was suggested of the two.
    pub pair: Option<Suggestion>,
}

impl Beside {
    /// After another step was written.
    pub fn apply(&mut self, change: &Change) {
        change.apply(&mut self.own);
        change.apply(&mut self.other);
        let pair = |pair: &Suggestion| (pair.complaint, pair.other);
        for (_, after) in &change.suggestions {
            if let (Some(own), Some(after)) = (&mut self.pair, after)
                && pair(own) == pair(after)
            {
                own.clone_from(after);
            }
        }
    }

    /// Nobody decided yet, and the citizen's word may: they speak for their own complaint, and move nobody else's.
    fn is_open(&self) -> bool {
        let waits = |pair: &Suggestion| matches!(pair.state, SuggestionState::Open | SuggestionState::Later);
        self.pair.as_ref().is_some_and(waits) && self.own.incident.is_none()
    }

    fn dealt_with(&self) -> bool {
        self.other_status == Status::Resolved
            || self.other.incident.as_ref().is_some_and(|incident| incident.state == IncidentState::Closed)
    }
}

/// What the citizen said, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct SaysSame {
    /// It is the same, or it is not; `None`: they would rather not say.
    pub same: Option<bool>,
    /// The recorded message, if it came as one; on the page there is none, and no reply.
    pub message: Option<MessageId>,
    /// Where to answer from now on.
    pub reply_to: Option<ReplyTo>,
}

/// What follows from a citizen's word: the complaint with its history and reply, and what it does to incidents.
#[derive(Debug, Clone)]
pub struct Followed {
    /// The complaint.
    pub decision: Decision,
    /// The step, if anything is joined or settled.
    pub step: Option<(StepKind, Change)>,
    /// What became of it; `None`: they did not say.
    pub heard: Option<Heard>,
}

/// Hears the answer. `None`: nothing was asked, or it was answered before: a tap that comes twice or late changes nothing.
pub fn hear(complaint: Complaint, says: SaysSame, beside: Option<&Beside>, directory: &Directory, now: Timestamp) -> Option<Followed> {
    complaint.unanswered()?;
    let step = says.same.zip(beside.filter(|beside| beside.is_open())).and_then(|(same, beside)| settle(same, beside, now));
    let heard = says.same.map(|_| match &step {
        Some((StepKind::Joined, _)) => Heard::Together,
        Some(_) => Heard::Apart,
        None => Heard::Decided,
    });
    let known = beside.filter(|_| heard == Some(Heard::Together)).map(|beside| beside.other_status);
    let action = Action::SaySame { says, heard, known };
    let decision = decide(complaint, action, Actor::Citizen, directory, now).ok()?;
    Some(Followed { decision, step, heard })
}

fn settle(same: bool, beside: &Beside, now: Timestamp) -> Option<(StepKind, Change)> {
    let pair = beside.pair.clone()?;
    if !same {
        return part(pair, SuggestionState::Different, Actor::Citizen, now).ok().map(|change| (StepKind::Different, change));
    }
    if beside.dealt_with() {
        return None;
    }
    join(&beside.own, &beside.other, Some(pair), None, Actor::Citizen, now).ok().map(|change| (StepKind::Joined, change))
}

/// "Mine is another one": the complaint leaves its incident, and why stands in its history for staff. `around`: the complaint in its incident,
/// the oldest two of the others, and what was suggested of it with any of them.
///
/// # Errors
/// [`NotAllowed::Apart`] if it is in none, [`NotAllowed::NoWords`] without a reason.
pub fn leave(
    complaint: Complaint,
    around: (&Side, &[Side], Vec<Suggestion>),
    reason: String,
    directory: &Directory,
    now: Timestamp,
) -> Result<(Decision, Change), NotAllowed> {
    let (own, oldest, pairs) = around;
    let change = split(own, oldest, pairs, Actor::Citizen, now)?;
    let decision = decide(complaint, Action::Leave { reason }, Actor::Citizen, directory, now)?;
    Ok((decision, change))
}

#[cfg(test)]
#[path = "same_tests.rs"]
mod tests;
