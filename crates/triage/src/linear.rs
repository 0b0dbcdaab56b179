//! A linear model of many classes: what intake asks, and how it is learned.
//!
//! Features are hashes (see [`crate::bag`]); each has one byte of weight per class. Learned as one support vector machine a class, this class against
//! all others (squared hinge, dual coordinate descent: Hsieh and others, 2008), in an order that a seed fixes: the same rows give the same model.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::bag::Bag;

/// A text as a list of known features and their values.
pub(crate) type Vector = Vec<(u32, f32)>;

/// Which features are known, and how rare each is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Vocabulary {
    known: FxHashMap<u32, u32>,
    /// By number: the logarithm of how rare it is.
    rarity: Vec<f32>,
}

/// How a model is learned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fit {
    /// Features in fewer rows are left out.
    pub(crate) least_rows: usize,
    /// How often every row is shown, at most.
    pub(crate) rounds: usize,
    /// What a row on the wrong side costs, beside large weights.
    pub(crate) cost: f32,
    /// How sharply margins become probabilities.
    pub(crate) sharpness: f32,
}

impl Default for Fit {
    fn default() -> Self {
        Self { least_rows: 2, rounds: 25, cost: 0.4, sharpness: 4.0 }
    }
}

/// A learned model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Linear {
    vocabulary: Vocabulary,
    classes: usize,
    /// Row by feature, a byte a class; times the row's scale.
    weights: Vec<i8>,
    scales: Vec<f32>,
    bias: Vec<f32>,
    sharpness: f32,
}

impl Vocabulary {
    pub(crate) fn learn<'a>(bags: impl Iterator<Item = &'a Bag>, least_rows: usize) -> Self {
        let mut rows: FxHashMap<u32, u32> = FxHashMap::default();
        let mut all = 0_u32;
        for bag in bags {
            all += 1;
            let mut features: Vec<u32> = bag.0.iter().flat_map(|block| block.features.iter().copied()).collect();
            features.sort_unstable();
            features.dedup();
            for feature in features {
                *rows.entry(feature).or_default() += 1;
            }
        }
        let mut kept: Vec<(u32, u32)> = rows.into_iter().filter(|&(_, count)| count as usize >= least_rows).collect();
        kept.sort_unstable();
        let rarity = kept.iter().map(|&(_, count)| ((1.0 + all as f32) / (1.0 + count as f32)).ln() + 1.0).collect();
        let known = kept.iter().zip(0..).map(|(&(feature, _), number)| (feature, number)).collect();
        Self { known, rarity }
    }

    /// Known features with their values: rare ones count more, a repeated one a little more, and each block as much as its weight.
    pub(crate) fn vector(&self, bag: &Bag) -> Vector {
        let mut vector = Vector::with_capacity(bag.0.iter().map(|block| block.features.len()).sum());
        let mut numbers = Vec::new();
        for block in &bag.0 {
            numbers.clear();
            numbers.extend(block.features.iter().filter_map(|feature| self.known.get(feature).copied()));
            numbers.sort_unstable();
            let from = vector.len();
            for same in numbers.chunk_by(|a, b| a == b) {
                vector.push((same[0], (1.0 + (same.len() as f32).ln()) * self.rarity[same[0] as usize]));
            }
            let length = vector[from..].iter().map(|(_, value)| value * value).sum::<f32>().sqrt().max(1e-6);
            for (_, value) in &mut vector[from..] {
                *value *= block.weight / length;
            }
        }
        vector
    }

    pub(crate) fn len(&self) -> usize {
        self.rarity.len()
    }

    /// Every feature has its rarity.
    pub(crate) fn is_whole(&self) -> bool {
        self.known.values().all(|&number| (number as usize) < self.rarity.len())
    }

    /// Bytes it takes in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        self.rarity.len() * (4 + 14)
    }

    /// All features with their values, for who has not learned how rare they are.
    pub(crate) fn unlearned(bag: &Bag) -> Vector {
        let mut features: Vec<u32> = bag.0.iter().flat_map(|block| block.features.iter().copied()).collect();
        features.sort_unstable();
        let mut vector: Vector = features.chunk_by(|a, b| a == b).map(|same| (same[0], 1.0 + (same.len() as f32).ln())).collect();
        let length = vector.iter().map(|(_, value)| value * value).sum::<f32>().sqrt().max(1e-6);
        for (_, value) in &mut vector {
            *value /= length;
        }
        vector
    }
}

impl Linear {
    /// Learns from bags and the number of the class of each. `classes` is one more than the highest number.
    pub(crate) fn learn(bags: &[Bag], labels: &[usize], classes: usize, fit: Fit) -> Self {
        let vocabulary = Vocabulary::learn(bags.iter(), fit.least_rows);
        let vectors: Vec<Vector> = bags.iter().map(|bag| vocabulary.vector(bag)).collect();
        let (weights, bias) = separate(&vectors, labels, classes, vocabulary.len(), fit);
        let mut scales = Vec::with_capacity(vocabulary.len());
        let mut bytes = Vec::with_capacity(weights.len());
        for row in weights.chunks_exact(classes.max(1)) {
            let scale = row.iter().fold(0.0_f32, |most, weight| most.max(weight.abs())) / 127.0;
            scales.push(scale);
            #[expect(clippy::cast_possible_truncation, reason = "between -127 and 127 by the scale")]
            bytes.extend(row.iter().map(|weight| if scale > 0.0 { (weight / scale).round() as i8 } else { 0 }));
        }
        Self { vocabulary, classes, weights: bytes, scales, bias, sharpness: fit.sharpness }
    }

