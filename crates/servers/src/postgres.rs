//! A private PostgreSQL: made in a folder when there is none, reached by a Unix socket only.

use std::{
    fs::{self, Permissions},
    hash::{DefaultHasher, Hash, Hasher},
    os::unix::{
        ffi::OsStrExt,
        fs::{PermissionsExt, chown},
    },
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use std::os::unix::process::CommandExt;

use crate::{
    Child, Error,
    child::{Claim, LOOK_AGAIN, last_words, output, spawn, tied_behind},
    error::Doing,
    find::{self, PostgresPrograms},
    session::{Session, quoted},
    supervise::{Server, Watch},
};

/// The database user, and its only one.
pub(crate) const USER: &str = "muara";
const NAME: &str = "PostgreSQL";
/// The port is only part of the socket's name: nothing listens on TCP.
const SOCKET: &str = ".s.PGSQL.5432";
/// The longest path of a Unix socket on Linux is 107 bytes.
const LONGEST_SOCKET: usize = 107;
/// A server that was killed may have to read a lot of its log again before it answers.
const PATIENCE: Duration = Duration::from_mins(5);
/// A fast shutdown writes a checkpoint; past this it is killed, and the next start reads the log again.
const SHUTDOWN: Duration = Duration::from_mins(1);

/// Whether what is committed survives a power cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Every commit is on the disk before it is answered.
    #[default]
    Durable,
    /// For tests: nothing is synced to the disk.
    Throwaway,
}

/// How to start a private PostgreSQL.
#[derive(Clone, Debug, Default)]
pub struct PostgresOptions {
    /// The folder of PostgreSQL's programs; found when not given.
    pub programs: Option<PathBuf>,
    /// Whether commits are synced.
    pub durability: Durability,
    /// More settings, as `("work_mem", "16MB")`.
    pub settings: Vec<(String, String)>,
}

/// A private PostgreSQL server. Stops when dropped.
#[derive(Debug)]
pub struct Postgres {
    watch: Option<Watch>,
    cluster: Arc<Mutex<Cluster>>,
    run: PathBuf,
}

impl Postgres {
    /// Starts the server whose data are in `folder`, and makes them when there are none. Waits until it answers.
    pub fn start(folder: &Path) -> Result<Postgres, Error> {
        Postgres::start_with(folder, &PostgresOptions::default())
    }

    /// [`Postgres::start`] with options.
    pub fn start_with(folder: &Path, options: &PostgresOptions) -> Result<Postgres, Error> {
        let mut cluster = Cluster::open(folder, options)?;
        cluster.launch()?;
        let run = cluster.run.clone();
        Ok(Postgres { watch: None, cluster: Arc::new(Mutex::new(cluster)), run })
    }

    /// From now on, starts the server again when it ends by itself.
    pub fn supervise(&mut self) {
        self.watch.get_or_insert_with(|| Watch::over(Arc::clone(&self.cluster)));
    }

    /// The address of a database, for every client that understands PostgreSQL's URLs. It holds no secret.
    pub fn url(&self, database: &str) -> String {
        url(&self.run, database)
    }

    /// The address of a database of the server that another process runs with its data in `folder`, whether it runs now or not.
    /// `None`: there is no such folder.
    pub fn url_in(folder: &Path, database: &str) -> Option<String> {
        let folder = fs::canonicalize(folder).ok()?;
        Some(url(&run_folder(&folder), database))
    }

    /// The folder of the socket, for `psql -h`.
    pub fn socket_folder(&self) -> &Path {
        &self.run
    }

    /// Makes a database. `false`: it was there already.
    pub fn create_database(&self, name: &str) -> Result<bool, Error> {
        let mut session = Session::open(&self.run.join(SOCKET), "postgres")?;
        let known = session.ask("select datname from pg_database")?;
        if known.iter().flatten().any(|known| known == name) {
            return Ok(false);
        }
        session.ask(&format!("create database {}", quoted(name)))?;
        Ok(true)
    }

    /// Runs SQL in a database, several statements too: all of them or none.
    pub fn execute(&self, database: &str, sql: &str) -> Result<(), Error> {
        session(&self.run, database)?.ask(sql).map(|_| ())
    }

