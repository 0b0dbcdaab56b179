//! `POST /t/{code}/sambung`: a one-time code with which the citizen goes on in another channel. Shown on the page that answers the press, and
//! nowhere else: never in an address, never in a log.

use axum::{
    extract::{Path, State},
    response::Response,
};
use model::connect::{Code, HOLDS};
use tracing::info;
use ui::Visit;

use super::{
    opened_by,
    track::{self, Draft},
};
use crate::{Rooms, WebError, agency::Done};

pub(crate) async fn submit(State(rooms): State<Rooms>, visit: Visit, Path(code): Path<String>) -> Result<Response, WebError> {
    let complaint = opened_by(&rooms, &code).await?;
    rooms.limits().words_of_citizen(&code)?;
    // Who asked for secrecy is not tied to a telephone.
    if complaint.visibility.is_secret() {
        return Err(WebError::NotFound);
    }
    let now = rooms.now();
    let connect = Code::random();
    let mut tx = store::begin(rooms.db()).await?;
    store::connect::make(&mut tx, &connect, complaint.id, now, now.checked_add(HOLDS).unwrap_or(now)).await?;
    store::commit(tx).await?;
    info!(trace.id = %complaint.trace, complaint.id = %complaint.id, "Made a code to go on in another channel.");
    let draft = Draft { connect: Some(connect.to_string()), ..Draft::default() };
    track::draw(&rooms, &visit, &complaint, draft, &Done::default()).await
}
