//! Joins an incident, opens one, or leaves a suggestion for staff: every new complaint is compared with earlier ones in the transaction
//! that records it, so that its acknowledgement can say how far the matter is. How alike two are, `triage` says; what follows, `model`.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::SignedDuration;
use model::{
    Actor, Complaint, ComplaintId, Decision, Status, Timestamp, Visibility,
    incident::{Change, Evidence, Incident, IncidentState, Side, StepKind, Suggestion, SuggestionState, join, tell_how_far},
    same::{Earlier, ask_same, consider},
};
use store::{
    StoreError, Tx,
    incident::{self, NewStep, Parted},
    likeness::{self, Candidate, Reach},
};
use triage::{Atlas, Beside, Judge, Keys, Picture, Ranked, Seen, Verdict};

use crate::{Rooms, sights::Sights};

/// Words and pictures that follow within this time can still show what a complaint is about.
const SETTLES: SignedDuration = SignedDuration::from_hours(1);
/// More suggestions about one complaint nobody reads: one for each matter that it may belong to.
pub(crate) const MOST_SUGGESTED: usize = 3;
/// So many of the likeliest are thought about.
const MOST_THOUGHT_ABOUT: usize = 10;
/// So many pairs are compared for one batch: when messages come faster than they are recorded, batches are large, and for each complaint
/// fewer are looked for under each key, and it is compared with fewer, those that share most …
const PAIRS_OF_A_BATCH: usize = 1_000;
/// … and at least with so many.
const FEWEST_FOUND: usize = 10;
/// Likewise so many keys are asked for one batch …
const KEYS_OF_A_BATCH: usize = 1_200;
/// … and of each complaint at least so many, those that say most.
const FEWEST_KEYS: usize = 8;

/// What comparing came to; written once the complaints are.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    joined: Vec<Change>,
    suggested: Vec<Suggestion>,
    /// Keys of new complaints, and of those that were there before.
    kept: Vec<(ComplaintId, Vec<i64>)>,
    kept_more: Vec<(ComplaintId, Vec<i64>)>,
}

/// What comparing one complaint came to.
#[derive(Debug, Default)]
struct Came {
    /// How far the matter is that it joined.
    joined: Option<Status>,
    /// The earlier one that its citizen may be asked about.
    earlier: Option<Earlier>,
}

/// Compares what a batch decided with earlier complaints and with each other, in their order. `pictures`: the sums of those that each
/// complaint's messages of this batch brought. `on_page`: those whose citizens were shown their page already.
pub(crate) async fn compare(
    tx: &mut Tx,
    decisions: &mut [Decision],
    pictures: &HashMap<ComplaintId, Vec<String>>,
    on_page: &HashSet<ComplaintId>,
    rooms: &Rooms,
    now: Timestamp,
) -> Result<Compared, StoreError> {
    let asked: Vec<(usize, Keys)> = decisions
        .iter()
        .enumerate()
        .filter(|(_, decision)| is_new(decision, now))
        .map(|(at, decision)| (at, keys(&decision.complaint, &rooms.atlas)))
        .collect();
    if asked.is_empty() {
        return Ok(Compared::default());
    }
    let found = look_up(tx, decisions, &asked, pictures, now).await?;
    let (atlas, judge, sights) = (&*rooms.atlas, rooms.atlas.judge(), &*rooms.sights);
    let before = asked.iter().map(|(at, _)| &decisions[*at].complaint).filter(|complaint| complaint.version > 0);
    let parted = incident::parted(tx, &before.map(|complaint| complaint.id).collect::<Vec<_>>()).await?;
    let mut table = Table { atlas, judge, sights, found, parted, compared: Compared::default(), now };
    for (at, keys) in asked {
        let came = table.take(&decisions[at].complaint, &keys);
        let decision = &mut decisions[at];
        if let Some(status) = came.joined {
            tell_how_far(decision, status);
        }
        if let Some(earlier) = came.earlier {
            consider(&mut decision.complaint, earlier, &rooms.directory);
        }
        if table.may_be_asked(&decision.complaint) {
            ask_same(decision, on_page.contains(&decision.complaint.id), &rooms.directory, now);
        }
        let complaint = &decisions[at].complaint;
        let kept = if complaint.version == 0 { &mut table.compared.kept } else { &mut table.compared.kept_more };
        kept.push((complaint.id, keys.kept));
    }
    Ok(table.compared)
}

