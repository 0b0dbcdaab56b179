//! Templates of answers: everybody's, and those of one agency.

use model::{AdapterName, AgencyId, Language, StaffId, Timestamp, UpdateId};
use serde_json::json;
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx, audit,
    convert::{At, at, known},
};

/// How many one agency has, and how many are everybody's.
pub const MOST: i64 = 200;
/// The longest name, in characters.
pub const LONGEST_NAME: usize = 60;

/// Words to answer with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Its key.
    pub id: Uuid,
    /// Whose it is; `None`: everybody's.
    pub agency: Option<AgencyId>,
    /// What it is called.
    pub name: String,
    /// In which language it is.
    pub language: Language,
    /// For what is answered through this adapter; `None`: through any.
    pub adapter: Option<AdapterName>,
    /// The words, with variables as [`model::template`] reads them.
    pub text: String,
    /// Grows with each change.
    pub edition: i32,
    /// When it was changed last.
    pub changed_at: Timestamp,
}

/// What a template shall be.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Whose; `None`: everybody's.
    pub agency: Option<AgencyId>,
    /// What it is called: 1 to [`LONGEST_NAME`] characters.
    pub name: String,
    /// In which language.
    pub language: Language,
    /// For which adapter.
    pub adapter: Option<AdapterName>,
    /// The words, checked by [`model::template::check`].
    pub text: String,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is kept.
    Yes,
    /// Somebody changed or removed it since.
    Stale,
    /// There is another one of this name, language and channel.
    NameTaken,
    /// There are [`MOST`] already.
    Full,
}

/// Everybody's, and those of this agency; `None`: everybody's alone. By name.
pub async fn of(db: &PgPool, agency: Option<AgencyId>) -> Result<Vec<Template>> {
    let rows = sqlx::query!(
        r#"select id, agency, name, language, adapter, text, edition, changed_at as "changed_at: At"
        from answer_template
        where removed_at is null and (agency is null or agency = $1)
        order by lower(name), language, adapter, id"#,
        agency.map(|agency| agency.0)
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            let adapter = row.adapter.map(|name| known(name.parse().ok(), "answer_template", "adapter")).transpose()?;
            Ok(Template {
                id: row.id,
                agency: row.agency.map(AgencyId),
                name: row.name,
                language: Language::from_tag(&row.language),
                adapter,
                text: row.text,
                edition: row.edition,
                changed_at: row.changed_at.to_jiff(),
            })
        })
        .collect()
}

/// Keeps a new one, or another edition of `earlier` (its key and the edition that was seen), which belongs to the same agency. In the audit.
pub async fn keep(tx: &mut Tx, wanted: &Wanted, earlier: Option<(Uuid, i32)>, by: StaffId, now: Timestamp) -> Result<Kept> {
    // Written seldom, and by one at a time, so that names and the bound hold.
    sqlx::query!("lock table answer_template in share row exclusive mode").execute(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    let agency = wanted.agency.map(|agency| agency.0);
    let adapter = wanted.adapter.as_ref().map(AdapterName::as_str);
    let there = sqlx::query!(
        r#"select count(*) as "all!",
          coalesce(bool_or(lower(name) = lower($2) and language = $3 and adapter is not distinct from $4 and id is distinct from $5), false) as "taken!"
        from answer_template
        where removed_at is null and agency is not distinct from $1"#,
        agency,
        wanted.name,
        wanted.language.tag(),
        adapter,
        earlier.map(|(id, _)| id)
    )
    .fetch_one(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    if there.taken {
        return Ok(Kept::NameTaken);
    }
    if earlier.is_none() && there.all >= MOST {
        return Ok(Kept::Full);
    }
    let id = earlier.map_or_else(|| UpdateId::new(now).0, |(id, _)| id);
    let written = match earlier {
        Some((id, edition)) => sqlx::query!(
            "update answer_template
            set name = $1, language = $2, adapter = $3, text = $4, edition = edition + 1, changed_by = $5, changed_at = $6
            where id = $7 and edition = $8 and agency is not distinct from $9 and removed_at is null",
            wanted.name,
            wanted.language.tag(),
            adapter,
            wanted.text,
            by.0,
            at(now) as At,
            id,
            edition,
            agency
        )
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?
        .rows_affected(),
        None => sqlx::query!(
            "insert into answer_template (id, agency, name, language, adapter, text, changed_by, changed_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8)",
            id,
            agency,
            wanted.name,
            wanted.language.tag(),
            adapter,
            wanted.text,
            by.0,
            at(now) as At
        )
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?
        .rows_affected(),
    };
    if written == 0 {
        return Ok(Kept::Stale);
    }
    let detail = json!({ "name": wanted.name, "language": wanted.language.tag(), "adapter": adapter, "text": wanted.text });
    audit::write(tx, now, Some(by), "template.kept", &id.to_string(), &detail).await?;
    Ok(Kept::Yes)
}

/// Takes one out of use, of this agency (`None`: everybody's), as it was seen. `false`: somebody was first.
pub async fn remove(tx: &mut Tx, id: Uuid, edition: i32, agency: Option<AgencyId>, by: StaffId, now: Timestamp) -> Result<bool> {
    let gone = sqlx::query_scalar!(
        "update answer_template
        set removed_at = $1, changed_by = $2
        where id = $3 and edition = $4 and agency is not distinct from $5 and removed_at is null
        returning name",
        at(now) as At,
        by.0,
        id,
        edition,
        agency.map(|agency| agency.0)
    )
    .fetch_optional(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let Some(name) = gone else { return Ok(false) };
    audit::write(tx, now, Some(by), "template.removed", &id.to_string(), &json!({ "name": name })).await?;
    Ok(true)
}
