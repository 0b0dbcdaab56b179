//! Floods, and floods while things break: the examples `flood` and `faults` of the crate `tests`.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::{
    install, say,
    workspace::{cargo, program, root, run, target},
};

#[derive(Args)]
pub(crate) struct Words {
    /// Words for the run: `--help` says which.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

pub(crate) fn flood(words: &Words) -> Result<()> {
    install::servers()?;
    install::mail()?;
    build()?;
    example("flood", words, false)
}

pub(crate) fn faults(words: &Words) -> Result<()> {
    install::servers()?;
    install::mail()?;
    install::clock();
    build()?;
    example("faults", words, true)
}

fn build() -> Result<()> {
    say::step("Building");
    // One choice of packages, the one of the tests: another would build half of the tree again.
    run(cargo().args(["build", "--quiet", "--workspace", "--bins", "--examples"]))
}

/// `own_mounts`: whatever it mounts is gone with it, however it ends.
fn example(name: &str, Words { words }: &Words, own_mounts: bool) -> Result<()> {
    let example = target()?.join("debug/examples").join(name);
    let may_mount = own_mounts && rustix::process::geteuid().is_root() && works("unshare", &["--mount", "true"]);
    let mut command = if may_mount {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private"]).arg(example);
        command
    } else {
        Command::new(example)
    };
    run(command.args(words).current_dir(root().join("tests")))
}

fn works(name: &str, arguments: &[&str]) -> bool {
    program(&[name]).is_some_and(|program| Command::new(program).args(arguments).status().is_ok_and(|status| status.success()))
}
