//! `muara category`: what a category asks for, and how many closings a second person looks at.

use clap::Subcommand;
use serde_json::json;
use store::evidence;

use super::now;
use crate::{config::Config, connect};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Every category, and whether it is settled only with a photo.
    List,
    /// Say that complaints of a category are settled only with a photo of the result.
    Proof {
        /// Its code: `street_light`.
        code: String,
        /// They are settled without one too.
        #[arg(long)]
        no: bool,
    },
    /// Say how many of a hundred things that are settled a second person looks at; what citizens contested is always looked at.
    Review {
        /// From 0 to 100.
        #[arg(value_parser = clap::value_parser!(i16).range(0..=100))]
        percent: i16,
        /// Only those of this agency, by its code. Without it: of every agency that has no number of its own.
        #[arg(long)]
        agency: Option<String>,
        /// Where the number is from: a circular, an instruction.
        #[arg(long)]
        source: String,
    },
}

pub(crate) async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let db = connect::database(config).await?;
    match command {
        Command::List => {
            let directory = store::directory::load(&db).await?;
            for category in directory.categories.values() {
                let proof = if directory.proofs.contains(&category.code) { "photo required" } else { "" };
                println!("{}\t{}\t{proof}", category.code, category.name_id);
            }
        }
        Command::Proof { code, no } => {
            let mut tx = store::begin(&db).await?;
            anyhow::ensure!(evidence::set_proof(&mut tx, &code, !no).await?, "no category has the code {code}");
            store::audit::write(&mut tx, now(), None, "category.proof", &code, &json!({ "is": !no })).await?;
            store::commit(tx).await?;
            println!("{code} is settled {} a photo.", if no { "with or without" } else { "only with" });
        }
        Command::Review { percent, agency, source } => {
            let mut tx = store::begin(&db).await?;
            let set = evidence::set_rate(&mut tx, agency.as_deref(), percent, &source, now()).await?;
            anyhow::ensure!(set, "no agency has the code {}", agency.unwrap_or_default());
            let whose = agency.as_deref().unwrap_or("*");
            store::audit::write(&mut tx, now(), None, "review.rate", whose, &json!({ "percent": percent, "reason": source })).await?;
            store::commit(tx).await?;
            println!("{percent} of a hundred closings are looked at by a second person.");
        }
    }
    Ok(())
}
