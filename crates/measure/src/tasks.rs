//! What can be measured, and with which files.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::{
    Report, data,
    fold::{Fold, by_group, by_time, forward, near_copies},
    sort::{self, Sorted, frequent},
};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Whether two complaints are about one thing.
    Dedupe,
    /// Who must act.
    Agency,
    /// What it is about.
    Topic,
    /// Complaint, question, wish or something else.
    Kind,
    /// Which kelurahan it is in.
    Kelurahan,
    /// Where in the text a place is named.
    Places,
    /// Two foreign sets of classes.
    Generality,
    /// How often words of danger and of ethics are heard.
    Alarms,
    /// How many real complaints would be held.
    Held,
}

/// Where the rows are.
#[derive(Debug, Clone)]
pub struct Files {
    /// The folder of the collection.
    pub data: PathBuf,
    /// Learn from this file and ask about `test`; without both, folds of the development part.
    pub train: Option<PathBuf>,
    /// Ask about this file.
    pub test: Option<PathBuf>,
}

impl Files {
    fn train(&self, usual: &str) -> PathBuf {
        self.train.clone().unwrap_or_else(|| self.data.join(usual))
    }
}

/// Classes with fewer rows in what is learned from are left out of the measure.
const LEAST_ROWS: usize = 25;
/// Into how many parts the rows are cut where no test file is given.
const FOLDS: usize = 5;

/// Measures, prints and writes down.
pub fn run(task: Task, files: &Files, report: &mut Report) -> anyhow::Result<()> {
    match task {
        Task::Agency | Task::Topic => decided(task, files, report),
        Task::Generality => generality(&files.data, report),
        Task::Dedupe => {
            let corpus = files.data.join("surabaya-wargaku-2022-2023/complaints_dev.csv");
            crate::dedupe::run("dedupe", &files.train("dedupe-eval/pairs_dev.csv"), files.test.as_deref(), &corpus, report)
        }
        Task::Kelurahan => kelurahan(files, report),
        Task::Kind => kind(files, report),
        Task::Places => places(files, report),
        Task::Alarms => crate::alarms::run("alarms", &said(files)?, report),
        Task::Held => crate::held::run("held", &said(files)?, report),
    }
}

fn decided(task: Task, files: &Files, report: &mut Report) -> anyhow::Result<()> {
    let (name, file) =
        (if task == Task::Agency { "agency" } else { "topic" }, files.train("surabaya-wargaku-2022-2023/complaints_dev.csv"));
    let learned = data::complaints(&file)?.iter().map(|row| sorted(task, row)).collect();
    let learned = frequent(learned, LEAST_ROWS);
    if let Some(test) = &files.test {
        let known: std::collections::BTreeSet<String> = learned.iter().map(|row| row.label.clone()).collect();
        let asked = data::complaints(test)?.iter().map(|row| sorted(task, row)).collect::<Vec<_>>();
        let asked = asked.into_iter().filter(|row| known.contains(&row.label));
        let border = learned.len();
        let rows: Vec<Sorted> = learned.into_iter().chain(asked).collect();
        let fold = Fold { learn: (0..border).collect(), ask: (border..rows.len()).collect() };
        let groups = near_copies(&texts(&rows));
        return sort::run(name, &rows, &groups, &[fold], report);
    }
    let groups = near_copies(&texts(&learned));
    sort::run(name, &learned, &groups, &by_time(&groups, FOLDS), report)?;
    sort::run(&format!("{name} forward"), &learned, &groups, &forward(&groups, 20), report)
}

fn kelurahan(files: &Files, report: &mut Report) -> anyhow::Result<()> {
    let areas = crate::kelurahan::areas(&files.data)?;
    let located = |file: &Path| -> anyhow::Result<Vec<data::Complaint>> {
        Ok(data::complaints(file)?.into_iter().filter(|row| !row.kelurahan_id.is_empty()).collect())
    };
    let mut rows = located(&files.train("surabaya-wargaku-2022-2023/complaints_dev.csv"))?;
    let border = rows.len();
    rows.extend(files.test.as_deref().map(located).transpose()?.unwrap_or_default());
    let groups = near_copies(&rows.iter().map(|row| row.text.as_str()).collect::<Vec<_>>());
    let folds = match files.test {
        Some(_) => vec![Fold { learn: (0..border).collect(), ask: (border..rows.len()).collect() }],
        None => by_time(&groups, FOLDS),
    };
    crate::kelurahan::run("kelurahan", &areas, &rows, &groups, &folds, report)
}

