//! A starting directory as a folder of files, like `deploy/directory/jakarta`: read, checked, and handed to the database whole. Nothing is
//! written while anything is wrong, and each error says where.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use jiff::civil::Date;
use model::{
    AdapterName, Area, Category, Channel, Directory, Limit, Line, OpeningHours, Purpose, Stage,
    clock::{Amount, Unit},
};
use serde::{Deserialize, de::DeserializeOwned};
use store::{
    directory::{Holiday, Seed, SeedAgency, SeedLimit},
    dispatch::SendKind,
};
use triage::Atlas;

/// Why a folder is no starting directory.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SeedError {
    /// A file is not there or not readable.
    #[error("cannot read {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is not TOML, or holds what nobody reads.
    #[error("{path} is not as it should be")]
    Toml {
        /// Which.
        path: PathBuf,
        /// Where, and why.
        #[source]
        source: toml::de::Error,
    },
    /// It is not GeoJSON.
    #[error("{path} is not a GeoJSON feature collection")]
    GeoJson {
        /// Which.
        path: PathBuf,
        /// Where, and why.
        #[source]
        source: serde_json::Error,
    },
    /// One entry contradicts another.
    #[error("{file}: {what}")]
    Wrong {
        /// In which file.
        file: &'static str,
        /// A clause that names the entry.
        what: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Agencies {
    agency: Vec<AgencyEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgencyEntry {
    code: String,
    name: String,
    #[serde(default = "queue")]
    send: String,
    target: Option<String>,
}

fn queue() -> String {
    SendKind::Queue.as_str().to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Categories {
    category: Vec<CategoryEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CategoryEntry {
    code: String,
    id: String,
    en: String,
    #[serde(default)]
    keywords: Vec<String>,
    /// Whether anybody needs to know where it is.
    #[serde(default = "yes")]
    needs_place: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    rule: Vec<RuleEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleEntry {
    category: Option<String>,
    area: Option<String>,
    agency: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    limit: Vec<LimitEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitEntry {
    /// `forward`, `first_answer`, `settle` or `silence`.
    #[serde(default = "settle")]
    stage: Stage,
    kind: Option<String>,
    category: Option<String>,
    adapter: Option<AdapterName>,
    account: Option<String>,
    agency: Option<String>,
    // Exactly one of the four.
    working_days: Option<u16>,
    working_hours: Option<u16>,
    days: Option<u16>,
    hours: Option<u16>,
    source: String,
    /// The source in English words.
    source_en: Option<String>,
    /// Whether somebody read the rule's own text.
    verified: bool,
    from: Option<toml::value::Datetime>,
    until: Option<toml::value::Datetime>,
}

fn settle() -> Stage {
    Stage::Settle
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Holidays {
    holiday: Vec<HolidayEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HolidayEntry {
    day: toml::value::Datetime,
    name: String,
    source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Channels {
    channel: Vec<ChannelEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChannelEntry {
    adapter: AdapterName,
    account: String,
    label: String,
    area: Option<String>,
    from: toml::value::Datetime,
    until: Option<toml::value::Datetime>,
    hours: Option<OpeningHours>,
    /// Code of what it is there for, if for one thing.
    purpose: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Purposes {
    #[serde(default)]
    purpose: Vec<PurposeEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PurposeEntry {
    code: String,
    id: String,
    en: String,
    category: String,
    #[serde(default)]
    overrules: bool,
}

#[derive(Deserialize)]
struct Outlines {
    features: Vec<Feature>,
}

#[derive(Deserialize)]
struct Feature {
    properties: Properties,
    geometry: serde_json::Value,
}

#[derive(Deserialize)]
struct Properties {
    code: String,
}

/// Reads and checks a folder. Outlines and days off may be missing; everything else may not.
pub(crate) fn read(folder: &Path) -> Result<Seed, SeedError> {
    let names: BTreeMap<String, String> = toml_file(&folder.join("areas.toml"))?;
    let outlines = outlines(&folder.join("outlines.geojson"))?;
    let agencies: Agencies = toml_file(&folder.join("agencies.toml"))?;
    let categories: Categories = toml_file(&folder.join("categories.toml"))?;
    let rules: Rules = toml_file(&folder.join("rules.toml"))?;
    let limits: Limits = toml_file(&folder.join("limits.toml"))?;
    let channels: Channels = toml_file(&folder.join("channels.toml"))?;
    let purposes = folder.join("purposes.toml");
    let purposes: Purposes = if purposes.exists() { toml_file(&purposes)? } else { Purposes::default() };
    let lines = lines(&channels, purposes)?;

    let seed = Seed {
        areas: areas(names, outlines)?,
        agencies: agencies.agency.into_iter().map(agency).collect::<Result<_, _>>()?,
        placeless: categories.category.iter().filter(|entry| !entry.needs_place).map(|entry| entry.code.clone()).collect(),
        categories: categories.category.into_iter().map(category).collect(),
        rules: rules.rule.into_iter().map(|rule| (rule.category, rule.area, rule.agency)).collect(),
        limits: limits.limit.into_iter().map(limit).collect::<Result<_, _>>()?,
        holidays: holidays(folder)?,
        channels: channels.channel.into_iter().map(channel).collect::<Result<_, _>>()?,
        lines,
    };
    check(&seed)?;
    Ok(seed)
}

fn text_of(path: &Path) -> Result<String, SeedError> {
    fs::read_to_string(path).map_err(|source| SeedError::File { path: path.to_owned(), source })
}

fn toml_file<T: DeserializeOwned>(path: &Path) -> Result<T, SeedError> {
    toml::from_str(&text_of(path)?).map_err(|source| SeedError::Toml { path: path.to_owned(), source })
}

fn wrong(file: &'static str, what: impl Into<String>) -> SeedError {
    SeedError::Wrong { file, what: what.into() }
}

fn outlines(path: &Path) -> Result<BTreeMap<String, String>, SeedError> {
    if !path.exists() {
        return Ok(BTreeMap::new());
    }
    let read: Outlines = serde_json::from_str(&text_of(path)?).map_err(|source| SeedError::GeoJson { path: path.to_owned(), source })?;
    Ok(read.features.into_iter().map(|feature| (feature.properties.code, feature.geometry.to_string())).collect())
}

fn areas(names: BTreeMap<String, String>, mut outlines: BTreeMap<String, String>) -> Result<Vec<(Area, Option<String>)>, SeedError> {
    let areas = names.into_iter().map(|(code, name)| {
        let outline = outlines.remove(&code);
        (Area { code, name }, outline)
    });
    let areas: Vec<(Area, Option<String>)> = areas.collect();
    match outlines.keys().next() {
        Some(code) => Err(wrong("outlines.geojson", format!("{code} is the code of no area"))),
        None => Ok(areas),
    }
}

fn agency(entry: AgencyEntry) -> Result<SeedAgency, SeedError> {
    let AgencyEntry { code, name, send, target } = entry;
    let Some(kind) = SendKind::from_word(&send) else { return Err(wrong("agencies.toml", format!("{code}: nothing is sent by `{send}`"))) };
    if target.is_none() && !matches!(kind, SendKind::Queue | SendKind::Blackhole) {
        return Err(wrong("agencies.toml", format!("{code}: `{send}` needs a target")));
    }
    Ok(SeedAgency { code, name, send_kind: send, send_target: target })
}

fn category(entry: CategoryEntry) -> Category {
    Category { code: entry.code, name_id: entry.id, name_en: entry.en, keywords: entry.keywords }
}

/// What triage may take a message for.
const KINDS: [&str; 4] = ["complaint", "information_request", "aspiration", "other"];

fn limit(entry: LimitEntry) -> Result<SeedLimit, SeedError> {
    const FILE: &str = "limits.toml";
    let written = [
        (entry.working_days, Unit::WorkingDays),
        (entry.working_hours, Unit::WorkingHours),
        (entry.days, Unit::Days),
        (entry.hours, Unit::Hours),
    ];
    let mut written = written.into_iter().filter_map(|(number, unit)| Some(Amount { number: number?, unit }));
    let (Some(amount), None) = (written.next(), written.next()) else {
        return Err(wrong(FILE, format!("`{}` needs one of working_days, working_hours, days and hours", entry.source)));
    };
    if amount.number > 9999 {
        return Err(wrong(FILE, format!("{} is more than 9999", amount.number)));
    }
    if let Some(kind) = entry.kind.as_deref().filter(|kind| !KINDS.contains(kind)) {
        return Err(wrong(FILE, format!("there is no kind {kind}: it is one of {}", KINDS.join(", "))));
    }
    if entry.account.is_some() && entry.adapter.is_none() {
        return Err(wrong(FILE, format!("`{}` names an account without its adapter", entry.source)));
    }
    let from = entry.from.map(|day| date(&day, FILE)).transpose()?;
    let until = entry.until.map(|day| date(&day, FILE)).transpose()?;
    if from.zip(until).is_some_and(|(from, until)| until < from) {
        return Err(wrong(FILE, format!("`{}` ends before it begins", entry.source)));
    }
    let limit = Limit {
        kind: entry.kind,
        category: entry.category,
        adapter: entry.adapter,
        account: entry.account,
        source_en: entry.source_en,
        verified: entry.verified,
        from,
        until,
        ..Limit::new(entry.stage, amount, &entry.source)
    };
    Ok(SeedLimit { limit, agency: entry.agency })
}

/// Every `holidays-<year>.toml`.
fn holidays(folder: &Path) -> Result<Vec<Holiday>, SeedError> {
    let broken = |source| SeedError::File { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(broken)? {
        let path = entry.map_err(broken)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("holidays-") && path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    let mut holidays = Vec::new();
    for file in files {
        for entry in toml_file::<Holidays>(&file)?.holiday {
            holidays.push(Holiday { day: date(&entry.day, "holidays")?, name: entry.name, source: entry.source });
        }
    }
    Ok(holidays)
}

fn channel(entry: ChannelEntry) -> Result<Channel, SeedError> {
    let from = date(&entry.from, "channels.toml")?;
    let until = entry.until.map(|day| date(&day, "channels.toml")).transpose()?;
    if until.is_some_and(|until| until < from) {
        return Err(wrong("channels.toml", format!("{} {} ends before it begins", entry.adapter, entry.account)));
    }
    Ok(Channel { adapter: entry.adapter, account: entry.account, label: entry.label, area: entry.area, from, until, hours: entry.hours })
}

/// The channels that are there for one thing. An account has one purpose, whatever the dates of its rows.
fn lines(channels: &Channels, purposes: Purposes) -> Result<Vec<Line>, SeedError> {
    let of = |entry: PurposeEntry| {
        let PurposeEntry { code, id, en, category, overrules } = entry;
        (code.clone(), Purpose { code, name_id: id, name_en: en, category, overrules })
    };
    let purposes: BTreeMap<String, Purpose> = purposes.purpose.into_iter().map(of).collect();
    let mut lines: Vec<Line> = Vec::new();
    for entry in &channels.channel {
        let Some(code) = &entry.purpose else { continue };
        let purpose = purposes.get(code).ok_or_else(|| wrong("channels.toml", format!("there is no purpose {code}")))?;
        let line = Line { adapter: entry.adapter.clone(), account: entry.account.clone(), purpose: purpose.clone() };
        match lines.iter().find(|known| known.adapter == line.adapter && known.account == line.account) {
            Some(known) if *known == line => {}
            Some(_) => return Err(wrong("channels.toml", format!("{} {} has two purposes", line.adapter, line.account))),
            None => lines.push(line),
        }
    }
    Ok(lines)
}

fn date(day: &toml::value::Datetime, file: &'static str) -> Result<Date, SeedError> {
    let no_date = || wrong(file, format!("{day} is no date"));
    if day.time.is_some() {
        return Err(no_date());
    }
    day.to_string().parse().map_err(|_| no_date())
}

/// What one file says of another must be there, and nothing may be said twice.
fn check(seed: &Seed) -> Result<(), SeedError> {
    let areas = unique("areas.toml", seed.areas.iter().map(|(area, _)| area.code.clone()))?;
    let agencies = unique("agencies.toml", seed.agencies.iter().map(|agency| agency.code.clone()))?;
    let categories = unique("categories.toml", seed.categories.iter().map(|category| category.code.clone()))?;
    unique("holidays", seed.holidays.iter().map(|holiday| holiday.day.to_string()))?;
    unique("channels.toml", seed.channels.iter().map(|channel| format!("{} {} from {}", channel.adapter, channel.account, channel.from)))?;
    unique("rules.toml", seed.rules.iter().map(|rule| format!("{rule:?}")))?;
    unique(
        "limits.toml",
        seed.limits.iter().map(|SeedLimit { limit, agency }| {
            let Limit { stage, kind, category, adapter, account, from, .. } = limit;
            format!("{stage:?}, {kind:?}, {category:?}, {adapter:?}, {account:?}, {agency:?}, {from:?}")
        }),
    )?;

    for code in &areas {
        check_area_code(code, &areas)?;
    }
    let known = |file, set: &BTreeSet<String>, code: &Option<String>| match code {
        Some(code) if !set.contains(code) => Err(wrong(file, format!("there is no {code}"))),
        _ => Ok(()),
    };
    for (category, area, agency) in &seed.rules {
        known("rules.toml", &categories, category)?;
        known("rules.toml", &areas, area)?;
        known("rules.toml", &agencies, &Some(agency.clone()))?;
    }
    for limit in &seed.limits {
        known("limits.toml", &categories, &limit.limit.category)?;
        known("limits.toml", &agencies, &limit.agency)?;
    }
    for channel in &seed.channels {
        known("channels.toml", &areas, &channel.area)?;
    }
    for line in &seed.lines {
        known("purposes.toml", &categories, &Some(line.purpose.category.clone()))?;
    }
    check_outlines(seed)
}

fn unique(file: &'static str, keys: impl Iterator<Item = String>) -> Result<BTreeSet<String>, SeedError> {
    let mut seen = BTreeSet::new();
    for key in keys {
        if seen.contains(&key) {
            return Err(wrong(file, format!("{key} is there twice")));
        }
        seen.insert(key);
    }
    Ok(seen)
}

/// Two digits a province, four a regency or city, seven a kecamatan, ten a kelurahan; what holds it must be there.
fn check_area_code(code: &str, areas: &BTreeSet<String>) -> Result<(), SeedError> {
    let digits = code.bytes().all(|byte| byte.is_ascii_digit());
    let parent = match code.len() {
        2 => None,
        4 => code.get(..2),
        7 => code.get(..4),
        10 => code.get(..7),
        _ => return Err(wrong("areas.toml", format!("{code} has not 2, 4, 7 or 10 digits"))),
    };
    match parent {
        _ if !digits => Err(wrong("areas.toml", format!("{code} is no number"))),
        Some(parent) if !areas.contains(parent) => Err(wrong("areas.toml", format!("{code} lies in {parent}, which is not there"))),
        _ => Ok(()),
    }
}

fn check_outlines(seed: &Seed) -> Result<(), SeedError> {
    let areas = seed.areas.iter().map(|(area, _)| (area.code.clone(), area.clone())).collect();
    let outlines: Vec<(String, String)> =
        seed.areas.iter().filter_map(|(area, outline)| Some((area.code.clone(), outline.clone()?))).collect();
    let atlas = Atlas::new(&Directory { areas, ..Directory::default() }, &outlines);
    match atlas.unreadable() {
        [] => Ok(()),
        [code, ..] => Err(wrong("outlines.geojson", format!("the outline of {code} is no polygon"))),
    }
}

#[cfg(test)]
#[path = "seed_tests.rs"]
mod tests;
