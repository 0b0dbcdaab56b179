//! What doors with pages know of the city: read from the bus when it changes, and from the disk when the bus is away.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
    time::Duration,
};

use bus::{Bus, BusError, Stop};
use bytes::Bytes;
use model::DoorDirectory;
use tracing::{info, warn};

use crate::{Door, pulse::chain};

const DIRECTORY: &str = "directory.json";
const OUTLINE: &str = "outline.geojson";
/// How often we ask whether it has changed.
const EVERY: Duration = Duration::from_secs(10);

/// Gives the door the last copy on the disk, if there is one.
pub(crate) fn from_disk(door: &Door) {
    let folder = door.folder();
    match fs::read(folder.join(DIRECTORY)).map(|bytes| serde_json::from_slice::<DoorDirectory>(&bytes)) {
        Ok(Ok(directory)) => door.learn(directory, fs::read(folder.join(OUTLINE)).ok().map(Bytes::from)),
        Ok(Err(error)) => warn!(error = chain(&error), "The last copy of the directory cannot be read; waiting for a fresh one."),
        Err(_none_yet) => {}
    }
}

/// Keeps the door's directory fresh until `stop`.
pub(crate) async fn keep_fresh(door: Door, bus: Bus, stop: Stop) {
    let asking = async {
        let mut have = None;
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            ticks.tick().await;
            match bus.directory_version().await {
                Ok(version) if version.is_some() && version != have => match renew(&door, &bus).await {
                    Ok(true) => have = version,
                    Ok(false) => {}
                    Err(error) => warn!(error = chain(&error), "Could not read the directory from the bus; keeping the last one."),
                },
                Ok(_the_same) => {}
                Err(error) => tracing::debug!(error = chain(&error), "Could not ask for the directory."),
            }
        }
    };
    stop.run_until_cancelled(asking).await;
}

async fn renew(door: &Door, bus: &Bus) -> Result<bool, BusError> {
    let Some(directory) = bus.directory().await? else { return Ok(false) };
    let outline = bus.outline().await?;
    if let Err(error) = to_disk(door.folder(), &directory, outline.as_ref()) {
        warn!(error = chain(&error), "Could not keep a copy of the directory: after a restart without the bus there would be no form.");
    }
    info!(categories = directory.categories.len(), channels = directory.channels.len(), "Read the directory.");
    door.learn(directory, outline);
    Ok(true)
}

fn to_disk(folder: &Path, directory: &DoorDirectory, outline: Option<&Bytes>) -> io::Result<()> {
    if let Some(outline) = outline {
        replace(folder, OUTLINE, outline)?;
    }
    replace(folder, DIRECTORY, &serde_json::to_vec(directory)?)
}

/// Old or new, never half.
fn replace(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let fresh = folder.join(format!("{name}.new"));
    let mut file = File::create(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(fresh, folder.join(name))
}
