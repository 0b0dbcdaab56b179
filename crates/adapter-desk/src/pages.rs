//! The pages of the desk: signing in, the entry, and the way to its slip.

use std::sync::Arc;

use adapter_sdk::{
    Category, Door, DoorDirectory, DoorError, Language, Reference, Site, Timestamp,
    axum::{
        Form as Fields, Json, Router,
        extract::{Request, State},
        http::{HeaderMap, StatusCode, header},
        middleware,
        response::{Html, IntoResponse, Redirect, Response},
        routing::{get, post},
    },
    form::{AreaGroup, Body, BodyError, Form, Limits, Mint, NotAClerk, Patience, Problems, area_groups, contact, same_site, wants_json},
    model::MessageId,
};
use askama::Template;
use serde::Deserialize;
use serde_json::json;
use tower_http::compression::CompressionLayer;
use tracing::{info, warn};
use ui::{Account, Link, Page, Policy, Visit, Words};
use uuid::Uuid;

use crate::{
    Consent, Desk,
    entries::Entry,
    entry::{self, Filled},
    session::{self, Session},
    slip,
    wire::{self, field, header as name},
};

/// The words of this crate; `ui` has those that all forms share.
pub(crate) static BOOK: std::sync::LazyLock<ui::Book> =
    std::sync::LazyLock::new(|| ui::Book::parse(include_str!("../words/id.toml"), include_str!("../words/en.toml")));

pub(crate) struct Room {
    pub(crate) desk: Arc<Desk>,
    pub(crate) door: Door,
    mint: Mint,
}

pub(crate) fn router(desk: Arc<Desk>, door: Door) -> Router {
    let policy = Policy { https: door.is_https(), ..Policy::default() };
    desk.entries.open(door.folder(), now());
    let mint = Mint::new(door.secret());
    let pages = Router::new()
        .route("/", get(show).post(submit))
        .route("/masuk", post(sign_in).get(arrive))
        .route("/keluar", post(sign_out))
        .route("/hari-ini", get(slip::today))
        .route("/slip/{id}", get(slip::show))
        .route("/slip/{id}/kabar", get(slip::news))
        .route("/batas.json", get(outline))
        .merge(ui::routes())
        .fallback(missing)
        .layer(middleware::from_fn(ui::remember_language))
        .layer(CompressionLayer::new())
        .with_state(Arc::new(Room { desk, door, mint }));
    ui::secured(pages, &policy)
}

#[expect(clippy::disallowed_methods, reason = "a page is drawn and an entry arrives now: this is the edge")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

#[derive(Template)]
#[template(path = "loket.html")]
struct EntryPage {
    page: Page,
    id: String,
    filled: Filled,
    problems: Problems,
    categories: Vec<Category>,
    groups: Vec<AreaGroup>,
    papers: Vec<(&'static str, &'static str)>,
    limits: ShownLimits,
    consent: Consent,
    map: &'static str,
}

struct ShownLimits {
    text: usize,
    files: usize,
    file_bytes: usize,
    files_hint: String,
    total_bytes: usize,
}

#[derive(Template)]
#[template(path = "masuk.html")]
struct SignInPage {
    page: Page,
    text: &'static str,
    sign_in: String,
}

#[derive(Template)]
#[template(path = "maaf.html")]
struct SorryPage {
    page: Page,
    text: String,
    hint: &'static str,
}

async fn show(State(room): State<Arc<Room>>, visit: Visit, headers: HeaderMap) -> Response {
    match session::of(&headers, &room.door, now()) {
        Ok(session) => {
            let id = MessageId::new(now()).to_string();
            room.form(&visit, StatusCode::OK, &session, id, Filled::new(&session), Problems::default())
        }
        Err(why) => room.sign_in_first(&visit, why),
    }
}

#[derive(Deserialize)]
struct Arrival {
    token: String,
}

