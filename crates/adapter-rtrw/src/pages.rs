//! The pages: handing an export in, choosing from it, and what became of the choice.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use adapter_sdk::{
    ClerkToken, Door, Language, Reference, Site, Timestamp,
    axum::{
        Form as Fields, Router,
        body::Bytes,
        extract::{DefaultBodyLimit, Path, Query, Request, State},
        http::{HeaderMap, StatusCode, header},
        middleware,
        response::{Html, IntoResponse, Redirect, Response},
        routing::{get, post},
    },
    form::{AreaGroup, BodyError, Form, Mint, NotAClerk, Patience, Problems, area_groups, same_site},
    model::{MessageId, Role},
    outgoing::Url,
};
use askama::Template;
use jiff::civil::Date;
use serde::Deserialize;
use tower_http::compression::CompressionLayer;
use tracing::{info, warn};
use ui::{Account, Link, Page, Policy, Visit, Words};
use uuid::Uuid;

use crate::{
    ChatImport,
    export::{Kind, Media, Message},
    preview::{NotRead, Preview, field, form_limits},
    session,
    uploads::{UploadError, Uploads},
    wire::{self, Chosen, Consent, Line},
};

/// The words of this crate; `ui` has those that all forms share.
pub(crate) static BOOK: std::sync::LazyLock<ui::Book> =
    std::sync::LazyLock::new(|| ui::Book::parse(include_str!("../words/id.toml"), include_str!("../words/en.toml")));

/// Messages on one page of the preview.
const A_PAGE: usize = 200;
/// Complaints that one press of the button takes.
const MOST_AT_ONCE: usize = 200;
/// The list of chosen messages: two numbers for each of a page.
const LONGEST_CHOICE: usize = 64 << 10;

pub(crate) struct Room {
    import: Arc<ChatImport>,
    door: Door,
    mint: Mint,
    uploads: Uploads,
}

pub(crate) fn router(import: Arc<ChatImport>, door: Door) -> Router {
    let policy = Policy { https: door.is_https(), ..Policy::default() };
    let mint = Mint::new(door.secret());
    let keep = Duration::from_hours(import.config.keep_hours.into());
    let uploads = Uploads::new(door.folder().join("impor"), import.config.max_uploads, keep);
    let pages = Router::new()
        .route("/", get(show).post(hand_in).layer(DefaultBodyLimit::disable()))
        .route("/masuk", post(sign_in).get(arrive))
        .route("/keluar", post(sign_out))
        .route("/pilih/{id}", get(look).post(choose).layer(DefaultBodyLimit::max(LONGEST_CHOICE)))
        .route("/pilih/{id}/hapus", post(forget))
        .merge(ui::routes())
        .fallback(missing)
        .layer(middleware::from_fn(ui::remember_language))
        .layer(CompressionLayer::new())
        .with_state(Arc::new(Room { import, door, mint, uploads }));
    ui::secured(pages, &policy)
}

#[expect(clippy::disallowed_methods, reason = "a page is drawn and an export arrives now: this is the edge")]
fn now() -> Timestamp {
    Timestamp::now()
}

