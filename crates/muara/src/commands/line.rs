//! `muara line`: accounts of ours that are there for one thing.

use anyhow::bail;
use clap::Subcommand;
use model::{AdapterName, Line, Purpose};

use crate::{config::Config, connect};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Every account with a purpose.
    List,
    /// Say what an account is there for: what comes in there has that category, and rules say where it goes.
    Set {
        /// Which program: `whatsapp`, `sms`, …
        adapter: AdapterName,
        /// Which account of ours.
        account: String,
        /// Stable key of the purpose: `information`, `data_correction`. Several accounts may share one.
        #[arg(long)]
        purpose: String,
        /// Its name in Indonesian.
        #[arg(long)]
        name: String,
        /// Its name in English; the Indonesian one if not given.
        #[arg(long)]
        name_en: Option<String>,
        /// Code of the category.
        #[arg(long)]
        category: String,
        /// Also where the words speak for another category.
        #[arg(long)]
        overrules: bool,
    },
    /// The account takes everything again.
    Remove {
        /// Which program.
        adapter: AdapterName,
        /// Which account of ours.
        account: String,
    },
}

pub(crate) async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let db = connect::database(config).await?;
    match command {
        Command::List => {
            for Line { adapter, account, purpose } in store::directory::load(&db).await?.lines {
                let how = if purpose.overrules { "always" } else { "unless the words say otherwise" };
                println!("{adapter}\t{account}\t{} ({})\t{}, {how}", purpose.name_id, purpose.code, purpose.category);
            }
        }
        Command::Set { adapter, account, purpose, name, name_en, category, overrules } => {
            let directory = store::directory::load(&db).await?;
            if !directory.categories.contains_key(&category) {
                bail!("there is no category {category}");
            }
            if !directory.channels.iter().any(|channel| channel.adapter == adapter && channel.account == account) {
                bail!("there is no channel {adapter} {account}: add it first, with `muara channel add`");
            }
            let purpose = Purpose { code: purpose, name_en: name_en.unwrap_or_else(|| name.clone()), name_id: name, category, overrules };
            let line = Line { adapter, account, purpose };
            store::directory::set_line(&db, &line).await?;
            println!("{} {} is there for: {}.", line.adapter, line.account, line.purpose.name_id);
        }
        Command::Remove { adapter, account } => {
            let removed = store::directory::remove_line(&db, &adapter, &account).await?;
            println!(
                "{}",
                if removed { "The account takes everything again." } else { "The account had no purpose; nothing was changed." }
            );
        }
    }
    Ok(())
}
