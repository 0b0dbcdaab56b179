//! The rules of routing: published versions, of which the last one counts and none is ever changed, and the draft of the next one. What a table comes
//! to is in `model::rules`; here it is written, by one person and published by another.

use std::collections::HashMap;

use jiff::Timestamp;
use model::{
    AgencyId, ComplaintId, Rule, StaffId,
    rules::{Difference, Past, difference},
};
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx,
    access::Scope,
    convert::{At, at, known},
};

/// The most rows a draft may have.
pub const MOST_ROWS: i64 = 20_000;
/// The most complaints on which a draft is tried at once.
pub const MOST_TRIED: u32 = 10_000;

/// A version that was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// 1 is the first.
    pub number: u32,
    /// Since when it counts.
    pub at: Timestamp,
    /// Who published it, by name; `None`: it came with the directory.
    pub by: Option<String>,
    /// Who wrote it, by name.
    pub authors: Vec<String>,
    /// What was said about it.
    pub note: String,
    /// The version that it brought back.
    pub returns_to: Option<u32>,
    /// How many rules it has.
    pub rows: u64,
}

/// What is written for the next version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The version that it began as; 0: none.
    pub based_on: u32,
    /// Since when there is one.
    pub begun_at: Timestamp,
    /// Grows with every change.
    pub edition: i64,
    /// Who wrote it, the first one first. None of them may publish it.
    pub authors: Vec<(StaffId, String)>,
    /// Its rows, also those that name what is not there any more.
    pub rules: Vec<Rule>,
}

/// What became of a change to the draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Edited {
    /// It is written; the draft has this edition now.
    Yes(i64),
    /// The draft is gone, or somebody changed it since it was read, or the row is gone.
    Changed,
    /// It has this row already.
    Same,
    /// It has [`MOST_ROWS`] rows.
    Full,
}

/// What became of publishing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Published {
    /// It counts from now on, under this number.
    Yes(u32),
    /// Who wrote a draft does not publish it.
    ByAuthor,
    /// The draft is gone or was changed since it was read, or another version was published.
    Changed,
}

fn number(value: i32) -> Result<u32> {
    known(u32::try_from(value).ok(), "rule_version", "number")
}

fn signed(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

struct Row {
    id: i64,
    category: Option<String>,
    area: Option<String>,
    kind: Option<String>,
    adapter: Option<String>,
    account: Option<String>,
    agency: Uuid,
    despite_ethics: bool,
}

impl Row {
    fn rule(self) -> Result<Rule> {
        Ok(Rule {
            id: self.id,
            category: self.category,
            area: self.area,
            kind: self.kind,
            adapter: self.adapter.map(|name| known(name.parse().ok(), "rule", "adapter")).transpose()?,
            account: self.account,
            agency: AgencyId(self.agency),
            despite_ethics: self.despite_ethics,
        })
    }
}

/// The rules that count, without those of agencies and categories that are not there any more.
pub(crate) async fn published(tx: &mut Tx) -> Result<Vec<Rule>> {
    let rows = sqlx::query_as!(
        Row,
        "select rule.id, rule.category, rule.area, rule.kind, rule.adapter, rule.account, rule.agency, rule.despite_ethics
        from rule
        join agency on agency.id = rule.agency
        left join category on category.code = rule.category
        where rule.version = (select max(number) from rule_version)
          and agency.active
          and coalesce(category.active, true)
        order by rule.id"
    );
    rows.fetch_all(&mut **tx).await.map_err(StoreError::from_sqlx)?.into_iter().map(Row::rule).collect()
}

/// The number of the version that counts; 0: none does.
pub async fn current<'e>(db: impl sqlx::PgExecutor<'e>) -> Result<u32> {
    let last = sqlx::query_scalar!(r#"select coalesce(max(number), 0) as "last!" from rule_version"#);
    number(last.fetch_one(db).await.map_err(StoreError::from_sqlx)?)
}

/// What was published, the last one first; those with numbers below `before`.
pub async fn versions(db: &PgPool, before: Option<u32>, most: u16) -> Result<Vec<Version>> {
    let rows = sqlx::query!(
        r#"select number, at as "at: At", staff.name as "by?", note, returns_to,
          array(
            select author.name
            from unnest(authors) with ordinality as wrote (id, place)
            join staff as author on author.id = wrote.id
            order by place
          ) as "authors!",
          (select count(*) from rule where rule.version = number) as "rows!"
        from rule_version
        left join staff on staff.id = rule_version.staff
        where number < $1
        order by number desc
        limit $2"#,
        before.map_or(i32::MAX, signed),
        i64::from(most)
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            Ok(Version {
                number: number(row.number)?,
                at: row.at.to_jiff(),
                by: row.by,
                authors: row.authors,
                note: row.note,
                returns_to: row.returns_to.map(number).transpose()?,
                rows: row.rows.unsigned_abs(),
            })
        })
        .collect()
}

