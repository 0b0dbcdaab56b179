//! Whether two complaints are about one thing: a score between 0 and 1, and its reasons.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    bag::{Bag, Block, Kind, hash, is_number, letters, pairs, stem, words},
    forest::Forest,
    linear::{Vector, Vocabulary},
    sorter::{Sorter, bag},
    spot::{Names, Spot, SpotKind, digits},
    text::{self, Word},
};

/// One complaint, as far as it tells which thing it is about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Side<'a> {
    /// What was written.
    pub text: &'a str,
    /// What stood in the field for the place; may be empty.
    pub place: &'a str,
    /// Code of the area; empty: unknown.
    pub area: &'a str,
    /// When it came, in seconds.
    pub at: i64,
}

/// A complaint made ready for comparing with many others.
#[derive(Debug, Clone)]
pub struct Seen {
    words: Vector,
    letters: Vector,
    matter: Vector,
    place: Vector,
    names: Vector,
    joint: Vector,
    /// Places with a name, each with the pairs of its letters.
    named: Vec<(Spot, Grams)>,
    rt: BTreeSet<String>,
    rw: BTreeSet<String>,
    /// Every house number, also those far from a street's name.
    houses: BTreeSet<String>,
    /// For every class of what was learned, the root of its probability; empty if nothing was.
    subject: Vec<f32>,
    /// Numbers of six digits and more: of a person, a meter, an earlier complaint.
    numbers: Vec<String>,
    area: String,
    at: i64,
    length: usize,
    text_hash: u32,
}

impl Seen {
    /// When it came, in seconds.
    pub fn at(&self) -> i64 {
        self.at
    }
}

/// How many figures describe a pair.
pub const FIGURES: usize = 29;

/// The complaint that many are compared with.
pub(crate) struct Asked<'a> {
    seen: &'a Seen,
    words: Laid,
    letters: Laid,
    matter: Laid,
    place: Laid,
    names: Laid,
    joint: Laid,
}

impl<'a> Asked<'a> {
    pub(crate) fn of(seen: &'a Seen) -> Self {
        Self {
            seen,
            words: Laid::of(&seen.words),
            letters: Laid::of(&seen.letters),
            matter: Laid::of(&seen.matter),
            place: Laid::of(&seen.place),
            names: Laid::of(&seen.names),
            joint: Laid::of(&seen.joint),
        }
    }
}

/// What two complaints share of their letters, their place, its names, and all their words: cheap, for choosing which to look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shared {
    letters: f32,
    place: f32,
    names: f32,
    joint: f32,
}

impl Shared {
    pub(crate) fn of(a: &Asked<'_>, b: &Seen) -> Self {
        Self {
            letters: a.letters.dot(&b.letters),
            place: a.place.dot(&b.place),
            names: a.names.dot(&b.names),
            joint: a.joint.dot(&b.joint),
        }
    }

    /// How alike they are.
    pub(crate) fn alike(self) -> f32 {
        self.joint + 0.5 * self.place + 0.5 * self.names + 0.3 * self.letters
    }
}

/// What two complaints have in common, as figures; see [`NAMES`].
pub type Figures = [f32; FIGURES];

/// What each figure is.
pub const NAMES: [&str; FIGURES] = [
    "words",
    "letters",
    "place",
    "joint",
    "matter",
    "names",
    "street",
    "gang",
    "house",
    "rt_rw",
    "landmark",
    "area",
    "area_unknown",
    "hours",
    "number",
    "numbers_differ",
    "shorter",
    "ratio",
    "identical",
    "rare",
    "no_place",
    "where",
    "both",
    "contained",
    "name_contained",
    "day",
    "week",
    "subject",
    "subject_there",
];

/// Knows how rare words are here, which words are names, and how much each figure counts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Twins {
    vocabulary: Vocabulary,
    names: Names,
    /// Tells what a complaint is about, if that was learned: the same place with another subject is another matter.
    subjects: Option<Sorter>,
    forest: Forest,
}

