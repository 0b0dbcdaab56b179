//! What an agency does with a whole incident: a work list, a complaint at a time.

use std::time::Duration;

use model::{Actor, ComplaintId, IncidentId, StaffId, Timestamp, UpdateId, incident::Act};
use uuid::Uuid;

use super::steps::{by, one};

use crate::{
    PgPool, Result, StoreError, Tx,
    convert::{At, at, known, later},
};

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
