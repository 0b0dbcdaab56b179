//! What citizens ask about their own data: a copy, or that it be erased. Each has an owner and a clock (UU 27/2022, art. 32 for access: three times
//! twenty-four hours; we hold erasure to the same).

use jiff::SignedDuration;
use model::{Complaint, ComplaintId, Facts, Reference, ReplyDraft, ReplyId, ReplyKind, StaffId, Timestamp};
use serde_json::json;
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx, audit,
    convert::{At, at, known},
    person::{self, Erased, Subject},
    reply,
};

/// How long there is to answer one.
pub const CLOCK: SignedDuration = SignedDuration::from_hours(72);

/// How long a copy lies on the complaint's page.
pub const COPY: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A copy of everything.
    Copy,
    /// That it be erased.
    Erase,
}

impl Kind {
    /// The word in tables, forms and commands.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::Erase => "erase",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Copy, Self::Erase].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// How far a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Waits for a decision.
    Open,
    /// To be erased as soon as the citizen was told.
    Accepted,
    /// Done.
    Done,
    /// Not done, and why was said.
    Refused,
}

impl State {
    fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "open" => Self::Open,
            "accepted" => Self::Accepted,
            "done" => Self::Done,
            "refused" => Self::Refused,
            _ => return None,
        })
    }

    /// Whether nobody has to do anything any more.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Refused)
    }
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its key.
    pub id: Uuid,
    /// What is asked.
    pub kind: Kind,
    /// The complaint that it was asked at, with its number; `None`: of somebody who proved an address.
    pub complaint: Option<(ComplaintId, Reference)>,
    /// How they proved who they are; `None`: by the code of the complaint's page.
    pub proof: Option<String>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// Until when it must be answered.
    pub due_at: Timestamp,
    /// How far it is.
    pub state: State,
    /// Who has it, by name.
    pub taken_by: Option<String>,
    /// Who decided, by name, and when.
    pub decided: Option<(Option<String>, Timestamp)>,
    /// Why not, as the citizen reads it.
    pub refusal: Option<String>,
    /// How many complaints were copied or erased, and how many had to stay.
    pub counts: Option<(i32, i32)>,
    /// Until when the copy lies on the complaint's page.
    pub copy_until: Option<Timestamp>,
}

struct Row {
    id: Uuid,
    kind: String,
    complaint: Option<Uuid>,
    reference: Option<String>,
    proof: Option<String>,
    asked_at: At,
    due_at: At,
    state: String,
    taken_by: Option<String>,
    decided_by: Option<String>,
    decided_at: Option<At>,
    refusal: Option<String>,
    complaints: Option<i32>,
    kept: Option<i32>,
    copy_until: Option<At>,
}

fn request(row: Row) -> Result<Request> {
    const TABLE: &str = "citizen_request";
    let reference = row.reference.map(|number| known(number.parse().ok(), "complaint", "reference")).transpose()?;
    Ok(Request {
        id: row.id,
        kind: known(Kind::from_word(&row.kind), TABLE, "kind")?,
        complaint: row.complaint.map(ComplaintId).zip(reference),
        proof: row.proof,
        asked_at: row.asked_at.to_jiff(),
        due_at: row.due_at.to_jiff(),
        state: known(State::from_word(&row.state), TABLE, "state")?,
        taken_by: row.taken_by,
        decided: row.decided_at.map(|at| (row.decided_by, at.to_jiff())),
        refusal: row.refusal,
        counts: row.complaints.zip(row.kept),
        copy_until: row.copy_until.map(At::to_jiff),
    })
}

