//! What an installation has learned from its own decided complaints, as one value: who acts, which category, which area, which kind.
//!
//! It is data: bytes with a version in front, kept and switched by people. The words of complaints are in it only as hashes; still it
//! belongs to the installation that learned it.

use serde::{Deserialize, Serialize};

use crate::{
    Example, Judge, Kind, Kinds, Located, Named, Sorter, Whereabouts,
    bag::{Kind as Feature, hash},
    sorter::bag,
    text::Word,
};

/// A complaint that people have decided on. What was not decided is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decided {
    /// What was written.
    pub text: String,
    /// What stood in the field for the place.
    pub place: String,
    /// Code of the area.
    pub area: String,
    /// Code of the category.
    pub category: String,
    /// Code of the agency that did the work.
    pub agency: String,
}

/// Why bytes are no model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Other bytes.
    #[error("this is no model of triage")]
    Foreign,
    /// Made by another version of the program.
    #[error("this model was made by another version of the program: learn again")]
    Version,
}

/// A model and from where on it is sure.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Sure<T> {
    model: T,
    /// Below this probability it says nothing by itself.
    floor: f32,
}

/// Everything that was learned; any part may be missing where history said too little.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Learned {
    agency: Option<Sure<Sorter>>,
    category: Option<Sure<Sorter>>,
    whereabouts: Option<Sure<Whereabouts>>,
    kinds: Option<Kinds>,
    /// Hashes of the texts it learned from, in order: what it must not be asked about when it is compared with another.
    seen: Vec<u32>,
    judge: Option<Judge>,
}

/// What is thought of one complaint.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Opinion {
    /// Agencies by code, the likeliest first, at most three, with the words that speak for each.
    pub agencies: Vec<(String, f32, Vec<String>)>,
    /// The likeliest is likely enough to be said.
    pub agency_is_sure: bool,
    /// The category and its words, if it is sure.
    pub category: Option<(String, Vec<String>)>,
    /// The area, if it is sure.
    pub area: Option<String>,
    /// The second area that comes to mind, where the first is not sure: near a border both are said.
    pub areas: Vec<String>,
    /// The kind, if any was learned.
    pub kind: Option<Kind>,
}

/// How a model did on complaints it had not learned from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// How many had a decision.
    pub asked: usize,
    /// How often the likeliest was right.
    pub right: usize,
    /// How often it was sure.
    pub said: usize,
    /// How often it was sure and right.
    pub said_right: usize,
}

/// How what was learned did on complaints it had not learned from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Tallies {
    /// Who acts.
    pub agency: Tally,
    /// Which category.
    pub category: Tally,
    /// Which area.
    pub area: Tally,
}

/// The first bytes, and the version of what follows. Raised whenever features or shapes change: hashes of another version mean nothing.
const MARK: &[u8; 8] = b"muara.t\x03";
/// What is said by itself must be right at least so often on history that was held back.
const RIGHT: f32 = 0.85;
/// Fewer decisions teach nothing.
const LEAST: usize = 50;
/// Where too little was held back to find a floor.
const USUAL_FLOOR: f32 = 0.6;

impl Learned {
    /// Learns from history, the oldest first. The last fifth is first held back to find from which probability on each model is right
    /// often enough; then all of it is learned. `areas` are the names of the directory, `kinds` messages whose kind is known,
    /// beside those that come with the program.
    pub fn learn(history: &[Decided], areas: &[Named], kinds: &[(&str, Kind)]) -> Self {
        let (earlier, later) = history.split_at(history.len() * 4 / 5);
        let mut learned = Self::parts(history, areas);
        let trial = Self::parts(earlier, areas);
        if let (Some(model), Some(trial)) = (&mut learned.agency, &trial.agency) {
            model.floor = floor(later.iter().filter_map(|row| trial.model.verdict(row, &row.agency)));
        }
        if let (Some(model), Some(trial)) = (&mut learned.category, &trial.category) {
            model.floor = floor(later.iter().filter_map(|row| trial.model.verdict(row, &row.category)));
        }
        if let (Some(model), Some(trial)) = (&mut learned.whereabouts, &trial.whereabouts) {
            model.floor = floor(later.iter().filter(|row| !row.area.is_empty()).filter_map(|row| {
                let thought = trial.model.find(&row.text, &row.place).into_iter().next()?;
                Some((thought.probability, thought.code == row.area))
            }));
        }
        learned.kinds = Some(Kinds::learn(kinds));
        learned.seen = history.iter().map(|row| text_hash(&row.text)).collect();
        learned.seen.sort_unstable();
        learned.seen.dedup();
        learned
    }

