//! `muara learn`, `muara learned`, `muara import`: what triage learns from decided complaints.

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use model::Directory;
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

/// How many of the latest decided complaints are learned from: more would only add what was long ago.
const MOST: i64 = 100_000;
/// Every fifth, the latest, is held back to compare versions on.
const HELD_BACK: usize = 5;

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

    let (earlier, later) = history.split_at(history.len() - history.len() / HELD_BACK);
    let trial = Learned::learn(earlier, &areas, &[]).tally(later);
    println!("On the latest {} of {} decided complaints, learned from the others:", later.len(), history.len());
    say(&trial);
    let present = match store::learned::in_use(&db).await? {
        Some((version, bytes)) => Learned::from_bytes(&bytes).ok().map(|learned| (version, learned.tally(later))),
        None => None,
    };
    if let Some((version, tallies)) = &present {
        println!("Version {version}, in use now, on the same (it may have learned from some of them):");
        say(tallies);
    }
    let judge = judge(&db, &history).await?;
    println!("{}", on_joining(&judge));
    let learned = Learned::learn(&history, &areas, &messages).judging(judge);
    let figures =
        serde_json::json!({ "held_back": later.len(), "new": trial, "then_in_use": present.as_ref().map(|(_, tallies)| tallies) });
    let mut tx = store::begin(&db).await?;
    let complaints = i32::try_from(history.len()).unwrap_or(i32::MAX);
    let version = store::learned::add(&mut tx, now(), complaints, &figures, &learned.to_bytes()).await?;
    store::audit::write(&mut tx, now(), None, "learned.made", &version.to_string(), &figures).await?;
    let worse = present.as_ref().is_some_and(|(_, tallies)| trial.agency.right_share() + MARGIN < tallies.agency.right_share());
    let on = learn.switch_on && !worse;
    if on {
        store::learned::switch(&mut tx, Some(version), now()).await?;
        store::audit::write(&mut tx, now(), None, "learned.used", &version.to_string(), &serde_json::Value::Null).await?;
    }
    store::commit(tx).await?;
    println!("Kept as version {version}, {:.1} MB in memory.", learned.megabytes());
    match (on, worse) {
        (true, _) => println!("It is in use. `muara learned back` goes back."),
        (false, true) => println!("It does worse than the one in use and was not switched on."),
        (false, false) => println!("Switch it on with `muara learned use {version}`."),
    }
    Ok(())
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
    Ok(Judge::learn(&texts, Sorter::learn(&subjects), &sides, &pairs))
}

fn on_joining(judge: &Judge) -> String {
    if judge.joins() {
        format!("Complaints about one thing are joined without asking from {:.2} on.", judge.floors().join)
    } else {
        "Complaints about one thing are suggested to staff and none is joined without asking: that takes more decided pairs.".to_owned()
    }
}

/// The version in use may know some of the complaints it is asked about, so that much is forgiven.
const MARGIN: f64 = 0.02;

fn say(tallies: &Tallies) {
    for (what, tally) in [("agency", &tallies.agency), ("category", &tallies.category), ("area", &tallies.area)] {
        if tally.asked > 0 {
            println!(
                "  {what:<9} right {:.3} of {}; sure {:.3} of the time, right when sure {:.3}",
                tally.right_share(),
                tally.asked,
                tally.said_share(),
                tally.right_when_said()
            );
        }
    }
}

pub(crate) async fn versions(config: &Config, command: Versions) -> anyhow::Result<()> {
    let db = connect::database(config).await?;
    let all = store::learned::list(&db).await?;
    let to = match command {
        Versions::List => {
            for version in all {
                let used = if version.in_use { "in use" } else { "" };
                println!("{}\t{}\t{} complaints\t{}\t{used}", version.version, version.made_at, version.complaints, version.figures);
            }
            return Ok(());
        }
        Versions::Use { version } => Some(version),
        Versions::Back => before(&all)?,
        Versions::Off => None,
    };
    let mut tx = store::begin(&db).await?;
    if !store::learned::switch(&mut tx, to, now()).await? {
        bail!("there is no such version; `muara learned list` shows them");
    }
    let name = to.map_or_else(|| "none".to_owned(), |version| version.to_string());
    store::audit::write(&mut tx, now(), None, "learned.used", &name, &serde_json::Value::Null).await?;
    store::commit(tx).await?;
    println!("In use now: {name}. Every process loads it by itself.");
    Ok(())
}

/// The one that was switched on before the one in use; none: keywords alone.
fn before(all: &[store::learned::Version]) -> anyhow::Result<Option<i64>> {
    if all.iter().all(|version| !version.in_use) {
        bail!("no version is in use");
    }
    let others = all.iter().filter(|version| !version.in_use && version.used_at.is_some());
    Ok(others.max_by_key(|version| version.used_at).map(|version| version.version))
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
    store::audit::write(&mut tx, now(), None, "past.imported", &import.source, &serde_json::json!({ "rows": new })).await?;
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
