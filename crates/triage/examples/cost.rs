//! What triage costs a complaint: µs of one core for the whole of it, with a model learned from made-up complaints.
//!
//! `cargo run --release -p triage --example cost -- 5000`: from how many complaints it learns.

#![expect(clippy::cast_precision_loss, reason = "microseconds and bytes: figures, not accounts")]

use std::{sync::Arc, time::Instant};

use model::{Area, Category, Directory};
use triage::{Atlas, Decided, Dice, Kind, Learned, Named, triage};

const ASKED: usize = 2000;

fn main() {
    let rows: usize = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(5000);
    let mut dice = Dice::new(1);
    let words: Vec<String> = (0..6000).map(|_| word(&mut dice)).collect();
    let history: Vec<Decided> = (0..rows).map(|_| complaint(&words, &mut dice)).collect();
    let named: Vec<Named> = (0..160).map(|at| named(&words, at)).collect();
    let kinds = [("rusak belum diperbaiki", Kind::Complaint), ("bagaimana caranya?", Kind::InformationRequest)].repeat(50);

    let started = Instant::now();
    let learned = Learned::learn(&history, &named, &kinds);
    println!(
        "learned from {rows} complaints in {:.1} s; {:.1} MB in memory",
        started.elapsed().as_secs_f64(),
        learned.bytes() as f64 / 1e6
    );

    let directory = directory(&named);
    let atlas = Atlas::new(&directory, &[]).with(Some(Arc::new(learned)));
    let asked: Vec<Decided> = (0..ASKED).map(|_| complaint(&words, &mut dice)).collect();
    let mut times: Vec<u128> = asked
        .iter()
        .map(|row| {
            let started = Instant::now();
            std::hint::black_box(triage(&row.text, Some(&row.place), None, None, None, &directory, &atlas));
            started.elapsed().as_micros()
        })
        .collect();
    times.sort_unstable();
    let mean = times.iter().sum::<u128>() / ASKED as u128;
    println!("{mean} µs a complaint on average; median {}, 99 of 100 within {}", times[ASKED / 2], times[ASKED * 99 / 100]);
}

fn word(dice: &mut Dice) -> String {
    const PARTS: [&str; 24] = [
        "ba", "ka", "ru", "sak", "jal", "an", "lam", "pu", "ti", "mur", "sa", "lu", "ran", "me", "nga", "di", "per", "bai", "ko", "ta",
        "ge", "nang", "wi", "yah",
    ];
    (0..2 + dice.below(3)).map(|_| PARTS[dice.below(PARTS.len())]).collect()
}

/// Forty words, the common ones oftener, as complaints have them.
fn complaint(words: &[String], dice: &mut Dice) -> Decided {
    let mut some = |count: usize| -> Vec<&str> {
        let mut rare = || 1 + dice.below(words.len());
        (0..count).map(|_| words[rare() * rare() / words.len() % words.len()].as_str()).collect()
    };
    let (text, street) = (some(40).join(" "), some(2).join(" "));
    Decided {
        text,
        place: format!("Jl. {street} gg {} no {}", dice.below(9), dice.below(90)),
        area: format!("3171{:03}{:03}", dice.below(16), dice.below(10)),
        category: format!("category{}", dice.below(120)),
        agency: format!("agency{}", dice.below(22)),
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
    Directory { areas: named.iter().map(area).collect(), categories: (0..120).map(category).collect(), ..Directory::default() }
}
