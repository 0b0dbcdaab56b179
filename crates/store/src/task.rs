//! Tasks of bodies without accounts: an agency's list of bodies, what they are asked to do, and the links by which they say how far it is. A link opens one
//! task and nothing else; only its hash is kept.

pub mod mail;

use model::{
    AgencyId, ComplaintId, StaffId, Timestamp, TrackingCode,
    task::{BodyKind, Says},
};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx, audit,
    convert::{At, at, known},
};

/// How many bodies one agency knows.
pub const MOST_BODIES: i64 = 500;
/// How many tasks of one complaint are open at once.
pub const MOST_OPEN: i64 = 10;
/// The longest name of a body, in characters.
pub const LONGEST_NAME: usize = 80;
/// The longest words of a task, in characters.
pub const LONGEST_WORDS: usize = 2000;

/// A body that an agency knows.
#[derive(Clone, PartialEq, Eq)]
pub struct Body {
    /// Its key.
    pub id: Uuid,
    /// What kind it is.
    pub kind: BodyKind,
    /// What it is called.
    pub name: String,
    /// Where its links are sent; `None`: they are handed on.
    pub email: Option<String>,
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

/// What an agency knows, by name.
pub async fn bodies(db: &PgPool, agency: AgencyId) -> Result<Vec<Body>> {
    let rows =
        sqlx::query!("select id, kind, name, email from body where agency = $1 and removed_at is null order by lower(name), id", agency.0)
            .fetch_all(db)
            .await
            .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| Ok(Body { id: row.id, kind: known(BodyKind::from_word(&row.kind), "body", "kind")?, name: row.name, email: row.email }))
        .collect()
}

