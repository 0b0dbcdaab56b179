//! `adapter-sms hand-in FOLDER`: what Gammu SMSD runs for every message (`RunOnReceive`, `RunOnSent`, `RunOnFailure`). It lays what SMSD
//! says in its environment into a folder, synced, and ends; the adapter takes it through its door from there, now or when it is back. SMSD
//! runs it once, waits for it, and does not look at how it ended: so nothing in it can wait for anybody.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use adapter_sdk::{Bytes, Door, ReplyId, Timestamp};
use serde::{Deserialize, Serialize};
use tracing::{error, warn};

use crate::{
    gateway::{Physical, Record, What},
    now,
    parse::print,
    pieces::replace,
};

/// The command's name.
const COMMAND: &str = "hand-in";
const HOW: &str = "usage: adapter-sms hand-in --folder FOLDER received|sent|failed [what SMSD adds]";
/// Where notes of what we sent lie.
const NOTES: &str = "sent";
/// A report may be handed in before our own note of what it is about is there; so long it waits.
const NOTE_MAY_LAG: Duration = Duration::from_mins(1);
/// A report that never came is not waited for longer.
const FORGET_NOTES: Duration = Duration::from_hours(7 * 24);
/// More physical messages than a long one has.
const MOST: usize = 255;

/// Obeys if this is what was asked for. Arguments without the program's name.
pub fn asked(arguments: &[OsString]) -> Option<ExitCode> {
    let (first, rest) = arguments.split_first()?;
    if first != COMMAND {
        return None;
    }
    let environment = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, lossy(value)))).collect();
    let words: Vec<String> = rest.iter().cloned().map(lossy).collect();
    Some(match obey(&words, &environment, now()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            // SMSD closes our outputs; a person at a terminal sees it.
            let _ = io::Write::write_fmt(&mut io::stderr(), format_args!("{why}\n"));
            ExitCode::FAILURE
        }
    })
}

fn lossy(text: OsString) -> String {
    text.into_string().unwrap_or_else(|text| text.to_string_lossy().into_owned())
}

/// Reads the arguments and SMSD's environment, and lays the record into the folder.
pub fn obey(words: &[String], environment: &BTreeMap<String, String>, at: Timestamp) -> Result<(), String> {
    let [flag, folder, what, ids @ ..] = words else { return Err(HOW.to_owned()) };
    let what = match (flag.as_str(), what.as_str()) {
        ("--folder", "received") => What::Received,
        ("--folder", "sent") => What::Sent,
        ("--folder", "failed") => What::Failed,
        _ => return Err(HOW.to_owned()),
    };
    let record = record(what, ids, environment, at);
    lay(Path::new(folder), &record).map_err(|error| format!("{folder}: {error}"))
}

/// What SMSD says, as a record.
pub fn record(what: What, ids: &[String], environment: &BTreeMap<String, String>, at: Timestamp) -> Record {
    let count = |name: &str| environment.get(name).and_then(|count| count.parse::<usize>().ok()).unwrap_or(0).min(MOST);
    let physical = |n: usize| {
        let value = |what: &str| environment.get(&format!("SMS_{n}_{what}"));
        let reference = value("REFERENCE").and_then(|reference| reference.parse().ok()).unwrap_or(0);
        Some(Physical { number: value("NUMBER")?.clone(), text: value("TEXT").cloned(), reference })
    };
    let decoded: Vec<&str> =
        (1..=count("DECODED_PARTS")).filter_map(|n| environment.get(&format!("DECODED_{n}_TEXT")).map(String::as_str)).collect();
    Record {
        what,
        phone: environment.get("PHONE_ID").cloned().unwrap_or_default(),
        ids: ids.to_vec(),
        messages: (1..=count("SMS_MESSAGES")).filter_map(physical).collect(),
        decoded: (!decoded.is_empty()).then(|| decoded.concat()),
        at,
        reply: None,
        account: None,
    }
}

