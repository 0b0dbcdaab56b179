//! Webhooks that Meta would not send: the recorded ones cut, mixed and disturbed. `MUARA_FUZZ_CASES` says how many.

use adapter_sdk::{Adapter, Http, Settings, outgoing::Limits};
use adapter_whatsapp::WhatsApp;

#[test]
fn no_webhook_brings_the_reader_down() {
    let text = "[door]\nlisten = '127.0.0.1:0'\n[spool]\nfolder = '/nowhere'\n[adapter]\napp_secret = 'a'\nverify_token = 'b'\n\
                accounts = [{ phone_number_id = '100000000000001', access_token = 'c' }]\n";
    let settings = Settings::<<WhatsApp as Adapter>::Config>::layered(&[WhatsApp::DEFAULTS, text]).expect("settings");
    let adapter = WhatsApp::open(settings.adapter, Http::new(Limits::default()).expect("a client")).expect("it opens");
    adapter_testkit::fuzz(&adapter, &adapter_testkit::recorded::<WhatsApp>(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures")));
}
