//! `POST /admin/petugas/{id}/aktif`: opens an account again. It is closed by `staff_close`.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use model::StaffId;
use serde_json::json;

use crate::{Rooms, WebError, form::Acting};

pub(crate) async fn submit(State(rooms): State<Rooms>, Path(id): Path<String>, Acting { by, .. }: Acting) -> Result<Response, WebError> {
    by.only_admin()?;
    let id: StaffId = id.parse().map_err(|_| WebError::NotFound)?;
    if id == by.staff.id {
        return Err(WebError::NotForRole);
    }
    let staff = store::staff::by_id(rooms.db(), id).await?.ok_or(WebError::NotFound)?;
    let mut tx = store::begin(rooms.db()).await?;
    store::staff::set_active(&mut tx, id, true).await?;
    store::audit::write(&mut tx, rooms.now(), Some(by.staff.id), "staff.opened", &staff.login, &json!({})).await?;
    store::commit(tx).await?;
    Ok(Redirect::to("/admin/petugas?done=buka").into_response())
}
