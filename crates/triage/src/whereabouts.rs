//! Which area a complaint is in, from what was written: the names of areas where they stand, and the streets that earlier complaints
//! named.
//!
//! Two steps. A linear model learned from decided complaints says which areas these street names, numbers and landmarks were in. Then a few figures per area (that model's
//! opinion, is the area named, with its level, in the field for the place, is its kecamatan named) are weighed by weights that all areas share;
//! these hold without any history too.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::{
    bag::{Bag, Block, Kind, hash, is_number, letters, words},
    linear::{Dice, Fit, Linear, Vector, Vocabulary, softmax},
    same::letters_alike,
    spot::{Names, Spot, SpotKind, digits},
    text::{self, Word, collapse},
};

/// An area as it is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Code of the area around it; empty for the widest.
    pub within: String,
}

/// A complaint whose area people decided.
#[derive(Debug, Clone, Copy)]
pub struct Located<'a> {
    /// What was written.
    pub text: &'a str,
    /// What stood in the field for the place; may be empty.
    pub place: &'a str,
    /// Code of the area.
    pub area: &'a str,
}

/// An area that is thought of.
#[derive(Debug, Clone, PartialEq)]
pub struct Thought {
    /// Code of the area.
    pub code: String,
    /// Between 0 and 1.
    pub probability: f32,
}

const FIGURES: usize = 12;
type Figures = [f32; FIGURES];

/// Without history: a name with its level counts most, then one in the field for the place. Learned once on complaints of one city and
/// rounded.
const USUAL: Figures = [0.0, 4.0, 3.0, 2.5, 1.5, 1.5, 1.0, 2.0, 1.0, 0.7, 1.0, 0.0];

/// Finds areas.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Whereabouts {
    areas: Vec<Named>,
    /// Areas by joined name.
    by_name: BTreeMap<String, Vec<usize>>,
    longest: usize,
    /// First words of the names of the widest areas: maps end an address with them.
    cities: Vec<String>,
    names: Names,
    streets: Option<Streets>,
    weights: Figures,
}

/// What earlier complaints say about street names.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Streets {
    vocabulary: Vocabulary,
    model: Linear,
    /// For every class of the model, the number of the area.
    areas: Vec<usize>,
}

/// One name of an area in the text.
struct Mention<'a> {
    areas: &'a [usize],
    /// Behind `kelurahan` or `kecamatan`.
    level: Option<Level>,
    in_field: bool,
    street: bool,
    /// Between commas, as maps write addresses.
    apart: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Kelurahan,
    Kecamatan,
}

/// Into how many parts the rows are cut so that the second step learns from opinions on rows the first step did not see.
const PARTS: usize = 4;

impl Whereabouts {
    /// Knows the names of areas and nothing else.
    pub fn new(areas: Vec<Named>) -> Self {
        let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut longest = 1;
        for (number, area) in areas.iter().enumerate() {
            let forms = text::words(&area.name);
            longest = longest.max(forms.len() + 1);
            by_name.entry(joined(&forms)).or_default().push(number);
        }
        Self { areas, by_name, longest, cities: Vec::new(), names: Names::default(), streets: None, weights: USUAL }
    }

