//! A program that runs beside us: its log behind its name, started again when it dies, stopped when we say so.

use std::{
    io::{BufRead, BufReader, IsTerminal, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::PathBuf,
    process::{Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use servers::{Child, spawn, tied};

use crate::say;

/// How often the watch looks.
const LOOK: Duration = Duration::from_millis(100);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Who ran this long has recovered.
const RECOVERED: Duration = Duration::from_mins(1);
/// A program may finish what it is doing.
const PATIENCE: Duration = Duration::from_secs(30);
/// The first start makes a database and reads a city's outlines.
const UNTIL_READY: Duration = Duration::from_mins(2);

/// What is started.
#[derive(Clone)]
pub(crate) struct Recipe {
    /// The word before its lines.
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    /// Where it answers `GET /health`, if it does.
    pub(crate) port: Option<u16>,
}

/// A program that runs.
pub(crate) struct Program {
    recipe: Recipe,
    state: Arc<Mutex<State>>,
    watch: Option<thread::JoinHandle<()>>,
}

struct State {
    child: Option<Child>,
    wanted: bool,
    starts: u32,
}

impl Program {
    /// Starts it and looks after it from now on.
    pub(crate) fn start(recipe: Recipe) -> Result<Program> {
        let child = launch(&recipe)?;
        let state = Arc::new(Mutex::new(State { child: Some(child), wanted: true, starts: 1 }));
        let (of, kept) = (recipe.clone(), Arc::clone(&state));
        let watch = thread::Builder::new().name(format!("watch {}", recipe.name)).spawn(move || watch(&of, &kept))?;
        Ok(Program { recipe, state, watch: Some(watch) })
    }

    /// Waits until it answers, or until nobody wants it any more. An error when it dies again and again, or takes too long.
    pub(crate) fn ready(&self, given_up: &dyn Fn() -> bool) -> Result<()> {
        let Some(port) = self.recipe.port else { return Ok(()) };
        let until = Instant::now() + UNTIL_READY;
        while Instant::now() < until {
            if healthy(port) || given_up() {
                return Ok(());
            }
            if lock(&self.state).starts > 3 {
                bail!("{} does not stay up; its last lines above say why", self.recipe.name);
            }
            thread::sleep(LOOK);
        }
        bail!("{} did not answer on port {port} within {} s", self.recipe.name, UNTIL_READY.as_secs())
    }

    /// Stops it, and waits until it has.
    pub(crate) fn stop(&mut self) {
        let child = {
            let mut state = lock(&self.state);
            state.wanted = false;
            state.child.take()
        };
        if let Some(mut child) = child {
            child.stop(PATIENCE);
        }
        if let Some(watch) = self.watch.take() {
            let _ = watch.join();
        }
    }

    /// The word before its lines.
    pub(crate) fn name(&self) -> &str {
        &self.recipe.name
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.stop();
    }
}

fn watch(recipe: &Recipe, state: &Mutex<State>) {
    let (mut pause, mut since) = (FIRST_PAUSE, Instant::now());
    loop {
        thread::sleep(LOOK);
        let ended = {
            let mut state = lock(state);
            if !state.wanted {
                return;
            }
            state.child.as_mut().and_then(Child::ended)
        };
        let Some(status) = ended else { continue };
        if since.elapsed() > RECOVERED {
            pause = FIRST_PAUSE;
        }
        say::without(&format!("{} ended by itself ({status}). Starting it again in {}.", recipe.name, say::took(pause)));
        if !still_wanted(state, pause) {
            return;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
        since = Instant::now();
        let started = launch(recipe);
        let mut state = lock(state);
        state.starts += 1;
        match started {
            // Stopped meanwhile: dropping it ends it.
            Ok(_) if !state.wanted => return,
            Ok(child) => state.child = Some(child),
            Err(problem) => say::problem(&format!("{} cannot be started: {problem:#}", recipe.name)),
        }
    }
}

fn still_wanted(state: &Mutex<State>, pause: Duration) -> bool {
    let until = Instant::now() + pause;
    while Instant::now() < until {
        if !lock(state).wanted {
            return false;
        }
        thread::sleep(LOOK);
    }
    lock(state).wanted
}

fn launch(recipe: &Recipe) -> Result<Child> {
    let mut command: Command = tied(&recipe.program);
    command.args(&recipe.arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if !std::io::stdout().is_terminal() {
        command.env("NO_COLOR", "1");
    }
    let mut child = spawn(command).with_context(|| format!("cannot start {}", recipe.program.display()))?;
    pass_on(&recipe.name, child.take_stdout());
    pass_on(&recipe.name, child.take_stderr());
    Ok(child)
}

fn pass_on(name: &str, pipe: Option<impl Read + Send + 'static>) {
    let (Some(pipe), name) = (pipe, name.to_owned()) else { return };
    thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            say::said(&name, &String::from_utf8_lossy(&line));
        }
    });
}

/// Whether something on this port answers 200 to `GET /health`.
fn healthy(port: u16) -> bool {
    let ask = || -> std::io::Result<String> {
        let wait = Duration::from_secs(2);
        let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), wait)?;
        stream.set_read_timeout(Some(wait))?;
        stream.write_all(format!("GET /health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n").as_bytes())?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        Ok(line)
    };
    ask().is_ok_and(|line| line.starts_with("HTTP/1.1 200"))
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