    /// Whether it learned from a complaint with these very words.
    pub fn has_seen(&self, row: &Decided) -> bool {
        self.seen.binary_search(&text_hash(&row.text)).is_ok()
    }

    fn parts(history: &[Decided], areas: &[Named]) -> Self {
        let sorter = |label: fn(&Decided) -> &str, fine: fn(&Decided) -> &str| {
            let rows: Vec<Example<'_>> = history
                .iter()
                .filter(|row| !label(row).is_empty())
                .map(|row| Example { text: &row.text, place: &row.place, label: label(row), fine: fine(row) })
                .collect();
            let model = if rows.len() < LEAST { None } else { Sorter::learn(&rows) };
            model.map(|model| Sure { model, floor: USUAL_FLOOR })
        };
        let located: Vec<Located<'_>> = history
            .iter()
            .filter(|row| !row.area.is_empty())
            .map(|row| Located { text: &row.text, place: &row.place, area: &row.area })
            .collect();
        let finds = located.len() >= LEAST && !areas.is_empty();
        Self {
            agency: sorter(|row| &row.agency, |row| &row.category),
            category: sorter(|row| &row.category, |_| ""),
            whereabouts: finds.then(|| Sure { model: Whereabouts::new(areas.to_vec()).learning(&located), floor: USUAL_FLOOR }),
            kinds: None,
            seen: Vec::new(),
            judge: None,
        }
    }

    /// The same, with what judges which complaints are about one thing.
    #[must_use]
    pub fn judging(self, judge: Judge) -> Self {
        Self { judge: Some(judge), ..self }
    }

    /// What judges which complaints are about one thing, if that was learned.
    pub fn judge(&self) -> Option<&Judge> {
        self.judge.as_ref()
    }

    /// What it thinks of a complaint.
    pub(crate) fn opinion(&self, text: &str, words: &[Word], place: &[Word]) -> Opinion {
        let bag = bag(words, place);
        let mut opinion = Opinion { kind: self.kinds.as_ref().map(|kinds| kinds.tell(text)[0].0), ..Opinion::default() };
        if let Some(Sure { model, floor }) = &self.agency {
            let vector = model.vector(&bag);
            let guesses = model.sort_vector(&vector);
            opinion.agency_is_sure = guesses.first().is_some_and(|guess| guess.probability >= *floor);
            opinion.agencies = guesses
                .into_iter()
                .take(3)
                .map(|guess| (guess.label.to_owned(), guess.probability, model.words_for(words, &vector, guess.label)))
                .collect();
        }
        if let Some(Sure { model, floor }) = &self.category {
            let vector = model.vector(&bag);
            let first = model.sort_vector(&vector).into_iter().next().filter(|guess| guess.probability >= *floor);
            opinion.category = first.map(|guess| (guess.label.to_owned(), model.words_for(words, &vector, guess.label)));
        }
        if let Some(Sure { model, floor }) = &self.whereabouts {
            let mut thoughts = model.find_words(words, place).into_iter();
            if let Some(first) = thoughts.next() {
                if first.probability >= *floor {
                    opinion.area = Some(first.code);
                } else {
                    opinion.areas = std::iter::once(first.code).chain(thoughts.next().map(|second| second.code)).collect();
                }
            }
        }
        opinion
    }

    /// Asks it about complaints it has not learned from.
    pub fn tally(&self, rows: &[Decided]) -> Tallies {
        let mut tallies = Tallies::default();
        for row in rows {
            if let Some(Sure { model, floor }) = &self.agency {
                tallies.agency.count(model.verdict(row, &row.agency), *floor);
            }
            if let Some(Sure { model, floor }) = &self.category {
                tallies.category.count(model.verdict(row, &row.category), *floor);
            }
            if let Some(Sure { model, floor }) = self.whereabouts.as_ref().filter(|_| !row.area.is_empty()) {
                let first = model.find(&row.text, &row.place).into_iter().next();
                tallies.area.count(Some(first.map_or((0.0, false), |thought| (thought.probability, thought.code == row.area))), *floor);
            }
        }
        tallies
    }

