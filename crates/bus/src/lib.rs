//! The only crate that knows NATS: four streams, one place that acknowledges, and a few key-value buckets.

mod blobs;
mod connect;
mod consume;
mod directory;
mod error;
mod keys;
pub mod parked;
mod parts;
mod permissions;
mod publish;
mod server;
mod streams;

pub use connect::{Bus, BusConfig};
pub use consume::{Delivery, Queue};
pub use error::BusError;
pub use keys::{Announcement, MISSING_AFTER};
pub use parked::Parked;
pub use permissions::Permissions;
pub use publish::Accepted;
pub use streams::DUPLICATE_WINDOW;
/// Tells loops to stop: cancel it once, clone it freely.
pub use tokio_util::sync::CancellationToken as Stop;
