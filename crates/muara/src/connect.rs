//! Reaching the database and the bus: a role waits for them, a command does not.

use std::time::Duration;

use anyhow::Context;
use bus::Bus;
use store::PgPool;
use tracing::warn;

use crate::{config::Config, private};

const PAUSE: Duration = Duration::from_secs(2);

/// The database, at once or not at all. With a private one, that which `muara all` is running.
pub(crate) async fn database(config: &Config) -> anyhow::Result<PgPool> {
    let hint = if config.database.private { "the database does not answer: does `muara all` run?" } else { "the database does not answer" };
    store::connect(&url(config)?, config.database.connections).await.context(hint)
}

/// The address with its password, if that is given apart.
fn url(config: &Config) -> anyhow::Result<String> {
    let url = &config.database.url;
    if url.is_empty() {
        let private = config.database.private.then(|| private::database_url(config)).flatten();
        return private.context("database.url is empty: say where PostgreSQL is, or run `muara all`");
    }
    let Some(password) = &config.database.password else { return Ok(url.clone()) };
    let (scheme, rest) = url.split_once("://").context("database.url has no scheme")?;
    let (user, place) = rest.split_once('@').context("database.url names no user, so its password belongs to nobody")?;
    let encoded = password.expose().bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02X}"));
    Ok(format!("{scheme}://{user}:{encoded}@{place}"))
}

/// The database, as soon as it is there and as new as this program.
pub(crate) async fn database_when_ready(config: &Config, stop: &bus::Stop) -> anyhow::Result<Option<PgPool>> {
    loop {
        match database(config).await {
            Ok(db) => return Ok(Some(db)),
            Err(error) if config.database.url.is_empty() => return Err(error),
            Err(error) => warn!("Waiting for the database: {error:#}."),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// How long a command waits for the bus.
const PATIENCE: Duration = Duration::from_secs(10);

/// The bus, at once or not at all. With a private one, that which `muara all` is running.
pub(crate) async fn bus(config: &Config, name: &str) -> anyhow::Result<Bus> {
    let hint = if config.bus.private { "the bus does not let us in: does `muara all` run?" } else { "the bus does not let us in" };
    let settings = config.bus(name);
    tokio::time::timeout(PATIENCE, Bus::connect(&settings)).await.context(hint)?.context(hint)
}

/// The bus with its streams, as soon as a server answers.
pub(crate) async fn bus_when_ready(config: &Config, name: &str, stop: &bus::Stop) -> anyhow::Result<Option<Bus>> {
    let settings = config.bus(name);
    let connected = async {
        let bus = Bus::connect(&settings).await?;
        loop {
            match bus.ensure().await {
                Ok(()) => return Ok::<_, anyhow::Error>(bus),
                Err(error) => warn!("Waiting for the bus: {}.", chain(&error)),
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => Ok(None),
        bus = connected => bus.map(Some),
    }
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
