//! The people of the city and what they complain about: invented, drawn by chance, written as people write.

use crate::{Random, scene::Scene};

/// Somebody who lives here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// What they call themselves.
    pub name: String,
    /// A telephone number, digits. `62810…` belongs to no mobile network, so nobody's number is in it.
    pub phone: String,
    /// How they write.
    pub manner: Manner,
}

/// How somebody writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// As in a letter.
    Plain,
    /// With the short words of a telephone.
    Short,
    /// In capitals, with many marks.
    Loud,
    /// In small letters, with slips.
    Hasty,
}

/// Something in a street.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Street or landmark.
    pub street: &'static str,
    /// The kelurahan it is in.
    pub kelurahan: &'static str,
    /// Somewhere inside that kelurahan, degrees north.
    pub lat: f64,
    /// Degrees east.
    pub lon: f64,
}

/// What somebody complains about, once.
#[derive(Debug, Clone, PartialEq)]
pub struct Grievance {
    /// In their own words.
    pub text: String,
    /// Where.
    pub place: Place,
    /// Near that place, degrees north.
    pub lat: f64,
    /// Degrees east.
    pub lon: f64,
    /// What a photo of it would show.
    pub scene: Scene,
}

/// The city: the same seed has the same people with the same troubles.
#[derive(Debug, Clone)]
pub struct City {
    /// Where chance comes from.
    pub random: Random,
    /// Who lives there.
    pub people: Vec<Person>,
}

impl City {
    /// So many people.
    pub fn new(seed: u64, people: usize) -> Self {
        let mut random = Random::new(seed);
        let people = (0..people.max(1)).map(|number| person(number, &mut random)).collect();
        Self { random, people }
    }

    /// One of the people.
    pub fn somebody(&mut self) -> Person {
        self.random.pick(&self.people).clone()
    }

    /// Something this person is annoyed about today.
    pub fn grievance(&mut self, manner: Manner) -> Grievance {
        let (trouble, place) = (*self.random.pick(TROUBLES), *self.random.pick(PLACES));
        self.told(trouble, place, manner)
    }

    /// The same trouble at the same place for the same number, in words of this person's own: what several people see.
    pub fn grievance_about(&mut self, number: usize, manner: Manner) -> Grievance {
        let (trouble, place) = (TROUBLES[number % TROUBLES.len()], PLACES[number / TROUBLES.len() % PLACES.len()]);
        self.told(trouble, place, manner)
    }

    fn told(&mut self, (scene, sentences): (Scene, &[&str]), place: Place, manner: Manner) -> Grievance {
        let random = &mut self.random;
        let since = *random.pick(SINCE);
        let words = random.pick(sentences).replace("{place}", &place_words(place, random)).replace("{since}", since);
        let closing = if random.chance(60) { *random.pick(CLOSINGS) } else { "" };
        let greeting = if random.chance(40) { *random.pick(GREETINGS) } else { "" };
        let text = manner.write(format!("{greeting}{words}{closing}").trim(), random);
        // Some hundred metres: inside the kelurahan still.
        let (lat, lon) = (place.lat + random.between(-0.0013, 0.0013), place.lon + random.between(-0.0013, 0.0013));
        Grievance { text, place, lat, lon, scene }
    }

    /// What somebody writes who waits: `number` is the complaint's.
    pub fn follow_up(&mut self, manner: Manner, number: Option<&str>) -> String {
        let text = match number {
            Some(number) => self.random.pick(ASKING).replace("{number}", number),
            None => (*self.random.pick(ADDING)).to_owned(),
        };
        manner.write(&text, &mut self.random)
    }

    /// What somebody writes who is glad.
    pub fn thanks(&mut self, manner: Manner) -> String {
        let text = *self.random.pick(THANKS);
        manner.write(text, &mut self.random)
    }
}

fn person(number: usize, random: &mut Random) -> Person {
    let name = format!("{}{}", random.pick(FIRST), random.pick(LAST));
    let manner = *random.pick(&[Manner::Plain, Manner::Short, Manner::Short, Manner::Hasty, Manner::Hasty, Manner::Loud]);
    Person { name, phone: format!("62810{:08}", 10_000 + number), manner }
}

