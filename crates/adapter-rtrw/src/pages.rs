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
        response::{IntoResponse, Redirect, Response},
        routing::{get, post},
    },
    form::{Arrival, Form, Mint, Patience, Problems, same_site},
    model::MessageId,
    outgoing::Url,
};
use jiff::civil::Date;
use serde::Deserialize;
use tower_http::compression::CompressionLayer;
use tracing::{info, warn};
use ui::{Policy, Visit};
use uuid::Uuid;

use crate::{
    ChatImport,
    draw::{DonePage, Taken, drawn, words},
    export::{Kind, Media, Message},
    marks::Marks,
    preview::{NotRead, Preview, field, form_limits},
    session,
    uploads::{UploadError, Uploads},
    wire::{self, Chosen, Consent, Line},
};

/// Complaints that one press of the button takes.
const MOST_AT_ONCE: usize = 200;
/// The list of chosen messages: two numbers for each of a page.
const LONGEST_CHOICE: usize = 64 << 10;

pub(crate) struct Room {
    pub(crate) import: Arc<ChatImport>,
    pub(crate) door: Door,
    mint: Mint,
    uploads: Uploads,
    pub(crate) marks: Marks,
}

pub(crate) fn router(import: Arc<ChatImport>, door: Door) -> Router {
    let policy = Policy { https: door.is_https(), ..Policy::default() };
    let mint = Mint::new(door.secret());
    let keep = Duration::from_hours(import.config.keep_hours.into());
    let uploads = Uploads::new(door.folder().join("impor"), import.config.max_uploads, keep);
    let marks = Marks::open(door.folder().join("impor-sudah"));
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
        .with_state(Arc::new(Room { import, door, mint, uploads, marks }));
    ui::secured(pages, &policy)
}

#[expect(clippy::disallowed_methods, reason = "a page is drawn and an export arrives now: this is the edge")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

async fn show(State(room): State<Arc<Room>>, visit: Visit, headers: HeaderMap) -> Response {
    match session::of(&headers, &room.door, now()) {
        Ok(clerk) => room.hand_in_page(&visit, StatusCode::OK, &clerk, &Form::default(), Problems::default()),
        Err(why) => room.sign_in_first(&visit, why),
    }
}

async fn sign_in(State(room): State<Arc<Room>>, visit: Visit, Fields(arrival): Fields<Arrival>) -> Response {
    match session::read(&arrival.token, &room.door, now()) {
        Ok(clerk) => {
            info!(staff.id = %clerk.staff, "Somebody signed in to import chats.");
            session::COOKIE.sign_in(&arrival.token, clerk.expires_at, now(), room.door.is_https())
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
    session::COOKIE.sign_out(room.door.is_https())
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
    let body = match room.import.budget.read(body, config.max_upload.get(), Patience::default(), None).await {
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
pub(crate) struct Asked {
    pub(crate) dari: Option<String>,
    pub(crate) sampai: Option<String>,
    /// Messages left out from the end; the newest are shown first.
    pub(crate) lewati: Option<usize>,
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

pub(crate) fn can_be_chosen(message: &Message) -> bool {
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
                self.marks.add(places.iter().map(|place| preview.ids[*place].clone()).collect(), taken.reference.clone()).await;
                Some(taken)
            }
            Err(error) => {
                warn!(error = %error, "Could not keep a message of a group.");
                None
            }
        }
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

async fn missing(State(room): State<Arc<Room>>, visit: Visit) -> Response {
    room.sorry(&visit, StatusCode::NOT_FOUND, "maaf.text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_there_in_both_languages() {
        let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let wrong = ui::check(&crate::draw::BOOK, &[&here.join("src"), &here.join("templates")]);
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