/// Lays a record into the folder, synced. The same said again within the same moment is one file; later it is another, with the same key.
fn lay(folder: &Path, record: &Record) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let bytes = serde_json::to_vec(record)?;
    let name = format!("{:020}-{}", record.at.as_nanosecond().max(0), print(&[&String::from_utf8_lossy(&bytes)]));
    replace(folder, &folder.join(format!("{name}.new")), &folder.join(format!("{name}.json")), &bytes)
}

/// What we must know when a gateway reports on a message it only names by its own name.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Note {
    /// Which reply it is.
    pub(crate) reply: ReplyId,
    /// Which account of ours sent it.
    pub(crate) account: String,
}

/// Notes which reply a gateway's message is. Best effort: without it nobody hears what became of it.
pub(crate) fn note_sent(folder: &Path, id: &str, note: &Note) {
    let notes = folder.join(NOTES);
    let written = serde_json::to_vec(note).map_err(io::Error::other).and_then(|bytes| {
        fs::create_dir_all(&notes)?;
        fs::write(notes.join(print(&[id])), bytes)
    });
    if let Err(error) = written {
        warn!(error = &error as &dyn std::error::Error, "Could not note a reply that was sent; its report will find nobody.");
    }
}

/// Takes every record of the folder through the door, in the order in which they were handed in. A record is removed only when the door
/// has it.
pub(crate) async fn sweep(folder: &Path, gateway: &str, door: &Door, now: Timestamp) {
    let records = match records(folder) {
        Ok(records) => records,
        Err(error) => {
            warn!(gateway, error = &error as &dyn std::error::Error, "The folder of messages that are handed in cannot be read.");
            return;
        }
    };
    for path in records {
        if let Err(error) = take(folder, &path, gateway, door, now).await {
            warn!(gateway, error = error.as_ref(), "A message that was handed in waits: the door does not take it.");
            return; // the order stays
        }
    }
}

/// Their names begin with their time.
fn records(folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::create_dir_all(folder)?;
    let mut records: Vec<PathBuf> =
        fs::read_dir(folder)?.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "json")).collect();
    records.sort();
    Ok(records)
}

async fn take(
    folder: &Path,
    path: &Path,
    gateway: &str,
    door: &Door,
    now: Timestamp,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let bytes = fs::read(path)?;
    let body = match serde_json::from_slice::<Record>(&bytes) {
        Ok(mut record) if record.what != What::Received => {
            if !noted(folder, &mut record) && now.duration_since(record.at).unsigned_abs() < NOTE_MAY_LAG {
                return Ok(()); // looked at again
            }
            serde_json::to_vec(&record)?
        }
        Ok(_) => bytes,
        // Parked whole behind the door, where a person sees it.
        Err(_) => {
            error!(gateway, "A record that was handed in cannot be read.");
            bytes
        }
    };
    door.take(format!("gateway={gateway}"), vec![("content-type".to_owned(), "application/json".to_owned())], Bytes::from(body)).await?;
    fs::remove_file(path)?;
    Ok(())
}

/// Whether we know which reply a report is about; then it says so.
fn noted(folder: &Path, record: &mut Record) -> bool {
    let mut names = record.ids.iter().map(|id| id.rsplit('/').next().unwrap_or_default());
    let Some(note) = names.find_map(|name| note_of(folder, name)) else { return false };
    (record.reply, record.account) = (Some(note.reply), Some(note.account));
    true
}

/// What was noted of a gateway's message.
pub(crate) fn note_of(folder: &Path, id: &str) -> Option<Note> {
    let bytes = fs::read(folder.join(NOTES).join(print(&[id]))).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Removes notes of messages that nobody will report on any more.
pub(crate) fn forget(folder: &Path) {
    for entry in fs::read_dir(folder.join(NOTES)).into_iter().flatten().flatten() {
        let age = entry.metadata().ok().and_then(|metadata| metadata.modified().ok()).and_then(|at| at.elapsed().ok());
        if age.is_some_and(|age| age > FORGET_NOTES) {
            let _ = fs::remove_file(entry.path()); // next time, then
        }
    }
}
