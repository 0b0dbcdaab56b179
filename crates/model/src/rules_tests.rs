use proptest::{collection::vec, option, prelude::*, sample::select};
use uuid::Uuid;

use super::*;
use crate::{Agency, Area, Category, Channel, Routing, route};

const AREAS: [&str; 7] = ["31", "3171", "3171010", "3171010001", "3171010002", "3171020", "3171020001"];
const CATEGORIES: [&str; 3] = ["road", "tree", "water"];

fn agency(n: u128) -> AgencyId {
    AgencyId(Uuid::from_u128(n))
}

fn chat() -> AdapterName {
    "chat".parse().expect("a name")
}

/// Three agencies, three categories, seven areas, two accounts of one adapter.
fn city() -> Directory {
    let channel = |account: &str| Channel {
        adapter: chat(),
        account: account.into(),
        label: account.into(),
        area: None,
        from: jiff::civil::date(2026, 1, 1),
        until: None,
        hours: None,
    };
    let category = |code: &str| Category { code: code.into(), name_id: code.into(), name_en: code.into(), keywords: Vec::new() };
    Directory {
        areas: AREAS.into_iter().map(|code| (code.into(), Area { code: code.into(), name: code.into() })).collect(),
        agencies: (1..=3).map(|n| (agency(n), Agency { id: agency(n), code: n.to_string(), name: n.to_string() })).collect(),
        categories: CATEGORIES.into_iter().map(|code| (code.into(), category(code))).collect(),
        channels: vec![channel("1"), channel("2")],
        ..Directory::default()
    }
}

/// Rules of all sorts, also of agencies, categories and areas that are not there.
fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let some = |known: Vec<&'static str>| option::of(select(known).prop_map(str::to_owned));
    let category = some(vec!["road", "tree", "water", "gone"]);
    let area = some(vec!["31", "3171", "3171010", "3171010001", "3171020", "9999"]);
    let kind = option::weighted(0.2, select(KINDS.to_vec()).prop_map(str::to_owned));
    let channel = option::weighted(0.2, some(vec!["1", "2", "gone"]));
    let rule =
        (category, area, kind, channel, 1u128..=4, any::<bool>()).prop_map(|(category, area, kind, channel, to, despite_ethics)| Rule {
            category,
            area,
            kind,
            adapter: channel.as_ref().map(|_| chat()),
            account: channel.flatten(),
            despite_ethics,
            ..Rule::new(0, agency(to))
        });
    vec(rule, 0..10).prop_map(|drawn| (1..).zip(drawn).map(|(id, rule)| Rule { id, ..rule }).collect())
}

