//! The only place where this crate reads the clock.

use jiff::Timestamp;

/// The time of the machine.
pub(crate) fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the simulator is an edge: it plays the world outside")]
    Timestamp::now()
}
