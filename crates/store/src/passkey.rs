//! Passkeys of staff: the public half of a key that a device keeps, and who is on the way of making or using one. What a credential and a state
//! say, the library that checks them knows; here they are kept.

use jiff::{Timestamp, ToSpan};
use model::{StaffId, UpdateId};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx,
    convert::{At, at},
    staff::{secret, token_hash},
};

/// So many passkeys one account has at most.
pub const MOST: i64 = 10;

/// So many characters the name of one has at most.
pub const LONGEST_NAME: usize = 60;

/// How long a device may take: what the standard recommends (Web Authentication Level 3, 5.4), and what browsers are told.
pub const LONGEST_MINUTES: i64 = 5;

/// A passkey as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Passkey {
    /// Its key here.
    pub id: Uuid,
    /// Whose.
    pub staff: StaffId,
    /// What they call it.
    pub name: String,
    /// By which the device names it.
    pub credential_id: Vec<u8>,
    /// Public key, counter and flags, as the library writes them.
    pub credential: Value,
    /// The host name it was made for.
    pub rp_id: String,
    /// Since when.
    pub added_at: Timestamp,
    /// When somebody last came in by it.
    pub used_at: Option<Timestamp>,
    /// When its counter last stood still or went back.
    pub doubted_at: Option<Timestamp>,
}

/// One to be kept.
#[derive(Debug, Clone)]
pub struct New {
    /// Whose.
    pub staff: StaffId,
    /// What they call it: 1 to [`LONGEST_NAME`] characters.
    pub name: String,
    /// By which the device names it: 1 to 1,023 bytes.
    pub credential_id: Vec<u8>,
    /// As the library writes it.
    pub credential: Value,
    /// The host name it was made for.
    pub rp_id: String,
}

/// What a device was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Try {
    /// Who adds one, and what they call it; `None`: somebody signs in.
    pub adds: Option<(StaffId, String)>,
    /// As the library writes it.
    pub state: Value,
}

struct Row {
    id: Uuid,
    staff: Uuid,
    name: String,
    credential_id: Vec<u8>,
    credential: Value,
    rp_id: String,
    added_at: At,
    used_at: Option<At>,
    doubted_at: Option<At>,
}

impl From<Row> for Passkey {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            staff: StaffId(row.staff),
            name: row.name,
            credential_id: row.credential_id,
            credential: row.credential,
            rp_id: row.rp_id,
            added_at: row.added_at.to_jiff(),
            used_at: row.used_at.map(At::to_jiff),
            doubted_at: row.doubted_at.map(At::to_jiff),
        }
    }
}

