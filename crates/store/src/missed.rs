//! Clocks that were missed: noted once, for ever.

use model::{AgencyId, ComplaintId, Decision, StaffId, Stage, Timestamp, escalation::Missed};
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx,
    complaint::written_at,
    convert::{At, at, known},
};

/// A missed clock, as pages show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// Which one.
    pub stage: Stage,
    /// Whose; `None`: the city's, before it was forwarded.
    pub agency: Option<AgencyId>,
    /// Who held it when it was noticed.
    pub officer: Option<StaffId>,
    /// Until when it was.
    pub due: Timestamp,
    /// When it was noticed.
    pub noticed_at: Timestamp,
    /// When it was met at last, or given away.
    pub ended_at: Option<Timestamp>,
}

/// Writes what decisions say was missed.
pub(crate) async fn note(tx: &mut Tx, decisions: &[Decision]) -> Result<()> {
    let of = |decision: &Decision| {
        let (complaint, noticed) = (decision.complaint.id, written_at(decision));
        decision.missed.iter().map(move |missed| (complaint, *missed, noticed)).collect::<Vec<_>>()
    };
    write(tx, &decisions.iter().flat_map(of).collect::<Vec<_>>()).await
}

/// Writes what was missed, of which complaint, and when that was noticed. What is known already stays as it is; only its end is added, once.
pub(crate) async fn write(tx: &mut Tx, all: &[(ComplaintId, Missed, Timestamp)]) -> Result<()> {
    if all.is_empty() {
        return Ok(());
    }
    let complaints: Vec<Uuid> = all.iter().map(|(complaint, ..)| complaint.0).collect();
    let stages: Vec<String> = all.iter().map(|(_, missed, _)| missed.clock.stage.as_str().to_owned()).collect();
    let agencies: Vec<Option<Uuid>> = all.iter().map(|(_, missed, _)| missed.clock.agency.map(|agency| agency.0)).collect();
    let officers: Vec<Option<Uuid>> = all.iter().map(|(_, missed, _)| missed.clock.officer.map(|officer| officer.0)).collect();
    let started: Vec<At> = all.iter().map(|(_, missed, _)| at(missed.clock.started)).collect();
    let due: Vec<At> = all.iter().map(|(_, missed, _)| at(missed.clock.due)).collect();
    let limits: Vec<Option<i64>> = all.iter().map(|(_, missed, _)| missed.clock.limit).collect();
    let noticed: Vec<At> = all.iter().map(|(.., noticed)| at(*noticed)).collect();
    let ended: Vec<Option<At>> = all.iter().map(|(_, missed, _)| missed.ended.map(at)).collect();
    sqlx::query!(
        "insert into missed_clock (complaint, stage, agency, officer, started_at, due, time_limit, noticed_at, ended_at)
        select complaint, stage, agency, officer, started_at, due, time_limit, noticed_at, ended_at
        from unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::timestamptz[], $7::bigint[],
          $8::timestamptz[], $9::timestamptz[])
          as new (complaint, stage, agency, officer, started_at, due, time_limit, noticed_at, ended_at)
        where noticed_at > due
        on conflict on constraint missed_clock_once do update
        set ended_at = excluded.ended_at
        where missed_clock.ended_at is null
          and excluded.ended_at >= missed_clock.noticed_at",
        &complaints,
        &stages,
        &agencies as &[Option<Uuid>],
        &officers as &[Option<Uuid>],
        &started as &[At],
        &due as &[At],
        &limits as &[Option<i64>],
        &noticed as &[At],
        &ended as &[Option<At>]
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// What was missed of a complaint, the first one first.
pub async fn of_complaint(db: &PgPool, complaint: ComplaintId) -> Result<Vec<Flag>> {
    let rows = sqlx::query!(
        r#"select stage, agency, officer, due as "due: At", noticed_at as "noticed_at: At", ended_at as "ended_at: At"
        from missed_clock
        where complaint = $1
        order by due, stage, id"#,
        complaint.0
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            Ok(Flag {
                stage: known(Stage::from_word(&row.stage), "missed_clock", "stage")?,
                agency: row.agency.map(AgencyId),
                officer: row.officer.map(StaffId),
                due: row.due.to_jiff(),
                noticed_at: row.noticed_at.to_jiff(),
                ended_at: row.ended_at.map(At::to_jiff),
            })
        })
        .collect()
}

/// How many clocks each agency missed whose end was on or after `since` and before `until`, and how many of them are still not met. `None`: the
/// city's own, of forwarding.
pub async fn count(db: &PgPool, since: Timestamp, until: Timestamp) -> Result<Vec<(Option<AgencyId>, Stage, u64, u64)>> {
    let rows = sqlx::query!(
        r#"select agency, stage, count(*) as "missed!", count(*) filter (where ended_at is null) as "open!"
        from missed_clock
        where due >= $1
          and due < $2
        group by agency, stage
        order by agency, stage"#,
        at(since) as At,
        at(until) as At
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let whole = |count: i64| u64::try_from(count).unwrap_or(0);
    rows.into_iter()
        .map(|row| {
            let stage = known(Stage::from_word(&row.stage), "missed_clock", "stage")?;
            Ok((row.agency.map(AgencyId), stage, whole(row.missed), whole(row.open)))
        })
        .collect()
}
