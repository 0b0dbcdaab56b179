//! Forms over bad lines, over real connections from several network addresses.

use std::{net::SocketAddr, time::Duration};

use adapter_sdk::{Adapter, Settings, Stop, start_pages};
use adapter_web::Web;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

const ID: &str = "0f8b2c1e-5d7a-4c3e-9b1a-2f6d8e4c7a90";
const KIB: usize = 1024;

/// A form with a photo of so many bytes, as a browser writes it.
fn form(photo: usize) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in [("kiriman", ID), ("bahasa", "id"), ("isi", "Lubang di Jalan Melati"), ("tampil", "hidden")] {
        body.extend(format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
    }
    body.extend(
        b"--b\r\ncontent-disposition: form-data; name=\"foto\"; filename=\"a.jpg\"\r\ncontent-type: image/jpeg\r\n\r\n\xff\xd8\xff\xe0",
    );
    body.resize(body.len() + photo, b'x');
    body.extend(b"\r\n--b--\r\n");
    body
}

/// A connection of 127.0.0.`who` that announced a form.
async fn begins(door: SocketAddr, who: u8, length: usize) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from(([127, 0, 0, who], 0))).expect("an address of this machine");
    let mut line = socket.connect(door).await.expect("a connection");
    let head = format!(
        "POST / HTTP/1.1\r\nhost: form\r\nconnection: close\r\ncontent-type: multipart/form-data; boundary=b\r\ncontent-length: {length}\r\n\r\n"
    );
    line.write_all(head.as_bytes()).await.expect("is taken");
    line
}

async fn answer(mut line: TcpStream) -> String {
    let mut answer = Vec::new();
    let reading = line.read_to_end(&mut answer);
    tokio::time::timeout(Duration::from_mins(1), reading).await.expect("an answer in time").expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_but_honest_line_gets_its_photo_through_while_others_hold_all_that_they_may() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let more = format!(
        "[bus]\nurl = 'nats://127.0.0.1:1'\n[door]\nlisten = '127.0.0.1:0'\nmax_body = '1 MiB'\n[spool]\nfolder = '{}'\n[adapter]\nmemory = '4 MiB'\n",
        folder.path().join("spool").display()
    );
    let settings = Settings::<<Web as Adapter>::Config>::layered(&[Web::DEFAULTS, &more]).expect("settings");
    let stop = Stop::new();
    let door = start_pages::<Web>(settings, stop.clone()).await.expect("an open door");
    let address = door.address();
    // Five times what the door's memory holds, each body all but its end.
    let whole = form(1000 * KIB);
    let mut held = Vec::new();
    for _ in 0..20 {
        let mut line = begins(address, 2, whole.len()).await;
        line.write_all(&whole[..whole.len() - 1]).await.expect("is taken");
        held.push(line);
    }
    // Some 90 kB/s of a cheap phone in pieces of a packet, with a dead spot.
    let photo = form(300 * KIB);
    let mut honest = begins(address, 3, photo.len()).await;
    for (nth, piece) in photo.chunks(1400).enumerate() {
        honest.write_all(piece).await.expect("is taken");
        tokio::time::sleep(if nth == 100 { Duration::from_secs(2) } else { Duration::from_millis(15) }).await;
    }
    let taken = answer(honest).await;
    assert!(taken.starts_with("HTTP/1.1 303"), "{taken}");
    drop(held);
    stop.cancel();
    door.ended().await.expect("it ends well");
}
