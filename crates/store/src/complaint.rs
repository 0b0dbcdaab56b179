//! One citizen's matter and its history, as they are read and changed; [`write()`] keeps what was decided.

mod write;

use model::{
    Actor, AgencyId, AttachmentId, CitizenId, Clocks, Complaint, ComplaintId, Dispatch, DispatchId, DispatchState, Due, Language,
    MessageId, Referee, Reference, StaffId, Status, TrackingCode, Update, UpdateId, UpdateKind, Visibility,
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx,
    contact::{COMPLAINT_WAY, ring},
    convert::{At, json, known, point},
};

pub(crate) use write::{insert_updates, written_at};
pub use write::{write, write_many};

/// One complaint with its dispatches.
pub async fn load(db: &PgPool, id: ComplaintId) -> Result<Option<Complaint>> {
    let mut connection = db.acquire().await.map_err(StoreError::from_sqlx)?;
    Ok(read(&mut connection, &[id]).await?.pop())
}

/// The same, and nobody else changes it until the transaction ends.
pub async fn lock(tx: &mut Tx, id: ComplaintId) -> Result<Option<Complaint>> {
    Ok(lock_many(tx, &[id]).await?.pop())
}

/// The same for many, always in the order of their ids, so that two transactions never wait for each other.
pub async fn lock_many(tx: &mut Tx, ids: &[ComplaintId]) -> Result<Vec<Complaint>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query!(
        "select id
        from complaint
        where id = any($1)
        order by id
        for update",
        &ids
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    read(tx, &ids.into_iter().map(ComplaintId).collect::<Vec<_>>()).await
}

