//! Everything an adapter needs, and nothing else.
//!
//! An adapter is a program for one platform. Its heart is one pure function, [`Adapter::parse`]. How raw bytes get in makes its kind:
//! the platform calls us ([`Webhook`]), we call the platform ([`Poll`]), one or the other as the administrator chose ([`EitherWay`]), or a
//! person types it in ([`Pages`]). Its `main` is one line:
//!
//! ```text
//! fn main() -> std::process::ExitCode { adapter_sdk::webhook::<MyAdapter>() }
//! ```
//!
//! What the SDK does with it, in the order of the road: the door takes raw bytes and keeps them in the spool (`spool`), the spool is
//! forwarded to the bus behind it, `normalize` turns raw bytes into events with their attachments in quarantine, `deliver` sends
//! replies and tells what became of them. The rules an adapter keeps are C1 to C13 of `docs/adapter-spec.md`, and tests in
//! `adapter-testkit`.

mod adapter;
mod any;
mod clean;
mod cli;
mod clock;
mod deliver;
mod directory;
mod door;
mod error;
mod folder;
pub mod form;
mod forward;
mod halves;
mod normalize;
pub mod odd;
mod order;
mod poll;
mod probe;
mod pulse;
mod receipts;
mod recorded;
mod replay;
mod request;
mod run;
mod server;
mod settings;
mod split;
pub mod spool;
mod telemetry;
mod webhook;

#[cfg(test)]
mod power;

pub use self::settings::{BusSettings, DoorSettings, Durability, HttpSettings, Settings, SpoolSettings};
pub use ::settings::{LogFormat, LogSettings, Secret, Size};
pub use adapter::{Adapter, Batch, EitherWay, Item, Pages, Poll, Sent, Webhook};
pub use clean::without_numbers;
pub use cli::{either_way, pages, poll, webhook};
pub use door::{Door, DoorError};
pub use error::{ConfigError, FetchError, ParseError, Refused, ReplayError, RunError, SendError};
pub use folder::Folder;
pub use halves::{Half, Halves};
pub use probe::{Finding, State};
pub use recorded::NotRecorded;
pub use replay::{Replay, Replayed};
pub use request::{Answer, Request};
pub use run::{Running, probe, replay, run_pages, run_poll, run_webhook, start_pages, start_poll, start_webhook};
pub use split::split;
pub use webhook::webhook_routes;

pub use axum;
pub use bus::{Expiry, Stop};
pub use bytes::Bytes;
pub use model::{
    self, AdapterName, Address, Attachment, AttachmentKind, Audience, BoxError, Category, Channel, ClerkToken, Content, DoorDirectory,
    Event, Inbound, Language, Menu, MessageKey, Notice, NoticeState, Point, Proof, Raw, Receipt, ReceiptState, Reference, RemoteMedia,
    Reply, ReplyFile, ReplyId, ReplyKind, ReplyTo, Site, Timestamp, TraceId, TrackingCode, Visibility,
};
pub use outgoing::{self, Http, HttpError, Response};
