//! `POST /admin/terparkir/{id}/buang`: removes a parked message for good, with a reason.

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde_json::json;
use ui::Visit;

use super::parked::{Content, draw};
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
    let Some(one) = rooms.bus().parked_one(id).await? else { return Ok(Redirect::to("/admin/terparkir?done=hilang").into_response()) };
    let mut tx = store::begin(rooms.db()).await?;
    let detail = json!({ "reason": reason, "stream": one.stream, "adapter": one.adapter, "trace": one.trace.to_string() });
    store::audit::write(&mut tx, rooms.now(), Some(by.staff.id), "parked.dropped", &id.to_string(), &detail).await?;
    // So that the balance does not look for it.
    store::balance::drop_parked(&mut tx, &one.name(), &one.adapter, rooms.now()).await?;
    store::commit(tx).await?;
    let there = rooms.bus().drop_parked(id).await?;
    Ok(Redirect::to(if there { "/admin/terparkir?done=buang" } else { "/admin/terparkir?done=hilang" }).into_response())
}
