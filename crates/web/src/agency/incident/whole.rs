//! One incident with everybody who is in it, and what an agency does with all of it.

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use model::{
    ComplaintId, IncidentId, Role, Timestamp,
    incident::{self as rules, Act, IncidentState},
};
use store::incident::{self, SeenAct};
use tracing::info;
use ui::{Page, Visit};

use super::{Back, Did, MOST_STEPS, back, flashed, load, may, sees_one};
use crate::{
    Rooms, WebError,
    form::{Acting, MOST_CHARACTERS},
    page,
    session::SignedIn,
};

/// Who is in an incident, as far as this person may see.
pub(in crate::agency) struct Member {
    pub(in crate::agency) href: String,
    pub(in crate::agency) reference: String,
    pub(in crate::agency) how: String,
    pub(in crate::agency) percent: String,
    pub(in crate::agency) here: bool,
}

/// An incident on the page of one of its complaints.
pub(in crate::agency) struct Group {
    pub(in crate::agency) href: String,
    pub(in crate::agency) members: Vec<Member>,
    /// Members that this person may not see.
    pub(in crate::agency) others: usize,
}

/// What the page of a complaint says of its incident, and how many suggestions wait about it.
pub(in crate::agency) async fn of_complaint(
    rooms: &Rooms,
    by: &SignedIn,
    page: &Page,
    id: ComplaintId,
) -> Result<(Option<Group>, usize), WebError> {
    let waiting = incident::waiting_of(rooms.db(), id).await?.len();
    let Some((found, members)) = incident::of_complaint(rooms.db(), id).await? else { return Ok((None, waiting)) };
    let (members, others) = seen(rooms, by, page, &members, Some(id)).await?;
    Ok((Some(Group { href: format!("/kejadian/{}", found.id), members, others }), waiting))
}

/// Lines of members; those out of scope are counted only. The first hundred: a flood has thousands.
async fn seen(
    rooms: &Rooms,
    by: &SignedIn,
    page: &Page,
    members: &[rules::Member],
    here: Option<ComplaintId>,
) -> Result<(Vec<Member>, usize), WebError> {
    let mut lines = Vec::new();
    let mut others = 0;
    for member in members.iter().take(100) {
        let complaint = if store::queue::may_see(rooms.db(), &by.scope(), member.complaint).await? {
            load(rooms, member.complaint).await?
        } else {
            None
        };
        let Some(complaint) = complaint else {
            others += 1;
            continue;
        };
        let how = match member.how {
            rules::How::Automatic | rules::How::Citizen if member.percent.is_none() => page.t("same.how.first"),
            rules::How::Automatic => page.t("same.how.automatic"),
            rules::How::Staff => page.t("same.how.staff"),
            rules::How::Citizen => page.t("same.how.citizen"),
        };
        lines.push(Member {
            href: format!("/aduan/{}", complaint.id),
            reference: complaint.reference.to_string(),
            how: how.to_owned(),
            percent: member.percent.map(|percent| percent.to_string()).unwrap_or_default(),
            here: here == Some(complaint.id),
        });
    }
    Ok((lines, others + members.len().saturating_sub(100)))
}

#[derive(Template)]
#[template(path = "incident.html")]
struct IncidentPage {
    page: Page,
    id: String,
    csrf: String,
    category: String,
    area: String,
    place: String,
    opened_at: Timestamp,
    closed: bool,
    members: Vec<Member>,
    others: usize,
    acts: Vec<Done>,
    steps: Vec<Back>,
    /// Somebody who works for an agency: they act on all of it.
    acting: bool,
    /// It is closed, and this person may open it.
    can_open: bool,
}

/// What was done with all of them.
struct Done {
    title: String,
    text: String,
    who: String,
    at: Timestamp,
    counts: String,
}

