//! Incidents: what may be about one thing, side by side (`/usulan`), and what may be done: join, not the same, later, split, and the way back. One
//! incident with everybody who is in it (`/kejadian/{id}`) is in [`whole`].

mod whole;

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use model::{
    Complaint, ComplaintId, IncidentId, NotAllowed, Point, Reference, Role, Status, Timestamp, UpdateId,
    incident::{self as rules, Act, Change, Reason, StepKind, SuggestionState},
};
use serde::Deserialize;
use store::{
    StoreError,
    incident::{self, NewStep, Step},
};
use tracing::info;
use ui::{Page, Photo, Tone, Visit};

pub(super) use self::whole::{Group, of_complaint};
pub(crate) use self::whole::{act, show};
use super::{Draft, Refused, finish, id_in};
use crate::{
    Rooms, WebError,
    files::public_copy,
    form::{Acting, MOST_CHARACTERS},
    page,
    session::SignedIn,
};

/// More pairs than a person decides at one sitting.
const MOST_PAIRS: u16 = 10;
const MOST_STEPS: u16 = 30;

/// Who may decide what is about one thing.
fn may(role: Role) -> bool {
    role != Role::Clerk
}

/// One complaint as it lies beside another.
struct Card {
    href: String,
    reference: String,
    status: Status,
    opened_at: Timestamp,
    channel: String,
    category: String,
    place: String,
    words: String,
    photos: Vec<Photo>,
}

/// Two complaints side by side.
struct Pair {
    address: String,
    percent: String,
    later: bool,
    reasons: Vec<String>,
    cards: [Card; 2],
    /// How far their points on the map are apart; empty where one has none.
    distance: String,
    /// Both points with their numbers, as the map reads them.
    points: String,
}

impl Pair {
    fn has_photos(&self) -> bool {
        self.cards.iter().any(|card| !card.photos.is_empty())
    }
}

/// A step with its way back.
struct Back {
    id: String,
    title: String,
    who: String,
    at: Timestamp,
    reason: String,
    /// It was taken back, or is no act that has a way back.
    undone: bool,
}

#[derive(Template)]
#[template(path = "suggestions.html")]
struct Suggestions {
    page: Page,
    csrf: String,
    pairs: Vec<Pair>,
    /// What was just decided here, to be taken back.
    back: Option<Back>,
}

/// What a redirect says was done.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Did {
    done: String,
    about: String,
    refused: String,
}

pub(crate) async fn suggestions(
    State(rooms): State<Rooms>,
    visit: Visit,
    by: SignedIn,
    Query(did): Query<Did>,
) -> Result<Response, WebError> {
    by.only(may)?;
    let waiting = incident::waiting(rooms.db(), &by.scope(), MOST_PAIRS).await?;
    let page = flashed(page::staff(&rooms, &visit, &by, page::words(visit.language).t("same.title")), &did);
    let mut pairs = Vec::new();
    for pair in waiting {
        let (Some(one), Some(other)) = (load(&rooms, pair.complaint).await?, load(&rooms, pair.other).await?) else { continue };
        let cards = [card(&rooms, &page, &other).await?, card(&rooms, &page, &one).await?];
        let address = format!("/usulan/{}/{}", pair.complaint, pair.other);
        let later = pair.state == SuggestionState::Later;
        let (distance, points) = apart(&other, &one, &page);
        let percent = pair.percent.to_string();
        pairs.push(Pair { address, percent, later, reasons: reasons(&pair.reasons, &page), cards, distance, points });
    }
    let page = if pairs.iter().any(|pair| !pair.points.is_empty()) { page.script("map.js") } else { page };
    let back = match did.about.parse::<ComplaintId>() {
        Ok(about) if store::queue::may_see(rooms.db(), &by.scope(), about).await? => {
            incident::steps(rooms.db(), &[about], 1).await?.pop().map(|step| back(&step, &page))
        }
        _ => None,
    };
    page::html(&Suggestions { csrf: by.csrf.clone(), pairs, back, page })
}

