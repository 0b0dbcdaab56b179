//! Which agency: rules are rows, the function is pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    AdapterName, AgencyId, Held, Limit, OpeningHours, Question, Role, Site, StaffId, Visibility, Voucher,
    clock::{Calendar, Office},
};

/// What the city has written down about itself, as rows: loaded by the core, and in part given to adapters that draw forms.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Directory {
    /// By code.
    pub areas: BTreeMap<String, Area>,
    /// By id.
    pub agencies: BTreeMap<AgencyId, Agency>,
    /// By code.
    pub categories: BTreeMap<String, Category>,
    /// Those of the version that is published, in no order: the most specific one counts.
    pub rules: Vec<Rule>,
    /// The number of that version; 0: none was published yet.
    #[serde(default)]
    pub rules_version: u32,
    /// How near to another area's border, in metres, is near: who would have it there sees it too; 0: never.
    #[serde(default)]
    pub border_metres: u16,
    /// In no order, those that have ended too: the most specific one counts.
    pub limits: Vec<Limit>,
    /// When the offices work.
    pub calendar: Calendar,
    /// The agencies that work at other times.
    #[serde(default)]
    pub offices: BTreeMap<AgencyId, Office>,
    /// The agency above, of those that have one: a branch of a district, and its department.
    #[serde(default)]
    pub parents: BTreeMap<AgencyId, AgencyId>,
    /// The official ways in.
    pub channels: Vec<Channel>,
    /// Ways in that are there for one thing. In no order.
    #[serde(default)]
    pub lines: Vec<Line>,
    /// Codes of the categories a citizen can be offered, in the order of the form.
    #[serde(default)]
    pub menu: Vec<String>,
    /// Codes of the categories for which nobody needs to know where it is.
    #[serde(default)]
    pub placeless: BTreeSet<String>,
    /// What a citizen may be asked when it is missing.
    #[serde(default)]
    pub asks: Vec<Question>,
    /// The agencies that look into breaches of duty: nobody else is given what is confidential.
    #[serde(default)]
    pub inspectorates: BTreeSet<AgencyId>,
    /// Codes of the categories that nobody settles without a photo of the result.
    #[serde(default)]
    pub proofs: BTreeSet<String>,
    /// Whose addresses an adapter may vouch for beside its own kind, by its name.
    #[serde(default)]
    pub vouchers: BTreeMap<AdapterName, Voucher>,
}

/// An account of ours that is there for one thing: an information line, a line for corrections of data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The program.
    pub adapter: AdapterName,
    /// Which account of ours.
    pub account: String,
    /// What it is there for.
    pub purpose: Purpose,
}

/// What a line is there for, and what follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purpose {
    /// Stable key: `data_correction`.
    pub code: String,
    /// In Indonesian.
    pub name_id: String,
    /// In English.
    pub name_en: String,
    /// The category of what comes in there; rules say where that goes.
    pub category: String,
    /// Whether that holds also where the words speak for another category.
    pub overrules: bool,
}

/// A piece of the city. Codes are BPS codes: a parent's code begins its children's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Area {
    /// Two digits a province, four a regency or city, seven a kecamatan, ten a kelurahan.
    pub code: String,
    /// As signs say it.
    pub name: String,
}

/// Who must act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agency {
    /// Its key.
    pub id: AgencyId,
    /// Short code for files and addresses: `dlh`.
    pub code: String,
    /// Its full name.
    pub name: String,
}

/// What a complaint is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    /// Stable key: `street_light`.
    pub code: String,
    /// In Indonesian.
    pub name_id: String,
    /// In English.
    pub name_en: String,
    /// Words and short phrases that speak for it, lower case.
    pub keywords: Vec<String>,
}

/// What a complaint is like, and who gets such a one. Several rules that ask for the same give the complaint to several agencies; the first one
/// of them is responsible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its key. A rule belongs to one version of the table.
    pub id: i64,
    /// Only this category; `None`: any.
    pub category: Option<String>,
    /// Only areas whose code begins so; `None`: any.
    pub area: Option<String>,
    /// Only this kind of message: one of [`KINDS`]; `None`: any.
    #[serde(default)]
    pub kind: Option<String>,
    /// Only what came by this adapter; `None`: any.
    #[serde(default)]
    pub adapter: Option<AdapterName>,
    /// Only what came by this account of it; `None`: any. Only with an adapter.
    #[serde(default)]
    pub account: Option<String>,
    /// Who gets it.
    pub agency: AgencyId,
    /// Whether it decides although words of bribery or of a breach of duty were found.
    #[serde(default)]
    pub despite_ethics: bool,
}

/// What triage takes a message for.
pub const KINDS: [&str; 4] = ["complaint", "information_request", "aspiration", "other"];

