//! `BKN isi aduan`: several offices share one number, and the first word says which. People write it in capitals or not, with a space, `#`
//! or `*` behind it, sometimes before it, and on telephones that put an invisible mark in front.

use serde::Deserialize;

/// A word that stands before a text, and what it means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keyword {
    /// The word; several words are several words in the message too.
    pub word: String,
    /// Other ways to write it.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The account its messages go to: a channel of its own. Empty: the number's.
    #[serde(default)]
    pub account: String,
    /// Code of the category of what is written under it, if it says that much.
    #[serde(default)]
    pub category: Option<String>,
}

/// A keyword and what stands behind it, as it was written.
#[derive(Debug)]
pub struct Found<'k, 't> {
    /// Which.
    pub keyword: &'k Keyword,
    /// The rest of the text.
    pub rest: &'t str,
}

/// The keyword at the beginning of a text, the longest that fits. `separators`: what may stand behind a keyword beside white space.
pub fn find<'k, 't>(text: &'t str, keywords: &'k [Keyword], separators: &str) -> Option<Found<'k, 't>> {
    let text = begin(text, separators);
    let written = keywords.iter().flat_map(|keyword| {
        std::iter::once(&keyword.word).chain(&keyword.aliases).filter_map(move |word| Some((keyword, behind(text, word, separators)?)))
    });
    let (keyword, rest) = written.min_by_key(|(_, rest)| rest.len())?;
    Some(Found { keyword, rest: begin(rest, separators).trim_end() })
}

/// What follows the words at the beginning of a text; `None` where it does not begin with them.
fn behind<'t>(text: &'t str, words: &str, separators: &str) -> Option<&'t str> {
    let mut rest = text;
    let mut any = false;
    for word in words.split_whitespace() {
        rest = after(begin(rest, separators), word)?;
        any = true;
        if !rest.starts_with(|c| is_between(c, separators)) && !rest.is_empty() {
            return None;
        }
    }
    any.then_some(rest)
}

/// What follows one word, whatever its case.
fn after<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let mut wanted = word.chars().flat_map(char::to_lowercase).peekable();
    for (at, c) in text.char_indices() {
        if wanted.peek().is_none() {
            return Some(&text[at..]);
        }
        for folded in c.to_lowercase() {
            if wanted.next() != Some(folded) {
                return None;
            }
        }
    }
    wanted.next().is_none().then_some("")
}

/// Without white space, separators and invisible marks at the beginning.
fn begin<'t>(text: &'t str, separators: &str) -> &'t str {
    text.trim_start_matches(|c| is_between(c, separators))
}

fn is_between(c: char, separators: &str) -> bool {
    c.is_whitespace() || separators.contains(c) || matches!(c, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2060}')
}

/// Whether a text is one of these words and nothing else: `Stop.`, ` BERHENTI!`.
pub fn is_one_of(text: &str, words: &[String]) -> bool {
    let bare = |text: &str| -> String {
        let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        words.join(" ").to_lowercase()
    };
    // What is longer is no word: a novel need not be folded to know that.
    let said = if text.len() > 200 { String::new() } else { bare(text) };
    !said.is_empty() && words.iter().any(|word| bare(word) == said)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keywords() -> Vec<Keyword> {
        let keyword = |word: &str, aliases: &[&str]| Keyword {
            word: word.into(),
            aliases: aliases.iter().map(|&alias| alias.into()).collect(),
            account: word.to_lowercase(),
            category: None,
        };
        vec![keyword("BKN", &["BADAN KEPEGAWAIAN"]), keyword("BK", &[]), keyword("JALAN", &["JLN"]), keyword("LAPOR BKN", &[])]
    }

    fn found(text: &str) -> Option<(String, String)> {
        let keywords = keywords();
        find(text, &keywords, " #*").map(|found| (found.keyword.word.clone(), found.rest.to_owned()))
    }

    #[test]
    fn a_keyword_is_found_as_people_write_it() {
        for text in [
            "BKN isi  aduan",
            "bkn#isi  aduan",
            "*Bkn*isi  aduan ",
            " BKN   # isi  aduan\n",
            "\u{feff}BKN\nisi  aduan",
            "badan kepegawaian isi  aduan",
        ] {
            assert_eq!(found(text), Some(("BKN".into(), "isi  aduan".into())), "{text}");
        }
        assert_eq!(found("jln rusak"), Some(("JALAN".into(), "rusak".into())));
        assert_eq!(found("LAPOR  BKN isi"), Some(("LAPOR BKN".into(), "isi".into())));
        assert_eq!(found("BKN"), Some(("BKN".into(), String::new())), "nothing behind it is still it");
        assert_eq!(found("BK N isi"), Some(("BK".into(), "N isi".into())));
    }

    #[test]
    fn what_only_begins_like_a_keyword_is_none() {
        for text in ["BKNisi", "Jalanan rusak", "jl rusak", "", "#", "ada BKN di sini", "LAPOR", "badan"] {
            assert_eq!(found(text), None, "{text}");
        }
    }

    #[test]
    fn lines_of_the_rest_stay_as_they_are() {
        assert_eq!(found("BKN baris satu\n\nbaris  dua").map(|(_, rest)| rest).as_deref(), Some("baris satu\n\nbaris  dua"));
    }

    #[test]
    fn words_of_silence_are_known_and_sentences_with_them_are_not() {
        let words = ["STOP".to_owned(), "berhenti".to_owned(), "STOP SMS".to_owned()];
        for text in ["stop", " Stop. ", "BERHENTI!", "\"stop  sms\""] {
            assert!(is_one_of(text, &words), "{text}");
        }
        for text in ["", "...", "tolong stop parkir liar", "bus stop rusak", &"stop ".repeat(100)] {
            assert!(!is_one_of(text, &words), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_searched_without_panic_and_the_rest_is_its_end(text in "\\PC{0,60}", separators in "[ #*:İß]{0,4}") {
            let keywords = keywords();
            if let Some(found) = find(&text, &keywords, &separators) {
                prop_assert!(text.trim_end().ends_with(found.rest) || found.rest.is_empty());
            }
            let _ = is_one_of(&text, std::slice::from_ref(&text));
        }

        #[test]
        fn any_case_and_separator_gives_the_same_keyword(upper in proptest::collection::vec(any::<bool>(), 3), between in "[ #*\n]{1,5}", rest in "[a-z]{1,20}( [a-z]{1,9}){0,3}") {
            let word: String = "bkn".chars().zip(upper).map(|(c, up)| if up { c.to_ascii_uppercase() } else { c }).collect();
            prop_assert_eq!(found(&format!("{word}{between}{rest}")), Some(("BKN".to_owned(), rest)));
        }
    }
}
