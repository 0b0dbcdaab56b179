//! What a door's numbers go on from: its name and the last number whose file was forgotten, in a small file of the folder.
//!
//! A folder is a door. One that was lost with its disk comes back as another door, which begins with 1 again and says so by its name.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use model::id::random_bytes;

const FILE: &str = "numbers";
/// Of the random bytes in a door's name: enough for all doors of a country.
const RANDOM: usize = 5;

/// What is known of a door before its records are looked at.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    /// Its name: when it was made, in seconds since 1970, and something random.
    pub(super) door: String,
    /// Numbers up to this one were given, whatever lies in the folder.
    pub(super) forgotten: u64,
}

/// Of this folder; a new door where there is none. A file that cannot be read makes a new one too: its own records keep the old name.
pub(super) fn kept(folder: &Path) -> io::Result<Numbers> {
    let found = match fs::read_to_string(folder.join(FILE)) {
        Ok(text) => read(&text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) if error.kind() == io::ErrorKind::InvalidData => None,
        Err(error) => return Err(error),
    };
    if let Some(numbers) = found {
        return Ok(numbers);
    }
    let numbers = Numbers { door: name(), forgotten: 0 };
    match write(folder, &numbers) {
        // What fills the disk may be what this spool is about to give away. The records carry the door's name; it is written later.
        Err(error) if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {}
        result => result?,
    }
    Ok(numbers)
}

/// Remembers that numbers up to this one were given; durable when it returns.
pub(super) fn forget(folder: &Path, door: &str, forgotten: u64) -> io::Result<()> {
    write(folder, &Numbers { door: door.to_owned(), forgotten })
}

fn name() -> String {
    let random = bytes::Bytes::copy_from_slice(&random_bytes()[..RANDOM]);
    format!("{:x}-{random:x}", crate::clock::now().as_second())
}

fn read(text: &str) -> Option<Numbers> {
    let (door, forgotten) = text.trim_end().split_once(' ')?;
    let fits = !door.is_empty() && door.len() < 64 && door.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    fits.then_some(Numbers { door: door.to_owned(), forgotten: forgotten.parse().ok()? })
}

/// Whole under another name first: a torn one would begin a new door.
fn write(folder: &Path, numbers: &Numbers) -> io::Result<()> {
    let half = folder.join("numbers.new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&half)?;
    file.write_all(format!("{} {}\n", numbers.door, numbers.forgotten).as_bytes())?;
    file.sync_all()?;
    fs::rename(&half, folder.join(FILE))?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_its_name_and_another_one_has_another() {
        let (one, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let first = kept(one.path()).expect("a door");
        assert_eq!(kept(one.path()).expect("a door"), first);
        assert_ne!(kept(other.path()).expect("a door").door, first.door);
        forget(one.path(), &first.door, 12).expect("a file");
        assert_eq!(kept(one.path()).expect("a door"), Numbers { forgotten: 12, ..first });
    }

    #[test]
    fn a_file_that_is_no_such_file_begins_a_new_door() {
        for wrong in ["", "x 1", "5-5", "5-5 many", "5-5 -1", "../x 1"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
