//! A connection on which nothing comes any more, and nobody says so: a firewall was started again, a machine lost its power.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use servers::testing;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
};

const SOCKET: &str = ".s.PGSQL.5432";
const PATIENCE: Duration = Duration::from_mins(1);

/// Passes connections on. Where something is said once `dead` is set, nobody hears it, for ever; the next connection lives.
async fn pass_on(here: UnixListener, there: PathBuf, dead: Arc<AtomicBool>) {
    while let Ok((client, _)) = here.accept().await {
        let Ok(server) = UnixStream::connect(&there).await else { continue };
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let dead = dead.clone();
        let up = async move {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
                if dead.swap(false, SeqCst) {
                    std::future::pending::<()>().await;
                }
                if to_server.write_all(&buffer[..read]).await.is_err() {
                    break;
                }
            }
        };
        let down = async move {
            let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
        };
        tokio::spawn(async move {
            tokio::select! {
                () = up => {}
                () = down => {}
            }
        });
    }
}

#[tokio::test]
async fn a_connection_that_carries_nothing_any_more_gives_its_place_back() {
    let database = testing::empty_database().await;
    let folder = tempfile::tempdir().expect("a folder");
    let there = testing::socket_folder().expect("PostgreSQL runs").join(SOCKET);
    let dead = Arc::new(AtomicBool::new(false));
    let here = UnixListener::bind(folder.path().join(SOCKET)).expect("a socket");
    tokio::spawn(pass_on(here, there, dead.clone()));
    let url = format!("postgres://muara@localhost/{}?host={}", database.name(), folder.path().display());
    // The only place of the pool.
    let db = store::connect(&url, 1).await.expect("a database");
    let tx = store::begin(&db).await.expect("a transaction");
    dead.store(true, SeqCst);
    drop(tx); // what it says now, nobody hears
    let since = Instant::now();
    while let Err(error) = store::begin(&db).await {
        assert!(since.elapsed() < PATIENCE, "the place is still taken: {error}");
    }
    assert!(!dead.load(SeqCst), "the connection died");
}