    /// Learns streets and weights from complaints whose area is known. Rows whose area is not among the names are left out.
    #[must_use]
    pub fn learning(mut self, rows: &[Located<'_>]) -> Self {
        let number: FxHashMap<String, usize> = self.areas.iter().enumerate().map(|(number, area)| (area.code.clone(), number)).collect();
        let rows: Vec<(Vec<Word>, Vec<Word>, usize)> =
            rows.iter().filter_map(|row| Some((text::words(row.text), text::words(row.place), *number.get(row.area)?))).collect();
        self.names = Names::learn(rows.iter().map(|(text, place, _)| (text.as_slice(), place.as_slice())));
        let bags: Vec<Bag> = rows.iter().map(|(text, place, _)| self.bag(text, place)).collect();
        let truths: Vec<usize> = rows.iter().map(|row| row.2).collect();
        let mut cases: Vec<(Vec<Figures>, usize)> = Vec::new();
        for part in 0..PARTS {
            let inside = |row: usize| row * PARTS / rows.len().max(1) == part;
            let learn: Vec<usize> = (0..rows.len()).filter(|&row| !inside(row)).collect();
            let Some(streets) = Streets::learn(&bags, &truths, &learn) else { continue };
            for row in (0..rows.len()).filter(|&row| inside(row)) {
                let (text, place, truth) = &rows[row];
                let (candidates, figures) = self.figures(text, place, Some((&streets, &bags[row])));
                if let Some(at) = candidates.iter().position(|candidate| candidate == truth) {
                    cases.push((figures, at));
                }
            }
        }
        if cases.len() >= 50 {
            self.weights = weigh(&cases);
        }
        let all: Vec<usize> = (0..rows.len()).collect();
        self.streets = Streets::learn(&bags, &truths, &all);
        self
    }

    /// Areas that come to mind, the likeliest first. Empty if nothing points anywhere.
    pub fn find(&self, text: &str, place: &str) -> Vec<Thought> {
        self.find_words(&text::words(text), &text::words(place))
    }

    pub(crate) fn find_words(&self, text: &[Word], place: &[Word]) -> Vec<Thought> {
        let bag = self.streets.as_ref().map(|streets| (streets, self.bag(text, place)));
        let (candidates, figures) = self.figures(text, place, bag.as_ref().map(|(streets, bag)| (*streets, bag)));
        let mut scores: Vec<f32> = figures.iter().map(|figures| self.score(figures)).collect();
        softmax(&mut scores);
        let thought = |(number, probability): (usize, f32)| Thought { code: self.areas[number].code.clone(), probability };
        let mut thoughts: Vec<Thought> = candidates.into_iter().zip(scores).map(thought).collect();
        thoughts.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        thoughts
    }

    /// How the weights came out, for people.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// Whether nothing in it points outside of it: it may come from a damaged file.
    pub(crate) fn is_whole(&self) -> bool {
        let known = |number: &usize| *number < self.areas.len();
        self.by_name.values().flatten().all(known)
            && self.streets.as_ref().is_none_or(|streets| streets.is_whole() && streets.areas.iter().all(known))
    }

    /// Bytes it takes in memory, about.
    pub fn bytes(&self) -> usize {
        self.streets.as_ref().map_or(0, |streets| streets.vocabulary.bytes() + streets.model.bytes())
            + self.names.bytes()
            + self.areas.len() * 120
    }

    fn score(&self, figures: &Figures) -> f32 {
        figures.iter().zip(&self.weights).map(|(figure, weight)| figure * weight).sum()
    }

    fn bag(&self, text: &[Word], place: &[Word]) -> Bag {
        let in_text = self.names.spots(text);
        let in_field = self.names.spots(place);
        let field: Vec<&Word> = place.iter().collect();
        let spotted: Vec<&Word> = in_text.iter().flat_map(|spot| &text[spot.words.clone()]).collect();
        let mut own = words(Kind::Place, &field);
        let mut exact = |words: &[&Word]| {
            own.extend(words.windows(2).map(|two| hash(Kind::PlacePair, &[&digits(&two[0].form), &digits(&two[1].form)])));
            own.extend(words.windows(3).map(|three| hash(Kind::Skip, &[&three[0].form, &digits(&three[1].form), &digits(&three[2].form)])));
        };
        exact(&field);
        exact(&spotted);
        let mut named = words(Kind::Place, &spotted);
        for spot in in_text.iter().chain(&in_field) {
            named.push(hash(Kind::Mark, &[&spot.name]));
            named.extend(spot.gang.iter().map(|gang| hash(Kind::Mark, &[&spot.name, gang])));
        }
        let marks = telling(&in_text, &in_field);
        let block = |weight, features| Block { weight, features };
        Bag(vec![
            block(1.0, own),
            block(1.0, named),
            block(0.8, letters(Kind::PlaceLetters, &field)),
            block(0.8, letters(Kind::PlaceLetters, &spotted)),
            block(0.4, words(Kind::Word, &text.iter().collect::<Vec<_>>())),
            block(0.5, marks),
        ])
    }

    /// Areas to weigh, and the figures of each.
    fn figures(&self, text: &[Word], place: &[Word], streets: Option<(&Streets, &Bag)>) -> (Vec<usize>, Vec<Figures>) {
        let mut mentions = self.mentions(text, false);
        mentions.extend(self.mentions(place, true));
        let mut all: BTreeMap<usize, Figures> = BTreeMap::new();
        if let Some((streets, bag)) = streets {
            for (number, probability) in streets.likeliest(bag, 25) {
                all.entry(number).or_default()[0] = probability.max(1e-5).ln();
            }
        }
        let least = (1e-5_f32).ln();
        for mention in &mentions {
            for &number in mention.areas {
                if self.is_leaf(number) {
                    all.entry(number).or_insert_with(|| first(least));
                } else {
                    for leaf in (0..self.areas.len()).filter(|&leaf| self.areas[leaf].within == self.areas[number].code) {
                        all.entry(leaf).or_insert_with(|| first(least));
                    }
                }
            }
        }
        for (&number, figures) in &mut all {
            for mention in &mentions {
                self.count(number, mention, figures);
            }
        }
        all.into_iter().unzip()
    }

    fn is_leaf(&self, number: usize) -> bool {
        !self.areas[number].within.is_empty()
    }

    fn count(&self, number: usize, mention: &Mention<'_>, figures: &mut Figures) {
        let named = mention.areas.contains(&number);
        let around = mention.areas.iter().any(|&other| self.areas[other].code == self.areas[number].within);
        let share = 1.0 / mention.areas.iter().filter(|&&other| self.is_leaf(other)).count().max(1) as f32;
        let mut set = |at: usize, value: f32| figures[at] = figures[at].max(value);
        if named {
            match mention.level {
                Some(Level::Kelurahan) => set(if mention.in_field { 1 } else { 2 }, share),
                Some(Level::Kecamatan) => {}
                None if mention.street => set(if mention.in_field { 5 } else { 6 }, share),
                None if mention.apart => set(3, share),
                None => set(if mention.in_field { 4 } else { 10 }, share),
            }
        }
        if around {
            match mention.level {
                Some(Level::Kecamatan) => set(7, 1.0),
                Some(Level::Kelurahan) => {}
                None if mention.street => set(9, 1.0),
                None => set(8, 1.0),
            }
        }
    }

    fn mentions(&self, text: &[Word], in_field: bool) -> Vec<Mention<'_>> {
        let mut all = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let level = at.checked_sub(1).and_then(|before| level(&text[before].form));
            let most = self.longest.min(text.len() - at);
            let exact = (1..=most).rev().find_map(|length| Some((self.by_name.get(&joined(&text[at..at + length]))?, length)));
            let found = exact.or_else(|| level.is_some().then(|| self.nearly(&text[at..at + most])).flatten());
            let Some((areas, length)) = found else {
                at += 1;
                continue;
            };
            let before = |back: usize| at.checked_sub(back).map_or("", |at| text[at].form.as_str());
            let street = matches!(before(1), "jalan" | "gang" | "raya")
                || text
                    .get(at + length)
                    .is_some_and(|next| is_number(&next.form) || matches!(next.form.as_str(), "gang" | "blok" | "nomor"));
            let apart = in_field
                && at > 0
                && text[at - 1].sentence == text[at].sentence
                && text.get(at + length).is_some_and(|next| self.cities.contains(&next.form) || next.form == "kota");
            all.push(Mention { areas, level, in_field, street, apart });
            at += length;
        }
        all
    }

    /// Behind `kelurahan` a name may have a typing error.
    fn nearly(&self, text: &[Word]) -> Option<(&Vec<usize>, usize)> {
        (1..=text.len().min(3)).rev().find_map(|length| {
            let key = joined(&text[..length]);
            let close = |name: &str| key.len() > 4 && letters_alike(name, &key) >= 0.75;
            let best = self
                .by_name
                .iter()
                .filter(|(name, _)| close(name))
                .max_by(|a, b| letters_alike(a.0, &key).total_cmp(&letters_alike(b.0, &key)));
            best.map(|(_, areas)| (areas, length))
        })
    }
}

