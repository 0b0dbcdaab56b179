//! `agency`, `topic` and the two foreign sets: which class a complaint belongs to.

use std::{collections::BTreeMap, time::Instant};

use triage::{Example, Sorter};

use crate::{
    Report,
    fold::Fold,
    score::{Figure, figure, macro_f1, share},
};

/// A complaint with the class that people gave it.
#[derive(Debug, Clone, Default)]
pub struct Sorted {
    /// Its key.
    pub id: String,
    /// What was written.
    pub text: String,
    /// What stood in the field for the place.
    pub place: String,
    /// The class.
    pub label: String,
    /// A finer class, if there is one.
    pub fine: String,
}

/// What came of one complaint.
#[derive(Debug)]
struct Answer<'a> {
    row: &'a Sorted,
    group: usize,
    fold: usize,
    /// The likeliest three, with their probabilities.
    said: Vec<(String, f32)>,
}

/// Learns on the rows of each fold and asks about the others.
pub fn run(name: &str, rows: &[Sorted], groups: &[usize], folds: &[Fold], report: &mut Report) -> anyhow::Result<()> {
    let mut answers = Vec::new();
    let (mut learning, mut asking, mut bytes) = (0.0, 0.0, 0);
    for (number, fold) in folds.iter().enumerate() {
        let started = Instant::now();
        let examples: Vec<Example<'_>> = fold.learn.iter().map(|&row| example(&rows[row])).collect();
        let Some(sorter) = Sorter::learn(&examples) else { continue };
        learning += started.elapsed().as_secs_f64();
        bytes = bytes.max(sorter.bytes());
        let started = Instant::now();
        for &row in &fold.ask {
            let said = sorter.sort(&rows[row].text, &rows[row].place);
            let said = said.into_iter().take(3).map(|guess| (guess.label.to_owned(), guess.probability)).collect();
            answers.push(Answer { row: &rows[row], group: groups[row], fold: number, said });
        }
        asking += started.elapsed().as_secs_f64();
    }
    report.say(&format!("{name}: {} rows asked, {} folds", answers.len(), folds.len()));
    for (figure_name, figure) in figures(&answers) {
        report.figure(&format!("{name} {figure_name}"), figure);
    }
    for floor in [0.3, 0.4, 0.5, 0.6, 0.7, 0.8] {
        let said: Vec<&Answer<'_>> = answers.iter().filter(|answer| answer.said[0].1 >= floor).collect();
        let right = share(&said, |answer: &Answer<'_>| answer.said[0].0 == answer.row.label);
        report.say(&format!("  sure from {floor:.1}: says {:.3}, right when said {right:.3}", said.len() as f64 / answers.len() as f64));
    }
    report.say(&format!(
        "  learned in {learning:.1} s, asked in {:.0} µs each, {:.1} MB of model",
        asking * 1e6 / answers.len() as f64,
        bytes as f64 / 1e6
    ));
    let lines = answers.iter().map(|answer| {
        let mut line = vec![answer.row.id.clone(), answer.fold.to_string(), answer.row.label.clone()];
        for place in 0..3 {
            let (label, probability) = answer.said.get(place).cloned().unwrap_or_default();
            line.extend([label, format!("{probability:.4}")]);
        }
        line
    });
    report.table(name, &["id", "fold", "truth", "first", "p1", "second", "p2", "third", "p3"], lines)
}

fn example(row: &Sorted) -> Example<'_> {
    Example { text: &row.text, place: &row.place, label: &row.label, fine: &row.fine }
}

fn figures(answers: &[Answer<'_>]) -> Vec<(&'static str, Figure)> {
    let within = |answer: &Answer<'_>, places: usize| answer.said.iter().take(places).any(|(label, _)| *label == answer.row.label);
    let group = |answer: &Answer<'_>| answer.group;
    vec![
        ("top-1", figure(answers, group, |rows| share(rows, |answer: &Answer<'_>| within(answer, 1)))),
        ("top-3", figure(answers, group, |rows| share(rows, |answer: &Answer<'_>| within(answer, 3)))),
        (
            "macro-F1",
            figure(answers, group, |rows| macro_f1(rows.iter().map(|answer| (answer.row.label.as_str(), answer.said[0].0.as_str())))),
        ),
    ]
}

/// Keeps the classes with at least so many rows to learn from; rows of others are left out.
pub fn frequent(rows: Vec<Sorted>, least: usize) -> Vec<Sorted> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for row in &rows {
        *counts.entry(row.label.clone()).or_default() += 1;
    }
    rows.into_iter().filter(|row| !row.label.is_empty() && counts[&row.label] >= least).collect()
}
