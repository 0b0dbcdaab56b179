//! Tokens that doors check without asking, and that count no more.

use std::collections::BTreeMap;

use model::StaffId;

use crate::{PgPool, Result, StoreError, Tx};

/// Ends every token that somebody was given until now; doors hear of it with the directory.
pub(crate) async fn end(tx: &mut Tx, staff: StaffId) -> Result<()> {
    sqlx::query!(
        "insert into ended_token (staff, generation)
        select id, 1
        from staff
        where id = $1
        on conflict (staff) do update
        set generation = ended_token.generation + 1, ended_at = now()",
        staff.0
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Of which generation somebody's tokens are now.
pub async fn generation(db: &PgPool, staff: StaffId) -> Result<i32> {
    let found = sqlx::query_scalar!("select generation from ended_token where staff = $1", staff.0);
    Ok(found.fetch_optional(db).await.map_err(StoreError::from_sqlx)?.unwrap_or(0))
}

/// Whose tokens ended within a day, and from which generation on they count. Longer ago no token was given that still lasts.
pub async fn lately(db: &PgPool) -> Result<BTreeMap<StaffId, i32>> {
    let rows = sqlx::query!("select staff, generation from ended_token where ended_at > now() - interval '1 day'");
    let rows = rows.fetch_all(db).await.map_err(StoreError::from_sqlx)?;
    Ok(rows.into_iter().map(|row| (StaffId(row.staff), row.generation)).collect())
}
