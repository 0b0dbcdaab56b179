//! Attachments on their way to a browser. What a citizen sent is never trusted: a type we know to be harmless is shown, everything
//! else is a download, and nothing of it may run.

use std::io::{Cursor, Write};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use model::AttachmentKind;
use object_store::{GetOptions, GetRange, path::Path};
use store::attachment::{AttachmentState, StoredAttachment};
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::{Rooms, WebError, upload::picture_type};

/// Types that a browser may show in the page; a type not listed is a download.
const SHOWN: [&str; 12] = [
    "image/jpeg",
    "image/png",
    "image/webp",
    "image/gif",
    "audio/ogg",
    "audio/opus",
    "audio/mpeg",
    "audio/mp4",
    "audio/aac",
    "audio/amr",
    "audio/wav",
    "audio/webm",
];

/// Several files in one, by name.
pub(crate) fn zipped<N: AsRef<str>>(files: &[(N, Vec<u8>)]) -> std::io::Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(name.as_ref(), SimpleFileOptions::default())?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// The copy of a picture that anybody may see: drawn anew, without place and time in it. `None`: there is none (yet).
pub(crate) fn public_copy(file: &StoredAttachment) -> Option<&str> {
    let shown = file.kind == AttachmentKind::Image && file.state == AttachmentState::Kept;
    file.public_key.as_deref().filter(|_| shown)
}

/// Answers with the public copy of a picture.
pub(crate) async fn send_public(rooms: &Rooms, file: &StoredAttachment) -> Result<Response, WebError> {
    let key = public_copy(file).ok_or(WebError::NotFound)?;
    let bytes = get(rooms, key, GetOptions::default()).await?.bytes().await?;
    let kind = picture_type(&bytes).unwrap_or("application/octet-stream");
    Ok((harmless(kind, None), bytes).into_response())
}

/// Answers with what staff may see: the public copy of a picture, else the original. Parts are served, because a browser asks for
/// parts of a recording.
pub(crate) async fn send(rooms: &Rooms, file: &StoredAttachment, asked: &HeaderMap) -> Result<Response, WebError> {
    if public_copy(file).is_some() {
        return send_public(rooms, file).await;
    }
    let key = file.original_key.as_deref().filter(|_| file.state == AttachmentState::Kept).ok_or(WebError::NotFound)?;
    let range = asked.get(header::RANGE).and_then(|value| value.to_str().ok()).and_then(part);
    let partial = range.is_some();
    let found = get(rooms, key, GetOptions { range, ..GetOptions::default() }).await?;
    let (range, size) = (found.range.clone(), found.meta.size);
    let kind = file.media_type.as_deref().unwrap_or("application/octet-stream");
    let mut response = (harmless(kind, file.filename.as_deref()), Body::from_stream(found.into_stream())).into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(range.end.saturating_sub(range.start)));
    if partial {
        let text = format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1));
        headers.insert(header::CONTENT_RANGE, HeaderValue::from_str(&text).expect("digits make a header"));
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

async fn get(rooms: &Rooms, key: &str, options: GetOptions) -> Result<object_store::GetResult, WebError> {
    let path = Path::parse(key).map_err(|_| WebError::NotFound)?;
    match rooms.files().get_opts(&path, options).await {
        Err(object_store::Error::NotFound { .. }) => Err(WebError::NotFound),
        found => Ok(found?),
    }
}

/// One part of a file, `bytes=100-199` or `bytes=100-`; several parts at once are answered with the whole.
fn part(asked: &str) -> Option<GetRange> {
    let (from, to) = asked.strip_prefix("bytes=")?.split_once('-')?;
    let from: u64 = from.parse().ok()?;
    if to.is_empty() {
        return Some(GetRange::Offset(from));
    }
    let to: u64 = to.parse().ok()?;
    (from <= to).then(|| GetRange::Bounded(from..to.saturating_add(1)))
}

/// Headers that keep a stranger's bytes from doing anything: the type is ours and not guessed, nothing in it runs, and unless it is
/// a plain picture or sound it is saved and not shown.
fn harmless(kind: &str, filename: Option<&str>) -> HeaderMap {
    let shown = SHOWN.contains(&kind);
    let mut headers = HeaderMap::new();
    let kind = if shown { kind } else { "application/octet-stream" };
    let disposition = match (shown, filename) {
        (true, _) => "inline".to_owned(),
        (false, Some(name)) => format!("attachment; filename*=UTF-8''{}", crate::page::encoded(&name.replace(['/', '\\'], "_"))),
        (false, None) => "attachment".to_owned(),
    };
    let value = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("attachment"));
    headers.insert(header::CONTENT_TYPE, value(kind));
    headers.insert(header::CONTENT_DISPOSITION, value(&disposition));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=3600"));
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_pictures_and_sounds_are_shown_in_the_page() {
        let disposition = |kind| harmless(kind, Some("../a\"b\r\n.html"))[header::CONTENT_DISPOSITION].to_str().expect("text").to_owned();
        assert_eq!(disposition("image/jpeg"), "inline");
        for kind in ["text/html", "image/svg+xml", "application/pdf", "application/xhtml+xml"] {
            assert_eq!(disposition(kind), "attachment; filename*=UTF-8''.._a%22b%0D%0A.html", "{kind}");
            assert_eq!(harmless(kind, None)[header::CONTENT_TYPE], "application/octet-stream");
        }
    }

    #[test]
    fn a_part_is_read_and_nonsense_is_the_whole() {
        assert_eq!(part("bytes=0-99"), Some(GetRange::Bounded(0..100)));
        assert_eq!(part("bytes=5-"), Some(GetRange::Offset(5)));
        for nonsense in ["bytes=9-1", "bytes=-5", "items=0-1", "bytes=a-b", ""] {
            assert_eq!(part(nonsense), None, "{nonsense}");
        }
    }
}