/// Writes what comparing came to.
pub(crate) async fn write(tx: &mut Tx, compared: &Compared, now: Timestamp) -> Result<(), StoreError> {
    likeness::keep(tx, &compared.kept).await?;
    likeness::keep_more(tx, &compared.kept_more).await?;
    if !compared.joined.is_empty() {
        let step = |change| NewStep { kind: StepKind::Joined, change, by: Actor::System, at: now, undoes: None, reason: None };
        incident::write(tx, &compared.joined.iter().map(step).collect::<Vec<_>>()).await?;
    }
    incident::suggest(tx, &compared.suggested).await
}

/// Writes what citizens said, before anything is compared: comparing finds it done.
pub(crate) async fn write_said(tx: &mut Tx, said: &[(StepKind, Change)], now: Timestamp) -> Result<(), StoreError> {
    if said.is_empty() {
        return Ok(());
    }
    let steps = said.iter().map(|(kind, change)| NewStep { kind: *kind, change, by: Actor::Citizen, at: now, undoes: None, reason: None });
    incident::write(tx, &steps.collect::<Vec<_>>()).await
}

/// Confidential ones stay by themselves; what is held is compared with nothing before somebody has looked.
fn is_new(decision: &Decision, now: Timestamp) -> bool {
    let complaint = &decision.complaint;
    let settles = complaint.version == 0 || now.duration_since(complaint.opened_at) <= SETTLES;
    !complaint.visibility.is_secret() && !complaint.is_held() && !complaint.is_spam() && settles
}

fn side<'a>(text: &'a str, place: &'a str, area: &'a str, opened_at: Timestamp) -> triage::Side<'a> {
    triage::Side { text, place, area, at: opened_at.as_second() }
}

fn keys(complaint: &Complaint, atlas: &Atlas) -> Keys {
    let (place, area) = (complaint.place.as_deref().unwrap_or_default(), complaint.area.as_deref().unwrap_or_default());
    triage::keys_beside(&side(&complaint.text, place, area, complaint.opened_at), complaint.location, atlas.neighbours(area))
}

/// What was found in the tables, and what this batch adds to it.
#[derive(Default)]
struct Found {
    /// For each complaint, which ones to compare it with.
    near: HashMap<ComplaintId, Vec<ComplaintId>>,
    complaints: HashMap<ComplaintId, Candidate>,
    /// Complaints that came with the same picture, in either order.
    same_picture: HashSet<(ComplaintId, ComplaintId)>,
}

async fn look_up(
    tx: &mut Tx,
    decisions: &[Decision],
    asked: &[(usize, Keys)],
    pictures: &HashMap<ComplaintId, Vec<String>>,
    now: Timestamp,
) -> Result<Found, StoreError> {
    let since = now.checked_sub(SignedDuration::from_secs(triage::WINDOW)).unwrap_or(Timestamp::MIN);
    let most = most_found(asked.len());
    let reach = Reach { since, latest: most, found: most };
    let lists: Vec<Vec<(i64, f32)>> = asked.iter().map(|(_, keys)| keys.strongest(most_keys(asked.len()))).collect();
    let id = |place: usize| decisions[asked[place].0].complaint.id;
    let mut found = Found::default();
    for (place, complaint) in likeness::find(tx, &lists, reach).await? {
        found.near.entry(id(place)).or_default().push(complaint);
    }
    found.by_picture(tx, pictures, since).await?;
    within_the_batch(&mut found, decisions, asked, pictures, most);
    // Those of the batch that are there already may be in an incident.
    let own = asked.iter().map(|(at, _)| &decisions[*at].complaint);
    let ids: HashSet<ComplaintId> = found.near.values().flatten().copied().chain(own.map(|complaint| complaint.id)).collect();
    let loaded = likeness::candidates(tx, &ids.into_iter().collect::<Vec<_>>()).await?;
    found.complaints = loaded.into_iter().map(|candidate| (candidate.id, candidate)).collect();
    Ok(found)
}

