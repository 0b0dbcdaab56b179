//! Everything that is checked, in the order in which it is quickest to hear that something is wrong.

use std::{
    io::{BufRead, BufReader, IsTerminal, Read},
    process::{Command, Stdio},
    thread,
    time::Instant,
};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::{
    assets, install, prepare, say,
    workspace::{self, cargo, program, root},
};

#[derive(Args)]
pub(crate) struct Options {
    /// Only these checks, in their usual order.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Check>,
    /// Words for the test runner, for instance the name of a test.
    #[arg(last = true)]
    words: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Check {
    /// Sources are formatted.
    Format,
    /// clippy has nothing to say.
    Lints,
    /// The queries in .sqlx are those of the sources, and the migrations can be applied.
    Prepared,
    /// Licences, sources and bans of what is linked.
    Licences,
    /// Every test, against real servers.
    Tests,
    /// The documentation builds without a warning.
    Docs,
}

const ALL: [Check; 6] = [Check::Format, Check::Prepared, Check::Lints, Check::Docs, Check::Licences, Check::Tests];

impl Check {
    fn name(self) -> &'static str {
        match self {
            Check::Format => "Format",
            Check::Lints => "Lints",
            Check::Prepared => "Migrations and prepared queries",
            Check::Licences => "Licences, sources and bans",
            Check::Tests => "Tests",
            Check::Docs => "Documentation",
        }
    }

    fn run(self, words: &[String]) -> Result<()> {
        match self {
            Check::Format => workspace::run(cargo().args(["fmt", "--all", "--check"])),
            Check::Lints => workspace::run(cargo().args([
                "clippy",
                "--quiet",
                "--keep-going",
                "--workspace",
                "--all-targets",
                "--",
                "--deny",
                "warnings",
            ])),
            Check::Prepared => prepare::run(&prepare::Options { check: true }),
            Check::Licences => licences(),
            Check::Tests => tests(words),
            Check::Docs => {
                workspace::run(cargo().args(["doc", "--quiet", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "--deny warnings"))
            }
        }
    }
}

/// Runs every check, also after one has failed: who reads the result wants all of it.
pub(crate) fn run(options: &Options) -> Result<()> {
    let checks: Vec<Check> = ALL.into_iter().filter(|check| options.only.is_empty() || options.only.contains(check)).collect();
    let began = Instant::now();
    install::headers()?;
    if checks.contains(&Check::Tests) || checks.contains(&Check::Lints) {
        // The pages embed it, so it has to be there before anything is built.
        assets::bundle()?;
    }
    let mut results = Vec::new();
    for check in checks {
        say::step(check.name());
        let began = Instant::now();
        let result = check.run(&options.words);
        let time = say::took(began.elapsed());
        match &result {
            Ok(()) => say::fine(&format!("{} ({time})", check.name())),
            Err(problem) => say::problem(&format!("{} ({time}): {problem:#}", check.name())),
        }
        results.push((check.name(), result.is_ok()));
    }
    let failed: Vec<&str> = results.iter().filter(|(_, fine)| !fine).map(|(name, _)| *name).collect();
    let time = say::took(began.elapsed());
    if failed.is_empty() {
        say::fine(&format!("All {} checks passed ({time}).", results.len()));
        return Ok(());
    }
    bail!("{} of {} checks failed ({time}): {}", failed.len(), results.len(), failed.join(", "))
}

fn licences() -> Result<()> {
    let deny = match install::cargo_deny() {
        Ok(deny) => deny,
        Err(problem) => {
            say::without(&format!("cargo-deny cannot be had here, so licences were not looked at: {problem:#}"));
            return Ok(());
        }
    };
    workspace::run(Command::new(&deny).args(["--log-level", "error", "check", "bans", "licenses", "sources"]).current_dir(root()))?;
    // The advisories lie in a repository of their own, which not every machine can reach.
    let advisories = Command::new(&deny).args(["--log-level", "error", "check", "advisories"]).current_dir(root()).output()?;
    let said = String::from_utf8_lossy(&advisories.stderr);
    if advisories.status.success() {
        say::fine("No advisory is open against what is linked.");
    } else if said.contains("failed to fetch") || said.contains("failed to load") || said.contains("advisory database") {
        say::without("The advisory database cannot be reached from here, so advisories were not looked at.");
    } else {
        bail!("{said}");
    }
    Ok(())
}

/// Every test of the workspace. They share one PostgreSQL, in which each has its own database, and start NATS servers of their own.
fn tests(words: &[String]) -> Result<()> {
    install::servers()?;
    install::mail()?;
    let browser = install::browser()?;
    install::text_gateways()?;
    for scripts in ["tests/browser", "tests/smsc", "tests/oidc"].map(|folder| root().join(folder)) {
        let npm = install::npm()?
            .context("node is needed for the tests of pages, of SMPP and of signing in elsewhere: install `nodejs` and `npm`")?;
        install::npm_packages(&npm, &scripts)?;
    }
    // The road's tests run the programs themselves, which a test build does not make.
    workspace::run(cargo().args(["build", "--quiet", "--workspace", "--bins"]))?;
    let postgres = servers::testing::Shared::start()?;
    let about = |command: &mut Command| {
        command.env("MUARA_TEST_POSTGRES", postgres.socket_folder()).env("MUARA_CHROMIUM", &browser).env("RUST_BACKTRACE", "1");
        if std::io::stdout().is_terminal() {
            command.env("CARGO_TERM_COLOR", "always");
        }
    };
    let mut counts = Counts::default();
    let mut fine = true;
    if let Some(nextest) = program(&["cargo-nextest"]) {
        let mut all = workspace::building(nextest.as_os_str());
        all.args(["nextest", "run", "--workspace", "--no-fail-fast", "--status-level", "fail", "--final-status-level", "fail"]).args(words);
        about(&mut all);
        fine &= counted(&mut all, &mut counts)?;
        if words.is_empty() {
            let mut docs = cargo();
            docs.args(["test", "--quiet", "--workspace", "--doc", "--no-fail-fast"]);
            about(&mut docs);
            fine &= counted(&mut docs, &mut counts)?;
        }
    } else {
        let mut all = cargo();
        all.args(["test", "--workspace", "--no-fail-fast"]).args(words);
        about(&mut all);
        fine &= counted(&mut all, &mut counts)?;
    }
    say::plain(&format!("{} passed, {} failed, {} skipped", counts.passed, counts.failed, counts.skipped));
    if !fine {
        bail!("{} tests failed", counts.failed);
    }
    if counts.passed == 0 {
        bail!("no test was run");
    }
    Ok(())
}

#[derive(Default, Debug, PartialEq, Eq)]
struct Counts {
    passed: u32,
    failed: u32,
    skipped: u32,
}

impl Counts {
    /// Reads a closing line: `test result: ok. 7 passed; 0 failed; 1 ignored; …`, or nextest's `Summary [ 12.3s] 9 tests run: 8 passed, 1 failed, 2 skipped`.
    /// What a failed test printed itself comes indented, and was counted already.
    fn read(&mut self, line: &str) {
        let line = without_colours(line);
        let Some((_, results)) = line
            .strip_prefix("test result:")
            .map(|rest| ("", rest))
            .or_else(|| line.split_once(" run:").filter(|(before, _)| before.contains("Summary")))
        else {
            return;
        };
        let words: Vec<&str> = results.split([' ', ';', ',', '.']).filter(|word| !word.is_empty()).collect();
        for pair in words.windows(2) {
            let Ok(count) = pair[0].parse::<u32>() else { continue };
            match pair[1] {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                "ignored" | "skipped" => self.skipped += count,
                _ => {}
            }
        }
    }
}

fn without_colours(line: &str) -> String {
    let mut text = String::new();
    let mut parts = line.split('\u{1b}');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        text.push_str(part.split_once('m').map_or(part, |(_, rest)| rest));
    }
    text
}

