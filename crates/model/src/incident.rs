//! The thing in the world that several complaints are about: what may be joined, parted and taken back. Pure, like `decide`: every
//! function returns all rows that change, as they were and as they will be, so that any step can be taken back exactly.

mod act;

pub use self::act::Act;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Actor, Complaint, ComplaintId, Decision, IncidentId, NotAllowed, Role, StaffId, Status, Visibility};

/// How far an incident is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentState {
    /// Somebody still has to act, or may.
    Open,
    /// Dealt with: nothing joins it by itself any more.
    Closed,
}

impl IncidentState {
    /// The word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Open, Self::Closed].into_iter().find(|state| state.as_str() == word)
    }
}

/// The thing in the world. Its agencies are those of its complaints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Its key.
    pub id: IncidentId,
    /// The complaint that speaks for it.
    pub lead: ComplaintId,
    /// Code of the category, the lead's.
    pub category: Option<String>,
    /// Code of the area, the lead's.
    pub area: Option<String>,
    /// Where it is, in words, the lead's.
    pub place: Option<String>,
    /// When the first of its complaints came.
    pub opened_at: Timestamp,
    /// How far it is.
    pub state: IncidentState,
}

/// How a complaint came into an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// By itself, above the proven threshold.
    Automatic,
    /// A member of staff joined them.
    Staff,
    /// The citizen said that it is the same.
    Citizen,
}

impl How {
    /// The word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Staff => "staff",
            Self::Citizen => "citizen",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Automatic, Self::Staff, Self::Citizen].into_iter().find(|how| how.as_str() == word)
    }
}

/// Why two complaints are thought to be about one thing, or not; for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Reason {
    /// How much the words have in common, in percent.
    Words {
        /// 0 to 100.
        percent: u8,
    },
    /// Word for word the same.
    Identical,
    /// How much the places have in common, in percent.
    Place {
        /// 0 to 100.
        percent: u8,
    },
    /// The gang, the house or the RT is another.
    OtherNumber,
    /// The same area.
    Area,
    /// Another area, far from the one.
    OtherArea,
    /// Another area, which touches the one.
    NeighbourArea,
    /// The points on the map are so far apart, in metres.
    Metres {
        /// Up to 65,535.
        metres: u16,
    },
    /// So many hours between them.
    Hours {
        /// Up to 65,535.
        hours: u16,
    },
    /// The same category.
    Category,
    /// Both name the same long number.
    Number,
    /// The same picture came with both.
    Picture,
    /// A picture that looks the same came with both: the same photo, compressed or made smaller on its way.
    Look,
    /// The same citizen sent both.
    Citizen,
}

/// What a complaint has to do with an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Which complaint; it is in one incident at most.
    pub complaint: ComplaintId,
    /// Which incident.
    pub incident: IncidentId,
    /// How it came in.
    pub how: How,
    /// How likely it was thought to be; `None` for the first one.
    pub percent: Option<u8>,
    /// Why.
    pub reasons: Vec<Reason>,
    /// Who joined it, where that was a member of staff.
    pub by: Option<StaffId>,
    /// Since when.
    pub at: Timestamp,
}

/// How far a suggestion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuggestionState {
    /// Waits for a person.
    Open,
    /// A person could not say yet.
    Later,
    /// They are about one thing.
    Joined,
    /// They are not.
    Different,
}

impl SuggestionState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Open, Self::Later, Self::Joined, Self::Different];

    /// The word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Later => "later",
            Self::Joined => "joined",
            Self::Different => "different",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// Two complaints that may be about one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    /// The later one.
    pub complaint: ComplaintId,
    /// The earlier one.
    pub other: ComplaintId,
    /// How likely.
    pub percent: u8,
    /// Why.
    pub reasons: Vec<Reason>,
    /// When it was suggested.
    pub at: Timestamp,
    /// How far it is.
    pub state: SuggestionState,
    /// Who decided.
    pub by: Option<StaffId>,
    /// When.
    pub decided_at: Option<Timestamp>,
}

/// A row before and after; at least one of the two is there.
pub type Changed<T> = (Option<T>, Option<T>);

