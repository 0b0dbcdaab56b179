//! Mails to people who work for the city or with it that a server took and that came back all the same: nobody got them.

use model::{Receipt, ReceiptState};
use tracing::warn;

use super::MailKey;
use crate::{PgPool, Result, StoreError};

/// Which of them are about such a mail, in the same order. One that says that the mail came back is written: its list shows the mail as one that nobody
/// got, and an escalation goes on to somebody else. What else hosts tell of it (that it was delivered, or shown) changes nothing.
pub async fn receipts(db: &PgPool, receipts: &[Receipt]) -> Result<Vec<bool>> {
    let mut known = Vec::with_capacity(receipts.len());
    for receipt in receipts {
        known.push(match (key(receipt), &receipt.state) {
            (None, _) => false,
            (Some(key), ReceiptState::Failed { code, detail }) => returned(db, key, &format!("{code} {detail}")).await?,
            (Some(_), _) => true,
        });
    }
    Ok(known)
}

fn key(receipt: &Receipt) -> Option<MailKey> {
    let id = receipt.platform_id.as_deref().filter(|_| receipt.reply.is_none())?;
    id.split_once('@')?.0.parse().ok()
}

/// `false`: no such mail went.
async fn returned(db: &PgPool, key: MailKey, error: &str) -> Result<bool> {
    let (written, list) = match key {
        MailKey::Agency(dispatch, turn) => (
            sqlx::query!(
                "update dispatch set state = 'refused', error = $3 where id = $1 and turn = $2 and state in ('delivered', 'refused')",
                dispatch,
                i16::try_from(turn).unwrap_or(i16::MAX),
                error
            )
            .execute(db)
            .await,
            "to an agency",
        ),
        // What went in one mail was noted at one moment.
        MailKey::Clock(escalation, row) | MailKey::Clocks(escalation, row, ..) => (
            sqlx::query!(
                "update escalation_mail m
                set state = 'refused', error = $3
                from escalation_mail first
                where first.id = $2
                  and first.escalation = $1
                  and lower(m.email) = lower(first.email)
                  and m.delivered_at = first.delivered_at
                  and m.state in ('delivered', 'refused')",
                escalation,
                row,
                error
            )
            .execute(db)
            .await,
            "about clocks",
        ),
        MailKey::Question(question, row) => (
            sqlx::query!(
                "update consultation_mail set state = 'refused', error = $3 where id = $2 and consultation = $1 and state in ('delivered', 'refused')",
                question,
                row,
                error
            )
            .execute(db)
            .await,
            "about a question between agencies",
        ),
        MailKey::Task(task) => (
            sqlx::query!("update task_mail set state = 'refused', error = $2 where task = $1 and state in ('delivered', 'refused')", task, error)
                .execute(db)
                .await,
            "with the link to a task",
        ),
        MailKey::Account(row) => (
            sqlx::query!("update account_mail set state = 'refused', error = $2 where id = $1 and state in ('delivered', 'refused')", row, error)
                .execute(db)
                .await,
            "about an account",
        ),
    };
    let known = written.map_err(StoreError::from_sqlx)?.rows_affected() > 0;
    if known {
        warn!("A mail {list} came back: nobody got it.");
    }
    Ok(known)
}
