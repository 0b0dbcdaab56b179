//! Words of danger: such a complaint rises to the top of triage, and the citizen is told to call 112 first.

use std::sync::LazyLock;

use crate::{phrase::Phrases, text::Word};

/// What may cost a life now. Rather one too many: a person looks, and nobody is sent anywhere by these words alone.
const DANGER: &[&str] = &[
    // fire, gas
    "kebakaran",
    "terbakar",
    "kobaran api",
    "percikan api",
    "korsleting",
    "konsleting",
    "korslet",
    "arus pendek",
    "gas bocor",
    "kebocoran gas",
    "bau gas",
    "meledak",
    "ledakan",
    "asap tebal",
    "on fire",
    "house fire",
    "gas leak",
    "explosion",
    // electricity
    "kesetrum",
    "kestrum",
    "tersetrum",
    "setrum",
    "nyetrum",
    "tersengat listrik",
    "tersengat aliran listrik",
    "kabel listrik putus",
    "kabel listrik jatuh",
    "kabel listrik terkelupas",
    "kabel putus",
    "electrocuted",
    "live wire",
    // water, ground, walls
    "tenggelam",
    "hanyut",
    "terseret arus",
    "tanggul jebol",
    "banjir bandang",
    "longsor",
    "ambruk",
    "runtuh",
    "rumah roboh",
    "tembok roboh",
    "bangunan roboh",
    "tiang roboh",
    "tertimpa",
    "tertimbun",
    "terjepit",
    "terjebak banjir",
    "terjebak di dalam",
    "drowning",
    "drowned",
    "collapsed",
    "landslide",
    // bodies
    "kecelakaan",
    "tabrakan",
    "tertabrak",
    "tabrak lari",
    "luka parah",
    "luka berat",
    "korban luka",
    "korban jiwa",
    "pendarahan",
    "pingsan",
    "tidak sadarkan diri",
    "sesak napas",
    "sesak nafas",
    "serangan jantung",
    "keracunan",
    "sekarat",
    "bunuh diri",
    "heart attack",
    "unconscious",
    "bleeding",
    // violence
    "begal",
    "dibegal",
    "perampokan",
    "dirampok",
    "tawuran",
    "penculikan",
    "diculik",
    "dibacok",
    "pembacokan",
    "ditusuk",
    "penusukan",
    "senjata tajam",
    "sajam",
    "pemerkosaan",
    "diperkosa",
    "dianiaya",
    "penganiayaan",
    "kdrt",
    "kekerasan seksual",
    "disekap",
    "stabbed",
    "kidnapped",
    "robbed",
    // by name
    "darurat",
    "gawat darurat",
    "emergency",
];

/// The same words where they are no news: longer, so they are found first.
const HARMLESS: &[&str] = &[
    "pemadam kebakaran",
    "dinas kebakaran",
    "hidran kebakaran",
    "alat pemadam kebakaran",
    "mobil pemadam kebakaran",
    "rawan kebakaran",
    "rawan kecelakaan",
    "rawan tawuran",
    "rawan begal",
    "sering kecelakaan",
    "bekas kebakaran",
    "instalasi gawat darurat",
    "unit gawat darurat",
    "tangga darurat",
    "pintu darurat",
    "nomor darurat",
    "lampu darurat",
    "emergency exit",
];

static PHRASES: LazyLock<Phrases<Option<&'static str>>> = LazyLock::new(|| {
    let dangers = DANGER.iter().map(|&phrase| (phrase.to_owned(), Some(phrase)));
    let harmless = HARMLESS.iter().map(|&phrase| (phrase.to_owned(), None));
    Phrases::new(dangers.chain(harmless), |_, _| ())
});

/// The words of danger in the text, each once, in its order.
pub(crate) fn words_of_danger(text: &[Word]) -> Vec<String> {
    let mut used = vec![false; text.len()];
    let mut dangers: Vec<String> = Vec::new();
    for danger in PHRASES.whole(text, &mut used).into_iter().filter_map(|found| *found.tag) {
        if dangers.iter().all(|known| known != danger) {
            dangers.push(danger.to_owned());
        }
    }
    dangers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::words;

    #[test]
    fn danger_is_heard_and_its_names_in_other_things_are_not() {
        let cases: [(&str, &[&str]); 9] = [
            ("TOLONG kebakaran di gang sebelah!!", &["kebakaran"]),
            ("anak kesetrum tiang pju", &["kesetrum"]),
            ("warga tersengat aliran listrik", &["tersengat aliran listrik"]),
            ("bau gas, takut meledak. bau gas lagi", &["bau gas", "meledak"]),
            ("jalan berlubang rawan kecelakaan", &[]),
            ("mobil pemadam kebakaran tidak bisa lewat", &[]),
            ("child drowned in the canal", &["drowned"]),
            ("lampu darurat di tangga darurat mati", &[]),
            ("sampah menumpuk", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(words_of_danger(&words(text)), expected, "{text}");
        }
    }
}
