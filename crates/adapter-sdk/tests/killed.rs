//! `kill -9` and a disk that is really full: a process of our own writes, and another looks at what it left.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use adapter_sdk::{
    Raw, Timestamp, TraceId,
    spool::{Spool, SpoolOptions},
};
use tempfile::TempDir;

/// Set in the process that writes: the folder of its spool.
const FOLDER: &str = "MUARA_TEST_SPOOL";

fn open(folder: &Path) -> Spool {
    Spool::open(SpoolOptions { segment_bytes: 32 * 1024, ..SpoolOptions::new(folder, 1 << 30, Duration::from_mins(5)) }).expect("a spool")
}

fn raw(n: u64) -> Raw {
    let mut body = format!("{n};").into_bytes();
    body.resize(200 + usize::try_from(n % 5000).expect("small"), b'x');
    let adapter = "chat".parse().expect("a name");
    Raw {
        adapter,
        received_at: Timestamp::UNIX_EPOCH,
        trace: TraceId::random(),
        query: String::new(),
        headers: Vec::new(),
        body: body.into(),
    }
}

fn number(raw: &Raw) -> u64 {
    let text = String::from_utf8_lossy(&raw.body);
    text.split(';').next().expect("a number").parse().expect("a number")
}

/// Not a test: the process that is killed. Prints the number of each record once it was told yes, `-` once it was refused.
#[test]
#[ignore = "run by the other tests, in a process of its own"]
fn writer() {
    #[expect(clippy::disallowed_methods, reason = "the test that starts this process says where")]
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let spool = open(Path::new(&folder));
        let first = spool.level().waiting * 1000;
        let tasks = (0..8).map(|task| {
            let spool = spool.clone();
            tokio::spawn(async move {
                for turn in 0_u64.. {
                    let n = first + turn * 8 + task;
                    let told = match spool.append(&raw(n)).await {
                        Ok(()) => format!("{n}\n"),
                        Err(_) => "-\n".to_owned(),
                    };
                    // One call a line: a line that we read is a yes that was said.
                    if std::io::stdout().lock().write_all(told.as_bytes()).is_err() {
                        return;
                    }
                }
            })
        });
        futures::future::join_all(tasks).await;
    });
}

fn start(folder: &Path, with: &mut Command) -> Child {
    with.env(FOLDER, folder).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a process")
}

fn ourselves() -> PathBuf {
    std::env::current_exe().expect("a program")
}

const AS_WRITER: [&str; 4] = ["writer", "--exact", "--ignored", "--nocapture"];

/// What it was told, line by line, until there are so many lines; then it is killed, and the rest is read.
fn lines_until_killed(mut child: Child, enough: impl Fn(&[String]) -> bool) -> Vec<String> {
    let mut told = Vec::new();
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut killed = false;
    for line in lines.map_while(Result::ok) {
        told.push(line);
        if !killed && enough(&told) {
            child.kill().expect("a process of ours");
            killed = true;
        }
    }
    child.wait().expect("a process of ours");
    assert!(killed, "it ended by itself: {told:?}");
    told
}

fn accepted(told: &[String]) -> Vec<u64> {
    told.iter().filter_map(|line| line.parse().ok()).collect()
}

fn kept(folder: &Path) -> Vec<u64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let spool = open(folder);
        let mut kept = Vec::new();
        while spool.level().waiting > 0 {
            let group = spool.next(100, 1 << 20).await.expect("a readable spool");
            kept.extend(group.entries.iter().map(|entry| number(&entry.raw)));
            spool.confirm(&group, Instant::now());
        }
        kept
    })
}

#[test]
fn what_was_told_yes_is_there_after_kill_9_at_any_moment() {
    let folder = TempDir::new().expect("a folder");
    let spool = folder.path().join("spool");
    let mut all = Vec::new();
    for round in 1..=12 {
        let child = start(&spool, Command::new(ourselves()).args(AS_WRITER));
        let told = lines_until_killed(child, |told| accepted(told).len() >= round * 9);
        all.extend(accepted(&told));
        let kept = kept(&spool);
        let missing: Vec<_> = all.iter().filter(|n| !kept.contains(n)).collect();
        assert!(missing.is_empty(), "round {round}: {missing:?}");
    }
    assert!(!spool.join("damaged").exists(), "a kill damages nothing");
}

#[test]
fn a_disk_that_takes_no_more_refuses_and_loses_nothing() {
    let folder = TempDir::new().expect("a folder");
    let spool = folder.path().join("spool");
    // The kernel refuses every byte of a file beyond 16 KiB, half a record included: shorter than a segment, so each file runs into it.
    let script = "trap '' XFSZ; ulimit -f 16; exec \"$@\"";
    let mut limited = Command::new("bash");
    limited.args(["-c", script, "bash"]).arg(ourselves()).args(AS_WRITER);
    let told = lines_until_killed(start(&spool, &mut limited), |told| told.iter().filter(|line| *line == "-").count() >= 20);
    let accepted = accepted(&told);
    assert!(accepted.len() >= 3, "{told:?}");
    let kept = kept(&spool);
    let missing: Vec<_> = accepted.iter().filter(|n| !kept.contains(n)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(!spool.join("damaged").exists(), "what was refused is not there in pieces");
}