fn first(value: f32) -> Figures {
    let mut figures = Figures::default();
    figures[0] = value;
    figures
}

fn level(form: &str) -> Option<Level> {
    match form {
        "kelurahan" | "desa" | "lurah" => Some(Level::Kelurahan),
        "kecamatan" | "camat" => Some(Level::Kecamatan),
        _ => None,
    }
}

fn joined(words: &[Word]) -> String {
    collapse(&words.iter().map(|word| word.form.as_str()).collect::<String>())
}

/// RT and RW with the street beside them.
fn telling(in_text: &[Spot], in_field: &[Spot]) -> Vec<u32> {
    let all = || in_text.iter().chain(in_field);
    let numbers = all().filter(|spot| spot.kind == SpotKind::RtRw).flat_map(|spot| &spot.house);
    let streets: Vec<&str> = all().filter(|spot| spot.kind == SpotKind::Street).map(|spot| spot.name.as_str()).collect();
    numbers.flat_map(|number| streets.iter().map(|street| hash(Kind::Mark, &[number, street])).collect::<Vec<_>>()).collect()
}

impl Streets {
    fn learn(bags: &[Bag], truths: &[usize], rows: &[usize]) -> Option<Self> {
        let mut areas: Vec<usize> = rows.iter().map(|&row| truths[row]).collect();
        areas.sort_unstable();
        areas.dedup();
        if areas.len() < 2 {
            return None;
        }
        let fit = Fit { least_rows: 1, ..Fit::default() };
        let vocabulary = Vocabulary::learn(rows.iter().map(|&row| &bags[row]), fit.least_rows, areas.len());
        let vectors: Vec<Vector> = rows.iter().map(|&row| vocabulary.vector(&bags[row])).collect();
        let labels: Vec<usize> = rows.iter().filter_map(|&row| areas.binary_search(&truths[row]).ok()).collect();
        let model = Linear::learn(&vectors, vocabulary.len(), &labels, areas.len(), fit);
        Some(Self { vocabulary, model, areas })
    }

