//! Bodies without accounts. `GET` and `POST /pengurus`: whom an agency knows, by its supervisors; `POST /pengurus/{id}/hapus` takes one off. `POST
//! /aduan/{id}/titip` gives one of them a task; `POST /aduan/{id}/tugas/{task}/tautan` makes a link to hand on, `…/tarik` takes the task back. Their own page
//! is in `crate::task`.

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use jiff::{SignedDuration, ToSpan};
use model::{
    Action, AgencyId, Complaint, ComplaintId, Decision, Role, Timestamp, UpdateKind,
    task::{BodyKind, Says},
};
use store::{
    Tx,
    task::{Body, LONGEST_NAME, LONGEST_WORDS, MOST_BODIES, NewTask, Reached, Sent, Task},
    telephone::Telephone,
    work_message::{OPTED_OUT, Way},
};
use ui::{Clock, Page, Tone, Visit};
use uuid::Uuid;

use super::{Done, Draft, Refused, act, finish, id_in, seen_by};
use crate::{
    Rooms, WebError,
    form::Acting,
    page,
    session::SignedIn,
    telephone::{choices, read as read_telephone, shown, ways},
};

/// Days that a body may be given.
pub(super) const DAYS: [i64; 4] = [1, 3, 7, 14];
/// A link opens its task for so long after the day on which it should be done.
const AFTER: SignedDuration = SignedDuration::from_hours(14 * 24);

/// What the page of a complaint shows of its tasks.
pub(super) struct Given {
    pub(super) tasks: Vec<Line>,
    /// Whom this person may give one to: key and name.
    pub(super) bodies: Vec<(String, String)>,
    pub(super) days: [i64; 4],
}

/// One task, for staff.
pub(super) struct Line {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) words: String,
    pub(super) due: Timestamp,
    /// None once they are done or it was taken back.
    pub(super) clock: Option<Clock>,
    /// How far it is, in words.
    pub(super) state: String,
    pub(super) said: &'static str,
    /// How far its mail or message is, in words; empty: there is nothing to say of it.
    pub(super) sent: String,
    /// That it did not arrive, or that nobody knows, in words; else empty.
    pub(super) trouble: String,
    /// Its links open something.
    pub(super) open: bool,
    /// This person may make a link and take it back.
    pub(super) mine: bool,
}

pub(super) async fn of_complaint(rooms: &Rooms, by: &SignedIn, page: &Page, complaint: &Complaint, may: bool) -> Result<Given, WebError> {
    let directory = rooms.directory();
    let all = store::task::of_complaint(rooms.db(), complaint.id).await?;
    let has = complaint.pending().any(|dispatch| Some(dispatch.agency) == by.staff.agency);
    let line = |task: Task| {
        let over = task.ended_at.is_some() || task.expires_at <= page.now;
        let done = matches!(task.said, Some((Says::Done | Says::NotOurs, _)));
        let (sent, trouble) = told(&task, page);
        Line {
            sent,
            trouble,
            state: state(&task, page),
            said: task.said.map_or("", |(says, _)| says.as_str()),
            clock: (!over && !done).then(|| page.clock(task.due_at, &directory.calendar)),
            open: !over,
            mine: has && by.staff.role.belongs_to_agency(),
            id: task.id.to_string(),
            name: task.name,
            words: task.words,
            due: task.due_at,
        }
    };
    let bodies = match by.staff.agency.filter(|_| may) {
        Some(agency) => store::task::bodies(rooms.db(), agency).await?,
        None => Vec::new(),
    };
    Ok(Given {
        tasks: all.into_iter().map(line).collect(),
        bodies: bodies.into_iter().map(|body| (body.id.to_string(), body.name)).collect(),
        days: DAYS,
    })
}

/// What became of the mail or the message with its link: how far it is, and what is wrong.
fn told(task: &Task, page: &Page) -> (String, String) {
    let fine = |key: &str| (page.t(key).to_owned(), String::new());
    let wrong = |text: String| (String::new(), text);
    let Some(Sent { state, receipt, error }) = &task.message else {
        let refused = task.mail.as_deref() == Some("refused");
        return if refused { wrong(page.t("task.mail.refused").to_owned()) } else { Default::default() };
    };
    let error = error.as_deref().unwrap_or_default();
    match (state.as_str(), receipt.as_deref()) {
        ("refused", _) if error == OPTED_OUT => wrong(page.t("task.message.opted_out").to_owned()),
        ("refused", _) => wrong(page.t("task.message.closed").to_owned()),
        (_, Some("failed")) if error.split(':').next() == Some(OPTED_OUT) => wrong(page.t("task.message.opted_out").to_owned()),
        (_, Some("failed")) => wrong(page.fill("task.message.failed", "error", error)),
        (_, Some("unknown")) => wrong(page.fill("task.message.unknown", "error", error)),
        (_, Some("sent")) => fine("task.message.sent"),
        (_, Some("delivered")) => fine("task.message.delivered"),
        (_, Some("read")) => fine("task.message.read"),
        ("due", _) => fine("task.message.due"),
        _ => fine("task.message.published"),
    }
}

