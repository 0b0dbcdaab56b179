//! One citizen's matter, its history, and the one function that writes what was decided.

use model::{Complaint, ComplaintId, Decision, Reference, TrackingCode, Update};

use crate::{PgPool, Result, Tx};

/// One complaint with its dispatches.
pub async fn load(db: &PgPool, id: ComplaintId) -> Result<Option<Complaint>> {
    todo!("{db:?} {id}")
}

/// The same, and nobody else changes it until the transaction ends.
pub async fn lock(tx: &mut Tx, id: ComplaintId) -> Result<Option<Complaint>> {
    todo!("{tx:?} {id}")
}

/// The complaint that a link opens.
pub async fn by_code(db: &PgPool, code: &TrackingCode) -> Result<Option<Complaint>> {
    todo!("{db:?} {code:?}")
}

/// The complaint with this number.
pub async fn by_reference(db: &PgPool, reference: &Reference) -> Result<Option<Complaint>> {
    todo!("{db:?} {reference:?}")
}

/// Every step, the oldest first.
pub async fn history(db: &PgPool, id: ComplaintId) -> Result<Vec<Update>> {
    todo!("{db:?} {id}")
}

/// Writes a decision whole: complaint, dispatches, updates, replies. [`crate::StoreError::Stale`]: the complaint is not at the version
/// that was read.
pub async fn write(tx: &mut Tx, decision: &Decision) -> Result<()> {
    write_many(tx, std::slice::from_ref(decision)).await
}

/// The same for many complaints, in the same few statements. No complaint may occur twice.
pub async fn write_many(tx: &mut Tx, decisions: &[Decision]) -> Result<()> {
    todo!("{tx:?} {decisions:?}")
}
