//! `places`: where in a text a place is named.

use std::ops::Range;

use triage::Names;

use crate::{
    Report,
    data::Marked,
    score::{figure, ratio},
};

struct Answer<'a> {
    row: &'a Marked,
    at: usize,
    truths: Vec<Range<usize>>,
    said: Vec<(Range<usize>, String)>,
}

/// Asks about every text.
pub fn run(name: &str, names: &Names, rows: &[Marked], report: &mut Report) -> anyhow::Result<()> {
    let answers: Vec<Answer<'_>> = rows
        .iter()
        .enumerate()
        .map(|(at, row)| {
            let truths = row.places.iter().map(|mark| mark.start..mark.end).collect();
            let said = names
                .places(&row.text)
                .into_iter()
                .map(|spot| (letters(&row.text, spot.span.start)..letters(&row.text, spot.span.end), format!("{:?}", spot.kind)))
                .collect();
            Answer { row, at, truths, said }
        })
        .collect();
    let exact = |a: &Range<usize>, b: &Range<usize>| a == b;
    let overlap = |a: &Range<usize>, b: &Range<usize>| a.start < b.end && b.start < a.end;
    report.say(&format!(
        "{name}: {} texts, {} places, {} said",
        answers.len(),
        answers.iter().map(|a| a.truths.len()).sum::<usize>(),
        answers.iter().map(|a| a.said.len()).sum::<usize>()
    ));
    for (how, fits) in [("exact", &exact as &dyn Fn(&Range<usize>, &Range<usize>) -> bool), ("relaxed", &overlap)] {
        let counts = |rows: &[&Answer<'_>]| {
            let mut sums = [0_usize; 4];
            for row in rows {
                sums[0] += row.truths.iter().filter(|truth| row.said.iter().any(|(said, _)| fits(truth, said))).count();
                sums[1] += row.truths.len();
                sums[2] += row.said.iter().filter(|(said, _)| row.truths.iter().any(|truth| fits(truth, said))).count();
                sums[3] += row.said.len();
            }
            (ratio(sums[2], sums[3]), ratio(sums[0], sums[1]))
        };
        report.figure(&format!("{name} precision {how}"), figure(&answers, |answer| answer.at, |rows| counts(rows).0));
        report.figure(&format!("{name} recall {how}"), figure(&answers, |answer| answer.at, |rows| counts(rows).1));
        report.figure(
            &format!("{name} F1 {how}"),
            figure(
                &answers,
                |answer| answer.at,
                |rows| {
                    let (precision, recall) = counts(rows);
                    2.0 * precision * recall / (precision + recall)
                },
            ),
        );
    }
    let lines = answers.iter().flat_map(|answer| {
        answer.said.iter().map(|(span, kind)| {
            vec![answer.row.src.clone(), answer.row.id.to_string(), span.start.to_string(), span.end.to_string(), kind.clone()]
        })
    });
    report.table(name, &["src", "id", "start", "end", "type"], lines)
}

/// How many characters stand before a byte.
fn letters(text: &str, byte: usize) -> usize {
    text[..byte].chars().count()
}
