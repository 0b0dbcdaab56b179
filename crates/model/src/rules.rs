//! The table of rules as a whole: what nobody gets ([`check`]), what changed between two tables ([`difference`]), and where complaints of the past
//! would go by another one ([`trial`]). Pure; nothing here is sampled.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::{AdapterName, AgencyId, Case, ComplaintId, Directory, KINDS, Rule, Visibility};

/// What is to be known of a table before it is published.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// What nobody gets: a person has to choose.
    pub holes: Vec<Hole>,
    /// What goes to several agencies at once.
    pub shared: Vec<Shared>,
    /// Rules that never decide, and why.
    pub idle: Vec<(i64, Idle)>,
}

/// Where nobody gets what is of one category. What leaves out an area leaves out also what is known to lie in none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// Which; `None`: of no known category.
    pub category: Option<String>,
    /// Where, in the order of the codes.
    pub gaps: Vec<Gap>,
    /// Nobody gets it anywhere: `gaps` hold every area.
    pub everywhere: bool,
    /// Some kinds or channels of it have an agency; the rest has none.
    pub partly: bool,
}

/// An area that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Its code.
    pub area: String,
    /// With all that lies in it. `false`: only what is known no narrower than this.
    pub whole: bool,
}

/// Rules that ask for the same and name several agencies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    /// Their keys, in order.
    pub rules: Vec<i64>,
    /// Whom they name; the first one is responsible.
    pub agencies: Vec<AgencyId>,
}

/// Why a rule never decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Idle {
    /// Its agency is not there any more.
    Agency,
    /// Its category is not there any more.
    Category,
    /// No area lies where it says.
    Area,
    /// There is no such kind.
    Kind,
    /// No channel was ever called that.
    Channel,
}

/// What a rule asks for, whoever gets it.
type Key<'a> = (Option<&'a str>, Option<&'a str>, Option<&'a str>, Option<&'a AdapterName>, Option<&'a str>);

fn key(rule: &Rule) -> Key<'_> {
    (rule.category.as_deref(), rule.area.as_deref(), rule.kind.as_deref(), rule.adapter.as_ref(), rule.account.as_deref())
}

/// The rules that count: those of agencies and categories that are there. The same as what a directory is loaded with.
pub fn counting(rules: &[Rule], directory: &Directory) -> Vec<Rule> {
    rules.iter().filter(|rule| !matches!(idle(rule, directory), Some(Idle::Agency | Idle::Category))).cloned().collect()
}

fn idle(rule: &Rule, directory: &Directory) -> Option<Idle> {
    let has_area = |code: &String| directory.areas.range(code.clone()..).next().is_some_and(|(next, _)| next.starts_with(code.as_str()));
    let has_channel = |adapter: &AdapterName| {
        let account = rule.account.as_deref();
        directory.channels.iter().any(|channel| channel.adapter == *adapter && account.is_none_or(|account| channel.account == account))
    };
    if !directory.agencies.contains_key(&rule.agency) {
        Some(Idle::Agency)
    } else if rule.category.as_ref().is_some_and(|category| !directory.categories.contains_key(category)) {
        Some(Idle::Category)
    } else if rule.area.as_ref().is_some_and(|area| !has_area(area)) {
        Some(Idle::Area)
    } else if rule.kind.as_deref().is_some_and(|kind| !KINDS.contains(&kind)) {
        Some(Idle::Kind)
    } else if rule.adapter.as_ref().is_some_and(|adapter| !has_channel(adapter)) {
        Some(Idle::Channel)
    } else {
        None
    }
}

/// Looks at every category, and at every area of the directory in it.
pub fn check(rules: &[Rule], directory: &Directory) -> Checked {
    let counting = counting(rules, directory);
    let categories = std::iter::once(None).chain(directory.categories.keys().map(Some));
    let mut holes: Vec<Hole> = categories.filter_map(|category| hole(category, &counting, directory)).collect();
    // What is of no known category last: most cities leave it to people.
    holes.sort_by_key(|hole| (hole.category.is_none(), !hole.everywhere));
    Checked { holes, shared: shared(&counting), idle: rules.iter().filter_map(|rule| Some((rule.id, idle(rule, directory)?))).collect() }
}

