//! Places named in a text: streets with gang and number, landmarks, areas, kelurahan and kecamatan, RT and RW; where they stand, and
//! what two of them have in common.
//!
//! Rules over the words: a word that a place follows (`jalan`, `gang`, `kelurahan`, `pasar`), then what can be part of a name. Which
//! words are names is told by a list of common words, which never are, the names of the directory's areas, and how much oftener a word stands in the
//! field for the place than in the text, if that was learned.

use std::{borrow::Cow, collections::BTreeSet, ops::Range, sync::LazyLock};

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::{
    bag::{Kind, hash, is_number},
    text::{Word, words},
};

/// What kind of place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpotKind {
    /// A street with its gang and number.
    Street,
    /// A named building, market, school, office, housing estate.
    Landmark,
    /// A named neighbourhood.
    Area,
    /// A kelurahan, kecamatan, city.
    Admin,
    /// RT, RW or both.
    RtRw,
}

/// A place in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// What kind.
    pub kind: SpotKind,
    /// Where it was typed: bytes of the text.
    pub span: Range<usize>,
    /// Its name in normal form, without what only says what it is; may be empty for RT and RW.
    pub name: String,
    /// Numbers of the gang (or the street, where streets are numbered), as digits.
    pub gang: BTreeSet<String>,
    /// Numbers and blocks of houses.
    pub house: BTreeSet<String>,
    /// Which words of the text it takes.
    pub(crate) words: Range<usize>,
}

/// What is known of names.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Names {
    /// By hash of the word: how much oftener it stands in the field for the place than in texts, as a logarithm.
    leaning: FxHashMap<u32, f32>,
}

/// Words seen in fewer fields for the place say nothing.
const LEAST_FIELDS: u32 = 2;
/// From this leaning on a word is thought to be a name.
const LEANS: f32 = 0.9;
/// Down to this leaning a word that follows a word like `jalan` may be part of its name.
const MAY_LEAN: f32 = -0.7;