/// Runs a test runner, passes on what it says, and counts.
fn counted(command: &mut Command, counts: &mut Counts) -> Result<bool> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("cannot start the test runner")?;
    let pass_on = |pipe: Box<dyn Read + Send>| {
        thread::spawn(move || {
            let mut counts = Counts::default();
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                counts.read(&line);
                say::plain(&line);
            }
            counts
        })
    };
    let pipes: [Option<Box<dyn Read + Send>>; 2] =
        [child.stdout.take().map(|pipe| Box::new(pipe) as _), child.stderr.take().map(|pipe| Box::new(pipe) as _)];
    let readers: Vec<_> = pipes.into_iter().flatten().map(pass_on).collect();
    let status = child.wait()?;
    for reader in readers {
        if let Ok(read) = reader.join() {
            counts.passed += read.passed;
            counts.failed += read.failed;
            counts.skipped += read.skipped;
        }
    }
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_both_runners_are_counted() {
        let mut counts = Counts::default();
        counts.read("test result: ok. 7 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 4.67s");
        counts.read("\u{1b}[32;1m     Summary\u{1b}[0m [  12.345s] \u{1b}[1m9\u{1b}[0m tests run: \u{1b}[1m8\u{1b}[0m \u{1b}[32mpassed\u{1b}[0m (1 slow), 1 failed, 2 skipped");
        counts.read("test a_line_that_says 5 passed ... ok");
        counts.read("    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 1 filtered out; finished in 18.56s");
        assert_eq!(counts, Counts { passed: 15, failed: 1, skipped: 3 });
    }
}
