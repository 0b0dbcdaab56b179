//! What this machine does for a complaint: the door, and the whole road from a signed webhook to recorded, routed and acknowledged.
//! Every part is real and synced to the disk as in use; load generator and played platform run on the same cores.
//!
//! `cargo xtask bench` runs it in release, with the limits of NATS and PostgreSQL alone beside it. With `--statements` it tells what PostgreSQL's
//! time went to, and is a little slower.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use simulator::{
    Options,
    load::{self, Load},
};
use tests::{APP_SECRET, Wishes, World, cost};

/// How long each part sends.
const TIME: Duration = Duration::from_secs(15);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let count_statements = std::env::args().any(|word| word == "--statements");
    // The load goes past the platform: it must not take those for strangers who write to it through nobody.
    let platform = Options { window_open_to_all: true, bundle: 100, ..Options::default() };
    let wishes = Wishes { durable: true, with_forms: true, spool_bytes: Some(2 << 30), count_statements, platform, ..Wishes::default() };
    let mut world = World::start_with(wishes).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    println!("memory at rest, MiB resident");
    memory(&mut world);

    println!("\ndoor: signed webhooks at 500/s");
    let taken = cost::seconds();
    println!("{}", load::run(door(&world, 500, 8, 1)).await?);
    drained(&world).await;
    say_cost(&taken, settled(&world))?;

    println!("\nwhole road: as fast as the door says yes");
    if count_statements {
        let _of_the_door = world.statements();
    }
    road(&world, door(&world, 0, 8, 2), count_statements).await?;
    match real_texts()? {
        Some(texts) => {
            println!("\nthe same with {} real complaints, each once", texts.len());
            road(&world, Load { texts: Arc::new(texts), ..door(&world, 0, 8, 3) }, count_statements).await?;
        }
        None => println!("\nreal complaints: SKIPPED, MUARA_DATA names no folder with them"),
    }

    println!("\nmemory after the flood, MiB resident");
    memory(&mut world);

    world.in_one_process().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    println!("\nmemory at rest of all roles in one process, MiB resident");
    memory(&mut world);
    Ok(())
}

/// Sends, and waits until everything is recorded, and then until everybody is answered.
async fn road(world: &World, load: Load, count_statements: bool) -> anyhow::Result<()> {
    let (before, suggested) = (settled(world), suggestions(world));
    let (start, taken) = (Instant::now(), cost::seconds());
    let outcome = load::run(load).await?;
    println!("{outcome}");
    while settled(world) - before < outcome.accepted() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    say("recorded and routed", outcome.accepted(), start.elapsed());
    drained(world).await;
    let done = settled(world) - before;
    say("acknowledged to the platform too", done, start.elapsed());
    say_cost(&taken, done)?;
    // A load whose texts are more alike than a city's is more work than a city.
    println!("earlier complaints suggested as the same: {:.2} each", per_second(suggestions(world) - suggested, Duration::from_secs(done)));
    if count_statements {
        println!("what PostgreSQL's time went to\n{}", world.statements());
    }
    let failed = world.count("select count(*) from reply where receipt = 'failed'");
    anyhow::ensure!(failed == 0, "the platform refused {failed} replies");
    anyhow::ensure!(done == outcome.accepted(), "{} accepted, {done} recorded", outcome.accepted());
    Ok(())
}

/// What the programs took since then, by the message.
fn say_cost(since: &cost::Seconds, messages: u64) -> anyhow::Result<()> {
    println!("seconds of a processor for a thousand messages");
    for (program, seconds) in cost::between(since, &cost::seconds()).into_iter().filter(|(_, seconds)| *seconds > 0.5) {
        println!("  {program:<18} {:.3}", seconds * 1000.0 / f64::from(u32::try_from(messages)?));
    }
    Ok(())
}

/// What people of Surabaya wrote to their city, where `MUARA_DATA` names the folder with it; it is not part of this repository.
fn real_texts() -> anyhow::Result<Option<Vec<String>>> {
    let Some(data) = std::env::var_os("MUARA_DATA") else { return Ok(None) };
    let mut rows = csv::Reader::from_path(Path::new(&data).join("surabaya-wargaku-2022-2023/complaints_dev.csv"))?;
    let columns = rows.headers()?.clone();
    let column = |name: &str| columns.iter().position(|column| column == name).with_context(|| format!("no column {name}"));
    let said = [column("text")?, column("address")?, column("kelurahan")?];
    let text = |row: csv::Result<csv::StringRecord>| anyhow::Ok(row.map(|row| said.map(|at| row[at].trim().to_owned()).join(", "))?);
    rows.records().map(text).collect::<anyhow::Result<_>>().map(Some)
}

fn suggestions(world: &World) -> u64 {
    world.count("select count(*) from suggestion")
}

fn door(world: &World, rate: u32, connections: u32, seed: u64) -> Load {
    let target = world.webhook();
    Load { target, secret: APP_SECRET.to_owned(), rate, time: TIME, connections, citizens: 1_000_000, seed, texts: Arc::default() }
}

/// Messages that are recorded.
fn settled(world: &World) -> u64 {
    world.count("select count(*) from message")
}

/// Waits until what was accepted is recorded and every reply is with the platform or known to have failed.
async fn drained(world: &World) {
    let mut before = (0, 0);
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = (settled(world), world.count("select count(*) from reply where receipt is null"));
        if now.1 == 0 && now == before {
            return;
        }
        before = now;
    }
}

fn memory(world: &mut World) {
    for name in world.process_names() {
        let kib = world.process(name).resident_kib();
        println!("  {name:<10} {:>6.1}", f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1024.0);
    }
}

fn say(what: &str, messages: u64, time: Duration) {
    println!("{what}: {messages} messages in {:.1} s: {:.0}/s", time.as_secs_f64(), per_second(messages, time));
}

fn per_second(count: u64, time: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / time.as_secs_f64()
}