fn kind(files: &Files, report: &mut Report) -> anyhow::Result<()> {
    let mut rows: Vec<data::Kinded> = data::rows(&files.train("type-eval/types_dev.csv"))?;
    let border = rows.len();
    if let Some(test) = &files.test {
        rows.extend(data::rows::<data::Kinded>(test)?);
        let fold = Fold { learn: (0..border).collect(), ask: (border..rows.len()).collect() };
        return crate::kind::run("kind", &rows, &[fold], report);
    }
    let groups = near_copies(&rows.iter().map(|row| row.text.as_str()).collect::<Vec<_>>());
    (1..=3).try_for_each(|seed| crate::kind::run(&format!("kind order {seed}"), &rows, &by_group(&groups, 10, seed), report))
}

fn places(files: &Files, report: &mut Report) -> anyhow::Result<()> {
    let complaints = data::complaints(&files.train("surabaya-wargaku-2022-2023/complaints_dev.csv"))?;
    let texts: Vec<(&str, &str)> = complaints.iter().map(|row| (row.text.as_str(), row.address.as_str())).collect();
    let names = triage::Names::of(&texts);
    let file = files.test.clone().unwrap_or_else(|| files.data.join("place-eval/places_dev.jsonl"));
    crate::places::run("places", &names, &data::lines(&file)?, report)
}

fn sorted(task: Task, row: &data::Complaint) -> Sorted {
    let label = if task == Task::Agency { agency_group(&row.agency) } else { row.topic.clone() };
    let fine = if task == Task::Agency { row.topic.clone() } else { String::new() };
    Sorted { id: row.id.clone(), text: row.text.clone(), place: row.address.clone(), label, fine }
}

/// Kelurahan and kecamatan are told apart by the place; here each kind is one group.
fn agency_group(agency: &str) -> String {
    ["Kelurahan", "Kecamatan"].iter().find(|kind| agency.starts_with(**kind)).map_or_else(|| agency.to_owned(), ToString::to_string)
}

fn texts(rows: &[Sorted]) -> Vec<&str> {
    rows.iter().map(|row| row.text.as_str()).collect()
}

/// Texts of three collections, as citizens sent them.
fn said(files: &Files) -> anyhow::Result<Vec<crate::alarms::Said>> {
    #[derive(serde::Deserialize)]
    struct Message {
        #[serde(default)]
        id: String,
        text: String,
    }
    let mut all = Vec::new();
    for (source, file) in [
        ("wargaku", files.train("surabaya-wargaku-2022-2023/complaints_dev.csv")),
        ("sapawarga", files.data.join("surabaya-sapawarga-2015-2017/messages.csv")),
        ("purbalingga", files.data.join("purbalingga-aduan/dataset_cleaned_redacted.csv")),
    ] {
        let rows = data::rows::<Message>(&file)?.into_iter().map(|row| crate::alarms::Said { source, id: row.id, text: row.text });
        all.extend(rows);
    }
    Ok(all)
}

fn generality(folder: &Path, report: &mut Report) -> anyhow::Result<()> {
    #[derive(serde::Deserialize)]
    struct Regent {
        text: String,
        kategori: String,
    }
    #[derive(serde::Deserialize)]
    struct Governor {
        complaints: String,
        category: String,
    }
    let regent: Vec<Regent> = data::rows(&folder.join("purbalingga-aduan/dataset_cleaned_redacted.csv"))?;
    let regent = regent.into_iter().enumerate().map(|(at, row)| Sorted {
        id: at.to_string(),
        text: row.text,
        label: row.kategori,
        ..Sorted::default()
    });
    foreign("purbalingga", regent.collect(), report).context("Purbalingga")?;
    let governor: Vec<Governor> = data::rows_by(&folder.join("laporgub-jateng-2024-2025/prep_2024_2025.csv"), b';')?;
    let governor = governor.into_iter().enumerate().map(|(at, row)| Sorted {
        id: at.to_string(),
        text: row.complaints.replace(['[', ']', '\'', ','], " "),
        label: row.category,
        ..Sorted::default()
    });
    foreign("laporgub", governor.collect(), report).context("LaporGub")
}

fn foreign(name: &str, rows: Vec<Sorted>, report: &mut Report) -> anyhow::Result<()> {
    let rows = frequent(rows, FOLDS);
    let groups = near_copies(&texts(&rows));
    sort::run(name, &rows, &groups, &by_group(&groups, FOLDS, 1), report)
}
