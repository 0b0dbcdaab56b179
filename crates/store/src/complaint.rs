//! One citizen's matter, its history, and the one function that writes what was decided.

use model::{
    Actor, AgencyId, AttachmentId, CitizenId, Clocks, Complaint, ComplaintId, Decision, Dispatch, DispatchId, DispatchState, Due, Language,
    MessageId, Referee, Reference, StaffId, Status, Timestamp, TrackingCode, Update, UpdateId, UpdateKind, Visibility,
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx,
    contact::{COMPLAINT_WAY, ring},
    convert::{At, at, json, known, point, to_json},
    missed, reply, search,
};

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

/// Writes a decision whole: complaint, dispatches, updates, replies. [`crate::StoreError::Stale`]: the complaint is not at the version
/// that was read.
pub async fn write(tx: &mut Tx, decision: &Decision) -> Result<()> {
    write_many(tx, std::slice::from_ref(decision)).await
}

/// The same for many complaints, in the same few statements. No complaint may occur twice.
pub async fn write_many(tx: &mut Tx, decisions: &[Decision]) -> Result<()> {
    let (new, changed): (Vec<&Decision>, Vec<&Decision>) = decisions.iter().partition(|decision| decision.complaint.version == 0);
    insert(tx, &new).await?;
    update(tx, &changed).await?;
    write_dispatches(tx, decisions).await?;
    search::keep(tx, decisions).await?;
    insert_updates(tx, decisions).await?;
    missed::note(tx, decisions).await?;
    let replies: Vec<reply::New<'_>> = decisions
        .iter()
        .flat_map(|decision| decision.replies.iter().map(move |draft| (decision, draft)))
        .map(|(decision, draft)| reply::New {
            draft,
            complaint: Some(decision.complaint.id),
            trace: decision.complaint.trace,
            now: written_at(decision),
        })
        .collect();
    reply::insert(tx, &replies).await
}

/// When the decision was taken: its last step.
pub(crate) fn written_at(decision: &Decision) -> Timestamp {
    decision.updates.last().map_or(decision.complaint.opened_at, |update| update.at)
}

/// Columns of complaints, side by side, as `unnest` takes them.
#[derive(Default)]
struct Columns {
    id: Vec<Uuid>,
    text: Vec<String>,
    category: Vec<Option<String>>,
    area: Vec<Option<String>>,
    place: Vec<Option<String>>,
    lat: Vec<Option<f64>>,
    lon: Vec<Option<f64>>,
    visibility: Vec<String>,
    language: Vec<String>,
    reply_to: Vec<Option<serde_json::Value>>,
    status: Vec<String>,
    changed_at: Vec<At>,
    deadline: Vec<Option<At>>,
    why: Vec<serde_json::Value>,
    questions: Vec<serde_json::Value>,
    forward_limit: Vec<Option<i64>>,
    forward_due: Vec<Option<At>>,
    forwarded_at: Vec<Option<At>>,
    refusals: Vec<i16>,
    referee: Vec<String>,
}

impl Columns {
    fn of(decisions: &[&Decision]) -> Result<Self> {
        let ring = ring()?;
        let mut columns = Self::default();
        for decision in decisions {
            let complaint = &decision.complaint;
            columns.id.push(complaint.id.0);
            columns.text.push(complaint.text.clone());
            columns.category.push(complaint.category.clone());
            columns.area.push(complaint.area.clone());
            columns.place.push(complaint.place.clone());
            columns.lat.push(complaint.location.map(|point| point.lat));
            columns.lon.push(complaint.location.map(|point| point.lon));
            columns.visibility.push(complaint.visibility.as_str().to_owned());
            columns.language.push(complaint.language.tag().to_owned());
            columns.reply_to.push(complaint.reply_to.as_ref().map(|to| ring.keep_way(COMPLAINT_WAY, complaint.id.0, to)));
            columns.status.push(complaint.status().as_str().to_owned());
            columns.changed_at.push(at(written_at(decision)));
            columns.deadline.push(complaint.deadline().map(at));
            columns.why.push(to_json(&complaint.why));
            columns.questions.push(to_json(&complaint.questions));
            columns.forward_limit.push(complaint.forward.map(|due| due.limit));
            columns.forward_due.push(complaint.forward.map(|due| at(due.at)));
            columns.forwarded_at.push(complaint.forward.and_then(|due| due.met).map(at));
            columns.refusals.push(i16::try_from(complaint.refusals).unwrap_or(i16::MAX));
            columns.referee.push(complaint.referee.as_str().to_owned());
        }
        Ok(columns)
    }
}

