//! The durable door: what comes in is on the disk before anyone is told yes, and is forgotten only when the bus certainly has it.
//!
//! One thread writes. It takes all that waits, writes it, calls `fdatasync` once for the whole group, and answers everybody in it; while
//! it syncs, the next group gathers. Records lie in numbered segment files, each record with its length and a checksum. Behind the
//! writer, `forward` reads the same files in order and publishes to RAW.
//!
//! JetStream on one server acknowledges before it syncs, so an acknowledged record is kept for [`SpoolOptions::keep`] more, and all that
//! is still here is forwarded again after a restart of ours or of the server. The message id and the unique key absorb what comes twice.
//!
//! What it survives, each with a test: `kill -9` at any point, half-written records, a disk that fills up, a sync that fails, a record
//! that rots in the middle of a file (moved to `damaged/` with an error in the log, never dropped in silence).

mod disk;
mod numbers;
mod reader;
mod record;
mod writer;

#[cfg(test)]
pub(crate) mod tests;

use std::{
    cmp::Ordering,
    collections::VecDeque,
    fs::{DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use bus::DoorNumber;
use futures::{FutureExt, future::BoxFuture};
use model::{Raw, Timestamp};
use tokio::sync::{oneshot, watch};

use self::disk::Disk;
pub use self::reader::{Entry, Group};

/// How a spool is kept.
#[derive(Debug, Clone)]
pub struct SpoolOptions {
    /// Belongs to this process alone; made if it is not there, readable for nobody else.
    pub folder: PathBuf,
    /// What waits for the bus, in bytes. What would make it more is refused. As much again may lie there that the bus has acknowledged and that
    /// is only kept: it does not take the room of what waits, and cannot grow without an end either.
    pub max_bytes: u64,
    /// How long a record stays after the bus acknowledged it: some times what the server takes to sync.
    pub keep: Duration,
    /// A file that has reached this size, in bytes, is followed by a new one.
    pub segment_bytes: u64,
}

impl SpoolOptions {
    /// Segments of 8 MiB: small enough to be forgotten one by one, large enough that the sync of the folder is rare.
    pub fn new(folder: impl Into<PathBuf>, max_bytes: u64, keep: Duration) -> Self {
        Self { folder: folder.into(), max_bytes, keep, segment_bytes: 8 << 20 }
    }
}

/// Why a spool could not be opened, or did not take something.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SpoolError {
    /// It holds as much as it may.
    #[error("the spool is full")]
    Full,
    /// The disk said no. What was appended before is intact.
    #[error("the spool could not be written")]
    Disk(#[source] Arc<io::Error>),
    /// Another process has it open.
    #[error("another process uses this spool")]
    Taken,
    /// The writer has ended.
    #[error("the spool is closed")]
    Closed,
    /// There is no spool, and the bus did not take it.
    #[error("the bus did not take it")]
    Bus(#[source] Arc<bus::BusError>),
}

impl From<io::Error> for SpoolError {
    fn from(error: io::Error) -> Self {
        Self::Disk(Arc::new(error))
    }
}

/// What is in a spool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Level {
    /// Records that the bus has not acknowledged yet, or that are to be forwarded again.
    pub waiting: u64,
    /// Bytes that the bus has never acknowledged: what [`SpoolOptions::max_bytes`] bounds.
    pub waiting_bytes: u64,
    /// Bytes of all files, records that are only kept included.
    pub bytes: u64,
}

/// An open spool. Cheap to clone; the files are given free when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct Spool {
    shared: Arc<Shared>,
    writer: Arc<WriterThread>,
}

/// Ends the writer when the last spool is dropped, and waits until its last group is on the disk.
#[derive(Debug)]
struct WriterThread {
    appends: Option<mpsc::Sender<Append>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for WriterThread {
    fn drop(&mut self) {
        self.appends = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a writer that panicked has answered nobody, and nobody was told yes
        }
    }
}

/// A record on its way to the disk, and who waits for it.
#[derive(Debug)]
struct Append {
    record: record::Encoded,
    answer: oneshot::Sender<Result<(), SpoolError>>,
}

#[derive(Debug)]
struct Shared {
    options: SpoolOptions,
    disk: Disk,
    state: Mutex<State>,
    /// Counts groups that reached the disk, so that the reader wakes.
    grown: watch::Sender<u64>,
    /// The name of this door: of this folder, since it was made.
    door: Arc<str>,
    /// Held for as long as the spool is open.
    _lock: File,
}

#[derive(Debug, Default)]
struct State {
    /// Oldest first.
    segments: VecDeque<Segment>,
    /// Bytes that are promised to appends on their way.
    reserved: u64,
    /// Up to where the bus has acknowledged.
    forwarded: Position,
    /// Up to where it ever has since the start, forwarding anew or not.
    known: Position,
    /// Counts how often forwarding began anew: what was read before does not count any more.
    turn: u64,
    /// The last append failed at the disk.
    failing: bool,
    /// The size of the last record that found no room, until one finds it.
    refused: u64,
    last_append: Option<Timestamp>,
    /// The number of the last record that reached the disk.
    last_number: u64,
}

#[derive(Debug)]
struct Segment {
    number: u64,
    /// Bytes that are certainly on the disk.
    len: u64,
    entries: u64,
    /// The highest number in it; 0: none has one.
    last: u64,
    forwarded: u64,
    /// When the bus had acknowledged all of it.
    done: Option<Instant>,
    use_: Use,
}

/// What the writer does with a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// Nothing any more.
    Sealed,
    /// It may append.
    Open,
    /// It is appending now.
    Busy,
}

