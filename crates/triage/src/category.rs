//! Which category the words speak for.

use model::Category;

use crate::{
    phrase::{Found, Phrases},
    text::Word,
};

/// The keywords of every category.
#[derive(Debug)]
pub(crate) struct Keywords {
    phrases: Phrases<Vec<Keyword>>,
}

/// One keyword of one category.
#[derive(Debug)]
struct Keyword {
    category: String,
    /// As the city wrote it.
    written: String,
}

/// A category and the words that spoke for it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) category: String,
    pub(crate) words: Vec<String>,
}

/// Points of one keyword of one word. Divisible by the number of categories that may share it, so that sums stay whole.
const UNIT: u32 = 60;

impl Keywords {
    pub(crate) fn new<'a>(categories: impl IntoIterator<Item = &'a Category>) -> Self {
        let keyword = |category: &Category, written: &String| {
            (written.clone(), vec![Keyword { category: category.code.clone(), written: written.clone() }])
        };
        let all = categories.into_iter().flat_map(|category| category.keywords.iter().map(move |written| keyword(category, written)));
        let join = |known: &mut Vec<Keyword>, more: Vec<Keyword>| {
            for keyword in more {
                if known.iter().all(|other| other.category != keyword.category) {
                    known.push(keyword);
                }
            }
        };
        Self { phrases: Phrases::new(all, join) }
    }

    /// The category that the words speak for, if it is ahead of every other by half; otherwise a person must choose. `used` are words
    /// that mean something else here, the names of places.
    pub(crate) fn judge(&self, text: &[Word], mut used: Vec<bool>) -> Option<Verdict> {
        let mut scores: Vec<Score<'_>> = Vec::new();
        for found in self.phrases.whole(text, &mut used).into_iter().chain(self.phrases.scattered(text, &mut used)) {
            for keyword in found.tag {
                count(&mut scores, keyword, points(&found));
            }
        }
        scores.sort_by(|a, b| b.points.cmp(&a.points).then_with(|| a.category.cmp(b.category)));
        let second = scores.get(1).map_or(0, |score| score.points);
        let best = scores.into_iter().next()?;
        let clear = best.points >= UNIT && 2 * best.points >= 3 * second;
        clear.then(|| Verdict { category: best.category.to_owned(), words: best.words.into_iter().map(str::to_owned).collect() })
    }
}

#[derive(Debug)]
struct Score<'a> {
    category: &'a str,
    points: u32,
    words: Vec<&'a str>,
}

/// A longer phrase says more than its words one by one; a scattered one half of it; one that several categories know, a share.
fn points(found: &Found<'_, Vec<Keyword>>) -> u32 {
    let length = u32::try_from(found.length).unwrap_or(1).min(8);
    let sharers = u32::try_from(found.tag.len()).unwrap_or(1).max(1);
    UNIT * (2 * length - 1) / sharers / if found.scattered { 2 } else { 1 }
}

/// A keyword counts once, however often it is repeated.
fn count<'a>(scores: &mut Vec<Score<'a>>, keyword: &'a Keyword, points: u32) {
    let at = scores.iter().position(|score| score.category == keyword.category).unwrap_or_else(|| {
        scores.push(Score { category: &keyword.category, points: 0, words: Vec::new() });
        scores.len() - 1
    });
    let score = &mut scores[at];
    if !score.words.contains(&keyword.written.as_str()) {
        score.words.push(&keyword.written);
        score.points += points;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::words;

    fn category(code: &str, keywords: &[&str]) -> Category {
        let keywords = keywords.iter().map(|&word| word.to_owned()).collect();
        Category { code: code.into(), name_id: code.into(), name_en: code.into(), keywords }
    }

    fn judge(text: &str) -> Option<(String, Vec<String>)> {
        let categories = [
            category("light", &["lampu jalan", "lampu jalan mati", "pju", "gelap"]),
            category("signal", &["lampu merah", "lampu lalu lintas"]),
            category("road", &["jalan rusak", "berlubang", "aspal"]),
            category("drain", &["selokan", "got", "mampet"]),
            category("waste", &["sampah", "got"]),
        ];
        let words = words(text);
        let used = vec![false; words.len()];
        Keywords::new(&categories).judge(&words, used).map(|verdict| (verdict.category, verdict.words))
    }

    #[test]
    fn the_words_decide_and_say_so() {
        let cases = [
            ("PJU mati, gelap sekali", "light: pju, gelap"),
            ("lampu jln rusak", "light: lampu jalan"),
            ("Lampu merah mati", "signal: lampu merah"),
            ("jln di depan sekolah rusak parah", "road: jalan rusak"),
            ("sampah sampah sampah dan selokan", ""),
            ("got", ""),
            ("got mampet", "drain: got, mampet"),
            ("selamat pagi", ""),
        ];
        for (text, expected) in cases {
            let verdict = judge(text).map(|(code, words)| format!("{code}: {}", words.join(", ")));
            assert_eq!(verdict.unwrap_or_default(), expected, "{text}");
        }
    }

    #[test]
    fn repeating_a_word_does_not_outvote_another() {
        assert_eq!(judge("sampah sampah sampah selokan mampet").map(|(code, _)| code), Some("drain".to_owned()));
    }
}
