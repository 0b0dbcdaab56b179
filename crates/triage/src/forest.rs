//! Yes or no from a few figures: many small trees, each learned from what those before it got wrong, beside a line through the figures.

use serde::{Deserialize, Serialize};

use crate::{
    linear::Dice,
    same::{FIGURES, Figures},
};

/// A learned judge.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Kept", into = "Kept")]
pub(crate) struct Forest {
    kept: Kept,
    flat: Vec<Flat>,
}

/// It as it is stored.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Kept {
    line: Line,
    trees: Vec<Tree>,
}

impl From<Kept> for Forest {
    fn from(kept: Kept) -> Self {
        Self { flat: kept.trees.iter().map(Flat::of).collect(), kept }
    }
}

impl From<Forest> for Kept {
    fn from(forest: Forest) -> Self {
        forest.kept
    }
}

/// A tree for asking: its questions in one row, the two that follow question n at 2n + 1 and 2n + 2. Asked without a branch, because where a
/// tree goes is as good as random.
#[derive(Debug, Clone)]
struct Flat {
    questions: [(u8, f32); QUESTIONS],
    answers: [f32; QUESTIONS + 1],
}

/// Of a tree as deep as they get.
const QUESTIONS: usize = (1 << DEPTH) - 1;
/// Room for every number of a figure that five bits can say: no look is out of bounds.
const ROOM: usize = 32;
const _: () = assert!(FIGURES <= ROOM);

impl Flat {
    fn of(tree: &Tree) -> Self {
        // A question that nothing is above: no.
        let mut flat = Self { questions: [(0, f32::INFINITY); QUESTIONS], answers: [0.0; QUESTIONS + 1] };
        flat.lay(tree, 0);
        flat
    }

    fn lay(&mut self, tree: &Tree, at: usize) {
        match tree {
            Tree::Leaf(value) if at >= QUESTIONS => self.answers[at - QUESTIONS] = *value,
            Tree::Leaf(_) => self.lay(tree, 2 * at + 1),
            Tree::Ask { figure, above, no, yes } if at < QUESTIONS => {
                self.questions[at] = (u8::try_from(*figure).unwrap_or_default(), *above);
                self.lay(no, 2 * at + 1);
                self.lay(yes, 2 * at + 2);
            }
            // Deeper than any that is learned: a damaged file, which is not whole.
            Tree::Ask { .. } => {}
        }
    }

    fn value(&self, figures: &[f32; ROOM]) -> f32 {
        let mut at = 0;
        for _ in 0..DEPTH {
            let (figure, above) = self.questions[at];
            at = 2 * at + 1 + usize::from(figures[usize::from(figure) % ROOM] > above);
        }
        self.answers[at - QUESTIONS]
    }
}

/// A weighted sum of figures.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Line {
    weights: Vec<f32>,
    means: Vec<f32>,
    spreads: Vec<f32>,
    start: f32,
}

/// Two questions deep, or three.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Tree {
    Leaf(f32),
    Ask { figure: usize, above: f32, no: Box<Tree>, yes: Box<Tree> },
}

const TREES: usize = 120;
const DEPTH: usize = 3;
const LEAST_IN_LEAF: usize = 6;
const STEP: f32 = 0.06;
const CALM: f32 = 3.0;

impl Forest {
    pub(crate) fn learn(pairs: &[(Figures, bool)]) -> Self {
        let line = Line::learn(pairs);
        let truths: Vec<f32> = pairs.iter().map(|(_, same)| f32::from(u8::from(*same))).collect();
        let share = (truths.iter().sum::<f32>() / truths.len().max(1) as f32).clamp(0.01, 0.99);
        let mut scores: Vec<f32> = vec![(share / (1.0 - share)).ln(); pairs.len()];
        let mut trees = vec![Tree::Leaf(scores.first().copied().unwrap_or(0.0))];
        let mut dice = Dice::new(3);
        for _ in 0..TREES {
            let slopes: Vec<(f32, f32)> = scores
                .iter()
                .zip(&truths)
                .map(|(score, truth)| {
                    let probability = sigmoid(*score);
                    (truth - probability, (probability * (1.0 - probability)).max(1e-4))
                })
                .collect();
            // Each tree sees three quarters of the pairs and half of the figures: they err differently.
            let mut rows: Vec<usize> = (0..pairs.len()).collect();
            dice.shuffle(&mut rows);
            rows.truncate(pairs.len() * 3 / 4);
            let mut figures: Vec<usize> = (0..FIGURES).collect();
            dice.shuffle(&mut figures);
            figures.truncate(FIGURES / 2);
            let tree = grow(pairs, &slopes, rows, &figures, DEPTH);
            for (score, (figures, _)) in scores.iter_mut().zip(pairs) {
                *score += tree.value(figures);
            }
            trees.push(tree);
        }
        Kept { line, trees }.into()
    }

