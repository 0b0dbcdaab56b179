//! The program: see `adapter_sms`. `hand-in` is what Gammu SMSD runs; all else is as every adapter has it.

fn main() -> std::process::ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    adapter_sms::hand_in::asked(&arguments).unwrap_or_else(adapter_sdk::webhook::<adapter_sms::Sms>)
}
