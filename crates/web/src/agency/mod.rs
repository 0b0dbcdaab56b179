//! Pages of who works on complaints. What they see comes through `store::queue` with their scope, what they do goes through
//! `model::decide`: here is neither a rule about the one nor about the other.

pub(crate) mod address;
pub(crate) mod answer;
pub(crate) mod ask;
pub(crate) mod block;
pub(crate) mod bulk;
pub(crate) mod claim;
pub(crate) mod complaint;
mod conversation;
pub(crate) mod desk;
pub(crate) mod desk_api;
pub(crate) mod file;
pub(crate) mod hand_over;
pub(crate) mod head;
pub(crate) mod held;
pub(crate) mod history;
pub(crate) mod import;
pub(crate) mod incident;
pub(crate) mod live;
pub(crate) mod move_pin;
pub(crate) mod note;
pub(crate) mod place;
pub(crate) mod post;
pub(crate) mod present;
pub(crate) mod queue;
pub(crate) mod regrade;
pub(crate) mod reopen;
pub(crate) mod resolve;
pub(crate) mod route;
pub(crate) mod saved;
mod sought;
pub(crate) mod tasks;
pub(crate) mod templates;
pub(crate) mod together;
pub(crate) mod unblock;
pub(crate) mod undo;
pub(crate) mod unmask;
pub(crate) mod unreached;
pub(crate) mod writing;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use model::{
    Action, AgencyId, Attachment, AttachmentId, Complaint, ComplaintId, Decision, NotAllowed, UpdateKind, decide,
    template::{Variable, Wrong},
};
use serde::Deserialize;
use store::{StoreError, Tx, evidence::Says};
use tracing::info;
use ui::{Page, Visit};

use crate::{
    Rooms, WebError,
    form::{Acting, Fields, MOST_CHARACTERS},
    session::SignedIn,
};

/// What was just done, as the address says it after a redirect: `?done=ambil`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Done {
    #[serde(default)]
    done: String,
}

impl Done {
    pub(crate) fn of(word: &str) -> Self {
        Self { done: word.to_owned() }
    }

    pub(crate) fn is(&self, what: &str) -> bool {
        self.done == what
    }
}

/// Why an action was not done. What was typed is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The complaint changed since the page was drawn.
    Stale,
    /// The same, and how many steps its history had then: what came since is shown.
    Changed(usize),
    /// A variable of a template has nothing to say here.
    Unfilled(Variable),
    /// No body was chosen, or one that is not on the agency's list.
    NoBody,
    /// As many tasks as one complaint may have are open.
    TooManyTasks,
    /// A word in braces is no variable, or a brace stands alone.
    NoVariable,
    /// More words than we keep.
    TooLong,
    /// The photo is too large.
    PhotoTooLarge,
    /// The file is no picture we read.
    NotAPhoto,
    /// No point and no area.
    NotAPlace,
    /// A point outside every area.
    Outside,
    /// No complaint of that number is theirs to see.
    NoSuchNumber,
    /// Two incidents would become one, and others' complaints are in them.
    Others,
    /// The rules say no.
    Not(NotAllowed),
}

impl Refused {
    /// Of words to a citizen, or of a template.
    pub(crate) fn of_words(wrong: &Wrong) -> Self {
        match wrong {
            Wrong::Unfilled(variable) => Self::Unfilled(*variable),
            Wrong::Unknown(_) | Wrong::Brace => Self::NoVariable,
            Wrong::TooLong => Self::TooLong,
            Wrong::Empty => Self::Not(NotAllowed::NoWords),
        }
    }

    pub(crate) fn words(self, page: &Page) -> String {
        if let Self::Unfilled(variable) = self {
            return page.fill("template.wrong.unfilled", "word", variable.to_string());
        }
        self.plain_words(page).to_owned()
    }