/// The rows that a step changes, as they were and as they will be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Incidents.
    pub incidents: Vec<Changed<Incident>>,
    /// Who is in which.
    pub members: Vec<Changed<Member>>,
    /// Suggestions.
    pub suggestions: Vec<Changed<Suggestion>>,
}

impl Change {
    /// The way back.
    #[must_use]
    pub fn reversed(self) -> Self {
        fn turn<T>(rows: Vec<Changed<T>>) -> Vec<Changed<T>> {
            rows.into_iter().map(|(before, after)| (after, before)).collect()
        }
        Self { incidents: turn(self.incidents), members: turn(self.members), suggestions: turn(self.suggestions) }
    }

    /// Makes of a complaint as it was before the step what it is afterwards. Members of an incident that it was not in are those of the step.
    pub fn apply(&self, side: &mut Side) {
        let of = |member: &Member| member.complaint;
        for (before, after) in &self.members {
            if let Some(before) = before {
                side.members.retain(|member| of(member) != before.complaint);
            }
            if let Some(after) = after {
                side.members.retain(|member| of(member) != after.complaint);
                side.members.push(after.clone());
            }
        }
        let own = side.members.iter().find(|member| of(member) == side.complaint).map(|own| own.incident);
        let there = side.incident.take().filter(|incident| Some(incident.id) == own);
        let after = self.incidents.iter().filter_map(|(_, after)| after.as_ref()).find(|after| Some(after.id) == own).cloned();
        side.incident = after.or(there);
        side.members.retain(|member| side.incident.as_ref().is_some_and(|incident| incident.id == member.incident));
    }

    /// Every complaint whose rows change, each once, in order; where only an incident changes, the one that speaks for it.
    pub fn complaints(&self) -> Vec<ComplaintId> {
        let members = self.members.iter().filter_map(|(before, after)| Some(before.as_ref().or(after.as_ref())?.complaint));
        let pairs = self.suggestions.iter().filter_map(|(before, after)| before.as_ref().or(after.as_ref()));
        let mut all: Vec<ComplaintId> = members.chain(pairs.flat_map(|pair| [pair.complaint, pair.other])).collect();
        if all.is_empty() {
            all.extend(self.incidents.iter().filter_map(|(before, after)| Some(before.as_ref().or(after.as_ref())?.lead)));
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The incident it is about: the one that is there afterwards, else the one that was.
    pub fn incident(&self) -> Option<IncidentId> {
        let after = self.members.iter().find_map(|(_, after)| after.as_ref());
        let before = self.members.iter().find_map(|(before, _)| before.as_ref());
        let itself = || self.incidents.iter().find_map(|(before, after)| Some(before.as_ref().or(after.as_ref())?.id));
        after.or(before).map(|member| member.incident).or_else(itself)
    }
}

/// What a step was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepKind {
    /// Two complaints, or two incidents, became one.
    Joined,
    /// A pair is not about one thing.
    Different,
    /// A pair waits.
    Later,
    /// A complaint left its incident.
    Split,
    /// An incident that was dealt with is open again.
    Reopened,
    /// A step was taken back.
    Undone,
}

impl StepKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [Self::Joined, Self::Different, Self::Later, Self::Split, Self::Reopened, Self::Undone];

    /// The word in tables and word files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Joined => "joined",
            Self::Different => "different",
            Self::Later => "later",
            Self::Split => "split",
            Self::Reopened => "reopened",
            Self::Undone => "undone",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// One complaint with the incident it is in, as the tables have them.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// The complaint.
    pub complaint: ComplaintId,
    /// When it came.
    pub opened_at: Timestamp,
    /// Its category, area and place: the incident's, if it leads.
    pub category: Option<String>,
    /// See `category`.
    pub area: Option<String>,
    /// See `category`.
    pub place: Option<String>,
    /// Who may see it.
    pub visibility: Visibility,
    /// Its incident.
    pub incident: Option<Incident>,
    /// Everybody who is in that.
    pub members: Vec<Member>,
}

impl Side {
    /// A complaint that is in no incident.
    pub fn alone(complaint: &Complaint) -> Self {
        Self {
            complaint: complaint.id,
            opened_at: kept(complaint.opened_at),
            category: complaint.category.clone(),
            area: complaint.area.clone(),
            place: complaint.place.clone(),
            visibility: complaint.visibility,
            incident: None,
            members: Vec::new(),
        }
    }
}

