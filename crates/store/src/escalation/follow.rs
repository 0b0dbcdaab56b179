//! What becomes of a message about a clock that did not reach somebody's telephone, or of which nothing is heard: a mail, where they have an address; their
//! list, where they have an account; else the next post up. And of a mail that nobody got, refused at once or returned later: the list, or the next post
//! up. Nobody is told by nothing at all.

use std::{collections::BTreeSet, time::Duration};

use jiff::SignedDuration;
use jiff_sqlx::ToSqlx;
use model::{
    AgencyId, Complaint, ComplaintId, Directory, EscalationId, Reference, Stage, Timestamp,
    escalation::{EscalationRule, Post, Running},
};
use uuid::Uuid;

use super::{Step, posts, rules, tell};
use crate::{
    PgPool, Result, StoreError, Tx, complaint,
    convert::{At, at, first_key, known},
    work_message::LATE,
};

/// A message of which nobody has heard for so long is believed to be lost: a mail goes out as well.
pub const PATIENCE: Duration = Duration::from_hours(1);

/// What following up did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Followed {
    /// Messages that did not arrive.
    pub messages: u64,
    /// Mails that did not.
    pub returned: u64,
    /// How often a mail goes instead.
    pub mails: u64,
    /// How often the next post up is told.
    pub up: u64,
    /// How often there was nobody above.
    pub nobody: u64,
}

/// Which message or mail.
#[derive(Clone, Copy)]
enum What {
    Message(Uuid),
    Mail(i64),
}

/// A message or mail that did not arrive.
struct Lost {
    what: What,
    escalation: EscalationId,
    complaint: Uuid,
    staff: Option<Uuid>,
    /// Where they are written to now; `None`: nowhere, or it is a mail that did not arrive.
    email: Option<String>,
    /// Whether they have the list.
    list: bool,
    rule: i64,
    stage: String,
    agency: Option<Uuid>,
    started: Timestamp,
    due: Timestamp,
    reached: Option<String>,
}

/// Follows up at most `most` messages, and as many mails. Under the lock of who looks at clocks ([`super::lock`]).
pub async fn follow(tx: &mut Tx, directory: &Directory, now: Timestamp, most: u16) -> Result<Followed> {
    let mut lost = messages(tx, directory, now, most).await?;
    lost.extend(mails(tx, most).await?);
    if lost.is_empty() {
        return Ok(Followed::default());
    }
    let rules = rules(&mut **tx).await?;
    // Complaints before messages, as by everybody.
    let complaints: BTreeSet<ComplaintId> = lost.iter().map(|one| ComplaintId(one.complaint)).collect();
    let complaints = complaint::lock_many(tx, &Vec::from_iter(complaints)).await?;
    let mut done = Followed::default();
    for one in lost {
        if !still_lost(tx, one.what).await? {
            continue;
        }
        match one.what {
            What::Message(_) => done.messages += 1,
            What::Mail(_) => done.returned += 1,
        }
        let instead = match &one.email {
            Some(email) => {
                done.mails += mail(tx, &one, email, now).await?;
                "mail"
            }
            None if one.list => "list",
            None if others(tx, &one).await? => "others",
            None if climb(tx, &one, &complaints, &rules, directory, now).await? => {
                done.up += 1;
                "up"
            }
            None => {
                done.nobody += 1;
                "nobody"
            }
        };
        settle(tx, one.what, instead).await?;
    }
    Ok(done)
}