fn state(task: &Task, page: &Page) -> String {
    match task.said {
        _ if task.ended_at.is_some() => page.t("task.state.ended").to_owned(),
        Some((says, at)) => {
            let key = match says {
                Says::Working => "task.state.working",
                Says::Done => "task.state.done",
                Says::NotOurs => "task.state.not_ours",
            };
            page.fill(key, "time", page.time(&at))
        }
        None if task.expires_at <= page.now => page.t("task.state.expired").to_owned(),
        None => page.t("task.state.silent").to_owned(),
    }
}

pub(crate) async fn give(State(rooms): State<Rooms>, visit: Visit, Path(id): Path<String>, acting: Acting) -> Result<Response, WebError> {
    let id = id_in(&id)?;
    seen_by(&rooms, &acting.by, id).await?;
    let (text, body) = (acting.form.text("text"), acting.form.text("body"));
    let draft = Draft { form: "titip", text: text.clone(), ..Draft::default() };
    let known = match acting.by.staff.agency {
        Some(agency) => store::task::bodies(rooms.db(), agency).await?,
        None => Vec::new(),
    };
    let done = match known.into_iter().find(|one| one.id.to_string() == body) {
        _ if text.chars().count() > LONGEST_WORDS => Err(Refused::TooLong),
        None => Err(Refused::NoBody),
        Some(body) => act(&rooms, &acting, id, None, |_| Action::Entrust { name: body.name, task: text }).await?,
    };
    finish(&rooms, &visit, &acting.by, id, done, draft).await
}

/// The rows of tasks that were given and taken back.
pub(super) async fn note(rooms: &Rooms, tx: &mut Tx, acting: &Acting, decision: &Decision) -> Result<Result<(), Refused>, WebError> {
    let by = &acting.by.staff;
    for update in &decision.updates {
        match (update.kind, update.agency) {
            (UpdateKind::Entrusted, Some(agency)) => {
                let body: Uuid = acting.form.text("body").parse().map_err(|_| WebError::Unreadable)?;
                let new = new_task(rooms, acting, decision.complaint.id, body, agency, update.at);
                if !store::task::give(tx, &new, by.id, update.at).await? {
                    return Ok(Err(Refused::TooManyTasks));
                }
            }
            (UpdateKind::Recalled, _) => {
                let task: Uuid = acting.form.text("task").parse().map_err(|_| WebError::Unreadable)?;
                if !store::task::end(tx, task, update.at).await? {
                    return Ok(Err(Refused::Stale));
                }
            }
            _ => {}
        }
    }
    Ok(Ok(()))
}

fn new_task(rooms: &Rooms, acting: &Acting, complaint: ComplaintId, body: Uuid, agency: AgencyId, now: Timestamp) -> NewTask {
    let days = acting.form.text("days").parse().ok().filter(|days| DAYS.contains(days)).unwrap_or(DAYS[1]);
    // Days of the calendar: neighbours work on Sundays too. Until the end of the last one.
    let zone = rooms.directory().calendar.zone.time_zone();
    let day = now.to_zoned(zone.clone()).date().saturating_add(days.days());
    let due_at = day.at(23, 59, 0, 0).to_zoned(zone).map_or(now, |zoned| zoned.timestamp());
    NewTask {
        id: model::UpdateId::new(now).0,
        complaint,
        body,
        agency,
        words: acting.form.text("text"),
        photos: acting.form.some("photos").is_some(),
        due_at,
        expires_at: due_at.checked_add(AFTER).unwrap_or(due_at),
        today: rooms.today(),
    }
}

/// A link, shown once, with words to hand it on.
#[derive(Template)]
#[template(path = "task_link.html")]
struct LinkPage {
    page: Page,
    back: String,
    name: String,
    /// With the link in it.
    message: String,
}

