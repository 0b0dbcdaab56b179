//! Signing in elsewhere: who is on their way to a provider of OpenID Connect, and which account there opens which one here.

use jiff::{Timestamp, ToSpan};
use model::StaffId;
use sha2::{Digest, Sha256};

use crate::{
    PgPool, Result, StoreError, Tx,
    convert::{At, at},
    staff::{Staff, by_id},
};

/// Somebody on their way there and back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Try {
    /// Has to be inside the token.
    pub nonce: String,
    /// Proves that we began it.
    pub verifier: String,
    /// Who connects an account of theirs; `None`: somebody signs in.
    pub staff: Option<StaffId>,
    /// Where they wanted to go.
    pub back: String,
}

/// An account there that opens one here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// As it was shown there, if the provider said so.
    pub shown: Option<String>,
    /// Since when.
    pub since: Timestamp,
}

/// How long the way there and back may take.
fn oldest(now: Timestamp) -> Timestamp {
    now - 10.minutes()
}

fn state_hash(state: &str) -> Vec<u8> {
    Sha256::digest(state).to_vec()
}

/// Somebody goes. Forgets those who never came back.
pub async fn begin(db: &PgPool, state: &str, begun: &Try, now: Timestamp) -> Result<()> {
    sqlx::query!("delete from oidc_try where begun_at < $1", at(oldest(now)) as At).execute(db).await.map_err(StoreError::from_sqlx)?;
    sqlx::query!(
        "insert into oidc_try (state_hash, nonce, verifier, staff, back, begun_at) values ($1, $2, $3, $4, $5, $6)",
        state_hash(state),
        begun.nonce,
        begun.verifier,
        begun.staff.map(|staff| staff.0),
        begun.back,
        at(now) as At
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// They come back, once. `None`: nobody went with this, or too long ago, or they came back before.
pub async fn end(db: &PgPool, state: &str, now: Timestamp) -> Result<Option<Try>> {
    let row = sqlx::query!(
        "delete from oidc_try where state_hash = $1 and begun_at >= $2 returning nonce, verifier, staff, back",
        state_hash(state),
        at(oldest(now)) as At
    )
    .fetch_optional(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(row.map(|row| Try { nonce: row.nonce, verifier: row.verifier, staff: row.staff.map(StaffId), back: row.back }))
}

/// Who is opened by this account there.
pub async fn staff(db: &PgPool, issuer: &str, subject: &str) -> Result<Option<Staff>> {
    let id = sqlx::query_scalar!("select staff from oidc_account where issuer = $1 and subject = $2", issuer, subject)
        .fetch_optional(db)
        .await
        .map_err(StoreError::from_sqlx)?;
    match id {
        Some(id) => by_id(db, StaffId(id)).await,
        None => Ok(None),
    }
}

/// What somebody has connected at this provider.
pub async fn of(db: &PgPool, issuer: &str, staff: StaffId) -> Result<Option<Connected>> {
    let row =
        sqlx::query!(r#"select shown, connected_at as "since: At" from oidc_account where issuer = $1 and staff = $2"#, issuer, staff.0)
            .fetch_optional(db)
            .await
            .map_err(StoreError::from_sqlx)?;
    Ok(row.map(|row| Connected { shown: row.shown, since: row.since.to_jiff() }))
}

/// Connects an account there in place of an earlier one. `false`: it opens somebody else's.
pub async fn connect(tx: &mut Tx, staff: StaffId, issuer: &str, subject: &str, shown: Option<&str>, now: Timestamp) -> Result<bool> {
    sqlx::query!("delete from oidc_account where issuer = $1 and staff = $2", issuer, staff.0)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    let done = sqlx::query!(
        "insert into oidc_account (issuer, subject, staff, shown, connected_at) values ($1, $2, $3, $4, $5)
        on conflict do nothing",
        issuer,
        subject,
        staff.0,
        shown,
        at(now) as At
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(done.rows_affected() > 0)
}

/// It opens nothing any more. `false`: there was none.
pub async fn disconnect(tx: &mut Tx, staff: StaffId, issuer: &str) -> Result<bool> {
    let done = sqlx::query!("delete from oidc_account where issuer = $1 and staff = $2", issuer, staff.0)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(done.rows_affected() > 0)
}

/// All of them.
pub async fn disconnect_all(tx: &mut Tx, staff: StaffId) -> Result<()> {
    sqlx::query!("delete from oidc_account where staff = $1", staff.0).execute(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    Ok(())
}
