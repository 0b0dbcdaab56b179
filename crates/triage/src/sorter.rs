//! Sorts complaints by what people decided on earlier ones: agencies, topics, kinds.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::{
    bag::{Bag, Block, Kind, hash, is_number, letters, pairs, stem, words},
    linear::{Fit, Linear},
    text::{self, Word},
};

/// One complaint that people decided on.
#[derive(Debug, Clone, Copy)]
pub struct Example<'a> {
    /// What was written.
    pub text: &'a str,
    /// What stood in the field for the place; may be empty.
    pub place: &'a str,
    /// What was decided: the name of a class.
    pub label: &'a str,
    /// A finer decision that the label mostly follows from (the topic, where the label is an agency); empty if there is none.
    pub fine: &'a str,
}

/// What a class is thought of.
#[derive(Debug, Clone, PartialEq)]
pub struct Likely<'a> {
    /// The class.
    pub label: &'a str,
    /// Between 0 and 1; of all classes together 1.
    pub probability: f32,
}

/// A learned model of one decision.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sorter {
    labels: Vec<String>,
    direct: Linear,
    by_fine: Option<ByFine>,
}

/// The way over the finer decision.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct ByFine {
    model: Linear,
    /// For every finer class, how often each label followed.
    then: Vec<Vec<f32>>,
}

/// Finer classes with fewer rows are told together, label by label.
const LEAST_FINE: usize = 4;

/// Many fine classes share the margins: these must become probabilities more sharply.
const FINE_SHARPNESS: f32 = 8.0;

/// How the parts of a text count beside each other.
const WORDS: f32 = 1.0;
const PAIRS: f32 = 0.7;
const STEMS: f32 = 0.6;
const LETTERS: f32 = 0.9;
const PLACE: f32 = 0.5;

/// What the models of this module see of a text.
pub(crate) fn bag(text: &[Word], place: &[Word]) -> Bag {
    let all: Vec<&Word> = text.iter().collect();
    let place: Vec<&Word> = place.iter().collect();
    let stems = all.iter().map(|word| hash(Kind::Stem, &[stem(&word.form)])).collect();
    let block = |weight, features| Block { weight, features };
    Bag(vec![
        block(WORDS, words(Kind::Word, &all)),
        block(PAIRS, pairs(Kind::Pair, &all)),
        block(STEMS, stems),
        block(LETTERS, letters(Kind::Letters, &all)),
        block(PLACE, words(Kind::Place, &place)),
    ])
}

impl Sorter {
    /// Learns from decided complaints. The same rows in the same order give the same model. With no row, or one label only, nothing
    /// can be learned.
    pub fn learn(rows: &[Example<'_>]) -> Option<Self> {
        let labels = numbered(rows.iter().map(|row| row.label));
        if labels.len() < 2 {
            return None;
        }
        let bags: Vec<Bag> = rows.iter().map(|row| bag(&text::words(row.text), &text::words(row.place))).collect();
        let decided: Vec<usize> = rows.iter().map(|row| labels[row.label]).collect();
        let direct = Linear::learn(&bags, &decided, labels.len(), Fit::default());
        let by_fine = rows.iter().any(|row| !row.fine.is_empty()).then(|| ByFine::learn(rows, &bags, &decided, labels.len()));
        Some(Self { labels: labels.into_keys().map(str::to_owned).collect(), direct, by_fine })
    }

    /// Every class, the likeliest first.
    pub fn sort(&self, text: &str, place: &str) -> Vec<Likely<'_>> {
        self.sort_bag(&bag(&text::words(text), &text::words(place)))
    }

