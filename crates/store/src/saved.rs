//! Lists that staff keep by name: their own, and those of their agency.

use model::{Timestamp, UpdateId};
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError,
    convert::{At, at},
    staff::Staff,
};

/// How many one person keeps for themselves, and how many are shared by one agency.
pub const MOST: i64 = 20;

/// A list with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// Its key.
    pub id: Uuid,
    /// What it is called, at most 60 characters.
    pub name: String,
    /// Where it is: a path of ours with what narrows it.
    pub address: String,
    /// Whether it is the agency's.
    pub shared: bool,
}

/// What somebody keeps, then what their agency does; by name.
pub async fn of(db: &PgPool, staff: &Staff) -> Result<Vec<Saved>> {
    sqlx::query_as!(
        Saved,
        "select id, name, address, shared
        from saved_view
        where (staff = $1 and not shared)
          or (shared and agency is not distinct from $2)
        order by shared, name, id",
        staff.id.0,
        staff.agency.map(|agency| agency.0)
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)
}

/// Keeps a list. `false`: there are [`MOST`] already.
pub async fn keep(db: &PgPool, staff: &Staff, name: &str, address: &str, shared: bool, now: Timestamp) -> Result<bool> {
    let agency = staff.agency.map(|agency| agency.0).filter(|_| shared);
    let mut tx = crate::begin(db).await?;
    // Written seldom, and by one at a time, so that the bound holds.
    sqlx::query!("lock table saved_view in share row exclusive mode").execute(&mut *tx).await.map_err(StoreError::from_sqlx)?;
    let kept = sqlx::query!(
        "insert into saved_view (id, staff, agency, shared, name, address, made_at)
        select $1, $2, $3, $4, $5, $6, $7
        where (
          select count(*)
          from saved_view
          where case when $4 then shared and agency is not distinct from $3 else staff = $2 and not shared end
        ) < $8",
        UpdateId::new(now).0,
        staff.id.0,
        agency,
        shared,
        name,
        address,
        at(now) as At,
        MOST
    )
    .execute(&mut *tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    crate::commit(tx).await?;
    Ok(kept.rows_affected() == 1)
}

/// Removes a list of one's own; with `shared`, one of the agency. `false`: there is none.
pub async fn remove(db: &PgPool, staff: &Staff, id: Uuid, shared: bool) -> Result<bool> {
    let gone = sqlx::query!(
        "delete from saved_view
        where id = $1
          and ((staff = $2 and not shared) or ($4 and shared and agency is not distinct from $3))",
        id,
        staff.id.0,
        staff.agency.map(|agency| agency.0),
        shared
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(gone.rows_affected() == 1)
}