/// Every case there can be in the city: also what nobody knows of it, and a channel that no rule has heard of.
fn every_case(mut look: impl FnMut(Case<'_>)) {
    let (chat, new): (AdapterName, AdapterName) = (chat(), "new".parse().expect("a name"));
    let some = |known: &[&'static str]| known.iter().copied().map(Some).chain([None]).collect::<Vec<Option<&'static str>>>();
    for category in some(&CATEGORIES) {
        for area in some(&AREAS) {
            for kind in some(&KINDS) {
                for channel in [Some((&chat, "1")), Some((&chat, "2")), Some((&new, "1")), None] {
                    look(Case { category, area, kind, channel });
                }
            }
        }
    }
}

/// Whether a check says that nobody gets what is of this category there.
fn says_open(checked: &Checked, category: Option<&str>, area: Option<&str>) -> bool {
    let hole = checked.holes.iter().find(|hole| hole.category.as_deref() == category);
    hole.is_some_and(|hole| match area {
        None => true,
        Some(code) => hole.gaps.iter().any(|gap| gap.area == code || (gap.whole && code.starts_with(&gap.area))),
    })
}

proptest! {
    #[test]
    fn a_hole_is_told_exactly_where_some_complaint_would_find_nobody(rules in rules()) {
        let city = city();
        let (checked, counting) = (check(&rules, &city), counting(&rules, &city));
        let mut open: BTreeSet<(Option<String>, Option<String>)> = BTreeSet::new();
        every_case(|case| {
            if route(&case, &counting) == Routing::Triage {
                open.insert((case.category.map(Into::into), case.area.map(Into::into)));
            }
        });
        for category in CATEGORIES.into_iter().map(Some).chain([None]) {
            for area in AREAS.into_iter().map(Some).chain([None]) {
                let found = open.contains(&(category.map(Into::into), area.map(Into::into)));
                prop_assert_eq!(says_open(&checked, category, area), found, "{:?} {:?} {:?}", category, area, &checked);
            }
        }
        for hole in &checked.holes {
            let all = AREAS.into_iter().all(|area| says_open(&checked, hole.category.as_deref(), Some(area)));
            prop_assert_eq!(hole.everywhere, all);
            let told = hole.gaps.iter().filter(|gap| hole.gaps.iter().any(|other| other.whole && other != *gap && gap.area.starts_with(&other.area)));
            prop_assert_eq!(told.count(), 0, "nothing is told twice");
        }
    }

    #[test]
    fn what_several_agencies_get_at_once_is_told_by_their_rules_and_nothing_else_is(rules in rules()) {
        let city = city();
        let (checked, counting) = (check(&rules, &city), counting(&rules, &city));
        let mut missed = Vec::new();
        every_case(|case| {
            if let Routing::To { agencies, rules } = route(&case, &counting) {
                let told = checked.shared.iter().any(|shared| shared.rules == rules && shared.agencies == agencies);
                if told != (agencies.len() > 1) {
                    missed.push(rules);
                }
            }
        });
        prop_assert!(missed.is_empty(), "{missed:?} {checked:?}");
        for shared in &checked.shared {
            prop_assert!(shared.agencies.len() > 1 && shared.rules.len() >= shared.agencies.len());
        }
    }

    #[test]
    fn a_rule_that_is_said_never_to_decide_never_does(rules in rules()) {
        let city = city();
        let idle: HashSet<i64> = check(&rules, &city).idle.into_iter().map(|(id, _)| id).collect();
        let counting = counting(&rules, &city);
        let mut decided = HashSet::new();
        every_case(|case| {
            if let Routing::To { rules, .. } = route(&case, &counting) {
                decided.extend(rules);
            }
        });
        prop_assert!(idle.is_disjoint(&decided), "{idle:?} {decided:?}");
    }

    #[test]
    fn a_trial_says_of_each_complaint_what_would_become_of_it_by_either_table(before in rules(), after in rules(), ethics: bool) {
        let city = city();
        let (before, after) = (counting(&before, &city), counting(&after, &city));
        let mut past = Vec::new();
        every_case(|case| {
            let Some((adapter, account)) = case.channel else { return };
            past.push(Past {
                id: ComplaintId(Uuid::from_u128(past.len() as u128)),
                category: case.category.map(Into::into),
                area: case.area.map(Into::into),
                kind: case.kind.map(Into::into),
                adapter: adapter.clone(),
                account: account.into(),
                ethics,
                grade: Visibility::Hidden,
            });
        });
        let moved: HashMap<ComplaintId, Move> = trial(&past, &before, &after, &city).into_iter().collect();
        for one in &past {
            let course = |rules: &[Rule]| city.course(rules, &one.case(), ethics, one.grade);
            let (before, after) = (course(&before), course(&after));
            let same = (before.visibility, &before.agencies) == (after.visibility, &after.agencies);
            let expected = (!same).then_some((before.agencies, after.agencies));
            prop_assert_eq!(moved.get(&one.id), expected.as_ref());
        }
        prop_assert!(trial(&past, &before, &before, &city).is_empty(), "nothing moves by the same rules");
    }

    #[test]
    fn what_two_tables_differ_by_leads_from_one_to_the_other(before in rules(), after in rules()) {
        let Difference { added, removed } = difference(&before, &after);
        let said = |rules: &[Rule]| -> BTreeSet<String> {
            rules.iter().map(|rule| format!("{:?}", Rule { id: 0, ..rule.clone() })).collect()
        };
        let mut made = said(&before);
        made.retain(|rule| !said(&removed).contains(rule));
        made.extend(said(&added));
        prop_assert_eq!(made, said(&after));
        prop_assert_eq!(difference(&before, &before), Difference::default());
    }
}

#[test]
fn a_rule_for_one_kelurahan_leaves_its_kecamatan_open_and_the_kelurahan_beside_it() {
    let city = city();
    let rules = [Rule { category: Some("road".into()), area: Some("3171010001".into()), ..Rule::new(1, agency(1)) }];
    let checked = check(&rules, &city);
    let road = checked.holes.iter().find(|hole| hole.category.as_deref() == Some("road")).expect("a hole");
    let gap = |area: &str, whole| Gap { area: area.into(), whole };
    assert_eq!(road.gaps, [gap("31", false), gap("3171", false), gap("3171010", false), gap("3171010002", true), gap("3171020", true)]);
    assert!(!road.everywhere && !road.partly);
    assert!(checked.holes.iter().find(|hole| hole.category.as_deref() == Some("tree")).is_some_and(|hole| hole.everywhere));
    assert_eq!(checked.holes.last().expect("a hole").category, None, "of no known category, last");
}

#[test]
fn a_rule_that_asks_for_a_kind_leaves_the_other_kinds_open() {
    let city = city();
    let rules = [Rule { kind: Some("aspiration".into()), category: Some("road".into()), ..Rule::new(1, agency(1)) }];
    let checked = check(&rules, &city);
    let road = checked.holes.iter().find(|hole| hole.category.as_deref() == Some("road")).expect("a hole");
    assert!(road.everywhere && road.partly);
    let all = check(&[Rule::new(1, agency(1))], &city);
    assert_eq!(all, Checked::default(), "one rule for everything has no hole");
}

#[test]
fn a_rule_whose_words_of_bribery_count_differently_moves_complaints_too() {
    let mut city = city();
    city.inspectorates.insert(agency(3));
    let rule = |despite_ethics| [Rule { category: Some("road".into()), despite_ethics, ..Rule::new(1, agency(1)) }];
    let past = Past {
        id: ComplaintId(Uuid::from_u128(1)),
        category: Some("road".into()),
        area: None,
        kind: None,
        adapter: chat(),
        account: "1".into(),
        ethics: true,
        grade: Visibility::Hidden,
    };
    let moved = trial(&[past], &rule(true), &rule(false), &city);
    assert_eq!(moved.iter().map(|(_, to)| to.clone()).collect::<Vec<_>>(), [(vec![agency(1)], vec![agency(3)])]);
}
