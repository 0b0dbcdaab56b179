//! `GET /undangan/{token}`, `POST /undangan/{token}`: somebody sets their own password, with a link from their admin.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde_json::json;
use ui::{Page, Visit};

use super::{password, slowly};
use crate::{Rooms, WebError, client::Client, form::Fields, page};

#[derive(Template)]
#[template(path = "invitation.html")]
struct InvitationPage {
    page: Page,
    /// `None`: the link is worth nothing any more.
    login: Option<String>,
    token: String,
    error: String,
}

pub(crate) async fn show(
    State(rooms): State<Rooms>,
    visit: Visit,
    Client(address): Client,
    Path(token): Path<String>,
) -> Result<Response, WebError> {
    rooms.limits().lookup(&address)?;
    let staff = store::staff::invited(rooms.db(), &token, rooms.now()).await?;
    draw(&rooms, &visit, staff.map(|staff| staff.login), token, String::new())
}

fn draw(rooms: &Rooms, visit: &Visit, login: Option<String>, token: String, error: String) -> Result<Response, WebError> {
    let page = page::public(rooms, visit, page::words(visit.language).t("invitation.title"));
    let status = match (&login, error.is_empty()) {
        (None, _) => StatusCode::NOT_FOUND,
        (Some(_), true) => StatusCode::OK,
        (Some(_), false) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    Ok((status, page::html(&InvitationPage { page, login, token, error })?).into_response())
}

pub(crate) async fn submit(
    State(rooms): State<Rooms>,
    visit: Visit,
    Client(address): Client,
    Path(token): Path<String>,
    form: Fields,
) -> Result<Response, WebError> {
    rooms.limits().lookup(&address)?;
    let Some(staff) = store::staff::invited(rooms.db(), &token, rooms.now()).await? else {
        return draw(&rooms, &visit, None, token, String::new());
    };
    let new = form.exact("new").to_owned();
    if !password::long_enough(&new) {
        let error = page::words(visit.language).t("password.short").to_owned();
        return draw(&rooms, &visit, Some(staff.login), token, error);
    }
    let hash = slowly(move || store::staff::hash_password(&new)).await?;
    let mut tx = store::begin(rooms.db()).await?;
    if store::staff::accept(&mut tx, &token, &hash, rooms.now()).await?.is_none() {
        return draw(&rooms, &visit, None, token, String::new());
    }
    store::audit::write(&mut tx, rooms.now(), Some(staff.id), "staff.joined", &staff.login, &json!({})).await?;
    store::commit(tx).await?;
    // A link that somebody else guessed at would have failed above; whoever set the password may use it at once.
    store::tries::forgive(rooms.db(), &[store::tries::Key::login(&staff.login)]).await?;
    Ok(Redirect::to("/masuk?done=sandi").into_response())
}
