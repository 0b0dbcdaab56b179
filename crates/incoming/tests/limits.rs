//! Connections as strangers make them.

use std::{future::pending, net::SocketAddr, time::Duration};

use axum::{Router, extract::ConnectInfo, routing::get};
use incoming::{Limits, serve};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot, watch},
    time::timeout,
};

/// Of a machine that does much else: nothing here is timed, it comes or it does not.
const PATIENCE: Duration = Duration::from_mins(1);
const ASK: &[u8] = b"GET /who HTTP/1.1\r\nhost: x\r\n\r\n";

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

fn routes() -> Router {
    Router::new().route("/who", get(async |ConnectInfo(caller): ConnectInfo<SocketAddr>| caller.to_string()))
}

async fn until(stream: &mut TcpStream, words: &str) -> String {
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains(words) {
        let read = timeout(PATIENCE, stream.read_buf(&mut said)).await.expect("it answers").expect("the line holds");
        assert!(read > 0, "the line was cut after: {}", String::from_utf8_lossy(&said));
    }
    String::from_utf8_lossy(&said).into_owned()
}

/// Whether the other side hangs up, whatever it says before.
async fn is_cut(stream: &mut TcpStream) -> bool {
    let mut said = Vec::new();
    matches!(timeout(PATIENCE, stream.read_to_end(&mut said)).await, Ok(Ok(_)))
}

#[tokio::test]
async fn handlers_know_who_calls_and_a_line_serves_more_than_once() {
    let (listener, address) = listener().await;
    tokio::spawn(serve(listener, routes(), Limits::default(), pending()));
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let own = stream.local_addr().expect("an address").to_string();
    for _ in 0..2 {
        stream.write_all(ASK).await.expect("the line holds");
        until(&mut stream, &own).await;
    }
}

#[tokio::test]
async fn who_says_nothing_or_never_ends_is_cut() {
    let (listener, address) = listener().await;
    let limits = Limits { head: Duration::from_millis(200), ..Limits::default() };
    tokio::spawn(serve(listener, routes(), limits, pending()));
    let mut silent = TcpStream::connect(address).await.expect("it listens");
    let mut slow = TcpStream::connect(address).await.expect("it listens");
    slow.write_all(b"GET /who HTTP/1.1\r\nx-a: ").await.expect("the line holds");
    assert!(is_cut(&mut silent).await && is_cut(&mut slow).await);
}

#[tokio::test]
async fn the_next_one_is_served_when_one_leaves() {
    let (listener, address) = listener().await;
    tokio::spawn(serve(listener, routes(), Limits { connections: 1, ..Limits::default() }, pending()));
    let mut first = TcpStream::connect(address).await.expect("it listens");
    first.write_all(ASK).await.expect("the line holds");
    until(&mut first, "200 OK").await;
    let mut second = TcpStream::connect(address).await.expect("the system's own queue takes it");
    second.write_all(ASK).await.expect("the system takes it");
    drop(first);
    until(&mut second, "200 OK").await;
}

#[tokio::test]
async fn what_is_under_way_is_answered_at_the_end() {
    let (listener, address) = listener().await;
    let (begun, mut has_begun) = mpsc::channel(1);
    let (go, may_go) = watch::channel(false);
    let slow = move || {
        let (begun, mut may_go) = (begun.clone(), may_go.clone());
        async move {
            begun.send(()).await.expect("the test waits");
            may_go.changed().await.expect("the test says so");
            "late"
        }
    };
    let routes = Router::new().route("/slow", get(slow));
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(serve(listener, routes, Limits::default(), async move { stopped.await.unwrap_or_default() }));
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("the line holds");
    has_begun.recv().await.expect("the handler begins");
    stop.send(()).expect("it serves");
    go.send(true).expect("the handler waits");
    until(&mut stream, "late").await;
    timeout(PATIENCE, served).await.expect("it ends").expect("without a panic");
}
