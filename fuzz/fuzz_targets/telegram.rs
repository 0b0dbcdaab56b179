//! Updates of Telegram's.
#![no_main]

use std::sync::LazyLock;

use adapter_telegram::Telegram;
use libfuzzer_sys::fuzz_target;

static ADAPTER: LazyLock<Telegram> = LazyLock::new(|| muara_fuzz::open("[adapter]\nbots = [{ id = '7000000001', token = 'a' }]\n"));

fuzz_target!(|bytes: &[u8]| muara_fuzz::read(&*ADAPTER, bytes));
