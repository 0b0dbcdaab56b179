//! `POST /admin/terparkir/{id}/buang`: removes a parked message for good, with a reason.

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde_json::json;
use ui::Visit;

use super::{
    noted,
    parked::{Content, draw},
};
use crate::{Rooms, WebError, form::Acting, page};

pub(crate) async fn submit(
    State(rooms): State<Rooms>,
    visit: Visit,
    Path(id): Path<u64>,
    Acting { by, form }: Acting,
) -> Result<Response, WebError> {
    by.only_admin()?;
    let reason = form.text("reason");
    if reason.is_empty() {
        let error = page::words(visit.language).t("parked.drop.empty");
        let page = draw(&rooms, &visit, &by, id, Content::Hidden, error).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    noted(&rooms, by.staff.id, "parked.dropped", &id.to_string(), &json!({ "reason": reason })).await?;
    let there = rooms.bus().drop_parked(id).await?;
    Ok(Redirect::to(if there { "/admin/terparkir?done=buang" } else { "/admin/terparkir?done=hilang" }).into_response())
}
