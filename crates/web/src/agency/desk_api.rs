//! `POST /api/loket/…`: what the desk asks in its clerk's name. The token is the one that lets the clerk into the desk; whether its
//! holder still is that office's clerk is looked up each time, and a search for a person is noted.

use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::{header, request::Parts},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ed25519_dalek::Signature;
use jiff::{Span, ToSpan};
use model::{
    ClerkToken, Directory, Point, Role,
    desk::{Findings, Found, FoundBy, Search, Undelivered},
};
use serde_json::json;
use store::desk::Near;

use crate::{Rooms, WebError};

/// What fits on a screen.
const MOST: usize = 10;
/// Answers on one list.
const MOST_ANSWERS: u16 = 200;
/// How many of an area are compared.
const COMPARED: u16 = 400;
/// Longer names and texts are not looked for: a form holds less.
const MOST_LETTERS: usize = 6_000;
/// Texts that are at least so much alike are shown. Chosen by looking at examples: it is a hint for a person.
const ALIKE: f64 = 0.45;
/// The same where both have a point and the points are this near, in metres.
const ALIKE_HERE: f64 = 0.15;
const HERE: f64 = 250.0;

/// What was opened before is another matter by now.
fn lately() -> Span {
    (60 * 24).hours()
}

/// A name is looked for this far back.
fn for_long() -> Span {
    (400 * 24).hours()
}

/// The clerk whose token the desk sent.
pub(crate) struct ByToken(ClerkToken);

impl FromRequestParts<Rooms> for ByToken {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, rooms: &Rooms) -> Result<Self, WebError> {
        let value = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = value.and_then(|value| value.strip_prefix("Bearer ")).and_then(|token| read(token, rooms));
        let clerk = token.filter(|clerk| clerk.role == Role::Clerk && clerk.expires_at > rooms.now()).ok_or(WebError::NotForRole)?;
        let ended = clerk.generation < store::ended::generation(rooms.db(), clerk.staff).await?;
        if ended || !store::desk::is_clerk(rooms.db(), clerk.staff, &clerk.office).await? {
            return Err(WebError::NotForRole);
        }
        Ok(Self(clerk))
    }
}

/// What we signed ourselves.
fn read(token: &str, rooms: &Rooms) -> Option<ClerkToken> {
    let (claims, signature) = token.split_once('.')?;
    let signature = Signature::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
    rooms.staff_key().verifying_key().verify_strict(claims.as_bytes(), &signature).ok()?;
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

pub(crate) async fn search(
    State(rooms): State<Rooms>,
    ByToken(clerk): ByToken,
    Json(asked): Json<Search>,
) -> Result<Json<Findings>, WebError> {
    rooms.limits().desk_search(&clerk.staff.to_string())?;
    if asked.text.len() + asked.name.as_ref().map_or(0, String::len) > MOST_LETTERS {
        return Err(WebError::TooLarge);
    }
    note(&rooms, &clerk, &asked).await?;
    let (db, office, now) = (rooms.db(), clerk.office.as_str(), rooms.now());
    let most = u16::try_from(MOST + 1).unwrap_or(u16::MAX);
    let mut found = Vec::new();
    if let Some(number) = &asked.number {
        found.extend(store::desk::by_number(db, office, number).await?);
    }
    if let Some(contact) = &asked.contact {
        found.extend(store::desk::by_contact(db, office, contact, most).await?);
    }
    if let Some(name) = asked.name.as_deref().map(str::trim).filter(|name| name.chars().count() >= 3) {
        found.extend(store::desk::by_name(db, office, name, now - for_long(), most).await?);
    }
    if let Some(area) = &asked.area {
        found.extend(alike(&asked, store::desk::near(db, office, area, now - lately(), COMPARED).await?));
    }
    Ok(Json(findings(found, &rooms.directory())))
}

/// Who looked for a person, and how; never for whom.
async fn note(rooms: &Rooms, clerk: &ClerkToken, asked: &Search) -> Result<(), WebError> {
    if asked.contact.is_none() && asked.name.is_none() {
        return Ok(());
    }
    let mut tx = store::begin(rooms.db()).await?;
    let detail = json!({ "contact": asked.contact.is_some(), "name": asked.name.is_some() });
    store::audit::write(&mut tx, rooms.now(), Some(clerk.staff), "desk.search", &clerk.office, &detail).await?;
    store::commit(tx).await?;
    Ok(())
}

/// Those of the area whose words are alike, the most alike first.
fn alike(asked: &Search, near: Vec<Near>) -> Vec<store::desk::Found> {
    let text = [asked.text.as_str(), asked.place.as_deref().unwrap_or_default()].join(" ");
    let point = asked.location.and_then(|point| Point::new(point.lat, point.lon));
    let share = |other: &Near| {
        let share = triage::alike(&text, &other.text);
        let here = point.zip(other.location).is_some_and(|(one, other)| metres(one, other) <= HERE);
        (share >= if here { ALIKE_HERE } else { ALIKE }).then_some(if here { share + 1.0 } else { share })
    };
    let mut fitting: Vec<(f64, store::desk::Found)> = near.into_iter().filter_map(|other| Some((share(&other)?, other.found))).collect();
    fitting.sort_by(|one, other| other.0.total_cmp(&one.0));
    fitting.into_iter().map(|(_, found)| found).collect()
}

/// Near enough for a city: the earth is flat for some hundred metres.
fn metres(one: Point, other: Point) -> f64 {
    const METRES_A_DEGREE: f64 = 111_320.0;
    let north = (one.lat - other.lat) * METRES_A_DEGREE;
    let east = (one.lon - other.lon) * METRES_A_DEGREE * one.lat.to_radians().cos();
    north.hypot(east)
}

/// Each complaint once, with everything that fits.
fn findings(found: Vec<store::desk::Found>, directory: &Directory) -> Findings {
    let mut all: Vec<Found> = Vec::new();
    for one in found {
        match all.iter_mut().find(|known| known.reference == one.reference) {
            Some(known) if known.by.contains(&one.by) => {}
            Some(known) => known.by.push(one.by),
            None => all.push(Found {
                reference: one.reference,
                status: one.status,
                agencies: one.agencies.iter().map(|agency| directory.agency_name(*agency).to_owned()).collect(),
                opened_at: one.opened_at,
                by: vec![one.by],
                own: one.own,
            }),
        }
    }
    // The number first, then what fits in most ways.
    all.sort_by_key(|found| (!found.by.contains(&FoundBy::Number), std::cmp::Reverse(found.by.len())));
    let more = all.len() > MOST;
    all.truncate(MOST);
    Findings { found: all, more }
}

pub(crate) async fn undelivered(State(rooms): State<Rooms>, ByToken(clerk): ByToken) -> Result<Json<Undelivered>, WebError> {
    rooms.limits().desk_search(&clerk.staff.to_string())?;
    let mut answers = store::desk::undelivered(rooms.db(), &clerk.office, MOST_ANSWERS + 1).await?;
    let more = answers.len() > usize::from(MOST_ANSWERS);
    answers.truncate(usize::from(MOST_ANSWERS));
    Ok(Json(Undelivered { answers, more }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_across_the_street_is_near_and_the_next_kelurahan_is_not() {
        let point = |lat, lon| Point::new(lat, lon).expect("on the globe");
        assert!(metres(point(-6.2, 106.8), point(-6.201, 106.8)) < 120.0);
        assert!(metres(point(-6.2, 106.8), point(-6.2, 106.82)) > 2_000.0);
    }
}
