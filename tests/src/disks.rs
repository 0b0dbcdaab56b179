//! Small disks in memory, to be filled.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use crate::open_to_the_database;

/// What is mounted; unmounted when dropped. Whoever is killed leaves mounts: long runs go through `unshare --mount`.
#[derive(Debug, Default)]
pub(crate) struct Disks(Vec<PathBuf>);

impl Disks {
    /// Whether disks can be made here.
    pub(crate) fn possible() -> bool {
        let Ok(folder) = tempfile::tempdir() else { return false };
        let mut disks = Self::default();
        disks.try_mount(folder.path(), 1)
    }

    /// Puts a disk of so many MiB at this folder, which is made.
    pub(crate) fn mount(&mut self, folder: &Path, mebibytes: u32) {
        fs::create_dir_all(folder).expect("the folder is ours");
        assert!(self.try_mount(folder, mebibytes), "a small disk needs root and the right to mount: run as root");
        open_to_the_database(folder);
    }

    fn try_mount(&mut self, folder: &Path, mebibytes: u32) -> bool {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "muara-small-disk"]).arg(folder);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        if mounted {
            self.0.push(folder.to_owned());
        }
        mounted
    }

    /// Writes until nothing more fits.
    pub(crate) fn fill(&self, folder: &Path) {
        assert!(self.0.iter().any(|disk| disk == folder), "{} is no small disk", folder.display());
        let mut ballast = File::create(folder.join("ballast")).expect("there is room for a name");
        let chunk = vec![1; 64 * 1024];
        while ballast.write_all(&chunk).is_ok() {}
        while ballast.write_all(&chunk[..512]).is_ok() {}
    }

    /// Takes it away again.
    pub(crate) fn empty(&self, folder: &Path) {
        assert!(self.0.iter().any(|disk| disk == folder), "{} is no small disk", folder.display());
        fs::remove_file(folder.join("ballast")).expect("it was filled");
    }
}

impl Drop for Disks {
    fn drop(&mut self) {
        for folder in self.0.drain(..) {
            // Whoever still has a file open there keeps it until they close it.
            let _ = Command::new("umount").arg("--lazy").arg(folder).output();
        }
    }
}
