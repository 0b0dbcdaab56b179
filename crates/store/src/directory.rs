//! What the city has written down about itself.

mod seed;
mod vouchers;

use std::collections::{BTreeMap, BTreeSet};

use jiff_sqlx::ToSqlx;
use model::{
    AdapterName, Agency, AgencyId, Area, Category, Channel, ChannelId, Directory, Limit, Line, OpeningHours, Purpose, Question, Stage,
    Timestamp,
    clock::{Amount, Calendar, Office, Unit},
};
use serde::{Serialize, de::DeserializeOwned};

pub use seed::{Holiday, Seed, SeedAgency, SeedLimit, seed};
pub use vouchers::set_voucher;

use crate::{
    PgPool, Result, StoreError, Tx,
    convert::{json, known, to_json},
    dispatch::SendKind,
    rules,
};

/// Reads everything, as of one moment. Inactive agencies and categories stay out, and with them their rules.
pub async fn load(db: &PgPool) -> Result<Directory> {
    let mut tx = db.begin().await.map_err(StoreError::from_sqlx)?;
    sqlx::query!("set transaction isolation level repeatable read, read only").execute(&mut *tx).await.map_err(StoreError::from_sqlx)?;
    let directory = Directory {
        areas: areas(&mut tx).await?,
        agencies: agencies(&mut tx).await?,
        categories: categories(&mut tx).await?,
        rules: rules::published(&mut tx).await?,
        rules_version: rules::current(&mut *tx).await?,
        border_metres: border_metres(&mut tx).await?,
        limits: limits(&mut tx).await?,
        calendar: calendar(&mut tx).await?,
        offices: offices(&mut tx).await?,
        parents: parents(&mut tx).await?,
        channels: channels(&mut tx).await?,
        lines: lines(&mut tx).await?,
        menu: menu(&mut tx).await?,
        placeless: placeless(&mut tx).await?,
        asks: asks(&mut tx).await?,
        inspectorates: inspectorates(&mut tx).await?,
        proofs: proofs(&mut tx).await?,
        vouchers: vouchers::vouchers(&mut tx).await?,
    };
    tx.commit().await.map_err(StoreError::from_sqlx)?;
    Ok(directory)
}

