//! Forms that no browser would send: the recorded ones cut, mixed and disturbed. `MUARA_FUZZ_CASES` says how many.

use adapter_sdk::{Adapter, Http, Settings, outgoing::Limits};
use adapter_web::Web;

#[test]
fn no_form_brings_the_reader_down() {
    let text = "[door]\nlisten = '127.0.0.1:0'\n[spool]\nfolder = '/nowhere'\n";
    let settings = Settings::<<Web as Adapter>::Config>::layered(&[Web::DEFAULTS, text]).expect("settings");
    let adapter = Web::open(settings.adapter, Http::new(Limits::default()).expect("a client")).expect("it opens");
    adapter_testkit::fuzz(&adapter, &adapter_testkit::recorded::<Web>(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures")));
}