/// Never the name of a place by themselves: what people say in any complaint, anywhere.
const COMMON: &str = " ada adalah adanya agar air akan akibat akses aktif alamat alat alasan anak anda aman angin antara antri apa apakah apalagi aplikasi area arah asap aspal \
atas atau awal baca bagai bagaimana bagi bagian bagus bahaya bahkan bahwa baik bak bakar bangunan banjir bantu bantuan banyak bapak barang baru bau bawa bawah bayar beberapa beda begitu bekas \
bekerja belakang beli belum benar berada beras berat berbahaya berikut berita berjalan berkas berlubang bersama bersih besar besok beton betul biar biaya biasa bila bilang bis bisa bongkar buah buang \
buat bukan buka bulan buruk cabang cara cat cek cepat cuma dada daerah daftar dahan dalam dan dana dapat dari darurat data datang debu dekat dengan depan deras desa dewan di dia dibantu dilakukan \
dimana dinas dingin diperbaiki ditindak dua dulu empat enam gang ganti gelap genangan gorong got guna habis hal hampir hanya harap harga hari harus hasil hewan hidup hilang hingga hitam \
hujan ibu ijin ikut informasi ingin ini instansi itu izin jadi jadwal jalan jalanan jalur jam jangan jarang jatuh jauh jawab jelas jembatan jika juga jukir jumlah kabel kabupaten kali kalau \
kami kampung kan kanan kapan karena kartu kasih kasus kata kawasan ke kebersihan kecamatan kecelakaan kecil kegiatan kejadian keluar keluarga keluhan kelurahan kemarin kembali kemudian kena \
kenapa kendaraan kepada kepala keputusan kerja keras kering kerusakan kesehatan ketika ketua kira kiri kita komplek kondisi kompleks korban kosong kota kotor kurang lagi lahan lain lalu lama lambat lampu langsung lantai \
lapangan lapor laporan layanan lebar lebih lepas letak lewat liar licin lima lingkungan listrik lokasi loket longsor luar luas lubang macet mahal maka makan malah malam mana masa masalah masih masuk masyarakat \
mati mau melalui melanggar melapor melaporkan melewati melihat memang membahayakan membantu membayar memberi membuang membuat memiliki meminta memohon mempunyai menara mendapat mengadukan mengajukan mengalami \
menganggu mengapa menggangu mengganggu mengurus meninggal menjadi menuju menumpuk menurut menyala menyampaikan merasa mereka merah meresahkan meter milik minggu minta mobil mohon motor mudah mulai muncul mungkin \
nama namun nanti negara nih nik nomor nyala nya obat oleh orang padahal pada padam pagar pagi pajak pakai paling panas panjang papan para parah parit parkir pasang pasien pasti paving pedagang pekerjaan pelayanan pembangunan \
pembayaran pembersihan pembuangan pemerintah pemilik pemkot pemotongan penanganan pendaftaran pendidikan penduduk penerangan pengaduan pengajuan pengendara pengguna pengurus penuh penutup penutupan penyakit perahu \
perangkat perantingan perbaikan perempatan pergi perhatian perlu permasalahan permisi permohonan pernah persimpangan pertama pertanyaan pertigaan perubahan perumahan petugas pihak pinggir pintu pipa pju pohon polisi posisi program \
proses proyek puluhan pun punya putus ranting rata rawan raya resah respon ribu ribut roboh rombong rt ruas rumah rumput rusak rw saat saja sakit salah saluran sama sambungan sampah sampai samping sangat satu saya sebab \
sebagai sebelah sebelum seberang sebesar secara sedang sedih sedikit segera sehari sehat sehingga sejak sekali sekarang sekitar sekolah selalu selama selamat selesai selokan seluruh semak semoga sempit semua \
sendiri seorang sepeda seperti sepanjang sering serta sesuai setelah setempat setiap siang siapa sini sinyal siswa situ solusi sore suami suara sudah sulit sumur sungai supaya surat susah tadi tahu tahun tak takut taman tambah \
tambal tampak tanah tanaman tanda tangan tangga tanggal tanggapan tanggul tanya tapi telah telepon teman tempat tengah tentang tepat tepi terbuka terdapat terhadap terima terjadi terkait terlalu terlihat termasuk ternyata \
tersebut tersumbat terus tetangga tetap tiang tiap tiba tidak tidur tiga tiket tindak tinggal tinggi titik tolong total trotoar tua tugas tujuan tukang tulis tumbang tunggu tutup uang ujung ulang umum untuk urus usaha \
vaksin video waktu walau walikota warga warung wilayah yaitu yang tertutup rapat gapura gerobak dpr ktp kk bpjs mbr bansos pdam pln dishub satpol dkp dlh dprkpp wali admin min assalamualaikum wr wb salam yth hormat terhormat \
maaf perihal hub hp januari februari maret april mei juni juli agustus september oktober november desember senin selasa rabu kamis jumat sabtu minggu detik menit rupiah meteran kwh wib th surabaya jakarta indonesia jawa provinsi \
berupa sisi bunyi ringan dilalui ditutup lokasinya nunggu lurah camat tilang cctv online web aplikasinya sambil turun naik sapawargasby sapawarga wargaku depannya mayat bayi ulat bulu rel kereta mas pak mbak kak cak bos gan \
pindah masing lurus belok ambil antar memasuki jarak sebuah banyaknya mengingat mengenai kondisinya saluranya pengaspalan pavingisasi drainase lingkunganya ";

/// May stand within a name behind a real part of it, and not alone.
const WITHIN: &str = " utara selatan timur barat tengah lor kidul wetan kulon raya baru lama indah besar kecil dalam permai asri jaya sari mulyo rejo agung makmur sawah tambak kali jembatan \
tanah merah sungai taman sekolahan masjid makam pasar jati pondok kampung dukuh ";

/// A place follows.
const STREET: &str = " jalan gang jl street raya lorong ";
/// A house's number, block or gang follows.
const NUMBER: &str = " nomor blok gang g ";
/// Named buildings begin so.
const LANDMARK: &str = " pasar sekolah sd sdn smp smpn sma sman smk smkn min mts man tk paud masjid musholla mushola mushalla musola gereja pura kantor puskesmas rs rsud rsia rumkit rusun rusunawa perumahan toko bank terminal stasiun halte \
taman makam balai tps depo apotik apotek indomaret alfamart alfamidi alfa spbu hotel mall mal jembatan ruko kompleks apartemen warung cafe kafe restoran universitas univ kampus klinik gedung gudang pergudangan pabrik kos wisma griya lapangan museum \
pos koramil polsek polres kua samsat hotel plaza pondok ponpes pesantren waduk pintu kebun monumen tugu bakso depot bengkel salon swalayan supermarket minimarket masjid sentra stadion gor gedung siola uptsa jmp ";
/// A kelurahan or kecamatan follows.
const LEVEL: &str = "kelurahan kecamatan desa dusun";
/// A place is near.
const LOCATOR: &str = " di ke dari daerah wilayah kawasan dekat sekitar area warga kampung lokasi depan belakang samping sebelah seberang kelurahan kecamatan dusun desa dukuh sepanjang arah menuju perempatan pertigaan simpang ";

