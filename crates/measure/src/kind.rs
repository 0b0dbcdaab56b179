//! `kind`: complaint, information request, aspiration, other.

use triage::{Kind, Kinds};

use crate::{
    Report,
    data::Kinded,
    fold::Fold,
    score::{figure, ratio},
};

struct Answer<'a> {
    row: &'a Kinded,
    at: usize,
    said: Kind,
    probability: f32,
}

/// Learns on the rows of each fold and asks about the others.
pub fn run(name: &str, rows: &[Kinded], folds: &[Fold], report: &mut Report) -> anyhow::Result<()> {
    let mut answers = Vec::new();
    for fold in folds {
        let learn: Vec<(&str, Kind)> =
            fold.learn.iter().filter_map(|&row| Some((rows[row].text.as_str(), Kind::of(&rows[row].kind)?))).collect();
        let kinds = Kinds::learn(&learn);
        for &at in &fold.ask {
            let (said, probability) = kinds.tell(&rows[at].text)[0];
            answers.push(Answer { row: &rows[at], at, said, probability });
        }
    }
    report.say(&format!("{name}: {} rows asked", answers.len()));
    for source in ["", "sapawarga", "wargaku"] {
        let some: Vec<&Answer<'_>> = answers.iter().filter(|answer| answer.row.src.contains(source)).collect();
        for kind in Kind::ALL {
            let of: Vec<&&Answer<'_>> = some.iter().filter(|answer| answer.row.kind == kind.name()).collect();
            let heard = figure(&of, |answer| answer.at, |rows| ratio(rows.iter().filter(|row| row.said == kind).count(), rows.len()));
            report.figure(&format!("{name} {source} recall {}", kind.name()), heard);
        }
    }
    let mut said = String::new();
    for truth in Kind::ALL {
        let row = Kind::ALL.map(|kind| answers.iter().filter(|answer| answer.row.kind == truth.name() && answer.said == kind).count());
        said = format!("{said}\n    {:<20} {row:?}", truth.name());
    }
    report.say(&format!("  truth, and what was said (same order):{said}"));
    let lines = answers.iter().map(|answer| {
        vec![
            answer.row.src.clone(),
            answer.row.id.clone(),
            answer.row.kind.clone(),
            answer.said.name().to_owned(),
            format!("{:.4}", answer.probability),
        ]
    });
    report.table(name, &["src", "id", "truth", "said", "probability"], lines)
}
