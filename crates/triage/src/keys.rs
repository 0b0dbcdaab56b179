//! Under which keys a complaint is found again by one about the same thing. Nothing learned is in them: they are kept in tables, and must
//! mean the same next year.
//!
//! A key alone need not tell much (`melati` with `lampu`): who looks reads the latest few dozen of each, and counts how many keys two
//! complaints share. Names count by their consonants, so that most typing errors do not part them; what a complaint is about counts by
//! a list of what people complain about in cities, with the several words they have for each.

use std::{collections::BTreeSet, sync::LazyLock};

use model::Point;
use rustc_hash::FxHashMap;

use crate::{
    bag::{is_number, stem},
    same::Side,
    spot::{Names, SpotKind, is_common},
    text::{self, Word},
};

/// Where a complaint is kept, and where its like is looked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Keys {
    /// What it is kept under; none twice.
    pub kept: Vec<i64>,
    /// What is asked for, and how much finding it there says.
    pub asked: Vec<(i64, f32)>,
}

/// What cities are told of, one matter a line, with the words people use. As stems of the normal form.
const MATTERS: &str = "
banjir genang genangan rob luap meluap terendam rendam kebanjiran ambles_air
saluran selokan got drainase gorong mampet sumbat tersumbat mampat parit sungai kali
lampu pju padam gelap penerangan lampunya mati_lampu bohlam
sampah tps bak_sampah berserakan sampahnya buang_sampah limbah
jalan_rusak lubang berlubang aspal paving ambles longsor retak bergelombang
pohon tumbang dahan ranting perantingan rimbun
macet parkir jukir trotoar kendaraan_liar lalulintas rambu traffic
air pdam pipa ledeng keran bocor
listrik kabel tiang korslet setrum pln
asap bakar kebakaran polusi debu bau busuk
bising berisik ribut musik karaoke
pkl pedagang lapak gelandangan pengemis anjal pengamen
anjing kucing ular tikus nyamuk tawon monyet demam dbd
ktp kk akta akte ktp_el dukcapil adminduk kependudukan
bansos pkh sembako bpjs kis bantuan
sekolah ppdb guru siswa
rumah_sakit puskesmas dokter obat vaksin
pungli pungut suap calo
pembangunan bangunan imb galian proyek urug
jembatan tanggul turap plengsengan
internet wifi sinyal aplikasi website
";

/// Which matter a stem speaks of, by number of the line.
static MATTER: LazyLock<FxHashMap<String, u8>> = LazyLock::new(|| {
    let mut all = FxHashMap::default();
    for (number, line) in (0..).zip(MATTERS.trim().lines()) {
        for word in line.split(' ').filter(|word| !word.contains('_')) {
            for form in text::words(word) {
                all.entry(stem(&form.form).to_owned()).or_insert(number);
            }
        }
    }
    all
});

/// So many of the latest complaints are read under each key.
pub const LATEST_OF_A_KEY: usize = 40;
/// So many complaints, those that share most, are made ready and ranked.
pub const FOUND: usize = 40;

/// Of each kind so many, or fewer.
const MATTERS_OF_ONE: usize = 2;
const NAMES_OF_ONE: usize = 4;
const NUMBERS_OF_ONE: usize = 2;
/// Of areas beside its own.
const AREAS_BESIDE: usize = 8;
/// So many digits of an area's code say in which kecamatan it is.
const KECAMATAN: usize = 7;
/// About 220 metres north to south.
const CELL: f64 = 0.002;

/// The keys of a complaint.
pub fn keys(side: &Side<'_>, at: Option<Point>) -> Keys {
    keys_beside(side, at, [].into_iter())
}