/// What a word can be, as bits: a word may be several things.
type Roles = u8;
const IS_COMMON: Roles = 1;
const IS_WITHIN: Roles = 2;
const IS_STREET: Roles = 4;
const IS_NUMBER: Roles = 8;
const IS_LANDMARK: Roles = 16;
const IS_LOCATOR: Roles = 32;
const IS_LEVEL: Roles = 64;

static ROLES: LazyLock<FxHashMap<String, Roles>> = LazyLock::new(|| {
    let mut roles: FxHashMap<String, Roles> = FxHashMap::default();
    let lists = [
        (COMMON, IS_COMMON),
        (WITHIN, IS_WITHIN),
        (STREET, IS_STREET),
        (NUMBER, IS_NUMBER),
        (LANDMARK, IS_LANDMARK),
        (LOCATOR, IS_LOCATOR),
        (LEVEL, IS_LEVEL),
    ];
    for (list, role) in lists {
        for word in words(list) {
            *roles.entry(word.form).or_default() |= role;
        }
    }
    roles
});

/// Never the name of a place by itself.
pub(crate) fn is_common(form: &str) -> bool {
    is(IS_COMMON, form)
}

fn is(role: Roles, form: &str) -> bool {
    ROLES.get(form).is_some_and(|roles| roles & role != 0)
}

impl Names {
    /// Learns which words are names from complaints: texts with the field for the place.
    pub fn of(rows: &[(&str, &str)]) -> Self {
        let cut: Vec<(Vec<Word>, Vec<Word>)> = rows.iter().map(|(text, place)| (words(text), words(place))).collect();
        Self::learn(cut.iter().map(|(text, place)| (text.as_slice(), place.as_slice())))
    }

