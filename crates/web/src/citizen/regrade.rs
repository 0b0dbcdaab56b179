//! `POST /t/{code}/tingkat`: the citizen says who may see their complaint. Their word is enough, in both directions.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use model::{Action, Actor, Complaint, NotAllowed, Visibility, decide};
use store::{StoreError, incident};
use tracing::info;

use super::{opened_by, same::TRIES};
use crate::{Rooms, WebError, form::Fields};

/// The grades that a citizen may choose on the page of their complaint: nobody seals later, because who wrote is kept already.
pub(crate) fn choices(complaint: &Complaint) -> Vec<Visibility> {
    let may = |to: &Visibility| model::privacy::may_regrade(Actor::Citizen, complaint.visibility, *to).is_ok();
    Visibility::ALL.into_iter().filter(may).collect()
}

pub(crate) async fn submit(State(rooms): State<Rooms>, Path(code): Path<String>, form: Fields) -> Result<Response, WebError> {
    let complaint = opened_by(&rooms, &code).await?;
    rooms.limits().words_of_citizen(&code)?;
    let to = Visibility::from_word(&form.text("grade")).ok_or(WebError::Unreadable)?;
    let mut tries = 1;
    let done = loop {
        match regrade(&rooms, &complaint, to).await {
            Err(WebError::Store(StoreError::Stale | StoreError::Conflict { .. })) if tries < TRIES => tries += 1,
            done => break done?,
        }
    };
    match done {
        // A second press of the button: it is as they want it.
        Ok(()) | Err(NotAllowed::SameGrade) => Ok(Redirect::to(&format!("/t/{code}?done=tingkat")).into_response()),
        Err(_) => Err(WebError::Unreadable),
    }
}

async fn regrade(rooms: &Rooms, complaint: &Complaint, to: Visibility) -> Result<Result<(), NotAllowed>, WebError> {
    let now = rooms.now();
    let mut tx = store::begin(rooms.db()).await?;
    let complaint = store::complaint::lock(&mut tx, complaint.id).await?.ok_or(WebError::NotFound)?;
    let (id, reference, trace) = (complaint.id, complaint.reference, complaint.trace);
    let action = Action::Regrade { to, reason: String::new() };
    let decision = match decide(complaint, action, Actor::Citizen, &rooms.directory(), now) {
        Ok(decision) => decision,
        Err(refused) => return Ok(Err(refused)),
    };
    store::complaint::write(&mut tx, &decision).await?;
    if to.is_secret() {
        incident::part(&mut tx, id, Actor::Citizen, now).await?;
    }
    store::commit(tx).await?;
    info!(trace.id = %trace, complaint.id = %id, "The citizen changed who may see complaint {reference}.");
    Ok(Ok(()))
}
