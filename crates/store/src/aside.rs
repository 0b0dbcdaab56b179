//! Indexes set aside while millions are written for a measurement: made at once afterwards, they take a small part of the time.

use sqlx::PgConnection;

use crate::{PgPool, Result, StoreError};

/// Drops the indexes of these tables that no constraint stands on, but for those named in `but`, and remembers how to make them again.
pub(crate) async fn indexes(db: &PgPool, tables: &[&str], but: &[&str]) -> Result<()> {
    let found: Vec<(String, String)> = sqlx::query_as(
        "select i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
        from pg_index i
        where i.indrelid = any($1::text[]::regclass[]) and i.indexrelid::regclass::text <> all($2)
          and not exists (select from pg_constraint c where c.conindid = i.indexrelid)",
    )
    .bind(tables)
    .bind(but)
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let drops = found.into_iter().map(|(name, again)| (format!("drop index {name}"), again));
    set_aside(db, drops.collect()).await
}

/// Drops the primary key of a table that nothing refers to, and remembers it.
pub(crate) async fn primary_key(db: &PgPool, table: &str) -> Result<()> {
    let found: Vec<(String, String)> = sqlx::query_as(
        "select format('alter table %s drop constraint %I', conrelid::regclass, conname),
          format('alter table %s add constraint %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
        from pg_constraint
        where conrelid = $1::text::regclass and contype = 'p'",
    )
    .bind(table)
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    set_aside(db, found).await
}

async fn set_aside(db: &PgPool, found: Vec<(String, String)>) -> Result<()> {
    let mut tx = crate::begin(db).await?;
    run(&mut tx, "create table if not exists set_aside (again text not null)".to_owned()).await?;
    for (drop, again) in found {
        sqlx::query("insert into set_aside (again) values ($1)").bind(again).execute(&mut *tx).await.map_err(StoreError::from_sqlx)?;
        run(&mut tx, drop).await?;
    }
    crate::commit(tx).await
}

/// Makes all of them again, on a connection whose statements may take as long as they take.
pub(crate) async fn make_again(connection: &mut PgConnection) -> Result<()> {
    let all: Vec<String> =
        sqlx::query_scalar("select again from set_aside").fetch_all(&mut *connection).await.map_err(StoreError::from_sqlx)?;
    for again in all {
        run(connection, again).await?;
    }
    run(connection, "drop table set_aside".to_owned()).await
}

async fn run(connection: &mut PgConnection, statement: String) -> Result<()> {
    sqlx::query(sqlx::AssertSqlSafe(statement)).execute(connection).await.map_err(StoreError::from_sqlx)?;
    Ok(())
}
