//! Servers for tests: a fresh database for each test, a NATS server of its own.
//!
//! # One PostgreSQL for a test process
//!
//! The first test that asks starts a server in the folder for temporary files, with syncing off; the others share it. A test program is one
//! process under `cargo test`, so that is one start of about a second for each; `cargo xtask test` starts one server for the whole run and
//! names its socket's folder in `MUARA_TEST_POSTGRES`, because under nextest every test is a process. Nothing is shared between runs, so nothing can be
//! stale, and nothing is left behind: the server gets its death signal when the process ends, and a broom (a shell that waits
//! for the end of a pipe that we hold, see [`Scratch`]) then removes the folder.
//!
//! # One template, many copies
//!
//! [`database`] prepares a database once by name (migrations, starting data) and copies it for each test, which takes about 30 ms; dropping
//! the [`TestDatabase`] drops the copy. Whoever comes first prepares, under a lock in the server, and the others wait.

use std::{
    env,
    fmt::Display,
    fs::Permissions,
    ops::{Deref, DerefMut},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use crate::{
    Durability, Error, Nats, NatsOptions, Postgres, PostgresOptions,
    error::Doing,
    postgres::{session, url},
    session::{Session, quoted},
};

/// Any number: the key of the lock under which templates are made.
const TEMPLATES: u32 = 715_001;

/// A database of one test. Dropped from the server when the value is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    run: PathBuf,
    name: String,
}

impl TestDatabase {
    /// The address of the database.
    pub fn url(&self) -> String {
        url(&self.run, &self.name)
    }

    /// The name of the database.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // Connections that a test left open do not hinder it, and a server that is gone took the database with it.
        let drop = || session(&self.run, "postgres")?.ask(&format!("drop database if exists {} with (force)", quoted(&self.name)));
        let _ = drop();
    }
}

/// A fresh database, copied from the template called `template`. Where there is none yet, `prepare` fills it: it gets the address of an
/// empty database and must close its connections.
///
/// ```no_run
/// # async fn migrate(url: String) -> Result<(), std::io::Error> { Ok(()) }
/// # async fn example() {
/// let database = servers::testing::database("migrated", migrate).await;
/// let url = database.url();
/// # }
/// ```
///
/// # Panics
///
/// When the server cannot be started or `prepare` fails: a test cannot go on.
pub async fn database<F, P, E>(template: &str, prepare: F) -> TestDatabase
where
    F: FnOnce(String) -> P,
    P: Future<Output = Result<(), E>>,
    E: Display,
{
    let run = socket_folder().unwrap_or_else(|problem| panic!("no PostgreSQL for the tests: {problem}"));
    let template = format!("template_{template}");
    if let Err(problem) = make_template(&run, &template, prepare).await {
        panic!("cannot prepare the database {template}: {problem}");
    }
    copy(&run, &template).unwrap_or_else(|problem| panic!("cannot copy the database {template}: {problem}"))
}

/// A database with nothing in it, for tests that migrate by themselves.
///
/// # Panics
///
/// When the server cannot be started.
pub async fn empty_database() -> TestDatabase {
    database("empty", |_| async { Ok::<(), Error>(()) }).await
}

async fn make_template<F, P, E>(run: &Path, template: &str, prepare: F) -> Result<(), String>
where
    F: FnOnce(String) -> P,
    P: Future<Output = Result<(), E>>,
    E: Display,
{
    let mut session = session(run, "postgres").map_err(|problem| problem.to_string())?;
    let mut ask = |statement: &str| session.ask(statement).map_err(|problem| problem.to_string());
    let known = format!("select 1 from pg_database where datname = '{template}'");
    if !ask(&known)?.is_empty() {
        return Ok(());
    }
    // Asked again and again rather than waited for: the one who holds the lock may be another task of this very thread.
    while ask(&format!("select pg_try_advisory_lock({TEMPLATES})"))? != [["t"]] {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    if !ask(&known)?.is_empty() {
        return Ok(());
    }
    let fresh = format!("{template}_fresh");
    ask(&format!("drop database if exists {} with (force)", quoted(&fresh)))?;
    ask(&format!("create database {}", quoted(&fresh)))?;
    prepare(url(run, &fresh)).await.map_err(|problem| problem.to_string())?;
    ask(&format!("alter database {} allow_connections false", quoted(&fresh)))?;
    ask(&format!("select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '{fresh}'"))?;
    ask(&format!("alter database {} rename to {}", quoted(&fresh), quoted(template)))?;
    // The lock goes with the session.
    Ok(())
}

fn copy(run: &Path, template: &str) -> Result<TestDatabase, Error> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let database = TestDatabase { run: run.to_owned(), name };
    let mut session: Session = session(run, "postgres")?;
    session.ask(&format!("create database {} template {}", quoted(&database.name), quoted(template)))?;
    Ok(database)
}