/// Requests that wait, those first whose time ends first, and then what was decided last.
pub async fn list(db: &PgPool, most: i64) -> Result<Vec<Request>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select r.id, r.kind, r.complaint, c.reference as "reference?", r.proof, r.asked_at as "asked_at: At", r.due_at as "due_at: At", r.state,
          taken.name as "taken_by?", decided.name as "decided_by?", r.decided_at as "decided_at: At", r.refusal, r.complaints, r.kept,
          r.copy_until as "copy_until: At"
        from citizen_request r
        left join complaint c on c.id = r.complaint
        left join staff taken on taken.id = r.taken_by
        left join staff decided on decided.id = r.decided_by
        order by r.state not in ('open', 'accepted'), case when r.state in ('open', 'accepted') then r.due_at end, r.decided_at desc nulls last, r.id
        limit $1"#,
        most
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter().map(request).collect()
}

/// The latest requests of a complaint's own page, the newest first.
pub async fn of_complaint(db: &PgPool, complaint: ComplaintId) -> Result<Vec<Request>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select r.id, r.kind, r.complaint, c.reference as "reference?", r.proof, r.asked_at as "asked_at: At", r.due_at as "due_at: At", r.state,
          null::text as "taken_by?", null::text as "decided_by?", r.decided_at as "decided_at: At", r.refusal, r.complaints, r.kept,
          r.copy_until as "copy_until: At"
        from citizen_request r
        join complaint c on c.id = r.complaint
        where r.complaint = $1 and r.asked_on = 'page'
        order by r.asked_at desc, r.id
        limit 5"#,
        complaint.0
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter().map(request).collect()
}

/// One request; nobody else changes it until the transaction ends.
pub async fn lock(tx: &mut Tx, id: Uuid) -> Result<Option<Request>> {
    let row = sqlx::query_as!(
        Row,
        r#"select r.id, r.kind, r.complaint, c.reference as "reference?", r.proof, r.asked_at as "asked_at: At", r.due_at as "due_at: At", r.state,
          null::text as "taken_by?", null::text as "decided_by?", r.decided_at as "decided_at: At", r.refusal, r.complaints, r.kept,
          r.copy_until as "copy_until: At"
        from citizen_request r
        left join complaint c on c.id = r.complaint
        where r.id = $1
        for update of r"#,
        id
    )
    .fetch_optional(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    row.map(request).transpose()
}

/// Those that wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// How many.
    pub all: u64,
    /// How many of them should have been answered.
    pub late: u64,
    /// Until when the first has to be.
    pub due: Option<Timestamp>,
}

