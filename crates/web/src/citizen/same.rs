//! `POST /t/{code}/sama`: the citizen says whether it is the same as an earlier complaint. What the page shows of that one is its category, its
//! street or area and its day.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use model::{
    Actor, Complaint, Timestamp,
    same::{Followed, Heard, SaysSame, hear},
};
use store::{
    StoreError,
    incident::{self, NewStep},
};
use tracing::info;
use ui::Page;

use super::opened_by;
use crate::{Rooms, WebError, form::Fields};

/// How often it is heard again when somebody decides at the same moment.
pub(super) const TRIES: usize = 3;

/// The earlier complaint, as the page shows it.
pub(crate) struct Question {
    pub(crate) what: String,
    pub(crate) places: String,
    pub(crate) at: Timestamp,
}

/// What the page asks, if anything waits for the citizen's word.
pub(crate) async fn question(rooms: &Rooms, complaint: &Complaint, page: &Page) -> Result<Option<Question>, WebError> {
    let Some(earlier) = complaint.unanswered() else { return Ok(None) };
    let Some(about) = earlier.about(&rooms.directory(), page.words.language()) else { return Ok(None) };
    let waits = incident::waits(rooms.db(), complaint.id, earlier.complaint).await?;
    let what = about.what.unwrap_or_else(|| page.t("track.same.something").to_owned());
    Ok(waits.then(|| Question { what, places: about.places.join(", "), at: about.at }))
}

pub(crate) async fn submit(State(rooms): State<Rooms>, Path(code): Path<String>, form: Fields) -> Result<Response, WebError> {
    let complaint = opened_by(&rooms, &code).await?;
    rooms.limits().words_of_citizen(&code)?;
    let same = match form.text("jawab").as_str() {
        "ya" => true,
        "bukan" => false,
        _ => return Err(WebError::Unreadable),
    };
    let done = match said(&rooms, &complaint, same).await? {
        Some(Heard::Together) => "sama",
        Some(Heard::Apart) => "beda",
        // Answered before, in a chat or by a second press: nothing changes, and it is said.
        Some(Heard::Decided) | None => "putus",
    };
    Ok(Redirect::to(&format!("/t/{code}?done={done}")).into_response())
}

/// Hears it, again when staff decided in the same moment.
async fn said(rooms: &Rooms, complaint: &Complaint, same: bool) -> Result<Option<Heard>, WebError> {
    let mut tries = 1;
    loop {
        match try_to_hear(rooms, complaint, same).await {
            Err(WebError::Store(StoreError::Stale | StoreError::Conflict { .. })) if tries < TRIES => tries += 1,
            heard => return heard,
        }
    }
}

async fn try_to_hear(rooms: &Rooms, complaint: &Complaint, same: bool) -> Result<Option<Heard>, WebError> {
    let now = rooms.now();
    let mut tx = store::begin(rooms.db()).await?;
    let complaint = store::complaint::lock(&mut tx, complaint.id).await?.ok_or(WebError::NotFound)?;
    let (id, reference, trace) = (complaint.id, complaint.reference, complaint.trace);
    let beside = incident::beside(&mut tx, std::slice::from_ref(&complaint)).await?;
    let says = SaysSame { same: Some(same), message: None, reply_to: None };
    let Some(Followed { decision, step, heard }) = hear(complaint, says, beside.get(&id), &rooms.directory(), now) else { return Ok(None) };
    if let Some((kind, change)) = &step {
        incident::write(&mut tx, &[NewStep { kind: *kind, change, by: Actor::Citizen, at: now, undoes: None, reason: None }]).await?;
    }
    store::complaint::write(&mut tx, &decision).await?;
    store::commit(tx).await?;
    info!(trace.id = %trace, complaint.id = %id, ?heard, "The citizen said whether complaint {reference} is the same as an earlier one.");
    Ok(heard)
}
