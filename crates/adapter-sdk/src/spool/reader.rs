//! Reads segments in order, within bounds, past what is damaged.

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use bus::DoorNumber;
use bytes::Bytes;
use model::Raw;

use super::{
    Position, Segment, Shared, Use,
    record::{self, MAGIC, MARK, PREFIX},
};

/// Where the first record of a segment is.
const FIRST: u64 = MAGIC.len() as u64;

/// Records in order, to be forwarded together.
#[derive(Debug)]
pub struct Group {
    /// The records.
    pub entries: Vec<Entry>,
    pub(super) end: Position,
    pub(super) turn: u64,
}

/// One record.
#[derive(Debug)]
pub struct Entry {
    /// What came in.
    pub raw: Raw,
    /// Its number at the door; `None`: a release that did not number took it.
    pub number: Option<DoorNumber>,
    pub(super) segment: u64,
    pub(super) offset: u64,
}

/// What is at an offset.
enum Found {
    /// A record, and where the next one begins.
    Record(Box<(Raw, Option<DoorNumber>)>, u64),
    /// Nothing that we wrote.
    Damage,
}

/// Reads on from where the bus has acknowledged.
pub(super) fn read(shared: &Shared, entries: usize, bytes: usize) -> io::Result<Group> {
    let (start, turn, segments) = {
        let state = shared.state();
        let known: Vec<(u64, u64)> = state.segments.iter().map(|segment| (segment.number, segment.len)).collect();
        (state.forwarded, state.turn, known)
    };
    let mut group = Group { entries: Vec::new(), end: start, turn };
    let mut room = Room { entries, bytes };
    for (segment, len) in segments.into_iter().filter(|(number, _)| *number >= start.segment) {
        let from = if segment == start.segment { start.offset.max(FIRST) } else { FIRST };
        if from < len {
            let path = shared.path(segment);
            let file = match File::open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    tracing::error!(
                        segment,
                        "A file of the spool is gone: somebody removed it. Its records are lost if the bus did not have them."
                    );
                    group.end = Position { segment, offset: len };
                    continue;
                }
                Err(error) => return Err(error),
            };
            let folder = &shared.options.folder;
            match read_segment(folder, &file, Position { segment, offset: from }, len, &mut room, &mut group) {
                Ok(()) => {}
                // A bad sector must not hold up what lies behind it: the file is kept aside, whole.
                Err(error) => set_segment_aside(folder, &path, segment, &error).map(|()| group.end = Position { segment, offset: len })?,
            }
        } else {
            group.end = group.end.max(Position { segment, offset: len });
        }
        if room.is_used() {
            break;
        }
    }
    Ok(group)
}

/// How much more fits into a group.
struct Room {
    entries: usize,
    bytes: usize,
}

impl Room {
    fn is_used(&self) -> bool {
        self.entries == 0 || self.bytes == 0
    }
}

fn read_segment(folder: &Path, file: &File, from: Position, len: u64, room: &mut Room, group: &mut Group) -> io::Result<()> {
    let segment = from.segment;
    let mut offset = from.offset;
    while offset < len && !room.is_used() {
        match record_at(file, offset, len)? {
            Found::Record(record, next) => {
                let (raw, number) = *record;
                room.entries -= 1;
                room.bytes = room.bytes.saturating_sub(raw.body.len());
                group.entries.push(Entry { raw, number, segment, offset });
                offset = next;
            }
            Found::Damage => offset = step_over(folder, file, segment, offset, len)?,
        }
        group.end = Position { segment, offset };
    }
    Ok(())
}

fn record_at(file: &File, offset: u64, len: u64) -> io::Result<Found> {
    let Some(payload_at) = offset.checked_add(PREFIX as u64).filter(|at| *at <= len) else { return Ok(Found::Damage) };
    let mut prefix = [0; PREFIX];
    file.read_exact_at(&mut prefix, offset)?;
    // The length is believed only as far as the file reaches, so a damaged one asks for no more memory than that.
    let Some(size) = record::payload_len(&prefix).filter(|size| payload_at + u64::from(*size) <= len) else { return Ok(Found::Damage) };
    let mut payload = vec![0; usize::try_from(size).map_err(io::Error::other)?];
    file.read_exact_at(&mut payload, payload_at)?;
    Ok(match record::decode(&prefix, &Bytes::from(payload)) {
        Some(record) => Found::Record(Box::new(record), payload_at + u64::from(size)),
        None => Found::Damage,
    })
}

/// Finds the next record after damage, and moves what lies between aside.
fn step_over(folder: &Path, file: &File, number: u64, offset: u64, len: u64) -> io::Result<u64> {
    let next = next_record(file, offset + 1, len)?;
    let mut bytes = vec![0; usize::try_from(next - offset).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, offset)?;
    let kept = set_aside(folder, number, offset, &bytes)?;
    metrics::counter!("muara_spool_damaged_total").increment(1);
    tracing::error!(
        segment = number, offset, bytes = bytes.len(), kept = %kept.display(),
        "Damaged record in the spool: moved aside, the next ones go on. Check the disk of this machine."
    );
    Ok(next)
}

fn next_record(file: &File, from: u64, len: u64) -> io::Result<u64> {
    let mut window = vec![0; 64 * 1024];
    let mut at = from;
    while at < len {
        let size = usize::try_from((len - at).min(window.len() as u64)).map_err(io::Error::other)?;
        file.read_exact_at(&mut window[..size], at)?;
        for start in (0..size).filter(|&start| window[start..size].starts_with(&MARK)) {
            let candidate = at + start as u64;
            if matches!(record_at(file, candidate, len)?, Found::Record(..)) {
                return Ok(candidate);
            }
        }
        // A mark may lie across the edge.
        at += size.saturating_sub(MARK.len() - 1).max(1) as u64;
    }
    Ok(len)
}

