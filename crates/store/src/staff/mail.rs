//! Mails to staff about their own account: a work list of `dispatch`. A link to set a password is made when its mail is claimed, because only hashes
//! are kept.

use std::time::Duration;

use jiff::{Timestamp, ToSpan};
use model::{Language, StaffId, TraceId, UpdateId};
use uuid::Uuid;

use super::invitation;
use crate::{
    PgPool, Result, StoreError, Tx,
    convert::{At, at, known, later},
    error::still_ours,
    mailing::{MailOutcome, Written},
};

/// A link to set a password.
pub(super) const INVITATION: &str = "invitation";
/// A recovery code was used.
const RECOVERY_CODE: &str = "recovery_code";

/// Later than that, nobody needs to read that a code was used: it stands on their page and in the audit.
const TOLD_HOURS: i64 = 72;

/// A mail that this worker has for a while. `Debug` shows neither address nor link.
pub struct ClaimedAccountMail {
    /// Its key.
    pub id: Uuid,
    /// Whose account.
    pub staff: StaffId,
    /// What they type to sign in.
    pub login: String,
    /// The language of their pages.
    pub language: Language,
    /// To where.
    pub email: String,
    /// What it is about.
    pub occasion: Occasion,
    /// Follows it through the log; new with each try.
    pub trace: TraceId,
    /// How often it was tried, this time included.
    pub attempts: u16,
    lease: At,
}

/// What a mail about an account says.
#[derive(Clone, PartialEq, Eq)]
pub enum Occasion {
    /// With this they set their password.
    Invitation {
        /// The last part of the link, made for this try.
        token: String,
        /// How long it holds.
        until: Timestamp,
    },
    /// Somebody signed in, or changed the second factor, with a recovery code.
    RecoveryCode {
        /// When.
        used_at: Timestamp,
        /// How many codes are left.
        left: u64,
    },
}

impl std::fmt::Debug for ClaimedAccountMail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClaimedAccountMail").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Where somebody is written to; `None`: nowhere.
pub async fn address(tx: &mut Tx, staff: StaffId) -> Result<Option<String>> {
    sqlx::query_scalar!("select email from staff_mail where staff = $1", staff.0)
        .fetch_optional(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)
}

/// Puts a mail on the list; the address, or `None`: they have none.
pub(super) async fn enqueue(
    tx: &mut Tx,
    staff: StaffId,
    occasion: &str,
    by: Option<StaffId>,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<String>> {
    sqlx::query_scalar!(
        "insert into account_mail (id, staff, occasion, email, made_by, made_at, until, due_at)
         select $1, staff, $3, email, $4, $5, $6, $5 from staff_mail where staff = $2
         returning email",
        UpdateId::new(now).0,
        staff.0,
        occasion,
        by.map(|by| by.0),
        at(now) as At,
        at(until) as At,
    )
    .fetch_optional(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)
}

/// Tells somebody by mail that a recovery code of theirs was used; who has no address reads it on their page. Older tellings are swept up.
pub async fn tell_of_code(tx: &mut Tx, staff: StaffId, now: Timestamp) -> Result<()> {
    sqlx::query!("delete from account_mail where staff = $1 and occasion = $2 and until <= $3", staff.0, RECOVERY_CODE, at(now) as At)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    enqueue(tx, staff, RECOVERY_CODE, None, now, now + TOLD_HOURS.hours()).await?;
    Ok(())
}

/// Nothing of this kind is to be sent any more.
pub(super) async fn withdraw(tx: &mut Tx, staff: StaffId, occasion: &str) -> Result<()> {
    sqlx::query!("delete from account_mail where staff = $1 and occasion = $2", staff.0, occasion)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Takes up to `limit` mails for `lease`; nobody else gets them meanwhile. They go to the address that the account has now; not to one that is
/// closed or has none.
pub async fn claim(db: &PgPool, now: Timestamp, lease: Duration, limit: u16) -> Result<Vec<ClaimedAccountMail>> {
    let mut tx = crate::begin(db).await?;
    let rows = sqlx::query!(
        r#"with due as (
          select m.id, a.email
          from account_mail m
          join staff s on s.id = m.staff
          join staff_mail a on a.staff = m.staff
          where m.state = 'due'
            and m.due_at <= $1
            and m.until > $1
            and (m.lease_until is null or m.lease_until <= $1)
            and s.active
          order by m.due_at, m.id
          limit $3
          for update of m skip locked
        ), claimed as (
          update account_mail m
          set lease_until = $2, attempts = attempts + 1, email = due.email
          from due
          where m.id = due.id
          returning m.id, m.staff, m.occasion, m.email, m.made_by, m.made_at, m.until, m.attempts, m.lease_until
        )
        select m.id, m.staff, m.occasion, m.email, m.made_by, m.made_at as "made_at: At", m.until as "until: At", m.attempts,
          m.lease_until as "lease_until!: At", s.login, s.language,
          (select count(*) from recovery_code r where r.staff = m.staff and r.used_at is null) as "left!"
        from claimed m
        join staff s on s.id = m.staff
        order by m.id"#,
        at(now) as At,
        at(later(now, lease)) as At,
        i64::from(limit)
    )
    .fetch_all(&mut *tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let mut claimed = Vec::with_capacity(rows.len());
    for row in rows {
        let staff = StaffId(row.staff);
        let occasion = match row.occasion.as_str() {
            INVITATION => {
                let until = row.until.to_jiff();
                let token = invitation::link(&mut tx, staff, row.made_by.map(StaffId), now, until).await?;
                Some(Occasion::Invitation { token, until })
            }
            RECOVERY_CODE => {
                Some(Occasion::RecoveryCode { used_at: row.made_at.to_jiff(), left: u64::try_from(row.left).unwrap_or_default() })
            }
            _ => None,
        };
        claimed.push(ClaimedAccountMail {
            id: row.id,
            staff,
            login: row.login,
            language: Language::from_tag(&row.language),
            email: row.email,
            occasion: known(occasion, "account_mail", "occasion")?,
            trace: TraceId::random(),
            attempts: u16::try_from(row.attempts).unwrap_or(u16::MAX),
            lease: row.lease_until,
        });
    }
    crate::commit(tx).await?;
    Ok(claimed)
}

/// Writes what became of it; only by who holds the lease. [`StoreError::Stale`]: the lease ran out and another has it, or it is not wanted any more.
pub async fn settle(db: &PgPool, claimed: ClaimedAccountMail, outcome: MailOutcome, now: Timestamp) -> Result<()> {
    let Written { state, due_at, error } = outcome.written(now);
    let done = sqlx::query!(
        "update account_mail
        set state = $3, due_at = coalesce($4, due_at), error = $5, lease_until = null
        where id = $1
          and state = 'due'
          and lease_until = $2",
        claimed.id,
        claimed.lease as At,
        state,
        due_at as Option<At>,
        error
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    still_ours(&done)
}
