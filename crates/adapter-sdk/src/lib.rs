//! Everything an adapter needs, and nothing else.
//!
//! An adapter is a program for one platform. Its heart is one pure function, [`Adapter::parse`]. How raw bytes get in makes its kind:
//! the platform calls us ([`Webhook`]), we call the platform ([`Poll`]), or a person types it in ([`Pages`]). Its `main` is one line:
//!
//! ```ignore
//! fn main() -> std::process::ExitCode { adapter_sdk::webhook::<MyAdapter>() }
//! ```
//!
//! What the SDK does with it, in the order of the road: the door takes raw bytes and keeps them in the spool (`spool`), the spool is
//! forwarded to the bus behind it, `normalize` turns raw bytes into events with their attachments in quarantine, `deliver` sends
//! replies and tells what became of them. The rules an adapter keeps are C1 to C12 of `docs/adapter-spec.md`, and tests in
//! `adapter-testkit`.

mod adapter;
mod door;
mod error;
pub mod form;
mod request;
mod run;
mod secret;
mod settings;
pub mod spool;

pub use adapter::{Adapter, Batch, Item, Pages, Poll, Sent, Webhook};
pub use door::{Door, DoorError};
pub use error::{ConfigError, FetchError, ParseError, Refused, RunError, SendError};
pub use request::{Answer, Request};
pub use run::{Running, pages, poll, run_pages, run_poll, run_webhook, start_pages, start_poll, start_webhook, webhook};
pub use secret::Secret;
pub use settings::{BusSettings, DoorSettings, HttpSettings, LogFormat, LogSettings, Settings, Size, SpoolSettings};

pub use axum;
pub use bytes::Bytes;
pub use model::{
    self, AdapterName, Address, Attachment, AttachmentKind, Audience, BoxError, Category, Channel, ClerkToken, Content, DoorDirectory,
    Event, Inbound, Language, MessageKey, Point, Raw, Receipt, ReceiptState, Reference, RemoteMedia, Reply, ReplyId, ReplyKind, ReplyTo,
    Site, Timestamp, TraceId, TrackingCode, Visibility,
};
pub use outgoing::{self, Http, HttpError, Response};
pub use tokio_util::sync::CancellationToken as Stop;
