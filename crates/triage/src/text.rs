//! Indonesian as people write it, brought to one form: lower case, no punctuation, no doubled letters, abbreviations written out.
//!
//! Both sides of every comparison go through here, so the form need not be a word: `tanggal` and `tangal` are both `tangal`.

use std::{ops::Range, sync::LazyLock};

use rustc_hash::FxHashMap;

/// One word in normal form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// Never empty.
    pub(crate) form: String,
    /// Which sentence of the text it stands in.
    pub(crate) sentence: usize,
    /// Where it was typed: bytes of the text. Words written out of one abbreviation share their place.
    pub(crate) span: Range<usize>,
}

/// What people shorten, and what they mean; slang and its plain word. Keys are lower case, as typed.
const ABBREVIATIONS: &[(&str, &str)] = &[
    ("adl", "adalah"),
    ("adm", "administrasi"),
    ("aj", "saja"),
    ("aja", "saja"),
    ("ajah", "saja"),
    ("aku", "saya"),
    ("alhmdulillah", "alhamdulillah"),
    ("almt", "alamat"),
    ("ank", "anak"),
    ("antr", "antar"),
    ("aq", "saya"),
    ("asslm", "assalamualaikum"),
    ("bbrp", "beberapa"),
    ("bbrpa", "beberapa"),
    ("bgm", "bagaimana"),
    ("bgmn", "bagaimana"),
    ("bgt", "sekali"),
    ("bklg", "belakang"),
    ("blk", "blok"),
    ("blkg", "belakang"),
    ("blkng", "belakang"),
    ("blm", "belum"),
    ("bln", "bulan"),
    ("blom", "belum"),
    ("blum", "belum"),
    ("bngt", "sekali"),
    ("bnjir", "banjir"),
    ("bnr", "benar"),
    ("bntu", "bantu"),
    ("bnyk", "banyak"),
    ("bp", "bapak"),
    ("bpak", "bapak"),
    ("bpk", "bapak"),
    ("brp", "berapa"),
    ("bs", "bisa"),
    ("bsa", "bisa"),
    ("byk", "banyak"),
    ("byr", "bayar"),
    ("cm", "hanya"),
    ("cuma", "hanya"),
    ("cuman", "hanya"),
    ("dah", "sudah"),
    ("dekt", "dekat"),
    ("dg", "dengan"),
    ("dgan", "dengan"),
    ("dgn", "dengan"),
    ("dkat", "dekat"),
    ("dket", "dekat"),
    ("dkt", "dekat"),
    ("dlm", "dalam"),
    ("dmn", "dimana"),
    ("dmna", "dimana"),
    ("dpn", "depan"),
    ("dpt", "dapat"),
    ("dr", "dari"),
    ("drainse", "drainase"),
    ("ds", "desa"),
    ("dsn", "dusun"),
    ("dtg", "datang"),
    ("dtng", "datang"),
    ("emg", "memang"),
    ("enggak", "tidak"),
    ("ga", "tidak"),
    ("gag", "tidak"),
    ("gak", "tidak"),
    ("gg", "gang"),
    ("gimana", "bagaimana"),
    ("gk", "tidak"),
    ("gmana", "bagaimana"),
    ("gmn", "bagaimana"),
    ("gmna", "bagaimana"),
    ("grg", "gorong"),
    ("gw", "saya"),
    ("hny", "hanya"),
    ("hr", "hari"),
    ("hrs", "harus"),
    ("hub", "hubungi"),
    ("jakbar", "jakarta barat"),
    ("jakpus", "jakarta pusat"),
    ("jaksel", "jakarta selatan"),
    ("jaktim", "jakarta timur"),
    ("jakut", "jakarta utara"),
    ("jd", "jadi"),
    ("jdi", "jadi"),
    ("jg", "juga"),
    ("jgn", "jangan"),
    ("jkt", "jakarta"),
    ("jl", "jalan"),
    ("jlanan", "jalanan"),
    ("jln", "jalan"),
    ("jlnan", "jalanan"),
    ("jmbatan", "jembatan"),
    ("jmbtn", "jembatan"),
    ("jt", "juta"),
    ("kab", "kabupaten"),
    ("kagak", "tidak"),
    ("kalo", "kalau"),
    ("karna", "karena"),
    ("kayak", "seperti"),
    ("kbl", "kabel"),
    ("kcl", "kecil"),
    ("kcmatan", "kecamatan"),
    ("kcmtn", "kecamatan"),
    ("kec", "kecamatan"),
    ("kecmatan", "kecamatan"),
    ("kel", "kelurahan"),
    ("kelurhan", "kelurahan"),
    ("kl", "kalau"),
    ("klau", "kalau"),
    ("klo", "kalau"),
    ("klrhn", "kelurahan"),
    ("kls", "kelas"),
    ("kmarin", "kemarin"),
    ("kmp", "kampung"),
    ("kmpung", "kampung"),
    ("kmr", "kamar"),
    ("kmrn", "kemarin"),
    ("knp", "kenapa"),
    ("knpa", "kenapa"),
    ("kodya", "kota"),
    ("komp", "kompleks"),
    ("komplek", "kompleks"),
    ("kotamadya", "kota"),
    ("kp", "kampung"),
    ("kpn", "kapan"),
    ("krg", "kurang"),
    ("krn", "karena"),
    ("krna", "karena"),
    ("krng", "kurang"),
    ("ksh", "kasih"),
    ("kshn", "kasihan"),
    ("ktny", "katanya"),
    ("ktr", "kantor"),
    ("kyk", "seperti"),
    ("lg", "lagi"),
    ("lgi", "lagi"),
    ("lgsg", "langsung"),
    ("lgsung", "langsung"),
    ("lmpu", "lampu"),
    ("lngsng", "langsung"),
    ("lobang", "lubang"),
    ("lwt", "lewat"),
    ("maap", "maaf"),
    ("makasi", "terima kasih"),
    ("makasih", "terima kasih"),
    ("mf", "maaf"),
    ("mhn", "mohon"),
    ("mhon", "mohon"),
    ("mkn", "makan"),
    ("mksh", "terima kasih"),
    ("mlm", "malam"),
    ("mnta", "minta"),
    ("mohn", "mohon"),
    ("mrk", "mereka"),
    ("msh", "masih"),
    ("msih", "masih"),
    ("napa", "kenapa"),
    ("ndak", "tidak"),
    ("ngak", "tidak"),
    ("ngga", "tidak"),
    ("nggak", "tidak"),
    ("nggk", "tidak"),
    ("ngurus", "mengurus"),
    ("nmr", "nomor"),
    ("no", "nomor"),
    ("nomer", "nomor"),
    ("ora", "tidak"),
    ("org", "orang"),
    ("orng", "orang"),
    ("pak", "bapak"),
    ("pd", "pada"),
    ("pda", "pada"),
    ("pdahal", "padahal"),
    ("pdhl", "padahal"),
    ("pengen", "ingin"),
    ("perum", "perumahan"),
    ("perumhn", "perumahan"),
    ("pgn", "ingin"),
    ("pingin", "ingin"),
    ("pnjg", "panjang"),
    ("pnya", "punya"),
    ("prapatan", "perempatan"),
    ("prempatan", "perempatan"),
    ("prmh", "perumahan"),
    ("prmhn", "perumahan"),
    ("prtigaan", "pertigaan"),
    ("prum", "perumahan"),
    ("psr", "pasar"),
    ("puskes", "puskesmas"),
    ("puskesms", "puskesmas"),
    ("rmh", "rumah"),
    ("rsak", "rusak"),
    ("rsk", "rusak"),
    ("sampe", "sampai"),
    ("sbb", "sebab"),
    ("sbelah", "sebelah"),
    ("sblh", "sebelah"),
    ("sblm", "sebelum"),
    ("sbrg", "seberang"),
    ("sbrng", "seberang"),
    ("sby", "surabaya"),
    ("sdah", "sudah"),
    ("sdh", "sudah"),
    ("sebrang", "seberang"),
    ("simp", "simpang"),
    ("skarang", "sekarang"),
    ("sklh", "sekolah"),
    ("skrang", "sekarang"),
    ("skrg", "sekarang"),
    ("slalu", "selalu"),
    ("sll", "selalu"),
    ("slran", "saluran"),
    ("slrn", "saluran"),
    ("sm", "sama"),
    ("smpai", "sampai"),
    ("smpe", "sampai"),
    ("smph", "sampah"),
    ("sperti", "seperti"),
    ("sprt", "seperti"),
    ("spt", "seperti"),
    ("srg", "sering"),
    ("sudh", "sudah"),
    ("sy", "saya"),
    ("sya", "saya"),
    ("tak", "tidak"),
    ("tau", "tahu"),
    ("taun", "tahun"),
    ("tdk", "tidak"),
    ("telp", "telepon"),
    ("terimakasi", "terima kasih"),
    ("terimakasih", "terima kasih"),
    ("tggl", "tanggal"),
    ("tgl", "tanggal"),
    ("th", "tahun"),
    ("thn", "tahun"),
    ("thx", "terima kasih"),
    ("tks", "terima kasih"),
    ("tlg", "tolong"),
    ("tlng", "tolong"),
    ("tlong", "tolong"),
    ("tlp", "telepon"),
    ("tlpn", "telepon"),
    ("tmpt", "tempat"),
    ("tny", "tanya"),
    ("tp", "tapi"),
    ("tpi", "tapi"),
    ("trimakasih", "terima kasih"),
    ("trims", "terima kasih"),
    ("trmksh", "terima kasih"),
    ("trs", "terus"),
    ("trsbt", "tersebut"),
    ("trus", "terus"),
    ("tsb", "tersebut"),
    ("tsbt", "tersebut"),
    ("ttg", "tentang"),
    ("ttp", "tetap"),
    ("tulung", "tolong"),
    ("uda", "sudah"),
    ("udah", "sudah"),
    ("udh", "sudah"),
    ("utk", "untuk"),
    ("wil", "wilayah"),
    ("wrg", "warga"),
    ("wrga", "warga"),
    ("yg", "yang"),
    ("yng", "yang"),
    ("yth", "yang terhormat"),
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
        let at = text.len() - rest.len() + start;
        let span = at..at + typed.len();
        rest = &rest[start + typed.len()..];
        lower(typed, &mut before);
        for part in written_out(&before).split(' ') {
            words.push(Word {
                form: if is_roman(part) { part.to_owned() } else { without_clitic(collapse(part)) },
                sentence,
                span: span.clone(),
            });
        }
    }
    words
}