/// `GET /kejadian/{id}`.
pub(crate) async fn show(
    State(rooms): State<Rooms>,
    visit: Visit,
    by: SignedIn,
    Path(id): Path<String>,
    Query(did): Query<Did>,
) -> Result<Response, WebError> {
    by.only(may)?;
    let id: IncidentId = id.parse().map_err(|_| WebError::NotFound)?;
    let (found, members) = incident::by_id(rooms.db(), id).await?.ok_or(WebError::NotFound)?;
    let page = flashed(page::staff(&rooms, &visit, &by, page::words(visit.language).t("same.incident")), &did);
    let (lines, others) = seen(&rooms, &by, &page, &members, None).await?;
    if lines.is_empty() {
        return Err(WebError::NotFound);
    }
    let directory = rooms.directory();
    let ids: Vec<ComplaintId> = members.iter().map(|member| member.complaint).collect();
    let steps = incident::steps(rooms.db(), &ids, MOST_STEPS).await?;
    let acts = incident::acts(rooms.db(), id).await?;
    page::html(&IncidentPage {
        id: id.to_string(),
        csrf: by.csrf.clone(),
        category: page::category_name(found.category.as_deref(), &directory, visit.language),
        area: page::area_name(found.area.as_deref(), &directory, visit.language),
        place: found.place.clone().unwrap_or_default(),
        opened_at: found.opened_at,
        closed: found.state == IncidentState::Closed,
        members: lines,
        others,
        acts: acts.iter().map(|act| done(act, &page)).collect(),
        steps: steps.iter().map(|step| back(step, &page)).collect(),
        acting: by.staff.role.belongs_to_agency(),
        can_open: rules::reopen(&found, by.actor()).is_ok(),
        page,
    })
}

fn done(act: &SeenAct, page: &Page) -> Done {
    let title = match act.act {
        Act::Claim => page.t("same.act.claim"),
        Act::Answer(_) => page.t("same.act.answer"),
        Act::Resolve(_) => page.t("same.act.resolve"),
        Act::Note(_) => page.t("same.act.note"),
        Act::Reopen(_) => page.t("same.act.reopen"),
    };
    let (done, refused, left) = (act.done.to_string(), act.refused.to_string(), act.left.to_string());
    let counts = page.words.fill("same.act.counts", &[("done", &done), ("refused", &refused), ("left", &left)]);
    Done { title: title.to_owned(), text: act.act.text().unwrap_or_default().to_owned(), who: act.who.clone(), at: act.at, counts }
}

/// `POST /kejadian/{id}/tindakan`: an agency acts on all of it. The rules are asked for each complaint when its turn comes.
pub(crate) async fn act(State(rooms): State<Rooms>, Path(id): Path<String>, acting: Acting) -> Result<Response, WebError> {
    acting.by.only(Role::belongs_to_agency)?;
    let id: IncidentId = id.parse().map_err(|_| WebError::NotFound)?;
    let (_, members) = incident::by_id(rooms.db(), id).await?.ok_or(WebError::NotFound)?;
    sees_one(&rooms, &acting.by, &members).await?;
    let text = acting.form.some("text").filter(|text| text.chars().count() <= MOST_CHARACTERS);
    let act = Act::from_word(&acting.form.text("what"), text).filter(|act| !matches!(act, Act::Reopen(_)));
    let act = act.ok_or(WebError::Unreadable)?;
    let now = rooms.now();
    let mut tx = store::begin(rooms.db()).await?;
    incident::begin_act(&mut tx, id, &act, acting.by.staff.id, now).await?;
    let detail = serde_json::json!({ "act": act.as_str() });
    store::audit::write(&mut tx, now, Some(acting.by.staff.id), "incident.acted", &id.to_string(), &detail).await?;
    store::commit(tx).await?;
    info!(incident.id = %id, staff.id = %acting.by.staff.id, kind = act.as_str(), "Staff acted on an incident.");
    Ok(Redirect::to(&format!("/kejadian/{id}?done=tindakan")).into_response())
}
