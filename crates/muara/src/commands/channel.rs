//! `muara channel`: the official ways in, how it goes with them, and what their programs sign in with.

mod access;
mod list;

use std::path::{Path, PathBuf};

use anyhow::ensure;
use clap::Subcommand;
use jiff::civil::Date;
use model::{AdapterName, Channel, Directory, OpeningHours, Voucher};
use serde_json::json;
use store::{PgPool, channel::Pause};

use super::now;
use crate::{config::Config, connect};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Every open channel: is its program alive, when was it written to last, what waits, what failed.
    List {
        /// For other programs.
        #[arg(long)]
        json: bool,
    },
    /// Add one. From then on, events for its account are recorded. Prints what its program signs in to the bus with.
    Add {
        /// Which program: `whatsapp`, `desk`, …
        adapter: AdapterName,
        /// Which account of ours: a number's id, a mailbox, an office.
        #[arg(long)]
        account: String,
        /// What people call it.
        #[arg(long)]
        label: String,
        /// Code of the area it serves, if not the whole city.
        #[arg(long)]
        area: Option<String>,
        /// First day; today if not given.
        #[arg(long)]
        from: Option<Date>,
        /// Last day.
        #[arg(long)]
        until: Option<Date>,
        /// When the office is open: `mon-thu 07:30-16:00, fri 07:30-11:30 13:00-16:30`.
        #[arg(long)]
        hours: Option<OpeningHours>,
        /// The folder of the credentials; the setting `bus.keys` if not given.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Set when an office is open; without hours, take them away.
    Hours {
        /// Which program: `desk`, …
        adapter: AdapterName,
        /// Which office.
        #[arg(long)]
        account: String,
        /// `mon-thu 07:30-16:00, fri 07:30-11:30 13:00-16:30`.
        hours: Option<OpeningHours>,
    },
    /// Say to which kinds of addresses this channel may write without having been written to there: for answers that failed elsewhere, and for
    /// links to people on the spot. Without any, take it away.
    Reaches {
        /// Which program.
        adapter: AdapterName,
        /// Which account of ours.
        #[arg(long)]
        account: String,
        /// `tel` for telephone numbers, `mailto` for mail addresses.
        #[arg(value_parser = ["tel", "mailto"])]
        schemes: Vec<String>,
    },
    /// Say for which kinds of addresses a program may vouch beside its own, whose word is its name. What it says of others is set aside. Without
    /// any, it vouches for its own alone.
    Vouches {
        /// Which program.
        adapter: AdapterName,
        /// `tel`, `mailto`, or a word of its own.
        schemes: Vec<String>,
        /// It may have a citizen answered by another channel, where they said how they want to be reached: a counter, a telephone line.
        #[arg(long)]
        elsewhere: bool,
    },
    /// Hold answers back. They wait; what comes in is taken as ever.
    Pause {
        /// Which program.
        adapter: AdapterName,
        /// Which account of ours; every one of the program if not given.
        #[arg(long)]
        account: Option<String>,
        /// Why, for whoever finds it paused.
        #[arg(long)]
        reason: String,
    },
    /// Let answers go again, those that waited first.
    Resume {
        /// Which program.
        adapter: AdapterName,
        /// Which account of ours; every one of the program if not given.
        #[arg(long)]
        account: Option<String>,
    },
    /// Make, show or replace what programs sign in to the bus with.
    Credential(access::Credential),
    /// Print who may do what on the bus, for the server's `include`. Holds public keys only.
    Accounts(access::Accounts),
}

pub(crate) async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    match command {
        Command::List { json } => list::run(config, json).await,
        Command::Add { adapter, account, label, area, from, until, hours, out } => {
            let from = from.unwrap_or_else(|| now().to_zoned(config.site().zone.time_zone()).date());
            add(config, &Channel { adapter, account, label, area, from, until, hours }, out.as_deref()).await
        }
        Command::Hours { adapter, account, hours } => set_hours(config, &adapter, &account, hours).await,
        Command::Reaches { adapter, account, schemes } => set_reaches(config, &adapter, &account, &schemes).await,
        Command::Vouches { adapter, schemes, elsewhere } => {
            set_voucher(config, &adapter, Voucher { schemes: schemes.into_iter().collect(), elsewhere }).await
        }
        Command::Pause { adapter, account, reason } => pause(config, &adapter, account.as_deref(), &reason).await,
        Command::Resume { adapter, account } => resume(config, &adapter, account.as_deref()).await,
        Command::Credential(credential) => access::credential(config, &credential),
        Command::Accounts(accounts) => access::accounts(config, &accounts),
    }
}

async fn add(config: &Config, channel: &Channel, out: Option<&Path>) -> anyhow::Result<()> {
    let db = connect::database(config).await?;
    if store::directory::add_channel(&db, channel, now()).await? {
        println!("Added {} ({} {}).", channel.label, channel.adapter, channel.account);
    } else {
        println!("There is such a channel already; nothing was changed.");
    }
    access::for_channel(config, &channel.adapter, out)
}

