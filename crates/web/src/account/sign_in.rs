//! `GET /masuk`, `POST /masuk`: a login and a password for a session; `POST /masuk/kode`: the second factor, where there is one.

use askama::Template;
use axum::{
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use model::{Role, Timestamp};
use serde::Deserialize;
use store::{
    factor,
    staff::Staff,
    tries::{self, Key},
};
use ui::{Page, Tone, Visit};

use super::{
    pause,
    second::{self, Second},
    slowly,
};
use crate::{Rooms, WebError, client::Client, form::Fields, page, session};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    page: Page,
    login: String,
    back: String,
    /// What the other way in is called; empty: there is none.
    elsewhere: String,
    error: String,
}

#[derive(Template)]
#[template(path = "second.html")]
struct SecondPage {
    page: Page,
    ticket: String,
    back: String,
    error: String,
}

/// Where to go afterwards.
#[derive(Deserialize)]
pub(crate) struct Back {
    #[serde(default)]
    next: String,
    #[serde(default)]
    done: String,
}

impl Back {
    /// A path of our own; empty: none.
    pub(crate) fn ours(&self) -> &str {
        ours(&self.next)
    }
}

pub(crate) async fn show(State(rooms): State<Rooms>, visit: Visit, Query(back): Query<Back>) -> Result<Response, WebError> {
    let mut page = frame(&rooms, &visit);
    if back.done == "sandi" {
        let text = page.t("invitation.done").to_owned();
        page = page.flash(Tone::Good, text);
    }
    page::html(&gate(&rooms, page, "", back.ours(), String::new()))
}

fn gate(rooms: &Rooms, page: Page, login: &str, back: &str, error: String) -> SignInPage {
    let elsewhere = rooms.elsewhere().map(|elsewhere| elsewhere.name.clone()).unwrap_or_default();
    SignInPage { page, login: login.to_owned(), back: back.to_owned(), elsewhere, error }
}

/// The page again, with what is to be said.
pub(super) fn say(rooms: &Rooms, visit: &Visit, what: &str, status: StatusCode) -> Result<Response, WebError> {
    Ok((status, page::html(&gate(rooms, frame(rooms, visit), "", "", what.to_owned()))?).into_response())
}

pub(crate) async fn submit(
    State(rooms): State<Rooms>,
    visit: Visit,
    Client(address): Client,
    headers: HeaderMap,
    form: Fields,
) -> Result<Response, WebError> {
    let login = form.text("login");
    rooms.limits().sign_in(&address)?;
    let (staff, hash) = match store::staff::by_login(rooms.db(), &login).await? {
        Some((staff, hash)) => (Some(staff), Some(hash)),
        None => (None, None),
    };
    let browser = staff.as_ref().and_then(|staff| pause::known_browser(&headers, &rooms, staff.id));
    let key = browser.map_or_else(|| Key::login(&login), |name| Key::browser(&name));
    let wait = |until| {
        let page = frame(&rooms, &visit);
        let error = pause::say(until, rooms.now(), page.words);
        again(&rooms, StatusCode::TOO_MANY_REQUESTS, page, &login, &form, error)
    };
    let from_here = match pause::take_for_address(&rooms, &address).await? {
        Ok(turn) => turn,
        Err(until) => return wait(until),
    };
    let turn = match pause::take(&rooms, key).await? {
        Ok(turn) => turn,
        Err(until) => return wait(until),
    };
    let password = form.exact("password").to_owned();
    // The same work whether the login exists or not: the time taken tells nothing.
    let fits = slowly(move || store::staff::verify_password(&password, hash.as_deref())).await?;
    let Some(staff) = staff.as_ref().filter(|staff| fits && staff.active) else {
        from_here.failed(&rooms, None);
        let pause = turn.failed(&rooms, staff.as_ref());
        let page = frame(&rooms, &visit);
        let mut error = page.t("sign_in.wrong").to_owned();
        if let Some(until) = pause {
            error = format!("{error} {}", pause::say(until, rooms.now(), page.words));
        }
        return again(&rooms, StatusCode::UNPROCESSABLE_ENTITY, page, &login, &form, error);
    };
    from_here.give_back(&rooms).await?;
    let back = form.text("next");
    if has_second(&rooms, staff).await? {
        return second_step(&rooms, &visit, staff, &back).await;
    }
    turn.forgive(&rooms).await?;
    begin(&rooms, &headers, staff, &back).await
}

