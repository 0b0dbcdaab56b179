//! What the lists of staff, their counts, the search and whole pages take on the server, at more and more complaints stored.
//!
//! `cargo run --release -p web --example lists [-- 10000 1000000 [10000000]]`: how many are stored, in rising order. It starts a PostgreSQL of
//! its own, with 2 GB of buffers where much is stored, and removes it. Words, streets and areas are as unevenly spread as in a city; three in a
//! hundred complaints are not done, the rest is. Times are those of one caller; the longest of all is printed last.

#![expect(clippy::cast_precision_loss, reason = "figures for people")]

mod city;
mod pages;

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use model::{Address, CitizenId, Visibility};
use store::{
    PgPool, StoreError,
    made::{self, Made},
    queue::{self, Asked, Filter, Scope, Start, Times, View},
    search::{self, Sought, Word},
};
use triage::Dice;

use city::{AGENCIES, CATEGORIES, City};
use pages::Pages;

/// How often each is asked; the first is not counted.
const TURNS: usize = 12;
/// Of the agencies, one that has much to do.
const LARGE: usize = 1;
/// Rows of one transaction while filling.
const CHUNK: usize = 10_000;
const NOW: Timestamp = Timestamp::constant(1_795_143_600, 0);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut sizes: Vec<usize> = std::env::args().skip(1).filter_map(|size| size.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![10_000, 1_000_000];
    }
    let folder = tempfile::Builder::new().prefix("muara-lists-").tempdir()?;
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let settings = [("shared_buffers", "2GB"), ("work_mem", "16MB"), ("max_wal_size", "8GB"), ("random_page_cost", "1.1")];
    let options = servers::PostgresOptions {
        durability: servers::Durability::Throwaway,
        settings: settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        ..servers::PostgresOptions::default()
    };
    let server = servers::Postgres::start_with(folder.path(), &options)?;
    server.create_database("lists")?;
    let db = store::connect(&server.url("lists"), 4).await?;
    store::migrate(&db).await?;
    let city = City::new();
    let citizen = CitizenId::new(NOW);
    let categories: Vec<String> = (0..CATEGORIES).map(|n| format!("c{n}")).collect();
    made::ground(&db, citizen, &categories, &city.agencies, NOW).await?;
    let nats = servers::Nats::start(&folder.path().join("nats"), servers::NatsOptions::default())?;
    let pages = Pages::open(&db, &nats.url(), city.agencies[LARGE].0).await?;
    let mut dice = Dice::new(7);
    let mut stored = 0;
    for size in sizes {
        let began = Instant::now();
        made::begin_filling(&db).await?;
        while stored < size {
            let mut next = || {
                let many = CHUNK.min(size - stored);
                let rows: Vec<Made> = (0..many).map(|n| city.row(stored + n, size, &mut dice)).collect();
                stored += many;
                rows
            };
            let (rows, more) = (next(), next());
            tokio::try_join!(made::fill(&db, citizen, &rows), made::fill(&db, citizen, &more))?;
        }
        made::settle(&db).await?;
        while search::learn_words(&db).await? == search::Learned::Some {}
        let (lists, words) = made::bytes(&db).await?;
        println!(
            "\n{stored} stored in {:.0} s; on disk {:.0} MB of lists, {:.0} MB of words",
            began.elapsed().as_secs_f64(),
            lists as f64 / 1e6,
            words as f64 / 1e6
        );
        let mut worst = Worst::default();
        measure(&db, &city, &mut worst).await?;
        pages.measure(&mut worst).await?;
        println!("\nthe longest of all: {:.1} ms, {}", worst.0.as_secs_f64() * 1e3, worst.1);
    }
    Ok(())
}

