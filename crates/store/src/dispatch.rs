//! One complaint given to one agency: the work list of `dispatch::agencies`. An agency whose way is its queue here needs no sending:
//! its dispatches are born delivered.

use std::{collections::HashMap, time::Duration};

use model::{Agency, AgencyId, Complaint, ComplaintId, DispatchId, Reference, Timestamp, TraceId};
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, complaint,
    convert::{At, at, known, later},
    error::still_ours,
};

/// How an agency hears of a complaint, besides its queue here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendKind {
    /// Only by its queue.
    Queue,
    /// By mail.
    Email,
    /// By Open311 `GeoReport` v2.
    Open311,
    /// By a signed POST.
    Webhook,
    /// Nothing leaves: for trials.
    Blackhole,
}

impl SendKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Queue, Self::Email, Self::Open311, Self::Webhook, Self::Blackhole];

    /// The word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Email => "email",
            Self::Open311 => "open311",
            Self::Webhook => "webhook",
            Self::Blackhole => "blackhole",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A dispatch that this worker has for a while. `Debug` shows neither address nor secret.
pub struct Claimed {
    /// Which.
    pub id: DispatchId,
    /// What it is about, as it is now.
    pub complaint: Complaint,
    /// To whom.
    pub agency: Agency,
    /// How.
    pub send_kind: SendKind,
    /// Where to.
    pub send_target: Option<String>,
    /// Key of the signature or of the API.
    pub send_secret: Option<String>,
    /// Follows it through every log.
    pub trace: TraceId,
    /// How often it was tried, this time included.
    pub attempts: u16,
    /// 1 the first time the agency gets the complaint, one more each time it gets it back.
    pub turn: u16,
    /// Somebody had it before and never said what became of it: whether the agency was told is not known.
    pub was_left: bool,
    lease: At,
}

impl std::fmt::Debug for Claimed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claimed").field("id", &self.id).field("agency", &self.agency.code).finish_non_exhaustive()
    }
}

/// What became of a sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The agency's system has it.
    Delivered {
        /// Its number there.
        agency_reference: Option<String>,
    },
    /// Not now.
    Retry {
        /// How long to wait.
        after: Duration,
        /// For staff, without personal data.
        error: String,
    },
    /// The agency's system says no, for good.
    Refused {
        /// For staff, without personal data.
        error: String,
    },
}

/// Takes up to `limit` dispatches for `lease`; nobody else gets them meanwhile. The oldest first. What is handed over before it was
/// sent is not sent.
pub async fn claim(db: &PgPool, now: Timestamp, lease: Duration, limit: u16) -> Result<Vec<Claimed>> {
    let rows = sqlx::query!(
        r#"with due as (
          select id, lease_until is not null as was_left
          from dispatch
          where state = 'due'
            and due_at <= $1
            and (lease_until is null or lease_until <= $1)
            and work <> 'handed_over'
          order by due_at
          limit $3
          for update skip locked
        ), claimed as (
          update dispatch
          set lease_until = $2, attempts = attempts + 1
          from due
          where dispatch.id = due.id
          returning dispatch.id, complaint, agency, attempts, turn, was_left, dispatch.lease_until, due_at
        )
        select claimed.id, claimed.complaint, claimed.attempts, claimed.turn, claimed.was_left as "was_left!",
          claimed.lease_until as "lease_until!: At", agency.id as agency, agency.code, agency.name, agency.send_kind, agency.send_target,
          agency.send_secret
        from claimed
        join agency on agency.id = claimed.agency
        order by claimed.due_at, claimed.id"#,
        at(now) as At,
        at(later(now, lease)) as At,
        i64::from(limit)
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let complaints = complaints_of(db, rows.iter().map(|row| ComplaintId(row.complaint)).collect()).await?;
    rows.into_iter()
        .map(|row| {
            let complaint = complaints.get(&ComplaintId(row.complaint)).cloned();
            let complaint: Complaint = known(complaint, "dispatch", "complaint")?;
            Ok(Claimed {
                id: DispatchId(row.id),
                trace: complaint.trace,
                complaint,
                agency: Agency { id: AgencyId(row.agency), code: row.code, name: row.name },
                send_kind: known(SendKind::from_word(&row.send_kind), "agency", "send_kind")?,
                send_target: row.send_target,
                send_secret: row.send_secret,
                attempts: u16::try_from(row.attempts).unwrap_or(u16::MAX),
                turn: u16::try_from(row.turn).unwrap_or(u16::MAX),
                was_left: row.was_left,
                lease: row.lease_until,
            })
        })
        .collect()
}

