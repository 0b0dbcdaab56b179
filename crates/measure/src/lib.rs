//! How well triage does on complaints that people have decided on.
//!
//! Reads labelled files, learns on some rows and asks about others, prints figures with how sure they are, and writes every answer
//! down so that others can score them. What it measures is the crate `triage` as intake uses it; there is no second implementation.
//!
//! This crate reads the clock to say how long things take, and files that it is told of; it knows no database and no network.

#![expect(clippy::cast_precision_loss, reason = "counts of rows and times, far below what a float holds exactly")]

pub mod alarms;
pub mod data;
pub mod dedupe;
pub mod fold;
pub mod held;
pub mod kelurahan;
pub mod kind;
pub mod places;
pub mod score;
pub mod sort;
mod tasks;

use std::{
    io::Write,
    path::{Path, PathBuf},
};

pub use tasks::{Files, Task, run};

/// Where figures and answers go.
pub struct Report {
    out: Box<dyn Write>,
    answers: Option<PathBuf>,
}

impl Report {
    /// Prints to `out`; writes answers into the folder `answers`, if there is one.
    pub fn new(out: Box<dyn Write>, answers: Option<&Path>) -> Self {
        Self { out, answers: answers.map(Path::to_owned) }
    }

    /// One line.
    pub fn say(&mut self, line: &str) {
        // Whoever reads the figures has gone: there is nobody left to tell.
        let _ = writeln!(self.out, "{line}");
    }

    /// One figure.
    pub fn figure(&mut self, name: &str, figure: score::Figure) {
        self.say(&format!("  {name:<44} {figure}"));
    }

    /// Writes a table into the folder for answers, as `<name>.csv`.
    pub fn table(&self, name: &str, header: &[&str], lines: impl Iterator<Item = Vec<String>>) -> anyhow::Result<()> {
        let Some(folder) = &self.answers else { return Ok(()) };
        std::fs::create_dir_all(folder)?;
        let mut writer = csv::Writer::from_path(folder.join(format!("{}.csv", name.replace(' ', "-"))))?;
        writer.write_record(header)?;
        for line in lines {
            writer.write_record(&line)?;
        }
        writer.flush()?;
        Ok(())
    }
}
