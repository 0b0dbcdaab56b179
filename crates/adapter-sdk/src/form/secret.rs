//! The secret of a door with pages, in a file of its folder.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use model::id::random_bytes;

const FILE: &str = "secret";

/// The secret in the folder; made if there is none.
pub(crate) fn kept(folder: &Path) -> io::Result<[u8; 32]> {
    match fs::read(folder.join(FILE)) {
        Ok(bytes) => bytes.try_into().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the file `secret` is not 32 bytes long")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(folder),
        Err(error) => Err(error),
    }
}

/// A new one, kept nowhere.
pub(crate) fn fresh() -> [u8; 32] {
    let (left, right) = (random_bytes(), random_bytes());
    std::array::from_fn(|at| if at < 16 { left[at] } else { right[at - 16] })
}

/// Written whole under another name first: a torn secret would change every code.
fn make(folder: &Path) -> io::Result<[u8; 32]> {
    let secret = fresh();
    let half = folder.join("secret.new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&half)?;
    file.write_all(&secret)?;
    file.sync_all()?;
    fs::rename(&half, folder.join(FILE))?;
    File::open(folder)?.sync_all()?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_is_made_once_and_read_by_nobody_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let secret = kept(folder.path()).expect("made");
        assert_eq!(kept(folder.path()).expect("read"), secret);
        assert_ne!(secret, fresh());
        let mode = fs::metadata(folder.path().join(FILE)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_secret_is_an_error_and_not_a_new_one() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(FILE), b"short").expect("written");
        assert!(kept(folder.path()).is_err());
    }
}
