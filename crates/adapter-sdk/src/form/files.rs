//! The files of a form against its limits.

use super::{File, FileType};

/// What a field for files takes.
#[derive(Debug, Clone, Copy)]
pub struct FileLimits {
    /// How many.
    pub most: usize,
    /// Bytes of each.
    pub bytes: usize,
    /// Whether scans are taken beside photos.
    pub scans: bool,
}

/// What is wrong with the files of a field. `nth` counts from one, as people do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileProblem {
    /// More than the field takes.
    TooMany,
    /// One is larger than allowed.
    TooLarge {
        /// Which.
        nth: usize,
    },
    /// One has no bytes: the device could not read it.
    Empty {
        /// Which.
        nth: usize,
    },
    /// One is a photo that we have no reader for.
    Heic {
        /// Which.
        nth: usize,
    },
    /// One is something else, whatever its name says.
    WrongType {
        /// Which.
        nth: usize,
    },
}

impl FileProblem {
    /// The key of the words for it in the word files of `ui`; they may name `{nth}`, `{n}` (how many are taken) and `{mb}` (how large).
    pub fn key(self, limits: FileLimits) -> &'static str {
        match self {
            Self::TooMany => "form.too_many_photos",
            Self::TooLarge { .. } => "form.photo_too_large",
            Self::Empty { .. } => "form.photo_empty",
            Self::Heic { .. } => "form.photo_heic",
            Self::WrongType { .. } if limits.scans => "form.scan_wrong",
            Self::WrongType { .. } => "form.photo_wrong",
        }
    }

    /// Which file, counted from one; zero when it is about all of them.
    pub fn nth(self) -> usize {
        match self {
            Self::TooMany => 0,
            Self::TooLarge { nth } | Self::Empty { nth } | Self::Heic { nth } | Self::WrongType { nth } => nth,
        }
    }
}

impl FileLimits {
    /// Looks at every file: its number, its size, its first bytes.
    pub fn check(&self, files: &[&File]) -> Vec<FileProblem> {
        if files.len() > self.most {
            return vec![FileProblem::TooMany];
        }
        files.iter().enumerate().filter_map(|(at, file)| self.wrong(at + 1, file)).collect()
    }

    fn wrong(&self, nth: usize, file: &File) -> Option<FileProblem> {
        let kind = FileType::of(&file.bytes);
        if file.bytes.is_empty() {
            Some(FileProblem::Empty { nth })
        } else if file.bytes.len() > self.bytes {
            Some(FileProblem::TooLarge { nth })
        } else if kind.is_some_and(|kind| kind.is_photo() || (self.scans && kind == FileType::Pdf)) {
            None
        } else if kind == Some(FileType::Heic) {
            Some(FileProblem::Heic { nth })
        } else {
            Some(FileProblem::WrongType { nth })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &'static [u8]) -> File {
        File { part: 0, field: "foto".into(), filename: Some("foto.jpg".into()), bytes: bytes.into() }
    }

    #[test]
    fn a_file_is_taken_for_its_bytes_and_not_for_its_name() {
        let limits = FileLimits { most: 4, bytes: 12, scans: false };
        let (jpeg, program, heic, scan) = (file(b"\xff\xd8\xff\xe0"), file(b"MZ"), file(b"\0\0\0\x18ftypheic"), file(b"%PDF-1.7"));
        assert_eq!(limits.check(&[&jpeg]), []);
        assert_eq!(
            limits.check(&[&jpeg, &program, &heic, &file(b"")]),
            [FileProblem::WrongType { nth: 2 }, FileProblem::Heic { nth: 3 }, FileProblem::Empty { nth: 4 }]
        );
        assert_eq!(limits.check(&[&scan]), [FileProblem::WrongType { nth: 1 }]);
        assert_eq!(FileLimits { scans: true, ..limits }.check(&[&scan]), []);
        assert_eq!(limits.check(&[&file(b"\xff\xd8\xff\xe0 far too long")]), [FileProblem::TooLarge { nth: 1 }]);
        assert_eq!(limits.check(&[&jpeg; 5]), [FileProblem::TooMany]);
    }
}
