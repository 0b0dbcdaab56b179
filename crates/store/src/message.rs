//! One thing a citizen sent.

use jiff::Timestamp;
use model::{Address, Audience, ComplaintId, MessageId, Point};

use crate::{PgPool, Result, attachment::StoredAttachment};

/// A message as staff and the citizen see it again.
#[derive(Clone, PartialEq)]
pub struct RecordedMessage {
    /// Its key.
    pub id: MessageId,
    /// The words.
    pub text: String,
    /// What the citizen calls themselves.
    pub sender_name: Option<String>,
    /// The best address the platform vouched for.
    pub sender: Option<Address>,
    /// Addresses the citizen claims.
    pub contact: Vec<Address>,
    /// The platform's time.
    pub sent_at: Timestamp,
    /// The door's time.
    pub received_at: Timestamp,
    /// Who could read it where it was written.
    pub audience: Audience,
    /// Where it is, if the citizen pointed at it.
    pub location: Option<Point>,
    /// In the order they were sent.
    pub attachments: Vec<StoredAttachment>,
}

/// Every message of a complaint, the oldest first.
pub async fn of_complaint(db: &PgPool, complaint: ComplaintId) -> Result<Vec<RecordedMessage>> {
    todo!("{db:?} {complaint}")
}
