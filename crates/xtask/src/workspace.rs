//! Where things are, and running programs there.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("crates/xtask lies two folders below the root")
}

/// The cargo that runs us.
pub(crate) fn cargo() -> Command {
    building(&env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// A program that builds in our workspace.
pub(crate) fn building(program: &OsStr) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    // `cargo run` tells us about our own package. Passed on to another cargo, build scripts that look at these (ring's) run again, and with them
    // half of the tree is built again, and once more at the next `cargo build` by hand.
    for (name, _) in env::vars_os().filter(|(name, _)| is_about_our_package(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    if in_ci() {
        // Nobody builds there a second time: without it the build is smaller and quicker.
        command.env("CARGO_INCREMENTAL", "0");
    }
    command
}

fn is_about_our_package(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a machine runs us rather than a person.
pub(crate) fn in_ci() -> bool {
    env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
}

/// Where cargo puts what it builds: the folder that we were built into.
pub(crate) fn target() -> Result<PathBuf> {
    let ours = env::current_exe().context("cannot find our own program")?;
    Ok(ours.ancestors().nth(2).context("our own program does not lie in target/<profile>/")?.to_owned())
}

/// Runs a program to its end; its output goes where ours goes. An error when it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    let status = command.status().with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// Runs a program to its end without a word; what it printed is in the error when it fails.
pub(crate) fn run_quietly(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let output = command.output().with_context(|| format!("cannot start `{shown}`"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = said.lines().collect();
        bail!("`{shown}` failed ({}):\n{}", output.status, lines[lines.len().saturating_sub(15)..].join("\n"));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words: Vec<&OsStr> = std::iter::once(program).chain(command.get_args()).collect();
    words.join(OsStr::new(" ")).to_string_lossy().into_owned()
}

/// The first program of these names in the path.
pub(crate) fn program(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    names.iter().find_map(|name| env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file()))
}
