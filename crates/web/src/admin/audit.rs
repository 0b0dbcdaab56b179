//! `GET /admin/catatan`: what staff did besides acting on complaints.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use model::Timestamp;
use serde::Deserialize;
use store::audit::Entry;
use ui::{Page, Visit};
use uuid::Uuid;

use super::frame;
use crate::{Rooms, WebError, page, session::SignedIn};

const LINES: u16 = 50;

#[derive(Template)]
#[template(path = "admin_audit.html")]
struct Audit {
    page: Page,
    /// What it is called, and the entry.
    entries: Vec<(String, Entry, String)>,
    newer: String,
    older: String,
}

/// The last entry of the page before.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    before: Option<i64>,
    id: Option<Uuid>,
}

pub(crate) async fn show(State(rooms): State<Rooms>, visit: Visit, by: SignedIn, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    by.only_admin()?;
    let before = asked.before.and_then(|micros| Timestamp::from_microsecond(micros).ok()).zip(asked.id);
    let mut entries = store::audit::list(rooms.db(), before, LINES + 1).await?;
    let more = entries.len() > usize::from(LINES);
    entries.truncate(usize::from(LINES));
    let last = entries.last().filter(|_| more);
    let older = last.map(|(id, entry)| format!("/admin/catatan?before={}&id={id}", entry.at.as_microsecond())).unwrap_or_default();
    let page = frame(&rooms, &visit, &by, "menu.audit");
    let entries = entries.into_iter().map(|(_, entry)| {
        let reason = entry.detail.get("reason").and_then(|reason| reason.as_str()).unwrap_or_default().to_owned();
        (called(&entry.action, &page).to_owned(), entry, reason)
    });
    let newer = if before.is_some() { "/admin/catatan".to_owned() } else { String::new() };
    page::html(&Audit { entries: entries.collect(), newer, older, page })
}

fn called<'a>(action: &'a str, page: &Page) -> &'a str {
    match action {
        "staff.created" => page.t("audit.staff.created"),
        "staff.closed" => page.t("audit.staff.closed"),
        "staff.opened" => page.t("audit.staff.opened"),
        "staff.password" => page.t("audit.staff.password"),
        "staff.own_password" => page.t("audit.staff.own_password"),
        "parked.read" => page.t("audit.parked.read"),
        "parked.retried" => page.t("audit.parked.retried"),
        "parked.dropped" => page.t("audit.parked.dropped"),
        "citizen.blocked" => page.t("audit.citizen.blocked"),
        "citizen.connected" => page.t("audit.citizen.connected"),
        "citizen.unblocked" => page.t("audit.citizen.unblocked"),
        "channel.paused" => page.t("audit.channel.paused"),
        "channel.resumed" => page.t("audit.channel.resumed"),
        other => other,
    }
}