async fn complaints_of(db: &PgPool, ids: Vec<ComplaintId>) -> Result<HashMap<ComplaintId, Complaint>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut connection = db.acquire().await.map_err(StoreError::from_sqlx)?;
    let complaints = complaint::read(&mut connection, &ids).await?;
    Ok(complaints.into_iter().map(|complaint| (complaint.id, complaint)).collect())
}

/// Writes what became of it; settled once, and only by who holds the lease. [`StoreError::Stale`]: the lease ran out and another has
/// it.
pub async fn settle(db: &PgPool, claimed: Claimed, outcome: Outcome, now: Timestamp) -> Result<()> {
    let (state, due_at, agency_reference, error) = match outcome {
        Outcome::Delivered { agency_reference } => ("delivered", None, agency_reference, None),
        Outcome::Retry { after, error } => ("due", Some(later(now, after)), None, Some(error)),
        Outcome::Refused { error } => ("refused", None, None, Some(error)),
    };
    let written = sqlx::query!(
        "update dispatch
        set state = $3, due_at = coalesce($4, due_at), agency_reference = coalesce($5, agency_reference), error = $6, lease_until = null
        where id = $1
          and state = 'due'
          and lease_until = $2",
        claimed.id.0,
        claimed.lease as At,
        state,
        due_at.map(at) as Option<At>,
        agency_reference,
        error
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    still_ours(&written)
}

/// How far the telling of one agency is, for staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// Which dispatch.
    pub id: DispatchId,
    /// The complaint's number.
    pub reference: Reference,
    /// Who is told.
    pub agency: AgencyId,
    /// How far it is.
    pub state: SendState,
    /// How often it was tried.
    pub attempts: u16,
    /// When it is tried next, while it is due.
    pub due_at: Timestamp,
    /// The agency's own number.
    pub agency_reference: Option<String>,
    /// What went wrong last.
    pub error: Option<String>,
}

/// How far a sending is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendState {
    /// To be sent, or to be tried again.
    Due,
    /// The agency's system has it.
    Delivered,
    /// Not sent, or nobody knows: a person must look.
    Refused,
}

impl SendState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Due, Self::Delivered, Self::Refused];

    /// The word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Delivered => "delivered",
            Self::Refused => "refused",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

struct SendingRow {
    id: Uuid,
    reference: String,
    agency: Uuid,
    state: String,
    attempts: i32,
    due_at: At,
    agency_reference: Option<String>,
    error: Option<String>,
}

fn into_sending(row: SendingRow) -> Result<Sending> {
    Ok(Sending {
        id: DispatchId(row.id),
        reference: known(row.reference.parse().ok(), "complaint", "reference")?,
        agency: AgencyId(row.agency),
        state: known(SendState::from_word(&row.state), "dispatch", "state")?,
        attempts: u16::try_from(row.attempts).unwrap_or(u16::MAX),
        due_at: row.due_at.to_jiff(),
        agency_reference: row.agency_reference,
        error: row.error,
    })
}

/// How far each agency of a complaint is told, the first given first.
pub async fn of_complaint(db: &PgPool, complaint: ComplaintId) -> Result<Vec<Sending>> {
    let rows = sqlx::query_as!(
        SendingRow,
        r#"select dispatch.id, reference, agency, state, attempts, due_at as "due_at: At", agency_reference, error
        from dispatch
        join complaint on complaint.id = dispatch.complaint
        where dispatch.complaint = $1
        order by given_at, dispatch.id"#,
        complaint.0
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter().map(into_sending).collect()
}

/// Sendings that a person must look at, the oldest first.
pub async fn refused(db: &PgPool, most: u16) -> Result<Vec<Sending>> {
    let rows = sqlx::query_as!(
        SendingRow,
        r#"select dispatch.id, reference, agency, state, attempts, due_at as "due_at: At", agency_reference, error
        from dispatch
        join complaint on complaint.id = dispatch.complaint
        where state = 'refused'
        order by due_at, dispatch.id
        limit $1"#,
        i64::from(most)
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter().map(into_sending).collect()
}

/// A person looked: it is sent again, as the same telling, and with a fresh count of attempts. `false`: it was not refused.
pub async fn send_again(db: &PgPool, id: DispatchId, now: Timestamp) -> Result<bool> {
    let written = sqlx::query!(
        "update dispatch
        set state = 'due', due_at = $2, attempts = 0, lease_until = null
        where id = $1
          and state = 'refused'",
        id.0,
        at(now) as At
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(written.rows_affected() == 1)
}
