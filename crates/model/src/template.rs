//! Answers that are written once and used often. A template has variables, `{nomor}`; they are filled from the complaint when it is used, and what is left
//! unfilled is never sent to a citizen.

use std::{collections::BTreeMap, fmt, str::FromStr};

/// The longest template, in characters.
pub const LONGEST: usize = 2000;

/// What a template may speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Variable {
    /// The complaint's number.
    Number,
    /// The agency that answers.
    Agency,
    /// Until when it shall be settled.
    Deadline,
    /// What it is about.
    Category,
    /// Where it is.
    Area,
    /// Who answers.
    Officer,
    /// The city.
    City,
    /// The day on which it is used.
    Today,
}

impl Variable {
    /// Every variable.
    pub const ALL: [Self; 8] =
        [Self::Number, Self::Agency, Self::Deadline, Self::Category, Self::Area, Self::Officer, Self::City, Self::Today];

    /// The word between the braces. One for all languages: who writes templates works in Indonesian.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Number => "nomor",
            Self::Agency => "instansi",
            Self::Deadline => "batas",
            Self::Category => "kategori",
            Self::Area => "wilayah",
            Self::Officer => "petugas",
            Self::City => "kota",
            Self::Today => "tanggal",
        }
    }
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}", self.as_str())
    }
}

impl FromStr for Variable {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|variable| variable.as_str() == word).ok_or(())
    }
}

/// What is wrong with a template, or with words that are to be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// No words.
    #[error("there are no words")]
    Empty,
    /// More than [`LONGEST`].
    #[error("it is too long")]
    TooLong,
    /// `{…}` with something else than a variable in it; what it is, at most 40 characters of it.
    #[error("{{{0}}} is no variable")]
    Unknown(String),
    /// A brace that opens nothing or closes nothing.
    #[error("a brace stands alone")]
    Brace,
    /// A variable for which the complaint has nothing.
    #[error("{0} is empty here")]
    Unfilled(Variable),
}

/// A piece of a template.
enum Piece<'a> {
    Words(&'a str),
    Of(Variable),
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, Wrong> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        let inside = from.strip_prefix('{').ok_or(Wrong::Brace)?;
        let (word, after) = inside.split_once('}').ok_or(Wrong::Brace)?;
        if word.contains('{') {
            return Err(Wrong::Brace);
        }
        let variable = word.parse().map_err(|()| Wrong::Unknown(word.chars().take(40).collect()))?;
        pieces.extend([Piece::Words(before), Piece::Of(variable)]);
        rest = after;
    }
    pieces.push(Piece::Words(rest));
    Ok(pieces)
}

/// Whether it may be kept: words, not too many, and no braces but those of variables.
///
/// # Errors
/// What is wrong with it.
pub fn check(text: &str) -> Result<(), Wrong> {
    if text.trim().is_empty() {
        return Err(Wrong::Empty);
    }
    if text.chars().count() > LONGEST {
        return Err(Wrong::TooLong);
    }
    pieces(text).map(drop)
}

/// With its variables filled.
///
/// # Errors
/// A variable without a value, or something that [`check`] refuses.
pub fn fill(text: &str, values: &BTreeMap<Variable, String>) -> Result<String, Wrong> {
    let mut filled = String::with_capacity(text.len());
    for piece in pieces(text)? {
        match piece {
            Piece::Words(words) => filled.push_str(words),
            Piece::Of(variable) => {
                let value = values.get(&variable).map(|value| value.trim()).filter(|value| !value.is_empty());
                filled.push_str(value.ok_or(Wrong::Unfilled(variable))?);
            }
        }
    }
    Ok(filled)
}

/// Whether words may go to a citizen: nothing in them looks like a variable that nobody filled, `{batas}`. Other braces are the writer's own.
///
/// # Errors
/// [`Wrong::Unfilled`] for a variable of ours, [`Wrong::Unknown`] for a word in braces that is none.
pub fn finished(text: &str) -> Result<(), Wrong> {
    for inside in text.split('{').skip(1) {
        let Some((word, _)) = inside.split_once('}') else { continue };
        if !word.is_empty() && word.chars().count() <= 40 && word.chars().all(|c| c.is_alphabetic() || c == '_') {
            return Err(word.parse().map_or_else(|()| Wrong::Unknown(word.to_owned()), Wrong::Unfilled));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> BTreeMap<Variable, String> {
        let some = [(Variable::Number, "7KQ2-M4XT-9PCH"), (Variable::Agency, "Dinas Bina Marga"), (Variable::Area, " ")];
        some.into_iter().map(|(variable, value)| (variable, value.to_owned())).collect()
    }

    #[test]
    fn a_template_is_filled_from_the_complaint() {
        let filled = fill("Laporan {nomor} ditangani {instansi}.", &values());
        assert_eq!(filled, Ok("Laporan 7KQ2-M4XT-9PCH ditangani Dinas Bina Marga.".to_owned()));
    }

    #[test]
    fn what_is_empty_or_unknown_is_refused_and_not_left_out() {
        assert_eq!(fill("Sampai {batas}", &values()), Err(Wrong::Unfilled(Variable::Deadline)));
        assert_eq!(fill("Di {wilayah}", &values()), Err(Wrong::Unfilled(Variable::Area)), "spaces are nothing");
        assert_eq!(fill("{nomer}", &values()), Err(Wrong::Unknown("nomer".into())));
        assert_eq!(check("{Nomor}"), Err(Wrong::Unknown("Nomor".into())));
        for alone in ["{", "}", "a } b", "{nomor", "{{nomor}", "nomor}", "{nomor}}"] {
            assert_eq!(check(alone), Err(Wrong::Brace), "{alone}");
        }
        assert_eq!(check(" \n"), Err(Wrong::Empty));
        assert_eq!(check(&"x".repeat(LONGEST + 1)), Err(Wrong::TooLong));
        assert_eq!(check(&"é".repeat(LONGEST)), Ok(()));
    }

    #[test]
    fn nothing_unfilled_is_sent_and_other_braces_are() {
        assert_eq!(finished("Selesai {batas}."), Err(Wrong::Unfilled(Variable::Deadline)));
        assert_eq!(finished("Halo {nama_pelapor}"), Err(Wrong::Unknown("nama_pelapor".into())));
        for fine in ["Halo", "{1} dan {2}", "{}", "{ batas }", "a { b", "} {", "{a b}"] {
            assert_eq!(finished(fine), Ok(()), "{fine}");
        }
    }

    proptest! {
        #[test]
        fn no_words_break_it_and_what_is_filled_is_finished(text in ".{0,80}|[{}a-z ]{0,40}|(\\{nomor\\}|x|\\{instansi\\}){0,9}") {
            let _ = check(&text);
            if let Ok(filled) = fill(&text, &values()) {
                prop_assert_eq!(finished(&filled), Ok(()));
            }
        }
    }
}
