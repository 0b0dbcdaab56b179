//! Muara: the core of an open complaint system for local governments. One program, its roles and the admin's commands.

mod commands;
mod config;
mod connect;
mod doors;
mod keys;
mod metrics;
mod private;
mod roles;
mod seed;
mod storage;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use config::Config;

#[derive(Parser)]
#[command(name = "muara", version, about = "The complaint system of a city: its roles and its admin's commands")]
struct Cli {
    /// The configuration file; without it the defaults count (see `muara check --defaults`).
    #[arg(long, short, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run everything in one process, with a private PostgreSQL and NATS where the configuration says so.
    All,
    /// Run the pages for citizens, agencies and admins.
    Web,
    /// Turn what comes in into complaints.
    Intake,
    /// Hand complaints to agencies and replies to adapters.
    Dispatch,
    /// Bring the database to what this version expects.
    Migrate,
    /// Load a starting directory from a folder, if there is none yet, and make the first accounts.
    Seed {
        /// For instance deploy/directory/jakarta
        folder: PathBuf,
    },
    /// Who acts, how they hear of complaints, and what they did not hear.
    #[command(subcommand)]
    Agency(commands::agency::Command),
    /// What categories ask for, and how many closings a second person looks at.
    #[command(subcommand)]
    Category(commands::category::Command),
    /// The official ways in.
    #[command(subcommand)]
    Channel(commands::channel::Command),
    /// Accounts of ours that are there for one thing: an information line, a line for corrections of data.
    #[command(subcommand)]
    Line(commands::line::Command),
    /// How much one sender and one channel may bring, and from when on a complaint is held.
    #[command(subcommand)]
    Guard(commands::guard::Command),
    /// Which complaints go to which agency: versions, and the table as a file.
    #[command(subcommand)]
    Rules(commands::rules::Command),
    /// Days off, with the decree they come from.
    #[command(subcommand)]
    Holidays(commands::holidays::Command),
    /// Who works here.
    #[command(subcommand)]
    Staff(commands::staff::Command),
    /// What staff did, and whether what is written of it is still what was written.
    #[command(subcommand)]
    Audit(commands::audit::Command),
    /// What a citizen may ask about their own data: a copy, or that it be erased.
    #[command(subcommand)]
    Citizen(commands::citizen::Command),
    /// What is kept how long, what is due to go, and holds.
    #[command(subcommand)]
    Retention(commands::retention::Command),
    /// Keys that are kept outside the database.
    #[command(subcommand)]
    Vault(commands::vault::Command),
    /// Keep database, files and bus of a running system in a folder. The keys of vault and bus are not in it.
    Backup {
        /// Is made; must be empty.
        folder: PathBuf,
    },
    /// Put a backup back, where nothing is. Roles and adapters must not run.
    Restore {
        /// What `muara backup` wrote.
        folder: PathBuf,
    },
    /// Whether everything that was said yes to on a day is somewhere. Names what is not; ends with 1 if there is something.
    Balance(commands::balance::Balance),
    /// Read stored raw messages again, with what an adapter's newer release makes of them. Adds nothing twice.
    Replay(commands::replay::Replay),
    /// Messages that were set aside for a person.
    #[command(subcommand)]
    Parked(commands::parked::Command),
    /// Learn from decided complaints: which agency, category and area such words led to.
    Learn(commands::learn::Learn),
    /// Versions of what was learned: list, switch, go back.
    #[command(subcommand)]
    Learned(commands::learn::Versions),
    /// Bring decided complaints of an earlier system from CSV, to learn from. Says what it understood; writes only when told.
    Import(commands::learn::Import),
    /// The report of a month, with its evidence.
    Report(commands::report::Report),
    /// Measure triage on complaints that people have decided on.
    Eval(commands::eval::Eval),
    /// Check the configuration without touching anything.
    Check {
        /// Print every option with its default instead.
        #[arg(long)]
        defaults: bool,
    },
    /// Touch everything this installation needs, and say what to do about what does not answer.
    Doctor,
}

