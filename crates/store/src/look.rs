//! How the pictures of complaints look: where the same photo is found again. What a look is, `model` knows.

use model::{AttachmentId, ComplaintId, Look, SAME_LOOK, Timestamp};
use uuid::Uuid;

use crate::{PgPool, Result, StoreError, Tx, likeness::first_of};

/// Any number, the same for everybody who keeps looks.
const ONE_AT_A_TIME: i64 = 0x6c6f_6f6b;

/// Keeps how a picture looks. The complaint that it came with, if looks of it can be compared: `None` for what staff added, for what
/// belongs to no complaint, to a confidential one, and for a look that this complaint has already.
///
/// Until the transaction ends nobody else keeps one: of two that look the same and are kept at once, the second sees the first.
pub async fn keep(tx: &mut Tx, picture: AttachmentId, look: Look) -> Result<Option<ComplaintId>> {
    sqlx::query!(r#"select pg_advisory_xact_lock($1) as "locked!: ()""#, ONE_AT_A_TIME)
        .fetch_one(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    sqlx::query!(
        "update attachment
        set look = $2
        where id = $1",
        picture.0,
        look.0.cast_signed()
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let kept = sqlx::query_scalar!(
        "insert into look_part (part, complaint, look)
        select given.part, complaint.id, $2
        from attachment
        join message on message.id = attachment.message
        join complaint on complaint.id = message.complaint
        cross join unnest($3::integer[]) as given (part)
        where attachment.id = $1
          and complaint.visibility in ('public', 'hidden')
        on conflict do nothing
        returning complaint",
        picture.0,
        look.0.cast_signed(),
        &look.parts()
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(kept.first().copied().map(ComplaintId))
}

/// How much is read: the same whatever is stored.
#[derive(Debug, Clone, Copy)]
pub struct Reach {
    /// Nothing recorded before this.
    pub since: Timestamp,
    /// So many of the latest under each part.
    pub latest: i64,
    /// So many complaints in the end, the latest.
    pub found: i64,
}

/// Other complaints with a picture that looks the same, the latest first, each once.
pub async fn find(tx: &mut Tx, look: Look, but: ComplaintId, reach: Reach) -> Result<Vec<ComplaintId>> {
    let rows = sqlx::query_scalar!(
        r#"select distinct found.complaint as "complaint!"
        from unnest($1::integer[]) as given (part)
        cross join lateral (
          select look_part.complaint, look_part.look
          from look_part
          where look_part.part = given.part
            and look_part.complaint >= $2
          order by look_part.complaint desc
          limit $3
        ) as found
        where bit_count((found.look # $4)::bit(64)) <= $5
          and found.complaint <> $6
        order by 1 desc
        limit $7"#,
        &look.asked(),
        first_of(reach.since),
        reach.latest,
        look.0.cast_signed(),
        i64::from(SAME_LOOK),
        but.0,
        reach.found
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(rows.into_iter().map(ComplaintId).collect())
}

/// Keeps these complaints from changing until the transaction ends, in the order in which everybody takes them.
pub async fn hold(tx: &mut Tx, complaints: &[ComplaintId]) -> Result<()> {
    let ids: Vec<Uuid> = complaints.iter().map(|id| id.0).collect();
    sqlx::query!(
        "select id
        from complaint
        where id = any($1)
        order by id
        for key share",
        &ids
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Forgets the looks of what was recorded before: nothing is compared with them any more. At most `most` rows at a time; how many.
pub async fn forget(db: &PgPool, before: Timestamp, most: i64) -> Result<u64> {
    let done = sqlx::query!(
        "delete from look_part
        where ctid = any(array(
          select ctid
          from look_part
          where complaint < $1
          limit $2
        ))",
        first_of(before),
        most
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(done.rows_affected())
}
