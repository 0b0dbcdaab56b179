//! Signing in at the city's provider of OpenID Connect: `GET /masuk/lain` goes there, `GET /masuk/kembali` comes back. Which account there opens
//! which one here its owner says on `GET /akun-lain`, with their password here.

use std::{sync::Arc, time::Duration};

use askama::Template;
use axum::{
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use oidc::{Answer, Begun, OidcError, Person, Provider};
use serde_json::json;
use store::oidc::{Connected, Try};
use subtle::ConstantTimeEq;
use tracing::warn;
use ui::{Page, Tone, Visit};

use super::{
    password,
    sign_in::{self, Back},
};
use crate::{
    Rooms, WebError,
    agency::Done,
    client::Client,
    form::Acting,
    page,
    session::{self, SignedIn},
};

/// Where the provider sends browsers back to; it has to know this address.
const RETURN: &str = "/masuk/kembali";

/// A provider, and what people call it.
#[derive(Debug, Clone)]
pub struct Elsewhere {
    /// `SSO Pemerintah Kota`
    pub name: String,
    /// Who is asked.
    pub provider: Arc<Provider>,
}

/// `GET /masuk/lain`
pub(crate) async fn go(
    State(rooms): State<Rooms>,
    visit: Visit,
    Client(address): Client,
    Query(back): Query<Back>,
) -> Result<Response, WebError> {
    let elsewhere = rooms.elsewhere()?;
    rooms.limits().sign_in(&address)?;
    match set_out(&rooms, elsewhere, None, back.ours()).await? {
        Ok((url, cookie)) => Ok(([(header::SET_COOKIE, cookie)], Redirect::to(&url)).into_response()),
        Err(error) => failed(&rooms, &visit, &error),
    }
}

/// Notes who goes, and gives the address and the cookie that they take along.
async fn set_out(
    rooms: &Rooms,
    elsewhere: &Elsewhere,
    by: Option<&SignedIn>,
    back: &str,
) -> Result<Result<(String, HeaderValue), OidcError>, WebError> {
    let (begun, url) = match elsewhere.provider.begin(&return_address(rooms), rooms.now()).await {
        Ok(begun) => begun,
        Err(error) => return Ok(Err(error)),
    };
    let kept =
        Try { nonce: begun.nonce, verifier: begun.verifier, staff: by.map(|by| by.staff.id), back: back.chars().take(500).collect() };
    store::oidc::begin(rooms.db(), &begun.state, &kept, rooms.now()).await?;
    Ok(Ok((url, cookie(&begun.state, rooms.https()))))
}

fn return_address(rooms: &Rooms) -> String {
    format!("{}{RETURN}", rooms.site().base_url.trim_end_matches('/'))
}

/// `GET /masuk/kembali`. A GET that does something: the provider's browser knows no other way; it does it once, and only in the browser that went.
pub(crate) async fn come_back(
    State(rooms): State<Rooms>,
    visit: Visit,
    Client(address): Client,
    headers: HeaderMap,
    Query(answer): Query<Answer>,
) -> Result<Response, WebError> {
    let elsewhere = rooms.elsewhere()?;
    rooms.limits().sign_in(&address)?;
    let went = went(&headers, rooms.https()).is_some_and(|state| bool::from(state.as_bytes().ct_eq(answer.state.as_bytes())));
    let kept = if went { store::oidc::end(rooms.db(), &answer.state, rooms.now()).await? } else { None };
    let Some(kept) = kept else { return failed(&rooms, &visit, &OidcError::Foreign) };
    let begun = Begun { state: answer.state.clone(), nonce: kept.nonce, verifier: kept.verifier };
    let person = match elsewhere.provider.finish(&answer, &begun, &return_address(&rooms), rooms.now()).await {
        Ok(person) => person,
        Err(error) => return failed(&rooms, &visit, &error),
    };
    let mut response = match kept.staff {
        Some(staff) => connect(&rooms, &headers, staff, &person).await?,
        None => sign_in(&rooms, &visit, &headers, &person, &kept.back).await?,
    };
    response.headers_mut().append(header::SET_COOKIE, no_cookie(rooms.https()));
    Ok(response)
}

async fn sign_in(rooms: &Rooms, visit: &Visit, headers: &HeaderMap, person: &Person, back: &str) -> Result<Response, WebError> {
    match store::oidc::staff(rooms.db(), &person.issuer, &person.subject).await?.filter(|staff| staff.active) {
        Some(staff) => sign_in::known(rooms, visit, headers, &staff, back).await,
        None => sign_in::say(rooms, visit, page::words(visit.language).t("elsewhere.unknown"), StatusCode::FORBIDDEN),
    }
}

/// Only whoever began it, still signed in, in this browser.
async fn connect(rooms: &Rooms, headers: &HeaderMap, staff: model::StaffId, person: &Person) -> Result<Response, WebError> {
    let session = match session::token(headers, rooms.https()) {
        Some(token) => store::staff::session(rooms.db(), token, rooms.now()).await?,
        None => None,
    };
    let by =
        session.filter(|session| session.staff.id == staff).ok_or_else(|| WebError::SignInFirst { back: "/akun-lain".to_owned() })?.staff;
    let mut tx = store::begin(rooms.db()).await?;
    let done = store::oidc::connect(&mut tx, by.id, &person.issuer, &person.subject, person.shown.as_deref(), rooms.now()).await?;
    if !done {
        return Ok(Redirect::to("/akun-lain?done=terpakai").into_response());
    }
    store::audit::write(&mut tx, rooms.now(), Some(by.id), "staff.connected", &by.login, &json!({ "issuer": person.issuer })).await?;
    store::commit(tx).await?;
    Ok(Redirect::to("/akun-lain?done=hubung").into_response())
}

/// What went wrong, in words for who wanted in; what an admin has to look at is in the log.
fn failed(rooms: &Rooms, visit: &Visit, error: &OidcError) -> Result<Response, WebError> {
    let words = page::words(visit.language);
    if error.is_theirs() {
        return sign_in::say(rooms, visit, words.t("elsewhere.again"), StatusCode::BAD_REQUEST);
    }
    warn!(error = error as &dyn std::error::Error, "Nobody can sign in at the provider of OpenID Connect.");
    sign_in::say(rooms, visit, words.t("elsewhere.away"), StatusCode::BAD_GATEWAY)
}

#[derive(Template)]
#[template(path = "elsewhere.html")]
struct ElsewherePage {
    page: Page,
    csrf: String,
    name: String,
    connected: Option<Connected>,
    /// Where to go on; empty: nothing was begun.
    on: String,
    error: String,
}

/// `GET /akun-lain`
pub(crate) async fn show(State(rooms): State<Rooms>, visit: Visit, by: SignedIn, Query(done): Query<Done>) -> Result<Response, WebError> {
    let mut page = frame(&rooms, &visit, &by);
    let said = [
        ("hubung", Tone::Good, page.t("elsewhere.done.connected")),
        ("lepas", Tone::Good, page.t("elsewhere.done.disconnected")),
        ("terpakai", Tone::Bad, page.t("elsewhere.taken")),
    ];
    let said = said.into_iter().find(|(word, _, _)| done.is(word)).map(|(_, tone, text)| (tone, text.to_owned()));
    if let Some((tone, text)) = said {
        page = page.flash(tone, text);
    }
    draw(&rooms, page, &by, StatusCode::OK, String::new(), String::new()).await
}

fn frame(rooms: &Rooms, visit: &Visit, by: &SignedIn) -> Page {
    page::staff(rooms, visit, by, page::words(visit.language).t("elsewhere.title"))
}

async fn draw(rooms: &Rooms, page: Page, by: &SignedIn, status: StatusCode, on: String, error: String) -> Result<Response, WebError> {
    let elsewhere = rooms.elsewhere()?;
    let connected = store::oidc::of(rooms.db(), elsewhere.provider.issuer(), by.staff.id).await?;
    let page = ElsewherePage { page, csrf: by.csrf.clone(), name: elsewhere.name.clone(), connected, on, error };
    Ok((status, page::html(&page)?).into_response())
}

/// `POST /akun-lain`: the password once more, so that a stolen session opens no second door; then a link there, because our own policy lets no form
/// lead to another site.
pub(crate) async fn begin(State(rooms): State<Rooms>, visit: Visit, Acting { by, form }: Acting) -> Result<Response, WebError> {
    let elsewhere = rooms.elsewhere()?;
    let page = frame(&rooms, &visit, &by);
    if let Err((status, error)) = password::asked_again(&rooms, &by, &form, page.words).await? {
        return draw(&rooms, page, &by, status, String::new(), error).await;
    }
    match set_out(&rooms, elsewhere, Some(&by), "").await? {
        Ok((url, cookie)) => {
            let mut response = draw(&rooms, page, &by, StatusCode::OK, url, String::new()).await?;
            response.headers_mut().append(header::SET_COOKIE, cookie);
            Ok(response)
        }
        Err(error) => {
            warn!(error = &error as &dyn std::error::Error, "Nobody can sign in at the provider of OpenID Connect.");
            let error = page.t("elsewhere.away").to_owned();
            draw(&rooms, page, &by, StatusCode::BAD_GATEWAY, String::new(), error).await
        }
    }
}

/// `POST /akun-lain/lepas`
pub(crate) async fn disconnect(State(rooms): State<Rooms>, Acting { by, .. }: Acting) -> Result<Response, WebError> {
    let issuer = rooms.elsewhere()?.provider.issuer();
    let mut tx = store::begin(rooms.db()).await?;
    if store::oidc::disconnect(&mut tx, by.staff.id, issuer).await? {
        store::audit::write(&mut tx, rooms.now(), Some(by.staff.id), "staff.disconnected", &by.staff.login, &json!({ "issuer": issuer }))
            .await?;
    }
    store::commit(tx).await?;
    Ok(Redirect::to("/akun-lain?done=lepas").into_response())
}

/// The cookie of who is on the way: sent along when the provider leads the browser back, and read by no script.
fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-muara-lain" } else { "muara-lain" }
}

fn cookie(state: &str, https: bool) -> HeaderValue {
    session::passing(cookie_name(https), state, Duration::from_mins(10), https)
}

fn no_cookie(https: bool) -> HeaderValue {
    session::passing(cookie_name(https), "", Duration::ZERO, https)
}

fn went(headers: &HeaderMap, https: bool) -> Option<&str> {
    session::named(headers, cookie_name(https)).filter(|state| !state.is_empty())
}
