//! Files that came with a message, or that staff added; and the work list of `intake::promote`.

use std::time::Duration;

use model::{Attachment, AttachmentId, AttachmentKind, BlobId, ComplaintId, Content, MessageId, Timestamp, TraceId};
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx,
    convert::{At, at, known, later, small},
    live,
};

/// How far the checking is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachmentState {
    /// In quarantine: not shown yet.
    Due,
    /// Checked and kept.
    Kept,
    /// Not what we keep; `reason` says why.
    Refused,
    /// It could not be had; `reason` says why.
    Missing,
}

impl AttachmentState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Due, Self::Kept, Self::Refused, Self::Missing];

    /// The word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Kept => "kept",
            Self::Refused => "refused",
            Self::Missing => "missing",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// A file as staff and the citizen see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAttachment {
    /// Its key.
    pub id: AttachmentId,
    /// What the platform called it; once kept, what the bytes are.
    pub kind: AttachmentKind,
    /// What the bytes are; `None` until they were looked at.
    pub media_type: Option<String>,
    /// The name as it was sent. Never a path.
    pub filename: Option<String>,
    /// Size of the original.
    pub bytes: Option<u64>,
    /// Of the public copy, in pixels.
    pub width: Option<u32>,
    /// Of the public copy, in pixels.
    pub height: Option<u32>,
    /// How far the checking is.
    pub state: AttachmentState,
    /// Why it is refused or missing: one clause for staff.
    pub reason: Option<String>,
    /// Name of the original in long-term storage.
    pub original_key: Option<String>,
    /// Name of the copy without metadata, which may be shown.
    pub public_key: Option<String>,
    /// SHA-256 of the original, in hex.
    pub sha256: Option<String>,
}

/// An attachment that this worker has for a while.
#[derive(Debug)]
pub struct Claimed {
    /// Which.
    pub id: AttachmentId,
    /// What the platform called it.
    pub kind: AttachmentKind,
    /// The media type the platform named.
    pub claimed_type: Option<String>,
    /// Where the bytes are.
    pub blob: BlobId,
    /// How often it was tried, this time included.
    pub attempts: u16,
    /// Whose matter it is, where there is one.
    pub complaint: Option<ComplaintId>,
    /// Follows it through every log.
    pub trace: TraceId,
    lease: At,
}

/// What became of an attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Checked and stored.
    Kept {
        /// What the bytes are.
        kind: AttachmentKind,
        /// Their media type.
        media_type: String,
        /// Size of the original.
        bytes: u64,
        /// SHA-256 of the original, in hex.
        sha256: String,
        /// Of the public copy, in pixels.
        width: Option<u32>,
        /// Of the public copy, in pixels.
        height: Option<u32>,
        /// Name of the original in storage.
        original_key: String,
        /// Name of the copy that may be shown, where there is one.
        public_key: Option<String>,
    },
    /// We do not keep such a thing.
    Refused {
        /// One clause for staff.
        reason: String,
    },
    /// The bytes are gone.
    Missing {
        /// One clause for staff.
        reason: String,
    },
    /// Try again.
    Retry {
        /// How long to wait.
        after: Duration,
    },
}

/// Takes up to `limit` attachments for `lease`; nobody else gets them meanwhile. The oldest first.
pub async fn claim(db: &PgPool, now: Timestamp, lease: Duration, limit: u16) -> Result<Vec<Claimed>> {
    let rows = sqlx::query!(
        r#"with claimed as (
          update attachment
          set lease_until = $2, attempts = attempts + 1
          where id in (
            select id
            from attachment
            where state = 'due'
              and due_at <= $1
              and (lease_until is null or lease_until <= $1)
            order by due_at
            limit $3
            for update skip locked
          )
          returning id, message, complaint, kind, claimed_type, blob, attempts, lease_until
        )
        select claimed.id, claimed.kind, claimed.claimed_type, claimed.blob, claimed.attempts, claimed.lease_until as "lease_until!: At",
          c.id as "complaint?", coalesce(m.trace, c.trace) as "trace!"
        from claimed
        left join message m on m.id = claimed.message
        left join complaint c on c.id = coalesce(claimed.complaint, m.complaint)"#,
        at(now) as At,
        at(later(now, lease)) as At,
        i64::from(limit)
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            Ok(Claimed {
                id: AttachmentId(row.id),
                kind: known(kind(&row.kind), "attachment", "kind")?,
                claimed_type: row.claimed_type,
                blob: BlobId(known(row.blob, "attachment", "blob")?),
                attempts: u16::try_from(row.attempts).unwrap_or(0),
                complaint: row.complaint.map(ComplaintId),
                trace: known(row.trace.parse().ok(), "message", "trace")?,
                lease: row.lease_until,
            })
        })
        .collect()
}

/// What `settle` writes, whatever the outcome.
#[derive(Default)]
struct Settled {
    state: &'static str,
    due_at: Option<Timestamp>,
    kind: Option<&'static str>,
    media_type: Option<String>,
    bytes: Option<i64>,
    sha256: Option<String>,
    width: Option<i32>,
    height: Option<i32>,
    original_key: Option<String>,
    public_key: Option<String>,
    reason: Option<String>,
}

