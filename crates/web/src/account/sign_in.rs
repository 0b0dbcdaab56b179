//! `GET /masuk`, `POST /masuk`: a login and a password for a session.

use askama::Template;
use axum::{
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use model::Role;
use serde::Deserialize;
use ui::{Page, Visit};

use super::slowly;
use crate::{Rooms, WebError, client::Client, form::Fields, page, session};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    page: Page,
    login: String,
    back: String,
    error: String,
}

/// Where to go afterwards.
#[derive(Deserialize)]
pub(crate) struct Back {
    #[serde(default)]
    next: String,
}

pub(crate) async fn show(State(rooms): State<Rooms>, visit: Visit, Query(back): Query<Back>) -> Result<Response, WebError> {
    let page = frame(&rooms, &visit);
    page::html(&SignInPage { page, login: String::new(), back: ours(&back.next).to_owned(), error: String::new() })
}

pub(crate) async fn submit(
    State(rooms): State<Rooms>,
    visit: Visit,
    Client(address): Client,
    headers: HeaderMap,
    form: Fields,
) -> Result<Response, WebError> {
    let login = form.text("login");
    rooms.limits().sign_in(&address, &login)?;
    let found = store::staff::by_login(rooms.db(), &login).await?;
    let (staff, hash) = found.map_or((None, None), |(staff, hash)| (Some(staff), Some(hash)));
    let password = form.exact("password").to_owned();
    // The same work whether the login exists or not: the time taken tells nothing.
    let fits = slowly(move || store::staff::verify_password(&password, hash.as_deref())).await?;
    let Some(staff) = staff.filter(|staff| fits && staff.active) else {
        let page = frame(&rooms, &visit);
        let error = page.t("sign_in.wrong").to_owned();
        let page = SignInPage { page, login, back: ours(&form.text("next")).to_owned(), error };
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page::html(&page)?).into_response());
    };
    // Always a new value, never the one that came along: a planted cookie stays worthless. The old session ends.
    if let Some(old) = session::token(&headers, rooms.https()) {
        store::staff::close_session(rooms.db(), old).await?;
    }
    let token = store::staff::open_session(rooms.db(), staff.id, rooms.now()).await?;
    let back = form.text("next");
    let first = if ours(&back).is_empty() { first_page(staff.role) } else { ours(&back) };
    let mut response = ([(header::SET_COOKIE, session::cookie(&token, rooms.https()))], Redirect::to(first)).into_response();
    // The account's language, unless this browser has chosen one.
    if !headers.get(header::COOKIE).is_some_and(|cookies| cookies.as_bytes().windows(7).any(|part| part == b"bahasa=")) {
        response.headers_mut().append(header::SET_COOKIE, ui::language_cookie(staff.language));
    }
    Ok(response)
}

fn frame(rooms: &Rooms, visit: &Visit) -> Page {
    let title = page::words(visit.language).t("sign_in.title");
    page::public(rooms, visit, title)
}

/// Where each role begins its day.
pub(crate) fn first_page(role: Role) -> &'static str {
    match role {
        Role::Clerk => "/loket",
        Role::Admin => "/admin",
        Role::Triage | Role::Officer | Role::Supervisor => "/antrean",
    }
}

/// Only a path of our own: a link to our sign-in page must not lead to somebody else's.
fn ours(back: &str) -> &str {
    let is_path = back.starts_with('/') && !back.starts_with("//") && !back.contains('\\') && !back.chars().any(char::is_control);
    if is_path { back } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_follow_the_sign_in() {
        assert_eq!(ours("/aduan/1?x=2"), "/aduan/1?x=2");
        for foreign in ["https://evil.example", "//evil.example", "/\\evil.example", "evil", "", "/a\nb"] {
            assert_eq!(ours(foreign), "", "{foreign}");
        }
    }
}
