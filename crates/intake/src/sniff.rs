//! What bytes are, by their own beginning. What a platform or a file's name claims is never believed.

use model::AttachmentKind;

/// What the bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) media_type: &'static str,
    pub(crate) extension: &'static str,
    pub(crate) family: Family,
}

/// What we do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// A picture that we can read, and write anew without its metadata.
    Picture(image::ImageFormat),
    /// A picture that we cannot read: kept for staff.
    OtherPicture,
    Film,
    Sound,
    Document,
}

impl Found {
    /// What the file is for: the platform's word counts only where the bytes leave it open.
    pub(crate) fn kind(self, claimed: AttachmentKind) -> AttachmentKind {
        match (self.family, claimed) {
            (Family::Picture(_) | Family::OtherPicture, AttachmentKind::Sticker) => AttachmentKind::Sticker,
            (Family::Picture(_) | Family::OtherPicture, _) => AttachmentKind::Image,
            (Family::Film, _) => AttachmentKind::Video,
            (Family::Sound, AttachmentKind::Voice) => AttachmentKind::Voice,
            (Family::Sound, _) => AttachmentKind::Audio,
            (Family::Document, _) => AttachmentKind::Document,
        }
    }
}

/// `None`: nothing that we keep.
pub(crate) fn sniff(bytes: &[u8]) -> Option<Found> {
    let known = |media_type, extension, family| Some(Found { media_type, extension, family });
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    let at = |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    if starts(&[0xFF, 0xD8, 0xFF]) {
        return known("image/jpeg", "jpg", Family::Picture(image::ImageFormat::Jpeg));
    }
    if starts(b"\x89PNG\r\n\x1a\n") {
        return known("image/png", "png", Family::Picture(image::ImageFormat::Png));
    }
    if starts(b"GIF87a") || starts(b"GIF89a") {
        return known("image/gif", "gif", Family::Picture(image::ImageFormat::Gif));
    }
    if starts(b"RIFF") && at(8, b"WEBP") {
        return known("image/webp", "webp", Family::Picture(image::ImageFormat::WebP));
    }
    if at(4, b"ftyp") {
        return Some(iso_media(bytes.get(8..12).unwrap_or_default()));
    }
    if starts(b"\x1a\x45\xdf\xa3") {
        return known("video/webm", "webm", Family::Film);
    }
    if starts(b"OggS") {
        return known("audio/ogg", "ogg", Family::Sound);
    }
    if starts(b"ID3") || (bytes.len() > 2 && bytes[0] == 0xFF && matches!(bytes[1], 0xFB | 0xF3 | 0xF2)) {
        return known("audio/mpeg", "mp3", Family::Sound);
    }
    if bytes.len() > 2 && bytes[0] == 0xFF && matches!(bytes[1], 0xF1 | 0xF9) {
        return known("audio/aac", "aac", Family::Sound);
    }
    if starts(b"#!AMR") {
        return known("audio/amr", "amr", Family::Sound);
    }
    if starts(b"RIFF") && at(8, b"WAVE") {
        return known("audio/wav", "wav", Family::Sound);
    }
    document(bytes)
}

/// MP4 and its relatives, by their brand.
fn iso_media(brand: &[u8]) -> Found {
    let (media_type, extension, family) = match brand {
        b"heic" | b"heix" | b"hevc" | b"mif1" | b"msf1" => ("image/heic", "heic", Family::OtherPicture),
        b"avif" => ("image/avif", "avif", Family::OtherPicture),
        b"M4A " | b"M4B " => ("audio/mp4", "m4a", Family::Sound),
        b"qt  " => ("video/quicktime", "mov", Family::Film),
        brand if brand.starts_with(b"3g") => ("video/3gpp", "3gp", Family::Film),
        _ => ("video/mp4", "mp4", Family::Film),
    };
    Found { media_type, extension, family }
}

fn document(bytes: &[u8]) -> Option<Found> {
    let known = |media_type, extension| Some(Found { media_type, extension, family: Family::Document });
    if bytes.starts_with(b"%PDF-") {
        return known("application/pdf", "pdf");
    }
    if bytes.starts_with(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1") {
        return known("application/x-ole-storage", "doc");
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return office(bytes);
    }
    if bytes.starts_with(b"BEGIN:VCARD") {
        return known("text/vcard", "vcf");
    }
    let is_text = !bytes.is_empty()
        && std::str::from_utf8(bytes).is_ok_and(|text| !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')));
    if is_text { known("text/plain", "txt") } else { None }
}

/// A ZIP is kept only where it is a document of an office program: those name what they are in the first entries.
fn office(bytes: &[u8]) -> Option<Found> {
    let known = |media_type, extension| Some(Found { media_type, extension, family: Family::Document });
    let beginning = &bytes[..bytes.len().min(8 * 1024)];
    let names = |part: &[u8]| beginning.windows(part.len()).any(|window| window == part);
    if names(b"application/vnd.oasis.opendocument.text") {
        return known("application/vnd.oasis.opendocument.text", "odt");
    }
    if !names(b"[Content_Types].xml") && !names(b"_rels/.rels") {
        return None;
    }
    let whole = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    if whole(b"word/document.xml") {
        return known("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx");
    }
    if whole(b"xl/workbook.xml") {
        return known("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx");
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bytes_decide_what_a_file_is() {
        let cases: [(&[u8], Option<&str>); 12] = [
            (b"\xFF\xD8\xFF\xE0rest", Some("image/jpeg")),
            (b"\x89PNG\r\n\x1a\nrest", Some("image/png")),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"RIFF\0\0\0\0WAVEfmt ", Some("audio/wav")),
            (b"\0\0\0\x18ftypmp42....", Some("video/mp4")),
            (b"\0\0\0\x18ftypheic....", Some("image/heic")),
            (b"OggS\0\x02", Some("audio/ogg")),
            (b"%PDF-1.7", Some("application/pdf")),
            (b"surat pengantar\n", Some("text/plain")),
            (b"MZ\x90\0\x03\0", None),
            (b"PK\x03\x04 whatever", None),
            (b"", None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(sniff(bytes).map(|found| found.media_type), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_photo_sent_as_a_document_is_a_photo_and_a_voice_note_stays_one() {
        let photo = sniff(b"\xFF\xD8\xFF\xE0").expect("known");
        assert_eq!(photo.kind(AttachmentKind::Document), AttachmentKind::Image);
        assert_eq!(photo.kind(AttachmentKind::Sticker), AttachmentKind::Sticker);
        let sound = sniff(b"OggS").expect("known");
        assert_eq!(sound.kind(AttachmentKind::Voice), AttachmentKind::Voice);
        assert_eq!(sound.kind(AttachmentKind::Image), AttachmentKind::Audio);
    }

    proptest! {
        #[test]
        fn any_bytes_are_looked_at_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = sniff(&bytes);
        }
    }
}
