//! `POST /t/{code}/data`: the citizen asks for a copy of their data, or that it be erased. `GET /t/{code}/data`: the copy, once somebody allowed it.

use axum::{
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Redirect, Response},
};
use model::Complaint;
use object_store::ObjectStoreExt;
use store::{
    person::Subject,
    request::{self, Kind, Request, State as Progress},
};
use tracing::info;
use ui::{Page, Visit};

use super::opened_by;
use crate::{Rooms, WebError, copy, files::zipped, form::Fields};

/// Files of a copy that is fetched here, in bytes; what is larger is handed over at an office.
const MOST_BYTES: u64 = 40 * 1024 * 1024;

/// A request as its citizen reads it.
pub(crate) struct Asked {
    pub(crate) what: String,
    pub(crate) how_far: String,
    /// Where the copy is.
    pub(crate) copy: bool,
}

/// What was asked here, and what is left to ask.
#[derive(Default)]
pub(crate) struct DataCard {
    pub(crate) asked: Vec<Asked>,
    /// May be asked now.
    pub(crate) copy: bool,
    pub(crate) erase: bool,
    /// What was removed of it, and why.
    pub(crate) removed: Vec<String>,
}

pub(crate) async fn card(rooms: &Rooms, complaint: &Complaint, page: &Page) -> Result<DataCard, WebError> {
    let requests = request::of_complaint(rooms.db(), complaint.id).await?;
    let free = |kind: Kind| !requests.iter().any(|one| one.kind == kind && !one.state.is_over());
    let (copy, erase) = (free(Kind::Copy), free(Kind::Erase));
    let asked = requests.iter().map(|one| asked(one, page)).collect();
    Ok(DataCard { asked, copy, erase, removed: removed(rooms, complaint, page).await? })
}

/// The tombstones of a complaint, in words.
pub(crate) async fn removed(rooms: &Rooms, complaint: &Complaint, page: &Page) -> Result<Vec<String>, WebError> {
    let gone = store::retention::removed(rooms.db(), complaint.id).await?;
    let say = |one: store::retention::Removed| {
        let what = page.t(match one.data.as_str() {
            "contact" => "data.contact",
            "words" => "data.words",
            _ => "data.files",
        });
        let day = page.date(&one.at);
        match one.rule {
            None => page.words.fill("data.removed.asked", &[("what", what), ("day", &day)]),
            Some((days, source)) => {
                page.words.fill("data.removed.rule", &[("what", what), ("day", &day), ("n", &days.to_string()), ("source", &source)])
            }
        }
    };
    Ok(gone.into_iter().map(say).collect())
}

fn asked(one: &Request, page: &Page) -> Asked {
    let what = page.t(if one.kind == Kind::Copy { "data.ask.copy" } else { "data.ask.erase" }).to_owned();
    let copy = one.copy_until.is_some_and(|until| page.now < until);
    let how_far = match (one.state, one.copy_until) {
        (Progress::Open, _) => page.fill("data.open", "until", page.time(&one.due_at)),
        (Progress::Accepted, _) => page.t("data.accepted").to_owned(),
        (Progress::Refused, _) => page.fill("data.refused", "why", one.refusal.as_deref().unwrap_or_default()),
        (Progress::Done, Some(until)) => page.fill("data.copied", "until", page.time(&until)),
        (Progress::Done, None) => page.t("data.erased").to_owned(),
    };
    Asked { what, how_far, copy }
}

pub(crate) async fn submit(State(rooms): State<Rooms>, Path(code): Path<String>, form: Fields) -> Result<Response, WebError> {
    let complaint = opened_by(&rooms, &code).await?;
    rooms.limits().words_of_citizen(&code)?;
    let kind = Kind::from_word(&form.text("what")).ok_or(WebError::Unreadable)?;
    let mut tx = store::begin(rooms.db()).await?;
    let new = request::ask(&mut tx, complaint.id, kind, rooms.now()).await?;
    store::commit(tx).await?;
    if new {
        info!(trace.id = %complaint.trace, complaint.id = %complaint.id, kind = kind.as_str(), "A citizen asked about their data.");
    }
    Ok(Redirect::to(&format!("/t/{code}?done=data")).into_response())
}

pub(crate) async fn fetch(State(rooms): State<Rooms>, visit: Visit, Path(code): Path<String>) -> Result<Response, WebError> {
    let complaint = opened_by(&rooms, &code).await?;
    rooms.limits().words_of_citizen(&code)?;
    let now = rooms.now();
    let requests = request::of_complaint(rooms.db(), complaint.id).await?;
    if !requests.iter().any(|one| one.copy_until.is_some_and(|until| now < until)) {
        return Err(WebError::NotFound);
    }
    let (subject, directory) = (Subject::Complaint(complaint.id), rooms.directory());
    let copy = copy::copy(rooms.db(), rooms.site(), &directory, subject, now, visit.language).await?;
    let mut packed = vec![("data.json".to_owned(), copy.json), ("data.html".to_owned(), copy.html.into_bytes())];
    let mut left = MOST_BYTES;
    for (name, key, bytes) in copy.files {
        let Some(rest) = left.checked_sub(bytes) else { continue };
        let path = object_store::path::Path::parse(&key).map_err(|_| WebError::NotFound)?;
        packed.push((name, rooms.files().get(&path).await?.bytes().await?.to_vec()));
        left = rest;
    }
    let bytes = tokio::task::spawn_blocking(move || zipped(&packed)).await??;
    let headers = [(header::CONTENT_TYPE, "application/zip"), (header::CONTENT_DISPOSITION, "attachment; filename=\"data-saya.zip\"")];
    Ok((headers, bytes).into_response())
}
