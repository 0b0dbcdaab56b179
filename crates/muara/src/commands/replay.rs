//! `muara replay`: what an adapter's newer release makes of stored raw messages. Parsers are the adapters' own, so their program does it; this finds and
//! starts it.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, bail};
use clap::Args;
use model::AdapterName;

use crate::config::Config;

#[derive(Args)]
pub(crate) struct Replay {
    /// Whose messages.
    #[arg(long)]
    adapter: AdapterName,
    /// From then on: a time, or how long ago (2d, 3h).
    #[arg(long)]
    from: String,
    /// Until then; without it, now.
    #[arg(long)]
    to: Option<String>,
    /// Only show what differs. What is shown is personal data.
    #[arg(long)]
    dry_run: bool,
    /// The adapter's own configuration; without it, `<adapters>/<adapter>.toml` beside ours.
    #[arg(long, value_name = "FILE")]
    adapter_config: Option<PathBuf>,
    /// The adapter's program; without it, the one beside this program, or on the PATH.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

pub(crate) fn run(_config: &Config, replay: &Replay) -> anyhow::Result<()> {
    let name = format!("adapter-{}", replay.adapter);
    let program = replay.program.clone().unwrap_or_else(|| beside(&name));
    let config =
        replay.adapter_config.clone().unwrap_or_else(|| PathBuf::from("/etc/muara/adapters").join(format!("{}.toml", replay.adapter)));
    if !config.exists() {
        bail!(
            "there is no {}: say by --adapter-config where the configuration of {name} is, or run `{name} replay` where it runs",
            config.display()
        );
    }
    let mut command = Command::new(&program);
    command.arg("replay").arg("--config").arg(&config).args(["--from", &replay.from]);
    if let Some(to) = &replay.to {
        command.args(["--to", to]);
    }
    if replay.dry_run {
        command.arg("--dry-run");
    }
    let ended = command.status().with_context(|| format!("cannot start {}: say by --program where it is", program.display()))?;
    if !ended.success() {
        bail!("{name} did not read everything again: {ended}");
    }
    Ok(())
}

/// Where this program is, if the other one is there too.
fn beside(name: &str) -> PathBuf {
    let here = std::env::current_exe().ok().and_then(|path| Some(path.parent()?.join(name)));
    here.filter(|path| path.exists()).unwrap_or_else(|| PathBuf::from(name))
}