    /// Stops the server cleanly: clients are disconnected, everything is written.
    pub fn stop(&mut self) {
        self.watch = None;
        self.cluster().stop();
    }

    /// Ends the server as a power cut would end it.
    pub fn kill9(&mut self) {
        self.cluster().kill();
    }

    /// Starts the server again after [`Postgres::stop`] or [`Postgres::kill9`], and waits until it answers.
    pub fn restart(&mut self) -> Result<(), Error> {
        let mut cluster = self.cluster();
        cluster.stop();
        cluster.launch()
    }

    /// Whether the server's process lives.
    pub fn running(&self) -> bool {
        self.cluster().process.as_mut().is_some_and(|process| process.ended().is_none())
    }

    fn cluster(&self) -> MutexGuard<'_, Cluster> {
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whether PostgreSQL can keep its data in this folder, which exists. As root it runs as another user, who has to be able to enter.
pub fn can_hold_postgres(folder: &Path) -> Result<(), Error> {
    let folder = fs::canonicalize(folder).doing(|| format!("find {}", folder.display()))?;
    Owner::find(&folder).map(|_| ())
}

/// The address of a database behind the socket in `run`.
pub(crate) fn url(run: &Path, database: &str) -> String {
    let folder: String = run.as_os_str().as_bytes().iter().map(|byte| percent(*byte)).collect();
    let database: String = database.bytes().map(percent).collect();
    format!("postgres://{USER}@localhost/{database}?host={folder}")
}

pub(crate) fn session(run: &Path, database: &str) -> Result<Session, Error> {
    Session::open(&run.join(SOCKET), database)
}

fn percent(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
}

/// Everything that does not change while the server comes and goes.
#[derive(Debug)]
struct Cluster {
    programs: PostgresPrograms,
    data: PathBuf,
    run: PathBuf,
    log: PathBuf,
    owner: Owner,
    settings: Vec<(String, String)>,
    process: Option<Child>,
    wanted: bool,
    _claim: Claim,
}

impl Server for Cluster {
    const NAME: &'static str = NAME;

    fn died(&mut self) -> bool {
        self.wanted && self.process.as_mut().is_none_or(|process| process.ended().is_some())
    }

    fn launch(&mut self) -> Result<(), Error> {
        self.wanted = true;
        self.wait_for_leftovers();
        self.make_run_folder()?;
        self.write_who_may_come()?;
        let until = Instant::now() + PATIENCE;
        loop {
            match self.launch_once(until) {
                Ok(()) => return Ok(()),
                // After a kill -9 the processes of connections need a moment to notice.
                Err(Error::Start { why, .. }) if why.contains("shared memory block") && Instant::now() < until => {
                    thread::sleep(LOOK_AGAIN);
                }
                Err(problem) => return Err(problem),
            }
        }
    }
}

impl Cluster {
    fn open(folder: &Path, options: &PostgresOptions) -> Result<Cluster, Error> {
        let claim = Claim::take(NAME, folder)?;
        let folder = fs::canonicalize(folder).doing(|| format!("find {}", folder.display()))?;
        let data = folder.join("cluster");
        let made_by = fs::read_to_string(data.join("PG_VERSION")).ok().and_then(|text| text.trim().parse().ok());
        let programs = find::postgres(options.programs.as_deref(), made_by)?;
        let owner = Owner::find(&folder)?;
        let run = run_folder(&folder);
        let log = folder.join("postgres.log");
        let mut cluster =
            Cluster { programs, data, run, log, owner, settings: settings(options), process: None, wanted: false, _claim: claim };
        if made_by.is_none() {
            cluster.make(&folder, options.durability)?;
        }
        Ok(cluster)
    }