/// With how many each of a batch of so many complaints is compared.
fn most_found(asked: usize) -> usize {
    (PAIRS_OF_A_BATCH / asked.max(1)).clamp(FEWEST_FOUND, triage::FOUND)
}

/// Under how many keys each of a batch of so many complaints is looked for.
fn most_keys(asked: usize) -> usize {
    (KEYS_OF_A_BATCH / asked.max(1)).max(FEWEST_KEYS)
}

impl Found {
    async fn by_picture(&mut self, tx: &mut Tx, pictures: &HashMap<ComplaintId, Vec<String>>, since: Timestamp) -> Result<(), StoreError> {
        let sums: HashSet<&String> = pictures.values().flatten().collect();
        let sums: Vec<String> = sums.into_iter().cloned().collect();
        for (sum, other) in likeness::with_pictures(tx, &sums, since, triage::LATEST_OF_A_KEY).await? {
            for (id, _) in pictures.iter().filter(|(id, own)| **id != other && own.contains(&sum)) {
                self.meet(*id, other, true);
            }
        }
        Ok(())
    }

    fn meet(&mut self, id: ComplaintId, other: ComplaintId, picture: bool) {
        let near = self.near.entry(id).or_default();
        if !near.contains(&other) {
            near.push(other);
        }
        if picture {
            self.same_picture.insert((id, other));
        }
    }
}

/// Of one batch, the later ones are compared with the earlier ones: in a flood a batch holds many of one thing.
fn within_the_batch(
    found: &mut Found,
    decisions: &[Decision],
    asked: &[(usize, Keys)],
    pictures: &HashMap<ComplaintId, Vec<String>>,
    most: usize,
) {
    let mut kept: HashMap<i64, Vec<ComplaintId>> = HashMap::new();
    for (place, (at, keys)) in asked.iter().enumerate() {
        let id = decisions[*at].complaint.id;
        let mut shares: HashMap<ComplaintId, f32> = HashMap::new();
        for (key, says) in &keys.asked {
            for other in kept.get(key).into_iter().flatten().rev().take(most) {
                *shares.entry(*other).or_default() += says;
            }
        }
        let mut shares: Vec<(ComplaintId, f32)> = shares.into_iter().collect();
        shares.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0)));
        for (other, _) in shares.into_iter().take(most) {
            found.meet(id, other, false);
        }
        let own = pictures.get(&id).map(Vec::as_slice).unwrap_or_default();
        for (earlier, _) in &asked[..place] {
            let other = decisions[*earlier].complaint.id;
            if pictures.get(&other).is_some_and(|theirs| theirs.iter().any(|sum| own.contains(sum))) {
                found.meet(id, other, true);
            }
        }
        for key in &keys.kept {
            kept.entry(*key).or_default().push(id);
        }
    }
}

/// Where complaints lie side by side.
struct Table<'a> {
    atlas: &'a Atlas,
    judge: &'a Judge,
    sights: &'a Sights,
    found: Found,
    parted: Parted,
    compared: Compared,
    now: Timestamp,
}

