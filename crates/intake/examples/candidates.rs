//! What it costs to find earlier complaints about the same thing, at more and more complaints stored: the query alone, and with loading,
//! reading and ranking what it finds.
//!
//! `cargo run --release -p intake --example candidates [-- 10000 1000000 [10000000]]`: how many are stored, in rising order. It starts a
//! PostgreSQL of its own and removes it. Texts are made up: a matter, a street, a few common words; streets and words as unevenly spread as
//! in a city. Keys are kept for everything stored, although an installation keeps those of sixty days.

#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use model::{CitizenId, ComplaintId};
use store::{
    PgPool, StoreError,
    likeness::{self, Bare, Reach},
};
use triage::{Dice, Judge, Seen, Side, keys};

/// How many are asked about, each alone.
const ASKED: usize = 300;
/// Rows of one transaction while filling.
const CHUNK: usize = 10_000;
const NOW: Timestamp = Timestamp::constant(1_795_143_600, 0);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut sizes: Vec<usize> = std::env::args().skip(1).filter_map(|size| size.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![10_000, 1_000_000];
    }
    let folder = tempfile::Builder::new().prefix("muara-candidates-").tempdir()?;
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let options = servers::PostgresOptions { durability: servers::Durability::Throwaway, ..servers::PostgresOptions::default() };
    let server = servers::Postgres::start_with(folder.path(), &options)?;
    server.create_database("candidates")?;
    let db = store::connect(&server.url("candidates"), 2).await?;
    store::migrate(&db).await?;

    let city = Arc::new(City::new());
    let judge = Judge::plain();
    let mut dice = Dice::new(5);
    let citizen = CitizenId::new(NOW);
    likeness::bare_citizen(&db, citizen, NOW).await?;
    let mut stored = 0;
    println!("   stored   query p50 µs   p99 µs   whole p50 µs   p99 µs   of it one core here, mean µs   found   MB of keys");
    for size in sizes {
        likeness::begin_filling(&db).await?;
        // Keys cost as much as writing them: the next rows are made while these are written.
        let (give, mut take) = tokio::sync::mpsc::channel::<Vec<Bare>>(2);
        let maker = {
            let (city, mut dice) = (Arc::clone(&city), Dice::new(5 + stored as u64));
            std::thread::spawn(move || {
                for first in (stored..size).step_by(CHUNK) {
                    let rows = (first..size.min(first + CHUNK)).map(|number| city.row(number, size, citizen, &mut dice)).collect();
                    if give.blocking_send(rows).is_err() {
                        return;
                    }
                }
            })
        };
        while let Some(rows) = take.recv().await {
            likeness::fill(&db, &rows).await?;
        }
        maker.join().expect("it makes rows only");
        stored = size;
        likeness::settle(&db).await?;
        let seen = measure(&db, &city, &judge, &mut dice).await?;
        let megabytes = likeness::bytes(&db).await? as f64 / 1e6;
        println!(
            "{stored:>9}   {:>12}   {:>6}   {:>12}   {:>6}   {:>29}   {:>5.1}   {megabytes:>10.0}",
            at(&seen.query, 50),
            at(&seen.query, 99),
            at(&seen.whole, 50),
            at(&seen.whole, 99),
            seen.core.iter().map(Duration::as_micros).sum::<u128>() / ASKED as u128,
            seen.found as f64 / ASKED as f64,
        );
    }
    Ok(())
}

struct Measured {
    query: Vec<Duration>,
    whole: Vec<Duration>,
    core: Vec<Duration>,
    found: usize,
}

