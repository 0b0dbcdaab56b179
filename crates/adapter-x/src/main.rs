//! The program: see `adapter_x`.

fn main() -> std::process::ExitCode {
    adapter_sdk::poll::<adapter_x::X>()
}
