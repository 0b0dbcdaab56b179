//! `muara channel`: the official ways in.

use clap::Subcommand;
use jiff::civil::Date;
use model::{AdapterName, Channel, OpeningHours};

use super::now;
use crate::{config::Config, connect};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Every channel, open and closed.
    List,
    /// Add one. From then on, events for its account are recorded.
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
}

pub(crate) async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let db = connect::database(config).await?;
    match command {
        Command::List => {
            for channel in store::directory::load(&db).await?.channels {
                let until = channel.until.map_or_else(|| "open".to_owned(), |day| day.to_string());
                let hours = channel.hours.map(|hours| format!("\t{hours}")).unwrap_or_default();
                println!("{}\t{}\t{}\t{} to {until}{hours}", channel.adapter, channel.account, channel.label, channel.from);
            }
        }
        Command::Add { adapter, account, label, area, from, until, hours } => {
            let from = from.unwrap_or_else(|| now().to_zoned(config.site().zone.time_zone()).date());
            let channel = Channel { adapter, account, label, area, from, until, hours };
            if store::directory::add_channel(&db, &channel, now()).await? {
                println!("Added {} ({} {}).", channel.label, channel.adapter, channel.account);
            } else {
                println!("There is such a channel already; nothing was changed.");
            }
        }
        Command::Hours { adapter, account, hours } => {
            if !store::directory::set_hours(&db, &adapter, &account, hours.as_ref()).await? {
                anyhow::bail!("there is no channel {adapter} {account}");
            }
            match hours {
                Some(hours) => println!("{adapter} {account} is open {hours}."),
                None => println!("{adapter} {account} has no hours any more."),
            }
        }
    }
    Ok(())
}
