//! The edge where the clock is read.

use model::Timestamp;

/// Now. Everything behind the doors and loops takes time as a parameter.
#[expect(clippy::disallowed_methods, reason = "doors and loops are the edge")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
