//! One-time codes with which a citizen goes on in another channel, and who tried wrong ones. Only hashes are kept.

use model::{Address, ComplaintId, Timestamp, connect::Code};

use crate::{
    PgPool, Result, StoreError, Tx,
    contact::ring,
    convert::{At, at},
};

/// Keeps a code of a complaint until then. Its earlier ones no longer count.
pub async fn make(tx: &mut Tx, code: &Code, complaint: ComplaintId, now: Timestamp, until: Timestamp) -> Result<()> {
    let hash = code.hash();
    sqlx::query!(
        "with gone as (
          delete from connect_code
          where complaint = $2
            and used_at is null
        )
        insert into connect_code (hash, complaint, made_at, until)
        values ($1, $2, $3, $4)",
        hash.as_slice(),
        complaint.0,
        at(now) as At,
        at(until) as At
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// The complaint whose code this is, if it still counts; nobody else uses it until the transaction ends.
pub async fn open(tx: &mut Tx, code: &Code, now: Timestamp) -> Result<Option<ComplaintId>> {
    let hash = code.hash();
    let found = sqlx::query_scalar!(
        "select complaint
        from connect_code
        where hash = $1
          and used_at is null
          and until > $2
        for update",
        hash.as_slice(),
        at(now) as At
    )
    .fetch_optional(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(found.map(ComplaintId))
}

/// It was used, or everybody could read it: it no longer counts.
pub async fn spend(tx: &mut Tx, code: &Code, now: Timestamp) -> Result<()> {
    let hash = code.hash();
    sqlx::query!(
        "update connect_code
        set used_at = $2
        where hash = $1",
        hash.as_slice(),
        at(now) as At
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// How many codes that did not count came from one of these addresses since then.
pub async fn tries(tx: &mut Tx, senders: &[Address], since: Timestamp) -> Result<i64> {
    let senders = ring()?.pseudonyms_of(senders);
    sqlx::query_scalar!(
        r#"select count(*) as "count!"
        from connect_try
        where address = any($1)
          and at > $2"#,
        &senders,
        at(since) as At
    )
    .fetch_one(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)
}

/// Counts one.
pub async fn tried(tx: &mut Tx, sender: &Address, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "insert into connect_try (id, address, at) values ($1, $2, $3)",
        model::UpdateId::new(now).0,
        ring()?.pseudonym(sender),
        at(now) as At
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Forgets codes that ended and tries that count no more, of before then.
pub async fn forget(db: &PgPool, before: Timestamp) -> Result<()> {
    sqlx::query!(
        "with codes as (
          delete from connect_code
          where until < $1
        )
        delete from connect_try
        where at < $1",
        at(before) as At
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}