/// The task of this complaint that is open.
async fn open_task(rooms: &Rooms, by: &SignedIn, id: ComplaintId, task: &str) -> Result<Task, WebError> {
    let complaint = seen_by(rooms, by, id).await?;
    let has = complaint.pending().any(|dispatch| Some(dispatch.agency) == by.staff.agency);
    if !has || !by.staff.role.belongs_to_agency() || !complaint.visibility.may_leave_the_house() {
        return Err(WebError::NotFound);
    }
    let all = store::task::of_complaint(rooms.db(), id).await?;
    let open = |one: &Task| one.id.to_string() == task && one.ended_at.is_none() && one.expires_at > rooms.now();
    all.into_iter().find(open).ok_or(WebError::NotFound)
}

pub(crate) async fn link(
    State(rooms): State<Rooms>,
    visit: Visit,
    Path((id, task)): Path<(String, String)>,
    acting: Acting,
) -> Result<Response, WebError> {
    let id = id_in(&id)?;
    let task = open_task(&rooms, &acting.by, id, &task).await?;
    let mut tx = store::begin(rooms.db()).await?;
    let code = store::task::link(&mut tx, task.id, rooms.now()).await?;
    let detail = serde_json::json!({ "task": task.id, "body": task.name });
    store::audit::write(&mut tx, rooms.now(), Some(acting.by.staff.id), "task.link", &id.to_string(), &detail).await?;
    store::commit(tx).await?;
    let page = page::staff(&rooms, &visit, &acting.by, page::words(visit.language).t("task.link.title")).script("copy.js");
    let link = format!("{}/tugas/{}", rooms.site().base_url.trim_end_matches('/'), code.as_str());
    let directory = rooms.directory();
    let message = page.words.fill(
        "task.link.message",
        &[("name", &task.name), ("agency", directory.agency_name(task.agency)), ("due", &page.date(&task.due_at)), ("link", &link)],
    );
    page::html(&LinkPage { back: format!("/aduan/{id}"), name: task.name, message, page })
}

pub(crate) async fn recall(
    State(rooms): State<Rooms>,
    visit: Visit,
    Path((id, task)): Path<(String, String)>,
    acting: Acting,
) -> Result<Response, WebError> {
    let id = id_in(&id)?;
    let task = open_task(&rooms, &acting.by, id, &task).await?;
    let draft = Draft { form: "tugas", ..Draft::default() };
    let done = if acting.form.text("task") == task.id.to_string() {
        act(&rooms, &acting, id, None, |_| Action::Recall { name: task.name }).await?
    } else {
        Err(Refused::Stale)
    };
    finish(&rooms, &visit, &acting.by, id, done, draft).await
}