async fn areas(tx: &mut Tx) -> Result<BTreeMap<String, Area>> {
    let rows = sqlx::query!(
        "select code, name
        from area"
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(rows.into_iter().map(|row| (row.code.clone(), Area { code: row.code, name: row.name })).collect())
}

async fn agencies(tx: &mut Tx) -> Result<BTreeMap<AgencyId, Agency>> {
    let rows = sqlx::query!(
        "select id, code, name
        from agency
        where active"
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(rows.into_iter().map(|row| (AgencyId(row.id), Agency { id: AgencyId(row.id), code: row.code, name: row.name })).collect())
}

async fn inspectorates(tx: &mut Tx) -> Result<BTreeSet<AgencyId>> {
    let ids = sqlx::query_scalar!(
        "select id
        from agency
        where active and inspectorate"
    );
    let ids = ids.fetch_all(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    Ok(ids.into_iter().map(AgencyId).collect())
}

async fn proofs(tx: &mut Tx) -> Result<BTreeSet<String>> {
    let codes: Vec<String> =
        sqlx::query_scalar("select code from category where active and proof").fetch_all(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    Ok(codes.into_iter().collect())
}

async fn categories(tx: &mut Tx) -> Result<BTreeMap<String, Category>> {
    let rows = sqlx::query!(
        "select code, name_id, name_en, keywords
        from category
        where active"
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(rows
        .into_iter()
        .map(|row| (row.code.clone(), Category { code: row.code, name_id: row.name_id, name_en: row.name_en, keywords: row.keywords }))
        .collect())
}

async fn limits(tx: &mut Tx) -> Result<Vec<Limit>> {
    const TABLE: &str = "time_limit";
    let rows = sqlx::query!(
        r#"select id, stage, kind, category, adapter, account, agency, amount, unit, source, source_en, verified,
          valid_from as "valid_from: jiff_sqlx::Date", valid_until as "valid_until: jiff_sqlx::Date"
        from time_limit
        order by id"#
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            let number = known(u16::try_from(row.amount).ok(), TABLE, "amount")?;
            Ok(Limit {
                id: row.id,
                stage: known(Stage::from_word(&row.stage), TABLE, "stage")?,
                kind: row.kind,
                category: row.category,
                adapter: row.adapter.map(|adapter| known(adapter.parse().ok(), TABLE, "adapter")).transpose()?,
                account: row.account,
                agency: row.agency.map(AgencyId),
                amount: Amount { number, unit: known(Unit::from_word(&row.unit), TABLE, "unit")? },
                source: row.source,
                source_en: row.source_en,
                verified: row.verified,
                from: row.valid_from.map(jiff_sqlx::Date::to_jiff),
                until: row.valid_until.map(jiff_sqlx::Date::to_jiff),
            })
        })
        .collect()
}

async fn offices(tx: &mut Tx) -> Result<BTreeMap<AgencyId, Office>> {
    let rows = sqlx::query!(
        "select id, hours, on_holidays
        from agency
        where active
          and (hours is not null or on_holidays)"
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            let hours = row.hours.map(|hours| known(hours.parse().ok(), "agency", "hours")).transpose()?;
            Ok((AgencyId(row.id), Office { hours, on_holidays: row.on_holidays }))
        })
        .collect()
}

async fn parents(tx: &mut Tx) -> Result<BTreeMap<AgencyId, AgencyId>> {
    let rows = sqlx::query!(
        r#"select id, parent as "parent!"
        from agency
        where active
          and parent is not null"#
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(rows.into_iter().map(|row| (AgencyId(row.id), AgencyId(row.parent))).collect())
}

/// Name of the setting that holds the time zone of the offices: `wib`, `wita` or `wit`.
const ZONE: &str = "zone";

async fn calendar(tx: &mut Tx) -> Result<Calendar> {
    let zone = sqlx::query_scalar!(
        "select value
        from setting
        where name = $1",
        ZONE
    )
    .fetch_optional(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let rows = sqlx::query!(
        r#"select day as "day: jiff_sqlx::Date", name
        from holiday"#
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(Calendar {
        zone: zone.map(|value| json(value, "setting", "value")).transpose()?.unwrap_or_default(),
        holidays: rows.into_iter().map(|row| (row.day.to_jiff(), row.name)).collect(),
    })
}

async fn channels(tx: &mut Tx) -> Result<Vec<Channel>> {
    let rows = sqlx::query!(
        r#"select adapter, account, label, area, valid_from as "valid_from: jiff_sqlx::Date", valid_until as "valid_until: jiff_sqlx::Date", hours
        from channel
        order by label, valid_from"#
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            Ok(Channel {
                adapter: known(row.adapter.parse().ok(), "channel", "adapter")?,
                account: row.account,
                label: row.label,
                area: row.area,
                from: row.valid_from.to_jiff(),
                until: row.valid_until.map(jiff_sqlx::Date::to_jiff),
                hours: row.hours.map(|hours| known(hours.parse().ok(), "channel", "hours")).transpose()?,
            })
        })
        .collect()
}

async fn lines(tx: &mut Tx) -> Result<Vec<Line>> {
    let rows = sqlx::query!(
        "select line.adapter, line.account, purpose.code, purpose.name_id, purpose.name_en, purpose.category, purpose.overrules
        from line
        join purpose on purpose.code = line.purpose
        order by line.adapter, line.account"
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            Ok(Line {
                adapter: known(row.adapter.parse().ok(), "line", "adapter")?,
                account: row.account,
                purpose: Purpose {
                    code: row.code,
                    name_id: row.name_id,
                    name_en: row.name_en,
                    category: row.category,
                    overrules: row.overrules,
                },
            })
        })
        .collect()
}

async fn menu(tx: &mut Tx) -> Result<Vec<String>> {
    sqlx::query_scalar!(
        "select code
        from category
        where active
        order by position, code"
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)
}

async fn placeless(tx: &mut Tx) -> Result<BTreeSet<String>> {
    let codes = sqlx::query_scalar!(
        "select code
        from category
        where not needs_place"
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(codes.into_iter().collect())
}

/// Name of the setting that says what citizens may be asked: a list of `place`, `category` and `same`. Without it all; an empty list: nothing.
const ASKS: &str = "asks";

async fn asks(tx: &mut Tx) -> Result<Vec<Question>> {
    let value = sqlx::query_scalar!(
        "select value
        from setting
        where name = $1",
        ASKS
    )
    .fetch_optional(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    value.map_or_else(|| Ok(Question::ALL.to_vec()), |value| json(value, "setting", "value"))
}

/// Name of the setting that says how near, in metres, a border is near; 0: never. Without it [`NEAR`].
const BORDER: &str = "border_metres";
/// About as far as a telephone is wrong about where it is.
const NEAR: u16 = 50;

async fn border_metres(tx: &mut Tx) -> Result<u16> {
    let value = sqlx::query_scalar!(
        "select value
        from setting
        where name = $1",
        BORDER
    )
    .fetch_optional(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    value.map_or(Ok(NEAR), |value| json(value, "setting", "value"))
}

/// `(code, GeoJSON geometry)` of every area whose outline is known.
pub async fn outlines(db: &PgPool) -> Result<Vec<(String, String)>> {
    let rows = sqlx::query!(
        r#"select code, outline as "outline!"
        from area
        where outline is not null
        order by code"#
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(rows.into_iter().map(|row| (row.code, row.outline)).collect())
}

/// Grows whenever a row of the directory changes. Cheap: ask before each batch.
pub async fn version(db: &PgPool) -> Result<i64> {
    sqlx::query_scalar!(
        "select version
        from directory_version"
    )
    .fetch_one(db)
    .await
    .map_err(StoreError::from_sqlx)
}

/// Sets how an agency hears of complaints from now on, and forgets the way it had; `false`: no agency has that code. What is on the work
/// list goes the new way.
pub async fn set_way(db: &PgPool, agency: &str, kind: SendKind, target: Option<&str>, secret: Option<&str>) -> Result<bool> {
    let written = sqlx::query!(
        "update agency
        set send_kind = $2, send_target = $3, send_secret = $4
        where code = $1",
        agency,
        kind.as_str(),
        target,
        secret
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(written.rows_affected() == 1)
}

/// Says that an agency looks into breaches of duty, or no longer; `false`: no agency has that code.
pub async fn set_inspectorate(tx: &mut Tx, agency: &str, inspectorate: bool) -> Result<bool> {
    let written = sqlx::query!("update agency set inspectorate = $2 where code = $1", agency, inspectorate)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(written.rows_affected() == 1)
}

/// Sets when an agency works; `false`: no agency has that code. `None`: at the hours of all.
pub async fn set_office(db: &PgPool, agency: &str, office: &Office) -> Result<bool> {
    let written = sqlx::query!(
        "update agency
        set hours = $2, on_holidays = $3
        where code = $1",
        agency,
        office.hours.as_ref().map(ToString::to_string),
        office.on_holidays
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(written.rows_affected() == 1)
}

/// Says which agency is above another; `false`: no agency has that code, or it would be below itself. `None`: none is.
pub async fn set_parent(db: &PgPool, agency: &str, parent: Option<&str>) -> Result<bool> {
    let written = sqlx::query!(
        "update agency
        set parent = (select id from agency as above where above.code = $2)
        where code = $1
          and ($2::text is null or exists (select from agency as above where above.code = $2))
          and not exists (
            with recursive above as (
              select id, parent from agency where code = $2
              union
              select upper.id, upper.parent from agency as upper join above on upper.id = above.parent
            )
            select from above where above.id = agency.id
          )",
        agency,
        parent
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(written.rows_affected() == 1)
}

/// Adds an official way in; `false`: there was a row with this adapter, account and first day already.
pub async fn add_channel(db: &PgPool, channel: &Channel, now: Timestamp) -> Result<bool> {
    let mut tx = db.begin().await.map_err(StoreError::from_sqlx)?;
    let added = insert_channel(&mut tx, channel, now).await?;
    tx.commit().await.map_err(StoreError::from_sqlx)?;
    Ok(added)
}

async fn insert_channel(tx: &mut Tx, channel: &Channel, now: Timestamp) -> Result<bool> {
    let written = sqlx::query!(
        "insert into channel (id, adapter, account, label, area, valid_from, valid_until, hours)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict (adapter, account, valid_from) do nothing",
        ChannelId::new(now).0,
        channel.adapter.as_str(),
        channel.account,
        channel.label,
        channel.area,
        channel.from.to_sqlx() as jiff_sqlx::Date,
        channel.until.map(ToSqlx::to_sqlx) as Option<jiff_sqlx::Date>,
        channel.hours.as_ref().map(ToString::to_string)
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(written.rows_affected() == 1)
}

/// Sets or takes away the hours of an office, on every row of this adapter and account; `false`: there is no such channel.
pub async fn set_hours(db: &PgPool, adapter: &AdapterName, account: &str, hours: Option<&OpeningHours>) -> Result<bool> {
    let written = sqlx::query!(
        "update channel set hours = $3 where adapter = $1 and account = $2",
        adapter.as_str(),
        account,
        hours.map(ToString::to_string)
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(written.rows_affected() > 0)
}

/// Says to which kinds of addresses a channel may write first, `tel` and `mailto`, on every row of this adapter and account; `false`: there is
/// no such channel.
pub async fn set_reaches(db: &PgPool, adapter: &AdapterName, account: &str, schemes: &[String]) -> Result<bool> {
    let written = sqlx::query!("update channel set reaches = $3 where adapter = $1 and account = $2", adapter.as_str(), account, schemes)
        .execute(db)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(written.rows_affected() > 0)
}

/// Says what an account is there for, over what was said before; the purpose is written too.
pub async fn set_line(db: &PgPool, line: &Line) -> Result<()> {
    let mut tx = db.begin().await.map_err(StoreError::from_sqlx)?;
    insert_line(&mut tx, line).await?;
    tx.commit().await.map_err(StoreError::from_sqlx)
}

async fn insert_line(tx: &mut Tx, line: &Line) -> Result<()> {
    let purpose = &line.purpose;
    sqlx::query!(
        "insert into purpose (code, name_id, name_en, category, overrules)
        values ($1, $2, $3, $4, $5)
        on conflict (code) do update
        set name_id = excluded.name_id, name_en = excluded.name_en, category = excluded.category, overrules = excluded.overrules",
        purpose.code,
        purpose.name_id,
        purpose.name_en,
        purpose.category,
        purpose.overrules
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    sqlx::query!(
        "insert into line (adapter, account, purpose)
        values ($1, $2, $3)
        on conflict (adapter, account) do update
        set purpose = excluded.purpose",
        line.adapter.as_str(),
        line.account,
        purpose.code
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// The account takes everything again; `false`: it did already.
pub async fn remove_line(db: &PgPool, adapter: &model::AdapterName, account: &str) -> Result<bool> {
    let removed = sqlx::query!(
        "delete from line
        where adapter = $1
          and account = $2",
        adapter.as_str(),
        account
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(removed.rows_affected() == 1)
}

/// A single value that the roles share.
pub async fn setting<T: DeserializeOwned>(db: &PgPool, name: &str) -> Result<Option<T>> {
    let value = sqlx::query_scalar!(
        "select value
        from setting
        where name = $1",
        name
    )
    .fetch_optional(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    value.map(|value| json(value, "setting", "value")).transpose()
}

/// Writes one, over what was there.
pub async fn set_setting<T: Serialize + Sync>(db: &PgPool, name: &str, value: &T) -> Result<()> {
    sqlx::query!(
        "insert into setting (name, value)
        values ($1, $2)
        on conflict (name) do update
        set value = excluded.value
        where setting.value <> excluded.value",
        name,
        to_json(value)
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Writes one unless there is one, and says which counts: two programs that start at once agree on one key.
pub async fn first_setting<T: Serialize + DeserializeOwned + Sync>(db: &PgPool, name: &str, value: &T) -> Result<T> {
    // Looked for first: an insert that inserts nothing counts as a change of the directory too.
    if let Some(known) = setting(db, name).await? {
        return Ok(known);
    }
    sqlx::query!(
        "insert into setting (name, value)
        values ($1, $2)
        on conflict (name) do nothing",
        name,
        to_json(value)
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    known(setting(db, name).await?, "setting", "value")
}
