//! Updates that Telegram would not send: the recorded ones cut, mixed and disturbed. `MUARA_FUZZ_CASES` says how many.

use adapter_sdk::{Adapter, Http, Settings, outgoing::Limits};
use adapter_telegram::Telegram;

#[test]
fn no_update_brings_the_reader_down() {
    let text = "[door]\nlisten = '127.0.0.1:0'\n[spool]\nfolder = '/nowhere'\n[adapter]\nbots = [{ id = '7000000001', token = 'a' }]\n";
    let settings = Settings::<<Telegram as Adapter>::Config>::layered(&[Telegram::DEFAULTS, text]).expect("settings");
    let adapter = Telegram::open(settings.adapter, Http::new(Limits::default()).expect("a client")).expect("it opens");
    adapter_testkit::fuzz(&adapter, &adapter_testkit::recorded::<Telegram>(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures")));
}
