//! The adapter keeps the contract, and every fixture has its snapshot. What the contract asks of a platform over HTTP (C4 to C8) is asked of
//! a real Dovecot and a real Exim in `real.rs`.

use adapter_email::Email;
use adapter_testkit::Contract;

const KEY: &str = "kunci-contoh-untuk-uji-yang-panjang";
const PASSWORD: &str = "kata-sandi-contoh";

#[test]
fn the_contract_is_kept() {
    adapter_testkit::without_http::<Email>(Contract {
        config: |_| {
            let server = format!("{{ host = '127.0.0.1', port = 9, security = 'none', user = 'aduan', password = '{PASSWORD}' }}");
            let account = |address: &str| {
                format!(
                    "{{ address = '{address}', name = 'Pengaduan', authserv_id = 'mx.kota.example.id', imap = {server}, smtp = {server} }}"
                )
            };
            let accounts = [account("aduan@kota.example.id"), account("info@kota.example.id")].join(", ");
            format!("reply_key = '{KEY}'\naccounts = [{accounts}]\n")
        },
        fixtures: concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"),
        secrets: &[KEY, PASSWORD],
        ignored: &["own", "own-passed-back", "bounce-delayed", "bounce-of-a-forged-mail"],
        unparsable: &["refused-by-the-server", "no-mailbox-of-ours"],
        ..Contract::default()
    });
}
