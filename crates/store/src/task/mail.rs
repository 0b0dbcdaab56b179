//! Mails that bring a link to a body: a work list of `dispatch`. Each try makes a link of its own, because only hashes are kept.

use std::time::Duration;

use model::{AgencyId, ComplaintId, Reference, Timestamp, TraceId, TrackingCode};
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx,
    convert::{At, at, known, later},
    error::still_ours,
    mailing::{MailOutcome, Written},
};

/// Puts the mail of a task on the list.
pub(super) async fn put(tx: &mut Tx, task: Uuid, email: &str, now: Timestamp) -> Result<()> {
    sqlx::query!("insert into task_mail (task, email, state, due_at) values ($1, $2, 'due', $3)", task, email, at(now) as At)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// A mail that this worker has for a while. `Debug` shows neither address nor link.
pub struct ClaimedTask {
    /// Of which task.
    pub task: Uuid,
    /// To whom.
    pub email: String,
    /// The link's code, made for this try.
    pub code: TrackingCode,
    /// What the body is called.
    pub name: String,
    /// What it shall do.
    pub words: String,
    /// Until when.
    pub due_at: Timestamp,
    /// Who asks.
    pub agency: AgencyId,
    /// Of which complaint.
    pub complaint: ComplaintId,
    /// Its number.
    pub reference: Reference,
    /// Code of its area.
    pub area: Option<String>,
    /// Follows it through every log.
    pub trace: TraceId,
    /// How often it was tried, this time included.
    pub attempts: u16,
    lease: At,
}

impl std::fmt::Debug for ClaimedTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClaimedTask").field("task", &self.task).finish_non_exhaustive()
    }
}

/// Takes up to `limit` mails for `lease`; nobody else gets them meanwhile. Not those of complaints that became secret, or of tasks that ended.
pub async fn claim(db: &PgPool, now: Timestamp, lease: Duration, limit: u16) -> Result<Vec<ClaimedTask>> {
    let mut tx = crate::begin(db).await?;
    let rows = sqlx::query!(
        r#"with due as (
          select m.task
          from task_mail m
          join task t on t.id = m.task
          join complaint c on c.id = t.complaint
          where m.state = 'due'
            and m.due_at <= $1
            and (m.lease_until is null or m.lease_until <= $1)
            and t.ended_at is null
            and t.expires_at > $1
            and c.visibility in ('public', 'hidden')
          order by m.due_at, m.task
          limit $3
          for update of m skip locked
        ), claimed as (
          update task_mail m
          set lease_until = $2, attempts = attempts + 1
          from due
          where m.task = due.task
          returning m.task, m.email, m.attempts, m.lease_until
        )
        select m.task, m.email, m.attempts, m.lease_until as "lease_until!: At", b.name, t.words, t.due_at as "due_at: At", t.agency, t.complaint,
          c.reference, c.trace, c.area
        from claimed m
        join task t on t.id = m.task
        join body b on b.id = t.body
        join complaint c on c.id = t.complaint
        order by m.task"#,
        at(now) as At,
        at(later(now, lease)) as At,
        i64::from(limit)
    )
    .fetch_all(&mut *tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let mut claimed = Vec::with_capacity(rows.len());
    for row in rows {
        claimed.push(ClaimedTask {
            code: super::link(&mut tx, row.task, now).await?,
            task: row.task,
            email: row.email,
            name: row.name,
            words: row.words,
            due_at: row.due_at.to_jiff(),
            agency: AgencyId(row.agency),
            complaint: ComplaintId(row.complaint),
            reference: known(row.reference.parse().ok(), "complaint", "reference")?,
            area: row.area,
            trace: known(row.trace.parse().ok(), "complaint", "trace")?,
            attempts: u16::try_from(row.attempts).unwrap_or(u16::MAX),
            lease: row.lease_until,
        });
    }
    crate::commit(tx).await?;
    Ok(claimed)
}

/// Writes what became of it; only by who holds the lease. [`StoreError::Stale`]: the lease ran out and another has it, or the task ended.
pub async fn settle(db: &PgPool, claimed: ClaimedTask, outcome: MailOutcome, now: Timestamp) -> Result<()> {
    let Written { state, due_at, error } = outcome.written(now);
    let done = sqlx::query!(
        "update task_mail
        set state = $3, due_at = coalesce($4, due_at), error = $5, lease_until = null
        where task = $1
          and state = 'due'
          and lease_until = $2",
        claimed.task,
        claimed.lease as At,
        state,
        due_at as Option<At>,
        error
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    still_ours(&done)
}
