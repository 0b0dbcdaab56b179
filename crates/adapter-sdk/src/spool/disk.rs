//! What the writer does to the disk, in one place, so that tests can let it fail.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use super::record::{Encoded, MAGIC};

/// The disk. Not a seam for other storage: in a release there is nothing in it.
#[derive(Debug, Default)]
pub(super) struct Disk {
    #[cfg(test)]
    pub(super) faults: super::tests::Faults,
}

impl Disk {
    /// The disk under a folder.
    pub(super) fn under(folder: &Path) -> Self {
        #[cfg(test)]
        return Self { faults: super::tests::Faults::of(folder) };
        #[cfg(not(test))]
        {
            let _ = folder;
            Self::default()
        }
    }
}

#[cfg_attr(not(test), expect(clippy::unused_self, reason = "only tests have something in it"))]
impl Disk {
    /// Makes a segment's file. It is not durable before [`Disk::sync_folder`].
    pub(super) fn create(&self, path: &Path) -> io::Result<File> {
        #[cfg(test)]
        self.faults.before_create()?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        match file.write_all(&MAGIC) {
            Ok(()) => Ok(file),
            Err(error) => {
                let _ = std::fs::remove_file(path);
                Err(error)
            }
        }
    }

    /// Writes records after the first `len` bytes.
    pub(super) fn write<'a>(&self, file: &File, len: u64, records: impl Iterator<Item = &'a Encoded>) -> io::Result<()> {
        let mut out = file;
        out.seek(SeekFrom::Start(len))?;
        // Small records leave in one call; what is larger than the buffer goes past it, uncopied.
        let mut out = BufWriter::with_capacity(64 * 1024, out);
        for record in records {
            #[cfg(test)]
            self.faults.before_write(&mut out, record)?;
            out.write_all(&record.start)?;
            out.write_all(&record.body)?;
        }
        out.flush()
    }

    /// The data are on the disk when it returns.
    pub(super) fn sync(&self, file: &File) -> io::Result<()> {
        #[cfg(test)]
        self.faults.before_sync()?;
        file.sync_data()?;
        #[cfg(test)]
        self.faults.after_sync(file);
        Ok(())
    }

    /// The names in the folder are on the disk when it returns.
    pub(super) fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        #[cfg(test)]
        self.faults.before_sync_folder();
        File::open(folder)?.sync_all()?;
        #[cfg(test)]
        self.faults.after_sync_folder(folder);
        Ok(())
    }
}
