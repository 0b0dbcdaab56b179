//! Files that came with a message, or that staff added; and the work list of `intake::promote`.

use std::time::Duration;

use jiff::Timestamp;
use model::{Attachment, AttachmentId, AttachmentKind, BlobId, ComplaintId, TraceId};

use crate::{PgPool, Result, Tx};

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
    #[expect(dead_code, reason = "read by settle")]
    lease: Timestamp,
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

/// Takes up to `limit` attachments for `lease`; nobody else gets them meanwhile.
pub async fn claim(db: &PgPool, now: Timestamp, lease: Duration, limit: u16) -> Result<Vec<Claimed>> {
    todo!("{db:?} {now} {lease:?} {limit}")
}

/// Writes what became of it. [`crate::StoreError::Stale`]: the lease ran out and another has it.
pub async fn settle(db: &PgPool, claimed: Claimed, outcome: Outcome, now: Timestamp) -> Result<()> {
    todo!("{db:?} {claimed:?} {outcome:?} {now}")
}

/// A file that staff add: it takes the same road through quarantine as a citizen's.
pub async fn add_by_staff(tx: &mut Tx, complaint: ComplaintId, attachment: &Attachment, now: Timestamp) -> Result<AttachmentId> {
    todo!("{tx:?} {complaint} {attachment:?} {now}")
}

/// One attachment and whose matter it is; `None` where there is none, or where its message opened no complaint.
pub async fn load(db: &PgPool, id: AttachmentId) -> Result<Option<(StoredAttachment, ComplaintId)>> {
    todo!("{db:?} {id}")
}

/// What staff added to a complaint, the oldest first. What citizens sent is with its message: [`crate::message::of_complaint`].
pub async fn by_staff(db: &PgPool, complaint: ComplaintId) -> Result<Vec<StoredAttachment>> {
    todo!("{db:?} {complaint}")
}
