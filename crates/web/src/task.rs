//! `GET` and `POST /tugas/{code}`: what a body without an account is asked to do, and what it says of it. `GET /tugas/{code}/foto/{id}`: the copy of a photo
//! without place and time. Who has the code sees one task and nothing of who wrote; a wrong code, an ended task and a complaint that became secret look the
//! same.

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use model::{
    Action, Actor, AttachmentId, Complaint, NotAllowed, Point, Status, Timestamp, TrackingCode, UpdateKind, decide,
    task::{Reported, Says},
};
use store::{StoreError, message::RecordedMessage, task::Task};
use tracing::info;
use ui::{Page, Photo, Tone, Visit};

use crate::{
    Rooms, WebError,
    agency::Done,
    client::Client,
    files::{self, public_copy},
    form::{Fields, MOST_CHARACTERS},
    page,
    upload::{self, NotAPhoto},
};

#[derive(Template)]
#[template(path = "task.html")]
struct TaskPage {
    page: Page,
    code: String,
    name: String,
    agency: String,
    words: String,
    area: String,
    place: String,
    location: Option<Point>,
    photos: Vec<Photo>,
    due: Timestamp,
    late: bool,
    /// What they said last, in words.
    said: String,
    /// Nothing can be said any more: the complaint is settled.
    over: bool,
    typed: Typed,
}

/// What was typed and refused.
#[derive(Default)]
struct Typed {
    says: String,
    text: String,
    error: String,
}

/// The task and its complaint, while both may be seen.
async fn opened_by(rooms: &Rooms, code: &str) -> Result<(Task, Complaint), WebError> {
    let code: TrackingCode = code.parse().map_err(|_| WebError::NotFound)?;
    let task = store::task::by_code(rooms.db(), &code, rooms.now()).await?.ok_or(WebError::NotFound)?;
    let complaint = store::complaint::load(rooms.db(), task.complaint).await?.ok_or(WebError::NotFound)?;
    if complaint.visibility.may_leave_the_house() { Ok((task, complaint)) } else { Err(WebError::NotFound) }
}

pub(crate) async fn show(
    State(rooms): State<Rooms>,
    visit: Visit,
    Client(address): Client,
    Path(code): Path<String>,
    Query(done): Query<Done>,
) -> Result<Response, WebError> {
    rooms.limits().lookup(&address)?;
    let (task, complaint) = opened_by(&rooms, &code).await?;
    draw(&rooms, &visit, code, &task, &complaint, Typed::default(), &done).await
}

async fn draw(
    rooms: &Rooms,
    visit: &Visit,
    code: String,
    task: &Task,
    complaint: &Complaint,
    typed: Typed,
    done: &Done,
) -> Result<Response, WebError> {
    let directory = rooms.directory();
    let page = page::public(rooms, visit, page::words(visit.language).t("task.title"));
    let page = match (typed.error.as_str(), done.is("kirim")) {
        ("", true) => {
            let text = page.t("task.thanks").to_owned();
            page.flash(Tone::Good, text)
        }
        ("", false) => page,
        (error, _) => {
            let text = error.to_owned();
            page.flash(Tone::Bad, text)
        }
    };
    let said = match task.said {
        Some((Says::Working, at)) => page.fill("task.said.working", "time", page.time(&at)),
        Some((Says::Done, at)) => page.fill("task.said.done", "time", page.time(&at)),
        Some((Says::NotOurs, at)) => page.fill("task.said.not_ours", "time", page.time(&at)),
        None => String::new(),
    };
    let over = complaint.status() == Status::Resolved;
    let status = if typed.error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let drawn = TaskPage {
        // What is settled is nobody's to find any more.
        photos: if over { Vec::new() } else { photos(rooms, task, complaint, &code, &page).await? },
        name: task.name.clone(),
        agency: directory.agency_name(task.agency).to_owned(),
        words: task.words.clone(),
        area: page::area_name(complaint.area.as_deref(), &directory, visit.language),
        place: complaint.place.clone().filter(|_| !over).unwrap_or_default(),
        location: complaint.location.filter(|_| !over),
        due: task.due_at,
        late: task.due_at < page.now,
        said,
        over,
        typed,
        code,
        page,
    };
    Ok((status, page::html(&drawn)?).into_response())
}

/// What the citizen sent, if whoever gave the task wanted it shown.
async fn photos(rooms: &Rooms, task: &Task, complaint: &Complaint, code: &str, page: &Page) -> Result<Vec<Photo>, WebError> {
    if !task.photos {
        return Ok(Vec::new());
    }
    let messages = store::message::of_complaint(rooms.db(), complaint.id).await?;
    let shown = messages.iter().filter(|message| is_shown(task, message)).flat_map(|message| &message.attachments);
    let shown = shown.filter(|file| public_copy(file).is_some());
    let photos = (1u64..).zip(shown).map(|(n, file)| Photo {
        src: format!("/tugas/{code}/foto/{}", file.id),
        alt: page.fill("track.photo", "n", n.to_string()),
        width: file.width.unwrap_or(0),
        height: file.height.unwrap_or(0),
    });
    Ok(photos.collect())
}

