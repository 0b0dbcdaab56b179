//! Everything that can break is broken under a flood, one thing after another: `cargo xtask faults`.
//!
//! Prints a line for each: what was taken, what is missing, doubled, torn, unanswered, answered twice, whether the balance is exact, and how
//! long it took until everything was there. Ends with 1 if anything is missing or the balance is off.

use std::time::{Duration, Instant};

use clap::Parser;
use tests::faults::{Battle, Blow, Disk, Kind, Pace, Row, faketime, small_disks_are_possible};

#[derive(Parser)]
struct Options {
    /// Goes through all of it again, with other seeds, until so many minutes are over; without it once.
    #[arg(long)]
    minutes: Option<u64>,
    /// The same seed sends the same and kills in the same order.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only what has these words in its name, as the table has it; may be given several times.
    #[arg(long)]
    only: Vec<String>,
    /// How many people complain in each flood.
    #[arg(long, default_value_t = 240)]
    citizens: usize,
    /// Within how many seconds.
    #[arg(long, default_value_t = 16)]
    seconds: u64,
}

/// What is done to one installation, and for how many seconds each lasts.
type Chapter = (Kind, Vec<(Blow, u64)>);

fn chapters() -> Vec<Chapter> {
    let ordinary = Kind { with_mail: true, ..Kind::default() };
    let programs = ["whatsapp", "form", "sms", "x", "email", "intake", "intake2", "dispatch", "dispatch2", "web", "web2"];
    let mut first: Vec<(Blow, u64)> = vec![(Blow::Nothing, 3)];
    first.extend(programs.map(|name| (Blow::Kill(name), 2)));
    first.extend([
        (Blow::KillAtRandom, 20),
        (Blow::KillNats, 4),
        (Blow::KillPostgres, 4),
        (Blow::CutAdapters, 6),
        (Blow::CutCore, 6),
        (Blow::CutDatabase, 6),
        (Blow::PullAdapters, 20),
        (Blow::PullCore, 20),
        (Blow::PullDatabase, 20),
        (Blow::ForgetAdapters, 2),
        (Blow::ForgetCore, 2),
        (Blow::ForgetDatabase, 2),
        (Blow::SlowDatabase(40), 15),
        (Blow::TooMany, 8),
        (Blow::Broken, 8),
        (Blow::Silent, 12),
        (Blow::Lost, 12),
        (Blow::Freeze("whatsapp"), 40),
        (Blow::Freeze("intake"), 40),
        (Blow::Freeze("dispatch"), 40),
        (Blow::FreezeNats, 20),
        (Blow::RollRoles, 6),
    ]);
    let disks = [Disk::Spool, Disk::Nats, Disk::Postgres, Disk::Files].map(|disk| (Blow::Fill(disk), 8));
    let jumps = [(Blow::Clock(90), 8), (Blow::Clock(-90), 8)];
    let cluster = [(Blow::Nothing, 3), (Blow::KillEachNats, 9), (Blow::RollNats, 9), (Blow::Kill("intake"), 2)];
    vec![
        (ordinary, first),
        (Kind { three_servers: true, ..Kind::default() }, cluster.to_vec()),
        (Kind { small_disks: true, ..Kind::default() }, disks.to_vec()),
        (Kind { with_clock: true, ..Kind::default() }, jumps.to_vec()),
    ]
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let until = options.minutes.map(|minutes| Instant::now() + Duration::from_mins(minutes));
    let (mut seed, mut lost, mut fought, mut twice) = (options.seed, 0, 0, 0);
    println!("{}", Row::HEAD);
    loop {
        for (kind, blows) in chapters() {
            let wanted = |(blow, _): &(Blow, u64)| {
                options.only.is_empty() || options.only.iter().any(|only| blow.to_string().contains(only.as_str()))
            };
            let blows: Vec<(Blow, u64)> = blows.into_iter().filter(wanted).collect();
            if blows.is_empty() {
                continue;
            }
            if let Some(why) = cannot(kind) {
                for (blow, _) in blows {
                    println!("{:<32} not run here: {why}", blow.to_string());
                }
                continue;
            }
            let mut battle = Battle::start(kind, seed * 100).await;
            for (blow, seconds) in blows {
                if until.is_some_and(|until| Instant::now() > until) {
                    break;
                }
                let hold = Duration::from_secs(seconds);
                let time = Duration::from_secs(options.seconds).max(hold * blow.lengths());
                let pace = Pace { citizens: options.citizens, time, hold, patience: Duration::from_mins(5) };
                let row = battle.fight(&[blow], pace).await;
                println!("{row}");
                fought += 1;
                lost += u32::from(!row.nothing_is_lost());
                twice += row.report.total().answered_twice;
            }
        }
        seed += 1;
        if until.is_none_or(|until| Instant::now() > until) {
            break;
        }
    }
    println!("{fought} faults, {lost} of them with something missing, doubled, unanswered or unbalanced; {twice} answers came twice");
    anyhow::ensure!(lost == 0, "something is not as it should be");
    Ok(())
}

/// Why this cannot be done here.
fn cannot(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind { small_disks: true, .. } if !small_disks_are_possible() => Some("small disks need root and the right to mount"),
        Kind { with_clock: true, .. } if faketime().is_none() => Some("libfaketime is not here: install Debian's `faketime`"),
        _ => None,
    }
}