/// The complaint that a link opens.
pub async fn by_code(db: &PgPool, code: &TrackingCode) -> Result<Option<Complaint>> {
    let found = sqlx::query_scalar!(
        "select id
        from complaint
        where tracking = $1",
        code.as_str()
    )
    .fetch_optional(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    match found {
        Some(id) => load(db, ComplaintId(id)).await,
        None => Ok(None),
    }
}

/// The complaint with this number.
pub async fn by_reference(db: &PgPool, reference: &Reference) -> Result<Option<Complaint>> {
    let found = sqlx::query_scalar!(
        "select id
        from complaint
        where reference = $1",
        reference.to_string()
    )
    .fetch_optional(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    match found {
        Some(id) => load(db, ComplaintId(id)).await,
        None => Ok(None),
    }
}

/// A complaint found by its number or its code.
#[derive(Debug, Clone)]
pub struct Numbered {
    /// Which.
    pub id: ComplaintId,
    /// Whose.
    pub citizen: CitizenId,
    /// Its number.
    pub reference: Reference,
    /// Its code.
    pub tracking: TrackingCode,
}

/// The complaints that have one of these numbers or one of these codes.
pub async fn numbered(tx: &mut Tx, references: &[Reference], codes: &[TrackingCode]) -> Result<Vec<Numbered>> {
    let references: Vec<String> = references.iter().map(ToString::to_string).collect();
    let codes: Vec<String> = codes.iter().map(|code| code.as_str().to_owned()).collect();
    let rows = sqlx::query!(
        // One look into the index for each, also while PostgreSQL has not counted the rows yet.
        r#"select c.id as "id!", c.citizen as "citizen!", c.reference as "reference!", c.tracking as "tracking!"
        from unnest($1::text[]) as asked (reference)
        cross join lateral (
          select id, citizen, reference, tracking
          from complaint
          where complaint.reference = asked.reference
          limit 1
        ) c
        union
        select c.id, c.citizen, c.reference, c.tracking
        from unnest($2::text[]) as asked (tracking)
        cross join lateral (
          select id, citizen, reference, tracking
          from complaint
          where complaint.tracking = asked.tracking
          limit 1
        ) c"#,
        &references,
        &codes
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            Ok(Numbered {
                id: ComplaintId(row.id),
                citizen: CitizenId(row.citizen),
                reference: known(row.reference.parse().ok(), "complaint", "reference")?,
                tracking: known(row.tracking.parse().ok(), "complaint", "tracking")?,
            })
        })
        .collect()
}

/// `(citizen, complaint)` of complaints where an agency waits for the citizen's answer, or a question of ours is open, asked by this account:
/// the one it came by, or where it goes on.
pub async fn awaiting(tx: &mut Tx, asked: &[(CitizenId, &str, &str)]) -> Result<Vec<(CitizenId, ComplaintId)>> {
    let citizens: Vec<Uuid> = asked.iter().map(|(citizen, ..)| citizen.0).collect();
    let adapters: Vec<String> = asked.iter().map(|(_, adapter, _)| (*adapter).to_owned()).collect();
    let accounts: Vec<String> = asked.iter().map(|(.., account)| (*account).to_owned()).collect();
    let rows = sqlx::query!(
        // The citizen's own are read first: with few rows the planner would rather read all complaints of the account, and keep doing so.
        r#"select asked.citizen as "citizen!", c.id
        from unnest($1::uuid[], $2::text[], $3::text[]) as asked (citizen, adapter, account)
        cross join lateral (
          select id, adapter, account, reply_to
          from complaint
          where citizen = asked.citizen
            and (status = 'awaiting_citizen' or questions ? 'open')
          offset 0
        ) as c
        where (c.adapter = asked.adapter and c.account = asked.account)
          or (c.reply_to ->> 'adapter' = asked.adapter and c.reply_to ->> 'account' = asked.account)"#,
        &citizens,
        &adapters,
        &accounts
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(rows.into_iter().map(|row| (CitizenId(row.citizen), ComplaintId(row.id))).collect())
}

struct Row {
    id: Uuid,
    reference: String,
    tracking: String,
    citizen: Uuid,
    adapter: String,
    account: String,
    text: String,
    category: Option<String>,
    area: Option<String>,
    place: Option<String>,
    lat: Option<f64>,
    lon: Option<f64>,
    visibility: String,
    language: String,
    reply_to: Option<serde_json::Value>,
    opened_at: At,
    forward_limit: Option<i64>,
    forward_due: Option<At>,
    forwarded_at: Option<At>,
    refusals: i16,
    referee: String,
    why: serde_json::Value,
    questions: serde_json::Value,
    trace: String,
    version: i32,
    erased: bool,
}

/// A clock from its three columns.
fn due(limit: Option<i64>, at: Option<At>, met: Option<At>) -> Option<Due> {
    Some(Due { limit: limit?, at: at?.to_jiff(), met: met.map(At::to_jiff) })
}

fn into_model(row: Row) -> Result<Complaint> {
    const TABLE: &str = "complaint";
    Ok(Complaint {
        id: ComplaintId(row.id),
        reference: known(row.reference.parse().ok(), TABLE, "reference")?,
        tracking: known(row.tracking.parse().ok(), TABLE, "tracking")?,
        citizen: CitizenId(row.citizen),
        adapter: known(row.adapter.parse().ok(), TABLE, "adapter")?,
        account: row.account,
        text: row.text,
        category: row.category,
        area: row.area,
        place: row.place,
        location: point(row.lat, row.lon),
        visibility: known(Visibility::from_word(&row.visibility), TABLE, "visibility")?,
        language: Language::from_tag(&row.language),
        reply_to: row.reply_to.map(|kept| ring()?.read_way(COMPLAINT_WAY, row.id, kept)).transpose()?,
        opened_at: row.opened_at.to_jiff(),
        why: json(row.why, TABLE, "why")?,
        questions: json(row.questions, TABLE, "questions")?,
        trace: known(row.trace.parse().ok(), TABLE, "trace")?,
        version: row.version,
        forward: due(row.forward_limit, row.forward_due, row.forwarded_at),
        refusals: u16::try_from(row.refusals).unwrap_or(0),
        referee: known(Referee::from_word(&row.referee), TABLE, "referee")?,
        dispatches: Vec::new(),
        erased: row.erased,
    })
}

/// Complaints with their dispatches. Two statements: a write between them moves the version, so that nothing can be decided on the mix.
pub(crate) async fn read(connection: &mut PgConnection, ids: &[ComplaintId]) -> Result<Vec<Complaint>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"select id, reference, tracking, citizen, adapter, account, text, category, area, place, lat, lon, visibility, language,
          reply_to, opened_at as "opened_at: At", forward_limit, forward_due as "forward_due: At",
          forwarded_at as "forwarded_at: At", refusals, referee, why, questions, trace, version,
          exists (select from removed where removed.complaint = complaint.id and removed.data in ('contact', 'words')) as "erased!"
        from complaint
        where id = any($1)
        order by id"#,
        &ids
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(StoreError::from_sqlx)?;
    let mut complaints = rows.into_iter().map(into_model).collect::<Result<Vec<_>>>()?;
    for (complaint, dispatch) in dispatches(connection, &ids).await? {
        if let Ok(place) = complaints.binary_search_by_key(&complaint, |complaint| complaint.id) {
            complaints[place].dispatches.push(dispatch);
        }
    }
    Ok(complaints)
}

async fn dispatches(connection: &mut PgConnection, complaints: &[Uuid]) -> Result<Vec<(ComplaintId, Dispatch)>> {
    let rows = sqlx::query!(
        r#"select id, complaint, agency, work, responsible, officer, given_at as "given_at: At", deadline as "deadline: At", started_at as "started_at: At",
          settle_limit, answer_limit, answer_due as "answer_due: At", answered_at as "answered_at: At", settled_at as "settled_at: At",
          closes_limit, closes_at as "closes_at: At", closed_at as "closed_at: At", pauses
        from dispatch
        where complaint = any($1)
        order by given_at, id"#,
        complaints
    )
    .fetch_all(connection)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            let dispatch = Dispatch {
                id: DispatchId(row.id),
                agency: AgencyId(row.agency),
                state: known(DispatchState::from_word(&row.work), "dispatch", "work")?,
                responsible: row.responsible,
                officer: row.officer.map(StaffId),
                given_at: row.given_at.to_jiff(),
                deadline: row.deadline.to_jiff(),
                clocks: Clocks {
                    started: row.started_at.unwrap_or(row.given_at).to_jiff(),
                    settle: row.settle_limit,
                    answer: due(row.answer_limit, row.answer_due, row.answered_at),
                    settled: row.settled_at.map(At::to_jiff),
                    closes: due(row.closes_limit, row.closes_at, row.closed_at),
                    pauses: json(row.pauses, "dispatch", "pauses")?,
                },
            };
            Ok((ComplaintId(row.complaint), dispatch))
        })
        .collect()
}