    /// As it is kept.
    ///
    /// # Panics
    /// Never: numbers and texts always have bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MARK.to_vec();
        bytes.extend(postcard::to_allocvec(self).expect("plain numbers and texts always have bytes"));
        bytes
    }

    /// Reads what [`Learned::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        let rest = match bytes.strip_prefix(MARK) {
            Some(rest) => rest,
            None if bytes.starts_with(&MARK[..7]) => return Err(Unreadable::Version),
            None => return Err(Unreadable::Foreign),
        };
        let learned: Self = postcard::from_bytes(rest).map_err(|_| Unreadable::Version)?;
        if learned.is_whole() { Ok(learned) } else { Err(Unreadable::Foreign) }
    }

    /// Bytes it takes in memory, about.
    pub fn bytes(&self) -> usize {
        let sorter = |sure: &Option<Sure<Sorter>>| sure.as_ref().map_or(0, |sure| sure.model.bytes());
        let kinds = self.kinds.as_ref().map_or(0, Kinds::bytes);
        let judge = self.judge.as_ref().map_or(0, Judge::bytes);
        let whereabouts = self.whereabouts.as_ref().map_or(0, |sure| sure.model.bytes());
        sorter(&self.agency) + sorter(&self.category) + whereabouts + kinds + judge + self.seen.len() * 4
    }

    /// The same for people, in millions.
    pub fn megabytes(&self) -> f64 {
        self.bytes() as f64 / 1e6
    }

    /// Nothing in it points outside of it.
    fn is_whole(&self) -> bool {
        let sorter = |sure: &Option<Sure<Sorter>>| sure.as_ref().is_none_or(|sure| sure.model.is_whole());
        sorter(&self.agency)
            && sorter(&self.category)
            && self.whereabouts.as_ref().is_none_or(|sure| sure.model.is_whole())
            && self.kinds.as_ref().is_none_or(Kinds::is_whole)
            && self.judge.as_ref().is_none_or(Judge::is_whole)
    }
}

impl Sorter {
    /// How likely its first guess is, and whether it is right; `None` where nothing was decided.
    fn verdict(&self, row: &Decided, truth: &str) -> Option<(f32, bool)> {
        let first = self.sort(&row.text, &row.place).into_iter().next().filter(|_| !truth.is_empty())?;
        Some((first.probability, first.label == truth))
    }
}

impl Tally {
    /// Share of the asked whose likeliest was right; 0 where nothing was asked.
    pub fn right_share(&self) -> f64 {
        self.right as f64 / self.asked.max(1) as f64
    }

    /// Share of the asked where it was sure.
    pub fn said_share(&self) -> f64 {
        self.said as f64 / self.asked.max(1) as f64
    }

    /// How often it was right when it was sure.
    pub fn right_when_said(&self) -> f64 {
        self.said_right as f64 / self.said.max(1) as f64
    }

    fn count(&mut self, verdict: Option<(f32, bool)>, floor: f32) {
        let Some((probability, right)) = verdict else { return };
        self.asked += 1;
        self.right += usize::from(right);
        self.said += usize::from(probability >= floor);
        self.said_right += usize::from(probability >= floor && right);
    }
}

fn text_hash(text: &str) -> u32 {
    hash(Feature::Mark, &["text", text])
}