    fn plain_words(self, page: &Page) -> &str {
        match self {
            // Nobody closes by hand what the clock closes.
            Self::Stale | Self::Not(NotAllowed::NotYet) => page.t("refused.stale"),
            Self::Changed(_) => page.t("refused.changed"),
            Self::NoBody => page.t("refused.no_body"),
            Self::TooManyTasks => page.t("refused.too_many_tasks"),
            Self::Unfilled(_) | Self::NoVariable => page.t("refused.no_variable"),
            Self::Not(NotAllowed::TooLate) => page.t("refused.too_late"),
            Self::TooLong => page.t("form.too_long"),
            Self::PhotoTooLarge => page.t("refused.photo_too_large"),
            Self::NotAPhoto => page.t("refused.not_a_photo"),
            Self::NotAPlace => page.t("refused.not_a_place"),
            Self::Outside => page.t("refused.outside"),
            Self::NoSuchNumber => page.t("refused.no_such_number"),
            Self::Others => page.t("refused.others"),
            Self::Not(NotAllowed::NotWithThisAgency) => page.t("refused.not_with_this_agency"),
            Self::Not(NotAllowed::Role) => page.t("refused.role"),
            Self::Not(NotAllowed::NoWords) => page.t("refused.no_words"),
            Self::Not(NotAllowed::NoAgency) => page.t("refused.no_agency"),
            Self::Not(NotAllowed::WithReferee) => page.t("refused.with_referee"),
            Self::Not(NotAllowed::NotWithReferee) => page.t("refused.not_with_referee"),
            Self::Not(NotAllowed::NotResponsible) => page.t("refused.not_responsible"),
            Self::Not(NotAllowed::NotBelow) => page.t("refused.not_below"),
            Self::Not(NotAllowed::StillOpen) => page.t("refused.still_open"),
            Self::Not(NotAllowed::Erased) => page.t("refused.erased"),
            Self::Not(NotAllowed::TakenByColleague) => page.t("refused.taken"),
            Self::Not(NotAllowed::Together) => page.t("refused.together"),
            Self::Not(NotAllowed::Apart) => page.t("refused.apart"),
            Self::Not(NotAllowed::Confidential) => page.t("refused.confidential"),
            Self::Not(NotAllowed::NoWayBack) => page.t("refused.no_way_back"),
            Self::Not(NotAllowed::AlreadyOver) => page.t("refused.already_over"),
            Self::Not(NotAllowed::SameGrade) => page.t("refused.same_grade"),
            Self::Not(NotAllowed::Sealed) => page.t("refused.sealed"),
            Self::Not(NotAllowed::NoPhoto) => page.t("refused.no_photo"),
            Self::Not(NotAllowed::NotHeld) => page.t("refused.not_held"),
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Stale | Self::Changed(_) => StatusCode::CONFLICT,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }
}

/// What was typed, to be shown again when it was refused.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    /// Which form: the last part of its address.
    pub(crate) form: &'static str,
    pub(crate) text: String,
    pub(crate) agencies: Vec<AgencyId>,
    pub(crate) to_referee: bool,
    pub(crate) category: String,
    pub(crate) area: String,
    pub(crate) days: i64,
    pub(crate) number: String,
    /// Where it is, as it was typed.
    pub(crate) point: String,
    pub(crate) grade: String,
    pub(crate) error: String,
}

/// Reads the id in an address; anything else is not found.
fn id_in(path: &str) -> Result<ComplaintId, WebError> {
    path.parse().map_err(|_| WebError::NotFound)
}

/// The complaint, if it is in the scope of who asks.
async fn seen_by(rooms: &Rooms, by: &SignedIn, id: ComplaintId) -> Result<Complaint, WebError> {
    if !store::queue::may_see(rooms.db(), &by.scope(), id).await? {
        return Err(WebError::NotFound);
    }
    store::complaint::load(rooms.db(), id).await?.ok_or(WebError::NotFound)
}

/// The agencies that were ticked.
fn ticked(form: &Fields) -> Vec<AgencyId> {
    form.all("agency").filter_map(|id| id.parse().ok()).collect()
}

/// The agencies that were ticked, who shall answer for it first.
fn led_by(form: &Fields) -> Vec<AgencyId> {
    let lead: Option<AgencyId> = form.some("lead").and_then(|id| id.parse().ok());
    let others = ticked(form).into_iter().filter(|&agency| Some(agency) != lead);
    lead.into_iter().chain(others).collect()
}

/// A photo of the result, and what its file says.
struct Picture {
    file: Attachment,
    says: Says,
}

