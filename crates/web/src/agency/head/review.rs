//! `GET /meja/periksa`: what was settled and waits for a second pair of eyes. `POST /meja/periksa/{dispatch}`: it is done, or it goes back with words.

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use model::{Action, Actor, Directory, DispatchId, Role, Timestamp, decide};
use serde::Deserialize;
use serde_json::json;
use store::evidence::{self, Doubt, Outcome, Photo, Review, Why};
use tracing::info;
use ui::{Page, Tone, Visit};

use super::may;
use crate::{
    Rooms, WebError,
    agency::Refused,
    form::{Acting, MOST_CHARACTERS},
    page,
    session::SignedIn,
};

/// Reviews of a page.
const LINES: i64 = 25;

/// The address after `?`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Address {
    /// From 1.
    halaman: String,
    done: String,
}

#[derive(Template)]
#[template(path = "review.html")]
struct Reviews {
    page: Page,
    csrf: String,
    total: String,
    lines: Vec<Line>,
    newer: String,
    older: String,
}

/// Something settled.
struct Line {
    dispatch: String,
    href: String,
    reference: String,
    agency: String,
    category: String,
    settled_at: Timestamp,
    by: String,
    why: String,
    words: String,
    photo: Option<Shown>,
    /// It was settled by who looks at it now: somebody else has to.
    own: bool,
    /// What was typed and refused.
    text: String,
    error: String,
}

/// A photo of the result.
struct Shown {
    src: String,
    taken_at: Option<Timestamp>,
    /// How far from the complaint; empty: not known.
    away: String,
    /// What speaks against it, in sentences.
    doubts: Vec<String>,
    judged: bool,
}

/// What was typed, for what, and why it was refused.
struct Typed {
    dispatch: DispatchId,
    text: String,
    refused: Wrong,
}

enum Wrong {
    /// Neither was pressed.
    NoChoice,
    /// Who settled it does not look at it.
    Own,
    Other(Refused),
}

impl Wrong {
    fn words(&self, page: &Page) -> String {
        match self {
            Self::NoChoice => page.t("review.no_choice").to_owned(),
            Self::Own => page.t("review.own").to_owned(),
            Self::Other(refused) => refused.words(page),
        }
    }
}

pub(crate) async fn show(
    State(rooms): State<Rooms>,
    visit: Visit,
    by: SignedIn,
    Query(address): Query<Address>,
) -> Result<Response, WebError> {
    by.only(may)?;
    draw(&rooms, &visit, &by, &address, None).await
}

async fn draw(rooms: &Rooms, visit: &Visit, by: &SignedIn, address: &Address, typed: Option<&Typed>) -> Result<Response, WebError> {
    let count = evidence::count(rooms.db(), &by.scope()).await?;
    let last = i64::try_from(count.saturating_sub(1)).unwrap_or(0) / LINES + 1;
    let number = address.halaman.parse().ok().filter(|number| (1..=last).contains(number)).unwrap_or(1);
    let reviews = evidence::reviews(rooms.db(), &by.scope(), (number - 1) * LINES, LINES).await?;
    let directory = rooms.directory();
    let page = flashed(page::staff(rooms, visit, by, page::words(visit.language).t("review.title")), address, typed);
    let mut lines = Vec::with_capacity(reviews.len());
    for review in reviews {
        lines.push(line(rooms, by, review, &directory, &page, typed).await?);
    }
    let beside = |there: bool, number: i64| if there { format!("/meja/periksa?halaman={number}") } else { String::new() };
    page::html(&Reviews {
        csrf: by.csrf.clone(),
        total: page.count("queue.total", &count),
        lines,
        newer: beside(number > 1, number - 1),
        older: beside(number < last, number + 1),
        page,
    })
}

fn flashed(page: Page, address: &Address, typed: Option<&Typed>) -> Page {
    let said = match (typed, address.done.as_str()) {
        (Some(typed), _) => Some((Tone::Bad, typed.refused.words(&page))),
        (None, "benar") => Some((Tone::Good, page.t("review.done.confirmed").to_owned())),
        (None, "kembali") => Some((Tone::Good, page.t("review.done.sent_back").to_owned())),
        (None, "sudah") => Some((Tone::Info, page.t("review.done.before").to_owned())),
        _ => None,
    };
    match said {
        Some((tone, text)) => page.flash(tone, text),
        None => page,
    }
}

async fn line(
    rooms: &Rooms,
    by: &SignedIn,
    review: Review,
    directory: &Directory,
    page: &Page,
    typed: Option<&Typed>,
) -> Result<Line, WebError> {
    let photo = match &review.photo {
        Some(photo) => Some(shown(rooms, by, &review, photo, page).await?),
        None => None,
    };
    let typed = typed.filter(|typed| typed.dispatch == review.dispatch);
    let why = page.t(match review.why {
        Why::Contested => "review.why.contested",
        Why::Unproven => "review.why.unproven",
        Why::Sample => "review.why.sample",
    });
    Ok(Line {
        dispatch: review.dispatch.to_string(),
        href: format!("/aduan/{}", review.complaint),
        reference: review.reference.to_string(),
        agency: directory.agency_name(review.agency).to_owned(),
        category: page::category_name(review.category.as_deref(), directory, page.words.language()),
        settled_at: review.settled_at,
        own: review.by == Some(by.staff.id),
        by: review.by_name.unwrap_or_default(),
        why: why.to_owned(),
        words: review.words.unwrap_or_default(),
        photo,
        text: typed.map(|typed| typed.text.clone()).unwrap_or_default(),
        error: typed.map(|typed| typed.refused.words(page)).unwrap_or_default(),
    })
}

