//! Who of the staff has a complaint's page open, and who of them writes. A page says so again and again; what is not said again is over by itself.

use model::{ComplaintId, StaffId, Timestamp};

use crate::{
    PgPool, Result, StoreError,
    convert::{At, at},
};

/// A page says every so often that it is open.
pub const EVERY: jiff::SignedDuration = jiff::SignedDuration::from_secs(20);
/// Who has not said so for this long is gone.
pub const LASTS: jiff::SignedDuration = jiff::SignedDuration::from_secs(50);

/// Somebody else at the same complaint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// Who.
    pub staff: StaffId,
    /// Their name.
    pub name: String,
    /// Whether they write, or only look.
    pub writing: bool,
}

/// Somebody is at the complaint. Tells the others' pages when that is news to them.
pub async fn say(db: &PgPool, complaint: ComplaintId, staff: StaffId, writing: bool, now: Timestamp) -> Result<()> {
    let old = now.checked_sub(LASTS).unwrap_or(now);
    sqlx::query!(
        r#"with before as (
          select writing from present where complaint = $1 and staff = $2 and seen_at > $5
        ), said as (
          insert into present (complaint, staff, writing, seen_at)
          values ($1, $2, $3, $4)
          on conflict (complaint, staff) do update set writing = excluded.writing, seen_at = excluded.seen_at
        )
        select pg_notify('present', $6) as "told: ()"
        where not exists (select 1 from before where before.writing = $3)"#,
        complaint.0,
        staff.0,
        writing,
        at(now) as At,
        at(old) as At,
        complaint.to_string()
    )
    .fetch_optional(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Somebody left it.
pub async fn leave(db: &PgPool, complaint: ComplaintId, staff: StaffId) -> Result<()> {
    sqlx::query!(
        r#"with gone as (delete from present where complaint = $1 and staff = $2 returning 1)
        select pg_notify('present', $3) as "told: ()" from gone"#,
        complaint.0,
        staff.0,
        complaint.to_string()
    )
    .fetch_optional(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Who else is at it, who writes first.
pub async fn others(db: &PgPool, complaint: ComplaintId, me: StaffId, now: Timestamp) -> Result<Vec<Present>> {
    let old = now.checked_sub(LASTS).unwrap_or(now);
    sqlx::query!(
        "select p.staff, s.name, p.writing
        from present p
        join staff s on s.id = p.staff
        where p.complaint = $1 and p.staff <> $2 and p.seen_at > $3
        order by p.writing desc, s.name, s.id
        limit 20",
        complaint.0,
        me.0,
        at(old) as At
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)
    .map(|rows| rows.into_iter().map(|row| Present { staff: StaffId(row.staff), name: row.name, writing: row.writing }).collect())
}

/// Forgets who is long gone.
pub async fn forget(db: &PgPool, now: Timestamp) -> Result<()> {
    let old = now.checked_sub(LASTS * 10).unwrap_or(now);
    sqlx::query!("delete from present where seen_at < $1", at(old) as At).execute(db).await.map_err(StoreError::from_sqlx)?;
    Ok(())
}
