//! Posts and direct messages that X would not give: the fixtures cut, mixed and disturbed. `MUARA_FUZZ_CASES` says how many.

use adapter_sdk::{Adapter, Http, Settings, outgoing::Limits};
use adapter_x::X;

#[test]
fn no_post_brings_the_reader_down() {
    let text = "[door]\nlisten = '127.0.0.1:0'\n[spool]\nfolder = '/nowhere'\n[adapter]\nstate_folder = '/nowhere'\n\
                accounts = [{ user_id = '1000000000000000001', username = 'lapor_contoh', hashtags = ['LAPORCONTOH'], direct_messages = true, \
                consumer_key = 'a', consumer_secret = 'b', access_token = 'c', access_token_secret = 'd' }]\n";
    let settings = Settings::<<X as Adapter>::Config>::layered(&[X::DEFAULTS, text]).expect("settings");
    let x = X::open(settings.adapter, Http::new(Limits::default()).expect("a client")).expect("it opens");
    adapter_testkit::fuzz(&x, &adapter_testkit::recorded::<X>(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures")));
}