fn place_words(place: Place, random: &mut Random) -> String {
    let Place { street, kelurahan, .. } = place;
    match random.below(5) {
        0 => format!("{street}, Kelurahan {kelurahan}"),
        1 => format!("{street} {kelurahan}"),
        2 => format!("{street} RT {:03} RW {:02} {kelurahan}", 1 + random.below(14), 1 + random.below(9)),
        3 => format!("{street} kel. {kelurahan}"),
        _ => format!("{street}, {kelurahan} dekat {}", random.pick(NEAR)),
    }
}

impl Manner {
    /// Puts plain words into this manner.
    fn write(self, text: &str, random: &mut Random) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Short => shorten(text, random, 85),
            Self::Loud => format!("{}{}", shorten(text, random, 25).to_uppercase(), random.pick(&["!!!", "!!", " !!!!", ""])),
            Self::Hasty => {
                let mut text = shorten(text, random, 55).to_lowercase().replace(['.', ','], "");
                if random.chance(50) {
                    text = slip(&text, random);
                }
                text
            }
        }
    }
}

/// The short words of a telephone, most of the time.
fn shorten(text: &str, random: &mut Random, percent: usize) -> String {
    let short = |word: &str, random: &mut Random| {
        let bare = word.trim_end_matches([',', '.', '?']);
        let known = SHORT.iter().find(|(long, _)| *long == bare.to_lowercase());
        match known {
            Some((_, ways)) if random.chance(percent) => format!("{}{}", random.pick(ways), &word[bare.len()..]),
            _ => word.to_owned(),
        }
    };
    text.split(' ').map(|word| short(word, random)).collect::<Vec<_>>().join(" ")
}

/// Two letters of a long word in the wrong order.
fn slip(text: &str, random: &mut Random) -> String {
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    let long: Vec<usize> =
        (0..words.len()).filter(|at| words[*at].len() > 6 && words[*at].bytes().all(|b| b.is_ascii_lowercase())).collect();
    if long.is_empty() {
        return text.to_owned();
    }
    let word = &mut words[*random.pick(&long)];
    let mut letters: Vec<char> = word.chars().collect();
    let at = 2 + random.below(letters.len() - 4);
    letters.swap(at, at + 1);
    *word = letters.into_iter().collect();
    words.join(" ")
}

const FIRST: &[&str] = &[
    "Sari",
    "Joko",
    "Wati",
    "Agus",
    "Rina",
    "Dewi",
    "Budi",
    "Yanti",
    "Slamet",
    "Nur",
    "Tono",
    "Fitri",
    "Asep",
    "Lina",
    "Udin",
    "Ratna",
    "Eko",
    "Maya",
    "Bang Jali",
    "Mama Keisya",
    "Pak RT",
    "Bu Haji",
    "Dimas",
    "Putri",
    "Rudi",
    "Mbak Tutik",
    "Koh Awi",
    "Ucok",
    "Made",
    "Neng Ai",
];
const LAST: &[&str] = &["", "", "", " W", " S", " Kampung Baru", " Laundry", " 🌿", "🙏", " Warung", " (Gang Mawar)", " H"];

const GREETINGS: &[&str] = &[
    "Selamat pagi, ",
    "Selamat siang pak, ",
    "Assalamualaikum, ",
    "Permisi, ",
    "Halo admin, ",
    "Mohon maaf mengganggu, ",
    "Min, ",
    "Yth. Pemprov, ",
];
const CLOSINGS: &[&str] = &[
    " Mohon segera ditindaklanjuti.",
    " Tolong segera diperbaiki.",
    " Terima kasih.",
    " Sudah banyak warga yang mengeluh.",
    " Jangan sampai ada korban dulu.",
    " Mohon bantuannya ya pak.",
    " Kapan mau diperbaiki?",
    " Tolong dicek ke lokasi.",
];
const SINCE: &[&str] = &["kemarin", "seminggu ini", "dua bulan", "tadi malam", "hari Senin", "sebelum lebaran", "tiga hari", "lama sekali"];
const NEAR: &[&str] = &[
    "masjid",
    "SD negeri",
    "pasar",
    "warung nasi",
    "pos ronda",
    "puskesmas",
    "minimarket",
    "kantor kelurahan",
    "musala",
    "halte",
    "gereja",
    "bengkel",
];
const ASKING: &[&str] = &[
    "Laporan saya nomor {number} bagaimana kelanjutannya?",
    "{number} belum ada petugas yang datang sampai sekarang",
    "Mau tanya laporan {number}, sudah sampai mana?",
    "Tambahan untuk {number}: sekarang makin parah",
];
const ADDING: &[&str] = &[
    "Lokasinya persis di sebelah warung, tidak jauh dari tikungan",
    "Kalau malam lebih parah lagi",
    "Sudah pernah lapor ke RT tetapi belum ada hasil",
    "Ada anak sekolah yang hampir jatuh tadi pagi",
    "Saya kirim fotonya menyusul ya",
];
const THANKS: &[&str] = &[
    "Terima kasih banyak, sudah beres.",
    "Alhamdulillah sudah diperbaiki, terima kasih pak",
    "Mantap, cepat sekali. Terima kasih",
    "Oke terima kasih infonya",
    "Siap, ditunggu",
];

