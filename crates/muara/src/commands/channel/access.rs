//! What programs sign in to the bus with, and the file from which the server knows them.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use bus::{
    Who,
    accounts::{Server, to_nats_conf},
};
use clap::{Args, ValueEnum};
use model::AdapterName;

use crate::{
    config::Config,
    keys::{Keys, Made},
    private,
};

#[derive(Args)]
pub(crate) struct Credential {
    /// Which programs: `whatsapp`, `desk`, …
    #[arg(required = true)]
    adapters: Vec<AdapterName>,
    /// Make another one; the old one opens too until `--finish`.
    #[arg(long)]
    rotate: bool,
    /// Forget every one but the newest.
    #[arg(long, conflicts_with = "rotate")]
    finish: bool,
    /// The folder of the credentials; the setting `bus.keys` if not given.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Accounts {
    /// The folder of the credentials; the setting `bus.keys` if not given.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// On which server: a shared one gets an account MUARA, for a private one the users are the server's.
    #[arg(long, value_enum, default_value_t = Place::Shared)]
    server: Place,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Place {
    Shared,
    Private,
}

/// `muara channel credential`
pub(crate) fn credential(config: &Config, asked: &Credential) -> anyhow::Result<()> {
    let keys = folder(config, asked.out.as_deref())?;
    for adapter in &asked.adapters {
        let who = Who::Adapter(adapter.clone());
        if asked.rotate {
            keys.rotate(&who)?;
            println!("{who} has another credential: {}. Both open.", keys.seed_file(&who).display());
            println!("  Now: let the server read its file again, give the new seed to the program and start it again, then --finish.");
        } else if asked.finish {
            println!("{who}: {} old credentials were forgotten.", keys.finish(&who)?);
        } else {
            said(&keys, &who)?;
        }
    }
    tell_the_private_server(config, asked.out.as_deref())
}

/// What `muara channel add` says of the program behind a new channel.
pub(crate) fn for_channel(config: &Config, adapter: &AdapterName, out: Option<&Path>) -> anyhow::Result<()> {
    let Ok(keys) = folder(config, out) else {
        println!("What its program signs in with: `muara channel credential {adapter} --out <the folder of the keys>`.");
        return Ok(());
    };
    said(&keys, &Who::Adapter(adapter.clone()))?;
    tell_the_private_server(config, out)
}

/// `muara channel accounts`
pub(crate) fn accounts(config: &Config, asked: &Accounts) -> anyhow::Result<()> {
    let keys = folder(config, asked.out.as_deref())?;
    if keys.ensure(&Who::Core)? == Made::Now {
        eprintln!("Made the core's own credential: {}. Its settings: [bus] key_file.", keys.seed_file(&Who::Core).display());
    }
    let users = keys.users()?;
    ensure!(users.len() > 1, "no program has a credential yet: `muara channel credential <adapter>…` makes them");
    let server = match asked.server {
        Place::Shared => Server::Shared,
        Place::Private => Server::Private,
    };
    print!("{}", to_nats_conf(&users, server));
    Ok(())
}

fn folder(config: &Config, out: Option<&Path>) -> anyhow::Result<Keys> {
    let folder = out.unwrap_or(&config.bus.keys);
    ensure!(!folder.as_os_str().is_empty(), "say where the keys are kept: --out DIR, or the setting bus.keys");
    Ok(Keys::new(folder))
}

/// Makes the credential of a program, unless it has one, and says where it is and what it may do.
fn said(keys: &Keys, who: &Who) -> anyhow::Result<()> {
    let file = keys.seed_file(who);
    match keys.ensure(who)? {
        Made::Now => println!("Made the credential of {who}: {}, which only its owner can read.", file.display()),
        Made::Before => println!("{who} has its credential: {}.", file.display()),
    }
    println!("  In the program's settings: [bus] key_file = \"{}\"", file.display());
    println!("  In the NATS server's file (`muara channel accounts` prints all of it):");
    print!("{}", keys.user(who)?.to_nats_conf());
    Ok(())
}

/// A server that `muara all` runs hears of it at once.
fn tell_the_private_server(config: &Config, out: Option<&Path>) -> anyhow::Result<()> {
    if !config.bus.private || out.is_some_and(|out| out != config.bus.keys) {
        return Ok(());
    }
    if private::publish_users(config)? {
        println!("The private NATS server knows it now.");
    }
    Ok(())
}
