//! Which area the words name: kelurahan, kecamatan, cities. Streets and landmarks are not read.

use std::collections::HashMap;

use model::Directory;

use crate::text::{Word, collapse, words};

/// The names of the directory's areas.
#[derive(Debug)]
pub(crate) struct Gazetteer {
    /// By the name's letters without spaces: `Setia Budi` and `Setiabudi` are one name.
    by_name: HashMap<String, Name>,
    /// Names as signs say them, by code.
    written: HashMap<String, String>,
    /// Words in the longest name.
    longest: usize,
}

#[derive(Debug, Default)]
struct Name {
    /// Every area of that name, the widest first.
    codes: Vec<String>,
    /// One short word: it may also be a tree, a day or a person.
    single: bool,
}

/// What the words say about the place.
#[derive(Debug)]
pub(crate) struct Reading {
    /// Code and name of the area, where one stands out.
    pub(crate) area: Option<(String, String)>,
    /// Which words of the text are names of places: they speak for no category.
    pub(crate) used: Vec<bool>,
}

/// One name in the text, and what it may mean.
struct Mention<'a> {
    codes: &'a [String],
    weight: u32,
}

/// How much a mention says. `kelurahan Tebet Timur` leaves no doubt …
const NAMED_WITH_LEVEL: u32 = 4;
/// … a name of several words, a name behind `di`, or one in the field for the place, little …
const PLAIN: u32 = 2;
/// … a single word may mean anything, and a street may run through several kelurahan: they only support others.
const SUPPORTING: u32 = 1;

/// Words that say which level the next name has, by the number of digits of its code.
const LEVELS: &[(&str, usize)] =
    &[("kelurahan", 10), ("desa", 10), ("lurah", 10), ("kecamatan", 7), ("camat", 7), ("kota", 4), ("kabupaten", 4), ("walikota", 4)];
/// Words that a place follows.
const LOCATORS: &[&str] = &[
    "di",
    "ke",
    "dari",
    "daerah",
    "wilayah",
    "kawasan",
    "dekat",
    "sekitar",
    "area",
    "warga",
    "pasar",
    "stasiun",
    "terminal",
    "halte",
    "puskesmas",
    "rsud",
    "polsek",
    "kua",
    "koramil",
    "samsat",
    "in",
    "at",
    "near",
];
/// Words that the name of a street follows.
const STREETS: &[&str] = &["jalan", "gang", "street", "lorong"];
/// Words in front of a city's name that nobody says.
const TITLES: &[&str] = &["kota", "kabupaten", "administrasi"];

impl Gazetteer {
    /// The province itself is left out: everything is in it.
    pub(crate) fn new(directory: &Directory) -> Self {
        let mut by_name: HashMap<String, Name> = HashMap::new();
        let mut written = HashMap::new();
        let mut longest = 0;
        for area in directory.areas.values().filter(|area| area.code.len() > 2) {
            let forms = words(&area.name).into_iter().map(|word| word.form);
            let forms: Vec<String> = forms.skip_while(|form| TITLES.contains(&form.as_str())).collect();
            if forms.is_empty() {
                continue;
            }
            longest = longest.max(forms.len());
            let name = by_name.entry(joined(forms.iter().map(String::as_str))).or_default();
            name.single |= forms.len() == 1;
            name.codes.push(area.code.clone());
            written.insert(area.code.clone(), area.name.clone());
        }
        for name in by_name.values_mut() {
            name.codes.sort_by_key(String::len);
        }
        Self { by_name, written, longest }
    }

    /// Reads a text, and what stands in the field for the place, if there is one.
    pub(crate) fn read(&self, text: &[Word], place: &[Word]) -> Reading {
        let mut used = vec![false; text.len()];
        let mut mentions = self.mentions(text, &mut used, SUPPORTING);
        mentions.extend(self.mentions(place, &mut vec![false; place.len()], PLAIN));
        Reading { area: self.decide(&mentions), used }
    }

    fn mentions(&self, text: &[Word], used: &mut [bool], bare: u32) -> Vec<Mention<'_>> {
        let mut mentions = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let Some((name, length)) = self.longest_at(text, at) else {
                at += 1;
                continue;
            };
            let mention = name.mentioned(&text[..at], text.get(at + length), length, bare);
            used[at..at + length].fill(mention.weight > SUPPORTING);
            mentions.push(mention);
            at += length;
        }
        mentions
    }

    fn longest_at(&self, text: &[Word], at: usize) -> Option<(&Name, usize)> {
        let most = self.longest.min(text.len() - at);
        (1..=most).rev().find_map(|length| {
            let key = joined(text[at..at + length].iter().map(|word| word.form.as_str()));
            Some((self.by_name.get(&key)?, length))
        })
    }

    /// The area that most mentions agree on. A kelurahan is supported by the name of its kecamatan and its city. Between equals, what
    /// holds them all is said, if that is at most a city: a bare name that a kelurahan and the kecamatan around it share is the
    /// kecamatan, which is true either way.
    fn decide(&self, mentions: &[Mention<'_>]) -> Option<(String, String)> {
        let named = || mentions.iter().flat_map(|mention| mention.codes).map(String::as_str);
        let most = named().map(|code| support(mentions, code)).max().filter(|&points| points >= PLAIN)?;
        let best: Vec<&str> = named().filter(|code| support(mentions, code) == most).collect();
        let holds_all = |prefix: &&str| best.iter().all(|code| code.starts_with(prefix));
        let code = [10, 7, 4].into_iter().filter_map(|digits| best.first()?.get(..digits)).find(holds_all)?;
        Some((code.to_owned(), self.written.get(code)?.clone()))
    }
}

