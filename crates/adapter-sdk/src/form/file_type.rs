//! What a file is, by its first bytes: names and declared types are not believed.

/// The types of files that people send with forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileType {
    /// A photo of almost every camera.
    Jpeg,
    /// A picture of a screen.
    Png,
    /// A photo from the web.
    Webp,
    /// A small picture.
    Gif,
    /// A photo of an iPhone that was not converted; we have no reader for it.
    Heic,
    /// A scan.
    Pdf,
}

impl FileType {
    /// Looks at the bytes; `None` for everything else.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let at = |from: usize, mark: &[u8]| bytes.get(from..).is_some_and(|rest| rest.starts_with(mark));
        let heif = ["heic", "heix", "hevc", "heim", "heis", "mif1", "msf1"];
        match () {
            () if at(0, &[0xff, 0xd8, 0xff]) => Some(Self::Jpeg),
            () if at(0, b"\x89PNG\r\n\x1a\n") => Some(Self::Png),
            () if at(0, b"RIFF") && at(8, b"WEBP") => Some(Self::Webp),
            () if at(0, b"GIF87a") || at(0, b"GIF89a") => Some(Self::Gif),
            () if at(4, b"ftyp") && heif.iter().any(|brand| at(8, brand.as_bytes())) => Some(Self::Heic),
            () if at(0, b"%PDF-") => Some(Self::Pdf),
            () => None,
        }
    }

    /// Whether it is a picture that we can read.
    pub fn is_photo(self) -> bool {
        matches!(self, Self::Jpeg | Self::Png | Self::Webp | Self::Gif)
    }

    /// Its media type.
    pub fn mime(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
            Self::Heic => "image/heic",
            Self::Pdf => "application/pdf",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_its_first_bytes_say() {
        for (bytes, expected) in [
            (&b"\xff\xd8\xff\xe0rest"[..], Some(FileType::Jpeg)),
            (b"\x89PNG\r\n\x1a\n", Some(FileType::Png)),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Some(FileType::Webp)),
            (b"RIFF\x10\0\0\0WAVE", None),
            (b"GIF89a", Some(FileType::Gif)),
            (b"\0\0\0\x18ftypheic", Some(FileType::Heic)),
            (b"\0\0\0\x18ftypisom", None),
            (b"%PDF-1.7", Some(FileType::Pdf)),
            (b"MZ\x90\0", None),
            (b"<svg xmlns", None),
            (b"", None),
        ] {
            assert_eq!(FileType::of(bytes), expected, "{bytes:?}");
        }
    }
}