/// The lowest probability from which on the answers are right often enough.
fn floor(verdicts: impl Iterator<Item = (f32, bool)>) -> f32 {
    let mut all: Vec<(f32, bool)> = verdicts.collect();
    if all.len() < LEAST {
        return USUAL_FLOOR;
    }
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut right, mut lowest) = (0.0, 1.01);
    for (said, (probability, is_right)) in all.into_iter().enumerate() {
        right += f32::from(u8::from(is_right));
        if said >= 20 && right >= RIGHT * (said + 1) as f32 {
            lowest = probability;
        }
    }
    lowest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text;

    /// Decided complaints of a made-up city: three matters, three streets, said in several ways.
    fn history() -> Vec<Decided> {
        let matters = [
            ("dishub", "lamp", ["lampu jalan padam", "pju mati gelap sekali", "penerangan jalan umum tidak menyala"]),
            ("dlh", "waste", ["sampah menumpuk bau", "tps penuh sampah berserakan", "mohon angkut sampah warga"]),
            ("dsda", "road", ["jalan berlubang parah", "aspal rusak membahayakan", "mohon tambal jalan rusak"]),
        ];
        let streets = [("3171090001", "jl melati"), ("3171090002", "gang kenanga"), ("3171100001", "jalan cempaka")];
        let mut rows = Vec::new();
        for round in 0..20 {
            for (agency, category, texts) in matters {
                for (area, street) in streets {
                    rows.push(Decided {
                        text: format!("{} {round}", texts[round % 3]),
                        place: format!("{street} no {round}"),
                        area: area.into(),
                        category: category.into(),
                        agency: agency.into(),
                    });
                }
            }
        }
        rows
    }

    fn areas() -> Vec<Named> {
        let named = |code: &str, name: &str, within: &str| Named { code: code.into(), name: name.into(), within: within.into() };
        vec![
            named("3171090", "Tebet", ""),
            named("3171090001", "Menteng Dalam", "3171090"),
            named("3171090002", "Tebet Barat", "3171090"),
            named("3171100", "Setiabudi", ""),
            named("3171100001", "Karet", "3171100"),
        ]
    }

    fn learned() -> Learned {
        let kinds = [("lampu rusak belum diperbaiki", Kind::Complaint), ("bagaimana cara mengurus ktp?", Kind::InformationRequest)];
        Learned::learn(&history(), &areas(), &kinds.repeat(5))
    }

    fn opinion(learned: &Learned, text: &str, place: &str) -> Opinion {
        learned.opinion(text, &text::words(text), &text::words(place))
    }

    #[test]
    fn it_knows_who_acted_on_such_words_and_where_the_streets_are() {
        let found = opinion(&learned(), "Lampu jln di dpn rumah padam, gelap", "Jl. Melati 77");
        assert_eq!(found.agencies[0].0, "dishub");
        assert!(found.agency_is_sure);
        assert!(found.agencies[0].2.iter().any(|word| word == "lampu" || word == "padam"), "{:?}", found.agencies[0].2);
        assert_eq!(found.category.map(|(code, _)| code).as_deref(), Some("lamp"));
        assert_eq!(found.area.as_deref(), Some("3171090001"));
    }

    #[test]
    fn where_nothing_points_anywhere_nothing_is_said() {
        let found = opinion(&learned(), "halo", "");
        assert!(!found.agency_is_sure);
        assert_eq!((found.category, found.area), (None, None));
        assert_eq!(found.agencies.len(), 3, "the best three are for people to choose from");
    }

    #[test]
    fn too_little_history_teaches_nothing_but_kinds_are_told() {
        let few = Learned::learn(&history()[..20], &areas(), &[]);
        let kind = Some(Kind::Complaint);
        assert_eq!(opinion(&few, "lampu padam", "jl melati"), Opinion { kind, ..Opinion::default() });
    }

    #[test]
    fn the_same_history_gives_the_same_bytes_and_these_the_same_opinion() {
        let (one, other) = (learned(), learned());
        assert_eq!(one.tally(&history()), other.tally(&history()));
        let back = Learned::from_bytes(&one.to_bytes()).expect("what was just written");
        let (text, place) = ("sampah bau belum diangkut", "gang kenanga");
        assert_eq!(opinion(&one, text, place), opinion(&back, text, place));
    }

    #[test]
    fn it_says_what_it_has_learned_from() {
        let (history, learned) = (history(), learned());
        assert!(history.iter().all(|row| learned.has_seen(row)));
        assert!(!learned.has_seen(&Decided { text: "lampu jalan padam lagi".into(), ..Decided::default() }));
        assert!(learned.bytes() < 50_000_000);
    }

    #[test]
    fn other_bytes_and_other_versions_are_refused() {
        let bytes = learned().to_bytes();
        assert_eq!(Learned::from_bytes(b"").err(), Some(Unreadable::Foreign));
        assert_eq!(Learned::from_bytes(b"PK\x03\x04 something else").err(), Some(Unreadable::Foreign));
        let mut newer = bytes.clone();
        newer[7] = 99;
        assert_eq!(Learned::from_bytes(&newer).err(), Some(Unreadable::Version));
        assert!(Learned::from_bytes(&bytes[..bytes.len() / 2]).is_err());
    }

    #[test]
    fn a_word_is_in_the_model_only_as_a_hash() {
        let bytes = learned().to_bytes();
        for word in ["sampah", "berlubang", "penerangan"] {
            assert!(!bytes.windows(word.len()).any(|part| part == word.as_bytes()), "{word}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn a_damaged_model_is_refused_or_works(at in 8..4000usize, byte in any::<u8>()) {
            static BYTES: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| learned().to_bytes());
            let mut bytes = BYTES.clone();
            let at = at % bytes.len();
            if at >= MARK.len() {
                bytes[at] ^= byte;
            }
            if let Ok(learned) = Learned::from_bytes(&bytes) {
                let _ = opinion(&learned, "lampu padam di kelurahan karet", "jl melati 3");
            }
        }
    }
}
