//! Indonesian as people write it, brought to one form: lower case, no punctuation, no doubled letters, abbreviations written out.
//!
//! Both sides of every comparison go through here, so the form need not be a word: `tanggal` and `tangal` are both `tangal`.

/// One word in normal form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// Never empty.
    pub(crate) form: String,
    /// Which sentence of the text it stands in.
    pub(crate) sentence: usize,
}

/// What people shorten, and what they mean. Keys are lower case, as typed.
const ABBREVIATIONS: &[(&str, &str)] = &[
    ("adm", "administrasi"),
    ("bbrp", "beberapa"),
    ("blkg", "belakang"),
    ("blm", "belum"),
    ("bnjir", "banjir"),
    ("bnyk", "banyak"),
    ("byk", "banyak"),
    ("dg", "dengan"),
    ("dgn", "dengan"),
    ("dket", "dekat"),
    ("dkt", "dekat"),
    ("dlm", "dalam"),
    ("dpn", "depan"),
    ("dr", "dari"),
    ("drainse", "drainase"),
    ("ga", "tidak"),
    ("gak", "tidak"),
    ("gg", "gang"),
    ("gk", "tidak"),
    ("hr", "hari"),
    ("jakbar", "jakarta barat"),
    ("jakpus", "jakarta pusat"),
    ("jaksel", "jakarta selatan"),
    ("jaktim", "jakarta timur"),
    ("jakut", "jakarta utara"),
    ("jkt", "jakarta"),
    ("jl", "jalan"),
    ("jln", "jalan"),
    ("jlnan", "jalanan"),
    ("kab", "kabupaten"),
    ("kec", "kecamatan"),
    ("kel", "kelurahan"),
    ("kodya", "kota"),
    ("kotamadya", "kota"),
    ("kp", "kampung"),
    ("kmpung", "kampung"),
    ("krn", "karena"),
    ("ktr", "kantor"),
    ("lmpu", "lampu"),
    ("lobang", "lubang"),
    ("mhn", "mohon"),
    ("mlm", "malam"),
    ("ngga", "tidak"),
    ("nggak", "tidak"),
    ("org", "orang"),
    ("prmhn", "perumahan"),
    ("psr", "pasar"),
    ("puskes", "puskesmas"),
    ("rmh", "rumah"),
    ("rsk", "rusak"),
    ("sdh", "sudah"),
    ("smph", "sampah"),
    ("sklh", "sekolah"),
    ("tdk", "tidak"),
    ("tlg", "tolong"),
    ("tlng", "tolong"),
    ("tmpt", "tempat"),
    ("udh", "sudah"),
    ("utk", "untuk"),
    ("wil", "wilayah"),
    ("yg", "yang"),
];

/// Splits a text into words in normal form. Any text will do.
pub(crate) fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut sentence = 0;
    let mut before = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(char::is_alphanumeric) {
        if ends_a_sentence(&before, &rest[..start]) {
            sentence += 1;
        }
        let typed = run(&rest[start..]);
        rest = &rest[start + typed.len()..];
        before = typed.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        for part in written_out(&before).split(' ') {
            words.push(Word { form: without_clitic(collapse(part)), sentence });
        }
    }
    words
}

fn written_out(word: &str) -> &str {
    ABBREVIATIONS.iter().find(|(short, _)| *short == word).map_or(word, |(_, full)| full)
}

/// The longest start of `text` that is one word: letters (an apostrophe among them is swallowed), or digits. `rt01` is two words.
fn run(text: &str) -> &str {
    let digits = text.starts_with(char::is_numeric);
    let is_inside = |(at, c): (usize, char)| -> bool {
        if digits {
            c.is_numeric()
        } else {
            let more_letters = || text[at + c.len_utf8()..].starts_with(char::is_alphabetic);
            c.is_alphanumeric() && !c.is_numeric() || matches!(c, '\'' | '’' | '`') && more_letters()
        }
    };
    let end = text.char_indices().find(|&place| !is_inside(place)).map_or(text.len(), |(at, _)| at);
    &text[..end]
}

/// Whether what stands between two words parts sentences. A full stop behind a shortened word does not: `jl. Melati`, `no. 5`.
fn ends_a_sentence(before: &str, between: &str) -> bool {
    let strong = between.contains(['!', '?', ';', '\n']);
    let stop = between.starts_with('.') && between.len() > 1;
    let shortened = before.chars().count() < 3 || written_out(before) != before;
    strong || stop && !shortened
}

/// `rusaaak` → `rusak`. Digits stay as they are.
pub(crate) fn collapse(word: &str) -> String {
    let mut form = String::with_capacity(word.len());
    for c in word.chars() {
        if c.is_numeric() || !form.ends_with(c) {
            form.push(c);
        }
    }
    form
}

/// `lampunya` → `lampu`: the possessive that Indonesian hangs on any noun. What is left must be long enough to be a word.
fn without_clitic(mut form: String) -> String {
    let kept = form.strip_suffix("nya").or_else(|| form.strip_suffix("ny")).map_or(form.len(), str::len);
    if form[..kept].chars().count() >= 4 {
        form.truncate(kept);
    }
    form
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn forms(text: &str) -> String {
        words(text).into_iter().map(|word| word.form).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn people_write_the_same_thing_in_many_ways() {
        let cases = [
            ("Jl. Melati RT.03/RW 04", "jalan melati rt 03 rw 04"),
            ("JLN melati rt03 rw04", "jalan melati rt 03 rw 04"),
            ("rusaaakkk!!!", "rusak"),
            ("lampunya blm nyala", "lampu belum nyala"),
            ("gg buntu, kel.Tebet Timur", "gang buntu kelurahan tebet timur"),
            ("Jum'at", "jumat"),
            ("lubang-lubang", "lubang lubang"),
            ("jaksel", "jakarta selatan"),
            ("punya", "punya"),
            ("no 0011", "no 0011"),
            ("", ""),
            ("…  !?", ""),
        ];
        for (typed, expected) in cases {
            assert_eq!(forms(typed), expected, "{typed}");
        }
    }

    #[test]
    fn a_stop_behind_an_abbreviation_parts_nothing() {
        let sentences = |text: &str| words(text).last().map_or(0, |word| word.sentence + 1);
        assert_eq!(sentences("Jl. Melati no. 5 kel. Tebet"), 1);
        assert_eq!(sentences("Jalannya rusak. Tolong diperbaiki"), 2);
        assert_eq!(sentences("Rusak!\nTolong"), 2);
        assert_eq!(sentences("pukul 10.30"), 1);
    }

    proptest! {
        #[test]
        fn any_text_has_words_without_panic(text in ".*") {
            for word in words(&text) {
                prop_assert!(!word.form.is_empty());
                prop_assert!(word.form.chars().all(char::is_alphanumeric), "{:?}", word.form);
            }
        }

        #[test]
        fn loudness_and_length_change_nothing(word in "[a-z]{4,12}", times in 1..4usize) {
            let shouted: String = word.to_uppercase().chars().flat_map(|c| std::iter::repeat_n(c, times)).collect();
            prop_assume!(ABBREVIATIONS.iter().all(|(short, _)| *short != word && *short != shouted.to_lowercase()));
            prop_assert_eq!(forms(&shouted), forms(&word));
        }
    }
}
