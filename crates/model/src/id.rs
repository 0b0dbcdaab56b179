//! Identifiers. The only place of this crate where randomness enters.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::{ContextV7, Uuid};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new one; sorts by `now`.
            pub fn new(now: Timestamp) -> Self {
                Self(v7(now))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(s).map(Self)
            }
        }
    )+};
}

ids! {
    /// An agency.
    AgencyId,
    /// One attachment of one message.
    AttachmentId,
    /// An official way in.
    ChannelId,
    /// A citizen.
    CitizenId,
    /// A complaint.
    ComplaintId,
    /// One complaint given to one agency.
    DispatchId,
    /// One time that somebody was told of a clock.
    EscalationId,
    /// The thing in the world that several complaints are about.
    IncidentId,
    /// A recorded message.
    MessageId,
    /// A reply to a citizen; the platform's idempotency key where it has one.
    ReplyId,
    /// A member of staff.
    StaffId,
    /// One step in a complaint's history.
    UpdateId,
}

/// Follows one message through every process and log line: 128 bits in hex, as the trace-id of a W3C `traceparent`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TraceId(u128);

impl TraceId {
    /// A new random one.
    pub fn random() -> Self {
        Self(u128::from_be_bytes(random_bytes()).max(1))
    }

    /// The header's value: `00-<trace>-<span>-01`. We keep one span a trace: the log lines carry names.
    pub fn traceparent(self) -> String {
        let span = (self.0 & u128::from(u64::MAX)).max(1);
        format!("00-{:032x}-{span:016x}-01", self.0)
    }

    /// Reads a `traceparent`; `None` when it is not one.
    pub fn from_traceparent(value: &str) -> Option<Self> {
        value.split('-').nth(1)?.parse().ok()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TraceId {
    type Err = std::num::ParseIntError;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        u128::from_str_radix(s, 16).map(Self)
    }
}

impl From<TraceId> for String {
    fn from(id: TraceId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for TraceId {
    type Error = std::num::ParseIntError;
    fn try_from(s: String) -> Result<Self, Self::Error> {
        s.parse()
    }
}

/// Sixteen bytes from the operating system.
///
/// # Panics
/// When the operating system has no randomness to give: nothing safe could follow.
pub fn random_bytes() -> [u8; 16] {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

fn v7(now: Timestamp) -> Uuid {
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
    thread_local! { static CONTEXT: ContextV7 = const { ContextV7::new() }; }
    CONTEXT.with(|context| Uuid::new_v7(uuid::Timestamp::from_unix(context, seconds, nanos)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_survives_its_header() {
        let trace = TraceId::random();
        assert_eq!(TraceId::from_traceparent(&trace.traceparent()), Some(trace));
        assert_eq!(TraceId::from_traceparent("nonsense"), None);
    }

    #[test]
    fn ids_of_one_instant_differ_and_sort_by_time() {
        let early = Timestamp::from_second(1_700_000_000).expect("in range");
        let late = Timestamp::from_second(1_700_000_001).expect("in range");
        let (a, b, c) = (MessageId::new(early), MessageId::new(early), MessageId::new(late));
        assert_ne!(a, b);
        assert!(a < c && b < c);
    }
}