async fn sign_in(State(room): State<Arc<Room>>, visit: Visit, Fields(arrival): Fields<Arrival>) -> Response {
    match session::read(&arrival.token, &room.door, now()) {
        Ok(session) => {
            let cookie = session::cookie(&arrival.token, &session, now(), room.door.is_https());
            info!(staff.id = %session.clerk.staff, office = %session.clerk.office, "A clerk signed in at {}.", session.clerk.office);
            let mut response = Redirect::to("/").into_response();
            if let Some(cookie) = cookie {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            response
        }
        Err(why) => {
            warn!(error = %why, "Refused a sign-in.");
            room.sign_in_first(&visit, why)
        }
    }
}

/// Somebody reloads after signing in.
async fn arrive() -> Redirect {
    Redirect::to("/")
}

async fn sign_out(State(room): State<Arc<Room>>, visit: Visit, headers: HeaderMap) -> Response {
    if !same_site(&headers) {
        return room.sorry(&visit, false, StatusCode::FORBIDDEN, "form.foreign");
    }
    let mut response = Redirect::to("/").into_response();
    if let Some(cookie) = session::no_cookie(room.door.is_https()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

async fn submit(State(room): State<Arc<Room>>, visit: Visit, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let ask = Ask { json: wants_json(&parts.headers), visit };
    if !same_site(&parts.headers) {
        return room.sorry(&ask.visit, ask.json, StatusCode::FORBIDDEN, "form.foreign");
    }
    let session = session::of(&parts.headers, &room.door, now());
    let body = match room.desk.budget.read(body, room.door.max_body(), Patience::default()).await {
        Ok(body) => body,
        Err(error) => return room.unread(&ask, error),
    };
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Ok(form) = Form::read(content_type, &body.bytes, &Limits::default()) else {
        return room.sorry(&ask.visit, ask.json, StatusCode::BAD_REQUEST, "form.broken");
    };
    let session = match session {
        Ok(session) => session,
        Err(why) => return room.signed_out(&ask, &form, why),
    };
    let Ok(id) = form.typed(field::ID).parse::<Uuid>() else {
        return room.sorry(&ask.visit, ask.json, StatusCode::BAD_REQUEST, "form.broken");
    };
    room.take(&ask, &session, content_type, &body, &form, id).await
}

/// What the answer must look like.
struct Ask {
    visit: Visit,
    json: bool,
}

impl Room {
    async fn take(&self, ask: &Ask, session: &Session, content_type: &str, body: &Body, form: &Form, id: Uuid) -> Response {
        let words = words(Language::from_tag(form.typed(field::LANGUAGE)));
        let directory = self.door.directory();
        let problems = entry::problems(form, &self.desk.config, directory.as_deref(), words);
        if !problems.is_empty() {
            return self.again(ask, StatusCode::UNPROCESSABLE_ENTITY, session, form, problems);
        }
        let entry = self.entry(session, form, id);
        let known = self.desk.entries.get(id);
        if let Some(known) = &known {
            // Another office's entry under this id: somebody tries ids, or two tabs of two offices share one.
            if known.office != entry.office {
                return self.sorry(&ask.visit, ask.json, StatusCode::CONFLICT, "form.broken");
            }
            if known.content == entry.content {
                return accepted(ask, id);
            }
        }
        let headers = Self::headers(session, form, content_type, &entry, known.is_some(), directory.as_deref());
        match self.door.submit(body.bytes.clone(), headers).await {
            Ok(trace) => {
                info!(trace.id = %trace, complaint.reference = %entry.reference, office = %entry.office, "Took an entry as {}.", entry.reference);
                let since = known.map(|known| (known.at, known.answer));
                let entry = since.map_or(entry.clone(), |(at, answer)| Entry { at, answer, ..entry });
                self.desk.entries.put(entry).await;
                accepted(ask, id)
            }
            Err(DoorError::TooLarge { .. }) => self.unread(ask, BodyError::TooLarge),
            Err(error) => {
                warn!(error = %error, "Could not keep an entry.");
                self.full(ask, session, form, words)
            }
        }
    }

    fn entry(&self, session: &Session, form: &Form, id: Uuid) -> Entry {
        let key = wire::key(&session.clerk.office, id);
        let scheme = form.text(field::CONTACT).and_then(|typed| contact(&typed)).map(|address| address.scheme().to_owned());
        Entry {
            id,
            office: session.clerk.office.clone(),
            staff: session.clerk.staff,
            reference: Reference::of(&key, 0),
            tracking: self.mint.tracking(&key),
            category: form.text(field::CATEGORY),
            language: Language::from_tag(form.typed(field::CITIZEN_LANGUAGE)),
            at: now(),
            content: form.fingerprint(&field::CONTENT),
            answered_by: scheme.filter(|scheme| self.desk.config.answer_via.contains_key(scheme)),
            answer: None,
        }
    }

    fn headers(
        session: &Session,
        form: &Form,
        content_type: &str,
        entry: &Entry,
        edit: bool,
        directory: Option<&DoorDirectory>,
    ) -> Vec<(String, String)> {
        let zone = wire::zone_word(directory.map(|directory| directory.site.zone).unwrap_or_default());
        let mut headers = vec![
            (name::CONTENT_TYPE, content_type.to_owned()),
            (name::TRACKING, entry.tracking.as_str().to_owned()),
            (name::OFFICE, entry.office.clone()),
            (name::OFFICE_LABEL, session.label.clone()),
            (name::CLERK, session.clerk.name.clone()),
            (name::ZONE, zone.to_owned()),
        ];
        headers.extend(session.area.clone().map(|code| (name::OFFICE_AREA, code)));
        headers.extend(entry::area(form, session, directory).map(|area| (name::AREA, area)));
        headers.extend(edit.then(|| (name::EDIT, format!("{:016x}", entry.content))));
        headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The same page with everything that was typed, and what to mend.
    fn again(&self, ask: &Ask, status: StatusCode, session: &Session, form: &Form, problems: Problems) -> Response {
        if ask.json {
            return (status, Json(problems.to_json())).into_response();
        }
        let mut visit = ask.visit.clone();
        visit.language = Language::from_tag(form.typed(field::LANGUAGE));
        self.form(&visit, status, session, form.typed(field::ID).to_owned(), Filled::of(form), problems)
    }

    /// The shift is over in the middle of an entry: nothing typed is lost where `form.js` asks, and the browser's way back has it elsewhere.
    fn signed_out(&self, ask: &Ask, form: &Form, why: NotAClerk) -> Response {
        let words = words(Language::from_tag(form.typed(field::LANGUAGE)));
        if !ask.json {
            return self.sign_in_first(&ask.visit, why);
        }
        let mut problems = Problems::default();
        problems.add("kirim", words.t("masuk.in_between"));
        (StatusCode::FORBIDDEN, Json(problems.to_json())).into_response()
    }

    fn full(&self, ask: &Ask, session: &Session, form: &Form, words: Words) -> Response {
        let mut problems = Problems::default();
        problems.add("kirim", words.t("form.full"));
        let mut response = self.again(ask, StatusCode::SERVICE_UNAVAILABLE, session, form, problems);
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("60"));
        response
    }

    fn unread(&self, ask: &Ask, error: BodyError) -> Response {
        let (status, key) = match error {
            BodyError::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "form.too_large"),
            BodyError::Busy => (StatusCode::SERVICE_UNAVAILABLE, "form.busy"),
            BodyError::Slow => (StatusCode::REQUEST_TIMEOUT, "form.slow"),
            BodyError::Broken => (StatusCode::BAD_REQUEST, "form.slow"),
        };
        self.sorry(&ask.visit, ask.json, status, key)
    }

    /// Nothing of the form can be shown again: the browser's own way back has it.
    fn sorry(&self, visit: &Visit, json: bool, status: StatusCode, key: &str) -> Response {
        let words = words(visit.language);
        let text = words.fill(key, &[("mb", &(self.door.max_body() >> 20).to_string())]);
        if json {
            let mut problems = Problems::default();
            problems.add("kirim", text);
            return (status, Json(problems.to_json())).into_response();
        }
        let page = self.page(visit, None, words.t("form.refused"));
        drawn(status, &SorryPage { page, text, hint: "form.back_hint" })
    }

    pub(crate) fn sign_in_first(&self, visit: &Visit, why: NotAClerk) -> Response {
        let words = words(visit.language);
        let sign_in = self.door.directory().map(|directory| directory.sign_in_url.clone()).unwrap_or_default();
        let text = match why {
            NotAClerk::NoKey => "masuk.no_key",
            NotAClerk::Expired => "masuk.expired",
            NotAClerk::Forged => "masuk.text",
        };
        let page = self.page(visit, None, words.t("masuk.title"));
        drawn(StatusCode::FORBIDDEN, &SignInPage { page, text, sign_in })
    }

    fn form(&self, visit: &Visit, status: StatusCode, session: &Session, id: String, filled: Filled, problems: Problems) -> Response {
        let config = &self.desk.config;
        let words = words(visit.language);
        let directory = self.door.directory();
        let groups = directory.as_deref().map(|directory| area_groups(&directory.areas)).unwrap_or_default();
        let categories = directory.as_deref().map(|directory| directory.categories.clone()).unwrap_or_default();
        let drawable = self.door.outline().is_some() && !ui::asset("leaflet.js").is_empty();
        let map = if drawable { ui::asset("pick.js") } else { "" };
        let (most, megabytes) = (config.max_files.to_string(), (config.max_size.get() >> 20).to_string());
        let limits = ShownLimits {
            text: config.max_text,
            files: config.max_files,
            file_bytes: config.max_size.get(),
            files_hint: words.fill("loket.files.hint", &[("n", &most), ("mb", &megabytes)]),
            total_bytes: self.door.max_body(),
        };
        let papers = field::PAPERS.iter().map(|paper| (*paper, wire::paper_in_words(words, Some(paper)))).collect();
        let page = self.page(visit, Some((session, "/")), words.t("loket.title")).script("form.js").kind("wide");
        let consent = config.consent.clone();
        drawn(status, &EntryPage { page, id, filled, problems, categories, groups, papers, limits, consent, map })
    }

    /// A page of a clerk at an address of the menu, or of nobody.
    pub(crate) fn page(&self, visit: &Visit, session: Option<(&Session, &str)>, title: &str) -> Page {
        let words = words(visit.language);
        let mut page = Page::new(visit, words, &self.site(visit.language), now(), title);
        if let Some((session, here)) = session {
            let link = |href: &str, key| Link { href: href.to_owned(), label: words.t(key).to_owned(), here: href == here };
            page = page.menu(vec![link("/", "menu.new"), link("/hari-ini", "menu.today")]);
            page.account = Some(Account {
                name: session.clerk.name.clone(),
                role: session.label.clone(),
                settings: String::new(),
                sign_out: "/keluar".into(),
                // Posts are checked by where they come from, and the cookie is `SameSite`.
                csrf: String::new(),
            });
        }
        page
    }

    pub(crate) fn site(&self, language: Language) -> Site {
        let unnamed = || Site {
            name: words(language).t("site.unnamed").to_owned(),
            base_url: String::new(),
            zone: adapter_sdk::model::clock::Zone::default(),
        };
        self.door.site().unwrap_or_else(unnamed)
    }
}

fn accepted(ask: &Ask, id: Uuid) -> Response {
    let next = format!("/slip/{id}");
    if ask.json { Json(json!({ "next": next })).into_response() } else { Redirect::to(&next).into_response() }
}

async fn outline(State(room): State<Arc<Room>>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/geo+json"), (header::CACHE_CONTROL, "public, max-age=3600")];
    room.door.outline().map_or_else(|| StatusCode::NOT_FOUND.into_response(), |bytes| (headers, bytes).into_response())
}

pub(crate) async fn missing(State(room): State<Arc<Room>>, visit: Visit) -> Response {
    let words = words(visit.language);
    let page = room.page(&visit, None, words.t("maaf.title"));
    drawn(StatusCode::NOT_FOUND, &SorryPage { page, text: words.t("maaf.text").to_owned(), hint: "maaf.hint" })
}

pub(crate) fn words(language: Language) -> Words {
    Words::of(&BOOK, language)
}

pub(crate) fn drawn(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(error = %error, "Could not draw a page.");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
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