/// Before which byte of which segment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    segment: u64,
    offset: u64,
}

impl State {
    fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.len).sum()
    }

    fn waiting_bytes(&self) -> u64 {
        let known = self.known.max(self.forwarded);
        let waiting = |segment: &Segment| match segment.number.cmp(&known.segment) {
            Ordering::Less => 0,
            Ordering::Equal => segment.len.saturating_sub(known.offset),
            Ordering::Greater => segment.len,
        };
        self.segments.iter().map(waiting).sum()
    }

    /// Whether so many bytes more fit.
    fn has_room(&self, bytes: u64, max_bytes: u64) -> bool {
        let more = self.reserved.saturating_add(bytes);
        self.waiting_bytes().saturating_add(more) <= max_bytes && self.bytes().saturating_add(more) <= max_bytes.saturating_mul(2)
    }

    fn segment(&mut self, number: u64) -> Option<&mut Segment> {
        self.segments.iter_mut().find(|segment| segment.number == number)
    }

    fn has_passed(&self, segment: &Segment) -> bool {
        self.forwarded >= Position { segment: segment.number, offset: segment.len }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can panic half-way through a change.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn path(&self, segment: u64) -> PathBuf {
        self.options.folder.join(format!("{segment:016}.spool"))
    }
}

impl Spool {
    /// Opens the folder, cuts what a crash left half-written, and starts the writer. Everything that is still here will be forwarded
    /// (again).
    pub fn open(options: SpoolOptions) -> Result<Self, SpoolError> {
        let disk = Disk::under(&options.folder);
        Self::open_on(options, disk)
    }

    fn open_on(options: SpoolOptions, disk: Disk) -> Result<Self, SpoolError> {
        make_folder(&options.folder)?;
        let lock = lock(&options.folder)?;
        let numbers = numbers::kept(&options.folder)?;
        let segments = reader::survey(&options.folder, &numbers.door)?;
        let last_number = segments.iter().map(|segment| segment.last).max().unwrap_or(0).max(numbers.forgotten);
        let next = segments.back().map_or(1, |last| last.number + 1);
        let forwarded =
            segments.front().map_or(Position { segment: next, offset: 0 }, |first| Position { segment: first.number, offset: 0 });
        let state = State { segments, forwarded, last_number, ..State::default() };
        let door = numbers.door.into();
        let shared = Arc::new(Shared { options, disk, state: Mutex::new(state), grown: watch::Sender::new(0), door, _lock: lock });
        let (appends, waiting) = mpsc::channel();
        let writer = writer::Writer::new(shared.clone(), next);
        let thread = std::thread::Builder::new().name("spool".into()).spawn(move || writer.run(&waiting))?;
        Ok(Self { shared, writer: Arc::new(WriterThread { appends: Some(appends), thread: Some(thread) }) })
    }

