//! A complaint's history in plain words, for the citizen: no name, no address, none of their own words.

use model::{Actor, Complaint, Directory, Dispatch, DispatchState, Owner, Status, Timestamp, Update, UpdateKind, privacy::Regraded};
use ui::{Clock, Page};

use super::clocks::{moved, why_this_date};
use crate::page;

/// What a status means for the citizen.
pub(crate) fn explained(status: Status, page: &Page) -> &str {
    match status {
        Status::Received => page.t("explain.received"),
        Status::Forwarded => page.t("explain.forwarded"),
        Status::InProgress => page.t("explain.in_progress"),
        Status::AwaitingCitizen => page.t("explain.awaiting_citizen"),
        Status::Resolved => page.t("explain.resolved"),
    }
}

/// The same of one complaint: who has it decides what it means.
pub(crate) fn explained_of<'a>(complaint: &Complaint, page: &'a Page) -> &'a str {
    if complaint.owner() == Some(Owner::Referee) { page.t("explain.referee") } else { explained(complaint.status(), page) }
}

/// One step.
pub(crate) struct Step {
    pub(crate) icon: &'static str,
    pub(crate) title: String,
    /// What an officer wrote to the citizen.
    pub(crate) text: Option<String>,
    pub(crate) at: Timestamp,
    /// Where the photo that shows the result is.
    pub(crate) photo: Option<String>,
}

/// Every step that the citizen may read, the newest first. `photo_of` says where the public copy of an officer's photo is.
pub(crate) fn steps(history: &[Update], directory: &Directory, page: &Page, photo_of: impl Fn(&Update) -> Option<String>) -> Vec<Step> {
    let shown = history.iter().rev().filter(|update| update.kind.is_for_citizen());
    shown
        .map(|update| Step {
            icon: icon(update.kind),
            title: title(update, directory, page),
            text: officers_words(update),
            at: update.at,
            photo: photo_of(update),
        })
        .collect()
}

/// The icon of a step.
pub(crate) fn icon(kind: UpdateKind) -> &'static str {
    match kind {
        UpdateKind::Opened => "inbox",
        UpdateKind::Routed | UpdateKind::Connected | UpdateKind::Released => "send",
        UpdateKind::ToTriage | UpdateKind::Held => "search",
        UpdateKind::Claimed => "work",
        UpdateKind::Asked | UpdateKind::Consulted => "question",
        UpdateKind::FollowedUp
        | UpdateKind::Answered
        | UpdateKind::SaidSame
        | UpdateKind::SaidOther
        | UpdateKind::Left
        | UpdateKind::Advised => "answer",
        UpdateKind::Noted => "note",
        UpdateKind::HandedOver | UpdateKind::ToReferee => "handover",
        UpdateKind::Placed | UpdateKind::Led | UpdateKind::Shared | UpdateKind::PassedDown | UpdateKind::TakenBack => "building",
        UpdateKind::Resolved | UpdateKind::Closed | UpdateKind::Rejected => "check",
        UpdateKind::Escalated => "flag",
        UpdateKind::Reopened | UpdateKind::Unblocked | UpdateKind::Undone | UpdateKind::Recalled => "again",
        UpdateKind::Entrusted | UpdateKind::Reported => "person",
        UpdateKind::Blocked | UpdateKind::Regraded => "lock",
        UpdateKind::Moved => "clock",
        UpdateKind::PinMoved => "place",
    }
}