/// How far two complaints are apart, in words and for the map; empty where one of them has no point.
fn apart(one: &Complaint, other: &Complaint, page: &Page) -> (String, String) {
    let Some((a, b)) = one.location.zip(other.location) else { return (String::new(), String::new()) };
    let place = |complaint: &Complaint, point: Point| format!("{},{},{}", point.lat, point.lon, complaint.reference);
    let distance = page.fill("same.distance", "n", format!("{:.0}", a.metres_to(b)));
    (distance, format!("{};{}", place(one, a), place(other, b)))
}

fn flashed(page: Page, did: &Did) -> Page {
    let (tone, text) = match (did.refused.as_str(), did.done.as_str()) {
        ("stale", _) => (Tone::Bad, page.t("refused.stale")),
        ("together", _) => (Tone::Bad, page.t("refused.together")),
        ("apart", _) => (Tone::Bad, page.t("refused.apart")),
        ("confidential", _) => (Tone::Bad, page.t("refused.confidential")),
        ("others", _) => (Tone::Bad, page.t("refused.others")),
        ("open", _) => (Tone::Bad, page.t("refused.incident_open")),
        ("words", _) => (Tone::Bad, page.t("refused.no_words")),
        ("", "gabung") => (Tone::Good, page.t("same.done.join")),
        ("", "beda") => (Tone::Good, page.t("same.done.different")),
        ("", "nanti") => (Tone::Good, page.t("same.done.later")),
        ("", "pisah") => (Tone::Good, page.t("same.done.split")),
        ("", "batal") => (Tone::Good, page.t("same.done.undo")),
        ("", "tindakan") => (Tone::Good, page.t("same.done.act")),
        ("", "buka") => (Tone::Good, page.t("same.done.reopen")),
        ("", _) => return page,
        _ => (Tone::Bad, page.t("refused.role")),
    };
    let text = text.to_owned();
    page.flash(tone, text)
}

/// The word of a refusal in an address.
fn word(refused: Refused) -> &'static str {
    match refused {
        Refused::Stale => "stale",
        Refused::Not(NotAllowed::Together) => "together",
        Refused::Not(NotAllowed::Apart) => "apart",
        Refused::Not(NotAllowed::Confidential) => "confidential",
        Refused::Not(NotAllowed::StillOpen) => "open",
        Refused::Not(NotAllowed::NoWords) | Refused::TooLong => "words",
        Refused::Others => "others",
        _ => "role",
    }
}

async fn load(rooms: &Rooms, id: ComplaintId) -> Result<Option<Complaint>, WebError> {
    Ok(store::complaint::load(rooms.db(), id).await?)
}

async fn card(rooms: &Rooms, page: &Page, complaint: &Complaint) -> Result<Card, WebError> {
    let directory = rooms.directory();
    let messages = store::message::of_complaint(rooms.db(), complaint.id).await?;
    let files = messages.iter().flat_map(|message| &message.attachments).filter(|file| public_copy(file).is_some());
    let photo = |file: &store::attachment::StoredAttachment| Photo {
        src: format!("/berkas/{}", file.id),
        alt: page.fill("same.photo", "number", complaint.reference.to_string()),
        width: 0,
        height: 0,
    };
    let area = page::area_name(complaint.area.as_deref(), &directory, page.words.language());
    let place = complaint.place.clone().map_or_else(|| area.clone(), |place| format!("{place} · {area}"));
    Ok(Card {
        href: format!("/aduan/{}", complaint.id),
        reference: complaint.reference.to_string(),
        status: complaint.status(),
        opened_at: complaint.opened_at,
        channel: page::channel_name(&complaint.adapter, &complaint.account, complaint.opened_at, &directory),
        category: page::category_name(complaint.category.as_deref(), &directory, page.words.language()),
        place,
        words: complaint.text.clone(),
        photos: files.take(4).map(photo).collect(),
    })
}