fn settled(outcome: Outcome, now: Timestamp) -> Settled {
    match outcome {
        Outcome::Kept { kind, media_type, bytes, sha256, width, height, original_key, public_key } => Settled {
            state: "kept",
            kind: Some(kind_word(kind)),
            media_type: Some(media_type),
            bytes: i64::try_from(bytes).ok(),
            sha256: Some(sha256),
            width: width.and_then(|pixels| i32::try_from(pixels).ok()),
            height: height.and_then(|pixels| i32::try_from(pixels).ok()),
            original_key: Some(original_key),
            public_key,
            ..Settled::default()
        },
        Outcome::Refused { reason } => Settled { state: "refused", reason: Some(reason), ..Settled::default() },
        Outcome::Missing { reason } => Settled { state: "missing", reason: Some(reason), ..Settled::default() },
        Outcome::Retry { after } => Settled { state: "due", due_at: Some(later(now, after)), ..Settled::default() },
    }
}

/// Writes what became of it, and wakes the pages that show it. [`StoreError::Stale`]: the lease ran out and another has it.
pub async fn settle(db: &PgPool, claimed: Claimed, outcome: Outcome, now: Timestamp) -> Result<()> {
    let mut tx = crate::begin(db).await?;
    settle_within(&mut tx, claimed, outcome, now).await?;
    crate::commit(tx).await
}

