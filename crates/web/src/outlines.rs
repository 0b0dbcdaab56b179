//! The outlines of the areas, for maps without any tile server: `GET /peta.json`, for who is signed in.

use std::{
    fmt::Write,
    sync::{Mutex, PoisonError},
};

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::de::IgnoredAny;

use crate::{Rooms, WebError, session::SignedIn};

/// The GeoJSON as it was made last, with the version of the directory it was made of.
#[derive(Default)]
pub(crate) struct Outlines(Mutex<Option<(i64, Bytes)>>);

impl Outlines {
    fn known(&self, version: i64) -> Option<Bytes> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().filter(|(of, _)| *of == version).map(|(_, body)| body.clone())
    }

    fn keep(&self, version: i64, body: Bytes) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((version, body));
    }
}

pub(crate) async fn show(State(rooms): State<Rooms>, _by: SignedIn, headers: HeaderMap) -> Result<Response, WebError> {
    let version = rooms.directory_version();
    let etag = format!("\"{version}\"");
    let kept = [(header::ETAG, etag.clone()), (header::CACHE_CONTROL, "private, max-age=3600".to_owned())];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, kept).into_response());
    }
    let body = match rooms.outlines().known(version) {
        Some(body) => body,
        None => make(&rooms, version).await?,
    };
    Ok((kept, [(header::CONTENT_TYPE, "application/geo+json")], body).into_response())
}

async fn make(rooms: &Rooms, version: i64) -> Result<Bytes, WebError> {
    let directory = rooms.directory();
    let mut text = String::from(r#"{"type":"FeatureCollection","features":["#);
    let mut between = "";
    for (code, geometry) in store::directory::outlines(rooms.db()).await? {
        // A broken outline costs its area, not the map.
        if serde_json::from_str::<IgnoredAny>(&geometry).is_err() {
            continue;
        }
        let name = directory.areas.get(&code).map_or("", |area| area.name.as_str());
        let properties = serde_json::json!({ "code": code, "name": name });
        let _ = write!(text, r#"{between}{{"type":"Feature","properties":{properties},"geometry":{geometry}}}"#);
        between = ",";
    }
    text.push_str("]}");
    let body = Bytes::from(text);
    rooms.outlines().keep(version, body.clone());
    Ok(body)
}
