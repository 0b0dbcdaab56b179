//! Starting and ending a process that must not outlive us.

use std::{
    ffi::OsStr,
    fs::File,
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    sync::{OnceLock, mpsc},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, getpriority_process, kill_process, nice};

/// How often a wait looks again. Short: a server is there after some tens of milliseconds.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A process of ours, in its own process group. Dropping it kills it.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    ended: Option<ExitStatus>,
}

impl Child {
    /// The operating system's number of the process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The status with which the process has ended, or nothing while it runs.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.process.try_wait().ok().flatten();
        }
        self.ended
    }

    /// Asks the process to end (`SIGINT`, which each of our servers and programs takes as "finish and go"), waits up to `patience`, then kills it.
    pub fn stop(&mut self, patience: Duration) -> Option<ExitStatus> {
        self.signal(Signal::INT);
        let until = Instant::now() + patience;
        while self.ended().is_none() && Instant::now() < until {
            thread::sleep(LOOK_AGAIN);
        }
        self.kill()
    }

    /// Ends the process as a power cut would: `kill -9`, without a word.
    pub fn kill(&mut self) -> Option<ExitStatus> {
        if self.ended().is_none() {
            // It may end by itself between the look and the kill: then there is nothing to do.
            let _ = self.process.kill();
            self.ended = self.process.wait().ok();
        }
        self.ended
    }

    /// Closes the pipe into the process, which ends by itself then, and waits for that.
    pub(crate) fn finish(&mut self) {
        drop(self.process.stdin.take());
        if self.ended().is_none() {
            self.ended = self.process.wait().ok();
        }
    }

    /// Takes the pipe of the process's standard output, when it was asked for.
    pub fn take_stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.process.stdout.take()
    }

    /// Takes the pipe of the process's standard error, when it was asked for.
    pub fn take_stderr(&mut self) -> Option<std::process::ChildStderr> {
        self.process.stderr.take()
    }

    fn signal(&mut self, signal: Signal) {
        // While `try_wait` has not reaped it, the number is still its own and cannot belong to somebody else.
        if self.ended().is_none() {
            let _ = kill_process(Pid::from_child(&self.process), signal);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts `command` as a process that ends with ours (see [`tied`]) and that Ctrl-C in the terminal does not reach directly.
pub fn spawn(mut command: Command) -> io::Result<Child> {
    command.process_group(0);
    let (answer, answered) = mpsc::channel();
    starter().send((command, answer)).map_err(|_| io::Error::other("the thread that starts processes has ended"))?;
    let process = answered.recv().map_err(|_| io::Error::other("the thread that starts processes has ended"))??;
    Ok(Child { process, ended: None })
}

/// The kernel sends the death signal when the *thread* that started a child ends. Threads of a test or of a runtime come and go; this one stays.
fn starter() -> &'static mpsc::Sender<Order> {
    static STARTER: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    STARTER.get_or_init(|| {
        let (orders, queue) = mpsc::channel::<Order>();
        let serve = move || {
            for (mut command, answer) in queue {
                // Whoever asked may have gone: then the child is dropped, and it ends with us.
                let _ = answer.send(command.spawn());
            }
        };
        thread::Builder::new().name("starter".to_owned()).spawn(serve).expect("a thread can be started at the beginning of a process");
        orders
    })
}

type Order = (Command, mpsc::Sender<io::Result<std::process::Child>>);

/// A command that gets `SIGINT` when we die, even by `kill -9`. `SIGINT` and not `SIGTERM`, for which PostgreSQL waits until its clients have left.
///
/// Where there is no `setpriv` (it belongs to util-linux, so every Linux has it) the child is started plainly, and only an orderly end stops it.
pub fn tied(program: &Path) -> Command {
    if let Some(setpriv) = setpriv() {
        let mut command = Command::new(setpriv);
        command.args(["--pdeathsig", "INT", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

/// How much later than the doors everything behind them gets the processor (`nice`), when there is not enough for all: a door must say yes within the
/// moment that a platform waits, and what comes after may take longer.
const BEHIND: i32 = 5;

/// As [`tied`], and behind the doors.
pub(crate) fn tied_behind(program: &Path) -> Command {
    let more = BEHIND - getpriority_process(None).unwrap_or(BEHIND);
    match crate::find::in_path("nice") {
        Some(nice) if more > 0 => {
            let mut command = tied(&nice);
            command.args(["-n", &more.to_string()]).arg(program);
            command
        }
        _ => tied(program),
    }
}

/// Puts this process and all that it starts behind the doors. To be called before there is a second thread: the kernel counts each by itself.
pub fn go_behind_the_doors() {
    let more = BEHIND - getpriority_process(None).unwrap_or(BEHIND);
    if more > 0 {
        // Where it is not allowed everything goes on as it is.
        let _ = nice(more);
    }
}

fn setpriv() -> Option<&'static Path> {
    static SETPRIV: OnceLock<Option<PathBuf>> = OnceLock::new();
    SETPRIV.get_or_init(|| crate::find::in_path("setpriv")).as_deref()
}

/// A folder taken for this process: the lock goes when the process does.
#[derive(Debug)]
pub(crate) struct Claim {
    _lock: File,
}

impl Claim {
    /// Makes `folder` and takes it for this process. An error when another process has it.
    pub(crate) fn take(what: &'static str, folder: &Path) -> Result<Claim, crate::Error> {
        use crate::error::Doing;
        std::fs::create_dir_all(folder).doing(|| format!("make the folder {}", folder.display()))?;
        let path = folder.join("lock");
        let lock = File::create(&path).doing(|| format!("open {}", path.display()))?;
        // A server of a process that was just killed may need a moment to let go of it.
        lock.try_lock().map_err(|_| crate::Error::Folder {
            what,
            folder: folder.to_owned(),
            why: "another process is using it. Stop that one first, or choose another folder".to_owned(),
        })?;
        Ok(Claim { _lock: lock })
    }
}

/// The last lines of a log, for an error that has to explain itself.
pub(crate) fn last_words(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let from = lines.len().saturating_sub(5);
    if lines.is_empty() { "it said nothing".to_owned() } else { lines[from..].join(" / ") }
}

/// Runs a program to its end and gives what it printed; its own words when it fails.
pub(crate) fn output(program: &Path, args: &[&OsStr]) -> io::Result<String> {
    let output = Command::new(program).args(args).output()?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }
}