const SHORT: &[(&str, &[&str])] = &[
    ("yang", &["yg"]),
    ("tidak", &["tdk", "gak", "ga", "nggak"]),
    ("dengan", &["dgn", "dg"]),
    ("sudah", &["sdh", "udah", "udh"]),
    ("jalan", &["jln", "jl"]),
    ("depan", &["dpn"]),
    ("tolong", &["tlg", "tolongg"]),
    ("banyak", &["byk"]),
    ("karena", &["krn", "krna"]),
    ("belum", &["blm", "blom"]),
    ("kemarin", &["kmrn"]),
    ("terima", &["trima", "trm"]),
    ("kasih", &["ksh", "kasi"]),
    ("mohon", &["mhn"]),
    ("bapak", &["bpk"]),
    ("kelurahan", &["kel"]),
    ("sekarang", &["skrg", "skrang"]),
    ("sampai", &["smpe", "sampe"]),
    ("dan", &["dn", "n"]),
    ("ada", &["ada", "ad"]),
    ("saya", &["sy", "aq"]),
    ("untuk", &["utk"]),
    ("orang", &["org"]),
    ("malam", &["mlm"]),
    ("pagi", &["pg"]),
    ("besar", &["bsr", "gede"]),
    ("warga", &["wrg", "warga"]),
    ("dekat", &["dkt", "deket"]),
    ("sering", &["srg"]),
    ("motor", &["mtr"]),
    ("sejak", &["sjk"]),
    ("bagaimana", &["gmn", "gimana"]),
    ("segera", &["sgera", "cepet"]),
    ("lubang", &["lobang"]),
    ("saja", &["aja"]),
];