fn hole(category: Option<&String>, rules: &[Rule], directory: &Directory) -> Option<Hole> {
    let of_it = || rules.iter().filter(move |rule| rule.category.is_none() || rule.category.as_ref() == category);
    // A kind may be unknown and a channel new: only rules that ask for neither leave nothing out.
    let open = |rule: &&Rule| rule.kind.is_none() && rule.adapter.is_none();
    let covered: HashSet<&str> = of_it().filter(open).map(|rule| rule.area.as_deref().unwrap_or_default()).collect();
    if covered.contains("") {
        return None;
    }
    let is_covered = |code: &str| (1..=code.len()).any(|end| code.get(..end).is_some_and(|prefix| covered.contains(prefix)));
    let left: BTreeSet<&str> = directory.areas.keys().map(String::as_str).filter(|code| !is_covered(code)).collect();
    // A rule for a part of an area leaves the area itself open, and all of its other parts.
    let within = |code: &str| directory.areas.range(code.to_owned()..).take_while(|(inner, _)| inner.starts_with(code)).count();
    let left_within = |code: &str| left.range(code..).take_while(|inner| inner.starts_with(code)).count();
    let mut gaps: Vec<Gap> = Vec::new();
    for &code in &left {
        // In the order of the codes, what lies in an area follows it.
        let told = gaps.last().is_some_and(|gap| gap.whole && code.starts_with(&gap.area));
        if !told {
            gaps.push(Gap { area: code.to_owned(), whole: left_within(code) == within(code) });
        }
    }
    Some(Hole {
        category: category.cloned(),
        everywhere: left.len() == directory.areas.len(),
        gaps,
        partly: of_it().any(|rule| !open(&rule)),
    })
}

fn shared(rules: &[Rule]) -> Vec<Shared> {
    let mut keys: BTreeMap<Key<'_>, Vec<&Rule>> = BTreeMap::new();
    for rule in rules {
        keys.entry(key(rule)).or_default().push(rule);
    }
    let mut shared: Vec<Shared> = keys
        .into_values()
        .filter(|rules| rules.iter().any(|rule| rule.agency != rules[0].agency))
        .map(|rules| {
            let mut agencies = Vec::new();
            for rule in &rules {
                if !agencies.contains(&rule.agency) {
                    agencies.push(rule.agency);
                }
            }
            Shared { rules: rules.iter().map(|rule| rule.id).collect(), agencies }
        })
        .collect();
    shared.sort_by_key(|shared| shared.rules[0]);
    shared
}

/// What one table has and the other has not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Only in the later one.
    pub added: Vec<Rule>,
    /// Only in the earlier one.
    pub removed: Vec<Rule>,
}

/// Compares what rules say; their keys do not count.
pub fn difference(before: &[Rule], after: &[Rule]) -> Difference {
    let only = |one: &[Rule], other: &[Rule]| {
        let known: HashSet<(Key<'_>, AgencyId, bool)> = other.iter().map(|rule| (key(rule), rule.agency, rule.despite_ethics)).collect();
        one.iter().filter(|rule| !known.contains(&(key(rule), rule.agency, rule.despite_ethics))).cloned().collect()
    };
    Difference { added: only(after, before), removed: only(before, after) }
}

/// A complaint of the past, as far as rules look at it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Past {
    /// Which.
    pub id: ComplaintId,
    /// Code of its category.
    pub category: Option<String>,
    /// Code of its area.
    pub area: Option<String>,
    /// What triage took it for.
    pub kind: Option<String>,
    /// The channel it came by: the adapter …
    pub adapter: AdapterName,
    /// … and the account.
    pub account: String,
    /// Whether words of a breach of duty were found.
    pub ethics: bool,
    /// Its grade.
    pub grade: Visibility,
}

impl Past {
    fn case(&self) -> Case<'_> {
        Case {
            category: self.category.as_deref(),
            area: self.area.as_deref(),
            kind: self.kind.as_deref(),
            channel: Some((&self.adapter, &self.account)),
        }
    }
}

/// From whom to whom. Nobody: a person chooses.
pub type Move = (Vec<AgencyId>, Vec<AgencyId>);

/// The complaints that would go elsewhere by the other rules, in the order in which they were given. Both tables are asked, as if each complaint came in
/// today: who moved one by hand since does not count.
pub fn trial(past: &[Past], before: &[Rule], after: &[Rule], directory: &Directory) -> Vec<(ComplaintId, Move)> {
    // A city's complaints are of far fewer sorts than they are many.
    let mut known: HashMap<(Case<'_>, bool, Visibility), Option<Move>> = HashMap::new();
    let mut moved = Vec::new();
    for one in past {
        let sort = (one.case(), one.ethics, one.grade);
        let course = |rules: &[Rule]| directory.course(rules, &one.case(), one.ethics, one.grade);
        let found = known.entry(sort).or_insert_with(|| {
            let (before, after) = (course(before), course(after));
            let same = (before.visibility, &before.agencies) == (after.visibility, &after.agencies);
            (!same).then_some((before.agencies, after.agencies))
        });
        moved.extend(found.clone().map(|to| (one.id, to)));
    }
    moved
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
