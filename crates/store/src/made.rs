//! Made-up complaints by the million, for measuring lists and searches: written past the triggers and most indexes, and what those make then made at once.

use model::{AgencyId, CitizenId, ComplaintId, StaffId, Timestamp};
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, aside,
    contact::{SENDER_NAME, ring},
    convert::{At, at},
};

/// A complaint with at most one agency.
#[derive(Debug, Clone)]
pub struct Made {
    /// Which; also its dispatch.
    pub id: ComplaintId,
    /// As numbers are written.
    pub reference: String,
    /// Its words.
    pub text: String,
    /// Where it is, in words.
    pub place: String,
    /// Code of its area.
    pub area: String,
    /// Code of its category.
    pub category: String,
    /// The account it came by.
    pub account: String,
    /// The grade's word.
    pub visibility: &'static str,
    /// Whether it speaks of danger.
    pub danger: bool,
    /// When it came, and was given to the agency.
    pub opened_at: Timestamp,
    /// Until when.
    pub deadline: Timestamp,
    /// Who has it; none: it waits in triage.
    pub agency: Option<AgencyId>,
    /// Who took it.
    pub officer: Option<StaffId>,
    /// How far the agency is, by its word.
    pub work: &'static str,
    /// What the citizen calls themselves.
    pub name: String,
    /// What they gave as their number.
    pub contact: String,
}

/// What complaints hang on: categories, agencies with officers, one citizen.
pub async fn ground(
    db: &PgPool,
    citizen: CitizenId,
    categories: &[String],
    agencies: &[(AgencyId, Vec<StaffId>)],
    now: Timestamp,
) -> Result<()> {
    let mut tx = crate::begin(db).await?;
    let run = |error| StoreError::from_sqlx(error);
    sqlx::query("insert into citizen (id, created_at) values ($1, $2)")
        .bind(citizen.0)
        .bind(at(now))
        .execute(&mut *tx)
        .await
        .map_err(run)?;
    sqlx::query("insert into category (code, name_id, name_en) select code, code, code from unnest($1::text[]) as code")
        .bind(categories)
        .execute(&mut *tx)
        .await
        .map_err(run)?;
    for (agency, officers) in agencies {
        let officers: Vec<Uuid> = officers.iter().map(|officer| officer.0).collect();
        sqlx::query("insert into agency (id, code, name) values ($1, $1::text, $1::text)")
            .bind(agency.0)
            .execute(&mut *tx)
            .await
            .map_err(run)?;
        sqlx::query(
            "insert into staff (id, login, name, role, agency, password, created_at)
            select id, id::text, 'Petugas', 'officer', $2, '-', $3 from unnest($1::uuid[]) as id",
        )
        .bind(&officers)
        .bind(agency.0)
        .bind(at(now))
        .execute(&mut *tx)
        .await
        .map_err(run)?;
    }
    crate::commit(tx).await
}

