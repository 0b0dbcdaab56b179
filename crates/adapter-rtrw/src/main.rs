//! The program: see the library.

fn main() -> std::process::ExitCode {
    adapter_sdk::pages::<adapter_rtrw::ChatImport>()
}
