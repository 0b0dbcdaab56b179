//! How long each stage of a complaint may take: limits are dated rows with their source, and the clocks of a complaint follow from its
//! states. Nobody sets a clock, stops it or starts it again by hand.

use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    AdapterName, AgencyId, Complaint, Directory, Dispatch, DispatchState, Verdict,
    clock::{self, Amount, Pause, Unit, Working},
};

/// A part of a complaint's way that has a clock of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Until it is looked at and given to an agency. From when the door took it.
    Forward,
    /// Until an agency has answered in its own words. A question is no answer: it stops the clock.
    FirstAnswer,
    /// Until an agency has settled it.
    Settle,
    /// After it was settled, without a word of the citizen, until it counts as closed.
    Silence,
}

impl Stage {
    /// Every stage, in the order of a complaint's life.
    pub const ALL: [Self; 4] = [Self::Forward, Self::FirstAnswer, Self::Settle, Self::Silence];

    /// The word in tables and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::FirstAnswer => "first_answer",
            Self::Settle => "settle",
            Self::Silence => "silence",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == word)
    }
}

/// How long a stage may take, for what, and who says so. A limit is never changed: it ends on a day, and another one begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Its key.
    pub id: i64,
    /// Of which stage.
    pub stage: Stage,
    /// Only this kind of message: `complaint`, `information_request`, `aspiration`, `other`; `None`: any.
    pub kind: Option<String>,
    /// Only this category; `None`: any.
    pub category: Option<String>,
    /// Only what came by this adapter; `None`: any.
    pub adapter: Option<AdapterName>,
    /// Only what came by this account of it; `None`: any.
    pub account: Option<String>,
    /// Only this agency; `None`: any.
    pub agency: Option<AgencyId>,
    /// How long.
    pub amount: Amount,
    /// The rule it comes from, for people; Indonesian.
    pub source: String,
    /// The same in English; `None`: as in Indonesian.
    pub source_en: Option<String>,
    /// Whether somebody read the rule's own text.
    pub verified: bool,
    /// First day on which something may begin under it; `None`: ever since.
    pub from: Option<Date>,
    /// Last day; `None`: until further notice.
    pub until: Option<Date>,
}

/// What a limit is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Matter<'a> {
    /// What triage takes the message for.
    pub kind: Option<&'a str>,
    /// Code of its category.
    pub category: Option<&'a str>,
    /// The channel it came by: the adapter …
    pub adapter: &'a AdapterName,
    /// … and the account.
    pub account: &'a str,
    /// Who must act.
    pub agency: Option<AgencyId>,
    /// The day on which the stage began, where the offices are.
    pub on: Date,
}

/// What a limit asks for, the weightier first: it counts before all that ask for less of the weightiest.
type Rank = (bool, bool, bool, bool, bool, Option<Date>);

impl Limit {
    /// A limit for everything, without dates, whose rule nobody read.
    pub fn new(stage: Stage, amount: Amount, source: &str) -> Self {
        Self {
            id: 0,
            stage,
            kind: None,
            category: None,
            adapter: None,
            account: None,
            agency: None,
            amount,
            source: source.to_owned(),
            source_en: None,
            verified: false,
            from: None,
            until: None,
        }
    }

    fn fits(&self, matter: &Matter<'_>) -> bool {
        self.kind.as_deref().is_none_or(|kind| matter.kind == Some(kind))
            && self.category.as_deref().is_none_or(|category| matter.category == Some(category))
            && self.adapter.as_ref().is_none_or(|adapter| adapter == matter.adapter)
            && self.account.as_deref().is_none_or(|account| account == matter.account)
            && self.agency.is_none_or(|agency| matter.agency == Some(agency))
            && self.from.is_none_or(|from| from <= matter.on)
            && self.until.is_none_or(|until| matter.on <= until)
    }

    fn rank(&self) -> Rank {
        (self.category.is_some(), self.agency.is_some(), self.kind.is_some(), self.account.is_some(), self.adapter.is_some(), self.from)
    }

    fn asks(&self) -> [bool; 5] {
        [self.category.is_some(), self.agency.is_some(), self.kind.is_some(), self.account.is_some(), self.adapter.is_some()]
    }

