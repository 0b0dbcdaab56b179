//! Links with which somebody sets their own password: for who begins, and for who forgot it.

use std::collections::HashMap;

use jiff::{Timestamp, ToSpan};
use model::StaffId;

use super::{Staff, by_id, mail, only_the_password, secret, set_password, token_hash};
use crate::{
    PgPool, Result, StoreError, Tx,
    convert::{At, at, known},
    mailing::MailState,
};

/// How long a link to set a password holds.
pub const INVITED_HOURS: i64 = 72;

/// Makes a link's last part with which somebody sets their own password, once; an earlier one is worth nothing any more. Until they do, no
/// password fits, nothing else opens, and nobody is signed in as them.
pub async fn invite(tx: &mut Tx, id: StaffId, by: Option<StaffId>, no_password: &str, now: Timestamp) -> Result<String> {
    lock_out(tx, id, no_password).await?;
    link(tx, id, by, now, now + INVITED_HOURS.hours()).await
}

/// The same, and the link goes by mail to the address that the account has: it is made when it is sent. `None`: there is no such address, and
/// nothing happened; else where it goes.
pub async fn invite_by_mail(tx: &mut Tx, id: StaffId, by: Option<StaffId>, no_password: &str, now: Timestamp) -> Result<Option<String>> {
    if mail::address(tx, id).await?.is_none() {
        return Ok(None);
    }
    lock_out(tx, id, no_password).await?;
    mail::enqueue(tx, id, mail::INVITATION, by, now, now + INVITED_HOURS.hours()).await
}

async fn lock_out(tx: &mut Tx, id: StaffId, no_password: &str) -> Result<()> {
    set_password(tx, id, no_password).await?;
    only_the_password(tx, id).await
}

/// Makes a link; earlier ones of the same invitation hold too, because the mail that brought one may have arrived all the same.
pub(super) async fn link(tx: &mut Tx, id: StaffId, by: Option<StaffId>, now: Timestamp, until: Timestamp) -> Result<String> {
    let token = secret();
    sqlx::query!(
        "insert into invitation (token_hash, staff, made_by, made_at, until) values ($1, $2, $3, $4, $5)",
        token_hash(&token),
        id.0,
        by.map(|by| by.0),
        at(now) as At,
        at(until) as At,
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(token)
}

/// No link sets this account's password any more, and none is on its way.
pub(super) async fn withdraw(tx: &mut Tx, id: StaffId) -> Result<()> {
    // The mail first: this waits for who is making a link for it, and then sees that link.
    mail::withdraw(tx, id, mail::INVITATION).await?;
    sqlx::query!("delete from invitation where staff = $1", id.0).execute(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    Ok(())
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

/// A link that somebody has not used yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Until when it holds, or held: nobody has set a password since.
    pub until: Timestamp,
    /// The mail that brings it; `None`: it was shown.
    pub mail: Option<Sent>,
}

/// What became of a mail so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Where it goes, or went.
    pub email: String,
    /// How far it is.
    pub state: MailState,
    /// What the mail server said last, without personal data; `None`: nothing went wrong.
    pub error: Option<String>,
}

/// Whose links are still waiting, also those that ran out.
pub async fn waiting(db: &PgPool) -> Result<HashMap<StaffId, Waiting>> {
    let rows = sqlx::query!(
        r#"select coalesce(m.staff, i.staff) as "staff!", coalesce(m.until, i.until) as "until!: At", m.email as "email?", m.state as "state?",
             m.error as "error?"
           from (select staff, max(until) as until from invitation group by staff) i
           full join (select staff, until, email, state, error from account_mail where occasion = 'invitation') m on m.staff = i.staff"#
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let waiting = |email: Option<String>, state: Option<String>, error| -> Result<Option<Sent>> {
        let (Some(email), Some(state)) = (email, state) else { return Ok(None) };
        Ok(Some(Sent { email, state: known(MailState::from_word(&state), "account_mail", "state")?, error }))
    };
    rows.into_iter()
        .map(|row| {
            let mail = waiting(row.email, row.state, row.error)?;
            Ok((StaffId(row.staff), Waiting { until: row.until.to_jiff(), mail }))
        })
        .collect()
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
