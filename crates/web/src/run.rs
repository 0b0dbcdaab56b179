//! The pages as a role of the program: serve until told to stop, keep the directory fresh, listen for what changes.

use std::time::Duration;

use bus::Stop;
use futures::{FutureExt, StreamExt, future::BoxFuture};
use store::StoreError;
use tokio::{net::TcpListener, time::MissedTickBehavior};
use tracing::{info, warn};

use crate::{Context, Rooms, router};

/// Why the pages ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The directory could not be read at the start.
    #[error("cannot read the directory")]
    Directory(#[source] StoreError),
}

/// Serves the pages on `listener` until `stop` is cancelled; requests that are under way are answered first.
pub fn run(context: Context, listener: TcpListener, stop: Stop) -> BoxFuture<'static, Result<(), RunError>> {
    async move {
        let rooms = Rooms::open(context, stop.clone()).await.map_err(RunError::Directory)?;
        let housekeeping = tokio::spawn(stop.clone().run_until_cancelled_owned(keep_fresh(rooms.clone())));
        let sweeping = tokio::spawn(stop.clone().run_until_cancelled_owned(sweep(rooms.clone())));
        let watching = tokio::spawn(watch(rooms.clone(), stop.clone()));
        let listening = tokio::spawn(stop.clone().run_until_cancelled_owned(listen(rooms.clone())));
        if let Ok(address) = listener.local_addr() {
            info!(%address, "Serving pages on {address}.");
        }
        // Open pages are most of them, and those are counted (`live`).
        let limits = incoming::Limits { connections: 16_384, ..incoming::Limits::default() };
        incoming::serve(listener, router(rooms), limits, stop.cancelled_owned()).await;
        housekeeping.abort();
        sweeping.abort();
        listening.abort();
        watching.abort();
        Ok(())
    }
    .boxed()
}

async fn watch(rooms: Rooms, stop: Stop) {
    let (directory, clock) = (rooms.clone(), rooms.clone());
    let (db, bus, last) = (rooms.db().clone(), rooms.bus().clone(), rooms.watched().clone());
    watch::keep_watch(db, bus, move || directory.directory(), move || clock.now(), last, stop).await;
}

/// A new channel or rule shows within this time.
const LOOK_AT_THE_DIRECTORY: Duration = Duration::from_secs(5);

async fn keep_fresh(rooms: Rooms) {
    let mut ticks = tokio::time::interval(LOOK_AT_THE_DIRECTORY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = rooms.refresh().await {
            warn!(error = &error as &dyn std::error::Error, "Cannot look at the directory; the last one is used.");
        }
    }
}

/// How often the sums of the lists are summed up and new words are learned.
const SWEEP: Duration = Duration::from_mins(1);

/// Photos of results that are compared in one go.
const PHOTOS: i64 = 200;

async fn sweep(rooms: Rooms) {
    let mut ticks = tokio::time::interval(SWEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let swept = async { Ok::<_, StoreError>((store::queue::fold(rooms.db()).await?, store::search::learn_words(rooms.db()).await?)) };
        if let Err(error) = swept.await {
            warn!(error = &error as &dyn std::error::Error, "Cannot sum up the lists or learn new words; both are done later.");
        }
        if let Err(error) = store::draft::forget(rooms.db(), rooms.now()).await {
            warn!(error = &error as &dyn std::error::Error, "Cannot forget old drafts; it is done later.");
        }
        if let Err(error) = store::present::forget(rooms.db(), rooms.now()).await {
            warn!(error = &error as &dyn std::error::Error, "Cannot forget who left; it is done later.");
        }
        if let Err(error) = store::evidence::judge(rooms.db(), PHOTOS, rooms.now()).await {
            warn!(error = &error as &dyn std::error::Error, "Cannot compare photos of results; it is done later.");
        }
    }
}

/// How long to wait before the database is asked again to tell what changes.
const PAUSE: Duration = Duration::from_secs(2);

async fn listen(rooms: Rooms) {
    loop {
        match store::live::changes(rooms.db()).await {
            Ok(mut changes) => {
                while let Some(change) = changes.next().await {
                    rooms.live().tell(change);
                }
            }
            Err(error) => warn!(error = &error as &dyn std::error::Error, "Cannot hear what changes; open pages wait."),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
