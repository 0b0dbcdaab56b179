//! `held`: how many real complaints would wait for a person because of how they read. Everything in these collections is something that a citizen sent
//! and a city took, so each one that is held is a false alarm. Without place, file or history: as from a chat, where least speaks for a message.

use model::{Directory, Guard, Sign, guard::points};
use triage::{Around, Atlas, signs, triage};

use crate::{
    Report,
    alarms::Said,
    score::{figure, share},
};

struct Answer<'a> {
    at: usize,
    said: &'a Said,
    points: u16,
    signs: Vec<Sign>,
    /// Danger and breaches of duty never wait.
    may_wait: bool,
}

/// Asks about every text.
pub fn run(name: &str, rows: &[Said], report: &mut Report) -> anyhow::Result<()> {
    let directory = Directory::default();
    let atlas = Atlas::new(&directory, &[]);
    let limit = Guard::default().points;
    let ask = |(at, said)| {
        let said: &Said = said;
        let triaged = triage(&said.text, None, None, None, None, &directory, &atlas);
        let signs = signs(&said.text, &triaged, &Around::default());
        let may_wait = triaged.why.danger.is_empty() && triaged.why.ethics.is_empty();
        Answer { at, said, points: points(&signs), signs, may_wait }
    };
    let answers: Vec<Answer<'_>> = rows.iter().enumerate().map(ask).collect();
    let mut sources: Vec<&str> = rows.iter().map(|row| row.source).collect();
    sources.dedup();
    for source in sources {
        let some: Vec<&Answer<'_>> = answers.iter().filter(|answer| answer.said.source == source).collect();
        let held = some.iter().filter(|answer| answer.may_wait && answer.points >= limit).count();
        report.say(&format!("{name}: {held} of {} texts of {source} held", some.len()));
        let held = |answer: &&Answer<'_>| answer.may_wait && answer.points >= limit;
        report.figure(&format!("{name} {source}"), figure(&some, |answer| answer.at, |rows| share(rows, held)));
    }
    let near = answers.iter().filter(|answer| answer.points >= limit / 2).map(|answer| {
        let signs: Vec<String> = answer.signs.iter().map(|sign| format!("{} {:+}", sign.signal.as_str(), sign.points)).collect();
        vec![answer.said.source.to_owned(), answer.said.id.clone(), answer.points.to_string(), signs.join(", ")]
    });
    report.table(name, &["source", "id", "points", "signs"], near)
}
