//! Pages for everybody: what this is, where a complaint stands, and the citizen's own page of it.

pub(crate) mod clocks;
pub(crate) mod connect;
pub(crate) mod data;
pub(crate) mod home;
pub(crate) mod leave;
pub(crate) mod live;
pub(crate) mod lookup;
pub(crate) mod photo;
pub(crate) mod regrade;
pub(crate) mod reopen;
pub(crate) mod same;
pub(crate) mod steps;
pub(crate) mod track;
pub(crate) mod write;

use model::{Complaint, TrackingCode};

use crate::{Rooms, WebError};

/// The complaint that a link opens. A code that is none, or nobody's, is not found: both look the same.
async fn opened_by(rooms: &Rooms, code: &str) -> Result<Complaint, WebError> {
    let code: TrackingCode = code.parse().map_err(|_| WebError::NotFound)?;
    store::complaint::by_code(rooms.db(), &code).await?.ok_or(WebError::NotFound)
}