/// Words of three letters and less, and these, say nothing of the matter.
fn empty(word: &Word) -> bool {
    text::is_shorter(&word.form, 3)
}

impl Twins {
    /// Learns how rare words are, and which are names, from texts with the field for the place. It cannot judge yet.
    pub fn read(rows: &[(&str, &str)]) -> Self {
        let cut: Vec<(Vec<Word>, Vec<Word>)> = rows.iter().map(|(text, place)| (text::words(text), text::words(place))).collect();
        let names = Names::learn(cut.iter().map(|(text, place)| (text.as_slice(), place.as_slice())));
        let bags: Vec<Bag> = cut.iter().map(|(text, place)| Bag(blocks(text, place, &[], &names).into())).collect();
        Self { vocabulary: Vocabulary::learn(bags.iter(), 2, 0), names, subjects: None, forest: Forest::default() }
    }

    /// With what was learned of categories (or agencies) elsewhere: it must not have learned from the complaints that are compared.
    #[must_use]
    pub fn knowing(self, subjects: Option<Sorter>) -> Self {
        Self { subjects, ..self }
    }

    /// Learns to judge from pairs that people decided.
    #[must_use]
    pub fn judging(mut self, pairs: &[(Figures, bool)]) -> Self {
        self.forest = Forest::learn(pairs);
        self
    }

    /// Makes a complaint ready.
    pub fn see(&self, side: &Side<'_>) -> Seen {
        let (text, place) = (text::words(side.text), text::words(side.place));
        let mut spots = self.names.spots(&place);
        let mut in_text = self.names.spots(&text);
        let blocks = blocks(&text, &place, &in_text, &self.names);
        spots.append(&mut in_text);
        let [words, letters_of_text, matter, place_vector, joint] = blocks.map(|block| self.vector(&Bag(vec![block])));
        let numbered = |words: &[Word]| -> Vec<String> {
            words
                .windows(2)
                .filter(|two| two[0].form == "nomor" && is_number(&two[1].form))
                .map(|two| digits(&two[1].form).into_owned())
                .collect()
        };
        let streets = spots.iter().filter(|spot| spot.kind != SpotKind::RtRw).flat_map(|spot| spot.house.iter().cloned());
        let houses = streets.chain(numbered(&text)).chain(numbered(&place)).collect();
        let subject = self.subjects.as_ref().map(|sorter| sorter.roots(&bag(&text, &place))).unwrap_or_default();
        let spotted: Vec<Word> = spots.iter().flat_map(|spot| text::words(&spot.name)).collect();
        let spotted: Vec<&Word> = spotted.iter().collect();
        let names = self.vector(&Bag(vec![Block { weight: 1.0, features: letters(Kind::Letters, &spotted) }]));
        let mut numbers: Vec<String> =
            text.iter().chain(&place).filter(|word| is_number(&word.form) && word.form.len() >= 6).map(|word| word.form.clone()).collect();
        numbers.sort();
        numbers.dedup();
        Seen {
            words,
            letters: letters_of_text,
            matter,
            place: place_vector,
            joint,
            names,
            rt: numbers_of(&spots, "rt"),
            rw: numbers_of(&spots, "rw"),
            named: spots.into_iter().filter(|spot| spot.kind != SpotKind::RtRw).map(with_grams).collect(),
            houses,
            subject,
            numbers,
            area: side.area.to_owned(),
            at: side.at,
            length: text.len(),
            text_hash: hash(Kind::Word, &text.iter().map(|word| word.form.as_str()).collect::<Vec<_>>()),
        }
    }

    fn vector(&self, bag: &Bag) -> Vector {
        if self.vocabulary.len() == 0 { Vocabulary::unlearned(bag) } else { self.vocabulary.vector(bag) }
    }

