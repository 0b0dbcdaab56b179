//! What triage costs a complaint: µs of one core for all that intake asks of it, with models learned from made-up complaints, and what the
//! models take in memory.
//!
//! `cargo run --release -p triage --example cost -- 5000`: from how many complaints it learns.

#![expect(clippy::cast_precision_loss, reason = "nanoseconds and bytes: figures, not accounts")]

use std::{sync::Arc, time::Instant};

use model::{Agency, AgencyId, Area, Category, Directory, Timestamp};
use triage::{Atlas, Decided, Dice, Figures, Kind, Learned, Named, Seen, Side, Twins, triage};

/// How many complaints are asked about.
const ASKED: usize = 2000;
/// Words of a complaint; of the field for the place about six more.
const WORDS: usize = 50;
/// Agencies, categories and kelurahan of a large city.
const AGENCIES: usize = 40;
const CATEGORIES: usize = 120;
const KELURAHAN: usize = 160;

fn main() {
    let rows: usize = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(5000);
    let mut dice = Dice::new(1);
    let words: Vec<String> = (0..8000).map(|_| word(&mut dice)).collect();
    let history: Vec<Decided> = (0..rows).map(|_| complaint(&words, &mut dice)).collect();
    let named: Vec<Named> = (0..KELURAHAN).map(|at| named(&words, at)).collect();
    let kinds = [("rusak belum diperbaiki", Kind::Complaint), ("bagaimana caranya?", Kind::InformationRequest)].repeat(50);

    let started = Instant::now();
    let learned = Learned::learn(&history, &named, &kinds);
    let (seconds, megabytes) = (started.elapsed().as_secs_f64(), learned.megabytes());
    println!("learned from {rows} complaints of {CATEGORIES} categories, {AGENCIES} agencies and {KELURAHAN} kelurahan in {seconds:.1} s");
    println!("models: {megabytes:.1} MB in memory, {:.1} MB as they are kept", learned.to_bytes().len() as f64 / 1e6);

    let asked: Vec<Decided> = (0..ASKED).map(|_| complaint(&words, &mut dice)).collect();
    let directory = directory(&named);
    let keywords = Atlas::new(&directory, &[]);
    let all = |atlas: &Atlas, row: &Decided| {
        std::hint::black_box(triage(&row.text, Some(&row.place), None, None, None, &directory, atlas));
    };
    say("words, place and keywords, nothing learned", &asked, |row| all(&keywords, row));
    let atlas = keywords.with(Some(Arc::new(learned)));
    say("and with area, kind, category and agency learned", &asked, |row| all(&atlas, row));
    candidates(&history, &asked);
}

/// Making ready and comparing, as it is done for a new complaint and the stored ones that may be about the same thing.
fn candidates(history: &[Decided], asked: &[Decided]) {
    let texts: Vec<(&str, &str)> = history.iter().map(|row| (row.text.as_str(), row.place.as_str())).collect();
    let twins = Twins::read(&texts);
    let see = |row: &Decided| twins.see(&Side { text: &row.text, place: &row.place, area: &row.area, at: 0 });
    let seen: Vec<Seen> = asked.iter().map(&see).collect();
    let pairs: Vec<(Figures, bool)> =
        seen.windows(2).take(400).enumerate().map(|(at, two)| (twins.figures(&two[0], &two[1 - at % 2]), at % 2 == 1)).collect();
    let twins = twins.clone().judging(&pairs);
    say("making one ready for comparing", asked, |row| {
        std::hint::black_box(see(row));
    });
    for count in [20, 50] {
        say(&format!("comparing with {count} that are ready"), &seen[..500], |new| {
            for other in &seen[..count] {
                std::hint::black_box(twins.same(&twins.figures(new, other)));
            }
        });
    }
    say("making 20 ready and comparing with them", &seen[..500], |new| {
        for other in &asked[..20] {
            std::hint::black_box(twins.same(&twins.figures(new, &see(other))));
        }
    });
}

fn say<T>(what: &str, asked: &[T], ask: impl Fn(&T)) {
    let mut times: Vec<u128> = asked
        .iter()
        .map(|row| {
            let started = Instant::now();
            ask(row);
            started.elapsed().as_nanos()
        })
        .collect();
    times.sort_unstable();
    let micros = |nanos: u128| nanos as f64 / 1000.0;
    let mean = micros(times.iter().sum::<u128>()) / times.len() as f64;
    let (median, high) = (micros(times[times.len() / 2]), micros(times[times.len() * 99 / 100]));
    println!("{what:<52} {mean:>7.0} µs on average; median {median:.0}, 99 of 100 within {high:.0}");
}

fn word(dice: &mut Dice) -> String {
    const PARTS: [&str; 24] = [
        "ba", "ka", "ru", "sak", "jal", "an", "lam", "pu", "ti", "mur", "sa", "lu", "ran", "me", "nga", "di", "per", "bai", "ko", "ta",
        "ge", "nang", "wi", "yah",
    ];
    (0..2 + dice.below(3)).map(|_| PARTS[dice.below(PARTS.len())]).collect()
}

/// The common words oftener, as complaints have them; a few that go with the category.
fn complaint(words: &[String], dice: &mut Dice) -> Decided {
    let category = dice.below(CATEGORIES);
    let mut some = |count: usize| -> Vec<&str> {
        let mut rare = || 1 + dice.below(words.len());
        (0..count).map(|_| words[rare() * rare() / words.len() % words.len()].as_str()).collect()
    };
    let (mut text, street) = (some(WORDS - 3), some(2).join(" "));
    text.extend((0..3).map(|at| words[(category * 31 + at * 7) % words.len()].as_str()));
    Decided {
        text: text.join(" "),
        place: format!("Jl. {street} gg {} no {}", dice.below(9), dice.below(90)),
        area: format!("3171{:03}{:03}", dice.below(16), dice.below(10)),
        category: format!("category{category}"),
        agency: format!("agency{}", category % AGENCIES),
    }
}

fn named(words: &[String], at: usize) -> Named {
    Named { code: format!("3171{:03}{:03}", at / 10, at % 10), name: words[at].clone(), within: format!("3171{:03}", at / 10) }
}

fn directory(named: &[Named]) -> Directory {
    let area = |area: &Named| (area.code.clone(), Area { code: area.code.clone(), name: area.name.clone() });
    let category = |at: usize| {
        let code = format!("category{at}");
        (code.clone(), Category { code: code.clone(), name_id: code.clone(), name_en: code, keywords: vec!["lampu mati".into()] })
    };
    let agency = |at: usize| {
        let id = AgencyId::new(Timestamp::UNIX_EPOCH);
        (id, Agency { id, code: format!("agency{at}"), name: format!("Agency {at}") })
    };
    Directory {
        areas: named.iter().map(area).collect(),
        categories: (0..CATEGORIES).map(category).collect(),
        agencies: (0..AGENCIES).map(agency).collect(),
        ..Directory::default()
    }
}
