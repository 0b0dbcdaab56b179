//! HTTP in: what every listener of ours does alike. Whoever says nothing, or says it byte by byte, holds nobody up.

mod rate;

use std::{future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Extension, Router, extract::ConnectInfo};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tower::Layer;
use tracing::{debug, warn};

pub use rate::Rate;

/// Before the next connection is taken when the machine has no handle for it.
const PAUSE: Duration = Duration::from_secs(1);

/// How long what is under way may take at the end: there are those who never end.
const GRACE: Duration = Duration::from_secs(10);

/// How much strangers get before they said anything.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the first moment, or from the last answer, to the end of a request's head. A line that is kept open in between is closed after this too.
    pub head: Duration,
    /// Connections at once. More wait until the system's own queue is full, and are refused then.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { head: Duration::from_secs(30), connections: 4096 }
    }
}

/// Serves until `stop`, then lets what is under way end. Handlers find who is calling in [`ConnectInfo<SocketAddr>`].
pub async fn serve(listener: TcpListener, routes: Router, limits: Limits, stop: impl Future<Output = ()>) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head);
    let room = Arc::new(Semaphore::new(limits.connections));
    let under_way = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let (stream, caller, place) = tokio::select! {
            biased;
            () = &mut stop => break,
            next = next(&listener, &room) => next,
        };
        let service = TowerToHyperService::new(Extension(ConnectInfo(caller)).layer(routes.clone()));
        let connection = under_way.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                // Theirs: a line that broke, or words that are no HTTP.
                debug!("A connection ended badly: {error}.");
            }
            drop(place);
        });
    }
    drop(listener);
    if timeout(GRACE, under_way.shutdown()).await.is_err() {
        warn!("Requests were still under way at the end; who sent them comes again.");
    }
}

/// The next connection, once there is room for it.
async fn next(listener: &TcpListener, room: &Arc<Semaphore>) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let place = room.clone().acquire_owned().await.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, caller)) => {
                // An answer is one write; it need not wait for company.
                let _ = stream.set_nodelay(true);
                return (stream, caller, place);
            }
            // It broke before we took it.
            Err(error) if is_theirs(&error) => {}
            Err(error) => {
                warn!("Cannot take a connection: {error}.");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn is_theirs(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}