    /// Bytes it takes in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        self.vocabulary.bytes() + self.names.bytes() + self.subjects.as_ref().map_or(0, Sorter::bytes)
    }

    /// Nothing in it points outside of it.
    pub(crate) fn is_whole(&self) -> bool {
        self.vocabulary.is_whole() && self.forest.is_whole() && self.subjects.as_ref().is_none_or(Sorter::is_whole)
    }

    /// What two complaints have in common.
    pub fn figures(&self, a: &Seen, b: &Seen) -> Figures {
        let a = Asked::of(a);
        Self::figures_with(&a, b, Shared::of(&a, b))
    }

    /// The same where what they share is known already.
    pub(crate) fn figures_with(asked: &Asked<'_>, b: &Seen, shared: Shared) -> Figures {
        let Shared { letters, place, names, joint } = shared;
        let a = asked.seen;
        let street = best(a, b, |spot| matches!(spot.kind, SpotKind::Street | SpotKind::Area));
        let landmark = best(a, b, |spot| spot.kind == SpotKind::Landmark);
        let hours = (a.at - b.at).unsigned_abs() as f32 / 3600.0;
        let (words, matter) = (asked.words.dot(&b.words), asked.matter.dot(&b.matter));
        let same_number = a.numbers.iter().any(|number| b.numbers.contains(number));
        let house = if street.house == 0.0 { agree(&a.houses, &b.houses).min(0.0) } else { street.house };
        let subject: f32 = a.subject.iter().zip(&b.subject).map(|(a, b)| a * b).sum();
        let placed = place.max(names).max(street.alike * 0.9);
        [
            words,
            letters,
            place,
            joint,
            matter,
            names,
            street.alike,
            street.gang,
            house,
            rt_rw(a, b),
            landmark.alike,
            flag(!a.area.is_empty() && a.area == b.area),
            flag(a.area.is_empty() || b.area.is_empty()),
            (1.0 + hours).ln(),
            flag(same_number),
            flag(!same_number && !a.numbers.is_empty() && !b.numbers.is_empty()),
            (1.0 + a.length.min(b.length) as f32).ln(),
            (1.0 + a.length as f32).ln() - (1.0 + b.length as f32).ln(),
            flag(a.text_hash == b.text_hash),
            asked.joint.contained(&b.joint),
            flag(a.place.is_empty() || b.place.is_empty()),
            placed,
            placed * matter.max(words),
            asked.words.contained(&b.words),
            asked.names.contained(&b.names),
            flag(hours < 24.0),
            flag(hours < 168.0),
            subject,
            subject * placed,
        ]
    }

    /// Whether nothing about the place and the time speaks against joining them without asking: the same or an unknown area, no other gang,
    /// house or RT, a place that both name or a long number that both give, and not more than thirty days between them.
    /// And where subjects are known, these must not differ.
    pub fn may_join(&self, figures: &Figures) -> bool {
        let [_, _, place, _, _, names, street, gang, house, rt_rw, ..] = *figures;
        let (area, area_unknown, hours, number) = (figures[11], figures[12], figures[13], figures[14]);
        let placed = place.max(names).max(street) >= 0.6 || number > 0.0;
        let subject = self.subjects.is_none() || figures[27] >= ONE_SUBJECT;
        placed
            && subject
            && gang >= 0.0
            && house >= 0.0
            && rt_rw >= 0.0
            && area.max(area_unknown) > 0.0
            && hours <= (1.0_f32 + 30.0 * 24.0).ln()
    }

    /// Probability that they are about one thing.
    pub fn same(&self, figures: &Figures) -> f32 {
        self.forest.probability(figures)
    }
}

/// How much the probabilities of subjects must overlap.
const ONE_SUBJECT: f32 = 0.6;

fn flag(holds: bool) -> f32 {
    if holds { 1.0 } else { 0.0 }
}

