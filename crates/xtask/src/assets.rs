//! The front-end packages, bundled into `crates/ui/dist`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Instant, SystemTime},
};

use anyhow::{Context, Result};

use crate::{
    install, say,
    workspace::{root, run_quietly},
};

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bundle {
    Made,
    Fresh,
    Missing,
}

/// Installs the packages that `crates/ui/front/package-lock.json` pins and runs its script `build`, unless nothing has changed since.
/// Without node this says so and goes on: pages work without the bundle, only less comfortably.
pub(crate) fn bundle() -> Result<Bundle> {
    let front = root().join("crates/ui/front");
    let dist = root().join("crates/ui/dist");
    if newest(&dist).is_some_and(|made| newest(&front).is_some_and(|changed| changed < made)) {
        say::fine("The front-end bundle is up to date.");
        return Ok(Bundle::Fresh);
    }
    let Some(npm) = install::npm()? else { return Ok(Bundle::Missing) };
    install::npm_packages(&npm, &front)?;
    let began = Instant::now();
    fs::create_dir_all(&dist)?;
    run_quietly(Command::new(&npm).args(["run", "--silent", "build"]).current_dir(&front))
        .context("the front-end packages could not be bundled")?;
    say::fine(&format!("Bundled the front-end packages into crates/ui/dist ({}).", say::took(began.elapsed())));
    Ok(Bundle::Made)
}

/// When something in a folder was changed last; installed packages aside.
fn newest(folder: &Path) -> Option<SystemTime> {
    let entries = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    entries
        .filter(|path| !path.ends_with("node_modules"))
        .filter_map(|path: PathBuf| if path.is_dir() { newest(&path) } else { path.metadata().ok()?.modified().ok() })
        .max()
}