/// What is wrong, what a photo of it shows, and how people put it.
const TROUBLES: &[(Scene, &[&str])] = &[
    (
        Scene::Pothole,
        &[
            "Jalan berlubang besar di {place}, sudah ada sejak {since} dan banyak motor yang jatuh.",
            "Aspal di {place} hancur, lubangnya dalam sekali dan kalau hujan tidak kelihatan.",
            "Jalan di {place} amblas, mobil harus gantian lewat. Sudah {since} tidak diperbaiki.",
            "Bekas galian di {place} tidak diaspal lagi, jalan jadi rusak dan bergelombang.",
        ],
    ),
    (
        Scene::Rubbish,
        &[
            "Sampah menumpuk di {place}, tidak diangkut sejak {since}, baunya sampai ke rumah warga.",
            "Ada yang buang sampah sembarangan di {place} setiap malam, lalatnya banyak.",
            "TPS liar di {place} makin besar, tolong diangkut dan dipasang larangan.",
            "Truk sampah tidak datang ke {place} sejak {since}, bak sampah penuh semua.",
        ],
    ),
    (
        Scene::Flood,
        &[
            "Banjir di {place} sejak {since}, air masuk rumah selutut orang dewasa.",
            "Genangan air di {place} tidak surut karena pompa mati.",
            "Setiap hujan sebentar saja {place} langsung tergenang, motor banyak yang mogok.",
            "Kali meluap di {place}, tanggul mulai retak, warga takut.",
        ],
    ),
    (
        Scene::Lamp,
        &[
            "Lampu jalan di {place} mati sejak {since}, gelap sekali dan rawan begal.",
            "PJU di {place} padam tiga tiang, ibu-ibu takut pulang kerja malam.",
            "Lampu penerangan di {place} kedip-kedip lalu mati total.",
            "Lampu merah di {place} mati sejak {since}, lalu lintas semrawut.",
        ],
    ),
    (
        Scene::Tree,
        &[
            "Pohon tumbang di {place} menutup jalan, motor tidak bisa lewat.",
            "Pohon besar di {place} miring dan keropos, takut roboh kena kabel.",
            "Mohon pemangkasan pohon di {place}, dahannya sudah menutupi lampu dan rumah warga.",
            "Dahan patah di {place} menggantung di atas trotoar sejak {since}.",
        ],
    ),
    (
        Scene::Drain,
        &[
            "Saluran air di {place} mampet, airnya hitam dan bau, nyamuk banyak.",
            "Got di {place} tersumbat lumpur sejak {since}, kalau hujan meluap ke jalan.",
            "Tutup got di {place} hilang, kemarin ada anak terperosok.",
            "Pipa PAM bocor di {place}, air bersih terbuang sejak {since} dan aliran ke rumah kecil sekali.",
        ],
    ),
    (
        Scene::Pothole,
        &[
            "Trotoar di {place} rusak dan dipakai motor, pejalan kaki terpaksa turun ke jalan.",
            "Parkir liar di {place} makin banyak, mobil pemadam saja tidak bisa masuk.",
            "Pedagang kaki lima menutup trotoar di {place} dari pagi sampai malam.",
            "Truk besar lewat {place} setiap malam padahal dilarang, jalan jadi hancur.",
        ],
    ),
];

