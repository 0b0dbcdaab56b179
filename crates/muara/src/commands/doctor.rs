//! `muara doctor`: touches everything this installation needs, and says what to do about what does not answer.

use std::time::Duration;

use bus::Bus;
use object_store::{ObjectStoreExt, path::Path};

use super::now;
use crate::{
    config::Config,
    connect::{self, chain},
    storage,
};

/// How long each thing may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Fails if anything does not answer.
pub(crate) async fn run(config: &Config) -> anyhow::Result<()> {
    let mut well = true;
    well &= say("database", &timely(database(config)).await);
    well &= say("bus", &timely(the_bus(config)).await);
    well &= say("storage", &timely(files(config)).await);
    well &= say("mail", &timely(mail(config)).await);
    anyhow::ensure!(well, "not everything answers");
    Ok(())
}

fn say(what: &str, found: &anyhow::Result<String>) -> bool {
    match found {
        Ok(words) => println!("well      {what}: {words}"),
        Err(error) => println!("TROUBLE   {what}: {error:#}"),
    }
    found.is_ok()
}

async fn timely(check: impl Future<Output = anyhow::Result<String>>) -> anyhow::Result<String> {
    tokio::time::timeout(PATIENCE, check).await.unwrap_or_else(|_| Err(anyhow::anyhow!("no answer within {} s", PATIENCE.as_secs())))
}

async fn database(config: &Config) -> anyhow::Result<String> {
    let db = connect::database(config).await?;
    let directory = store::directory::load(&db)
        .await
        .map_err(|error| anyhow::anyhow!("the tables are not as this version expects ({}): run `muara migrate`", chain(&error)))?;
    anyhow::ensure!(!directory.agencies.is_empty(), "there is no directory yet: run `muara seed <folder>`");
    Ok(format!("{} agencies, {} rules, {} channels", directory.agencies.len(), directory.rules.len(), directory.channels.len()))
}

async fn the_bus(config: &Config) -> anyhow::Result<String> {
    let bus = Bus::connect(&config.bus("muara doctor")).await?;
    let parked = bus
        .parked_count()
        .await
        .map_err(|error| anyhow::anyhow!("the streams are not there yet ({}): start `muara all` or a role once", chain(&error)))?;
    let alive = bus.announced().await?.into_iter().filter(|one| !one.is_missing(now())).map(|one| one.adapter.to_string());
    let alive: Vec<String> = alive.collect();
    Ok(format!("{parked} parked; adapters alive: {}", if alive.is_empty() { "none".to_owned() } else { alive.join(", ") }))
}

async fn files(config: &Config) -> anyhow::Result<String> {
    let store = storage::open(&config.storage)?;
    let probe = Path::from("doctor/probe");
    store.put(&probe, "probe".into()).await?;
    store.delete(&probe).await?;
    Ok("it takes and removes a file".into())
}

async fn mail(config: &Config) -> anyhow::Result<String> {
    let (Some(mail), Some((host, port))) = (config.mail()?, config.mail_server()) else {
        return Ok("not configured; agencies are not told by mail".into());
    };
    mail.check().await.map_err(anyhow::Error::msg)?;
    Ok(format!("{host}:{port} lets us in"))
}