/// Sets or takes away the hours of an office.
async fn set_hours(config: &Config, adapter: &AdapterName, account: &str, hours: Option<OpeningHours>) -> anyhow::Result<()> {
    let db = connect::database(config).await?;
    ensure!(store::directory::set_hours(&db, adapter, account, hours.as_ref()).await?, "there is no channel {adapter} {account}");
    match hours {
        Some(hours) => println!("{adapter} {account} is open {hours}."),
        None => println!("{adapter} {account} has no hours any more."),
    }
    Ok(())
}

/// Sets or takes away to which kinds of addresses a channel may write first.
async fn set_reaches(config: &Config, adapter: &AdapterName, account: &str, schemes: &[String]) -> anyhow::Result<()> {
    let db = connect::database(config).await?;
    ensure!(store::directory::set_reaches(&db, adapter, account, schemes).await?, "there is no channel {adapter} {account}");
    if schemes.is_empty() {
        println!("{adapter} {account} writes only where it was written to.");
    } else {
        println!("{adapter} {account} may write first to addresses of the kind {}.", schemes.join(" and "));
    }
    Ok(())
}

/// Sets for whose addresses a program may vouch.
async fn set_voucher(config: &Config, adapter: &AdapterName, voucher: Voucher) -> anyhow::Result<()> {
    let fits = |scheme: &String| model::Address::new(scheme, "x").is_ok() && scheme != "unknown";
    ensure!(voucher.schemes.iter().all(fits), "a kind of address is a word of small letters and digits, such as tel or mailto");
    let db = connect::database(config).await?;
    let mut tx = store::begin(&db).await?;
    store::directory::set_voucher(&mut tx, adapter, &voucher).await?;
    let detail = json!({ "schemes": voucher.schemes, "elsewhere": voucher.elsewhere });
    store::audit::write(&mut tx, now(), None, "channel.vouches", adapter.as_str(), &detail).await?;
    store::commit(tx).await?;
    let kinds: Vec<&str> = std::iter::once(adapter.as_str()).chain(voucher.schemes.iter().map(String::as_str)).collect();
    println!("{adapter} vouches for addresses of the kind {}.", kinds.join(" and "));
    Ok(())
}

async fn pause(config: &Config, adapter: &AdapterName, account: Option<&str>, reason: &str) -> anyhow::Result<()> {
    ensure!(!reason.trim().is_empty(), "say why: whoever finds it paused will ask");
    let db = connect::database(config).await?;
    for account in accounts(&db, adapter, account).await? {
        let pause = Pause { adapter: adapter.clone(), account, since: now(), reason: reason.to_owned() };
        let mut tx = store::begin(&db).await?;
        let was_not = store::channel::pause(&mut tx, &pause).await?;
        if was_not {
            noted(&mut tx, "channel.paused", adapter, &pause.account, &json!({ "reason": reason })).await?;
        }
        store::commit(tx).await?;
        let said = if was_not { "paused: its answers wait, what comes in is taken" } else { "was paused already" };
        println!("{adapter} {}: {said}.", pause.account);
    }
    println!("What was handed to the program before is still sent.");
    Ok(())
}

async fn resume(config: &Config, adapter: &AdapterName, account: Option<&str>) -> anyhow::Result<()> {
    let db = connect::database(config).await?;
    for account in accounts(&db, adapter, account).await? {
        let mut tx = store::begin(&db).await?;
        let was = store::channel::resume(&mut tx, adapter, &account).await?;
        if was {
            noted(&mut tx, "channel.resumed", adapter, &account, &json!({})).await?;
        }
        store::commit(tx).await?;
        println!("{adapter} {account}: {}.", if was { "its answers go again" } else { "was not paused" });
    }
    Ok(())
}

async fn noted(
    tx: &mut store::Tx,
    action: &str,
    adapter: &AdapterName,
    account: &str,
    detail: &serde_json::Value,
) -> Result<(), store::StoreError> {
    store::audit::write(tx, now(), None, action, &format!("{adapter} {account}"), detail).await
}

/// The accounts that are meant: the one that is named, which needs a row, or all of the program.
async fn accounts(db: &PgPool, adapter: &AdapterName, named: Option<&str>) -> anyhow::Result<Vec<String>> {
    let directory: Directory = store::directory::load(db).await?;
    let of_program = directory.channels.into_iter().filter(|channel| channel.adapter == *adapter).map(|channel| channel.account);
    let mut found: Vec<String> = of_program.filter(|account| named.is_none_or(|named| named == account)).collect();
    found.sort();
    found.dedup();
    ensure!(!found.is_empty(), "no channel has this program and account: `muara channel list` says which there are");
    Ok(found)
}
