//! `GET /t/{code}/live`: says when the complaint changed; the page fetches itself again.

use axum::{
    extract::{Path, State},
    response::Response,
};

use super::opened_by;
use crate::{Rooms, WebError, live};

pub(crate) async fn show(State(rooms): State<Rooms>, Path(code): Path<String>) -> Result<Response, WebError> {
    let complaint = opened_by(&rooms, &code).await?;
    Ok(live::stream(&rooms, Some(complaint.id), live::To::Citizen))
}
