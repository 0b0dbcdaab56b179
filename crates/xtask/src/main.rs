//! Set-up and everyday commands: cargo xtask up, cargo xtask test
fn main() {}