/// The letters and digits of a word in lower case, into `form`. Nearly all that Indonesians write is ASCII, and every text of every complaint
/// comes by here.
fn lower(typed: &str, form: &mut String) {
    form.clear();
    if typed.is_ascii() {
        form.extend(typed.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| char::from(byte.to_ascii_lowercase())));
    } else {
        form.extend(typed.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase));
    }
}

/// Other ways in which people write this word, for looking it up in texts as they were typed: `jalan` is also `jl` and `jln`, and either of these is
/// the other two. Without the word itself.
pub fn spellings(word: &str) -> Vec<String> {
    let word = word.to_lowercase();
    let meant = written_out(&word);
    let short = ABBREVIATIONS.iter().filter(|(_, long)| *long == meant).map(|(short, _)| *short);
    short.chain(std::iter::once(meant)).filter(|other| *other != word).map(ToOwned::to_owned).collect()
}

/// The same by hash: every word of every text is looked up, and comparing it with a list was a tenth of all that comparing complaints cost.
static WRITTEN_OUT: LazyLock<FxHashMap<&str, &str>> = LazyLock::new(|| ABBREVIATIONS.iter().copied().collect());

fn written_out(word: &str) -> &str {
    WRITTEN_OUT.get(word).copied().unwrap_or(word)
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
    let shortened = || is_shorter(before, 3) || written_out(before) != before;
    strong || stop && !shortened()
}

