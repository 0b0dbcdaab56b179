//! Posts and direct messages of X.
#![no_main]

use std::sync::LazyLock;

use adapter_x::X;
use libfuzzer_sys::fuzz_target;

static ADAPTER: LazyLock<X> = LazyLock::new(|| muara_fuzz::open("[adapter]\nstate_folder = '/nowhere'\n\
     accounts = [{ user_id = '1000000000000000001', username = 'lapor_contoh', hashtags = ['LAPORCONTOH'], direct_messages = true, \
     consumer_key = 'a', consumer_secret = 'b', access_token = 'c', access_token_secret = 'd' }]\n"));

fuzz_target!(|bytes: &[u8]| muara_fuzz::read(&*ADAPTER, bytes));