    /// Whether some complaint fits both.
    fn meets(&self, other: &Self) -> bool {
        fn agree<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
            one.zip(other).is_none_or(|(one, other)| one == other)
        }
        let begins = self.from.max(other.from);
        let ends = [self.until, other.until].into_iter().flatten().min();
        self.stage == other.stage
            && agree(self.kind.as_ref(), other.kind.as_ref())
            && agree(self.category.as_ref(), other.category.as_ref())
            && agree(self.adapter.as_ref(), other.adapter.as_ref())
            && agree(self.account.as_ref(), other.account.as_ref())
            && agree(self.agency.as_ref(), other.agency.as_ref())
            && begins.zip(ends).is_none_or(|(begins, ends)| begins <= ends)
    }

    /// Whether neither is narrower than the other: each asks for something that the other does not.
    fn is_beside(&self, other: &Self) -> bool {
        let more = |one: [bool; 5], other: [bool; 5]| one.into_iter().zip(other).any(|(one, other)| one && !other);
        more(self.asks(), other.asks()) && more(other.asks(), self.asks())
    }
}

/// Used while a city has written down no limit: the longest first-answer time of SP4N-LAPOR! (five working days).
const UNWRITTEN: Amount = Amount { number: 5, unit: Unit::WorkingDays };

impl Directory {
    /// The limit that counts: of those that fit, one for the category before one for the agency, that before one for the kind, for the
    /// account, for the adapter; of two for the same, the one that began later. [`Directory::contested`] names those between which only this
    /// order decides.
    pub fn limit(&self, stage: Stage, matter: &Matter<'_>) -> Option<&Limit> {
        self.limits.iter().filter(|limit| limit.stage == stage && limit.fits(matter)).max_by_key(|limit| (limit.rank(), limit.id))
    }

    /// The limit with this key; also one that has ended.
    pub fn limit_of(&self, id: i64) -> Option<&Limit> {
        self.limits.iter().find(|limit| limit.id == id)
    }

    /// Pairs of limits that may both fit one complaint, where neither is narrower and they give different times. The first one counts.
    pub fn contested(&self) -> Vec<(&Limit, &Limit)> {
        let mut contested = Vec::new();
        for (at, one) in self.limits.iter().enumerate() {
            for other in &self.limits[at + 1..] {
                if one.amount != other.amount && one.meets(other) && one.is_beside(other) {
                    contested.push(if one.rank() > other.rank() { (one, other) } else { (other, one) });
                }
            }
        }
        contested
    }

    /// When an agency works; `None`: the city itself.
    pub fn working(&self, agency: Option<AgencyId>) -> Working<'_> {
        self.calendar.of(agency.and_then(|agency| self.offices.get(&agency)))
    }

    /// Until when, by the limit that counts. `None`: nobody wrote one down.
    pub(crate) fn due(&self, stage: Stage, matter: &Matter<'_>, from: Timestamp, pauses: &[Pause]) -> Option<Due> {
        let limit = self.limit(stage, matter)?;
        let at = self.working(matter.agency).due(from, limit.amount, pauses);
        Some(Due { at, limit: limit.id, met: None })
    }

    /// The day of a moment where the city is.
    pub fn day(&self, at: Timestamp) -> Date {
        at.to_zoned(self.calendar.zone.time_zone()).date()
    }
}

/// A clock with its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Until when.
    pub at: Timestamp,
    /// Key of the limit that says so.
    pub limit: i64,
    /// When it was done.
    pub met: Option<Timestamp>,
}

impl Due {
    /// Whether it was not done in time, as far as `now` tells.
    pub fn is_missed(&self, now: Timestamp) -> bool {
        self.met.unwrap_or(now) > self.at
    }
}

/// The clocks of one agency's part. [`Dispatch::deadline`] is the one for settling it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clocks {
    /// From when on time is counted. Who gets it from another agency goes on with that agency's clock.
    pub started: Timestamp,
    /// Key of the limit for settling; `None`: there was none, or it was given before limits had keys.
    pub settle: Option<i64>,
    /// The first answer, where a limit asks for one.
    pub answer: Option<Due>,
    /// When the agency said that it is done.
    pub settled: Option<Timestamp>,
    /// When it counts as closed if nobody says otherwise, and when it was closed. `None`: it is not closed by itself, or not any more.
    pub closes: Option<Due>,
    /// When the citizen was waited for.
    pub pauses: Vec<Pause>,
}