/// The same as a part of something larger.
pub async fn settle_within(tx: &mut Tx, claimed: Claimed, outcome: Outcome, now: Timestamp) -> Result<()> {
    let new = settled(outcome, now);
    let written = sqlx::query!(
        "update attachment
        set state = $3, due_at = coalesce($4, due_at), kind = coalesce($5, kind), media_type = $6, bytes = coalesce($7, bytes),
          sha256 = coalesce($8, sha256), width = $9, height = $10, original_key = $11, public_key = $12, reason = $13, lease_until = null,
          blob = case $3 when 'due' then blob end
        where id = $1
          and state = 'due'
          and lease_until = $2",
        claimed.id.0,
        claimed.lease as At,
        new.state,
        new.due_at.map(at) as Option<At>,
        new.kind,
        new.media_type,
        new.bytes,
        new.sha256,
        new.width,
        new.height,
        new.original_key,
        new.public_key,
        new.reason
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    if written.rows_affected() == 0 {
        return Err(StoreError::Stale);
    }
    match claimed.complaint {
        Some(complaint) => live::tell(tx, complaint).await,
        None => Ok(()),
    }
}

/// A file that staff add: it takes the same road through quarantine as a citizen's.
pub async fn add_by_staff(tx: &mut Tx, complaint: ComplaintId, attachment: &Attachment, now: Timestamp) -> Result<AttachmentId> {
    let row = NewRow::of(attachment, now);
    sqlx::query!(
        "insert into attachment (id, complaint, kind, claimed_type, filename, bytes, sha256, state, due_at, blob, reason)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        row.id.0,
        complaint.0,
        kind_word(attachment.kind),
        attachment.mime,
        attachment.filename,
        row.bytes,
        row.sha256,
        row.state,
        at(now) as At,
        row.blob,
        row.reason
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(row.id)
}

/// A new attachment as its content says.
struct NewRow {
    id: AttachmentId,
    state: &'static str,
    blob: Option<String>,
    bytes: Option<i64>,
    sha256: Option<String>,
    reason: Option<String>,
}

impl NewRow {
    fn of(attachment: &Attachment, now: Timestamp) -> Self {
        let row = Self { id: AttachmentId::new(now), state: "missing", blob: None, bytes: None, sha256: None, reason: None };
        match &attachment.content {
            Content::Quarantined { blob, bytes, sha256 } => {
                Self { state: "due", blob: Some(blob.0.clone()), bytes: i64::try_from(*bytes).ok(), sha256: Some(sha256.clone()), ..row }
            }
            Content::Missing { why } => Self { reason: Some(why.clone()), ..row },
            Content::Remote(_) => Self { reason: Some("the adapter did not fetch it".to_owned()), ..row },
        }
    }
}

/// Records what came with messages: message, position within it, file.
pub(crate) async fn insert(tx: &mut Tx, files: &[(MessageId, usize, &Attachment)], now: Timestamp) -> Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let rows: Vec<NewRow> = files.iter().map(|(.., file)| NewRow::of(file, now)).collect();
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id.0).collect();
    let messages: Vec<Uuid> = files.iter().map(|(message, ..)| message.0).collect();
    let positions: Vec<i16> = files.iter().map(|(_, position, _)| small(*position)).collect();
    let kinds: Vec<String> = files.iter().map(|(.., file)| kind_word(file.kind).to_owned()).collect();
    let types: Vec<Option<String>> = files.iter().map(|(.., file)| file.mime.clone()).collect();
    let names: Vec<Option<String>> = files.iter().map(|(.., file)| file.filename.clone()).collect();
    let bytes: Vec<Option<i64>> = rows.iter().map(|row| row.bytes).collect();
    let hashes: Vec<Option<String>> = rows.iter().map(|row| row.sha256.clone()).collect();
    let states: Vec<String> = rows.iter().map(|row| row.state.to_owned()).collect();
    let blobs: Vec<Option<String>> = rows.iter().map(|row| row.blob.clone()).collect();
    let reasons: Vec<Option<String>> = rows.iter().map(|row| row.reason.clone()).collect();
    sqlx::query!(
        "insert into attachment (id, message, position, kind, claimed_type, filename, bytes, sha256, state, due_at, blob, reason)
        select id, message, position, kind, claimed_type, filename, bytes, sha256, state, $12, blob, reason
        from unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::text[],
          $10::text[], $11::text[])
          as new (id, message, position, kind, claimed_type, filename, bytes, sha256, state, blob, reason)",
        &ids,
        &messages,
        &positions,
        &kinds,
        &types as &[Option<String>],
        &names as &[Option<String>],
        &bytes as &[Option<i64>],
        &hashes as &[Option<String>],
        &states,
        &blobs as &[Option<String>],
        &reasons as &[Option<String>],
        at(now) as At
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

struct Row {
    id: Uuid,
    owner: Option<Uuid>,
    kind: String,
    media_type: Option<String>,
    filename: Option<String>,
    bytes: Option<i64>,
    width: Option<i32>,
    height: Option<i32>,
    state: String,
    reason: Option<String>,
    original_key: Option<String>,
    public_key: Option<String>,
    sha256: Option<String>,
}

fn into_model(row: Row) -> Result<StoredAttachment> {
    Ok(StoredAttachment {
        id: AttachmentId(row.id),
        kind: known(kind(&row.kind), "attachment", "kind")?,
        media_type: row.media_type,
        filename: row.filename,
        bytes: row.bytes.and_then(|bytes| u64::try_from(bytes).ok()),
        width: row.width.and_then(|pixels| u32::try_from(pixels).ok()),
        height: row.height.and_then(|pixels| u32::try_from(pixels).ok()),
        state: known(AttachmentState::from_word(&row.state), "attachment", "state")?,
        reason: row.reason,
        original_key: row.original_key,
        public_key: row.public_key,
        sha256: row.sha256,
    })
}

/// One attachment and whose matter it is; `None` where there is none, or where its message opened no complaint.
pub async fn load(db: &PgPool, id: AttachmentId) -> Result<Option<(StoredAttachment, ComplaintId)>> {
    let row = sqlx::query_as!(
        Row,
        r#"select a.id, coalesce(a.complaint, m.complaint) as owner, a.kind, a.media_type, a.filename, a.bytes, a.width, a.height,
          a.state, a.reason, a.original_key, a.public_key, a.sha256
        from attachment a
        left join message m on m.id = a.message
        where a.id = $1"#,
        id.0
    )
    .fetch_optional(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let Some(row) = row else { return Ok(None) };
    let owner = row.owner.map(ComplaintId);
    let attachment = into_model(row)?;
    Ok(owner.map(|complaint| (attachment, complaint)))
}

/// What came with these messages, in the order it was sent.
pub(crate) async fn of_messages(db: &PgPool, messages: &[Uuid]) -> Result<Vec<(Uuid, StoredAttachment)>> {
    let rows = sqlx::query_as!(
        Row,
        "select id, message as owner, kind, media_type, filename, bytes, width, height, state, reason, original_key, public_key, sha256
        from attachment
        where message = any($1)
        order by message, position",
        messages
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            let message = known(row.owner, "attachment", "message")?;
            Ok((message, into_model(row)?))
        })
        .collect()
}

/// What staff added to a complaint, the oldest first. What citizens sent is with its message: [`crate::message::of_complaint`].
pub async fn by_staff(db: &PgPool, complaint: ComplaintId) -> Result<Vec<StoredAttachment>> {
    let rows = sqlx::query_as!(
        Row,
        "select id, complaint as owner, kind, media_type, filename, bytes, width, height, state, reason, original_key, public_key, sha256
        from attachment
        where complaint = $1
        order by id",
        complaint.0
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter().map(into_model).collect()
}

fn kind_word(kind: AttachmentKind) -> &'static str {
    match kind {
        AttachmentKind::Image => "image",
        AttachmentKind::Video => "video",
        AttachmentKind::Audio => "audio",
        AttachmentKind::Voice => "voice",
        AttachmentKind::Document => "document",
        AttachmentKind::Sticker => "sticker",
    }
}

fn kind(word: &str) -> Option<AttachmentKind> {
    use AttachmentKind::{Audio, Document, Image, Sticker, Video, Voice};
    [Image, Video, Audio, Voice, Document, Sticker].into_iter().find(|kind| kind_word(*kind) == word)
}