/// Why, in sentences.
fn reasons(reasons: &[Reason], page: &Page) -> Vec<String> {
    let said = |reason: &Reason| match reason {
        Reason::Words { percent } => page.fill("same.why.words", "percent", percent.to_string()),
        Reason::Identical => page.t("same.why.identical").to_owned(),
        Reason::Place { percent } => page.fill("same.why.place", "percent", percent.to_string()),
        Reason::OtherNumber => page.t("same.why.other_number").to_owned(),
        Reason::Area => page.t("same.why.area").to_owned(),
        Reason::OtherArea => page.t("same.why.other_area").to_owned(),
        Reason::NeighbourArea => page.t("same.why.neighbour_area").to_owned(),
        Reason::Metres { metres } => page.fill("same.why.metres", "n", metres.to_string()),
        Reason::Hours { hours } if *hours >= 48 => page.fill("same.why.days", "n", (hours / 24).to_string()),
        Reason::Hours { hours } => page.fill("same.why.hours", "n", hours.to_string()),
        Reason::Category => page.t("same.why.category").to_owned(),
        Reason::Number => page.t("same.why.number").to_owned(),
        Reason::Picture => page.t("same.why.picture").to_owned(),
        Reason::Look => page.t("same.why.look").to_owned(),
        Reason::Citizen => page.t("same.why.citizen").to_owned(),
    };
    reasons.iter().map(said).collect()
}

fn back(step: &Step, page: &Page) -> Back {
    let title = match step.kind {
        StepKind::Joined => page.t("same.did.joined"),
        StepKind::Different => page.t("same.did.different"),
        StepKind::Later => page.t("same.did.later"),
        StepKind::Split => page.t("same.did.split"),
        StepKind::Reopened => page.t("same.did.reopened"),
        StepKind::Undone => page.t("same.did.undone"),
    };
    let who = match (&step.who, step.by) {
        (Some(name), _) => name.clone(),
        (None, model::Actor::Citizen) => page.t("talk.citizen").to_owned(),
        (None, _) => page.t("talk.system").to_owned(),
    };
    let reason = step.reason.clone().unwrap_or_default();
    Back { id: step.id.to_string(), title: title.to_owned(), who, at: step.at, reason, undone: step.undone }
}

/// Both complaints have to be theirs to see.
async fn both(rooms: &Rooms, by: &SignedIn, ids: &[ComplaintId]) -> Result<(), WebError> {
    by.only(may)?;
    for id in ids {
        if !store::queue::may_see(rooms.db(), &by.scope(), *id).await? {
            return Err(WebError::NotFound);
        }
    }
    Ok(())
}

/// `POST /usulan/{complaint}/{other}`: a person decides on a pair.
pub(crate) async fn decide(
    State(rooms): State<Rooms>,
    Path((complaint, other)): Path<(String, String)>,
    acting: Acting,
) -> Result<Response, WebError> {
    let (complaint, other) = (id_in(&complaint)?, id_in(&other)?);
    both(&rooms, &acting.by, &[complaint, other]).await?;
    let what = acting.form.text("what");
    let now = rooms.now();
    let mut tx = store::begin(rooms.db()).await?;
    let pair = incident::pairs(&mut tx, &[complaint, other]).await?.pop().ok_or(WebError::NotFound)?;
    let actor = acting.by.actor();
    let (kind, change) = match what.as_str() {
        "gabung" => (StepKind::Joined, joined(&rooms, &mut tx, (complaint, other), &acting, now).await?),
        "beda" => (StepKind::Different, rules::part(pair, SuggestionState::Different, actor, now).map_err(Refused::Not)),
        "nanti" => (StepKind::Later, rules::part(pair, SuggestionState::Later, actor, now).map_err(Refused::Not)),
        _ => return Err(WebError::Unreadable),
    };
    let done = written(tx, kind, change, &acting, now, Why::default()).await?;
    info!(complaint.id = %complaint, staff.id = %acting.by.staff.id, "Staff decided on a pair of complaints.");
    Ok(to("/usulan", &what, complaint, done))
}

