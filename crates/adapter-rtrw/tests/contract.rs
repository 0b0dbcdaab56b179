//! C1 to C12.

use adapter_rtrw::ChatImport;
use adapter_testkit::Contract;

#[test]
fn the_import_keeps_the_contract() {
    adapter_testkit::pages::<ChatImport>(Contract {
        config: |_| own_table(),
        fixtures: concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"),
        unparsable: &["not-json", "no-message", "no-account"],
        ..Contract::default()
    });
}

/// The default configuration's own table.
fn own_table() -> String {
    let defaults = <ChatImport as adapter_sdk::Adapter>::DEFAULTS;
    defaults.split_once("[adapter]").expect("the table").1.to_owned()
}
