//! Filling an empty directory, from files that know no ids.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use model::{
    AdapterName, AgencyId, Area, Category, Channel, Limit, Line, Stage, Timestamp,
    clock::{Amount, Unit},
};

use super::{insert_channel, insert_line};
use crate::{
    PgPool, Result, StoreError, Tx,
    convert::{At, at, small},
};

/// A starting directory, as files hold it: references by code, since ids are not yet given.
#[derive(Debug, Clone, Default)]
pub struct Seed {
    /// Every area, with its outline as a GeoJSON geometry where one is known.
    pub areas: Vec<(Area, Option<String>)>,
    /// Every agency.
    pub agencies: Vec<SeedAgency>,
    /// In the order of the form.
    pub categories: Vec<Category>,
    /// `(category, area, agency code)`; `None`: any.
    pub rules: Vec<(Option<String>, Option<String>, String)>,
    /// How long agencies have.
    pub limits: Vec<SeedLimit>,
    /// Days off.
    pub holidays: Vec<Holiday>,
    /// The official ways in.
    pub channels: Vec<Channel>,
    /// Those that are there for one thing.
    pub lines: Vec<Line>,
    /// Codes of the categories for which nobody needs a place.
    pub placeless: Vec<String>,
}

/// An agency that has no id yet.
#[derive(Debug, Clone)]
pub struct SeedAgency {
    /// Short code: `dlh`.
    pub code: String,
    /// Its full name.
    pub name: String,
    /// `queue`, `email`, `open311`, `webhook` or `blackhole`.
    pub send_kind: String,
    /// An e-mail address or an address on the web, by `send_kind`.
    pub send_target: Option<String>,
}

/// A limit that names its agency by code.
#[derive(Debug, Clone)]
pub struct SeedLimit {
    /// The limit; its key and its agency are not used.
    pub limit: Limit,
    /// Only this agency, by code; `None`: any.
    pub agency: Option<String>,
}

impl SeedLimit {
    /// How many working days there are to settle something, for any category, agency and channel.
    pub fn working_days(number: u16, source: &str) -> Self {
        let amount = Amount { number, unit: Unit::WorkingDays };
        Self { limit: Limit::new(Stage::Settle, amount, source), agency: None }
    }
}

/// A day off.
#[derive(Debug, Clone)]
pub struct Holiday {
    /// Which day.
    pub day: Date,
    /// What people call it.
    pub name: String,
    /// The decree it comes from.
    pub source: String,
}

