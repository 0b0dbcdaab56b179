//! The rules, and who sits where.

use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use model::{
    AdapterName, AgencyId, StaffId, Stage, Timestamp,
    clock::{Amount, Unit},
    escalation::{EscalationRule, Post, Way, When},
};

use crate::{
    PgPool, Result, StoreError, Tx,
    convert::{known, small},
    telephone::{self, Telephone, Whose},
};

/// Every rule, ended ones too: what was done by one stays known by it.
pub async fn rules<'e>(db: impl sqlx::PgExecutor<'e>) -> Result<Vec<EscalationRule>> {
    const TABLE: &str = "escalation_rule";
    let rows = sqlx::query!(
        r#"select id, stage, agency, category, adapter, account, moment, amount, unit, post, way, source, source_en, verified,
          valid_from as "valid_from: jiff_sqlx::Date", valid_until as "valid_until: jiff_sqlx::Date"
        from escalation_rule
        order by array_position(array['forward', 'first_answer', 'settle'], stage),
          array_position(array['before', 'at', 'after'], moment), amount, id"#
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            let unit = row.unit.as_deref().and_then(Unit::from_word);
            let amount = row.amount.and_then(|number| u16::try_from(number).ok()).zip(unit).map(|(number, unit)| Amount { number, unit });
            Ok(EscalationRule {
                id: row.id,
                stage: known(Stage::from_word(&row.stage), TABLE, "stage")?,
                agency: row.agency.map(AgencyId),
                category: row.category,
                adapter: row.adapter.map(|name| known(name.parse().ok(), TABLE, "adapter")).transpose()?,
                account: row.account,
                when: known(When::from_words(&row.moment, amount), TABLE, "moment")?,
                to: known(Post::from_word(&row.post), TABLE, "post")?,
                way: known(Way::from_word(&row.way), TABLE, "way")?,
                source: row.source,
                source_en: row.source_en,
                verified: row.verified,
                from: row.valid_from.map(jiff_sqlx::Date::to_jiff),
                until: row.valid_until.map(jiff_sqlx::Date::to_jiff),
            })
        })
        .collect()
}

/// A rule to be written. It holds from a day on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRule {
    /// Of which clock; not [`Stage::Silence`].
    pub stage: Stage,
    /// Only this agency.
    pub agency: Option<AgencyId>,
    /// Only this category.
    pub category: Option<String>,
    /// Only what came by this account of this adapter.
    pub channel: Option<(AdapterName, String)>,
    /// When.
    pub when: When,
    /// Who; not [`Post::Admin`].
    pub to: Post,
    /// How.
    pub way: Way,
    /// Where it comes from.
    pub source: String,
    /// Whether somebody read the rule's own text.
    pub verified: bool,
    /// Its first day.
    pub from: Date,
}

/// Begins a rule. Everything that is open is looked at once more. [`StoreError::Conflict`]: the same rule begins on that day already, or it names
/// what is not there.
pub async fn add(tx: &mut Tx, new: &NewRule) -> Result<i64> {
    let amount = new.when.amount();
    sqlx::query_scalar!(
        "insert into escalation_rule (stage, agency, category, adapter, account, moment, amount, unit, post, way, source, verified, valid_from)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        returning id",
        new.stage.as_str(),
        new.agency.map(|agency| agency.0),
        new.category,
        new.channel.as_ref().map(|(adapter, _)| adapter.as_str()),
        new.channel.as_ref().map(|(_, account)| account.as_str()),
        new.when.as_str(),
        amount.map(|amount| small(amount.number.into())),
        amount.map(|amount| amount.unit.as_str()),
        new.to.as_str(),
        new.way.as_str(),
        new.source,
        new.verified,
        new.from.to_sqlx() as jiff_sqlx::Date
    )
    .fetch_one(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)
}

