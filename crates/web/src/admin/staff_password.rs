//! `POST /admin/petugas/{id}/sandi`: a link to set a new password, for who begins or forgot theirs; by mail, or shown once. All their sessions end.

use axum::{
    extract::{Path, State},
    response::Response,
};
use model::StaffId;
use serde_json::json;
use ui::Visit;

use super::staff::Link;
use crate::{Rooms, WebError, form::Acting};

pub(crate) async fn submit(
    State(rooms): State<Rooms>,
    visit: Visit,
    Path(id): Path<String>,
    Acting { by, form }: Acting,
) -> Result<Response, WebError> {
    by.only_admin()?;
    let id: StaffId = id.parse().map_err(|_| WebError::NotFound)?;
    // One's own is changed on its own page, with the old one in hand.
    if id == by.staff.id {
        return Err(WebError::NotForRole);
    }
    let staff = store::staff::by_id(rooms.db(), id).await?.filter(|staff| staff.active).ok_or(WebError::NotFound)?;
    let show = form.some("show").is_some();
    let mut tx = store::begin(rooms.db()).await?;
    let link = Link::give(&rooms, &mut tx, &by, (id, &staff.login), show).await?;
    let detail = json!({ "mailed": matches!(link, Link::Mailed) });
    store::audit::write(&mut tx, rooms.now(), Some(by.staff.id), "staff.password", &staff.login, &detail).await?;
    store::commit(tx).await?;
    link.draw(&rooms, &visit, &by).await
}
