//! `GET /admin/catatan`: what staff did besides acting on complaints. `POST /admin/catatan/periksa`: whether it still says what was written.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use serde::Deserialize;
use store::audit::{Anchor, Entry, Fault, Verified, Wrong};
use ui::{Page, Tone, Visit};

use super::frame;
use crate::{Rooms, WebError, form::Acting, page, session::SignedIn};

const LINES: u16 = 50;

#[derive(Template)]
#[template(path = "admin_audit.html")]
struct Audit {
    page: Page,
    csrf: String,
    /// What it is called, and the entry.
    entries: Vec<(String, Entry, String)>,
    /// How many there are, in words.
    length: String,
    /// The end of the chain.
    anchor: Anchor,
    newer: String,
    older: String,
}

/// The number of the last entry of the page before.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    before: Option<i64>,
}

pub(crate) async fn show(State(rooms): State<Rooms>, visit: Visit, by: SignedIn, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    by.only_admin()?;
    draw(&rooms, &visit, &by, asked.before, None).await
}

pub(crate) async fn check(State(rooms): State<Rooms>, visit: Visit, Acting { by, .. }: Acting) -> Result<Response, WebError> {
    by.only_admin()?;
    let verified = store::audit::verify(rooms.db(), &[]).await?;
    if let Some(fault) = verified.fault {
        tracing::error!(number = fault.number, wrong = ?fault.wrong, "The audit does not say what was written.");
    }
    draw(&rooms, &visit, &by, None, Some(verified)).await
}

async fn draw(rooms: &Rooms, visit: &Visit, by: &SignedIn, before: Option<i64>, verified: Option<Verified>) -> Result<Response, WebError> {
    let anchor = store::audit::anchor(rooms.db()).await?;
    let mut entries = store::audit::list(rooms.db(), before, LINES + 1).await?;
    let more = entries.len() > usize::from(LINES);
    entries.truncate(usize::from(LINES));
    let last = entries.last().filter(|_| more);
    let older = last.map(|(_, entry)| format!("/admin/catatan?before={}", entry.number)).unwrap_or_default();
    let mut page = frame(rooms, visit, by, "menu.audit");
    if let Some(verified) = verified {
        let (tone, text) = found(&verified, &page);
        page = page.flash(tone, text);
    }
    let entries = entries.into_iter().map(|(_, entry)| {
        let reason = entry.detail.get("reason").and_then(|reason| reason.as_str()).unwrap_or_default().to_owned();
        (called(&entry.action, &page).to_owned(), entry, reason)
    });
    let length = page.count("audit.chain.now", &counted(anchor.number));
    let newer = if before.is_some() { "/admin/catatan".to_owned() } else { String::new() };
    page::html(&Audit { entries: entries.collect(), csrf: by.csrf.clone(), length, anchor, newer, older, page })
}

fn counted(entries: i64) -> u64 {
    u64::try_from(entries).unwrap_or_default()
}

/// What reading the whole chain showed, in words.
fn found(verified: &Verified, page: &Page) -> (Tone, String) {
    let Some(Fault { number, wrong }) = verified.fault else {
        return (Tone::Good, page.count("audit.chain.fine", &counted(verified.fine)));
    };
    let Some(number) = number else { return (Tone::Bad, page.t("audit.chain.stray").to_owned()) };
    let number = number.to_string();
    let text = match wrong {
        Wrong::Altered => page.fill("audit.chain.altered", "n", &number),
        Wrong::Missing => page.fill("audit.chain.missing", "n", &number),
        Wrong::Inserted => page.fill("audit.chain.inserted", "n", &number),
    };
    (Tone::Bad, text)
}