const PLACES: &[Place] = &[
    Place { street: "Jl. Medan Merdeka Barat", kelurahan: "Gambir", lat: -6.1801, lon: 106.8278 },
    Place { street: "Jl. Cikini Raya", kelurahan: "Cikini", lat: -6.1925, lon: 106.8368 },
    Place { street: "Jl. Kwitang Raya", kelurahan: "Kwitang", lat: -6.1833, lon: 106.8401 },
    Place { street: "Jl. Kramat Raya", kelurahan: "Kramat", lat: -6.1842, lon: 106.8484 },
    Place { street: "Gang Mawar", kelurahan: "Johar Baru", lat: -6.1862, lon: 106.8563 },
    Place { street: "Jl. Tanah Tinggi", kelurahan: "Tanah Tinggi", lat: -6.1772, lon: 106.8485 },
    Place { street: "Jl. KS Tubun", kelurahan: "Petamburan", lat: -6.2017, lon: 106.8028 },
    Place { street: "Jl. HOS Cokroaminoto", kelurahan: "Menteng", lat: -6.1985, lon: 106.8289 },
    Place { street: "Jl. Tebet Timur Raya", kelurahan: "Tebet Timur", lat: -6.2385, lon: 106.8576 },
    Place { street: "Jl. Bukit Duri Tanjakan", kelurahan: "Bukit Duri", lat: -6.2214, lon: 106.8566 },
    Place { street: "Jl. Manggarai Utara", kelurahan: "Manggarai", lat: -6.2133, lon: 106.8511 },
    Place { street: "Jl. Kemang Selatan", kelurahan: "Bangka", lat: -6.2642, lon: 106.8193 },
    Place { street: "Jl. Denpasar Raya", kelurahan: "Kuningan Timur", lat: -6.2332, lon: 106.8294 },
    Place { street: "Jl. Raya Ragunan", kelurahan: "Pasar Minggu", lat: -6.2835, lon: 106.8435 },
    Place { street: "Jl. Lebak Bulus Raya", kelurahan: "Lebak Bulus", lat: -6.2971, lon: 106.7785 },
    Place { street: "Jl. Pondok Labu Raya", kelurahan: "Pondok Labu", lat: -6.3091, lon: 106.7955 },
    Place { street: "Jl. Moh. Kahfi", kelurahan: "Jagakarsa", lat: -6.3286, lon: 106.8212 },
    Place { street: "Jl. Dewi Sartika", kelurahan: "Cawang", lat: -6.2514, lon: 106.8683 },
    Place { street: "Jl. Raya Bogor", kelurahan: "Kramat Jati", lat: -6.2669, lon: 106.8695 },
    Place { street: "Jl. Jatinegara Barat", kelurahan: "Kampung Melayu", lat: -6.2146, lon: 106.8599 },
    Place { street: "Jl. Kolonel Sugiono", kelurahan: "Duren Sawit", lat: -6.2330, lon: 106.9171 },
    Place { street: "Jl. I Gusti Ngurah Rai", kelurahan: "Klender", lat: -6.2152, lon: 106.9169 },
    Place { street: "Jl. Pemuda", kelurahan: "Rawamangun", lat: -6.1958, lon: 106.8840 },
    Place { street: "Jl. Cipinang Melayu", kelurahan: "Cipinang Melayu", lat: -6.2519, lon: 106.9086 },
    Place { street: "Jl. Raya Cipayung", kelurahan: "Cipayung", lat: -6.3292, lon: 106.8919 },
    Place { street: "Jl. Panjang", kelurahan: "Kebon Jeruk", lat: -6.1957, lon: 106.7755 },
    Place { street: "Jl. Palmerah Barat", kelurahan: "Palmerah", lat: -6.2008, lon: 106.7881 },
    Place { street: "Jl. Tomang Raya", kelurahan: "Tomang", lat: -6.1720, lon: 106.7967 },
    Place { street: "Jl. Dr. Susilo", kelurahan: "Grogol", lat: -6.1610, lon: 106.7910 },
    Place { street: "Jl. Kamal Raya", kelurahan: "Cengkareng Timur", lat: -6.1369, lon: 106.7359 },
    Place { street: "Jl. Peta Selatan", kelurahan: "Kalideres", lat: -6.1511, lon: 106.6960 },
    Place { street: "Jl. Muara Karang", kelurahan: "Pluit", lat: -6.1164, lon: 106.7884 },
    Place { street: "Jl. Bandengan Utara", kelurahan: "Penjaringan", lat: -6.1223, lon: 106.8078 },
    Place { street: "Jl. Danau Sunter Utara", kelurahan: "Sunter Agung", lat: -6.1465, lon: 106.8681 },
    Place { street: "Jl. Boulevard Raya", kelurahan: "Kelapa Gading Timur", lat: -6.1654, lon: 106.8996 },
    Place { street: "Jl. Cilincing Raya", kelurahan: "Cilincing", lat: -6.1275, lon: 106.9412 },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn one_seed_has_one_city() {
        let live = |seed| {
            let mut city = City::new(seed, 20);
            (0..30).map(|_| city.grievance(Manner::Short)).collect::<Vec<_>>()
        };
        assert_eq!(live(1), live(1));
        assert_ne!(live(1), live(2));
    }

    #[test]
    fn everybody_has_a_number_that_belongs_to_nobody() {
        let city = City::new(1, 500);
        let phones: HashSet<&str> = city.people.iter().map(|person| person.phone.as_str()).collect();
        assert_eq!(phones.len(), 500);
        assert!(phones.iter().all(|phone| phone.starts_with("62810") && phone.len() == 13));
    }

    #[test]
    fn grievances_are_many_and_name_their_place() {
        let mut city = City::new(3, 10);
        let all: Vec<Grievance> = (0..300).map(|_| city.grievance(Manner::Plain)).collect();
        let different: HashSet<&str> = all.iter().map(|grievance| grievance.text.as_str()).collect();
        assert!(different.len() > 280, "{}", different.len());
        for Grievance { text, place, lat, lon, .. } in &all {
            assert!(text.contains(place.kelurahan) && !text.contains(['{', '}']), "{text}");
            assert!((lat - place.lat).abs() < 0.002 && (lon - place.lon).abs() < 0.002);
        }
    }

    #[test]
    fn people_write_as_they_do() {
        let mut random = Random::new(4);
        let plain = "Lampu jalan yang di depan sekolah tidak menyala sejak kemarin.";
        let short = Manner::Short.write(plain, &mut random);
        assert!(short.contains("yg") && short.len() < plain.len(), "{short}");
        assert!(Manner::Loud.write(plain, &mut random).starts_with("LAMPU"));
        assert!(Manner::Hasty.write(plain, &mut random).starts_with("lampu"));
    }
}
