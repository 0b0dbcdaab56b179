//! `muara rules`: the table of rules as CSV, out of the version that counts and into the draft of the next one.

use std::{collections::BTreeSet, path::PathBuf};

use anyhow::{Context as _, ensure};
use clap::Subcommand;
use model::{
    AdapterName, Directory, KINDS, Rule,
    rules::{Difference, difference},
};
use serde_json::json;
use store::rules::MOST_ROWS;

use super::now;
use crate::{config::Config, connect};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Every version that counted, the newest first.
    List,
    /// Print the table as CSV: the version that counts, or the one that is named.
    Export {
        /// Another version.
        #[arg(long)]
        version: Option<u32>,
    },
    /// Make the draft say what a CSV file says, with the columns `category`, `area`, `kind`, `adapter`, `account`, `agency` and `despite_ethics`: codes,
    /// empty for any. Says what would change; writes only when told. Somebody else than the author publishes it, on the page.
    Import {
        /// The file.
        file: PathBuf,
        /// Login of who answers for the file. They cannot publish it.
        #[arg(long)]
        author: String,
        /// Write it.
        #[arg(long)]
        write: bool,
    },
}

const COLUMNS: [&str; 7] = ["category", "area", "kind", "adapter", "account", "agency", "despite_ethics"];

pub(crate) async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let db = connect::database(config).await?;
    let directory = store::directory::load(&db).await?;
    match command {
        Command::List => {
            for version in store::rules::versions(&db, None, 1000).await? {
                let by = version.by.as_deref().unwrap_or("-");
                println!("{}\t{}\t{} rows\t{by}\t{}", version.number, version.at, version.rows, version.note);
            }
        }
        Command::Export { version } => {
            let version = version.unwrap_or(directory.rules_version);
            print!("{}", written(&store::rules::of_version(&db, version).await?, &directory)?);
        }
        Command::Import { file, author, write } => {
            let bytes = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let rules = read(&bytes, &directory).with_context(|| format!("{} is no table of rules", file.display()))?;
            let (staff, _) = store::staff::by_login(&db, &author).await?.with_context(|| format!("nobody signs in as {author}"))?;
            ensure!(staff.role.may_set_rules(), "{author} is not of triage and no admin");
            let before = match store::rules::draft(&db).await? {
                Some(draft) => draft.rules,
                None => store::rules::of_version(&db, directory.rules_version).await?,
            };
            let change = difference(&before, &rules);
            print!("{}", said(&change, &directory)?);
            if write {
                let mut tx = store::begin(&db).await?;
                store::rules::replace(&mut tx, &rules, staff.id, now()).await?;
                let detail = json!({ "added": change.added.len(), "removed": change.removed.len() });
                store::audit::write(&mut tx, now(), Some(staff.id), "rules.imported", "draft", &detail).await?;
                store::commit(tx).await?;
                println!("The draft says what the file says. Somebody else publishes it, on the page Aturan.");
            } else {
                println!(
                    "Nothing was written. With --write this goes into the draft; nothing is routed by it until somebody else publishes it."
                );
            }
        }
    }
    Ok(())
}

fn said(change: &Difference, directory: &Directory) -> anyhow::Result<String> {
    let mut said = String::new();
    for (sign, rules) in [("+ ", &change.added), ("- ", &change.removed)] {
        for line in written(rules, directory)?.lines().skip(1) {
            said.extend([sign, line, "\n"]);
        }
    }
    Ok(said)
}

/// Rules as CSV. What names an agency that is gone names it by its key.
fn written(rules: &[Rule], directory: &Directory) -> anyhow::Result<String> {
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record(COLUMNS)?;
    for rule in rules {
        let agency = directory.agencies.get(&rule.agency).map_or_else(|| rule.agency.to_string(), |agency| agency.code.clone());
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        let adapter = rule.adapter.as_ref().map(ToString::to_string).unwrap_or_default();
        let despite = if rule.despite_ethics { "yes" } else { "" }.to_owned();
        out.write_record([text(&rule.category), text(&rule.area), text(&rule.kind), adapter, text(&rule.account), agency, despite])?;
    }
    Ok(String::from_utf8(out.into_inner()?)?)
}