/// What was there when the task was given: whoever gave it saw that.
fn is_shown(task: &Task, message: &RecordedMessage) -> bool {
    message.withdrawn_at.is_none() && message.received_at <= task.given_at
}

pub(crate) async fn photo(State(rooms): State<Rooms>, Path((code, id)): Path<(String, String)>) -> Result<Response, WebError> {
    let (task, complaint) = opened_by(&rooms, &code).await?;
    let id: AttachmentId = id.parse().map_err(|_| WebError::NotFound)?;
    let messages = store::message::of_complaint(rooms.db(), complaint.id).await?;
    let open = task.photos && complaint.status() != Status::Resolved;
    let mut shown = messages.iter().filter(|message| open && is_shown(&task, message)).flat_map(|message| &message.attachments);
    let file = shown.find(|file| file.id == id).ok_or(WebError::NotFound)?;
    files::send_public(&rooms, file).await
}

pub(crate) async fn submit(
    State(rooms): State<Rooms>,
    visit: Visit,
    Client(address): Client,
    Path(code): Path<String>,
    form: Fields,
) -> Result<Response, WebError> {
    rooms.limits().lookup(&address)?;
    let (task, complaint) = opened_by(&rooms, &code).await?;
    rooms.limits().words_of_citizen(&code)?;
    let says = Says::from_word(&form.text("says")).ok_or(WebError::Unreadable)?;
    let text = form.text("text");
    let words = page::words(visit.language);
    let error = match text.chars().count() {
        0 if says.needs_words() => words.t("refused.no_words"),
        0..=MOST_CHARACTERS => match report(&rooms, &task, &form, says, &text).await? {
            Ok(()) => return Ok(Redirect::to(&format!("/tugas/{code}?done=kirim")).into_response()),
            Err(error) => words.t(error),
        },
        _ => words.t("form.too_long"),
    };
    let typed = Typed { says: says.as_str().to_owned(), error: error.to_owned(), text };
    draw(&rooms, &visit, code, &task, &complaint, typed, &Done::default()).await
}

/// Writes the step. The inner error: the key of what is wrong.
async fn report(rooms: &Rooms, task: &Task, form: &Fields, says: Says, text: &str) -> Result<Result<(), &'static str>, WebError> {
    let photo = match form.file() {
        None => None,
        Some(bytes) => match upload::check(bytes) {
            Ok(kind) => Some(upload::quarantine(rooms, bytes.clone(), kind).await?),
            Err(NotAPhoto::TooLarge) => return Ok(Err("refused.photo_too_large")),
            Err(NotAPhoto::NoPicture) => return Ok(Err("refused.not_a_photo")),
        },
    };
    let now = rooms.now();
    let mut reported = Reported { name: task.name.clone(), says, words: text.to_owned(), photo: None };
    let mut tx = store::begin(rooms.db()).await?;
    let complaint = store::complaint::lock(&mut tx, task.complaint).await?.ok_or(WebError::NotFound)?;
    // Pressed twice, it is said once; read behind the lock, so that two presses do not pass each other.
    let history = store::complaint::history(rooms.db(), task.complaint).await?;
    let again = history.iter().rev().find(|update| update.kind == UpdateKind::Reported).and_then(|update| update.text.as_deref());
    if photo.is_none() && again == Some(reported.to_text().as_str()) {
        return Ok(Ok(()));
    }
    let (id, reference, trace) = (complaint.id, complaint.reference, complaint.trace);
    if let Some(photo) = &photo {
        reported.photo = Some(store::attachment::add_by_staff(&mut tx, id, photo, now).await?);
    }
    let decision = match decide(complaint, Action::Report(reported), Actor::System, &rooms.directory(), now) {
        Ok(decision) => decision,
        Err(NotAllowed::TooLate) => return Ok(Err("task.over")),
        Err(_) => return Err(WebError::NotFound),
    };
    match store::complaint::write(&mut tx, &decision).await {
        Err(StoreError::Stale) => return Ok(Err("refused.stale")),
        written => written?,
    }
    store::task::said(&mut tx, task.id, says, now).await?;
    store::commit(tx).await?;
    info!(trace.id = %trace, complaint.id = %id, "A body without an account said {} of complaint {reference}.", says.as_str());
    Ok(Ok(()))
}
