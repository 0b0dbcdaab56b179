//! Words of bribery and of officials who break their duty: such a complaint is kept confidential and a person reads it first; it never
//! goes to the agency it is about by itself.

use std::sync::LazyLock;

use crate::{phrase::Phrases, text::Word};

/// Phrases of which one is enough. They say that money was asked or taken, or that an official misused the post.
const BREACHES: &[&str] = &[
    // money
    "pungli",
    "pungutan liar",
    "suap",
    "menyuap",
    "disuap",
    "penyuapan",
    "sogok",
    "menyogok",
    "disogok",
    "uang pelicin",
    "uang damai",
    "uang rokok",
    "uang terima kasih",
    "diminta uang",
    "dimintai uang",
    "minta uang",
    "meminta uang",
    "minta imbalan",
    "minta bayaran",
    "minta setoran",
    "wajib setor",
    "gratifikasi",
    "korupsi",
    "dikorupsi",
    "mengkorupsi",
    "koruptor",
    "penggelapan dana",
    "bansos dipotong",
    "bantuan dipotong",
    "potongan bansos",
    "pemerasan",
    "diperas",
    "memeras",
    "jual beli jabatan",
    "jual beli bangku",
    "bribe",
    "bribery",
    "kickback",
    "extortion",
    "corruption",
    // the post
    "penyalahgunaan wewenang",
    "menyalahgunakan wewenang",
    "penyalahgunaan jabatan",
    "menyalahgunakan jabatan",
    "nepotisme",
    "kolusi",
    "oknum petugas",
    "oknum pegawai",
    "oknum pns",
    "oknum asn",
    "oknum lurah",
    "oknum camat",
    "oknum dinas",
    "oknum satpol",
    "oknum guru",
    "oknum kelurahan",
    "oknum kecamatan",
    "pelecehan seksual",
    "dilecehkan",
];

/// The same words where they tell of no breach.
const HARMLESS: &[&str] = &[
    "anti korupsi",
    "antikorupsi",
    "pencegahan korupsi",
    "komisi pemberantasan korupsi",
    "tidak ada pungli",
    "bebas pungli",
    "stop pungli",
    "cegah pungli",
];

static PHRASES: LazyLock<Phrases<Option<&'static str>>> = LazyLock::new(|| {
    let breaches = BREACHES.iter().map(|&phrase| (phrase.to_owned(), Some(phrase)));
    let harmless = HARMLESS.iter().map(|&phrase| (phrase.to_owned(), None));
    Phrases::new(breaches.chain(harmless), |_, _| ())
});

/// What in the text speaks of a breach, each once, in the order of the text.
pub(crate) fn words_of_breach(text: &[Word]) -> Vec<String> {
    let mut used = vec![false; text.len()];
    let mut breaches: Vec<String> = Vec::new();
    for breach in PHRASES.whole(text, &mut used).into_iter().filter_map(|found| *found.tag) {
        if breaches.iter().all(|known| known != breach) {
            breaches.push(breach.to_owned());
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::words;

    #[test]
    fn a_breach_is_heard_and_a_campaign_against_it_is_not() {
        let cases: [(&str, &[&str]); 6] = [
            ("Petugas loket minta uang 50rb, ini PUNGLI!!", &["minta uang", "pungli"]),
            ("oknum pegawai kelurahan mempersulit warga", &["oknum pegawai"]),
            ("bansos dipotong oleh pengurus", &["bansos dipotong"]),
            ("kapan sosialisasi anti korupsi di sekolah?", &[]),
            ("kantor ini bebas pungli", &[]),
            ("jalan berlubang di depan pasar", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(words_of_breach(&words(text)), expected, "{text}");
        }
    }
}
