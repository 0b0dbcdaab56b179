//! `muara vault`: keys that are kept outside the database.

use anyhow::{Context, ensure};
use clap::Subcommand;
use store::vault::Vault;

use crate::{config::Config, connect};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print a new key: a line for the file that `vault.keys_file` names. The last line seals, all of them open.
    New,
    /// Seal everything with the newest key, so that the lines before it may go.
    Reseal,
}

pub(crate) async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    match command {
        Command::New => println!("{}", Vault::new_line()),
        Command::Reseal => {
            let vault = config.vault()?.context("vault.keys_file is not set: there is nothing to seal with")?;
            let done = store::factor::reseal(&connect::database(config).await?, &vault).await?;
            println!("{} second factors were sealed with the key {}.", done.moved, vault.newest());
            ensure!(done.closed == 0, "{} did not open: keep every key until their owners have set them anew", done.closed);
        }
    }
    Ok(())
}
