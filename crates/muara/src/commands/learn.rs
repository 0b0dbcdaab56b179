//! `muara learn`, `muara learned`, `muara import`: what triage learns from decided complaints.

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use model::Directory;
use serde_json::{Value, json};
use store::learned::Back;
use triage::{Decided, Example, Judge, Kind, Learned, Named, Side, Sorter, Tallies};

use super::now;
use crate::{config::Config, connect};

#[derive(Args)]
pub(crate) struct Learn {
    /// Messages whose kind people have said: CSV with `text` and `type`.
    #[arg(long, value_name = "FILE")]
    kinds: Option<PathBuf>,
    /// Switch the new version on if it does no worse than the one in use.
    #[arg(long)]
    switch_on: bool,
}

#[derive(Subcommand)]
pub(crate) enum Versions {
    /// Every version, and which one is in use.
    List,
    /// Switch a version on.
    Use {
        /// Its number.
        version: i64,
    },
    /// Back to the version that was in use before.
    Back,
    /// Decide by keywords alone.
    Off,
}

/// How many of the latest decided complaints are learned from, and as many imported ones: more would mostly add what was long ago, and learning
/// has to fit on a small machine.
const MOST: i64 = 30_000;
/// Every fifth, the latest, is held back to compare versions on.
const HELD_BACK: usize = 5;
/// Fewer complaints that a version has not learned from say too little to compare on.
const LEAST_NEW: usize = 50;
/// By how much, as a share of the complaints, a new version may be behind by chance.
const MARGIN: f64 = 0.02;

/// How a new version did beside the one in use.
enum Beside {
    /// No version that this program can read is in use.
    Nothing,
    /// Too few of the complaints held back are new to the version in use.
    TooFew { version: i64, new: usize },
    /// Both were asked about the same complaints.
    Compared { version: i64, new: Tallies, present: Tallies },
}

pub(crate) async fn learn(config: &Config, learn: Learn) -> anyhow::Result<()> {
    let db = connect::database(config).await?;
    let directory = store::directory::load(&db).await?;
    let areas = named(&directory);
    let history: Vec<Decided> = store::learned::history(&db, MOST).await?.into_iter().map(decided).collect();
    if history.len() < 100 {
        bail!("{} decided complaints are too few to learn from; 100 are needed. `muara import` brings past ones", history.len());
    }
    let messages = learn.kinds.map(|file| kinds(&file)).transpose()?.unwrap_or_default();
    let messages: Vec<(&str, Kind)> = messages.iter().map(|(text, kind)| (text.as_str(), *kind)).collect();

    println!("Learning from {} decided complaints; this can take minutes.", history.len());
    let (earlier, later) = history.split_at(history.len() - history.len() / HELD_BACK);
    let trial = Learned::learn(earlier, &areas, &[]);
    let tallies = trial.tally(later);
    println!("On the latest {}, learned from the others:", later.len());
    say(&tallies);
    let beside = compare(&trial, later, store::learned::in_use(&db).await?);
    let judge = judge(&db, &history).await?;
    println!("{}", on_joining(&judge));
    let learned = Learned::learn(&history, &areas, &messages).judging(judge);

    let figures = json!({ "held_back": later.len(), "new": tallies, "beside": beside.figures() });
    let mut tx = store::begin(&db).await?;
    let complaints = i32::try_from(history.len()).unwrap_or(i32::MAX);
    let version = store::learned::add(&mut tx, now(), complaints, &figures, &learned.to_bytes()).await?;
    store::audit::write(&mut tx, now(), None, "learned.made", &version.to_string(), &figures).await?;
    let on = learn.switch_on && beside.may_follow();
    if on {
        store::learned::switch(&mut tx, Some(version), now()).await?;
        store::audit::write(&mut tx, now(), None, "learned.used", &version.to_string(), &Value::Null).await?;
    }
    store::commit(tx).await?;
    println!("Kept as version {version}; it takes {:.1} MB in memory.", learned.megabytes());
    match (learn.switch_on, on) {
        (_, true) => println!("Version {version} is in use. `muara learned back` goes back."),
        (true, false) => println!("It was not switched on: {} `muara learned use {version}` does it all the same.", beside.why_not()),
        (false, _) => println!("It is not in use. `muara learned use {version}` switches it on."),
    }
    Ok(())
}