/// Words, letters, matter, place, and text and place together.
fn blocks(text: &[Word], place: &[Word], spots: &[Spot], names: &Names) -> [Block; 5] {
    let telling: Vec<&Word> = text.iter().filter(|word| !empty(word)).collect();
    let placed = |at: usize| spots.iter().any(|spot| spot.words.contains(&at));
    let matter: Vec<&Word> = text
        .iter()
        .enumerate()
        .filter(|(at, word)| {
            !empty(word) && !is_number(&word.form) && !placed(*at) && names.leaning(&word.form).is_none_or(|leaning| leaning < 1.0)
        })
        .map(|(_, word)| word)
        .collect();
    let field: Vec<&Word> = place.iter().collect();
    let all: Vec<&Word> = text.iter().chain(place).collect();
    let block = |features| Block { weight: 1.0, features };
    let stems = |words: &[&Word]| -> Vec<u32> { words.iter().map(|word| hash(Kind::Stem, &[stem(&word.form)])).collect() };
    let exact = |words: &[&Word]| -> Vec<u32> { words.iter().map(|word| hash(Kind::Skip, &[&word.form])).collect() };
    let mut joint = exact(&all);
    joint.extend(pairs(Kind::Pair, &all));
    let mut located = letters(Kind::PlaceLetters, &field);
    located.extend(exact(&field));
    let mut own = words(Kind::Word, &telling);
    own.extend(exact(&telling));
    [block(own), block(letters(Kind::Letters, &telling)), block(stems(&matter)), block(located), block(joint)]
}

/// A vector laid out so that a feature is found at once. Walking two sorted vectors side by side takes several times as long: every step waits
/// for the one before it.
struct Laid {
    /// Where a feature is missing, with nothing; four times as many as features, so that the first look nearly always tells.
    slots: Vec<(u32, f32)>,
    features: usize,
    /// The sum of the squares of its values.
    weight: f32,
}

/// What no feature is called: numbers are given from zero up.
const NO_FEATURE: u32 = u32::MAX;

impl Laid {
    fn of(vector: &Vector) -> Self {
        let mut slots = vec![(NO_FEATURE, 0.0); (4 * vector.len()).next_power_of_two()];
        let mask = slots.len() - 1;
        for &(feature, value) in vector {
            let mut at = feature as usize & mask;
            while slots[at].0 != NO_FEATURE {
                at = (at + 1) & mask;
            }
            slots[at] = (feature, value);
        }
        Self { slots, features: vector.len(), weight: weight(vector) }
    }

    /// What a feature counts, zero where it is missing.
    fn get(&self, feature: u32) -> f32 {
        let mask = self.slots.len() - 1;
        let mut at = feature as usize & mask;
        loop {
            let (there, value) = self.slots[at];
            if there == feature || there == NO_FEATURE {
                return value;
            }
            at = (at + 1) & mask;
        }
    }

    /// Cosine: both are of length one.
    fn dot(&self, other: &Vector) -> f32 {
        other.iter().map(|&(feature, value)| self.get(feature) * value).sum()
    }

    /// How much of the lighter one is in the other.
    fn contained(&self, other: &Vector) -> f32 {
        let own_is_lighter = self.features <= other.len();
        let all = if own_is_lighter { self.weight } else { weight(other) };
        let both: f32 = other
            .iter()
            .map(|&(feature, value)| {
                let own = self.get(feature);
                let counts = if own_is_lighter { own } else { value };
                if own == 0.0 { 0.0 } else { counts * counts }
            })
            .sum();
        if all == 0.0 { 0.0 } else { both / all }
    }
}

fn weight(vector: &Vector) -> f32 {
    vector.iter().map(|(_, value)| value * value).sum()
}

struct Best {
    alike: f32,
    gang: f32,
    house: f32,
}

/// The two places of that kind whose names are most alike, and whether their numbers agree (1), contradict (-1) or say nothing (0).
fn best(a: &Seen, b: &Seen, kind: impl Fn(&Spot) -> bool) -> Best {
    let mut best = Best { alike: 0.0, gang: 0.0, house: 0.0 };
    for (x, x_grams) in a.named.iter().filter(|(spot, _)| kind(spot)) {
        for (y, y_grams) in b.named.iter().filter(|(spot, _)| kind(spot)) {
            let alike = if x.name == y.name && !x.name.is_empty() { 1.0 } else { grams_alike(x_grams, y_grams) };
            let (gang, house) = (agree(&x.gang, &y.gang), agree(&x.house, &y.house));
            let rank = |best: &Best| best.alike + 0.15 * best.gang + 0.1 * best.house;
            let found = Best { alike, gang: if alike > 0.6 { gang } else { 0.0 }, house: if alike > 0.6 { house } else { 0.0 } };
            if alike > 0.3 && rank(&found) > rank(&best) {
                best = found;
            }
        }
    }
    best
}

