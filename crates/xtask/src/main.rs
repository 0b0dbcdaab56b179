//! Set-up and everyday commands.
//!
//! - `cargo xtask up` brings a whole Muara up on this machine, `--demo` with a small lively city that complains.
//! - `cargo xtask test` checks everything there is to check; `.ci/run` calls it.
//! - `cargo xtask assets` bundles the front-end packages into `crates/ui/dist`.
//! - `cargo xtask flood` lets a city complain at once and looks whether anything is lost; `cargo xtask faults` breaks everything meanwhile.
//! - `cargo xtask outside` calls every door as strangers would; `cargo xtask fuzz` gives every reader bytes that nobody would send.
//! - `cargo xtask prepare` writes down in `.sqlx` what the queries look like, so that a build needs no database.
//!
//! Each of them installs what it needs and is missing, where it can, and says so; where it cannot, one sentence says what to install.

mod assets;
mod bench;
mod faults;
mod fuzz;
mod install;
mod outside;
mod prepare;
mod program;
mod say;
mod settings;
mod test;
mod up;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Set-up and everyday commands of Muara")]
struct Arguments {
    #[command(subcommand)]
    command: Commands,
}

#[derive(Subcommand)]
enum Commands {
    /// Bring a whole Muara up on this machine: servers, every role, the adapters. Ctrl-C stops it; a second `up` finds its data again.
    Up(up::Options),
    /// Check everything: format, lints, tests against real servers, docs, licences, prepared queries.
    Test(test::Options),
    /// Bundle the front-end packages into crates/ui/dist.
    Assets,
    /// Write into .sqlx what the queries of the crate store look like to a migrated database.
    Prepare(prepare::Options),
    /// Print what this machine can do, beside its own limits; builds in release.
    Bench,
    /// Let a city complain at once, over the real protocols, at an installation made for it; 1 if anything is missing or doubled.
    Flood(faults::Words),
    /// Break everything, one thing after another, under a flood; a line for each, and 1 if anything is missing or the balance is off.
    Faults(faults::Words),
    /// Look at a city made for it from outside: every described door with schemathesis, its pages with wapiti; 1 at a finding.
    Outside(outside::Options),
    /// Try every reader of hostile bytes with libFuzzer, a while each, from the recorded messages on; 1 at a crash.
    Fuzz(fuzz::Options),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Commands::Up(options) => up::run(&options),
        Commands::Test(options) => test::run(&options),
        Commands::Assets => assets::bundle().map(|_| ()),
        Commands::Prepare(options) => prepare::run(&options),
        Commands::Bench => bench::run_all(),
        Commands::Flood(words) => faults::flood(&words),
        Commands::Faults(words) => faults::faults(&words),
        Commands::Outside(options) => outside::run(&options),
        Commands::Fuzz(options) => fuzz::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            say::problem(&format!("{problem:#}"));
            ExitCode::FAILURE
        }
    }
}
