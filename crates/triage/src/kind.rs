//! Whether a message is a complaint, a question, a wish or something else.
//!
//! Few labelled messages exist anywhere, so what counts is mostly signs that hold in any city: question words, words that ask for something
//! new, words for what is broken. How much each sign and word counts is learned.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::{
    bag::{Bag, Block, Kind as Feature, hash, pairs, stem, words},
    linear::{Linear, Vector, Vocabulary},
    samples::samples,
    text::{self, Word},
};

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Something is wrong and should be mended.
    Complaint,
    /// Asks how, when, where or whether.
    InformationRequest,
    /// Asks for something new, proposes.
    Aspiration,
    /// Thanks, chat, news.
    Other,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Complaint, Self::InformationRequest, Self::Aspiration, Self::Other];

    /// As files and settings write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Complaint => "complaint",
            Self::InformationRequest => "information_request",
            Self::Aspiration => "aspiration",
            Self::Other => "other",
        }
    }

    /// Reads what [`Kind::name`] writes.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Groups of words that are one sign. Any form of a word counts (see [`stem`]).
const SIGNS: &[(&str, &str)] = &[
    ("asks", "apakah bagaimana kapan dimana berapa siapa apa mana piye ndi opo kapan bagaimanakah bolehkah bisakah adakah"),
    ("asks how", "cara caranya syarat syaratnya persyaratan prosedur alur tahapan langkah berkas"),
    ("asks for news", "info informasi infonya tanya bertanya menanyakan nanya penjelasan konfirmasi kepastian jadwal kontak"),
    ("why", "kenapa mengapa kok koq masak masa"),
    (
        "proposes",
        "usul usulan mengusulkan saran menyarankan sarannya sebaiknya alangkah seyogyanya masukan ide gagasan rencana aspirasi hendaknya solusi",
    ),
    (
        "new",
        "pengadaan penambahan ditambah ditambahkan tambahan menambah pemasangan dipasang dipasangkan memasang dibangun dibuatkan pembuatan membuat diadakan disediakan penyediaan diberikan difasilitasi",
    ),
    ("applies", "mengajukan pengajuan permohonan proposal ingin berharap harapan bermaksud keringanan bantuan beasiswa audiensi bertemu"),
    (
        "broken",
        "rusak mati padam berlubang lubang bolong bocor pecah putus patah ambrol ambles roboh tumbang retak tersumbat mampet buntu jebol macet hilang dicuri",
    ),
    ("dirty", "sampah menumpuk tumpukan banjir genangan tergenang bau busuk kotor kumuh polusi asap bising debu"),
    (
        "wrong",
        "liar ilegal mengganggu meresahkan resah pungli pungutan preman melanggar pelanggaran curang nakal oknum kasar sombong judes membahayakan bahaya rawan",
    ),
    (
        "slow",
        "lama belum sampai tidak ditolak dipersulit ribet sulit susah lambat berbelit antri menunggu ditunggu gagal error kecewa keluhan mengeluh komplain lapor melaporkan laporan pengaduan",
    ),
    (
        "act",
        "perbaikan diperbaiki ditindak ditertibkan dibersihkan dipotong pemangkasan perantingan ditangani tindak segera perbaiki bersihkan tertibkan",
    ),
    ("thanks", "apresiasi mengapresiasi bangga sukses salut selamat hebat mantap bagus"),
];

static SIGN_OF: LazyLock<FxHashMap<String, Vec<&'static str>>> = LazyLock::new(|| {
    let mut all: FxHashMap<String, Vec<&'static str>> = FxHashMap::default();
    for (sign, list) in SIGNS {
        for word in text::words(list) {
            let signs = all.entry(word.form).or_default();
            if !signs.contains(sign) {
                signs.push(sign);
            }
        }
    }
    all
});

/// Tells kinds apart.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Kinds {
    vocabulary: Vocabulary,
    model: Linear,
}

/// How much of the rarity of a kind among the labelled messages is made up for: 0 nothing, 1 all of it.
const HEARD: f32 = 0.15;
/// What a labelled message on the wrong side costs, beside large weights.
const COST: f32 = 0.4;
/// Questions are few beside complaints and told by fewer words: each costs so much more.
const QUESTION: f32 = 1.3;
/// A made-up message costs so much more than a labelled one; a wish half of that, for there are few of them in nature.
const MADE_UP: f32 = 2.0;
/// Features in fewer messages are left out.
const LEAST_ROWS: usize = 2;

impl Kinds {
    /// Learns from messages and their kinds, and from made-up ones (`samples`); without any message from these alone.
    pub fn learn(rows: &[(&str, Kind)]) -> Self {
        let mut all = rows.to_vec();
        all.extend(samples());
        let bags: Vec<Bag> = all.iter().map(|(text, _)| bag(text)).collect();
        let labels: Vec<usize> = all.iter().map(|(_, kind)| *kind as usize).collect();
        let costs: Vec<f32> =
            all.iter().enumerate().map(|(row, &(_, kind))| cost(kind, rows) * if row < rows.len() { 1.0 } else { made_up(kind) }).collect();
        let vocabulary = Vocabulary::learn(bags.iter(), LEAST_ROWS, Kind::ALL.len());
        let vectors: Vec<Vector> = bags.iter().map(|bag| vocabulary.vector(bag)).collect();
        let model = Linear::learn_weighed(&vectors, vocabulary.len(), &labels, Kind::ALL.len(), &costs);
        Self { vocabulary, model }
    }

