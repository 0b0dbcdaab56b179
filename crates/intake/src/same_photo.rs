//! The same photo with another complaint: forwarded from group to group, made smaller by each platform, so that no byte is the same. It is
//! known when the file was looked at, some seconds after its complaint was recorded; so it leads to a suggestion, and joins nothing.

use std::collections::HashSet;

use jiff::SignedDuration;
use model::{
    AttachmentId, ComplaintId, Look, Timestamp,
    incident::{Suggestion, SuggestionState},
};
use store::{
    StoreError, Tx, incident,
    likeness::{self, Candidate},
    look::{self, Reach},
};
use triage::{Picture, Verdict};

use crate::{
    Rooms,
    incident::{MOST_SUGGESTED, beside},
};

/// Of each part so many of the latest are read: about sixteen million pictures in sixty days have as many.
const LATEST: i64 = 250;
/// So many complaints with the photo are thought about.
const FOUND: i64 = 50;
/// A photo that is with more things than these says nothing: a logo, a poster, the picture of a phone's first page.
const MOST_MATTERS: usize = 5;

/// Keeps how a picture looks, and suggests what other complaints with the same photo may be about the same.
pub(crate) async fn compare(tx: &mut Tx, picture: AttachmentId, look: Look, rooms: &Rooms, now: Timestamp) -> Result<(), StoreError> {
    let Some(complaint) = look::keep(tx, picture, look).await? else { return Ok(()) };
    let since = now.checked_sub(SignedDuration::from_secs(triage::WINDOW)).unwrap_or(Timestamp::MIN);
    let reach = Reach { since, latest: LATEST, found: FOUND };
    let mut ids = look::find(tx, look, complaint, reach).await?;
    if ids.is_empty() {
        return Ok(());
    }
    ids.push(complaint);
    look::hold(tx, &ids).await?;
    let (own, others): (Vec<Candidate>, Vec<Candidate>) =
        likeness::candidates(tx, &ids).await?.into_iter().partition(|candidate| candidate.id == complaint);
    let Some(own) = own.first() else { return Ok(()) };
    if matters(&others) > MOST_MATTERS {
        return Ok(());
    }
    let suggested = suggestions(own, &others, rooms, now);
    incident::suggest(tx, &suggested).await?;
    incident::strengthen(tx, &suggested).await
}

/// How many different things they are about, as far as is known: an incident is one.
fn matters(candidates: &[Candidate]) -> usize {
    let key = |candidate: &Candidate| candidate.incident.as_ref().map_or(candidate.id.0, |incident| incident.id.0);
    candidates.iter().map(key).collect::<HashSet<_>>().len()
}

/// The likeliest, one of each incident; what is in the same incident already needs none.
fn suggestions(own: &Candidate, others: &[Candidate], rooms: &Rooms, now: Timestamp) -> Vec<Suggestion> {
    let (judge, sights) = (rooms.atlas.judge(), &rooms.sights);
    let seen: Vec<_> = others.iter().map(|other| sights.see(judge, other)).collect();
    let ranked = judge.rank(&sights.see(judge, own), &seen.iter().map(AsRef::as_ref).collect::<Vec<_>>());
    let mut asked_about: HashSet<model::IncidentId> = own.incident.iter().map(|incident| incident.id).collect();
    let mut suggested = Vec::new();
    for one in ranked {
        let other = &others[one.at];
        let is_news = other.incident.as_ref().is_none_or(|incident| asked_about.insert(incident.id));
        let (verdict, percent, reasons) = judge.verdict(&one, beside(own, other, Picture::Look, &rooms.atlas));
        if verdict != Verdict::Apart && is_news && suggested.len() < MOST_SUGGESTED {
            let (complaint, other) = later_first(own, other);
            let (at, state) = (now, SuggestionState::Open);
            suggested.push(Suggestion { complaint, other, percent, reasons, at, state, by: None, decided_at: None });
        }
    }
    suggested
}

fn later_first(one: &Candidate, other: &Candidate) -> (ComplaintId, ComplaintId) {
    let when = |candidate: &Candidate| (candidate.opened_at, candidate.id);
    if when(one) > when(other) { (one.id, other.id) } else { (other.id, one.id) }
}
