//! What the door survives.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
    os::fd::AsRawFd,
    sync::atomic::{AtomicUsize, Ordering},
};

use tempfile::TempDir;

use super::{record::Encoded, *};

/// Lets the disk fail, and writes down what was asked of it, and what of it would outlive the power.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults(Arc<Mutex<Plan>>);

#[derive(Debug, Default)]
struct Plan {
    /// Bytes until the disk is full.
    room: Option<u64>,
    failing_syncs: u32,
    failing_creates: u32,
    calls: Vec<&'static str>,
    /// How much of each file was synced.
    synced: BTreeMap<PathBuf, u64>,
    /// Files whose names were synced.
    named: BTreeSet<PathBuf>,
}

impl Faults {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().expect("no test panics with it")
    }

    pub(super) fn before_create(&self) -> io::Result<()> {
        let mut plan = self.plan();
        plan.calls.push("create");
        if plan.failing_creates > 0 {
            plan.failing_creates -= 1;
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    pub(super) fn before_write(&self, out: &mut impl Write, record: &Encoded) -> io::Result<()> {
        let mut plan = self.plan();
        plan.calls.push("write");
        let Some(room) = plan.room else { return Ok(()) };
        if room >= record.len() {
            plan.room = Some(room - record.len());
            return Ok(());
        }
        // As a disk that fills up: some of it is written, then no more.
        plan.room = Some(0);
        out.write_all(&record.to_vec()[..usize::try_from(room).expect("small")])?;
        out.flush()?;
        Err(io::ErrorKind::StorageFull.into())
    }

    pub(super) fn before_sync(&self) -> io::Result<()> {
        let mut plan = self.plan();
        plan.calls.push("sync");
        if plan.failing_syncs > 0 {
            plan.failing_syncs -= 1;
            return Err(io::Error::from_raw_os_error(5));
        }
        Ok(())
    }

    pub(super) fn before_sync_folder(&self) {
        self.plan().calls.push("sync folder");
    }

    pub(super) fn after_sync(&self, file: &File) {
        let path = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).expect("an open file has a name");
        let len = file.metadata().expect("an open file").len();
        self.plan().synced.insert(path, len);
    }

    pub(super) fn after_sync_folder(&self, folder: &Path) {
        let named = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        self.plan().named.extend(named);
    }

    /// Those of the spool in this folder, whoever opens it.
    pub(crate) fn of(folder: &Path) -> Self {
        static ALL: Mutex<BTreeMap<PathBuf, Faults>> = Mutex::new(BTreeMap::new());
        ALL.lock().expect("no test panics with it").entry(folder.to_owned()).or_default().clone()
    }

    /// What is there when the power comes back: of each file whose name was synced as much as was synced, and nothing else. A file that was
    /// deleted may come back or not; here it does not.
    pub(crate) fn after_the_power_cut(&self, spool: &Path, copy: &Path) {
        std::fs::create_dir_all(copy).expect("a folder");
        let plan = self.plan();
        for (path, len) in plan.synced.iter().filter(|(path, _)| plan.named.contains(*path) && path.starts_with(spool)) {
            let Ok(mut bytes) = std::fs::read(path) else { continue };
            bytes.truncate(usize::try_from(*len).expect("small"));
            std::fs::write(copy.join(path.file_name().expect("a name")), bytes).expect("a copy");
        }
    }
}

const KEEP: Duration = Duration::from_mins(5);

fn options(folder: &TempDir) -> SpoolOptions {
    SpoolOptions { segment_bytes: 64 * 1024, ..SpoolOptions::new(folder.path().join("spool"), 1 << 20, KEEP) }
}

fn open(folder: &TempDir) -> Spool {
    Spool::open(options(folder)).expect("an open spool")
}

fn open_on(folder: &TempDir, faults: &Faults) -> Spool {
    Spool::open_on(options(folder), Disk { faults: faults.clone() }).expect("an open spool")
}

fn raw(n: usize) -> Raw {
    sized(n, 100)
}

fn sized(n: usize, bytes: usize) -> Raw {
    let mut body = format!("{n};").into_bytes();
    body.resize(bytes.max(body.len()), b'x');
    Raw {
        adapter: "chat".parse().expect("a name"),
        received_at: Timestamp::from_second(1_790_000_000).expect("a time"),
        trace: "00000000000000000000000000000001".parse().expect("a trace"),
        query: "a=b".into(),
        headers: vec![("content-type".into(), "text/plain".into())],
        body: body.into(),
    }
}

