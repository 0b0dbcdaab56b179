//! `POST /admin/petugas/{id}/sandi`: a new first password for who forgot theirs; shown once, and all their sessions end.

use axum::{
    extract::{Path, State},
    response::Response,
};
use model::StaffId;
use serde_json::json;
use ui::Visit;

use super::staff::{Draft, Fresh, draw, first_password};
use crate::{Rooms, WebError, account::slowly, agency::Done, form::Acting};

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
    let people = store::staff::list(rooms.db()).await?;
    let login = people.into_iter().find(|staff| staff.id == id).map(|staff| staff.login).ok_or(WebError::NotFound)?;
    let password = first_password();
    let to_hash = password.clone();
    let hash = slowly(move || store::staff::hash_password(&to_hash)).await?;
    let mut tx = store::begin(rooms.db()).await?;
    store::staff::set_password(&mut tx, id, &hash).await?;
    store::audit::write(&mut tx, rooms.now(), Some(by.staff.id), "staff.password", &login, &json!({})).await?;
    store::commit(tx).await?;
    draw(&rooms, &visit, &by, Draft::default(), Some(Fresh { login, password }), &Done::default()).await
}
