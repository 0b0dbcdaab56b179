//! A small net of many classes: what intake asks beside the linear model, and how it is learned.
//!
//! Between features and classes stands one layer of [`UNITS`] numbers. Words that lead to the same classes come to move it the same way, so that it
//! hears a rare word by what is written beside it elsewhere; the linear model hears each word alone. Learned row by row, with part of the features and
//! of the layer left out by chance (dropout), each weight at its own pace (Adagrad), in an order that a seed fixes: the same rows give the same net.

use serde::{Deserialize, Serialize};

use crate::linear::{Dice, Vector, softmax};

/// How many numbers stand between features and classes.
const UNITS: usize = 64;
/// Bytes of one known feature: its weights and their scale.
pub(crate) const FEATURE_BYTES: usize = UNITS + 4;

/// How often every row is shown, at most and at least.
const ROUNDS: (usize, usize) = (6, 25);
/// Where there are many rows each is shown less often: so many are shown in all.
const SHOWN: usize = 150_000;
/// How far the first steps go; the last go nowhere.
const PACE: f32 = 0.1;
/// What share of the features, and of the layer, is left out of a row when it is learned from, in percent.
const LEFT_OUT: usize = 30;
/// So much of the truth is given to all classes alike: decisions of people are not always right.
const DOUBT: f32 = 0.05;
/// How strongly weights of classes are kept small.
const SMALL: f32 = 1e-4;
/// Weights begin between minus and plus this.
const START: f32 = 0.1;

type Layer = [f32; UNITS];

/// A learned net over the features of a [`Vocabulary`](crate::linear::Vocabulary).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Net {
    /// A row a feature, a byte a unit; times the row's scale.
    weights: Vec<i8>,
    scales: Vec<f32>,
    /// The layer where nothing is known.
    rest: Vec<f32>,
    /// A row a class.
    classes: Vec<f32>,
    bias: Vec<f32>,
}

/// A net while it is learned.
struct Learning {
    weights: Vec<Layer>,
    /// How much each feature has moved: what moved much moves less.
    moved: Vec<f32>,
    rest: Layer,
    classes: Vec<Layer>,
    class_moved: Vec<f32>,
    bias: Vec<f32>,
}

impl Net {
    /// Learns from vectors of one vocabulary with so many features, and the number of the class of each.
    pub(crate) fn learn(vectors: &[Vector], features: usize, labels: &[usize], classes: usize) -> Self {
        let mut dice = Dice::new(11);
        let mut learning = Learning::new(features, classes, &mut dice);
        let rounds = (SHOWN / vectors.len().max(1)).clamp(ROUNDS.0, ROUNDS.1);
        let mut order: Vec<usize> = (0..vectors.len()).collect();
        let mut kept = Vector::new();
        for round in 0..rounds {
            dice.shuffle(&mut order);
            let pace = PACE * (1.0 - round as f32 / rounds as f32);
            for &row in &order {
                kept.clear();
                kept.extend(vectors[row].iter().filter(|_| stays(&mut dice)).map(|&(feature, value)| (feature, value / STAYING)));
                learning.step(&kept, labels[row], pace, &mut dice);
            }
        }
        learning.finish()
    }

    /// Probability of every class.
    pub(crate) fn probabilities(&self, vector: &Vector) -> Vec<f32> {
        let mut layer: Layer = [0.0; UNITS];
        layer.copy_from_slice(&self.rest);
        for &(feature, value) in vector {
            let feature = feature as usize;
            let factor = value * self.scales[feature];
            let row = &self.weights[feature * UNITS..(feature + 1) * UNITS];
            for (unit, &weight) in layer.iter_mut().zip(row) {
                *unit += factor * f32::from(weight);
            }
        }
        for unit in &mut layer {
            *unit = unit.max(0.0);
        }
        let mut scores: Vec<f32> =
            self.classes.chunks_exact(UNITS).zip(&self.bias).map(|(class, bias)| bias + product(class, &layer)).collect();
        softmax(&mut scores);
        scores
    }

    /// Whether it has this many classes and so many features have their weights.
    pub(crate) fn is_whole(&self, features: usize, classes: usize) -> bool {
        self.scales.len() == features
            && features.checked_mul(UNITS) == Some(self.weights.len())
            && self.rest.len() == UNITS
            && self.bias.len() == classes
            && classes.checked_mul(UNITS) == Some(self.classes.len())
    }

    /// Bytes it takes in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        self.weights.len() + (self.scales.len() + self.classes.len() + self.bias.len()) * 4
    }
}

