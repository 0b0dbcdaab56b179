//! Several agencies at one complaint. `POST /aduan/{id}/koordinasi`: asks another one and gives nothing away; `/saran`: it answers; `/bagi`: gives others
//! a part; `/pimpin`: another one of them answers for it; `/disposisi`: to an agency below; `/tarik`: back from it.

use axum::{
    extract::{Path, State},
    response::Response,
};
use model::{
    Action, AgencyId, Complaint, Decision, Directory, NotAllowed, Timestamp, UpdateKind,
    clock::{Amount, Unit},
};
use store::{Tx, consult::Consultation};
use ui::{Clock, Page, Visit};
use uuid::Uuid;

use super::{Draft, Refused, act, finish, id_in, ticked};
use crate::{Rooms, WebError, form::Acting, session::SignedIn};

/// Working days that an asked agency may be given.
pub(super) const DAYS: [u16; 4] = [1, 2, 3, 5];

/// A question between agencies, as the page shows it.
pub(super) struct Asked {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) question: String,
    pub(super) at: Timestamp,
    pub(super) due: Timestamp,
    /// None once it is answered.
    pub(super) clock: Option<Clock>,
    pub(super) answer: String,
    pub(super) answered_at: Option<Timestamp>,
    /// Who reads the page may answer it.
    pub(super) mine: bool,
}

/// The questions about a complaint.
pub(super) async fn of_complaint(rooms: &Rooms, by: &SignedIn, page: &Page, complaint: &Complaint) -> Result<Vec<Asked>, WebError> {
    let directory = rooms.directory();
    let all = store::consult::of_complaint(rooms.db(), complaint.id).await?;
    let asked = |one: Consultation| Asked {
        id: one.id.to_string(),
        title: page.words.fill("ask.title", &[("asker", directory.agency_name(one.asker)), ("asked", directory.agency_name(one.asked))]),
        question: one.question,
        at: one.asked_at,
        due: one.due_at,
        clock: one.answer.is_none().then(|| page.clock(one.due_at, &directory.calendar)),
        mine: one.answer.is_none() && by.staff.role.belongs_to_agency() && by.staff.agency == Some(one.asked),
        answered_at: one.answer.as_ref().map(|(_, at)| *at),
        answer: one.answer.map(|(words, _)| words).unwrap_or_default(),
    };
    Ok(all.into_iter().map(asked).collect())
}

/// Agencies to choose from.
pub(super) struct Others {
    /// All but the one of who reads the page; the three below are of them.
    pub(super) all: Vec<(String, String)>,
    /// Below who reads the page.
    pub(super) below: Vec<(String, String)>,
    /// Of those, who has it.
    pub(super) hold: Vec<(String, String)>,
    /// Who helps.
    pub(super) help: Vec<(String, String)>,
}

impl Others {
    pub(super) fn of(complaint: &Complaint, by: &SignedIn, directory: &Directory) -> Self {
        let named = |agencies: Vec<AgencyId>| {
            let mut named: Vec<_> =
                agencies.into_iter().map(|agency| (agency.to_string(), directory.agency_name(agency).to_owned())).collect();
            named.sort_by(|a, b| a.1.cmp(&b.1));
            named
        };
        let has = |agency: &AgencyId| complaint.pending().any(|dispatch| dispatch.agency == *agency);
        let below = directory.parents.iter().filter(|(_, parent)| Some(**parent) == by.staff.agency);
        let below: Vec<AgencyId> = below.map(|(agency, _)| *agency).collect();
        let help = complaint.pending().filter(|dispatch| !dispatch.responsible && Some(dispatch.agency) != by.staff.agency);
        Self {
            all: named(directory.agencies.keys().copied().filter(|&agency| Some(agency) != by.staff.agency).collect()),
            hold: named(below.iter().copied().filter(has).collect()),
            below: named(below),
            help: named(help.map(|dispatch| dispatch.agency).collect()),
        }
    }
}

