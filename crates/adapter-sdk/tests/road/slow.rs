//! Bodies that come slowly, over real connections from several network addresses.

use std::{net::SocketAddr, time::Duration};

use futures::future::join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::world::{PATIENCE, World};

/// The largest body that the worlds' doors take.
const BODY: usize = 64 * 1024;

/// A connection of 127.0.0.`who`, on which a request stands up to the last byte of its body.
async fn all_but_one(door: SocketAddr, who: u8, token: &str, body: &[u8]) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from(([127, 0, 0, who], 0))).expect("an address of this machine");
    let mut line = socket.connect(door).await.expect("a connection");
    let head = format!("POST /webhook HTTP/1.1\r\nhost: door\r\nx-token: {token}\r\ncontent-length: {}\r\n\r\n", body.len());
    line.write_all(head.as_bytes()).await.expect("is taken");
    line.write_all(&body[..body.len() - 1]).await.expect("is taken");
    line
}

/// The status of the answer.
async fn status(line: &mut TcpStream) -> String {
    let mut head = [0; 12];
    tokio::time::timeout(PATIENCE, line.read_exact(&mut head)).await.expect("an answer in time").expect("an answer");
    String::from_utf8_lossy(&head[9..]).into_owned()
}

async fn says(door: SocketAddr, who: u8, token: &str, body: &[u8]) -> String {
    let mut line = all_but_one(door, who, token, body).await;
    line.write_all(&body[body.len() - 1..]).await.expect("is taken");
    status(&mut line).await
}

/// A message that fills a body.
fn large(id: usize) -> Vec<u8> {
    let message = |text: &str| format!(r#"{{"messages":[{{"id":"m{id}","text":"{text}"}}]}}"#);
    message(&"x".repeat(BODY - message("").len())).into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_bodies_of_one_address_hold_up_no_other_and_are_ended() {
    let world = World::with_webhook().await;
    let door = world.address.expect("an open door");
    // Together more than all the memory that strangers have, nearly all of it from one address.
    let mut slow = Vec::new();
    for n in 0..270 {
        slow.push(all_but_one(door, if n < 250 { 2 } else { 4 }, "guess", &large(n)).await);
    }
    assert_eq!(says(door, 3, "word", &large(1001)).await, "200", "another one has its own share");
    world.until("the message", |world| world.messages() == ["m1001"]).await;
    assert_eq!(status(&mut slow[0]).await, "408");
    drop(slow);
    tokio::time::timeout(PATIENCE, async {
        while says(door, 2, "word", &large(1002)).await != "200" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("what is over is given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platforms_burst_from_one_address_passes_whole() {
    let world = World::with_webhook().await;
    let door = world.address.expect("an open door");
    let first = join_all((0..64).map(|n| async move { says(door, 2, "word", &large(n)).await })).await;
    assert!(first.iter().all(|status| status == "200"), "also before it proved itself: {first:?}");
    // Twice the share of an address, all of it there at the same time.
    let mut burst = join_all((64..192).map(|n| async move { all_but_one(door, 2, "word", &large(n)).await })).await;
    let answers = join_all(burst.iter_mut().map(|line| async move {
        line.write_all(b"}").await.expect("is taken");
        status(line).await
    }))
    .await;
    assert!(answers.iter().all(|status| status == "200"), "{answers:?}");
    world.until("all of them", |world| world.messages().len() == 192).await;
}
