//! Who works here: accounts, passwords, and the sessions of who is signed in.

mod invitation;
pub mod mail;

use std::collections::HashMap;

use jiff::{Timestamp, ToSpan};
use model::{AgencyId, ComplaintId, Language, Role, StaffId, id::random_bytes};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx,
    convert::{At, at},
    telephone::{self, Whose},
};

pub use crate::password::{hash_password, verify_password};
pub use invitation::{INVITED_HOURS, Sent, Waiting, accept, invite, invite_by_mail, invited, waiting};

/// Somebody who works here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staff {
    /// Their key.
    pub id: StaffId,
    /// What they type to sign in; lower case.
    pub login: String,
    /// Their name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Whose complaints they work on: officers and supervisors have one, the others none.
    pub agency: Option<AgencyId>,
    /// Account of the desk channel whose office a clerk sits in.
    pub office: Option<String>,
    /// The language of their pages.
    pub language: Language,
    /// Whether they may sign in.
    pub active: bool,
    /// Whether an admin named them for what is confidential.
    pub named: bool,
    /// Whether they see what is confidential: they are named and their role and agency let them, or nobody is and they are an admin.
    pub confided: bool,
    /// Since when they have an account.
    pub created_at: Timestamp,
}

/// An account to be made.
#[derive(Debug, Clone)]
pub struct NewStaff {
    /// What they type to sign in.
    pub login: String,
    /// Their name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Needed for officers and supervisors, and only for them.
    pub agency: Option<AgencyId>,
    /// Needed for clerks.
    pub office: Option<String>,
    /// The language of their pages.
    pub language: Language,
}

/// Who is signed in, and the token that their forms carry.
#[derive(Debug, Clone)]
pub struct Session {
    /// Who.
    pub staff: Staff,
    /// Every form of theirs carries it: another site cannot know it.
    pub csrf: String,
    /// Whether they have a second factor: an app, or a passkey.
    pub second_factor: bool,
}

struct Row {
    id: Uuid,
    login: String,
    name: String,
    role: String,
    agency: Option<Uuid>,
    office: Option<String>,
    language: String,
    active: bool,
    named: bool,
    confided: bool,
    created_at: At,
}

fn into_model(row: Row) -> Result<Staff> {
    Ok(Staff {
        id: StaffId(row.id),
        login: row.login,
        name: row.name,
        role: row.role.parse().map_err(|_| StoreError::Corrupt { table: "staff", column: "role" })?,
        agency: row.agency.map(AgencyId),
        office: row.office,
        language: Language::from_tag(&row.language),
        active: row.active,
        named: row.named,
        confided: row.confided,
        created_at: row.created_at.to_jiff(),
    })
}