    /// Bytes it takes in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        self.leaning.capacity() * 8 / 7 * 9
    }

    /// Every place in a text, in order; none overlaps another.
    pub fn places(&self, text: &str) -> Vec<Spot> {
        self.spots(&words(text))
    }

    /// Learns from texts and fields for the place, already cut into words.
    pub(crate) fn learn<'a>(rows: impl Iterator<Item = (&'a [Word], &'a [Word])>) -> Self {
        let mut counts: FxHashMap<u32, (u32, u32)> = FxHashMap::default();
        let (mut texts, mut fields) = (1.0_f32, 1.0_f32);
        for (text, place) in rows {
            texts += 1.0;
            fields += if place.is_empty() { 0.0 } else { 1.0 };
            let distinct = |words: &[Word]| words.iter().map(|word| hash(Kind::Word, &[&word.form])).collect::<BTreeSet<u32>>();
            for word in distinct(text) {
                counts.entry(word).or_default().0 += 1;
            }
            for word in distinct(place) {
                counts.entry(word).or_default().1 += 1;
            }
        }
        let leaning = |in_texts: u32, in_fields: u32| ((in_fields as f32 + 0.5) / fields).ln() - ((in_texts as f32 + 0.5) / texts).ln();
        let known = counts.into_iter().filter(|(_, (in_texts, in_fields))| *in_fields >= LEAST_FIELDS || *in_texts >= 4);
        Self { leaning: known.map(|(word, (in_texts, in_fields))| (word, leaning(in_texts, in_fields))).collect() }
    }

    /// How much the word is thought to be a name; `None` if it was never seen.
    pub(crate) fn leaning(&self, form: &str) -> Option<f32> {
        self.leaning.get(&hash(Kind::Word, &[form])).copied()
    }

    fn may_be_part(&self, form: &str) -> bool {
        !is_number(form) && form.len() > 1 && !is(IS_COMMON, form) && self.leaning(form).is_none_or(|leaning| leaning > MAY_LEAN)
    }

    fn is_name(&self, form: &str) -> bool {
        self.may_be_part(form) && form.len() > 2 && self.leaning(form).is_some_and(|leaning| leaning > LEANS)
    }

    /// Every place in the text, in order; none overlaps another.
    pub(crate) fn spots(&self, text: &[Word]) -> Vec<Spot> {
        let mut spots = Vec::new();
        let mut at = 0;
        while at < text.len() {
            match self.spot(text, at) {
                Some(spot) => {
                    at = spot.words.end.max(at + 1);
                    spots.push(spot);
                }
                None => at += 1,
            }
        }
        spots
    }

    fn spot(&self, text: &[Word], at: usize) -> Option<Spot> {
        let form = text[at].form.as_str();
        Self::rt_rw(text, at)
            .or_else(|| is(IS_LEVEL, form).then(|| self.named(text, at, SpotKind::Admin)).flatten())
            .or_else(|| is(IS_STREET, form).then(|| self.named(text, at, SpotKind::Street)).flatten())
            .or_else(|| is(IS_LANDMARK, form).then(|| self.named(text, at, SpotKind::Landmark)).flatten())
            .or_else(|| self.bare(text, at))
    }

    fn rt_rw(text: &[Word], at: usize) -> Option<Spot> {
        let number = |at: usize| text.get(at).filter(|word| is_number(&word.form) || word.form.starts_with('x'));
        if !matches!(text[at].form.as_str(), "rt" | "rw") || number(at + 1).is_none() {
            return None;
        }
        let mut end = at + 2;
        let mut house = BTreeSet::from([format!("{}{}", text[at].form, digits(&text[at + 1].form))]);
        if text.get(end).is_some_and(|word| word.form == "rw" || word.form == "rt") && number(end + 1).is_some() {
            house.insert(format!("{}{}", text[end].form, digits(&text[end + 1].form)));
            end += 2;
        }
        Some(Spot { kind: SpotKind::RtRw, span: span(text, at..end), name: String::new(), gang: BTreeSet::new(), house, words: at..end })
    }

    /// A word that says what it is, then a name.
    fn named(&self, text: &[Word], at: usize, kind: SpotKind) -> Option<Spot> {
        let mut from = at + 1;
        while text.get(from).is_some_and(|word| is(IS_STREET, &word.form) || kind == SpotKind::Landmark && is(IS_LANDMARK, &word.form)) {
            from += 1;
        }
        let most = if kind == SpotKind::Street { 5 } else { 3 };
        let end = self.name_end(text, from, most, text[at].sentence);
        if end == from && !(kind == SpotKind::Street && text[from - 1].form == "gang") {
            return None;
        }
        self.finish(text, at, from, end, kind)
    }

    /// Words that are known as names, without a word before that says so.
    fn bare(&self, text: &[Word], at: usize) -> Option<Spot> {
        if !self.is_name(&text[at].form) {
            return None;
        }
        let end = self.name_end(text, at, 5, text[at].sentence);
        let spot = self.finish(text, at, at, end, SpotKind::Area)?;
        let numbered = !spot.gang.is_empty() || !spot.house.is_empty();
        let near = at > 0 && is(IS_LOCATOR, &text[at - 1].form);
        let sure = self.leaning(&text[at].form).is_some_and(|leaning| leaning > 1.6);
        (numbered || near || end - at > 1 || sure)
            .then_some(Spot { kind: if numbered { SpotKind::Street } else { SpotKind::Area }, ..spot })
    }

    /// Behind the last word that can be part of a name beginning at `from`.
    fn name_end(&self, text: &[Word], from: usize, most: usize, sentence: usize) -> usize {
        let mut end = from;
        while let Some(word) = text.get(end).filter(|word| word.sentence == sentence && end - from < most) {
            let inside = end > from && is(IS_WITHIN, &word.form);
            let opens = end == from && is(IS_WITHIN, &word.form) && text.get(end + 1).is_some_and(|next| self.is_name(&next.form));
            if !(self.may_be_part(&word.form) && roman(&word.form).is_none() || inside || opens) {
                break;
            }
            end += 1;
        }
        end
    }

    /// Takes in numbers of gangs and houses behind the name.
    fn finish(&self, text: &[Word], at: usize, from: usize, name_end: usize, kind: SpotKind) -> Option<Spot> {
        let name: String = text[from..name_end].iter().map(|word| word.form.as_str()).collect::<Vec<_>>().join(" ");
        let (mut gang, mut house) = (BTreeSet::new(), BTreeSet::new());
        let mut end = name_end;
        if name_end == from && at < from {
            // `gang 7`: the number is the name.
            end = from;
        }
        let mut is_house = kind == SpotKind::Landmark;
        while let Some(word) = text.get(end) {
            let form = word.form.as_str();
            let next = text.get(end + 1).map_or("", |word| word.form.as_str());
            let value = |form: &str| if is_number(form) { Some(digits(form).into_owned()) } else { roman(form).map(|n| n.to_string()) };
            if is(IS_NUMBER, form) && (value(next).is_some() || form == "blok" && next.chars().count() <= 2 && !next.is_empty()) {
                is_house = form != "gang" && form != "g";
                let into = if is_house { &mut house } else { &mut gang };
                into.insert(value(next).unwrap_or_else(|| next.to_owned()));
                end += 2;
                is_house = true;
            } else if form == "gang" && self.may_be_part(next) {
                // Gangs may have names: `gang Kelengkeng`.
                gang.insert(next.to_owned());
                end += 2;
            } else if let Some(number) = value(form) {
                if is_house || !gang.is_empty() { &mut house } else { &mut gang }.insert(number);
                end += 1;
            } else if end > name_end && form.chars().count() == 1 && !gang.is_empty() | !house.is_empty() && touches(text, end) {
                end += 1;
            } else {
                break;
            }
        }
        (end > at + usize::from(at < from)).then(|| Spot { kind, span: span(text, at..end), name, gang, house, words: at..end })
    }
}

