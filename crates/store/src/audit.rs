//! What staff did besides acting on complaints: whom they let in, what they set aside. The history of a complaint is its updates.

use jiff::Timestamp;
use model::StaffId;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx,
    convert::{At, at},
};

/// One thing somebody did.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// Who, by name; `None`: the program itself.
    pub who: Option<String>,
    /// What: `staff.created`, `parked.dropped`, ….
    pub action: String,
    /// To what: an id or a login, never personal data of a citizen.
    pub subject: String,
    /// What else is worth keeping, such as the reason that was given.
    pub detail: Value,
}

/// Writes an entry, in the transaction of what it tells about: neither is there without the other.
pub async fn write(tx: &mut Tx, now: Timestamp, who: Option<StaffId>, action: &str, subject: &str, detail: &Value) -> Result<()> {
    sqlx::query!(
        "insert into audit (id, at, staff, action, subject, detail) values ($1, $2, $3, $4, $5, $6)",
        model::UpdateId::new(now).0,
        at(now) as At,
        who.map(|id| id.0),
        action,
        subject,
        detail,
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// The latest entries, the newest first; older ones than `before`.
pub async fn list(db: &PgPool, before: Option<(Timestamp, Uuid)>, most: u16) -> Result<Vec<(Uuid, Entry)>> {
    let rows = sqlx::query!(
        r#"select audit.id, at as "at: At", staff.name as "who?", action, subject, detail
           from audit left join staff on staff.id = audit.staff
           where $1::timestamptz is null or (at, audit.id) < ($1, $2)
           order by at desc, audit.id desc
           limit $3"#,
        before.map(|(time, _)| at(time)) as Option<At>,
        before.map(|(_, id)| id),
        i64::from(most),
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(rows
        .into_iter()
        .map(|row| (row.id, Entry { at: row.at.to_jiff(), who: row.who, action: row.action, subject: row.subject, detail: row.detail }))
        .collect())
}
