//! A new migration is a reason to build again: the migrations are compiled in.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
