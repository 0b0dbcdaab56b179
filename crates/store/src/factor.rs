//! The second factor of staff: the sealed secret of their authenticator app, and recovery codes, which stand in for the app and for a passkey
//! (`passkey`), which counts as one too.

use std::collections::HashSet;

use jiff::{Timestamp, ToSpan};
use model::StaffId;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx,
    convert::{At, at},
    staff::{Staff, by_id, secret, token_hash},
    vault::{Sealed, Vault},
};

/// A secret as it is kept.
#[derive(Debug, Clone)]
pub struct Factor {
    /// It, sealed about [`about`].
    pub sealed: Sealed,
    /// Whether a first code has proven it. Before that it counts for nothing.
    pub confirmed: bool,
    /// The step of the last code that opened.
    pub last_step: i64,
}

/// What a secret is sealed about: in another account's row it does not open.
pub fn about(staff: StaffId) -> Vec<u8> {
    format!("factor of {staff}").into_bytes()
}

/// Somebody's factor, proven or not.
pub async fn of(db: &PgPool, staff: StaffId) -> Result<Option<Factor>> {
    let row =
        sqlx::query!(r#"select key_id, sealed, confirmed_at is not null as "confirmed!", last_step from factor where staff = $1"#, staff.0)
            .fetch_optional(db)
            .await
            .map_err(StoreError::from_sqlx)?;
    Ok(row.map(|row| Factor {
        sealed: Sealed { key_id: row.key_id, bytes: row.sealed },
        confirmed: row.confirmed,
        last_step: row.last_step,
    }))
}

/// What somebody has besides their password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ways {
    /// A proven authenticator app.
    pub app: bool,
    /// At least one passkey.
    pub passkey: bool,
    /// Recovery codes that are left, for the day the app or the device is gone.
    pub codes: u64,
}

impl Ways {
    /// Whether a second step is asked for after the password.
    pub fn any(self) -> bool {
        self.app || self.passkey
    }
}