impl Name {
    fn mentioned(&self, before: &[Word], after: Option<&Word>, length: usize, bare: u32) -> Mention<'_> {
        let previous = |back: usize| before.len().checked_sub(back).map_or("", |at| before[at].form.as_str());
        let level = LEVELS.iter().find(|(word, _)| *word == previous(1)).map(|&(_, digits)| digits);
        if let Some(codes) = level.map(|digits| self.of_level(digits)).filter(|codes| !codes.is_empty()) {
            return Mention { codes, weight: NAMED_WITH_LEVEL };
        }
        let follows_street = STREETS.contains(&previous(1)) || previous(1) == "raya" && STREETS.contains(&previous(2));
        let is_street = follows_street || after.is_some_and(|word| word.form == "raya");
        let is_place = length > 1 || !self.single || level.is_some() || LOCATORS.contains(&previous(1));
        let weight = match (is_street, is_place) {
            (true, _) => SUPPORTING,
            (false, true) => PLAIN,
            (false, false) => bare,
        };
        Mention { codes: &self.codes, weight }
    }

    fn of_level(&self, digits: usize) -> &[String] {
        let start = self.codes.partition_point(|code| code.len() < digits);
        let end = self.codes.partition_point(|code| code.len() <= digits);
        &self.codes[start..end]
    }
}

fn joined<'a>(forms: impl Iterator<Item = &'a str>) -> String {
    collapse(&forms.collect::<String>())
}

/// A name that is repeated counts once, at its strongest.
fn support(mentions: &[Mention<'_>], code: &str) -> u32 {
    let mut counted: HashMap<&[String], u32> = HashMap::new();
    for mention in mentions.iter().filter(|mention| mention.codes.iter().any(|named| code.starts_with(named))) {
        let weight = counted.entry(mention.codes).or_default();
        *weight = mention.weight.max(*weight);
    }
    counted.values().sum()
}

#[cfg(test)]
mod tests {
    use model::Area;

    use super::*;

    fn gazetteer() -> Gazetteer {
        let areas = [
            ("31", "DKI Jakarta"),
            ("3171", "Kota Jakarta Selatan"),
            ("3171090", "Tebet"),
            ("3171090001", "Menteng Dalam"),
            ("3171090002", "Tebet Barat"),
            ("3171090003", "Tebet Timur"),
            ("3171100", "Setiabudi"),
            ("3171100001", "Setia Budi"),
            ("3172", "Kota Jakarta Timur"),
            ("3172010", "Pasar Rebo"),
            ("3172010001", "Kali Baru"),
            ("3173", "Kota Jakarta Pusat"),
            ("3173040", "Gambir"),
            ("3173040001", "Gambir"),
            ("3173040002", "Petojo Utara"),
            ("3175", "Kota Jakarta Utara"),
            ("3175050", "Cilincing"),
            ("3175050001", "Kalibaru"),
            ("3175050002", "Tugu"),
        ];
        let area = |(code, name): (&str, &str)| (code.to_owned(), Area { code: code.into(), name: name.into() });
        Gazetteer::new(&Directory { areas: areas.into_iter().map(area).collect(), ..Directory::default() })
    }

    fn read(text: &str, place: &str) -> Option<String> {
        gazetteer().read(&words(text), &words(place)).area.map(|(code, _)| code)
    }

    #[test]
    fn names_in_the_text_tell_the_area_where_they_leave_no_doubt() {
        let cases = [
            // The longest name counts, however it is written.
            ("jalan rusak di tebet timur", "3171090003"),
            ("banjir, Kel. Tebet Barat RT 03/04", "3171090002"),
            ("warga menteng dalam mengeluh", "3171090001"),
            ("kel setiabudi", "3171100001"),
            // A name of two levels is the wider one, unless the level is said.
            ("sampah di gambir", "3173040"),
            ("sampah di kelurahan gambir", "3173040001"),
            ("kelurahan gambir kecamatan gambir", "3173040001"),
            ("kec. tebet", "3171090"),
            // A name that two kelurahan bear is told by what is around it, or left unsaid.
            ("kalibaru cilincing", "3175050001"),
            ("kali baru, pasar rebo", "3172010001"),
            ("di kalibaru jakarta utara", "3175050001"),
            ("di kali baru", ""),
            // A street is not a place, but it supports one.
            ("lampu mati jl. tebet timur raya", ""),
            ("lampu mati jl. tebet barat, jaksel", "3171090002"),
            // A single word needs something beside it.
            ("saya foto di depan tugu", ""),
            ("kelurahan tugu", "3175050002"),
            ("tebet jakarta selatan", "3171090"),
            ("macet tebet", ""),
            // Two places at once: what holds both, or nothing.
            ("di tebet barat dan tebet timur", "3171090"),
            ("di tebet dan di gambir", ""),
            ("di tebet barat, kelurahan petojo utara", "3173040002"),
            // The city alone.
            ("macet di jakarta pusat", "3173"),
            ("macet di jakarta", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text, "").unwrap_or_default(), expected, "{text}");
        }
    }

    #[test]
    fn the_field_for_the_place_needs_no_preposition() {
        assert_eq!(read("sampah", "Tugu, sebelah warung").as_deref(), Some("3175050002"));
        assert_eq!(read("kelurahan petojo utara", "tugu").as_deref(), Some("3173040002"));
    }

    #[test]
    fn the_name_of_a_place_is_no_keyword() {
        let reading = gazetteer().read(&words("pasar rebo kali baru"), &[]);
        assert_eq!(reading.used, [true; 4]);
        let reading = gazetteer().read(&words("tugu rusak"), &[]);
        assert_eq!(reading.used, [false; 2]);
    }
}
