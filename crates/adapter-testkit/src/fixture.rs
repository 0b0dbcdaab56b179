//! `*.http`: a recorded request. First line `POST /webhook?query`, then headers, an empty line, and the body byte for byte.

use std::path::{Path, PathBuf};

use adapter_sdk::{AdapterName, Raw, Request, Timestamp, TraceId};

use crate::Bare;

/// When every fixture came in.
const RECEIVED_AT: &str = "2026-11-21T09:00:00Z";
/// Under which trace.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// A recorded request with its name.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// File name without `.http`.
    pub name: String,
    /// What was asked.
    pub request: Request,
}

impl Fixture {
    /// Reads one file.
    ///
    /// # Panics
    /// When it cannot be read, or is not a request.
    pub fn read(path: &Path) -> Self {
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_else(|| panic!("{}: not a name", path.display()));
        let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let request = Request::recorded(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { name: name.to_owned(), request }
    }

    /// Reads a file that is a body alone.
    ///
    /// # Panics
    /// When it cannot be read, or a header is none.
    pub fn read_bare(path: &Path, bare: Bare) -> Self {
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_else(|| panic!("{}: not a name", path.display()));
        let body = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let head: Vec<String> = bare.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        let request = Request::recorded(&[b"POST /\n", head.concat().as_bytes(), b"\n", &body].concat());
        Self { name: name.to_owned(), request: request.unwrap_or_else(|error| panic!("{}: {error}", path.display())) }
    }

    /// Reads all of a folder, by name: `*.http`, and those that are a body alone.
    ///
    /// # Panics
    /// When there is none.
    pub fn all(folder: &Path, bare: Option<Bare>) -> Vec<Self> {
        let listed = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let read = |path: PathBuf| match (path.extension().and_then(|extension| extension.to_str()), bare) {
            (Some("http"), _) => Some(Self::read(&path)),
            (Some(extension), Some(bare)) if extension == bare.extension => Some(Self::read_bare(&path, bare)),
            _ => None,
        };
        let mut fixtures: Vec<Self> = listed.filter_map(|entry| read(entry.ok()?.path())).collect();
        assert!(!fixtures.is_empty(), "{}: no fixture, and an adapter without one is not tried", folder.display());
        fixtures.sort_by(|a, b| a.name.cmp(&b.name));
        fixtures
    }

    /// What the door would keep of it, received at a fixed time under a fixed trace. `keep_headers`: empty keeps all, as doors with pages
    /// and pollers say themselves what to keep.
    ///
    /// # Panics
    /// Never: time and trace are constants.
    pub fn raw(&self, adapter: &AdapterName, keep_headers: &[&str]) -> Raw {
        let keep = (!keep_headers.is_empty()).then_some(keep_headers);
        let (received_at, trace): (Timestamp, TraceId) =
            (RECEIVED_AT.parse().expect("a constant time"), TRACE.parse().expect("a constant trace"));
        self.request.clone().into_raw(adapter.clone(), keep, received_at, trace)
    }
}
