//! The only crate that knows NATS: four streams, one place that acknowledges, and a few key-value buckets.
//!
//! ```text
//!  an adapter                                                                     the core
//!  door ──publish_raw──► RAW ──consume(Raw)──► normalize ──publish_event──► EVENTS ──consume_batch──► intake
//!  deliver ◄──────consume(Replies)────── REPLIES ◄──────publish_reply────── dispatch
//!           whatever no handler can take ──► PARKED ──► a person ──retry_parked──► back where it came from
//! ```
//!
//! | Stream | Subject | Read by | Message id | Kept |
//! |---|---|---|---|---|
//! | RAW | `raw.<adapter>` | that adapter, durable `normalize-<adapter>` | hash of adapter, query and body | 14 days, for replay |
//! | EVENTS | `events.<adapter>` | the core, durable `intake` | hash of the message's key, or of reply and state | until acknowledged |
//! | REPLIES | `replies.<adapter>` | that adapter, durable `deliver-<adapter>` | the reply's id | until acknowledged |
//! | PARKED | `parked.<stream>.<adapter>` | people | a fresh one | 90 days |
//! | FILES | `files.<adapter>.part.<id>.<n>` | that adapter, by subject | none | 7 days |
//!
//! Key-value buckets: `cursor` (where pollers stand), `sent` (reply to platform's id, 30 days), `announced` (which adapters live), `directory`
//! (what adapters with pages need for their forms). Object store: `quarantine` (attachments, 14 days). [`Bus::ensure`] creates all of them; the
//! core calls it when it starts, and everybody else waits for it.
//!
//! # What is promised
//!
//! - **At least once.** A message is acknowledged after its handler said `Ok`, never before, and by nobody else: handlers have nothing to
//!   acknowledge with. After a crash it comes again, so handlers recognise what they have done (by `MessageKey`, by `Bus::sent`).
//! - **[`Accepted`] means that the server has it.** The same message again within [`DUPLICATE_WINDOW`] is [`Accepted::Duplicate`], which makes repeating
//!   an unanswered publish harmless, and that is the right thing to do: an answer that did not come says nothing about what happened. A single
//!   server acknowledges before it syncs its disk; doors that must survive a power cut keep a spool of their own, or there are three
//!   replicas.
//! - **Nothing is dropped** that somebody would miss. Streams refuse what is new when they are full ([`BusError::Full`]), but for FILES and `sent`, whose oldest
//!   goes: it costs an answer its photo, or sends one twice. What fails twenty times, over some five hours, is set
//!   aside with its bytes and its reason, and so is at once what cannot be read. [`Bus::keep_house`] removes from RAW what was read, before RAW
//!   is full.
//! - **One bad message holds nobody up.** It waits for its next attempt while others pass; in a batch it is settled by its own, and what keeps failing
//!   comes alone.
//! - **An outage behind the handlers costs few attempts.** When fresh messages fail one after the other, reading slows down to one message and a
//!   pause, and the first success ends that. A handler may also simply wait: as long as it runs, the message stays ours.
//! - **The server may come and go.** [`Bus::connect`] waits for it, the connection comes back by itself, consumers go on. Meanwhile publishes answer
//!   [`BusError::Unavailable`] after a few seconds, for the caller to repeat.
//! - **Order is not promised**, least of all across retries.
//! - **Size does not matter for raw messages.** What does not fit one message travels in parts beside it. Attachments never ride in messages:
//!   [`Bus::put_blob`].
//! - **A credential of its own shows an adapter only what is its own**: [`accounts`] writes the lines for the server's configuration.
//!
//! The trace of a message travels in a W3C `traceparent` header; no header and no subject holds personal data.
//!
//! # In use
//!
//! ```no_run
//! use bus::{Bus, BusConfig, Delivery, Queue, Stop};
//! use model::{Event, Failure};
//!
//! # async fn record(_: Event) -> Result<(), std::io::Error> { Ok(()) }
//! # async fn example() -> Result<(), bus::BusError> {
//! let config = BusConfig { url: "nats://127.0.0.1:4222".into(), user: None, password: None, key: None, name: "intake".into(), replicas: 1 };
//! let bus = Bus::connect(&config).await?;
//! bus.ensure().await?;
//! let stop = Stop::new(); // cancelled by a signal
//! bus.consume(Queue::Events, stop, 16, |delivery: Delivery<Event>| async move {
//!     // Ok: committed, so it may be acknowledged.
//!     record(delivery.item).await.map_err(Failure::retry)
//! })
//! .await
//! # }
//! ```
//!
//! How fast it is here: `cargo run --release -p bus --example throughput`.

pub mod accounts;
mod announcing;
mod archive;
mod backlog;
mod blobs;
mod connect;
mod consume;
mod directory;
mod error;
mod files;
mod house;
mod keys;
mod ledger;
pub mod parked;
mod parts;
mod permissions;
mod publish;
mod redirected;
mod replay;
mod server;
mod streams;
mod turn;

pub use accounts::{Credential, Who};
pub use announcing::{AccountPulse, Announcement, Expiry, MISSING_AFTER};
pub use archive::{Archive, ArchiveError, ReadTo};
pub use backlog::Backlog;
pub use connect::{Bus, BusConfig};
pub use consume::{Delivery, Queue};
pub use error::BusError;
pub use house::Fill;
pub use ledger::{DoorNumber, Entry, LedgerReader, What};
pub use parked::Parked;
pub use permissions::Permissions;
pub use publish::{Accepted, message_name, raw_hash};
pub use replay::RawReader;
pub use streams::DUPLICATE_WINDOW;
/// Tells loops to stop: cancel it once, clone it freely.
pub use tokio_util::sync::CancellationToken as Stop;
