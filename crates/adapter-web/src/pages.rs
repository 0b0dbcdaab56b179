//! The pages: the form, the receipt, and what they load.

use std::{collections::HashMap, sync::Arc};

use adapter_sdk::{
    Category, Door, DoorError, Language, MessageKey, Reference, Reply, Timestamp,
    axum::{
        Json, Router,
        extract::{Path, Query, Request, State},
        http::{StatusCode, header},
        middleware,
        response::{IntoResponse, Redirect, Response},
        routing::get,
    },
    form::{self, AreaGroup, Body, BodyError, Form, Limits, Mint, Patience, Problems, Visitor, area_groups, same_site, wants_json},
    model::id::random_bytes,
};
use askama::Template;
use serde_json::json;
use tower_http::compression::CompressionLayer;
use tracing::{info, warn};
use ui::{Page, Policy, Visit, Words};
use uuid::Uuid;

use crate::{
    Web,
    entry::{self, Filled},
    wire::{self, field},
};

/// The words of this crate; `ui` has those that all forms share.
pub(crate) static BOOK: std::sync::LazyLock<ui::Book> =
    std::sync::LazyLock::new(|| ui::Book::parse(include_str!("../words/id.toml"), include_str!("../words/en.toml")));

/// A form that was taken: when, and a number for its content.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    at: Timestamp,
    content: u64,
}

struct Room {
    web: Arc<Web>,
    door: Door,
    mint: Mint,
}

pub(crate) fn router(web: Arc<Web>, door: Door) -> Router {
    let policy = Policy { https: door.is_https(), ..Policy::default() };
    let mint = Mint::new(door.secret());
    let pages = Router::new()
        .route("/", get(show).post(submit))
        .route("/terima/{id}", get(receipt))
        .route("/terima/{id}/kabar", get(news))
        .route("/batas.json", get(outline))
        .merge(ui::routes())
        .fallback(missing)
        .layer(middleware::from_fn(ui::remember_language))
        .layer(CompressionLayer::new())
        .with_state(Arc::new(Room { web, door, mint }));
    ui::secured(pages, &policy)
}

#[expect(clippy::disallowed_methods, reason = "a page is drawn and a form arrives now: this is the edge")]
fn now() -> Timestamp {
    Timestamp::now()
}

#[derive(Template)]
#[template(path = "lapor.html")]
struct FormPage {
    page: Page,
    id: String,
    filled: Filled,
    problems: Problems,
    categories: Vec<Category>,
    groups: Vec<AreaGroup>,
    limits: ShownLimits,
    map: &'static str,
}

struct ShownLimits {
    text: usize,
    photos: usize,
    photo_bytes: usize,
    photos_hint: String,
    total_bytes: usize,
}

#[derive(Template)]
#[template(path = "terima.html")]
struct ReceiptPage {
    page: Page,
    id: String,
    proof: String,
    reference: String,
    link: String,
    at: Timestamp,
    answer: Option<Reply>,
}

impl ReceiptPage {
    fn fact(&self, name: &str) -> &str {
        self.answer.as_ref().and_then(|reply| reply.params.get(name)).map_or("", String::as_str)
    }
}

#[derive(Template)]
#[template(path = "maaf.html")]
struct SorryPage {
    page: Page,
    text: String,
    hint: &'static str,
}

async fn show(State(room): State<Arc<Room>>, visit: Visit) -> Response {
    let id = uuid::Builder::from_random_bytes(random_bytes()).into_uuid();
    room.form(&visit, StatusCode::OK, id.to_string(), Filled::new(), Problems::default())
}

async fn submit(State(room): State<Arc<Room>>, visit: Visit, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let ask = Ask { json: wants_json(&parts.headers), visit };
    if !same_site(&parts.headers) {
        return room.sorry(&ask, StatusCode::FORBIDDEN, "form.foreign");
    }
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let visitor = room.door.visitor(&parts);
    let body = match room.web.budget.read(body, room.door.max_body(), Patience::default(), Some(visitor)).await {
        Ok(body) => body,
        Err(error) => return room.unread(&ask, error),
    };
    let Ok(form) = Form::read(content_type, &body.bytes, &Limits::default()) else {
        return room.sorry(&ask, StatusCode::BAD_REQUEST, "form.broken");
    };
    let Ok(id) = form.typed(field::ID).parse::<Uuid>() else {
        return room.sorry(&ask, StatusCode::BAD_REQUEST, "form.broken");
    };
    room.take(&ask, visitor, content_type, &body, &form, id).await
}