impl Table<'_> {
    /// Compares one complaint.
    fn take(&mut self, complaint: &Complaint, keys: &Keys) -> Came {
        let incident = self.found.complaints.get(&complaint.id).and_then(|there| there.incident.clone());
        let own = Candidate { incident, ..Candidate::of(complaint) };
        let has_words = keys.kept.len() > 1 || !complaint.text.trim().is_empty();
        let seen = self.sights.see(self.judge, &own);
        let near = self.found.near.remove(&complaint.id).unwrap_or_default();
        let near: Vec<ComplaintId> =
            near.into_iter().filter(|other| *other != own.id && self.found.complaints.contains_key(other)).collect();
        let others: Vec<Arc<Seen>> = near.iter().map(|other| self.sights.see(self.judge, &self.found.complaints[other])).collect();
        let mut ranked = self.judge.rank(&seen, &others.iter().map(Arc::as_ref).collect::<Vec<_>>());
        // What was sent at almost the same time is compared once, by the later one.
        ranked.truncate(MOST_THOUGHT_ABOUT);
        let id = own.id;
        let was_alone = own.incident.is_none();
        self.found.complaints.insert(id, own);
        // Who left an incident is brought to no other by comparing.
        if !(has_words && was_alone) || self.parted.has_left(id) {
            return Came::default();
        }
        let likeliest = self.think(id, &near, &others, &ranked);
        let Some(incident) = self.found.complaints[&id].incident.as_ref().map(|incident| incident.id) else {
            return Came { joined: None, earlier: likeliest.map(|other| self.earlier(id, other)) };
        };
        let together = |candidate: &&Candidate| candidate.id != id && candidate.incident.as_ref().is_some_and(|other| other.id == incident);
        let joined = self.found.complaints.values().filter(together).map(|candidate| candidate.status).max_by_key(|status| rank(*status));
        Came { joined, earlier: None }
    }

    /// What the citizen of one complaint may be told of another.
    fn earlier(&self, id: ComplaintId, other: ComplaintId) -> Earlier {
        let (own, other) = (&self.found.complaints[&id], &self.found.complaints[&other]);
        let street = triage::street_of_both(
            &side(&own.text, &own.place, &own.area, own.opened_at),
            &side(&other.text, &other.place, &other.area, other.opened_at),
        );
        let area = Some(other.area.clone()).filter(|area| !area.is_empty());
        Earlier { complaint: other.id, category: other.category.clone(), area, street, opened_at: other.opened_at, same: None }
    }

    /// Nobody decided meanwhile about the complaint and the earlier one that its citizen would be asked about.
    fn may_be_asked(&self, complaint: &Complaint) -> bool {
        let alone = self.found.complaints.get(&complaint.id).is_none_or(|own| own.incident.is_none());
        alone && complaint.unanswered().is_some_and(|earlier| !self.parted.are_two(complaint.id, earlier.complaint))
    }

    /// The likeliest of those that are suggested and not dealt with.
    fn think(&mut self, id: ComplaintId, near: &[ComplaintId], seen: &[Arc<Seen>], ranked: &[Ranked]) -> Option<ComplaintId> {
        let mut likeliest = None;
        let mut suggested: Vec<usize> = Vec::new();
        for one in ranked {
            let (own, other) = (&self.found.complaints[&id], &self.found.complaints[&near[one.at]]);
            if own.incident.is_some() && own.incident.as_ref().map(|own| own.id) == other.incident.as_ref().map(|other| other.id) {
                continue;
            }
            if self.parted.are_two(id, other.id) {
                continue;
            }
            let picture = if self.found.same_picture.contains(&(id, other.id)) { Picture::Bytes } else { Picture::Other };
            let (verdict, percent, reasons) = self.judge.verdict(one, beside(own, other, picture, self.atlas));
            let dealt_with =
                other.status == Status::Resolved || other.incident.as_ref().is_some_and(|incident| incident.state == IncidentState::Closed);
            let two_incidents = own.incident.is_some() && other.incident.is_some();
            if verdict == Verdict::Join && !dealt_with && !two_incidents {
                let evidence = Some(Evidence { percent, reasons });
                if let Ok(change) = join(&as_side(own), &as_side(other), None, evidence, Actor::System, self.now) {
                    self.apply(&change);
                    self.compared.joined.push(change);
                }
                continue;
            }
            if verdict == Verdict::Apart || suggested.len() == MOST_SUGGESTED {
                continue;
            }
            if suggested.iter().any(|at| self.are_one_matter((near[*at], &seen[*at]), (other.id, &seen[one.at]))) {
                continue;
            }
            suggested.push(one.at);
            let (at, state, other) = (self.now, SuggestionState::Open, other.id);
            likeliest = likeliest.or(Some(other).filter(|_| !dealt_with));
            self.compared.suggested.push(Suggestion { complaint: id, other, percent, reasons, at, state, by: None, decided_at: None });
        }
        likeliest
    }

    /// Whether whoever decides about one decides about the other: they are in one incident, or likely to be about the same thing.
    fn are_one_matter(&self, a: (ComplaintId, &Seen), b: (ComplaintId, &Seen)) -> bool {
        let (one, other) = (&self.found.complaints[&a.0], &self.found.complaints[&b.0]);
        let incidents = one.incident.as_ref().zip(other.incident.as_ref());
        incidents.is_some_and(|(one, other)| one.id == other.id)
            || self
                .judge
                .rank(a.1, &[b.1])
                .iter()
                .any(|pair| self.judge.verdict(pair, beside(one, other, Picture::Other, self.atlas)).0 != Verdict::Apart)
    }

    /// Later complaints of the batch meet what earlier ones made.
    fn apply(&mut self, change: &Change) {
        let after: HashMap<model::IncidentId, &Incident> =
            change.incidents.iter().filter_map(|(_, after)| after.as_ref()).map(|incident| (incident.id, incident)).collect();
        let known: HashMap<model::IncidentId, Incident> = self
            .found
            .complaints
            .values()
            .filter_map(|candidate| candidate.incident.clone())
            .map(|incident| (incident.id, incident))
            .collect();
        for candidate in self.found.complaints.values_mut() {
            let member = change.members.iter().filter_map(|(_, after)| after.as_ref()).find(|member| member.complaint == candidate.id);
            let incident = member.map(|member| member.incident).or(candidate.incident.as_ref().map(|incident| incident.id));
            candidate.incident =
                incident.and_then(|id| after.get(&id).map(|incident| (*incident).clone()).or_else(|| known.get(&id).cloned()));
        }
    }
}