/// What somebody has besides their password.
pub async fn ways(db: &PgPool, staff: StaffId) -> Result<Ways> {
    let row = sqlx::query!(
        r#"select exists (select 1 from factor where staff = $1 and confirmed_at is not null) as "app!",
             exists (select 1 from staff_passkey where staff = $1) as "passkey!",
             (select count(*) from recovery_code where staff = $1 and used_at is null) as "codes!""#,
        staff.0
    )
    .fetch_one(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(Ways { app: row.app, passkey: row.passkey, codes: u64::try_from(row.codes).unwrap_or_default() })
}

/// When somebody last used a recovery code, also one that was replaced since.
pub async fn code_used_at(db: &PgPool, staff: StaffId) -> Result<Option<Timestamp>> {
    let used = sqlx::query_scalar!(r#"select recovery_used_at as "at: At" from staff where id = $1"#, staff.0)
        .fetch_optional(db)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(used.flatten().map(At::to_jiff))
}

/// Everybody who has a second factor: a proven app, or a passkey.
pub async fn holders(db: &PgPool) -> Result<HashSet<StaffId>> {
    let rows =
        sqlx::query_scalar!(r#"select staff as "staff!" from factor where confirmed_at is not null union select staff from staff_passkey"#)
            .fetch_all(db)
            .await;
    Ok(rows.map_err(StoreError::from_sqlx)?.into_iter().map(StaffId).collect())
}

/// Keeps a secret that is still to be proven, in place of an earlier one that never was. `false`: there is a proven one.
pub async fn begin(tx: &mut Tx, staff: StaffId, sealed: &Sealed, now: Timestamp) -> Result<bool> {
    let done = sqlx::query!(
        "insert into factor (staff, key_id, sealed, made_at) values ($1, $2, $3, $4)
         on conflict (staff) do update set key_id = excluded.key_id, sealed = excluded.sealed, made_at = excluded.made_at
         where factor.confirmed_at is null",
        staff.0,
        sealed.key_id,
        sealed.bytes,
        at(now) as At,
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(done.rows_affected() > 0)
}

/// From now on signing in asks for it; all sessions end, and these are the recovery codes. `false`: there is nothing to prove.
pub async fn confirm(tx: &mut Tx, staff: StaffId, step: i64, codes: &[String], now: Timestamp) -> Result<bool> {
    let done = sqlx::query!(
        "update factor set confirmed_at = $2, last_step = $3 where staff = $1 and confirmed_at is null",
        staff.0,
        at(now) as At,
        step,
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    set_codes(tx, staff, codes).await?;
    crate::staff::close_sessions(tx, staff).await?;
    Ok(true)
}

/// Takes a step as used. `false`: it, or a later one, was used before.
pub async fn use_step(tx: &mut Tx, staff: StaffId, step: i64) -> Result<bool> {
    let done =
        sqlx::query!("update factor set last_step = $2 where staff = $1 and confirmed_at is not null and last_step < $2", staff.0, step)
            .execute(&mut **tx)
            .await
            .map_err(StoreError::from_sqlx)?;
    Ok(done.rows_affected() > 0)
}

/// How many recovery codes somebody gets.
pub const CODES: usize = 10;

/// New recovery codes: sixteen symbols that nobody misreads, 80 bits each.
pub fn new_codes() -> Vec<String> {
    (0..CODES).map(|_| easy_secret()).collect()
}

/// Sixteen symbols that nobody misreads in four groups: 80 random bits.
pub fn easy_secret() -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let symbols: Vec<char> = model::id::random_bytes().iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    symbols.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

fn code_hash(staff: StaffId, code: &str) -> Vec<u8> {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).map(|symbol| symbol.to_ascii_lowercase()).collect();
    // What is misread all the same.
    let plain = plain.replace('o', "0").replace(['i', 'l'], "1");
    Sha256::digest(format!("{staff} {plain}")).to_vec()
}

/// These are the recovery codes from now on, whatever they stand in for; earlier ones open no more.
pub async fn set_codes(tx: &mut Tx, staff: StaffId, codes: &[String]) -> Result<()> {
    let hashes: Vec<Vec<u8>> = codes.iter().map(|code| code_hash(staff, code)).collect();
    sqlx::query!("delete from recovery_code where staff = $1", staff.0).execute(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    sqlx::query!("insert into recovery_code (staff, hash) select $1::uuid, hash from unnest($2::bytea[]) as new (hash)", staff.0, &hashes)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Takes a recovery code as used, and keeps when. `false`: there is none such, or it was used before.
pub async fn use_code(tx: &mut Tx, staff: StaffId, code: &str, now: Timestamp) -> Result<bool> {
    let done = sqlx::query!(
        "update recovery_code set used_at = $3 where staff = $1 and hash = $2 and used_at is null",
        staff.0,
        code_hash(staff, code),
        at(now) as At,
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!("update staff set recovery_used_at = $2 where id = $1", staff.0, at(now) as At)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(true)
}

/// Codes that stand in for nothing are gone: whoever has neither app nor passkey any more begins anew.
pub(crate) async fn drop_codes_without_cause(tx: &mut Tx, staff: StaffId) -> Result<()> {
    sqlx::query!(
        "delete from recovery_code
         where staff = $1
           and not exists (select 1 from factor where factor.staff = $1 and confirmed_at is not null)
           and not exists (select 1 from staff_passkey where staff_passkey.staff = $1)",
        staff.0
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Takes the app off somebody; passkeys stay, and recovery codes with them, and all sessions end. `false`: they have none.
pub async fn remove(tx: &mut Tx, staff: StaffId) -> Result<bool> {
    let done = sqlx::query!("delete from factor where staff = $1", staff.0).execute(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    drop_codes_without_cause(tx, staff).await?;
    crate::staff::close_sessions(tx, staff).await?;
    Ok(done.rows_affected() > 0)
}

/// Takes everything off somebody that is asked for besides the password: app, recovery codes and passkeys; all their sessions end. `false`: there
/// was nothing.
pub async fn remove_all(tx: &mut Tx, staff: StaffId) -> Result<bool> {
    let app = remove(tx, staff).await?;
    Ok(crate::passkey::remove_all(tx, staff).await? > 0 || app)
}

/// What sealing anew came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resealed {
    /// Secrets that now have the newest key.
    pub moved: usize,
    /// Secrets that did not open: their key is missing, or somebody altered them.
    pub closed: usize,
}

/// Seals every secret with the newest key, so that the older ones may go.
pub async fn reseal(db: &PgPool, vault: &Vault) -> Result<Resealed> {
    let mut tx = crate::begin(db).await?;
    let rows = sqlx::query!("select staff, key_id, sealed from factor where key_id <> $1 order by staff for update", vault.newest())
        .fetch_all(&mut *tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    let mut done = Resealed { moved: 0, closed: 0 };
    for row in rows {
        let about = about(StaffId(row.staff));
        let Ok(plain) = vault.open(&about, &Sealed { key_id: row.key_id, bytes: row.sealed }) else {
            done.closed += 1;
            continue;
        };
        let sealed = vault.seal(&about, &plain);
        sqlx::query!("update factor set key_id = $2, sealed = $3 where staff = $1", row.staff, sealed.key_id, sealed.bytes)
            .execute(&mut *tx)
            .await
            .map_err(StoreError::from_sqlx)?;
        done.moved += 1;
    }
    crate::commit(tx).await?;
    Ok(done)
}

/// How long the second step may take.
const HALF_MINUTES: i64 = 10;

/// The password was right: what the form of the second step carries. Those that ran out are swept up on the way.
pub async fn open_half(db: &PgPool, staff: StaffId, now: Timestamp) -> Result<String> {
    let token = secret();
    sqlx::query!(
        "with swept as (delete from half_session where until < $3)
         insert into half_session (token_hash, staff, until) values ($1, $2, $4)",
        token_hash(&token),
        staff.0,
        at(now) as At,
        at(now + HALF_MINUTES.minutes()) as At,
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(token)
}

/// Who is at the second step with this; `None`: nobody, or not any more.
pub async fn half(db: &PgPool, token: &str, now: Timestamp) -> Result<Option<Staff>> {
    let found: Option<Uuid> =
        sqlx::query_scalar!("select staff from half_session where token_hash = $1 and until > $2", token_hash(token), at(now) as At)
            .fetch_optional(db)
            .await
            .map_err(StoreError::from_sqlx)?;
    match found {
        Some(id) => Ok(by_id(db, StaffId(id)).await?.filter(|staff| staff.active)),
        None => Ok(None),
    }
}

/// The second step is over.
pub async fn close_half(db: &PgPool, token: &str) -> Result<()> {
    sqlx::query!("delete from half_session where token_hash = $1", token_hash(token)).execute(db).await.map_err(StoreError::from_sqlx)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovery_codes_are_ten_different_ones_and_forgive_how_they_are_typed() {
        let codes = new_codes();
        assert_eq!(codes.iter().collect::<HashSet<_>>().len(), CODES);
        let staff = StaffId(Uuid::nil());
        assert_eq!(code_hash(staff, "0a1b-2c3d"), code_hash(staff, " OAIB 2C3D "));
        assert_ne!(
            code_hash(staff, "0a1b-2c3d"),
            code_hash(StaffId(Uuid::max()), "0a1b-2c3d"),
            "the same code of two people has two hashes"
        );
    }
}