impl Command {
    /// Whether it runs until it is told to stop.
    fn is_role(&self) -> bool {
        matches!(self, Self::All | Self::Web | Self::Intake | Self::Dispatch)
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // What stays, or talks to programs of PostgreSQL, hears of a closed pipe as an error.
    if !cli.command.is_role() && !matches!(cli.command, Command::Backup { .. } | Command::Restore { .. }) {
        // Who reads only the first lines, as `head` does, ends the command instead of making it panic.
        sigpipe::reset();
    }
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("muara: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    if let Command::Check { defaults: true } = cli.command {
        print!("{}", config::DEFAULTS);
        return Ok(());
    }
    if let Command::Eval(eval) = &cli.command {
        return commands::eval::run(eval);
    }
    let mut config = Config::load(cli.config.as_deref(), std::env::vars())?;
    // Only these two start a database of their own; with any other, one that is named is not ours.
    if !config.database.url.is_empty() && !matches!(cli.command, Command::All | Command::Restore { .. }) {
        config.database.private = false;
    }
    if cli.command.is_role() {
        servers::go_behind_the_doors();
    }
    match cli.command {
        Command::Check { .. } => {
            config.vault()?;
            config.elsewhere(&outgoing::Http::new(outgoing::Limits::default())?)?;
            println!("The configuration is valid.");
            Ok(())
        }
        Command::Eval(_) => Ok(()), // done above, before a configuration is asked for
        Command::All => private::run(config, roles::all),
        Command::Web => run_role(config, roles::web),
        Command::Intake => run_role(config, roles::intake),
        Command::Dispatch => run_role(config, roles::dispatch),
        Command::Migrate => admin(commands::migrate(&config)),
        Command::Seed { folder } => admin(commands::seed(&config, &folder)),
        Command::Agency(command) => admin(commands::agency::run(&config, command)),
        Command::Report(report) => admin(commands::report::run(&config, report)),
        Command::Category(command) => admin(commands::category::run(&config, command)),
        Command::Channel(command) => admin(commands::channel::run(&config, command)),
        Command::Line(command) => admin(commands::line::run(&config, command)),
        Command::Guard(command) => admin(commands::guard::run(&config, command)),
        Command::Rules(command) => admin(commands::rules::run(&config, command)),
        Command::Holidays(command) => admin(commands::holidays::run(&config, command)),
        Command::Staff(command) => admin(commands::staff::run(&config, command)),
        Command::Audit(command) => admin(commands::audit::run(&config, command)),
        Command::Citizen(command) => admin(commands::citizen::run(&config, command)),
        Command::Retention(command) => admin(commands::retention::run(&config, command)),
        Command::Vault(command) => admin(commands::vault::run(&config, command)),
        Command::Backup { folder } => admin(commands::backup::backup(&config, &folder)),
        // A private server runs only while somebody needs it.
        Command::Restore { folder } if config.database.private || config.bus.private => {
            private::run(config, |config, _stop| async move { commands::backup::restore(&config, &folder).await })
        }
        Command::Restore { folder } => admin(commands::backup::restore(&config, &folder)),
        Command::Balance(balance) => admin(commands::balance::run(&config, balance)),
        Command::Replay(replay) => commands::replay::run(&config, &replay),
        Command::Parked(command) => admin(commands::parked::run(&config, command)),
        Command::Learn(learn) => admin(commands::learn::learn(&config, learn)),
        Command::Learned(command) => admin(commands::learn::versions(&config, command)),
        Command::Import(import) => admin(commands::learn::import(&config, import)),
        Command::Doctor => admin(commands::doctor::run(&config)),
    }
}

/// Runs a role until the process is asked to stop.
fn run_role<F>(config: Config, role: fn(Config, bus::Stop) -> F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>>,
{
    settings::start_log(&config.log)?;
    runtime()?.block_on(async {
        let stop = bus::Stop::new();
        roles::stop_on_signal(&stop)?;
        role(config, stop).await
    })
}

/// Runs one command to its end. Its words are its output; the log stays quiet.
fn admin(command: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    runtime()?.block_on(command)
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
}
