//! What the tests of this crate are made of.

use model::{Address, Inbound, MessageKey, Timestamp};

/// Friday, 20 November 2026, ten in the morning in Jakarta.
pub(crate) const NOW: Timestamp = Timestamp::constant(1_795_143_600, 0);

/// A private message of one citizen to one account.
pub(crate) fn inbound(id: &str, text: &str) -> Inbound {
    let key = MessageKey { adapter: "chat".parse().expect("a name"), account: "1".into(), id: id.into() };
    let address: Address = "tel:+6281200000001".parse().expect("an address");
    Inbound::private(key, address, text, NOW)
}
