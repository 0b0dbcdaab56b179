//! `GET /admin/petugas/{id}/tutup`: what somebody holds; `POST`: closes their account and hands it on, all in one transaction.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use model::{Action, StaffId, decide};
use serde_json::json;
use store::{
    StoreError,
    staff::{Held, Staff},
};
use ui::{Page, Visit};

use super::frame;
use crate::{
    Rooms, WebError,
    form::{Acting, MOST_CHARACTERS},
    page,
    session::SignedIn,
};

#[derive(Template)]
#[template(path = "admin_staff_close.html")]
struct ClosePage {
    page: Page,
    csrf: String,
    id: String,
    name: String,
    /// What they hold: address, number, what is asked of the citizen, and the agency's limit.
    held: Vec<(String, Held)>,
    count: String,
    /// Who may take it: key and name.
    colleagues: Vec<(String, String)>,
    reason: String,
    error: String,
}

/// How many are listed; all of them are handed on.
const LISTED: usize = 200;

pub(crate) async fn show(State(rooms): State<Rooms>, visit: Visit, by: SignedIn, Path(id): Path<String>) -> Result<Response, WebError> {
    let staff = somebody_else(&rooms, &by, &id).await?;
    draw(&rooms, &visit, &by, staff, String::new(), String::new()).await
}

/// Nobody locks themselves out: the page offers no button for it.
async fn somebody_else(rooms: &Rooms, by: &SignedIn, id: &str) -> Result<Staff, WebError> {
    by.only_admin()?;
    let id: StaffId = id.parse().map_err(|_| WebError::NotFound)?;
    if id == by.staff.id {
        return Err(WebError::NotForRole);
    }
    store::staff::by_id(rooms.db(), id).await?.filter(|staff| staff.active).ok_or(WebError::NotFound)
}

async fn draw(rooms: &Rooms, visit: &Visit, by: &SignedIn, staff: Staff, reason: String, error: String) -> Result<Response, WebError> {
    let mut tx = store::begin(rooms.db()).await?;
    let held = store::staff::held(&mut tx, staff.id).await?;
    store::commit(tx).await?;
    let page = frame(rooms, visit, by, "menu.staff");
    let count = page.count("handing.holds", &u64::try_from(held.len()).unwrap_or(u64::MAX));
    let status = if error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let listed = held.into_iter().take(LISTED).map(|held| (format!("/aduan/{}", held.complaint), held));
    let drawn = page::html(&ClosePage {
        csrf: by.csrf.clone(),
        id: staff.id.to_string(),
        held: listed.collect(),
        count,
        colleagues: colleagues(rooms, &staff).await?.into_iter().map(|one| (one.id.to_string(), one.name)).collect(),
        name: staff.name,
        reason,
        error,
        page,
    })?;
    Ok((status, drawn).into_response())
}

/// Who else works for the same agency.
async fn colleagues(rooms: &Rooms, staff: &Staff) -> Result<Vec<Staff>, WebError> {
    let all = store::staff::list(rooms.db()).await?;
    Ok(all.into_iter().filter(|one| one.active && one.id != staff.id && one.agency.is_some() && one.agency == staff.agency).collect())
}

pub(crate) async fn submit(
    State(rooms): State<Rooms>,
    visit: Visit,
    Path(id): Path<String>,
    Acting { by, form }: Acting,
) -> Result<Response, WebError> {
    let staff = somebody_else(&rooms, &by, &id).await?;
    let reason = form.text("reason");
    let words = page::words(visit.language);
    if reason.is_empty() || reason.chars().count() > MOST_CHARACTERS {
        let error = if reason.is_empty() { words.t("handing.no_reason") } else { words.t("form.too_long") };
        return draw(&rooms, &visit, &by, staff, reason, error.to_owned()).await;
    }
    let to = match form.some("to") {
        None => None,
        Some(to) => match colleagues(&rooms, &staff).await?.into_iter().find(|one| one.id.to_string() == to) {
            Some(colleague) => Some(colleague),
            None => return draw(&rooms, &visit, &by, staff, reason, words.t("handing.no_colleague").to_owned()).await,
        },
    };
    for _ in 0..TRIES {
        match close(&rooms, &by, &staff, to.as_ref(), &reason).await {
            Err(WebError::Store(StoreError::Stale)) => {}
            // The colleague left at the same moment.
            Err(WebError::Store(StoreError::Conflict { .. })) => {
                return draw(&rooms, &visit, &by, staff, reason, words.t("handing.no_colleague").to_owned()).await;
            }
            done => {
                done?;
                return Ok(Redirect::to("/admin/petugas?done=tutup").into_response());
            }
        }
    }
    draw(&rooms, &visit, &by, staff, reason, words.t("refused.stale").to_owned()).await
}

/// Somebody who is busy while their account is closed may take a complaint meanwhile: then everything is read again.
const TRIES: usize = 3;

/// Complaints are locked before the account, as by everybody who takes one; after the account is closed nobody gives it another (the
/// database refuses), so what it holds then is all there is.
async fn close(rooms: &Rooms, by: &SignedIn, staff: &Staff, to: Option<&Staff>, reason: &str) -> Result<(), WebError> {
    let now = rooms.now();
    let mut tx = store::begin(rooms.db()).await?;
    let ids = |held: &[Held]| held.iter().map(|held| held.complaint).collect::<std::collections::BTreeSet<_>>();
    let held = ids(&store::staff::held(&mut tx, staff.id).await?);
    let order: Vec<_> = held.iter().copied().collect();
    let complaints = store::complaint::lock_many(&mut tx, &order).await?;
    if !store::staff::set_active(&mut tx, staff.id, false).await? {
        return Err(WebError::NotFound);
    }
    let still = ids(&store::staff::held(&mut tx, staff.id).await?);
    if !still.is_subset(&held) {
        return Err(StoreError::Stale.into());
    }
    let directory = rooms.directory();
    // What stands in the history is read by colleagues, in the language of the office.
    let office = page::words(model::Language::Id);
    let text = match to {
        Some(colleague) => office.fill("handing.note.colleague", &[("from", &staff.name), ("to", &colleague.name), ("reason", reason)]),
        None => office.fill("handing.note.queue", &[("from", &staff.name), ("reason", reason)]),
    };
    let mut decisions = Vec::new();
    for complaint in complaints.into_iter().filter(|complaint| still.contains(&complaint.id)) {
        let action = Action::PassOn { from: staff.id, to: to.map(|one| one.id), text: text.clone() };
        // Who may close an account may do this, and what is held can be handed on: a refusal is a fault of ours.
        let decision = decide(complaint, action, by.actor(), &directory, now).map_err(|_| StoreError::Stale)?;
        decisions.push(decision);
    }
    store::complaint::write_many(&mut tx, &decisions).await?;
    let detail = json!({ "reason": reason, "handed_on": decisions.len(), "to": to.map(|one| one.login.clone()) });
    store::audit::write(&mut tx, now, Some(by.staff.id), "staff.closed", &staff.login, &detail).await?;
    store::commit(tx).await?;
    Ok(())
}
