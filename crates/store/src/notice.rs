//! What platforms say of our accounts: kept for staff, the newest of each subject.

use model::{Notice, NoticeState};

use crate::{
    PgPool, Result, StoreError,
    convert::{At, at, known},
};

/// Writes one, unless a newer one of this subject is there: platforms tell in any order.
pub async fn put(db: &PgPool, notice: &Notice) -> Result<()> {
    sqlx::query!(
        "insert into notice (adapter, account, subject, state, word, detail, at)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (adapter, account, subject) do update
        set state = excluded.state, word = excluded.word, detail = excluded.detail, at = excluded.at
        where notice.at <= excluded.at",
        notice.adapter.as_str(),
        notice.account,
        notice.subject,
        notice.state.as_str(),
        notice.word,
        notice.detail,
        at(notice.at) as At
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// All of them, the worst first. There are as many as our accounts have templates: some dozens.
pub async fn all(db: &PgPool) -> Result<Vec<Notice>> {
    let rows = sqlx::query!(
        r#"select adapter, account, subject, state, word, detail, at as "at: At"
        from notice
        order by array_position(array['broken', 'watch', 'fine'], state), adapter, account, subject"#
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            Ok(Notice {
                adapter: known(row.adapter.parse().ok(), "notice", "adapter")?,
                account: row.account,
                subject: row.subject,
                state: known(NoticeState::from_word(&row.state), "notice", "state")?,
                word: row.word,
                detail: row.detail,
                at: row.at.to_jiff(),
            })
        })
        .collect()
}