/// Asks both about the complaints that are new to both.
fn compare(trial: &Learned, later: &[Decided], in_use: Option<(i64, Vec<u8>)>) -> Beside {
    let Some((version, bytes)) = in_use else { return Beside::Nothing };
    let present = match Learned::from_bytes(&bytes) {
        Ok(present) => present,
        Err(error) => {
            println!("Version {version}, in use now, decides nothing: {error}.");
            return Beside::Nothing;
        }
    };
    let new: Vec<Decided> = later.iter().filter(|row| !present.has_seen(row)).cloned().collect();
    if new.len() < LEAST_NEW {
        return Beside::TooFew { version, new: new.len() };
    }
    let (ours, theirs) = (trial.tally(&new), present.tally(&new));
    println!("Of these, {} are new to version {version}, in use now. On them the new one:", new.len());
    say(&ours);
    println!("and version {version}:");
    say(&theirs);
    Beside::Compared { version, new: ours, present: theirs }
}

impl Beside {
    /// Whether the new one may be switched on by itself.
    fn may_follow(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::TooFew { .. } => false,
            Self::Compared { new, present, .. } => {
                let parts = [(&new.agency, &present.agency), (&new.category, &present.category), (&new.area, &present.area)];
                parts.iter().all(|(new, present)| new.right_share() + MARGIN >= present.right_share())
            }
        }
    }

    fn why_not(&self) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::TooFew { version, new } => {
                format!("only {new} of the complaints held back are new to version {version}, and {LEAST_NEW} are needed to compare them.")
            }
            Self::Compared { version, .. } => format!("it does worse than version {version}."),
        }
    }

    fn figures(&self) -> Value {
        match self {
            Self::Nothing => Value::Null,
            Self::TooFew { version, new } => json!({ "version": version, "too_few": new }),
            Self::Compared { version, new, present } => json!({ "version": version, "new": new, "then_in_use": present }),
        }
    }
}

/// How many of the latest decided pairs are learned from.
const MOST_PAIRS: i64 = 20_000;

/// What judges which complaints are about one thing: how rare words are from history, the rest from pairs that staff decided.
async fn judge(db: &store::PgPool, history: &[Decided]) -> anyhow::Result<Judge> {
    let decided = store::incident::decided(db, MOST_PAIRS).await?;
    let mut places: HashMap<model::ComplaintId, usize> = HashMap::new();
    let mut sides: Vec<Side<'_>> = Vec::new();
    let mut pairs: Vec<triage::Decision> = Vec::new();
    for (one, other, same) in &decided {
        let mut at = [0; 2];
        for (at, side) in at.iter_mut().zip([one, other]) {
            *at = *places.entry(side.id).or_insert_with(|| {
                sides.push(Side { text: &side.text, place: &side.place, area: &side.area, at: side.opened_at.as_second() });
                sides.len() - 1
            });
        }
        pairs.push((at[0], at[1], *same));
    }
    let texts: Vec<(&str, &str)> = history.iter().map(|row| (row.text.as_str(), row.place.as_str())).collect();
    let compared: HashSet<&str> = sides.iter().map(|side| side.text).collect();
    let subjects: Vec<Example<'_>> = history
        .iter()
        .filter(|row| !row.category.is_empty() && !compared.contains(row.text.as_str()))
        .map(|row| Example { text: &row.text, place: &row.place, label: &row.category, fine: "" })
        .collect();
    Ok(Judge::learn(&texts, Sorter::of_subjects(&subjects), &sides, &pairs))
}

fn on_joining(judge: &Judge) -> String {
    if judge.joins() {
        format!("Complaints about one thing are joined without asking from {:.2} on.", judge.floors().join)
    } else {
        "Complaints about one thing are suggested to staff and none is joined without asking: that takes more decided pairs.".to_owned()
    }
}

fn say(tallies: &Tallies) {
    for (what, tally) in [("agency", &tallies.agency), ("category", &tallies.category), ("area", &tallies.area)] {
        if tally.asked > 0 {
            let (right, said) = (percent(tally.right_share()), percent(tally.said_share()));
            let when_said = if tally.said > 0 { format!(", and right then {} %", percent(tally.right_when_said())) } else { String::new() };
            println!("  {what:<9} first guess right {right} % of {}; sure {said} % of the time{when_said}", tally.asked);
        }
    }
}

fn percent(share: f64) -> String {
    format!("{:.1}", share * 100.0)
}

