//! `alarms`: how often words of danger and of ethics are heard. Nobody labelled them; the share that is flagged is the most that can be
//! false, and the answers are there to be read.

use model::{Directory, Why};
use triage::{Atlas, triage};

use crate::{
    Report,
    score::{figure, share},
};

/// A text, where it comes from and its key there.
#[derive(Debug, Clone)]
pub struct Said {
    /// The collection.
    pub source: &'static str,
    /// Its key.
    pub id: String,
    /// What was written.
    pub text: String,
}

struct Answer<'a> {
    at: usize,
    said: &'a Said,
    why: Why,
}

/// Asks about every text.
pub fn run(name: &str, rows: &[Said], report: &mut Report) -> anyhow::Result<()> {
    let directory = Directory::default();
    let atlas = Atlas::new(&directory, &[]);
    let why = |said: &Said| triage(&said.text, None, None, None, None, &directory, &atlas).why;
    let answers: Vec<Answer<'_>> = rows.iter().enumerate().map(|(at, said)| Answer { at, said, why: why(said) }).collect();
    let mut sources: Vec<&str> = rows.iter().map(|row| row.source).collect();
    sources.dedup();
    for source in sources {
        let some: Vec<&Answer<'_>> = answers.iter().filter(|answer| answer.said.source == source).collect();
        report.say(&format!("{name}: {} texts of {source}", some.len()));
        let flagged = |words: fn(&Why) -> &[String]| {
            figure(&some, |answer| answer.at, |rows| share(rows, |answer: &&Answer<'_>| !words(&answer.why).is_empty()))
        };
        report.figure(&format!("{name} {source} danger"), flagged(|why| &why.danger));
        report.figure(&format!("{name} {source} ethics"), flagged(|why| &why.ethics));
    }
    let lines = answers.iter().filter(|answer| !answer.why.danger.is_empty() || !answer.why.ethics.is_empty()).map(|answer| {
        let words = |words: &[String]| words.join(", ");
        vec![answer.said.source.to_owned(), answer.said.id.clone(), words(&answer.why.danger), words(&answer.why.ethics)]
    });
    report.table(name, &["source", "id", "danger", "ethics"], lines)
}
