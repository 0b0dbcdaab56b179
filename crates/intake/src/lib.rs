//! What comes in: events become complaints, exactly once, and files become what may be shown.
//!
//! * [`record_batch`] is the heart: messages in, complaints out, one transaction.
//! * [`handle_batch`] says for each event whether it was handled, comes again or is set aside.
//! * [`promote`](mod@promote) looks at what lies in quarantine.
//! * [`run`] does all of it until it is told to stop.

pub mod acts;
mod bounds;
mod connect;
mod handle;
mod incident;
mod look;
mod picture;
mod plan;
pub mod promote;
mod record;
mod run;
mod rushes;
mod same_photo;
#[cfg(test)]
mod samples;
#[cfg(test)]
#[path = "../tests/real/scenes.rs"]
mod scenes;
mod sights;
mod sniff;

use std::sync::Arc;

use model::{ComplaintId, Directory, Guard, Timestamp};
use store::{PgPool, StoreError};
use tracing::warn;
use triage::{Atlas, Learned};

use crate::{rushes::Rushes, sights::Sights};

pub use handle::handle_batch;
pub use record::{record, record_batch};
pub use run::{Context, Newest, RunError, run};

/// What a message came to. Every arm is a success.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It opened this complaint.
    New(ComplaintId),
    /// It was added to this complaint.
    FollowUp(ComplaintId),
    /// It was recorded before; with the complaint it belongs to, if there is one.
    Again(Option<ComplaintId>),
    /// It is recorded, but there was nothing in it to read: no complaint.
    Unreadable,
    /// It brought a code from a citizen's page: the complaint that goes on where it came from; `None`: the code does not count.
    Code(Option<ComplaintId>),
}

impl Recorded {
    /// The complaint that the message belongs to.
    pub fn complaint(self) -> Option<ComplaintId> {
        match self {
            Self::New(complaint) | Self::FollowUp(complaint) => Some(complaint),
            Self::Again(complaint) | Self::Code(complaint) => complaint,
            Self::Unreadable => None,
        }
    }
}

/// What the city has written down, as of one moment, ready to decide with.
#[derive(Clone)]
pub struct Rooms {
    /// The rows.
    pub directory: Arc<Directory>,
    /// Its areas as shapes and its words; belongs to `directory`.
    pub atlas: Arc<Atlas>,
    /// What its judge has read of complaints.
    sights: Arc<Sights>,
    /// How much is let through, the latest first.
    limits: Arc<Vec<store::guard::Dated>>,
    /// Which channels were full lately.
    rushes: Arc<Rushes>,
}

impl Rooms {
    /// Makes both from the rows: `outlines` are `(code, GeoJSON geometry)`.
    pub fn new(directory: Directory, outlines: &[(String, String)]) -> Self {
        let atlas = Atlas::new(&directory, outlines);
        Self {
            directory: Arc::new(directory),
            atlas: Arc::new(atlas),
            sights: Arc::default(),
            limits: Arc::default(),
            rushes: Arc::default(),
        }
    }

    /// The same with what was learned: a version and its model. A model that cannot be read is told of and left out: keywords decide.
    #[must_use]
    pub fn with(self, learned: Option<(i64, Vec<u8>)>) -> Self {
        let learned = learned.and_then(|(version, bytes)| match Learned::from_bytes(&bytes) {
            Ok(learned) => Some(Arc::new(learned)),
            Err(error) => {
                warn!(version, "What was learned cannot be used, keywords decide: {error}.");
                None
            }
        });
        let atlas = Arc::try_unwrap(self.atlas).map(|atlas| Arc::new(atlas.with(learned)));
        Self { atlas: atlas.unwrap_or_else(|shared| shared), sights: Arc::default(), ..self }
    }

    /// Reads them from the database.
    pub async fn load(db: &PgPool) -> Result<Self, StoreError> {
        let directory = store::directory::load(db).await?;
        let rooms = Self::new(directory, &store::directory::outlines(db).await?);
        let rooms = Self { limits: Arc::new(store::guard::limits(db).await?), ..rooms };
        Ok(rooms.with(store::learned::in_use(db).await?))
    }

    /// How much is let through at that moment.
    fn guard_at(&self, now: Timestamp) -> Guard {
        store::guard::in_force(&self.limits, self.directory.day(now))
    }
}
