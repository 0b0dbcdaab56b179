//! `/aturan`: the rules of routing. Who may triage reads what counts, writes the next version as a draft, tries it on complaints of the past, and publishes
//! what somebody else wrote.

pub(crate) mod draft;
pub(crate) mod table;
pub(crate) mod trial;

use std::collections::BTreeMap;

use model::{AdapterName, AgencyId, Directory, Language, Rule, StaffId};
use serde::Deserialize;
use serde_json::{Value, json};
use ui::{Page, Tone, Visit};

use crate::{Rooms, WebError, agency::Done, form::Fields, page, session::SignedIn};

/// Rows on one page of a table.
const ROWS: usize = 100;
/// The longest note.
const MOST_NOTE: usize = 500;

/// Value, words, whether it is chosen.
type Choice = (String, String, bool);

/// One rule in words.
struct Line {
    id: i64,
    category: String,
    area: String,
    /// Kind and channel, where it asks for them.
    more: Vec<String>,
    agency: String,
    despite: bool,
}

/// What a table is narrowed to, as the address says it.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    category: String,
    agency: String,
    page: usize,
    /// The row of the draft that is in the form.
    edit: i64,
    done: String,
}

impl Asked {
    fn done(&self) -> Done {
        Done::of(&self.done)
    }

    fn fits(&self, rule: &Rule) -> bool {
        let category = match self.category.as_str() {
            "" => true,
            "-" => rule.category.is_none(),
            code => rule.category.as_deref() == Some(code),
        };
        category && (self.agency.is_empty() || rule.agency.to_string() == self.agency)
    }
}

/// Some rows of a table, and where the others are.
struct Rows {
    lines: Vec<Line>,
    /// `1–100 dari 812`.
    count: String,
    newer: String,
    older: String,
    categories: Vec<Choice>,
    agencies: Vec<Choice>,
    /// Whether only some of the rules are looked at.
    narrowed: bool,
}

/// The rows that were asked for; `address` is the page they are on.
fn rows(rules: &[Rule], asked: &Asked, address: &str, directory: &Directory, page: &Page) -> Rows {
    let language = page.words.language();
    let mut all: Vec<(Line, &Rule)> =
        rules.iter().filter(|rule| asked.fits(rule)).map(|rule| (line(rule, directory, page), rule)).collect();
    // As people look for them; rules that ask for the same stay in their order, the responsible agency first.
    let key = |(line, rule): &(Line, &Rule)| {
        (rule.category.is_none(), line.category.to_lowercase(), rule.area.clone(), rule.kind.clone(), line.more.join(" "), rule.id)
    };
    all.sort_by_cached_key(key);
    let (total, first) = (all.len(), asked.page.saturating_mul(ROWS).min(all.len()));
    let lines: Vec<Line> = all.into_iter().skip(first).take(ROWS).map(|(line, _)| line).collect();
    let last = first + lines.len();
    let at = |number: usize| {
        let (category, agency) = (page::encoded(&asked.category), page::encoded(&asked.agency));
        format!("{address}?category={category}&agency={agency}&page={number}#daftar")
    };
    let number = |n: usize| page.words.number(n as u64);
    Rows {
        count: page
            .words
            .fill("rules.count", &[("first", &number((first + 1).min(total))), ("last", &number(last)), ("all", &number(total))]),
        newer: if first > 0 { at(0) } else { String::new() },
        older: if last < total { at(asked.page + 1) } else { String::new() },
        lines,
        categories: std::iter::once(("-".to_owned(), page.t("rules.any_category").to_owned(), asked.category == "-"))
            .chain(categories(directory, &asked.category, language))
            .collect(),
        agencies: agencies(directory, &asked.agency),
        narrowed: !asked.category.is_empty() || !asked.agency.is_empty(),
    }
}

fn line(rule: &Rule, directory: &Directory, page: &Page) -> Line {
    let any = || page.t("why.any").to_owned();
    let kind = rule.kind.as_deref().map(|kind| page.fill("rules.of_kind", "kind", kind_name(kind, page)));
    let channel = channel_of(rule, directory, page).map(|channel| page.fill("rules.of_channel", "channel", channel));
    Line {
        id: rule.id,
        category: rule.category.as_deref().map_or_else(any, |code| category_name(code, directory, page.words.language())),
        area: rule.area.as_deref().map_or_else(any, |code| area_name(code, directory)),
        more: kind.into_iter().chain(channel).collect(),
        agency: agency_name(rule.agency, directory, page),
        despite: rule.despite_ethics,
    }
}

fn agency_name(agency: AgencyId, directory: &Directory, page: &Page) -> String {
    directory.agencies.get(&agency).map_or_else(|| page.t("rules.gone").to_owned(), |agency| agency.name.clone())
}

/// Several agencies, the responsible one first; nobody is the desk.
fn names(agencies: &[AgencyId], directory: &Directory, page: &Page) -> String {
    if agencies.is_empty() {
        return page.t("rules.nobody").to_owned();
    }
    agencies.iter().map(|agency| agency_name(*agency, directory, page)).collect::<Vec<_>>().join(" + ")
}

fn category_name(code: &str, directory: &Directory, language: Language) -> String {
    directory.categories.get(code).map_or(code, |category| page::name_of(category, language)).to_owned()
}

/// An area with what it lies in; its code where it has no name.
fn area_name(code: &str, directory: &Directory) -> String {
    let path = directory.area_path(code);
    let name = || directory.areas.get(code).map_or(code, |area| area.name.as_str()).to_owned();
    if path.is_empty() || !directory.areas.contains_key(code) { name() } else { path }
}

