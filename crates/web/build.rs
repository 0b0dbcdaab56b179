//! Templates live in two crates: a change of either draws the pages anew.

fn main() {
    println!("cargo:rerun-if-changed=templates");
    println!("cargo:rerun-if-changed=../ui/templates");
}
