//! What a durable yes costs: a spool on this machine's disk, or a JetStream cluster of three.
//!
//! `cargo run --release -p adapter-sdk --example door_rate -- [folder] [bytes of a message] [seconds of each run]`
//!
//! All servers are on this machine, so the cluster shares one disk and one processor and has no network: measure where you deploy.

use std::{
    error::Error,
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use adapter_sdk::{
    Raw, Timestamp, TraceId,
    spool::{Spool, SpoolOptions},
};
use bus::{Bus, BusConfig};
use futures::future::BoxFuture;
use servers::{Nats, NatsOptions, Sync};

type Keep = Box<dyn Fn(Raw) -> BoxFuture<'static, bool> + Send + std::marker::Sync>;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().map_or_else(|| PathBuf::from("."), PathBuf::from);
    let bytes: usize = arguments.next().map_or(Ok(700), |text| text.parse())?;
    let run = Duration::from_secs(arguments.next().map_or(Ok(5), |text| text.parse())?);
    let folder = std::path::absolute(folder)?.join(format!("door-rate-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let measured = runtime.block_on(measure(&folder, bytes, run));
    std::fs::remove_dir_all(&folder)?;
    measured
}

async fn measure(folder: &Path, bytes: usize, run: Duration) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout();
    writeln!(out, "{bytes} bytes a message, {} s a run, in {}", run.as_secs(), folder.display())?;
    writeln!(out, "{:<44}{:>8}{:>12}{:>10}{:>10}", "", "at once", "a second", "p50 ms", "p99 ms")?;
    for callers in [1, 8, 64] {
        let spool = Spool::open(SpoolOptions::new(folder.join(format!("spool-{callers}")), u64::MAX, Duration::from_secs(30)))?;
        let keep: Keep = Box::new(move |raw| {
            let spool = spool.clone();
            Box::pin(async move { spool.append(&raw).await.is_ok() })
        });
        report(&mut out, "spool (synced)", callers, times(keep, callers, bytes, run).await, run)?;
    }
    for (what, sync) in [("one server, its ack only (NOT durable)", Sync::Periodic), ("one server, sync_interval: always", Sync::Always)] {
        let nats = Nats::start(&folder.join(format!("{sync:?}")), NatsOptions { sync, ..NatsOptions::default() })?;
        through(&mut out, what, &nats.url(), 1, bytes, run).await?;
    }
    let cluster = cluster(folder)?;
    let url = cluster.iter().map(Nats::url).collect::<Vec<_>>().join(",");
    through(&mut out, "three servers (durability = \"bus\")", &url, 3, bytes, run).await
}

async fn through(out: &mut impl Write, what: &str, url: &str, replicas: usize, bytes: usize, run: Duration) -> Result<(), Box<dyn Error>> {
    let bus =
        Bus::connect(&BusConfig { url: url.to_owned(), user: None, key: None, password: None, name: "rate".into(), replicas }).await?;
    while bus.ensure().await.is_err() {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    for callers in [1, 8, 64] {
        let bus = bus.clone();
        let keep: Keep = Box::new(move |raw| {
            let bus = bus.clone();
            Box::pin(async move { bus.publish_raw(&raw).await.is_ok() })
        });
        report(out, what, callers, times(keep, callers, bytes, run).await, run)?;
    }
    Ok(())
}

fn cluster(folder: &Path) -> Result<Vec<Nats>, Box<dyn Error>> {
    let ports: Vec<u16> = (0..3).map(|_| servers::free_port()).collect::<Result<_, _>>()?;
    let routes = ports.iter().map(|port| format!("\"nats://127.0.0.1:{port}\"")).collect::<Vec<_>>().join(", ");
    let mut servers = Vec::new();
    for port in &ports {
        let config = format!("cluster {{ name: rate, listen: \"127.0.0.1:{port}\", routes: [{routes}] }}\n");
        servers.push(Nats::start(&folder.join(port.to_string()), NatsOptions { config, ..NatsOptions::default() })?);
    }
    Ok(servers)
}

/// How long each yes took.
async fn times(keep: Keep, callers: usize, bytes: usize, run: Duration) -> Vec<Duration> {
    let keep = std::sync::Arc::new(keep);
    let end = Instant::now() + run;
    let tasks = (0..callers).map(|caller| {
        let keep = keep.clone();
        tokio::spawn(async move {
            let mut times = Vec::new();
            while Instant::now() < end {
                let begun = Instant::now();
                if keep(raw(bytes, caller, times.len())).await {
                    times.push(begun.elapsed());
                }
            }
            times
        })
    });
    let tasks: Vec<_> = tasks.collect();
    futures::future::join_all(tasks).await.into_iter().flatten().flatten().collect()
}

/// Each is another message: the bus would recognise the same.
fn raw(bytes: usize, caller: usize, number: usize) -> Raw {
    let mut body = format!("{caller}-{number}-{}", TraceId::random()).into_bytes();
    body.resize(bytes.max(body.len()), b'x');
    Raw {
        adapter: "rate".parse().expect("a name"),
        received_at: Timestamp::UNIX_EPOCH,
        trace: TraceId::random(),
        query: String::new(),
        headers: Vec::new(),
        body: body.into(),
    }
}

fn report(out: &mut impl Write, what: &str, callers: usize, mut times: Vec<Duration>, run: Duration) -> std::io::Result<()> {
    times.sort_unstable();
    let part =
        |percent: usize| times.get((times.len() * percent / 100).min(times.len().saturating_sub(1))).map_or(0.0, |t| t.as_secs_f64() * 1e3);
    let rate = times.len() as u64 / run.as_secs().max(1);
    writeln!(out, "{what:<44}{callers:>8}{rate:>12}{:>10.2}{:>10.2}", part(50), part(99))
}
