//! Whether a message reads like an advertisement or like nothing at all. A sum of signs that a person can check one by one, never a judgement: what
//! reaches the limit waits for a person. Nothing here is learned, so nothing can be taught to it from outside.

use std::{collections::BTreeSet, hash::Hasher, sync::LazyLock};

use model::{Sign, Signal, Triaged};
use rustc_hash::FxHasher;

use crate::{
    phrase::Phrases,
    text::{self, Word},
};

/// What is known besides the message itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Around {
    /// How many others sent the same words within a day.
    pub same_words: u32,
    /// How many of its sender's earlier complaints staff found to be none.
    pub spam_before: u32,
    /// How many of them were settled.
    pub settled_before: u32,
    /// Whether its channel brings far more than it usually may.
    pub rush: bool,
    /// Whether the citizen named or pointed at a place.
    pub place: bool,
    /// Whether a photo or a file came with it.
    pub file: bool,
}

/// What a phrase says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// Nobody says so but who sells it.
    Sells(&'static str),
    /// Who sells it says so, and who complains of it too.
    Names(&'static str),
    /// Click, register, call.
    Invites(&'static str),
    /// Somebody asks officials for something, or tells them of a wrong.
    Complains,
}

const SELLS: &[&str] = &[
    // gambling
    "gacor",
    "maxwin",
    "slot gacor",
    "slot88",
    "slot 88",
    "rtp slot",
    "rtp live",
    "scatter hitam",
    "anti rungkad",
    "situs slot",
    "link slot",
    "slot deposit",
    "deposit pulsa",
    "depo pulsa",
    "bonus new member",
    "bonus member baru",
    "link alternatif",
    "bandar togel",
    "agen judi",
    "agen togel",
    "prediksi togel",
    "situs judi terpercaya",
    "wd berapapun",
    "turnover",
    "freespin",
    "free spin",
    // loans
    "tanpa jaminan",
    "tanpa bi checking",
    "dana cepat",
    "dana cair",
    "langsung cair",
    "cair hari ini",
    "pinjaman online cepat",
    "pinjaman dana",
    "bunga rendah",
    "gadai bpkb",
    "kami menawarkan pinjaman",
    "loan offer",
    // potions, followers, riches
    "obat kuat",
    "pembesar",
    "obat aborsi",
    "obat penggugur",
    "jual followers",
    "beli followers",
    "jasa followers",
    "profit harian",
    "profit konsisten",
    "passive income",
    "penghasilan tambahan",
    "kerja dari rumah",
    "double your",
    "seo service",
    "backlink",
];

const NAMES: &[&str] = &[
    "slot", "judi", "togel", "kasino", "casino", "jackpot", "pinjol", "pinjaman", "promo", "diskon", "cashback", "reseller", "crypto",
    "forex", "trading", "bitcoin",
];

const INVITES: &[&str] = &[
    "klik link",
    "klik di sini",
    "klik disini",
    "daftar sekarang",
    "segera daftar",
    "buruan daftar",
    "gabung sekarang",
    "join sekarang",
    "order sekarang",
    "pesan sekarang",
    "hubungi wa",
    "hub wa",
    "chat wa",
    "wa me",
    "minat hubungi",
    "yang berminat",
    "promo terbatas",
    "click here",
    "sign up now",
];

const COMPLAINS: &[&str] = &[
    "mohon",
    "tolong",
    "lapor",
    "melaporkan",
    "laporan",
    "aduan",
    "pengaduan",
    "mengadukan",
    "keluhan",
    "resah",
    "meresahkan",
    "tertibkan",
    "ditertibkan",
    "tindak",
    "ditindak",
    "menindak",
    "blokir",
    "diblokir",
    "berantas",
    "diberantas",
    "korban",
    "penipuan",
    "ditipu",
    "tertipu",
    "diteror",
    "meneror",
    "diretas",
    "dibajak",
    "razia",
    "digerebek",
    "usut",
    "please help",
    "report",
];

static PHRASES: LazyLock<Phrases<Says>> = LazyLock::new(|| {
    let sells = SELLS.iter().map(|&phrase| (phrase, Says::Sells(phrase)));
    let names = NAMES.iter().map(|&phrase| (phrase, Says::Names(phrase)));
    let invites = INVITES.iter().map(|&phrase| (phrase, Says::Invites(phrase)));
    let complains = COMPLAINS.iter().map(|&phrase| (phrase, Says::Complains));
    Phrases::new(sells.chain(names).chain(invites).chain(complains).map(|(phrase, says)| (phrase.to_owned(), says)), |_, _| ())
});

/// A phrase that only sells, and so many of them at most.
const SOLD: (i16, i16) = (30, 60);
/// A word that sells or complains.
const NAMED: (i16, i16) = (8, 16);
/// An address of a page; one that hides where it leads, or ends where nobody official does.
const LINK: (i16, i16) = (15, 30);
const HIDDEN_LINK: i16 = 15;
const INVITED: i16 = 15;
const CALLED: i16 = 10;
const GIBBERISH: i16 = 55;
const NO_MATTER: i16 = 10;
/// The same words from some others, and from many: people pass words on in a campaign, so this alone holds nothing.
const SAME_WORDS: (i16, i16) = (15, 25);
const SOME_OTHERS: u32 = 3;
const MANY_OTHERS: u32 = 10;
const SPAM_BEFORE: (i16, i16) = (20, 50);
const RUSH: i16 = 10;
const MATTER: i16 = -25;
const PLACE: i16 = -20;
const FILE: i16 = -15;
const SETTLED_BEFORE: (i16, i16) = (-10, -20);

/// Words and addresses that are looked at: a message may have 64 KiB.
const MOST_WORDS: usize = 2_000;
/// Shorter words are the same by chance.
const LEAST_SAME: usize = 20;

/// What speaks for and against a message being a complaint; the strongest against it first.
pub fn signs(words: &str, triaged: &Triaged, around: &Around) -> Vec<Sign> {
    let read: Vec<Word> = text::words(words).into_iter().take(MOST_WORDS).collect();
    let mut used = vec![false; read.len()];
    let said: Vec<Says> = PHRASES.whole(&read, &mut used).iter().map(|found| *found.tag).collect();
    let pages = pages(words);
    let mut signs: Vec<Sign> = [links(&pages), advert(&said)].into_iter().flatten().collect();
    signs.extend(invites(&said, words).filter(|_| !signs.is_empty()));
    let matter = triaged.category.is_some() || said.contains(&Says::Complains);
    let place = around.place || triaged.area.is_some();
    let nothing = !matter && !place && !around.file;
    let others = match around.same_words {
        0..SOME_OTHERS => None,
        SOME_OTHERS..MANY_OTHERS => Some(SAME_WORDS.0),
        MANY_OTHERS.. => Some(SAME_WORDS.1),
    };
    signs.extend(
        [
            (!around.file && !place).then(|| gibberish(words)).flatten(),
            others.map(|points| counted(Signal::SameWords, points, around.same_words)),
            nothing.then(|| sign(Signal::NoMatter, NO_MATTER)),
            times(Signal::SpamBefore, SPAM_BEFORE, around.spam_before),
            around.rush.then(|| sign(Signal::Rush, RUSH)),
            matter.then(|| sign(Signal::Matter, MATTER)),
            place.then(|| sign(Signal::Place, PLACE)),
            around.file.then(|| sign(Signal::File, FILE)),
            times(Signal::SettledBefore, SETTLED_BEFORE, around.settled_before),
        ]
        .into_iter()
        .flatten(),
    );
    signs.sort_by_key(|sign| -sign.points);
    signs
}

/// By which the same words of others are known: whatever capitals, signs and doubled letters they have. `None`: too few to say so.
pub fn same_words(words: &str) -> Option<i64> {
    let forms: Vec<String> = text::words(words).into_iter().take(MOST_WORDS).map(|word| word.form).collect();
    let all = forms.join(" ");
    (all.len() >= LEAST_SAME).then(|| {
        let mut hasher = FxHasher::default();
        hasher.write(all.as_bytes());
        i64::from_ne_bytes(hasher.finish().to_ne_bytes())
    })
}

fn sign(signal: Signal, points: i16) -> Sign {
    Sign { signal, points, found: Vec::new() }
}

fn counted(signal: Signal, points: i16, count: u32) -> Sign {
    Sign { signal, points, found: vec![count.to_string()] }
}

/// Each time counts, up to a most.
fn times(signal: Signal, (each, most): (i16, i16), count: u32) -> Option<Sign> {
    let points = each.saturating_mul(i16::try_from(count).unwrap_or(i16::MAX));
    let points = if most < 0 { points.max(most) } else { points.min(most) };
    (count > 0).then(|| counted(signal, points, count))
}

fn advert(said: &[Says]) -> Option<Sign> {
    let sold: BTreeSet<&str> = said.iter().filter_map(|says| if let Says::Sells(phrase) = says { Some(*phrase) } else { None }).collect();
    let named: BTreeSet<&str> = said.iter().filter_map(|says| if let Says::Names(phrase) = says { Some(*phrase) } else { None }).collect();
    let each = |(each, most): (i16, i16), count: usize| each.saturating_mul(i16::try_from(count).unwrap_or(i16::MAX)).min(most);
    let points = each(SOLD, sold.len()) + each(NAMED, named.len());
    let found = sold.into_iter().chain(named).map(str::to_owned).collect();
    (points > 0).then_some(Sign { signal: Signal::Advert, points, found })
}

fn invites(said: &[Says], words: &str) -> Option<Sign> {
    let mut found: Vec<String> =
        said.iter().filter_map(|says| if let Says::Invites(phrase) = says { Some((*phrase).to_owned()) } else { None }).collect();
    found.dedup();
    let calls = has_telephone(words);
    let points = if found.is_empty() { 0 } else { INVITED } + if calls { CALLED } else { 0 };
    found.extend(calls.then(|| "08…".to_owned()));
    (points > 0).then_some(Sign { signal: Signal::Invites, points, found })
}

/// A number as Indonesian mobiles have it; it is not kept.
fn has_telephone(words: &str) -> bool {
    let mut digits = String::new();
    for c in words.chars().chain([' ', '\n', 'x']) {
        match c {
            '0'..='9' => digits.push(c),
            '-' | '.' | ' ' | '+' => {}
            _ => {
                let mobile = digits.starts_with("08") || digits.starts_with("628");
                if mobile && (10..=14).contains(&digits.len()) {
                    return true;
                }
                digits.clear();
            }
        }
    }
    false
}

/// A page that a message leads to: its host, and whether it hides where it leads.
struct Page {
    host: String,
    hides: bool,
}

/// Where citizens show what they mean: a map, a post, an office of the state.
const SHOWS: &[&str] = &[
    "go.id",
    "goo.gl",
    "google.com",
    "google.co.id",
    "facebook.com",
    "fb.watch",
    "instagram.com",
    "twitter.com",
    "x.com",
    "tiktok.com",
    "youtube.com",
    "youtu.be",
    "ac.id",
    "sch.id",
    "desa.id",
    "mil.id",
    "detik.com",
    "kompas.com",
];
const HIDES: &[&str] = &[
    "bit.ly",
    "tinyurl.com",
    "cutt.ly",
    "rebrand.ly",
    "linktr.ee",
    "t.me",
    "wa.me",
    "heylink.me",
    "is.gd",
    "xyz",
    "top",
    "vip",
    "win",
    "bet",
    "club",
    "click",
    "live",
    "icu",
    "cc",
    "site",
    "online",
    "fun",
    "buzz",
];

/// Whether a host is this one or below it.
fn below(host: &str, of: &str) -> bool {
    host == of || host.strip_suffix(of).is_some_and(|rest| rest.ends_with('.'))
}

fn pages(words: &str) -> Vec<Page> {
    let mut pages: Vec<Page> = Vec::new();
    for typed in words.split_whitespace().take(MOST_WORDS) {
        let typed = typed.trim_start_matches(['(', '<', '"', '*', '_']).to_lowercase();
        let bare = typed.strip_prefix("https://").or_else(|| typed.strip_prefix("http://"));
        let bare = bare.or_else(|| typed.strip_prefix("www.").map(|_| typed.as_str()));
        let host = |of: &str| of.split(['/', '?', '#', ':', ',', ')', '>']).next().unwrap_or_default().trim_end_matches('.').to_owned();
        let host = match bare {
            Some(bare) => host(bare),
            // Without a scheme only where it is no word of a sentence: `bit.ly/abc`.
            None if typed.contains('/') && !typed.contains('@') => host(&typed),
            None => continue,
        };
        let is_host =
            host.contains('.') && host.split('.').all(|part| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '-'));
        let named = host.split('.').next_back().is_some_and(|end| end.len() >= 2 && end.chars().all(|c| c.is_ascii_alphabetic()));
        if !is_host || !named || SHOWS.iter().any(|of| below(&host, of)) || pages.iter().any(|page| page.host == host) {
            continue;
        }
        let hides = HIDES.iter().any(|of| below(&host, of));
        pages.push(Page { host, hides });
    }
    pages
}

fn links(pages: &[Page]) -> Option<Sign> {
    let count = i16::try_from(pages.len()).unwrap_or(i16::MAX);
    let hidden = if pages.iter().any(|page| page.hides) { HIDDEN_LINK } else { 0 };
    let points = LINK.0.saturating_mul(count).min(LINK.1) + hidden;
    // Who reads the reasons sees where it leads without being led there.
    let found = pages.iter().take(3).map(|page| page.host.replace('.', "[.]")).collect();
    (count > 0).then_some(Sign { signal: Signal::Links, points, found })
}

/// Fewer letters may be an abbreviation.
const LEAST_LETTERS: usize = 10;
/// Consonants beside each other: `ngst` in *kingston* is four.
const MOST_CONSONANTS: usize = 6;
const KEYBOARD: &[&str] = &["asdf", "qwer", "zxcv", "hjkl", "fghj", "dfgh", "sdfg", "lkjh", "fdsa", "poiu"];

fn gibberish(words: &str) -> Option<Sign> {
    let typed = words.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().any(char::is_alphabetic));
    let typed: Vec<String> = typed.take(MOST_WORDS).map(str::to_lowercase).collect();
    let letters: usize = typed.iter().map(String::len).sum();
    let strange: Vec<&String> = typed.iter().filter(|word| is_strange(word)).collect();
    let of_strange: usize = strange.iter().map(|word| word.len()).sum();
    // Nearly all of it: a plate, a code or a slip of the hand stands in many a complaint.
    let all = letters >= LEAST_LETTERS && of_strange * 10 >= letters * 8;
    all.then(|| Sign {
        signal: Signal::Gibberish,
        points: GIBBERISH,
        found: strange.into_iter().take(3).map(|word| shortened(word)).collect(),
    })
}

fn shortened(word: &str) -> String {
    word.chars().take(20).collect()
}

fn is_strange(word: &str) -> bool {
    // Other scripts have other rules.
    if !word.is_ascii() || word.len() < 5 {
        return false;
    }
    let runs = word.split(|c: char| "aeiouy".contains(c) || c.is_ascii_digit());
    let longest = runs.map(str::len).max().unwrap_or(0);
    longest >= MOST_CONSONANTS || KEYBOARD.iter().any(|keys| word.contains(keys))
}

#[cfg(test)]
#[path = "spam_tests.rs"]
mod tests;
