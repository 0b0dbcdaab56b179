//! `*.http`: a recorded request. First line `POST /webhook?query`, then headers, an empty line, and the body byte for byte.

use std::path::Path;

use adapter_sdk::{AdapterName, Raw, Request};

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
        let _ = path;
        unimplemented!()
    }

    /// Reads all of a folder, by name.
    ///
    /// # Panics
    /// When there is none.
    pub fn all(folder: &Path) -> Vec<Self> {
        let _ = folder;
        unimplemented!()
    }

    /// What the door would keep of it, received at a fixed time under a fixed trace.
    pub fn raw(&self, adapter: &AdapterName, keep_headers: &[&str]) -> Raw {
        let _ = (adapter, keep_headers);
        unimplemented!()
    }
}