#[derive(Template)]
#[template(path = "unggah.html")]
struct HandInPage {
    page: Page,
    problems: Problems,
    group: String,
    exported_by: String,
    pasted: String,
    author: String,
    area: String,
    consent: Consent,
    consents: [(Consent, &'static str); 3],
    groups: Vec<AreaGroup>,
    files_hint: String,
}

#[derive(Template)]
#[template(path = "pilih.html")]
struct ChoosePage {
    page: Page,
    problem: &'static str,
    id: Uuid,
    group: String,
    exported_by: String,
    consent: &'static str,
    doubtful: bool,
    /// The first date as it was read.
    first_day: String,
    left_out: u64,
    from: String,
    until: String,
    total: u64,
    rows: Vec<Row>,
    newer: String,
    older: String,
}

/// A message as the page shows it.
struct Row {
    place: usize,
    time: String,
    author: String,
    text: String,
    file: String,
    /// The file was handed in.
    has_file: bool,
    has_place: bool,
    kind: Kind,
    /// The same person spoke last: this can go on with it.
    goes_on: bool,
}

#[derive(Template)]
#[template(path = "hasil.html")]
struct DonePage {
    page: Page,
    group: String,
    taken: Vec<Taken>,
    failed: u64,
    again: String,
}

/// A complaint that was taken.
struct Taken {
    reference: String,
    link: String,
    author: String,
    text: String,
    messages: u64,
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
}

async fn show(State(room): State<Arc<Room>>, visit: Visit, headers: HeaderMap) -> Response {
    match session::of(&headers, &room.door, now()) {
        Ok(clerk) => room.hand_in_page(&visit, StatusCode::OK, &clerk, &Form::default(), Problems::default()),
        Err(why) => room.sign_in_first(&visit, why),
    }
}

#[derive(Deserialize)]
struct Arrival {
    token: String,
}

async fn sign_in(State(room): State<Arc<Room>>, visit: Visit, Fields(arrival): Fields<Arrival>) -> Response {
    match session::read(&arrival.token, &room.door, now()) {
        Ok(clerk) => {
            let cookie = session::cookie(&arrival.token, &clerk, now(), room.door.is_https());
            info!(staff.id = %clerk.staff, "Somebody signed in to import chats.");
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
        return room.sorry(&visit, StatusCode::FORBIDDEN, "form.foreign");
    }
    let mut response = Redirect::to("/").into_response();
    if let Some(cookie) = session::no_cookie(room.door.is_https()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// An export is handed in: read once to see whether it can be read, kept, and shown.
async fn hand_in(State(room): State<Arc<Room>>, visit: Visit, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if !same_site(&parts.headers) {
        return room.sorry(&visit, StatusCode::FORBIDDEN, "form.foreign");
    }
    let clerk = match session::of(&parts.headers, &room.door, now()) {
        Ok(clerk) => clerk,
        Err(why) => return room.sign_in_first(&visit, why),
    };
    let config = &room.import.config;
    let body = match room.import.budget.read(body, config.max_upload.get(), Patience::default()).await {
        Ok(body) => body,
        Err(error) => return room.unread(&visit, error),
    };
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Ok(form) = Form::read(content_type, &body.bytes, &form_limits()) else {
        return room.sorry(&visit, StatusCode::BAD_REQUEST, "form.broken");
    };
    let problems = room.problems(&visit, &form).await;
    if !problems.is_empty() {
        return room.hand_in_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, &clerk, &form, problems);
    }
    let id = MessageId::new(now()).0;
    match room.uploads.put(clerk.staff, id, content_type, &body.bytes).await {
        Ok(()) => Redirect::to(&format!("/pilih/{id}")).into_response(),
        Err(UploadError::Full) => room.sorry(&visit, StatusCode::SERVICE_UNAVAILABLE, "unggah.full"),
        Err(UploadError::Disk(error)) => {
            warn!(error = %error, "Could not keep an upload.");
            room.sorry(&visit, StatusCode::SERVICE_UNAVAILABLE, "form.full")
        }
    }
}

/// Which part of the chat to show.
#[derive(Clone, Default, Deserialize)]
struct Asked {
    dari: Option<String>,
    sampai: Option<String>,
    /// Messages left out from the end; the newest are shown first.
    lewati: Option<usize>,
}

async fn look(
    State(room): State<Arc<Room>>,
    visit: Visit,
    headers: HeaderMap,
    Path(id): Path<Uuid>,
    Query(asked): Query<Asked>,
) -> Response {
    let clerk = match session::of(&headers, &room.door, now()) {
        Ok(clerk) => clerk,
        Err(why) => return room.sign_in_first(&visit, why),
    };
    match room.preview(&clerk, id).await {
        Some(preview) => room.choose_page(&visit, StatusCode::OK, &clerk, id, &preview, &asked, ""),
        None => room.sorry(&visit, StatusCode::NOT_FOUND, "pilih.gone"),
    }
}

/// Each chosen complaint goes through the door by itself.
async fn choose(State(room): State<Arc<Room>>, visit: Visit, headers: HeaderMap, Path(id): Path<Uuid>, body: Bytes) -> Response {
    if !same_site(&headers) {
        return room.sorry(&visit, StatusCode::FORBIDDEN, "form.foreign");
    }
    let clerk = match session::of(&headers, &room.door, now()) {
        Ok(clerk) => clerk,
        Err(why) => return room.sign_in_first(&visit, why),
    };
    let Some(preview) = room.preview(&clerk, id).await else { return room.sorry(&visit, StatusCode::NOT_FOUND, "pilih.gone") };
    let chosen = chosen(&body, &preview.chat.messages);
    if chosen.is_empty() || chosen.len() > MOST_AT_ONCE {
        let problem = if chosen.is_empty() { "pilih.none" } else { "pilih.too_many" };
        return room.choose_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, &clerk, id, &preview, &Asked::default(), problem);
    }
    let (mut taken, mut failed) = (Vec::new(), 0);
    for places in chosen {
        match room.take(&clerk, &preview, &places).await {
            Some(complaint) => taken.push(complaint),
            None => failed += 1,
        }
    }
    info!(staff.id = %clerk.staff, complaints = taken.len(), failed, "Imported complaints from a group.");
    let words = words(visit.language);
    let page = room.page(&visit, Some(&clerk), words.t("hasil.title"));
    let status = if failed == 0 { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    drawn(status, &DonePage { page, group: preview.group, taken, failed, again: format!("/pilih/{id}") })
}

/// Staff are done with an upload before its day is over.
async fn forget(State(room): State<Arc<Room>>, visit: Visit, headers: HeaderMap, Path(id): Path<Uuid>) -> Response {
    if !same_site(&headers) {
        return room.sorry(&visit, StatusCode::FORBIDDEN, "form.foreign");
    }
    match session::of(&headers, &room.door, now()) {
        Ok(clerk) => {
            room.uploads.forget(clerk.staff, id).await;
            Redirect::to("/").into_response()
        }
        Err(why) => room.sign_in_first(&visit, why),
    }
}

/// The places of the chosen messages, a list for each complaint: `laporan` begins one, `lanjut` goes on with the last one of that person.
fn chosen(body: &[u8], messages: &[Message]) -> Vec<Vec<usize>> {
    let pairs = std::str::from_utf8(body).ok().and_then(|body| Url::parse(&format!("http://localhost/?{body}")).ok());
    let mut marks: BTreeMap<usize, bool> = BTreeMap::new();
    for (name, value) in pairs.iter().flat_map(Url::query_pairs) {
        let Some(place) = value.parse::<usize>().ok().filter(|place| messages.get(*place).is_some_and(can_be_chosen)) else { continue };
        match name.as_ref() {
            "laporan" => _ = marks.insert(place, true),
            "lanjut" => _ = marks.entry(place).or_insert(false),
            _ => {}
        }
    }
    let mut complaints: Vec<Vec<usize>> = Vec::new();
    for (place, begins) in marks {
        let of_author =
            |complaint: &&mut Vec<usize>| complaint.first().is_some_and(|first| messages[*first].author == messages[place].author);
        match complaints.iter_mut().rev().find(of_author) {
            Some(complaint) if !begins => complaint.push(place),
            _ => complaints.push(vec![place]),
        }
    }
    complaints
}

fn can_be_chosen(message: &Message) -> bool {
    matches!(message.kind, Kind::Said | Kind::Edited)
}

impl Room {
    async fn problems(&self, visit: &Visit, form: &Form) -> Problems {
        let words = words(visit.language);
        let mut problems = Problems::default();
        for (name, key) in [(field::GROUP, "unggah.group.missing"), (field::EXPORTED_BY, "unggah.exported_by.missing")] {
            if form.text(name).is_none() {
                problems.add(name, words.t(key));
            }
        }
        if Consent::from_word(form.typed(field::CONSENT)).is_none() {
            problems.add(field::CONSENT, words.t("unggah.consent.missing"));
        }
        if let Err(why) = self.read(form.clone()).await.map(|_| ()) {
            let name = if form.text(field::PASTED).is_some() { field::PASTED } else { field::FILES };
            problems.add(name, words.fill(why.key(), &[("mb", &(self.import.config.max_upload.get() >> 20).to_string())]));
        }
        problems
    }

    /// Reading years of a group takes a moment: not where other pages are served.
    async fn read(&self, form: Form) -> Result<Preview, NotRead> {
        let (config, today) = (self.import.config.clone(), self.today());
        let read = tokio::task::spawn_blocking(move || Preview::of(&form, &config, today)).await;
        read.unwrap_or(Err(NotRead::NoMessages))
    }

    async fn preview(&self, clerk: &ClerkToken, id: Uuid) -> Option<Preview> {
        let (content_type, body) = self.uploads.get(clerk.staff, id).await?;
        let form = Form::read(&content_type, &body, &form_limits()).ok()?;
        self.read(form).await.ok()
    }

    fn today(&self) -> Date {
        now().to_zoned(self.site(Language::Id).zone.time_zone()).date()
    }

    /// `None`: the door did not keep it.
    async fn take(&self, clerk: &ClerkToken, preview: &Preview, places: &[usize]) -> Option<Taken> {
        let first = places.first()?;
        let account = self.import.config.account.clone();
        let key = wire::key(&account, &preview.ids[*first]);
        let tracking = self.mint.tracking(&key);
        let site = self.site(Language::Id);
        let messages: Vec<Line> = places.iter().map(|place| line(preview, *place, &site)).collect();
        let head = &preview.chat.messages[*first];
        let taken = Taken {
            reference: Reference::of(&key, 0).to_string(),
            link: site.link(&tracking),
            author: head.author.clone().unwrap_or_default(),
            text: head.text.chars().take(120).collect(),
            messages: messages.len() as u64,
        };
        let chosen = Chosen {
            account,
            tracking,
            group: preview.group.clone(),
            exported_by: preview.exported_by.clone(),
            consent: preview.consent,
            imported_by: clerk.name.clone(),
            area: preview.area.clone(),
            messages,
        };
        let body = serde_json::to_vec(&chosen).ok()?;
        match self.door.submit(body.into(), Vec::new()).await {
            Ok(trace) => {
                info!(trace.id = %trace, complaint.reference = %taken.reference, "Took a message of a group as {}.", taken.reference);
                Some(taken)
            }
            Err(error) => {
                warn!(error = %error, "Could not keep a message of a group.");
                None
            }
        }
    }

    fn hand_in_page(&self, visit: &Visit, status: StatusCode, clerk: &ClerkToken, form: &Form, problems: Problems) -> Response {
        let words = words(visit.language);
        let directory = self.door.directory();
        let groups = directory.as_deref().map(|directory| area_groups(&directory.areas)).unwrap_or_default();
        let megabytes = (self.import.config.max_upload.get() >> 20).to_string();
        let typed = |name: &str| form.typed(name).to_owned();
        drawn(
            status,
            &HandInPage {
                page: self.page(visit, Some(clerk), words.t("unggah.title")),
                problems,
                group: typed(field::GROUP),
                exported_by: typed(field::EXPORTED_BY),
                pasted: typed(field::PASTED),
                author: typed(field::AUTHOR),
                area: typed(field::AREA),
                consent: Consent::from_word(form.typed(field::CONSENT)).unwrap_or(Consent::Known),
                consents: Consent::ALL.map(|consent| (consent, words.t(consent.key()))),
                groups,
                files_hint: words.fill("unggah.files.hint", &[("mb", &megabytes)]),
            },
        )
    }

    #[expect(clippy::too_many_arguments, reason = "a page is drawn from all of them")]
    fn choose_page(
        &self,
        visit: &Visit,
        status: StatusCode,
        clerk: &ClerkToken,
        id: Uuid,
        preview: &Preview,
        asked: &Asked,
        problem: &'static str,
    ) -> Response {
        let words = words(visit.language);
        let page = self.page(visit, Some(clerk), words.t("pilih.title")).kind("wide");
        let day = |typed: &Option<String>| typed.as_deref().and_then(|typed| typed.parse::<Date>().ok());
        let (from, until) = (day(&asked.dari), day(&asked.sampai));
        let inside =
            |message: &Message| from.is_none_or(|from| message.at.date() >= from) && until.is_none_or(|until| message.at.date() <= until);
        let shown: Vec<usize> = (0..preview.chat.messages.len()).filter(|place| inside(&preview.chat.messages[*place])).collect();
        // From the end: what is new is what staff look for.
        let end = shown.len().saturating_sub(asked.lewati.unwrap_or(0).min(shown.len()));
        let begin = end.saturating_sub(A_PAGE);
        let link = |skipped: usize| {
            let day = |name: &str, day: Option<Date>| day.map(|day| format!("&{name}={day}")).unwrap_or_default();
            format!("/pilih/{id}?lewati={skipped}{}{}", day("dari", from), day("sampai", until))
        };
        let first_day = preview.chat.messages.first().map(|message| page.day(&message.at.date())).unwrap_or_default();
        drawn(
            status,
            &ChoosePage {
                problem,
                id,
                group: preview.group.clone(),
                exported_by: preview.exported_by.clone(),
                consent: words.t(preview.consent.key()),
                doubtful: preview.chat.doubtful,
                first_day,
                left_out: preview.chat.left_out as u64,
                from: from.map(|day| day.to_string()).unwrap_or_default(),
                until: until.map(|day| day.to_string()).unwrap_or_default(),
                total: shown.len() as u64,
                rows: shown[begin..end].iter().map(|place| row(preview, *place, &page)).collect(),
                newer: if end < shown.len() { link(0) } else { String::new() },
                older: if begin > 0 { link(shown.len() - begin) } else { String::new() },
                page,
            },
        )
    }

    fn unread(&self, visit: &Visit, error: BodyError) -> Response {
        let (status, key) = match error {
            BodyError::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "unggah.too_large"),
            BodyError::Busy => (StatusCode::SERVICE_UNAVAILABLE, "form.busy"),
            BodyError::Slow => (StatusCode::REQUEST_TIMEOUT, "form.slow"),
            BodyError::Broken => (StatusCode::BAD_REQUEST, "form.slow"),
        };
        self.sorry(visit, status, key)
    }

    fn sorry(&self, visit: &Visit, status: StatusCode, key: &str) -> Response {
        let words = words(visit.language);
        let text = words.fill(key, &[("mb", &(self.import.config.max_upload.get() >> 20).to_string())]);
        drawn(status, &SorryPage { page: self.page(visit, None, words.t("maaf.title")), text })
    }

    fn sign_in_first(&self, visit: &Visit, why: NotAClerk) -> Response {
        let words = words(visit.language);
        let sign_in = self.door.directory().map(|directory| directory.sign_in_url.clone()).unwrap_or_default();
        let text = match why {
            NotAClerk::NoKey => "masuk.no_key",
            NotAClerk::Expired => "masuk.expired",
            NotAClerk::Forged => "masuk.text",
        };
        drawn(StatusCode::FORBIDDEN, &SignInPage { page: self.page(visit, None, words.t("masuk.title")), text, sign_in })
    }

    fn page(&self, visit: &Visit, clerk: Option<&ClerkToken>, title: &str) -> Page {
        let words = words(visit.language);
        let mut page = Page::new(visit, words, &self.site(visit.language), now(), title);
        if let Some(clerk) = clerk {
            page = page.menu(vec![Link { href: "/".to_owned(), label: words.t("menu.import").to_owned(), here: true }]);
            page.account = Some(Account {
                name: clerk.name.clone(),
                role: words.t(role(clerk.role)).to_owned(),
                settings: String::new(),
                sign_out: "/keluar".into(),
                // Posts are checked by where they come from, and the cookie is `SameSite`.
                csrf: String::new(),
            });
        }
        page
    }

    fn site(&self, language: Language) -> Site {
        let unnamed = || Site {
            name: words(language).t("site.unnamed").to_owned(),
            base_url: String::new(),
            zone: adapter_sdk::model::clock::Zone::default(),
        };
        self.door.site().unwrap_or_else(unnamed)
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Clerk => "peran.clerk",
        Role::Admin => "peran.admin",
        Role::Triage | Role::Officer | Role::Supervisor => "peran.triage",
    }
}

/// A chosen message with its file.
fn line(preview: &Preview, place: usize, site: &Site) -> Line {
    let message = &preview.chat.messages[place];
    let files = message.media.iter().map(|media| {
        let name = if let Media::Named(name) = media { name.as_str() } else { "" };
        wire::part(name, preview.file(media).as_ref())
    });
    let sent_at = message.at.to_zoned(site.zone.time_zone()).map_or(Timestamp::UNIX_EPOCH, |at| at.timestamp());
    Line {
        id: preview.ids[place].clone(),
        author: message.author.clone().unwrap_or_default(),
        sent_at,
        text: message.text.clone(),
        files: files.collect(),
        place: message.place,
    }
}

fn row(preview: &Preview, place: usize, page: &Page) -> Row {
    let messages = &preview.chat.messages;
    let message = &messages[place];
    let before = messages[..place].iter().rev().find(|before| before.kind != Kind::System);
    let file = match &message.media {
        Some(Media::Named(name)) => name.clone(),
        Some(Media::Omitted) => page.t("pilih.omitted").to_owned(),
        None => String::new(),
    };
    Row {
        place,
        time: format!("{} {}", page.day(&message.at.date()), message.at.strftime("%H.%M")),
        author: message.author.clone().unwrap_or_default(),
        text: message.text.clone(),
        file,
        has_file: message.media.as_ref().is_some_and(|media| preview.has(media)),
        has_place: message.place.is_some(),
        kind: message.kind,
        goes_on: can_be_chosen(message) && before.is_some_and(|before| before.author == message.author && can_be_chosen(before)),
    }
}

async fn missing(State(room): State<Arc<Room>>, visit: Visit) -> Response {
    room.sorry(&visit, StatusCode::NOT_FOUND, "maaf.text")
}

fn words(language: Language) -> Words {
    Words::of(&BOOK, language)
}

fn drawn(status: StatusCode, template: &impl Template) -> Response {
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
    use super::*;

    #[test]
    fn every_word_is_there_in_both_languages() {
        let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let wrong = ui::check(&BOOK, &[&here.join("src"), &here.join("templates")]);
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn what_goes_on_joins_the_last_complaint_of_the_same_person() {
        let said = |author: &str| Message {
            at: jiff::civil::datetime(2026, 11, 21, 10, 0, 0, 0),
            author: Some(author.into()),
            text: "x".into(),
            media: None,
            place: None,
            kind: Kind::Said,
        };
        let messages = [said("A"), said("B"), said("A"), said("A"), Message { kind: Kind::System, author: None, ..said("") }, said("B")];
        let read = |body: &str| chosen(body.as_bytes(), &messages);
        assert_eq!(read("laporan=0&lanjut=2&lanjut=5&laporan=1"), [vec![0, 2], vec![1, 5]]);
        assert_eq!(read("laporan=0&laporan=3&lanjut=2"), [vec![0, 2], vec![3]]);
        assert_eq!(read("lanjut=2"), [vec![2]], "without a beginning it is one itself");
        assert_eq!(read("laporan=4&laporan=99&laporan=x&=&"), Vec::<Vec<usize>>::new());
    }
}
