//! Makes sure that `dist` exists, so that a plain `cargo build` works before the front-end packages were bundled.

use std::{fs, path::Path};

fn main() {
    println!("cargo:rerun-if-changed=assets");
    println!("cargo:rerun-if-changed=dist");
    println!("cargo:rerun-if-changed=templates");
    let dist = Path::new("dist");
    if let Err(error) = fs::create_dir_all(dist) {
        println!("cargo:warning=The folder crates/ui/dist cannot be made: {error}.");
    }
    if !dist.join("leaflet.js").exists() {
        println!("cargo:warning=Pages are built without maps: run `cargo xtask assets` to bundle the front-end packages.");
    }
}
