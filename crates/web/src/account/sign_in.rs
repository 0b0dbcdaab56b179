//! `GET /masuk`, `POST /masuk`: a login and a password for a session; `POST /masuk/kode`: the second factor, where there is one. Passkeys: `passkey::sign_in`.

use askama::Template;
use axum::{
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use model::{Role, Timestamp};
use serde::Deserialize;
use store::{
    factor::{self, Ways},
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
    /// Whether passkeys open accounts at this address.
    passkeys: bool,
    error: String,
}

#[derive(Template)]
#[template(path = "second.html")]
struct SecondPage {
    page: Page,
    ticket: String,
    back: String,
    /// What they have besides their password.
    ways: Ways,
    /// Whether passkeys open accounts at this address.
    passkeys: bool,
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

fn gate(rooms: &Rooms, mut page: Page, login: &str, back: &str, error: String) -> SignInPage {
    let elsewhere = rooms.elsewhere().map(|elsewhere| elsewhere.name.clone()).unwrap_or_default();
    page.scripts.push("passkey.js");
    SignInPage { page, login: login.to_owned(), back: back.to_owned(), elsewhere, passkeys: rooms.passkeys().is_ok(), error }
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
    let ways = factor::ways(rooms.db(), staff.id).await?;
    if ways.any() {
        return second_step(&rooms, &visit, staff, ways, &back).await;
    }
    turn.forgive(&rooms).await?;
    begin(&rooms, &headers, staff, &back).await
}

/// Who they are is certain, by another way than their password here. A second factor here is asked for all the same.
pub(super) async fn known(rooms: &Rooms, visit: &Visit, headers: &HeaderMap, staff: &Staff, back: &str) -> Result<Response, WebError> {
    let ways = factor::ways(rooms.db(), staff.id).await?;
    if ways.any() { second_step(rooms, visit, staff, ways, back).await } else { begin(rooms, headers, staff, back).await }
}

async fn second_step(rooms: &Rooms, visit: &Visit, staff: &Staff, ways: Ways, back: &str) -> Result<Response, WebError> {
    let ticket = factor::open_half(rooms.db(), staff.id, rooms.now()).await?;
    ask_for_second(StatusCode::OK, rooms, visit, ticket, ways, back, String::new())
}

fn again(rooms: &Rooms, status: StatusCode, page: Page, login: &str, form: &Fields, error: String) -> Result<Response, WebError> {
    let page = gate(rooms, page, login, ours(&form.text("next")), error);
    Ok((status, page::html(&page)?).into_response())
}

fn ask_for_second(
    status: StatusCode,
    rooms: &Rooms,
    visit: &Visit,
    ticket: String,
    ways: Ways,
    back: &str,
    error: String,
) -> Result<Response, WebError> {
    let mut page = page::public(rooms, visit, page::words(visit.language).t("second.title"));
    page.scripts.push("passkey.js");
    let page = SecondPage { page, ticket, back: ours(back).to_owned(), ways, passkeys: rooms.passkeys().is_ok(), error };
    Ok((status, page::html(&page)?).into_response())
}

/// How far somebody is who signs in.
pub(super) enum Step {
    /// Nothing is known of them.
    First,
    /// They gave the right password, and hold this ticket.
    Second { ticket: String, staff: Staff },
}

impl Step {
    /// As the form says it; `None`: its ticket is worth nothing any more.
    pub(super) async fn of(rooms: &Rooms, form: &Fields) -> Result<Option<Self>, WebError> {
        let Some(ticket) = form.some("ticket") else { return Ok(Some(Self::First)) };
        let staff = factor::half(rooms.db(), &ticket, rooms.now()).await?;
        Ok(staff.map(|staff| Self::Second { ticket, staff }))
    }

    /// Who gave the password.
    pub(super) fn staff(&self) -> Option<&Staff> {
        match self {
            Self::First => None,
            Self::Second { staff, .. } => Some(staff),
        }
    }

    /// The page of this step again, with what is to be said.
    pub(super) async fn again(
        &self,
        rooms: &Rooms,
        visit: &Visit,
        form: &Fields,
        status: StatusCode,
        error: String,
    ) -> Result<Response, WebError> {
        match self {
            Self::First => again(rooms, status, frame(rooms, visit), "", form, error),
            Self::Second { ticket, staff } => {
                let ways = factor::ways(rooms.db(), staff.id).await?;
                ask_for_second(status, rooms, visit, ticket.clone(), ways, &form.text("next"), error)
            }
        }
    }

    /// Everything was right: the step is over, and what failed before it counts no more.
    pub(super) async fn through(&self, rooms: &Rooms, headers: &HeaderMap, staff: &Staff, back: &str) -> Result<Response, WebError> {
        if let Self::Second { ticket, .. } = self {
            factor::close_half(rooms.db(), ticket).await?;
            let key = pause::known_browser(headers, rooms, staff.id).map_or_else(|| Key::login(&staff.login), |name| Key::browser(&name));
            tries::forgive(rooms.db(), &[key]).await?;
        }
        begin(rooms, headers, staff, back).await
    }
}

pub(crate) async fn submit_code(
    State(rooms): State<Rooms>,
    visit: Visit,
    Client(address): Client,
    headers: HeaderMap,
    form: Fields,
) -> Result<Response, WebError> {
    rooms.limits().sign_in(&address)?;
    let step = Step::of(&rooms, &form).await?;
    let Some((step, staff)) = step.as_ref().and_then(|step| Some((step, step.staff()?))) else {
        return over(&rooms, &visit, &form);
    };
    let words = page::words(visit.language);
    let say = |until: Timestamp| pause::say(until, rooms.now(), words);
    match second::check(&rooms, staff, &form.text("code")).await? {
        Second::Wait(until) => step.again(&rooms, &visit, &form, StatusCode::TOO_MANY_REQUESTS, say(until)).await,
        Second::Wrong(until) => {
            let pause = until.map(|until| format!(" {}", say(until))).unwrap_or_default();
            let error = format!("{}{pause}", words.t("factor.wrong"));
            step.again(&rooms, &visit, &form, StatusCode::UNPROCESSABLE_ENTITY, error).await
        }
        Second::Fits => step.through(&rooms, &headers, staff, &form.text("next")).await,
    }
}

/// The second step took too long: the first one again.
pub(super) fn over(rooms: &Rooms, visit: &Visit, form: &Fields) -> Result<Response, WebError> {
    let page = frame(rooms, visit);
    let error = page.t("second.over").to_owned();
    again(rooms, StatusCode::UNPROCESSABLE_ENTITY, page, "", form, error)
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
