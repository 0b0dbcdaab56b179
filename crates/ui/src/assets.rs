//! Files that pages load: our own (`assets/`, committed) and the bundled packages (`dist/`, made by `cargo xtask assets`).

use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

use axum::{
    Router,
    extract::Path,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Own;

#[derive(RustEmbed)]
#[folder = "dist/"]
struct Bundled;

struct File {
    address: String,
    hashed: String,
    etag: String,
    media_type: String,
    bytes: Cow<'static, [u8]>,
}

/// A set of files, each with an address that changes with its content.
pub struct Shelf {
    files: Vec<File>,
    by_name: HashMap<String, usize>,
}

impl Shelf {
    fn empty() -> Self {
        Self { files: Vec::new(), by_name: HashMap::new() }
    }

    fn add<E: RustEmbed>(&mut self, prefix: &str) {
        for path in E::iter() {
            let Some(file) = E::get(&path) else { continue };
            let hash = short_hash(file.metadata.sha256_hash());
            let (stem, ending) = path.rsplit_once('.').unwrap_or((&path, "bin"));
            let hashed = format!("{stem}.{hash}.{ending}");
            let at = self.files.len();
            self.files.push(File {
                address: format!("{prefix}/{hashed}"),
                etag: format!("\"{hash}\""),
                media_type: media_type(ending).to_owned(),
                bytes: file.data,
                hashed: hashed.clone(),
            });
            self.by_name.insert(path.into_owned(), at);
            self.by_name.insert(hashed, at);
        }
    }

    /// A crate's own files: `Shelf::of::<Mine>("/form/aset")`, served by [`Shelf::serve`] at that prefix.
    pub fn of<E: RustEmbed>(prefix: &str) -> Self {
        let mut shelf = Self::empty();
        shelf.add::<E>(prefix);
        shelf
    }

    /// Where the file is, by its plain name; `None` when it was not bundled.
    pub fn address(&self, name: &str) -> Option<&str> {
        self.by_name.get(name).map(|&at| self.files[at].address.as_str())
    }

    /// The file as a response. An address with its hash is kept for a year; a plain name is asked for again each time.
    pub fn serve(&self, name: &str, headers: &HeaderMap) -> Response {
        let Some(file) = self.by_name.get(name).map(|&at| &self.files[at]) else { return StatusCode::NOT_FOUND.into_response() };
        let kept = if name == file.hashed { "public, max-age=31536000, immutable" } else { "no-cache" };
        let common = [(header::ETAG, file.etag.as_str()), (header::CACHE_CONTROL, kept)];
        if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == file.etag.as_bytes()) {
            return (StatusCode::NOT_MODIFIED, common).into_response();
        }
        (common, [(header::CONTENT_TYPE, file.media_type.as_str())], file.bytes.clone().into_owned()).into_response()
    }
}

/// Twelve hex digits: enough to tell two versions of a file apart.
fn short_hash(sha256: [u8; 32]) -> String {
    let mut head = [0; 8];
    head[2..].copy_from_slice(&sha256[..6]);
    format!("{:012x}", u64::from_be_bytes(head))
}

fn media_type(ending: &str) -> &'static str {
    match ending {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

static SHELF: LazyLock<Shelf> = LazyLock::new(|| {
    let mut shelf = Shelf::empty();
    shelf.add::<Own>("/aset");
    shelf.add::<Bundled>("/aset");
    shelf
});

/// The address of a file of this crate, with its hash; empty when it was not bundled, which scripts take as "do without".
pub fn asset(name: &str) -> &'static str {
    SHELF.address(name).unwrap_or_default()
}

/// Serves `/aset/…`.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/aset/{*name}", get(|Path(name): Path<String>, headers: HeaderMap| async move { SHELF.serve(&name, &headers) }))
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};
    use tower::ServiceExt;

    use super::*;

    async fn fetch(address: &str) -> Response {
        routes::<()>().oneshot(Request::get(address).body(Body::empty()).expect("a request")).await.expect("never fails")
    }

    #[tokio::test]
    async fn a_hashed_address_is_kept_for_long_and_a_plain_name_is_not() {
        let hashed = asset("muara.css");
        assert!(hashed.starts_with("/aset/muara.") && hashed.len() > "/aset/muara.css".len());
        let cache = |response: Response| response.headers()[header::CACHE_CONTROL].to_str().expect("text").to_owned();
        assert!(cache(fetch(hashed).await).contains("immutable"));
        assert_eq!(cache(fetch("/aset/muara.css").await), "no-cache");
    }

    #[tokio::test]
    async fn what_is_not_there_is_not_found() {
        for address in ["/aset/none.css", "/aset/..%2F..%2FCargo.toml", "/aset/../Cargo.toml"] {
            assert_eq!(fetch(address).await.status(), StatusCode::NOT_FOUND, "{address}");
        }
        assert_eq!(asset("none.css"), "");
    }
}