/// What a rule asks for, the weightiest first: category, area, kind, account, adapter.
type Rank = (bool, usize, bool, bool, bool);

impl Rule {
    /// A rule for everything.
    pub fn new(id: i64, agency: AgencyId) -> Self {
        Self { id, category: None, area: None, kind: None, adapter: None, account: None, agency, despite_ethics: false }
    }

    fn fits(&self, case: &Case<'_>) -> bool {
        let adapter = case.channel.map(|(adapter, _)| adapter);
        let account = case.channel.map(|(_, account)| account);
        self.category.is_none_or_is(case.category)
            && self.area.as_deref().is_none_or(|code| case.area.is_some_and(|area| area.starts_with(code)))
            && self.kind.is_none_or_is(case.kind)
            && self.adapter.as_ref().is_none_or(|wanted| adapter == Some(wanted))
            && self.account.is_none_or_is(account)
    }

    fn rank(&self) -> Rank {
        let area = self.area.as_ref().map_or(0, String::len);
        (self.category.is_some(), area, self.kind.is_some(), self.account.is_some(), self.adapter.is_some())
    }
}

trait Asks {
    fn is_none_or_is(&self, value: Option<&str>) -> bool;
}

impl Asks for Option<String> {
    fn is_none_or_is(&self, value: Option<&str>) -> bool {
        self.as_deref().is_none_or(|wanted| value == Some(wanted))
    }
}

/// What rules look at. `None`: nobody knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Case<'a> {
    /// Code of its category.
    pub category: Option<&'a str>,
    /// Code of its area.
    pub area: Option<&'a str>,
    /// What triage takes it for.
    pub kind: Option<&'a str>,
    /// Adapter and account that it came by.
    pub channel: Option<(&'a AdapterName, &'a str)>,
}

/// An official way in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// The program.
    pub adapter: AdapterName,
    /// Which account of ours.
    pub account: String,
    /// What people call it.
    pub label: String,
    /// Code of the area it serves, if not the whole city.
    pub area: Option<String>,
    /// First day.
    pub from: Date,
    /// Last day; `None`: open.
    pub until: Option<Date>,
    /// When its office is open, for channels where people come in person.
    #[serde(default)]
    pub hours: Option<OpeningHours>,
}

/// What an adapter with pages needs to draw its forms and check a clerk, without the database. Published by the core.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DoorDirectory {
    /// How the installation speaks of itself.
    pub site: Site,
    /// In the order of the form.
    pub categories: Vec<Category>,
    /// Every area, by code.
    pub areas: Vec<Area>,
    /// Every open channel.
    pub channels: Vec<Channel>,
    /// Ed25519 public key that checks a clerk's token; base64url without padding.
    pub staff_key: String,
    /// Where staff sign in.
    pub sign_in_url: String,
    /// Whose tokens ended lately: those of an earlier generation open nothing.
    #[serde(default)]
    pub ended: BTreeMap<StaffId, i32>,
}

/// What a clerk's signed token says. `token = base64url(json) . base64url(signature over that text)`, Ed25519.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClerkToken {
    /// Who.
    pub staff: StaffId,
    /// Their name, for the slip and the record.
    pub name: String,
    /// What they are.
    pub role: Role,
    /// The account of the desk channel whose office they sit in.
    pub office: String,
    /// Refused from then on.
    pub expires_at: Timestamp,
    /// Grows when somebody's tokens are ended: [`DoorDirectory::ended`].
    #[serde(default)]
    pub generation: i32,
}

/// What was found out about a complaint, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Triaged {
    /// Code of the category.
    pub category: Option<String>,
    /// Code of the area.
    pub area: Option<String>,
    /// Who must act, where what was learned is sure of it; used where no rule fits.
    pub agency: Option<AgencyId>,
    /// The reasons, for "why here".
    pub why: Why,
}

/// Why a complaint is where it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// The words that spoke for the category, or who chose it.
    #[serde(default)]
    pub category: Vec<String>,
    /// What told the area: `point`, `text: <name>`, `office`.
    #[serde(default)]
    pub area: Option<String>,
    /// The rules that decided.
    #[serde(default)]
    pub rules: Vec<i64>,
    /// The version of the rules by which it was decided, also that none of them fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Words of danger in the text: it rises to the top of triage, and the citizen is told of 112.
    #[serde(default)]
    pub danger: Vec<String>,
    /// Numbers of other complaints that the text names and that the writer may not join: a person looks whether they belong together.
    #[serde(default)]
    pub quoted: Vec<String>,
    /// Words of bribery or of officials who break their duty: it is confidential, and the inspectorate's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ethics: Vec<String>,
    /// What was learned takes the message for: `complaint`, `information_request`, `aspiration`, `other`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Other areas whose border is near, where somebody else would have it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub near: Vec<Near>,
    /// Who should act by what was learned, the likeliest first; at most three.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guesses: Vec<Guess>,
    /// Why it was held back until a person had looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
}

