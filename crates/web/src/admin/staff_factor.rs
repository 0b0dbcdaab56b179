//! `POST /admin/petugas/{id}/faktor`: takes the second factor off somebody whose phone is gone, passkeys too, with a reason; all their
//! sessions end.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use model::StaffId;
use serde_json::json;

use crate::{Rooms, WebError, form::Acting};

pub(crate) async fn submit(State(rooms): State<Rooms>, Path(id): Path<String>, Acting { by, form }: Acting) -> Result<Response, WebError> {
    by.only_admin()?;
    let id: StaffId = id.parse().map_err(|_| WebError::NotFound)?;
    // One's own is taken off with a code, on its own page.
    if id == by.staff.id {
        return Err(WebError::NotForRole);
    }
    let staff = store::staff::by_id(rooms.db(), id).await?.ok_or(WebError::NotFound)?;
    let reason = form.text("reason");
    if reason.is_empty() || reason.chars().count() > 500 {
        return Ok(Redirect::to("/admin/petugas?done=alasan").into_response());
    }
    let mut tx = store::begin(rooms.db()).await?;
    if !store::factor::remove_all(&mut tx, id).await? {
        return Err(WebError::NotFound);
    }
    store::audit::write(&mut tx, rooms.now(), Some(by.staff.id), "staff.factor_taken", &staff.login, &json!({ "reason": reason })).await?;
    store::commit(tx).await?;
    Ok(Redirect::to("/admin/petugas?done=faktor").into_response())
}
