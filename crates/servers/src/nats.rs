//! A private NATS server with JetStream, on a loopback port.

use std::{
    fmt::Write as _,
    fs,
    io::{self, BufRead, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::statvfs,
    process::{Pid, Signal, kill_process},
};

use crate::{
    Child, Error,
    child::{Claim, LOOK_AGAIN, last_words, spawn, tied_behind},
    error::Doing,
    find,
    port::{free_port, unique},
    supervise::{Server, Watch},
};

const NAME: &str = "nats-server";
const CONFIG: &str = "nats.conf";
const PID: &str = "nats.pid";
const STORE: &str = "jetstream";
/// JetStream may have to read its files again.
const PATIENCE: Duration = Duration::from_mins(1);
const SHUTDOWN: Duration = Duration::from_secs(30);
/// How often a server is asked whether it can still write, and how long it may take to say so.
const ASK_AGAIN: Duration = Duration::from_secs(1);
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// What it says to that (2.15) after a disk was full: it takes nothing more into that stream, also when there is room again, until it is started anew.
const CANNOT_WRITE: &str = "write error";
/// The room on its disk, in bytes, below which starting it anew would not help: two blocks of a stream.
const ROOM: u64 = 16 << 20;
/// How many ports are tried when another program takes one between the look and the start.
const TRIES: u32 = 20;

/// When JetStream syncs what it has accepted to the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sync {
    /// Every ten seconds, where the server's own default is two minutes: what was accepted survives the server's death at once, and a power cut
    /// ten seconds later. Whoever hands something over keeps it that much longer.
    #[default]
    Periodic,
    /// Before each answer: about a tenth of the rate.
    Always,
}

/// How to start a private NATS server.
#[derive(Clone, Debug, Default)]
pub struct NatsOptions {
    /// The loopback port; a free one when not given.
    pub port: Option<u16>,
    /// When JetStream syncs.
    pub sync: Sync,
    /// The program; found when not given.
    pub program: Option<PathBuf>,
    /// How many bytes JetStream may promise to keep; three quarters of the free disk when not given.
    pub room: Option<u64>,
    /// More lines for the server's configuration, for instance `accounts`.
    pub config: String,
}

/// The file in the server's folder that a configuration may `include`: who may come, and what they may do. [`set_users`] writes it.
pub const USERS: &str = "users.conf";

/// Writes who may come to the server that keeps its streams in `folder`. One that runs reads it at once; `false`: none runs. Who is no
/// longer named is sent away.
pub fn set_users(folder: &Path, users: &str) -> Result<bool, Error> {
    fs::create_dir_all(folder).doing(|| format!("make {}", folder.display()))?;
    let (path, fresh) = (folder.join(USERS), folder.join("users.new"));
    write_private(&fresh, users).and_then(|()| fs::rename(&fresh, &path)).doing(|| format!("write {}", path.display()))?;
    let Some(server) = running_in(folder) else { return Ok(false) };
    kill_process(server, Signal::HUP).map_err(io::Error::from).doing(|| "ask nats-server to read its users again".to_owned())?;
    Ok(true)
}

/// The process that runs with the configuration in `folder`. The number in its file may have become another's since.
fn running_in(folder: &Path) -> Option<Pid> {
    let folder = fs::canonicalize(folder).ok()?;
    let number: i32 = fs::read_to_string(folder.join(PID)).ok()?.trim().parse().ok()?;
    let words = fs::read(format!("/proc/{number}/cmdline")).ok()?;
    let config = folder.join(CONFIG);
    let ours = words.split(|byte| *byte == 0).any(|word| word == config.as_os_str().as_encoded_bytes());
    Pid::from_raw(number).filter(|_| ours)
}

/// A private NATS server. Stops when dropped.
#[derive(Debug)]
pub struct Nats {
    watch: Option<Watch>,
    server: Arc<Mutex<Process>>,
    port: u16,
}

impl Nats {
    /// Starts a server that keeps its streams in `folder`. Waits until it answers.
    pub fn start(folder: &Path, options: NatsOptions) -> Result<Nats, Error> {
        let program = find::nats(options.program.as_deref())?;
        let claim = Claim::take(NAME, folder)?;
        let folder = fs::canonicalize(folder).doing(|| format!("find {}", folder.display()))?;
        let name = format!("muara-{}-{}", std::process::id(), unique());
        let mut server = Process {
            program,
            folder,
            name,
            port: 0,
            health: 0,
            options,
            child: None,
            wanted: false,
            asked: Instant::now(),
            stuck: false,
            _claim: claim,
        };
        server.start()?;
        let port = server.port;
        Ok(Nats { watch: None, server: Arc::new(Mutex::new(server)), port })
    }

    /// From now on, starts the server again when it ends by itself, and when it could not write because its disk was full and there is room again.
    pub fn supervise(&mut self) {
        self.watch.get_or_insert_with(|| Watch::over(Arc::clone(&self.server)));
    }

    /// `nats://127.0.0.1:<port>`; it stays the same after a restart.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The folder of its streams, its configuration and its log.
    pub fn folder(&self) -> PathBuf {
        self.server().folder.clone()
    }

    /// The loopback port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops the server cleanly.
    pub fn stop(&mut self) {
        self.watch = None;
        let mut server = self.server();
        server.wanted = false;
        if let Some(mut child) = server.child.take() {
            child.stop(SHUTDOWN);
        }
    }

