//! What the database tells at once: for pages that stay open, and for loops that would otherwise look now and then. Notifications may be
//! lost when a connection breaks: whoever listens also looks by itself from time to time.

use futures::stream::BoxStream;
use model::ComplaintId;

use crate::{PgPool, Result};

/// Something to do appeared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// An attachment in quarantine.
    Attachment,
    /// A dispatch to send.
    Dispatch,
    /// A reply to publish.
    Reply,
}

/// Complaints as their history grows. Holds one connection of its own; ends when the database is gone for good.
pub async fn listen(db: &PgPool) -> Result<BoxStream<'static, ComplaintId>> {
    todo!("{db:?}")
}

/// Work as it appears. Holds one connection of its own.
pub async fn work(db: &PgPool) -> Result<BoxStream<'static, Work>> {
    todo!("{db:?}")
}
