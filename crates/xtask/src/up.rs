//! `cargo xtask up`: a whole Muara on this machine.

use std::{
    fs,
    path::PathBuf,
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    assets, install,
    program::{Program, Recipe},
    say,
    settings::{House, Ports, X_ACCOUNT},
    workspace::{self, cargo, target},
};

#[derive(Args)]
pub(crate) struct Options {
    /// Also play a small lively city: people write by WhatsApp, on X, and fill in the form.
    #[arg(long)]
    demo: bool,
    /// The first of the loopback ports: pages N, WhatsApp N+1, form N+2, desk N+3, mail N+5, X N+7, import of chats N+8, figures N+9, NATS N+10, the stand-ins for Meta
    /// N+20 and for X N+21.
    #[arg(long, default_value_t = 8100)]
    port_base: u16,
    /// The folder that keeps everything. `data` if not given.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Build optimised programs: slower to build, as quick as in service.
    #[arg(long)]
    release: bool,
}

/// The account of the import of group chats: one for all groups.
const GROUPS: &str = "grup";

pub(crate) fn run(options: &Options) -> Result<()> {
    let began = Instant::now();
    let ports = Ports::from(options.port_base)?;
    ports.are_free()?;
    install::headers()?;
    install::servers()?;
    let house = House::open(options.data.as_deref(), ports)?;
    let programs = build(options.release)?;
    let stop = Stop::on_signals()?;
    let mut running = Running::default();
    let outcome = running.start_all(&house, &programs, options.demo, &stop);
    match &outcome {
        Ok(()) if !stop.asked() => {
            greet(&house, options.demo, began.elapsed());
            stop.wait();
        }
        _ => {}
    }
    running.stop_all();
    outcome
}

/// Does something with a city that is up, and stops it afterwards. The city without the simulator's complaints: nothing happens by itself.
pub(crate) fn while_up(house: &House, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let programs = build(false)?;
    let stop = Stop::on_signals()?;
    let mut running = Running::default();
    let outcome = running.start_all(house, &programs, false, &stop).and_then(|()| if stop.asked() { bail!("stopped") } else { work() });
    running.stop_all();
    outcome
}

/// Builds every program, as the tests do: another choice of packages would build half of the tree again with other features.
fn build(release: bool) -> Result<PathBuf> {
    if let Err(problem) = assets::bundle() {
        say::without(&format!("Pages go without maps: {problem:#}"));
    }
    let profile = if release { "release" } else { "debug" };
    say::step(&format!("Building every program ({profile})"));
    let mut command = cargo();
    command.args(["build", "--workspace", "--bins"]);
    if release {
        command.arg("--release");
    }
    workspace::run(&mut command)?;
    Ok(target()?.join(profile))
}

/// What runs, in the order in which it was started.
#[derive(Default)]
struct Running(Vec<Program>);

impl Running {
    fn start_all(&mut self, house: &House, programs: &std::path::Path, demo: bool, stop: &Stop) -> Result<()> {
        let Ports { web, whatsapp, form, desk, .. } = house.ports;
        let recipe = |name: &str, program: &str, arguments: Vec<String>, port| Recipe {
            name: name.to_owned(),
            program: programs.join(program),
            arguments,
            port,
        };
        let shown = |path: PathBuf| path.display().to_string();
        say::step("Starting muara with a PostgreSQL and a NATS of its own");
        self.start(recipe("muara", "muara", vec!["--config".to_owned(), shown(house.muara()?), "all".to_owned()], Some(web)), stop)?;
        say::step("Starting the adapters");
        let adapters = [("whatsapp", house.whatsapp()?, whatsapp), ("web", house.form()?, form), ("desk", house.desk()?, desk)];
        for (name, settings, port) in adapters {
            let arguments = vec!["run".to_owned(), "--config".to_owned(), shown(settings)];
            self.start(recipe(name, &format!("adapter-{name}"), arguments, Some(port)), stop)?;
        }
        if let Some(settings) = house.email()? {
            let arguments = vec!["run".to_owned(), "--config".to_owned(), shown(settings)];
            self.start(recipe("email", "adapter-email", arguments, Some(house.ports.email)), stop)?;
        }
        let open = |adapter: &str, account: &str, label: &str| -> Result<()> {
            let mut muara = std::process::Command::new(programs.join("muara"));
            muara.arg("--config").arg(house.muara()?).args(["channel", "add", adapter, "--account", account, "--label", label]);
            workspace::run_quietly(&mut muara).map(|_| ())
        };
        // The starting directory has it; data of an older one may not.
        if !house.knows_import() {
            open("rtrw", GROUPS, "Percakapan grup RT/RW")?;
        }
        let arguments = vec!["run".to_owned(), "--config".to_owned(), shown(house.import()?)];
        self.start(recipe("rtrw", "adapter-rtrw", arguments, Some(house.ports.import)), stop)?;
        if demo {
            // The account is the simulator's: no city has it in its directory.
            if !house.knows_x() {
                open("x", X_ACCOUNT, "X (akun uji)")?;
            }
            let arguments = vec!["run".to_owned(), "--config".to_owned(), shown(house.x()?)];
            self.start(recipe("x", "adapter-x", arguments, Some(house.ports.x)), stop)?;
        }
        let mut arguments = house.graph()?;
        let webhook = format!("http://127.0.0.1:{whatsapp}/webhook");
        if demo {
            say::step("Starting the city");
            arguments.splice(0..0, ["demo".to_owned()]);
            arguments.extend(["--whatsapp".to_owned(), webhook, "--web".to_owned(), format!("http://127.0.0.1:{form}")]);
            arguments.extend(["--x".to_owned(), format!("127.0.0.1:{}", house.ports.x_api)]);
        } else {
            arguments.splice(0..0, ["graph".to_owned()]);
            arguments.extend(["--webhook".to_owned(), webhook]);
        }
        self.start(recipe(if demo { "city" } else { "meta" }, "simulator", arguments, None), stop)
    }

