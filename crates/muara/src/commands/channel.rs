//! `muara channel`: the official ways in.

use clap::Subcommand;
use jiff::civil::Date;
use model::{AdapterName, Channel};

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
    },
}

pub(crate) async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let db = connect::database(config).await?;
    match command {
        Command::List => {
            for channel in store::directory::load(&db).await?.channels {
                let until = channel.until.map_or_else(|| "open".to_owned(), |day| day.to_string());
                println!("{}\t{}\t{}\t{} to {until}", channel.adapter, channel.account, channel.label, channel.from);
            }
        }
        Command::Add { adapter, account, label, area, from, until } => {
            let from = from.unwrap_or_else(|| now().to_zoned(config.site().zone.time_zone()).date());
            let channel = Channel { adapter, account, label, area, from, until };
            if store::directory::add_channel(&db, &channel, now()).await? {
                println!("Added {} ({} {}).", channel.label, channel.adapter, channel.account);
            } else {
                println!("There is such a channel already; nothing was changed.");
            }
        }
    }
    Ok(())
}