    pub(crate) fn sort_bag(&self, bag: &Bag) -> Vec<Likely<'_>> {
        let mut scores = self.direct.probabilities(bag);
        if let Some(by_fine) = &self.by_fine {
            let other = by_fine.probabilities(bag, scores.len());
            for (score, other) in scores.iter_mut().zip(other) {
                *score = (score.max(1e-6).ln() + other.max(1e-6).ln()) * 0.5;
            }
            crate::linear::softmax(&mut scores);
        }
        let mut guesses: Vec<Likely<'_>> =
            self.labels.iter().zip(scores).map(|(label, probability)| Likely { label, probability }).collect();
        guesses.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        guesses
    }

    /// The root of the probability of every class, in one order: the product of two of these is how much they overlap.
    pub(crate) fn roots(&self, bag: &Bag) -> Vec<f32> {
        let mut all = self.direct.probabilities(bag);
        for probability in &mut all {
            *probability = probability.sqrt();
        }
        all
    }

    /// Up to three words of the text that speak most for a class, in normal form.
    pub(crate) fn words_for(&self, text: &[Word], bag: &Bag, label: &str) -> Vec<String> {
        let Some(class) = self.labels.iter().position(|known| known == label) else { return Vec::new() };
        let speaks: FxHashMap<u32, f32> = self.direct.speaks_for(bag, class).into_iter().collect();
        let by = |kind, form: &str| speaks.get(&hash(kind, &[form])).copied().unwrap_or(0.0);
        let mut words: Vec<(f32, &str)> = text
            .iter()
            .filter(|word| word.form.chars().count() > 2 && !is_number(&word.form))
            .map(|word| (by(Kind::Word, &word.form) + by(Kind::Stem, stem(&word.form)), word.form.as_str()))
            .filter(|(value, _)| *value > 0.0)
            .collect();
        words.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        words.dedup_by_key(|(_, form)| *form);
        words.into_iter().take(3).map(|(_, form)| form.to_owned()).collect()
    }

    /// Whether nothing in it points outside of it: it may come from a damaged file.
    pub(crate) fn is_whole(&self) -> bool {
        let fine = |by_fine: &ByFine| {
            by_fine.model.is_whole(by_fine.then.len()) && by_fine.then.iter().all(|then| then.len() == self.labels.len())
        };
        self.direct.is_whole(self.labels.len()) && self.by_fine.as_ref().is_none_or(fine)
    }

    /// Bytes it takes in memory, about.
    pub fn bytes(&self) -> usize {
        self.direct.bytes() + self.by_fine.as_ref().map_or(0, |by_fine| by_fine.model.bytes())
    }
}

impl ByFine {
    fn learn(rows: &[Example<'_>], bags: &[Bag], decided: &[usize], labels: usize) -> Self {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for row in rows {
            *counts.entry(row.fine).or_default() += 1;
        }
        let name = |row: &Example<'_>| {
            let enough = !row.fine.is_empty() && counts[row.fine] >= LEAST_FINE;
            if enough { format!("fine {}", row.fine) } else { format!("label {}", row.label) }
        };
        let names: Vec<String> = rows.iter().map(name).collect();
        let fine = numbered(names.iter().map(String::as_str));
        let numbers: Vec<usize> = names.iter().map(|name| fine[name.as_str()]).collect();
        let mut then = vec![vec![0.02_f32; labels]; fine.len()];
        for (&fine, &label) in numbers.iter().zip(decided) {
            then[fine][label] += 1.0;
        }
        for row in &mut then {
            let sum: f32 = row.iter().sum();
            for share in row.iter_mut() {
                *share /= sum;
            }
        }
        Self { model: Linear::learn(bags, &numbers, fine.len(), Fit { sharpness: FINE_SHARPNESS, ..Fit::default() }), then }
    }

    fn probabilities(&self, bag: &Bag, labels: usize) -> Vec<f32> {
        let mut all = vec![0.0; labels];
        for (probability, then) in self.model.probabilities(bag).into_iter().zip(&self.then) {
            for (sum, share) in all.iter_mut().zip(then) {
                *sum += probability * share;
            }
        }
        all
    }
}

fn numbered<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    let mut all: BTreeMap<&str, usize> = names.map(|name| (name, 0)).collect();
    for (number, value) in all.values_mut().enumerate() {
        *value = number;
    }
    all
}
