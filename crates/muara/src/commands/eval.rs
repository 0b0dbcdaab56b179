//! `muara eval`: how well triage does on complaints that people have decided on. Needs no database and no configuration.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Clone, Copy, ValueEnum)]
enum Task {
    /// Whether two complaints are about one thing.
    Dedupe,
    /// Who must act.
    Agency,
    /// What it is about.
    Topic,
    /// Complaint, question, wish or something else.
    Kind,
    /// Which kelurahan it is in, from text and address.
    Kelurahan,
    /// Where in a text places are named.
    Places,
    /// Two foreign sets: Purbalingga and `LaporGub`.
    Generality,
    /// How often words of danger and of ethics are heard.
    Alarms,
    /// How many real complaints would be held.
    Held,
}

#[derive(Args)]
pub(crate) struct Eval {
    task: Task,
    /// The folder of labelled data.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Learn from this file instead of the development part.
    #[arg(long, value_name = "FILE")]
    train: Option<PathBuf>,
    /// Ask about this file, learning from all of the other; without it the development part is cut into folds.
    #[arg(long, value_name = "FILE")]
    test: Option<PathBuf>,
    /// Write every answer into this folder, as CSV.
    #[arg(long, value_name = "DIR")]
    answers: Option<PathBuf>,
}

pub(crate) fn run(eval: &Eval) -> anyhow::Result<()> {
    let task = match eval.task {
        Task::Dedupe => measure::Task::Dedupe,
        Task::Agency => measure::Task::Agency,
        Task::Topic => measure::Task::Topic,
        Task::Kind => measure::Task::Kind,
        Task::Kelurahan => measure::Task::Kelurahan,
        Task::Places => measure::Task::Places,
        Task::Generality => measure::Task::Generality,
        Task::Alarms => measure::Task::Alarms,
        Task::Held => measure::Task::Held,
    };
    let files = measure::Files { data: eval.data.clone(), train: eval.train.clone(), test: eval.test.clone() };
    let mut report = measure::Report::new(Box::new(std::io::stdout()), eval.answers.as_deref());
    measure::run(task, &files, &mut report)
}
