//! What an adapter must know after a restart: what was spent this month, which replies are on their way, a token that changes with every use. Small
//! files, each replaced whole: after a power cut there is the old one or the new one.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

/// A folder of small files that nobody else reads. Made when it is first written to.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder at this path. No I/O.
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// What a file holds; `None` where there is none, or one that cannot be understood.
    ///
    /// # Errors
    /// The disk's.
    pub async fn read<T: DeserializeOwned + Send + 'static>(&self, name: &str) -> io::Result<Option<T>> {
        let path = self.0.join(name);
        let bytes = in_background(move || match fs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await?;
        let read = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Ok(read)
    }

    /// Replaces a file. `Ok` means it is on the disk.
    ///
    /// # Errors
    /// The disk's.
    pub async fn write<T: Serialize>(&self, name: &str, value: &T) -> io::Result<()> {
        let bytes = serde_json::to_vec(value).map_err(io::Error::other)?;
        let (folder, name) = (self.0.clone(), name.to_owned());
        in_background(move || replace(&folder, &name, &bytes)).await
    }
}

async fn in_background<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

fn replace(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let new = folder.join(format!("{name}.new"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, folder.join(name))?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_replaced_whole_and_only_its_owner_reads_it() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::TempDir::new().expect("a folder");
        let folder = Folder::new(&place.path().join("state"));
        assert_eq!(folder.read::<Vec<u8>>("a").await.expect("nothing is no error"), None);
        for value in [vec![1, 2, 3], vec![4]] {
            folder.write("a", &value).await.expect("it is written");
            assert_eq!(folder.read("a").await.expect("it is read"), Some(value));
        }
        let mode = fs::metadata(place.path().join("state/a")).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(place.path().join("state/a"), b"half a fi").expect("written");
        assert_eq!(folder.read::<Vec<u8>>("a").await.expect("a broken file is no error"), None);
    }
}