async fn measure(db: &PgPool, city: &City, judge: &Judge, dice: &mut Dice) -> Result<Measured, StoreError> {
    let mut seen = Measured { query: Vec::new(), whole: Vec::new(), core: Vec::new(), found: 0 };
    let reach = Reach { since: Timestamp::UNIX_EPOCH, latest: triage::LATEST_OF_A_KEY, found: triage::FOUND };
    // Half of them warm the caches and are not counted.
    for turn in 0..ASKED * 2 {
        let (text, place, area) = city.complaint(dice);
        let mut tx = store::begin(db).await?;
        let start = Instant::now();
        let side = Side { text: &text, place: &place, area: &area, at: NOW.as_second() };
        let keys = keys(&side, None);
        let own = judge.see(&side);
        let mut core = start.elapsed();
        let asking = Instant::now();
        let found = likeness::find(&mut tx, &[keys.asked], reach).await?;
        let query = asking.elapsed();
        let ids: Vec<ComplaintId> = found.iter().map(|(_, id)| *id).collect();
        let candidates = likeness::candidates(&mut tx, &ids).await?;
        let ranking = Instant::now();
        let others: Vec<Seen> = candidates
            .iter()
            .map(|one| judge.see(&Side { text: &one.text, place: &one.place, area: &one.area, at: one.opened_at.as_second() }))
            .collect();
        std::hint::black_box(judge.rank(&own, &others.iter().collect::<Vec<_>>()));
        core += ranking.elapsed();
        if turn >= ASKED {
            seen.query.push(query);
            seen.whole.push(start.elapsed());
            seen.core.push(core);
            seen.found += ids.len();
        }
    }
    seen.query.sort_unstable();
    seen.whole.sort_unstable();
    Ok(seen)
}

fn at(sorted: &[Duration], percent: usize) -> u128 {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)].as_micros()
}

/// Streets and words of a made-up city.
struct City {
    streets: Vec<String>,
    fillers: Vec<String>,
}

const MATTERS: [&str; 10] = [
    "banjir belum surut",
    "lampu jalan padam",
    "sampah menumpuk bau",
    "jalan berlubang",
    "pohon tumbang",
    "parkir liar macet",
    "air pdam mati",
    "saluran mampet",
    "pkl di trotoar",
    "kabel listrik putus",
];

impl City {
    fn new() -> Self {
        let mut dice = Dice::new(1);
        let streets = (0..8000).map(|_| format!("{} {}", word(&mut dice), word(&mut dice))).collect();
        Self { streets, fillers: (0..3000).map(|_| word(&mut dice)).collect() }
    }

    /// Text, place, area: the common ones oftener.
    fn complaint(&self, dice: &mut Dice) -> (String, String, String) {
        let street = dice.below(self.streets.len()) * dice.below(self.streets.len()) / self.streets.len();
        let filler =
            |dice: &mut Dice| self.fillers[dice.below(self.fillers.len()) * dice.below(self.fillers.len()) / self.fillers.len()].clone();
        let some: Vec<String> = (0..20).map(|_| filler(dice)).collect();
        let text = format!("{} di jl {} {}", MATTERS[dice.below(MATTERS.len())], self.streets[street], some.join(" "));
        let area = street % 270;
        (text, format!("Jl. {} no {}", self.streets[street], dice.below(90)), format!("3171{:03}{:03}", area / 10, area % 10))
    }

    /// One a minute or so, the last of `all` now.
    fn row(&self, number: usize, all: usize, citizen: CitizenId, dice: &mut Dice) -> Bare {
        let (text, place, area) = self.complaint(dice);
        let ago = SignedDuration::from_secs(i64::try_from((all - number) * 30).unwrap_or(i64::MAX));
        let opened_at = NOW - ago;
        let keys = keys(&Side { text: &text, place: &place, area: &area, at: opened_at.as_second() }, None).kept;
        Bare { id: ComplaintId::new(opened_at), citizen, text, place, area, opened_at, keys }
    }
}

fn word(dice: &mut Dice) -> String {
    const PARTS: [&str; 24] = [
        "ba", "ka", "ru", "sak", "jal", "an", "lam", "pu", "ti", "mur", "sa", "lu", "ran", "me", "nga", "di", "per", "bai", "ko", "ta",
        "ge", "nang", "wi", "yah",
    ];
    (0..2 + dice.below(3)).map(|_| PARTS[dice.below(PARTS.len())]).collect()
}