fn agree(a: &BTreeSet<String>, b: &BTreeSet<String>) -> f32 {
    if a.is_empty() || b.is_empty() {
        0.0
    } else if a.is_disjoint(b) {
        -1.0
    } else {
        1.0
    }
}

fn rt_rw(a: &Seen, b: &Seen) -> f32 {
    let (rt, rw) = (agree(&a.rt, &b.rt), agree(&a.rw, &b.rw));
    if rt < 0.0 || rw < 0.0 { -1.0 } else { f32::midpoint(rt, rw) }
}

/// The RT or the RW of these places, as `rt3`.
fn numbers_of(spots: &[Spot], start: &str) -> BTreeSet<String> {
    let all = spots.iter().filter(|spot| spot.kind == SpotKind::RtRw).flat_map(|spot| &spot.house);
    all.filter(|one| one.starts_with(start)).cloned().collect()
}

/// Pairs of neighbouring letters of a name, sorted; with repetitions.
type Grams = Vec<u16>;

fn grams(name: &str) -> Grams {
    let letters: Vec<u8> = name.bytes().filter(|byte| *byte != b' ').collect();
    let mut grams: Grams = letters.windows(2).map(|two| u16::from_be_bytes([two[0], two[1]])).collect();
    grams.sort_unstable();
    grams
}

fn with_grams(spot: Spot) -> (Spot, Grams) {
    let grams = grams(&spot.name);
    (spot, grams)
}

/// How many pairs of neighbouring letters two names share, 0 to 1.
pub(crate) fn letters_alike(a: &str, b: &str) -> f32 {
    if a == b && !a.is_empty() { 1.0 } else { grams_alike(&grams(a), &grams(b)) }
}

