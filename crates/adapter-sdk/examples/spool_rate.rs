//! How fast the door's spool says yes here, beside what the disk alone can do.
//!
//! `cargo run --release -p adapter-sdk --example spool_rate -- [folder] [bytes of a message] [seconds of each run]`
//!
//! The folder must be on the disk that the spool will use: on tmpfs a sync costs nothing, and the numbers say nothing.

use std::{
    error::Error,
    fs::OpenOptions,
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use adapter_sdk::{
    Raw, Timestamp, TraceId,
    spool::{Spool, SpoolOptions},
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().map_or_else(|| PathBuf::from("."), PathBuf::from);
    let bytes: usize = arguments.next().map_or(Ok(700), |text| text.parse())?;
    let seconds: u64 = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let (folder, run) = (folder.join(format!("spool-rate-{}", std::process::id())), Duration::from_secs(seconds));
    std::fs::create_dir_all(&folder)?;
    let measured = measure(&folder, bytes, run);
    std::fs::remove_dir_all(&folder)?;
    measured
}

fn measure(folder: &Path, bytes: usize, run: Duration) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout();
    writeln!(out, "{bytes} bytes a message, {} s a run, in {}", run.as_secs(), folder.display())?;
    writeln!(out, "{:<28}{:>12}{:>12}{:>12}", "", "a second", "p50 ms", "p99 ms")?;
    report(&mut out, "write + fdatasync alone", bare(&folder.join("bare"), bytes, run)?, run)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    for callers in [1, 8, 64] {
        let options = SpoolOptions::new(folder.join(format!("spool-{callers}")), u64::MAX, Duration::from_mins(5));
        let times = runtime.block_on(appends(options, callers, bytes, run))?;
        report(&mut out, &format!("spool, {callers} at once"), times, run)?;
    }
    Ok(())
}

/// One writer, one sync each: the least that a durable yes costs without sharing.
fn bare(path: &Path, bytes: usize, run: Duration) -> std::io::Result<Vec<Duration>> {
    let mut file = OpenOptions::new().create_new(true).append(true).open(path)?;
    let (record, end, mut times) = (vec![b'x'; bytes], Instant::now() + run, Vec::new());
    while Instant::now() < end {
        let begun = Instant::now();
        file.write_all(&record)?;
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    Ok(times)
}

async fn appends(options: SpoolOptions, callers: usize, bytes: usize, run: Duration) -> Result<Vec<Duration>, Box<dyn Error>> {
    let spool = Spool::open(options)?;
    let end = Instant::now() + run;
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let (spool, raw) = (spool.clone(), raw(bytes));
            tokio::spawn(async move {
                let mut times = Vec::new();
                while Instant::now() < end {
                    let begun = Instant::now();
                    spool.append(&raw).await?;
                    times.push(begun.elapsed());
                }
                Ok::<_, adapter_sdk::spool::SpoolError>(times)
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    Ok(times)
}

fn raw(bytes: usize) -> Raw {
    Raw {
        adapter: "rate".parse().expect("a name"),
        received_at: Timestamp::UNIX_EPOCH,
        trace: TraceId::random(),
        query: String::new(),
        headers: Vec::new(),
        body: vec![b'x'; bytes].into(),
    }
}

fn report(out: &mut impl Write, what: &str, mut times: Vec<Duration>, run: Duration) -> std::io::Result<()> {
    times.sort_unstable();
    let part =
        |percent: usize| times.get((times.len() * percent / 100).min(times.len().saturating_sub(1))).map_or(0.0, |t| t.as_secs_f64() * 1e3);
    let rate = times.len() as u64 / run.as_secs().max(1);
    writeln!(out, "{what:<28}{rate:>12}{:>12.2}{:>12.2}", part(50), part(99))
}