/// Adds one to an agency's list. `false`: it has one of this name, or too many. In the audit, without its address.
pub async fn add_body(tx: &mut Tx, agency: AgencyId, body: &Body, by: StaffId, now: Timestamp) -> Result<bool> {
    // Written seldom, and by one at a time, so that the bound holds.
    sqlx::query!("lock table body in share row exclusive mode").execute(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    let added = sqlx::query!(
        "insert into body (id, agency, kind, name, email, made_by, made_at)
        select $1, $2, $3, $4, $5, $6, $7
        where (select count(*) from body where agency = $2 and removed_at is null) < $8
        on conflict do nothing",
        body.id,
        agency.0,
        body.kind.as_str(),
        body.name,
        body.email,
        by.0,
        at(now) as At,
        MOST_BODIES
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    if added.rows_affected() == 0 {
        return Ok(false);
    }
    let detail = json!({ "kind": body.kind.as_str(), "name": body.name, "mail": body.email.is_some() });
    audit::write(tx, now, Some(by), "body.added", &body.id.to_string(), &detail).await?;
    Ok(true)
}

/// Takes one off an agency's list; what it has to do goes on. `false`: there is none.
pub async fn remove_body(tx: &mut Tx, agency: AgencyId, id: Uuid, by: StaffId, now: Timestamp) -> Result<bool> {
    let name = sqlx::query_scalar!(
        "update body set removed_at = $1, email = null where id = $2 and agency = $3 and removed_at is null returning name",
        at(now) as At,
        id,
        agency.0
    )
    .fetch_optional(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let Some(name) = name else { return Ok(false) };
    audit::write(tx, now, Some(by), "body.removed", &id.to_string(), &json!({ "name": name })).await?;
    Ok(true)
}

/// A task as it is given.
#[derive(Debug, Clone)]
pub struct NewTask {
    /// Its key.
    pub id: Uuid,
    /// Of which complaint.
    pub complaint: ComplaintId,
    /// Who shall do it.
    pub body: Uuid,
    /// Who gives it.
    pub agency: AgencyId,
    /// What.
    pub words: String,
    /// Whether the citizen's photos are shown.
    pub photos: bool,
    /// Until when.
    pub due_at: Timestamp,
    /// When its links end.
    pub expires_at: Timestamp,
}

/// Gives one, and puts a mail with its link on the list where the body has an address. `false`: [`MOST_OPEN`] of the complaint are open.
pub async fn give(tx: &mut Tx, new: &NewTask, by: StaffId, now: Timestamp) -> Result<bool> {
    let given = sqlx::query!(
        "insert into task (id, complaint, body, agency, given_by, given_at, words, photos, due_at, expires_at)
        select $1, $2, b.id, $4, $5, $6, $7, $8, $9, $10
        from body b
        where b.id = $3
          and b.agency = $4
          and b.removed_at is null
          and (select count(*) from task where complaint = $2 and ended_at is null and expires_at > $6) < $11",
        new.id,
        new.complaint.0,
        new.body,
        new.agency.0,
        by.0,
        at(now) as At,
        new.words,
        new.photos,
        at(new.due_at) as At,
        at(new.expires_at) as At,
        MOST_OPEN
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    if given.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!(
        "insert into task_mail (task, email, state, due_at) select $1, email, 'due', $3 from body where id = $2 and email is not null",
        new.id,
        new.body,
        at(now) as At
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(true)
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its key.
    pub id: Uuid,
    /// Of which complaint.
    pub complaint: ComplaintId,
    /// What the body is called.
    pub name: String,
    /// What kind of body it is.
    pub kind: BodyKind,
    /// Who gave it.
    pub agency: AgencyId,
    /// When.
    pub given_at: Timestamp,
    /// What.
    pub words: String,
    /// Whether the citizen's photos are shown.
    pub photos: bool,
    /// Until when.
    pub due_at: Timestamp,
    /// When its links end.
    pub expires_at: Timestamp,
    /// When it was taken back.
    pub ended_at: Option<Timestamp>,
    /// When a link was first opened.
    pub opened_at: Option<Timestamp>,
    /// What the body said last, and when.
    pub said: Option<(Says, Timestamp)>,
    /// How its mail fares: `due`, `delivered`, `refused`; `None`: none was to be sent.
    pub mail: Option<String>,
}

struct Row {
    id: Uuid,
    complaint: Uuid,
    name: String,
    kind: String,
    agency: Uuid,
    given_at: At,
    words: String,
    photos: bool,
    due_at: At,
    expires_at: At,
    ended_at: Option<At>,
    opened_at: Option<At>,
    said: Option<String>,
    said_at: Option<At>,
    mail: Option<String>,
}

impl Row {
    fn into_model(self) -> Result<Task> {
        let said = self.said.as_deref().map(|word| known(Says::from_word(word), "task", "said")).transpose()?;
        Ok(Task {
            id: self.id,
            complaint: ComplaintId(self.complaint),
            name: self.name,
            kind: known(BodyKind::from_word(&self.kind), "body", "kind")?,
            agency: AgencyId(self.agency),
            given_at: self.given_at.to_jiff(),
            words: self.words,
            photos: self.photos,
            due_at: self.due_at.to_jiff(),
            expires_at: self.expires_at.to_jiff(),
            ended_at: self.ended_at.map(At::to_jiff),
            opened_at: self.opened_at.map(At::to_jiff),
            said: said.zip(self.said_at.map(At::to_jiff)),
            mail: self.mail,
        })
    }
}

/// Those of a complaint, the oldest first.
pub async fn of_complaint(db: &PgPool, complaint: ComplaintId) -> Result<Vec<Task>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select t.id, t.complaint, b.name, b.kind, t.agency, t.given_at as "given_at: At", t.words, t.photos, t.due_at as "due_at: At",
          t.expires_at as "expires_at: At", t.ended_at as "ended_at: At", t.opened_at as "opened_at: At", t.said, t.said_at as "said_at: At",
          m.state as "mail?"
        from task t
        join body b on b.id = t.body
        left join task_mail m on m.task = t.id
        where t.complaint = $1
        order by t.given_at, t.id"#,
        complaint.0
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter().map(Row::into_model).collect()
}

/// The task that a link opens, while it is valid. Who has a wrong code learns nothing.
pub async fn by_code(db: &PgPool, code: &TrackingCode, now: Timestamp) -> Result<Option<Task>> {
    let row = sqlx::query_as!(
        Row,
        r#"select t.id, t.complaint, b.name, b.kind, t.agency, t.given_at as "given_at: At", t.words, t.photos, t.due_at as "due_at: At",
          t.expires_at as "expires_at: At", t.ended_at as "ended_at: At", t.opened_at as "opened_at: At", t.said, t.said_at as "said_at: At",
          null::text as mail
        from task_link l
        join task t on t.id = l.task
        join body b on b.id = t.body
        where l.hash = $1
          and t.ended_at is null
          and t.expires_at > $2"#,
        hash(code),
        at(now) as At
    )
    .fetch_optional(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    row.map(Row::into_model).transpose()
}

fn hash(code: &TrackingCode) -> Vec<u8> {
    Sha256::digest(code.as_str()).to_vec()
}

/// A new link of a task, besides those that it has.
pub async fn link(tx: &mut Tx, task: Uuid, now: Timestamp) -> Result<TrackingCode> {
    let code = TrackingCode::random();
    sqlx::query!("insert into task_link (hash, task, made_at) values ($1, $2, $3)", hash(&code), task, at(now) as At)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(code)
}

/// What the body said of it, in the transaction that writes the step.
pub async fn said(tx: &mut Tx, task: Uuid, says: Says, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "update task set said = $2, said_at = $3, opened_at = coalesce(opened_at, $3) where id = $1",
        task,
        says.as_str(),
        at(now) as At
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Takes one back: its links open nothing any more. `false`: it was ended before.
pub async fn end(tx: &mut Tx, task: Uuid, now: Timestamp) -> Result<bool> {
    let ended = sqlx::query!("update task set ended_at = $2 where id = $1 and ended_at is null", task, at(now) as At)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    sqlx::query!("delete from task_link where task = $1", task).execute(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    sqlx::query!("delete from task_mail where task = $1 and state = 'due'", task)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(ended.rows_affected() == 1)
}
