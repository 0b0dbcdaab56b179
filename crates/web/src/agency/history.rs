//! The history of a complaint as colleagues read it: what was done, by whom, when.

use std::collections::HashMap;

use model::{
    Actor, AttachmentId, Directory, StaffId, Timestamp, Update, UpdateKind,
    escalation::{Escalated, Post},
    task::{Entrusted, Reported, Says},
};
use store::attachment::StoredAttachment;
use ui::Page;

use crate::{
    citizen::{
        clocks::{moved, stage_name},
        steps::{icon, names, regraded, why_regraded},
    },
    files::public_copy,
};

/// One line of the history.
#[derive(Clone)]
pub(super) struct Step {
    pub(super) icon: &'static str,
    pub(super) title: String,
    pub(super) who: String,
    pub(super) text: String,
    pub(super) at: Timestamp,
    pub(super) photo: String,
}

/// The history, the newest first.
pub(super) fn steps(
    history: &[Update],
    by_staff: &[StoredAttachment],
    directory: &Directory,
    staff: &HashMap<StaffId, String>,
    page: &Page,
) -> Vec<Step> {
    let photo = |id: AttachmentId| {
        let file = by_staff.iter().find(|file| file.id == id)?;
        public_copy(file).map(|_| format!("/berkas/{id}"))
    };
    let step = |update: &Update| Step {
        icon: icon(update.kind),
        title: title(update, directory, page),
        who: who(update, directory, staff, page),
        // What moved and who was told is said in the title.
        text: match update.kind {
            UpdateKind::Moved | UpdateKind::Escalated | UpdateKind::Recalled => String::new(),
            UpdateKind::Regraded => why_regraded(update),
            UpdateKind::Entrusted => entrusted(update).map_or_else(String::new, |one| one.task),
            UpdateKind::Reported => said_by_body(update).map_or_else(String::new, |one| one.words),
            _ => update.text.clone().unwrap_or_default(),
        },
        at: update.at,
        photo: update.attachment.and_then(photo).unwrap_or_default(),
    };
    history.iter().rev().map(step).collect()
}

/// What was done, as colleagues say it.
fn title(update: &Update, directory: &Directory, page: &Page) -> String {
    use model::UpdateKind as Kind;
    let to = names(update, directory);
    match update.kind {
        Kind::Opened => page.t("did.opened").to_owned(),
        Kind::Routed => page.fill("did.routed", "agency", &to),
        Kind::ToTriage => page.t("did.to_triage").to_owned(),
        Kind::FollowedUp => page.t("did.followed_up").to_owned(),
        Kind::Claimed => page.t("did.claimed").to_owned(),
        Kind::Asked => page.t("did.asked").to_owned(),
        Kind::Answered => page.t("did.answered").to_owned(),
        Kind::Noted => page.t("did.noted").to_owned(),
        Kind::HandedOver => page.fill("did.handed_over", "agency", &to),
        Kind::ToReferee if update.to.is_empty() => page.t("did.to_referee").to_owned(),
        Kind::ToReferee => page.fill("did.to_referee.named", "agency", &to),
        Kind::Placed => page.fill("did.placed", "agency", &to),
        Kind::Led => page.fill("did.led", "agency", &to),
        Kind::Consulted => page.fill("did.consulted", "agency", &to),
        Kind::Advised => page.fill("did.advised", "agency", &to),
        Kind::Shared => page.fill("did.shared", "agency", &to),
        Kind::PassedDown => page.fill("did.passed_down", "agency", &to),
        Kind::TakenBack => page.fill("did.taken_back", "agency", &to),
        Kind::Resolved => page.t("did.resolved").to_owned(),
        Kind::Reopened => page.t("did.reopened").to_owned(),
        Kind::Blocked => page.t("did.blocked").to_owned(),
        Kind::Unblocked => page.t("did.unblocked").to_owned(),
        Kind::SaidSame => page.t("did.said_same").to_owned(),
        Kind::SaidOther => page.t("did.said_other").to_owned(),
        Kind::Left => page.t("did.left").to_owned(),
        Kind::Moved => moved(update, directory, page),
        Kind::Connected => page.t("did.connected").to_owned(),
        Kind::Regraded => regraded(update, page),
        Kind::Escalated => escalated(update, directory, page),
        Kind::Closed => page.t("did.closed").to_owned(),
        Kind::PinMoved => page.t("did.pin_moved").to_owned(),
        Kind::Undone if update.to.is_empty() => page.t("did.undone.claim").to_owned(),
        Kind::Undone => page.t("did.undone").to_owned(),
        Kind::Entrusted => page.fill("did.entrusted", "name", entrusted(update).map_or_else(String::new, |one| one.name)),
        Kind::Reported => reported(update, page),
        Kind::Held => page.t("did.held").to_owned(),
        Kind::Released => page.t("did.released").to_owned(),
        Kind::Rejected => page.t("did.rejected").to_owned(),
        Kind::Recalled => page.fill("did.recalled", "name", update.text.as_deref().unwrap_or_default()),
    }
}

fn entrusted(update: &Update) -> Option<Entrusted> {
    update.text.as_deref().and_then(Entrusted::from_text)
}

fn said_by_body(update: &Update) -> Option<Reported> {
    update.text.as_deref().and_then(Reported::from_text)
}

/// What a body without an account said.
fn reported(update: &Update, page: &Page) -> String {
    let Some(said) = said_by_body(update) else { return page.t("did.reported.done").to_owned() };
    let key = match said.says {
        Says::Working => "did.reported.working",
        Says::Done => "did.reported.done",
        Says::NotOurs => "did.reported.not_ours",
    };
    page.fill(key, "name", said.name)
}

/// Who was told of which clock, and why them where the rule names somebody else.
fn escalated(update: &Update, directory: &Directory, page: &Page) -> String {
    let Some(told) = update.text.as_deref().and_then(Escalated::from_text) else { return page.t("did.escalated").to_owned() };
    let stage = match update.agency {
        Some(agency) => page.words.fill("stage.of", &[("stage", stage_name(told.stage, page)), ("agency", directory.agency_name(agency))]),
        None => stage_name(told.stage, page).to_owned(),
    };
    let (asked, due) = (page.t(post_name(told.asked)), page.time(&told.due));
    match told.reached {
        Some(reached) if reached == told.asked => page.words.fill("did.escalated.to", &[("post", asked), ("stage", &stage), ("due", &due)]),
        Some(reached) => {
            let reached = page.t(post_name(reached));
            page.words.fill("did.escalated.instead", &[("post", reached), ("asked", asked), ("stage", &stage), ("due", &due)])
        }
        None => page.words.fill("did.escalated.nobody", &[("asked", asked), ("stage", &stage), ("due", &due)]),
    }
}

/// The key of what a post is called.
pub(crate) fn post_name(post: Post) -> &'static str {
    match post {
        Post::Officer => "post.officer",
        Post::Supervisor => "post.supervisor",
        Post::Head => "post.head",
        Post::Secretary => "post.secretary",
        Post::Admin => "post.admin",
    }
}

fn who(update: &Update, directory: &Directory, staff: &HashMap<StaffId, String>, page: &Page) -> String {
    match update.by {
        Actor::System => page.t("talk.system").to_owned(),
        Actor::Citizen => page.t("talk.citizen").to_owned(),
        Actor::Staff { id, .. } => {
            let name = staff.get(&id).cloned().unwrap_or_default();
            update.agency.map_or(name.clone(), |agency| format!("{name}, {}", directory.agency_name(agency)))
        }
    }
}
