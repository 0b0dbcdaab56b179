//! Words of the pages: flat keys in one TOML file a language.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::LazyLock,
};

use model::Language;

/// The word files of one crate, in every language.
#[derive(Debug)]
pub struct Book {
    id: BTreeMap<String, String>,
    en: BTreeMap<String, String>,
}

impl Book {
    /// Reads the two files; meant for `include_str!` in a `LazyLock`.
    ///
    /// # Panics
    /// When a file is not flat TOML: it is part of the program, and [`check`] reads it in a test.
    pub fn parse(id: &str, en: &str) -> Self {
        let read = |file| toml::from_str(file).expect("a word file is flat TOML: the test of its crate reads it");
        Self { id: read(id), en: read(en) }
    }

    fn find(&self, language: Language, key: &str) -> Option<&str> {
        let words = match language {
            Language::Id => &self.id,
            Language::En => &self.en,
        };
        words.get(key).map(String::as_str)
    }
}

static SHARED: LazyLock<Book> = LazyLock::new(|| Book::parse(include_str!("../words/id.toml"), include_str!("../words/en.toml")));

/// Words in one language: those of a crate first, then those that all pages share.
#[derive(Debug, Clone, Copy)]
pub struct Words {
    language: Language,
    own: &'static Book,
}

impl Words {
    /// The shared words alone.
    pub fn get(language: Language) -> Self {
        Self { language, own: &SHARED }
    }

    /// A crate's own words, and the shared ones behind them.
    pub fn of(own: &'static Book, language: Language) -> Self {
        Self { language, own }
    }

    /// Which language.
    pub fn language(self) -> Language {
        self.language
    }

    /// The words of a key. A key that no file has is shown as it is: [`check`] finds it in a test.
    pub fn t<'a>(self, key: &'a str) -> &'a str
    where
        'static: 'a,
    {
        self.own.find(self.language, key).or_else(|| SHARED.find(self.language, key)).unwrap_or(key)
    }

    /// The words of a key with `{name}` replaced.
    pub fn fill(self, key: &str, facts: &[(&str, &str)]) -> String {
        facts.iter().fold(self.t(key).to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    /// The words of `key.one` or `key.other`, with `{n}` replaced. Indonesian has one form: both keys say the same there.
    pub fn count(self, key: &str, n: u64) -> String {
        let form = if n == 1 { "one" } else { "other" };
        self.fill(&format!("{key}.{form}"), &[("n", &self.number(n))])
    }

    /// A number as people write it: `12.345` or `12,345`.
    pub fn number(self, n: u64) -> String {
        let digits = n.to_string();
        let separator = if self.language == Language::Id { '.' } else { ',' };
        let mut out = String::new();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                out.push(separator);
            }
            out.push(digit);
        }
        out
    }
}

/// For the test of a crate with words: both languages have the same keys with the same `{facts}`, every key that a template or source
/// file in `folders` asks for with `.t("…")`, `.count("…")` or `.fill("…")` exists, and none is there for nobody. Returns what is
/// wrong; empty is good.
pub fn check(own: &'static Book, folders: &[&Path]) -> Vec<String> {
    let mut wrong = Vec::new();
    let files: Vec<(String, String)> = folders.iter().flat_map(|folder| read(folder)).collect();
    let keys: BTreeSet<&String> = own.id.keys().chain(own.en.keys()).collect();
    for key in keys {
        match (own.id.get(key), own.en.get(key)) {
            (Some(id), Some(en)) if facts(id) != facts(en) => wrong.push(format!("{key}: the languages name other facts")),
            (Some(_), Some(_)) => {}
            (Some(_), None) => wrong.push(format!("{key}: no English words")),
            (None, _) => wrong.push(format!("{key}: no Indonesian words")),
        }
        let stem = key.strip_suffix(".one").or_else(|| key.strip_suffix(".other")).unwrap_or(key);
        if !files.is_empty() && !files.iter().any(|(_, text)| text.contains(&format!("\"{stem}\""))) {
            wrong.push(format!("{key}: nobody says this"));
        }
    }
    for (file, text) in &files {
        for key in asked_for(text) {
            let known = |key: &str| own.find(Language::Id, key).or_else(|| SHARED.find(Language::Id, key)).is_some();
            if !known(key) && !known(&format!("{key}.other")) {
                wrong.push(format!("{file}: nobody says what {key} means"));
            }
        }
    }
    wrong
}

fn facts(text: &str) -> Vec<&str> {
    let mut found: Vec<&str> = text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn asked_for(text: &str) -> impl Iterator<Item = &str> {
    let calls = [".t(\"", ".count(\"", ".fill(\""];
    let keys = calls.into_iter().flat_map(|call| text.split(call).skip(1)).filter_map(|rest| rest.split_once('"')).map(|(key, _)| key);
    // A key has a dot and no space; anything else is another function of the same name.
    keys.filter(|key| key.contains('.') && key.chars().all(|c| c.is_ascii_lowercase() || "._0123456789".contains(c)))
}

/// Every file of a folder and the folders in it, with its path.
fn read(folder: &Path) -> Vec<(String, String)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            files.extend(read(&path));
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            files.push((path.display().to_string(), text));
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_have_the_same_words_and_no_template_asks_for_more() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut wrong = check(&SHARED, &[&here.join("templates"), &here.join("src")]);
        // What forms say when something is wrong is said by the doors that have one.
        let doors: String = said_elsewhere(&here.join("..")).collect();
        wrong.retain(|finding| finding.strip_suffix(": nobody says this").is_none_or(|key| !doors.contains(&format!("\"{key}\""))));
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    fn said_elsewhere(crates: &Path) -> impl Iterator<Item = String> {
        let each = std::fs::read_dir(crates).expect("the folder of crates").flatten().map(|entry| entry.path());
        each.flat_map(|path| [path.join("src"), path.join("templates")]).flat_map(|folder| read(&folder)).map(|(_, text)| text)
    }

    #[test]
    fn a_check_notices_what_is_missing() {
        static BOOK: LazyLock<Book> = LazyLock::new(|| Book::parse("\"a.x\" = \"halo {name}\"\n\"b.x\" = \"b\"", "\"a.x\" = \"hello\""));
        assert_eq!(check(&BOOK, &[]), ["a.x: the languages name other facts", "b.x: no English words"]);
    }

    #[test]
    fn numbers_and_counts_read_well() {
        let (id, en) = (Words::get(Language::Id), Words::get(Language::En));
        assert_eq!(id.number(1_234_567), "1.234.567");
        assert_eq!(en.number(1_000), "1,000");
        assert_eq!(en.count("clock.left", 1), "1 working day left");
        assert_eq!(id.count("clock.left", 3), "sisa 3 hari kerja");
    }
}
