//! `POST /t/{code}/lain`: "mine is another one": the citizen takes their complaint out of the incident it was joined with.

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use model::{
    Actor, Complaint, NotAllowed, Timestamp,
    incident::StepKind,
    same::{Earlier, leave},
};
use store::{
    StoreError,
    incident::{self, NewStep},
};
use tracing::info;
use triage::{Side, street_of_both};
use ui::{Page, Visit};

use super::{
    opened_by,
    track::{self, Draft},
};
use crate::{
    Rooms, WebError,
    agency::Done,
    form::{Fields, MOST_CHARACTERS},
    page,
};

/// What the complaint is joined with, as the page shows it.
pub(crate) struct Joined {
    pub(crate) what: String,
    /// Empty: neither street nor area is known.
    pub(crate) places: String,
    pub(crate) at: Timestamp,
    /// Besides the one that is shown.
    pub(crate) others: u64,
}

/// What the complaint is in one incident with. A confidential one is not told of others, nor others of it.
pub(crate) async fn joined(rooms: &Rooms, complaint: &Complaint, page: &Page) -> Result<Option<Joined>, WebError> {
    if complaint.visibility.is_secret() {
        return Ok(None);
    }
    let Some((other, count)) = incident::joined_with(rooms.db(), complaint.id).await? else { return Ok(None) };
    let Some(other) = store::complaint::load(rooms.db(), other).await? else { return Ok(None) };
    let earlier = Earlier {
        complaint: other.id,
        category: other.category.clone(),
        area: other.area.clone(),
        street: street_of_both(&side(complaint), &side(&other)),
        opened_at: other.opened_at,
        same: None,
    };
    let about = earlier.about(&rooms.directory(), page.words.language());
    let (what, places) = about.map(|about| (about.what, about.places.join(", "))).unwrap_or_default();
    let what = what.unwrap_or_else(|| page.t("track.joined.something").to_owned());
    Ok(Some(Joined { what, places, at: other.opened_at, others: u64::try_from(count - 1).unwrap_or_default() }))
}

fn side(complaint: &Complaint) -> Side<'_> {
    Side {
        text: &complaint.text,
        place: complaint.place.as_deref().unwrap_or_default(),
        area: complaint.area.as_deref().unwrap_or_default(),
        at: complaint.opened_at.as_second(),
    }
}

pub(crate) async fn submit(State(rooms): State<Rooms>, visit: Visit, Path(code): Path<String>, form: Fields) -> Result<Response, WebError> {
    let complaint = opened_by(&rooms, &code).await?;
    rooms.limits().words_of_citizen(&code)?;
    let reason = form.text("reason");
    let words = page::words(visit.language);
    let error = match reason.chars().count() {
        0 => words.t("track.leave.empty"),
        1..=MOST_CHARACTERS => match leave_it(&rooms, &complaint, reason.clone()).await? {
            // Alone already: a second press, or staff were faster. That is what they wanted.
            Ok(()) | Err(NotAllowed::Apart) => return Ok(Redirect::to(&format!("/t/{code}?done=lain")).into_response()),
            Err(_) => words.t("track.leave.refused"),
        },
        _ => words.t("form.too_long"),
    };
    let draft = Draft { leave: reason, leave_error: error.to_owned(), ..Draft::default() };
    let page = track::draw(&rooms, &visit, &complaint, draft, &Done::default()).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// Once more, when somebody changed the incident in the same moment.
async fn leave_it(rooms: &Rooms, complaint: &Complaint, reason: String) -> Result<Result<(), NotAllowed>, WebError> {
    let mut tries = 1;
    loop {
        match try_to_leave(rooms, complaint, reason.clone()).await {
            Err(WebError::Store(StoreError::Stale | StoreError::Conflict { .. })) if tries < super::same::TRIES => tries += 1,
            left => return left,
        }
    }
}

async fn try_to_leave(rooms: &Rooms, complaint: &Complaint, reason: String) -> Result<Result<(), NotAllowed>, WebError> {
    let now = rooms.now();
    let mut tx = store::begin(rooms.db()).await?;
    let complaint = store::complaint::lock(&mut tx, complaint.id).await?.ok_or(WebError::NotFound)?;
    let (id, reference, trace) = (complaint.id, complaint.reference, complaint.trace);
    let (own, oldest, pairs) = incident::around(&mut tx, id).await?.ok_or(WebError::NotFound)?;
    let (decision, change) = match leave(complaint, (&own, &oldest, pairs), reason, &rooms.directory(), now) {
        Ok(left) => left,
        Err(refused) => return Ok(Err(refused)),
    };
    let step = NewStep { kind: StepKind::Split, change: &change, by: Actor::Citizen, at: now, undoes: None, reason: None };
    incident::write(&mut tx, &[step]).await?;
    store::complaint::write(&mut tx, &decision).await?;
    store::commit(tx).await?;
    info!(trace.id = %trace, complaint.id = %id, "The citizen took complaint {reference} out of its incident.");
    Ok(Ok(()))
}
