//! What this machine does for a complaint: the door, and the whole road from a signed webhook to recorded, routed and acknowledged.
//! Every part is real and synced to the disk as in use; load generator and played platform run on the same cores.
//!
//! `cargo xtask bench` runs it in release, with the limits of NATS and PostgreSQL alone beside it. With `--statements` it tells what PostgreSQL's
//! time went to, and is a little slower.

use std::time::{Duration, Instant};

use simulator::{
    Options,
    load::{self, Load},
};
use tests::{APP_SECRET, Wishes, World};

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
    println!("{}", load::run(door(&world, 500, 8, 1)).await?);
    drained(&world).await;

    println!("\nwhole road: as fast as the door says yes");
    let before = settled(&world);
    let start = Instant::now();
    let outcome = load::run(door(&world, 0, 8, 2)).await?;
    println!("{outcome}");
    while settled(&world) - before < outcome.accepted() {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    say("recorded and routed", outcome.accepted(), start.elapsed());
    drained(&world).await;
    let done = settled(&world) - before;
    say("acknowledged to the platform too", done, start.elapsed());
    let failed = world.count("select count(*) from reply where receipt = 'failed'");
    anyhow::ensure!(failed == 0, "the platform refused {failed} replies");
    anyhow::ensure!(done == outcome.accepted(), "{} accepted, {done} recorded", outcome.accepted());

    if count_statements {
        println!("\nwhat PostgreSQL's time went to\n{}", world.statements());
    }

    println!("\nmemory after the flood, MiB resident");
    memory(&mut world);

    world.in_one_process().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    println!("\nmemory at rest of all roles in one process, MiB resident");
    memory(&mut world);
    Ok(())
}

fn door(world: &World, rate: u32, connections: u32, seed: u64) -> Load {
    let target = world.webhook();
    Load { target, secret: APP_SECRET.to_owned(), rate, time: TIME, connections, citizens: 1_000_000, seed }
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