fn grams_alike(a: &Grams, b: &Grams) -> f32 {
    let (mut i, mut j, mut both) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                both += 1;
                i += 1;
                j += 1;
            }
        }
    }
    2.0 * both as f32 / (a.len() + b.len()).max(1) as f32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CITY: [(&str, &str); 6] = [
        ("lampu jalan padam sejak kemarin malam gelap", "Jl. Melati Indah gg 3 no 4"),
        ("pju mati tiga titik mohon diperbaiki", "jl melati indah gang 5"),
        ("sampah menumpuk di tps bau sekali", "Kenanga Wetan 2/17"),
        ("pohon tumbang menutup jalan", "kenanga wetan II no 9"),
        ("saluran mampet air meluap ke rumah warga", "Cempaka Putih RT 3 RW 4"),
        ("jalan berlubang depan sekolah", "cempaka putih rt 03 rw 04"),
    ];

    fn twins() -> Twins {
        Twins::read(&CITY)
    }

    fn side<'a>(text: &'a str, place: &'a str, hours: i64) -> Side<'a> {
        Side { text, place, area: "1", at: hours * 3600 }
    }

    fn figure(name: &str, a: &Side<'_>, b: &Side<'_>) -> f32 {
        let twins = twins();
        let at = NAMES.iter().position(|other| *other == name).expect("a figure of that name");
        twins.figures(&twins.see(a), &twins.see(b))[at]
    }

    #[test]
    fn another_gang_house_or_rt_of_the_same_street_speaks_against_it() {
        let one = side("lampu padam", "jl melati indah gang 3 no 4", 0);
        assert!(figure("gang", &one, &side("lampu padam", "Melati Indah V", 1)) < 0.0);
        assert!(figure("gang", &one, &side("lampu padam", "Melati Indah III", 1)) > 0.0);
        assert!(figure("house", &one, &side("lampu padam", "Melati Indah gg 3/8", 1)) < 0.0);
        assert!(figure("rt_rw", &side("x", "RT 3 RW 4", 0), &side("x", "rt 03 rw 05", 0)) < 0.0);
        assert!(figure("rt_rw", &side("x", "RT 3 RW 4", 0), &side("x", "rt.003/rw.04", 0)) > 0.0);
    }

    #[test]
    fn what_contradicts_in_place_or_time_is_never_joined_by_itself() {
        let twins = twins();
        let may = |a: &Side<'_>, b: &Side<'_>| twins.may_join(&twins.figures(&twins.see(a), &twins.see(b)));
        let one = side("lampu padam", "jl melati indah gang 3", 0);
        assert!(may(&one, &side("lampu jalan mati", "melati indah gg 3", 20)));
        assert!(!may(&one, &side("lampu padam", "jl melati indah gang 5", 20)), "another gang");
        assert!(!may(&one, &side("lampu padam", "jl melati indah gang 3", 24 * 40)), "forty days later");
        assert!(!may(&one, &Side { area: "2", ..side("lampu padam", "jl melati indah gang 3", 1) }), "another area");
        assert!(!may(&side("lampu padam", "", 0), &side("lampu padam", "", 1)), "no place at all");
    }

    #[test]
    fn it_learns_from_pairs_and_does_not_matter_which_comes_first() {
        let twins = twins();
        let alike = (side("lampu padam di gang", "melati indah gg 3", 0), side("pju mati belum diperbaiki", "jl melati indah III", 5));
        let other = (side("lampu padam di gang", "melati indah gg 3", 0), side("sampah bau", "kenanga wetan 2/17", 5));
        let figures = |pair: &(Side<'_>, Side<'_>)| twins.figures(&twins.see(&pair.0), &twins.see(&pair.1));
        let pairs: Vec<(Figures, bool)> = (0..40).flat_map(|_| [(figures(&alike), true), (figures(&other), false)]).collect();
        let judge = twins.clone().judging(&pairs);
        assert!(judge.same(&figures(&alike)) > 0.8 && judge.same(&figures(&other)) < 0.2);
        let back = (alike.1, alike.0);
        assert!((judge.same(&figures(&alike)) - judge.same(&figures(&back))).abs() < 0.1);
    }

    fn vector() -> impl Strategy<Value = Vector> {
        prop::collection::btree_map(0_u32..400, 0.01_f32..1.0, 0..60).prop_map(|features| features.into_iter().collect())
    }

    proptest! {
        #[test]
        fn what_two_vectors_share_is_found_whichever_is_laid_out(a in vector(), b in vector()) {
            let shared: Vec<(f32, f32)> =
                a.iter().filter_map(|(feature, x)| Some((*x, b.iter().find(|(other, _)| other == feature)?.1))).collect();
            let dot: f32 = shared.iter().map(|(x, y)| x * y).sum();
            let of_lighter: f32 = shared.iter().map(|(x, y)| if a.len() <= b.len() { x * x } else { y * y }).sum();
            let lighter = if a.len() <= b.len() { weight(&a) } else { weight(&b) };
            let contained = if lighter == 0.0 { 0.0 } else { of_lighter / lighter };
            let near = |x: f32, y: f32| (x - y).abs() < 1e-4;
            prop_assert!(near(Laid::of(&a).dot(&b), dot) && near(Laid::of(&b).dot(&a), dot));
            prop_assert!(near(Laid::of(&a).contained(&b), contained));
        }

        #[test]
        fn any_two_texts_compare_without_panic(a in ".{0,80}", b in ".{0,80}", p in ".{0,40}", at in any::<i64>()) {
            let twins = twins();
            let (a, b) = (Side { text: &a, place: &p, area: "", at }, Side { text: &b, place: &a, area: "x", at: 0 });
            let figures = twins.figures(&twins.see(&a), &twins.see(&b));
            prop_assert!(figures.iter().all(|figure| figure.is_finite()), "{figures:?}");
            prop_assert!((0.0..=1.0).contains(&twins.same(&figures)));
        }
    }
}
