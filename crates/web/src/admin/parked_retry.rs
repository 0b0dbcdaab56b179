//! `POST /admin/terparkir/{id}/ulangi`: sends a parked message its way again.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use serde_json::json;

use crate::{Rooms, WebError, admin::noted, form::Acting};

pub(crate) async fn submit(State(rooms): State<Rooms>, Path(id): Path<u64>, Acting { by, .. }: Acting) -> Result<Response, WebError> {
    by.only_admin()?;
    // Written down first: better an entry too many than a message that went its way unseen.
    noted(&rooms, by.staff.id, "parked.retried", &id.to_string(), &json!({})).await?;
    let there = rooms.bus().retry_parked(id).await?;
    Ok(Redirect::to(if there { "/admin/terparkir?done=ulangi" } else { "/admin/terparkir?done=hilang" }).into_response())
}
