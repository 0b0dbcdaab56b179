//! Reaching the database and the bus: a role waits for them, a command does not.

use std::time::Duration;

use anyhow::Context;
use bus::Bus;
use store::{PgPool, contact::KeysError};
use tracing::warn;

use crate::{config::Config, private};

const PAUSE: Duration = Duration::from_secs(2);

/// The database, at once or not at all, and what is sealed in it can be opened. With a private one, that which `muara all` is running.
pub(crate) async fn database(config: &Config) -> anyhow::Result<PgPool> {
    let hint = if config.database.private { "the database does not answer: does `muara all` run?" } else { "the database does not answer" };
    let vault = private::vault(config)?;
    let db = store::connect(&url(config)?, config.database.connections).await.context(hint)?;
    store::contact::begin(&db, &vault).await?;
    Ok(db)
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

/// The address without a password, and the password, for PostgreSQL's own programs: what is in their arguments everybody on the machine can read.
pub(crate) fn url_and_password(config: &Config) -> anyhow::Result<(String, Option<String>)> {
    let url = &config.database.url;
    if let Some(password) = config.database.password.as_ref().filter(|_| !url.is_empty()) {
        return Ok((url.clone(), Some(password.expose().to_owned())));
    }
    let url = self::url(config)?;
    let (scheme, rest) = url.split_once("://").context("database.url has no scheme")?;
    let within = rest.split_once('@').and_then(|(user, place)| Some((user.split_once(':')?, place)));
    let Some(((user, password), place)) = within else { return Ok((url, None)) };
    Ok((format!("{scheme}://{user}@{place}"), Some(decoded(password))))
}

/// Undoes `%41`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => (bytes.push(byte), rest = &after[2..]),
            None => (bytes.push(*first), rest = after),
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The database, as soon as it is there and as new as this program.
pub(crate) async fn database_when_ready(config: &Config, stop: &bus::Stop) -> anyhow::Result<Option<PgPool>> {
    private::vault(config)?;
    loop {
        match database(config).await {
            Ok(db) => return Ok(Some(db)),
            Err(error) if config.database.url.is_empty() || is_about_keys(&error) => return Err(error),
            Err(error) => warn!("Waiting for the database: {error:#}."),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// Whether waiting does not help, because the keys are the wrong ones.
fn is_about_keys(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(KeysError::Missing(_) | KeysError::Another(_)))
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