/// `rusaaak` → `rusak`. Digits stay as they are.
pub(crate) fn collapse(word: &str) -> String {
    let mut form = String::with_capacity(word.len());
    let mut before = None;
    for c in word.chars() {
        if before != Some(c) || c.is_numeric() {
            form.push(c);
        }
        before = Some(c);
    }
    form
}

/// `III` stays three: gangs are numbered so.
fn is_roman(word: &str) -> bool {
    word.len() <= 6 && word.chars().all(|c| matches!(c, 'i' | 'v' | 'x'))
}

/// `lampunya` → `lampu`: the possessive that Indonesian hangs on any noun. What is left must be long enough to be a word.
fn without_clitic(mut form: String) -> String {
    let kept = form.strip_suffix("nya").or_else(|| form.strip_suffix("ny")).map_or(form.len(), str::len);
    if kept < form.len() && !is_shorter(&form[..kept], 4) {
        form.truncate(kept);
    }
    form
}

/// Whether it has fewer letters than so many, without counting all of a long one.
pub(crate) fn is_shorter(form: &str, letters: usize) -> bool {
    form.chars().nth(letters - 1).is_none()
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
            ("no 0011", "nomor 0011"),
            ("Gang III", "gang iii"),
            ("", ""),
            ("…  !?", ""),
        ];
        for (typed, expected) in cases {
            assert_eq!(forms(typed), expected, "{typed}");
        }
    }

    #[test]
    fn a_word_is_looked_up_in_every_way_it_is_written() {
        assert!(spellings("Jalan").contains(&"jln".to_owned()) && spellings("jalan").contains(&"jl".to_owned()));
        assert!(spellings("jln").contains(&"jalan".to_owned()) && !spellings("jln").contains(&"jln".to_owned()));
        assert_eq!(spellings("helikopter"), Vec::<String>::new());
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
            prop_assume!(!is_roman(&word));
            let shouted: String = word.to_uppercase().chars().flat_map(|c| std::iter::repeat_n(c, times)).collect();
            prop_assume!(ABBREVIATIONS.iter().all(|(short, _)| *short != word && *short != shouted.to_lowercase()));
            prop_assert_eq!(forms(&shouted), forms(&word));
        }
    }
}