/// Nobody is moved by itself, so nobody else of the incident need be known.
fn as_side(candidate: &Candidate) -> Side {
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Side {
        complaint: candidate.id,
        opened_at: candidate.opened_at,
        category: candidate.category.clone(),
        area: text(&candidate.area),
        place: text(&candidate.place),
        visibility: Visibility::Hidden,
        incident: candidate.incident.clone(),
        members: Vec::new(),
    }
}

/// What is known of two complaints besides words, place and time.
pub(crate) fn beside(own: &Candidate, other: &Candidate, picture: Picture, atlas: &Atlas) -> Beside {
    Beside {
        metres: own.location.zip(other.location).map(|(a, b)| a.metres_to(b)),
        picture,
        citizen: own.citizen == other.citizen,
        category: own.category.is_some() && own.category == other.category,
        neighbours: own.area != other.area && atlas.touch(&own.area, &other.area),
    }
}

/// The furthest of several speaks for the matter.
fn rank(status: Status) -> usize {
    Status::ALL.iter().position(|other| *other == status).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_batches_compare_each_with_fewer_and_none_with_nobody() {
        assert_eq!([0, 1, 25, 50, 100, 5_000].map(most_found), [40, 40, 40, 20, 10, 10]);
        assert_eq!([1, 25, 100, 200, 5_000].map(most_keys), [1_200, 48, 12, 8, 8]);
    }
}