fn title(update: &Update, directory: &Directory, page: &Page) -> String {
    let agency = update.agency.map_or_else(|| "–".to_owned(), |agency| directory.agency_name(agency).to_owned());
    let to = names(update, directory);
    match (update.kind, update.by) {
        (UpdateKind::Opened, _) => page.t("step.opened").to_owned(),
        (UpdateKind::Routed, _) => page.fill("step.routed", "agency", &to),
        (UpdateKind::ToTriage, _) => page.t("step.to_triage").to_owned(),
        (UpdateKind::FollowedUp, _) => page.t("step.followed_up").to_owned(),
        (UpdateKind::Claimed, _) => page.fill("step.claimed", "agency", &agency),
        (UpdateKind::Asked, _) => page.fill("step.asked", "agency", &agency),
        (UpdateKind::Answered, _) => page.fill("step.answered", "agency", &agency),
        // Never shown: only staff see these steps.
        (
            UpdateKind::Noted
            | UpdateKind::Blocked
            | UpdateKind::Unblocked
            | UpdateKind::Escalated
            | UpdateKind::Reported
            | UpdateKind::Recalled,
            _,
        ) => page.t("step.noted").to_owned(),
        (UpdateKind::Undone, _) => page.fill("step.undone", "agency", &agency),
        (UpdateKind::Entrusted, _) => page.fill("step.entrusted", "agency", &agency),
        (UpdateKind::Closed, _) => page.t("step.closed").to_owned(),
        (UpdateKind::Held, _) => page.t("step.held").to_owned(),
        (UpdateKind::Released, _) => page.t("step.released").to_owned(),
        (UpdateKind::Rejected, _) => page.t("step.rejected").to_owned(),
        (UpdateKind::HandedOver, _) => page.fill("step.handed_over", "agency", &to),
        (UpdateKind::ToReferee, _) => page.fill("step.to_referee", "agency", &agency),
        (UpdateKind::Placed, _) => page.fill("step.placed", "agency", &to),
        (UpdateKind::Led, _) => page.fill("step.led", "agency", &to),
        (UpdateKind::Consulted, _) => page.words.fill("step.consulted", &[("agency", &agency), ("other", &to)]),
        (UpdateKind::Advised, _) => page.words.fill("step.advised", &[("agency", &agency), ("other", &to)]),
        (UpdateKind::Shared, _) => page.words.fill("step.shared", &[("agency", &agency), ("other", &to)]),
        (UpdateKind::PassedDown, _) => page.words.fill("step.passed_down", &[("agency", &agency), ("other", &to)]),
        (UpdateKind::TakenBack, _) => page.fill("step.taken_back", "agency", &agency),
        (UpdateKind::Resolved, _) => page.fill("step.resolved", "agency", &agency),
        (UpdateKind::SaidSame, _) => page.t("step.said_same").to_owned(),
        (UpdateKind::SaidOther, _) => page.t("step.said_other").to_owned(),
        (UpdateKind::Connected, _) => page.t("step.connected").to_owned(),
        (UpdateKind::Moved, _) => moved(update, directory, page),
        (UpdateKind::Regraded, _) => regraded(update, page),
        (UpdateKind::PinMoved, _) => page.t("step.pin_moved").to_owned(),
        (UpdateKind::Left, _) => page.t("step.left").to_owned(),
        (UpdateKind::Reopened, Actor::Citizen) => page.t("step.reopened.citizen").to_owned(),
        (UpdateKind::Reopened, _) => page.t("step.reopened.staff").to_owned(),
    }
}

/// The agencies that a step gave the complaint to.
pub(crate) fn names(update: &Update, directory: &Directory) -> String {
    let names: Vec<&str> = update.to.iter().map(|&agency| directory.agency_name(agency)).collect();
    names.join(", ")
}

/// Which grade became which.
pub(crate) fn regraded(update: &Update, page: &Page) -> String {
    match update.text.as_deref().and_then(Regraded::from_text) {
        Some(regraded) => {
            let (from, to) = (page::grade_name(regraded.from, page), page::grade_name(regraded.to, page));
            page.words.fill("step.regraded", &[("from", from), ("to", to)])
        }
        None => page.t("step.regraded.short").to_owned(),
    }
}

/// Why, in the words of who did it.
pub(crate) fn why_regraded(update: &Update) -> String {
    update.text.as_deref().and_then(Regraded::from_text).map(|regraded| regraded.reason).unwrap_or_default()
}

/// Words of an officer to the citizen. The citizen's own stay out: the link may be open on somebody else's screen. So do agencies' words to each other.
fn officers_words(update: &Update) -> Option<String> {
    let by_staff = matches!(update.by, Actor::Staff { .. });
    let among_agencies = matches!(update.kind, UpdateKind::Consulted | UpdateKind::Advised | UpdateKind::Entrusted);
    if update.kind == UpdateKind::Regraded {
        return Some(why_regraded(update)).filter(|reason| by_staff && !reason.is_empty());
    }
    update.text.clone().filter(|_| by_staff && update.kind.is_for_citizen() && !among_agencies)
}

/// An agency that has the complaint or had it until it was done.
pub(crate) struct Holder {
    pub(crate) name: String,
    /// Whether it answers for the whole; `None`: its part is done.
    pub(crate) leads: Option<bool>,
    pub(crate) state: DispatchState,
    pub(crate) since: Timestamp,
    pub(crate) deadline: Timestamp,
    /// None once it is done.
    pub(crate) clock: Option<Clock>,
    /// It stands: the citizen is asked.
    pub(crate) paused: bool,
    /// Why this date, in sentences.
    pub(crate) why: Vec<String>,
}

/// Who has it, since when, until when and why until then.
pub(crate) fn holders(complaint: &Complaint, directory: &Directory, page: &Page) -> Vec<Holder> {
    let mut has: Vec<&Dispatch> = complaint.dispatches.iter().filter(|dispatch| dispatch.state != DispatchState::HandedOver).collect();
    has.sort_by_key(|dispatch| (!dispatch.responsible, !dispatch.state.is_pending()));
    has.into_iter().map(|dispatch| holder(dispatch, directory, page)).collect()
}

fn holder(dispatch: &Dispatch, directory: &Directory, page: &Page) -> Holder {
    Holder {
        name: directory.agency_name(dispatch.agency).to_owned(),
        leads: dispatch.state.is_pending().then_some(dispatch.responsible),
        state: dispatch.state,
        since: dispatch.given_at,
        deadline: dispatch.deadline,
        clock: dispatch.state.is_pending().then(|| page.clock(dispatch.deadline, &directory.calendar)),
        paused: dispatch.clocks.paused().is_some(),
        why: why_this_date(dispatch, directory, page),
    }
}