pub(crate) async fn versions(config: &Config, command: Versions) -> anyhow::Result<()> {
    let db = connect::database(config).await?;
    match command {
        Versions::List => {
            list(&store::learned::list(&db).await?);
            Ok(())
        }
        Versions::Use { version } => {
            let Some(bytes) = store::learned::model(&db, version).await? else {
                bail!("there is no version {version}; `muara learned list` shows them");
            };
            Learned::from_bytes(&bytes).with_context(|| format!("version {version} cannot be used"))?;
            let mut tx = store::begin(&db).await?;
            store::learned::switch(&mut tx, Some(version), now()).await?;
            used(tx, Some(version)).await
        }
        Versions::Back => {
            let mut tx = store::begin(&db).await?;
            match store::learned::back(&mut tx, now()).await? {
                Back::Nowhere => bail!("no version was ever in use; `muara learned list` shows them"),
                Back::Keywords => used(tx, None).await,
                Back::Version(version) => used(tx, Some(version)).await,
            }
        }
        Versions::Off => {
            let mut tx = store::begin(&db).await?;
            store::learned::switch(&mut tx, None, now()).await?;
            used(tx, None).await
        }
    }
}

/// Writes down what decides from now on, and says it.
async fn used(mut tx: store::Tx, version: Option<i64>) -> anyhow::Result<()> {
    let name = version.map_or_else(|| "none".to_owned(), |version| version.to_string());
    store::audit::write(&mut tx, now(), None, "learned.used", &name, &Value::Null).await?;
    store::commit(tx).await?;
    match version {
        Some(version) => println!("Version {version} is in use now."),
        None => println!("No version is in use now: keywords decide."),
    }
    println!("Every process loads it by itself within seconds. `muara learned back` goes back.");
    Ok(())
}

fn list(all: &[store::learned::Version]) {
    if all.is_empty() {
        println!("Nothing was learned yet. `muara learn` makes the first version.");
        return;
    }
    for version in all {
        let used = match version.used_at {
            _ if version.in_use => "in use",
            Some(_) => "was in use",
            None => "never in use",
        };
        println!(
            "version {}  {}  from {} complaints  {used}",
            version.version,
            version.made_at.strftime("%Y-%m-%d %H:%M UTC"),
            version.complaints
        );
        if let Ok(tallies) = serde_json::from_value::<Tallies>(version.figures["new"].clone()) {
            say(&tallies);
        }
    }
}

#[derive(Args)]
pub(crate) struct Import {
    /// CSV with a header.
    file: PathBuf,
    /// Which column holds what: `text=isi,place=alamat,category=kategori,agency=opd,area=kelurahan,at=tanggal,key=id`. `text` must be
    /// there; a column of the same name is found by itself.
    #[arg(long, value_delimiter = ',', value_name = "WHAT=COLUMN")]
    columns: Vec<String>,
    /// Names the collection: the same file twice adds nothing.
    #[arg(long, default_value = "import")]
    source: String,
    /// Keep the rows. Without it nothing is written.
    #[arg(long)]
    write: bool,
}

pub(crate) async fn import(config: &Config, import: Import) -> anyhow::Result<()> {
    let read = super::past::read(&import.file, &import.columns)?;
    let db = connect::database(config).await?;
    let directory = store::directory::load(&db).await?;
    let fitted = super::past::fit(read, &directory);
    for line in fitted.summary() {
        println!("{line}");
    }
    if !import.write {
        println!("Nothing was written. Add --write to keep these rows.");
        return Ok(());
    }
    let mut tx = store::begin(&db).await?;
    let mut new = 0;
    for some in fitted.rows.chunks(1000) {
        new += store::learned::import(&mut tx, &import.source, some).await?;
    }
    store::audit::write(&mut tx, now(), None, "past.imported", &import.source, &json!({ "rows": new })).await?;
    store::commit(tx).await?;
    println!("Kept {new} rows; {} were there already.", fitted.rows.len() as u64 - new);
    Ok(())
}

fn decided(row: store::learned::Decided) -> Decided {
    Decided { text: row.text, place: row.place, area: row.area, category: row.category, agency: row.agency }
}

/// Kelurahan with the kecamatan around each, and these, as the directory names them.
fn named(directory: &Directory) -> Vec<Named> {
    let areas = directory.areas.values().filter(|area| matches!(area.code.len(), 7 | 10));
    let within = |code: &str| if code.len() == 10 { code[..7].to_owned() } else { String::new() };
    areas.map(|area| Named { code: area.code.clone(), name: area.name.clone(), within: within(&area.code) }).collect()
}

fn kinds(file: &PathBuf) -> anyhow::Result<Vec<(String, Kind)>> {
    #[derive(serde::Deserialize)]
    struct Row {
        text: String,
        #[serde(rename = "type")]
        kind: String,
    }
    let mut reader = csv::Reader::from_path(file).with_context(|| format!("cannot read {}", file.display()))?;
    let kind = |row: Row| Kind::of(&row.kind).map(|kind| (row.text, kind)).with_context(|| format!("`{}` is no kind of message", row.kind));
    reader.deserialize::<Row>().map(|row| kind(row?)).collect()
}