/// A device is asked; the value for the cookie of its browser, of which only the hash is kept. Those that ran out are swept up on the way.
pub async fn begin(db: &PgPool, asked: &Try, now: Timestamp) -> Result<String> {
    let token = secret();
    let (staff, name) = asked.adds.as_ref().map(|(staff, name)| (staff.0, name.as_str())).unzip();
    sqlx::query!(
        "with swept as (delete from passkey_try where begun_at < $6)
         insert into passkey_try (token_hash, staff, name, state, begun_at) values ($1, $2, $3, $4, $5)",
        token_hash(&token),
        staff,
        name,
        asked.state,
        at(now) as At,
        at(now - LONGEST_MINUTES.minutes()) as At,
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(token)
}

/// It answers, once. `None`: nobody asked with this, or too long ago, or it answered before.
pub async fn end(db: &PgPool, token: &str, now: Timestamp) -> Result<Option<Try>> {
    let row = sqlx::query!(
        "delete from passkey_try where token_hash = $1 and begun_at >= $2 returning staff, name, state",
        token_hash(token),
        at(now - LONGEST_MINUTES.minutes()) as At,
    )
    .fetch_optional(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(row.map(|row| Try { adds: row.staff.map(StaffId).zip(row.name), state: row.state }))
}

/// Somebody's, the oldest first.
pub async fn of(db: &PgPool, staff: StaffId) -> Result<Vec<Passkey>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id, staff, name, credential_id, credential, rp_id, added_at as "added_at: At", used_at as "used_at: At",
             doubted_at as "doubted_at: At"
           from staff_passkey
           where staff = $1
           order by added_at, id"#,
        staff.0
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(rows.into_iter().map(Passkey::from).collect())
}

/// Whose it is that a device names so.
pub async fn owner(db: &PgPool, credential_id: &[u8]) -> Result<Option<StaffId>> {
    let id = sqlx::query_scalar!("select staff from staff_passkey where credential_id = $1", credential_id)
        .fetch_optional(db)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(id.map(StaffId))
}

/// The one that a device names so, held until the transaction ends: of two that come with the same counter one is late.
pub async fn held(tx: &mut Tx, credential_id: &[u8]) -> Result<Option<Passkey>> {
    let row = sqlx::query_as!(
        Row,
        r#"select id, staff, name, credential_id, credential, rp_id, added_at as "added_at: At", used_at as "used_at: At",
             doubted_at as "doubted_at: At"
           from staff_passkey
           where credential_id = $1
           for update"#,
        credential_id
    )
    .fetch_optional(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(row.map(Passkey::from))
}

/// What became of a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Added {
    /// It is kept under this key. All sessions of its owner have ended.
    Kept(Uuid),
    /// The device's name for it is known here already.
    Known,
    /// They have as many as one may.
    Full,
}

/// Keeps one. From now on signing in asks for it, or for another second factor; all sessions end.
pub async fn add(tx: &mut Tx, new: &New, now: Timestamp) -> Result<Added> {
    // Two at once wait for each other here, so that nobody has one too many.
    sqlx::query_scalar!("select id from staff where id = $1 for update", new.staff.0)
        .fetch_optional(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    let there = sqlx::query_scalar!(r#"select count(*) as "count!" from staff_passkey where staff = $1"#, new.staff.0)
        .fetch_one(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    if there >= MOST {
        return Ok(Added::Full);
    }
    let id = UpdateId::new(now).0;
    let done = sqlx::query!(
        "insert into staff_passkey (id, staff, name, credential_id, credential, rp_id, added_at) values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (credential_id) do nothing",
        id,
        new.staff.0,
        new.name,
        new.credential_id,
        new.credential,
        new.rp_id,
        at(now) as At,
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    if done.rows_affected() == 0 {
        return Ok(Added::Known);
    }
    crate::staff::close_sessions(tx, new.staff).await?;
    Ok(Added::Kept(id))
}

/// Somebody came in by it; its counter and flags are these now.
pub async fn used(tx: &mut Tx, id: Uuid, credential: &Value, now: Timestamp) -> Result<()> {
    sqlx::query!("update staff_passkey set credential = $2, used_at = $3 where id = $1", id, credential, at(now) as At)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Its counter stood still or went back.
pub async fn doubt(tx: &mut Tx, id: Uuid, now: Timestamp) -> Result<()> {
    sqlx::query!("update staff_passkey set doubted_at = $2 where id = $1", id, at(now) as At)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Calls one of somebody's something else. `false`: they have none such.
pub async fn rename(db: &PgPool, staff: StaffId, id: Uuid, name: &str) -> Result<bool> {
    let done = sqlx::query!("update staff_passkey set name = $3 where id = $2 and staff = $1", staff.0, id, name)
        .execute(db)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(done.rows_affected() > 0)
}

/// One of somebody's opens nothing any more; all their sessions end. `false`: they have none such.
pub async fn remove(tx: &mut Tx, staff: StaffId, id: Uuid) -> Result<bool> {
    let done = sqlx::query!("delete from staff_passkey where id = $2 and staff = $1", staff.0, id)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    if done.rows_affected() > 0 {
        crate::factor::drop_codes_without_cause(tx, staff).await?;
        crate::staff::close_sessions(tx, staff).await?;
    }
    Ok(done.rows_affected() > 0)
}

/// None of somebody's opens anything any more, and what is being added is not; how many there were.
pub async fn remove_all(tx: &mut Tx, staff: StaffId) -> Result<u64> {
    sqlx::query!("delete from passkey_try where staff = $1", staff.0).execute(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    let done =
        sqlx::query!("delete from staff_passkey where staff = $1", staff.0).execute(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    crate::factor::drop_codes_without_cause(tx, staff).await?;
    Ok(done.rows_affected())
}