/// Why they are joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// How likely, in percent.
    pub percent: u8,
    /// Why.
    pub reasons: Vec<Reason>,
}

/// Two complaints are about one thing: a new incident, one that grows, or two that become one. The older incident stays.
///
/// # Errors
/// [`NotAllowed::Together`] if they are already; [`NotAllowed::Role`] if the actor may not, or one of them is confidential.
pub fn join(
    one: &Side,
    other: &Side,
    pair: Option<Suggestion>,
    evidence: Option<Evidence>,
    by: Actor,
    now: Timestamp,
) -> Result<Change, NotAllowed> {
    let (how, staff) = how(by)?;
    if [one, other].iter().any(|side| side.visibility.is_secret()) {
        return Err(NotAllowed::Confidential);
    }
    if one.complaint == other.complaint || one.incident.is_some() && one.incident == other.incident {
        return Err(NotAllowed::Together);
    }
    let older = |side: &Side| (side.incident.as_ref().map_or(side.opened_at, |incident| incident.opened_at), side.complaint);
    let (first, second) = if older(one) <= older(other) { (one, other) } else { (other, one) };
    // One that is there grows; of two the older one stays.
    let (stays, comes) = if first.incident.is_none() && second.incident.is_some() { (second, first) } else { (first, second) };
    let mut change = Change::default();
    let evidence = evidence.or_else(|| pair.as_ref().map(|pair| Evidence { percent: pair.percent, reasons: pair.reasons.clone() }));
    let member = |complaint, incident, evidence: Option<Evidence>| Member {
        complaint,
        incident,
        how,
        percent: evidence.as_ref().map(|evidence| evidence.percent),
        reasons: evidence.map(|evidence| evidence.reasons).unwrap_or_default(),
        by: staff,
        at: kept(now),
    };
    let id = if let Some(incident) = &stays.incident {
        if comes.opened_at < incident.opened_at {
            let earlier = Incident { opened_at: comes.opened_at, ..incident.clone() };
            change.incidents.push((Some(incident.clone()), Some(earlier)));
        }
        incident.id
    } else {
        let incident = led_by(stays, IncidentId::new(now));
        let id = incident.id;
        change.incidents.push((None, Some(incident)));
        change.members.push((None, Some(member(stays.complaint, id, None))));
        id
    };
    if let Some(gone) = &comes.incident {
        change.incidents.push((Some(gone.clone()), None));
        let moved = |old: &Member| (Some(old.clone()), Some(Member { incident: id, ..old.clone() }));
        change.members.extend(comes.members.iter().map(moved));
    } else {
        change.members.push((None, Some(member(comes.complaint, id, evidence))));
    }
    if let Some(pair) = pair {
        change.suggestions.push(decided(pair, SuggestionState::Joined, staff, now));
    }
    Ok(change)
}

/// Somebody of the staff knows that two complaints are about one thing, though nothing suggested it, or nobody decided on it. The pair is kept as decided:
/// the next model learns from it.
///
/// # Errors
/// Those of [`join`].
pub fn join_by_hand(one: &Side, other: &Side, pair: Option<Suggestion>, by: Actor, now: Timestamp) -> Result<Change, NotAllowed> {
    let is_new = pair.is_none();
    let mut change = join(one, other, pair, None, by, now)?;
    if is_new {
        let when = |side: &Side| (side.opened_at, side.complaint);
        let (later, earlier) = if when(one) > when(other) { (one, other) } else { (other, one) };
        let pair = Suggestion {
            complaint: later.complaint,
            other: earlier.complaint,
            percent: 100,
            reasons: Vec::new(),
            at: kept(now),
            state: SuggestionState::Joined,
            by: how(by)?.1,
            decided_at: Some(kept(now)),
        };
        change.suggestions.push((None, Some(pair)));
    }
    Ok(change)
}

/// A person says of a pair that it is not about one thing, or that they cannot say yet.
///
/// # Errors
/// [`NotAllowed::Together`] if the pair is joined: that takes a split.
pub fn part(pair: Suggestion, state: SuggestionState, by: Actor, now: Timestamp) -> Result<Change, NotAllowed> {
    let (_, staff) = how(by)?;
    if pair.state == SuggestionState::Joined || state == SuggestionState::Joined {
        return Err(NotAllowed::Together);
    }
    Ok(Change { suggestions: vec![decided(pair, state, staff, now)], ..Change::default() })
}

