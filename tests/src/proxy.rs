//! A proxy that a test puts on a wire to hold it, slow it or cut it.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::watch,
};

/// Passes a wire through until told otherwise. Ends with the runtime of the test.
pub struct Proxy {
    /// Where to connect instead of the real server; of a Unix socket nothing to connect to.
    pub address: SocketAddr,
    wire: Arc<Wire>,
    cut: watch::Sender<bool>,
}

#[derive(Default)]
struct Wire {
    hold_requests: AtomicBool,
    hold_answers: AtomicBool,
    slow_ms: AtomicU64,
    /// How many connections there were so far.
    born: AtomicU64,
    /// Nothing passes any more on those born before.
    forgotten: AtomicU64,
    open: AtomicUsize,
}

/// How long a held wire sleeps before it looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

impl Proxy {
    /// Starts passing connections on to `server`.
    pub async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (proxy, cut_seen) = Self::new(address);
        let wire = proxy.wire.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (wire, cut) = (wire.clone(), cut_seen.clone());
                tokio::spawn(wire.carry(client, TcpStream::connect(server), cut));
            }
        });
        proxy
    }

    /// Starts passing connections to the Unix socket `here` on to the one at `there`.
    pub fn start_before_socket(here: &Path, there: PathBuf) -> Self {
        let listener = UnixListener::bind(here).expect("the folder is ours");
        let (proxy, cut_seen) = Self::new(SocketAddr::from(([127, 0, 0, 1], 0)));
        let wire = proxy.wire.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (wire, cut, there) = (wire.clone(), cut_seen.clone(), there.clone());
                tokio::spawn(wire.carry(client, UnixStream::connect(there), cut));
            }
        });
        proxy
    }

    fn new(address: SocketAddr) -> (Self, watch::Receiver<bool>) {
        let (cut, cut_seen) = watch::channel(false);
        (Self { address, wire: Arc::default(), cut }, cut_seen)
    }

    /// From now on what the client sends stays here, while it still hears the server: an acknowledgement that never arrives.
    pub fn hold_requests(&self) {
        self.wire.hold_requests.store(true, Ordering::SeqCst);
    }

    /// From now on nothing passes, either way, and nobody is told: a cable that was pulled.
    pub fn hold(&self) {
        self.hold_requests();
        self.wire.hold_answers.store(true, Ordering::SeqCst);
    }

    /// Nothing passes any more on the connections that are open, for ever, and nobody is told; new ones work: what a firewall does that was
    /// started again.
    pub fn forget(&self) {
        self.wire.forgotten.store(self.wire.born.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// From now on everything the client sends takes so much longer.
    pub fn slow(&self, by: Duration) {
        self.wire.slow_ms.store(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// Drops every connection, what it holds included, and refuses new ones until [`Proxy::mend`].
    pub async fn cut(&self) {
        self.cut.send_replace(true);
        while self.wire.open.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Lets everything through again.
    pub fn mend(&self) {
        self.wire.hold_requests.store(false, Ordering::SeqCst);
        self.wire.hold_answers.store(false, Ordering::SeqCst);
        self.slow(Duration::ZERO);
        self.cut.send_replace(false);
    }
}

impl Wire {
    async fn carry<C, S, O>(self: Arc<Self>, client: C, open: O, cut: watch::Receiver<bool>)
    where
        C: AsyncRead + AsyncWrite,
        S: AsyncRead + AsyncWrite,
        O: Future<Output = std::io::Result<S>>,
    {
        self.open.fetch_add(1, Ordering::SeqCst);
        self.pass(client, open, cut).await;
        self.open.fetch_sub(1, Ordering::SeqCst);
    }

    async fn pass<C, S, O>(&self, client: C, open: O, mut cut: watch::Receiver<bool>)
    where
        C: AsyncRead + AsyncWrite,
        S: AsyncRead + AsyncWrite,
        O: Future<Output = std::io::Result<S>>,
    {
        if *cut.borrow() {
            return;
        }
        let number = self.born.fetch_add(1, Ordering::SeqCst);
        let Ok(server) = open.await else { return };
        let (from_client, to_client) = tokio::io::split(client);
        let (from_server, to_server) = tokio::io::split(server);
        tokio::select! {
            () = self.one_way(number, from_client, to_server, &self.hold_requests, true) => {}
            () = self.one_way(number, from_server, to_client, &self.hold_answers, false) => {}
            _ = cut.wait_for(|cut| *cut) => {}
        }
    }

    async fn one_way(&self, number: u64, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, hold: &AtomicBool, slow: bool) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            let by = self.slow_ms.load(Ordering::SeqCst);
            if slow && by > 0 {
                tokio::time::sleep(Duration::from_millis(by)).await;
            }
            while hold.load(Ordering::SeqCst) || number < self.forgotten.load(Ordering::SeqCst) {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            if to.write_all(&buffer[..read]).await.is_err() {
                break;
            }
        }
    }
}