async fn messages(tx: &mut Tx, directory: &Directory, now: Timestamp, most: u16) -> Result<Vec<Lost>> {
    let silent_since = now.checked_sub(SignedDuration::try_from(PATIENCE).unwrap_or_default()).unwrap_or(now);
    let rows = sqlx::query_as!(
        Row,
        r#"select m.id as "message?", null::bigint as mail, m.escalation as "escalation!", m.staff, e.complaint, e.rule, e.stage, e.agency, e.started_at as "started_at: At",
          e.due as "due: At", e.reached, case when s.active then sm.email when h.valid_until is null or h.valid_until >= $3 then h.email end as email,
          coalesce(s.active, false) as "list!"
        from work_message m
        join escalation e on e.id = m.escalation
        left join staff s on s.id = m.staff
        left join staff_mail sm on sm.staff = m.staff
        left join post_holder h on h.id = m.holder
        where m.escalation is not null
          and m.instead is null
          and (m.receipt in ('unknown', 'failed') or (m.receipt is null and (m.state = 'refused' or m.id < $1)))
        order by m.id
        limit $2"#,
        first_key(silent_since),
        i64::from(most),
        directory.day(now).to_sqlx() as jiff_sqlx::Date
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter().map(into_lost).collect()
}

/// Those that nobody got and nobody followed up.
async fn mails(tx: &mut Tx, most: u16) -> Result<Vec<Lost>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select null::uuid as message, m.id as "mail?", m.escalation, m.staff, e.complaint, e.rule, e.stage, e.agency, e.started_at as "started_at: At",
          e.due as "due: At", e.reached, null::text as email, coalesce(s.active, false) as "list!"
        from escalation_mail m
        join escalation e on e.id = m.escalation
        left join staff s on s.id = m.staff
        where m.state = 'refused'
          and m.instead is null
        order by m.id
        limit $1"#,
        i64::from(most)
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter().map(into_lost).collect()
}

struct Row {
    message: Option<Uuid>,
    mail: Option<i64>,
    escalation: Uuid,
    staff: Option<Uuid>,
    complaint: Uuid,
    rule: i64,
    stage: String,
    agency: Option<Uuid>,
    started_at: At,
    due: At,
    reached: Option<String>,
    email: Option<String>,
    list: bool,
}

fn into_lost(row: Row) -> Result<Lost> {
    Ok(Lost {
        what: known(row.message.map(What::Message).or(row.mail.map(What::Mail)), "work_message", "id")?,
        escalation: EscalationId(row.escalation),
        complaint: row.complaint,
        staff: row.staff,
        email: row.email,
        list: row.list,
        rule: row.rule,
        stage: row.stage,
        agency: row.agency,
        started: row.started_at.to_jiff(),
        due: row.due.to_jiff(),
        reached: row.reached,
    })
}

/// `false`: it arrived meanwhile, or was followed up.
async fn still_lost(tx: &mut Tx, what: What) -> Result<bool> {
    let lost = match what {
        What::Message(id) => {
            sqlx::query_scalar!(
                r#"select 1 as "lost!" from work_message
                where id = $1
                  and instead is null
                  and (receipt is null or receipt in ('unknown', 'failed'))
                for update"#,
                id
            )
            .fetch_optional(&mut **tx)
            .await
        }
        What::Mail(id) => {
            sqlx::query_scalar!(
                r#"select 1 as "lost!" from escalation_mail where id = $1 and state = 'refused' and instead is null for update"#,
                id
            )
            .fetch_optional(&mut **tx)
            .await
        }
    };
    Ok(lost.map_err(StoreError::from_sqlx)?.is_some())
}

/// Whether somebody else of the same telling has it, or will be followed up in their turn.
async fn others(tx: &mut Tx, lost: &Lost) -> Result<bool> {
    let (message, mail) = match lost.what {
        What::Message(id) => (Some(id), None),
        What::Mail(id) => (None, Some(id)),
    };
    sqlx::query_scalar!(
        r#"select exists (
            select from work_message
            where escalation = $1
              and id is distinct from $2
              and (instead is null or instead = 'list')
          ) or exists (
            select from escalation_mail
            where escalation = $1
              and id is distinct from $3
              and (state <> 'refused' or instead is null or instead = 'list')
          ) as "others!""#,
        lost.escalation.0,
        message,
        mail
    )
    .fetch_one(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)
}