/// Who they are is certain, by another way than their password here. A second factor here is asked for all the same.
pub(super) async fn known(rooms: &Rooms, visit: &Visit, headers: &HeaderMap, staff: &Staff, back: &str) -> Result<Response, WebError> {
    if has_second(rooms, staff).await? { second_step(rooms, visit, staff, back).await } else { begin(rooms, headers, staff, back).await }
}

async fn has_second(rooms: &Rooms, staff: &Staff) -> Result<bool, WebError> {
    Ok(factor::of(rooms.db(), staff.id).await?.is_some_and(|kept| kept.confirmed))
}

async fn second_step(rooms: &Rooms, visit: &Visit, staff: &Staff, back: &str) -> Result<Response, WebError> {
    let ticket = factor::open_half(rooms.db(), staff.id, rooms.now()).await?;
    ask_for_code(StatusCode::OK, rooms, visit, ticket, back, String::new())
}

fn again(rooms: &Rooms, status: StatusCode, page: Page, login: &str, form: &Fields, error: String) -> Result<Response, WebError> {
    let page = gate(rooms, page, login, ours(&form.text("next")), error);
    Ok((status, page::html(&page)?).into_response())
}

fn ask_for_code(status: StatusCode, rooms: &Rooms, visit: &Visit, ticket: String, back: &str, error: String) -> Result<Response, WebError> {
    let page = page::public(rooms, visit, page::words(visit.language).t("second.title"));
    let page = SecondPage { page, ticket, back: ours(back).to_owned(), error };
    Ok((status, page::html(&page)?).into_response())
}

pub(crate) async fn submit_code(
    State(rooms): State<Rooms>,
    visit: Visit,
    Client(address): Client,
    headers: HeaderMap,
    form: Fields,
) -> Result<Response, WebError> {
    rooms.limits().sign_in(&address)?;
    let ticket = form.text("ticket");
    let Some(staff) = factor::half(rooms.db(), &ticket, rooms.now()).await? else {
        let page = frame(&rooms, &visit);
        let error = page.t("second.over").to_owned();
        return again(&rooms, StatusCode::UNPROCESSABLE_ENTITY, page, "", &form, error);
    };
    let back = form.text("next");
    let words = page::words(visit.language);
    let say = |until: Timestamp| pause::say(until, rooms.now(), words);
    match second::check(&rooms, &staff, &form.text("code")).await? {
        Second::Wait(until) => ask_for_code(StatusCode::TOO_MANY_REQUESTS, &rooms, &visit, ticket, &back, say(until)),
        Second::Wrong(until) => {
            let pause = until.map(|until| format!(" {}", say(until))).unwrap_or_default();
            let error = format!("{}{pause}", words.t("factor.wrong"));
            ask_for_code(StatusCode::UNPROCESSABLE_ENTITY, &rooms, &visit, ticket, &back, error)
        }
        Second::Fits => {
            factor::close_half(rooms.db(), &ticket).await?;
            let mut keys = vec![Key::login(&staff.login)];
            if let Some(name) = pause::known_browser(&headers, &rooms, staff.id) {
                keys = vec![Key::browser(&name)];
            }
            tries::forgive(rooms.db(), &keys).await?;
            begin(&rooms, &headers, &staff, &back).await
        }
    }
}

/// Everything was right: a session.
async fn begin(rooms: &Rooms, headers: &HeaderMap, staff: &Staff, back: &str) -> Result<Response, WebError> {
    // Always a new value, never the one that came along: a planted cookie stays worthless. The old session ends.
    if let Some(old) = session::token(headers, rooms.https()) {
        store::staff::close_session(rooms.db(), old).await?;
    }
    let token = store::staff::open_session(rooms.db(), staff.id, rooms.now()).await?;
    tries::sweep(rooms.db(), rooms.now()).await?;
    let first = if ours(back).is_empty() { first_page(staff.role) } else { ours(back) };
    let mut response = ([(header::SET_COOKIE, session::cookie(&token, rooms.https()))], Redirect::to(first)).into_response();
    // The account's language, unless this browser has chosen one.
    if !headers.get(header::COOKIE).is_some_and(|cookies| cookies.as_bytes().windows(7).any(|part| part == b"bahasa=")) {
        response.headers_mut().append(header::SET_COOKIE, ui::language_cookie(staff.language));
    }
    if pause::known_browser(headers, rooms, staff.id).is_none() {
        response.headers_mut().append(header::SET_COOKIE, pause::know(rooms, staff.id));
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