#[derive(Template)]
#[template(path = "bodies.html")]
struct BodiesPage {
    page: Page,
    csrf: String,
    bodies: Vec<Listed>,
    kinds: Vec<(&'static str, String)>,
    /// By which channels a telephone can be reached: value and name.
    channels: Vec<(String, String)>,
    draft: Written,
}

/// One of the list.
struct Listed {
    id: String,
    name: String,
    kind: String,
    /// How its links get there.
    reached: String,
}

/// What was typed into the form, and what is wrong with it.
#[derive(Default)]
struct Written {
    name: String,
    kind: String,
    mail: String,
    telephone: String,
    channel: String,
    error: String,
}

/// Who keeps the list of an agency.
pub(crate) fn may(role: Role) -> bool {
    role == Role::Supervisor
}

fn own(by: &SignedIn) -> Result<AgencyId, WebError> {
    by.only(may)?;
    by.staff.agency.ok_or(WebError::NotForRole)
}

pub(crate) async fn show(State(rooms): State<Rooms>, visit: Visit, by: SignedIn, Query(done): Query<Done>) -> Result<Response, WebError> {
    draw(&rooms, &visit, &by, Written::default(), &done).await
}

async fn draw(rooms: &Rooms, visit: &Visit, by: &SignedIn, draft: Written, done: &Done) -> Result<Response, WebError> {
    let agency = own(by)?;
    let page = page::staff(rooms, visit, by, page::words(visit.language).t("body.title"));
    let wrong = !draft.error.is_empty();
    let page = if wrong {
        let error = draft.error.clone();
        page.flash(Tone::Bad, error)
    } else if done.is("simpan") {
        let added = page.t("body.done.added").to_owned();
        page.flash(Tone::Good, added)
    } else if done.is("hapus") {
        let removed = page.t("body.done.removed").to_owned();
        page.flash(Tone::Good, removed)
    } else {
        page
    };
    let status = if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (bodies, ways) = (store::task::bodies(rooms.db(), agency).await?, ways(rooms).await?);
    let listed = |body: Body| Listed {
        id: body.id.to_string(),
        kind: kind_name(body.kind, &page).to_owned(),
        reached: reached(&body.reached, &ways, &page),
        name: body.name,
    };
    let drawn = BodiesPage {
        csrf: by.csrf.clone(),
        bodies: bodies.into_iter().map(listed).collect(),
        kinds: BodyKind::ALL.into_iter().map(|kind| (kind.as_str(), kind_name(kind, &page).to_owned())).collect(),
        channels: choices(&ways),
        draft,
        page,
    };
    Ok((status, page::html(&drawn)?).into_response())
}

/// How a body gets its links, in words; of a telephone only its ends.
fn reached(reached: &Reached, ways: &[Way], page: &Page) -> String {
    match reached {
        Reached::ByHand => page.t("body.by_hand").to_owned(),
        Reached::Mail(mail) => mail.clone(),
        Reached::Channel { adapter, account, address } => shown(adapter, account, address, ways, page),
    }
}

fn kind_name(kind: BodyKind, page: &Page) -> &str {
    page.t(match kind {
        BodyKind::Rt => "body.kind.rt",
        BodyKind::Rw => "body.kind.rw",
        BodyKind::Village => "body.kind.village",
        BodyKind::Community => "body.kind.community",
        BodyKind::Volunteer => "body.kind.volunteer",
    })
}

pub(crate) async fn add(State(rooms): State<Rooms>, visit: Visit, acting: Acting) -> Result<Response, WebError> {
    let agency = own(&acting.by)?;
    let form = &acting.form;
    let words = page::words(visit.language);
    let mut draft = Written {
        // One line: it stands in histories.
        name: form.text("name").split_whitespace().collect::<Vec<_>>().join(" "),
        kind: form.text("kind"),
        mail: form.text("mail"),
        telephone: form.text("telephone"),
        channel: form.text("channel"),
        error: String::new(),
    };
    draft.error = match (BodyKind::from_word(&draft.kind), read(&draft, &ways(&rooms).await?)) {
        _ if !(1..=LONGEST_NAME).contains(&draft.name.chars().count()) => {
            words.fill("body.wrong.name", &[("n", &LONGEST_NAME.to_string())])
        }
        (None, _) => words.t("body.wrong.kind").to_owned(),
        (_, Err(key)) => words.t(key).to_owned(),
        (Some(kind), Ok(reached)) => {
            let body = Body { id: model::UpdateId::new(rooms.now()).0, kind, name: draft.name.clone(), reached };
            let mut tx = store::begin(rooms.db()).await?;
            if store::task::add_body(&mut tx, agency, &body, acting.by.staff.id, rooms.now()).await? {
                store::commit(tx).await?;
                return Ok(Redirect::to("/pengurus?done=simpan").into_response());
            }
            words.fill("body.wrong.taken", &[("n", &MOST_BODIES.to_string())])
        }
    };
    draw(&rooms, &visit, &acting.by, draft, &Done::default()).await
}

/// Where its links go; else what is wrong, as a key of the words.
fn read(draft: &Written, ways: &[Way]) -> Result<Reached, &'static str> {
    match (draft.mail.as_str(), draft.telephone.as_str()) {
        ("", "") => Ok(Reached::ByHand),
        (mail, "") if model::is_mail_address(mail) => Ok(Reached::Mail(mail.to_owned())),
        (_, "") => Err("body.wrong.email"),
        ("", telephone) => {
            let Telephone { adapter, account, address } = read_telephone(telephone, &draft.channel, ways)?;
            Ok(Reached::Channel { adapter, account, address })
        }
        _ => Err("body.wrong.both"),
    }
}

pub(crate) async fn remove(State(rooms): State<Rooms>, Path(id): Path<String>, acting: Acting) -> Result<Response, WebError> {
    let agency = own(&acting.by)?;
    let id = id.parse().map_err(|_| WebError::NotFound)?;
    let mut tx = store::begin(rooms.db()).await?;
    let gone = store::task::remove_body(&mut tx, agency, id, acting.by.staff.id, rooms.now()).await?;
    store::commit(tx).await?;
    if gone { Ok(Redirect::to("/pengurus?done=hapus").into_response()) } else { Err(WebError::NotFound) }
}

/// Whether the rules let this person give one of this complaint.
pub(super) fn may_give(complaint: &Complaint, by: &SignedIn, rooms: &Rooms, now: Timestamp) -> bool {
    let action = Action::Entrust { name: "…".to_owned(), task: "…".to_owned() };
    model::decide(complaint.clone(), action, by.actor(), &rooms.directory(), now).is_ok()
}