/// How many wait, and how many of them are late.
pub async fn waiting(db: &PgPool, now: Timestamp) -> Result<Waiting> {
    let row = sqlx::query!(
        r#"select count(*) as "all!", count(*) filter (where due_at < $1) as "late!", min(due_at) as "due: At"
        from citizen_request
        where state in ('open', 'accepted')"#,
        at(now) as At
    )
    .fetch_one(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let whole = |count: i64| u64::try_from(count).unwrap_or(0);
    Ok(Waiting { all: whole(row.all), late: whole(row.late), due: row.due.map(At::to_jiff) })
}

/// The citizen asks on the page of their complaint. `false`: the same is asked already, and waits.
pub async fn ask(tx: &mut Tx, complaint: ComplaintId, kind: Kind, now: Timestamp) -> Result<bool> {
    let made = sqlx::query!(
        "insert into citizen_request (id, kind, complaint, asked_on, asked_at, due_at, state)
        values ($1, $2, $3, 'page', $4, $5, 'open')
        on conflict (complaint, kind) where state in ('open', 'accepted') and complaint is not null do nothing",
        model::UpdateId::new(now).0,
        kind.as_str(),
        complaint.0,
        at(now) as At,
        at(now + CLOCK) as At
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(made.rows_affected() > 0)
}

/// Somebody takes a request, so that everybody sees whose it is.
pub async fn take(tx: &mut Tx, id: Uuid, by: StaffId, now: Timestamp) -> Result<bool> {
    let taken = sqlx::query!("update citizen_request set taken_by = $2 where id = $1 and state = 'open'", id, by.0)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    if taken.rows_affected() > 0 {
        audit::write(tx, now, Some(by), "request.taken", &id.to_string(), &json!({})).await?;
    }
    Ok(taken.rows_affected() > 0)
}

/// What to say to the citizen in their channel, in their language. `None`: nowhere to say it; it stands on their page.
fn told(complaint: &Complaint, request: Uuid, words: &str, now: Timestamp) -> Option<ReplyDraft> {
    let facts = Facts {
        reference: Some(complaint.reference.to_string()),
        tracking: Some(complaint.tracking.clone()),
        text: Some(words.to_owned()),
        ..Facts::default()
    };
    let to = complaint.reply_to.clone()?;
    Some(ReplyDraft { id: ReplyId::new(now), kind: ReplyKind::Answered, to, language: complaint.language, cause: request, facts })
}

async fn say(tx: &mut Tx, complaint: &Complaint, request: Uuid, words: &str, now: Timestamp) -> Result<()> {
    let Some(draft) = told(complaint, request, words, now) else { return Ok(()) };
    reply::insert(tx, &[reply::New { draft: &draft, complaint: Some(complaint.id), trace: complaint.trace, now }]).await
}

/// A copy may be fetched on the complaint's page for a week, and the citizen is told.
pub async fn give_copy(tx: &mut Tx, asked: &Request, complaint: &Complaint, words: &str, by: StaffId, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "update citizen_request
        set state = 'done', taken_by = $2, decided_by = $2, decided_at = $3, done_at = $3, complaints = 1, kept = 0, copy_until = $4
        where id = $1",
        asked.id,
        by.0,
        at(now) as At,
        at(now + COPY) as At
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    say(tx, complaint, asked.id, words, now).await?;
    let detail = json!({ "request": asked.id, "on": "page" });
    audit::write(tx, now, Some(by), "citizen.copied", &complaint.reference.to_string(), &detail).await
}

/// It will be erased when the citizen was told so: [`work_off`] does it.
pub async fn accept(tx: &mut Tx, asked: &Request, complaint: &Complaint, words: &str, by: StaffId, now: Timestamp) -> Result<()> {
    decided(tx, asked.id, "accepted", None, by, now).await?;
    say(tx, complaint, asked.id, words, now).await?;
    audit::write(tx, now, Some(by), "request.accepted", &complaint.reference.to_string(), &json!({ "request": asked.id })).await
}

/// It is not done, and the citizen is told why.
pub async fn refuse(
    tx: &mut Tx,
    asked: &Request,
    complaint: Option<&Complaint>,
    (why, words): (&str, &str),
    by: StaffId,
    now: Timestamp,
) -> Result<()> {
    decided(tx, asked.id, "refused", Some(why), by, now).await?;
    let subject = complaint.map_or_else(|| asked.id.to_string(), |complaint| complaint.reference.to_string());
    if let Some(complaint) = complaint {
        say(tx, complaint, asked.id, words, now).await?;
    }
    audit::write(tx, now, Some(by), "request.refused", &subject, &json!({ "request": asked.id })).await
}

async fn decided(tx: &mut Tx, id: Uuid, state: &str, refusal: Option<&str>, by: StaffId, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "update citizen_request set state = $2, refusal = $3, taken_by = $4, decided_by = $4, decided_at = $5 where id = $1",
        id,
        state,
        refusal,
        by.0,
        at(now) as At
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// How long we wait for a platform's word that the citizen was told, before their address goes.
const TOLD: SignedDuration = SignedDuration::from_hours(1);

/// Erases what was accepted and whose citizen was told, or could not be within an hour. Answers how many requests are done by it.
pub async fn work_off(db: &PgPool, now: Timestamp) -> Result<u64> {
    let ready = sqlx::query_scalar!(
        "select r.id
        from citizen_request r
        where r.state = 'accepted'
          and not exists (
            select from reply
            where reply.cause = r.id
              and (reply.state = 'due' or (reply.state = 'published' and reply.receipt is null))
              and r.decided_at > $1
          )
        order by r.decided_at
        limit 20",
        at(now - TOLD) as At
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let mut done = 0;
    for id in ready {
        let mut tx = crate::begin(db).await?;
        let Some(asked) = lock(&mut tx, id).await?.filter(|asked| asked.state == State::Accepted) else { continue };
        let Some((complaint, _)) = asked.complaint else { continue };
        // The news is not to hold it up: whom it did not reach within the hour finds it on the page.
        sqlx::query!("update reply set state = 'withheld' where cause = $1 and state = 'due'", id)
            .execute(&mut *tx)
            .await
            .map_err(StoreError::from_sqlx)?;
        let erased = person::erase(&mut tx, Subject::Complaint(complaint), id, now).await?;
        // Somebody opened it again meanwhile: it waits for a person, with the clock that it has.
        let state = if erased.erased.is_empty() { "open" } else { "done" };
        sqlx::query!(
            "update citizen_request
            set state = $2, complaints = $3, kept = $4, done_at = case when $2 = 'done' then $5::timestamptz end,
              decided_at = case when $2 = 'done' then decided_at end, decided_by = case when $2 = 'done' then decided_by end
            where id = $1",
            id,
            state,
            small(erased.erased.len()),
            small(erased.kept.len()),
            at(now) as At
        )
        .execute(&mut *tx)
        .await
        .map_err(StoreError::from_sqlx)?;
        note(&mut tx, &erased, id, None, now).await?;
        crate::commit(tx).await?;
        done += 1;
    }
    Ok(done)
}

fn small(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// Each complaint that was erased has its entry: the bare one still tells who did it.
async fn note(tx: &mut Tx, erased: &Erased, request: Uuid, by: Option<StaffId>, now: Timestamp) -> Result<()> {
    for one in &erased.erased {
        audit::write(tx, now, by, "citizen.erased", &one.reference.to_string(), &json!({ "request": request })).await?;
    }
    Ok(())
}

/// Somebody who proved who they are in person gets a copy or is erased, by a command: request, work and entry in one.
pub async fn in_person(tx: &mut Tx, kind: Kind, subject: Subject, proof: &str, by: StaffId, now: Timestamp) -> Result<Option<Erased>> {
    let id = model::UpdateId::new(now).0;
    let complaint = match subject {
        Subject::Complaint(complaint) => Some(complaint.0),
        Subject::Citizen(_) => None,
    };
    sqlx::query!(
        "insert into citizen_request (id, kind, complaint, asked_on, asked_at, due_at, proof, state, taken_by, decided_by, decided_at, done_at)
        values ($1, $2, $3, 'person', $4, $5, $6, 'done', $7, $7, $4, $4)",
        id,
        kind.as_str(),
        complaint,
        at(now) as At,
        at(now + CLOCK) as At,
        proof,
        by.0
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let theirs = person::numbers(tx, subject).await?;
    let (done, kept, erased) = match kind {
        Kind::Copy => {
            for number in &theirs {
                audit::write(tx, now, Some(by), "citizen.copied", &number.to_string(), &json!({ "request": id })).await?;
            }
            (theirs.len(), 0, None)
        }
        Kind::Erase => {
            let erased = person::erase(tx, subject, id, now).await?;
            note(tx, &erased, id, Some(by), now).await?;
            (erased.erased.len(), erased.kept.len(), Some(erased))
        }
    };
    // Where the law keeps everything that there is, nothing was done, and why is on record.
    let refused = erased.as_ref().is_some_and(|erased| erased.erased.is_empty() && !erased.forgotten);
    sqlx::query!(
        "update citizen_request
        set complaints = $2, kept = $3, state = case when $4 then 'refused' else 'done' end, refusal = case when $4 then 'kept' end
        where id = $1",
        id,
        small(done),
        small(kept),
        refused
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(erased)
}
