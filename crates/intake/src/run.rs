//! The room at work: events from the bus, files from quarantine, and a directory that is never older than the last batch.

use std::{sync::Arc, time::Duration};

use bus::{Bus, BusError, Delivery, Queue, Stop};
use model::{Event, Failure, Timestamp};
use object_store::ObjectStore;
use store::{PgPool, StoreError};
use tokio::{sync::Mutex, time::timeout};
use tracing::{info, warn};

use crate::{Rooms, acts, handle_batch, promote};

/// What a batch holds at most: beyond about a hundred messages a transaction gets slower as fast as it gets bigger.
const MOST: usize = 200;
/// Twice as long as the database gives a statement, and far more than a batch takes: a database that says nothing for so long is behind a
/// connection that carries nothing any more, and never will.
const SILENT: Duration = Duration::from_mins(1);
/// Between two looks whether the database is there again.
const PAUSE: Duration = Duration::from_secs(1);

/// What intake works with.
#[derive(Clone)]
pub struct Context {
    /// The database.
    pub db: PgPool,
    /// The bus.
    pub bus: Bus,
    /// Long-term storage of files.
    pub files: Arc<dyn ObjectStore>,
    /// What a file may be.
    pub limits: promote::Limits,
}

/// Why intake stopped without being told to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The directory cannot be read at the start.
    #[error("the directory cannot be loaded")]
    Directory(#[source] StoreError),
    /// The bus cannot be read.
    #[error("the events cannot be read")]
    Events(#[source] BusError),
}

/// Handles events and promotes files until `stop`. What is under way is finished first.
pub async fn run(context: Context, stop: Stop) -> Result<(), RunError> {
    let rooms = Arc::new(Newest::load(context.db.clone()).await.map_err(RunError::Directory)?);
    let both = stop.child_token();
    let newest = rooms.clone();
    let (db, bus, until) = (context.db.clone(), context.bus.clone(), both.clone());
    let handle = move |events: Vec<Delivery<Event>>| {
        let (db, rooms, until) = (db.clone(), rooms.clone(), until.clone());
        async move { handle(&db, &rooms, &until, events).await }
    };
    let events = async {
        let ended = bus.consume_batch(Queue::Events, both.clone(), MOST, handle).await;
        both.cancel();
        ended.map_err(RunError::Events)
    };
    let (ended, (), ()) = tokio::join!(events, promote::run(&context, &newest, both.clone()), acts::run(&context.db, both.clone()));
    ended
}

/// While the database is away the batch waits here: that costs its messages no attempt, and nobody is parked for it.
async fn handle(db: &PgPool, rooms: &Newest, stop: &Stop, events: Vec<Delivery<Event>>) -> Vec<Result<(), Failure>> {
    loop {
        match rooms.get().await {
            Ok(rooms) => {
                let count = events.len();
                let handled = timeout(SILENT, handle_batch(db, &rooms, events, now())).await;
                return handled.unwrap_or_else(|_silent| {
                    warn!("The database says nothing: the events are tried again.");
                    (0..count).map(|_| Err(Failure::retry("the database said nothing"))).collect()
                });
            }
            Err(error) => warn!("The events have to wait: {error}."),
        }
        tokio::select! {
            () = stop.cancelled() => return events.iter().map(|_| Err(Failure::retry("stopped while the database was away"))).collect(),
            () = tokio::time::sleep(PAUSE) => (),
        }
    }
}

/// The directory as it is now: a channel that was added a moment ago counts for the next message.
pub struct Newest {
    db: PgPool,
    loaded: Mutex<(i64, Arc<Rooms>)>,
}

impl Newest {
    /// Reads it for the first time.
    pub async fn load(db: PgPool) -> Result<Self, StoreError> {
        let version = store::directory::version(&db).await?;
        let rooms = Arc::new(Rooms::load(&db).await?);
        Ok(Self { db, loaded: Mutex::new((version, rooms)) })
    }

    /// Loads again when a row has changed. The version is read first: at worst we load once too often.
    pub async fn get(&self) -> Result<Arc<Rooms>, StoreError> {
        let mut loaded = self.loaded.lock().await;
        let load = async {
            let version = store::directory::version(&self.db).await?;
            if version != loaded.0 {
                *loaded = (version, Arc::new(Rooms::load(&self.db).await?));
                info!("Loaded the directory again, version {version}.");
            }
            Ok(loaded.1.clone())
        };
        // Everybody waits for this lock: nobody may keep it for ever.
        timeout(SILENT, load).await.unwrap_or_else(|silent| Err(StoreError::Unavailable(Box::new(silent))))
    }
}

#[expect(clippy::disallowed_methods, reason = "the edge of this crate: from here on, time is a parameter")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