/// Another area whose border is near.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Near {
    /// Its code.
    pub area: String,
    /// Who would have the complaint there, and has not; they see it.
    #[serde(default)]
    pub agencies: Vec<AgencyId>,
}

/// An agency that comes to mind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guess {
    /// Which.
    pub agency: AgencyId,
    /// How likely, in percent.
    pub percent: u8,
    /// Words of the complaint that speak for it.
    #[serde(default)]
    pub words: Vec<String>,
}

/// Where a complaint goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Routing {
    /// To these agencies, by these rules.
    To {
        /// Never empty, none twice.
        agencies: Vec<AgencyId>,
        /// The rules that said so.
        rules: Vec<i64>,
    },
    /// A person must choose. An ordinary result.
    Triage,
}

impl Routing {
    /// The one inspectorate that gets what is confidential: of those that the rules name, else of all. Where it is not certain which, a person
    /// chooses.
    pub(crate) fn inspectorate(&self, directory: &Directory) -> Option<AgencyId> {
        let only = |found: Vec<AgencyId>| if let [one] = found[..] { Some(one) } else { None };
        let named = match self {
            Self::To { agencies, .. } => agencies.iter().copied().filter(|agency| directory.inspectorates.contains(agency)).collect(),
            Self::Triage => Vec::new(),
        };
        only(named).or_else(|| only(directory.inspectorates.iter().copied().collect()))
    }

    /// Whether every one of these rules that decided holds although words of a breach of duty were found.
    fn holds_despite_ethics(&self, rules: &[Rule]) -> bool {
        let holds = |id: &i64| rules.iter().any(|rule| rule.id == *id && rule.despite_ethics);
        match self {
            Self::To { rules, .. } => rules.iter().all(holds),
            Self::Triage => false,
        }
    }
}

/// Finds who must act: of the rules that fit, those with a category before those without, of these those with the narrowest area, then those
/// that ask for a kind, for an account, for an adapter. Nothing fits: triage, never nowhere.
pub fn route(case: &Case<'_>, rules: &[Rule]) -> Routing {
    let rank = |rule: &Rule| rule.fits(case).then(|| rule.rank());
    let Some(best) = rules.iter().filter_map(rank).max() else { return Routing::Triage };
    let mut agencies = Vec::new();
    let mut decided = Vec::new();
    for rule in rules.iter().filter(|rule| rank(rule) == Some(best)) {
        decided.push(rule.id);
        if !agencies.contains(&rule.agency) {
            agencies.push(rule.agency);
        }
    }
    Routing::To { agencies, rules: decided }
}

/// What rules come to for a complaint: who gets it, and at which grade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// The grade that it has from then on.
    pub visibility: Visibility,
    /// Who gets it, who is responsible first; empty: a person chooses.
    pub agencies: Vec<AgencyId>,
    /// The rules that said so; none where it is confidential.
    pub rules: Vec<i64>,
}

impl Directory {
    /// Where these rules send a complaint of this grade, with or without words of a breach of duty (`ethics`). Such words make it confidential,
    /// unless every rule that decides holds despite them; an inspectorate gets what is confidential, or a person chooses, and nobody else.
    pub fn course(&self, rules: &[Rule], case: &Case<'_>, ethics: bool, grade: Visibility) -> Course {
        let routing = route(case, rules);
        let confidential = ethics && !routing.holds_despite_ethics(rules);
        let visibility = if confidential { grade.max(Visibility::Confidential) } else { grade };
        if visibility.is_confidential() {
            return Course { visibility, agencies: routing.inspectorate(self).into_iter().collect(), rules: Vec::new() };
        }
        match routing {
            Routing::To { agencies, rules } => Course { visibility, agencies, rules },
            Routing::Triage => Course { visibility, agencies: Vec::new(), rules: Vec::new() },
        }
    }
}

/// Stands in [`Why::category`] before the code of the purpose of the line that decided.
pub const LINE: &str = "line: ";

impl Directory {
    /// The agency's name, or a dash for one that is gone.
    pub fn agency_name(&self, id: AgencyId) -> &str {
        self.agencies.get(&id).map_or("–", |agency| agency.name.as_str())
    }

    /// What an account is there for, if for one thing.
    pub fn purpose(&self, adapter: &AdapterName, account: &str) -> Option<&Purpose> {
        self.lines.iter().find(|line| line.adapter == *adapter && line.account == account).map(|line| &line.purpose)
    }

