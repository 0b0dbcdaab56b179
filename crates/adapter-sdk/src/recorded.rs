//! A recorded request: first line `POST /webhook?query`, then headers, an empty line, and the body byte for byte.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use bytes::Bytes;
use model::{AdapterName, Raw, Timestamp, TraceId};

use crate::Request;

/// The bytes are no recorded request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a recorded request: a line `POST /path`, headers, an empty line and the body")]
pub struct NotRecorded;

impl Request {
    /// Reads a recorded request, as in `fixtures/*.http`. Lines of the head may end with or without a carriage return; the body is as it
    /// is.
    pub fn recorded(bytes: &[u8]) -> Result<Self, NotRecorded> {
        let mut rest = bytes;
        let first = line(&mut rest).ok_or(NotRecorded)?;
        let (method, target) = first.split_once(' ').ok_or(NotRecorded)?;
        let target = target.trim().trim_end_matches("HTTP/1.1").trim_end();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers = HeaderMap::new();
        loop {
            let header = line(&mut rest).ok_or(NotRecorded)?;
            if header.is_empty() {
                break;
            }
            let (name, value) = header.split_once(':').ok_or(NotRecorded)?;
            let name = HeaderName::try_from(name.trim()).map_err(|_| NotRecorded)?;
            headers.append(name, HeaderValue::try_from(value.trim()).map_err(|_| NotRecorded)?);
        }
        Ok(Self {
            method: Method::try_from(method).map_err(|_| NotRecorded)?,
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            body: Bytes::copy_from_slice(rest),
            peer: None,
        })
    }

    /// What a door keeps of it. `keep_headers`: [`crate::Adapter::keep_headers`]; `None` keeps all, as doors that say themselves what to
    /// keep do.
    pub fn into_raw(self, adapter: AdapterName, keep_headers: Option<&[&str]>, received_at: Timestamp, trace: TraceId) -> Raw {
        let kept = |name: &HeaderName| keep_headers.is_none_or(|names| names.contains(&name.as_str()));
        let text = |(name, value): (&HeaderName, &HeaderValue)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()));
        let headers = self.headers.iter().filter(|(name, _)| kept(name)).filter_map(text).collect();
        Raw { adapter, received_at, trace, query: self.query, headers, body: self.body }
    }
}

/// Takes a line of the head off the front; `None` at the end of the bytes.
fn line<'a>(rest: &mut &'a [u8]) -> Option<Cow<'a, str>> {
    let end = rest.iter().position(|&byte| byte == b'\n')?;
    let (line, after) = rest.split_at(end);
    *rest = &after[1..];
    Some(String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_request_is_read_byte_for_byte() {
        let request = Request::recorded(b"POST /webhook?a=b&c=%20d HTTP/1.1\r\nX-Sign: abc\nContent-Type: text/plain\n\n\xff\r\n\nbody")
            .expect("a request");
        assert_eq!((request.path.as_str(), request.query.as_str()), ("/webhook", "a=b&c=%20d"));
        assert_eq!(request.query_value("c").as_deref(), Some(" d"));
        assert_eq!(request.body, &b"\xff\r\n\nbody"[..]);
        let raw = request.into_raw("chat".parse().expect("a name"), Some(&["content-type"]), Timestamp::UNIX_EPOCH, TraceId::random());
        assert_eq!(raw.headers, [("content-type".to_owned(), "text/plain".to_owned())]);
        for wrong in [&b""[..], b"POST", b"POST /x\nno-empty-line: 1\n", b"POST /x\nno colon\n\n"] {
            assert_eq!(Request::recorded(wrong).map(drop), Err(NotRecorded));
        }
    }
}
