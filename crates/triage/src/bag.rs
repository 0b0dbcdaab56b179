//! A text as numbers: which features it has, as hashes. What was written cannot be read back from them.

use std::hash::Hasher;

use rustc_hash::FxHasher;

use crate::text::Word;

/// Features of one kind that are weighed together: their length counts as one whatever their number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Block {
    /// How much the kind counts beside the others.
    pub(crate) weight: f32,
    /// Hashes of features, each as often as it occurs.
    pub(crate) features: Vec<u32>,
}

/// The features of one text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bag(pub(crate) Vec<Block>);

/// What kind of feature: the same letters mean different things in each.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(crate) enum Kind {
    Word = 1,
    Pair = 2,
    Letters = 3,
    Stem = 4,
    Place = 5,
    PlacePair = 6,
    PlaceLetters = 7,
    Skip = 8,
    Mark = 9,
}

/// One feature's hash.
pub(crate) fn hash(kind: Kind, parts: &[&str]) -> u32 {
    let mut hasher = FxHasher::default();
    hasher.write_u8(kind as u8);
    for part in parts {
        hasher.write(part.as_bytes());
        hasher.write_u8(0xff);
    }
    let wide = hasher.finish().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    u32::try_from(wide >> 32).unwrap_or_default()
}

/// Words, and what numbers are: house numbers and dates say nothing about the matter.
pub(crate) fn words(kind: Kind, text: &[&Word]) -> Vec<u32> {
    text.iter().map(|word| hash(kind, &[shape(&word.form)])).collect()
}

/// Neighbours.
pub(crate) fn pairs(kind: Kind, text: &[&Word]) -> Vec<u32> {
    text.windows(2).map(|two| hash(kind, &[shape(&two[0].form), shape(&two[1].form)])).collect()
}

/// Stretches of three to five letters within words, their ends marked: typing errors and endings spoil only some.
pub(crate) fn letters(kind: Kind, text: &[&Word]) -> Vec<u32> {
    let mut all = Vec::with_capacity(text.len() * 18);
    let mut framed = String::new();
    let mut starts: Vec<usize> = Vec::new();
    for word in text.iter().filter(|word| !is_number(&word.form)) {
        framed.clear();
        framed.push('^');
        framed.push_str(&word.form);
        framed.push('$');
        starts.clear();
        starts.extend(framed.char_indices().map(|(at, _)| at).chain([framed.len()]));
        for length in 3..=5 {
            all.extend(starts.iter().zip(starts.iter().skip(length)).map(|(&from, &to)| hash(kind, &[&framed[from..to]])));
        }
    }
    all
}

fn shape(form: &str) -> &str {
    match form.len() {
        _ if !is_number(form) => form,
        1..=3 => "1",
        4..=5 => "1000",
        _ => "1000000",
    }
}

pub(crate) fn is_number(form: &str) -> bool {
    form.starts_with(char::is_numeric)
}

/// Indonesian hangs what is done, to whom and whose it is on the word: `memperbaikinya`, `perbaikan`, `diperbaiki` all have `baik` in
/// them. This cuts the commonest beginnings and ends without a dictionary; what is left need not be a word.
pub(crate) fn stem(form: &str) -> &str {
    let mut rest = form;
    for end in ["lah", "kah", "kan", "an", "i"] {
        if let Some(cut) = rest.strip_suffix(end).filter(|cut| cut.len() >= 4) {
            rest = cut;
            break;
        }
    }
    for _ in 0..2 {
        let starts = [
            "memper", "meng", "meny", "mem", "men", "me", "diper", "di", "ter", "ber", "peng", "peny", "pem", "pen", "per", "pe", "ke",
            "se",
        ];
        match starts.iter().find_map(|start| rest.strip_prefix(start).filter(|cut| cut.len() >= 4)) {
            Some(cut) => rest = cut,
            None => break,
        }
    }
    rest
}