/// What the answer must look like.
struct Ask {
    visit: Visit,
    json: bool,
}

impl Room {
    async fn take(&self, ask: &Ask, visitor: Visitor, content_type: &str, body: &Body, form: &Form, id: Uuid) -> Response {
        let words = words(form_language(form));
        let directory = self.door.directory();
        let problems = entry::problems(form, &self.web.config, directory.as_deref(), words);
        if !problems.is_empty() {
            return self.again(ask, StatusCode::UNPROCESSABLE_ENTITY, form, problems);
        }
        let key = wire::key(&self.web.config.account, id);
        let content = form.fingerprint(&field::CONTENT);
        let known = self.web.taken.get(&key.id);
        if let Some(known) = known.filter(|known| known.content == content) {
            return self.accepted(ask, &key, known.at);
        }
        if let Err(wait) = self.web.rate.take(&visitor) {
            return self.turned_away(ask, form, words.fill("form.rate", &[("n", &(wait.as_secs() + 1).to_string())]));
        }
        let mut headers = vec![
            (wire::CONTENT_TYPE.to_owned(), content_type.to_owned()),
            (wire::TRACKING.to_owned(), self.mint.tracking(&key).as_str().to_owned()),
        ];
        headers.extend(entry::area(form, directory.as_deref()).map(|area| (wire::AREA.to_owned(), area)));
        headers.extend(known.map(|_| (wire::EDIT.to_owned(), format!("{content:016x}"))));
        match self.door.submit(body.bytes.clone(), headers).await {
            Ok(trace) => {
                let reference = Reference::of(&key, 0);
                info!(trace.id = %trace, complaint.reference = %reference, "Took a form as {reference}.");
                let at = known.map_or_else(now, |known| known.at);
                self.web.taken.put(&key.id, Taken { at, content });
                self.accepted(ask, &key, at)
            }
            Err(DoorError::TooLarge { .. }) => self.unread(ask, BodyError::TooLarge),
            Err(error) => {
                warn!(error = %error, "Could not keep a form.");
                self.full(ask, form, words)
            }
        }
    }

    fn accepted(&self, ask: &Ask, key: &MessageKey, at: Timestamp) -> Response {
        let next = format!("/terima/{}?bukti={}", key.id, self.mint.proof(key, at));
        if ask.json { Json(json!({ "next": next })).into_response() } else { Redirect::to(&next).into_response() }
    }

    /// The same page with everything that was typed, and what to mend.
    fn again(&self, ask: &Ask, status: StatusCode, form: &Form, problems: Problems) -> Response {
        if ask.json {
            return (status, Json(problems.to_json())).into_response();
        }
        let mut visit = ask.visit.clone();
        visit.language = form_language(form);
        self.form(&visit, status, form.typed(field::ID).to_owned(), Filled::of(form), problems)
    }

    fn turned_away(&self, ask: &Ask, form: &Form, why: String) -> Response {
        let mut problems = Problems::default();
        problems.add("kirim", why);
        self.again(ask, StatusCode::TOO_MANY_REQUESTS, form, problems)
    }

