//! C1 to C12.

use adapter_desk::Desk;
use adapter_testkit::Contract;

#[test]
fn the_desk_keeps_the_contract() {
    adapter_testkit::pages::<Desk>(Contract {
        config: |_| own_table() + "\n[adapter.answer_via.mailto]\nadapter = \"mail\"\naccount = \"lapor@contoh.id\"\n",
        fixtures: concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"),
        unparsable: &["no-id", "no-office", "not-a-form"],
        ..Contract::default()
    });
}

/// The default configuration's own table.
fn own_table() -> String {
    let defaults = <Desk as adapter_sdk::Adapter>::DEFAULTS;
    defaults.split_once("[adapter]").expect("the table").1.to_owned()
}
