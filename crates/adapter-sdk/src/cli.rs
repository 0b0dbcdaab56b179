//! The program around an adapter: `run`, `check`, `probe`, `parse`, `replay`.

use std::{
    error::Error,
    ffi::OsString,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use ::settings::Table;
use bus::Stop;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use jiff::SignedDuration;
use model::{Timestamp, TraceId};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info};

use crate::{
    Adapter, ConfigError, EitherWay, HttpSettings, Pages, Poll, Replay, Request, Settings, State, Webhook,
    clock::now,
    probe,
    pulse::words,
    run::{Opened, open_either_way, open_pages, open_poll, open_webhook, replay_opened, start},
    settings::BASE,
};

/// The `main` of an adapter whose platform calls us.
pub fn webhook<A: Webhook>() -> ExitCode {
    Program::of::<A>(|table, http| open_webhook::<A>(config::<A>(table)?, http), Some(A::keep_headers())).main()
}

/// The `main` of an adapter that calls its platform.
pub fn poll<A: Poll>() -> ExitCode {
    Program::of::<A>(|table, http| open_poll::<A>(config::<A>(table)?, http), None).main()
}

/// The `main` of an adapter whose platform calls us or is called, as the configuration says.
pub fn either_way<A: EitherWay>() -> ExitCode {
    Program::of::<A>(|table, http| open_either_way::<A>(config::<A>(table)?, http), Some(A::keep_headers())).main()
}

/// The `main` of an adapter with pages.
pub fn pages<A: Pages>() -> ExitCode {
    Program::of::<A>(|table, http| open_pages::<A>(config::<A>(table)?, http), None).main()
}

fn config<A: Adapter>(table: Table) -> Result<A::Config, ConfigError> {
    Ok(table.typed("adapter")?)
}

/// An adapter as a program, its type forgotten.
struct Program {
    name: &'static str,
    defaults: &'static str,
    open: fn(Table, &HttpSettings) -> Result<Opened, ConfigError>,
    keep_headers: Option<&'static [&'static str]>,
}

#[derive(Parser)]
#[command(version)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Open the door and run until SIGTERM or Ctrl-C.
    Run(File),
    /// Check the configuration without touching the network.
    Check {
        #[command(flatten)]
        file: File,
        /// Print every option with its default instead.
        #[arg(long)]
        defaults: bool,
    },
    /// Print the events in recorded requests (`*.http`) or bodies.
    Parse {
        #[command(flatten)]
        file: File,
        /// The recordings.
        #[arg(required = true)]
        recordings: Vec<PathBuf>,
    },
    /// Look at everything that the adapter depends on (its spool, its door, the bus, the platform) and say what to do.
    Probe(File),
    /// Run stored raw messages through this release's parser, show what differs from then, and publish what is new.
    Replay {
        #[command(flatten)]
        file: File,
        /// Messages taken at this time or later: 2026-11-20T09:00:00+07:00, or how long ago: 3h, 2d.
        #[arg(long, value_parser = moment)]
        from: Timestamp,
        /// And before this one; now, when it is not given.
        #[arg(long, value_parser = moment)]
        to: Option<Timestamp>,
        /// Show the difference, and publish nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

/// A time, or how long ago.
fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    let days =
        text.strip_suffix('d').and_then(|days| days.trim().parse::<i64>().ok()?.checked_mul(24 * 60 * 60)).map(SignedDuration::from_secs);
    let ago = days.or_else(|| text.parse().ok()).filter(|ago| !ago.is_negative());
    ago.and_then(|ago| now().checked_sub(ago).ok())
        .ok_or_else(|| "write a time (2026-11-20T09:00:00+07:00) or how long ago (3h, 2d)".to_owned())
}

