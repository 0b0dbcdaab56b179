//! Tries to sign in that failed, and the pauses that grow with them. A try counts as failed before it is looked at, and no longer once it
//! succeeded: however many come at once, none is for free.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp, ToSpan};
use sha2::{Digest, Sha256};

use crate::{
    PgPool, Result, StoreError,
    convert::{At, at},
};

/// What is counted. Only hashes are kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key(Vec<u8>);

impl Key {
    /// A login as somebody typed it, from browsers that never signed in with it; whether there is such an account or not.
    pub fn login(login: &str) -> Self {
        Self::of("login", &login.trim().to_lowercase())
    }

    /// A browser that signed in before.
    pub fn browser(name: &str) -> Self {
        Self::of("browser", name)
    }

    /// A network address.
    pub fn address(address: &str) -> Self {
        Self::of("address", address)
    }

    /// Somebody who proved their password, at the next question: the second factor, or the old password.
    pub fn second(staff: model::StaffId) -> Self {
        Self::of("second", &staff.to_string())
    }

    fn of(kind: &str, text: &str) -> Self {
        Self(Sha256::digest(format!("{kind} {text}")).to_vec())
    }
}

/// How a kind of key is treated.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// So many tries in a row without a pause.
    pub free: i32,
    /// The first pause; each following one is twice as long …
    pub first: SignedDuration,
    /// … up to this.
    pub longest: SignedDuration,
    /// After so long without a try the count begins anew.
    pub forget: SignedDuration,
}

/// For logins, browsers and second steps: five tries, then pauses from half a minute to a quarter of an hour.
pub const FOR_ACCOUNTS: Rule =
    Rule { free: 5, first: SignedDuration::from_secs(30), longest: SignedDuration::from_mins(15), forget: SignedDuration::from_hours(12) };

/// For addresses: a whole office stands behind one, so more are free.
pub const FOR_ADDRESSES: Rule = Rule { free: 50, forget: SignedDuration::from_hours(1), ..FOR_ACCOUNTS };

/// Whether a try may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It may. `fails`: in a row, this one included, should it fail; `until`: the pause that follows then.
    Go {
        /// In a row.
        fails: i32,
        /// When the next one counts.
        until: Timestamp,
    },
    /// Not before this.
    Wait {
        /// When.
        until: Timestamp,
    },
}

/// Counts a try as failed, unless there is a pause.
pub async fn take(db: &PgPool, key: &Key, rule: &Rule, now: Timestamp) -> Result<Turn> {
    let row = sqlx::query!(
        r#"insert into sign_in_try as known (key, fails, last_at, until) values ($1, 1, $2, $2)
           on conflict (key) do update
           set fails = case when known.last_at < $3 then 1 else known.fails + 1 end,
             last_at = $2,
             until = $2 + make_interval(secs => case
               when known.last_at < $3 or known.fails + 1 < $4 then 0
               else least($6::float8, $5::float8 * power(2::float8, least(known.fails + 1 - $4, 30)::float8)) end)
           where known.until <= $2
           returning fails, until as "until: At""#,
        key.0,
        at(now) as At,
        at(now - rule.forget) as At,
        rule.free,
        rule.first.as_secs_f64(),
        rule.longest.as_secs_f64(),
    )
    .fetch_optional(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    if let Some(row) = row {
        return Ok(Turn::Go { fails: row.fails, until: row.until.to_jiff() });
    }
    let until = sqlx::query_scalar!(r#"select until as "until: At" from sign_in_try where key = $1"#, key.0)
        .fetch_optional(db)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(Turn::Wait { until: until.map_or(now, At::to_jiff) })
}

/// It succeeded: the count begins anew.
pub async fn forgive(db: &PgPool, keys: &[Key]) -> Result<()> {
    let keys: Vec<Vec<u8>> = keys.iter().map(|key| key.0.clone()).collect();
    sqlx::query!("delete from sign_in_try where key = any($1)", &keys).execute(db).await.map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// It succeeded, but others stand behind the same key: only this try no longer counts.
pub async fn give_back(db: &PgPool, key: &Key) -> Result<()> {
    sqlx::query!(
        "with gone as (delete from sign_in_try where key = $1 and fails = 1 returning key)
         update sign_in_try set fails = fails - 1, until = least(until, last_at) where key = $1 and fails > 1",
        key.0
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Which of these have a pause now, how many failed in a row, and until when.
pub async fn paused(db: &PgPool, keys: &[Key], now: Timestamp) -> Result<HashMap<Key, (i32, Timestamp)>> {
    let keys: Vec<Vec<u8>> = keys.iter().map(|key| key.0.clone()).collect();
    let rows = sqlx::query!(
        r#"select key, fails, until as "until: At" from sign_in_try where key = any($1) and until > $2"#,
        &keys,
        at(now) as At
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(rows.into_iter().map(|row| (Key(row.key), (row.fails, row.until.to_jiff()))).collect())
}

/// Forgets what is older than a day.
pub async fn sweep(db: &PgPool, now: Timestamp) -> Result<()> {
    sqlx::query!("delete from sign_in_try where last_at < $1", at(now - 24.hours()) as At)
        .execute(db)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(())
}