impl Learning {
    fn new(features: usize, classes: usize, dice: &mut Dice) -> Self {
        let mut row = || std::array::from_fn(|_| (dice.below(2001) as f32 / 1000.0 - 1.0) * START);
        Self {
            weights: (0..features).map(|_| row()).collect(),
            moved: vec![1e-3; features],
            rest: [0.0; UNITS],
            classes: (0..classes).map(|_| row()).collect(),
            class_moved: vec![1e-2; classes],
            bias: vec![0.0; classes],
        }
    }

    /// Shows one row, and moves every weight that had a part in what was thought of it.
    fn step(&mut self, vector: &Vector, label: usize, pace: f32, dice: &mut Dice) {
        let mut layer = self.rest;
        for &(feature, value) in vector {
            add(&mut layer, value, &self.weights[feature as usize]);
        }
        for unit in &mut layer {
            *unit = if stays(dice) { unit.max(0.0) } else { 0.0 };
        }
        let mut wrong: Vec<f32> = self.classes.iter().zip(&self.bias).map(|(class, bias)| bias + product(class, &layer)).collect();
        softmax(&mut wrong);
        let even = DOUBT / wrong.len() as f32;
        let mut back: Layer = [0.0; UNITS];
        for (class, wrong) in wrong.iter_mut().enumerate() {
            *wrong -= even + if class == label { 1.0 - DOUBT } else { 0.0 };
            self.class_moved[class] += *wrong * *wrong;
            let step = pace / self.class_moved[class].sqrt();
            let weights = &mut self.classes[class];
            add(&mut back, *wrong, weights);
            for (weight, unit) in weights.iter_mut().zip(&layer) {
                *weight -= step * (*wrong * unit + SMALL * *weight);
            }
            self.bias[class] -= step * *wrong;
        }
        for (back, unit) in back.iter_mut().zip(&layer) {
            *back = if *unit > 0.0 { *back } else { 0.0 };
        }
        let size = product(&back, &back);
        add(&mut self.rest, -PACE * pace, &back);
        for &(feature, value) in vector {
            let moved = &mut self.moved[feature as usize];
            *moved += value * value * size;
            add(&mut self.weights[feature as usize], -pace * value / moved.sqrt(), &back);
        }
    }

    /// The same with weights made small.
    fn finish(self) -> Net {
        let mut weights = Vec::with_capacity(self.weights.len() * UNITS);
        let mut scales = Vec::with_capacity(self.weights.len());
        for row in &self.weights {
            let scale = row.iter().fold(0.0_f32, |most, weight| most.max(weight.abs())) / 127.0;
            scales.push(scale);
            #[expect(clippy::cast_possible_truncation, reason = "between -127 and 127 by the scale")]
            weights.extend(row.iter().map(|weight| if scale > 0.0 { (weight / scale).round() as i8 } else { 0 }));
        }
        // Nothing of the layer is left out when it is asked: each unit counts as often as it was there.
        let classes = self.classes.iter().flatten().map(|weight| weight * STAYING).collect();
        Net { weights, scales, rest: self.rest.to_vec(), classes, bias: self.bias }
    }
}

/// What share is not left out.
const STAYING: f32 = 1.0 - LEFT_OUT as f32 / 100.0;

fn stays(dice: &mut Dice) -> bool {
    dice.below(100) >= LEFT_OUT
}

fn add(sum: &mut Layer, times: f32, other: &Layer) {
    for (sum, other) in sum.iter_mut().zip(other) {
        *sum += times * other;
    }
}

fn product(a: &[f32], b: &Layer) -> f32 {
    // In eight sums, so that the machine may do them at once.
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feature 0 with 1 is one class, and 2 with 3; 0 with 3 and 2 with 1 the other: no feature says anything alone.
    fn crossed() -> (Vec<Vector>, Vec<usize>) {
        let pairs = [((0, 1), 0), ((2, 3), 0), ((0, 3), 1), ((2, 1), 1)];
        let rows = pairs.iter().cycle().take(400);
        rows.map(|&((a, b), label)| (vec![(a, 1.0), (b, 1.0)], label)).unzip()
    }

    #[test]
    fn it_hears_features_by_what_stands_beside_them() {
        let (vectors, labels) = crossed();
        let net = Net::learn(&vectors, 4, &labels, 2);
        assert!(net.is_whole(4, 2) && !net.is_whole(5, 2) && !net.is_whole(4, 3));
        for (vector, &label) in vectors.iter().zip(&labels).take(4) {
            let thought = net.probabilities(vector);
            assert!(thought[label] > 0.7, "{vector:?}: {thought:?}");
            assert!((thought.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        }
    }

    #[test]
    fn the_same_rows_give_the_same_net() {
        let (vectors, labels) = crossed();
        let [one, two] = [(); 2].map(|()| Net::learn(&vectors[..40], 4, &labels[..40], 2));
        assert_eq!((one.weights, one.bias), (two.weights, two.bias));
    }
}