fn number(raw: &Raw) -> usize {
    std::str::from_utf8(&raw.body).expect("text").split(';').next().expect("a number").parse().expect("a number")
}

async fn append(spool: &Spool, numbers: std::ops::Range<usize>) {
    for n in numbers {
        spool.append(&raw(n)).await.expect("room on the disk");
    }
}

/// Everything that would be forwarded, confirmed as it is read.
async fn drain(spool: &Spool) -> Vec<usize> {
    let mut numbers = Vec::new();
    while spool.level().waiting > 0 {
        let Ok(group) = tokio::time::timeout(Duration::from_secs(10), spool.next(7, 1 << 20)).await else { break };
        let group = group.expect("a readable spool");
        numbers.extend(group.entries.iter().map(|entry| number(&entry.raw)));
        spool.confirm(&group, Instant::now());
    }
    numbers
}

/// The segment files, oldest first.
fn files(folder: &TempDir) -> Vec<PathBuf> {
    let listed = std::fs::read_dir(folder.path().join("spool")).expect("a folder");
    let mut files: Vec<PathBuf> =
        listed.map(|entry| entry.expect("an entry").path()).filter(|path| path.extension().is_some_and(|e| e == "spool")).collect();
    files.sort();
    files
}

fn damaged(folder: &TempDir) -> Vec<PathBuf> {
    let Ok(listed) = std::fs::read_dir(folder.path().join("spool/damaged")) else { return Vec::new() };
    listed.map(|entry| entry.expect("an entry").path()).collect()
}

#[tokio::test]
async fn what_was_accepted_is_there_after_a_restart_in_order_and_whole() {
    let folder = TempDir::new().expect("a folder");
    let spool = open(&folder);
    append(&spool, 0..500).await;
    drop(spool);
    let spool = open(&folder);
    assert_eq!(spool.level().waiting, 500);
    append(&spool, 500..510).await;
    let group = spool.next(1, 1).await.expect("a group");
    assert_eq!(group.entries[0].raw, raw(0));
    assert_eq!(drain(&spool).await, (0..510).collect::<Vec<_>>());
    assert!(files(&folder).len() > 1, "it was spread over several files");
}

/// The numbers of what would be forwarded, confirmed as it is read.
async fn numbers_of(spool: &Spool) -> Vec<u64> {
    let mut numbers = Vec::new();
    while spool.level().waiting > 0 {
        let group = spool.next(7, 1 << 20).await.expect("a readable spool");
        assert!(group.entries.iter().all(|entry| entry.number.as_ref().is_some_and(|number| number.door == spool.last_number().door)));
        numbers.extend(group.entries.iter().filter_map(|entry| Some(entry.number.as_ref()?.number)));
        spool.confirm(&group, Instant::now());
    }
    numbers
}

#[tokio::test]
async fn records_are_numbered_without_a_gap_over_restarts_failures_and_files_that_were_forgotten() {
    let folder = TempDir::new().expect("a folder");
    let faults = Faults::default();
    let spool = open_on(&folder, &faults);
    append(&spool, 0..3).await;
    faults.plan().failing_syncs = 1;
    assert!(spool.append(&raw(3)).await.is_err());
    faults.plan().room = Some(50);
    assert!(spool.append(&raw(3)).await.is_err());
    faults.plan().room = None;
    append(&spool, 3..5).await;
    let door = spool.last_number();
    assert_eq!(numbers_of(&spool).await, [1, 2, 3, 4, 5], "who heard no has no number");
    drop(spool);
    let spool = open(&folder);
    append(&spool, 5..6).await;
    assert_eq!(spool.last_number(), DoorNumber { number: 6, ..door.clone() });
    assert_eq!(numbers_of(&spool).await, [1, 2, 3, 4, 5, 6]);
    spool.forget(Instant::now() + KEEP * 2).expect("a folder");
    assert_eq!(files(&folder), Vec::<PathBuf>::new());
    drop(spool);
    let spool = open(&folder);
    append(&spool, 6..7).await;
    assert_eq!(spool.last_number(), DoorNumber { number: 7, ..door }, "though nothing of the others is left");
}