async fn insert(tx: &mut Tx, decisions: &[&Decision]) -> Result<()> {
    if decisions.is_empty() {
        return Ok(());
    }
    let columns = Columns::of(decisions)?;
    let each = |value: fn(&Complaint) -> String| decisions.iter().map(|decision| value(&decision.complaint)).collect::<Vec<_>>();
    let citizens: Vec<Uuid> = decisions.iter().map(|decision| decision.complaint.citizen.0).collect();
    let opened_at: Vec<At> = decisions.iter().map(|decision| at(decision.complaint.opened_at)).collect();
    sqlx::query!(
        "insert into complaint (id, reference, tracking, citizen, adapter, account, text, category, area, place, lat, lon, visibility,
          language, reply_to, status, opened_at, changed_at, deadline, why, trace, questions, forward_limit, forward_due, forwarded_at,
          version)
        select id, reference, tracking, citizen, adapter, account, text, category, area, place, lat, lon, visibility, language, reply_to,
          status, opened_at, changed_at, deadline, why, trace, questions, forward_limit, forward_due, forwarded_at, 1
        from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
          $10::text[], $11::float8[], $12::float8[], $13::text[], $14::text[], $15::jsonb[], $16::text[], $17::timestamptz[],
          $18::timestamptz[], $19::timestamptz[], $20::jsonb[], $21::text[], $22::jsonb[],
          $23::bigint[], $24::timestamptz[], $25::timestamptz[])
          as new (id, reference, tracking, citizen, adapter, account, text, category, area, place, lat, lon, visibility, language,
            reply_to, status, opened_at, changed_at, deadline, why, trace, questions, forward_limit, forward_due, forwarded_at)",
        &columns.id,
        &each(|complaint| complaint.reference.to_string()),
        &each(|complaint| complaint.tracking.as_str().to_owned()),
        &citizens,
        &each(|complaint| complaint.adapter.as_str().to_owned()),
        &each(|complaint| complaint.account.clone()),
        &columns.text,
        &columns.category as &[Option<String>],
        &columns.area as &[Option<String>],
        &columns.place as &[Option<String>],
        &columns.lat as &[Option<f64>],
        &columns.lon as &[Option<f64>],
        &columns.visibility,
        &columns.language,
        &columns.reply_to as &[Option<serde_json::Value>],
        &columns.status,
        &opened_at as &[At],
        &columns.changed_at as &[At],
        &columns.deadline as &[Option<At>],
        &columns.why,
        &each(|complaint| complaint.trace.to_string()),
        &columns.questions,
        &columns.forward_limit as &[Option<i64>],
        &columns.forward_due as &[Option<At>],
        &columns.forwarded_at as &[Option<At>]
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

async fn update(tx: &mut Tx, decisions: &[&Decision]) -> Result<()> {
    if decisions.is_empty() {
        return Ok(());
    }
    let columns = Columns::of(decisions)?;
    let versions: Vec<i32> = decisions.iter().map(|decision| decision.complaint.version).collect();
    let written = sqlx::query!(
        "update complaint
        set text = new.text, category = new.category, area = new.area, place = new.place, lat = new.lat, lon = new.lon,
          visibility = new.visibility, language = new.language, reply_to = new.reply_to, status = new.status,
          changed_at = new.changed_at, deadline = new.deadline, why = new.why, questions = new.questions,
          forward_limit = new.forward_limit, forward_due = new.forward_due, forwarded_at = new.forwarded_at, refusals = new.refusals,
          referee = new.referee,
          version = complaint.version + 1
        from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::float8[], $7::float8[], $8::text[], $9::text[],
          $10::jsonb[], $11::text[], $12::timestamptz[], $13::timestamptz[], $14::jsonb[], $15::jsonb[], $16::integer[],
          $17::bigint[], $18::timestamptz[], $19::timestamptz[], $20::smallint[], $21::text[])
          as new (id, text, category, area, place, lat, lon, visibility, language, reply_to, status, changed_at, deadline, why, questions,
            version, forward_limit, forward_due, forwarded_at, refusals, referee)
        where complaint.id = new.id
          and complaint.version = new.version",
        &columns.id,
        &columns.text,
        &columns.category as &[Option<String>],
        &columns.area as &[Option<String>],
        &columns.place as &[Option<String>],
        &columns.lat as &[Option<f64>],
        &columns.lon as &[Option<f64>],
        &columns.visibility,
        &columns.language,
        &columns.reply_to as &[Option<serde_json::Value>],
        &columns.status,
        &columns.changed_at as &[At],
        &columns.deadline as &[Option<At>],
        &columns.why,
        &columns.questions,
        &versions,
        &columns.forward_limit as &[Option<i64>],
        &columns.forward_due as &[Option<At>],
        &columns.forwarded_at as &[Option<At>],
        &columns.refusals,
        &columns.referee
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    if usize::try_from(written.rows_affected()).is_ok_and(|count| count == decisions.len()) { Ok(()) } else { Err(StoreError::Stale) }
}

