//! Forms of citizens.
#![no_main]

use std::sync::LazyLock;

use adapter_web::Web;
use libfuzzer_sys::fuzz_target;

static ADAPTER: LazyLock<Web> = LazyLock::new(|| muara_fuzz::open(""));

fuzz_target!(|bytes: &[u8]| muara_fuzz::read(&*ADAPTER, bytes));
