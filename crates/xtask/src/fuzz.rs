//! `cargo xtask fuzz`: libFuzzer on the readers of hostile bytes, in `fuzz/`.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::{
    install, say,
    workspace::{self, root},
};

/// Each target, and where its first inputs lie.
const TARGETS: &[(&str, &str)] = &[
    ("whatsapp", "crates/adapter-whatsapp/fixtures"),
    ("sms", "crates/adapter-sms/fixtures"),
    ("email", "crates/adapter-email/fixtures"),
    ("x", "crates/adapter-x/fixtures"),
    ("telegram", "crates/adapter-telegram/fixtures"),
    ("form", "crates/adapter-web/fixtures"),
    ("desk", "crates/adapter-desk/fixtures"),
    ("import", "crates/adapter-rtrw/fixtures"),
    ("chat", "fuzz/seeds/chat"),
    ("words", "fuzz/seeds/words"),
    ("envelope", "crates/model/wire"),
    ("picture", "fuzz/seeds/picture"),
];

#[derive(Args)]
pub(crate) struct Options {
    /// Seconds for each target.
    #[arg(long, default_value_t = 180)]
    seconds: u32,
    /// These targets alone.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    install::headers()?;
    let fuzz = install::cargo_fuzz()?;
    let chosen: Vec<_> = TARGETS.iter().filter(|(name, _)| options.only.is_empty() || options.only.iter().any(|one| one == name)).collect();
    if chosen.is_empty() {
        bail!("there is no such target; these are: {}", TARGETS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "));
    }
    let target = workspace::target()?.join("fuzz");
    say::step("Building the targets");
    workspace::run(&mut cargo_fuzz(&fuzz, &target, &["build"]))?;
    let mut crashed = Vec::new();
    for (name, seeds) in chosen {
        let began = Instant::now();
        match one(&fuzz, &target, name, &root().join(seeds), options.seconds)? {
            Some(runs) => say::fine(&format!("{name}: {runs} runs, {}", say::took(began.elapsed()))),
            None => crashed.push(*name),
        }
    }
    if crashed.is_empty() { Ok(()) } else { bail!("crashed: {}; the inputs are in fuzz/artifacts", crashed.join(", ")) }
}

/// How many inputs were tried; `None`: one of them crashed it, and libFuzzer said how.
fn one(fuzz: &Path, target: &Path, name: &str, seeds: &Path, seconds: u32) -> Result<Option<String>> {
    let corpus = root().join("fuzz/corpus").join(name);
    fs::create_dir_all(&corpus)?;
    let mut run = cargo_fuzz(fuzz, target, &["run", name]);
    run.arg(&corpus).arg(seeds);
    run.args(["--", &format!("-max_total_time={seconds}"), "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1", "-verbosity=0"]);
    let output = run.stdout(Stdio::inherit()).output().with_context(|| format!("cannot start the target {name}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        say::problem(&format!("{name}:\n{said}"));
        return Ok(None);
    }
    let runs = said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:")).unwrap_or("?");
    Ok(Some(runs.trim().to_owned()))
}

/// Without the address sanitizer: the code is safe Rust, and the stable toolchain has none. In sixteen units a crate, because one would take
/// several times as long to build.
fn cargo_fuzz(program: &Path, target: &Path, words: &[&str]) -> Command {
    let mut command = workspace::building(program.as_os_str());
    command.arg("fuzz").args(words).args(["--fuzz-dir", "fuzz", "--sanitizer", "none", "--codegen-units", "16"]);
    command.env("CARGO_TARGET_DIR", target).env("CARGO_INCREMENTAL", "0");
    command
}
