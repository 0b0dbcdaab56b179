//! `GET /faktor` and what its forms post to: the second factor of whoever is signed in. The part about passkeys is `passkey::own`.

use askama::Template;
use axum::{
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use model::Timestamp;
use serde_json::json;
use store::{
    factor::{self, about},
    tries::Key,
};
use ui::{Page, Tone, Visit};

use super::{
    passkey::{self, own::Section},
    password::{self, NotAgain},
    pause, second,
    second::Second,
    totp,
};
use crate::{
    Rooms, WebError,
    agency::Done,
    form::Acting,
    page,
    session::{self, SignedIn},
};

#[derive(Template)]
#[template(path = "factor.html")]
struct FactorPage {
    page: Page,
    csrf: String,
    /// Whether there is another place to sign in.
    elsewhere: bool,
    stage: Stage,
    /// Their role may not work without one.
    needed: bool,
    error: String,
    passkeys: Section,
    recovery: Recovery,
}

/// The part of the page that is about recovery codes.
struct Recovery {
    /// Whether there is something that they stand in for.
    for_something: bool,
    left: u64,
    /// When one was last used.
    used_at: Option<Timestamp>,
    /// Their owner gives a code of the app for new ones; else the password, or a passkey.
    by_app: bool,
    /// Whether a passkey may be asked for here.
    by_passkey: bool,
    /// What is wrong with the password.
    error: String,
}

impl Recovery {
    async fn of(rooms: &Rooms, by: &SignedIn) -> Result<Self, WebError> {
        let ways = factor::ways(rooms.db(), by.staff.id).await?;
        Ok(Self {
            for_something: ways.any(),
            left: ways.codes,
            used_at: factor::code_used_at(rooms.db(), by.staff.id).await?,
            by_app: ways.app,
            by_passkey: ways.passkey && rooms.passkeys().is_ok(),
            error: String::new(),
        })
    }
}

enum Stage {
    /// They have none; `possible`: the installation has a key to seal it with.
    Off { possible: bool },
    /// Here is the secret: prove that the app has it.
    Prove { qr: String, secret: String },
    /// New recovery codes, shown this once; `first`: the app was proven just now.
    Codes { codes: Vec<String>, first: bool },
    /// They have one.
    On,
}

impl Stage {
    /// Nothing is under way: other things may be changed on the page too.
    fn is_settled(&self) -> bool {
        matches!(self, Self::Off { .. } | Self::On)
    }
}

pub(crate) async fn show(State(rooms): State<Rooms>, visit: Visit, by: SignedIn, Query(done): Query<Done>) -> Result<Response, WebError> {
    let stage = standing(&rooms, &by).await?;
    let mut page = frame(&rooms, &visit, &by);
    let said = [
        ("lepas", page.t("factor.done.removed")),
        ("kunci", page.t("passkey.done.added")),
        ("nama", page.t("passkey.done.renamed")),
        ("hapus-kunci", page.t("passkey.done.removed")),
    ];
    if let Some(text) = said.into_iter().find(|(word, _)| done.is(word)).map(|(_, text)| text.to_owned()) {
        page = page.flash(Tone::Good, text);
    }
    draw(&rooms, page, &by, stage, String::new()).await
}

async fn standing(rooms: &Rooms, by: &SignedIn) -> Result<Stage, WebError> {
    let kept = factor::of(rooms.db(), by.staff.id).await?.filter(|kept| kept.confirmed);
    Ok(if kept.is_some() { Stage::On } else { Stage::Off { possible: rooms.vault().is_some() } })
}

pub(super) fn frame(rooms: &Rooms, visit: &Visit, by: &SignedIn) -> Page {
    page::staff(rooms, visit, by, page::words(visit.language).t("factor.title"))
}

async fn draw(rooms: &Rooms, page: Page, by: &SignedIn, stage: Stage, error: String) -> Result<Response, WebError> {
    let status = if error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let passkeys = Section::of(rooms, by, &page).await?;
    let recovery = Recovery::of(rooms, by).await?;
    drawn(rooms, page, by, status, stage, error, (passkeys, recovery))
}

/// The page with something wrong in what was typed about passkeys.
pub(super) async fn draw_section(rooms: &Rooms, page: Page, by: &SignedIn, passkeys: Section) -> Result<Response, WebError> {
    let (stage, recovery) = (standing(rooms, by).await?, Recovery::of(rooms, by).await?);
    drawn(rooms, page, by, StatusCode::UNPROCESSABLE_ENTITY, stage, String::new(), (passkeys, recovery))
}

/// The page with why there are no new codes.
async fn draw_recovery(rooms: &Rooms, page: Page, by: &SignedIn, (status, error): NotAgain) -> Result<Response, WebError> {
    let (stage, passkeys) = (standing(rooms, by).await?, Section::of(rooms, by, &page).await?);
    let recovery = Recovery { error, ..Recovery::of(rooms, by).await? };
    drawn(rooms, page, by, status, stage, String::new(), (passkeys, recovery))
}

/// The page as it stands, with why nothing was done above it.
pub(super) async fn refuse(rooms: &Rooms, page: Page, by: &SignedIn, why: String) -> Result<Response, WebError> {
    let section = Section::of(rooms, by, &page).await?;
    draw_section(rooms, page.flash(Tone::Bad, why), by, section).await
}

fn drawn(
    rooms: &Rooms,
    mut page: Page,
    by: &SignedIn,
    status: StatusCode,
    stage: Stage,
    error: String,
    (passkeys, recovery): (Section, Recovery),
) -> Result<Response, WebError> {
    page.scripts.extend(["passkey.js", "slip.js"]);
    let needed = rooms.needs_factor(by.staff.role) && passkeys.keys.is_empty();
    let page = FactorPage { page, csrf: by.csrf.clone(), elsewhere: rooms.elsewhere().is_ok(), stage, needed, error, passkeys, recovery };
    Ok((status, page::html(&page)?).into_response())
}

/// `POST /faktor/mulai`: the password once more, then a new secret.
pub(crate) async fn begin(State(rooms): State<Rooms>, visit: Visit, Acting { by, form }: Acting) -> Result<Response, WebError> {
    let page = frame(&rooms, &visit, &by);
    let Some(vault) = rooms.vault() else { return draw(&rooms, page, &by, Stage::Off { possible: false }, String::new()).await };
    if let Err((_, error)) = password::asked_again(&rooms, &by, &form, page.words).await? {
        return draw(&rooms, page, &by, Stage::Off { possible: true }, error).await;
    }
    let secret = totp::new_secret();
    let mut tx = store::begin(rooms.db()).await?;
    let begun = factor::begin(&mut tx, by.staff.id, &vault.seal(&about(by.staff.id), &secret), rooms.now()).await?;
    store::commit(tx).await?;
    // Another window may have finished meanwhile.
    let stage = if begun { prove(&rooms, &by, &secret) } else { standing(&rooms, &by).await? };
    draw(&rooms, page, &by, stage, String::new()).await
}

fn prove(rooms: &Rooms, by: &SignedIn, secret: &[u8]) -> Stage {
    Stage::Prove { qr: ui::qr_svg(&totp::link(&rooms.site().name, &by.staff.login, secret)), secret: totp::as_text(secret) }
}

/// `POST /faktor`: the first code of the app. All sessions end; the one at hand begins anew.
pub(crate) async fn confirm(State(rooms): State<Rooms>, visit: Visit, Acting { by, form }: Acting) -> Result<Response, WebError> {
    let page = frame(&rooms, &visit, &by);
    let Some(kept) = factor::of(rooms.db(), by.staff.id).await?.filter(|kept| !kept.confirmed) else {
        return Ok(Redirect::to("/faktor").into_response());
    };
    let secret = second::open(&rooms, &by.staff, &kept)?;
    let turn = match pause::take(&rooms, Key::second(by.staff.id)).await? {
        Ok(turn) => turn,
        Err(until) => {
            let error = pause::say(until, rooms.now(), page.words);
            return draw(&rooms, page, &by, prove(&rooms, &by, &secret), error).await;
        }
    };
    let typed: String = form.text("code").chars().filter(|c| !c.is_whitespace()).collect();
    let Some(step) = totp::step_of(&secret, &typed, rooms.now(), 0) else {
        turn.failed(&rooms, Some(&by.staff));
        let error = page.t("factor.wrong").to_owned();
        return draw(&rooms, page, &by, prove(&rooms, &by, &secret), error).await;
    };
    turn.forgive(&rooms).await?;
    let codes = factor::new_codes();
    let mut tx = store::begin(rooms.db()).await?;
    if !factor::confirm(&mut tx, by.staff.id, step, &codes, rooms.now()).await? {
        return Ok(Redirect::to("/faktor").into_response());
    }
    store::audit::write(&mut tx, rooms.now(), Some(by.staff.id), "staff.factor_set", &by.staff.login, &json!({})).await?;
    store::commit(tx).await?;
    afresh(&rooms, &visit, by, Stage::Codes { codes, first: true }).await
}

/// The page in a session that just began, because all others ended.
async fn afresh(rooms: &Rooms, visit: &Visit, by: SignedIn, stage: Stage) -> Result<Response, WebError> {
    let token = store::staff::open_session(rooms.db(), by.staff.id, rooms.now()).await?;
    let csrf = store::staff::session(rooms.db(), &token, rooms.now()).await?.map(|session| session.csrf).unwrap_or_default();
    let by = SignedIn { csrf, ..by };
    let mut response = draw(rooms, frame(rooms, visit, &by), &by, stage, String::new()).await?;
    response.headers_mut().insert(header::SET_COOKIE, session::cookie(&token, rooms.https()));
    Ok(response)
}

/// `POST /faktor/kode`: ten new recovery codes: for a code of the app or, where there is none, for the password once more or a passkey.
pub(crate) async fn codes(
    State(rooms): State<Rooms>,
    visit: Visit,
    headers: HeaderMap,
    Acting { by, form }: Acting,
) -> Result<Response, WebError> {
    let page = frame(&rooms, &visit, &by);
    let ways = factor::ways(rooms.db(), by.staff.id).await?;
    if ways.app {
        if let Some(error) = refused(&rooms, &by, &form.text("code"), &page).await? {
            return draw(&rooms, page, &by, standing(&rooms, &by).await?, error).await;
        }
    } else if ways.passkey {
        let again = match form.some("credential") {
            Some(_) => passkey::sign_in::shown_again(&rooms, &headers, &by, &form, page.words).await?,
            None => password::asked_again(&rooms, &by, &form, page.words).await?,
        };
        if let Err(why) = again {
            return draw_recovery(&rooms, page, &by, why).await;
        }
    } else {
        return Err(WebError::NotFound);
    }
    let codes = factor::new_codes();
    let mut tx = store::begin(rooms.db()).await?;
    factor::set_codes(&mut tx, by.staff.id, &codes).await?;
    store::audit::write(&mut tx, rooms.now(), Some(by.staff.id), "staff.recovery_codes", &by.staff.login, &json!({})).await?;
    store::commit(tx).await?;
    draw(&rooms, page, &by, Stage::Codes { codes, first: false }, String::new()).await
}

/// `POST /faktor/lepas`: without a second factor from now on, or with another phone next, for a code.
pub(crate) async fn remove(State(rooms): State<Rooms>, visit: Visit, Acting { by, form }: Acting) -> Result<Response, WebError> {
    let page = frame(&rooms, &visit, &by);
    if let Some(error) = refused(&rooms, &by, &form.text("code"), &page).await? {
        return draw(&rooms, page, &by, standing(&rooms, &by).await?, error).await;
    }
    let mut tx = store::begin(rooms.db()).await?;
    factor::remove(&mut tx, by.staff.id).await?;
    store::audit::write(&mut tx, rooms.now(), Some(by.staff.id), "staff.factor_removed", &by.staff.login, &json!({})).await?;
    store::commit(tx).await?;
    let token = store::staff::open_session(rooms.db(), by.staff.id, rooms.now()).await?;
    Ok(([(header::SET_COOKIE, session::cookie(&token, rooms.https()))], Redirect::to("/faktor?done=lepas")).into_response())
}

async fn refused(rooms: &Rooms, by: &SignedIn, code: &str, page: &Page) -> Result<Option<String>, WebError> {
    Ok(match second::check(rooms, &by.staff, code).await? {
        Second::Fits => None,
        Second::Wrong(None) => Some(page.t("factor.wrong").to_owned()),
        Second::Wrong(Some(until)) | Second::Wait(until) => Some(pause::say(until, rooms.now(), page.words)),
    })
}
