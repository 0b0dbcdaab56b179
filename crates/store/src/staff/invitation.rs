//! Links with which somebody sets their own password: for who begins, and for who forgot it.

use std::collections::HashMap;

use jiff::{Timestamp, ToSpan};
use model::StaffId;

use super::{Staff, by_id, only_the_password, secret, set_password, token_hash};
use crate::{
    PgPool, Result, StoreError, Tx,
    convert::{At, at},
};

/// How long a link to set a password holds.
pub const INVITED_HOURS: i64 = 72;

/// Makes a link's last part with which somebody sets their own password, once; an earlier one is worth nothing any more. Until they do, no
/// password fits, nothing else opens, and nobody is signed in as them.
pub async fn invite(tx: &mut Tx, id: StaffId, by: Option<StaffId>, no_password: &str, now: Timestamp) -> Result<String> {
    set_password(tx, id, no_password).await?;
    only_the_password(tx, id).await?;
    let token = secret();
    sqlx::query!(
        "insert into invitation (token_hash, staff, made_by, made_at, until) values ($1, $2, $3, $4, $5)",
        token_hash(&token),
        id.0,
        by.map(|by| by.0),
        at(now) as At,
        at(now + INVITED_HOURS.hours()) as At,
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(token)
}

/// Whose link it is; `None`: it was used, ran out, or the account is closed.
pub async fn invited(db: &PgPool, token: &str, now: Timestamp) -> Result<Option<Staff>> {
    let found = sqlx::query_scalar!("select staff from invitation where token_hash = $1 and until > $2", token_hash(token), at(now) as At)
        .fetch_optional(db)
        .await
        .map_err(StoreError::from_sqlx)?;
    match found {
        Some(id) => Ok(by_id(db, StaffId(id)).await?.filter(|staff| staff.active)),
        None => Ok(None),
    }
}

/// Whose links are still waiting, and until when.
pub async fn waiting(db: &PgPool, now: Timestamp) -> Result<HashMap<StaffId, Timestamp>> {
    let rows = sqlx::query!(r#"select staff, until as "until: At" from invitation where until > $1"#, at(now) as At).fetch_all(db).await;
    Ok(rows.map_err(StoreError::from_sqlx)?.into_iter().map(|row| (StaffId(row.staff), row.until.to_jiff())).collect())
}

/// Uses a link: its password is set, and the link is gone. `None`: somebody was faster, or it ran out.
pub async fn accept(tx: &mut Tx, token: &str, password_hash: &str, now: Timestamp) -> Result<Option<StaffId>> {
    let used = sqlx::query_scalar!(
        "delete from invitation using staff
         where token_hash = $1 and until > $2 and staff.id = invitation.staff and active
         returning staff.id",
        token_hash(token),
        at(now) as At
    )
    .fetch_optional(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?
    .map(StaffId);
    if let Some(id) = used {
        set_password(tx, id, password_hash).await?;
    }
    Ok(used)
}
