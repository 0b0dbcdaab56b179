//! A proxy that a test puts on a wire to hold it or cut it.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Passes TCP through until told otherwise. Ends with the runtime of the test.
pub struct Proxy {
    /// Where to connect instead of the real server.
    pub address: SocketAddr,
    hold_requests: Arc<AtomicBool>,
    open: Arc<AtomicUsize>,
    cut: watch::Sender<bool>,
}

impl Proxy {
    /// Starts passing connections on to `server`.
    pub async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let hold_requests = Arc::new(AtomicBool::new(false));
        let (cut, cut_seen) = watch::channel(false);
        let open = Arc::new(AtomicUsize::new(0));
        let (hold, count) = (Arc::clone(&hold_requests), Arc::clone(&open));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (hold, count, cut) = (Arc::clone(&hold), Arc::clone(&count), cut_seen.clone());
                tokio::spawn(async move {
                    count.fetch_add(1, Ordering::SeqCst);
                    pass(client, server, hold, cut).await;
                    count.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, hold_requests, open, cut }
    }

    /// From now on what the client sends stays here, while it still hears the server: an acknowledgement that never arrives.
    pub fn hold_requests(&self) {
        self.hold_requests.store(true, Ordering::SeqCst);
    }

    /// Drops every connection, what it holds included, and refuses new ones until [`Proxy::mend`].
    pub async fn cut(&self) {
        self.cut.send_replace(true);
        while self.open.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Lets everything through again.
    pub fn mend(&self) {
        self.hold_requests.store(false, Ordering::SeqCst);
        self.cut.send_replace(false);
    }
}

async fn pass(client: TcpStream, server: SocketAddr, hold: Arc<AtomicBool>, mut cut: watch::Receiver<bool>) {
    if *cut.borrow() {
        return;
    }
    let Ok(server) = TcpStream::connect(server).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = async move {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
            while hold.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            if to_server.write_all(&buffer[..read]).await.is_err() {
                break;
            }
        }
    };
    let down = async move {
        let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
    };
    tokio::select! {
        () = up => {}
        () = down => {}
        _ = cut.wait_for(|cut| *cut) => {}
    }
}
