//! Closing what nobody said a word about since it was settled.

use model::{Action, Actor, ComplaintId, Decision, Directory, Timestamp, decide};
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, complaint,
    convert::{At, at},
};

/// Complaints whose citizen's time is over, all of whose agencies are done; those first whose time ended first.
pub async fn due(db: &PgPool, now: Timestamp, most: u16) -> Result<Vec<ComplaintId>> {
    let ids = sqlx::query_scalar!(
        "select d.complaint
        from dispatch d
        join complaint c on c.id = d.complaint
        where d.close_due <= $1
          and d.work = 'done'
          and c.status = 'resolved'
          and not exists (
            select from dispatch other
            where other.complaint = d.complaint
              and other.work = 'done'
              and (other.close_due is null or other.close_due > $1)
          )
        order by d.close_due, d.id
        limit $2",
        at(now) as At,
        i64::from(most)
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let mut ids: Vec<ComplaintId> = ids.into_iter().map(ComplaintId).collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// Closes some of them, in one transaction; how many were closed. Who could not be told beforehand is not closed, and staff read why. Somebody
/// else may have done something meanwhile: what is not to be closed any more is left alone.
pub async fn close(db: &PgPool, ids: &[ComplaintId], directory: &Directory, now: Timestamp) -> Result<u64> {
    let mut tx = db.begin().await.map_err(StoreError::from_sqlx)?;
    let locked = complaint::lock_many(&mut tx, ids).await?;
    let raw: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    // The news that it was settled went out with the date, and did not fail as far as anybody knows.
    let told = sqlx::query_scalar!(
        r#"select id as "id!"
        from unnest($1::uuid[]) as asked (id)
        where exists (
          select from reply
          where reply.complaint = asked.id
            and reply.kind = 'resolved'
            and reply.state = 'published'
            and reply.receipt is distinct from 'failed'
            and reply.facts ? 'closes'
        )"#,
        &raw
    )
    .fetch_all(&mut *tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let closing = |complaint: model::Complaint| {
        let told = told.contains(&complaint.id.0);
        decide(complaint, Action::Close { told }, Actor::System, directory, now).ok()
    };
    let decisions: Vec<Decision> = locked.into_iter().filter_map(closing).collect();
    complaint::write_many(&mut tx, &decisions).await?;
    crate::commit(tx).await?;
    let closed = decisions.iter().filter(|decision| decision.complaint.closed().is_some()).count();
    Ok(closed as u64)
}
