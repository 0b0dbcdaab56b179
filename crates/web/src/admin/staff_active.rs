//! `POST /admin/petugas/{id}/aktif`: closes an account, with all its sessions, or opens it again.

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
    let active = form.text("active") == "ya";
    // Nobody locks themselves out: the page offers no button for it.
    if id == by.staff.id {
        return Err(WebError::NotForRole);
    }
    let mut tx = store::begin(rooms.db()).await?;
    if !store::staff::set_active(&mut tx, id, active).await? {
        return Err(WebError::NotFound);
    }
    let action = if active { "staff.opened" } else { "staff.closed" };
    store::audit::write(&mut tx, rooms.now(), Some(by.staff.id), action, &id.to_string(), &json!({})).await?;
    store::commit(tx).await?;
    Ok(Redirect::to(if active { "/admin/petugas?done=buka" } else { "/admin/petugas?done=tutup" }).into_response())
}