/// Every row of one version, also those that name what is not there any more; none: there is no such version, or it is empty.
pub async fn of_version<'e>(db: impl sqlx::PgExecutor<'e>, version: u32) -> Result<Vec<Rule>> {
    let rows = sqlx::query_as!(
        Row,
        "select id, category, area, kind, adapter, account, agency, despite_ethics
        from rule
        where version = $1
        order by id",
        signed(version)
    );
    rows.fetch_all(db).await.map_err(StoreError::from_sqlx)?.into_iter().map(Row::rule).collect()
}

/// Rules by their keys, with the version of each: what decided about a complaint stays known.
pub async fn by_keys(db: &PgPool, keys: &[i64]) -> Result<Vec<(Rule, u32)>> {
    let rows = sqlx::query!(
        "select id, category, area, kind, adapter, account, agency, despite_ethics, version
        from rule
        where id = any($1)
        order by id",
        keys
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            let version = number(row.version)?;
            let rule = Row {
                id: row.id,
                category: row.category,
                area: row.area,
                kind: row.kind,
                adapter: row.adapter,
                account: row.account,
                agency: row.agency,
                despite_ethics: row.despite_ethics,
            };
            Ok((rule.rule()?, version))
        })
        .collect()
}

/// The draft, if there is one.
pub async fn draft(db: &PgPool) -> Result<Option<Draft>> {
    let mut tx = db.begin().await.map_err(StoreError::from_sqlx)?;
    sqlx::query!("set transaction isolation level repeatable read, read only").execute(&mut *tx).await.map_err(StoreError::from_sqlx)?;
    let draft = sqlx::query!(r#"select based_on, begun_at as "begun_at: At", edition from rule_draft"#);
    let Some(draft) = draft.fetch_optional(&mut *tx).await.map_err(StoreError::from_sqlx)? else { return Ok(None) };
    let authors = sqlx::query!(
        "select staff.id, staff.name
        from rule_draft_author
        join staff on staff.id = rule_draft_author.staff
        order by at, staff.id"
    )
    .fetch_all(&mut *tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let rows = sqlx::query_as!(
        Row,
        "select id, category, area, kind, adapter, account, agency, despite_ethics
        from rule_draft_row
        order by id"
    )
    .fetch_all(&mut *tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    tx.commit().await.map_err(StoreError::from_sqlx)?;
    Ok(Some(Draft {
        based_on: draft.based_on.map(number).transpose()?.unwrap_or_default(),
        begun_at: draft.begun_at.to_jiff(),
        edition: draft.edition,
        authors: authors.into_iter().map(|author| (StaffId(author.id), author.name)).collect(),
        rules: rows.into_iter().map(Row::rule).collect::<Result<_>>()?,
    }))
}

/// Begins a draft that says what counts now. `false`: there is one already.
pub async fn begin(tx: &mut Tx, by: StaffId, now: Timestamp) -> Result<bool> {
    let begun = sqlx::query!(
        // Editions begin with the moment: nobody publishes one draft by the edition that they read of another.
        "insert into rule_draft (based_on, begun_at, edition)
        select max(number), $1, (extract(epoch from $1::timestamptz) * 1000)::bigint from rule_version
        on conflict (only_row) do nothing",
        at(now) as At
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    if begun.rows_affected() == 0 {
        return Ok(false);
    }
    wrote(tx, by, now).await?;
    sqlx::query!(
        "insert into rule_draft_row (category, area, kind, adapter, account, agency, despite_ethics)
        select category, area, kind, adapter, account, agency, despite_ethics
        from rule
        where version = (select based_on from rule_draft)
        order by id"
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(true)
}

/// Throws the draft away as it was read. `false`: it is gone, or was changed since.
pub async fn discard(tx: &mut Tx, edition: i64) -> Result<bool> {
    let gone = sqlx::query!("delete from rule_draft where edition = $1", edition);
    Ok(gone.execute(&mut **tx).await.map_err(StoreError::from_sqlx)?.rows_affected() == 1)
}

async fn wrote(tx: &mut Tx, by: StaffId, now: Timestamp) -> Result<()> {
    sqlx::query!("insert into rule_draft_author (staff, at) values ($1, $2) on conflict (staff) do nothing", by.0, at(now) as At)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// The next edition, held until the transaction ends; `None`: it was changed since it was read.
async fn turn(tx: &mut Tx, edition: i64, by: StaffId, now: Timestamp) -> Result<Option<i64>> {
    let next = sqlx::query_scalar!("update rule_draft set edition = edition + 1 where edition = $1 returning edition", edition);
    let next = next.fetch_optional(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    if next.is_some() {
        wrote(tx, by, now).await?;
    }
    Ok(next)
}

/// Adds a row to the draft as it was read, or changes the one with the rule's key where that is not 0. Anything but [`Edited::Yes`] has to be rolled back.
pub async fn set(tx: &mut Tx, edition: i64, rule: &Rule, by: StaffId, now: Timestamp) -> Result<Edited> {
    let Some(next) = turn(tx, edition, by, now).await? else { return Ok(Edited::Changed) };
    let (adapter, account) = (rule.adapter.as_ref().map(model::AdapterName::as_str), rule.account.as_deref());
    let written = if rule.id == 0 {
        sqlx::query!(
            "insert into rule_draft_row (category, area, kind, adapter, account, agency, despite_ethics)
            select $1, $2, $3, $4, $5, $6, $7
            where (select count(*) from rule_draft_row) < $8",
            rule.category,
            rule.area,
            rule.kind,
            adapter,
            account,
            rule.agency.0,
            rule.despite_ethics,
            MOST_ROWS
        )
        .execute(&mut **tx)
        .await
    } else {
        sqlx::query!(
            "update rule_draft_row
            set category = $2, area = $3, kind = $4, adapter = $5, account = $6, agency = $7, despite_ethics = $8
            where id = $1",
            rule.id,
            rule.category,
            rule.area,
            rule.kind,
            adapter,
            account,
            rule.agency.0,
            rule.despite_ethics
        )
        .execute(&mut **tx)
        .await
    };
    match written.map_err(StoreError::from_sqlx) {
        Ok(written) if written.rows_affected() == 1 => Ok(Edited::Yes(next)),
        Ok(_) if rule.id == 0 => Ok(Edited::Full),
        Ok(_) => Ok(Edited::Changed),
        Err(StoreError::Conflict { constraint }) if constraint == "rule_draft_once" => Ok(Edited::Same),
        Err(error) => Err(error),
    }
}

/// Removes a row of the draft as it was read. Anything but [`Edited::Yes`] has to be rolled back.
pub async fn remove(tx: &mut Tx, edition: i64, row: i64, by: StaffId, now: Timestamp) -> Result<Edited> {
    let Some(next) = turn(tx, edition, by, now).await? else { return Ok(Edited::Changed) };
    let gone = sqlx::query!("delete from rule_draft_row where id = $1", row).execute(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    Ok(if gone.rows_affected() == 1 { Edited::Yes(next) } else { Edited::Changed })
}

/// Makes the draft say these rules, as of a file; what stays is not touched. Begins a draft where there is none. What it comes to against what it said
/// before. [`StoreError::Conflict`]: two of them ask for the same and name the same agency.
pub async fn replace(tx: &mut Tx, rules: &[Rule], by: StaffId, now: Timestamp) -> Result<Difference> {
    begin(tx, by, now).await?;
    sqlx::query!("update rule_draft set edition = edition + 1").execute(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    wrote(tx, by, now).await?;
    let rows = sqlx::query_as!(
        Row,
        "select id, category, area, kind, adapter, account, agency, despite_ethics
        from rule_draft_row
        order by id"
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let before = rows.into_iter().map(Row::rule).collect::<Result<Vec<_>>>()?;
    let change = difference(&before, rules);
    let gone: Vec<i64> = change.removed.iter().map(|rule| rule.id).collect();
    sqlx::query!("delete from rule_draft_row where id = any($1)", &gone).execute(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    for rule in &change.added {
        sqlx::query!(
            "insert into rule_draft_row (category, area, kind, adapter, account, agency, despite_ethics)
            values ($1, $2, $3, $4, $5, $6, $7)",
            rule.category,
            rule.area,
            rule.kind,
            rule.adapter.as_ref().map(model::AdapterName::as_str),
            rule.account,
            rule.agency.0,
            rule.despite_ethics
        )
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    }
    Ok(change)
}

/// Publishes the draft as it was read (`edition`), over the version that counted then (`current`): it counts from the commit on. Nobody publishes what
/// they wrote; the same statement that writes the version asks that.
pub async fn publish(tx: &mut Tx, edition: i64, current: u32, note: &str, by: StaffId, now: Timestamp) -> Result<Published> {
    let published = sqlx::query_scalar!(
        r#"with draft as (
          delete from rule_draft
          where edition = $1
            and (select coalesce(max(number), 0) from rule_version) = $2
            and not exists (select from rule_draft_author where staff = $3)
          returning begun_at
        ), version as (
          insert into rule_version (number, at, staff, authors, note)
          select $2 + 1, $4, $3, (select coalesce(array_agg(staff order by at, staff), '{}') from rule_draft_author), $5
          from draft
          returning number
        ), written as (
          insert into rule (version, category, area, kind, adapter, account, agency, despite_ethics)
          select version.number, category, area, kind, adapter, account, agency, despite_ethics
          from version, rule_draft_row
          order by rule_draft_row.id
        )
        select number as "number!" from version"#,
        edition,
        signed(current),
        by.0,
        at(now) as At,
        note
    )
    .fetch_optional(&mut **tx)
    .await;
    match published.map_err(StoreError::from_sqlx) {
        Ok(Some(version)) => Ok(Published::Yes(number(version)?)),
        // Two at once took the same number.
        Err(StoreError::Conflict { constraint }) if constraint == "rule_version_pkey" => Ok(Published::Changed),
        Err(error) => Err(error),
        Ok(None) => {
            let wrote = sqlx::query_scalar!(r#"select exists (select from rule_draft_author where staff = $1) as "wrote!""#, by.0);
            let wrote = wrote.fetch_one(&mut **tx).await.map_err(StoreError::from_sqlx)?;
            Ok(if wrote { Published::ByAuthor } else { Published::Changed })
        }
    }
}

/// Makes a version that says what an earlier one said: it counts from the commit on. Needs no second person: two had agreed on it. `None`: there
/// is no such version before the one that counts, or that one is not the one that was read (`current`).
pub async fn go_back(tx: &mut Tx, to: u32, current: u32, note: &str, by: StaffId, now: Timestamp) -> Result<Option<u32>> {
    let made = sqlx::query_scalar!(
        r#"with version as (
          insert into rule_version (number, at, staff, note, returns_to)
          select $2 + 1, $4, $3, $5, number
          from rule_version
          where number = $1
            and number < $2
            and (select max(number) from rule_version) = $2
          returning number, returns_to
        ), written as (
          insert into rule (version, category, area, kind, adapter, account, agency, despite_ethics)
          select version.number, category, area, kind, adapter, account, agency, despite_ethics
          from version
          join rule on rule.version = version.returns_to
          order by rule.id
        )
        select number as "number!" from version"#,
        signed(to),
        signed(current),
        by.0,
        at(now) as At,
        note
    )
    .fetch_optional(&mut **tx)
    .await;
    match made.map_err(StoreError::from_sqlx) {
        Ok(made) => made.map(number).transpose(),
        Err(StoreError::Conflict { constraint }) if constraint == "rule_version_pkey" => Ok(None),
        Err(error) => Err(error),
    }
}

/// The last complaints on which rules are tried, and the numbers of those that this reader may see.
#[derive(Debug, Clone, Default)]
pub struct Last {
    /// The newest first.
    pub complaints: Vec<Past>,
    /// By complaint.
    pub seen: HashMap<ComplaintId, String>,
}

/// The last `most` complaints, as rules look at them; at most [`MOST_TRIED`]. Those of a grade that is not this reader's are left out whole: a trial tells nobody
/// how many there are, nor of what kind. Of others' the numbers stay out.
pub async fn last(db: &PgPool, scope: &Scope, most: u32) -> Result<Last> {
    let rows = sqlx::query!(
        r#"select c.id, c.reference, c.category, c.area, c.adapter, c.account, c.visibility, c.why ->> 'kind' as kind,
          coalesce(jsonb_array_length(c.why -> 'ethics'), 0) > 0 as "ethics!",
          (($2::uuid is null or exists (select from dispatch d where d.complaint = c.id and d.agency = $2)
              or exists (select from consultation k where k.complaint = c.id and k.asked = $2)
              or exists (select from near_border n where n.complaint = c.id and n.agency = $2))
            and ($3::text is null or c.account = $3)) as "seen!"
        from complaint c
        where shown(c.visibility, $4)
        order by c.id desc
        limit $1"#,
        i64::from(most.min(MOST_TRIED)),
        scope.agency(),
        scope.office(),
        scope.confided()
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let mut last = Last::default();
    for row in rows {
        let id = ComplaintId(row.id);
        if row.seen {
            last.seen.insert(id, row.reference);
        }
        last.complaints.push(Past {
            id,
            category: row.category,
            area: row.area,
            kind: row.kind,
            adapter: known(row.adapter.parse().ok(), "complaint", "adapter")?,
            account: row.account,
            ethics: row.ethics,
            grade: known(model::Visibility::from_word(&row.visibility), "complaint", "visibility")?,
        });
    }
    Ok(last)
}
