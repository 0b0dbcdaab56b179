//! Mails to staff about questions between agencies: a work list of `dispatch`.

use std::time::Duration;

use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use model::{AgencyId, ComplaintId, Reference, StaffId, Timestamp, TraceId};
use uuid::Uuid;

use super::Consultation;
use crate::{
    PgPool, Result, StoreError, Tx,
    convert::{At, at, known, later},
    error::still_ours,
    mailing::{MailOutcome, Written},
};

/// What a mail tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// An agency is asked.
    Asked,
    /// The time for the answer has passed.
    Late,
    /// The answer is there.
    Answered,
}

impl Occasion {
    /// The word in tables and word files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Late => "late",
            Self::Answered => "answered",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Asked, Self::Late, Self::Answered].into_iter().find(|occasion| occasion.as_str() == word)
    }
}

/// A mail that this worker has for a while. `Debug` shows no address.
pub struct ClaimedConsultation {
    /// Its key: with the address one message, however often it is tried.
    pub id: i64,
    /// About which question.
    pub question: Uuid,
    /// What it tells.
    pub occasion: Occasion,
    /// To whom.
    pub email: String,
    /// Who asks.
    pub asker: AgencyId,
    /// Who is asked.
    pub asked: AgencyId,
    /// Until when an answer is wanted.
    pub due_at: Timestamp,
    /// About which complaint.
    pub complaint: ComplaintId,
    /// Its number.
    pub reference: Reference,
    /// Follows it through every log.
    pub trace: TraceId,
    /// How often it was tried, this time included.
    pub attempts: u16,
    lease: At,
}

impl std::fmt::Debug for ClaimedConsultation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClaimedConsultation").field("id", &self.id).field("occasion", &self.occasion).finish_non_exhaustive()
    }
}

/// Puts the mails of a new question on the list: one now, and one for when its time has passed. They go to the supervisors of the agency that is
/// asked; where none has an address to its officers, and else to whoever holds the post of its head. Where nobody has an address the question
/// stands in the agency's list alone. `day` is the city's, on which the post is held.
pub(super) async fn of_question(tx: &mut Tx, asks: &Consultation, day: Date) -> Result<()> {
    sqlx::query!(
        "with people as (
          select case role when 'supervisor' then 1 else 2 end as turn, email
          from staff
          join staff_mail on staff_mail.staff = staff.id
          where agency = $2
            and active
            and role in ('supervisor', 'officer')
          union
          select 3, email
          from post_holder
          where agency = $2
            and post = 'head'
            and email is not null
            and valid_from <= $5
            and (valid_until is null or $5 <= valid_until)
        )
        insert into consultation_mail (consultation, occasion, email, due_at)
        select distinct $1::uuid, occasion, email, at
        from people
        cross join (values ('asked', $3::timestamptz), ('late', $4::timestamptz)) as occasions (occasion, at)
        where turn = (select min(turn) from people)",
        asks.id,
        asks.asked.0,
        at(asks.asked_at) as At,
        at(asks.due_at) as At,
        day.to_sqlx() as jiff_sqlx::Date
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Tells who put the question, and calls back what was to be said to who has answered. Nobody who answers a question of their own is told.
pub(super) async fn of_answer(tx: &mut Tx, id: Uuid, by: StaffId, now: Timestamp) -> Result<()> {
    sqlx::query!("update consultation_mail set state = 'void' where consultation = $1 and state = 'due'", id)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    sqlx::query!(
        "insert into consultation_mail (consultation, occasion, email, due_at)
        select c.id, 'answered', m.email, $3
        from consultation c
        join staff s on s.id = c.asked_by
        join staff_mail m on m.staff = s.id
        where c.id = $1
          and s.active
          and s.id <> $2",
        id,
        by.0,
        at(now) as At
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Takes up to `limit` mails for `lease`; nobody else gets them meanwhile. The oldest first.
pub async fn claim(db: &PgPool, now: Timestamp, lease: Duration, limit: u16) -> Result<Vec<ClaimedConsultation>> {
    let rows = sqlx::query!(
        r#"with due as (
          select id
          from consultation_mail
          where state = 'due'
            and due_at <= $1
            and (lease_until is null or lease_until <= $1)
          order by due_at, id
          limit $3
          for update skip locked
        ), claimed as (
          update consultation_mail m
          set lease_until = $2, attempts = attempts + 1
          from due
          where m.id = due.id
          returning m.id, m.consultation, m.occasion, m.email, m.attempts, m.lease_until
        )
        select m.id, q.id as question, m.occasion, m.email, m.attempts, m.lease_until as "lease_until!: At", q.asker, q.asked, q.due_at as "due_at: At", q.complaint,
          c.reference, c.trace
        from claimed m
        join consultation q on q.id = m.consultation
        join complaint c on c.id = q.complaint
        order by m.id"#,
        at(now) as At,
        at(later(now, lease)) as At,
        i64::from(limit)
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            Ok(ClaimedConsultation {
                id: row.id,
                question: row.question,
                occasion: known(Occasion::from_word(&row.occasion), "consultation_mail", "occasion")?,
                email: row.email,
                asker: AgencyId(row.asker),
                asked: AgencyId(row.asked),
                due_at: row.due_at.to_jiff(),
                complaint: ComplaintId(row.complaint),
                reference: known(row.reference.parse().ok(), "complaint", "reference")?,
                trace: known(row.trace.parse().ok(), "complaint", "trace")?,
                attempts: u16::try_from(row.attempts).unwrap_or(u16::MAX),
                lease: row.lease_until,
            })
        })
        .collect()
}

/// Writes what became of it; only by who holds the lease. [`StoreError::Stale`]: the lease ran out and another has it, or it was answered meanwhile.
pub async fn settle(db: &PgPool, claimed: ClaimedConsultation, outcome: MailOutcome, now: Timestamp) -> Result<()> {
    let Written { state, due_at, error } = outcome.written(now);
    let done = sqlx::query!(
        "update consultation_mail
        set state = $3, due_at = coalesce($4, due_at), error = $5, lease_until = null
        where id = $1
          and state = 'due'
          and lease_until = $2",
        claimed.id,
        claimed.lease as At,
        state,
        due_at as Option<At>,
        error
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    still_ours(&done)
}
