//! What is kept how long: dated rules, holds, and what is removed by them. What a rule removes leaves a tombstone; the bare complaint stays, so that
//! every figure stays what it was. What exactly goes with each kind of data stands in the migration `…244_erase`.

use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use model::{ComplaintId, Reference, StaffId, Timestamp};
use serde_json::json;
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx, audit, citizen,
    convert::{At, at, known},
};

/// A rule: for how many days something is kept after the last thing that was done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its key, which tombstones name.
    pub id: i64,
    /// What is kept: `contact`, `words`, `files` of closed complaints; `reasons`, `requests` by age alone.
    pub data: String,
    /// Of one category only.
    pub category: Option<String>,
    /// Of one kind of complaint only.
    pub kind: Option<String>,
    /// How long, in days.
    pub days: i32,
    /// Where it was read.
    pub source: String,
    /// Whether somebody read the text itself.
    pub verified: bool,
    /// From which day on it counts; `None`: ever since.
    pub from: Option<Date>,
    /// Until which day.
    pub until: Option<Date>,
}

/// Every rule that counts or will.
pub async fn rules(db: &PgPool, now: Timestamp) -> Result<Vec<Rule>> {
    let rows = sqlx::query!(
        r#"select id, data, category, kind, days, source, verified, valid_from as "from: jiff_sqlx::Date", valid_until as "until: jiff_sqlx::Date"
        from retention_rule
        where valid_until is null or valid_until >= ($1::timestamptz at time zone 'UTC')::date
        order by data, category nulls first, kind nulls first, valid_from nulls first"#,
        at(now) as At
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let rule = rows.into_iter().map(|row| Rule {
        id: row.id,
        data: row.data,
        category: row.category,
        kind: row.kind,
        days: row.days,
        source: row.source,
        verified: row.verified,
        from: row.from.map(jiff_sqlx::Date::to_jiff),
        until: row.until.map(jiff_sqlx::Date::to_jiff),
    });
    Ok(rule.collect())
}

/// A new rule.
#[derive(Debug, Clone)]
pub struct NewRule<'a> {
    /// As in [`Rule`].
    pub data: &'a str,
    /// As in [`Rule`].
    pub category: Option<&'a str>,
    /// As in [`Rule`].
    pub kind: Option<&'a str>,
    /// As in [`Rule`].
    pub days: i32,
    /// As in [`Rule`].
    pub source: &'a str,
    /// As in [`Rule`].
    pub verified: bool,
    /// From which day on.
    pub from: Date,
}

/// Begins a rule; the one for the same that counted before ends the day before. [`StoreError::Conflict`]: a word or a number that the table does not take.
pub async fn begin(tx: &mut Tx, new: &NewRule<'_>, by: Option<StaffId>, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "update retention_rule
        set valid_until = $4::date - 1
        where data = $1 and category is not distinct from $2 and kind is not distinct from $3
          and (valid_from is null or valid_from < $4) and (valid_until is null or valid_until >= $4)",
        new.data,
        new.category,
        new.kind,
        new.from.to_sqlx() as jiff_sqlx::Date
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    sqlx::query!(
        "insert into retention_rule (data, category, kind, days, source, verified, valid_from) values ($1, $2, $3, $4, $5, $6, $7)",
        new.data,
        new.category,
        new.kind,
        new.days,
        new.source,
        new.verified,
        new.from.to_sqlx() as jiff_sqlx::Date
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let detail =
        json!({ "category": new.category, "kind": new.kind, "days": new.days, "from": new.from.to_string(), "source": new.source });
    audit::write(tx, now, by, "retention.begun", new.data, &detail).await
}

/// Something of a complaint that is older than its rule allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Which.
    pub complaint: ComplaintId,
    /// Its number.
    pub reference: Reference,
    /// What of it.
    pub data: String,
    /// By which rule.
    pub rule: i64,
    /// Why it stays all the same, in one word; `None`: it goes.
    pub keeps: Option<String>,
}

