//! Steps: what was done to incidents, with the rows before and after.

use model::{
    Actor, ComplaintId, Role, StaffId, Timestamp, UpdateId,
    incident::{Change, Changed, Incident, Member, StepKind, Suggestion},
};
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx,
    convert::{At, at, json, known, to_json},
};

/// A step to be written.
#[derive(Debug, Clone, Copy)]
pub struct NewStep<'a> {
    /// What it was.
    pub kind: StepKind,
    /// The rows, before and after.
    pub change: &'a Change,
    /// Who.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// The step that it takes back.
    pub undoes: Option<UpdateId>,
    /// Why, in the words of who did it.
    pub reason: Option<&'a str>,
}

/// Writes steps and what they change. [`StoreError::Stale`]: a row is not as it was before the step.
pub async fn write(tx: &mut Tx, steps: &[NewStep<'_>]) -> Result<()> {
    insert_incidents(tx, steps).await?;
    insert_members(tx, steps).await?;
    for step in steps {
        for changed in &step.change.members {
            change_member(tx, changed).await?;
        }
        for changed in &step.change.incidents {
            change_incident(tx, changed).await?;
        }
        for changed in &step.change.suggestions {
            change_suggestion(tx, changed).await?;
        }
    }
    insert_steps(tx, steps).await
}

fn added<T>(rows: &[Changed<T>]) -> impl Iterator<Item = &T> {
    rows.iter().filter(|(before, _)| before.is_none()).filter_map(|(_, after)| after.as_ref())
}

async fn insert_incidents(tx: &mut Tx, steps: &[NewStep<'_>]) -> Result<()> {
    let new: Vec<&Incident> = steps.iter().flat_map(|step| added(&step.change.incidents)).collect();
    if new.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = new.iter().map(|incident| incident.id.0).collect();
    let leads: Vec<Uuid> = new.iter().map(|incident| incident.lead.0).collect();
    let categories: Vec<Option<String>> = new.iter().map(|incident| incident.category.clone()).collect();
    let areas: Vec<Option<String>> = new.iter().map(|incident| incident.area.clone()).collect();
    let places: Vec<Option<String>> = new.iter().map(|incident| incident.place.clone()).collect();
    let times: Vec<At> = new.iter().map(|incident| at(incident.opened_at)).collect();
    let states: Vec<String> = new.iter().map(|incident| incident.state.as_str().to_owned()).collect();
    sqlx::query!(
        "insert into incident (id, lead, category, area, place, opened_at, state)
        select id, lead, category, area, place, opened_at, state
        from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[])
          as new (id, lead, category, area, place, opened_at, state)",
        &ids,
        &leads,
        &categories as &[Option<String>],
        &areas as &[Option<String>],
        &places as &[Option<String>],
        &times as &[At],
        &states
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

async fn insert_members(tx: &mut Tx, steps: &[NewStep<'_>]) -> Result<()> {
    let new: Vec<&Member> = steps.iter().flat_map(|step| added(&step.change.members)).collect();
    if new.is_empty() {
        return Ok(());
    }
    let complaints: Vec<Uuid> = new.iter().map(|member| member.complaint.0).collect();
    let incidents: Vec<Uuid> = new.iter().map(|member| member.incident.0).collect();
    let how: Vec<String> = new.iter().map(|member| member.how.as_str().to_owned()).collect();
    let percents: Vec<Option<i16>> = new.iter().map(|member| member.percent.map(i16::from)).collect();
    let reasons: Vec<serde_json::Value> = new.iter().map(|member| to_json(&member.reasons)).collect();
    let staff: Vec<Option<Uuid>> = new.iter().map(|member| member.by.map(|by| by.0)).collect();
    let times: Vec<At> = new.iter().map(|member| at(member.at)).collect();
    sqlx::query!(
        "insert into incident_member (complaint, incident, how, percent, reasons, staff, joined_at)
        select complaint, incident, how, percent, reasons, staff, joined_at
        from unnest($1::uuid[], $2::uuid[], $3::text[], $4::smallint[], $5::jsonb[], $6::uuid[], $7::timestamptz[])
          as new (complaint, incident, how, percent, reasons, staff, joined_at)",
        &complaints,
        &incidents,
        &how,
        &percents as &[Option<i16>],
        &reasons,
        &staff as &[Option<Uuid>],
        &times as &[At]
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

async fn change_member(tx: &mut Tx, (before, after): &Changed<Member>) -> Result<()> {
    let Some(before) = before else { return Ok(()) };
    let written = match after {
        Some(after) => {
            sqlx::query!(
                "update incident_member
            set incident = $4
            where complaint = $1
              and incident = $2
              and joined_at = $3",
                before.complaint.0,
                before.incident.0,
                at(before.at) as At,
                after.incident.0
            )
            .execute(&mut **tx)
            .await
        }
        None => {
            sqlx::query!(
                "delete from incident_member
            where complaint = $1
              and incident = $2
              and joined_at = $3",
                before.complaint.0,
                before.incident.0,
                at(before.at) as At
            )
            .execute(&mut **tx)
            .await
        }
    };
    one(written.map_err(StoreError::from_sqlx)?.rows_affected())
}

async fn change_incident(tx: &mut Tx, (before, after): &Changed<Incident>) -> Result<()> {
    let Some(before) = before else { return Ok(()) };
    let written = match after {
        Some(after) => {
            sqlx::query!(
                "update incident
            set lead = $5, category = $6, area = $7, place = $8, opened_at = $9, state = $10
            where id = $1
              and lead = $2
              and opened_at = $3
              and state = $4",
                before.id.0,
                before.lead.0,
                at(before.opened_at) as At,
                before.state.as_str(),
                after.lead.0,
                after.category.as_deref(),
                after.area.as_deref(),
                after.place.as_deref(),
                at(after.opened_at) as At,
                after.state.as_str()
            )
            .execute(&mut **tx)
            .await
        }
        None => {
            sqlx::query!(
                "delete from incident
            where id = $1
              and lead = $2
              and opened_at = $3
              and state = $4",
                before.id.0,
                before.lead.0,
                at(before.opened_at) as At,
                before.state.as_str()
            )
            .execute(&mut **tx)
            .await
        }
    };
    one(written.map_err(StoreError::from_sqlx)?.rows_affected())
}

async fn change_suggestion(tx: &mut Tx, (before, after): &Changed<Suggestion>) -> Result<()> {
    let written = match (before, after) {
        (None, None) => return Ok(()),
        (None, Some(new)) => insert_decided(tx, new).await?,
        (Some(before), None) => delete_decided(tx, before).await?,
        (Some(before), Some(after)) => decide(tx, before, after).await?,
    };
    one(written)
}

/// A pair that nobody suggested: somebody joined it by hand.
async fn insert_decided(tx: &mut Tx, new: &Suggestion) -> Result<u64> {
    let written = sqlx::query!(
        "insert into suggestion (complaint, other, percent, reasons, suggested_at, state, staff, decided_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict do nothing",
        new.complaint.0,
        new.other.0,
        i16::from(new.percent),
        to_json(&new.reasons),
        at(new.at) as At,
        new.state.as_str(),
        new.by.map(|by| by.0),
        new.decided_at.map(at) as Option<At>
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(written.rows_affected())
}

async fn delete_decided(tx: &mut Tx, before: &Suggestion) -> Result<u64> {
    let written = sqlx::query!(
        "delete from suggestion
        where complaint = $1
          and other = $2
          and state = $3
          and decided_at is not distinct from $4",
        before.complaint.0,
        before.other.0,
        before.state.as_str(),
        before.decided_at.map(at) as Option<At>
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(written.rows_affected())
}

async fn decide(tx: &mut Tx, before: &Suggestion, after: &Suggestion) -> Result<u64> {
    let written = sqlx::query!(
        "update suggestion
        set state = $5, staff = $6, decided_at = $7
        where complaint = $1
          and other = $2
          and state = $3
          and decided_at is not distinct from $4",
        before.complaint.0,
        before.other.0,
        before.state.as_str(),
        before.decided_at.map(at) as Option<At>,
        after.state.as_str(),
        after.by.map(|by| by.0),
        after.decided_at.map(at) as Option<At>
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(written.rows_affected())
}

pub(super) fn one(rows: u64) -> Result<()> {
    if rows == 1 { Ok(()) } else { Err(StoreError::Stale) }
}

async fn insert_steps(tx: &mut Tx, steps: &[NewStep<'_>]) -> Result<()> {
    let ids: Vec<Uuid> = steps.iter().map(|step| UpdateId::new(step.at).0).collect();
    let times: Vec<At> = steps.iter().map(|step| at(step.at)).collect();
    let (actors, staff): (Vec<&str>, Vec<Option<Uuid>>) = steps
        .iter()
        .map(|step| match step.by {
            Actor::System => ("system", None),
            Actor::Citizen => ("citizen", None),
            Actor::Staff { id, .. } => ("staff", Some(id.0)),
        })
        .unzip();
    let actors: Vec<String> = actors.into_iter().map(str::to_owned).collect();
    let kinds: Vec<String> = steps.iter().map(|step| step.kind.as_str().to_owned()).collect();
    let incidents: Vec<Option<Uuid>> = steps.iter().map(|step| step.change.incident().map(|id| id.0)).collect();
    // Lists of several lengths cannot stand in one array: each goes as PostgreSQL writes it.
    let complaints: Vec<String> = steps.iter().map(|step| list(&step.change.complaints())).collect();
    let changes: Vec<serde_json::Value> = steps.iter().map(|step| to_json(step.change)).collect();
    let undoes: Vec<Option<Uuid>> = steps.iter().map(|step| step.undoes.map(|id| id.0)).collect();
    let reasons: Vec<Option<String>> = steps.iter().map(|step| step.reason.map(str::to_owned)).collect();
    sqlx::query!(
        "insert into incident_step (id, at, actor, staff, kind, incident, complaints, change, undoes, reason)
        select id, at, actor, staff, kind, incident, complaints::uuid[], change, undoes, reason
        from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::uuid[], $5::text[], $6::uuid[], $7::text[], $8::jsonb[], $9::uuid[],
          $10::text[])
          as new (id, at, actor, staff, kind, incident, complaints, change, undoes, reason)",
        &ids,
        &times as &[At],
        &actors,
        &staff as &[Option<Uuid>],
        &kinds,
        &incidents as &[Option<Uuid>],
        &complaints,
        &changes,
        &undoes as &[Option<Uuid>],
        &reasons as &[Option<String>]
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

fn list(complaints: &[ComplaintId]) -> String {
    let ids: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    format!("{{{}}}", ids.join(","))
}

/// A step as people see it again.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its key.
    pub id: UpdateId,
    /// When.
    pub at: Timestamp,
    /// Who, by name; `None`: nobody of the staff.
    pub who: Option<String>,
    /// Who.
    pub by: Actor,
    /// What.
    pub kind: StepKind,
    /// The complaints whose rows changed.
    pub complaints: Vec<ComplaintId>,
    /// Why, where who did it said so.
    pub reason: Option<String>,
    /// It was taken back.
    pub undone: bool,
}

/// The latest steps that touched one of these complaints, the newest first.
pub async fn steps(db: &PgPool, about: &[ComplaintId], most: u16) -> Result<Vec<Step>> {
    let ids: Vec<Uuid> = about.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"select step.id, step.at as "at: At", step.actor, step.staff, staff.name as "name?", staff.role as "role?",
          staff.agency as "agency?", step.kind, step.complaints, step.reason,
          exists (select from incident_step back where back.undoes = step.id) as "undone!"
        from incident_step step
        left join staff on staff.id = step.staff
        where step.complaints && $1
        order by step.at desc, step.number desc
        limit $2"#,
        &ids,
        i64::from(most)
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            Ok(Step {
                id: UpdateId(row.id),
                at: row.at.to_jiff(),
                who: row.name,
                by: by(&row.actor, row.staff, row.role.as_deref(), row.agency)?,
                kind: known(StepKind::from_word(&row.kind), "incident_step", "kind")?,
                complaints: row.complaints.into_iter().map(ComplaintId).collect(),
                reason: row.reason,
                undone: row.undone,
            })
        })
        .collect()
}

pub(super) fn by(actor: &str, staff: Option<Uuid>, role: Option<&str>, agency: Option<Uuid>) -> Result<Actor> {
    Ok(match actor {
        "system" => Actor::System,
        "citizen" => Actor::Citizen,
        _ => Actor::Staff {
            id: StaffId(known(staff, "incident_step", "staff")?),
            role: known(role.and_then(|role| role.parse::<Role>().ok()), "staff", "role")?,
            agency: agency.map(model::AgencyId),
        },
    })
}

/// What a step changed; `None`: there is no such step, or it was taken back already.
pub async fn changed(tx: &mut Tx, step: UpdateId) -> Result<Option<Change>> {
    let found = sqlx::query_scalar!(
        "select change
        from incident_step
        where id = $1
          and not exists (select from incident_step back where back.undoes = incident_step.id)
        for update",
        step.0
    )
    .fetch_optional(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    found.map(|change| json(change, "incident_step", "change")).transpose()
}