/// Columns of clocks, side by side.
#[derive(Default)]
struct ClockColumns {
    started: Vec<At>,
    settle: Vec<Option<i64>>,
    answer_limit: Vec<Option<i64>>,
    answer_due: Vec<Option<At>>,
    answered: Vec<Option<At>>,
    settled: Vec<Option<At>>,
    closes_limit: Vec<Option<i64>>,
    closes: Vec<Option<At>>,
    closed: Vec<Option<At>>,
    pauses: Vec<serde_json::Value>,
}

impl ClockColumns {
    fn of<'a>(all: impl Iterator<Item = &'a Clocks>) -> Self {
        let mut columns = Self::default();
        for clocks in all {
            columns.started.push(at(clocks.started));
            columns.settle.push(clocks.settle);
            columns.answer_limit.push(clocks.answer.map(|due| due.limit));
            columns.answer_due.push(clocks.answer.map(|due| at(due.at)));
            columns.answered.push(clocks.answer.and_then(|due| due.met).map(at));
            columns.settled.push(clocks.settled.map(at));
            columns.closes_limit.push(clocks.closes.map(|due| due.limit));
            columns.closes.push(clocks.closes.map(|due| at(due.at)));
            columns.closed.push(clocks.closes.and_then(|due| due.met).map(at));
            columns.pauses.push(to_json(&clocks.pauses));
        }
        columns
    }
}

