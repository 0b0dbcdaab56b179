//! Pairs that may be about one thing: what waits for a word, and what was decided.

use std::collections::{HashMap, HashSet};

use model::{
    Complaint, ComplaintId, StaffId, Status, Timestamp,
    incident::{Side, Suggestion, SuggestionState},
    same::Beside,
};
use uuid::Uuid;

use super::sides;
use crate::{
    PgPool, Result, StoreError, Tx,
    convert::{At, at, json, known, to_json},
    queue::Scope,
};

/// Keeps suggestions; a pair that was suggested before, or decided, stays as it is.
pub async fn suggest(tx: &mut Tx, new: &[Suggestion]) -> Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    let complaints: Vec<Uuid> = new.iter().map(|pair| pair.complaint.0).collect();
    let others: Vec<Uuid> = new.iter().map(|pair| pair.other.0).collect();
    let percents: Vec<i16> = new.iter().map(|pair| i16::from(pair.percent)).collect();
    let reasons: Vec<serde_json::Value> = new.iter().map(|pair| to_json(&pair.reasons)).collect();
    let times: Vec<At> = new.iter().map(|pair| at(pair.at)).collect();
    sqlx::query!(
        "insert into suggestion (complaint, other, percent, reasons, suggested_at, state)
        select new.complaint, new.other, new.percent, new.reasons, new.suggested_at, 'open'
        from unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::jsonb[], $5::timestamptz[])
          as new (complaint, other, percent, reasons, suggested_at)
        where not exists (
          select from suggestion
          where suggestion.complaint = new.other
            and suggestion.other = new.complaint
        )
        on conflict (complaint, other) do nothing",
        &complaints,
        &others,
        &percents,
        &reasons,
        &times as &[At]
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Says more about pairs that still wait: a reason that came later, and how likely they are with it. Whichever of two came later.
pub async fn strengthen(tx: &mut Tx, pairs: &[Suggestion]) -> Result<()> {
    for pair in pairs {
        sqlx::query!(
            "update suggestion
            set percent = greatest(percent, $3), reasons = $4
            where (complaint, other) in (($1, $2), ($2, $1))
              and state in ('open', 'later')
              and not reasons @> '[{\"why\": \"picture\"}]'",
            pair.complaint.0,
            pair.other.0,
            i16::from(pair.percent),
            to_json(&pair.reasons)
        )
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    }
    Ok(())
}

struct PairRow {
    complaint: Uuid,
    other: Uuid,
    percent: i16,
    reasons: serde_json::Value,
    suggested_at: At,
    state: String,
    staff: Option<Uuid>,
    decided_at: Option<At>,
}

fn into_pair(row: PairRow) -> Result<Suggestion> {
    Ok(Suggestion {
        complaint: ComplaintId(row.complaint),
        other: ComplaintId(row.other),
        percent: known(u8::try_from(row.percent).ok(), "suggestion", "percent")?,
        reasons: json(row.reasons, "suggestion", "reasons")?,
        at: row.suggested_at.to_jiff(),
        state: known(SuggestionState::from_word(&row.state), "suggestion", "state")?,
        by: row.staff.map(StaffId),
        decided_at: row.decided_at.map(At::to_jiff),
    })
}

