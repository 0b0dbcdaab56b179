//! The mails that say that a clock ends or ended: the work list of `dispatch`.

use std::time::Duration;

use model::{
    AgencyId, ComplaintId, EscalationId, Reference, Stage, Timestamp, TraceId,
    escalation::{Escalated, Post},
};

use crate::{
    PgPool, Result, StoreError,
    convert::{At, at, known, later},
    error::still_ours,
    mailing::{MailOutcome, Written},
};

/// What one address is told in one mail, which this worker has for a while. `Debug` shows no address.
pub struct ClaimedMail {
    /// To whom.
    pub email: String,
    /// What is told, the earliest end first; at least one.
    pub clocks: Vec<MailedClock>,
    /// How often the one that was tried least was tried, this time included.
    pub attempts: u16,
    lease: At,
}

/// One clock of a mail.
#[derive(Debug)]
pub struct MailedClock {
    /// Its key.
    pub id: i64,
    /// What it tells of.
    pub escalation: EscalationId,
    /// What is told.
    pub told: Escalated,
    /// Whose clock; `None`: the city's.
    pub agency: Option<AgencyId>,
    /// Which complaint.
    pub complaint: ComplaintId,
    /// Its number.
    pub reference: Reference,
    /// Code of its category, where nothing about it is confidential.
    pub category: Option<String>,
    /// Code of its area, likewise.
    pub area: Option<String>,
    /// Follows it through every log.
    pub trace: TraceId,
}

impl std::fmt::Debug for ClaimedMail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClaimedMail").field("clocks", &self.clocks).finish_non_exhaustive()
    }
}

/// Takes what is due for up to `limit` addresses for `lease`; nobody else gets it meanwhile. Who waits longest comes first. An address that had a mail less
/// than `apart` ago waits, so that what ends meanwhile goes in one mail.
pub async fn claim(db: &PgPool, now: Timestamp, lease: Duration, apart: Duration, limit: u16) -> Result<Vec<ClaimedMail>> {
    let rows = sqlx::query!(
        r#"with waiting as (
          select lower(email) as address, min(due_at) as since
          from escalation_mail
          where state = 'due'
            and due_at <= $1
          group by lower(email)
        ), free as (
          select w.address
          from waiting w
          where not exists (
              select from escalation_mail m where lower(m.email) = w.address and m.state = 'due' and m.lease_until > $1
            ) and not exists (
              select from escalation_mail m where lower(m.email) = w.address and m.state = 'delivered' and m.delivered_at > $4
            )
          order by w.since, w.address
          limit $3
        ), due as (
          select d.id
          from free
          cross join lateral (
            select m.id
            from escalation_mail m
            where lower(m.email) = free.address
              and m.state = 'due'
              and m.due_at <= $1
              and (m.lease_until is null or m.lease_until <= $1)
            for update skip locked
          ) d
        ), claimed as (
          update escalation_mail m
          set lease_until = $2, attempts = attempts + 1
          from due
          where m.id = due.id
          returning m.id, m.escalation, m.email, m.attempts, m.lease_until
        )
        select m.id, m.escalation, m.email, m.attempts, m.lease_until as "lease_until!: At", e.stage, e.due as "due: At", e.asked, e.reached,
          e.agency, e.complaint, c.reference, c.trace,
          case when c.visibility in ('public', 'hidden') then c.category end as category,
          case when c.visibility in ('public', 'hidden') then c.area end as area
        from claimed m
        join escalation e on e.id = m.escalation
        join complaint c on c.id = e.complaint
        order by lower(m.email), e.due, m.id"#,
        at(now) as At,
        at(later(now, lease)) as At,
        i64::from(limit),
        at(now.checked_sub(apart).unwrap_or(now)) as At
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let mut mails: Vec<ClaimedMail> = Vec::new();
    for row in rows {
        let told = Escalated {
            stage: known(Stage::from_word(&row.stage), "escalation", "stage")?,
            due: row.due.to_jiff(),
            asked: known(Post::from_word(&row.asked), "escalation", "asked")?,
            reached: row.reached.as_deref().map(|word| known(Post::from_word(word), "escalation", "reached")).transpose()?,
        };
        let clock = MailedClock {
            id: row.id,
            escalation: EscalationId(row.escalation),
            told,
            agency: row.agency.map(AgencyId),
            complaint: ComplaintId(row.complaint),
            reference: known(row.reference.parse().ok(), "complaint", "reference")?,
            category: row.category,
            area: row.area,
            trace: known(row.trace.parse().ok(), "complaint", "trace")?,
        };
        let attempts = u16::try_from(row.attempts).unwrap_or(u16::MAX);
        match mails.last_mut().filter(|mail| mail.email.to_lowercase() == row.email.to_lowercase()) {
            Some(mail) => {
                mail.attempts = mail.attempts.min(attempts);
                mail.clocks.push(clock);
            }
            None => mails.push(ClaimedMail { email: row.email, clocks: vec![clock], attempts, lease: row.lease_until }),
        }
    }
    Ok(mails)
}

/// Writes what became of it; only by who holds the lease. [`StoreError::Stale`]: the lease ran out and another has it.
pub async fn settle(db: &PgPool, claimed: ClaimedMail, outcome: MailOutcome, now: Timestamp) -> Result<()> {
    let Written { state, due_at, error } = outcome.written(now);
    let ids: Vec<i64> = claimed.clocks.iter().map(|clock| clock.id).collect();
    let done = sqlx::query!(
        "update escalation_mail
        set state = $3, due_at = coalesce($4, due_at), error = $5, lease_until = null, delivered_at = case when $3 = 'delivered' then $6::timestamptz end
        where id = any($1)
          and state = 'due'
          and lease_until = $2",
        &ids,
        claimed.lease as At,
        state,
        due_at as Option<At>,
        error,
        at(now) as At
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    still_ours(&done)
}

/// A mail that nobody got. `Debug` shows no address.
#[derive(Clone, PartialEq, Eq)]
pub struct RefusedMail {
    /// Of which complaint.
    pub complaint: ComplaintId,
    /// Its number.
    pub reference: Reference,
    /// To whom.
    pub email: String,
    /// Why, without personal data.
    pub error: String,
    /// What came instead: `list`, `others`, `up`, `nobody`; `None`: nothing yet.
    pub instead: Option<String>,
}

impl std::fmt::Debug for RefusedMail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RefusedMail").field("reference", &self.reference).field("instead", &self.instead).finish_non_exhaustive()
    }
}

/// Those, the newest first.
pub async fn refused(db: &PgPool, most: u16) -> Result<Vec<RefusedMail>> {
    let rows = sqlx::query!(
        r#"select e.complaint, c.reference, m.email, coalesce(m.error, '') as "error!", m.instead
        from escalation_mail m
        join escalation e on e.id = m.escalation
        join complaint c on c.id = e.complaint
        where m.state = 'refused'
        order by m.due_at desc, m.id desc
        limit $1"#,
        i64::from(most)
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            Ok(RefusedMail {
                complaint: ComplaintId(row.complaint),
                reference: known(row.reference.parse().ok(), "complaint", "reference")?,
                email: row.email,
                error: row.error,
                instead: row.instead,
            })
        })
        .collect()
}