impl Clocks {
    /// Clocks of which nothing is known but when they began.
    pub fn since(started: Timestamp) -> Self {
        Self { started, settle: None, answer: None, settled: None, closes: None, pauses: Vec::new() }
    }

    /// Since when they stand still.
    pub fn paused(&self) -> Option<Timestamp> {
        self.pauses.last().filter(|pause| pause.until.is_none()).map(|pause| pause.from)
    }
}

impl Complaint {
    /// What limits are looked for when a stage begins.
    pub fn matter(&self, agency: Option<AgencyId>, began: Timestamp, directory: &Directory) -> Matter<'_> {
        Matter {
            kind: self.why.kind.as_deref(),
            category: self.category.as_deref(),
            adapter: &self.adapter,
            account: &self.account,
            agency,
            on: directory.day(began),
        }
    }

    /// The clock of forwarding, from when the door took it.
    pub(crate) fn await_forwarding(&self, directory: &Directory) -> Option<Due> {
        directory.due(Stage::Forward, &self.matter(None, self.opened_at, directory), self.opened_at, &[])
    }

    /// Deadline and clocks of an agency that gets it at `now`. What another agency gave away goes on; everything else begins, under the
    /// limit that the agency had for it before, if it did.
    pub(crate) fn start(&self, agency: AgencyId, directory: &Directory, now: Timestamp) -> (Timestamp, Clocks) {
        let given_away = |dispatch: &&Dispatch| dispatch.state == DispatchState::HandedOver;
        let running = self.dispatches.iter().filter(given_away).map(|dispatch| dispatch.clocks.started).max();
        let done = self.dispatches.iter().find(|dispatch| dispatch.agency == agency && dispatch.state == DispatchState::Done);
        let began = if self.was_released_now(now) { self.opened_at } else { now };
        let started = running.filter(|_| done.is_none()).unwrap_or(began);
        let before = || self.dispatches.iter().filter(given_away).filter(move |dispatch| dispatch.clocks.started == started);
        let pauses = clock::together(before().flat_map(|dispatch| &dispatch.clocks.pauses), now);
        let answered = before().filter_map(|dispatch| dispatch.clocks.answer.and_then(|answer| answer.met)).min();
        let own = done.or_else(|| before().find(|dispatch| dispatch.agency == agency));
        let known = own.and_then(|dispatch| directory.limit_of(dispatch.clocks.settle?));

        let matter = self.matter(Some(agency), started, directory);
        let settle = known.or_else(|| directory.limit(Stage::Settle, &matter));
        let deadline = directory.working(Some(agency)).due(started, settle.map_or(UNWRITTEN, |limit| limit.amount), &pauses);
        let answer = directory.due(Stage::FirstAnswer, &matter, started, &pauses).map(|due| Due { met: answered, ..due });
        (deadline, Clocks { settle: settle.map(|limit| limit.id), answer, pauses, ..Clocks::since(started) })
    }

    /// Whether it was held, is let go and has its first agencies at this moment: their time began when it came in, not when somebody looked.
    fn was_released_now(&self, now: Timestamp) -> bool {
        let real = self.why.held.as_ref().is_some_and(|held| held.verdict == Some(Verdict::Real));
        real && self.dispatches.iter().all(|dispatch| dispatch.given_at == now)
    }

    /// Makes the clocks say what the states say: one that waits for the citizen stands, one that is done is met. Does nothing twice.
    pub(crate) fn keep_time(&mut self, directory: &Directory, now: Timestamp) {
        if let Some(forward) = self.forward.as_mut().filter(|_| !self.dispatches.is_empty()) {
            forward.met = forward.met.or(Some(now));
        }
        for at in 0..self.dispatches.len() {
            let dispatch = &mut self.dispatches[at];
            let working = directory.working(Some(dispatch.agency));
            match (dispatch.state == DispatchState::AwaitingCitizen, dispatch.clocks.paused()) {
                (true, None) => dispatch.clocks.pauses.push(Pause { from: now, until: None }),
                (false, Some(from)) => {
                    let pause = Pause { from, until: Some(now) };
                    dispatch.clocks.pauses.pop();
                    dispatch.clocks.pauses.push(pause);
                    dispatch.deadline = match dispatch.clocks.settle {
                        Some(_) => dispatch.deadline,
                        None => working.later(dispatch.deadline, pause),
                    };
                    dispatch.reckon(directory);
                }
                (true, Some(_)) | (false, None) => {}
            }
            match (self.dispatches[at].state, self.dispatches[at].clocks.settled) {
                (DispatchState::Done, None) => {
                    let agency = self.dispatches[at].agency;
                    let closes = directory.due(Stage::Silence, &self.matter(Some(agency), now, directory), now, &[]);
                    let clocks = &mut self.dispatches[at].clocks;
                    (clocks.settled, clocks.closes) = (Some(now), closes);
                }
                (DispatchState::Done, Some(_)) | (_, None) => {}
                (_, Some(_)) => {
                    let clocks = &mut self.dispatches[at].clocks;
                    (clocks.settled, clocks.closes) = (None, None);
                }
            }
        }
    }

    /// Counts the clocks that still run once more, by the calendar as it is now, and says which moved: stage, agency, and from when to when.
    pub(crate) fn reckon(&mut self, directory: &Directory) -> Vec<Moved> {
        let mut moved = Vec::new();
        let forward = self.forward.filter(|due| due.met.is_none()).and_then(|due| Some((due, directory.limit_of(due.limit)?)));
        if let Some((old, limit)) = forward {
            let due = Due { at: directory.working(None).due(self.opened_at, limit.amount, &[]), ..old };
            self.forward = Some(due);
            moved.push(Moved { stage: Stage::Forward, agency: None, from: old.at, to: due.at });
        }
        for dispatch in self.dispatches.iter_mut().filter(|dispatch| dispatch.state.is_pending()) {
            let (deadline, answer) = (dispatch.deadline, dispatch.clocks.answer.filter(|answer| answer.met.is_none()));
            dispatch.reckon(directory);
            let agency = Some(dispatch.agency);
            if let Some((old, new)) = answer.zip(dispatch.clocks.answer) {
                moved.push(Moved { stage: Stage::FirstAnswer, agency, from: old.at, to: new.at });
            }
            moved.push(Moved { stage: Stage::Settle, agency, from: deadline, to: dispatch.deadline });
        }
        // The database keeps moments a little less exactly than they were counted.
        moved.retain(|moved| moved.from.duration_since(moved.to).abs() >= SignedDuration::from_secs(1));
        moved
    }
}

