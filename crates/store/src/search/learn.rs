//! The words that were ever written, so that who mistypes one is led to it.

use crate::{PgPool, Result, StoreError};

/// Any number: the key of the lock under which words are learned.
const LEARNING: i64 = 715_151;

/// How far learning words came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Learned {
    /// Somebody else is at it.
    Elsewhere,
    /// As much as one go takes: there is more.
    Some,
    /// Everything that was written until some seconds ago.
    All,
}

/// How many complaints' words are learned in one go, far less than a statement may take.
const LEARNED_AT_ONCE: i64 = 20_000;

/// Notes the words of what was written since the last time, so that who mistypes one is led to it. Letters only: no number of anybody gets here.
pub async fn learn_words(db: &PgPool) -> Result<Learned> {
    let mut tx = crate::begin(db).await?;
    if !crate::only_one(&mut tx, LEARNING).await? {
        return Ok(Learned::Elsewhere);
    }
    // `kept_at` is when a transaction began: what one that is open still has written is learned once it ends. The seconds are for one that began
    // and is not to be seen yet; who reads for minutes, as a backup does, writes nothing.
    let learned = sqlx::query_scalar!(
        r#"with since as (
          select coalesce(max((value #>> '{}')::timestamptz), '-infinity') as at
          from setting
          where name = 'search.words_until'
        ), fresh as (
          select words, kept_at
          from complaint_words
          where kept_at > (select at from since)
          order by kept_at
          fetch first $1 rows with ties
        ), noted as (
          insert into known_word
          select distinct word
          from fresh, unnest(tsvector_to_array(words)) as word
          where word ~ '^[a-z]{3,30}$'
          order by word
          on conflict do nothing
        ), settled as (
          select least(now(), min(xact_start)) - interval '5 seconds' as at
          from pg_stat_activity
          where datname = current_database()
            and backend_type = 'client backend'
            and (backend_xid is not null or xact_start > now() - interval '2 minutes')
        ), counted as (
          select count(*) as many, max(kept_at) as last from fresh
        ), until as (
          insert into setting (name, value)
          select 'search.words_until', to_jsonb(greatest(since.at, least(settled.at, case when many >= $1 then last end)))
          from since, settled, counted
          on conflict (name) do update set value = excluded.value
        )
        select many as "many!" from counted"#,
        LEARNED_AT_ONCE
    )
    .fetch_one(&mut *tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    crate::commit(tx).await?;
    Ok(if learned < LEARNED_AT_ONCE { Learned::All } else { Learned::Some })
}
