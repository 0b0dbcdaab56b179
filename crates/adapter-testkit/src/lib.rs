//! The contract of an adapter as tests: C1 to C13, golden files, a fake platform.
//!
//! An adapter's `tests/contract.rs` is one test that calls [`webhook`], [`poll`] or [`pages`] with a [`Contract`]. The numbers are those of
//! `docs/adapter-spec.md`. Every rule is tested to fail for an adapter that breaks it (`tests/broken.rs`).

mod clerk;
mod contract;
mod counter;
mod door;
mod fixture;
mod fuzz;
mod kinds;
mod log;
mod mutate;
mod platform;
mod suite;

pub use clerk::StaffKey;
pub use contract::{Bare, Contract, Elsewhere, Probe, Refusal, Trouble, Wanted};
pub use counter::{Counter, Filled, Shown, acknowledgement, small_city};
pub use door::TestDoor;
pub use fixture::Fixture;
pub use fuzz::{fuzz, fuzz_cases, recorded};
pub use kinds::{pages, poll, webhook};
pub use platform::{Canned, FakePlatform, Seen};
pub use servers::{free_port, mail};