/// New dispatches, and those whose agency moved on; who answers for it no longer is written before who does now. An agency that has only its queue is told by it; one that gets a complaint back is
/// told again.
async fn write_dispatches(tx: &mut Tx, decisions: &[Decision]) -> Result<()> {
    let all: Vec<(&Decision, &Dispatch)> =
        decisions.iter().flat_map(|decision| decision.complaint.dispatches.iter().map(move |dispatch| (decision, dispatch))).collect();
    if all.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = all.iter().map(|(_, dispatch)| dispatch.id.0).collect();
    let complaints: Vec<Uuid> = all.iter().map(|(decision, _)| decision.complaint.id.0).collect();
    let agencies: Vec<Uuid> = all.iter().map(|(_, dispatch)| dispatch.agency.0).collect();
    let responsible: Vec<bool> = all.iter().map(|(_, dispatch)| dispatch.responsible).collect();
    let work: Vec<String> = all.iter().map(|(_, dispatch)| dispatch.state.as_str().to_owned()).collect();
    let officers: Vec<Option<Uuid>> = all.iter().map(|(_, dispatch)| dispatch.officer.map(|officer| officer.0)).collect();
    let given_at: Vec<At> = all.iter().map(|(_, dispatch)| at(dispatch.given_at)).collect();
    let deadlines: Vec<At> = all.iter().map(|(_, dispatch)| at(dispatch.deadline)).collect();
    let due_at: Vec<At> = all.iter().map(|(decision, _)| at(written_at(decision))).collect();
    let clocks = ClockColumns::of(all.iter().map(|(_, dispatch)| &dispatch.clocks));
    sqlx::query!(
        "insert into dispatch (id, complaint, agency, work, officer, given_at, deadline, state, due_at, started_at, settle_limit,
          answer_limit, answer_due, answered_at, settled_at, closes_limit, closes_at, pauses, responsible, closed_at, close_due)
        select new.id, new.complaint, new.agency, new.work, new.officer, new.given_at, new.deadline,
          case agency.send_kind when 'queue' then 'delivered' else 'due' end, new.due_at, new.started_at, new.settle_limit,
          new.answer_limit, new.answer_due, new.answered_at, new.settled_at, new.closes_limit, new.closes_at, new.pauses,
          new.responsible, new.closed_at, case when new.closed_at is null then new.closes_at end
        from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::timestamptz[], $7::timestamptz[], $8::timestamptz[],
          $9::timestamptz[], $10::bigint[], $11::bigint[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[], $15::bigint[],
          $16::timestamptz[], $17::jsonb[], $18::boolean[], $19::timestamptz[])
          as new (id, complaint, agency, work, officer, given_at, deadline, due_at, started_at, settle_limit, answer_limit, answer_due,
            answered_at, settled_at, closes_limit, closes_at, pauses, responsible, closed_at)
        join agency on agency.id = new.agency
        order by new.responsible
        on conflict on constraint dispatch_once do update
        set work = excluded.work, responsible = excluded.responsible, officer = excluded.officer, deadline = excluded.deadline,
          started_at = excluded.started_at, settle_limit = excluded.settle_limit, answer_limit = excluded.answer_limit,
          answer_due = excluded.answer_due, answered_at = excluded.answered_at, settled_at = excluded.settled_at,
          closes_limit = excluded.closes_limit, closes_at = excluded.closes_at, closed_at = excluded.closed_at,
          close_due = excluded.close_due, pauses = excluded.pauses,
          state = case when dispatch.work in ('done', 'handed_over') and excluded.work = 'open' then excluded.state else dispatch.state end,
          due_at = case when dispatch.work in ('done', 'handed_over') and excluded.work = 'open' then excluded.due_at else dispatch.due_at end,
          turn = case when dispatch.work in ('done', 'handed_over') and excluded.work = 'open' then dispatch.turn + 1 else dispatch.turn end,
          attempts = case when dispatch.work in ('done', 'handed_over') and excluded.work = 'open' then 0 else dispatch.attempts end,
          lease_until = case when dispatch.work in ('done', 'handed_over') and excluded.work = 'open' then null else dispatch.lease_until end
        where (dispatch.work, dispatch.responsible, dispatch.officer, dispatch.deadline, dispatch.answer_due, dispatch.answered_at, dispatch.settled_at,
            dispatch.pauses, dispatch.closes_at, dispatch.closed_at)
          is distinct from (excluded.work, excluded.responsible, excluded.officer, excluded.deadline, excluded.answer_due, excluded.answered_at,
            excluded.settled_at, excluded.pauses, excluded.closes_at, excluded.closed_at)",
        &ids,
        &complaints,
        &agencies,
        &work,
        &officers as &[Option<Uuid>],
        &given_at as &[At],
        &deadlines as &[At],
        &due_at as &[At],
        &clocks.started as &[At],
        &clocks.settle as &[Option<i64>],
        &clocks.answer_limit as &[Option<i64>],
        &clocks.answer_due as &[Option<At>],
        &clocks.answered as &[Option<At>],
        &clocks.settled as &[Option<At>],
        &clocks.closes_limit as &[Option<i64>],
        &clocks.closes as &[Option<At>],
        &clocks.pauses,
        &responsible,
        &clocks.closed as &[Option<At>]
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Adds steps to histories without touching the complaints: who is writing an answer meanwhile is not told that something changed.
pub(crate) async fn insert_updates(tx: &mut Tx, decisions: &[Decision]) -> Result<()> {
    let all: Vec<(ComplaintId, &Update)> =
        decisions.iter().flat_map(|decision| decision.updates.iter().map(|update| (decision.complaint.id, update))).collect();
    if all.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = all.iter().map(|(_, update)| update.id.0).collect();
    let complaints: Vec<Uuid> = all.iter().map(|(complaint, _)| complaint.0).collect();
    let times: Vec<At> = all.iter().map(|(_, update)| at(update.at)).collect();
    let (actors, staff): (Vec<String>, Vec<Option<Uuid>>) = all.iter().map(|(_, update)| actor(update.by)).unzip();
    let agencies: Vec<Option<Uuid>> = all.iter().map(|(_, update)| update.agency.map(|agency| agency.0)).collect();
    let kinds: Vec<String> = all.iter().map(|(_, update)| update.kind.as_str().to_owned()).collect();
    let texts: Vec<Option<String>> = all.iter().map(|(_, update)| update.text.clone()).collect();
    // Lists of several lengths cannot stand in one array: each goes as PostgreSQL writes it.
    let to: Vec<String> = all.iter().map(|(_, update)| list(&update.to)).collect();
    let messages: Vec<Option<Uuid>> = all.iter().map(|(_, update)| update.message.map(|message| message.0)).collect();
    let attachments: Vec<Option<Uuid>> = all.iter().map(|(_, update)| update.attachment.map(|attachment| attachment.0)).collect();
    sqlx::query!(
        "insert into update (id, complaint, at, actor, staff, agency, kind, text, to_agencies, message, attachment)
        select id, complaint, at, actor, staff, agency, kind, text, to_agencies::uuid[], message, attachment
        from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::text[],
          $10::uuid[], $11::uuid[])
          as new (id, complaint, at, actor, staff, agency, kind, text, to_agencies, message, attachment)",
        &ids,
        &complaints,
        &times as &[At],
        &actors,
        &staff as &[Option<Uuid>],
        &agencies as &[Option<Uuid>],
        &kinds,
        &texts as &[Option<String>],
        &to,
        &messages as &[Option<Uuid>],
        &attachments as &[Option<Uuid>]
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

fn actor(by: Actor) -> (String, Option<Uuid>) {
    match by {
        Actor::System => ("system".to_owned(), None),
        Actor::Citizen => ("citizen".to_owned(), None),
        Actor::Staff { id, .. } => ("staff".to_owned(), Some(id.0)),
    }
}

fn list(agencies: &[AgencyId]) -> String {
    let ids: Vec<String> = agencies.iter().map(ToString::to_string).collect();
    format!("{{{}}}", ids.join(","))
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
