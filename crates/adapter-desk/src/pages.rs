//! The pages of the desk: signing in, the entry, and the way to its slip.

use std::sync::Arc;

use adapter_sdk::{
    Category, Door, DoorDirectory, DoorError, Language, Reference, Site, Timestamp,
    axum::{
        Form as Fields, Json, Router,
        extract::{Query, Request, State},
        http::{HeaderMap, StatusCode, header},
        middleware,
        response::{IntoResponse, Redirect, Response},
        routing::{get, post},
    },
    form::{
        self, AreaGroup, Arrival, Body, BodyError, Form, Limits, Mint, NotAClerk, Patience, Problems, area_groups, contact, same_site,
        site, wants_json,
    },
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
    files, offline,
    printer::Printer,
    queue, search,
    session::{self, Session},
    shift::Shift,
    slip,
    wire::{self, field, header as name},
};

/// The words of this crate; `ui` has those that all forms share.
pub(crate) static BOOK: std::sync::LazyLock<ui::Book> =
    std::sync::LazyLock::new(|| ui::Book::parse(include_str!("../words/id.toml"), include_str!("../words/en.toml")));

pub(crate) struct Room {
    pub(crate) desk: Arc<Desk>,
    pub(crate) door: Door,
    pub(crate) mint: Mint,
}

pub(crate) fn router(desk: Arc<Desk>, door: Door) -> Router {
    let policy = Policy { https: door.is_https(), ..Policy::default() };
    desk.entries.open(door.folder(), now());
    let mint = Mint::new(door.secret());
    let room = Room { desk, door, mint };
    room.desk.tickets.open(room.door.folder(), room.today());
    let mut pages = Router::new()
        .route("/", get(show).post(submit))
        .route("/masuk", post(sign_in).get(arrive))
        .route("/keluar", post(sign_out))
        .route("/hari-ini", get(slip::today))
        .route("/slip/{id}", get(slip::show))
        .route("/slip/{id}/kabar", get(slip::news))
        .route("/slip/{id}/cetak", post(slip::print))
        .route("/cari", get(search::show).post(search::submit))
        .route("/tak-sampai", get(search::undelivered))
        .route("/bekal.json", get(offline::supplies))
        .route("/luring", get(offline::waiting))
        .route("/tutup", get(offline::closed))
        .route("/pekerja.js", get(files::worker))
        .route("/berkas-loket/{version}/{name}", get(files::serve))
        .route("/batas.json", get(outline));
    if room.desk.config.queue {
        pages = pages
            .route("/antrean", get(queue::show))
            .route("/antrean/layar", get(queue::screen))
            .route("/antrean/kabar", get(queue::news))
            .route("/antrean/ambil", post(queue::give))
            .route("/antrean/panggil", post(queue::call))
            .route("/antrean/nomor/{number}", get(queue::ticket).post(queue::reprint));
    }
    let pages = pages
        .merge(ui::routes())
        .fallback(missing)
        .layer(middleware::from_fn(ui::remember_language))
        .layer(CompressionLayer::new())
        .with_state(Arc::new(room));
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
    /// [`Shift::word`].
    shift: String,
    hours: Option<ShownHours>,
}

