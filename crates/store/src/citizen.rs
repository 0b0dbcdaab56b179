//! Who wrote to us, known by the addresses a platform gave.

use jiff::Timestamp;
use model::Address;

use crate::{PgPool, Result};

/// The citizen wants no more messages at this address. Replies that wait are withheld, as all later ones are.
pub async fn opt_out(db: &PgPool, address: &Address, now: Timestamp) -> Result<()> {
    todo!("{db:?} {address:?} {now}")
}