#[derive(Args)]
struct File {
    /// The configuration, TOML. What it leaves out is as `check --defaults` prints it.
    #[arg(long, env = "MUARA_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Program {
    fn of<A: Adapter>(
        open: fn(Table, &HttpSettings) -> Result<Opened, ConfigError>,
        keep_headers: Option<&'static [&'static str]>,
    ) -> Self {
        Self { name: A::NAME, defaults: A::DEFAULTS, open, keep_headers }
    }

    fn main(self) -> ExitCode {
        let name = format!("adapter-{}", self.name.replace('_', "-"));
        let about = format!("The {} adapter of Muara", self.name);
        let matches = Line::command().display_name(name.clone()).bin_name(name).about(about).get_matches();
        let line = Line::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        match self.obey(line.command) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                let _ = writeln!(std::io::stderr(), "{}", words(error.as_ref()));
                ExitCode::FAILURE
            }
        }
    }

    fn obey(&self, command: Command) -> Result<(), Box<dyn Error>> {
        match command {
            Command::Run(file) => self.run(&file),
            Command::Check { defaults: true, .. } => {
                Ok(write!(std::io::stdout(), "{}\n{}", self.defaults.trim_end(), beneath(self.defaults))?)
            }
            Command::Check { file, .. } => {
                self.open(&file)?;
                Ok(writeln!(std::io::stdout(), "The configuration is fine.")?)
            }
            Command::Parse { file, recordings } => self.parse(&file, &recordings),
            Command::Probe(file) => self.probe(&file),
            Command::Replay { file, from, to, dry_run } => self.replay(&file, Replay { from, to: to.unwrap_or_else(now), dry_run }),
        }
    }

    fn settings(&self, file: &File) -> Result<Settings<Table>, ConfigError> {
        let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        Settings::read(&[self.defaults], file.config.as_deref(), std::env::vars_os().filter_map(text))
    }

    fn open(&self, file: &File) -> Result<(Opened, Settings<()>), ConfigError> {
        let (settings, table) = self.settings(file)?.split();
        Ok(((self.open)(table, &settings.http)?, settings))
    }

    fn run(&self, file: &File) -> Result<(), Box<dyn Error>> {
        let (opened, settings) = self.open(file)?;
        ::settings::start_log(&settings.log)?;
        runtime()?.block_on(async {
            let stop = Stop::new();
            stop_on_signals(&stop)?;
            let ended = start(opened, settings, stop).await?.ended().await;
            if let Err(error) = &ended {
                error!(error = error as &dyn Error, "The adapter cannot go on.");
            }
            Ok(ended?)
        })
    }

    /// Its words are its output; the log stays quiet.
    fn probe(&self, file: &File) -> Result<(), Box<dyn Error>> {
        let (opened, settings) = self.open(file)?;
        let found = runtime()?.block_on(probe::everything(&opened.name, opened.adapter.as_ref(), &settings, now()));
        for finding in &found {
            writeln!(std::io::stdout(), "{finding}")?;
        }
        match found.iter().filter(|finding| finding.state == State::Wrong).count() {
            0 => Ok(()),
            wrong => Err(format!("{wrong} of {} things looked at are wrong", found.len()).into()),
        }
    }

    fn replay(&self, file: &File, span: Replay) -> Result<(), Box<dyn Error>> {
        let (opened, settings) = self.open(file)?;
        let mut out = std::io::stdout();
        let replayed = runtime()?.block_on(replay_opened(opened.name, opened.adapter, &settings, span, &mut out))?;
        let done = if span.dry_run { "A dry run: nothing was published." } else { "What is new was published." };
        Ok(writeln!(out, "{replayed}.\n{done}")?)
    }

    fn parse(&self, file: &File, recordings: &[PathBuf]) -> Result<(), Box<dyn Error>> {
        let (opened, _) = self.open(file)?;
        for path in recordings {
            let raw = request(path)?.into_raw(opened.name.clone(), self.keep_headers, now(), TraceId::random());
            let events = opened.adapter.parse(&raw).map_err(|error| format!("{}: {error}", path.display()))?;
            writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&events)?)?;
        }
        Ok(())
    }
}

/// One thread is enough: the work is waiting. With two, a fifth of what an adapter took of the processor went into waking one from the other,
/// and what it says to the bus went out in more and smaller pieces. Whatever computes or waits for a disk has threads of its own.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().max_blocking_threads(4).enable_all().build()
}

fn request(path: &Path) -> Result<Request, Box<dyn Error>> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    if path.extension().is_some_and(|extension| extension == "http") {
        return Ok(Request::recorded(&bytes).map_err(|error| format!("{}: {error}", path.display()))?);
    }
    Ok(Request { body: bytes.into(), ..Request::recorded(b"POST /\n\n")? })
}

/// The SDK's own defaults for the tables that an adapter's defaults leave out.
fn beneath(defaults: &str) -> String {
    let has = |head: &str| defaults.lines().any(|line| line.trim() == head);
    let mut shown = String::new();
    let mut showing = false;
    for line in BASE.lines() {
        if line.starts_with('[') {
            showing = !has(line) && line != "[adapter]";
        }
        if showing {
            shown.push_str(line);
            shown.push('\n');
        }
    }
    if shown.is_empty() { shown } else { format!("\n{shown}") }
}

fn stop_on_signals(stop: &Stop) -> std::io::Result<()> {
    let (mut term, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
        info!("Stopping.");
        stop.cancel();
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_defaults_hold_every_table_once() {
        let own = "[door]\nlisten = '127.0.0.1:1'\n[adapter]\n";
        let rest = beneath(own);
        assert!(!rest.contains("[door]") && !rest.contains("[adapter]") && rest.contains("[log]\n"), "{rest}");
        assert_eq!(beneath(BASE), "");
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Line::command().debug_assert();
    }

    #[test]
    fn a_moment_is_a_time_or_how_long_ago() {
        assert_eq!(moment("2026-11-20T09:00:00+07:00").expect("a time").to_string(), "2026-11-20T02:00:00Z");
        for (ago, hours) in [("2d", 48), ("3h", 3), ("1h 30m", 1), ("0d", 0)] {
            let at = moment(ago).expect("how long ago");
            assert_eq!(now().duration_since(at).as_hours(), hours, "{ago}");
        }
        for wrong in ["", "soon", "-3h", "yesterday", "9999999999999d"] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }
}
