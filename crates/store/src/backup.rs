//! What `muara restore` asks and changes in a database that was put back.

use model::Timestamp;

use crate::{
    PgPool, Result, StoreError,
    convert::{At, at},
};

/// Whether there is nothing in it yet.
pub async fn is_empty(db: &PgPool) -> Result<bool> {
    let tables = sqlx::query_scalar!(r#"select count(*) as "count!" from pg_catalog.pg_tables where schemaname = 'public'"#)
        .fetch_one(db)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(tables == 0)
}

/// Replies that were given to the bus and of which nothing was heard are due again: the bus that had them is gone. Answers how many.
pub async fn replies_again(db: &PgPool, now: Timestamp) -> Result<u64> {
    let done = sqlx::query!(
        "update reply
        set state = 'due', due_at = $1, attempts = 0, lease_until = null
        where state = 'published'
          and receipt is null",
        at(now) as At
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(done.rows_affected())
}
