//! What triage has learned: history to learn from, versions of models, and which one is in use.

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    PgPool, Result, StoreError, Tx,
    convert::{At, at},
};

/// A complaint that people have decided on. What was not decided is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// When it came.
    pub opened_at: Timestamp,
    /// What was written.
    pub text: String,
    /// What stood in the field for the place.
    pub place: String,
    /// Code of the area.
    pub area: String,
    /// Code of the category.
    pub category: String,
    /// Code of the agency that did the work.
    pub agency: String,
}

/// One version of what was learned, without the model itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// Its number.
    pub version: i64,
    /// When it was learned.
    pub made_at: Timestamp,
    /// From how many complaints.
    pub complaints: i32,
    /// How it did on complaints that were held back.
    pub figures: Value,
    /// It decides now.
    pub in_use: bool,
    /// When it was last switched on.
    pub used_at: Option<Timestamp>,
}

/// The latest decided complaints, the oldest first: those that exactly one agency finished, whoever had them before, and imported ones.
/// What is confidential is not learned from, and an area that a model said is no decision until staff sent the complaint on with it. At most
/// `most` of each.
pub async fn history(db: &PgPool, most: i64) -> Result<Vec<Decided>> {
    let rows = sqlx::query!(
        r#"select opened_at as "opened_at!: At", text as "text!", place as "place!", area as "area!", category as "category!", agency as "agency!"
        from (
          (select complaint.opened_at, complaint.text, coalesce(complaint.place, '') as place,
            case when complaint.why ->> 'area' like 'learned: %' and not exists (
              select from update
              where update.complaint = complaint.id and update.kind = 'routed' and update.actor = 'staff'
            ) then '' else coalesce(complaint.area, '') end as area,
            coalesce(complaint.category, '') as category, agency.code as agency
          from complaint
          join lateral (
            select min(dispatch.agency::text)::uuid as agency
            from dispatch
            where dispatch.complaint = complaint.id and dispatch.work = 'done'
            having count(*) = 1
          ) as done on true
          join agency on agency.id = done.agency
          where complaint.status = 'resolved' and complaint.visibility in ('public', 'hidden')
          order by complaint.opened_at desc, complaint.id desc
          limit $1)
          union all
          (select opened_at, text, place, area, category, agency
          from past
          order by opened_at desc
          limit $1)
        ) as decided
        order by opened_at"#,
        most
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let decided = rows.into_iter().map(|row| Decided {
        opened_at: row.opened_at.to_jiff(),
        text: row.text,
        place: row.place,
        area: row.area,
        category: row.category,
        agency: row.agency,
    });
    Ok(decided.collect())
}

/// Keeps decided complaints of an earlier system, each once by its key: returns how many were new.
pub async fn import(tx: &mut Tx, source: &str, rows: &[(String, Decided)]) -> Result<u64> {
    let column = |of: fn(&Decided) -> &str| -> Vec<String> { rows.iter().map(|(_, row)| of(row).to_owned()).collect() };
    let keys: Vec<String> = rows.iter().map(|(key, _)| key.clone()).collect();
    let times: Vec<At> = rows.iter().map(|(_, row)| at(row.opened_at)).collect();
    let done = sqlx::query!(
        "insert into past (source, key, opened_at, text, place, area, category, agency)
        select $1, key, opened_at, text, place, area, category, agency
        from unnest($2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
          as new (key, opened_at, text, place, area, category, agency)
        on conflict (source, key) do nothing",
        source,
        &keys,
        &times as &[At],
        &column(|row| &row.text),
        &column(|row| &row.place),
        &column(|row| &row.area),
        &column(|row| &row.category),
        &column(|row| &row.agency),
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(done.rows_affected())
}

/// Keeps a new version, not in use; returns its number.
pub async fn add(tx: &mut Tx, now: Timestamp, complaints: i32, figures: &Value, model: &[u8]) -> Result<i64> {
    sqlx::query_scalar!(
        "insert into learned (made_at, complaints, figures, model)
        values ($1, $2, $3, $4)
        returning version",
        at(now) as At,
        complaints,
        figures,
        model,
    )
    .fetch_one(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)
}

/// Switches a version on, and the one in use off; `None` switches off. `false`: there is no such version, and nothing changed.
pub async fn switch(tx: &mut Tx, version: Option<i64>, now: Timestamp) -> Result<bool> {
    if let Some(version) = version {
        let known = sqlx::query_scalar!("select version from learned where version = $1 for update", version);
        if known.fetch_optional(&mut **tx).await.map_err(StoreError::from_sqlx)?.is_none() {
            return Ok(false);
        }
    }
    sqlx::query!("update learned set in_use = false where in_use").execute(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    sqlx::query!("update learned set in_use = true, used_at = $2 where version = $1", version, at(now) as At)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(true)
}

/// Where [`back`] led.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Back {
    /// No version was ever in use: nothing changed.
    Nowhere,
    /// To no version: keywords decide.
    Keywords,
    /// To this version.
    Version(i64),
}

/// Back to what decided before the version in use was switched on, in one act: the version used before it, or keywords alone. After
/// everything was switched off, back to the version that was in use last.
pub async fn back(tx: &mut Tx, now: Timestamp) -> Result<Back> {
    let used = sqlx::query!(
        "select version, in_use
        from learned
        where used_at is not null
        order by used_at desc, version desc
        for update"
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    if used.is_empty() {
        return Ok(Back::Nowhere);
    }
    let before = used.iter().find(|row| !row.in_use).map(|row| row.version);
    switch(tx, before, now).await?;
    Ok(before.map_or(Back::Keywords, Back::Version))
}

/// Every version, the newest first.
pub async fn list(db: &PgPool) -> Result<Vec<Version>> {
    let rows = sqlx::query!(
        r#"select version, made_at as "made_at: At", complaints, figures, in_use, used_at as "used_at: At"
        from learned
        order by version desc"#
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let version = rows.into_iter().map(|row| Version {
        version: row.version,
        made_at: row.made_at.to_jiff(),
        complaints: row.complaints,
        figures: row.figures,
        in_use: row.in_use,
        used_at: row.used_at.map(At::to_jiff),
    });
    Ok(version.collect())
}

/// The model of a version; `None`: there is no such version.
pub async fn model(db: &PgPool, version: i64) -> Result<Option<Vec<u8>>> {
    let model = sqlx::query_scalar!("select model from learned where version = $1", version);
    model.fetch_optional(db).await.map_err(StoreError::from_sqlx)
}

/// The model in use and its version.
pub async fn in_use(db: &PgPool) -> Result<Option<(i64, Vec<u8>)>> {
    let row = sqlx::query!("select version, model from learned where in_use").fetch_optional(db).await.map_err(StoreError::from_sqlx)?;
    Ok(row.map(|row| (row.version, row.model)))
}