    /// `initdb` into a folder beside, then renamed: a start that is cut off leaves nothing half made.
    fn make(&mut self, folder: &Path, durability: Durability) -> Result<(), Error> {
        let fresh = folder.join("cluster.new");
        if fresh.exists() {
            fs::remove_dir_all(&fresh).doing(|| format!("remove {}", fresh.display()))?;
        }
        self.owner.make_folder(&fresh)?;
        let mut command = self.owner.command(Command::new(self.programs.folder.join("initdb")));
        command.arg("--pgdata").arg(&fresh).args(["--username", USER, "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums"]);
        command.args(["--auth-local=peer", "--auth-host=reject"]);
        if durability == Durability::Throwaway {
            command.arg("--no-sync");
        }
        let output = command.output().doing(|| "run initdb".to_owned())?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr).trim().replace('\n', " / ");
            return Err(Error::Start { what: NAME, why });
        }
        fs::rename(&fresh, &self.data).doing(|| format!("rename {} to {}", fresh.display(), self.data.display()))
    }

    /// A supervisor that was killed took its server with it; that one may still be writing its last checkpoint.
    fn wait_for_leftovers(&self) {
        let until = Instant::now() + SHUTDOWN;
        while let Some(number) = self.pid_file().first().and_then(|line| line.parse::<u32>().ok()) {
            if !PathBuf::from(format!("/proc/{number}")).exists() || Instant::now() > until {
                break;
            }
            thread::sleep(LOOK_AGAIN);
        }
    }

    fn make_run_folder(&self) -> Result<(), Error> {
        self.owner.make_folder(&self.run)?;
        if self.owner.holds(&self.run)? {
            return Ok(());
        }
        Err(Error::Folder { what: NAME, folder: self.run.clone(), why: "it belongs to somebody else".to_owned() })
    }

    /// Only who started the server gets in, and the kernel vouches for who that is.
    fn write_who_may_come(&self) -> Result<(), Error> {
        let us = whoami()?;
        let map = format!("muara \"{us}\" {USER}\nmuara \"{}\" {USER}\n", self.owner.name.as_deref().unwrap_or(&us));
        for (file, text) in [("pg_hba.conf", format!("local all {USER} peer map=muara\n")), ("pg_ident.conf", map)] {
            let path = self.data.join(file);
            fs::write(&path, text).doing(|| format!("write {}", path.display()))?;
        }
        Ok(())
    }

    fn launch_once(&mut self, until: Instant) -> Result<(), Error> {
        let log = fs::File::create(&self.log).doing(|| format!("write {}", self.log.display()))?;
        let also = log.try_clone().doing(|| format!("write {}", self.log.display()))?;
        let mut command = self.owner.command(tied_behind(&self.programs.folder.join("postgres")));
        command.arg("-D").arg(&self.data).args(["-c", "listen_addresses="]);
        command.arg("-c").arg(format!("unix_socket_directories={}", self.run.display()));
        for (name, value) in &self.settings {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        command.stdin(std::process::Stdio::null()).stdout(log).stderr(also);
        let process = self.process.insert(spawn(command).doing(|| "start postgres".to_owned())?);
        let number = process.id().to_string();
        while Instant::now() < until {
            if let Some(status) = self.process.as_mut().and_then(Child::ended) {
                return Err(Error::Start { what: NAME, why: format!("{status}: {}", last_words(&self.log)) });
            }
            let lines = self.pid_file();
            if lines.first() == Some(&number) && lines.get(7).is_some_and(|status| status == "ready") {
                return Ok(());
            }
            thread::sleep(LOOK_AGAIN);
        }
        Err(Error::Start { what: NAME, why: format!("it did not answer within {} s: {}", PATIENCE.as_secs(), last_words(&self.log)) })
    }

    /// The server tells its number in the first line and its state in the eighth.
    fn pid_file(&self) -> Vec<String> {
        let text = fs::read_to_string(self.data.join("postmaster.pid")).unwrap_or_default();
        text.lines().map(|line| line.trim().to_owned()).collect()
    }

    fn stop(&mut self) {
        self.wanted = false;
        if let Some(mut process) = self.process.take() {
            process.stop(SHUTDOWN);
        }
        // Only where it is empty now, which it is after a clean stop; the next start makes it again.
        let _ = fs::remove_dir(&self.run);
    }

    fn kill(&mut self) {
        self.wanted = false;
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }
}

fn settings(options: &PostgresOptions) -> Vec<(String, String)> {
    // `jit` costs more than it saves on short statements.
    let mut settings = vec![("jit", "off"), ("log_timezone", "UTC"), ("timezone", "UTC")];
    if options.durability == Durability::Durable {
        // What is written in a rush stays in memory while it is written again, and whole pages go into the log three times less often
        // (docs/operations.md names the same for a server of the admin's own). Memory is taken as data come, disk as the log grows.
        settings.extend([("shared_buffers", "256MB"), ("max_wal_size", "2GB"), ("checkpoint_timeout", "15min")]);
    } else {
        settings.extend([("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off"), ("autovacuum", "off")]);
        // Hundreds of tests at once, each with a small pool.
        settings.extend([("max_connections", "500"), ("shared_buffers", "64MB"), ("wal_level", "minimal"), ("max_wal_senders", "0")]);
    }
    let ours = settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    ours.chain(options.settings.iter().cloned()).collect()
}

