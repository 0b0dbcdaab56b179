//! `GET /permintaan-data`: what citizens ask about their own data, each with a clock of three times twenty-four hours. `POST /permintaan-data/{id}`: somebody
//! takes one, allows it, or refuses it with a reason that the citizen reads.

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use model::{Complaint, Language, Timestamp};
use store::request::{self, Kind, Request, State as Progress, Waiting};
use tracing::info;
use ui::{Page, Tone, Visit};
use uuid::Uuid;

use super::frame;
use crate::{
    Rooms, WebError,
    agency::Done,
    copy,
    form::{Acting, Fields},
    page,
    session::SignedIn,
};

/// Requests of a page: those that wait come first.
const LINES: i64 = 100;
/// The longest reason for a refusal.
const MOST_OF_A_REASON: usize = 1000;

#[derive(Template)]
#[template(path = "admin_requests.html")]
struct RequestsPage {
    page: Page,
    csrf: String,
    /// How many wait, in words.
    waiting: String,
    /// How many are late, in words; empty: none.
    late: String,
    lines: Vec<Line>,
}

/// One request.
struct Line {
    id: Uuid,
    what: String,
    /// The complaint's number; empty: of somebody who proved an address.
    number: String,
    proof: String,
    asked_at: Timestamp,
    due_at: Timestamp,
    late: bool,
    state: Progress,
    /// Who has it, or that nobody has.
    owner: String,
    /// What was done, by whom, when.
    outcome: String,
    /// Why it cannot be erased now.
    keeps: String,
}

pub(crate) async fn show(State(rooms): State<Rooms>, visit: Visit, by: SignedIn, Query(done): Query<Done>) -> Result<Response, WebError> {
    by.only_admin()?;
    let page = flashed(frame(&rooms, &visit, &by, "menu.requests"), &done);
    let Waiting { all, late, .. } = request::waiting(rooms.db(), rooms.now()).await?;
    let mut lines = Vec::new();
    for one in request::list(rooms.db(), LINES).await? {
        lines.push(line(&rooms, one, &page).await?);
    }
    let late = if late > 0 { page.count("request.late", &late) } else { String::new() };
    page::html(&RequestsPage { csrf: by.csrf.clone(), waiting: page.count("request.waiting", &all), late, lines, page })
}

fn flashed(page: Page, done: &Done) -> Page {
    let (tone, key) = match () {
        () if done.is("ambil") => (Tone::Good, "request.done.taken"),
        () if done.is("salin") => (Tone::Good, "request.done.copy"),
        () if done.is("hapus") => (Tone::Good, "request.done.erase"),
        () if done.is("tolak") => (Tone::Good, "request.done.refused"),
        () if done.is("tertahan") => (Tone::Bad, "request.done.kept"),
        () if done.is("alasan") => (Tone::Bad, "request.done.reason"),
        () if done.is("sudah") => (Tone::Info, "request.done.before"),
        () => return page,
    };
    let text = page.t(key).to_owned();
    page.flash(tone, text)
}

async fn line(rooms: &Rooms, one: Request, page: &Page) -> Result<Line, WebError> {
    let waits = matches!(one.state, Progress::Open) && one.kind == Kind::Erase;
    let keeps = match one.complaint {
        Some((id, _)) if waits => kept(rooms, id, page).await?,
        _ => String::new(),
    };
    let number = one.complaint.map(|(_, number)| number.to_string()).unwrap_or_default();
    Ok(Line {
        what: page.t(if one.kind == Kind::Copy { "data.ask.copy" } else { "data.ask.erase" }).to_owned(),
        proof: one.proof.clone().unwrap_or_else(|| page.t("request.proof.code").to_owned()),
        late: !one.state.is_over() && one.due_at < page.now,
        owner: one.taken_by.clone().unwrap_or_else(|| page.t("request.nobody").to_owned()),
        outcome: outcome(&one, page),
        id: one.id,
        number,
        asked_at: one.asked_at,
        due_at: one.due_at,
        state: one.state,
        keeps,
    })
}

/// Why a complaint may not be erased now, in words; empty: it may.
async fn kept(rooms: &Rooms, id: model::ComplaintId, page: &Page) -> Result<String, WebError> {
    let theirs = store::person::complaints(rooms.db(), store::person::Subject::Complaint(id)).await?;
    Ok(theirs.first().and_then(|one| one.keeps.as_deref()).map(|word| copy::keeps(word, page).to_owned()).unwrap_or_default())
}

fn outcome(one: &Request, page: &Page) -> String {
    let said = match one.state {
        Progress::Open => return String::new(),
        Progress::Accepted => page.t("request.accepted").to_owned(),
        Progress::Refused => page.fill("data.refused", "why", one.refusal.as_deref().unwrap_or_default()),
        Progress::Done => {
            let (done, kept) = one.counts.unwrap_or_default();
            page.words.fill("request.counts", &[("done", &done.to_string()), ("kept", &kept.to_string())])
        }
    };
    match &one.decided {
        Some((Some(who), at)) => format!("{said} {who}, {}.", page.time(at)),
        Some((None, at)) => format!("{said} {}.", page.time(at)),
        None => said,
    }
}

pub(crate) async fn submit(State(rooms): State<Rooms>, Path(id): Path<String>, Acting { by, form }: Acting) -> Result<Response, WebError> {
    by.only_admin()?;
    let id: Uuid = id.parse().map_err(|_| WebError::NotFound)?;
    let done = decide(&rooms, &by, id, &form).await?;
    Ok(Redirect::to(&format!("/permintaan-data?done={done}")).into_response())
}

/// Does what was chosen, and says what became of it.
async fn decide(rooms: &Rooms, by: &SignedIn, id: Uuid, form: &Fields) -> Result<&'static str, WebError> {
    let (now, staff) = (rooms.now(), by.staff.id);
    let mut tx = store::begin(rooms.db()).await?;
    let asked = request::lock(&mut tx, id).await?.ok_or(WebError::NotFound)?;
    if asked.state != Progress::Open {
        return Ok("sudah");
    }
    let Some((complaint, _)) = asked.complaint else { return Err(WebError::NotFound) };
    let complaint = store::complaint::lock(&mut tx, complaint).await?.ok_or(WebError::NotFound)?;
    let done = match form.text("do").as_str() {
        "take" => {
            request::take(&mut tx, id, staff, now).await?;
            "ambil"
        }
        "allow" if asked.kind == Kind::Copy => {
            request::give_copy(&mut tx, &asked, &complaint, &told(&complaint, "data.told.copy", ""), staff, now).await?;
            "salin"
        }
        "allow" => {
            if store::person::keeps(&mut tx, complaint.id).await?.is_some() {
                return Ok("tertahan");
            }
            request::accept(&mut tx, &asked, &complaint, &told(&complaint, "data.told.erase", ""), staff, now).await?;
            "hapus"
        }
        "refuse" => {
            let why = form.text("reason");
            if why.is_empty() || why.chars().count() > MOST_OF_A_REASON {
                return Ok("alasan");
            }
            let words = told(&complaint, "data.told.refused", &why);
            request::refuse(&mut tx, &asked, Some(&complaint), (&why, &words), staff, now).await?;
            "tolak"
        }
        _ => return Err(WebError::Unreadable),
    };
    store::commit(tx).await?;
    info!(trace.id = %complaint.trace, complaint.id = %complaint.id, staff.id = %staff, done, "A citizen's request about their data was handled.");
    Ok(done)
}

/// What the citizen reads, in their language.
fn told(complaint: &Complaint, key: &str, why: &str) -> String {
    let language: Language = complaint.language;
    page::words(language).fill(key, &[("why", why)])
}
