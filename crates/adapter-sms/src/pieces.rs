//! The waiting room at the door: parts of one long message that a gateway delivers one by one wait here, on the disk, for the others.
//!
//! `parse` is pure and sees one raw message; so what belongs together must be together before it. A part is kept with `fdatasync` before
//! the gateway hears yes. When all are there, or the wait is over, they go through the door as one raw message, in their order. A part
//! that comes after that goes alone, and the core joins it by the citizen's breath; one that comes again is known by its print.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use adapter_sdk::{Bytes, Door, DoorError, ParseError, Timestamp};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tracing::{error, info, warn};

use crate::{
    parse::{print, print_of},
    said::{Delivery, Heard},
};

/// The type of a body that holds parts.
pub(crate) const CONTENT_TYPE: &str = "application/x-muara-parts+json";
/// Messages that wait for their parts at once. Beyond that parts go alone: none is refused.
const MOST_WAITING: usize = 10_000;
/// How long a message that is gone is remembered: as long as gateways deliver again.
const REMEMBER: Duration = Duration::from_hours(24);

/// One delivery, as it will be parsed.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Piece {
    query: String,
    content_type: String,
    #[serde(with = "as_base64")]
    body: Vec<u8>,
}

mod as_base64 {
    use super::{BASE64_STANDARD, Engine};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        BASE64_STANDARD.decode(String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

impl Piece {
    pub(crate) fn of(delivery: &Delivery<'_>) -> Self {
        Self { query: delivery.query.to_owned(), content_type: delivery.content_type.to_owned(), body: delivery.body.to_vec() }
    }

    pub(crate) fn delivery(&self) -> Delivery<'_> {
        Delivery { query: &self.query, content_type: &self.content_type, body: &self.body }
    }
}

/// Reads a body that holds parts.
pub(crate) fn read(body: &[u8]) -> Result<Vec<Piece>, ParseError> {
    Ok(serde_json::from_slice(body)?)
}

/// A long message: what of it waits, and what has gone.
#[derive(Default, Clone, Serialize, Deserialize)]
struct Group {
    gateway: String,
    since: Timestamp,
    /// By number.
    waiting: BTreeMap<u8, (String, Piece)>,
    /// Prints of parts that went through the door, by number.
    gone: BTreeMap<u8, String>,
}

/// The waiting room.
pub(crate) struct Room {
    folder: PathBuf,
    wait: Duration,
    groups: Mutex<HashMap<String, Group>>,
}

impl Room {
    /// Opens it with what waited when we ended.
    pub(crate) fn open(folder: PathBuf, wait: Duration) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let mut groups = HashMap::new();
        for entry in fs::read_dir(&folder)?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(key) = name.strip_suffix(".json") else { continue };
            if let Ok(Ok(group)) = fs::read(entry.path()).map(|bytes| serde_json::from_slice(&bytes)) {
                groups.insert(key.to_owned(), group);
            } else {
                error!(file = %name, "Parts of a message cannot be read; the file is kept as `.damaged`.");
                fs::rename(entry.path(), folder.join(format!("{key}.damaged")))?;
            }
        }
        if groups.values().any(|group: &Group| !group.waiting.is_empty()) {
            info!(messages = groups.len(), "Parts of long messages wait for the others.");
        }
        Ok(Self { folder, wait, groups: Mutex::new(groups) })
    }

    /// Keeps one part. `Ok`: it is on the disk, here or behind the door.
    pub(crate) async fn keep(&self, gateway: &str, heard: &Heard, piece: Piece, door: &Door, now: Timestamp) -> Result<(), DoorError> {
        let Some(part) = heard.part else { return submit(door, gateway, vec![piece]).await };
        let to = heard.to.as_deref().unwrap_or_default();
        let key = print(&[gateway, &heard.from, to, &part.reference.to_string(), &part.of.to_string()]);
        let print = print_of(heard);
        let mut groups = self.groups.lock().await;
        if groups.len() >= MOST_WAITING && !groups.contains_key(&key) {
            return submit(door, gateway, vec![piece]).await;
        }
        let known = groups.get(&key).cloned();
        let mut group = match known {
            // Delivered again.
            Some(group) if group.gone.get(&part.number) == Some(&print) => return Ok(()),
            Some(group) if group.waiting.get(&part.number).is_some_and(|(known, _)| *known == print) => return Ok(()),
            // The telephone's counter has come round: these are parts of two messages.
            Some(group) if group.gone.contains_key(&part.number) || group.waiting.contains_key(&part.number) => {
                self.let_go(&key, group, door).await?;
                Group::default()
            }
            // Later than we waited.
            Some(mut group) if !group.gone.is_empty() => {
                submit(door, gateway, vec![piece]).await?;
                group.gone.insert(part.number, print);
                self.note(&key, &group).await;
                groups.insert(key, group);
                return Ok(());
            }
            Some(group) => group,
            None => Group::default(),
        };
        if group.waiting.is_empty() {
            group = Group { gateway: gateway.to_owned(), since: now, ..Group::default() };
        }
        group.waiting.insert(part.number, (print, piece));
        if group.waiting.len() == usize::from(part.of) {
            let group = self.let_go(&key, group, door).await?;
            groups.insert(key, group);
        } else {
            self.write(&key, &group).await.map_err(|error| DoorError::Broken(error.into()))?;
            groups.insert(key, group);
        }
        Ok(())
    }

    /// Lets messages go whose wait is over, and forgets those that nobody delivers again.
    pub(crate) async fn sweep(&self, door: &Door, now: Timestamp) {
        let mut groups = self.groups.lock().await;
        let age = |group: &Group| now.duration_since(group.since).unsigned_abs();
        let overdue: Vec<String> =
            groups.iter().filter(|(_, group)| !group.waiting.is_empty() && age(group) >= self.wait).map(|(key, _)| key.clone()).collect();
        for key in overdue {
            let Some(group) = groups.get(&key).cloned() else { continue };
            warn!(parts = group.waiting.len(), "A long message did not come whole; it goes on with what is there.");
            match self.let_go(&key, group, door).await {
                Ok(group) => _ = groups.insert(key, group),
                // Full or broken: they stay here, and are tried again.
                Err(error) => warn!(error = &error as &dyn std::error::Error, "Parts of a message wait on: the door does not take them."),
            }
        }
        let old: Vec<String> =
            groups.iter().filter(|(_, group)| group.waiting.is_empty() && age(group) >= REMEMBER).map(|(key, _)| key.clone()).collect();
        for key in old {
            groups.remove(&key);
            if let Err(error) = fs::remove_file(self.path(&key)) {
                warn!(error = &error as &dyn std::error::Error, "Could not remove the trace of a long message.");
            }
        }
    }

    /// What waits goes through the door; its prints stay.
    async fn let_go(&self, key: &str, mut group: Group, door: &Door) -> Result<Group, DoorError> {
        let pieces = group.waiting.values().map(|(_, piece)| piece.clone()).collect::<Vec<_>>();
        if !pieces.is_empty() {
            submit(door, &group.gateway, pieces).await?;
        }
        group.gone.extend(std::mem::take(&mut group.waiting).into_iter().map(|(number, (print, _))| (number, print)));
        self.note(key, &group).await;
        Ok(group)
    }

    /// Best effort: without it a part that is delivered again is taken for a late one.
    async fn note(&self, key: &str, group: &Group) {
        if let Err(error) = self.write(key, group).await {
            warn!(error = &error as &dyn std::error::Error, "Could not note which parts of a message have gone.");
        }
    }

    async fn write(&self, key: &str, group: &Group) -> io::Result<()> {
        let (path, fresh, folder) = (self.path(key), self.folder.join(format!("{key}.new")), self.folder.clone());
        let bytes = serde_json::to_vec(group)?;
        tokio::task::spawn_blocking(move || replace(&folder, &fresh, &path, &bytes)).await.map_err(io::Error::other)?
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.json"))
    }
}

async fn submit(door: &Door, gateway: &str, pieces: Vec<Piece>) -> Result<(), DoorError> {
    let body = serde_json::to_vec(&pieces).map_err(|error| DoorError::Broken(error.into()))?;
    let headers = vec![("content-type".to_owned(), CONTENT_TYPE.to_owned())];
    door.take(format!("gateway={gateway}"), headers, Bytes::from(body)).await.map(drop)
}

/// Old or new, never half, and on the disk when it returns.
pub(crate) fn replace(folder: &Path, fresh: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(fresh)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    fs::rename(fresh, path)?;
    File::open(folder)?.sync_all()
}