async fn measure(db: &PgPool, city: &City, worst: &mut Worst) -> Result<(), StoreError> {
    let (large, officers) = &city.agencies[LARGE];
    let (small, _) = &city.agencies[AGENCIES - 2];
    let readers = [("everything", Scope::Everything), ("a large agency", Scope::Agency(*large)), ("a small agency", Scope::Agency(*small))];
    let times = Times { now: NOW, tonight: NOW + SignedDuration::from_hours(14) };
    for (who, scope) in &readers {
        println!("\n{who:<58}  median ms   worst ms");
        for (what, filter) in filters() {
            let counts = queue::counts(db, scope, officers[0], &filter, times).await?;
            let all = View::ALL.iter().map(|view| counts.of(*view)).sum::<u64>();
            worst
                .time(&format!("counts, {what} ({all} lines)"), async || queue::counts(db, scope, officers[0], &filter, times).await)
                .await?;
            for view in View::ALL {
                let asked = Asked { me: officers[0], view, filter: &filter, from: Start::Top, most: 25 };
                let page = queue::rows(db, scope, &asked, times).await?;
                let many = counts.of(view);
                worst.time(&format!("{view:?}, {what} ({many})"), async || queue::rows(db, scope, &asked, times).await).await?;
                // Forty pages on, as somebody does who works through a list; and back again.
                let mut last = page.older;
                for _ in 0..40 {
                    let Some(cursor) = last else { break };
                    last = queue::rows(db, scope, &Asked { from: Start::After(cursor), ..asked.clone() }, times).await?.older;
                }
                if let Some(cursor) = last {
                    let deep = Asked { from: Start::After(cursor), ..asked.clone() };
                    worst.time(&format!("{view:?}, {what}, page 41"), async || queue::rows(db, scope, &deep, times).await).await?;
                    let back = Asked { from: Start::Before(cursor), ..asked.clone() };
                    worst.time(&format!("{view:?}, {what}, page 41, back"), async || queue::rows(db, scope, &back, times).await).await?;
                }
            }
        }
        for (what, sought) in searches(city) {
            for (filter, narrowed) in
                [(Filter::default(), ""), (Filter { area: Some("3171003".into()), ..Filter::default() }, ", in a district")]
            {
                let find = async || search::find(db, scope, &sought, &filter, Start::Top, 25, NOW).await;
                let found = find().await?;
                let all = if found.all { "" } else { " and more" };
                worst.time(&format!("search, {what}{narrowed} ({}{all})", found.total), find).await?;
            }
        }
    }
    Ok(())
}

/// The longest of all, and what it was.
#[derive(Default)]
struct Worst(Duration, String);

impl Worst {
    async fn time<T, E>(&mut self, what: &str, ask: impl AsyncFn() -> Result<T, E>) -> Result<(), E> {
        let mut taken = Vec::new();
        for turn in 0..TURNS {
            let began = Instant::now();
            std::hint::black_box(ask().await?);
            if turn > 0 {
                taken.push(began.elapsed());
            }
        }
        taken.sort_unstable();
        let (median, longest) = (taken[taken.len() / 2], taken[taken.len() - 1]);
        println!("  {what:<56}  {:>9.1}  {:>9.1}", median.as_secs_f64() * 1e3, longest.as_secs_f64() * 1e3);
        if longest > self.0 {
            *self = Self(longest, what.to_owned());
        }
        Ok(())
    }
}

fn filters() -> Vec<(&'static str, Filter)> {
    let ago = |days: i64| NOW.checked_sub(SignedDuration::from_hours(days * 24)).ok();
    vec![
        ("all", Filter::default()),
        ("a common category", Filter { category: Some("c1".into()), ..Filter::default() }),
        ("a rare category", Filter { category: Some("c19".into()), ..Filter::default() }),
        ("an area", Filter { area: Some("3171003004".into()), ..Filter::default() }),
        ("a district", Filter { area: Some("3171003".into()), ..Filter::default() }),
        ("an area and a category", Filter { area: Some("3171025004".into()), category: Some("c19".into()), ..Filter::default() }),
        ("a channel", Filter { channel: "chat".parse().ok().map(|adapter| (adapter, "3".to_owned())), ..Filter::default() }),
        ("danger", Filter { danger: true, ..Filter::default() }),
        ("secret", Filter { visibility: Some(Visibility::Secret), ..Filter::default() }),
        ("of seven days", Filter { opened_since: ago(7), ..Filter::default() }),
        ("over ninety days", Filter { opened_before: ago(90), ..Filter::default() }),
    ]
}

fn searches(city: &City) -> Vec<(&'static str, Sought)> {
    let words = |typed: &str| {
        let words = typed.split(' ').map(|word| Word { typed: word.to_owned(), spellings: triage::spellings(word), areas: Vec::new() });
        Sought { words: words.collect(), names: true, ..Sought::default() }
    };
    let street = |n: usize| city.streets[n].clone();
    let mistyped = |word: &str| format!("{}{}", &word[..2], &word[3..]);
    vec![
        ("a word in every complaint", words("jalan")),
        ("a common word", words("banjir")),
        ("two common words that do not meet", words("banjir lampu")),
        ("a common street", words(&street(3))),
        ("a rare street", words(&street(city.streets.len() - 5))),
        ("a matter and a rare street", words(&format!("lampu {}", street(city.streets.len() - 5)))),
        ("a rare word, mistyped", words(&mistyped(&city.fillers[city.fillers.len() - 3]))),
        ("a word that nobody wrote", words("helikopter")),
        ("a name", words("warga77")),
        ("the beginning of a number", Sought { number: Some("7KQ2".into()), ..Sought::default() }),
        ("a contact", Sought { contacts: Address::tel("081200000077").into_iter().collect(), ..Sought::default() }),
    ]
}