/// Two complaints become one matter. Where two incidents would, everybody in them has to be in sight of who joins them: nobody merges what
/// other agencies work on unseen.
async fn joined(
    rooms: &Rooms,
    tx: &mut store::Tx,
    (one, other): (ComplaintId, ComplaintId),
    acting: &Acting,
    now: Timestamp,
) -> Result<Result<Change, Refused>, WebError> {
    let sides = incident::sides(tx, &[one, other]).await?;
    let [one, other] = sides.as_slice() else { return Err(WebError::NotFound) };
    if one.incident.is_some() && other.incident.is_some() && one.incident != other.incident {
        for member in one.members.iter().chain(&other.members) {
            if !store::queue::may_see(rooms.db(), &acting.by.scope(), member.complaint).await? {
                return Ok(Err(Refused::Others));
            }
        }
    }
    let pair = incident::pairs(tx, &[one.complaint, other.complaint]).await?.pop();
    Ok(rules::join_by_hand(one, other, pair, acting.by.actor(), now).map_err(Refused::Not))
}

/// What goes along with a step: the one it takes back, and why.
#[derive(Default)]
struct Why<'a> {
    undoes: Option<UpdateId>,
    reason: Option<&'a str>,
}

/// Writes a step and notes it in the log of what staff did.
async fn written(
    mut tx: store::Tx,
    kind: StepKind,
    change: Result<Change, Refused>,
    acting: &Acting,
    now: Timestamp,
    Why { undoes, reason }: Why<'_>,
) -> Result<Result<(), Refused>, WebError> {
    let change = match change {
        Ok(change) => change,
        Err(refused) => return Ok(Err(refused)),
    };
    let step = NewStep { kind, change: &change, by: acting.by.actor(), at: now, undoes, reason };
    let (by, action) = (Some(acting.by.staff.id), format!("incident.{}", kind.as_str()));
    let subject = change.complaints().first().map(ToString::to_string).unwrap_or_default();
    let detail = serde_json::json!({ "complaints": change.complaints() });
    let outcome = async {
        incident::write(&mut tx, &[step]).await?;
        store::audit::write_about(&mut tx, now, by, &action, &change.complaints(), &subject, detail, reason).await?;
        store::commit(tx).await
    };
    match outcome.await {
        Err(StoreError::Stale | StoreError::Conflict { .. }) => Ok(Err(Refused::Stale)),
        other => Ok(Ok(other?)),
    }
}

fn to(page: &str, what: &str, about: ComplaintId, done: Result<(), Refused>) -> Response {
    let address = match done {
        Ok(()) => format!("{page}?done={what}&about={about}"),
        Err(refused) => format!("{page}?refused={}", word(refused)),
    };
    Redirect::to(&address).into_response()
}

/// `POST /aduan/{id}/pisah`: a complaint leaves its incident.
pub(crate) async fn split(State(rooms): State<Rooms>, Path(id): Path<String>, acting: Acting) -> Result<Response, WebError> {
    let id = id_in(&id)?;
    both(&rooms, &acting.by, &[id]).await?;
    let now = rooms.now();
    let mut tx = store::begin(rooms.db()).await?;
    let (own, oldest, pairs) = incident::around(&mut tx, id).await?.ok_or(WebError::NotFound)?;
    let change = rules::split(&own, &oldest, pairs, acting.by.actor(), now).map_err(Refused::Not);
    let done = written(tx, StepKind::Split, change, &acting, now, Why::default()).await?;
    Ok(to("/usulan", "pisah", id, done))
}

/// `POST /langkah/{id}/batal`: the way back.
pub(crate) async fn undo(State(rooms): State<Rooms>, Path(step): Path<String>, acting: Acting) -> Result<Response, WebError> {
    let step: UpdateId = step.parse().map_err(|_| WebError::NotFound)?;
    let now = rooms.now();
    let mut tx = store::begin(rooms.db()).await?;
    let change = incident::changed(&mut tx, step).await?.ok_or(WebError::NotFound)?.reversed();
    let complaints = change.complaints();
    both(&rooms, &acting.by, &complaints).await?;
    let about = complaints.first().copied().ok_or(WebError::NotFound)?;
    let done = written(tx, StepKind::Undone, Ok(change), &acting, now, Why { undoes: Some(step), reason: None }).await?;
    Ok(to("/usulan", "batal", about, done))
}