#[tokio::test]
async fn the_number_of_a_record_that_rotted_is_given_to_no_other() {
    let folder = TempDir::new().expect("a folder");
    let spool = open(&folder);
    append(&spool, 0..3).await;
    drop(spool);
    let file = files(&folder).pop().expect("a file");
    let mut bytes = std::fs::read(&file).expect("a file");
    *bytes.last_mut().expect("the last record's body") = b'!';
    std::fs::write(&file, bytes).expect("a file");
    let spool = open(&folder);
    append(&spool, 3..4).await;
    assert_eq!(numbers_of(&spool).await, [1, 2, 4], "3 is missing, and shows");
}

#[tokio::test]
async fn what_a_release_without_numbers_left_is_read_as_ever() {
    let folder = TempDir::new().expect("a folder");
    drop(open(&folder));
    let head = r#"{"adapter":"chat","received_at":"2026-09-21T13:33:20Z","trace":"00000000000000000000000000000001"}"#;
    let payload = [&u32::try_from(head.len()).expect("small").to_le_bytes()[..], head.as_bytes(), b"7;"].concat();
    let len = u32::try_from(payload.len()).expect("small").to_le_bytes();
    let crc = crc32fast::hash(&[&len[..], &payload].concat()).to_le_bytes();
    let bytes = [&record::MAGIC[..], &record::MARK, &crc, &len, &payload].concat();
    std::fs::write(folder.path().join("spool/0000000000000001.spool"), bytes).expect("a file");
    let spool = open(&folder);
    let group = spool.next(1, 1).await.expect("a group");
    assert_eq!((number(&group.entries[0].raw), &group.entries[0].number), (7, &None));
    append(&spool, 8..9).await;
    assert_eq!(spool.last_number().number, 1);
}

#[tokio::test]
async fn one_sync_serves_a_whole_group_and_comes_before_every_answer() {
    let folder = TempDir::new().expect("a folder");
    let faults = Faults::default();
    let spool = open_on(&folder, &faults);
    append(&spool, 0..1).await;
    assert_eq!(faults.plan().calls, ["create", "write", "sync", "sync folder"]);
    // All are in the writer's queue before it can take the second one.
    let hold = faults.plan();
    let waiting: Vec<_> = (1..100).map(|n| spool.append(&raw(n))).collect();
    drop(hold);
    futures::future::try_join_all(waiting).await.expect("room on the disk");
    let plan = faults.plan();
    assert_eq!(plan.calls.iter().filter(|call| **call == "write").count(), 100);
    let syncs = plan.calls.iter().filter(|call| **call == "sync").count();
    assert!(syncs <= 3, "{syncs} syncs for 100 records");
    assert_eq!(plan.calls.last(), Some(&"sync"));
}