/// The same, asked for in areas that touch its own too: a citizen does not know where a kelurahan ends. Those of another kecamatan, for the
/// others are found by the kecamatan; a few of them.
pub fn keys_beside<'a>(side: &Side<'_>, at: Option<Point>, beside: impl Iterator<Item = &'a str>) -> Keys {
    let (text, place) = (text::words(side.text), text::words(side.place));
    let matters = matters(&text);
    let names = names(&text, &place);
    let mut keys = Keys::default();
    for (name, is_place) in &names {
        let sound = sound(name);
        for matter in &matters {
            keys.add(1, &[&sound, matter], if *is_place { 2.0 } else { 0.7 });
        }
        keys.add(2, &[name], if *is_place { 1.0 } else { 0.5 });
    }
    let places: Vec<&str> = names.iter().filter(|(_, is_place)| *is_place).map(|(name, _)| name.as_str()).collect();
    for two in places.windows(2) {
        keys.add(3, &[&sound(two[0]), &sound(two[1])], 2.0);
    }
    for matter in &matters {
        if !side.area.is_empty() {
            keys.add(4, &[side.area, matter], 1.0);
        }
        if let Some(around) = side.area.get(..KECAMATAN) {
            keys.add(5, &[around, matter], 0.5);
        }
    }
    let elsewhere = beside.filter(|area| area.get(..KECAMATAN) != side.area.get(..KECAMATAN));
    for area in elsewhere.take(AREAS_BESIDE) {
        keys.asked.extend(matters.iter().map(|matter| (number(4, &[area, matter]), 0.5)));
    }
    for number in long_numbers(text.iter().chain(&place)) {
        keys.add(6, &[&number], 3.0);
    }
    let whole: Vec<&str> = text.iter().map(|word| word.form.as_str()).collect();
    if whole.len() >= 3 {
        keys.add(7, &whole, 4.0);
    }
    if let Some(point) = at {
        keys.add_cells(point);
    }
    keys
}

impl Keys {
    /// What is asked for, at most so many: those that say most.
    pub fn strongest(&self, most: usize) -> Vec<(i64, f32)> {
        let mut asked = self.asked.clone();
        asked.sort_by(|a, b| b.1.total_cmp(&a.1));
        asked.truncate(most);
        asked
    }

    fn add(&mut self, kind: u8, parts: &[&str], says: f32) {
        let key = number(kind, parts);
        if !self.kept.contains(&key) {
            self.kept.push(key);
            self.asked.push((key, says));
        }
    }

    /// Kept where it is, asked for in the cells around too.
    fn add_cells(&mut self, point: Point) {
        #[expect(clippy::cast_possible_truncation, reason = "degrees over a cell's size are small numbers")]
        let (row, column) = ((point.lat / CELL).floor() as i64, (point.lon / CELL).floor() as i64);
        let key = |row: i64, column: i64| number(8, &[&row.to_string(), &column.to_string()]);
        self.kept.push(key(row, column));
        for (north, east) in (-1..=1).flat_map(|north| (-1..=1).map(move |east| (north, east))) {
            self.asked.push((key(row + north, column + east), 1.0));
        }
    }
}

/// Stable for ever: it lies in tables. FNV-1a, 64 bits.
fn number(kind: u8, parts: &[&str]) -> i64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut eat = |byte: u8| {
        hash ^= u64::from(byte);
        hash = hash.wrapping_mul(0x0000_0100_0000_01b3);
    };
    eat(kind);
    for part in parts {
        part.bytes().for_each(&mut eat);
        eat(0xff);
    }
    hash.cast_signed()
}

/// What it is about, in the order of the text; `?` where no word of the list is in it.
fn matters(text: &[Word]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for word in text {
        let known = MATTER.get(stem(&word.form)).or_else(|| MATTER.get(&word.form)).map(ToString::to_string);
        if let Some(matter) = known.filter(|matter| !found.contains(matter)) {
            found.push(matter);
        }
    }
    // The same two whichever was said first.
    found.sort();
    found.truncate(MATTERS_OF_ONE);
    if found.is_empty() { vec!["?".to_owned()] } else { found }
}

/// Words that are likely names, and whether they surely are of places: those of the field, those behind `jalan` and the like, then any that is
/// no common word.
fn names(text: &[Word], place: &[Word]) -> Vec<(String, bool)> {
    let is_name = |word: &Word| {
        let form = word.form.as_str();
        form.chars().count() >= 4 && !is_number(form) && !is_common(form) && !MATTER.contains_key(stem(form))
    };
    let spots = Names::default().spots(text);
    let spotted: BTreeSet<usize> = spots.iter().filter(|spot| spot.kind != SpotKind::RtRw).flat_map(|spot| spot.words.clone()).collect();
    let in_spots = text.iter().enumerate().filter(|(at, _)| spotted.contains(at)).map(|(_, word)| word);
    let mut names: Vec<(String, bool)> = Vec::new();
    let places = place.iter().chain(in_spots).map(|word| (word, true));
    for (word, is_place) in places.chain(text.iter().map(|word| (word, false))) {
        if names.len() < NAMES_OF_ONE && is_name(word) && names.iter().all(|(name, _)| *name != word.form) {
            names.push((word.form.clone(), is_place));
        }
    }
    names.sort();
    names
}