    /// Every question is about a figure that there is.
    pub(crate) fn is_whole(&self) -> bool {
        fn whole(tree: &Tree, depth: usize) -> bool {
            match tree {
                Tree::Leaf(_) => true,
                Tree::Ask { figure, no, yes, .. } => depth > 0 && *figure < FIGURES && whole(no, depth - 1) && whole(yes, depth - 1),
            }
        }
        let Line { weights, means, spreads, .. } = &self.kept.line;
        let lengths = [weights.len(), means.len(), spreads.len()];
        self.kept.trees.iter().all(|tree| whole(tree, DEPTH)) && (lengths == [FIGURES; 3] || lengths == [0; 3])
    }

    pub(crate) fn probability(&self, figures: &Figures) -> f32 {
        let mut room = [0.0; ROOM];
        room[..FIGURES].copy_from_slice(figures);
        let trees = self.flat.iter().map(|tree| tree.value(&room)).sum::<f32>();
        sigmoid(0.5 * (trees + self.kept.line.score(figures)))
    }
}

fn sigmoid(score: f32) -> f32 {
    1.0 / (1.0 + (-score).exp())
}

impl Line {
    fn learn(pairs: &[(Figures, bool)]) -> Self {
        let count = pairs.len().max(1) as f32;
        let mut line = Self { weights: vec![0.0; FIGURES], means: vec![0.0; FIGURES], spreads: vec![1.0; FIGURES], start: 0.0 };
        for at in 0..FIGURES {
            let mean = pairs.iter().map(|(figures, _)| figures[at]).sum::<f32>() / count;
            let spread = pairs.iter().map(|(figures, _)| (figures[at] - mean).powi(2)).sum::<f32>() / count;
            line.means[at] = mean;
            line.spreads[at] = spread.sqrt().max(1e-3);
        }
        for round in 0..600 {
            let rate = 0.5 / (1.0 + round as f32 / 100.0);
            let mut slopes = [0.0_f32; FIGURES];
            let mut start = 0.0;
            for (figures, same) in pairs {
                let wrong = sigmoid(line.score(figures)) - f32::from(u8::from(*same));
                start += wrong;
                for (at, slope) in slopes.iter_mut().enumerate() {
                    *slope += wrong * line.standard(figures, at);
                }
            }
            line.start -= rate * start / count;
            for (weight, slope) in line.weights.iter_mut().zip(slopes) {
                *weight -= rate * (slope / count + 0.01 * *weight);
            }
        }
        line
    }

    fn standard(&self, figures: &Figures, at: usize) -> f32 {
        (figures[at] - self.means[at]) / self.spreads[at]
    }

    fn score(&self, figures: &Figures) -> f32 {
        self.start + self.weights.iter().enumerate().map(|(at, weight)| weight * self.standard(figures, at)).sum::<f32>()
    }
}

impl Tree {
    fn value(&self, figures: &Figures) -> f32 {
        match self {
            Self::Leaf(value) => *value,
            Self::Ask { figure, above, no, yes } => if figures[*figure] > *above { yes } else { no }.value(figures),
        }
    }
}

fn grow(pairs: &[(Figures, bool)], slopes: &[(f32, f32)], mut rows: Vec<usize>, figures: &[usize], depth: usize) -> Tree {
    let sum = |rows: &[usize]| rows.iter().fold((0.0, 0.0), |(g, h), &row| (g + slopes[row].0, h + slopes[row].1));
    let worth = |(g, h): (f32, f32)| g * g / (h + CALM);
    let (g, h) = sum(&rows);
    let leaf = Tree::Leaf(STEP * g / (h + CALM));
    if depth == 0 || rows.len() < 2 * LEAST_IN_LEAF {
        return leaf;
    }
    let mut best: Option<(f32, usize, f32)> = None;
    for &figure in figures {
        rows.sort_by(|&a, &b| pairs[a].0[figure].total_cmp(&pairs[b].0[figure]));
        let (mut left_g, mut left_h) = (0.0, 0.0);
        for at in 0..rows.len() - 1 {
            left_g += slopes[rows[at]].0;
            left_h += slopes[rows[at]].1;
            let (here, next) = (pairs[rows[at]].0[figure], pairs[rows[at + 1]].0[figure]);
            if at + 1 < LEAST_IN_LEAF || rows.len() - at - 1 < LEAST_IN_LEAF || next - here < 1e-6 {
                continue;
            }
            let gain = worth((left_g, left_h)) + worth((g - left_g, h - left_h)) - worth((g, h));
            if gain > best.map_or(0.02, |(gain, _, _)| gain) {
                best = Some((gain, figure, f32::midpoint(here, next)));
            }
        }
    }
    let Some((_, figure, above)) = best else { return leaf };
    let (yes, no): (Vec<usize>, Vec<usize>) = rows.into_iter().partition(|&row| pairs[row].0[figure] > above);
    let grow = |rows| Box::new(grow(pairs, slopes, rows, figures, depth - 1));
    Tree::Ask { figure, above, no: grow(no), yes: grow(yes) }
}
