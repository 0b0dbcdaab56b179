//! Sorts complaints by what people decided on earlier ones: agencies, topics, kinds.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::{
    bag::{Bag, Block, Kind, hash, is_number, letters, pairs, stem, words},
    linear::{Fit, Linear, Vector, Vocabulary},
    net::{self, Net},
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
    vocabulary: Vocabulary,
    direct: Linear,
    by_fine: Option<ByFine>,
    net: Option<Net>,
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
        Self::from_rows(rows, true)
    }

    /// The same without the net: enough for telling how alike the subjects of two complaints are, in less time and memory.
    pub fn of_subjects(rows: &[Example<'_>]) -> Option<Self> {
        Self::from_rows(rows, false)
    }

    fn from_rows(rows: &[Example<'_>], with_net: bool) -> Option<Self> {
        let labels = numbered(rows.iter().map(|row| row.label));
        if labels.len() < 2 {
            return None;
        }
        let bags: Vec<Bag> = rows.iter().map(|row| bag(&text::words(row.text), &text::words(row.place))).collect();
        let decided: Vec<usize> = rows.iter().map(|row| labels[row.label]).collect();
        let finer = fine_names(rows);
        let fine = numbered(finer.iter().map(String::as_str));
        let fit = Fit::default();
        let beside = if with_net { net::FEATURE_BYTES } else { 0 };
        let vocabulary = Vocabulary::learn(bags.iter(), fit.least_rows, labels.len() + fine.len() + beside);
        let vectors: Vec<Vector> = bags.into_iter().map(|bag| vocabulary.vector(&bag)).collect();
        let direct = Linear::learn(&vectors, vocabulary.len(), &decided, labels.len(), fit);
        let numbers: Vec<usize> = finer.iter().map(|name| fine[name.as_str()]).collect();
        let by_fine =
            (!fine.is_empty()).then(|| ByFine::learn(&vectors, vocabulary.len(), (&numbers, fine.len()), (&decided, labels.len())));
        let net = with_net.then(|| Net::learn(&vectors, vocabulary.len(), &decided, labels.len()));
        Some(Self { labels: labels.into_keys().map(str::to_owned).collect(), vocabulary, direct, by_fine, net })
    }

    /// Every class, the likeliest first.
    pub fn sort(&self, text: &str, place: &str) -> Vec<Likely<'_>> {
        self.sort_vector(&self.vector(&bag(&text::words(text), &text::words(place))))
    }

    /// A bag as this model sees it.
    pub(crate) fn vector(&self, bag: &Bag) -> Vector {
        self.vocabulary.vector(bag)
    }

    pub(crate) fn sort_vector(&self, vector: &Vector) -> Vec<Likely<'_>> {
        let mut scores = self.direct.probabilities(vector);
        if let Some(by_fine) = &self.by_fine {
            let other = by_fine.probabilities(vector, scores.len());
            agree(&mut scores, &other);
        }
        if let Some(net) = &self.net {
            agree(&mut scores, &net.probabilities(vector));
        }
        let mut guesses: Vec<Likely<'_>> =
            self.labels.iter().zip(scores).map(|(label, probability)| Likely { label, probability }).collect();
        guesses.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        guesses
    }

    /// The root of the probability of every class, in one order: the product of two of these is how much they overlap.
    pub(crate) fn roots(&self, bag: &Bag) -> Vec<f32> {
        let mut all = self.direct.probabilities(&self.vector(bag));
        for probability in &mut all {
            *probability = probability.sqrt();
        }
        all
    }

    /// Up to three words of the text that speak most for a class, in normal form.
    pub(crate) fn words_for(&self, text: &[Word], vector: &Vector, label: &str) -> Vec<String> {
        let Some(class) = self.labels.iter().position(|known| known == label) else { return Vec::new() };
        let values: FxHashMap<u32, f32> = vector.iter().copied().collect();
        let by = |kind, form: &str| -> f32 {
            let number = self.vocabulary.number(hash(kind, &[form]));
            number.map_or(0.0, |number| values.get(&number).map_or(0.0, |value| value * self.direct.speaks_for(number, class)))
        };
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
        let features = self.vocabulary.len();
        let fine = |by_fine: &ByFine| {
            by_fine.model.is_whole(features, by_fine.then.len()) && by_fine.then.iter().all(|then| then.len() == self.labels.len())
        };
        self.vocabulary.is_whole()
            && self.direct.is_whole(features, self.labels.len())
            && self.by_fine.as_ref().is_none_or(fine)
            && self.net.as_ref().is_none_or(|net| net.is_whole(features, self.labels.len()))
    }

    /// Bytes it takes in memory, about.
    pub fn bytes(&self) -> usize {
        let by_fine = self.by_fine.as_ref().map_or(0, |by_fine| by_fine.model.bytes());
        self.vocabulary.bytes() + self.direct.bytes() + by_fine + self.net.as_ref().map_or(0, Net::bytes)
    }
}

impl ByFine {
    /// From the number of the finer class and of the label of every row, each with how many there are.
    fn learn(vectors: &[Vector], features: usize, (numbers, fine): (&[usize], usize), (decided, labels): (&[usize], usize)) -> Self {
        let mut then = vec![vec![0.02_f32; labels]; fine];
        for (&fine, &label) in numbers.iter().zip(decided) {
            then[fine][label] += 1.0;
        }
        for row in &mut then {
            let sum: f32 = row.iter().sum();
            for share in row.iter_mut() {
                *share /= sum;
            }
        }
        let fit = Fit { sharpness: FINE_SHARPNESS, ..Fit::default() };
        Self { model: Linear::learn(vectors, features, numbers, fine, fit), then }
    }

    fn probabilities(&self, vector: &Vector, labels: usize) -> Vec<f32> {
        let mut all = vec![0.0; labels];
        for (probability, then) in self.model.probabilities(vector).into_iter().zip(&self.then) {
            for (sum, share) in all.iter_mut().zip(then) {
                *sum += probability * share;
            }
        }
        all
    }
}

/// The finer class of every row, or where that is rare or missing, its label; empty if no row has one.
fn fine_names(rows: &[Example<'_>]) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows.iter().filter(|row| !row.fine.is_empty()) {
        *counts.entry(row.fine).or_default() += 1;
    }
    if counts.is_empty() {
        return Vec::new();
    }
    let enough = |row: &Example<'_>| counts.get(row.fine).is_some_and(|&count| count >= LEAST_FINE);
    let name = |row: &Example<'_>| if enough(row) { format!("fine {}", row.fine) } else { format!("label {}", row.label) };
    rows.iter().map(name).collect()
}

/// Two opinions become one: the root of their product, so that it is no surer than both.
fn agree(scores: &mut [f32], other: &[f32]) {
    for (score, other) in scores.iter_mut().zip(other) {
        *score = f32::midpoint(score.max(1e-6).ln(), other.max(1e-6).ln());
    }
    crate::linear::softmax(scores);
}

fn numbered<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    let mut all: BTreeMap<&str, usize> = names.map(|name| (name, 0)).collect();
    for (number, value) in all.values_mut().enumerate() {
        *value = number;
    }
    all
}
