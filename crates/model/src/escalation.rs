//! Who is told when a clock runs out, and before: rules are dated rows, and what follows from them is a pure function of a complaint, its
//! clocks and the time. And the mark that a missed clock leaves: it is noted at every decision, so that none can pass it by.

use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    AdapterName, AgencyId, Complaint, Directory, DispatchId, StaffId, Stage,
    clock::{Amount, Unit, Working},
};

/// Somebody who can be told, the lowest first. Where a post is empty, the next one up is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Post {
    /// Who holds the complaint; before it is forwarded, who does triage.
    Officer,
    /// Supervisors of the agency.
    Supervisor,
    /// The head of the agency.
    Head,
    /// The city's secretary.
    Secretary,
    /// Who sets this system up: told where nobody else is there.
    Admin,
}

impl Post {
    /// Every post, the lowest first.
    pub const ALL: [Self; 5] = [Self::Officer, Self::Supervisor, Self::Head, Self::Secretary, Self::Admin];
    /// Those that a rule can name.
    pub const OF_RULES: [Self; 4] = [Self::Officer, Self::Supervisor, Self::Head, Self::Secretary];

    /// The word in tables and forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Officer => "officer",
            Self::Supervisor => "supervisor",
            Self::Head => "head",
            Self::Secretary => "secretary",
            Self::Admin => "admin",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|post| post.as_str() == word)
    }

    /// This post if somebody is there, else the next one up with somebody. `None`: there is nobody at all.
    pub fn reached(self, filled: impl Fn(Self) -> bool) -> Option<Self> {
        Self::ALL.into_iter().filter(|post| *post >= self).find(|post| filled(*post))
    }

    /// The next post up with somebody. `None`: there is nobody above.
    pub fn above(self, filled: impl Fn(Self) -> bool) -> Option<Self> {
        Self::ALL.into_iter().filter(|post| *post > self).find(|post| filled(*post))
    }
}

/// When, as seen from the end of a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// So long before.
    Before(Amount),
    /// At the end.
    At,
    /// So long after.
    After(Amount),
}

impl When {
    /// The word in tables and forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Before(_) => "before",
            Self::At => "at",
            Self::After(_) => "after",
        }
    }

    /// Reads the word and, where one is needed, how long.
    pub fn from_words(word: &str, amount: Option<Amount>) -> Option<Self> {
        match (word, amount) {
            ("before", Some(amount)) => Some(Self::Before(amount)),
            ("at", _) => Some(Self::At),
            ("after", Some(amount)) => Some(Self::After(amount)),
            _ => None,
        }
    }

    /// How long before or after.
    pub fn amount(self) -> Option<Amount> {
        match self {
            Self::Before(amount) | Self::After(amount) => Some(amount),
            Self::At => None,
        }
    }

    /// The moment, for a clock that ends at `due`. Working days and hours are those of the office whose clock it is: "one working day
    /// before" is the first moment from which one working day leads to the end or past it.
    pub fn moment(self, due: Timestamp, working: &Working<'_>) -> Timestamp {
        match self {
            Self::Before(amount) => before(due, amount, working),
            Self::At => due,
            Self::After(amount) => working.due(due, amount, &[]),
        }
    }
}

/// No moment is looked for further back.
const FURTHEST: SignedDuration = SignedDuration::from_hours(24 * 20_000);

fn before(due: Timestamp, amount: Amount, working: &Working<'_>) -> Timestamp {
    let hours = match amount.unit {
        Unit::Days => Some(24 * i64::from(amount.number)),
        Unit::Hours => Some(i64::from(amount.number)),
        Unit::WorkingDays | Unit::WorkingHours => None,
    };
    if let Some(hours) = hours {
        return due.checked_sub(SignedDuration::from_hours(hours)).unwrap_or(due);
    }
    // `due` never goes back when it is asked from later on: the first moment that leads far enough is found by halving.
    let leads_far_enough = |from: Timestamp| working.due(from, amount, &[]) >= due;
    let mut far = SignedDuration::from_hours(24);
    let mut early = due.checked_sub(far).unwrap_or(due);
    while far < FURTHEST && leads_far_enough(early) {
        far = far.checked_mul(2).unwrap_or(FURTHEST);
        early = due.checked_sub(far).unwrap_or(due);
    }
    let (mut early, mut late) = (early.as_second(), due.as_second());
    while late - early > 1 {
        let middle = early + (late - early) / 2;
        match Timestamp::from_second(middle) {
            Ok(at) if leads_far_enough(at) => late = middle,
            Ok(_) => early = middle,
            Err(_) => return due,
        }
    }
    Timestamp::from_second(late).unwrap_or(due)
}

