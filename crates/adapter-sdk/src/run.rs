//! From a kind of adapter to a running program.

use std::{net::SocketAddr, process::ExitCode};

use futures::{FutureExt, future::BoxFuture};

use crate::{Adapter, Pages, Poll, RunError, Settings, Stop, Webhook};

/// A running adapter.
pub struct Running {
    address: SocketAddr,
    end: BoxFuture<'static, Result<(), RunError>>,
}

impl Running {
    /// Where its server listens: with `listen = "127.0.0.1:0"` the port that the system chose.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Runs until it is stopped, and everything it began has ended.
    pub fn ended(self) -> BoxFuture<'static, Result<(), RunError>> {
        self.end
    }
}

/// The `main` of an adapter whose platform calls us.
pub fn webhook<A: Webhook>() -> ExitCode {
    ExitCode::FAILURE
}

/// The `main` of an adapter that calls its platform.
pub fn poll<A: Poll>() -> ExitCode {
    ExitCode::FAILURE
}

/// The `main` of an adapter with pages.
pub fn pages<A: Pages>() -> ExitCode {
    ExitCode::FAILURE
}

/// Opens the door and starts everything behind it; the future ends when the server listens. The bus may be away.
pub fn start_webhook<A: Webhook>(settings: Settings<A::Config>, stop: Stop) -> BoxFuture<'static, Result<Running, RunError>> {
    start::<A>(settings, stop)
}

/// As [`start_webhook`], for an adapter that calls its platform.
pub fn start_poll<A: Poll>(settings: Settings<A::Config>, stop: Stop) -> BoxFuture<'static, Result<Running, RunError>> {
    start::<A>(settings, stop)
}

/// As [`start_webhook`], for an adapter with pages.
pub fn start_pages<A: Pages>(settings: Settings<A::Config>, stop: Stop) -> BoxFuture<'static, Result<Running, RunError>> {
    start::<A>(settings, stop)
}

/// Runs until `stop`.
pub fn run_webhook<A: Webhook>(settings: Settings<A::Config>, stop: Stop) -> BoxFuture<'static, Result<(), RunError>> {
    until_the_end(start_webhook::<A>(settings, stop))
}

/// Runs until `stop`.
pub fn run_poll<A: Poll>(settings: Settings<A::Config>, stop: Stop) -> BoxFuture<'static, Result<(), RunError>> {
    until_the_end(start_poll::<A>(settings, stop))
}

/// Runs until `stop`.
pub fn run_pages<A: Pages>(settings: Settings<A::Config>, stop: Stop) -> BoxFuture<'static, Result<(), RunError>> {
    until_the_end(start_pages::<A>(settings, stop))
}

fn until_the_end(start: BoxFuture<'static, Result<Running, RunError>>) -> BoxFuture<'static, Result<(), RunError>> {
    async move { start.await?.ended().await }.boxed()
}

fn start<A: Adapter>(settings: Settings<A::Config>, stop: Stop) -> BoxFuture<'static, Result<Running, RunError>> {
    let _ = (settings, stop);
    unimplemented!()
}