/// When the office is open, and whether it is now.
struct ShownHours {
    words: String,
    open: bool,
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

/// Who comes from the queue.
#[derive(Deserialize)]
struct Came {
    antrean: Option<u32>,
}

async fn show(State(room): State<Arc<Room>>, visit: Visit, Query(came): Query<Came>, headers: HeaderMap) -> Response {
    match session::of(&headers, &room.door, now()) {
        Ok(session) => {
            let id = MessageId::new(now()).to_string();
            let ticket = came.antrean.map(|number| number.to_string()).unwrap_or_default();
            let filled = Filled { ticket, ..Filled::new(&session) };
            room.form(&visit, StatusCode::OK, &session, id, filled, Problems::default())
        }
        Err(why) => room.sign_in_first(&visit, why),
    }
}

async fn sign_in(State(room): State<Arc<Room>>, visit: Visit, Fields(arrival): Fields<Arrival>) -> Response {
    match session::read(&arrival.token, &room.door, now()) {
        Ok(session) => {
            info!(staff.id = %session.clerk.staff, office = %session.clerk.office, "A clerk signed in at {}.", session.clerk.office);
            session::COOKIE.sign_in(&arrival.token, session.clerk.expires_at, now(), room.door.is_https())
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

/// Whose leaving it is, where a browser tells of it later.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Leaving {
    giliran: String,
}

async fn sign_out(State(room): State<Arc<Room>>, visit: Visit, headers: HeaderMap, Fields(leaving): Fields<Leaving>) -> Response {
    if !same_site(&headers) {
        return room.sorry(&visit, false, StatusCode::FORBIDDEN, "form.foreign");
    }
    // There was no line when the clerk left, and somebody else sits there now.
    let here = session::of(&headers, &room.door, now()).ok().map(|session| Shift::of(&session));
    if !leaving.giliran.is_empty() && Shift::read(&room.mint, &leaving.giliran) != here {
        return Redirect::to("/").into_response();
    }
    session::COOKIE.sign_out(room.door.is_https())
}

async fn submit(State(room): State<Arc<Room>>, visit: Visit, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let ask = Ask { json: wants_json(&parts.headers), visit };
    if !same_site(&parts.headers) {
        return room.sorry(&ask.visit, ask.json, StatusCode::FORBIDDEN, "form.foreign");
    }
    let session = session::of(&parts.headers, &room.door, now());
    // Behind one address an office has many clerks: a share is for those who did not sign in.
    let from = session.is_err().then(|| room.door.visitor(&parts));
    let body = match room.desk.budget.read(body, room.door.max_body(), Patience::default(), from).await {
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
    // To its end even if the browser hangs up meanwhile: what is kept also stands in the list of the day, its number called, its slip printed.
    let content_type = content_type.to_owned();
    let taking = tokio::spawn(async move { room.take(&ask, &session, &content_type, &body, &form, id).await });
    taking.await.unwrap_or_else(|broken| std::panic::resume_unwind(broken.into_panic()))
}

/// Who wrote an entry, if the door can say, and when, if it was well before it came.
struct Wrote {
    shift: Option<Shift>,
    at: Option<Timestamp>,
}

/// What the answer must look like.
struct Ask {
    visit: Visit,
    json: bool,
}

impl Room {
    async fn take(self: &Arc<Self>, ask: &Ask, session: &Session, content_type: &str, body: &Body, form: &Form, id: Uuid) -> Response {
        let words = words(Language::from_tag(form.typed(field::LANGUAGE)));
        let directory = self.door.directory();
        let problems = entry::problems(form, &self.desk.config, directory.as_deref(), words);
        if !problems.is_empty() {
            return self.again(ask, StatusCode::UNPROCESSABLE_ENTITY, session, form, problems);
        }
        let shift = Shift::read(&self.mint, form.typed(field::SHIFT));
        if shift.as_ref().is_some_and(|shift| shift.office != session.clerk.office) {
            return self.elsewhere(ask, form);
        }
        let wrote = Wrote { shift, at: written(form) };
        let entry = self.entry(session, form, id, &wrote);
        let known = self.desk.entries.get(id);
        if let Some(known) = &known {
            // Another office's entry under this id: somebody tries ids, or two tabs of two offices share one.
            if known.office != entry.office {
                return self.sorry(&ask.visit, ask.json, StatusCode::CONFLICT, "form.broken");
            }
            if known.content == entry.content {
                return accepted(ask, &entry);
            }
        }
        let headers = Self::headers(session, form, content_type, &entry, &wrote, known.is_some(), directory.as_deref());
        match self.door.submit(body.bytes.clone(), headers).await {
            Ok(trace) => {
                info!(trace.id = %trace, complaint.reference = %entry.reference, office = %entry.office, "Took an entry as {}.", entry.reference);
                let is_new = known.is_none();
                // What is on the citizen's slip stays.
                let entry = match known {
                    Some(known) => Entry { at: known.at, answer: known.answer, tracking: known.tracking, ..entry },
                    None => entry,
                };
                self.desk.entries.put(entry.clone()).await;
                if is_new {
                    self.clone().took(session, form, &entry).await;
                }
                accepted(ask, &entry)
            }
            Err(DoorError::TooLarge { .. }) => self.unread(ask, BodyError::TooLarge),
            Err(error) => {
                warn!(error = %error, "Could not keep an entry.");
                self.full(ask, session, form, words)
            }
        }
    }

    /// The first time that an entry is taken: its ticket is done with, and the office's printer may have the slip. Nobody waits for it.
    async fn took(self: Arc<Self>, session: &Session, form: &Form, entry: &Entry) {
        if let Some(ticket) = form.text(field::TICKET).and_then(|typed| typed.parse().ok()) {
            self.desk.tickets.entered(&entry.office, self.today(), ticket, entry.reference, now()).await;
        }
        let at_once = self.desk.printers.of(&entry.office).is_some_and(Printer::prints_at_once);
        // What was written long ago has its slip.
        if at_once && entry.at.as_second() > now().as_second() - LATER {
            let (room, session, entry) = (self, session.clone(), entry.clone());
            tokio::spawn(async move { slip::on_paper(&room, &session, &entry).await });
        }
    }

    fn entry(&self, session: &Session, form: &Form, id: Uuid, wrote: &Wrote) -> Entry {
        let key = wire::key(&session.clerk.office, id);
        let scheme = form.text(field::CONTACT).and_then(|typed| contact(&typed)).map(|address| address.scheme().to_owned());
        Entry {
            id,
            office: session.clerk.office.clone(),
            staff: wrote.shift.as_ref().map_or(session.clerk.staff, |shift| shift.staff),
            reference: Reference::of(&key, 0),
            // The browser's, because it may be on paper already. One that is taken, intake replaces.
            tracking: form.text(field::CODE).and_then(|code| code.parse().ok()).unwrap_or_else(|| self.mint.tracking(&key)),
            category: form.text(field::CATEGORY),
            language: Language::from_tag(form.typed(field::CITIZEN_LANGUAGE)),
            at: wrote.at.unwrap_or_else(now),
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
        wrote: &Wrote,
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
        headers.extend(wrote.at.map(|at| (name::WRITTEN, at.to_string())));
        // Without a word of ours nobody knows who wrote it, if it was not written just now.
        let writer = match &wrote.shift {
            Some(shift) => (shift.staff != session.clerk.staff).then(|| shift.name.clone()),
            None => wrote.at.map(|_| String::new()),
        };
        headers.extend(writer.map(|writer| (name::WRITER, writer)));
        let site_zone = directory.map(|directory| directory.site.zone).unwrap_or_default();
        let closed = session.hours.as_ref().is_some_and(|hours| !hours.is_open(entry.at, site_zone));
        headers.extend(closed.then(|| (name::CLOSED, "1".to_owned())));
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

    /// The page is of a clerk of another office than who is signed in now.
    fn elsewhere(&self, ask: &Ask, form: &Form) -> Response {
        let language = Language::from_tag(form.typed(field::LANGUAGE));
        if !ask.json {
            return self.sorry(&ask.visit, false, StatusCode::CONFLICT, "masuk.elsewhere");
        }
        let mut problems = Problems::default();
        problems.add("kirim", words(language).t("masuk.elsewhere"));
        (StatusCode::CONFLICT, Json(problems.to_json())).into_response()
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
        let (status, key) = error.told();
        self.sorry(&ask.visit, ask.json, status, key)
    }

    /// Nothing of the form can be shown again: the browser's own way back has it.
    pub(crate) fn sorry(&self, visit: &Visit, json: bool, status: StatusCode, key: &str) -> Response {
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
        let shift = Shift::of(session).word(&self.mint);
        let zone = self.site(visit.language).zone;
        let hours =
            session.hours.as_ref().map(|hours| ShownHours { words: hours.in_words(visit.language), open: hours.is_open(now(), zone) });
        drawn(status, &EntryPage { page, id, filled, problems, categories, groups, papers, limits, consent, map, shift, hours })
    }

    /// A page of a clerk at an address of the menu, or of nobody.
    pub(crate) fn page(&self, visit: &Visit, session: Option<(&Session, &str)>, title: &str) -> Page {
        let words = words(visit.language);
        let mut page = Page::new(visit, words, &self.site(visit.language), now(), title);
        if let Some((session, here)) = session {
            let link = |href: &str, key| Link { href: href.to_owned(), label: words.t(key).to_owned(), here: href == here };
            let mut menu = vec![link("/", "menu.new"), link("/hari-ini", "menu.today"), link("/cari", "menu.search")];
            if self.desk.config.queue {
                menu.push(link("/antrean", "menu.queue"));
            }
            menu.extend([link("/tak-sampai", "menu.undelivered"), link("/luring", "menu.waiting")]);
            page = page.menu(menu);
            page.account = Some(Account::of_clerk(&session.clerk, session.label.clone()));
        }
        page
    }

    pub(crate) fn site(&self, language: Language) -> Site {
        site(&self.door, words(language).t("site.unnamed"))
    }
}

/// An entry that was written so many seconds before it came, was written without a line.
const LATER: i64 = 120;
/// Older ones are of a clock that is wrong: nobody keeps an entry for so long.
const OLDEST: i64 = 60 * 24 * 60 * 60;

/// When an entry was written that comes later. A clock that runs ahead is not believed.
fn written(form: &Form) -> Option<Timestamp> {
    let at: Timestamp = form.typed(field::WRITTEN).parse().ok()?;
    let ago = now().as_second() - at.as_second();
    (LATER..OLDEST).contains(&ago).then_some(at)
}

fn accepted(ask: &Ask, entry: &Entry) -> Response {
    let next = format!("/slip/{}", entry.id);
    if !ask.json {
        return Redirect::to(&next).into_response();
    }
    Json(json!({ "next": next, "number": entry.reference.to_string() })).into_response()
}

async fn outline(State(room): State<Arc<Room>>) -> Response {
    form::outline(&room.door)
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
