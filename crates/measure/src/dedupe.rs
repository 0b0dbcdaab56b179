//! `dedupe`: whether two complaints are about one thing.

use std::{collections::BTreeMap, path::Path, time::Instant};

use anyhow::Context as _;
use rustc_hash::FxHashMap;
use triage::{CANDIDATES, Example, FOUND, Figures, Floors, LATEST_OF_A_KEY, Scored, Seen, Side, Sorter, Twins, WINDOW};

use crate::{
    Report,
    data::{self, Complaint, Pair, seconds},
    fold::{Fold, by_group, linked},
    score::{figure, ratio},
};

/// A pair with its figures.
struct Row<'a> {
    pair: &'a Pair,
    figures: Figures,
    same: bool,
    group: usize,
}

/// What was said of a pair.
struct Answer<'a> {
    row: &'a Row<'a>,
    probability: f32,
    said: bool,
    joined: bool,
}

/// Measures on `asked`, learning from `learned`; both are `None`-or-the-same for folds.
pub fn run(name: &str, learn_file: &Path, ask_file: Option<&Path>, corpus: &Path, report: &mut Report) -> anyhow::Result<()> {
    let started = Instant::now();
    let corpus = data::complaints(corpus).unwrap_or_default();
    let texts: Vec<(&str, &str)> = corpus.iter().map(|row| (row.text.as_str(), row.address.as_str())).collect();
    let learned = load(learn_file)?;
    let asked = ask_file.map(load).transpose()?;
    let compared = |id: &String| learned.documents.contains_key(id) || asked.as_ref().is_some_and(|asked| asked.documents.contains_key(id));
    let others: Vec<Example<'_>> = corpus
        .iter()
        .filter(|row| !row.topic.is_empty() && !compared(&row.id))
        .map(|row| Example { text: &row.text, place: &row.address, label: &row.topic, fine: "" })
        .collect();
    let twins = Twins::read(&if texts.is_empty() { learned.texts() } else { texts }).knowing(Sorter::of_subjects(&frequent(others)));
    let rows = learned.rows(&twins)?;
    report.say(&format!("{name}: read in {:.1} s", started.elapsed().as_secs_f64()));
    if let Some(asked) = &asked {
        let ask_rows = asked.rows(&twins)?;
        let floors = floors(&rows, &(0..rows.len()).collect::<Vec<_>>(), &twins);
        let judge = judge(&twins, rows.iter());
        let answers: Vec<Answer<'_>> = ask_rows.iter().map(|row| answer(&judge, row, floors)).collect();
        let mut shelf = Shelf::new(format!("{name} among documents"), &judge, asked, &[]);
        for row in &ask_rows {
            shelf.ask(&judge, asked, row);
        }
        shelf.say(report);
        return say(name, &answers, report);
    }
    let mut shelves = [
        Shelf::new(format!("{name} among documents"), &twins, &learned, &[]),
        Shelf::new(format!("{name} among all"), &twins, &learned, &corpus),
        Shelf::new(String::new(), &twins, &learned, &corpus).by_key(format!("{name} among all, by key"), &learned, &corpus, CALM),
        Shelf::new(String::new(), &twins, &learned, &corpus).by_key(
            format!("{name} among all, by key, in a flood"),
            &learned,
            &corpus,
            FLOOD,
        ),
    ];
    let groups: Vec<usize> = rows.iter().map(|row| row.group).collect();
    for seed in 1..=3 {
        let mut answers = Vec::new();
        for Fold { learn, ask } in by_group(&groups, 10, seed) {
            let floors = floors(&rows, &learn, &twins);
            let judge = judge(&twins, learn.iter().map(|&row| &rows[row]));
            answers.extend(ask.iter().map(|&row| answer(&judge, &rows[row], floors)));
            for shelf in shelves.iter_mut().filter(|_| seed == 1) {
                for &row in &ask {
                    shelf.ask(&judge, &learned, &rows[row]);
                }
            }
        }
        say(&format!("{name} order {seed}"), &answers, report)?;
    }
    for shelf in &shelves {
        shelf.say(report);
    }
    Ok(())
}

