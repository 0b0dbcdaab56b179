//! Tasks of bodies without accounts: an agency's list of bodies, what they are asked to do, and the links by which they say how far it is. A link opens one
//! task and nothing else; only its hash is kept.

pub mod mail;

use jiff::civil::Date;
use model::{
    AdapterName, Address, AgencyId, ComplaintId, StaffId, Timestamp, TrackingCode,
    task::{BodyKind, Says},
};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx, audit,
    contact::{BODY, ring},
    convert::{At, at, known},
    work_message::{self, About, To},
};

/// How many bodies one agency knows.
pub const MOST_BODIES: i64 = 500;
/// How many tasks of one complaint are open at once.
pub const MOST_OPEN: i64 = 10;
/// The longest name of a body, in characters.
pub const LONGEST_NAME: usize = 80;
/// The longest words of a task, in characters.
pub const LONGEST_WORDS: usize = 2000;

/// How a body gets its links. `Debug` shows no address.
#[derive(Clone, PartialEq, Eq)]
pub enum Reached {
    /// Who gives the task hands them on.
    ByHand,
    /// By mail.
    Mail(String),
    /// Through an adapter.
    Channel {
        /// Which program …
        adapter: AdapterName,
        /// … and which account of ours.
        account: String,
        /// To whom.
        address: Address,
    },
}

impl Reached {
    /// In a word, for the audit.
    fn word(&self) -> &'static str {
        match self {
            Self::ByHand => "hand",
            Self::Mail(_) => "mail",
            Self::Channel { .. } => "channel",
        }
    }
}

impl std::fmt::Debug for Reached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

/// A body that an agency knows.
#[derive(Clone, PartialEq, Eq)]
pub struct Body {
    /// Its key.
    pub id: Uuid,
    /// What kind it is.
    pub kind: BodyKind,
    /// What it is called.
    pub name: String,
    /// How its links get there.
    pub reached: Reached,
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

struct BodyRow {
    id: Uuid,
    kind: String,
    name: String,
    email: Option<String>,
    adapter: Option<String>,
    account: Option<String>,
    sealed: Option<String>,
}

impl BodyRow {
    fn into_model(self) -> Result<Body> {
        let reached = match (self.adapter.zip(self.account).zip(self.sealed), self.email) {
            (Some(((adapter, account), sealed)), _) => Reached::Channel {
                adapter: known(adapter.parse().ok(), "body", "adapter")?,
                account,
                address: ring()?.open_one(BODY, self.id, sealed)?,
            },
            (None, Some(email)) => Reached::Mail(email),
            (None, None) => Reached::ByHand,
        };
        Ok(Body { id: self.id, kind: known(BodyKind::from_word(&self.kind), "body", "kind")?, name: self.name, reached })
    }
}

/// What an agency knows, by name.
pub async fn bodies(db: &PgPool, agency: AgencyId) -> Result<Vec<Body>> {
    let rows = sqlx::query_as!(
        BodyRow,
        "select id, kind, name, email, adapter, account, sealed
        from body
        where agency = $1
          and removed_at is null
        order by lower(name), id",
        agency.0
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter().map(BodyRow::into_model).collect()
}

/// Adds one to an agency's list. `false`: it has one of this name, or too many. In the audit, without its address.
pub async fn add_body(tx: &mut Tx, agency: AgencyId, body: &Body, by: StaffId, now: Timestamp) -> Result<bool> {
    // Written seldom, and by one at a time, so that the bound holds.
    sqlx::query!("lock table body in share row exclusive mode").execute(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    let (email, channel) = match &body.reached {
        Reached::ByHand => (None, None),
        Reached::Mail(email) => (Some(email), None),
        Reached::Channel { adapter, account, address } => (None, Some((adapter, account, address))),
    };
    let sealed = match channel {
        Some((.., address)) => Some(ring()?.seal(BODY, body.id.as_bytes(), &address.to_string())),
        None => None,
    };
    let added = sqlx::query!(
        "insert into body (id, agency, kind, name, email, adapter, account, sealed, made_by, made_at)
        select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
        where (select count(*) from body where agency = $2 and removed_at is null) < $11
        on conflict do nothing",
        body.id,
        agency.0,
        body.kind.as_str(),
        body.name,
        email,
        channel.map(|(adapter, ..)| adapter.as_str()),
        channel.map(|(_, account, _)| account),
        sealed,
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
    let detail = json!({ "kind": body.kind.as_str(), "name": body.name, "reached": body.reached.word() });
    audit::write(tx, now, Some(by), "body.added", &body.id.to_string(), &detail).await?;
    Ok(true)
}

/// Takes one off an agency's list; what it has to do goes on. `false`: there is none.
pub async fn remove_body(tx: &mut Tx, agency: AgencyId, id: Uuid, by: StaffId, now: Timestamp) -> Result<bool> {
    let name = sqlx::query_scalar!(
        "update body set removed_at = $1, email = null, adapter = null, account = null, sealed = null
        where id = $2 and agency = $3 and removed_at is null returning name",
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
    /// The city's day: channels open and close by the day.
    pub today: Date,
}

/// Gives one, and puts a mail or a message with its link on the list where the body has an address. `false`: [`MOST_OPEN`] of the complaint are open.
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
    let body = sqlx::query_as!(BodyRow, "select id, kind, name, email, adapter, account, sealed from body where id = $1", new.body)
        .fetch_one(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?
        .into_model()?;
    match &body.reached {
        Reached::ByHand => {}
        Reached::Mail(email) => mail::put(tx, new.id, email, now).await?,
        Reached::Channel { adapter, account, address } => {
            work_message::put(tx, About::Task(new.id), To { adapter, account, address }, new.today, now).await?;
        }
    }
    Ok(true)
}

/// How the message with its link fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// `due`, `published`, `refused`.
    pub state: String,
    /// What the platform said became of it: `sent`, `unknown`, `delivered`, `read`, `failed`.
    pub receipt: Option<String>,
    /// The platform's words when it failed; of one that was refused [`work_message::OPTED_OUT`] or [`work_message::CLOSED`].
    pub error: Option<String>,
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
    /// How its message fares; `None`: none was to be sent.
    pub message: Option<Sent>,
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
    message: Option<String>,
    receipt: Option<String>,
    error: Option<String>,
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
            message: self.message.map(|state| Sent { state, receipt: self.receipt, error: self.error }),
        })
    }
}

/// Those of a complaint, the oldest first.
pub async fn of_complaint(db: &PgPool, complaint: ComplaintId) -> Result<Vec<Task>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select t.id, t.complaint, b.name, b.kind, t.agency, t.given_at as "given_at: At", t.words, t.photos, t.due_at as "due_at: At",
          t.expires_at as "expires_at: At", t.ended_at as "ended_at: At", t.opened_at as "opened_at: At", t.said, t.said_at as "said_at: At",
          m.state as "mail?", s.state as "message?", s.receipt as "receipt?", s.error as "error?"
        from task t
        join body b on b.id = t.body
        left join task_mail m on m.task = t.id
        left join work_message s on s.task = t.id
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
          null::text as mail, null::text as message, null::text as receipt, null::text as error
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
    for waiting in [
        sqlx::query!("delete from task_mail where task = $1 and state = 'due'", task),
        sqlx::query!("delete from work_message where task = $1 and state = 'due'", task),
    ] {
        waiting.execute(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    }
    Ok(ended.rows_affected() == 1)
}
