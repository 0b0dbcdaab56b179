//! Exports that somebody looks through: in files of the door's folder, for a day, for who handed them in alone.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use adapter_sdk::{Bytes, model::StaffId};
use uuid::Uuid;

/// The folder of uploads.
#[derive(Debug, Clone)]
pub(crate) struct Uploads {
    folder: PathBuf,
    most: usize,
    keep: Duration,
}

/// Why an upload is not kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    #[error("too many uploads wait to be looked through")]
    Full,
    #[error("the upload could not be written")]
    Disk(#[from] std::io::Error),
}

impl Uploads {
    pub(crate) fn new(folder: PathBuf, most: usize, keep: Duration) -> Self {
        Self { folder, most, keep }
    }

    /// Keeps the form as it came. Whoever hands in one too many makes room with their own oldest; other people's stay.
    pub(crate) async fn put(&self, staff: StaffId, id: Uuid, content_type: &str, body: &Bytes) -> Result<(), UploadError> {
        let here = self.clone();
        let (content_type, body) = (content_type.to_owned(), body.clone());
        let write = move || {
            std::fs::create_dir_all(&here.folder)?;
            let kept = here.tidy();
            if kept.len() >= here.most {
                let own = kept.iter().filter(|(path, _)| is_of(path, staff)).min_by_key(|(_, at)| *at);
                let (path, _) = own.ok_or(UploadError::Full)?;
                std::fs::remove_file(path)?;
            }
            let mut bytes = Vec::with_capacity(content_type.len() + 1 + body.len());
            bytes.extend_from_slice(content_type.replace('\n', " ").as_bytes());
            bytes.push(b'\n');
            bytes.extend_from_slice(&body);
            let (path, part) = (here.path(staff, id), here.folder.join(format!("{id}.part")));
            std::fs::write(&part, bytes)?;
            Ok(std::fs::rename(part, path)?)
        };
        tokio::task::spawn_blocking(write).await.unwrap_or_else(|error| Err(std::io::Error::other(error).into()))
    }

    /// The media type and the body of an upload of this person.
    pub(crate) async fn get(&self, staff: StaffId, id: Uuid) -> Option<(String, Bytes)> {
        let whole = Bytes::from(tokio::fs::read(self.path(staff, id)).await.ok()?);
        let end = whole.iter().position(|byte| *byte == b'\n')?;
        let content_type = std::str::from_utf8(&whole[..end]).ok()?.to_owned();
        Some((content_type, whole.slice(end + 1..)))
    }

    /// Deletes an upload that is done with.
    pub(crate) async fn forget(&self, staff: StaffId, id: Uuid) {
        let _ = tokio::fs::remove_file(self.path(staff, id)).await; // gone already
    }

    fn path(&self, staff: StaffId, id: Uuid) -> PathBuf {
        self.folder.join(format!("{staff}_{id}.form"))
    }

    /// Deletes what is old; what is left, with its time.
    fn tidy(&self) -> Vec<(PathBuf, SystemTime)> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut kept = Vec::new();
        for entry in entries {
            let at = entry.metadata().and_then(|about| about.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            if at.elapsed().is_ok_and(|age| age > self.keep) {
                let _ = std::fs::remove_file(entry.path()); // tried again next time
            } else {
                kept.push((entry.path(), at));
            }
        }
        kept
    }
}

fn is_of(path: &std::path::Path, staff: StaffId) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(&format!("{staff}_")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn staff(n: u128) -> StaffId {
        StaffId(Uuid::from_u128(n))
    }

    #[tokio::test]
    async fn an_upload_is_there_for_who_handed_it_in_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let uploads = Uploads::new(folder.path().join("impor"), 2, Duration::from_hours(1));
        let id = Uuid::from_u128(7);
        uploads.put(staff(1), id, "text/plain", &"a\nb".into()).await.expect("kept");
        assert_eq!(uploads.get(staff(1), id).await, Some(("text/plain".into(), "a\nb".into())));
        assert_eq!(uploads.get(staff(2), id).await, None);
        uploads.forget(staff(1), id).await;
        assert_eq!(uploads.get(staff(1), id).await, None);
    }

    #[tokio::test]
    async fn one_too_many_makes_room_with_ones_own_and_never_with_anothers() {
        let folder = tempfile::tempdir().expect("a folder");
        let uploads = Uploads::new(folder.path().join("impor"), 2, Duration::from_hours(1));
        for (person, n) in [(1, 1), (1, 2), (1, 3)] {
            uploads.put(staff(person), Uuid::from_u128(n), "", &"x".into()).await.expect("kept");
        }
        assert!(matches!(uploads.put(staff(2), Uuid::from_u128(4), "", &"x".into()).await, Err(UploadError::Full)));
        assert!(uploads.get(staff(1), Uuid::from_u128(3)).await.is_some());
    }

    #[tokio::test]
    async fn what_nobody_looked_through_in_time_is_deleted() {
        let folder = tempfile::tempdir().expect("a folder");
        let uploads = Uploads::new(folder.path().join("impor"), 2, Duration::ZERO);
        uploads.put(staff(1), Uuid::from_u128(1), "", &"x".into()).await.expect("kept");
        uploads.put(staff(1), Uuid::from_u128(2), "", &"x".into()).await.expect("kept");
        assert_eq!(uploads.get(staff(1), Uuid::from_u128(1)).await, None);
    }
}
