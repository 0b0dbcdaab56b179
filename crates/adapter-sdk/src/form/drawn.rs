//! Answers that every door with pages gives alike.

use axum::{
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use model::{Site, clock::Zone};

use crate::Door;

/// A page, or 500 where it could not be drawn: then the program is wrong, and the log says how.
pub fn drawn<E: std::error::Error>(status: StatusCode, html: Result<String, E>) -> Response {
    match html {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "Could not draw a page.");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The outlines of the areas, for the map; 404 until the core has told them once.
pub fn outline(door: &Door) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/geo+json"), (header::CACHE_CONTROL, "public, max-age=3600")];
    door.outline().map_or_else(|| StatusCode::NOT_FOUND.into_response(), |bytes| (headers, bytes).into_response())
}

/// How the installation speaks of itself; under a stand-in's name until the core has told it once.
pub fn site(door: &Door, unnamed: &str) -> Site {
    door.site().unwrap_or_else(|| Site { name: unnamed.to_owned(), base_url: String::new(), zone: Zone::default() })
}