/// The first letter and the consonants: `melati`, `mlati` and `melatie` sound alike.
pub(crate) fn sound(name: &str) -> String {
    let mut sound = String::with_capacity(name.len());
    for (at, letter) in name.chars().enumerate() {
        let letter = match letter {
            'q' | 'c' => 'k',
            'v' => 'f',
            'z' => 's',
            'y' => 'i',
            other => other,
        };
        let is_vowel = matches!(letter, 'a' | 'e' | 'i' | 'o' | 'u' | 'h');
        if (at == 0 || !is_vowel) && !sound.ends_with(letter) {
            sound.push(letter);
        }
    }
    sound
}

fn long_numbers<'a>(words: impl Iterator<Item = &'a Word>) -> Vec<String> {
    let mut numbers: Vec<String> =
        words.filter(|word| is_number(&word.form) && word.form.len() >= 6).map(|word| word.form.clone()).collect();
    numbers.sort();
    numbers.dedup();
    numbers.truncate(NUMBERS_OF_ONE);
    numbers
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str, place: &str) -> Keys {
        keys(&Side { text, place, area: "3171090001", at: 0 }, None)
    }

    /// How much finding one says about the other.
    fn shared(a: &Keys, b: &Keys) -> f32 {
        a.asked.iter().filter(|(key, _)| b.kept.contains(key)).map(|(_, says)| says).sum()
    }

    #[test]
    fn one_flood_in_other_words_shares_more_than_another_matter_or_another_street() {
        let flood = of("Banjir setinggi lutut di Jl. Melati Indah RT 3, air masuk rumah", "");
        let same = shared(&flood, &of("tolong pak mlati indah tergenang sejak subuh", "jln melati indah"));
        let other_matter = shared(&flood, &of("tukang parkir liar minta uang", "jl melati indah"));
        let other_street = shared(&flood, &of("genangan air setinggi lutut", "jalan kenanga wetan"));
        assert!(same >= 4.0 && same > other_matter && same > other_street, "{same} {other_matter} {other_street}");
    }

    #[test]
    fn vowels_and_doubled_letters_part_no_name() {
        for other in ["mellati", "mlati", "melatie", "Melatii"] {
            assert!(shared(&of("banjir di jalan melati", ""), &of(&format!("banjir di jalan {other}"), "")) >= 2.0, "{other}");
        }
    }

    #[test]
    fn points_near_each_other_find_each_other_across_the_border_of_a_cell() {
        let at = |lat, lon| keys(&Side::default(), Point::new(lat, lon));
        let one = at(-6.200_01, 106.8);
        assert!(shared(&one, &at(-6.199_99, 106.8)) > 0.9);
        assert!(shared(&one, &at(-6.21, 106.8)) < 0.1);
    }

    #[test]
    fn an_area_beside_its_own_is_asked_for_where_the_kecamatan_is_another_and_nothing_more_is_kept() {
        let side = Side { text: "banjir lagi", place: "", area: "3171090001", at: 0 };
        let beyond = Side { area: "3171080005", ..side };
        let (alone, beside) = (keys(&side, None), keys_beside(&side, None, ["3171090002", "3171080005"].into_iter()));
        assert_eq!(alone.kept, beside.kept);
        assert_eq!(beside.asked.len(), alone.asked.len() + 1);
        let there = keys(&beyond, None);
        assert!(shared(&beside, &there) > shared(&alone, &there) + 0.4);
    }

    #[test]
    fn keys_lie_in_tables_and_never_change() {
        let kept = keys(&Side { text: "banjir di jalan melati", place: "", area: "3171090001", at: 0 }, None).kept;
        assert_eq!(number(2, &["melati"]), number(2, &["melati"]));
        assert!(kept.contains(&number(2, &["melati"])));
        assert_eq!(number(2, &["melati"]), PINNED, "a change here makes what is stored unfindable: it takes a migration");
    }

    const PINNED: i64 = -6_843_154_832_032_703_040;

    proptest! {
        #[test]
        fn any_text_has_few_keys_and_none_twice(text in ".{0,300}", place in ".{0,80}", area in "[0-9]{0,10}", lat in -90.0..90.0f64) {
            let keys = keys(&Side { text: &text, place: &place, area: &area, at: 0 }, Point::new(lat, 106.8));
            let mut kept = keys.kept.clone();
            kept.sort_unstable();
            kept.dedup();
            prop_assert_eq!(kept.len(), keys.kept.len());
            prop_assert!(keys.kept.len() <= 30 && keys.asked.len() <= 40);
        }
    }
}
