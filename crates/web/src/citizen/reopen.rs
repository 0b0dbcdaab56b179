//! `POST /t/{code}/belum-selesai`: the citizen says that it is not done.

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use model::{Action, Actor, Complaint, NotAllowed, decide};
use tracing::info;
use ui::Visit;

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

pub(crate) async fn submit(State(rooms): State<Rooms>, visit: Visit, Path(code): Path<String>, form: Fields) -> Result<Response, WebError> {
    let complaint = opened_by(&rooms, &code).await?;
    rooms.limits().words_of_citizen(&code)?;
    let reason = form.text("reason");
    let words = page::words(visit.language);
    let error = match reason.chars().count() {
        0 => words.t("track.reopen.empty"),
        1..=MOST_CHARACTERS => match reopen(&rooms, &complaint, reason.clone()).await? {
            // Open already: a second press of the button, or somebody was faster. That is what they wanted.
            Ok(()) | Err(NotAllowed::StillOpen) => return Ok(Redirect::to(&format!("/t/{code}?done=belum")).into_response()),
            Err(NotAllowed::Erased) => words.t("track.reopen.erased"),
            Err(_) => words.t("track.reopen.refused"),
        },
        _ => words.t("form.too_long"),
    };
    let draft = Draft { reason, reason_error: error.to_owned(), ..Draft::default() };
    let page = track::draw(&rooms, &visit, &complaint, draft, &Done::default()).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

async fn reopen(rooms: &Rooms, complaint: &Complaint, reason: String) -> Result<Result<(), NotAllowed>, WebError> {
    let mut tx = store::begin(rooms.db()).await?;
    let complaint = store::complaint::lock(&mut tx, complaint.id).await?.ok_or(WebError::NotFound)?;
    let (id, reference, trace) = (complaint.id, complaint.reference, complaint.trace);
    let decision = match decide(complaint, Action::Reopen { reason }, Actor::Citizen, &rooms.directory(), rooms.now()) {
        Ok(decision) => decision,
        Err(refused) => return Ok(Err(refused)),
    };
    store::complaint::write(&mut tx, &decision).await?;
    store::commit(tx).await?;
    info!(trace.id = %trace, complaint.id = %id, "The citizen opened complaint {reference} again.");
    Ok(Ok(()))
}
