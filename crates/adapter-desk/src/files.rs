//! The modules that the desk's pages load. They import each other by their plain names, so all of them stand under one version.

use std::{
    fmt::Write,
    sync::{Arc, LazyLock},
};

use adapter_sdk::axum::{
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use rust_embed::RustEmbed;

use crate::pages::Room;

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Own;

const WORKER: &str = "worker.js";
/// Files of all pages that the desk's own pages load; those that were not bundled are left out.
const SHARED: [&str; 9] = ["muara.css", "form.css", "form.js", "live.js", "slip.js", "pick.js", "mark.svg", "leaflet.js", "qr.js"];

static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut names: Vec<_> = Own::iter().collect();
    names.sort();
    let mut sum = mixed(0, b"");
    for name in names {
        sum = Own::get(&name).map_or(sum, |file| mixed(mixed(sum, name.as_bytes()), &file.metadata.sha256_hash()));
    }
    format!("{sum:016x}")
});

/// FNV-1a: it tells versions of our own files apart, nothing more.
fn mixed(sum: u64, bytes: &[u8]) -> u64 {
    let start = if sum == 0 { 0xcbf2_9ce4_8422_2325 } else { sum };
    bytes.iter().fold(start, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The address of a module.
pub(crate) fn address(name: &str) -> String {
    format!("/berkas-loket/{}/{name}", *VERSION)
}

/// `GET /berkas-loket/{version}/{name}`. Kept for long under its own version only.
pub(crate) async fn serve(Path((version, name)): Path<(String, String)>) -> Response {
    let Some(file) = Own::get(&name).filter(|_| name != WORKER) else { return StatusCode::NOT_FOUND.into_response() };
    let kept = if version == *VERSION { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [(header::CONTENT_TYPE, "text/javascript; charset=utf-8"), (header::CACHE_CONTROL, kept)];
    (headers, file.data.into_owned()).into_response()
}

/// `GET /pekerja.js`: the service worker, with the files it fetches ahead.
pub(crate) async fn worker(State(_): State<Arc<Room>>) -> Response {
    let own = Own::iter().filter(|name| name != WORKER).map(|name| address(&name));
    let shared = SHARED.iter().map(|name| ui::asset(name).to_owned()).filter(|address| !address.is_empty());
    let files: Vec<String> = own.chain(shared).chain(["/tutup".to_owned()]).collect();
    let version = format!("{:016x}", mixed(0, files.join(" ").as_bytes()));
    let code = Own::get(WORKER).map(|file| String::from_utf8_lossy(&file.data).into_owned()).unwrap_or_default();
    let mut script = String::new();
    let _ = writeln!(script, "const VERSION = {version:?};\nconst FILES = {};", serde_json::json!(files));
    let headers = [(header::CONTENT_TYPE, "text/javascript; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    (headers, script + &code).into_response()
}