/// One mail for each address, also where somebody else of the same telling has it.
async fn mail(tx: &mut Tx, lost: &Lost, email: &str, now: Timestamp) -> Result<u64> {
    let written = sqlx::query!(
        "insert into escalation_mail (escalation, staff, email, state, due_at)
        select $1, $2, $3, 'due', $4
        where not exists (select from escalation_mail where escalation = $1 and lower(email) = lower($3))",
        lost.escalation.0,
        lost.staff,
        email,
        at(now) as At
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(written.rows_affected())
}

/// Tells the next post up, as if the one below were empty. `false`: there is nobody above.
async fn climb(
    tx: &mut Tx,
    lost: &Lost,
    complaints: &[Complaint],
    rules: &[EscalationRule],
    directory: &Directory,
    now: Timestamp,
) -> Result<bool> {
    let stage = known(Stage::from_word(&lost.stage), "escalation", "stage")?;
    let from = known(lost.reached.as_deref().and_then(Post::from_word), "escalation", "reached")?;
    let rule = known(rules.iter().find(|rule| rule.id == lost.rule), "escalation", "rule")?;
    let clock = Running {
        stage,
        agency: lost.agency.map(AgencyId),
        dispatch: None,
        officer: None,
        started: lost.started,
        due: lost.due,
        limit: None,
        stands: None,
    };
    let day = directory.day(now);
    let complaint = known(complaints.iter().find(|one| one.id.0 == lost.complaint), "escalation", "complaint")?;
    let posts = posts(tx, lost.agency.as_slice(), &[], day).await?;
    let Some(reached) = from.above(|post| !posts.of(post, &clock).is_empty()) else { return Ok(false) };
    sqlx::query!("update escalation set reached = $2 where id = $1", lost.escalation.0, reached.as_str())
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    let people = posts.of(reached, &clock);
    tell(tx, &[Step { id: lost.escalation, complaint, clock, rule, reached: Some(reached), people }], day, now).await?;
    Ok(true)
}

/// What came instead; what still waits is not sent any more.
async fn settle(tx: &mut Tx, what: What, instead: &str) -> Result<()> {
    match what {
        What::Message(id) => {
            sqlx::query!(
                "update work_message
                set instead = $2, error = case state when 'due' then $3 else error end, state = case state when 'due' then 'refused' else state end,
                  sealed = null, lease_until = null
                where id = $1",
                id,
                instead,
                LATE
            )
            .execute(&mut **tx)
            .await
        }
        What::Mail(id) => sqlx::query!("update escalation_mail set instead = $2 where id = $1", id, instead).execute(&mut **tx).await,
    }
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// A message about a clock that did not arrive, or of which nothing was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Of which complaint.
    pub complaint: ComplaintId,
    /// Its number.
    pub reference: Reference,
    /// Who was to be told.
    pub name: String,
    /// What the channel is called by its rows: program and account.
    pub channel: (String, String),
    /// `failed`, `unknown`, `refused`, or `silent`: nothing was heard of it.
    pub how: String,
    /// The platform's words, or a word of [`crate::work_message`].
    pub error: Option<String>,
    /// What came instead: `mail`, `list`, `others`, `up`, `nobody`; `None`: nothing yet.
    pub instead: Option<String>,
}

/// Those, the newest first. One that arrived after all is no longer among them.
pub async fn failed(db: &PgPool, most: u16) -> Result<Vec<Failed>> {
    let rows = sqlx::query!(
        r#"select e.complaint, c.reference, coalesce(s.name, h.name) as "name!", m.adapter, m.account,
          case when m.state = 'refused' then 'refused' else coalesce(m.receipt, 'silent') end as "how!", m.error, m.instead
        from work_message m
        join escalation e on e.id = m.escalation
        join complaint c on c.id = e.complaint
        left join staff s on s.id = m.staff
        left join post_holder h on h.id = m.holder
        where (m.state = 'refused' or m.receipt in ('unknown', 'failed') or (m.receipt is null and m.instead is not null))
        order by m.id desc
        limit $1"#,
        i64::from(most)
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            Ok(Failed {
                complaint: ComplaintId(row.complaint),
                reference: known(row.reference.parse().ok(), "complaint", "reference")?,
                name: row.name,
                channel: (row.adapter, row.account),
                how: row.how,
                error: row.error,
                instead: row.instead,
            })
        })
        .collect()
}
