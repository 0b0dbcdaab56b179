//! `GET /tak-sampai`: answers that reached nobody, by whichever way, to be told by a person; also on paper. `POST /tak-sampai/{complaint}`:
//! somebody has told them. It stands in the complaint's history, and the task is done.

use std::collections::HashMap;

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use model::{
    Action, ComplaintId, Directory, ReplyId, Role, Timestamp, decide,
    reach::{Because, Told, Way},
};
use serde::Deserialize;
use store::{
    reach::{self, Step, Task},
    reply::SentReply,
};
use tracing::info;
use ui::{Page, Tone, Visit};

use super::{Refused, complaint::known_contacts, conversation, id_in};
use crate::{
    Rooms, WebError,
    form::{Acting, MOST_CHARACTERS},
    page,
    session::SignedIn,
};

/// Complaints of a page.
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
#[template(path = "unreached.html")]
struct Unreached {
    page: Page,
    csrf: String,
    total: String,
    lines: Vec<Line>,
    /// How somebody may have told them: value, words.
    ways: [(&'static str, String); 4],
    newer: String,
    older: String,
}

/// A complaint whose citizen must be told.
struct Line {
    id: String,
    reference: String,
    desk: bool,
    since: Timestamp,
    /// Empty where this person may not know them.
    name: String,
    contacts: Vec<String>,
    hidden: bool,
    unsaid: Vec<Unsaid>,
    /// What was typed and refused.
    text: String,
    how: String,
    error: String,
}

/// A reply that reached nobody.
struct Unsaid {
    id: String,
    kind: String,
    at: Timestamp,
    words: String,
    tried: Vec<String>,
}

/// What was typed for one complaint, and why it was refused.
struct Typed {
    complaint: ComplaintId,
    text: String,
    how: String,
    refused: Wrong,
}

enum Wrong {
    /// Nothing was chosen.
    NoWay,
    Other(Refused),
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

fn may(role: Role) -> bool {
    role != Role::Clerk
}

async fn draw(rooms: &Rooms, visit: &Visit, by: &SignedIn, address: &Address, typed: Option<&Typed>) -> Result<Response, WebError> {
    let count = reach::count(rooms.db(), &by.scope()).await?;
    let last = i64::try_from(count.saturating_sub(1)).unwrap_or(0) / LINES + 1;
    let number = address.halaman.parse().ok().filter(|number| (1..=last).contains(number)).unwrap_or(1);
    let tasks = reach::tasks(rooms.db(), &by.scope(), (number - 1) * LINES, LINES).await?;
    let directory = rooms.directory();
    let page = flashed(page::staff(rooms, visit, by, page::words(visit.language).t("unreached.title")).script("slip.js"), address, typed);
    let mut lines = Vec::with_capacity(tasks.len());
    for task in tasks {
        lines.push(line(rooms, by, task, &directory, &page, typed).await?);
    }
    let beside = |there: bool, number: i64| if there { format!("/tak-sampai?halaman={number}") } else { String::new() };
    page::html(&Unreached {
        csrf: by.csrf.clone(),
        total: page.count("queue.total", &count),
        lines,
        ways: Told::ALL.map(|how| (how.as_str(), short(how, &page).to_owned())),
        newer: beside(number > 1, number - 1),
        older: beside(number < last, number + 1),
        page,
    })
}

fn flashed(page: Page, address: &Address, typed: Option<&Typed>) -> Page {
    let said = match (typed, address.done.as_str()) {
        (Some(typed), _) => Some((Tone::Bad, typed.refused.words(&page))),
        (None, "disampaikan") => Some((Tone::Good, page.t("unreached.done").to_owned())),
        (None, "sudah") => Some((Tone::Info, page.t("unreached.done_before").to_owned())),
        _ => None,
    };
    match said {
        Some((tone, text)) => page.flash(tone, text),
        None => page,
    }
}

impl Wrong {
    fn words(&self, page: &Page) -> String {
        match self {
            Self::NoWay => page.t("unreached.no_way").to_owned(),
            Self::Other(refused) => refused.words(page),
        }
    }
}

async fn line(
    rooms: &Rooms,
    by: &SignedIn,
    task: Task,
    directory: &Directory,
    page: &Page,
    typed: Option<&Typed>,
) -> Result<Line, WebError> {
    let complaint = store::complaint::load(rooms.db(), task.complaint).await?.ok_or(WebError::NotFound)?;
    let said = store::access::read(rooms.db(), &by.staff, &complaint, rooms.now()).await?;
    let ladders = reach::of_complaint(rooms.db(), task.complaint).await?;
    let (name, contacts) = known_contacts(&said.messages);
    let typed = typed.filter(|typed| typed.complaint == task.complaint);
    let unsaid = task.replies.iter().filter_map(|first| {
        let reply = said.replies.iter().find(|reply| reply.draft.id == *first)?;
        Some(unsaid(reply, &said.replies, ladders.get(first).map_or(&[][..], Vec::as_slice), rooms, directory, page))
    });
    Ok(Line {
        id: task.complaint.to_string(),
        reference: task.reference.to_string(),
        desk: task.desk,
        since: task.opened_at,
        name,
        contacts,
        hidden: !said.who.is_shown(),
        unsaid: unsaid.collect(),
        text: typed.map(|typed| typed.text.clone()).unwrap_or_default(),
        how: typed.map(|typed| typed.how.clone()).unwrap_or_default(),
        error: typed.map(|typed| typed.refused.words(page)).unwrap_or_default(),
    })
}

fn unsaid(reply: &SentReply, replies: &[SentReply], steps: &[Step], rooms: &Rooms, directory: &Directory, page: &Page) -> Unsaid {
    let by_id: HashMap<ReplyId, &SentReply> = replies.iter().map(|reply| (reply.draft.id, reply)).collect();
    let tried = steps.iter().map(|step| match step.reply.and_then(|reply| by_id.get(&reply)) {
        Some(sent) => tried(step.way, sent, directory, page),
        None => why(step.why, page).to_owned(),
    });
    Unsaid {
        id: reply.draft.id.to_string(),
        kind: conversation::kind(reply.draft.kind, page).to_owned(),
        at: reply.created_at,
        words: conversation::whole(reply, rooms, page),
        tried: tried.collect(),
    }
}

/// `WhatsApp Kota: ditolak (131026: …)`.
fn tried(taken: Way, sent: &SentReply, directory: &Directory, page: &Page) -> String {
    let to = &sent.draft.to;
    let channel = page::channel_name(&to.adapter, &to.account, sent.created_at, directory);
    let place = page.words.fill("unreached.tried", &[("way", way(taken, page)), ("channel", &channel)]);
    match &sent.error {
        Some(error) => format!("{place}: {}", page.fill("unreached.refused", "error", error)),
        None => place,
    }
}

/// A way in words.
pub(super) fn way(way: Way, page: &Page) -> &str {
    page.t(match way {
        Way::Same => "way.same",
        Way::Template => "way.template",
        Way::Written => "way.written",
        Way::Telephone => "way.telephone",
        Way::Mail => "way.mail",
        Way::Office => "way.office",
        Way::Staff => "way.staff",
        Way::Silence => "way.silence",
    })
}

/// Why a rung was taken, in words.
pub(super) fn why(why: Because, page: &Page) -> &str {
    page.t(match why {
        Because::Answered => "because.answered",
        Because::WindowClosed => "because.window_closed",
        Because::Refused => "because.refused",
        Because::NothingLeft => "because.nothing_left",
        Because::Secret => "because.secret",
        Because::Old => "because.old",
        Because::OptedOut => "because.opted_out",
        Because::Blocked => "because.blocked",
    })
}

/// How they were told, as the history says it.
fn told(how: Told, page: &Page) -> &str {
    page.t(match how {
        Told::Telephone => "told.telephone",
        Told::Letter => "told.letter",
        Told::Office => "told.office",
        Told::Home => "told.home",
    })
}

/// The same as a choice.
fn short(how: Told, page: &Page) -> &str {
    page.t(match how {
        Told::Telephone => "told.telephone.short",
        Told::Letter => "told.letter.short",
        Told::Office => "told.office.short",
        Told::Home => "told.home.short",
    })
}

pub(crate) async fn submit(State(rooms): State<Rooms>, visit: Visit, Path(id): Path<String>, acting: Acting) -> Result<Response, WebError> {
    acting.by.only(may)?;
    let id = id_in(&id)?;
    if !store::queue::may_see(rooms.db(), &acting.by.scope(), id).await? {
        return Err(WebError::NotFound);
    }
    let (text, how) = (acting.form.text("text"), acting.form.text("how"));
    let refused = match Told::from_word(&how) {
        None => Wrong::NoWay,
        Some(_) if text.chars().count() > MOST_CHARACTERS => Wrong::Other(Refused::TooLong),
        Some(how) => match tell(&rooms, &visit, &acting, id, how, &text).await? {
            Ok(was_open) => {
                let done = if was_open { "disampaikan" } else { "sudah" };
                return Ok(Redirect::to(&format!("/tak-sampai?done={done}")).into_response());
            }
            Err(refused) => Wrong::Other(refused),
        },
    };
    let typed = Typed { complaint: id, text, how, refused };
    let page = draw(&rooms, &visit, &acting.by, &Address::default(), Some(&typed)).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// Closes the tasks and writes it into the history, both or nothing. `false`: somebody did before, or the citizen wrote meanwhile.
async fn tell(
    rooms: &Rooms,
    visit: &Visit,
    acting: &Acting,
    id: ComplaintId,
    how: Told,
    text: &str,
) -> Result<Result<bool, Refused>, WebError> {
    let now = rooms.now();
    let replies: Vec<ReplyId> = acting.form.all("reply").filter_map(|id| id.parse().ok()).collect();
    let mut tx = store::begin(rooms.db()).await?;
    let complaint = store::complaint::lock(&mut tx, id).await?.ok_or(WebError::NotFound)?;
    if reach::done(&mut tx, id, &replies, how, acting.by.staff.id, now).await? == 0 {
        return Ok(Ok(false));
    }
    let page = page::staff(rooms, visit, &acting.by, "");
    let note = format!("{}\n{text}", told(how, &page)).trim().to_owned();
    let (trace, number) = (complaint.trace, complaint.reference);
    let decision = match decide(complaint, Action::Note { text: note }, acting.by.actor(), &rooms.directory(), now) {
        Ok(decision) => decision,
        Err(refused) => return Ok(Err(Refused::Not(refused))),
    };
    store::complaint::write(&mut tx, &decision).await?;
    store::commit(tx).await?;
    info!(trace.id = %trace, complaint.id = %id, staff.id = %acting.by.staff.id, "Staff told the citizen of {number} what no message brought.");
    Ok(Ok(true))
}
