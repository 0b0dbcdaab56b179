//! Mails.
#![no_main]

use std::sync::LazyLock;

use adapter_email::Email;
use libfuzzer_sys::fuzz_target;

static ADAPTER: LazyLock<Email> = LazyLock::new(|| muara_fuzz::open("[adapter]\nreply_key = 'kunci-contoh-untuk-uji-yang-panjang'\n\
     accounts = [{ address = 'aduan@kota.example.id', imap = { host = '127.0.0.1', port = 9, security = 'none', user = 'aduan', password = 'kata-sandi-contoh' }, \
     smtp = { host = '127.0.0.1', port = 9, security = 'none', user = 'aduan', password = 'kata-sandi-contoh' } }]\n"));

fuzz_target!(|bytes: &[u8]| muara_fuzz::read(&*ADAPTER, bytes));