    /// Keeps a record. `Ok`: it is on the disk, synced. Dropping the future does not take it back.
    pub fn append(&self, raw: &Raw) -> BoxFuture<'static, Result<(), SpoolError>> {
        let taken = self.enqueue(raw);
        async move { taken?.await.map_err(|_| SpoolError::Closed)? }.boxed()
    }

    fn enqueue(&self, raw: &Raw) -> Result<oneshot::Receiver<Result<(), SpoolError>>, SpoolError> {
        let record = record::encode(raw, &self.shared.door)?;
        let (answer, taken) = oneshot::channel();
        {
            let mut state = self.shared.state();
            if !state.has_room(record.len(), self.shared.options.max_bytes) {
                state.refused = record.len();
                return Err(SpoolError::Full);
            }
            state.refused = 0;
            state.reserved += record.len();
            state.last_append = Some(raw.received_at);
        }
        let appends = self.writer.appends.as_ref().ok_or(SpoolError::Closed)?;
        appends.send(Append { record, answer }).map_err(|_| SpoolError::Closed)?;
        Ok(taken)
    }

    /// Reads what the bus does not have yet, in order: waits until there is something, then gives at most `entries` records of about
    /// `bytes` together (one record may be more). The same group is given again until it is [`Spool::confirm`]ed.
    pub async fn next(&self, entries: usize, bytes: usize) -> Result<Group, SpoolError> {
        let mut grown = self.shared.grown.subscribe();
        loop {
            grown.borrow_and_update();
            let shared = self.shared.clone();
            let group = tokio::task::spawn_blocking(move || reader::read(&shared, entries, bytes)).await;
            let group = group.map_err(|_| SpoolError::Closed)??;
            if !group.entries.is_empty() {
                return Ok(group);
            }
            // Nothing but damage, or the end of a segment: step over it.
            self.confirm(&group, Instant::now());
            grown.changed().await.map_err(|_| SpoolError::Closed)?;
        }
    }

    /// The bus has acknowledged the whole group. Nothing, when forwarding began anew in between.
    pub fn confirm(&self, group: &Group, now: Instant) {
        let mut state = self.shared.state();
        if state.turn != group.turn {
            return;
        }
        state.forwarded = state.forwarded.max(group.end);
        state.known = state.known.max(state.forwarded);
        for entry in &group.entries {
            if let Some(segment) = state.segment(entry.segment) {
                segment.forwarded += 1;
            }
        }
        let forwarded = state.forwarded;
        for segment in &mut state.segments {
            let passed = forwarded >= Position { segment: segment.number, offset: segment.len };
            segment.done = if passed { segment.done.or(Some(now)) } else { None };
        }
    }

    /// Begins anew with the oldest record that is still here: the server has been started again, and what it acknowledged without
    /// syncing may be gone.
    pub fn rewind(&self) {
        let mut state = self.shared.state();
        state.turn += 1;
        let first = state.segments.front().map(|segment| segment.number);
        if let Some(segment) = first {
            state.forwarded = Position { segment, offset: 0 };
        }
        for segment in &mut state.segments {
            segment.forwarded = 0;
            segment.done = None;
        }
        self.shared.grown.send_modify(|groups| *groups += 1);
    }

    /// Deletes the segments that the bus acknowledged long enough ago. Call it now and then.
    pub fn forget(&self, now: Instant) -> Result<(), SpoolError> {
        loop {
            let mut state = self.shared.state();
            let Some(first) = state.segments.front() else { return Ok(()) };
            let certain = first.done.is_some_and(|done| now.saturating_duration_since(done) >= self.shared.options.keep);
            if !certain || first.use_ == Use::Busy || !state.has_passed(first) {
                return Ok(());
            }
            let path = self.shared.path(first.number);
            let (forgotten, given) = (state.segments.pop_front(), state.last_number);
            drop(state);
            self.keep_number(given).inspect_err(|_| {
                if let Some(segment) = forgotten {
                    self.shared.state().segments.push_front(segment);
                }
            })?;
            std::fs::remove_file(path)?;
        }
    }

    /// Before a file goes: the next start must not give its numbers again. On a full disk the file goes all the same, which makes room.
    fn keep_number(&self, given: u64) -> io::Result<()> {
        match numbers::forget(&self.shared.options.folder, &self.shared.door, given) {
            Err(error) if error.kind() != io::ErrorKind::StorageFull => Err(error),
            _ => Ok(()),
        }
    }

    /// What is in it.
    pub fn level(&self) -> Level {
        let state = self.shared.state();
        let waiting = |segment: &Segment| if state.has_passed(segment) { 0 } else { segment.entries.saturating_sub(segment.forwarded) };
        Level { waiting: state.segments.iter().map(waiting).sum(), waiting_bytes: state.waiting_bytes(), bytes: state.bytes() }
    }

    /// Whether it would take a record now: the last append reached the disk, and there is room.
    pub fn works(&self) -> bool {
        let state = self.shared.state();
        !state.failing && state.has_room(state.refused.max(1), self.shared.options.max_bytes)
    }

    /// What may wait, in bytes.
    pub fn max_bytes(&self) -> u64 {
        self.shared.options.max_bytes
    }

    /// The name of this door and the number of the last record that it said yes to.
    pub fn last_number(&self) -> DoorNumber {
        DoorNumber { door: self.shared.door.clone(), number: self.shared.state().last_number }
    }

    /// When the last record was taken, by the door's clock.
    pub fn last_append(&self) -> Option<Timestamp> {
        self.shared.state().last_append
    }

    /// Moves a record aside that the bus will never take, into `damaged/`.
    pub(crate) fn set_aside(&self, entry: &Entry) -> Result<PathBuf, SpoolError> {
        let mut record = record::encode(&entry.raw, &self.shared.door)?;
        record.set_number(entry.number.as_ref().map_or(0, |number| number.number));
        Ok(reader::set_aside(&self.shared.options.folder, entry.segment, entry.offset, &record.to_vec())?)
    }

    /// The folder it is in.
    pub fn folder(&self) -> &Path {
        &self.shared.options.folder
    }
}

/// Makes the folder, and its name durable: a folder that vanishes with the power takes its records along.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    let folder = std::path::absolute(folder)?;
    let made: Vec<&Path> = folder.ancestors().take_while(|path| !path.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    for parent in made.iter().filter_map(|path| path.parent()) {
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}

fn lock(folder: &Path) -> Result<File, SpoolError> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(folder.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(SpoolError::Taken),
        Err(std::fs::TryLockError::Error(error)) => Err(error.into()),
    }
}
