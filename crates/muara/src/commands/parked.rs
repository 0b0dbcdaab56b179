//! `muara parked`: messages that were set aside for a person.

use bus::Bus;
use clap::Subcommand;
use serde_json::json;
use store::PgPool;

use super::now;
use crate::{config::Config, connect};

/// How many are listed at once.
const MOST: usize = 100;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// What is parked, the oldest first.
    List {
        /// Go on behind this id.
        #[arg(long)]
        after: Option<u64>,
    },
    /// One of them with its bytes, as they came in. They hold personal data.
    Show {
        /// Its id in the list.
        id: u64,
    },
    /// Send one, or all, on their road again, after what stopped them was mended.
    Retry {
        /// Ids in the list.
        ids: Vec<u64>,
        /// All of them.
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
    /// Give one up. Say why: it is kept in the audit. Its raw bytes stay in RAW until that forgets them.
    Drop {
        /// Its id in the list.
        id: u64,
        /// Why nobody will need it.
        #[arg(long)]
        reason: String,
    },
}

pub(crate) async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let bus = connect::bus(config, "muara parked").await?;
    match command {
        Command::List { after } => list(&bus, after).await,
        Command::Show { id } => show(&bus, id).await,
        Command::Retry { ids, all } => retry(&bus, ids, all).await,
        Command::Drop { id, reason } => {
            let db = connect::database(config).await?;
            give_up(&db, &bus, id, &reason).await?;
            println!("{id}: given up; its raw bytes stay in RAW until that forgets them.");
            Ok(())
        }
    }
}

/// Written down first: what is removed without a word would look lost.
async fn give_up(db: &PgPool, bus: &Bus, id: u64, reason: &str) -> anyhow::Result<()> {
    anyhow::ensure!(!reason.trim().is_empty(), "say why nobody will need it");
    let Some(one) = bus.parked_one(id).await? else { anyhow::bail!("nothing with the id {id} is parked") };
    let mut tx = store::begin(db).await?;
    let detail = json!({ "reason": reason, "stream": one.stream, "adapter": one.adapter, "trace": one.trace.to_string() });
    store::audit::write(&mut tx, now(), None, "parked.dropped", &id.to_string(), &detail).await?;
    store::balance::drop_parked(&mut tx, &one.name(), &one.adapter, now()).await?;
    store::commit(tx).await?;
    bus.drop_parked(id).await?;
    Ok(())
}

async fn list(bus: &Bus, after: Option<u64>) -> anyhow::Result<()> {
    let parked = bus.parked(after, MOST).await?;
    for one in &parked {
        println!("{}\t{}\t{} {}\t{}: {}\ttrace {}", one.id, one.at, one.stream, one.adapter, one.reason, one.error, one.trace);
    }
    let total = bus.parked_count().await?;
    println!("{} shown of {total} parked.", parked.len());
    Ok(())
}

async fn show(bus: &Bus, id: u64) -> anyhow::Result<()> {
    let Some(one) = bus.parked_one(id).await? else { anyhow::bail!("nothing with the id {id} is parked") };
    println!("{} {}, {} attempts, {}: {}", one.stream, one.adapter, one.attempts, one.reason, one.error);
    println!("{}", String::from_utf8_lossy(&one.bytes));
    Ok(())
}

async fn retry(bus: &Bus, ids: Vec<u64>, all: bool) -> anyhow::Result<()> {
    let ids = if all { every_id(bus).await? } else { ids };
    anyhow::ensure!(!ids.is_empty(), "say which ids, or --all");
    for id in ids {
        let found = bus.retry_parked(id).await?;
        println!("{id}: {}", if found { "on its road again" } else { "is not parked" });
    }
    Ok(())
}

async fn every_id(bus: &Bus) -> anyhow::Result<Vec<u64>> {
    let mut ids: Vec<u64> = Vec::new();
    loop {
        let page = bus.parked(ids.last().copied(), MOST).await?;
        if page.is_empty() {
            return Ok(ids);
        }
        ids.extend(page.iter().map(|one| one.id));
    }
}