    /// Ends the server as a power cut would end it.
    pub fn kill9(&mut self) {
        let mut server = self.server();
        server.wanted = false;
        if let Some(mut child) = server.child.take() {
            child.kill();
        }
    }

    /// Starts the server again after [`Nats::stop`] or [`Nats::kill9`], on the same port and with what it had kept.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.server().launch()
    }

    /// The number of the server's process, while it lives.
    pub fn process(&self) -> Option<u32> {
        self.server().child.as_mut().and_then(|child| if child.ended().is_none() { Some(child.id()) } else { None })
    }

    /// Whether the server's process lives.
    pub fn running(&self) -> bool {
        self.process().is_some()
    }

    fn server(&self) -> MutexGuard<'_, Process> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.stop();
    }
}

#[derive(Debug)]
struct Process {
    program: PathBuf,
    folder: PathBuf,
    /// By which we know our own server on its port, and the others of a cluster know it after a restart.
    name: String,
    port: u16,
    /// The loopback port on which it says whether it is well.
    health: u16,
    options: NatsOptions,
    child: Option<Child>,
    wanted: bool,
    /// When it was asked last whether it can write, and what came of it.
    asked: Instant,
    stuck: bool,
    _claim: Claim,
}

impl Server for Process {
    const NAME: &'static str = NAME;

    fn died(&mut self) -> bool {
        self.wanted && self.child.as_mut().is_none_or(|child| child.ended().is_some())
    }

    fn stuck(&mut self) -> bool {
        if self.wanted && self.asked.elapsed() >= ASK_AGAIN {
            self.stuck = health(self.health).is_ok_and(|words| words.contains(CANNOT_WRITE)) && self.has_room();
            self.asked = Instant::now();
        }
        self.wanted && self.stuck
    }

    fn launch(&mut self) -> Result<(), Error> {
        if let Some(mut child) = self.child.take() {
            child.stop(SHUTDOWN);
        }
        (self.wanted, self.stuck, self.asked) = (true, false, Instant::now());
        self.write_config()?;
        let log = self.folder.join("nats.log");
        let words = fs::File::create(&log).doing(|| format!("write {}", log.display()))?;
        let mut command = tied_behind(&self.program);
        command.arg("--config").arg(self.folder.join(CONFIG));
        command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null()).stderr(words);
        self.child = Some(spawn(command).doing(|| format!("start {}", self.program.display()))?);
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(status) = self.child.as_mut().and_then(Child::ended) {
                return Err(Error::Start { what: NAME, why: format!("{status}: {}", last_words(&log)) });
            }
            if answers(self.port, &self.name) {
                return Ok(());
            }
            thread::sleep(LOOK_AGAIN);
        }
        Err(Error::Start { what: NAME, why: format!("it did not answer within {} s: {}", PATIENCE.as_secs(), last_words(&log)) })
    }
}

impl Process {
    /// On the port that was asked for, else on free ones until they work.
    fn start(&mut self) -> Result<(), Error> {
        let mut tries = 0;
        loop {
            self.port = self.options.port.map_or_else(free_port, Ok)?;
            self.health = free_port()?;
            tries += 1;
            match self.launch() {
                Err(Error::Start { why, .. }) if self.options.port.is_none() && tries < TRIES && why.contains("address already in use") => {
                }
                other => return other,
            }
        }
    }

    /// Whether there is room on its disk to write again.
    fn has_room(&self) -> bool {
        statvfs(self.folder.join(STORE)).is_ok_and(|disk| disk.f_bavail * disk.f_frsize >= ROOM)
    }

    fn write_config(&self) -> Result<(), Error> {
        let name = &self.name;
        let store = self.folder.join(STORE);
        let sync = match self.options.sync {
            Sync::Periodic => "10s",
            Sync::Always => "always",
        };
        let mut text = String::from("# Written at each start; edit the options instead.\n");
        let _ = writeln!(text, "listen: \"127.0.0.1:{}\"\nserver_name: \"{name}\"\nmax_payload: 1MB", self.port);
        let _ = writeln!(text, "http: \"127.0.0.1:{}\"", self.health);
        let _ = writeln!(text, "pid_file: {:?}", self.folder.join(PID).display().to_string());
        let room = self.options.room.map_or_else(String::new, |bytes| format!(", max_file_store: {bytes}"));
        let _ = writeln!(text, "jetstream {{ store_dir: {:?}, sync_interval: {sync}{room} }}", store.display().to_string());
        text.push_str(&self.options.config);
        let path = self.folder.join(CONFIG);
        write_private(&path, &text).doing(|| format!("write {}", path.display()))
    }
}

/// Its owner's alone from the first byte on: the options may bring passwords.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::File::options().create(true).write(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

/// Whether our own server greets on this port.
fn answers(port: u16, name: &str) -> bool {
    let greet = || -> Option<String> {
        let stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), Duration::from_secs(1)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).ok()?;
        Some(line)
    };
    greet().is_some_and(|line| line.starts_with("INFO ") && line.contains(&format!("\"{name}\"")))
}

/// What the server on this port says of its health, at most so much of it.
fn health(port: u16) -> io::Result<String> {
    const MOST: u64 = 64 << 10;
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), ANSWER_WITHIN)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.set_write_timeout(Some(ANSWER_WITHIN))?;
    stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n")?;
    let mut words = Vec::new();
    stream.take(MOST).read_to_end(&mut words)?;
    Ok(String::from_utf8_lossy(&words).into_owned())
}
