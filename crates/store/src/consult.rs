//! Questions between agencies about a complaint.

pub mod mail;

use model::{AgencyId, ComplaintId, StaffId, Timestamp, clock::Zone};
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx,
    convert::{At, at},
    error::still_ours,
};

/// A question of one agency to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consultation {
    /// Its key.
    pub id: Uuid,
    /// About which complaint.
    pub complaint: ComplaintId,
    /// Who asks.
    pub asker: AgencyId,
    /// Who is asked.
    pub asked: AgencyId,
    /// The question.
    pub question: String,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// Until when an answer is wanted.
    pub due_at: Timestamp,
    /// The answer, and when it came.
    pub answer: Option<(String, Timestamp)>,
}

/// Writes a question, without an answer; who is asked is written to, and finds the complaint. Whoever heads the agency on that day in the city's
/// zone is its head.
pub async fn ask(tx: &mut Tx, asks: &Consultation, by: StaffId, zone: Zone) -> Result<()> {
    sqlx::query!(
        "insert into consultation (id, complaint, asker, asked, question, asked_by, asked_at, due_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)",
        asks.id,
        asks.complaint.0,
        asks.asker.0,
        asks.asked.0,
        asks.question,
        by.0,
        at(asks.asked_at) as At,
        at(asks.due_at) as At
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    crate::search::keep_of(tx, &[asks.complaint]).await?;
    mail::of_question(tx, asks, asks.asked_at.to_zoned(zone.time_zone()).date()).await
}

/// Writes the answer, once; who asked is written to. [`StoreError::Stale`]: somebody has answered.
pub async fn answer(tx: &mut Tx, id: Uuid, answer: &str, by: StaffId, now: Timestamp) -> Result<()> {
    let written = sqlx::query!(
        "update consultation
        set answer = $2, answered_by = $3, answered_at = $4
        where id = $1
          and answered_at is null",
        id,
        answer,
        by.0,
        at(now) as At
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    still_ours(&written)?;
    mail::of_answer(tx, id, by, now).await
}

/// Every question about a complaint, the newest first.
pub async fn of_complaint(db: &PgPool, complaint: ComplaintId) -> Result<Vec<Consultation>> {
    let rows = sqlx::query!(
        r#"select id, asker, asked, question, asked_at as "asked_at: At", due_at as "due_at: At", answer, answered_at as "answered_at: At"
        from consultation
        where complaint = $1
        order by asked_at desc, id desc"#,
        complaint.0
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let read = rows.into_iter().map(|row| Consultation {
        id: row.id,
        complaint,
        asker: AgencyId(row.asker),
        asked: AgencyId(row.asked),
        question: row.question,
        asked_at: row.asked_at.to_jiff(),
        due_at: row.due_at.to_jiff(),
        answer: row.answer.zip(row.answered_at.map(At::to_jiff)),
    });
    Ok(read.collect())
}
