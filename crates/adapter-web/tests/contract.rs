//! C1 to C12.

use adapter_testkit::Contract;
use adapter_web::Web;

#[test]
fn the_form_keeps_the_contract() {
    adapter_testkit::pages::<Web>(Contract {
        config: |_| own_table(),
        fixtures: concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"),
        unparsable: &["no-code", "no-id", "not-a-form", "torn"],
        ..Contract::default()
    });
}

/// The default configuration's own table.
fn own_table() -> String {
    let defaults = <Web as adapter_sdk::Adapter>::DEFAULTS;
    defaults.split_once("[adapter]").expect("the table").1.to_owned()
}
