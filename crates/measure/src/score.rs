//! Figures, and how sure they are.

use std::{collections::BTreeMap, fmt};

use triage::Dice;

/// A figure with the middle 95 percent of what drawing the rows again gives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    /// On the rows as they are.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl fmt::Display for Figure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:.3} [{:.3}–{:.3}]", self.value, self.low, self.high)
    }
}

/// How often rows are drawn again.
const DRAWS: usize = 1000;

/// Draws whole groups of rows again and again, and says how the figure moves. Rows of one group stand or fall together.
pub fn figure<T>(rows: &[T], group_of: impl Fn(&T) -> usize, of: impl Fn(&[&T]) -> f64) -> Figure {
    let mut groups: BTreeMap<usize, Vec<&T>> = BTreeMap::new();
    for row in rows {
        groups.entry(group_of(row)).or_default().push(row);
    }
    let groups: Vec<Vec<&T>> = groups.into_values().collect();
    let mut dice = Dice::new(1);
    let mut values = Vec::with_capacity(DRAWS);
    let mut drawn = Vec::with_capacity(rows.len());
    for _ in 0..DRAWS {
        drawn.clear();
        for _ in 0..groups.len() {
            drawn.extend(groups[dice.below(groups.len())].iter().copied());
        }
        values.push(of(&drawn));
    }
    values.retain(|value| value.is_finite());
    values.sort_by(f64::total_cmp);
    let at = |percent: usize| values.get((values.len() * percent / 1000).min(values.len().saturating_sub(1))).copied();
    let all: Vec<&T> = rows.iter().collect();
    Figure { value: of(&all), low: at(25).unwrap_or(f64::NAN), high: at(975).unwrap_or(f64::NAN) }
}

/// Share of the rows for which something holds.
pub fn share<T>(rows: &[&T], holds: impl Fn(&T) -> bool) -> f64 {
    ratio(rows.iter().filter(|row| holds(row)).count(), rows.len())
}

/// `a / b`; not a number when there is nothing to divide by.
pub fn ratio(a: usize, b: usize) -> f64 {
    if b == 0 { f64::NAN } else { a as f64 / b as f64 }
}

/// Mean of the F1 of every class that occurs among the truths.
pub fn macro_f1<'a>(rows: impl Iterator<Item = (&'a str, &'a str)>) -> f64 {
    let mut counts: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
    for (truth, said) in rows {
        counts.entry(truth).or_default().0 += 1;
        counts.entry(said).or_default().1 += 1;
        if truth == said {
            counts.entry(truth).or_default().2 += 1;
        }
    }
    let classes: Vec<f64> = counts
        .values()
        .filter(|(truths, _, _)| *truths > 0)
        .map(|&(truths, said, right)| 2.0 * right as f64 / (truths + said) as f64)
        .collect();
    classes.iter().sum::<f64>() / classes.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macro_f1_counts_every_class_alike() {
        // Nine of ten right, but one class is never heard: (18/19 + 0) / 2.
        let rows = std::iter::repeat_n(("a", "a"), 9).chain([("b", "a")]);
        assert!((macro_f1(rows) - 18.0 / 19.0 / 2.0).abs() < 1e-9);
        assert!((macro_f1([("a", "a"), ("b", "b")].into_iter()) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_figure_lies_within_its_interval_and_many_rows_make_it_narrow() {
        let wide = figure(&(0..20).collect::<Vec<_>>(), |row| *row, |rows| share(rows, |row| row % 2 == 0));
        let narrow = figure(&(0..2000).collect::<Vec<_>>(), |row| *row, |rows| share(rows, |row| row % 2 == 0));
        assert!(wide.low < 0.5 && 0.5 < wide.high && (wide.value - 0.5).abs() < 1e-9);
        assert!(narrow.high - narrow.low < wide.high - wide.low);
    }

    #[test]
    fn rows_of_one_group_stand_or_fall_together() {
        let rows: Vec<usize> = (0..100).collect();
        let alone = figure(&rows, |row| *row, |rows| share(rows, |row| *row < 50));
        let together = figure(&rows, |row| row / 50, |rows| share(rows, |row| *row < 50));
        assert!(together.high - together.low > 2.0 * (alone.high - alone.low), "{together} {alone}");
    }
}