    /// Bytes it takes in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        self.vocabulary.bytes() + self.model.bytes()
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.vocabulary.is_whole() && self.model.is_whole(self.vocabulary.len(), Kind::ALL.len())
    }

    /// Every kind, the likeliest first.
    pub fn tell(&self, text: &str) -> Vec<(Kind, f32)> {
        let scores = self.model.probabilities(&self.vocabulary.vector(&bag(text)));
        let mut all: Vec<(Kind, f32)> = Kind::ALL.into_iter().zip(scores).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        all
    }
}

/// What a message of this kind costs on the wrong side.
fn cost(kind: Kind, rows: &[(&str, Kind)]) -> f32 {
    let of_kind = rows.iter().filter(|(_, other)| *other == kind).count();
    let rarity = if rows.is_empty() { 1.0 } else { rows.len() as f32 / (Kind::ALL.len() * of_kind.max(1)) as f32 };
    COST * rarity.powf(HEARD) * if kind == Kind::InformationRequest { QUESTION } else { 1.0 }
}

fn made_up(kind: Kind) -> f32 {
    if kind == Kind::Aspiration { MADE_UP / 2.0 } else { MADE_UP }
}

fn bag(text: &str) -> Bag {
    let cut = text::words(text);
    let all: Vec<&Word> = cut.iter().collect();
    let block = |weight, features| Block { weight, features };
    let stems = all.iter().map(|word| hash(Feature::Stem, &[stem(&word.form)])).collect();
    Bag(vec![
        block(1.5, marks(text, &cut)),
        block(0.7, words(Feature::Word, &all)),
        block(0.4, stems),
        block(0.4, pairs(Feature::Pair, &all)),
    ])
}

fn marks(text: &str, cut: &[Word]) -> Vec<u32> {
    let mut marks: Vec<String> = Vec::new();
    let questions = text.matches('?').count();
    marks.push(format!("questions {}", questions.min(3)));
    marks.push(format!("length {}", (cut.len() + 1).ilog2()));
    if text.trim_end().ends_with(['?', '？']) {
        marks.push("ends asking".into());
    }
    let mut found: Vec<&str> = cut.iter().filter_map(|word| SIGN_OF.get(&word.form)).flatten().copied().collect();
    if let Some(first) = cut.iter().find_map(|word| SIGN_OF.get(&word.form)) {
        marks.extend(first.iter().map(|sign| format!("first {sign}")));
    }
    found.sort_unstable();
    let mut kinds = found.clone();
    kinds.dedup();
    for sign in &kinds {
        marks.push((*sign).to_owned());
        if questions > 0 {
            marks.push(format!("{sign} and asks"));
        }
        if found.iter().filter(|other| *other == sign).count() > 1 {
            marks.push(format!("{sign} again"));
        }
    }
    let wrong = ["broken", "dirty", "wrong", "slow"].iter().any(|sign| kinds.contains(sign));
    marks.push(format!("wrong {wrong}"));
    for sign in ["asks", "asks how", "asks for news", "proposes", "new", "applies"] {
        if kinds.contains(&sign) {
            marks.push(format!("{sign} wrong {wrong}"));
        }
    }
    marks.iter().map(|mark| hash(Feature::Mark, &[mark])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_teach_more_than_the_words_they_stand_in() {
        let rows = [
            ("lampu rusak belum diperbaiki", Kind::Complaint),
            ("sampah menumpuk bau sekali", Kind::Complaint),
            ("jalan berlubang sudah lama", Kind::Complaint),
            ("bagaimana cara mengurus akta?", Kind::InformationRequest),
            ("apa saja syarat beasiswa?", Kind::InformationRequest),
            ("usul penambahan taman bermain", Kind::Aspiration),
            ("saran agar diadakan pelatihan", Kind::Aspiration),
        ];
        let kinds = Kinds::learn(&rows.repeat(4));
        let first = |text: &str| kinds.tell(text)[0].0;
        assert_eq!(first("saluran mampet dan tembok retak"), Kind::Complaint);
        assert_eq!(first("berapa biaya dan prosedur pindah?"), Kind::InformationRequest);
        assert_eq!(first("mengusulkan pengadaan halte baru"), Kind::Aspiration);
        let sum: f32 = kinds.tell("apa pun").iter().map(|(_, probability)| probability).sum();
        assert!((sum - 1.0).abs() < 1e-3);
    }

    #[test]
    fn without_labelled_messages_made_up_ones_tell_the_kinds() {
        let kinds = Kinds::learn(&[]);
        assert!(kinds.is_whole());
        let cases = [
            ("pagar jembatan rusak dan membahayakan, sudah lapor belum diperbaiki", Kind::Complaint),
            ("apa saja dokumen untuk mengurus kartu keluarga baru?", Kind::InformationRequest),
            ("usul agar dibangun lapangan olahraga untuk pemuda", Kind::Aspiration),
        ];
        for (text, kind) in cases {
            assert_eq!(kinds.tell(text)[0].0, kind, "{text}");
        }
    }
}
