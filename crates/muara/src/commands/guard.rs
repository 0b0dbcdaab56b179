//! `muara guard`: how much one sender and one channel may bring, and from which points on a complaint is held.

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use jiff::civil::Date;
use model::Guard;
use serde_json::json;
use store::guard::{self, Dated};

use super::now;
use crate::{config::Config, connect};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Every row of limits, the latest first.
    List,
    /// Limits from a day on. What is not named stays as it is on that day.
    Set(Set),
}

#[derive(Args)]
pub(crate) struct Set {
    /// The first day, today or later.
    #[arg(long, value_name = "DATE")]
    from: Date,
    /// Complaints that one sender opens in an hour.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1000))]
    opens: Option<u16>,
    /// Automatic answers that one sender gets in an hour.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1000))]
    answers: Option<u16>,
    /// Points from which a complaint is held.
    #[arg(long, value_parser = clap::value_parser!(u16).range(20..=1000))]
    points: Option<u16>,
    /// Messages of one channel in ten minutes beyond which that counts against them.
    #[arg(long, value_parser = clap::value_parser!(u32).range(10..=1_000_000))]
    rush: Option<u32>,
    /// Working days until somebody must have looked at what is held.
    #[arg(long, value_parser = clap::value_parser!(u16).range(0..=30))]
    days: Option<u16>,
}

pub(crate) async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let db = connect::database(config).await?;
    let limits = guard::limits(&db).await?;
    match command {
        Command::List => {
            for Dated { from, guard } in &limits {
                println!("{from}\t{}", in_words(guard));
            }
            println!("before\t{}", in_words(&Guard::default()));
        }
        Command::Set(set) => {
            let today = store::directory::load(&db).await?.day(now());
            if set.from < today {
                bail!("{} is over: what was decided by the limits of then stays", set.from);
            }
            let before = guard::in_force(&limits, set.from);
            let chosen = Guard {
                opens: set.opens.unwrap_or(before.opens),
                answers: set.answers.unwrap_or(before.answers),
                points: set.points.unwrap_or(before.points),
                rush: set.rush.unwrap_or(before.rush),
                days: set.days.unwrap_or(before.days),
            };
            let mut tx = store::begin(&db).await?;
            if !guard::add(&mut tx, &Dated { from: set.from, guard: chosen }, None, now()).await? {
                bail!("limits begin on {} already, and are never changed: choose a later day", set.from);
            }
            let detail = json!({ "opens": chosen.opens, "answers": chosen.answers, "points": chosen.points, "rush": chosen.rush, "days": chosen.days });
            store::audit::write(&mut tx, now(), None, "guard.limits", &set.from.to_string(), &detail).await.context("the record")?;
            store::commit(tx).await?;
            println!("From {}: {}", set.from, in_words(&chosen));
        }
    }
    Ok(())
}

fn in_words(guard: &Guard) -> String {
    let Guard { opens, answers, points, rush, days } = guard;
    format!(
        "{opens} complaints and {answers} automatic answers for a sender in an hour; held from {points} points on, for {days} working days; a channel is full with {rush} messages in ten minutes"
    )
}
