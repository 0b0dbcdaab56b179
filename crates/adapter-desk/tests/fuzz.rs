//! Entries that no desk would send: the recorded ones cut, mixed and disturbed. `MUARA_FUZZ_CASES` says how many.

use adapter_desk::Desk;
use adapter_sdk::{Adapter, Http, Settings, outgoing::Limits};

#[test]
fn no_entry_brings_the_reader_down() {
    let text = "[door]\nlisten = '127.0.0.1:0'\n[spool]\nfolder = '/nowhere'\n";
    let settings = Settings::<<Desk as Adapter>::Config>::layered(&[Desk::DEFAULTS, text]).expect("settings");
    let adapter = Desk::open(settings.adapter, Http::new(Limits::default()).expect("a client")).expect("it opens");
    adapter_testkit::fuzz(&adapter, &adapter_testkit::recorded::<Desk>(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures")));
}
