//! Which rows a model may learn from when it is asked about others.

use rustc_hash::FxHashMap;

/// Rows to learn from and rows to ask about.
#[derive(Debug, Clone)]
pub struct Fold {
    /// To learn from.
    pub learn: Vec<usize>,
    /// To ask about; no row is in both.
    pub ask: Vec<usize>,
}

/// Stretches of time, one asked about after the other. Rows whose text is nearly the text of a row asked about are not learned from:
/// people send the same complaint again, and knowing the first is no skill.
pub fn by_time(groups: &[usize], folds: usize) -> Vec<Fold> {
    let count = groups.len();
    let bound = |fold: usize| fold * count / folds;
    (0..folds).map(|fold| one(groups, bound(fold)..bound(fold + 1))).collect()
}

/// Only earlier rows are learned from; the last `share` percent are asked about.
pub fn forward(groups: &[usize], share: usize) -> Vec<Fold> {
    let count = groups.len();
    vec![one(groups, count * (100 - share) / 100..count)]
}

fn one(groups: &[usize], ask: std::ops::Range<usize>) -> Fold {
    let asked: std::collections::BTreeSet<usize> = ask.clone().map(|row| groups[row]).collect();
    let learn = (0..groups.len()).filter(|row| !ask.contains(row) && !asked.contains(&groups[*row])).collect();
    Fold { learn, ask: ask.collect() }
}

/// Whole groups go into folds, in turn by size, spread by `seed`.
pub fn by_group(groups: &[usize], folds: usize, seed: u64) -> Vec<Fold> {
    let mut names: Vec<usize> = groups.to_vec();
    names.sort_unstable();
    names.dedup();
    triage::Dice::new(seed).shuffle(&mut names);
    let fold_of: FxHashMap<usize, usize> = names.iter().enumerate().map(|(at, &name)| (name, at % folds)).collect();
    let rows = |wanted: &dyn Fn(usize) -> bool| (0..groups.len()).filter(|&row| wanted(fold_of[&groups[row]])).collect();
    (0..folds).map(|fold| Fold { learn: rows(&|other| other != fold), ask: rows(&|other| other == fold) }).collect()
}

/// Puts texts that share half of their runs of four words (counted by the shorter text) into one group.
pub fn near_copies(texts: &[&str]) -> Vec<usize> {
    let runs: Vec<Vec<u64>> = texts.iter().map(|text| runs_of(text)).collect();
    let mut rows_of: FxHashMap<u64, Vec<usize>> = FxHashMap::default();
    for (row, runs) in runs.iter().enumerate() {
        for &run in runs {
            rows_of.entry(run).or_default().push(row);
        }
    }
    let mut group: Vec<usize> = (0..texts.len()).collect();
    for (row, own) in runs.iter().enumerate() {
        let mut shared: FxHashMap<usize, usize> = FxHashMap::default();
        for run in own {
            for &other in rows_of[run].iter().filter(|&&other| other > row) {
                *shared.entry(other).or_default() += 1;
            }
        }
        for (other, count) in shared {
            if 2 * count >= own.len().min(runs[other].len()) {
                join(&mut group, row, other);
            }
        }
    }
    (0..group.len()).map(|row| root(&mut group, row)).collect()
}

/// Gives rows that are linked one group.
pub fn linked(count: usize, links: &[(usize, usize)]) -> Vec<usize> {
    let mut group: Vec<usize> = (0..count).collect();
    for &(a, b) in links {
        join(&mut group, a, b);
    }
    (0..count).map(|row| root(&mut group, row)).collect()
}

fn runs_of(text: &str) -> Vec<u64> {
    use std::hash::{Hash, Hasher};
    let words: Vec<String> = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    let length = words.len().clamp(1, 4);
    let mut runs: Vec<u64> = words
        .windows(length)
        .map(|run| {
            let mut hasher = rustc_hash::FxHasher::default();
            run.hash(&mut hasher);
            hasher.finish()
        })
        .collect();
    runs.sort_unstable();
    runs.dedup();
    runs
}

fn root(group: &mut [usize], mut row: usize) -> usize {
    while group[row] != row {
        group[row] = group[group[row]];
        row = group[row];
    }
    row
}

fn join(group: &mut [usize], a: usize, b: usize) {
    let (a, b) = (root(group, a), root(group, b));
    group[a.max(b)] = a.min(b);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_what_is_asked_are_never_learned_from() {
        let texts = [
            "lampu jalan padam di depan pasar sejak kemarin malam",
            "sampah menumpuk di tps belum diangkut warga resah",
            "mohon lampu jalan padam di depan pasar sejak kemarin malam diperbaiki",
            "pohon tumbang menutup jalan menuju sekolah dasar",
            "jalan berlubang membahayakan pengendara sepeda motor",
            "saluran air mampet menyebabkan banjir di gang kami",
        ];
        let groups = near_copies(&texts);
        assert_eq!(groups[0], groups[2]);
        assert_eq!(groups.iter().collect::<std::collections::BTreeSet<_>>().len(), 5);
        for fold in by_time(&groups, 3).iter().chain(&by_group(&groups, 3, 1)).chain(&forward(&groups, 50)) {
            assert!(!fold.ask.is_empty() && !fold.learn.is_empty());
            assert!(fold.learn.iter().all(|row| fold.ask.iter().all(|asked| groups[*asked] != groups[*row])), "{fold:?}");
        }
        let asked: usize = by_time(&groups, 3).iter().map(|fold| fold.ask.len()).sum();
        assert_eq!(asked, texts.len(), "every row is asked about once");
    }

    #[test]
    fn forward_learns_only_from_what_came_before() {
        let folds = forward(&[0, 1, 2, 3, 4], 40);
        assert_eq!((folds[0].learn.as_slice(), folds[0].ask.as_slice()), ([0, 1, 2].as_slice(), [3, 4].as_slice()));
    }
}
