//! The things in the world that several complaints are about: who is in which, what is suggested, and every step with its way back.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use model::{
    Actor, Complaint, ComplaintId, IncidentId, Role, StaffId, Status, Timestamp, UpdateId, Visibility,
    incident::{Act, Change, Changed, How, Incident, IncidentState, Member, Side, StepKind, Suggestion, SuggestionState},
    same::Beside,
};
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx,
    convert::{At, at, json, known, later, to_json},
    queue::Scope,
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

fn one(rows: u64) -> Result<()> {
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

/// Keeps suggestions; a pair that was suggested before, or decided, stays as it is.
pub async fn suggest(tx: &mut Tx, new: &[Suggestion]) -> Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    let complaints: Vec<Uuid> = new.iter().map(|pair| pair.complaint.0).collect();
    let others: Vec<Uuid> = new.iter().map(|pair| pair.other.0).collect();
    let percents: Vec<i16> = new.iter().map(|pair| i16::from(pair.percent)).collect();
    let reasons: Vec<serde_json::Value> = new.iter().map(|pair| to_json(&pair.reasons)).collect();
    let times: Vec<At> = new.iter().map(|pair| at(pair.at)).collect();
    sqlx::query!(
        "insert into suggestion (complaint, other, percent, reasons, suggested_at, state)
        select new.complaint, new.other, new.percent, new.reasons, new.suggested_at, 'open'
        from unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::jsonb[], $5::timestamptz[])
          as new (complaint, other, percent, reasons, suggested_at)
        where not exists (
          select from suggestion
          where suggestion.complaint = new.other
            and suggestion.other = new.complaint
        )
        on conflict (complaint, other) do nothing",
        &complaints,
        &others,
        &percents,
        &reasons,
        &times as &[At]
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Says more about pairs that still wait: a reason that came later, and how likely they are with it. Whichever of two came later.
pub async fn strengthen(tx: &mut Tx, pairs: &[Suggestion]) -> Result<()> {
    for pair in pairs {
        sqlx::query!(
            "update suggestion
            set percent = greatest(percent, $3), reasons = $4
            where (complaint, other) in (($1, $2), ($2, $1))
              and state in ('open', 'later')
              and not reasons @> '[{\"why\": \"picture\"}]'",
            pair.complaint.0,
            pair.other.0,
            i16::from(pair.percent),
            to_json(&pair.reasons)
        )
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    }
    Ok(())
}

struct PairRow {
    complaint: Uuid,
    other: Uuid,
    percent: i16,
    reasons: serde_json::Value,
    suggested_at: At,
    state: String,
    staff: Option<Uuid>,
    decided_at: Option<At>,
}

fn into_pair(row: PairRow) -> Result<Suggestion> {
    Ok(Suggestion {
        complaint: ComplaintId(row.complaint),
        other: ComplaintId(row.other),
        percent: known(u8::try_from(row.percent).ok(), "suggestion", "percent")?,
        reasons: json(row.reasons, "suggestion", "reasons")?,
        at: row.suggested_at.to_jiff(),
        state: known(SuggestionState::from_word(&row.state), "suggestion", "state")?,
        by: row.staff.map(StaffId),
        decided_at: row.decided_at.map(At::to_jiff),
    })
}

/// What is suggested of these complaints with each other. Whichever of two came later.
pub async fn pairs(tx: &mut Tx, among: &[ComplaintId]) -> Result<Vec<Suggestion>> {
    let ids: Vec<Uuid> = among.iter().map(|id| id.0).collect();
    let rows = sqlx::query_as!(
        PairRow,
        r#"select complaint, other, percent, reasons, suggested_at as "suggested_at: At", state, staff, decided_at as "decided_at: At"
        from suggestion
        where complaint = any($1)
          and other = any($1)
        order by complaint, other"#,
        &ids
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter().map(into_pair).collect()
}

/// These complaints beside the earlier ones that their citizens may still be asked about.
pub async fn beside(tx: &mut Tx, complaints: &[Complaint]) -> Result<HashMap<ComplaintId, Beside>> {
    let asked: Vec<(ComplaintId, ComplaintId)> =
        complaints.iter().filter_map(|complaint| Some((complaint.id, complaint.unanswered()?.complaint))).collect();
    if asked.is_empty() {
        return Ok(HashMap::new());
    }
    let mut ids: Vec<ComplaintId> = asked.iter().flat_map(|(own, other)| [*own, *other]).collect();
    ids.sort_unstable();
    ids.dedup();
    let sides: HashMap<ComplaintId, Side> = sides(tx, &ids).await?.into_iter().map(|side| (side.complaint, side)).collect();
    let pairs = pairs(tx, &ids).await?;
    let statuses = statuses(tx, &ids).await?;
    let beside = |(own, other): (ComplaintId, ComplaintId)| {
        let pair = pairs.iter().find(|pair| [(own, other), (other, own)].contains(&(pair.complaint, pair.other))).cloned();
        let other_status = *statuses.get(&other)?;
        Some((own, Beside { own: sides.get(&own)?.clone(), other: sides.get(&other)?.clone(), other_status, pair }))
    };
    Ok(asked.into_iter().filter_map(beside).collect())
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
    let rows = sqlx::query_as!(
        PairRow,
        r#"select complaint, other, percent, reasons, suggested_at as "suggested_at: At", state, staff, decided_at as "decided_at: At"
        from suggestion
        where (complaint = $1 and other = any($2))
          or (other = $1 and complaint = any($2))
        order by complaint, other"#,
        complaint.0,
        &members
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let pairs = rows.into_iter().map(into_pair).collect::<Result<Vec<_>>>()?;
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
          and o.visibility <> 'secret'
        order by (o.id = incident.lead) desc, o.opened_at, o.id
        limit 1"#,
        complaint.0
    )
    .fetch_optional(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(row.map(|row| (ComplaintId(row.id), row.others)))
}

async fn statuses(tx: &mut Tx, ids: &[ComplaintId]) -> Result<HashMap<ComplaintId, Status>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        "select id, status
        from complaint
        where id = any($1)",
        &ids
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let status = |status: &str| known(Status::from_word(status), "complaint", "status");
    rows.into_iter().map(|row| Ok((ComplaintId(row.id), status(&row.status)?))).collect()
}

/// What was said to be about different things: nothing brings it together by itself again.
#[derive(Debug, Default)]
pub struct Parted {
    pairs: HashSet<(ComplaintId, ComplaintId)>,
    left: HashSet<ComplaintId>,
}

impl Parted {
    /// Somebody said of these two that they are not about one thing.
    pub fn are_two(&self, one: ComplaintId, other: ComplaintId) -> bool {
        self.pairs.contains(&(one, other)) || self.pairs.contains(&(other, one))
    }

    /// It was taken out of an incident.
    pub fn has_left(&self, complaint: ComplaintId) -> bool {
        self.left.contains(&complaint)
    }
}

/// What was decided against bringing these complaints together with others.
pub async fn parted(tx: &mut Tx, ids: &[ComplaintId]) -> Result<Parted> {
    if ids.is_empty() {
        return Ok(Parted::default());
    }
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let pairs = sqlx::query!(
        r#"select complaint as "complaint!", other as "other!"
        from suggestion
        where complaint = any($1)
          and state = 'different'
        union
        select complaint, other
        from suggestion
        where other = any($1)
          and state = 'different'"#,
        &ids
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let left = sqlx::query_scalar!(
        r#"select asked.complaint as "complaint!"
        from unnest($1::uuid[]) as asked (complaint)
        where exists (
          select
          from incident_step step
          where step.complaints @> array[asked.complaint]
            and step.kind = 'split'
            and not exists (select from incident_step back where back.undoes = step.id)
        )"#,
        &ids
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(Parted {
        pairs: pairs.into_iter().map(|row| (ComplaintId(row.complaint), ComplaintId(row.other))).collect(),
        left: left.into_iter().map(ComplaintId).collect(),
    })
}

/// Whether a pair still waits for somebody's word: neither is confidential, the earlier one is not dealt with, the complaint is alone.
pub async fn waits(db: &PgPool, complaint: ComplaintId, other: ComplaintId) -> Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (
          select
          from suggestion s
          join complaint o on o.id = $2
          left join incident_member member on member.complaint = o.id
          left join incident on incident.id = member.incident
          where ((s.complaint = $1 and s.other = $2) or (s.complaint = $2 and s.other = $1))
            and s.state in ('open', 'later')
            and o.visibility <> 'secret'
            and o.status <> 'resolved'
            and incident.state is distinct from 'closed'
            and not exists (select from incident_member own where own.complaint = $1)
        ) as "waits!""#,
        complaint.0,
        other.0
    )
    .fetch_one(db)
    .await
    .map_err(StoreError::from_sqlx)
}

/// What waits for a person and is in their scope on both sides: the latest first, what was put off last.
pub async fn waiting(db: &PgPool, scope: &Scope, most: u16) -> Result<Vec<Suggestion>> {
    let rows = sqlx::query_as!(
        PairRow,
        r#"select s.complaint, s.other, s.percent, s.reasons, s.suggested_at as "suggested_at: At", s.state, s.staff,
          s.decided_at as "decided_at: At"
        from suggestion s
        join complaint c on c.id = s.complaint
        join complaint o on o.id = s.other
        where s.state in ('open', 'later')
          and c.visibility <> 'secret'
          and o.visibility <> 'secret'
          and ($1::uuid is null or (exists (select from dispatch d where d.complaint = s.complaint and d.agency = $1)
            and exists (select from dispatch d where d.complaint = s.other and d.agency = $1)))
          and ($2::text is null or (c.account = $2 and o.account = $2))
        order by s.state desc, s.suggested_at desc, s.complaint, s.other
        limit $3"#,
        scope.agency(),
        scope.office(),
        i64::from(most)
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter().map(into_pair).collect()
}

/// Every suggestion about a complaint that still waits, the likeliest first.
pub async fn waiting_of(db: &PgPool, complaint: ComplaintId) -> Result<Vec<Suggestion>> {
    let rows = sqlx::query_as!(
        PairRow,
        r#"select complaint, other, percent, reasons, suggested_at as "suggested_at: At", state, staff, decided_at as "decided_at: At"
        from suggestion
        where (complaint = $1 or other = $1)
          and state in ('open', 'later')
        order by percent desc, complaint, other
        limit 20"#,
        complaint.0
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter().map(into_pair).collect()
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
        order by step.at desc, step.id desc
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

fn by(actor: &str, staff: Option<Uuid>, role: Option<&str>, agency: Option<Uuid>) -> Result<Actor> {
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

/// One side of a decided pair: words, place, area, and when it came.
#[derive(Clone)]
pub struct DecidedSide {
    /// Which.
    pub id: ComplaintId,
    /// Its words.
    pub text: String,
    /// Where it is, in words.
    pub place: String,
    /// Code of its area; empty: unknown.
    pub area: String,
    /// When it came.
    pub opened_at: Timestamp,
}

/// The latest pairs that staff decided, and whether they are about one thing: what the next model learns from.
pub async fn decided(db: &PgPool, most: i64) -> Result<Vec<(DecidedSide, DecidedSide, bool)>> {
    let rows = sqlx::query!(
        r#"select s.state = 'joined' as "same!", c.id, c.text, c.place, c.area, c.opened_at as "opened_at: At",
          o.id as other, o.text as other_text, o.place as other_place, o.area as other_area, o.opened_at as "other_opened_at: At"
        from suggestion s
        join complaint c on c.id = s.complaint
        join complaint o on o.id = s.other
        where s.state in ('joined', 'different')
          and s.staff is not null
          and c.visibility <> 'secret'
          and o.visibility <> 'secret'
        order by s.decided_at desc, s.complaint, s.other
        limit $1"#,
        most
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let side = |id, text, place: Option<String>, area: Option<String>, opened_at: At| DecidedSide {
        id: ComplaintId(id),
        text,
        place: place.unwrap_or_default(),
        area: area.unwrap_or_default(),
        opened_at: opened_at.to_jiff(),
    };
    Ok(rows
        .into_iter()
        .map(|row| {
            (
                side(row.id, row.text, row.place, row.area, row.opened_at),
                side(row.other, row.other_text, row.other_place, row.other_area, row.other_opened_at),
                row.same,
            )
        })
        .collect())
}

/// What an agency does with a whole incident, while it is being done.
#[derive(Debug)]
pub struct ClaimedAct {
    /// Its key.
    pub id: UpdateId,
    /// Which incident.
    pub incident: IncidentId,
    /// What.
    pub act: Act,
    /// Who, as what.
    pub by: Actor,
    lease: At,
}

/// Puts an act on the work list, for everybody who is in the incident now: `intake` does it for each of them. `false`: nobody is.
pub async fn begin_act(tx: &mut Tx, incident: IncidentId, act: &Act, staff: StaffId, now: Timestamp) -> Result<bool> {
    let id = UpdateId::new(now).0;
    sqlx::query!(
        "insert into incident_act (id, incident, at, staff, kind, text, due_at)
        values ($1, $2, $3, $4, $5, $6, $3)",
        id,
        incident.0,
        at(now) as At,
        staff.0,
        act.as_str(),
        act.text()
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let members = sqlx::query!(
        "insert into incident_act_on (act, complaint)
        select $1, complaint
        from incident_member
        where incident = $2",
        id,
        incident.0
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(members.rows_affected() > 0)
}

/// Takes the oldest act that is due for `lease`; nobody else gets it meanwhile.
pub async fn claim_act(db: &PgPool, now: Timestamp, lease: Duration) -> Result<Option<ClaimedAct>> {
    let row = sqlx::query!(
        r#"with claimed as (
          update incident_act
          set lease_until = $2, attempts = attempts + 1
          where id in (
            select id
            from incident_act
            where state = 'due'
              and due_at <= $1
              and (lease_until is null or lease_until <= $1)
            order by due_at
            limit 1
            for update skip locked
          )
          returning id, incident, staff, kind, text, lease_until
        )
        select claimed.id, claimed.incident, claimed.staff, claimed.kind, claimed.text, claimed.lease_until as "lease_until!: At",
          staff.role, staff.agency
        from claimed
        join staff on staff.id = claimed.staff"#,
        at(now) as At,
        at(later(now, lease)) as At
    )
    .fetch_optional(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    row.map(|row| {
        Ok(ClaimedAct {
            id: UpdateId(row.id),
            incident: IncidentId(row.incident),
            act: known(Act::from_word(&row.kind, row.text), "incident_act", "kind")?,
            by: by("staff", Some(row.staff), Some(&row.role), row.agency)?,
            lease: row.lease_until,
        })
    })
    .transpose()
}

/// Complaints for which the act is still to be done, at most so many. In the transaction that does it: whoever else looks gets none of them.
pub async fn left(tx: &mut Tx, act: &ClaimedAct, most: i64) -> Result<Vec<ComplaintId>> {
    let rows = sqlx::query_scalar!(
        "select complaint
        from incident_act_on
        where act = $1
          and outcome is null
        order by complaint
        limit $2
        for update",
        act.id.0,
        most
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(rows.into_iter().map(ComplaintId).collect())
}

/// Notes what became of each: `done`, or why the rules refused it.
pub async fn settle_on(tx: &mut Tx, act: &ClaimedAct, outcomes: &[(ComplaintId, String)]) -> Result<()> {
    let complaints: Vec<Uuid> = outcomes.iter().map(|(complaint, _)| complaint.0).collect();
    let words: Vec<String> = outcomes.iter().map(|(_, outcome)| outcome.clone()).collect();
    sqlx::query!(
        "update incident_act_on
        set outcome = given.outcome
        from unnest($2::uuid[], $3::text[]) as given (complaint, outcome)
        where incident_act_on.act = $1
          and incident_act_on.complaint = given.complaint",
        act.id.0,
        &complaints,
        &words
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Nothing is left to do. [`StoreError::Stale`]: the lease ran out and another has it.
pub async fn finish_act(tx: &mut Tx, act: ClaimedAct) -> Result<()> {
    let written = sqlx::query!(
        "update incident_act
        set state = 'done', lease_until = null
        where id = $1
          and lease_until = $2",
        act.id.0,
        act.lease as At
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    one(written.rows_affected())
}

/// An act as people see it again.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenAct {
    /// What.
    pub act: Act,
    /// Who, by name.
    pub who: String,
    /// When.
    pub at: Timestamp,
    /// For how many complaints it is done.
    pub done: i64,
    /// For how many the rules refused it.
    pub refused: i64,
    /// For how many it is still to be done.
    pub left: i64,
}

/// What was done with an incident, the newest first.
pub async fn acts(db: &PgPool, incident: IncidentId) -> Result<Vec<SeenAct>> {
    let rows = sqlx::query!(
        r#"select act.kind, act.text, staff.name, act.at as "at: At",
          count(*) filter (where one.outcome = 'done') as "done!",
          count(*) filter (where one.outcome <> 'done') as "refused!",
          count(*) filter (where one.complaint is not null and one.outcome is null) as "left!"
        from incident_act act
        join staff on staff.id = act.staff
        left join incident_act_on one on one.act = act.id
        where act.incident = $1
        group by act.id, staff.name
        order by act.at desc
        limit 50"#,
        incident.0
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            Ok(SeenAct {
                act: known(Act::from_word(&row.kind, row.text), "incident_act", "kind")?,
                who: row.name,
                at: row.at.to_jiff(),
                done: row.done,
                refused: row.refused,
                left: row.left,
            })
        })
        .collect()
}

/// Closes an incident none of whose complaints is open any more, in the transaction that settled the last of them.
pub async fn close_if_done(tx: &mut Tx, incident: IncidentId) -> Result<bool> {
    let done = sqlx::query!(
        "update incident
        set state = 'closed'
        where id = $1
          and state = 'open'
          and not exists (
            select
            from incident_member
            join complaint on complaint.id = incident_member.complaint
            where incident_member.incident = $1
              and complaint.status <> 'resolved'
          )",
        incident.0
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(done.rows_affected() > 0)
}
