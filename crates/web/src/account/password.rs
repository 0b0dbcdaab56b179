//! `GET /sandi`, `POST /sandi`: one's own password. All other sessions end; the one at hand begins anew.

use askama::Template;
use axum::{
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use serde_json::json;
use store::{passkey, tries::Key};
use ui::{Page, Tone, Visit, Words};

use super::{pause, slowly};
use crate::{
    Rooms, WebError,
    agency::Done,
    form::{Acting, Fields},
    page,
    session::{self, SignedIn},
};

/// Long and simple beats short and clever.
const SHORTEST: usize = 12;
const LONGEST: usize = 256;

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage {
    page: Page,
    csrf: String,
    /// Whether there is another place to sign in.
    elsewhere: bool,
    /// How many passkeys they have.
    passkeys: u64,
    old_error: String,
    new_error: String,
}

async fn draw(rooms: &Rooms, page: Page, by: SignedIn, old_error: String, new_error: String) -> Result<Response, WebError> {
    let passkeys = u64::try_from(passkey::of(rooms.db(), by.staff.id).await?.len()).unwrap_or(u64::MAX);
    page::html(&PasswordPage { page, csrf: by.csrf, elsewhere: rooms.elsewhere().is_ok(), passkeys, old_error, new_error })
}

pub(crate) async fn show(State(rooms): State<Rooms>, visit: Visit, by: SignedIn, Query(done): Query<Done>) -> Result<Response, WebError> {
    let mut page = frame(&rooms, &visit, &by);
    if done.is("sandi") {
        let text = page.t("password.done").to_owned();
        page = page.flash(Tone::Good, text);
    }
    draw(&rooms, page, by, String::new(), String::new()).await
}

pub(crate) async fn submit(State(rooms): State<Rooms>, visit: Visit, Acting { by, form }: Acting) -> Result<Response, WebError> {
    let (old_error, new_error) = match pause::take(&rooms, Key::second(by.staff.id)).await? {
        Err(until) => (pause::say(until, rooms.now(), page::words(visit.language)), String::new()),
        Ok(turn) => {
            let (old_error, new_error) = wrong(&rooms, &visit, &by, &form).await?;
            if old_error.is_empty() {
                turn.forgive(&rooms).await?;
            } else {
                turn.failed(&rooms, Some(&by.staff));
            }
            (old_error, new_error)
        }
    };
    if !old_error.is_empty() || !new_error.is_empty() {
        let page = draw(&rooms, frame(&rooms, &visit, &by), by, old_error, new_error).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    let new = form.exact("new").to_owned();
    let hash = slowly(move || store::staff::hash_password(&new)).await?;
    let mut tx = store::begin(rooms.db()).await?;
    store::staff::set_password(&mut tx, by.staff.id, &hash).await?;
    // Who had the old one may have connected an account of theirs, and made a passkey if nothing else was asked of them.
    store::oidc::disconnect_all(&mut tx, by.staff.id).await?;
    let removed = if form.text("passkeys").is_empty() { 0 } else { passkey::remove_all(&mut tx, by.staff.id).await? };
    let detail = json!({ "passkeys_removed": removed });
    store::audit::write(&mut tx, rooms.now(), Some(by.staff.id), "staff.own_password", &by.staff.login, &detail).await?;
    store::commit(tx).await?;
    let token = store::staff::open_session(rooms.db(), by.staff.id, rooms.now()).await?;
    Ok(([(header::SET_COOKIE, session::cookie(&token, rooms.https()))], Redirect::to("/sandi?done=sandi")).into_response())
}

/// Why somebody's password was not taken once more: for the answer, and in a sentence.
pub(super) type NotAgain = (StatusCode, String);

/// Asks for one's password once more, before something that a stolen session must not do.
pub(super) async fn asked_again(rooms: &Rooms, by: &SignedIn, form: &Fields, words: Words) -> Result<Result<(), NotAgain>, WebError> {
    let turn = match pause::take(rooms, Key::second(by.staff.id)).await? {
        Ok(turn) => turn,
        Err(until) => return Ok(Err((StatusCode::TOO_MANY_REQUESTS, pause::say(until, rooms.now(), words)))),
    };
    if !is_right(rooms, by, form.exact("password")).await? {
        turn.failed(rooms, Some(&by.staff));
        return Ok(Err((StatusCode::UNPROCESSABLE_ENTITY, words.t("password.wrong").to_owned())));
    }
    turn.forgive(rooms).await?;
    Ok(Ok(()))
}

async fn is_right(rooms: &Rooms, by: &SignedIn, typed: &str) -> Result<bool, WebError> {
    let typed = typed.to_owned();
    let hash = store::staff::by_login(rooms.db(), &by.staff.login).await?.map(|(_, hash)| hash);
    slowly(move || store::staff::verify_password(&typed, hash.as_deref())).await
}

/// Whether a new password is neither too short nor too long.
pub(super) fn long_enough(new: &str) -> bool {
    (SHORTEST..=LONGEST).contains(&new.chars().count())
}

async fn wrong(rooms: &Rooms, visit: &Visit, by: &SignedIn, form: &Fields) -> Result<(String, String), WebError> {
    let words = page::words(visit.language);
    let new_error = if long_enough(form.exact("new")) { "" } else { words.t("password.short") };
    let old_error = if is_right(rooms, by, form.exact("old")).await? { "" } else { words.t("password.wrong") };
    Ok((old_error.to_owned(), new_error.to_owned()))
}

fn frame(rooms: &Rooms, visit: &Visit, by: &SignedIn) -> Page {
    page::staff(rooms, visit, by, page::words(visit.language).t("menu.password"))
}
