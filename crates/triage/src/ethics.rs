//! Words of bribery and of officials who break their duty: such a complaint is kept confidential and a person reads it first; it never
//! goes to the agency it is about by itself.
//!
//! Money alone says little: most complaints of illegal levies are about men who guard car parks, and these go to whoever keeps order,
//! as the rules say. So words of money count only near words for somebody in office, and not where the text is about the street.

use std::sync::LazyLock;

use crate::{phrase::Phrases, text::Word};

/// What a phrase is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// A breach, by itself.
    Breach(&'static str),
    /// That money was asked or taken, or worse, by whomever.
    Taking(&'static str),
    /// Somebody in office.
    Office,
    /// Somebody on the street.
    Street,
    /// Nothing: the same words in a campaign.
    Nothing,
}

/// Phrases of which one is enough: only somebody in office can do that.
const BREACHES: &[&str] = &[
    "gratifikasi",
    "penyalahgunaan wewenang",
    "penyalahgunaan kewenangan",
    "menyalahgunakan wewenang",
    "menyalahgunakan kewenangan",
    "penyalahgunaan jabatan",
    "menyalahgunakan jabatan",
    "jual beli jabatan",
    "jual beli bangku",
    "bansos dipotong",
    "bantuan dipotong",
    "potongan bansos",
    "oknum pegawai",
    "oknum pns",
    "oknum asn",
    "oknum lurah",
    "oknum camat",
    "oknum satpol",
    "oknum guru",
    "oknum kelurahan",
    "oknum kecamatan",
];

/// Phrases that count near somebody in office.
const TAKINGS: &[&str] = &[
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
    "korupsi",
    "dikorupsi",
    "mengkorupsi",
    "koruptor",
    "penggelapan dana",
    "pemerasan",
    "diperas",
    "memeras",
    "pelecehan seksual",
    "dilecehkan",
    "bribe",
    "bribery",
    "kickback",
    "extortion",
    "corruption",
];

/// Who is in office, and where they sit.
const OFFICES: &[&str] = &[
    "lurah",
    "camat",
    "pns",
    "asn",
    "pegawai",
    "petugas",
    "perangkat",
    "pejabat",
    "staf",
    "staff",
    "oknum",
    "ketua rt",
    "ketua rw",
    "bapak rt",
    "bapak rw",
    "oleh rt",
    "oleh rw",
    "pengurus rt",
    "pengurus rw",
    "pengurus kampung",
    "kader",
    "loket",
    "kelurahan",
    "kecamatan",
    "kepala dinas",
    "dispendukcapil",
    "satpol",
    "puskesmas",
    "rsud",
    "sekolah",
    "kepala sekolah",
    "kepsek",
    "wali kelas",
    "guru",
    "sdn",
    "smpn",
    "sman",
    "smkn",
    "official",
    "officer",
    "clerk",
];

/// Who takes money on the street.
const STREETS: &[&str] = &[
    "jukir",
    "juru parkir",
    "tukang parkir",
    "parkir",
    "preman",
    "pengamen",
    "pengemis",
    "bapak ogah",
    "debt collector",
    "traffic light",
    "lampu merah",
    "minimarket",
    "parking attendant",
];

/// The same words where they tell of no breach.
const HARMLESS: &[&str] = &[
    "anti korupsi",
    "antikorupsi",
    "pencegahan korupsi",
    "pemberantasan korupsi",
    "tidak ada pungli",
    "bebas pungli",
    "stop pungli",
    "cegah pungli",
    "saber pungli",
];

/// How many words may stand between the money and the office.
const NEAR: usize = 12;

static PHRASES: LazyLock<Phrases<Says>> = LazyLock::new(|| {
    let breaches = BREACHES.iter().map(|&phrase| (phrase, Says::Breach(phrase)));
    let takings = TAKINGS.iter().map(|&phrase| (phrase, Says::Taking(phrase)));
    let offices = OFFICES.iter().map(|&phrase| (phrase, Says::Office));
    let streets = STREETS.iter().map(|&phrase| (phrase, Says::Street));
    let harmless = HARMLESS.iter().map(|&phrase| (phrase, Says::Nothing));
    let all = breaches.chain(takings).chain(offices).chain(streets).chain(harmless);
    Phrases::new(all.map(|(phrase, says)| (phrase.to_owned(), says)), |_, _| ())
});

/// What in the text speaks of a breach, each once, in the order of the text.
pub(crate) fn words_of_breach(text: &[Word]) -> Vec<String> {
    let mut used = vec![false; text.len()];
    let found: Vec<(usize, Says)> = PHRASES.whole(text, &mut used).iter().map(|found| (found.at, *found.tag)).collect();
    let on_the_street = found.iter().any(|(_, says)| *says == Says::Street);
    let near_an_office = |at: usize| found.iter().any(|(other, says)| *says == Says::Office && other.abs_diff(at) <= NEAR);
    let mut breaches: Vec<String> = Vec::new();
    for (at, says) in &found {
        let breach = match says {
            Says::Breach(phrase) => phrase,
            Says::Taking(phrase) if !on_the_street && near_an_office(*at) => phrase,
            _ => continue,
        };
        if breaches.iter().all(|known| known != breach) {
            breaches.push((*breach).to_owned());
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
        let cases: [(&str, &[&str]); 8] = [
            ("Petugas loket minta uang 50rb, ini PUNGLI!!", &["minta uang", "pungli"]),
            ("oknum pegawai kelurahan mempersulit warga", &["oknum pegawai"]),
            ("bansos dipotong oleh pengurus", &["bansos dipotong"]),
            ("pak RT 03 mewajibkan uang rokok utk surat pindah", &["uang rokok"]),
            ("kapan sosialisasi anti korupsi di sekolah?", &[]),
            ("kantor kelurahan ini bebas pungli", &[]),
            ("jalan berlubang di depan pasar", &[]),
            ("the clerk at the counter asked for a bribe", &["bribe"]),
        ];
        for (text, expected) in cases {
            assert_eq!(words_of_breach(&words(text)), expected, "{text}");
        }
    }

    #[test]
    fn who_takes_money_on_the_street_breaks_no_duty() {
        for text in [
            "jukir liar pungli di depan minimarket, petugas mohon menertibkan",
            "preman minta uang ke pedagang dan mengaku petugas",
            "ada orang meminta uang di perempatan",
            "pungli di jalan ini sudah lama",
            "penipuan pinjaman online, saya diperas",
        ] {
            assert!(words_of_breach(&words(text)).is_empty(), "{text}");
        }
    }
}