    fn start(&mut self, recipe: Recipe, stop: &Stop) -> Result<()> {
        if stop.asked() {
            return Ok(());
        }
        let program = Program::start(recipe)?;
        self.0.push(program);
        self.0[self.0.len() - 1].ready(&|| stop.asked())
    }

    /// The last one first: nobody is left who talks to somebody that is gone.
    fn stop_all(&mut self) {
        while let Some(mut program) = self.0.pop() {
            say::step(&format!("Stopping {}", program.name()));
            program.stop();
        }
        say::fine("Everything has stopped.");
    }
}

fn greet(house: &House, demo: bool, time: Duration) {
    let Ports { web, whatsapp, form, desk, import, figures, graph, .. } = house.ports;
    let data = house.data.display();
    let mut lines = vec![
        String::new(),
        format!("Muara is up ({}). Ctrl-C stops it; what it knows stays in {data}.", say::took(time)),
        String::new(),
        format!("  The citizens' form       http://127.0.0.1:{form}/"),
        format!("  The city's pages         http://127.0.0.1:{web}/"),
        format!("  Staff sign in            http://127.0.0.1:{web}/masuk"),
        format!("  The desk (for clerks)    http://127.0.0.1:{desk}/"),
        format!("  Chats of groups          http://127.0.0.1:{web}/impor (staff; http://127.0.0.1:{import}/ behind it)"),
        format!("  WhatsApp's webhook       http://127.0.0.1:{whatsapp}/webhook, signed with {data}/secrets/whatsapp-app-secret"),
        format!("  What citizens got there  http://127.0.0.1:{graph}/simulator/received/<phone> (a stand-in: nothing reaches Meta)"),
        format!("  Figures (Prometheus)     http://127.0.0.1:{figures}/metrics"),
        format!("  The database             psql -h {data}/postgres/run -U muara muara"),
    ];
    if !demo {
        lines.push("  A city that complains    cargo xtask up --demo".to_owned());
    }
    if let Ok(logins) = fs::read_to_string(house.first_logins()) {
        lines.extend([String::new(), format!("First logins, from {} (login, password, role):", house.first_logins().display())]);
        lines.extend(logins.lines().map(|line| format!("  {line}")));
    }
    lines.push(String::new());
    say::plain(&lines.join("\n"));
}

/// Whether we were asked to stop: by Ctrl-C, by `kill`, or because the terminal went away.
struct Stop {
    asked: Arc<AtomicBool>,
    first: mpsc::Receiver<()>,
}

impl Stop {
    fn on_signals() -> Result<Stop> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (tell, first) = mpsc::channel();
        let asked = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&asked);
        let (ready, installed) = mpsc::channel();
        let listen = async move {
            let signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
            let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = signals else { return };
            let _ = ready.send(());
            for again in [false, true] {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hangup.recv() => {}
                }
                if again {
                    // Whoever asks twice does not want to wait. Children get their signal as we end.
                    process::exit(130);
                }
                flag.store(true, Ordering::Relaxed);
                let _ = tell.send(());
            }
        };
        thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(listen))?;
        installed.recv().context("cannot listen for Ctrl-C")?;
        Ok(Stop { asked, first })
    }

    fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    fn wait(&self) {
        // An error means that the thread has ended, and it ends only with us.
        let _ = self.first.recv();
    }
}
