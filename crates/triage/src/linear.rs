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

/// A learned model over the features of a [`Vocabulary`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Linear {
    classes: usize,
    /// Row by feature, a byte a class; times the row's scale.
    weights: Vec<i8>,
    scales: Vec<f32>,
    bias: Vec<f32>,
    sharpness: f32,
}

/// What the models of one question may take in memory together, in bytes: three questions stay below 50 MB.
const MOST_BYTES: usize = 15_000_000;

impl Vocabulary {
    /// Knows the features in at least so many rows; of these the commonest, as many as models that have so many weights for each, of a byte,
    /// have room for together.
    pub(crate) fn learn<'a>(bags: impl Iterator<Item = &'a Bag>, least_rows: usize, weights: usize) -> Self {
        Self::of(bags, least_rows, MOST_BYTES / (weights + 28))
    }

    fn of<'a>(bags: impl Iterator<Item = &'a Bag>, least_rows: usize, most: usize) -> Self {
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
        if kept.len() > most {
            kept.sort_unstable_by_key(|&(feature, count)| (std::cmp::Reverse(count), feature));
            kept.truncate(most);
        }
        kept.sort_unstable();
        let rarity = kept.iter().map(|&(_, count)| ((1.0 + all as f32) / (1.0 + count as f32)).ln() + 1.0).collect();
        let known = kept.iter().zip(0..).map(|(&(feature, _), number)| (feature, number)).collect();
        Self { known, rarity }
    }

    /// Known features with their values: rare ones count more, a repeated one a little more, and each block as much as its weight.
    pub(crate) fn vector(&self, bag: &Bag) -> Vector {
        let mut vector = Vector::with_capacity(bag.0.iter().map(|block| block.features.len()).sum());
        let (mut numbers, mut scratch) = (Vec::new(), Vec::new());
        for block in &bag.0 {
            numbers.clear();
            numbers.reserve(block.features.len());
            numbers.extend(block.features.iter().filter_map(|feature| self.known.get(feature).copied()));
            sort(&mut numbers, &mut scratch);
            let from = vector.len();
            for same in numbers.chunk_by(|a, b| a == b) {
                vector.push((same[0], times(same.len()) * self.rarity[same[0] as usize]));
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

    /// The number of a feature, if it is known.
    pub(crate) fn number(&self, feature: u32) -> Option<u32> {
        self.known.get(&feature).copied()
    }

    /// Whether every known feature has its rarity: it may come from a damaged file.
    pub(crate) fn is_whole(&self) -> bool {
        self.known.values().all(|&number| (number as usize) < self.rarity.len())
    }

    /// Bytes it takes in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        // A table of pairs with a byte of its own for each place, between half and seven eighths full.
        self.known.capacity() * 8 / 7 * 9 + self.rarity.len() * 4
    }

    /// All features with their values, for who has not learned how rare they are.
    pub(crate) fn unlearned(bag: &Bag) -> Vector {
        let mut features: Vec<u32> = bag.0.iter().flat_map(|block| block.features.iter().copied()).collect();
        sort(&mut features, &mut Vec::new());
        let mut vector: Vector = features.chunk_by(|a, b| a == b).map(|same| (same[0], times(same.len()))).collect();
        let length = vector.iter().map(|(_, value)| value * value).sum::<f32>().sqrt().max(1e-6);
        for (_, value) in &mut vector {
            *value /= length;
        }
        vector
    }
}

/// What a feature counts that occurs so often.
fn times(count: usize) -> f32 {
    if count == 1 { 1.0 } else { 1.0 + (count as f32).ln() }
}

/// Fewer numbers are sorted by comparing them.
const FEW: usize = 96;

/// Sorts numbers byte by byte, the lowest first, and only as many bytes as the highest has: a text has hundreds of stretches of letters, and to
/// compare them with each other was a fifth of making a complaint ready.
fn sort(numbers: &mut Vec<u32>, scratch: &mut Vec<u32>) {
    if numbers.len() < FEW {
        return numbers.sort_unstable();
    }
    let highest = numbers.iter().copied().max().unwrap_or_default();
    let bytes = (u32::BITS - highest.leading_zeros()).div_ceil(8);
    scratch.clear();
    scratch.resize(numbers.len(), 0);
    for byte in 0..bytes {
        let digit = |number: u32| (number >> (8 * byte) & 0xff) as usize;
        let mut starts = [0_u32; 256];
        for number in &*numbers {
            starts[digit(*number)] += 1;
        }
        let mut before = 0;
        for start in &mut starts {
            before += std::mem::replace(start, before);
        }
        for number in &*numbers {
            let start = &mut starts[digit(*number)];
            scratch[*start as usize] = *number;
            *start += 1;
        }
        std::mem::swap(numbers, scratch);
    }
}

impl Linear {
    /// Learns from vectors of one vocabulary with so many features, and the number of the class of each. `classes` is one more than the
    /// highest number.
    pub(crate) fn learn(vectors: &[Vector], features: usize, labels: &[usize], classes: usize, fit: Fit) -> Self {
        let (weights, bias) = separate(vectors, labels, classes, features, fit);
        Self::of(&weights, bias, features, classes, fit.sharpness)
    }

    /// The same where each row has its own cost on the wrong side: every class has its probability learned at once (logistic regression). For
    /// few rows: each round goes over all of them.
    pub(crate) fn learn_weighed(vectors: &[Vector], features: usize, labels: &[usize], classes: usize, costs: &[f32]) -> Self {
        let (weights, bias) = weigh_all(vectors, features, labels, classes, costs);
        Self::of(&weights, bias, features, classes, 1.0)
    }

    /// Weights row by feature, made small.
    fn of(weights: &[f32], bias: Vec<f32>, features: usize, classes: usize, sharpness: f32) -> Self {
        let mut scales = Vec::with_capacity(features);
        let mut bytes = Vec::with_capacity(weights.len());
        for row in weights.chunks_exact(classes.max(1)) {
            let scale = row.iter().fold(0.0_f32, |most, weight| most.max(weight.abs())) / 127.0;
            scales.push(scale);
            #[expect(clippy::cast_possible_truncation, reason = "between -127 and 127 by the scale")]
            bytes.extend(row.iter().map(|weight| if scale > 0.0 { (weight / scale).round() as i8 } else { 0 }));
        }
        Self { classes, weights: bytes, scales, bias, sharpness }
    }

    /// Probability of every class.
    pub(crate) fn probabilities(&self, vector: &Vector) -> Vec<f32> {
        let mut scores = self.bias.clone();
        for &(feature, value) in vector {
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

    /// How much a feature speaks for a class, beside its mean over all.
    pub(crate) fn speaks_for(&self, feature: u32, class: usize) -> f32 {
        let at = feature as usize;
        let row = &self.weights[at * self.classes..(at + 1) * self.classes];
        let mean = row.iter().map(|&weight| f32::from(weight)).sum::<f32>() / self.classes as f32;
        self.scales[at] * (f32::from(row[class]) - mean)
    }

    /// Whether it has this many classes and so many features have their weights.
    pub(crate) fn is_whole(&self, features: usize, classes: usize) -> bool {
        self.classes == classes
            && classes > 0
            && self.bias.len() == classes
            && self.scales.len() == features
            && features.checked_mul(classes) == Some(self.weights.len())
    }

    /// Bytes it takes in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        self.weights.len() + self.scales.len() * 4
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

/// Weights row by feature and the bias of each class under which the labels are likeliest, beside small weights: Nesterov's steps on the whole
/// of the rows. The bias is weighed like a feature that every row has.
fn weigh_all(vectors: &[Vector], features: usize, labels: &[usize], classes: usize, costs: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let length = |vector: &Vector| 1.0 + vector.iter().map(|(_, value)| value * value).sum::<f32>();
    // The slope changes at most so fast: half the square of a row's length, and one for keeping weights small.
    let steepest = 1.0 + 0.5 * vectors.iter().zip(costs).map(|(vector, cost)| cost * length(vector)).sum::<f32>();
    let keep = (steepest.sqrt() - 1.0) / (steepest.sqrt() + 1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at least 60, at most 1,500")]
    let rounds = (6.0 * steepest.sqrt()).clamp(60.0, 1500.0) as usize;
    let bias_at = features * classes;
    let mut now = vec![0.0_f32; bias_at + classes];
    let mut ahead = now.clone();
    let mut slopes = now.clone();
    let mut scores = vec![0.0_f32; classes];
    for _ in 0..rounds {
        slopes.copy_from_slice(&ahead);
        for ((vector, &label), cost) in vectors.iter().zip(labels).zip(costs) {
            scores.copy_from_slice(&ahead[bias_at..]);
            for &(feature, value) in vector {
                let row = &ahead[feature as usize * classes..][..classes];
                for (score, weight) in scores.iter_mut().zip(row) {
                    *score += value * weight;
                }
            }
            softmax(&mut scores);
            scores[label] -= 1.0;
            for wrong in &mut scores {
                *wrong *= cost;
            }
            for &(feature, value) in vector {
                let row = &mut slopes[feature as usize * classes..][..classes];
                for (slope, wrong) in row.iter_mut().zip(&scores) {
                    *slope += value * wrong;
                }
            }
            for (slope, wrong) in slopes[bias_at..].iter_mut().zip(&scores) {
                *slope += wrong;
            }
        }
        for ((now, ahead), slope) in now.iter_mut().zip(&mut ahead).zip(&slopes) {
            let next = *ahead - slope / steepest;
            *ahead = next + keep * (next - *now);
            *now = next;
        }
    }
    let bias = now.split_off(bias_at);
    (now, bias)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bag::Block;

    proptest! {
        #[test]
        fn numbers_are_sorted_however_many_and_however_high(mut numbers in prop::collection::vec((any::<u32>(), 0..33_u32), 0..600)) {
            let mut sorted: Vec<u32> = numbers.drain(..).map(|(number, bits)| number.checked_shr(bits).unwrap_or_default()).collect();
            let mut expected = sorted.clone();
            expected.sort_unstable();
            sort(&mut sorted, &mut vec![7; 3]);
            prop_assert_eq!(sorted, expected);
        }
    }

    #[test]
    fn a_rare_class_is_heard_where_it_counts_more() {
        // Feature 0 says a little for the rare class 1, which is one row of ten.
        let vectors: Vec<Vector> = (0..40).map(|row| vec![(u32::from(row % 4 != 0), 1.0)]).collect();
        let labels: Vec<usize> = (0..40).map(|row| usize::from(row % 4 == 0 && row % 12 == 0)).collect();
        let rare = |cost: f32| {
            let costs: Vec<f32> = labels.iter().map(|&label| if label == 1 { cost } else { 10.0 }).collect();
            Linear::learn_weighed(&vectors, 2, &labels, 2, &costs).probabilities(&vec![(0, 1.0)])[1]
        };
        assert!((rare(10.0) - 0.4).abs() < 0.06, "about as often as it was seen: {}", rare(10.0));
        assert!(rare(60.0) > 0.6, "and more: {}", rare(60.0));
    }

    #[test]
    fn where_room_is_short_the_commonest_features_are_kept() {
        let bag = |features: &[u32]| Bag(vec![Block { weight: 1.0, features: features.to_vec() }]);
        let bags = [bag(&[1, 2, 3]), bag(&[2, 3, 4]), bag(&[3, 5, 5]), bag(&[2, 3])];
        let known = |least_rows, most| {
            let vocabulary = Vocabulary::of(bags.iter(), least_rows, most);
            assert!(vocabulary.is_whole());
            (0..9).filter(|&feature| vocabulary.number(feature).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(known(1, 9), [1, 2, 3, 4, 5]);
        assert_eq!(known(2, 9), [2, 3]);
        assert_eq!(known(1, 3), [1, 2, 3], "of two that are as common the lower number");
    }
}
