//! `muara holidays`: days off, with the decree they come from.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use clap::Subcommand;
use jiff::civil::{Date, Weekday};
use store::directory::Holiday;

use super::now;
use crate::{config::Config, connect};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Every day off, with its source.
    List {
        /// Only this year.
        #[arg(long)]
        year: Option<i16>,
    },
    /// Bring a year's days off from CSV with the columns `day` (2027-01-01), `name` and `source`. Says what would change, and how many running
    /// deadlines would move; writes only when told.
    Import {
        /// The file.
        file: PathBuf,
        /// Source of the rows that name none: the decree.
        #[arg(long)]
        source: Option<String>,
        /// Write it.
        #[arg(long)]
        write: bool,
    },
}

/// A year has some thirty; a file with more than ten years is something else.
const MOST: usize = 500;
/// No name of a day and no decree is longer, in characters.
const LONGEST: usize = 300;
/// Complaints that are read at once.
const AT_ONCE: usize = 500;

pub(crate) async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let db = connect::database(config).await?;
    match command {
        Command::List { year } => {
            for off in store::clocks::holidays(&db).await? {
                if year.is_none_or(|year| off.day.year() == year) {
                    println!("{}\t{}\t{}", off.day, off.name, off.source);
                }
            }
        }
        Command::Import { file, source, write } => {
            let new = read(&std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?, source.as_deref())
                .with_context(|| said(&file))?;
            let known = store::clocks::holidays(&db).await?;
            for line in differences(&new, &known) {
                println!("{line}");
            }
            let mut directory = store::directory::load(&db).await?;
            directory.calendar.holidays.extend(new.iter().map(|off| (off.day, off.name.clone())));
            let mut moves = 0;
            for some in store::clocks::running(&db).await?.chunks(AT_ONCE) {
                moves += store::clocks::moves(&db, some, &directory, now()).await?.len();
            }
            if write {
                let written = store::clocks::write_holidays(&db, &new).await?;
                println!(
                    "{written} days were written. Deadlines of {moves} open complaints move within a minute; each says so in its history."
                );
            } else {
                println!(
                    "Nothing was written. With --write the deadlines of {moves} open complaints move, and each says so in its history."
                );
            }
        }
    }
    Ok(())
}

fn said(file: &Path) -> String {
    format!("{} is no list of days off", file.display())
}

/// Reads a file with a header; fields stand between commas, semicolons or tabs.
fn read(text: &[u8], source: Option<&str>) -> anyhow::Result<Vec<Holiday>> {
    let header = String::from_utf8_lossy(text.split(|byte| *byte == b'\n').next().unwrap_or_default());
    let between = [b'\t', b';', b','].into_iter().max_by_key(|byte| header.matches(char::from(*byte)).count()).unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new().delimiter(between).from_reader(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text));
    let header = reader.headers().context("the header cannot be read")?.clone();
    let place = |column: &str| header.iter().position(|name| name.trim().eq_ignore_ascii_case(column));
    let columns = header.iter().collect::<Vec<_>>().join(", ");
    let (day_at, name_at) =
        place("day").zip(place("name")).with_context(|| format!("it needs the columns day and name, and has {columns}"))?;
    let source_at = place("source");
    let mut holidays = Vec::new();
    let mut seen = BTreeSet::new();
    for (number, row) in reader.records().enumerate() {
        let line = number + 2;
        let row = row.with_context(|| format!("line {line} cannot be read"))?;
        let field = |at: usize| row.get(at).unwrap_or_default().trim();
        let day = day(field(day_at)).with_context(|| format!("line {line}: `{}` is no day; write 2027-01-01", field(day_at)))?;
        let own = source_at.map(field).filter(|source| !source.is_empty());
        let source =
            own.or(source).with_context(|| format!("line {line} names no source: say which decree, in the file or with --source"))?;
        ensure!(!field(name_at).is_empty(), "line {line}: the day has no name");
        ensure!(field(name_at).chars().count() <= LONGEST && source.chars().count() <= LONGEST, "line {line} is too long");
        ensure!(seen.insert(day), "line {line}: {day} is there twice");
        ensure!(holidays.len() < MOST, "it has more than {MOST} days");
        holidays.push(Holiday { day, name: field(name_at).to_owned(), source: source.to_owned() });
    }
    if holidays.is_empty() {
        bail!("it holds no day");
    }
    holidays.sort_by_key(|off| off.day);
    Ok(holidays)
}