fn called<'a>(action: &'a str, page: &Page) -> &'a str {
    match action {
        "staff.created" => page.t("audit.staff.created"),
        "staff.closed" => page.t("audit.staff.closed"),
        "staff.opened" => page.t("audit.staff.opened"),
        "staff.password" => page.t("audit.staff.password"),
        "staff.joined" => page.t("audit.staff.joined"),
        "staff.sign_in_paused" => page.t("audit.staff.sign_in_paused"),
        "staff.factor_set" => page.t("audit.staff.factor_set"),
        "staff.factor_removed" => page.t("audit.staff.factor_removed"),
        "staff.named" => page.t("audit.staff.named"),
        "staff.unnamed" => page.t("audit.staff.unnamed"),
        "complaint.unmasked" => page.t("audit.complaint.unmasked"),
        "complaint.regraded" => page.t("audit.complaint.regraded"),
        "guard.limits" => page.t("audit.guard.limits"),
        "agency.inspectorate" => page.t("audit.agency.inspectorate"),
        "staff.factor_taken" => page.t("audit.staff.factor_taken"),
        "staff.recovery_used" => page.t("audit.staff.recovery_used"),
        "staff.recovery_codes" => page.t("audit.staff.recovery_codes"),
        "staff.passkey_added" => page.t("audit.staff.passkey_added"),
        "staff.passkey_removed" => page.t("audit.staff.passkey_removed"),
        "staff.passkey_used" => page.t("audit.staff.passkey_used"),
        "staff.passkey_doubted" => page.t("audit.staff.passkey_doubted"),
        "staff.own_password" => page.t("audit.staff.own_password"),
        "parked.read" => page.t("audit.parked.read"),
        "parked.retried" => page.t("audit.parked.retried"),
        "parked.dropped" => page.t("audit.parked.dropped"),
        "citizen.blocked" => page.t("audit.citizen.blocked"),
        "citizen.connected" => page.t("audit.citizen.connected"),
        "citizen.unblocked" => page.t("audit.citizen.unblocked"),
        "channel.vouches" => page.t("audit.channel.vouches"),
        "channel.paused" => page.t("audit.channel.paused"),
        "channel.resumed" => page.t("audit.channel.resumed"),
        "incident.joined" => page.t("audit.incident.joined"),
        "incident.different" => page.t("audit.incident.different"),
        "incident.later" => page.t("audit.incident.later"),
        "incident.split" => page.t("audit.incident.split"),
        "incident.reopened" => page.t("audit.incident.reopened"),
        "incident.undone" => page.t("audit.incident.undone"),
        "incident.acted" => page.t("audit.incident.acted"),
        "escalation.begun" => page.t("audit.escalation.begun"),
        "escalation.ended" => page.t("audit.escalation.ended"),
        "escalation.post" => page.t("audit.escalation.post"),
        "escalation.mail" => page.t("audit.escalation.mail"),
        "staff.telephone" => page.t("audit.staff.telephone"),
        "rules.begun" => page.t("audit.rules.begun"),
        "rules.changed" => page.t("audit.rules.changed"),
        "rules.discarded" => page.t("audit.rules.discarded"),
        "rules.published" => page.t("audit.rules.published"),
        "rules.returned" => page.t("audit.rules.returned"),
        "rules.imported" => page.t("audit.rules.imported"),
        "retention.begun" => page.t("audit.retention.begun"),
        "hold.placed" => page.t("audit.hold.placed"),
        "hold.ended" => page.t("audit.hold.ended"),
        "citizen.found" => page.t("audit.citizen.found"),
        "citizen.copied" => page.t("audit.citizen.copied"),
        "citizen.erased" => page.t("audit.citizen.erased"),
        "request.taken" => page.t("audit.request.taken"),
        "request.accepted" => page.t("audit.request.accepted"),
        "request.refused" => page.t("audit.request.refused"),
        "desk.search" => page.t("audit.desk.search"),
        "learned.made" => page.t("audit.learned.made"),
        "learned.used" => page.t("audit.learned.used"),
        "figures.taken" => page.t("audit.figures.taken"),
        "report.taken" => page.t("audit.report.taken"),
        "closing.confirmed" => page.t("audit.closing.confirmed"),
        "closing.sent_back" => page.t("audit.closing.sent_back"),
        "category.proof" => page.t("audit.category.proof"),
        "review.rate" => page.t("audit.review.rate"),
        "past.imported" => page.t("audit.past.imported"),
        other => other,
    }
}