/// The rows of questions that were asked and answered.
pub(super) async fn note(rooms: &Rooms, tx: &mut Tx, acting: &Acting, decision: &Decision) -> Result<(), WebError> {
    let by = acting.by.staff.id;
    for update in &decision.updates {
        let Some(text) = update.text.clone() else { continue };
        match (update.kind, update.agency, update.to.first()) {
            (UpdateKind::Consulted, Some(agency), Some(&asked)) => {
                let number = acting.form.text("days").parse().ok().filter(|days| DAYS.contains(days)).unwrap_or(DAYS[2]);
                let due_at = rooms.directory().working(Some(asked)).due(update.at, Amount { number, unit: Unit::WorkingDays }, &[]);
                let (id, complaint, asked_at) = (update.id.0, decision.complaint.id, update.at);
                let asks = Consultation { id, complaint, asker: agency, asked, question: text, asked_at, due_at, answer: None };
                store::consult::ask(tx, &asks, by, rooms.directory().calendar.zone).await?;
            }
            (UpdateKind::Advised, ..) => {
                let id: Uuid = acting.form.text("question").parse().map_err(|_| WebError::NotFound)?;
                store::consult::answer(tx, id, &text, by, update.at).await?;
            }
            _ => {}
        }
    }
    Ok(())
}

type Submitted = (State<Rooms>, Visit, Path<String>);

pub(crate) async fn consult(submitted: Submitted, acting: Acting) -> Result<Response, WebError> {
    to_one(submitted, acting, "koordinasi", |asked, text| Action::Consult { asked, text }).await
}

pub(crate) async fn lead(submitted: Submitted, acting: Acting) -> Result<Response, WebError> {
    to_one(submitted, acting, "pimpin", |to, reason| Action::Lead { to, reason }).await
}

pub(crate) async fn pass_down(submitted: Submitted, acting: Acting) -> Result<Response, WebError> {
    to_one(submitted, acting, "disposisi", |to, reason| Action::PassDown { to, reason }).await
}

pub(crate) async fn take_back(submitted: Submitted, acting: Acting) -> Result<Response, WebError> {
    to_one(submitted, acting, "tarik", |from, reason| Action::TakeBack { from, reason }).await
}

async fn to_one(
    (State(rooms), visit, Path(id)): Submitted,
    acting: Acting,
    form: &'static str,
    make: impl FnOnce(AgencyId, String) -> Action + Send,
) -> Result<Response, WebError> {
    let id = id_in(&id)?;
    let text = acting.form.text("text");
    let draft = Draft { form, text: text.clone(), agencies: ticked(&acting.form), ..Draft::default() };
    let done = match draft.agencies.first() {
        Some(&agency) => act(&rooms, &acting, id, None, |_| make(agency, text)).await?,
        None => Err(Refused::Not(NotAllowed::NoAgency)),
    };
    finish(&rooms, &visit, &acting.by, id, done, draft).await
}

pub(crate) async fn share((State(rooms), visit, Path(id)): Submitted, acting: Acting) -> Result<Response, WebError> {
    let id = id_in(&id)?;
    let (text, with) = (acting.form.text("text"), ticked(&acting.form));
    let draft = Draft { form: "bagi", text: text.clone(), agencies: with.clone(), ..Draft::default() };
    let done = act(&rooms, &acting, id, None, |_| Action::Share { with, text }).await?;
    finish(&rooms, &visit, &acting.by, id, done, draft).await
}

pub(crate) async fn advise((State(rooms), visit, Path(id)): Submitted, acting: Acting) -> Result<Response, WebError> {
    let id = id_in(&id)?;
    let (text, question) = (acting.form.text("text"), acting.form.text("question"));
    let all = store::consult::of_complaint(rooms.db(), id).await?;
    let asks = all.into_iter().find(|one| one.id.to_string() == question).ok_or(WebError::NotFound)?;
    let draft = Draft { form: "saran", text: text.clone(), number: question, ..Draft::default() };
    let done = if asks.answer.is_some() {
        Err(Refused::Stale)
    } else {
        act(&rooms, &acting, id, None, |_| Action::Advise { asker: asks.asker, asked: asks.asked, text }).await?
    };
    finish(&rooms, &visit, &acting.by, id, done, draft).await
}