/// Subjects with fewer complaints are left out.
const LEAST_OF_SUBJECT: usize = 15;

fn frequent(rows: Vec<Example<'_>>) -> Vec<Example<'_>> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &rows {
        *counts.entry(row.label).or_default() += 1;
    }
    let counts: BTreeMap<String, usize> = counts.into_iter().map(|(label, count)| (label.to_owned(), count)).collect();
    rows.into_iter().filter(|row| counts[row.label] >= LEAST_OF_SUBJECT).collect()
}

/// Pairs and the complaints they speak of.
struct Loaded {
    pairs: Vec<Pair>,
    documents: FxHashMap<String, Complaint>,
}

fn load(file: &Path) -> anyhow::Result<Loaded> {
    let pairs = data::rows(file)?;
    let documents = data::documents(file)?.into_iter().map(|row| (row.id.clone(), row)).collect();
    Ok(Loaded { pairs, documents })
}

impl Loaded {
    fn texts(&self) -> Vec<(&str, &str)> {
        self.documents.values().map(|row| (row.text.as_str(), row.address.as_str())).collect()
    }

    fn rows(&self, twins: &Twins) -> anyhow::Result<Vec<Row<'_>>> {
        let mut number: FxHashMap<&str, usize> = FxHashMap::default();
        let mut links = Vec::new();
        for pair in &self.pairs {
            let next = number.len();
            let a = *number.entry(&pair.a_id).or_insert(next);
            let next = number.len();
            let b = *number.entry(&pair.b_id).or_insert(next);
            links.push((a, b));
        }
        let groups = linked(number.len(), &links);
        let mut seen: FxHashMap<&str, Seen> = FxHashMap::default();
        let mut rows = Vec::new();
        for (pair, (a, _)) in self.pairs.iter().zip(&links) {
            for id in [&pair.a_id, &pair.b_id] {
                let document = self.documents.get(id).with_context(|| format!("complaint {id} is in no docs_*.csv"))?;
                seen.entry(id).or_insert_with(|| twins.see(&side(document)));
            }
            let figures = twins.figures(&seen[pair.a_id.as_str()], &seen[pair.b_id.as_str()]);
            rows.push(Row { pair, figures, same: pair.label == "same", group: groups[*a] });
        }
        Ok(rows)
    }
}

fn side(row: &Complaint) -> Side<'_> {
    Side { text: &row.text, place: &row.address, area: &row.kelurahan_id, at: seconds(&row.created_at) }
}

fn judge<'a>(twins: &Twins, rows: impl Iterator<Item = &'a Row<'a>>) -> Twins {
    let pairs: Vec<(Figures, bool)> = rows.map(|row| (row.figures, row.same)).collect();
    twins.clone().judging(&pairs)
}

fn answer<'a>(judge: &Twins, row: &'a Row<'a>, floors: Floors) -> Answer<'a> {
    let probability = judge.same(&row.figures);
    Answer { row, probability, said: probability >= floors.same, joined: probability >= floors.join && judge.may_join(&row.figures) }
}

