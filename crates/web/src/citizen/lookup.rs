//! `GET /cek?number=…`: the status behind a number, and nothing else: a number is spoken aloud and written on paper.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use model::{Reference, Status, TrackingCode};
use serde::Deserialize;
use ui::{Page, Visit};

use crate::{Rooms, WebError, citizen::steps::explained, client::Client, page};

#[derive(Template)]
#[template(path = "lookup.html")]
struct Lookup {
    page: Page,
    typed: String,
    error: String,
    found: Option<(Reference, Status, String)>,
}

/// The number as it was typed.
#[derive(Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    number: String,
}

pub(crate) async fn show(
    State(rooms): State<Rooms>,
    visit: Visit,
    Client(address): Client,
    Query(asked): Query<Asked>,
) -> Result<Response, WebError> {
    let title = page::words(visit.language).t("lookup.title");
    let mut lookup = Lookup { page: page::public(&rooms, &visit, title), typed: asked.number, error: String::new(), found: None };
    if lookup.typed.trim().is_empty() {
        return page::html(&lookup);
    }
    rooms.limits().lookup(&address)?;
    // Who noted down the code, or the link, of their page.
    let code = lookup.typed.trim().rsplit('/').next().unwrap_or_default();
    if let Ok(code) = code.parse::<TrackingCode>() {
        return Ok(Redirect::to(&format!("/t/{}", code.as_str())).into_response());
    }
    match lookup.typed.trim().parse::<Reference>() {
        Err(_) => lookup.error = lookup.page.t("lookup.mistyped").to_owned(),
        Ok(reference) => match store::complaint::by_reference(rooms.db(), &reference).await? {
            None => lookup.error = lookup.page.t("lookup.unknown").to_owned(),
            Some(complaint) => {
                let status = complaint.status();
                lookup.found = Some((reference, status, explained(status, &lookup.page).to_owned()));
            }
        },
    }
    page::html(&lookup)
}
