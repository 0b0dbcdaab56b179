//! One complaint given to one agency: the work list of `dispatch::agencies`. An agency whose way is its queue here needs no sending:
//! its dispatches are born delivered.

use std::time::Duration;

use jiff::Timestamp;
use model::{Agency, Complaint, DispatchId, TraceId};

use crate::{PgPool, Result};

/// How an agency hears of a complaint, besides its queue here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendKind {
    /// Only by its queue.
    Queue,
    /// By mail.
    Email,
    /// By Open311 `GeoReport` v2.
    Open311,
    /// By a signed POST.
    Webhook,
    /// Nothing leaves: for trials.
    Blackhole,
}

impl SendKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Queue, Self::Email, Self::Open311, Self::Webhook, Self::Blackhole];

    /// The word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Email => "email",
            Self::Open311 => "open311",
            Self::Webhook => "webhook",
            Self::Blackhole => "blackhole",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A dispatch that this worker has for a while. `Debug` shows neither address nor secret.
pub struct Claimed {
    /// Which.
    pub id: DispatchId,
    /// What it is about, as it is now.
    pub complaint: Complaint,
    /// To whom.
    pub agency: Agency,
    /// How.
    pub send_kind: SendKind,
    /// Where to.
    pub send_target: Option<String>,
    /// Key of the signature or of the API.
    pub send_secret: Option<String>,
    /// Follows it through every log.
    pub trace: TraceId,
    /// How often it was tried, this time included.
    pub attempts: u16,
    #[expect(dead_code, reason = "read by settle")]
    lease: Timestamp,
}

impl std::fmt::Debug for Claimed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claimed").field("id", &self.id).field("agency", &self.agency.code).finish_non_exhaustive()
    }
}

/// What became of a sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The agency's system has it.
    Delivered {
        /// Its number there.
        agency_reference: Option<String>,
    },
    /// Not now.
    Retry {
        /// How long to wait.
        after: Duration,
        /// For staff, without personal data.
        error: String,
    },
    /// The agency's system says no, for good.
    Refused {
        /// For staff, without personal data.
        error: String,
    },
}

/// Takes up to `limit` dispatches for `lease`; nobody else gets them meanwhile. The oldest first.
pub async fn claim(db: &PgPool, now: Timestamp, lease: Duration, limit: u16) -> Result<Vec<Claimed>> {
    todo!("{db:?} {now} {lease:?} {limit}")
}

/// Writes what became of it; settled once, and only by who holds the lease. [`crate::StoreError::Stale`]: the lease ran out and
/// another has it.
pub async fn settle(db: &PgPool, claimed: Claimed, outcome: Outcome, now: Timestamp) -> Result<()> {
    todo!("{db:?} {claimed:?} {outcome:?} {now}")
}
