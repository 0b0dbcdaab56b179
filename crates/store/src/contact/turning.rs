//! Which key seals, what each holds, and which may go. What an earlier one sealed is moved by `moving`.

use std::time::Duration;

use model::Timestamp;
use sqlx::{Connection, PgConnection};

use super::{KeysError, begin, remember, ring};
use crate::{
    PgPool, Result, StoreError,
    convert::{At, at},
};

/// How many values of a column a key holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Table and column.
    pub place: String,
    /// The key; empty: nobody has sealed them.
    pub key: String,
    /// How many.
    pub values: i64,
}

/// How many values each key holds, by column; reads all tables.
pub async fn held(db: &PgPool) -> Result<Vec<Held>> {
    const OF_TEXT: &str = "case when starts_with(value, '~') then split_part(value, '~', 2) else '' end";
    let columns = [
        ("opt_out.address", "select coalesce(sealed, '') as value from opt_out"),
        ("block.address", "select coalesce(sealed, '') as value from block"),
        ("body.sealed", "select sealed as value from body where sealed is not null"),
        ("telephone.sealed", "select sealed as value from telephone"),
        ("work_message.sealed", "select sealed as value from work_message where sealed is not null"),
        ("former_address.address", "select coalesce(sealed, '') as value from former_address"),
        ("citizen_address.address", "select coalesce(sealed, '') as value from citizen_address"),
        ("citizen.name", "select name as value from citizen where name is not null"),
        ("complaint.reply_to", "select coalesce(reply_to ->> 'sealed', '') as value from complaint where reply_to is not null"),
        ("reply.reply_to", "select coalesce(reply_to ->> 'sealed', '') as value from reply where reply_to ->> 'address' <> 'gone:-'"),
        ("message.sender", "select sender as value from message where sender <> ''"),
        ("message.sender_name", "select sender_name as value from message where sender_name is not null"),
        ("message.contact", "select coalesce(contact_sealed, '') as value from message where contact <> '{}'"),
    ];
    // A connection of its own, without the time limit: tables may be large.
    let mut connection: PgConnection = db.acquire().await.map_err(StoreError::from_sqlx)?.detach();
    sqlx::query("set statement_timeout = 0").execute(&mut connection).await.map_err(StoreError::from_sqlx)?;
    let mut all = Vec::new();
    for (place, values) in columns {
        let statement = format!("select {OF_TEXT} as key, count(*) from ({values}) as v group by 1 order by 1");
        let rows: Vec<(String, i64)> =
            sqlx::query_as(sqlx::AssertSqlSafe(statement)).fetch_all(&mut connection).await.map_err(StoreError::from_sqlx)?;
        all.extend(rows.into_iter().map(|(key, values)| Held { place: place.to_owned(), key, values }));
    }
    connection.close().await.map_err(StoreError::from_sqlx)?;
    Ok(all)
}

/// The keys that this database knows: name, whether it seals now, since when.
pub async fn keys(db: &PgPool) -> Result<Vec<(String, bool, Timestamp)>> {
    let rows = sqlx::query!(r#"select id, active, made_at as "made_at: At" from contact_key order by made_at, id"#)
        .fetch_all(db)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(rows.into_iter().map(|row| (row.id, row.active, row.made_at.to_jiff())).collect())
}

/// Makes the newest key of the file the one that seals. `false`: it is that already.
///
/// # Errors
/// As of [`begin`].
pub async fn turn(db: &PgPool, now: Timestamp) -> Result<bool, KeysError> {
    let vault = std::sync::Arc::clone(&ring()?.vault);
    remember(db, &vault, vault.newest(), false).await?;
    let mut tx = crate::begin(db).await?;
    let before = sqlx::query!("update contact_key set active = false where active and id <> $1", vault.newest());
    before.execute(&mut *tx).await.map_err(StoreError::from_sqlx)?;
    let turned =
        sqlx::query!("update contact_key set active = true, made_at = $2 where id = $1 and not active", vault.newest(), at(now) as At)
            .execute(&mut *tx)
            .await
            .map_err(StoreError::from_sqlx)?
            .rows_affected();
    crate::commit(tx).await?;
    begin(db, &vault).await?;
    Ok(turned > 0)
}

/// So long after a key became the one that seals, every process has asked for it, and one that does not have it has stopped.
pub const HEARD: Duration = Duration::from_secs(30);

/// Forgets keys that hold nothing: their lines may leave the file. Their names.
pub async fn forget(db: &PgPool) -> Result<Vec<String>> {
    let used: Vec<String> = held(db).await?.into_iter().filter(|held| held.values > 0).map(|held| held.key).collect();
    sqlx::query_scalar!("delete from contact_key where not active and id <> all($1) returning id", &used)
        .fetch_all(db)
        .await
        .map_err(StoreError::from_sqlx)
}
