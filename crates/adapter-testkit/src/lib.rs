//! The contract of an adapter as tests: C1 to C12, golden files, a fake platform.
//!
//! An adapter's `tests/contract.rs` is one test that calls [`webhook`], [`poll`] or [`pages`] with a [`Contract`]. The numbers are those of
//! `docs/adapter-spec.md`. Every rule is tested to fail for an adapter that breaks it (`tests/broken.rs`).

mod clerk;
mod contract;
mod counter;
mod fixture;
mod platform;

pub use clerk::StaffKey;
pub use contract::{Contract, Refusal, Wanted, pages, poll, webhook};
pub use counter::{Counter, Filled, Shown, small_city};
pub use fixture::Fixture;
pub use platform::{Canned, FakePlatform, Seen};
