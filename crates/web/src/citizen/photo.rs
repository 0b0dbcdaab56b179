//! `GET /t/{code}/foto/{id}`: the public copy of a photo of this complaint, the citizen's or the officer's.

use axum::{
    extract::{Path, State},
    response::Response,
};
use model::AttachmentId;

use super::opened_by;
use crate::{Rooms, WebError, files};

pub(crate) async fn show(State(rooms): State<Rooms>, Path((code, id)): Path<(String, String)>) -> Result<Response, WebError> {
    let complaint = opened_by(&rooms, &code).await?;
    let id: AttachmentId = id.parse().map_err(|_| WebError::NotFound)?;
    let (file, of) = store::attachment::load(rooms.db(), id).await?.ok_or(WebError::NotFound)?;
    if of != complaint.id {
        return Err(WebError::NotFound);
    }
    files::send_public(&rooms, &file).await
}