fn kind_name<'a>(kind: &'a str, page: &'a Page) -> &'a str {
    match kind {
        "complaint" => page.t("directory.kind.complaint"),
        "information_request" => page.t("directory.kind.question"),
        "aspiration" => page.t("directory.kind.wish"),
        "other" => page.t("directory.kind.else"),
        other => other,
    }
}

/// The channel that a rule asks for, by what people call it.
fn channel_of(rule: &Rule, directory: &Directory, page: &Page) -> Option<String> {
    let adapter = rule.adapter.as_ref()?;
    let Some(account) = rule.account.as_deref() else { return Some(page.fill("rules.all_of", "adapter", adapter.to_string())) };
    let channel = directory.channels.iter().find(|channel| channel.adapter == *adapter && channel.account == account);
    Some(channel.map_or_else(|| format!("{adapter} {account}"), |channel| channel.label.clone()))
}

fn categories(directory: &Directory, chosen: &str, language: Language) -> Vec<Choice> {
    let choice =
        |category: &model::Category| (category.code.clone(), page::name_of(category, language).to_owned(), category.code == chosen);
    let mut all: Vec<Choice> = directory.categories.values().map(choice).collect();
    all.sort_by_cached_key(|(_, name, _)| name.to_lowercase());
    all
}

fn agencies(directory: &Directory, chosen: &str) -> Vec<Choice> {
    let choice = |agency: &model::Agency| (agency.id.to_string(), agency.name.clone(), agency.id.to_string() == chosen);
    let mut all: Vec<Choice> = directory.agencies.values().map(choice).collect();
    all.sort_by_cached_key(|(_, name, _)| name.to_lowercase());
    all
}

/// Every area, each below what it lies in.
fn areas(directory: &Directory, chosen: &str) -> Vec<Choice> {
    directory.areas.keys().map(|code| (code.clone(), area_name(code, directory), code == chosen)).collect()
}

/// Every account by what people call it, and every adapter as a whole.
fn channels(directory: &Directory, chosen: &str, page: &Page) -> Vec<Choice> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for channel in &directory.channels {
        all.insert(format!("{} {}", channel.adapter, channel.account), channel.label.clone());
        all.insert(channel.adapter.to_string(), page.fill("rules.all_of", "adapter", channel.adapter.to_string()));
    }
    all.into_iter().map(|(value, label)| (value.clone(), label, value == chosen)).collect()
}

fn channel_value(adapter: Option<&AdapterName>, account: Option<&str>) -> String {
    match (adapter, account) {
        (None, _) => String::new(),
        (Some(adapter), None) => adapter.to_string(),
        (Some(adapter), Some(account)) => format!("{adapter} {account}"),
    }
}

/// The rules that decided about a complaint, with the version of each, also of one that does not count any more.
pub(crate) async fn decided(rooms: &Rooms, why: &model::Why) -> Result<Vec<(Rule, u32)>, WebError> {
    let directory = rooms.directory();
    let now: Vec<_> = directory.rules.iter().filter(|rule| why.rules.contains(&rule.id)).collect();
    if now.len() == why.rules.len() {
        return Ok(now.into_iter().map(|rule| (rule.clone(), directory.rules_version)).collect());
    }
    Ok(store::rules::by_keys(rooms.db(), &why.rules).await?)
}

/// Which rule it was, in the words of this key.
pub(crate) fn sentence(key: &str, rule: &Rule, version: u32, directory: &Directory, page: &Page) -> String {
    let line = line(rule, directory, page);
    let more = std::iter::once("").chain(line.more.iter().map(String::as_str)).collect::<Vec<_>>().join(", ");
    let facts =
        [("version", version.to_string()), ("category", line.category), ("area", line.area), ("more", more), ("agency", line.agency)];
    let facts: Vec<(&str, &str)> = facts.iter().map(|(name, value)| (*name, value.as_str())).collect();
    page.words.fill(key, &facts)
}

fn frame(rooms: &Rooms, visit: &Visit, by: &SignedIn, title: &str) -> Page {
    page::staff(rooms, visit, by, page::words(visit.language).t(title))
}

fn flashed(page: Page, done: &Done) -> Page {
    let said = [
        ("mulai", "rules.done.begun"),
        ("simpan", "rules.done.kept"),
        ("hapus", "rules.done.removed"),
        ("buang", "rules.done.discarded"),
        ("terbit", "rules.done.published"),
        ("kembali", "rules.done.returned"),
    ];
    let Some((_, key)) = said.into_iter().find(|(word, _)| done.is(word)) else { return page };
    let text = page.t(key).to_owned();
    page.flash(Tone::Good, text)
}

/// What was said about a version, or which words say what is wrong with it.
fn note(form: &Fields) -> Result<String, &'static str> {
    let note = form.text("text");
    match note.chars().count() {
        0 => Err("rules.note.missing"),
        n if n > MOST_NOTE => Err("rules.note.long"),
        _ => Ok(note),
    }
}

/// A rule as the audit keeps it: codes, nothing personal.
fn told(rule: &Rule, directory: &Directory) -> Value {
    json!({
        "category": rule.category,
        "area": rule.area,
        "kind": rule.kind,
        "channel": rule.adapter.as_ref().map(|adapter| channel_value(Some(adapter), rule.account.as_deref())),
        "agency": directory.agencies.get(&rule.agency).map(|agency| agency.code.as_str()),
        "despite_ethics": rule.despite_ethics,
    })
}

async fn audit(rooms: &Rooms, tx: &mut store::Tx, by: StaffId, action: &str, subject: &str, detail: &Value) -> Result<(), WebError> {
    Ok(store::audit::write(tx, rooms.now(), Some(by), action, subject, detail).await?)
}
