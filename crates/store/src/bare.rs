//! A yardstick: the rows of recorded complaints once more, into tables of the same shape without index, constraint or trigger, by COPY,
//! which is PostgreSQL's fastest way in. What is slower than this is the price of being right.

use bytes::Bytes;
use futures::TryStreamExt;
use model::ComplaintId;

use crate::{PgPool, Result, StoreError};

/// Which rows of each table belong to a complaint `c`; in the order in which they can be written.
const TABLES: [(&str, &str); 7] = [
    ("citizen", "exists (select from complaint c where c.citizen = t.id and c.id = any($))"),
    ("citizen_address", "exists (select from complaint c where c.citizen = t.citizen and c.id = any($))"),
    ("complaint", "t.id = any($)"),
    ("message", "t.complaint = any($)"),
    ("update", "t.complaint = any($)"),
    ("dispatch", "t.complaint = any($)"),
    ("reply", "t.complaint = any($)"),
];

/// The rows of a batch, as COPY reads them.
#[derive(Debug)]
pub struct Rows(Vec<(&'static str, Bytes)>);

/// Makes the bare tables.
pub async fn prepare(db: &PgPool) -> Result<()> {
    run(db, "create schema if not exists bare".to_owned()).await?;
    for (table, _) in TABLES {
        run(db, format!("create table bare.{table} (like public.{table})")).await?;
    }
    Ok(())
}

async fn run(db: &PgPool, statement: String) -> Result<()> {
    sqlx::query(sqlx::AssertSqlSafe(statement)).execute(db).await.map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Takes down the rows of these complaints.
pub async fn rows(db: &PgPool, complaints: &[ComplaintId]) -> Result<Rows> {
    let ids: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    let ids = format!("'{{{}}}'::uuid[]", ids.join(","));
    let mut connection = db.acquire().await.map_err(StoreError::from_sqlx)?;
    let mut rows = Vec::new();
    for (table, belongs) in TABLES {
        let statement = format!("copy (select * from {table} t where {}) to stdout", belongs.replace('$', &ids));
        let chunks = connection.copy_out_raw(&statement).await.map_err(StoreError::from_sqlx)?;
        let chunks: Vec<Bytes> = chunks.try_collect().await.map_err(StoreError::from_sqlx)?;
        rows.push((table, chunks.concat().into()));
    }
    Ok(Rows(rows))
}

/// Writes them, with one commit.
pub async fn insert(db: &PgPool, rows: &Rows) -> Result<()> {
    let mut tx = db.begin().await.map_err(StoreError::from_sqlx)?;
    for (table, bytes) in &rows.0 {
        let statement = format!("copy bare.{table} from stdin");
        let mut copy = tx.copy_in_raw(&statement).await.map_err(StoreError::from_sqlx)?;
        copy.send(bytes.as_ref()).await.map_err(StoreError::from_sqlx)?;
        copy.finish().await.map_err(StoreError::from_sqlx)?;
    }
    tx.commit().await.map_err(StoreError::from_sqlx)
}
