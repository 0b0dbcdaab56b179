//! A private PostgreSQL and a private NATS server as supervised children, for one machine and for tests.
//!
//! Nothing here is needed where an installation brings its own servers: this is for `muara all` on one machine, for
//! `cargo xtask up` and for tests, which all use the real programs and none of them a stand-in.
//!
//! - [`Postgres`] makes a cluster in a folder when there is none, listens on a Unix socket only and lets in only the
//!   user who started it (peer authentication: no password exists that could leak).
//! - [`Nats`] listens on a loopback port, with JetStream in its folder.
//! - Both end when this process ends, however it ends: they are started through `setpriv --pdeathsig` from a thread that
//!   lives as long as the process. They have their own process group, so that Ctrl-C reaches us and we stop them in order.
//! - [`Postgres::supervise`] and [`Nats::supervise`] start a server again that died by itself.
//! - [`mail`] is a post office for tests: a real Dovecot and a real Exim.
//! - [`testing`] gives each test a fresh database in about 30 ms.
//!
//! Every call blocks: starting takes about a second the first time and a tenth of one later. Asynchronous callers that mind use
//! `spawn_blocking`.

mod child;
mod error;
mod find;
pub mod mail;
mod nats;
mod port;
mod postgres;
mod session;
mod supervise;
pub mod testing;

pub use child::{Child, go_behind_the_doors, spawn, tied};
pub use error::Error;
pub use find::{nats_program, postgres_programs, tools_folder};
pub use nats::{Nats, NatsOptions, Sync, USERS as NATS_USERS, set_users as set_nats_users};
pub use port::free_port;
pub use postgres::{Durability, Postgres, PostgresOptions, can_hold_postgres};
