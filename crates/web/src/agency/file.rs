//! `GET /berkas/{id}`: an attachment, for staff who may see its complaint.

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use model::AttachmentId;

use super::seen_by;
use crate::{Rooms, WebError, files, session::SignedIn};

pub(crate) async fn show(
    State(rooms): State<Rooms>,
    by: SignedIn,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    let id: AttachmentId = id.parse().map_err(|_| WebError::NotFound)?;
    let (mut file, complaint) = store::attachment::load(rooms.db(), id).await?.ok_or(WebError::NotFound)?;
    let complaint = seen_by(&rooms, &by, complaint).await?;
    // People call files by their names.
    if !store::access::who(rooms.db(), &by.staff, &complaint, rooms.now()).await?.is_shown() {
        file.filename = None;
    }
    files::send(&rooms, &file, &headers).await
}
