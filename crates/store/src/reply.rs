//! Words to a citizen: record and work list of `dispatch::replies`.

use std::time::Duration;

use jiff::Timestamp;
use model::{ComplaintId, Receipt, ReplyDraft, TraceId};

use crate::{PgPool, Result};

/// How far a reply is on its way to the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyState {
    /// To be published.
    Due,
    /// Handed to the bus.
    Published,
    /// Not sent: the citizen wants no messages at this address.
    Withheld,
}

impl ReplyState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Due, Self::Published, Self::Withheld];

    /// The word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Published => "published",
            Self::Withheld => "withheld",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// A reply that this worker has for a while.
#[derive(Debug)]
pub struct Claimed {
    /// What to say.
    pub draft: ReplyDraft,
    /// Whose matter it is, where there is one.
    pub complaint: Option<ComplaintId>,
    /// Follows it through every log.
    pub trace: TraceId,
    /// How often it was tried, this time included.
    pub attempts: u16,
    #[expect(dead_code, reason = "read by published")]
    lease: Timestamp,
}

/// A reply as staff and the citizen see it.
#[derive(Debug, Clone, PartialEq)]
pub struct SentReply {
    /// What it says.
    pub draft: ReplyDraft,
    /// In which words, once it was handed to the bus.
    pub text: Option<String>,
    /// How far it is.
    pub state: ReplyState,
    /// What the platform said became of it: `sent`, `delivered`, `read`, `failed`.
    pub receipt: Option<String>,
    /// When, by the platform's clock.
    pub receipt_at: Option<Timestamp>,
    /// The platform's words when it failed.
    pub error: Option<String>,
    /// When it was decided.
    pub created_at: Timestamp,
}

/// Takes up to `limit` replies for `lease`; nobody else gets them meanwhile. The oldest first.
pub async fn claim(db: &PgPool, now: Timestamp, lease: Duration, limit: u16) -> Result<Vec<Claimed>> {
    todo!("{db:?} {now} {lease:?} {limit}")
}

/// The bus has it, in these words. [`crate::StoreError::Stale`]: the lease ran out and another has it.
pub async fn published(db: &PgPool, claimed: Claimed, text: &str, now: Timestamp) -> Result<()> {
    todo!("{db:?} {claimed:?} {text} {now}")
}

/// The same for many, in one statement; how many were still ours.
pub async fn published_many(db: &PgPool, published: Vec<(Claimed, String)>, now: Timestamp) -> Result<u64> {
    todo!("{db:?} {published:?} {now}")
}

/// The bus did not take it: back on the list at `due_at`.
pub async fn retry(db: &PgPool, claimed: Claimed, due_at: Timestamp) -> Result<()> {
    todo!("{db:?} {claimed:?} {due_at}")
}

/// Writes what the platform said, unless it said something stronger before. `false`: no reply of ours is meant.
pub async fn receipt(db: &PgPool, receipt: &Receipt) -> Result<bool> {
    todo!("{db:?} {receipt:?}")
}

/// The same for many, in one statement and the same order.
pub async fn receipts(db: &PgPool, receipts: &[Receipt]) -> Result<Vec<bool>> {
    todo!("{db:?} {receipts:?}")
}

/// Everything we said about a complaint, the oldest first.
pub async fn of_complaint(db: &PgPool, complaint: ComplaintId) -> Result<Vec<SentReply>> {
    todo!("{db:?} {complaint}")
}