async fn shown(rooms: &Rooms, by: &SignedIn, review: &Review, photo: &Photo, page: &Page) -> Result<Shown, WebError> {
    let mut doubts = Vec::new();
    for doubt in &photo.doubts {
        doubts.push(match doubt {
            Doubt::Older => page.fill("review.older", "opened", page.time(&review.opened_at)),
            Doubt::Far => page.t("review.far").to_owned(),
            Doubt::Same => same(rooms, by, review, photo, page).await?,
        });
    }
    Ok(Shown {
        src: format!("/berkas/{}", photo.id),
        taken_at: photo.says.taken_at,
        away: photo.metres.map(|metres| page.fill("review.away", "n", format!("{metres:.0}"))).unwrap_or_default(),
        doubts,
        judged: photo.judged,
    })
}

/// Which complaint had the same photo is said only to who may see that one.
async fn same(rooms: &Rooms, by: &SignedIn, review: &Review, photo: &Photo, page: &Page) -> Result<String, WebError> {
    let Some(other) = photo.same_as else { return Ok(page.t("review.same").to_owned()) };
    if other == review.complaint {
        return Ok(page.t("review.same.own").to_owned());
    }
    if !store::access::may_see(rooms.db(), &by.scope(), other).await? {
        return Ok(page.t("review.same").to_owned());
    }
    let number = store::complaint::load(rooms.db(), other).await?.map(|other| other.reference.to_string()).unwrap_or_default();
    Ok(page.fill("review.same.as", "number", number))
}

pub(crate) async fn submit(State(rooms): State<Rooms>, visit: Visit, Path(id): Path<String>, acting: Acting) -> Result<Response, WebError> {
    acting.by.only(may)?;
    let dispatch: DispatchId = id.parse().map_err(|_| WebError::NotFound)?;
    let text = acting.form.text("text");
    let outcome = match acting.form.text("outcome").as_str() {
        "confirmed" => Some((Outcome::Confirmed, "benar")),
        "sent_back" => Some((Outcome::SentBack, "kembali")),
        _ => None,
    };
    let refused = match outcome {
        None => Wrong::NoChoice,
        Some(_) if text.chars().count() > MOST_CHARACTERS => Wrong::Other(Refused::TooLong),
        Some((outcome, done)) => match look(&rooms, &acting, dispatch, outcome, &text).await? {
            Ok(true) => return Ok(Redirect::to(&format!("/meja/periksa?done={done}")).into_response()),
            Ok(false) => return Ok(Redirect::to("/meja/periksa?done=sudah").into_response()),
            Err(refused) => refused,
        },
    };
    let typed = Typed { dispatch, text, refused };
    let page = draw(&rooms, &visit, &acting.by, &Address::default(), Some(&typed)).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// Writes what was said, and opens the complaint again where it goes back: both or nothing. `false`: nothing waits there for them, or not any more.
async fn look(rooms: &Rooms, acting: &Acting, dispatch: DispatchId, outcome: Outcome, text: &str) -> Result<Result<bool, Wrong>, WebError> {
    let (now, staff) = (rooms.now(), &acting.by.staff);
    // The complaint is held first: whoever settles it or opens it again does so too.
    let Some(id) = evidence::waiting(rooms.db(), &acting.by.scope(), dispatch).await? else { return Ok(Ok(false)) };
    let mut tx = store::begin(rooms.db()).await?;
    let complaint = store::complaint::lock(&mut tx, id).await?.ok_or(WebError::NotFound)?;
    let Some(waiting) = evidence::lock(&mut tx, &acting.by.scope(), dispatch).await? else { return Ok(Ok(false)) };
    if waiting.by == Some(staff.id) {
        return Ok(Err(Wrong::Own));
    }
    let (number, trace) = (complaint.reference, complaint.trace);
    if outcome == Outcome::SentBack {
        let action = Action::Reopen { reason: text.to_owned() };
        // This agency's part alone, as its supervisor would: what another agency has done stays done.
        let by = Actor::Staff { id: staff.id, role: Role::Supervisor, agency: Some(waiting.agency) };
        let decision = match decide(complaint, action, by, &rooms.directory(), now) {
            Ok(decision) => decision,
            Err(refused) => return Ok(Err(Wrong::Other(Refused::Not(refused)))),
        };
        store::complaint::write(&mut tx, &decision).await?;
    }
    evidence::decided(&mut tx, dispatch, waiting.settled_at, outcome, text, staff.id, now).await?;
    let action = if outcome == Outcome::Confirmed { "closing.confirmed" } else { "closing.sent_back" };
    store::audit::write_about(&mut tx, now, Some(staff.id), action, &[id], &number.to_string(), json!({}), Some(text)).await?;
    store::commit(tx).await?;
    info!(trace.id = %trace, complaint.id = %id, staff.id = %staff.id, "A second pair of eyes looked at {number}.");
    Ok(Ok(true))
}