/// Writes complaints, their messages and dispatches, with one commit; only for a superuser of the server.
pub async fn fill(db: &PgPool, citizen: CitizenId, rows: &[Made]) -> Result<()> {
    let mut tx = crate::begin(db).await?;
    let text = |value: fn(&Made) -> &str| rows.iter().map(|row| value(row).to_owned()).collect::<Vec<String>>();
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id.0).collect();
    let agencies: Vec<Option<Uuid>> = rows.iter().map(|row| row.agency.map(|agency| agency.0)).collect();
    let officers: Vec<Option<Uuid>> = rows.iter().map(|row| row.officer.map(|officer| officer.0)).collect();
    let dangers: Vec<bool> = rows.iter().map(|row| row.danger).collect();
    let opened: Vec<At> = rows.iter().map(|row| at(row.opened_at)).collect();
    let deadlines: Vec<At> = rows.iter().map(|row| at(row.deadline)).collect();
    let ring = ring()?;
    let names: Vec<String> = rows.iter().map(|row| ring.seal(SENDER_NAME, row.id.0.as_bytes(), &row.name)).collect();
    let found_by: Vec<String> = rows.iter().map(|row| ring.name_lines(Some(&row.name))).collect();
    let contact = rows.iter().map(|row| row.contact.parse().map_or_else(|_| row.contact.clone(), |address| ring.pseudonym(&address)));
    let contact: Vec<String> = contact.collect();
    let run = |error| StoreError::from_sqlx(error);
    sqlx::query("set local session_replication_role = replica").execute(&mut *tx).await.map_err(run)?;
    // On a busy machine ten thousand complaints may take longer than a statement of a page may.
    sqlx::query("set local statement_timeout = 0").execute(&mut *tx).await.map_err(run)?;
    sqlx::query(
        "with made as (
          select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::boolean[],
            $10::timestamptz[], $11::timestamptz[], $12::uuid[], $13::uuid[], $14::text[], $15::text[], $16::text[], $18::text[])
            as made (id, reference, text, place, area, category, account, visibility, danger, opened, deadline, agency, officer, work, name, contact,
              names)
        ), complaints as (
          insert into complaint (id, reference, tracking, citizen, adapter, account, text, category, area, place, visibility, language, status,
            opened_at, changed_at, deadline, why, trace, version)
          select id, reference, rtrim(translate(encode(uuid_send(id), 'base64'), '+/', '-_'), '='), $17, 'chat', account, text, category, area, place, visibility, 'id',
            case when agency is null then 'received' when work = 'open' then 'forwarded' when work in ('done', 'handed_over') then 'resolved'
              else work end,
            opened, opened, deadline, case when danger then '{\"danger\": [\"kabel\"]}'::jsonb else '{}' end, '0', 1
          from made
        ), messages as (
          insert into message (id, adapter, account, platform_id, citizen, complaint, sender, sender_name, names, contact, audience, text, sent_at,
            received_at, recorded_at, trace)
          select id, 'chat', account, id::text, $17, id, 'chat:' || id, name, string_to_array(names, E'\\n'), array[contact], 'private', text, opened, opened, opened, '0'
          from made
        )
        insert into dispatch (id, complaint, agency, work, officer, given_at, deadline, state, due_at, responsible)
        select id, id, agency, work, officer, opened, deadline, 'delivered', opened, work <> 'handed_over'
        from made
        where agency is not null",
    )
    .bind(&ids)
    .bind(text(|row| &row.reference))
    .bind(text(|row| &row.text))
    .bind(text(|row| &row.place))
    .bind(text(|row| &row.area))
    .bind(text(|row| &row.category))
    .bind(text(|row| &row.account))
    .bind(text(|row| row.visibility))
    .bind(&dangers)
    .bind(&opened)
    .bind(&deadlines)
    .bind(&agencies)
    .bind(&officers)
    .bind(text(|row| row.work))
    .bind(&names)
    .bind(&contact)
    .bind(citizen.0)
    .bind(&found_by)
    .execute(&mut *tx)
    .await
    .map_err(run)?;
    sqlx::query("select keep_words($1)").bind(&ids).execute(&mut *tx).await.map_err(run)?;
    crate::commit(tx).await
}

/// Made once for everything, after the filling: what triggers make row by row.
const DERIVED: [&str; 5] = [
    "truncate queue_open, queue_done, queue_done_count, queue_done_day",
    "insert into queue_open (id, complaint, agency, officer, work, deadline, opened_at, category, area, channel, account, danger, visibility)
     select d.id, d.complaint, d.agency, d.officer, d.work, d.deadline, c.opened_at, c.category, c.area, c.adapter || ' ' || c.account, c.account,
       c.danger, c.visibility
     from dispatch d join complaint c on c.id = d.complaint where d.work in ('open', 'in_progress', 'awaiting_citizen')",
    "insert into queue_open (id, complaint, work, opened_at, category, area, channel, account, danger, visibility)
     select id, id, 'triage', opened_at, category, area, adapter || ' ' || account, account, danger, visibility
     from complaint where status = 'received'",
    "insert into queue_done (id, complaint, agency, given_at, opened_at, category, area, channel, account, danger, visibility)
     select d.id, d.complaint, d.agency, d.given_at, c.opened_at, c.category, c.area, c.adapter || ' ' || c.account, c.account, c.danger,
       c.visibility
     from dispatch d join complaint c on c.id = d.complaint where d.work in ('done', 'handed_over')",
    "vacuum analyze",
];

/// Before a long filling: sets indexes aside until [`settle`].
pub async fn begin_filling(db: &PgPool) -> Result<()> {
    // Words are kept of a complaint's messages.
    aside::indexes(db, &["complaint", "message", "dispatch", "complaint_words"], &["message_of_complaint"]).await
}

/// As after a quiet night.
pub async fn settle(db: &PgPool) -> Result<()> {
    let mut connection = db.acquire().await.map_err(StoreError::from_sqlx)?.detach();
    for statement in ["set statement_timeout = 0", "set maintenance_work_mem = '1GB'", "set work_mem = '256MB'"] {
        sqlx::query(statement).execute(&mut connection).await.map_err(StoreError::from_sqlx)?;
    }
    aside::make_again(&mut connection).await?;
    for statement in DERIVED {
        sqlx::query(statement).execute(&mut connection).await.map_err(StoreError::from_sqlx)?;
    }
    Ok(())
}

/// What the tables of lists and of search take on disk, with their indexes, in bytes.
pub async fn bytes(db: &PgPool) -> Result<(i64, i64)> {
    sqlx::query_as(
        "select (pg_total_relation_size('queue_open') + pg_total_relation_size('queue_done') + pg_total_relation_size('queue_done_count')
            + pg_total_relation_size('queue_done_day'))::bigint,
          (pg_total_relation_size('complaint_words') + pg_total_relation_size('known_word'))::bigint",
    )
    .fetch_one(db)
    .await
    .map_err(StoreError::from_sqlx)
}