/// Does something with a complaint, all of it in one transaction: the complaint as it was when the page was drawn, the rules, the
/// writing. `make` gets the id of the photo, if there is one.
async fn act(
    rooms: &Rooms,
    acting: &Acting,
    id: ComplaintId,
    photo: Option<&Picture>,
    make: impl FnOnce(Option<AttachmentId>) -> Action + Send,
) -> Result<Result<(), Refused>, WebError> {
    if acting.form.text("text").chars().count() > MOST_CHARACTERS {
        return Ok(Err(Refused::TooLong));
    }
    if !store::queue::may_see(rooms.db(), &acting.by.scope(), id).await? {
        return Err(WebError::NotFound);
    }
    let now = rooms.now();
    let mut tx = store::begin(rooms.db()).await?;
    let complaint = store::complaint::lock(&mut tx, id).await?.ok_or(WebError::NotFound)?;
    let (reference, trace) = (complaint.reference, complaint.trace);
    // A program that read no page has no version to compare; the lock alone keeps it from overwriting anything.
    if acting.form.some("version").is_some_and(|seen| seen != complaint.version.to_string()) {
        return Ok(Err(acting.form.text("seen").parse().map_or(Refused::Stale, Refused::Changed)));
    }
    let added = match photo {
        Some(photo) => Some(store::attachment::add_by_staff(&mut tx, id, &photo.file, now).await?),
        None => None,
    };
    let decision = match decide(complaint, make(added), acting.by.actor(), &rooms.directory(), now) {
        Ok(decision) => decision,
        Err(refused) => return Ok(Err(Refused::Not(refused))),
    };
    match store::complaint::write(&mut tx, &decision).await {
        Err(StoreError::Stale) => return Ok(Err(Refused::Stale)),
        written => written?,
    }
    if let (Some(photo), Some(added), Some(agency)) = (photo, added, acting.by.staff.agency) {
        store::evidence::keep(&mut tx, added, id, agency, &photo.says).await?;
    }
    note_blocks(&mut tx, acting, &decision).await?;
    match regrade::note(&mut tx, acting, &decision).await {
        Err(StoreError::Stale | StoreError::Conflict { .. }) => return Ok(Err(Refused::Stale)),
        noted => noted?,
    }
    if let Err(refused) = tasks::note(rooms, &mut tx, acting, &decision).await? {
        return Ok(Err(refused));
    }
    match together::note(rooms, &mut tx, acting, &decision).await {
        Err(WebError::Store(StoreError::Stale)) => return Ok(Err(Refused::Stale)),
        noted => noted?,
    }
    forget_drafts(&mut tx, acting, &decision).await?;
    store::commit(tx).await?;
    let steps: Vec<&str> = decision.updates.iter().map(|update| update.kind.as_str()).collect();
    info!(trace.id = %trace, complaint.id = %id, staff.id = %acting.by.staff.id, ?steps, "Staff acted on complaint {reference}.");
    Ok(Ok(()))
}

/// What was sent is no draft any more.
async fn forget_drafts(tx: &mut Tx, acting: &Acting, decision: &Decision) -> Result<(), WebError> {
    // With several at once nobody sends what they began to write on a page of one.
    if acting.form.some("version").is_none() {
        return Ok(());
    }
    for update in &decision.updates {
        let form = match update.kind {
            UpdateKind::Answered => "jawab",
            UpdateKind::Asked => "tanya",
            UpdateKind::Resolved => "selesai",
            UpdateKind::Noted => "catat",
            UpdateKind::HandedOver | UpdateKind::ToReferee => "alihkan",
            _ => continue,
        };
        store::draft::sent(tx, decision.complaint.id, acting.by.staff.id, form).await?;
    }
    Ok(())
}

/// Who is not answered any more is also in the list that admins read: power over citizens is looked at.
async fn note_blocks(tx: &mut Tx, acting: &Acting, decision: &Decision) -> Result<(), WebError> {
    for update in &decision.updates {
        let action = match update.kind {
            UpdateKind::Blocked => "citizen.blocked",
            UpdateKind::Unblocked => "citizen.unblocked",
            _ => continue,
        };
        let until = decision.replies.iter().find_map(|reply| reply.facts.deadline.filter(|_| update.kind == UpdateKind::Blocked));
        let (complaint, detail) = (&decision.complaint, serde_json::json!({ "until": until }));
        let (number, by) = (complaint.reference.to_string(), Some(acting.by.staff.id));
        store::audit::write_about(tx, update.at, by, action, &[complaint.id], &number, detail, update.text.as_deref()).await?;
    }
    Ok(())
}

/// Back to the complaint when it is done; else the page again, with what was typed and why it was refused.
async fn finish(
    rooms: &Rooms,
    visit: &Visit,
    by: &SignedIn,
    id: ComplaintId,
    done: Result<(), Refused>,
    draft: Draft,
) -> Result<Response, WebError> {
    match done {
        Ok(()) => {
            // Handed on, it may not be theirs to see any more; then their queue says what was done.
            let still_theirs = store::queue::may_see(rooms.db(), &by.scope(), id).await?;
            let page = if still_theirs { format!("/aduan/{id}?done={}", draft.form) } else { format!("/antrean?done={}", draft.form) };
            Ok(Redirect::to(&page).into_response())
        }
        Err(refused) => {
            let complaint = seen_by(rooms, by, id).await?;
            let page = complaint::draw(rooms, visit, by, &complaint, Some((draft, refused)), &Done::default()).await?;
            Ok((refused.status(), page).into_response())
        }
    }
}
