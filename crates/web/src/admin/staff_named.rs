//! `POST /admin/petugas/{id}/rahasia`: names somebody for what is confidential, or no longer, with a reason.

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
    let staff = store::staff::by_id(rooms.db(), id).await?.ok_or(WebError::NotFound)?;
    let reason = form.text("reason");
    if reason.is_empty() || reason.chars().count() > 500 {
        return Ok(Redirect::to("/admin/petugas?done=alasan-rahasia").into_response());
    }
    let named = !staff.named;
    let action = if named { "staff.named" } else { "staff.unnamed" };
    let mut tx = store::begin(rooms.db()).await?;
    if !store::staff::set_named(&mut tx, id, named).await? {
        return Err(WebError::NotForRole);
    }
    store::audit::write(&mut tx, rooms.now(), Some(by.staff.id), action, &staff.login, &json!({ "reason": reason })).await?;
    store::commit(tx).await?;
    Ok(Redirect::to("/admin/petugas?done=rahasia").into_response())
}