    fn full(&self, ask: &Ask, form: &Form, words: Words) -> Response {
        let mut problems = Problems::default();
        problems.add("kirim", words.t("form.full"));
        let mut response = self.again(ask, StatusCode::SERVICE_UNAVAILABLE, form, problems);
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("60"));
        response
    }

    fn unread(&self, ask: &Ask, error: BodyError) -> Response {
        let (status, key) = error.told();
        self.sorry(ask, status, key)
    }

    /// Nothing of the form can be shown again: the browser's own way back has it.
    fn sorry(&self, ask: &Ask, status: StatusCode, key: &str) -> Response {
        let words = words(ask.visit.language);
        let megabytes = self.door.max_body() >> 20;
        let text = words.fill(key, &[("mb", &megabytes.to_string())]);
        if ask.json {
            let mut problems = Problems::default();
            problems.add("kirim", text);
            return (status, Json(problems.to_json())).into_response();
        }
        let page = self.page(&ask.visit, words.t("form.refused"));
        drawn(status, &SorryPage { page, text, hint: "form.back_hint" })
    }

    fn form(&self, visit: &Visit, status: StatusCode, id: String, filled: Filled, problems: Problems) -> Response {
        let config = &self.web.config;
        let directory = self.door.directory();
        let groups = directory.as_deref().map(|directory| area_groups(&directory.areas)).unwrap_or_default();
        let categories = directory.as_deref().map(|directory| directory.categories.clone()).unwrap_or_default();
        let drawable = self.door.outline().is_some() && !ui::asset("leaflet.js").is_empty();
        let map = if drawable { ui::asset("pick.js") } else { "" };
        let (most, megabytes) = (config.max_photos.to_string(), (config.max_photo.get() >> 20).to_string());
        let limits = ShownLimits {
            text: config.max_text,
            photos: config.max_photos,
            photo_bytes: config.max_photo.get(),
            photos_hint: words(visit.language).fill("lapor.photos.hint", &[("n", &most), ("mb", &megabytes)]),
            total_bytes: self.door.max_body(),
        };
        let mut page = self.page(visit, words(visit.language).t("lapor.title")).script("form.js");
        page.listed = status == StatusCode::OK;
        drawn(status, &FormPage { page, id, filled, problems, categories, groups, limits, map })
    }

    fn page(&self, visit: &Visit, title: &str) -> Page {
        let site = form::site(&self.door, words(visit.language).t("site.unnamed"));
        Page::new(visit, words(visit.language), &site, now(), title)
    }
}

async fn receipt(
    State(room): State<Arc<Room>>,
    visit: Visit,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let Some((key, at)) = room.proven(&id, &query) else { return missing(State(room), visit).await };
    let tracking = room.mint.tracking(&key);
    let link = room.door.site().map(|site| site.link(&tracking)).unwrap_or_default();
    let answer = room.web.answers.of(&key.id);
    let told = answer.as_ref().and_then(|reply| reply.params.get("reference").cloned());
    let reference = told.unwrap_or_else(|| Reference::of(&key, 0).to_string());
    let page = room.page(&visit, words(visit.language).t("terima.title")).script("live.js").script("slip.js");
    let proof = room.mint.proof(&key, at);
    drawn(StatusCode::OK, &ReceiptPage { page, id: key.id, proof, reference, link, at, answer })
}

async fn news(State(room): State<Arc<Room>>, Path(id): Path<String>, Query(query): Query<HashMap<String, String>>) -> Response {
    match room.proven(&id, &query) {
        Some((key, _)) => room.web.answers.follow(key.id, query.contains_key("tampil"), room.door.closing()),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

impl Room {
    /// Which message the address of a receipt means, and when we took it: only if this door says so itself.
    fn proven(&self, id: &str, query: &HashMap<String, String>) -> Option<(MessageKey, Timestamp)> {
        let key = wire::key(&self.web.config.account, id.parse().ok()?);
        let at = self.mint.proven(&key, query.get("bukti")?)?;
        Some((key, at))
    }
}

async fn outline(State(room): State<Arc<Room>>) -> Response {
    form::outline(&room.door)
}

async fn missing(State(room): State<Arc<Room>>, visit: Visit) -> Response {
    let words = words(visit.language);
    let page = room.page(&visit, words.t("maaf.title"));
    drawn(StatusCode::NOT_FOUND, &SorryPage { page, text: words.t("maaf.text").to_owned(), hint: "maaf.hint" })
}

fn words(language: Language) -> Words {
    Words::of(&BOOK, language)
}

/// A form is answered in the language it was drawn in.
fn form_language(form: &Form) -> Language {
    Language::from_tag(form.typed(field::LANGUAGE))
}

fn drawn(status: StatusCode, template: &impl Template) -> Response {
    form::drawn(status, template.render())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_word_is_there_in_both_languages() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let wrong = ui::check(&BOOK, &[&here.join("src"), &here.join("templates")]);
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
