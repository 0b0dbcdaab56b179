//! One program of ours, run as an admin would run it.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use servers::Child;

/// How long anything in a test may take before the test gives up. Generous: the machine may be busy.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A running program. Dropped: killed; and it ends with the test, however that ends.
pub struct Process {
    name: String,
    program: PathBuf,
    arguments: Vec<String>,
    folder: PathBuf,
    log: PathBuf,
    environment: Vec<(String, String)>,
    child: Option<Child>,
}

impl Process {
    /// Starts `program` of this workspace; what it says goes to `<folder>/<name>.log`.
    pub fn start(name: &str, program: &'static str, arguments: &[&str], folder: &Path) -> Self {
        Self::start_in(name, program, arguments, folder, Vec::new())
    }

    /// The same with more in its environment.
    pub fn start_in(name: &str, program: &'static str, arguments: &[&str], folder: &Path, environment: Vec<(String, String)>) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let log = folder.join(format!("{name}.log"));
        let (program, folder) = (built(program), folder.to_owned());
        let mut process = Self { name: name.to_owned(), program, arguments, folder, log, environment, child: None };
        process.resume();
        process
    }

    /// Starts it again, as it was.
    pub fn resume(&mut self) {
        let log = File::options().create(true).append(true).open(&self.log).expect("a log file");
        let errors = log.try_clone().expect("a log file");
        let mut command = servers::tied(&self.program);
        command.args(&self.arguments).current_dir(&self.folder).env("RUST_BACKTRACE", "1");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        self.child = Some(servers::spawn(command).expect("the program starts"));
    }

    /// Stops it, and starts it again out of another file, as an upgrade does.
    pub fn upgrade(&mut self, program: &Path) {
        self.stop();
        program.clone_into(&mut self.program);
        self.resume();
    }

    /// The file it was started from.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The system's number of the process, and another one after every start; `None`: it does not run.
    pub fn id(&mut self) -> Option<u32> {
        self.child.as_mut().and_then(|child| if child.ended().is_none() { Some(child.id()) } else { None })
    }

    /// Kills it without a word, as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
        }
    }

    /// Whether it ended by itself: it was neither killed nor stopped.
    pub fn ended_by_itself(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.ended().is_some())
    }

    /// Holds it where it is (`SIGSTOP`), until [`Process::thaw`].
    pub fn freeze(&mut self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn thaw(&mut self) {
        self.signal("-CONT");
    }

    fn signal(&mut self, signal: &str) {
        if let Some(id) = self.id() {
            crate::process::signal(signal, id);
        }
    }

    /// Asks it to stop, and waits until it has. Panics if it does not, or if it stops with an error.
    pub fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill is there");
        assert!(asked.success(), "{} is gone already:\n{}", self.name, self.said());
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            if let Some(status) = child.ended() {
                assert!(status.success(), "{} stopped with {status}:\n{}", self.name, self.said());
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = child.kill();
        panic!("{} does not stop:\n{}", self.name, self.said());
    }

    /// The last of what it said.
    pub fn said(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// All of what it said.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Resident memory in KiB, now.
    pub fn resident_kib(&self) -> u64 {
        let Some(child) = &self.child else { return 0 };
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0)
    }
}

/// Sends a process a signal; one that has just ended hears nothing.
pub(crate) fn signal(signal: &str, id: u32) {
    let _ = Command::new("kill").args([signal, &id.to_string()]).stderr(Stdio::null()).status();
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- {} said ---\n{}", self.name, self.said());
        }
        self.kill();
    }
}

/// The program as built from the sources that are tested: `cargo test` does not build other packages' programs by itself.
pub fn built(program: &'static str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        let test = std::env::current_exe().expect("a test has a file");
        let folder = test.ancestors().nth(2).expect("target/<profile>/deps/<test>").to_owned();
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--bins", "--workspace"]);
        if folder.ends_with("release") {
            // A benchmark measures programs of its own profile, and builds the same choice as whoever built the benchmark: not half of the tree again.
            build.args(["--release", "--examples"]);
        }
        // What cargo says about the package of this test would make build scripts (ring's) run again, and half of the tree be built again.
        for (name, _) in std::env::vars_os()
            .filter(|(name, _)| name.to_string_lossy().starts_with("CARGO_PKG_") || name.to_string_lossy().starts_with("CARGO_MANIFEST_"))
        {
            build.env_remove(name);
        }
        assert!(build.status().expect("cargo is there").success(), "the programs do not build");
        folder
    });
    folder.join(program)
}
