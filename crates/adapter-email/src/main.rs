//! The program: everything is in the library and the SDK.

fn main() -> std::process::ExitCode {
    adapter_sdk::poll::<adapter_email::Email>()
}
