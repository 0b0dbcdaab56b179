//! `POST /admin/terparkir/{id}/isi`: shows a parked message as it came, and writes down who looked.

use axum::{
    extract::{Path, State},
    response::Response,
};
use serde_json::json;
use ui::Visit;

use super::{
    noted,
    parked::{Content, draw},
};
use crate::{Rooms, WebError, form::Acting};

pub(crate) async fn submit(
    State(rooms): State<Rooms>,
    visit: Visit,
    Path(id): Path<u64>,
    Acting { by, .. }: Acting,
) -> Result<Response, WebError> {
    by.only_admin()?;
    noted(&rooms, by.staff.id, "parked.read", &id.to_string(), &json!({})).await?;
    draw(&rooms, &visit, &by, id, Content::Shown, "").await
}
