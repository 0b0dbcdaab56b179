//! `POST /admin/kanal/jeda`, `POST /admin/kanal/lanjut`: holds the answers of one official way in back, and lets them go again.

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use model::AdapterName;
use serde_json::json;
use store::channel::Pause;

use crate::{Rooms, WebError, form::Acting};

/// Why, when nobody said it: the button is for the moment in which something goes wrong.
const NO_REASON: &str = "-";

pub(crate) async fn pause(State(rooms): State<Rooms>, Acting { by, form }: Acting) -> Result<Response, WebError> {
    by.only_admin()?;
    let (adapter, account) = named(&rooms, &form.text("adapter"), &form.text("account"))?;
    let reason = form.some("reason").unwrap_or_else(|| NO_REASON.to_owned());
    let mut tx = store::begin(rooms.db()).await?;
    let subject = format!("{adapter} {account}");
    let pause = Pause { adapter, account, since: rooms.now(), reason };
    if store::channel::pause(&mut tx, &pause).await? {
        let detail = json!({ "reason": pause.reason });
        store::audit::write(&mut tx, rooms.now(), Some(by.staff.id), "channel.paused", &subject, &detail).await?;
    }
    store::commit(tx).await?;
    Ok(Redirect::to("/admin?done=jeda").into_response())
}

pub(crate) async fn resume(State(rooms): State<Rooms>, Acting { by, form }: Acting) -> Result<Response, WebError> {
    by.only_admin()?;
    let (adapter, account) = named(&rooms, &form.text("adapter"), &form.text("account"))?;
    let mut tx = store::begin(rooms.db()).await?;
    if store::channel::resume(&mut tx, &adapter, &account).await? {
        let subject = format!("{adapter} {account}");
        store::audit::write(&mut tx, rooms.now(), Some(by.staff.id), "channel.resumed", &subject, &json!({})).await?;
    }
    store::commit(tx).await?;
    Ok(Redirect::to("/admin?done=lanjut").into_response())
}

/// A channel that has a row.
fn named(rooms: &Rooms, adapter: &str, account: &str) -> Result<(AdapterName, String), WebError> {
    let directory = rooms.directory();
    let channel = directory.channels.iter().find(|channel| channel.adapter.as_str() == adapter && channel.account == account);
    channel.map(|channel| (channel.adapter.clone(), channel.account.clone())).ok_or(WebError::NotFound)
}
