//! `POST /admin/petugas/{id}/sandi`: a link to set a new password, for who forgot theirs; shown once, and all their sessions end.

use axum::{
    extract::{Path, State},
    response::Response,
};
use model::StaffId;
use serde_json::json;
use ui::Visit;

use super::staff::{Draft, Fresh, draw};
use crate::{Rooms, WebError, account::no_password, agency::Done, form::Acting};

pub(crate) async fn submit(
    State(rooms): State<Rooms>,
    visit: Visit,
    Path(id): Path<String>,
    Acting { by, .. }: Acting,
) -> Result<Response, WebError> {
    by.only_admin()?;
    let id: StaffId = id.parse().map_err(|_| WebError::NotFound)?;
    // One's own is changed on its own page, with the old one in hand.
    if id == by.staff.id {
        return Err(WebError::NotForRole);
    }
    let staff = store::staff::by_id(rooms.db(), id).await?.filter(|staff| staff.active).ok_or(WebError::NotFound)?;
    let hash = no_password().await?;
    let mut tx = store::begin(rooms.db()).await?;
    let token = store::staff::invite(&mut tx, id, Some(by.staff.id), &hash, rooms.now()).await?;
    store::audit::write(&mut tx, rooms.now(), Some(by.staff.id), "staff.password", &staff.login, &json!({})).await?;
    store::commit(tx).await?;
    let fresh = Fresh::new(&rooms, staff.login, &token);
    draw(&rooms, &visit, &by, Draft::default(), Some(fresh), &Done::default()).await
}