/// `2027-01-01`, or `1/1/2027` as spreadsheets here write it.
fn day(written: &str) -> Option<Date> {
    let spreadsheet = || {
        let mut parts = written.split('/');
        let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
        let whole = year.len() == 4 && parts.next().is_none();
        whole.then(|| Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()).flatten()
    };
    let date: Option<Date> = if written.len() == 10 && !written.contains('/') { written.parse().ok() } else { spreadsheet() };
    date.filter(|date| (2000..=2100).contains(&date.year()))
}

/// What would be another one, a line a day, and what is in the database for these years but not in the file: it stays.
fn differences(new: &[Holiday], known: &[Holiday]) -> Vec<String> {
    let before: BTreeMap<Date, &Holiday> = known.iter().map(|off| (off.day, off)).collect();
    let years: BTreeSet<i16> = new.iter().map(|off| off.day.year()).collect();
    let mut lines = Vec::new();
    for off in new {
        let weekend = if matches!(off.day.weekday(), Weekday::Saturday | Weekday::Sunday) { " (a weekend)" } else { "" };
        match before.get(&off.day) {
            None => lines.push(format!("new      {}  {}{weekend}  [{}]", off.day, off.name, off.source)),
            Some(old) if old.name == off.name && old.source == off.source => {}
            Some(old) => lines.push(format!("renamed  {}  {} [{}], before {} [{}]", off.day, off.name, off.source, old.name, old.source)),
        }
    }
    let listed: BTreeSet<Date> = new.iter().map(|off| off.day).collect();
    for off in known.iter().filter(|off| years.contains(&off.day.year()) && !listed.contains(&off.day)) {
        lines.push(format!("stays    {}  {}: not in the file", off.day, off.name));
    }
    let new = lines.iter().filter(|line| line.starts_with("new")).count();
    lines.push(format!("{new} new, {} in the file.", listed.len()));
    lines
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_years_list_is_read_as_people_save_it() {
        let text = "\u{feff}Day;Name;Source\n1/1/2027;Tahun Baru;\n2027-03-20;Idulfitri;SKB 2027\n";
        let read = read(text.as_bytes(), Some("SKB 3 Menteri")).expect("is read");
        let days: Vec<_> = read.iter().map(|off| (off.day, off.name.as_str(), off.source.as_str())).collect();
        assert_eq!(days, [(date(2027, 1, 1), "Tahun Baru", "SKB 3 Menteri"), (date(2027, 3, 20), "Idulfitri", "SKB 2027")]);
    }

    #[test]
    fn what_is_no_list_of_days_off_is_refused_with_the_line() {
        for (text, expected) in [
            ("", "it needs the columns"),
            ("tanggal,nama\n", "it needs the columns day and name, and has tanggal, nama"),
            ("day,name,source\n", "it holds no day"),
            ("day,name,source\n2027-02-30,x,y", "line 2: `2027-02-30` is no day"),
            ("day,name,source\n32/1/2027,x,y", "line 2: `32/1/2027` is no day"),
            ("day,name,source\n0027-01-01,x,y", "is no day"),
            ("day,name,source\n2027-01-01,,y", "has no name"),
            ("day,name,source\n2027-01-01,x,", "names no source"),
            ("day,name,source\n2027-01-01,x,y\n1/1/2027,z,y", "line 3: 2027-01-01 is there twice"),
        ] {
            let problem = read(text.as_bytes(), None).expect_err(text).to_string();
            assert!(problem.contains(expected), "{text:?}: {problem}");
        }
    }

    #[test]
    fn what_would_change_is_said_day_by_day_and_nothing_is_taken_away() {
        let off = |day, name: &str| Holiday { day, name: name.into(), source: "SKB".into() };
        let known = [off(date(2027, 1, 1), "Tahun Baru"), off(date(2027, 5, 1), "Hari Buruh"), off(date(2026, 12, 25), "Natal")];
        let new = [off(date(2027, 1, 1), "Tahun Baru Masehi"), off(date(2027, 3, 20), "Idulfitri")];
        let lines = differences(&new, &known);
        let starts: Vec<&str> = lines.iter().map(|line| line.split("  ").next().unwrap_or_default().trim()).collect();
        assert_eq!(starts, ["renamed", "new", "stays", "1 new, 2 in the file."]);
        assert!(lines[1].contains("(a weekend)"), "{}", lines[1]);
    }
}
