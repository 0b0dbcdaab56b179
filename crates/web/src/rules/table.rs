//! `GET /aturan`: the rules that count, and every version before. `GET /aturan/versi/{n}`: one of them. `POST /aturan/versi/{n}/kembali`: it counts again.

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use model::{Role, Timestamp};
use serde_json::json;
use store::rules::{self, Version};
use tracing::info;
use ui::{Page, Visit};

use super::{Asked, Rows, audit, flashed, frame, note, rows};
use crate::{Rooms, WebError, form::Acting, page, session::SignedIn};

/// Versions that are listed.
const LISTED: u16 = 30;

#[derive(Template)]
#[template(path = "rules.html")]
struct Table {
    page: Page,
    csrf: String,
    /// The version that counts.
    version: Option<Told>,
    rows: Rows,
    /// Of the one that is written: by whom.
    draft: Option<String>,
    earlier: Vec<Told>,
    older: String,
}

#[derive(Template)]
#[template(path = "rules_version.html")]
struct One {
    page: Page,
    csrf: String,
    version: Told,
    rows: Rows,
    address: String,
    /// The one that counts.
    current: u32,
    note: String,
    error: String,
}

/// A version in words.
pub(super) struct Told {
    number: u32,
    at: Timestamp,
    who: String,
    note: String,
    count: String,
}

fn told(version: &Version, page: &Page) -> Told {
    let authors = version.authors.join(", ");
    let who = match (&version.by, version.returns_to) {
        (None, _) => page.t("rules.by.start").to_owned(),
        (Some(by), Some(number)) => page.words.fill("rules.by.returned", &[("name", by), ("n", &number.to_string())]),
        (Some(by), None) => page.words.fill("rules.by", &[("name", by), ("authors", &authors)]),
    };
    Told { number: version.number, at: version.at, who, note: version.note.clone(), count: page.count("rules.rows", &version.rows) }
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Before {
    before: Option<u32>,
}

pub(crate) async fn show(
    State(rooms): State<Rooms>,
    visit: Visit,
    by: SignedIn,
    Query(asked): Query<Asked>,
    Query(Before { before }): Query<Before>,
) -> Result<Response, WebError> {
    by.only(Role::may_set_rules)?;
    rooms.refresh().await?;
    let directory = rooms.directory();
    let page = flashed(frame(&rooms, &visit, &by, "menu.rules"), &asked.done());
    let current = rules::versions(rooms.db(), None, 1).await?.pop();
    let mut earlier = match &current {
        Some(current) => rules::versions(rooms.db(), Some(before.unwrap_or(current.number)), LISTED + 1).await?,
        None => Vec::new(),
    };
    let more = earlier.len() > usize::from(LISTED);
    earlier.truncate(usize::from(LISTED));
    let older = earlier.last().filter(|_| more).map(|version| format!("/aturan?before={}#riwayat", version.number));
    let kept = rules::of_version(rooms.db(), current.as_ref().map_or(0, |version| version.number)).await?;
    let draft = rules::draft(rooms.db()).await?;
    let draft = draft.map(|draft| draft.authors.into_iter().map(|(_, name)| name).collect::<Vec<_>>().join(", "));
    page::html(&Table {
        csrf: by.csrf.clone(),
        version: current.map(|version| told(&version, &page)),
        rows: rows(&kept, &asked, "/aturan", &directory, &page),
        draft,
        earlier: earlier.iter().map(|version| told(version, &page)).collect(),
        older: older.unwrap_or_default(),
        page,
    })
}

pub(crate) async fn one(
    State(rooms): State<Rooms>,
    visit: Visit,
    by: SignedIn,
    Path(number): Path<u32>,
    Query(asked): Query<Asked>,
) -> Result<Response, WebError> {
    by.only(Role::may_set_rules)?;
    draw(&rooms, &visit, &by, number, &asked, "").await
}

async fn draw(rooms: &Rooms, visit: &Visit, by: &SignedIn, number: u32, asked: &Asked, error: &'static str) -> Result<Response, WebError> {
    rooms.refresh().await?;
    let page = frame(rooms, visit, by, "menu.rules");
    let version = rules::versions(rooms.db(), number.checked_add(1), 1).await?.pop();
    let version = version.filter(|version| version.number == number).ok_or(WebError::NotFound)?;
    let kept = rules::of_version(rooms.db(), number).await?;
    let address = format!("/aturan/versi/{number}");
    page::html(&One {
        csrf: by.csrf.clone(),
        version: told(&version, &page),
        rows: rows(&kept, asked, &address, &rooms.directory(), &page),
        address,
        current: rules::current(rooms.db()).await?,
        note: String::new(),
        error: if error.is_empty() { String::new() } else { page.t(error).to_owned() },
        page,
    })
}

pub(crate) async fn go_back(
    State(rooms): State<Rooms>,
    visit: Visit,
    Path(number): Path<u32>,
    Acting { by, form }: Acting,
) -> Result<Response, WebError> {
    by.only(Role::may_set_rules)?;
    let refuse = async |status: StatusCode, error: &'static str| -> Result<Response, WebError> {
        Ok((status, draw(&rooms, &visit, &by, number, &Asked::default(), error).await?).into_response())
    };
    let note = match note(&form) {
        Ok(note) => note,
        Err(error) => return refuse(StatusCode::UNPROCESSABLE_ENTITY, error).await,
    };
    let current = form.text("current").parse().map_err(|_| WebError::Unreadable)?;
    let mut tx = store::begin(rooms.db()).await?;
    let Some(made) = rules::go_back(&mut tx, number, current, &note, by.staff.id, rooms.now()).await? else {
        drop(tx);
        return refuse(StatusCode::CONFLICT, "rules.changed").await;
    };
    let detail = json!({ "returns_to": number, "from": current, "reason": note });
    audit(&rooms, &mut tx, by.staff.id, "rules.returned", &made.to_string(), &detail).await?;
    store::commit(tx).await?;
    info!(version = made, returns_to = number, "An earlier version of the rules counts again.");
    Ok(Redirect::to("/aturan?done=kembali").into_response())
}