/// What is due, the oldest complaint first, with what must stay all the same.
pub async fn due(db: &PgPool, now: Timestamp, most: i64) -> Result<Vec<Due>> {
    let rows = sqlx::query!(
        r#"select complaint as "complaint!", reference as "reference!", data as "data!", rule as "rule!", keeps
        from retention_due($1)
        order by opened_at, complaint, data
        limit $2"#,
        at(now) as At,
        most
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            let reference = known(row.reference.parse().ok(), "complaint", "reference")?;
            Ok(Due { complaint: ComplaintId(row.complaint), reference, data: row.data, rule: row.rule, keeps: row.keeps })
        })
        .collect()
}

/// How many of which rule are due, and how many of them stay and why.
pub async fn counts(db: &PgPool, now: Timestamp) -> Result<Vec<(i64, Option<String>, i64)>> {
    let rows = sqlx::query!(
        r#"select rule as "rule!", keeps, count(*) as "n!" from retention_due($1) group by 1, 2 order by 1, 2 nulls first"#,
        at(now) as At
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(rows.into_iter().map(|row| (row.rule, row.keeps, row.n)).collect())
}

/// Any number, the same in every process.
const LOCK: i64 = 0x6d75_6172_6100_0243;

/// What a batch did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Batch {
    /// Parts of complaints, and lines that belong to none, that were removed.
    pub removed: u64,
    /// Whether another process is at it.
    pub elsewhere: bool,
}

