//! `adapter-telegram run|check|probe|parse|replay`.

fn main() -> std::process::ExitCode {
    adapter_sdk::either_way::<adapter_telegram::Telegram>()
}
