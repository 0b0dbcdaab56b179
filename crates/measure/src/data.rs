//! Labelled files: what they hold and where they lie.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde::{Deserialize, de::DeserializeOwned};

/// A complaint that people have decided on. Fields that a file does not have stay empty.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Complaint {
    /// Its key in the file.
    pub id: String,
    /// Local time, ISO 8601 with a space or a `T`.
    pub created_at: String,
    /// What was written.
    pub text: String,
    /// What stood in the field for the place.
    pub address: String,
    /// Official code of the kelurahan.
    pub kelurahan_id: String,
    /// Its name.
    pub kelurahan: String,
    /// Official code of the kecamatan.
    pub kecamatan_id: String,
    /// Its name.
    pub kecamatan: String,
    /// What it was about.
    pub topic: String,
    /// Who had it.
    pub agency: String,
}

/// Two complaints, and whether a person said that they are about one thing.
#[derive(Debug, Clone, Deserialize)]
pub struct Pair {
    /// Its key.
    pub pair_id: String,
    /// Key of one complaint.
    pub a_id: String,
    /// Key of the other.
    pub b_id: String,
    /// `same` or `different`.
    pub label: String,
    /// `high` or `low`.
    pub confidence: String,
    /// How the pair was found; `AUTO`: by rule.
    #[serde(default)]
    pub stratum: String,
    /// How unlike the texts are: `verbatim`, `near`, `paraphrase`, `rewritten`.
    #[serde(default)]
    pub difficulty: String,
}

/// A message and its kind.
#[derive(Debug, Clone, Deserialize)]
pub struct Kinded {
    /// Which system it comes from.
    pub src: String,
    /// Its key.
    pub id: String,
    /// What was written.
    pub text: String,
    /// The kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// `high` or `low`.
    pub confidence: String,
}

/// A text and the places a person marked in it.
#[derive(Debug, Clone, Deserialize)]
pub struct Marked {
    /// Which system it comes from.
    pub src: String,
    /// Its key.
    pub id: serde_json::Value,
    /// What was written.
    pub text: String,
    /// Where places are.
    pub places: Vec<Mark>,
}

/// One place in a text.
#[derive(Debug, Clone, Deserialize)]
pub struct Mark {
    /// First character.
    pub start: usize,
    /// Behind the last character.
    pub end: usize,
    /// `STREET`, `LANDMARK`, `AREA`, `ADMIN` or `RTRW`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// Reads a CSV file with a header.
pub fn rows<T: DeserializeOwned>(file: &Path) -> anyhow::Result<Vec<T>> {
    rows_by(file, b',')
}

/// Reads a file with a header and this between its fields.
pub fn rows_by<T: DeserializeOwned>(file: &Path, between: u8) -> anyhow::Result<Vec<T>> {
    let mut reader =
        csv::ReaderBuilder::new().delimiter(between).from_path(file).with_context(|| format!("cannot read {}", file.display()))?;
    reader.deserialize().collect::<Result<_, _>>().with_context(|| format!("{} is not as expected", file.display()))
}

/// Reads a file with one JSON object a line.
pub fn lines<T: DeserializeOwned>(file: &Path) -> anyhow::Result<Vec<T>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let line = |line: &str| serde_json::from_str(line).with_context(|| format!("{} is not as expected", file.display()));
    text.lines().filter(|line| !line.trim().is_empty()).map(line).collect()
}

/// Complaints of one file, the oldest first.
pub fn complaints(file: &Path) -> anyhow::Result<Vec<Complaint>> {
    let mut all: Vec<Complaint> = rows(file)?;
    all.sort_by(|a, b| seconds(&a.created_at).cmp(&seconds(&b.created_at)).then_with(|| a.id.cmp(&b.id)));
    Ok(all)
}

/// Every `docs_*.csv` beside the file of pairs.
pub fn documents(pairs: &Path) -> anyhow::Result<Vec<Complaint>> {
    let folder = pairs.parent().unwrap_or(Path::new("."));
    let mut all = Vec::new();
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    for file in files {
        let is_table = file.extension().is_some_and(|end| end == "csv");
        if is_table && file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("docs_")) {
            all.extend(rows::<Complaint>(&file)?);
        }
    }
    Ok(all)
}

/// Seconds since 1970 of a local time; 0 if it cannot be read.
pub fn seconds(local: &str) -> i64 {
    let text = local.replace(' ', "T");
    let read = text.parse::<DateTime>().ok().and_then(|at| at.to_zoned(TimeZone::UTC).ok()).map(|at| at.timestamp());
    read.unwrap_or(Timestamp::UNIX_EPOCH).as_second()
}
