//! What an import hands in.
#![no_main]

use std::sync::LazyLock;

use adapter_rtrw::ChatImport;
use libfuzzer_sys::fuzz_target;

static ADAPTER: LazyLock<ChatImport> = LazyLock::new(|| muara_fuzz::open(""));

fuzz_target!(|bytes: &[u8]| muara_fuzz::read(&*ADAPTER, bytes));
