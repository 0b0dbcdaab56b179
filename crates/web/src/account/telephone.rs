//! `GET` and `POST /telepon`: one's own telephone, for being told of clocks.

use askama::Template;
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde_json::json;
use store::telephone::{self, Whose};
use ui::{Page, Tone, Visit};

use crate::{
    Rooms, WebError,
    agency::Done,
    form::{Acting, Fields},
    page,
    session::SignedIn,
    telephone::{choices, read, shown, ways},
};

#[derive(Template)]
#[template(path = "telephone.html")]
struct TelephonePage {
    page: Page,
    csrf: String,
    /// The channel's name and the ends of the number, if there is one.
    now: Option<String>,
    /// By which channels a telephone can be reached: value and name.
    channels: Vec<(String, String)>,
    telephone: String,
    channel: String,
    error: String,
}

pub(crate) async fn show(State(rooms): State<Rooms>, visit: Visit, by: SignedIn, Query(done): Query<Done>) -> Result<Response, WebError> {
    let mut page = frame(&rooms, &visit, &by);
    let said = [("simpan", "telephone.done.set"), ("hapus", "telephone.done.removed")];
    if let Some((_, key)) = said.into_iter().find(|(word, _)| done.is(word)) {
        let text = page.t(key).to_owned();
        page = page.flash(Tone::Good, text);
    }
    draw(&rooms, page, &by, None, String::new()).await
}

fn frame(rooms: &Rooms, visit: &Visit, by: &SignedIn) -> Page {
    page::staff(rooms, visit, by, page::words(visit.language).t("telephone.title"))
}

async fn draw(rooms: &Rooms, page: Page, by: &SignedIn, typed: Option<&Fields>, error: String) -> Result<Response, WebError> {
    let ways = ways(rooms).await?;
    let own = telephone::of(rooms.db(), by.staff.id).await?;
    let text = |name: &str| typed.map(|form| form.text(name)).unwrap_or_default();
    let status = if error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let drawn = TelephonePage {
        csrf: by.csrf.clone(),
        now: own.map(|own| shown(&own.adapter, &own.account, &own.address, &ways, &page)),
        channels: choices(&ways),
        telephone: text("telephone"),
        channel: text("channel"),
        error,
        page,
    };
    Ok((status, page::html(&drawn)?).into_response())
}

pub(crate) async fn submit(State(rooms): State<Rooms>, visit: Visit, Acting { by, form }: Acting) -> Result<Response, WebError> {
    match change(&rooms, &by, Whose::Staff(by.staff.id), &by.staff.login, &form).await? {
        Ok(true) => Ok(Redirect::to("/telepon?done=simpan").into_response()),
        Ok(false) => Ok(Redirect::to("/telepon?done=hapus").into_response()),
        Err(key) => {
            let page = frame(&rooms, &visit, &by);
            let error = page.t(key).to_owned();
            draw(&rooms, page, &by, Some(&form), error).await
        }
    }
}

/// Writes what a form says of somebody's telephone, and that it was changed. `true`: they have one now; else what is wrong, as a key of the words.
pub(crate) async fn change(
    rooms: &Rooms,
    by: &SignedIn,
    whose: Whose,
    login: &str,
    form: &Fields,
) -> Result<Result<bool, &'static str>, WebError> {
    let now = rooms.now();
    let new = if form.some("remove").is_some() {
        None
    } else {
        match read(&form.text("telephone"), &form.text("channel"), &ways(rooms).await?) {
            Ok(new) => Some(new),
            Err(key) => return Ok(Err(key)),
        }
    };
    let mut tx = store::begin(rooms.db()).await?;
    match &new {
        Some(new) => telephone::set(&mut tx, whose, new, now).await?,
        None => _ = telephone::forget(&mut tx, whose).await?,
    }
    store::audit::write(&mut tx, now, Some(by.staff.id), "staff.telephone", login, &json!({ "set": new.is_some() })).await?;
    store::commit(tx).await?;
    Ok(Ok(new.is_some()))
}