/// `run` in the server's folder, or a short folder for temporary files where that path is too long for a socket.
fn run_folder(folder: &Path) -> PathBuf {
    let run = folder.join("run");
    if run.as_os_str().len() + 1 + SOCKET.len() <= LONGEST_SOCKET {
        return run;
    }
    let mut hasher = DefaultHasher::new();
    folder.hash(&mut hasher);
    std::env::temp_dir().join(format!("muara-{:016x}", hasher.finish()))
}

/// Who owns the server's files and runs it: ourselves, or `postgres` (else `nobody`) when we are root, as whom PostgreSQL refuses to run.
#[derive(Debug)]
struct Owner {
    name: Option<String>,
    ids: Option<(u32, u32)>,
}

impl Owner {
    fn find(folder: &Path) -> Result<Owner, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Owner { name: None, ids: None });
        }
        let (name, uid) = ["postgres", "nobody"].into_iter().find_map(|name| Some((name, id(&["-u", name]).ok()?))).ok_or_else(|| {
            Error::Start { what: NAME, why: "it refuses to run as root, and there is no user `postgres` to run it as".to_owned() }
        })?;
        let gid = id(&["-g", name])?;
        let owner = Owner { name: Some(name.to_owned()), ids: Some((uid, gid)) };
        owner.can_reach(folder)?;
        Ok(owner)
    }

    /// As root the server is somebody else, and a folder on the way (`/root`) may be closed to them.
    fn can_reach(&self, folder: &Path) -> Result<(), Error> {
        let mut command = self.command(Command::new("test"));
        command.arg("-x").arg(folder);
        let reached = command.status().doing(|| format!("look whether {} can be reached", folder.display()))?.success();
        let name = self.name.as_deref().unwrap_or_default();
        let why = || {
            format!(
                "PostgreSQL runs as the user `{name}` when started by root, and that user cannot enter it. Choose another folder, for instance /var/lib/muara, or open the folders above it with `chmod o+x`"
            )
        };
        if reached { Ok(()) } else { Err(Error::Folder { what: NAME, folder: folder.to_owned(), why: why() }) }
    }

    fn command(&self, mut command: Command) -> Command {
        command.env_clear().env("LC_ALL", "C.UTF-8").env("PATH", "/usr/local/bin:/usr/bin:/bin").current_dir("/");
        if let Some((uid, gid)) = self.ids {
            command.uid(uid).gid(gid);
        }
        command
    }

    fn make_folder(&self, folder: &Path) -> Result<(), Error> {
        let make = || {
            fs::create_dir_all(folder)?;
            fs::set_permissions(folder, Permissions::from_mode(0o700))?;
            self.ids.map_or(Ok(()), |(uid, gid)| chown(folder, Some(uid), Some(gid)))
        };
        make().doing(|| format!("make the folder {}", folder.display()))
    }

    fn holds(&self, folder: &Path) -> Result<bool, Error> {
        use std::os::unix::fs::MetadataExt;
        let about = fs::symlink_metadata(folder).doing(|| format!("look at {}", folder.display()))?;
        let uid = self.ids.map_or_else(|| rustix::process::geteuid().as_raw(), |(uid, _)| uid);
        Ok(about.is_dir() && about.uid() == uid)
    }
}

fn id(args: &[&str]) -> Result<u32, Error> {
    let args: Vec<&std::ffi::OsStr> = args.iter().map(std::ffi::OsStr::new).collect();
    let text = output(Path::new("id"), &args).doing(|| "ask `id` who somebody is".to_owned())?;
    text.parse().map_err(|_| Error::Start { what: NAME, why: format!("`id` answered `{text}`") })
}

fn whoami() -> Result<String, Error> {
    output(Path::new("id"), &["-un".as_ref()]).doing(|| "ask `id` who we are".to_owned())
}