/// Removes what is due of at most so many complaints, and as many lines that belong to none, in one transaction: broken off, nothing of it happened, and
/// whoever comes next finds it due again. One process at a time; no complaint under a hold, open, or contested, also if it becomes so at this moment.
pub async fn remove(db: &PgPool, now: Timestamp, most: i64) -> Result<Batch> {
    let mut tx = crate::begin(db).await?;
    if !crate::only_one(&mut tx, LOCK).await? {
        return Ok(Batch { removed: 0, elsewhere: true });
    }
    let asked = sqlx::query_scalar!(
        r#"select complaint as "complaint!" from retention_due($1) where keeps is null group by 1 order by min(opened_at), 1 limit $2"#,
        at(now) as At,
        most
    )
    .fetch_all(&mut *tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let citizens = lock(&mut tx, &asked).await?;
    let mut removed = parts(&mut tx, &asked, now).await?;
    forget_citizens(&mut tx, &citizens, now).await?;
    removed += lines(&mut tx, now, most).await?;
    crate::commit(tx).await?;
    Ok(Batch { removed, elsewhere: false })
}

/// Locks complaints and the addresses of whose they are, in the order in which messages are recorded: addresses first. Answers whose they are.
pub(crate) async fn lock(tx: &mut Tx, complaints: &[Uuid]) -> Result<Vec<Uuid>> {
    let mut addresses = Vec::new();
    for complaint in complaints {
        addresses.extend(citizen::addresses_of(tx, ComplaintId(*complaint)).await?);
    }
    citizen::lock(tx, &addresses).await?;
    let rows = sqlx::query_scalar!("select citizen from complaint where id = any($1) order by id for update", complaints);
    rows.fetch_all(&mut **tx).await.map_err(StoreError::from_sqlx)
}

/// What is still due of these, now that nobody else writes to them.
async fn parts(tx: &mut Tx, complaints: &[Uuid], now: Timestamp) -> Result<u64> {
    let mut removed = 0;
    for data in ["files", "words", "contact"] {
        let due = sqlx::query!(
            r#"select complaint as "complaint!", rule as "rule!" from retention_due($1) where complaint = any($2) and data = $3 and keeps is null"#,
            at(now) as At,
            complaints,
            data
        )
        .fetch_all(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
        let ids: Vec<Uuid> = due.iter().map(|row| row.complaint).collect();
        let rules: Vec<i64> = due.iter().map(|row| row.rule).collect();
        erase(tx, data, &ids, now).await?;
        sqlx::query!(
            "insert into removed (complaint, data, at, rule)
            select complaint, $3, $4, rule from unnest($1::uuid[], $2::bigint[]) as new (complaint, rule)
            on conflict (complaint, data) do update set at = excluded.at, rule = excluded.rule, request = null",
            &ids,
            &rules,
            data,
            at(now) as At
        )
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
        removed += ids.len() as u64;
    }
    Ok(removed)
}

/// Removes one kind of data of complaints that are locked.
pub(crate) async fn erase(tx: &mut Tx, data: &str, ids: &[Uuid], now: Timestamp) -> Result<()> {
    let done = match data {
        "files" => sqlx::query!("select erase_files($1, $2)", ids, at(now) as At).fetch_one(&mut **tx).await.map(drop),
        "words" => sqlx::query!("select erase_words($1)", ids).fetch_one(&mut **tx).await.map(drop),
        _ => sqlx::query!("select erase_contact($1)", ids).fetch_one(&mut **tx).await.map(drop),
    };
    done.map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Forgets those of these citizens of whom no complaint is left. Answers how many.
pub(crate) async fn forget_citizens(tx: &mut Tx, citizens: &[Uuid], now: Timestamp) -> Result<i32> {
    sqlx::query_scalar!(r#"select erase_citizens($1, $2) as "n!""#, citizens, at(now) as At)
        .fetch_one(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)
}

/// What belongs to no complaint, or is about one and has an age of its own: why staff looked, requests that are done, mails to staff that went.
async fn lines(tx: &mut Tx, now: Timestamp, most: i64) -> Result<u64> {
    let reasons = sqlx::query_scalar!(
        r#"with gone as (
          delete from audit_reason
          where entry in (
            select entry
            from audit_reason
            join audit on audit.id = audit_reason.entry
            where audit.at < $1::timestamptz - make_interval(days => (retention_rule_of('reasons', $1)).days)
            limit $2
          )
          returning entry
        )
        select count(*) as "n!" from gone"#,
        at(now) as At,
        most
    );
    let reasons = reasons.fetch_one(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    count(tx, "reasons", reasons, now).await?;
    let requests = sqlx::query_scalar!(
        r#"with gone as (
          delete from citizen_request
          where id in (
            select id
            from citizen_request
            where state in ('done', 'refused')
              and coalesce(done_at, decided_at) < $1::timestamptz - make_interval(days => (retention_rule_of('requests', $1)).days)
            limit $2
          )
          returning id
        )
        select count(*) as "n!" from gone"#,
        at(now) as At,
        most
    );
    let requests = requests.fetch_one(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    count(tx, "requests", requests, now).await?;
    let mails = sqlx::query_scalar!(
        r#"with clocks as (
          delete from escalation_mail
          where id in (
            select m.id
            from escalation_mail m
            join escalation e on e.id = m.escalation
            where m.state <> 'due'
              and e.at < $1::timestamptz - make_interval(days => (retention_rule_of('mails', $1)).days)
            limit $2
          )
          returning id
        ), questions as (
          delete from consultation_mail
          where id in (
            select m.id
            from consultation_mail m
            join consultation c on c.id = m.consultation
            where m.state <> 'due'
              and c.answered_at < $1::timestamptz - make_interval(days => (retention_rule_of('mails', $1)).days)
            limit $2
          )
          returning id
        )
        select (select count(*) from clocks) + (select count(*) from questions) as "n!""#,
        at(now) as At,
        most
    );
    let mails = mails.fetch_one(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    count(tx, "mails", mails, now).await?;
    Ok(u64::try_from(reasons + requests + mails).unwrap_or(0))
}

/// Their tombstone.
async fn count(tx: &mut Tx, data: &str, n: i64, now: Timestamp) -> Result<()> {
    if n == 0 {
        return Ok(());
    }
    sqlx::query!(
        "insert into removed_count (day, rule, n)
        values (($2::timestamptz at time zone 'UTC')::date, (retention_rule_of($1, $2)).id, $3)
        on conflict (day, rule) do update set n = removed_count.n + excluded.n",
        data,
        at(now) as At,
        n
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// When a daily run came to its end last, if it did.
pub async fn ran_at(db: &PgPool) -> Result<Option<Timestamp>> {
    let value = sqlx::query_scalar!("select value #>> '{}' from setting where name = 'retention.ran'");
    let text = value.fetch_optional(db).await.map_err(StoreError::from_sqlx)?.flatten();
    Ok(text.and_then(|text| text.parse().ok()))
}

/// A run came to its end.
pub async fn ran(db: &PgPool, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "insert into setting (name, value) values ('retention.ran', $1) on conflict (name) do update set value = excluded.value",
        json!(now.to_string())
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Files in storage that no row has any more.
pub async fn files_left(db: &PgPool, most: i64) -> Result<Vec<String>> {
    sqlx::query_scalar!("select key from removed_file order by since, key limit $1", most)
        .fetch_all(db)
        .await
        .map_err(StoreError::from_sqlx)
}

/// These are gone from storage.
pub async fn files_gone(db: &PgPool, keys: &[String]) -> Result<()> {
    sqlx::query!("delete from removed_file where key = any($1)", keys).execute(db).await.map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// A tombstone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// What of the complaint.
    pub data: String,
    /// When.
    pub at: Timestamp,
    /// For how many days it was kept, by which source; `None`: its citizen asked for it.
    pub rule: Option<(i32, String)>,
}

/// What was removed of a complaint.
pub async fn removed(db: &PgPool, complaint: ComplaintId) -> Result<Vec<Removed>> {
    let rows = sqlx::query!(
        r#"select removed.data, removed.at as "at: At", days as "days?", source as "source?"
        from removed
        left join retention_rule on retention_rule.id = removed.rule
        where complaint = $1
        order by removed.data"#,
        complaint.0
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let removed = rows.into_iter().map(|row| Removed { data: row.data, at: row.at.to_jiff(), rule: row.days.zip(row.source) });
    Ok(removed.collect())
}

/// A hold: nothing of the complaint is removed while it lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Of which.
    pub reference: Reference,
    /// Why.
    pub reason: String,
    /// Who said so, by name.
    pub by: String,
    /// Since when.
    pub since: Timestamp,
}

/// Places a hold. `false`: there is one.
pub async fn hold(tx: &mut Tx, complaint: ComplaintId, reference: Reference, reason: &str, by: StaffId, now: Timestamp) -> Result<bool> {
    // Waits for who removes, and makes them wait.
    sqlx::query!("select id from complaint where id = $1 for update", complaint.0)
        .fetch_optional(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    let placed = sqlx::query!(
        "insert into hold (id, complaint, reason, placed_by, placed_at) values ($1, $2, $3, $4, $5)
        on conflict (complaint) where ended_at is null do nothing",
        model::UpdateId::new(now).0,
        complaint.0,
        reason,
        by.0,
        at(now) as At
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    if placed.rows_affected() == 0 {
        return Ok(false);
    }
    audit::write_about(tx, now, Some(by), "hold.placed", &[complaint], &reference.to_string(), json!({}), Some(reason)).await?;
    Ok(true)
}

/// Ends it. `false`: there is none.
pub async fn release(tx: &mut Tx, complaint: ComplaintId, reference: Reference, reason: &str, by: StaffId, now: Timestamp) -> Result<bool> {
    let ended = sqlx::query!(
        "update hold set ended_at = $2, ended_by = $3 where complaint = $1 and ended_at is null",
        complaint.0,
        at(now) as At,
        by.0
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    if ended.rows_affected() == 0 {
        return Ok(false);
    }
    audit::write_about(tx, now, Some(by), "hold.ended", &[complaint], &reference.to_string(), json!({}), Some(reason)).await?;
    Ok(true)
}

/// Every hold that lasts, the oldest first.
pub async fn holds(db: &PgPool) -> Result<Vec<Hold>> {
    let rows = sqlx::query!(
        r#"select complaint.reference, hold.reason, staff.name, hold.placed_at as "since: At"
        from hold
        join complaint on complaint.id = hold.complaint
        join staff on staff.id = hold.placed_by
        where hold.ended_at is null
        order by hold.placed_at"#
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            let reference = known(row.reference.parse().ok(), "complaint", "reference")?;
            Ok(Hold { reference, reason: row.reason, by: row.name, since: row.since.to_jiff() })
        })
        .collect()
}