/// Ends a rule with this day as its last; one that begins later ends with its first. `false`: there is no such rule, or it has ended.
pub async fn end(tx: &mut Tx, id: i64, last: Date) -> Result<bool> {
    let ended = sqlx::query!(
        "update escalation_rule
        set valid_until = greatest($2, valid_from)
        where id = $1
          and (valid_until is null or valid_until > $2)",
        id,
        last.to_sqlx() as jiff_sqlx::Date
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(ended.rows_affected() == 1)
}

/// Somebody in a post without an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its key.
    pub id: i64,
    /// Head of an agency, or secretary of the city.
    pub post: Post,
    /// Whose head.
    pub agency: Option<AgencyId>,
    /// Who, or what the office is called.
    pub name: String,
    /// Where they are written to; `None`: nowhere by mail.
    pub email: Option<String>,
    /// Where they are reached by telephone, if anywhere.
    pub telephone: Option<Telephone>,
    /// Since when.
    pub from: Date,
    /// Until when; `None`: until further notice.
    pub until: Option<Date>,
}

/// Everybody in a post on this day or later, the secretary first.
pub async fn holders(db: &PgPool, day: Date) -> Result<Vec<Holder>> {
    let rows = sqlx::query!(
        r#"select id, post, agency, name, email, valid_from as "valid_from: jiff_sqlx::Date", valid_until as "valid_until: jiff_sqlx::Date"
        from post_holder
        where valid_until is null or valid_until >= $1
        order by post desc, agency, valid_from, id"#,
        day.to_sqlx() as jiff_sqlx::Date
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let mut telephones = telephone::all(db).await?;
    rows.into_iter()
        .map(|row| {
            Ok(Holder {
                telephone: telephones.remove(&Whose::Holder(row.id)),
                id: row.id,
                post: known(Post::from_word(&row.post), "post_holder", "post")?,
                agency: row.agency.map(AgencyId),
                name: row.name,
                email: row.email,
                from: row.valid_from.to_jiff(),
                until: row.valid_until.map(jiff_sqlx::Date::to_jiff),
            })
        })
        .collect()
}

/// Somebody who comes into a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHolder {
    /// `Some`: head of this agency; `None`: secretary of the city.
    pub agency: Option<AgencyId>,
    /// Who, or what the office is called.
    pub name: String,
    /// Where they are written to.
    pub email: Option<String>,
    /// Where they are reached by telephone: one of the two there must be.
    pub telephone: Option<Telephone>,
    /// Since when.
    pub from: Date,
}

/// Puts somebody into a post. Others in it stay: there may be a deputy.
pub async fn hold(tx: &mut Tx, new: &NewHolder, now: Timestamp) -> Result<i64> {
    let id = sqlx::query_scalar!(
        "insert into post_holder (post, agency, name, email, valid_from)
        values (case when $1::uuid is null then 'secretary' else 'head' end, $1, $2, $3, $4)
        returning id",
        new.agency.map(|agency| agency.0),
        new.name,
        new.email,
        new.from.to_sqlx() as jiff_sqlx::Date
    )
    .fetch_one(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    if let Some(number) = &new.telephone {
        telephone::set(tx, Whose::Holder(id), number, now).await?;
    }
    Ok(id)
}

/// Somebody leaves a post; this day is their last. Their telephone number is forgotten at once. `false`: they had left.
pub async fn end_holder(tx: &mut Tx, id: i64, last: Date) -> Result<bool> {
    let ended = sqlx::query!(
        "update post_holder
        set valid_until = greatest($2, valid_from)
        where id = $1
          and (valid_until is null or valid_until > $2)",
        id,
        last.to_sqlx() as jiff_sqlx::Date
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    telephone::forget(tx, Whose::Holder(id)).await?;
    Ok(ended.rows_affected() == 1)
}

/// Where staff are written to, of those who are.
pub async fn mails(db: &PgPool) -> Result<Vec<(StaffId, String)>> {
    let rows = sqlx::query!("select staff, email from staff_mail order by staff").fetch_all(db).await.map_err(StoreError::from_sqlx)?;
    Ok(rows.into_iter().map(|row| (StaffId(row.staff), row.email)).collect())
}

/// Where somebody is written to from now on; `None`: nowhere.
pub async fn set_mail(tx: &mut Tx, staff: StaffId, email: Option<&str>) -> Result<()> {
    match email {
        Some(email) => {
            sqlx::query!(
                "insert into staff_mail (staff, email) values ($1, $2) on conflict (staff) do update set email = excluded.email",
                staff.0,
                email
            )
            .execute(&mut **tx)
            .await
        }
        None => sqlx::query!("delete from staff_mail where staff = $1", staff.0).execute(&mut **tx).await,
    }
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}