/// A complaint leaves its incident. Of two nothing is left: one complaint is no incident. `rest`: the others, or the oldest two of them. `pairs`: what was suggested of this complaint
/// with others of the incident; they are different things now, which the next model learns.
///
/// # Errors
/// [`NotAllowed::Apart`] if it is in none.
pub fn split(side: &Side, rest: &[Side], pairs: Vec<Suggestion>, by: Actor, now: Timestamp) -> Result<Change, NotAllowed> {
    let (_, staff) = how(by)?;
    let own = side.members.iter().find(|member| member.complaint == side.complaint);
    let (Some(incident), Some(own)) = (&side.incident, own) else { return Err(NotAllowed::Apart) };
    let mut change = Change::default();
    change.members.push((Some(own.clone()), None));
    let mut left: Vec<&Side> = rest.iter().filter(|other| other.complaint != side.complaint).collect();
    left.sort_by_key(|other| (other.opened_at, other.complaint));
    if left.len() < 2 {
        change
            .members
            .extend(side.members.iter().filter(|member| member.complaint != side.complaint).map(|last| (Some(last.clone()), None)));
        change.incidents.push((Some(incident.clone()), None));
    } else {
        let oldest = left[0];
        let next = if incident.lead == side.complaint {
            Incident { state: incident.state, ..led_by(oldest, incident.id) }
        } else {
            Incident { opened_at: oldest.opened_at, ..incident.clone() }
        };
        if next != *incident {
            change.incidents.push((Some(incident.clone()), Some(next)));
        }
    }
    let pairs = pairs.into_iter().filter(|pair| pair.state != SuggestionState::Different);
    change.suggestions.extend(pairs.map(|pair| decided(pair, SuggestionState::Different, staff, now)));
    Ok(change)
}

/// An incident that was dealt with is open again: the water is back.
///
/// # Errors
/// [`NotAllowed::Role`] if the actor may not open complaints again either; [`NotAllowed::StillOpen`] if it is open.
pub fn reopen(incident: &Incident, by: Actor) -> Result<Change, NotAllowed> {
    match by {
        Actor::Staff { role, .. } if role.may_triage() || role == Role::Supervisor => (),
        _ => return Err(NotAllowed::Role),
    }
    turn(incident, IncidentState::Open).ok_or(NotAllowed::StillOpen)
}

/// An incident is dealt with, or open again.
pub fn turn(incident: &Incident, state: IncidentState) -> Option<Change> {
    let next = Incident { state, ..incident.clone() };
    (next != *incident).then(|| Change { incidents: vec![(Some(incident.clone()), Some(next))], ..Change::default() })
}

/// Who joins late is told in the acknowledgement how far the matter is.
pub fn tell_how_far(decision: &mut Decision, status: Status) {
    for reply in decision.replies.iter_mut().filter(|reply| reply.kind.acknowledges()) {
        reply.facts.known = Some(status);
    }
}

fn how(by: Actor) -> Result<(How, Option<StaffId>), NotAllowed> {
    match by {
        Actor::System => Ok((How::Automatic, None)),
        Actor::Citizen => Ok((How::Citizen, None)),
        Actor::Staff { role: Role::Clerk, .. } => Err(NotAllowed::Role),
        Actor::Staff { id, .. } => Ok((How::Staff, Some(id))),
    }
}

/// Tables keep microseconds: what a step says of a row must be what is there.
fn kept(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

fn led_by(side: &Side, id: IncidentId) -> Incident {
    Incident {
        id,
        lead: side.complaint,
        category: side.category.clone(),
        area: side.area.clone(),
        place: side.place.clone(),
        opened_at: kept(side.opened_at),
        state: IncidentState::Open,
    }
}

fn decided(pair: Suggestion, state: SuggestionState, by: Option<StaffId>, now: Timestamp) -> Changed<Suggestion> {
    let next = Suggestion { state, by, decided_at: Some(kept(now)), ..pair.clone() };
    (Some(pair), Some(next))
}

#[cfg(test)]
#[path = "incident_tests.rs"]
mod tests;