/// Whether nobody works here yet: the first start then makes the first account.
pub async fn is_empty(db: &PgPool) -> Result<bool> {
    let some =
        sqlx::query_scalar!(r#"select exists (select 1 from staff) as "some!""#).fetch_one(db).await.map_err(StoreError::from_sqlx)?;
    Ok(!some)
}

/// Makes an account; `None`: the login is taken. The login is kept in lower case.
/// [`StoreError::Conflict`]: the role needs an agency or an office, or must not have one.
pub async fn create(tx: &mut Tx, new: &NewStaff, password_hash: &str, now: Timestamp) -> Result<Option<StaffId>> {
    let id = StaffId::new(now);
    let made = sqlx::query_scalar!(
        "insert into staff (id, login, name, role, agency, office, password, language, created_at)
         values ($1, lower($2), $3, $4, $5, $6, $7, $8, $9)
         on conflict (login) do nothing
         returning id",
        id.0,
        new.login.trim(),
        new.name.trim(),
        new.role.as_str(),
        new.agency.map(|agency| agency.0),
        new.office,
        password_hash,
        new.language.tag(),
        at(now) as At,
    )
    .fetch_optional(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(made.map(StaffId))
}

/// The account with this login and its password hash; inactive ones too.
pub async fn by_login(db: &PgPool, login: &str) -> Result<Option<(Staff, String)>> {
    let row = sqlx::query!(
        r#"select id, login, name, role, agency, office, language, active, confidential as named,
             sees_confidential(staff) as "confided!", created_at as "created_at: At", password
           from staff
           where login = lower($1)"#,
        login.trim(),
    )
    .fetch_optional(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    row.map(|row| {
        let staff = into_model(Row {
            id: row.id,
            login: row.login,
            name: row.name,
            role: row.role,
            agency: row.agency,
            office: row.office,
            language: row.language,
            active: row.active,
            named: row.named,
            confided: row.confided,
            created_at: row.created_at,
        })?;
        Ok((staff, row.password))
    })
    .transpose()
}

/// The account with this key; inactive ones too.
pub async fn by_id(db: &PgPool, id: StaffId) -> Result<Option<Staff>> {
    let row = sqlx::query_as!(
        Row,
        r#"select id, login, name, role, agency, office, language, active, confidential as named,
             sees_confidential(staff) as "confided!", created_at as "created_at: At" from staff where id = $1"#,
        id.0
    )
    .fetch_optional(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    row.map(into_model).transpose()
}

/// Everybody, active ones first, by name.
pub async fn list(db: &PgPool) -> Result<Vec<Staff>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id, login, name, role, agency, office, language, active, confidential as named,
             sees_confidential(staff) as "confided!", created_at as "created_at: At"
           from staff
           order by active desc, lower(name), id"#,
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter().map(into_model).collect()
}

/// The names of these people, gone ones too.
pub async fn names(db: &PgPool, ids: &[StaffId]) -> Result<HashMap<StaffId, String>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!("select id, name from staff where id = any($1)", &ids).fetch_all(db).await.map_err(StoreError::from_sqlx)?;
    Ok(rows.into_iter().map(|row| (StaffId(row.id), row.name)).collect())
}

/// Lets somebody in again, or no longer: then all their sessions end too, and their passkeys and telephone number are gone. A link for a password from
/// before is worth nothing either way. `false`: there is no such account.
pub async fn set_active(tx: &mut Tx, id: StaffId, active: bool) -> Result<bool> {
    let done = sqlx::query!("update staff set active = $2 where id = $1", id.0, active)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?
        .rows_affected();
    invitation::withdraw(tx, id).await?;
    if !active {
        close_sessions(tx, id).await?;
        crate::passkey::remove_all(tx, id).await?;
        telephone::forget(tx, Whose::Staff(id)).await?;
    }
    Ok(done > 0)
}

/// Names somebody for what is confidential, or no longer; their sessions go on and see by the next page. `false`: there is no such account, or their
/// role and agency see nothing confidential.
pub async fn set_named(tx: &mut Tx, id: StaffId, named: bool) -> Result<bool> {
    let done = sqlx::query!(
        "update staff
        set confidential = $2
        where id = $1
          and (not $2 or role in ('triage', 'admin') or exists (select from agency where agency.id = staff.agency and agency.inspectorate))",
        id.0,
        named
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(done.rows_affected() > 0)
}

/// Gives somebody a new password; all their sessions end, and no link sets another one. `false`: there is no such account.
pub async fn set_password(tx: &mut Tx, id: StaffId, password_hash: &str) -> Result<bool> {
    let done = sqlx::query!("update staff set password = $2 where id = $1", id.0, password_hash)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?
        .rows_affected();
    close_sessions(tx, id).await?;
    invitation::withdraw(tx, id).await?;
    Ok(done > 0)
}

/// Ends every session of somebody, and every token for desk and import.
pub(crate) async fn close_sessions(tx: &mut Tx, staff: StaffId) -> Result<()> {
    sqlx::query!("delete from session where staff = $1", staff.0).execute(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    sqlx::query!("delete from half_session where staff = $1", staff.0).execute(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    crate::ended::end(tx, staff).await
}

/// A complaint that somebody holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Which.
    pub complaint: ComplaintId,
    /// Its number.
    pub reference: String,
    /// For which agency.
    pub agency: AgencyId,
    /// Whether they asked the citizen something.
    pub asked: bool,
    /// When the agency should be done.
    pub deadline: Timestamp,
}

/// What somebody holds and has not finished, the most urgent first. In a transaction, so that what is read can be locked next.
pub async fn held(tx: &mut Tx, id: StaffId) -> Result<Vec<Held>> {
    let rows = sqlx::query!(
        r#"select complaint, reference, agency, work = 'awaiting_citizen' as "asked!", dispatch.deadline as "deadline: At"
           from dispatch join complaint on complaint.id = dispatch.complaint
           where officer = $1 and work in ('open', 'in_progress', 'awaiting_citizen')
           order by dispatch.deadline, dispatch.id"#,
        id.0
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let held = rows.into_iter().map(|row| Held {
        complaint: ComplaintId(row.complaint),
        reference: row.reference,
        agency: AgencyId(row.agency),
        asked: row.asked,
        deadline: row.deadline.to_jiff(),
    });
    Ok(held.collect())
}

/// Nothing else opens the account any more: whoever gets a new password, because nobody knows who has the old one, gets in by nothing that may have been
/// set up with that. The app and its codes stay: they open nothing alone.
pub async fn only_the_password(tx: &mut Tx, id: StaffId) -> Result<()> {
    crate::oidc::disconnect_all(tx, id).await?;
    crate::passkey::remove_all(tx, id).await?;
    Ok(())
}

/// A session ends after a working day, whatever happens …
const LONGEST_HOURS: i64 = 12;
/// … and after this long without a page.
const LONGEST_IDLE_HOURS: i64 = 2;
/// `last_seen` is written no more often: a page view need not be a write.
const SEEN_EVERY_MINUTES: i64 = 5;

pub(crate) fn token_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token).to_vec()
}

/// 256 random bits in hex.
pub(crate) fn secret() -> String {
    let number = || u128::from_be_bytes(random_bytes());
    format!("{:032x}{:032x}", number(), number())
}

/// Signs somebody in; the value for their cookie. Only its hash is kept. Sessions that ran out are swept up on the way.
pub async fn open_session(db: &PgPool, staff: StaffId, now: Timestamp) -> Result<String> {
    let token = secret();
    sqlx::query!(
        "with swept as (delete from session where expires_at < $4)
         insert into session (token_hash, staff, csrf, created_at, last_seen, expires_at) values ($1, $2, $3, $4, $4, $5)",
        token_hash(&token),
        staff.0,
        secret(),
        at(now) as At,
        at(now + LONGEST_HOURS.hours()) as At,
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(token)
}

/// Who is signed in with this cookie. `None`: nobody, not any more, or the account was closed.
pub async fn session(db: &PgPool, token: &str, now: Timestamp) -> Result<Option<Session>> {
    let hash = token_hash(token);
    let row = sqlx::query!(
        r#"select staff.id, login, name, role, agency, office, language, active,
                  confidential as named, sees_confidential(staff.*) as "confided!", staff.created_at as "created_at: At", csrf,
                  last_seen as "last_seen: At",
                  (exists (select 1 from factor where factor.staff = staff.id and confirmed_at is not null)
                    or exists (select 1 from staff_passkey where staff_passkey.staff = staff.id)) as "second_factor!"
           from session join staff on staff.id = session.staff
           where token_hash = $1 and active and expires_at > $2 and last_seen > $3"#,
        hash,
        at(now) as At,
        at(now - LONGEST_IDLE_HOURS.hours()) as At,
    )
    .fetch_optional(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let Some(row) = row else { return Ok(None) };
    if row.last_seen.to_jiff() < now - SEEN_EVERY_MINUTES.minutes() {
        sqlx::query!("update session set last_seen = $2 where token_hash = $1", hash, at(now) as At)
            .execute(db)
            .await
            .map_err(StoreError::from_sqlx)?;
    }
    let staff = into_model(Row {
        id: row.id,
        login: row.login,
        name: row.name,
        role: row.role,
        agency: row.agency,
        office: row.office,
        language: row.language,
        active: row.active,
        named: row.named,
        confided: row.confided,
        created_at: row.created_at,
    })?;
    Ok(Some(Session { staff, csrf: row.csrf, second_factor: row.second_factor }))
}

/// Signs out.
pub async fn close_session(db: &PgPool, token: &str) -> Result<()> {
    sqlx::query!("delete from session where token_hash = $1", token_hash(token)).execute(db).await.map_err(StoreError::from_sqlx)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_256_bits_and_never_the_same() {
        assert_eq!(secret().len(), 64);
        assert_ne!(secret(), secret());
    }
}