/// How somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// By mail; who has no address there by telephone. In their list either way.
    Email,
    /// By a message to their telephone; who has no number there by mail. In their list either way.
    Telephone,
    /// Only in their list.
    List,
}

impl Way {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Email, Self::Telephone, Self::List];

    /// The word in tables and forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "mail",
            Self::Telephone => "telephone",
            Self::List => "list",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.as_str() == word)
    }
}

/// Who is told when, of which clock, and who says so. Never changed: it ends on a day, and another one begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EscalationRule {
    /// Its key.
    pub id: i64,
    /// Of which clock: forwarding, first answer, settling.
    pub stage: Stage,
    /// Only this agency; `None`: any.
    pub agency: Option<AgencyId>,
    /// Only this category; `None`: any.
    pub category: Option<String>,
    /// Only what came by this adapter; `None`: any.
    pub adapter: Option<AdapterName>,
    /// Only what came by this account of it; `None`: any.
    pub account: Option<String>,
    /// When.
    pub when: When,
    /// Who.
    pub to: Post,
    /// How.
    pub way: Way,
    /// The rule it comes from, for people; Indonesian.
    pub source: String,
    /// The same in English; `None`: as in Indonesian.
    pub source_en: Option<String>,
    /// Whether somebody read the rule's own text.
    pub verified: bool,
    /// The first day on which it holds; `None`: ever since.
    pub from: Option<Date>,
    /// The last day; `None`: until further notice.
    pub until: Option<Date>,
}

impl EscalationRule {
    fn fits(&self, clock: &Running, complaint: &Complaint) -> bool {
        self.stage == clock.stage
            && self.agency.is_none_or(|agency| clock.agency == Some(agency))
            && self.category.as_deref().is_none_or(|category| complaint.category.as_deref() == Some(category))
            && self.adapter.as_ref().is_none_or(|adapter| *adapter == complaint.adapter)
            && self.account.as_deref().is_none_or(|account| account == complaint.account)
    }

    fn holds_on(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day <= until)
    }
}

/// A clock that is not met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Running {
    /// Which.
    pub stage: Stage,
    /// Whose; `None`: the city's, until it is forwarded.
    pub agency: Option<AgencyId>,
    /// That agency's part.
    pub dispatch: Option<DispatchId>,
    /// Who holds it there.
    pub officer: Option<StaffId>,
    /// Since when it runs. With complaint, stage and agency this names the clock: a new one has another beginning, and one that moved has
    /// not.
    pub started: Timestamp,
    /// Its end.
    pub due: Timestamp,
    /// The key of its limit; `None`: it has none.
    pub limit: Option<i64>,
    /// Since when it stands, because the citizen is asked.
    pub stands: Option<Timestamp>,
}

impl Running {
    /// Whether its end has passed. While it stands no end passes.
    pub fn is_missed(&self, now: Timestamp) -> bool {
        self.stands.unwrap_or(now) > self.due
    }

    fn is(&self, other: &Self) -> bool {
        (self.stage, self.agency, self.started) == (other.stage, other.agency, other.started)
    }
}