/// Reads a file with a header. Everything that it names has to be there.
fn read(bytes: &[u8], directory: &Directory) -> anyhow::Result<Vec<Rule>> {
    let mut reader = csv::Reader::from_reader(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
    let header = reader.headers().context("the header cannot be read")?.clone();
    let place = |column: &str| header.iter().position(|name| name.trim().eq_ignore_ascii_case(column));
    for name in &header {
        ensure!(COLUMNS.iter().any(|column| name.trim().eq_ignore_ascii_case(column)), "it has a column `{name}` that no rule has");
    }
    ensure!(place("agency").is_some(), "it needs the column agency");
    let (mut rules, mut seen) = (Vec::new(), BTreeSet::new());
    for (number, row) in reader.records().enumerate() {
        let line = number + 2;
        let row = row.with_context(|| format!("line {line} cannot be read"))?;
        let field = |column: &str| Some(row.get(place(column)?)?.trim().to_owned()).filter(|text| !text.is_empty());
        let rule = rule(field, directory).with_context(|| format!("line {line}"))?;
        let asks = (&rule.category, &rule.area, &rule.kind, &rule.adapter, &rule.account, rule.agency);
        ensure!(seen.insert(format!("{asks:?}")), "line {line} is there twice");
        ensure!(i64::try_from(rules.len()).is_ok_and(|rows| rows < MOST_ROWS), "it has more than {MOST_ROWS} rows");
        rules.push(rule);
    }
    ensure!(!rules.is_empty(), "it holds no rule");
    Ok(rules)
}

fn rule(field: impl Fn(&str) -> Option<String>, directory: &Directory) -> anyhow::Result<Rule> {
    let code = field("agency").context("it names no agency")?;
    let agency = directory.agencies.values().find(|agency| agency.code == code).with_context(|| format!("there is no agency {code}"))?;
    let mut rule = Rule::new(0, agency.id);
    (rule.category, rule.area, rule.kind, rule.account) = (field("category"), field("area"), field("kind"), field("account"));
    rule.adapter = field("adapter").map(|name| name.parse::<AdapterName>()).transpose()?;
    rule.despite_ethics = match field("despite_ethics").as_deref() {
        None | Some("no") => false,
        Some("yes") => true,
        Some(other) => anyhow::bail!("`{other}` is neither yes nor no"),
    };
    if let Some(code) = rule.category.as_ref().filter(|code| !directory.categories.contains_key(*code)) {
        anyhow::bail!("there is no category {code}");
    }
    if let Some(code) = rule.area.as_ref().filter(|code| !directory.areas.contains_key(*code)) {
        anyhow::bail!("there is no area {code}");
    }
    if let Some(kind) = rule.kind.as_ref().filter(|kind| !KINDS.contains(&kind.as_str())) {
        anyhow::bail!("there is no kind {kind}");
    }
    ensure!(rule.account.is_none() || rule.adapter.is_some(), "it names an account without its adapter");
    let fits = |channel: &&model::Channel| {
        rule.adapter.as_ref().is_none_or(|adapter| channel.adapter == *adapter)
            && rule.account.as_ref().is_none_or(|account| channel.account == *account)
    };
    ensure!(rule.adapter.is_none() || directory.channels.iter().any(|channel| fits(&channel)), "there is no such channel");
    Ok(rule)
}

#[cfg(test)]
mod tests {
    use model::{Agency, AgencyId, Area, Category, Channel, Timestamp};

    use super::*;

    fn city() -> Directory {
        let roads = AgencyId::new(Timestamp::UNIX_EPOCH);
        let channel = Channel {
            adapter: "chat".parse().expect("a name"),
            account: "0811".into(),
            label: "Chat".into(),
            area: None,
            from: jiff::civil::date(2026, 1, 1),
            until: None,
            hours: None,
        };
        Directory {
            agencies: [(roads, Agency { id: roads, code: "dbm".into(), name: "Bina Marga".into() })].into(),
            areas: [("3171".to_owned(), Area { code: "3171".into(), name: "Kota".into() })].into(),
            categories: [(
                "road".to_owned(),
                Category { code: "road".into(), name_id: "Jalan".into(), name_en: "Road".into(), keywords: vec![] },
            )]
            .into(),
            channels: vec![channel],
            ..Directory::default()
        }
    }

    #[test]
    fn what_is_written_is_read_again_as_it_was() {
        let city = city();
        let file = "category,area,kind,adapter,account,agency,despite_ethics\nroad,,,,,dbm,\nroad,3171,aspiration,chat,0811,dbm,yes\n,,,chat,,dbm,\n";
        let rules = read(file.as_bytes(), &city).expect("a table");
        assert_eq!(rules.len(), 3);
        assert_eq!(written(&rules, &city).expect("is written"), file);
        let marked = ["\u{feff}agency, category\n", "dbm, road\n"].concat();
        assert_eq!(read(marked.as_bytes(), &city).expect("columns in any order"), [rules[0].clone()]);
        let change = difference(&rules[..1], &rules[1..]);
        let said = said(&change, &city).expect("is said");
        assert_eq!(said, "+ road,3171,aspiration,chat,0811,dbm,yes\n+ ,,,chat,,dbm,\n- road,,,,,dbm,\n");
    }

    #[test]
    fn a_file_that_names_what_is_not_there_is_refused_with_its_line() {
        let city = city();
        for (file, why) in [
            ("agency,colour\ndbm,red\n", "colour"),
            ("category\nroad\n", "needs the column agency"),
            ("agency\n", "holds no rule"),
            ("agency,category\ndbm,road\nnone,road\n", "line 3"),
            ("agency,category\ndbm,none\n", "there is no category none"),
            ("agency,area\ndbm,99\n", "there is no area 99"),
            ("agency,kind\ndbm,joke\n", "there is no kind joke"),
            ("agency,account\ndbm,0811\n", "without its adapter"),
            ("agency,adapter,account\ndbm,chat,0812\n", "no such channel"),
            ("agency,adapter\ndbm,Chat!\n", "line 2"),
            ("agency,despite_ethics\ndbm,maybe\n", "neither yes nor no"),
            ("agency,category\ndbm,road\ndbm,road\n", "line 3 is there twice"),
            ("agency,category\ndbm\n", "line 2"),
        ] {
            let error = format!("{:#}", read(file.as_bytes(), &city).expect_err(file));
            assert!(error.contains(why), "{file}: {error}");
        }
    }
}