/// Whether nothing stands between this word and the one before: `59d`.
fn touches(text: &[Word], at: usize) -> bool {
    text[at - 1].span.end == text[at].span.start
}

fn span(text: &[Word], words: Range<usize>) -> Range<usize> {
    text[words.start].span.start..text[words.end - 1].span.end
}

/// Digits without zeros before them.
pub(crate) fn digits(form: &str) -> Cow<'_, str> {
    let short = form.trim_start_matches('0');
    Cow::Borrowed(if short.is_empty() { form } else { short })
}

/// A Roman number up to 39, as people number gangs.
pub(crate) fn roman(form: &str) -> Option<u32> {
    let mut sum = 0_i32;
    let mut before = 0;
    for letter in form.chars().rev() {
        let value = match letter {
            'i' => 1,
            'v' => 5,
            'x' => 10,
            _ => return None,
        };
        sum += if value < before { -value } else { value };
        before = before.max(value);
    }
    u32::try_from(sum).ok().filter(|&number| number > 0 && form.len() <= 6)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Fields for the place as a city has them, made up.
    fn names() -> Names {
        let mut rows = Vec::new();
        for street in ["Melati Indah", "Kenanga Wetan", "Cempaka Putih", "Anggrek Mulyo"] {
            for house in 1..6 {
                rows.push(("mohon perbaikan saluran di depan rumah".to_owned(), format!("Jl. {street} gg {house} no {house}")));
            }
        }
        let rows: Vec<(&str, &str)> = rows.iter().map(|(text, place)| (text.as_str(), place.as_str())).collect();
        Names::of(&rows)
    }

    fn said(text: &str) -> Vec<(SpotKind, &str)> {
        names().places(text).into_iter().map(|spot| (spot.kind, &text[spot.span])).collect()
    }

    #[test]
    fn places_are_found_where_people_write_them() {
        use SpotKind::{Admin, Area, Landmark, RtRw, Street};
        let cases: [(&str, &[(SpotKind, &str)]); 9] = [
            ("lampu mati di Jl. Melati Indah gg III no. 12", &[(Street, "Jl. Melati Indah gg III no. 12")]),
            ("jalan rusak dan berlubang", &[]),
            ("sampah di RT.004/RW.02 menumpuk", &[(RtRw, "RT.004/RW.02")]),
            ("banjir kenanga wetan 5/17 lagi", &[(Street, "kenanga wetan 5/17")]),
            ("got mampet depan pasar cempaka", &[(Landmark, "pasar cempaka")]),
            ("kelurahan anggrek belum menanggapi", &[(Admin, "kelurahan anggrek")]),
            ("pju padam di cempaka putih", &[(Area, "cempaka putih")]),
            ("", &[]),
            ("kapan saya dipanggil?", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(said(text), expected, "{text}");
        }
    }

    #[test]
    fn gangs_and_houses_are_told_apart_however_they_are_written() {
        for text in ["Jl Melati Indah gang 7 no 03", "melati indah VII/3", "melati indah gg. 7 nomor 3", "MELATI INDAH 7 no.3"] {
            let spots = names().places(text);
            let [spot] = spots.as_slice() else { panic!("{text}: {spots:?}") };
            assert_eq!((&spot.gang, &spot.house), (&["7".to_owned()].into(), &["3".to_owned()].into()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_places_in_order_within_it(text in ".{0,200}") {
            let mut before = 0;
            for spot in names().places(&text) {
                prop_assert!(spot.span.start >= before && text.get(spot.span.clone()).is_some(), "{spot:?}");
                before = spot.span.end;
            }
        }

        #[test]
        fn words_of_places_in_any_order_are_read_without_panic(words in proptest::collection::vec("(jl|gang|gg|g|no|blok|rt|rw|kel|pasar|melati|indah|[ivx]{1,4}|[0-9]{1,4}|[a-d]|/|,|\\.)", 0..30)) {
            let _ = names().places(&words.join(" "));
        }
    }
}
