//! The street that two complaints both name, for people to read.

use std::ops::Range;

use crate::{
    keys::sound,
    same::Side,
    spot::{Names, SpotKind, is_common},
    text::{Word, words},
};

/// More words are no name of a street.
const MOST_WORDS: usize = 4;
/// A shorter word sounds like too many others.
const SHORTEST: usize = 4;

/// The street that both name, one of them with `jalan` or the like before it, in the words of `own`: `Jalan Melati Raya`. Never a gang, a house or
/// an RT, and never a word that only the other one wrote: who reads it learns nothing of the other but that it is in the street they named
/// themselves.
pub fn street_of_both(own: &Side<'_>, other: &Side<'_>) -> Option<String> {
    let (mine, theirs) = (cut(own), cut(other));
    let of_mine = mine.iter().flat_map(|text| text.streets.iter().map(move |street| (text, street)));
    let here = of_mine.map(|(text, street)| {
        let shared = theirs.iter().map(|their| run(&text.words[street.clone()], &their.words).1).max().unwrap_or_default();
        text.typed(street.start..street.start + shared)
    });
    let of_theirs = theirs.iter().flat_map(|text| text.streets.iter().map(move |street| &text.words[street.clone()]));
    let there = of_theirs.flat_map(|street| {
        mine.iter().map(move |text| {
            let (start, shared) = run(street, &text.words);
            text.typed(start..start + shared)
        })
    });
    let longest = here.chain(there).max_by_key(Vec::len).filter(|name| !name.is_empty())?;
    let named: Vec<String> = longest.iter().map(|word| capital(word)).collect();
    Some(format!("Jalan {}", named.join(" ")))
}

/// A text in words, and which of them are names of streets.
struct Cut<'t> {
    text: &'t str,
    words: Vec<Word>,
    streets: Vec<Range<usize>>,
}

impl Cut<'_> {
    fn typed(&self, range: Range<usize>) -> Vec<String> {
        let typed = |word: &Word| self.text.get(word.span.clone()).map(str::to_owned);
        self.words.get(range).unwrap_or_default().iter().filter_map(typed).collect()
    }
}

fn cut<'t>(side: &Side<'t>) -> Vec<Cut<'t>> {
    let cut = |text: &'t str| {
        let words = words(text);
        let spots = Names::default().spots(&words);
        let streets = spots.into_iter().filter(|spot| spot.kind == SpotKind::Street && !spot.name.is_empty());
        let streets = streets.filter_map(|spot| named(&words, spot.words, &spot.name)).collect();
        Cut { text, words, streets }
    };
    [side.place, side.text].map(cut).into()
}

/// Which words of the spot are the name.
fn named(words: &[Word], spot: Range<usize>, name: &str) -> Option<Range<usize>> {
    let forms: Vec<&str> = name.split(' ').take(MOST_WORDS).collect();
    let is_here =
        |start: usize| words[start..].iter().zip(&forms).all(|(word, form)| word.form == **form) && start + forms.len() <= spot.end;
    let start = spot.clone().find(|start| is_here(*start))?;
    Some(start..start + forms.len())
}

/// Where the most words of a street's beginning stand in a text, and how many.
fn run(street: &[Word], text: &[Word]) -> (usize, usize) {
    let Some(first) = street.first().filter(|first| first.form.chars().count() >= SHORTEST && !is_common(&first.form)) else {
        return (0, 0);
    };
    let alike = |one: &Word, other: &Word| sound(&one.form) == sound(&other.form);
    let starts = (0..text.len()).filter(|start| alike(first, &text[*start]));
    let runs = starts.map(|start| (start, street.iter().zip(&text[start..]).take_while(|(one, other)| alike(one, other)).count()));
    runs.max_by_key(|(_, shared)| *shared).unwrap_or_default()
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters.flat_map(char::to_lowercase)).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn same_street(own: &str, other: &str) -> Option<String> {
        let side = |text| Side { text, place: "", area: "", at: 0 };
        street_of_both(&side(own), &side(other))
    }

    #[test]
    fn the_street_that_both_name_is_told_without_house_or_gang() {
        let cases = [
            ("banjir di jln melati raya, air masuk", "Banjir setinggi lutut di Jl. Melati Raya no 12 RT 3", Some("Jalan Melati Raya")),
            ("BANJIR DI JALAN MELATI RAYA!!!", "jl mlati raya gang 4 banjir", Some("Jalan Melati Raya")),
            ("banjir jl melati raya", "banjir jl kenanga wetan", None),
            ("banjir jl melati", "banjir depan pasar", None),
            ("banjir", "banjir jl melati", None),
            ("melati raya banjir, air masuk", "banjir jl melati raya no 3", Some("Jalan Melati Raya")),
            ("banjir jl melati raya rt 3", "mlati raya banjirr parah", Some("Jalan Melati Raya")),
            ("banjir raya", "banjir jl raya", None),
        ];
        for (own, other, expected) in cases {
            assert_eq!(same_street(own, other).as_deref(), expected, "{own} | {other}");
        }
    }

    #[test]
    fn what_only_the_other_wrote_is_never_told() {
        let own = "lampu padam di jalan melati";
        let other = "lampu padam jalan melati wahyuningsih nomor 5";
        assert_eq!(same_street(own, other).as_deref(), Some("Jalan Melati"));
    }

    #[test]
    fn the_field_for_the_place_counts_too() {
        let own = Side { text: "banjir", place: "Jl. Melati Raya", area: "", at: 0 };
        let other = Side { text: "air masuk rumah", place: "jalan melati raya 7", area: "", at: 0 };
        assert_eq!(street_of_both(&own, &other).as_deref(), Some("Jalan Melati Raya"));
    }

    proptest! {
        #[test]
        fn every_word_told_was_typed_by_who_reads_it(own in "(jalan|jl|melati|raya|no|7|gang|budi|é|\n| ){0,30}", other in ".{0,80}|(jl |melati |raya |budi |sari ){0,9}") {
            if let Some(street) = same_street(&own, &other) {
                let own = own.to_lowercase();
                prop_assert!(street.split(' ').skip(1).all(|word| own.contains(&word.to_lowercase())), "{street} | {own}");
            }
        }
    }
}
