//! Entries of a desk.
#![no_main]

use std::sync::LazyLock;

use adapter_desk::Desk;
use libfuzzer_sys::fuzz_target;

static ADAPTER: LazyLock<Desk> = LazyLock::new(|| muara_fuzz::open(""));

fuzz_target!(|bytes: &[u8]| muara_fuzz::read(&*ADAPTER, bytes));