/// Fills an empty directory; `false`: there was one already, and nothing changed.
pub async fn seed(db: &PgPool, seed: &Seed, now: Timestamp) -> Result<bool> {
    let mut tx = db.begin().await.map_err(StoreError::from_sqlx)?;
    // The row that every change of the directory moves: two programs that start at once seed one after the other.
    let is_empty = sqlx::query_scalar!(
        r#"select not exists (select from area)
          and not exists (select from agency)
          and not exists (select from category)
          and not exists (select from channel) as "is_empty!"
        from directory_version
        for update"#
    )
    .fetch_one(&mut *tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    if !is_empty {
        return Ok(false);
    }
    seed_areas(&mut tx, seed).await?;
    let agencies = seed_agencies(&mut tx, seed, now).await?;
    seed_categories(&mut tx, seed).await?;
    seed_rules(&mut tx, seed, &agencies, now).await?;
    seed_limits(&mut tx, seed, &agencies).await?;
    seed_holidays(&mut tx, seed).await?;
    for channel in &seed.channels {
        insert_channel(&mut tx, channel, now).await?;
    }
    for line in &seed.lines {
        insert_line(&mut tx, line).await?;
    }
    seed_placeless(&mut tx, seed).await?;
    tx.commit().await.map_err(StoreError::from_sqlx)?;
    Ok(true)
}

async fn seed_areas(tx: &mut Tx, seed: &Seed) -> Result<()> {
    let codes: Vec<String> = seed.areas.iter().map(|(area, _)| area.code.clone()).collect();
    let names: Vec<String> = seed.areas.iter().map(|(area, _)| area.name.clone()).collect();
    let outlines: Vec<Option<String>> = seed.areas.iter().map(|(_, outline)| outline.clone()).collect();
    sqlx::query!(
        "insert into area (code, name, outline)
        select code, name, outline
        from unnest($1::text[], $2::text[], $3::text[]) as new (code, name, outline)",
        &codes,
        &names,
        &outlines as &[Option<String>]
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

async fn seed_agencies(tx: &mut Tx, seed: &Seed, now: Timestamp) -> Result<BTreeMap<String, AgencyId>> {
    let mut ids = BTreeMap::new();
    for agency in &seed.agencies {
        let id = AgencyId::new(now);
        ids.insert(agency.code.clone(), id);
        sqlx::query!(
            "insert into agency (id, code, name, send_kind, send_target)
            values ($1, $2, $3, $4, $5)",
            id.0,
            agency.code,
            agency.name,
            agency.send_kind,
            agency.send_target
        )
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    }
    Ok(ids)
}

async fn seed_categories(tx: &mut Tx, seed: &Seed) -> Result<()> {
    for (position, category) in (0..).zip(&seed.categories) {
        sqlx::query!(
            "insert into category (code, name_id, name_en, keywords, position)
            values ($1, $2, $3, $4, $5)",
            category.code,
            category.name_id,
            category.name_en,
            &category.keywords,
            position
        )
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    }
    Ok(())
}

/// The id of an agency that a seed names by code.
fn named(agencies: &BTreeMap<String, AgencyId>, code: &str) -> Result<AgencyId> {
    agencies.get(code).copied().ok_or_else(|| StoreError::Conflict { constraint: format!("no agency has the code {code}") })
}

/// They are the first version.
async fn seed_rules(tx: &mut Tx, seed: &Seed, agencies: &BTreeMap<String, AgencyId>, now: Timestamp) -> Result<()> {
    if seed.rules.is_empty() {
        return Ok(());
    }
    sqlx::query!("insert into rule_version (number, at, note) values (1, $1, 'Direktori awal')", at(now) as At)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    for (category, area, agency) in &seed.rules {
        sqlx::query!(
            "insert into rule (version, category, area, agency)
            values (1, $1, $2, $3)",
            category.as_deref(),
            area.as_deref(),
            named(agencies, agency)?.0
        )
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    }
    Ok(())
}

async fn seed_limits(tx: &mut Tx, seed: &Seed, agencies: &BTreeMap<String, AgencyId>) -> Result<()> {
    for limit in &seed.limits {
        let agency = limit.agency.as_deref().map(|code| named(agencies, code)).transpose()?;
        let SeedLimit { limit, .. } = limit;
        sqlx::query!(
            "insert into time_limit (stage, kind, category, adapter, account, agency, amount, unit, source, source_en, verified, valid_from,
              valid_until)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            limit.stage.as_str(),
            limit.kind,
            limit.category,
            limit.adapter.as_ref().map(AdapterName::as_str),
            limit.account,
            agency.map(|agency| agency.0),
            small(limit.amount.number.into()),
            limit.amount.unit.as_str(),
            limit.source,
            limit.source_en,
            limit.verified,
            limit.from.map(ToSqlx::to_sqlx) as Option<jiff_sqlx::Date>,
            limit.until.map(ToSqlx::to_sqlx) as Option<jiff_sqlx::Date>
        )
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    }
    Ok(())
}

async fn seed_holidays(tx: &mut Tx, seed: &Seed) -> Result<()> {
    for holiday in &seed.holidays {
        sqlx::query!(
            "insert into holiday (day, name, source)
            values ($1, $2, $3)",
            holiday.day.to_sqlx() as jiff_sqlx::Date,
            holiday.name,
            holiday.source
        )
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    }
    Ok(())
}

async fn seed_placeless(tx: &mut Tx, seed: &Seed) -> Result<()> {
    sqlx::query!(
        "update category
        set needs_place = false
        where code = any($1)",
        &seed.placeless
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}
