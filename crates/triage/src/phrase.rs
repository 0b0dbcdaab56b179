//! Finds known phrases among the words of a text: the longest first, each word used once.

use std::collections::HashMap;

use crate::text::{Word, words};

/// Phrases and what each stands for.
#[derive(Debug)]
pub(crate) struct Phrases<T> {
    /// By first word.
    by_first: HashMap<String, Vec<Phrase<T>>>,
}

#[derive(Debug)]
struct Phrase<T> {
    forms: Vec<String>,
    tag: T,
}

/// A phrase that was found.
#[derive(Debug)]
pub(crate) struct Found<'a, T> {
    /// Which.
    pub(crate) tag: &'a T,
    /// Which word of the text it begins with.
    pub(crate) at: usize,
    /// How many words it has.
    pub(crate) length: usize,
    /// Other words stand between its own.
    pub(crate) scattered: bool,
}

/// How many other words may stand within a scattered phrase: `jalan di depan rumah saya rusak`.
const GAP: usize = 5;

impl<T> Phrases<T> {
    /// Phrases in any spelling; those without a word are left out. Of two that read the same, `join` says what becomes.
    pub(crate) fn new(phrases: impl IntoIterator<Item = (String, T)>, join: impl Fn(&mut T, T)) -> Self {
        let mut by_first: HashMap<String, Vec<Phrase<T>>> = HashMap::new();
        for (text, tag) in phrases {
            let forms: Vec<String> = words(&text).into_iter().map(|word| word.form).collect();
            let Some(first) = forms.first() else { continue };
            let same_start = by_first.entry(first.clone()).or_default();
            match same_start.iter_mut().find(|phrase| phrase.forms == forms) {
                Some(phrase) => join(&mut phrase.tag, tag),
                None => same_start.push(Phrase { forms, tag }),
            }
        }
        for same_start in by_first.values_mut() {
            same_start.sort_by_key(|phrase| std::cmp::Reverse(phrase.forms.len()));
        }
        Self { by_first }
    }

    /// Whole phrases, in the order of the text. Words already used are passed over; the words of what is found become used.
    pub(crate) fn whole(&self, text: &[Word], used: &mut [bool]) -> Vec<Found<'_, T>> {
        let mut found = Vec::new();
        for start in 0..text.len() {
            let fits = |phrase: &&Phrase<T>| {
                let end = start + phrase.forms.len();
                let same = |words: &[Word]| words.iter().zip(&phrase.forms).all(|(word, form)| word.form == *form);
                used.get(start..end).is_some_and(|part| !part.contains(&true)) && text.get(start..end).is_some_and(same)
            };
            let Some(phrase) = self.starting(&text[start]).iter().find(fits) else { continue };
            used[start..start + phrase.forms.len()].fill(true);
            found.push(Found { tag: &phrase.tag, at: start, length: phrase.forms.len(), scattered: false });
        }
        found
    }

    /// Phrases of several words whose words stand in order in one sentence, with a few others between.
    pub(crate) fn scattered(&self, text: &[Word], used: &mut [bool]) -> Vec<Found<'_, T>> {
        let mut found = Vec::new();
        for start in 0..text.len() {
            let mut several = self.starting(&text[start]).iter().filter(|phrase| phrase.forms.len() > 1);
            let Some((phrase, places)) = several.find_map(|phrase| Some((phrase, places(phrase, text, used, start)?))) else { continue };
            for place in places {
                used[place] = true;
            }
            found.push(Found { tag: &phrase.tag, at: start, length: phrase.forms.len(), scattered: true });
        }
        found
    }

    fn starting(&self, word: &Word) -> &[Phrase<T>] {
        self.by_first.get(&word.form).map_or(&[], Vec::as_slice)
    }
}

/// Where the words of the phrase stand, beginning at `start`.
fn places<T>(phrase: &Phrase<T>, text: &[Word], used: &[bool], start: usize) -> Option<Vec<usize>> {
    let last = text.len().min(start + phrase.forms.len() + GAP);
    let mut places = Vec::with_capacity(phrase.forms.len());
    let mut forms = phrase.forms.iter().peekable();
    for at in start..last {
        let Some(form) = forms.peek() else { break };
        if text[at].sentence != text[start].sentence {
            break;
        }
        if !used[at] && text[at].form == **form {
            places.push(at);
            forms.next();
        }
    }
    (places.len() == phrase.forms.len()).then_some(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phrases(list: &[&str]) -> Phrases<String> {
        Phrases::new(list.iter().map(|&phrase| (phrase.to_owned(), phrase.to_owned())), |_, _| ())
    }

    fn find(list: &[&str], text: &str) -> Vec<String> {
        let (phrases, text) = (phrases(list), words(text));
        let mut used = vec![false; text.len()];
        let whole = phrases.whole(&text, &mut used);
        let scattered = phrases.scattered(&text, &mut used);
        whole.iter().chain(&scattered).map(|found| format!("{}{}", found.tag, if found.scattered { "~" } else { "" })).collect()
    }

    #[test]
    fn the_longest_phrase_takes_its_words() {
        let list = ["lampu", "lampu merah", "merah", "jalan rusak"];
        assert_eq!(find(&list, "Lampu merah mati"), ["lampu merah"]);
        assert_eq!(find(&list, "lampu, merah"), ["lampu merah"]);
        assert_eq!(find(&list, "merah lampu"), ["merah", "lampu"]);
    }

    #[test]
    fn a_phrase_may_be_scattered_within_one_sentence() {
        let list = ["jalan rusak"];
        assert_eq!(find(&list, "jalan di depan rumah saya rusak"), ["jalan rusak~"]);
        assert!(find(&list, "Saya di jalan. Pagar saya rusak").is_empty());
        assert!(find(&list, "rusak di jalan").is_empty());
        assert!(find(&list, "jalan satu dua tiga empat lima enam tujuh rusak").is_empty());
    }
}
