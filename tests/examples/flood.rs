//! A flood over a whole installation that is made for it: `cargo xtask flood`. Ends with 1 if anything that was told yes is missing or doubled.

use std::time::Duration;

use clap::Parser;
use tests::faults::{Battle, Kind, Pace};

#[derive(Parser)]
struct Options {
    /// The same seed sends the same in the same order.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many people complain, by WhatsApp, form, SMS, X and mail.
    #[arg(long, default_value_t = 1000)]
    citizens: usize,
    /// Within how many seconds.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Without mail, which takes a mail server's time.
    #[arg(long)]
    without_mail: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let kind = Kind { with_mail: !options.without_mail, ..Kind::default() };
    let mut battle = Battle::start(kind, options.seed).await;
    let (citizens, time) = (options.citizens, Duration::from_secs(options.seconds));
    let pace = Pace { citizens, time, hold: Duration::ZERO, patience: Duration::from_mins(10) };
    let row = battle.fight(&[], pace).await;
    println!("{}", row.report);
    row.balance.iter().for_each(|off| println!("{off}"));
    let fine = row.nothing_is_lost() && row.report.nobody_was_answered_twice();
    anyhow::ensure!(fine, "something is missing or doubled");
    println!("Everything that was told yes is there once, everybody was answered once, and the balance is exact.");
    Ok(())
}
