//! `muara vault`: keys that are kept outside the database, and who is sealed with which.

use std::collections::BTreeMap;

use anyhow::ensure;
use clap::Subcommand;
use store::{
    PgPool,
    contact::{
        moving::{self, Pass},
        turning,
    },
    vault::Vault,
};

use crate::{commands::now, config::Config, connect, private};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print a new key: a line for the file that `vault.keys_file` names. All of them open; the last line seals once `rotate` was run.
    New,
    /// How many values each key holds, and how many nobody has sealed yet.
    Status,
    /// Seal what an earlier version left unsealed, now: the role `dispatch` does it by itself within seconds. May be broken off and run again.
    Seal,
    /// Seal everything with the newest key, while the system runs, so that the lines before it may go. First add the line on every machine and restart
    /// all roles. May be broken off and run again.
    Rotate,
    /// Seal the second factors of staff with the newest key.
    Reseal,
}

pub(crate) async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    if matches!(command, Command::New) {
        println!("{}", Vault::new_line());
        return Ok(());
    }
    let vault = private::vault(config)?;
    let db = connect::database(config).await?;
    match command {
        Command::New => Ok(()),
        Command::Status => status(&db).await,
        Command::Seal => {
            let done = until_nothing_is_left(&db).await?;
            println!("{} rows were sealed.", done.moved);
            closed(done.closed)
        }
        Command::Rotate => rotate(&db, &vault).await,
        Command::Reseal => reseal(&db, &vault).await,
    }
}

async fn rotate(db: &PgPool, vault: &Vault) -> anyhow::Result<()> {
    turning::turn(db, now()).await?;
    println!("From now on {} seals. Waiting half a minute, until every role has heard of it.", vault.newest());
    // Also when this was run before: it may have been broken off while roles still wrote with the key before.
    tokio::time::sleep(turning::HEARD).await;
    let done = until_nothing_is_left(db).await?;
    println!("{} rows were sealed with the key {}.", done.moved, vault.newest());
    reseal(db, vault).await?;
    closed(done.closed)?;
    let gone = turning::forget(db).await?;
    if !gone.is_empty() {
        println!("{} holds nothing any more: remove its line on every machine, and restart the roles.", gone.join(", "));
    }
    Ok(())
}

/// Passes until one finds nothing: a role that has just heard of the key may have written with the one before.
async fn until_nothing_is_left(db: &PgPool) -> anyhow::Result<Pass> {
    let mut done = Pass::default();
    loop {
        let Some(pass) = moving::pass(db).await? else {
            anyhow::bail!("a role is sealing at this moment: `muara vault status` says how far it is; run this again afterwards");
        };
        done = Pass { moved: done.moved + pass.moved, closed: pass.closed };
        if pass.moved == 0 {
            return Ok(done);
        }
    }
}

async fn reseal(db: &PgPool, vault: &Vault) -> anyhow::Result<()> {
    let done = store::factor::reseal(db, vault).await?;
    println!("{} second factors were sealed with the key {}.", done.moved, vault.newest());
    ensure!(done.closed == 0, "{} did not open: keep every key until their owners have set them anew", done.closed);
    Ok(())
}

fn closed(rows: u64) -> anyhow::Result<()> {
    ensure!(
        rows == 0,
        "{rows} rows did not open and stayed as they were: keep every key, and look whether somebody wrote into the database by hand"
    );
    Ok(())
}

async fn status(db: &PgPool) -> anyhow::Result<()> {
    let mut counts: BTreeMap<String, Vec<(String, i64)>> = BTreeMap::new();
    for held in turning::held(db).await? {
        counts.entry(held.key).or_default().push((held.place, held.values));
    }
    let keys = turning::keys(db).await?;
    for (id, seals, since) in &keys {
        let total: i64 = counts.get(id).into_iter().flatten().map(|(_, values)| values).sum();
        let what = if *seals { "seals" } else { "opens" };
        println!("{id}  {what} since {}  {total} values", since.strftime("%Y-%m-%d"));
    }
    for (key, places) in &counts {
        let whose = match key.as_str() {
            "" => "not sealed yet",
            key => key,
        };
        for (place, values) in places {
            println!("  {whose}  {place}  {values}");
        }
    }
    Ok(())
}
