//! `GET /aduan/{id}/live`, `GET /antrean/live`: say when something changed; the page fetches itself again.

use axum::{
    extract::{Path, State},
    response::Response,
};

use super::{id_in, seen_by};
use crate::{Rooms, WebError, client::Client, live, session::SignedIn};

pub(crate) async fn of_complaint(
    State(rooms): State<Rooms>,
    client: Client,
    by: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, WebError> {
    let complaint = seen_by(&rooms, &by, id_in(&id)?).await?;
    Ok(live::stream(&rooms, client, Some(complaint.id), live::To::Staff))
}

/// That something changed somewhere, never what: the page that is fetched then shows what this person may see.
pub(crate) async fn of_queue(State(rooms): State<Rooms>, client: Client, _by: SignedIn) -> Response {
    live::stream(&rooms, client, None, live::To::Staff)
}