/// The folder of the socket of the server that tests share, started at the first call.
pub fn socket_folder() -> Result<PathBuf, Error> {
    static SERVER: Mutex<Option<Shared>> = Mutex::new(None);
    if let Some(run) = env::var_os("MUARA_TEST_POSTGRES") {
        return Ok(run.into());
    }
    let mut server = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(shared) = &*server {
        return Ok(shared.postgres.socket_folder().to_owned());
    }
    let shared = Shared::start()?;
    Ok(server.insert(shared).postgres.socket_folder().to_owned())
}

/// A PostgreSQL for tests whose folder goes with the process.
#[derive(Debug)]
pub struct Shared {
    postgres: Postgres,
    _folder: Scratch,
}

impl Shared {
    /// Starts a server with syncing off in a folder for temporary files.
    pub fn start() -> Result<Shared, Error> {
        let folder = Scratch::new()?;
        let options = PostgresOptions { durability: Durability::Throwaway, ..PostgresOptions::default() };
        let postgres = Postgres::start_with(folder.path(), &options)?;
        Ok(Shared { postgres, _folder: folder })
    }

    /// The folder of its socket: what `MUARA_TEST_POSTGRES` names.
    pub fn socket_folder(&self) -> &Path {
        self.postgres.socket_folder()
    }
}

/// A folder for temporary files that goes with the process too, however that ends: a static is not dropped, and `kill -9` drops nothing.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    broom: crate::Child,
}

/// Reads from us until we are gone, gives a database up to ten seconds to go too, and removes the folder until nobody writes to it any more.
const BROOM: &str = r#"cat
for _ in $(seq 100); do [ -e "$1/cluster/postmaster.pid" ] || break; sleep 0.1; done
for _ in $(seq 50); do rm -rf -- "$1"; sleep 0.05; [ -e "$1" ] || exit 0; done"#;

impl Scratch {
    /// Makes a folder that other users may enter, as the database's has to.
    pub fn new() -> Result<Scratch, Error> {
        let folder = tempfile::Builder::new().prefix("muara-test-").tempdir().doing(|| "make a folder for temporary files".to_owned())?;
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755))
            .doing(|| "open the folder for temporary files".to_owned())?;
        let mut command = Command::new("sh");
        command.args(["-c", BROOM, "broom"]).arg(folder.path()).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let broom = crate::spawn(command).doing(|| "start the shell that cleans up".to_owned())?;
        Ok(Scratch { path: folder.keep(), broom })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.broom.finish();
    }
}

/// A NATS server of one test, with its folder.
#[derive(Debug)]
pub struct TestNats {
    nats: Nats,
    _folder: Scratch,
}

impl Deref for TestNats {
    type Target = Nats;
    fn deref(&self) -> &Nats {
        &self.nats
    }
}

impl DerefMut for TestNats {
    fn deref_mut(&mut self) -> &mut Nats {
        &mut self.nats
    }
}

/// A NATS server with JetStream on a free port; its folder goes with it. Starting takes about 30 ms, so each test can have its own.
///
/// # Panics
///
/// When there is no nats-server, with a sentence that says what to do.
pub fn nats() -> TestNats {
    nats_with(NatsOptions::default())
}

/// [`nats`] with options.
///
/// # Panics
///
/// As [`nats`].
pub fn nats_with(options: NatsOptions) -> TestNats {
    let start = || {
        let folder = Scratch::new()?;
        Ok::<_, Error>(TestNats { nats: Nats::start(folder.path(), options)?, _folder: folder })
    };
    start().unwrap_or_else(|problem| panic!("no NATS for the tests: {problem}"))
}