/// Finds both floors by folds within the rows to learn from.
fn floors(rows: &[Row<'_>], learn: &[usize], twins: &Twins) -> Floors {
    let groups: Vec<usize> = learn.iter().map(|&row| rows[row].group).collect();
    let mut scored: Vec<Scored> = Vec::new();
    for Fold { learn: inner, ask } in by_group(&groups, 5, 11) {
        let judge = judge(twins, inner.iter().map(|&at| &rows[learn[at]]));
        scored.extend(ask.iter().map(|&at| {
            let row = &rows[learn[at]];
            let counts = row.pair.stratum != "AUTO" && row.pair.confidence != "low";
            Scored { probability: judge.same(&row.figures), same: row.same, counts, may_join: judge.may_join(&row.figures) }
        }));
    }
    triage::floors(scored)
}

fn say(name: &str, answers: &[Answer<'_>], report: &mut Report) -> anyhow::Result<()> {
    let hard: Vec<&Answer<'_>> =
        answers.iter().filter(|answer| answer.row.pair.confidence == "high" && answer.row.pair.stratum != "AUTO").collect();
    let group = |answer: &&Answer<'_>| answer.row.group;
    let counts = |rows: &[&&Answer<'_>], said: &dyn Fn(&Answer<'_>) -> bool| {
        let right = rows.iter().filter(|row| row.row.same && said(row)).count();
        (right, rows.iter().filter(|row| said(row)).count(), rows.iter().filter(|row| row.row.same).count())
    };
    let said = |answer: &Answer<'_>| answer.said;
    let joined = |answer: &Answer<'_>| answer.joined;
    report.say(&format!("{name}: {} pairs, {} of high confidence and not by rule", answers.len(), hard.len()));
    report.figure(
        &format!("{name} F1"),
        figure(&hard, group, |rows| {
            let (right, said, all) = counts(rows, &said);
            2.0 * ratio(right, said + all)
        }),
    );
    report.figure(&format!("{name} precision"), figure(&hard, group, |rows| ratio(counts(rows, &said).0, counts(rows, &said).1)));
    report.figure(&format!("{name} recall"), figure(&hard, group, |rows| ratio(counts(rows, &said).0, counts(rows, &said).2)));
    for difficulty in ["verbatim", "near", "paraphrase", "rewritten"] {
        let some: Vec<&Answer<'_>> = hard.iter().copied().filter(|answer| answer.row.pair.difficulty == difficulty).collect();
        report.figure(
            &format!("{name} recall {difficulty}"),
            figure(&some, group, |rows| ratio(counts(rows, &said).0, counts(rows, &said).2)),
        );
    }
    report.figure(&format!("{name} join precision"), figure(&hard, group, |rows| ratio(counts(rows, &joined).0, counts(rows, &joined).1)));
    report.figure(&format!("{name} join recall"), figure(&hard, group, |rows| ratio(counts(rows, &joined).0, counts(rows, &joined).2)));
    let by_rule =
        |said: &dyn Fn(&Answer<'_>) -> bool| answers.iter().filter(|answer| answer.row.pair.stratum == "AUTO" && said(answer)).count();
    report.say(&format!("  of the pairs that are different by rule: {} said the same, {} joined", by_rule(&said), by_rule(&joined)));
    let mut ranked: Vec<&Answer<'_>> = hard.clone();
    ranked.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    let (mut right, mut area, mut seen) = (0, 0.0, 0);
    for answer in ranked {
        seen += 1;
        if answer.row.same {
            right += 1;
            area += ratio(right, seen);
        }
    }
    report.say(&format!("  average precision {:.3}", area / right.max(1) as f64));
    let lines = answers.iter().map(|answer| {
        let pair = answer.row.pair;
        let mut line = vec![
            pair.pair_id.clone(),
            pair.a_id.clone(),
            pair.b_id.clone(),
            pair.label.clone(),
            format!("{:.4}", answer.probability),
            u8::from(answer.said).to_string(),
            u8::from(answer.joined).to_string(),
        ];
        line.extend(answer.row.figures.iter().map(|figure| format!("{figure:.3}")));
        line
    });
    let mut header = vec!["pair_id", "a_id", "b_id", "truth", "probability", "same", "joined"];
    header.extend(triage::NAMES);
    report.table(name, &header, lines)
}

/// How much is looked for by key.
#[derive(Clone, Copy)]
struct Reach {
    /// Of its keys, those that say most.
    keys: usize,
    /// Of each key the latest.
    latest: usize,
    /// Those that share most.
    found: usize,
}

/// As intake does it when few complaints come at once.
const CALM: Reach = Reach { keys: usize::MAX, latest: LATEST_OF_A_KEY, found: FOUND };
/// As it does when two hundred wait: see `intake::incident`.
const FLOOD: Reach = Reach { keys: 8, latest: 10, found: 10 };

/// Where complaints are kept by key, the latest last.
struct Index<'a> {
    kept: FxHashMap<i64, Vec<(i64, &'a str)>>,
    reach: Reach,
}

/// Every complaint that could be the earlier one, made ready.
struct Shelf<'a> {
    name: String,
    all: BTreeMap<&'a str, Seen>,
    /// If only those are looked at that are found by key, as in the database.
    index: Option<Index<'a>>,
    /// The group of the pair and how many candidates stood before the true one.
    found: Vec<(usize, usize)>,
    nanos: Vec<f64>,
}

impl<'a> Shelf<'a> {
    fn new(name: String, twins: &Twins, loaded: &'a Loaded, corpus: &'a [Complaint]) -> Self {
        let rows = corpus.iter().chain(loaded.documents.values());
        let all = rows.map(|row| (row.id.as_str(), twins.see(&side(row)))).collect();
        Self { name, all, index: None, found: Vec::new(), nanos: Vec::new() }
    }

    /// The same shelf, found by key.
    fn by_key(self, name: String, loaded: &'a Loaded, corpus: &'a [Complaint], reach: Reach) -> Self {
        let mut index: FxHashMap<i64, Vec<(i64, &str)>> = FxHashMap::default();
        let mut known = std::collections::BTreeSet::new();
        for row in corpus.iter().chain(loaded.documents.values()).filter(|row| known.insert(row.id.as_str())) {
            for key in triage::keys(&side(row), None).kept {
                index.entry(key).or_default().push((seconds(&row.created_at), row.id.as_str()));
            }
        }
        for kept in index.values_mut() {
            kept.sort_unstable();
        }
        Self { name, index: Some(Index { kept: index, reach }), ..self }
    }

    /// As intake finds them: the latest under each key, then those that share most.
    fn found_by_key(Index { kept: index, reach }: &Index<'a>, asked: &Complaint) -> Vec<&'a str> {
        let now = seconds(&asked.created_at);
        let mut shares: FxHashMap<&str, f32> = FxHashMap::default();
        for (key, says) in triage::keys(&side(asked), None).strongest(reach.keys) {
            let kept = index.get(&key).map(Vec::as_slice).unwrap_or_default();
            let earlier = kept.iter().rev().filter(|(at, id)| *at <= now && now - at <= WINDOW && *id != asked.id);
            for (_, id) in earlier.take(reach.latest) {
                *shares.entry(id).or_default() += says;
            }
        }
        let mut shares: Vec<(&str, f32)> = shares.into_iter().collect();
        shares.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.0.cmp(a.0)));
        shares.into_iter().take(reach.found).map(|(id, _)| id).collect()
    }

    /// For a pair that is the same: how many candidates stand before the earlier one when the later one is asked about.
    fn ask(&mut self, judge: &Twins, loaded: &Loaded, row: &Row<'_>) {
        if !row.same || row.pair.confidence != "high" {
            return;
        }
        let at = |id: &str| loaded.documents.get(id).map_or(0, |row| seconds(&row.created_at));
        let (a, b) = (&row.pair.a_id, &row.pair.b_id);
        let (old, new) = if (at(a), a) < (at(b), b) { (a, b) } else { (b, a) };
        let asked = &self.all[new.as_str()];
        let started = Instant::now();
        let earlier = |(id, other): &(&&str, &Seen)| **id != new.as_str() && other.at() <= asked.at() && asked.at() - other.at() <= WINDOW;
        let ids: Vec<&str> = match &self.index {
            Some(index) => Self::found_by_key(index, &loaded.documents[new]),
            None => self.all.iter().filter(earlier).map(|(id, _)| *id).collect(),
        };
        let others: Vec<&Seen> = ids.iter().map(|id| &self.all[id]).collect();
        let ranked = judge.rank(asked, &others);
        let place = ranked.iter().position(|one| ids[one.at] == old).unwrap_or(usize::MAX);
        self.nanos.push(started.elapsed().as_nanos() as f64);
        self.found.push((row.group, place));
    }

    fn say(&self, report: &mut Report) {
        let name = &self.name;
        report.say(&format!("{name}: {} complaints stored", self.all.len()));
        for most in [5, CANDIDATES] {
            let within = figure(&self.found, |row| row.0, |rows| crate::score::share(rows, |row: &(usize, usize)| row.1 < most));
            report.figure(&format!("{name} within the first {most}"), within);
        }
        report.say(&format!(
            "  looking through all takes {:.0} µs",
            self.nanos.iter().sum::<f64>() / 1000.0 / self.nanos.len().max(1) as f64
        ));
    }
}