#[tokio::test]
async fn a_full_disk_refuses_cleanly_and_takes_again_when_there_is_room() {
    let folder = TempDir::new().expect("a folder");
    let faults = Faults::default();
    let spool = open_on(&folder, &faults);
    append(&spool, 0..3).await;
    faults.plan().room = Some(50); // half a record
    assert!(matches!(spool.append(&raw(3)).await, Err(SpoolError::Disk(_))));
    assert!(!spool.works());
    faults.plan().failing_creates = 1;
    assert!(spool.append(&raw(3)).await.is_err());
    faults.plan().room = None;
    append(&spool, 4..6).await;
    assert!(spool.works());
    drop(spool);
    let spool = open(&folder);
    assert_eq!(drain(&spool).await, [0, 1, 2, 4, 5]);
    assert_eq!(damaged(&folder), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn after_a_failed_sync_nobody_is_told_yes_and_the_file_is_left_alone() {
    let folder = TempDir::new().expect("a folder");
    let faults = Faults::default();
    let spool = open_on(&folder, &faults);
    append(&spool, 0..2).await;
    faults.plan().failing_syncs = 2;
    assert!(matches!(spool.append(&raw(2)).await, Err(SpoolError::Disk(_))));
    assert!(matches!(spool.append(&raw(2)).await, Err(SpoolError::Disk(_))), "in a file of its own");
    append(&spool, 3..4).await;
    assert_eq!(files(&folder).len(), 2, "the file that failed to sync first is not written to, the one that held nothing is gone");
    drop(spool);
    assert_eq!(drain(&open(&folder)).await, [0, 1, 3]);
}

#[tokio::test]
async fn a_spool_that_is_full_says_so_and_has_room_again_once_the_bus_is_certain() {
    let folder = TempDir::new().expect("a folder");
    let spool = Spool::open(SpoolOptions { max_bytes: 10_000, segment_bytes: 2_000, ..options(&folder) }).expect("a spool");
    let mut taken = 0;
    while spool.append(&raw(taken)).await.is_ok() {
        taken += 1;
    }
    assert!(matches!(spool.append(&raw(0)).await, Err(SpoolError::Full)));
    assert!(taken > 10 && spool.level().bytes <= 10_000);
    assert!(!spool.works(), "it says so before it is asked again");
    let confirmed = Instant::now();
    assert_eq!(drain(&spool).await.len(), taken);
    assert!(spool.works());
    append(&spool, 0..taken).await;
    assert_eq!(drain(&spool).await.len(), taken);
    spool.forget(confirmed + KEEP / 2).expect("a folder");
    assert!(spool.level().bytes > 15_000, "what is acknowledged is not yet certain, and stays");
    assert!(matches!(spool.append(&sized(0, 5_000)).await, Err(SpoolError::Full)), "and it too has an end");
    spool.forget(confirmed + KEEP * 2).expect("a folder");
    assert_eq!(spool.level(), Level::default());
    append(&spool, 0..taken).await;
}

#[tokio::test]
async fn a_crash_in_the_middle_of_a_write_costs_only_what_nobody_was_told_yes_for() {
    let folder = TempDir::new().expect("a folder");
    let spool = open(&folder);
    append(&spool, 0..3).await;
    drop(spool);
    let file = files(&folder).pop().expect("a file");
    let whole = std::fs::read(&file).expect("a file");
    let record = record::encode(&raw(3), "door").expect("a record").to_vec();
    for cut in 1..record.len() {
        std::fs::write(&file, [&whole[..], &record[..cut]].concat()).expect("a file");
        let spool = open(&folder);
        assert_eq!(spool.level().waiting, 3, "cut after {cut} bytes");
        drop(spool);
        assert_eq!(std::fs::metadata(&file).expect("a file").len(), whole.len() as u64, "cut after {cut} bytes");
    }
    std::fs::write(&file, [&whole[..], &[0; 5000]].concat()).expect("a file");
    assert_eq!(drain(&open(&folder)).await, [0, 1, 2], "zeros of a file that grew before its data came");
    assert_eq!(damaged(&folder), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_record_that_rots_is_kept_aside_and_the_others_go_on() {
    let record = record::encode(&raw(0), &{ open(&TempDir::new().expect("a folder")).last_number().door }).expect("a record").len();
    let place = |n: u64| usize::try_from(8 + n * record).expect("small");
    // In its mark, checksum, length (small and huge), head, body; in the first, a middle and the last record.
    for damaged_record in [0, 2, 4] {
        for (at, byte) in [(0, 0), (5, 0xaa), (8, 1), (11, 0xff), (20, b'!'), (150, b'!')] {
            let folder = TempDir::new().expect("a folder");
            let spool = open(&folder);
            append(&spool, 0..5).await;
            drop(spool);
            let file = files(&folder).pop().expect("a file");
            let mut bytes = std::fs::read(&file).expect("a file");
            bytes[place(damaged_record) + at] = byte;
            std::fs::write(&file, bytes).expect("a file");
            let spool = open(&folder);
            append(&spool, 5..6).await;
            let expected: Vec<usize> = (0..6).filter(|n| *n as u64 != damaged_record).collect();
            assert_eq!(drain(&spool).await, expected, "record {damaged_record}, byte {at}");
            let torn = damaged_record == 4 && at == 11; // says that it is longer than the file: looks like a torn write
            assert_eq!(damaged(&folder).len(), usize::from(!torn), "record {damaged_record}, byte {at}");
        }
    }
}

#[tokio::test]
async fn a_file_that_somebody_removed_does_not_hold_up_the_next() {
    let folder = TempDir::new().expect("a folder");
    let spool = Spool::open(SpoolOptions { segment_bytes: 1, ..options(&folder) }).expect("a spool");
    append(&spool, 0..3).await;
    std::fs::remove_file(&files(&folder)[1]).expect("a file");
    assert_eq!(drain(&spool).await, [0, 2]);
}

#[tokio::test]
async fn what_is_only_kept_is_forwarded_again_after_the_server_was_started_again() {
    let folder = TempDir::new().expect("a folder");
    let spool = open(&folder);
    append(&spool, 0..20).await;
    assert_eq!(drain(&spool).await.len(), 20);
    append(&spool, 20..22).await;
    let stale = spool.next(1, 1).await.expect("a group");
    let unknown = spool.level().waiting_bytes;
    spool.rewind();
    spool.confirm(&stale, Instant::now());
    assert_eq!(spool.level().waiting, 22, "what was read before does not count");
    assert_eq!(spool.level().waiting_bytes, unknown, "what goes out again takes no room from what is new");
    assert_eq!(drain(&spool).await, (0..22).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_slow_doors_records_do_not_gather_in_one_file_for_days() {
    let folder = TempDir::new().expect("a folder");
    let spool = Spool::open(SpoolOptions { keep: Duration::ZERO, ..options(&folder) }).expect("a spool");
    append(&spool, 0..3).await;
    assert_eq!(files(&folder).len(), 3, "each came after the file before it was old");
    assert_eq!(drain(&spool).await, [0, 1, 2]);
    spool.forget(Instant::now()).expect("a folder");
    assert_eq!(files(&folder), Vec::<PathBuf>::new());
    append(&spool, 3..4).await;
    assert_eq!(drain(&spool).await, [3]);
}

#[tokio::test]
async fn a_reader_never_holds_more_than_it_asked_for() {
    let folder = TempDir::new().expect("a folder");
    let spool = open(&folder);
    for n in 0..20 {
        spool.append(&sized(n, 10_000)).await.expect("room");
    }
    let group = spool.next(100, 25_000).await.expect("a group");
    assert_eq!(group.entries.len(), 3);
    let group = spool.next(2, 1 << 20).await.expect("a group");
    assert_eq!(group.entries.len(), 2);
    let group = spool.next(100, 1).await.expect("a group");
    assert_eq!(group.entries.len(), 1, "one record may be more than asked for");
}

#[tokio::test]
async fn two_processes_never_share_a_spool() {
    let folder = TempDir::new().expect("a folder");
    let spool = open(&folder);
    assert!(matches!(Spool::open(options(&folder)), Err(SpoolError::Taken)));
    drop(spool);
    open(&folder);
}

#[tokio::test]
async fn nobody_else_on_the_machine_reads_what_citizens_wrote() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().expect("a folder");
    let spool = open(&folder);
    append(&spool, 0..1).await;
    let mode = |path: &Path| std::fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    assert_eq!((mode(spool.folder()), mode(&files(&folder)[0])), (0o700, 0o600));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_accepted_is_missing_while_many_write_one_reads_and_old_files_are_forgotten() {
    let folder = TempDir::new().expect("a folder");
    let spool = Spool::open(SpoolOptions { segment_bytes: 3_000, keep: Duration::from_millis(5), ..options(&folder) }).expect("a spool");
    let next = Arc::new(AtomicUsize::new(0));
    let writers = (0..16).map(|_| {
        let (spool, next) = (spool.clone(), next.clone());
        tokio::spawn(async move {
            for _ in 0..100 {
                let n = next.fetch_add(1, Ordering::Relaxed);
                while spool.append(&raw(n)).await.is_err() {
                    tokio::task::yield_now().await;
                }
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let mut seen = vec![0; 1600];
    while seen.contains(&0) {
        let group = spool.next(50, 10_000).await.expect("a group");
        for entry in &group.entries {
            seen[number(&entry.raw)] += 1;
        }
        spool.confirm(&group, Instant::now());
        spool.forget(Instant::now()).expect("a folder");
    }
    futures::future::try_join_all(writers).await.expect("no panic");
    assert!(seen.iter().all(|times| *times == 1), "each was read once");
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(60))]

    #[test]
    fn whatever_happens_to_a_file_what_is_read_was_written_and_in_order(
        spots in proptest::collection::vec((0_usize..2_000, proptest::num::u8::ANY), 1..6), cut in 0_usize..2_000,
    ) {
        let folder = TempDir::new().expect("a folder");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            append(&open(&folder), 0..6).await;
            let file = files(&folder).pop().expect("a file");
            let mut bytes = std::fs::read(&file).expect("a file");
            bytes.truncate(bytes.len().saturating_sub(cut));
            let len = bytes.len();
            for (at, byte) in spots {
                if let Some(spot) = bytes.get_mut(at % len.max(1)) {
                    *spot = byte;
                }
            }
            std::fs::write(&file, bytes).expect("a file");
            let spool = open(&folder);
            append(&spool, 6..7).await;
            let mut read = drain(&spool).await;
            assert_eq!(read.pop(), Some(6));
            assert!(read.is_sorted_by(|a, b| a < b) && read.iter().all(|n| *n < 6), "{read:?}");
        });
    }
}