impl Complaint {
    /// Every clock that runs or stands.
    pub fn running(&self) -> Vec<Running> {
        let forward = self.forward.filter(|due| due.met.is_none() && self.dispatches.is_empty()).map(|due| Running {
            stage: Stage::Forward,
            agency: None,
            dispatch: None,
            officer: None,
            started: self.opened_at,
            due: due.at,
            limit: Some(due.limit),
            stands: None,
        });
        let of_agencies = self.pending().flat_map(|dispatch| {
            let settle = Running {
                stage: Stage::Settle,
                agency: Some(dispatch.agency),
                dispatch: Some(dispatch.id),
                officer: dispatch.officer,
                started: dispatch.clocks.started,
                due: dispatch.deadline,
                limit: dispatch.clocks.settle,
                stands: dispatch.clocks.paused(),
            };
            let answer = dispatch.clocks.answer.filter(|due| due.met.is_none());
            let answer = answer.map(|due| Running { stage: Stage::FirstAnswer, due: due.at, limit: Some(due.limit), ..settle });
            answer.into_iter().chain([settle])
        });
        forward.into_iter().chain(of_agencies).collect()
    }

    /// The clocks that were missed by `now`.
    pub fn missed(&self, now: Timestamp) -> Vec<Missed> {
        self.running().into_iter().filter(|clock| clock.is_missed(now)).map(|clock| Missed { clock, ended: None }).collect()
    }
}

/// A clock that was missed. What is kept of it is never changed again; only when it ended is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed {
    /// Which, whose, and until when it was.
    pub clock: Running,
    /// When it was met at last, or given away; `None`: not yet.
    pub ended: Option<Timestamp>,
}

/// Adds when the clocks ended that a decision ended.
pub(crate) fn ended(missed: &mut [Missed], after: &Complaint, now: Timestamp) {
    let still = after.running();
    for missed in missed {
        missed.ended = (!still.iter().any(|clock| clock.is(&missed.clock))).then_some(now);
    }
}

/// What the rules say of one clock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looked<'a> {
    /// The rules by which somebody is told now, in the order of their moments.
    pub due: Vec<&'a EscalationRule>,
    /// When to look again; `None`: not before something changes.
    pub next: Option<Timestamp>,
}

/// Looks at one clock. `done` says by which rules somebody was told already. What waits for the citizen waits here too: when it goes on
/// somebody looks again.
pub fn look<'a>(
    clock: &Running,
    complaint: &Complaint,
    rules: &'a [EscalationRule],
    done: impl Fn(&EscalationRule) -> bool,
    directory: &Directory,
    now: Timestamp,
) -> Looked<'a> {
    if clock.stands.is_some() {
        return Looked::default();
    }
    let working = directory.working(clock.agency);
    let mut due = Vec::new();
    // Also the mark of a missed clock is made then.
    let mut next = clock.due.checked_add(SignedDuration::from_secs(1)).ok().filter(|passed| *passed > now);
    for rule in rules.iter().filter(|rule| rule.fits(clock, complaint) && !done(rule)) {
        let moment = rule.when.moment(clock.due, &working);
        if !rule.holds_on(directory.day(moment)) {
            continue;
        }
        if moment <= now {
            due.push((moment, rule));
        } else {
            next = Some(next.map_or(moment, |next| next.min(moment)));
        }
    }
    due.sort_by_key(|(moment, rule)| (*moment, rule.id));
    Looked { due: due.into_iter().map(|(_, rule)| rule).collect(), next }
}

/// A step of a complaint's history that says who was told: which clock, whom the rule names, and who was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Escalated {
    /// Of which clock.
    pub stage: Stage,
    /// Until when it was.
    pub due: Timestamp,
    /// Whom the rule names.
    pub asked: Post,
    /// Who was there; `None`: nobody.
    pub reached: Option<Post>,
}

impl Escalated {
    /// As it stands in the history; pages say it in words.
    pub fn to_text(self) -> String {
        let reached = self.reached.map_or("nobody", Post::as_str);
        format!("{} {} {} {reached}", self.stage.as_str(), self.due, self.asked.as_str())
    }

    /// Reads it; `None`: it is no such text.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let stage = Stage::from_word(words.next()?)?;
        let due = words.next()?.parse().ok()?;
        let asked = Post::from_word(words.next()?)?;
        let reached = match words.next()? {
            "nobody" => None,
            word => Some(Post::from_word(word)?),
        };
        words.next().is_none().then_some(Self { stage, due, asked, reached })
    }
}

#[cfg(test)]
#[path = "escalation_tests.rs"]
mod tests;