/// Every step, the oldest first.
pub async fn history(db: &PgPool, id: ComplaintId) -> Result<Vec<Update>> {
    let rows = sqlx::query!(
        r#"select u.id, u.at as "at: At", u.actor, u.staff, staff.role as "role?", u.agency, u.kind, u.text, u.to_agencies, u.message,
          u.attachment
        from update u
        left join staff on staff.id = u.staff
        where u.complaint = $1
        order by u.at, u.id"#,
        id.0
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            let agency = row.agency.map(AgencyId);
            let by = match row.actor.as_str() {
                "system" => Actor::System,
                "citizen" => Actor::Citizen,
                _ => Actor::Staff {
                    id: StaffId(known(row.staff, "update", "staff")?),
                    role: known(row.role.and_then(|role| role.parse().ok()), "staff", "role")?,
                    agency,
                },
            };
            Ok(Update {
                id: UpdateId(row.id),
                at: row.at.to_jiff(),
                by,
                kind: known(UpdateKind::from_word(&row.kind), "update", "kind")?,
                agency,
                text: row.text,
                to: row.to_agencies.into_iter().map(AgencyId).collect(),
                message: row.message.map(MessageId),
                attachment: row.attachment.map(AttachmentId),
            })
        })
        .collect()
}

/// How many complaints have each status: exact, for the front page of staff and for metrics.
pub async fn count(db: &PgPool) -> Result<Vec<(Status, i64)>> {
    let rows = sqlx::query!(
        r#"select status, count(*) as "count!"
        from complaint
        group by status"#
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter().map(|row| Ok((known(Status::from_word(&row.status), "complaint", "status")?, row.count))).collect()
}