    /// What triage found, with what the line it came by is there for. What the citizen or a clerk chose stands over both.
    pub fn by_purpose(&self, found: Triaged, chosen: bool, adapter: &AdapterName, account: &str) -> Triaged {
        let Some(purpose) = self.purpose(adapter, account) else { return found };
        let counts = !chosen && (purpose.overrules || found.category.is_none()) && self.categories.contains_key(&purpose.category);
        if !counts {
            return found;
        }
        let why = Why { category: vec![format!("{LINE}{}", purpose.code)], ..found.why };
        Triaged { category: Some(purpose.category.clone()), why, ..found }
    }

    /// `Kelurahan, Kecamatan, Kota`: the area and what it lies in, narrowest first.
    pub fn area_path(&self, code: &str) -> String {
        let names: Vec<&str> = [10, 7, 4]
            .into_iter()
            .filter_map(|digits| code.get(..digits))
            .filter_map(|prefix| self.areas.get(prefix))
            .map(|area| area.name.as_str())
            .collect();
        names.join(", ")
    }

    /// The channel row that counts on that day.
    pub fn channel(&self, adapter: &AdapterName, account: &str, on: Date) -> Option<&Channel> {
        self.channels.iter().find(|channel| {
            channel.adapter == *adapter && channel.account == account && channel.from <= on && channel.until.is_none_or(|until| on <= until)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agency(n: u128) -> AgencyId {
        AgencyId(uuid::Uuid::from_u128(n))
    }

    fn rule(id: i64, category: Option<&str>, area: Option<&str>, to: u128) -> Rule {
        Rule { category: category.map(Into::into), area: area.map(Into::into), ..Rule::new(id, agency(to)) }
    }

    #[test]
    fn the_most_specific_rules_decide_and_several_agencies_may_share() {
        let rules = [
            rule(1, Some("road"), None, 1),
            rule(2, Some("road"), Some("3173"), 2),
            rule(3, Some("road"), Some("3173"), 3),
            rule(4, None, Some("3173010001"), 4),
            rule(5, Some("flood"), Some("3174"), 5),
        ];
        let cases = [
            (Some("road"), None, Some(vec![1])),
            (Some("road"), Some("3173010001"), Some(vec![2, 3])),
            (Some("road"), Some("3174010001"), Some(vec![1])),
            (None, Some("3173010001"), Some(vec![4])),
            (Some("flood"), Some("3173020001"), None),
            (None, None, None),
        ];
        for (category, area, expected) in cases {
            let expected = expected.map_or(Routing::Triage, |rules: Vec<i64>| Routing::To {
                agencies: rules.iter().map(|&n| agency(u128::try_from(n).expect("positive"))).collect(),
                rules,
            });
            assert_eq!(route(&Case { category, area, ..Case::default() }, &rules), expected, "{category:?} {area:?}");
        }
    }

    #[test]
    fn an_agency_is_named_once_however_many_rules_name_it() {
        let rules = [rule(1, Some("road"), None, 1), rule(2, Some("road"), None, 1)];
        let case = Case { category: Some("road"), ..Case::default() };
        assert_eq!(route(&case, &rules), Routing::To { agencies: vec![agency(1)], rules: vec![1, 2] });
    }

    #[test]
    fn a_kind_or_a_channel_narrows_a_rule_and_weighs_less_than_category_and_area() {
        let chat: AdapterName = "chat".parse().expect("a name");
        let other: AdapterName = "other".parse().expect("a name");
        let rules = [
            rule(1, Some("road"), None, 1),
            Rule { kind: Some("information_request".into()), ..rule(2, Some("road"), None, 2) },
            Rule { adapter: Some(chat.clone()), ..rule(3, Some("road"), None, 3) },
            Rule { adapter: Some(chat.clone()), account: Some("0811".into()), ..rule(4, Some("road"), None, 4) },
            rule(5, Some("road"), Some("3173"), 5),
            Rule { adapter: Some(chat.clone()), account: Some("0811".into()), ..rule(6, None, None, 6) },
        ];
        let road = Case { category: Some("road"), ..Case::default() };
        let cases = [
            (road, 1),
            (Case { kind: Some("complaint"), ..road }, 1),
            (Case { kind: Some("information_request"), ..road }, 2),
            (Case { channel: Some((&chat, "0812")), ..road }, 3),
            (Case { channel: Some((&chat, "0811")), ..road }, 4),
            (Case { channel: Some((&other, "0811")), ..road }, 1),
            (Case { channel: Some((&chat, "0811")), kind: Some("information_request"), ..road }, 2),
            (Case { channel: Some((&chat, "0811")), area: Some("3173010"), ..road }, 5),
            (Case { channel: Some((&chat, "0811")), category: Some("flood"), ..Case::default() }, 6),
        ];
        for (case, expected) in cases {
            assert_eq!(
                route(&case, &rules),
                Routing::To { agencies: vec![agency(expected)], rules: vec![i64::try_from(expected).expect("small")] },
                "{case:?}"
            );
        }
    }
}