    /// Probability of every class.
    pub(crate) fn probabilities(&self, bag: &Bag) -> Vec<f32> {
        let mut scores = self.bias.clone();
        for (feature, value) in self.vocabulary.vector(bag) {
            let feature = feature as usize;
            let factor = value * self.scales[feature];
            let row = &self.weights[feature * self.classes..(feature + 1) * self.classes];
            for (score, &weight) in scores.iter_mut().zip(row) {
                *score += factor * f32::from(weight);
            }
        }
        for score in &mut scores {
            *score *= self.sharpness;
        }
        softmax(&mut scores);
        scores
    }

    /// How much each of these features speaks for a class, beside its mean over the others.
    pub(crate) fn speaks_for(&self, bag: &Bag, class: usize) -> Vec<(u32, f32)> {
        let mut by_number: FxHashMap<u32, f32> = FxHashMap::default();
        for (feature, value) in self.vocabulary.vector(bag) {
            let at = feature as usize;
            let row = &self.weights[at * self.classes..(at + 1) * self.classes];
            let mean = row.iter().map(|&weight| f32::from(weight)).sum::<f32>() / self.classes as f32;
            *by_number.entry(feature).or_default() += value * self.scales[at] * (f32::from(row[class]) - mean);
        }
        let features = bag.0.iter().flat_map(|block| block.features.iter());
        features.filter_map(|feature| Some((*feature, *by_number.get(self.vocabulary.known.get(feature)?)?))).collect()
    }

    /// Whether it has this many classes and every feature has its weights.
    pub(crate) fn is_whole(&self, classes: usize) -> bool {
        let features = self.vocabulary.len();
        self.classes == classes
            && classes > 0
            && self.bias.len() == classes
            && self.scales.len() == features
            && features.checked_mul(classes) == Some(self.weights.len())
            && self.vocabulary.known.values().all(|&number| (number as usize) < features)
    }

    /// Bytes it takes in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        self.weights.len() + self.vocabulary.len() * (4 + 4 + 14)
    }
}

/// Scores become probabilities.
pub(crate) fn softmax(scores: &mut [f32]) {
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - most).exp();
        sum += *score;
    }
    for score in scores.iter_mut() {
        *score /= sum;
    }
}

/// Numbers that look random and are the same every time (an xorshift; nothing secret hangs on it).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Any seed will do.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or_default() % end.max(1)
    }

    /// Puts a slice into another order.
    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for at in (1..all.len()).rev() {
            all.swap(at, self.below(at + 1));
        }
    }
}

/// Weights row by feature, and the bias of each class.
fn separate(vectors: &[Vector], labels: &[usize], classes: usize, features: usize, fit: Fit) -> (Vec<f32>, Vec<f32>) {
    let mut weights = vec![0.0_f32; features * classes];
    let mut bias = vec![0.0_f32; classes];
    let lengths: Vec<f32> = vectors.iter().map(|vector| vector.iter().map(|(_, value)| value * value).sum::<f32>() + 1.0).collect();
    for class in 0..classes {
        let (own, start) = one_against_all(vectors, &lengths, |row| labels[row] == class, features, fit);
        for (feature, weight) in own.into_iter().enumerate() {
            weights[feature * classes + class] = weight;
        }
        bias[class] = start;
    }
    (weights, bias)
}

/// Rows whose multiplier moves less than this are done.
const STILL: f32 = 0.02;

fn one_against_all(vectors: &[Vector], lengths: &[f32], is_own: impl Fn(usize) -> bool, features: usize, fit: Fit) -> (Vec<f32>, f32) {
    let mut weights = vec![0.0_f32; features];
    let mut bias = 0.0_f32;
    let mut multipliers = vec![0.0_f32; vectors.len()];
    let give = 0.5 / fit.cost;
    let mut active: Vec<usize> = (0..vectors.len()).collect();
    let mut dice = Dice::new(7);
    let mut far = f32::INFINITY;
    for _ in 0..fit.rounds {
        dice.shuffle(&mut active);
        let (mut most, mut least) = (f32::NEG_INFINITY, f32::INFINITY);
        active.retain(|&row| {
            let side = if is_own(row) { 1.0 } else { -1.0 };
            let vector = &vectors[row];
            let score = vector.iter().map(|&(feature, value)| value * weights[feature as usize]).sum::<f32>() + bias;
            let slope = side * score - 1.0 + give * multipliers[row];
            if multipliers[row] == 0.0 && slope > far {
                return false;
            }
            let projected = if multipliers[row] == 0.0 { slope.min(0.0) } else { slope };
            most = most.max(projected);
            least = least.min(projected);
            if projected.abs() > 1e-6 {
                let before = multipliers[row];
                multipliers[row] = (before - slope / (lengths[row] + give)).max(0.0);
                let step = (multipliers[row] - before) * side;
                for &(feature, value) in vector {
                    weights[feature as usize] += step * value;
                }
                bias += step;
            }
            true
        });
        // A row that is far on its right side is not looked at again: it will hardly come back.
        far = if most <= 0.0 { f32::INFINITY } else { most };
        if most - least < STILL {
            break;
        }
    }
    (weights, bias)
}
