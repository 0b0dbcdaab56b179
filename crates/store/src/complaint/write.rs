//! What was decided, written whole: complaints, their dispatches, steps and replies, each in one statement for all.

use model::{Actor, AgencyId, Clocks, Complaint, ComplaintId, Decision, Dispatch, Timestamp, Update};
use uuid::Uuid;

use crate::{
    Result, StoreError, Tx,
    contact::{COMPLAINT_WAY, ring},
    convert::{At, at, to_json},
    missed, reply, search,
};

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