    /// Whether every feature and every class has its weights.
    fn is_whole(&self) -> bool {
        self.vocabulary.is_whole() && self.model.is_whole(self.vocabulary.len(), self.areas.len())
    }

    fn likeliest(&self, bag: &Bag, most: usize) -> Vec<(usize, f32)> {
        let mut all: Vec<(usize, f32)> = self.areas.iter().copied().zip(self.model.probabilities(&self.vocabulary.vector(bag))).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        all.truncate(most);
        all
    }
}

/// Weights under which the true area is likeliest: steps on the softmax over each complaint's own candidates.
fn weigh(cases: &[(Vec<Figures>, usize)]) -> Figures {
    let mut weights = USUAL;
    weights[0] = 1.0;
    let mut paces = [1e-6_f32; FIGURES];
    let mut order: Vec<usize> = (0..cases.len()).collect();
    let mut dice = Dice::new(5);
    for _ in 0..20 {
        dice.shuffle(&mut order);
        for &case in &order {
            let (figures, truth) = &cases[case];
            let mut scores: Vec<f32> =
                figures.iter().map(|figures| figures.iter().zip(&weights).map(|(figure, weight)| figure * weight).sum()).collect();
            softmax(&mut scores);
            scores[*truth] -= 1.0;
            for (at, (weight, pace)) in weights.iter_mut().zip(&mut paces).enumerate() {
                let slope: f32 = scores.iter().zip(figures).map(|(wrong, figures)| wrong * figures[at]).sum::<f32>() + 1e-4 * *weight;
                *pace += slope * slope;
                *weight -= 0.1 * slope / pace.sqrt();
            }
        }
    }
    weights
}
