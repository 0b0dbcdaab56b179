//! The program: see `adapter_whatsapp`.

fn main() -> std::process::ExitCode {
    adapter_sdk::webhook::<adapter_whatsapp::WhatsApp>()
}
