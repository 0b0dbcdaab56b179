//! The things in the world that several complaints are about: who is in which, what is suggested, and every step with its way back.

mod acts;
mod steps;
mod suggestions;

use model::{
    Actor, ComplaintId, IncidentId, StaffId, Timestamp, Visibility,
    incident::{How, Incident, IncidentState, Member, Side, StepKind, Suggestion},
};
use uuid::Uuid;

use self::suggestions::pairs_with;
pub use self::{
    acts::{ClaimedAct, SeenAct, acts, begin_act, claim_act, close_if_done, finish_act, left, settle_on},
    steps::{NewStep, Step, changed, steps, write},
    suggestions::{DecidedSide, Parted, beside, decided, pairs, parted, strengthen, suggest, waiting, waiting_of, waits},
};
use crate::{
    PgPool, Result, StoreError, Tx,
    convert::{At, json, known},
};

/// These complaints with the incidents they are in and everybody who is in those; in the order of their ids.
pub async fn sides(tx: &mut Tx, ids: &[ComplaintId]) -> Result<Vec<Side>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"select c.id, c.opened_at as "opened_at: At", c.category, c.area, c.place, c.visibility, member.incident as "incident?"
        from complaint c
        left join incident_member member on member.complaint = c.id
        where c.id = any($1)
        order by c.id"#,
        &ids
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let of: Vec<Uuid> = rows.iter().filter_map(|row| row.incident).collect();
    let incidents = load(tx, &of).await?;
    let members = members(tx, &of).await?;
    rows.into_iter()
        .map(|row| {
            let incident = row.incident.and_then(|id| incidents.iter().find(|incident| incident.id.0 == id)).cloned();
            let own = |member: &&Member| incident.as_ref().is_some_and(|incident| incident.id == member.incident);
            Ok(Side {
                complaint: ComplaintId(row.id),
                opened_at: row.opened_at.to_jiff(),
                category: row.category,
                area: row.area,
                place: row.place,
                visibility: known(Visibility::from_word(&row.visibility), "complaint", "visibility")?,
                members: members.iter().filter(own).cloned().collect(),
                incident,
            })
        })
        .collect()
}

async fn load(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Incident>> {
    let rows = sqlx::query!(
        r#"select id, lead, category, area, place, opened_at as "opened_at: At", state
        from incident
        where id = any($1)
        order by id"#,
        ids
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            Ok(Incident {
                id: IncidentId(row.id),
                lead: ComplaintId(row.lead),
                category: row.category,
                area: row.area,
                place: row.place,
                opened_at: row.opened_at.to_jiff(),
                state: known(IncidentState::from_word(&row.state), "incident", "state")?,
            })
        })
        .collect()
}

async fn members(tx: &mut Tx, incidents: &[Uuid]) -> Result<Vec<Member>> {
    let rows = sqlx::query!(
        r#"select complaint, incident, how, percent, reasons, staff, joined_at as "joined_at: At"
        from incident_member
        where incident = any($1)
        order by joined_at, complaint"#,
        incidents
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            Ok(Member {
                complaint: ComplaintId(row.complaint),
                incident: IncidentId(row.incident),
                how: known(How::from_word(&row.how), "incident_member", "how")?,
                percent: row.percent.and_then(|percent| u8::try_from(percent).ok()),
                reasons: json(row.reasons, "incident_member", "reasons")?,
                by: row.staff.map(StaffId),
                at: row.joined_at.to_jiff(),
            })
        })
        .collect()
}

/// An incident with its members, the first of them first.
pub async fn by_id(db: &PgPool, id: IncidentId) -> Result<Option<(Incident, Vec<Member>)>> {
    let mut tx = crate::begin(db).await?;
    let Some(incident) = load(&mut tx, &[id.0]).await?.pop() else { return Ok(None) };
    Ok(Some((incident, members(&mut tx, &[id.0]).await?)))
}

/// The incident that a complaint is in, with its members.
pub async fn of_complaint(db: &PgPool, complaint: ComplaintId) -> Result<Option<(Incident, Vec<Member>)>> {
    let mut tx = crate::begin(db).await?;
    let Some(side) = sides(&mut tx, &[complaint]).await?.pop() else { return Ok(None) };
    Ok(side.incident.map(|incident| (incident, side.members)))
}

/// Takes a complaint that became secret out of its incident, if it is in one: it stays by itself from now on.
pub async fn part(tx: &mut Tx, complaint: ComplaintId, by: Actor, now: Timestamp) -> Result<()> {
    let Some((own, oldest, pairs)) = around(tx, complaint).await? else { return Ok(()) };
    let Ok(change) = model::incident::split(&own, &oldest, pairs, by, now) else { return Ok(()) };
    write(tx, &[NewStep { kind: StepKind::Split, change: &change, by, at: now, undoes: None, reason: None }]).await
}

/// What leaving its incident takes: the complaint in it, the oldest two of the others, and what was suggested of it with any of them. `None`:
/// there is no such complaint.
pub async fn around(tx: &mut Tx, complaint: ComplaintId) -> Result<Option<(Side, Vec<Side>, Vec<Suggestion>)>> {
    let Some(own) = sides(tx, &[complaint]).await?.pop() else { return Ok(None) };
    let oldest = sqlx::query_scalar!(
        r#"select o.id
        from incident_member own
        join incident_member other
          on other.incident = own.incident
          and other.complaint <> own.complaint
        join complaint o on o.id = other.complaint
        where own.complaint = $1
        order by o.opened_at, o.id
        limit 2"#,
        complaint.0
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let oldest = sides(tx, &oldest.into_iter().map(ComplaintId).collect::<Vec<_>>()).await?;
    let members: Vec<Uuid> = own.members.iter().map(|member| member.complaint.0).collect();
    let pairs = pairs_with(tx, complaint, &members).await?;
    Ok(Some((own, oldest, pairs)))
}

/// With what a complaint is in one incident: the one that leads it, else the oldest, and how many others there are. None that is
/// confidential counts.
pub async fn joined_with(db: &PgPool, complaint: ComplaintId) -> Result<Option<(ComplaintId, i64)>> {
    let row = sqlx::query!(
        r#"select o.id, count(*) over () as "others!"
        from incident_member own
        join incident on incident.id = own.incident
        join incident_member other
          on other.incident = own.incident
          and other.complaint <> own.complaint
        join complaint o on o.id = other.complaint
        where own.complaint = $1
          and o.visibility in ('public', 'hidden')
        order by (o.id = incident.lead) desc, o.opened_at, o.id
        limit 1"#,
        complaint.0
    )
    .fetch_optional(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(row.map(|row| (ComplaintId(row.id), row.others)))
}