/// Keeps bytes in `damaged/`, under the place they had.
pub(super) fn set_aside(folder: &Path, segment: u64, offset: u64, bytes: &[u8]) -> io::Result<PathBuf> {
    let damaged = folder.join("damaged");
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&damaged)?;
    let path = damaged.join(format!("{segment:016}-{offset}.record"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    io::Write::write_all(&mut file, bytes)?;
    file.sync_all()?;
    Ok(path)
}

fn set_segment_aside(folder: &Path, path: &Path, segment: u64, error: &io::Error) -> io::Result<()> {
    let damaged = folder.join("damaged");
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&damaged)?;
    let kept = damaged.join(format!("{segment:016}.spool"));
    std::fs::rename(path, &kept)?;
    metrics::counter!("muara_spool_damaged_total").increment(1);
    tracing::error!(segment, %error, kept = %kept.display(), "A file of the spool cannot be read: moved aside. Check the disk of this machine.");
    Ok(())
}

/// Finds the segments of a folder, and cuts from the last one what a crash left half-written.
pub(super) fn survey(folder: &Path, door: &str) -> io::Result<VecDeque<Segment>> {
    let mut numbers: Vec<u64> = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".spool")).and_then(|number| number.parse::<u64>().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    let last = numbers.last().copied();
    let mut segments = VecDeque::new();
    for number in numbers {
        let path = folder.join(format!("{number:016}.spool"));
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        let mut len = file.metadata()?.len();
        if Some(number) == last {
            let certain = certain_len(&file, len)?;
            if certain < len {
                tracing::warn!(
                    segment = number,
                    bytes = len - certain,
                    "Cut a half-written record from the spool: nobody was told yes for it."
                );
                file.set_len(certain)?;
                len = certain;
            }
        }
        let (entries, end) = count(&file, len)?;
        if entries == 0 && len <= FIRST {
            std::fs::remove_file(path)?;
            continue;
        }
        let last = last_number(&file, end, len, door)?;
        segments.push_back(Segment { number, len, entries, last, forwarded: 0, done: None, use_: Use::Sealed });
    }
    Ok(segments)
}

/// Up to where a file holds what was certainly written. A record that reaches the end of the file with a wrong checksum is left for the
/// reader, which keeps its bytes: it may be one we said yes to.
fn certain_len(file: &File, len: u64) -> io::Result<u64> {
    let mut offset = FIRST.min(len);
    while offset < len {
        match record_at(file, offset, len)? {
            Found::Record(_, next) => offset = next,
            Found::Damage => {
                let next = next_record(file, offset + 1, len)?;
                if next == len && is_unfinished(file, offset, len)? {
                    return Ok(offset);
                }
                offset = next;
            }
        }
    }
    Ok(len)
}

/// Whether what lies from here to the end is the beginning of a record, or the zeros of a file that grew before its data came.
fn is_unfinished(file: &File, offset: u64, len: u64) -> io::Result<bool> {
    let mut prefix = [0; PREFIX];
    let size = usize::try_from((len - offset).min(PREFIX as u64)).map_err(io::Error::other)?;
    file.read_exact_at(&mut prefix[..size], offset)?;
    if prefix[..size] == [0; PREFIX][..size] {
        return rest_is_zero(file, offset, len);
    }
    if size < PREFIX {
        return Ok(prefix[..size.min(4)] == MARK[..size.min(4)]);
    }
    Ok(record::payload_len(&prefix).is_some_and(|payload| offset + PREFIX as u64 + u64::from(payload) > len))
}

fn rest_is_zero(file: &File, offset: u64, len: u64) -> io::Result<bool> {
    let mut window = vec![0; 64 * 1024];
    let mut at = offset;
    while at < len {
        let size = usize::try_from((len - at).min(window.len() as u64)).map_err(io::Error::other)?;
        file.read_exact_at(&mut window[..size], at)?;
        if window[..size].iter().any(|&byte| byte != 0) {
            return Ok(false);
        }
        at += size as u64;
    }
    Ok(true)
}

/// How many records there are, by their lengths alone: a count for people, exact where nothing is damaged. And where the last one begins.
fn count(file: &File, len: u64) -> io::Result<(u64, u64)> {
    let mut entries = 0;
    let (mut offset, mut last) = (FIRST, FIRST);
    let mut prefix = [0; PREFIX];
    while offset + PREFIX as u64 <= len {
        file.read_exact_at(&mut prefix, offset)?;
        entries += 1;
        last = offset;
        let Some(payload) = record::payload_len(&prefix) else { break };
        offset += PREFIX as u64 + u64::from(payload);
    }
    Ok((entries, last))
}

/// The highest number of this door in a segment whose last record seems to begin at `last`; 0: none. Where the last records are damaged one
/// number more: what was there is missed, and must not be given again.
fn last_number(file: &File, last: u64, len: u64, door: &str) -> io::Result<u64> {
    let of = |number: &Option<DoorNumber>| number.as_ref().filter(|number| &*number.door == door).map(|number| number.number);
    if last < len
        && let Found::Record(record, next) = record_at(file, last, len)?
        && next == len
    {
        return Ok(of(&record.1).unwrap_or(0));
    }
    let (mut highest, mut offset) = (0, FIRST.min(len));
    while offset < len {
        match record_at(file, offset, len)? {
            Found::Record(record, next) => {
                highest = highest.max(of(&record.1).unwrap_or(0));
                offset = next;
            }
            Found::Damage => {
                offset = next_record(file, offset + 1, len)?;
                highest += u64::from(highest > 0 && offset == len);
            }
        }
    }
    Ok(highest)
}
