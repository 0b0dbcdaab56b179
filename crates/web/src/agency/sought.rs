//! Reading what somebody typed into the search: words with their other spellings, areas that are called so, a number, an address.

use model::{Address, Directory};
use store::search::{Sought, Word};

/// Longer words are cut: nothing in the index is longer.
const LONGEST: usize = 40;
/// Words that are read.
const MOST: usize = 8;
/// Areas one word may stand for; a word that is part of more says nothing.
const MOST_AREAS: usize = 20;
/// What numbers are written with.
const SYMBOLS: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// What is looked for. `personal`: also who wrote, by name and address.
pub(super) fn read(typed: &str, directory: &Directory, personal: bool) -> Sought {
    let words = typed.split_whitespace().map(bare).filter(|word| !word.is_empty()).take(MOST);
    let words = words.map(|word| Word { spellings: triage::spellings(&word), areas: areas(&word, directory), typed: word });
    Sought {
        words: if is_contact(typed) { Vec::new() } else { words.collect() },
        number: number(typed),
        contacts: if personal { contact(typed).into_iter().collect() } else { Vec::new() },
        names: personal,
    }
}

/// Without what stands around a word.
fn bare(word: &str) -> String {
    word.trim_matches(|c: char| !c.is_alphanumeric()).chars().take(LONGEST).collect()
}

/// Codes of the areas that have this word in their name, unless it is what kind of area they are.
fn areas(word: &str, directory: &Directory) -> Vec<String> {
    let word = word.to_lowercase();
    if ["kelurahan", "kecamatan", "kota", "kabupaten", "provinsi", "desa", "administrasi"].contains(&word.as_str()) {
        return Vec::new();
    }
    let called = |name: &str| name.split_whitespace().any(|part| part.to_lowercase() == word);
    let found: Vec<String> =
        directory.areas.values().filter(|area| area.code.len() > 2 && called(&area.name)).map(|area| area.code.clone()).collect();
    if found.len() > MOST_AREAS { Vec::new() } else { found }
}

/// A number or its beginning, with dashes where numbers have them: at least three symbols, and nothing but them.
fn number(typed: &str) -> Option<String> {
    let symbols: String = typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect();
    if !(3..=12).contains(&symbols.len()) || !symbols.chars().all(|c| SYMBOLS.contains(c)) {
        return None;
    }
    let groups: Vec<&str> =
        [0..4, 4..8, 8..12].into_iter().filter_map(|group| symbols.get(group.start..group.end.min(symbols.len()))).collect();
    Some(groups.into_iter().filter(|group| !group.is_empty()).collect::<Vec<_>>().join("-"))
}

/// Whether it looks like a whole number, so that "there is none" is worth saying.
pub(super) fn like_a_number(typed: &str) -> bool {
    number(typed).is_some_and(|number| number.len() == 14 && number.bytes().any(|b| b.is_ascii_digit()))
}

/// A telephone number or a mail address.
fn contact(typed: &str) -> Option<Address> {
    let typed = typed.trim();
    if typed.contains('@') && !typed.contains(char::is_whitespace) {
        return Address::new("mailto", &typed.to_lowercase()).ok();
    }
    Address::tel(typed).ok()
}

/// Whether it is somebody's address: such stand in no address of ours.
pub(super) fn is_contact(typed: &str) -> bool {
    contact(typed).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_may_be_typed_as_people_type_it() {
        for (typed, expected) in [
            ("7kq2-m4xt-9pch", Some("7KQ2-M4XT-9PCH")),
            ("7KQ2 M4", Some("7KQ2-M4")),
            ("7kq2m", Some("7KQ2-M")),
            ("o1l", Some("011")),
            ("7k", None),
            ("7KQ2-M4XT-9PCH-1", None),
            ("lubang", None),
        ] {
            assert_eq!(number(typed).as_deref(), expected, "{typed}");
        }
    }

    #[test]
    fn an_address_is_known_as_one_and_words_are_not() {
        assert_eq!(contact("0812-0000-0001").expect("a number").to_string(), "tel:+6281200000001");
        assert_eq!(contact(" Sari@Contoh.example.id ").expect("an address").to_string(), "mailto:sari@contoh.example.id");
        assert!(!is_contact("jalan berlubang") && !is_contact("7KQ2-M4XT-9PCH") && !is_contact("RT 03"));
    }
}