/// What is suggested of these complaints with each other. Whichever of two came later.
pub async fn pairs(tx: &mut Tx, among: &[ComplaintId]) -> Result<Vec<Suggestion>> {
    let ids: Vec<Uuid> = among.iter().map(|id| id.0).collect();
    let rows = sqlx::query_as!(
        PairRow,
        r#"select complaint, other, percent, reasons, suggested_at as "suggested_at: At", state, staff, decided_at as "decided_at: At"
        from suggestion
        where complaint = any($1)
          and other = any($1)
        order by complaint, other"#,
        &ids
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter().map(into_pair).collect()
}

/// What is suggested of a complaint with any of others. Whichever of two came later.
pub(super) async fn pairs_with(tx: &mut Tx, complaint: ComplaintId, others: &[Uuid]) -> Result<Vec<Suggestion>> {
    let rows = sqlx::query_as!(
        PairRow,
        r#"select complaint, other, percent, reasons, suggested_at as "suggested_at: At", state, staff, decided_at as "decided_at: At"
        from suggestion
        where (complaint = $1 and other = any($2))
          or (other = $1 and complaint = any($2))
        order by complaint, other"#,
        complaint.0,
        others
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter().map(into_pair).collect()
}

/// These complaints beside the earlier ones that their citizens may still be asked about.
pub async fn beside(tx: &mut Tx, complaints: &[Complaint]) -> Result<HashMap<ComplaintId, Beside>> {
    let asked: Vec<(ComplaintId, ComplaintId)> =
        complaints.iter().filter_map(|complaint| Some((complaint.id, complaint.unanswered()?.complaint))).collect();
    if asked.is_empty() {
        return Ok(HashMap::new());
    }
    let mut ids: Vec<ComplaintId> = asked.iter().flat_map(|(own, other)| [*own, *other]).collect();
    ids.sort_unstable();
    ids.dedup();
    let sides: HashMap<ComplaintId, Side> = sides(tx, &ids).await?.into_iter().map(|side| (side.complaint, side)).collect();
    let pairs = pairs(tx, &ids).await?;
    let statuses = statuses(tx, &ids).await?;
    let beside = |(own, other): (ComplaintId, ComplaintId)| {
        let pair = pairs.iter().find(|pair| [(own, other), (other, own)].contains(&(pair.complaint, pair.other))).cloned();
        let other_status = *statuses.get(&other)?;
        Some((own, Beside { own: sides.get(&own)?.clone(), other: sides.get(&other)?.clone(), other_status, pair }))
    };
    Ok(asked.into_iter().filter_map(beside).collect())
}

async fn statuses(tx: &mut Tx, ids: &[ComplaintId]) -> Result<HashMap<ComplaintId, Status>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        "select id, status
        from complaint
        where id = any($1)",
        &ids
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let status = |status: &str| known(Status::from_word(status), "complaint", "status");
    rows.into_iter().map(|row| Ok((ComplaintId(row.id), status(&row.status)?))).collect()
}

/// What was said to be about different things: nothing brings it together by itself again.
#[derive(Debug, Default)]
pub struct Parted {
    pairs: HashSet<(ComplaintId, ComplaintId)>,
    left: HashSet<ComplaintId>,
}

impl Parted {
    /// Somebody said of these two that they are not about one thing.
    pub fn are_two(&self, one: ComplaintId, other: ComplaintId) -> bool {
        self.pairs.contains(&(one, other)) || self.pairs.contains(&(other, one))
    }

    /// It was taken out of an incident.
    pub fn has_left(&self, complaint: ComplaintId) -> bool {
        self.left.contains(&complaint)
    }
}

/// What was decided against bringing these complaints together with others.
pub async fn parted(tx: &mut Tx, ids: &[ComplaintId]) -> Result<Parted> {
    if ids.is_empty() {
        return Ok(Parted::default());
    }
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let pairs = sqlx::query!(
        r#"select complaint as "complaint!", other as "other!"
        from suggestion
        where complaint = any($1)
          and state = 'different'
        union
        select complaint, other
        from suggestion
        where other = any($1)
          and state = 'different'"#,
        &ids
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let left = sqlx::query_scalar!(
        r#"select asked.complaint as "complaint!"
        from unnest($1::uuid[]) as asked (complaint)
        where exists (
          select
          from incident_step step
          where step.complaints @> array[asked.complaint]
            and step.kind = 'split'
            and not exists (select from incident_step back where back.undoes = step.id)
        )"#,
        &ids
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(Parted {
        pairs: pairs.into_iter().map(|row| (ComplaintId(row.complaint), ComplaintId(row.other))).collect(),
        left: left.into_iter().map(ComplaintId).collect(),
    })
}

/// Whether a pair still waits for somebody's word: neither is confidential, the earlier one is not dealt with, the complaint is alone.
pub async fn waits(db: &PgPool, complaint: ComplaintId, other: ComplaintId) -> Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (
          select
          from suggestion s
          join complaint o on o.id = $2
          left join incident_member member on member.complaint = o.id
          left join incident on incident.id = member.incident
          where ((s.complaint = $1 and s.other = $2) or (s.complaint = $2 and s.other = $1))
            and s.state in ('open', 'later')
            and o.visibility in ('public', 'hidden')
            and o.status <> 'resolved'
            and incident.state is distinct from 'closed'
            and not exists (select from incident_member own where own.complaint = $1)
        ) as "waits!""#,
        complaint.0,
        other.0
    )
    .fetch_one(db)
    .await
    .map_err(StoreError::from_sqlx)
}

/// What waits for a person and is in their scope on both sides: the latest first, what was put off last.
pub async fn waiting(db: &PgPool, scope: &Scope, most: u16) -> Result<Vec<Suggestion>> {
    let rows = sqlx::query_as!(
        PairRow,
        r#"select s.complaint, s.other, s.percent, s.reasons, s.suggested_at as "suggested_at: At", s.state, s.staff,
          s.decided_at as "decided_at: At"
        from suggestion s
        join complaint c on c.id = s.complaint
        join complaint o on o.id = s.other
        where s.state in ('open', 'later')
          and c.visibility in ('public', 'hidden')
          and o.visibility in ('public', 'hidden')
          and ($1::uuid is null or (exists (select from dispatch d where d.complaint = s.complaint and d.agency = $1)
            and exists (select from dispatch d where d.complaint = s.other and d.agency = $1)))
          and ($2::text is null or (c.account = $2 and o.account = $2))
        order by s.state desc, s.suggested_at desc, s.complaint, s.other
        limit $3"#,
        scope.agency(),
        scope.office(),
        i64::from(most)
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter().map(into_pair).collect()
}

/// Every suggestion about a complaint that still waits, the likeliest first.
pub async fn waiting_of(db: &PgPool, complaint: ComplaintId) -> Result<Vec<Suggestion>> {
    let rows = sqlx::query_as!(
        PairRow,
        r#"select complaint, other, percent, reasons, suggested_at as "suggested_at: At", state, staff, decided_at as "decided_at: At"
        from suggestion
        where (complaint = $1 or other = $1)
          and state in ('open', 'later')
          and not exists (
            select from complaint c
            where c.id in (suggestion.complaint, suggestion.other)
              and c.visibility not in ('public', 'hidden')
          )
        order by percent desc, complaint, other
        limit 20"#,
        complaint.0
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter().map(into_pair).collect()
}

/// One side of a decided pair: words, place, area, and when it came.
#[derive(Clone)]
pub struct DecidedSide {
    /// Which.
    pub id: ComplaintId,
    /// Its words.
    pub text: String,
    /// Where it is, in words.
    pub place: String,
    /// Code of its area; empty: unknown.
    pub area: String,
    /// When it came.
    pub opened_at: Timestamp,
}

/// The latest pairs that staff decided, and whether they are about one thing: what the next model learns from.
pub async fn decided(db: &PgPool, most: i64) -> Result<Vec<(DecidedSide, DecidedSide, bool)>> {
    let rows = sqlx::query!(
        r#"select s.state = 'joined' as "same!", c.id, c.text, c.place, c.area, c.opened_at as "opened_at: At",
          o.id as other, o.text as other_text, o.place as other_place, o.area as other_area, o.opened_at as "other_opened_at: At"
        from suggestion s
        join complaint c on c.id = s.complaint
        join complaint o on o.id = s.other
        where s.state in ('joined', 'different')
          and s.staff is not null
          and c.visibility in ('public', 'hidden')
          and o.visibility in ('public', 'hidden')
        order by s.decided_at desc, s.complaint, s.other
        limit $1"#,
        most
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let side = |id, text, place: Option<String>, area: Option<String>, opened_at: At| DecidedSide {
        id: ComplaintId(id),
        text,
        place: place.unwrap_or_default(),
        area: area.unwrap_or_default(),
        opened_at: opened_at.to_jiff(),
    };
    Ok(rows
        .into_iter()
        .map(|row| {
            (
                side(row.id, row.text, row.place, row.area, row.opened_at),
                side(row.other, row.other_text, row.other_place, row.other_area, row.other_opened_at),
                row.same,
            )
        })
        .collect())
}
