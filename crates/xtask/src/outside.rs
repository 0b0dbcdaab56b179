//! `cargo xtask outside`: a city is started, and looked at from outside.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::Command,
};

use anyhow::{Context, Result};
use clap::Args;

use crate::{
    install,
    settings::{House, Ports},
    up,
    workspace::{self, program, root},
};

#[derive(Args)]
pub(crate) struct Options {
    /// The first of the loopback ports of that city.
    #[arg(long, default_value_t = 9600)]
    port_base: u16,
    /// Where the reports go.
    #[arg(long, default_value = "target/outside")]
    report: PathBuf,
    /// The doors alone, without the scan of their pages (a minute and a half for each of four).
    #[arg(long)]
    without_scan: bool,
    /// More words for `tests/outside/run.py`: `--examples 50 --only form --seed 7`.
    #[arg(last = true)]
    words: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    install::headers()?;
    install::servers()?;
    let schemathesis = install::python_program("schemathesis")?;
    let wapiti = if options.without_scan { None } else { Some(install::python_program("wapiti")?) };
    let ports = Ports::from(options.port_base)?;
    ports.are_free()?;
    let folder = tempfile::tempdir()?;
    // The database's user has to pass through.
    fs::set_permissions(folder.path(), Permissions::from_mode(0o711))?;
    let house = House::open(Some(&folder.path().join("city")), ports)?;
    up::while_up(&house, || {
        let python = program(&["python3"]).context("python3 is needed")?;
        let mut look = Command::new(python);
        look.arg(root().join("tests/outside/run.py")).arg("--data").arg(&house.data).arg("--program").arg(&schemathesis);
        look.arg("--port-base").arg(options.port_base.to_string()).arg("--report").arg(root().join(&options.report));
        if let Some(wapiti) = &wapiti {
            look.arg("--scanner").arg(wapiti);
        }
        workspace::run(look.args(&options.words))
    })
}