impl Dispatch {
    /// The agency spoke for the first time.
    pub(crate) fn answered(&mut self, now: Timestamp) {
        if let Some(answer) = &mut self.clocks.answer {
            answer.met = answer.met.or(Some(now));
        }
    }

    /// Counts anew what is not done, with the limits it began under.
    fn reckon(&mut self, directory: &Directory) {
        let working = directory.working(Some(self.agency));
        let clocks = &mut self.clocks;
        if let Some(limit) = clocks.settle.and_then(|id| directory.limit_of(id)) {
            self.deadline = working.due(clocks.started, limit.amount, &clocks.pauses);
        }
        if let Some((due, limit)) =
            clocks.answer.as_mut().filter(|due| due.met.is_none()).and_then(|due| directory.limit_of(due.limit).map(|limit| (due, limit)))
        {
            due.at = working.due(clocks.started, limit.amount, &clocks.pauses);
        }
    }
}

/// A clock whose end is another moment now, because the calendar changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// Which one.
    pub stage: Stage,
    /// Whose; `None`: the city's.
    pub agency: Option<AgencyId>,
    /// Until when it was.
    pub from: Timestamp,
    /// Until when it is.
    pub to: Timestamp,
}

impl Moved {
    /// As it stands in a complaint's history, which pages say in words: stage, old and new moment.
    pub fn to_text(self) -> String {
        format!("{} {} {}", self.stage.as_str(), self.from, self.to)
    }

    /// Reads it; `None`: it is no such text.
    pub fn from_text(text: &str, agency: Option<AgencyId>) -> Option<Self> {
        let mut words = text.split(' ');
        let stage = Stage::from_word(words.next()?)?;
        let (from, to) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        words.next().is_none().then_some(Self { stage, agency, from, to })
    }
}

#[cfg(test)]
#[path = "limit_tests.rs"]
mod tests;
