//! `kelurahan`: which area a complaint is in, from its text and the field for the place alone.

use std::{path::Path, time::Instant};

use serde::Deserialize;
use triage::{Located, Named, Thought, Whereabouts};

use crate::{
    Report,
    data::{self, Complaint},
    fold::Fold,
    score::{figure, share},
};

struct Answer<'a> {
    row: &'a Complaint,
    group: usize,
    fold: usize,
    thoughts: Vec<Thought>,
}

/// Names of the city's areas, as its lists have them.
pub fn areas(folder: &Path) -> anyhow::Result<Vec<Named>> {
    #[derive(Deserialize)]
    struct Kecamatan {
        id: String,
        name: String,
    }
    #[derive(Deserialize)]
    struct Kelurahan {
        id: String,
        name: String,
        kecamatan_id: String,
    }
    let lists = folder.join("surabaya-codelists");
    let kecamatan: Vec<Kecamatan> = data::rows_by(&lists.join("mediacenter_kecamatan_202311220929.csv"), b';')?;
    let kelurahan: Vec<Kelurahan> = data::rows_by(&lists.join("mediacenter_kelurahan_202311220929.csv"), b';')?;
    let wide = kecamatan.into_iter().map(|row| Named { code: format!("c{}", row.id), name: row.name, within: String::new() });
    let narrow = kelurahan.into_iter().map(|row| Named { code: row.id, name: row.name, within: format!("c{}", row.kecamatan_id) });
    Ok(wide.chain(narrow).collect())
}

/// From this probability on an area is said.
const SURE: f32 = 0.4;

/// Learns on the rows of each fold and asks about the others.
pub fn run(name: &str, areas: &[Named], rows: &[Complaint], groups: &[usize], folds: &[Fold], report: &mut Report) -> anyhow::Result<()> {
    let mut answers = Vec::new();
    let (mut learning, mut asking, mut bytes) = (0.0, 0.0, 0);
    for (number, fold) in folds.iter().enumerate() {
        let started = Instant::now();
        let located = |&row: &usize| Located { text: &rows[row].text, place: &rows[row].address, area: &rows[row].kelurahan_id };
        let finder = Whereabouts::new(areas.to_vec()).learning(&fold.learn.iter().map(located).collect::<Vec<_>>());
        learning += started.elapsed().as_secs_f64();
        bytes = bytes.max(finder.bytes());
        if number == 0 {
            report.say(&format!("  weights {:.2?}", finder.weights()));
        }
        let started = Instant::now();
        for &row in &fold.ask {
            let mut thoughts = finder.find(&rows[row].text, &rows[row].address);
            thoughts.truncate(3);
            answers.push(Answer { row: &rows[row], group: groups[row], fold: number, thoughts });
        }
        asking += started.elapsed().as_secs_f64();
    }
    let right = |answer: &Answer<'_>| answer.thoughts.first().is_some_and(|thought| thought.code == answer.row.kelurahan_id);
    let said = |answer: &Answer<'_>, floor: f32| answer.thoughts.first().is_some_and(|thought| thought.probability >= floor);
    report.say(&format!("{name}: {} rows asked", answers.len()));
    report.figure(&format!("{name} right of all"), figure(&answers, |answer| answer.group, |rows| share(rows, right)));
    report.figure(
        &format!("{name} said and right of all"),
        figure(&answers, |answer| answer.group, |rows| share(rows, |answer| said(answer, SURE) && right(answer))),
    );
    report.figure(
        &format!("{name} within three"),
        figure(
            &answers,
            |answer| answer.group,
            |rows| share(rows, |answer: &Answer<'_>| answer.thoughts.iter().any(|thought| thought.code == answer.row.kelurahan_id)),
        ),
    );
    for floor in [0.2, 0.3, 0.4, 0.5, 0.6, 0.7] {
        let told: Vec<&Answer<'_>> = answers.iter().filter(|answer| said(answer, floor)).collect();
        report.say(&format!(
            "  sure from {floor:.1}: says {:.3}, right when said {:.3}",
            told.len() as f64 / answers.len() as f64,
            share(&told, right)
        ));
    }
    report.say(&format!(
        "  learned in {learning:.1} s, asked in {:.0} µs each, {:.1} MB of model",
        asking * 1e6 / answers.len() as f64,
        bytes as f64 / 1e6
    ));
    let lines = answers.iter().map(|answer| {
        let mut line = vec![answer.row.id.clone(), answer.fold.to_string(), answer.row.kelurahan_id.clone()];
        for place in 0..3 {
            let thought = answer.thoughts.get(place);
            line.extend([
                thought.map_or_else(String::new, |one| one.code.clone()),
                thought.map_or_else(String::new, |one| format!("{:.4}", one.probability)),
            ]);
        }
        line
    });
    report.table(name, &["id", "fold", "truth", "first", "p1", "second", "p2", "third", "p3"], lines)
}
