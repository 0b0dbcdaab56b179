//! A door with a spool in a temporary folder, and no bus behind it.

use adapter_sdk::{
    AdapterName, Door, Raw,
    spool::{Spool, SpoolOptions},
};
use tempfile::TempDir;

/// More than any test puts in.
const MOST_BYTES: u64 = 1 << 30;
const MAX_BODY: usize = 64 << 20;

/// A door for tests: what was submitted stays and can be looked at.
#[derive(Debug)]
pub struct TestDoor {
    door: Door,
    spool: Spool,
    _folder: TempDir,
}

impl TestDoor {
    /// Opens one for the adapter of this name, for bodies of up to 64 MiB.
    ///
    /// # Panics
    /// When there is no folder for temporary files.
    pub fn open(adapter: &AdapterName) -> Self {
        Self::limited(adapter, MAX_BODY, MOST_BYTES)
    }

    /// Opens one that takes bodies of at most `max_body` bytes, and is full with `spool_bytes`.
    ///
    /// # Panics
    /// When there is no folder for temporary files.
    pub fn limited(adapter: &AdapterName, max_body: usize, spool_bytes: u64) -> Self {
        let folder = TempDir::new().expect("a folder for temporary files");
        let options = SpoolOptions::new(folder.path().join("spool"), spool_bytes, std::time::Duration::ZERO);
        let spool = Spool::open(options).expect("an empty folder makes a spool");
        Self { door: Door::new(adapter.clone(), spool.clone(), max_body), spool, _folder: folder }
    }

    /// The door.
    pub fn door(&self) -> Door {
        self.door.clone()
    }

    /// What has been taken since the last look, in order.
    ///
    /// # Panics
    /// When the spool cannot be read.
    pub async fn taken(&self) -> Vec<Raw> {
        let mut raws = Vec::new();
        while self.spool.level().waiting > 0 {
            let group = self.spool.next(usize::MAX, usize::MAX).await.expect("a spool of this test");
            self.spool.confirm(&group, std::time::Instant::now());
            raws.extend(group.entries.into_iter().map(|entry| entry.raw));
        }
        raws
    }
}
