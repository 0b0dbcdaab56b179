//! Webhooks of Meta.
#![no_main]

use std::sync::LazyLock;

use adapter_whatsapp::WhatsApp;
use libfuzzer_sys::fuzz_target;

static ADAPTER: LazyLock<WhatsApp> = LazyLock::new(|| muara_fuzz::open("[adapter]\napp_secret = 'a'\nverify_token = 'b'\n\
     accounts = [{ phone_number_id = '100000000000001', access_token = 'c' }]\n"));

fuzz_target!(|bytes: &[u8]| muara_fuzz::read(&*ADAPTER, bytes));
