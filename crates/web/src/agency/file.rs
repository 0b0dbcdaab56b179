//! `GET /berkas/{id}`: an attachment, for staff who may see its complaint.

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use model::AttachmentId;

use crate::{Rooms, WebError, files, session::SignedIn};

pub(crate) async fn show(
    State(rooms): State<Rooms>,
    by: SignedIn,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    let id: AttachmentId = id.parse().map_err(|_| WebError::NotFound)?;
    let (file, complaint) = store::attachment::load(rooms.db(), id).await?.ok_or(WebError::NotFound)?;
    if !store::queue::may_see(rooms.db(), &by.scope(), complaint).await? {
        return Err(WebError::NotFound);
    }
    files::send(&rooms, &file, &headers).await
}
