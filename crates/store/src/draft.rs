//! Words that somebody has begun to write to a citizen, or about one, and not sent: theirs alone.

use model::{ComplaintId, StaffId, Timestamp};

use crate::{
    PgPool, Result, StoreError, Tx,
    convert::{At, at},
};

/// The forms of a complaint's page that keep drafts, by the last part of their addresses.
pub const FORMS: [&str; 5] = ["jawab", "tanya", "selesai", "catat", "alihkan"];

/// A draft that nobody touched for so long is forgotten.
pub const LASTS: jiff::SignedDuration = jiff::SignedDuration::from_hours(60 * 24);

/// What was written.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    /// In which form.
    pub form: String,
    /// The words; they may hold what a citizen said.
    pub text: String,
    /// When it was kept last.
    pub saved_at: Timestamp,
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Draft").field("form", &self.form).finish_non_exhaustive()
    }
}

/// Keeps one in the place of what was kept in this form before; without words nothing is kept any more. `form` is one of [`FORMS`].
pub async fn keep(db: &PgPool, complaint: ComplaintId, staff: StaffId, form: &str, text: &str, now: Timestamp) -> Result<()> {
    if text.trim().is_empty() {
        let gone = sqlx::query!("delete from draft where complaint = $1 and staff = $2 and form = $3", complaint.0, staff.0, form);
        gone.execute(db).await.map_err(StoreError::from_sqlx)?;
        return Ok(());
    }
    sqlx::query!(
        "insert into draft (complaint, staff, form, text, saved_at)
        values ($1, $2, $3, $4, $5)
        on conflict (complaint, staff, form) do update set text = excluded.text, saved_at = excluded.saved_at",
        complaint.0,
        staff.0,
        form,
        text,
        at(now) as At
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Forgets the old ones, and those of accounts that are closed.
pub async fn forget(db: &PgPool, now: Timestamp) -> Result<()> {
    let old = now.checked_sub(LASTS).unwrap_or(now);
    sqlx::query!("delete from draft where saved_at < $1 or staff in (select id from staff where not active)", at(old) as At)
        .execute(db)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// What this person keeps of this complaint.
pub async fn of(db: &PgPool, complaint: ComplaintId, staff: StaffId) -> Result<Vec<Draft>> {
    sqlx::query!(
        r#"select form, text, saved_at as "saved_at: At" from draft where complaint = $1 and staff = $2 order by form"#,
        complaint.0,
        staff.0
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)
    .map(|rows| rows.into_iter().map(|row| Draft { form: row.form, text: row.text, saved_at: row.saved_at.to_jiff() }).collect())
}

/// It was sent.
pub async fn sent(tx: &mut Tx, complaint: ComplaintId, staff: StaffId, form: &str) -> Result<()> {
    sqlx::query!("delete from draft where complaint = $1 and staff = $2 and form = $3", complaint.0, staff.0, form)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(())
}
