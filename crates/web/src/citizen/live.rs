//! `GET /t/{code}/live`: says when the complaint changed; the page fetches itself again.

use axum::{
    extract::{Path, State},
    response::Response,
};

use super::opened_by;
use crate::{Rooms, WebError, client::Client, live};

pub(crate) async fn show(State(rooms): State<Rooms>, client: Client, Path(code): Path<String>) -> Result<Response, WebError> {
    let complaint = opened_by(&rooms, &code).await?;
    Ok(live::stream(&rooms, client, Some(complaint.id), live::To::Citizen))
}
