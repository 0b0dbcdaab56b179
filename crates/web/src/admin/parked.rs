//! `GET /admin/terparkir`, `GET /admin/terparkir/{id}`: messages that were set aside for a person. Their content is personal: it is
//! shown only on request, and the request is written down ([`super::parked_content`]).

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use bus::parked::Parked;
use serde::Deserialize;
use ui::{Page, Tone, Visit};

use super::frame;
use crate::{Rooms, WebError, agency::Done, page, session::SignedIn};

const LINES: usize = 50;

#[derive(Template)]
#[template(path = "admin_parked.html")]
struct ParkedList {
    page: Page,
    total: u64,
    parked: Vec<Parked>,
    newer: String,
    older: String,
}

/// Which page of the list.
#[derive(Deserialize)]
pub(crate) struct Asked {
    after: Option<u64>,
}

pub(crate) async fn list(
    State(rooms): State<Rooms>,
    visit: Visit,
    by: SignedIn,
    Query(asked): Query<Asked>,
    Query(done): Query<Done>,
) -> Result<Response, WebError> {
    by.only_admin()?;
    let mut parked = rooms.bus().parked(asked.after, LINES + 1).await?;
    let more = parked.len() > LINES;
    parked.truncate(LINES);
    let older = parked.last().filter(|_| more).map(|last| format!("/admin/terparkir?after={}", last.id)).unwrap_or_default();
    let page = flashed(frame(&rooms, &visit, &by, "menu.parked"), &done);
    let newer = if asked.after.is_some() { "/admin/terparkir".to_owned() } else { String::new() };
    page::html(&ParkedList { page, total: rooms.bus().parked_count().await?, parked, newer, older })
}

fn flashed(page: Page, done: &Done) -> Page {
    let (tone, text) = match () {
        () if done.is("ulangi") => (Tone::Good, page.t("parked.done.retry")),
        () if done.is("buang") => (Tone::Good, page.t("parked.done.drop")),
        () if done.is("hilang") => (Tone::Info, page.t("parked.done.gone")),
        () => return page,
    };
    let text = text.to_owned();
    page.flash(tone, text)
}

#[derive(Template)]
#[template(path = "admin_parked_one.html")]
struct ParkedOne {
    page: Page,
    csrf: String,
    parked: Parked,
    size: String,
    content: Option<String>,
    error: String,
}

pub(crate) async fn show(State(rooms): State<Rooms>, visit: Visit, by: SignedIn, Path(id): Path<u64>) -> Result<Response, WebError> {
    by.only_admin()?;
    draw(&rooms, &visit, &by, id, Content::Hidden, "").await
}

/// Whether the page shows the message itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Shown,
    Hidden,
}

/// How much of a message a page shows; the rest is in the stream.
const MOST_SHOWN: usize = 64 * 1024;

pub(super) async fn draw(
    rooms: &Rooms,
    visit: &Visit,
    by: &SignedIn,
    id: u64,
    content: Content,
    error: &str,
) -> Result<Response, WebError> {
    let parked = rooms.bus().parked_one(id).await?.ok_or(WebError::NotFound)?;
    let shown = &parked.bytes[..parked.bytes.len().min(MOST_SHOWN)];
    let text = (content == Content::Shown).then(|| String::from_utf8_lossy(shown).into_owned());
    let page = frame(rooms, visit, by, "menu.parked");
    let size = page.words.number(parked.bytes.len() as u64);
    page::html(&ParkedOne { page, csrf: by.csrf.clone(), parked, size, content: text, error: error.to_owned() })
}