/// `POST /aduan/{id}/gabung`: somebody knows that two complaints are about one thing, and names the other by its number. A number that is
/// not theirs to see and one that does not exist are the same to them.
pub(crate) async fn by_hand(
    State(rooms): State<Rooms>,
    visit: Visit,
    Path(id): Path<String>,
    acting: Acting,
) -> Result<Response, WebError> {
    let id = id_in(&id)?;
    both(&rooms, &acting.by, &[id]).await?;
    let (number, text) = (acting.form.text("number"), acting.form.text("text"));
    let done = join_with(&rooms, &acting, id, &number, &text).await?;
    if done.is_ok() {
        info!(complaint.id = %id, staff.id = %acting.by.staff.id, "Staff joined two complaints by hand.");
    }
    finish(&rooms, &visit, &acting.by, id, done, Draft { form: "gabung", text, number, ..Draft::default() }).await
}

async fn join_with(rooms: &Rooms, acting: &Acting, id: ComplaintId, number: &str, text: &str) -> Result<Result<(), Refused>, WebError> {
    if text.is_empty() {
        return Ok(Err(Refused::Not(NotAllowed::NoWords)));
    }
    if text.chars().count() > MOST_CHARACTERS {
        return Ok(Err(Refused::TooLong));
    }
    let Ok(reference) = number.parse::<Reference>() else { return Ok(Err(Refused::NoSuchNumber)) };
    let Some(other) = store::complaint::by_reference(rooms.db(), &reference).await? else { return Ok(Err(Refused::NoSuchNumber)) };
    if !store::queue::may_see(rooms.db(), &acting.by.scope(), other.id).await? {
        return Ok(Err(Refused::NoSuchNumber));
    }
    if other.id == id {
        return Ok(Err(Refused::Not(NotAllowed::Together)));
    }
    let now = rooms.now();
    let mut tx = store::begin(rooms.db()).await?;
    let change = joined(rooms, &mut tx, (id, other.id), acting, now).await?;
    written(tx, StepKind::Joined, change, acting, now, Why { undoes: None, reason: Some(text) }).await
}

/// Whether the page offers joining this complaint with another one.
pub(super) fn may_join(by: &SignedIn, complaint: &Complaint) -> bool {
    may(by.staff.role) && !complaint.visibility.is_secret()
}

/// `POST /kejadian/{id}/buka`: an incident that was dealt with is open again; with a tick each of its complaints too, which its citizen is told.
pub(crate) async fn reopen(State(rooms): State<Rooms>, Path(id): Path<String>, acting: Acting) -> Result<Response, WebError> {
    acting.by.only(may)?;
    let id: IncidentId = id.parse().map_err(|_| WebError::NotFound)?;
    let (found, members) = incident::by_id(rooms.db(), id).await?.ok_or(WebError::NotFound)?;
    sees_one(&rooms, &acting.by, &members).await?;
    let text = acting.form.text("text");
    let change = if text.is_empty() || text.chars().count() > MOST_CHARACTERS {
        Err(Refused::Not(NotAllowed::NoWords))
    } else {
        rules::reopen(&found, acting.by.actor()).map_err(Refused::Not)
    };
    let now = rooms.now();
    let mut tx = store::begin(rooms.db()).await?;
    if change.is_ok() && acting.form.some("all").is_some() {
        incident::begin_act(&mut tx, id, &Act::Reopen(text.clone()), acting.by.staff.id, now).await?;
    }
    let done = written(tx, StepKind::Reopened, change, &acting, now, Why { undoes: None, reason: Some(&text) }).await?;
    Ok(to(&format!("/kejadian/{id}"), "buka", found.lead, done))
}

/// One of its complaints has to be theirs to see.
async fn sees_one(rooms: &Rooms, by: &SignedIn, members: &[rules::Member]) -> Result<(), WebError> {
    for member in members {
        if store::queue::may_see(rooms.db(), &by.scope(), member.complaint).await? {
            return Ok(());
        }
    }
    Err(WebError::NotFound)
}
