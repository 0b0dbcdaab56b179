//! A photo that an officer adds: looked at here, so that a wrong file is told at once, then sent the road of every attachment:
//! quarantine, `intake::promote` (which decodes it, within limits, and makes the copy without metadata), storage.

use bytes::Bytes;
use model::{Attachment, AttachmentKind};

use crate::{Rooms, WebError};

/// The largest photo; telephones make them of 3 to 8 MB.
pub(crate) const MOST_BYTES: usize = 12 * 1024 * 1024;

/// Why a file is no photo for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotAPhoto {
    /// Too many bytes.
    TooLarge,
    /// Its first bytes are those of no picture we read.
    NoPicture,
}

/// The media type that the bytes begin as; whatever name or type came with them is not believed.
pub(crate) fn picture_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xFF, 0xD8, 0xFF, ..] => Some("image/jpeg"),
        [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => Some("image/png"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

/// Checks what an officer chose.
pub(crate) fn check(bytes: &Bytes) -> Result<&'static str, NotAPhoto> {
    if bytes.len() > MOST_BYTES {
        return Err(NotAPhoto::TooLarge);
    }
    picture_type(bytes).ok_or(NotAPhoto::NoPicture)
}

/// Puts a checked photo into quarantine; the row that names it is still to be written.
pub(crate) async fn quarantine(rooms: &Rooms, bytes: Bytes, media_type: &str) -> Result<Attachment, WebError> {
    let content = rooms.bus().put_blob(bytes).await?;
    Ok(Attachment { kind: AttachmentKind::Image, mime: Some(media_type.to_owned()), filename: None, content })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_known_by_its_bytes_and_not_by_its_name() {
        assert_eq!(check(&Bytes::from_static(b"\xFF\xD8\xFF\xE0 and so on")), Ok("image/jpeg"));
        assert_eq!(check(&Bytes::from_static(b"<svg xmlns='http://www.w3.org/2000/svg'>")), Err(NotAPhoto::NoPicture));
        assert_eq!(check(&Bytes::from_static(b"MZ\x90\x00")), Err(NotAPhoto::NoPicture));
        assert_eq!(check(&Bytes::from(vec![0xFF; MOST_BYTES + 1])), Err(NotAPhoto::TooLarge));
    }
}
