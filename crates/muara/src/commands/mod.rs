//! The admin's commands: each does one thing, says what it did, and ends.

pub(crate) mod agency;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod balance;
pub(crate) mod category;
pub(crate) mod channel;
pub(crate) mod citizen;
pub(crate) mod doctor;
pub(crate) mod eval;
pub(crate) mod guard;
pub(crate) mod holidays;
pub(crate) mod learn;
pub(crate) mod line;
pub(crate) mod parked;
mod past;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod retention;
pub(crate) mod rules;
pub(crate) mod staff;
pub(crate) mod vault;

use std::path::Path;

use crate::{config::Config, connect, seed};

/// The clock of the commands.
#[expect(clippy::disallowed_methods, reason = "a command is an edge: here time is read")]
pub(crate) fn now() -> model::Timestamp {
    model::Timestamp::now()
}

/// `muara migrate`
pub(crate) async fn migrate(config: &Config) -> anyhow::Result<()> {
    store::migrate(&connect::database(config).await?).await?;
    println!("The database is as this version expects.");
    Ok(())
}

/// `muara seed`
pub(crate) async fn seed(config: &Config, folder: &Path) -> anyhow::Result<()> {
    let db = connect::database(config).await?;
    store::migrate(&db).await?;
    let starting = seed::read(folder)?;
    if store::directory::seed(&db, &starting, now()).await? {
        println!("Loaded the directory of {}.", folder.display());
    } else {
        println!("There is a directory already; nothing was changed.");
    }
    staff::first_accounts(&db, config).await
}
