//! What of a mail is new: quotations of earlier mails and signatures are cut for reading. Rules of thumb; what is cut is kept beside it.

use crate::html::QUOTE;

/// The longest signature, in lines; more behind `-- ` is text.
const LONGEST_SIGNATURE: usize = 15;
/// How far below `Dari:` the other lines of such a head stand.
const HEAD: usize = 6;
/// The line with which our own mails begin; what stands below it we wrote.
pub(crate) const MARKERS: [&str; 2] = ["Balas di atas baris ini", "Reply above this line"];

/// A mail's text in two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trimmed {
    /// What the person wrote this time.
    pub(crate) text: String,
    /// Whether words of others, or a signature, were left out.
    pub(crate) left_out: bool,
    /// Whether what was left out is only what we ourselves wrote.
    pub(crate) ours: bool,
}

/// Cuts quotations and signature off. `forwards`: the mail passes something on, so its quotation is what it is about.
pub(crate) fn trimmed(text: &str, forwards: bool) -> Trimmed {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let clean = |lines: &[&str]| -> String {
        let kept: Vec<&str> = lines.iter().copied().filter(|line| *line != QUOTE).collect();
        squeezed(&kept.join("\n"))
    };
    let whole = clean(&lines);
    let end = if forwards { lines.len() } else { start_of_quotation(&lines).unwrap_or(lines.len()) };
    let mut kept = &lines[..end];
    if !forwards {
        kept = without_trailing_quotation(kept);
    }
    let kept = without_signature(kept);
    let mut new = clean(kept);
    if new.is_empty() && !forwards {
        // Written below what it quotes, or quoting alone.
        let below = clean(without_signature(below_quotation(&lines)));
        new = if below.is_empty() { whole.clone() } else { below };
    }
    let ours = text.lines().any(is_marker);
    Trimmed { left_out: new != whole, text: new, ours }
}

fn is_marker(line: &str) -> bool {
    let line = line.trim_start_matches(['>', ' ', '-', '—', '#', '*']);
    MARKERS.iter().any(|marker| line.starts_with(marker))
}

/// The first line that is not the writer's own any more.
fn start_of_quotation(lines: &[&str]) -> Option<usize> {
    let found = (0..lines.len()).find(|&at| {
        let line = lines[at];
        line == QUOTE || is_marker(line) || is_divider(line) || is_head(lines, at) || attribution(lines, at)
    })?;
    // The line that says who wrote stands above where the program marked the quotation, or above our marker.
    let above = (found.saturating_sub(4)..found).find(|&at| attribution(lines, at));
    let rule = |at: usize| at > 0 && !lines[at - 1].is_empty() && lines[at - 1].chars().all(|c| matches!(c, '_' | '-' | '=' | '*'));
    let start = above.unwrap_or(found);
    Some(if rule(start) { start - 1 } else { start })
}

/// `-----Original Message-----` and its translations.
fn is_divider(line: &str) -> bool {
    let bare = line.trim_matches(|c: char| c == '-' || c.is_whitespace());
    let dashes = line.trim_start().starts_with("--") && line.ends_with("--");
    let known =
        ["original message", "pesan asli", "original-nachricht", "ursprüngliche nachricht", "mensaje original", "message d'origine"];
    dashes && known.contains(&bare.to_lowercase().as_str())
}

/// The lines that stand below `Dari:` in such a head.
const OTHERS: [&str; 15] = [
    "dikirim", "sent", "tanggal", "date", "kepada", "to", "perihal", "subjek", "subject", "cc", "untuk", "gesendet", "an", "betreff", "hal",
];

/// `Dari: … Dikirim: … Kepada: …`, as Outlook writes it.
fn is_head(lines: &[&str], at: usize) -> bool {
    let named = |line: &str, names: &[&str]| {
        let line = line.trim_start_matches(['*', ' ', '>']);
        line.split_once(':').is_some_and(|(name, _)| names.contains(&name.trim_matches(['*', ' ']).to_lowercase().as_str()))
    };
    let below = &lines[at + 1..lines.len().min(at + 1 + HEAD)];
    named(lines[at], &["dari", "from", "von", "de"]) && below.iter().filter(|line| named(line, &OTHERS)).count() >= 2
}

/// `Pada Sen, 2 Nov 2026 pukul 10.00 Budi <budi@…> menulis:`, over one to three lines.
fn attribution(lines: &[&str], at: usize) -> bool {
    let first = lines[at].trim_start_matches(['>', ' ']);
    let starts = ["pada ", "on ", "am ", "le ", "el ", "op ", "em ", "il ", "den "]
        .iter()
        .any(|word| first.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)));
    if !starts && !first.ends_with(':') {
        return false;
    }
    let ends = ["menulis:", "wrote:", "schrieb:", "a écrit :", "a écrit:", "escribió:", "schreef:", "escreveu:", "ha scritto:", "skrev:"];
    let mut joined = String::new();
    for line in lines.iter().skip(at).take(3) {
        let line = line.trim_start_matches(['>', ' ']);
        if line.is_empty() || joined.len() > 400 {
            return false;
        }
        joined.push_str(line);
        joined.push(' ');
        let told = joined.trim_end().to_lowercase();
        if ends.iter().any(|end| told.ends_with(end)) {
            // A date or an address: "On the other hand, she wrote:" is a sentence.
            let dated = told.chars().any(|c| c.is_ascii_digit()) || told.contains('@');
            return dated && (starts || told.contains('@') || told.contains('<'));
        }
        if !starts {
            return false;
        }
    }
    false
}

fn without_trailing_quotation<'a>(lines: &'a [&'a str]) -> &'a [&'a str] {
    let quoted = |line: &&str| line.starts_with('>') || line.is_empty();
    let tail = lines.iter().rev().take_while(|line| quoted(line)).count();
    let cut = &lines[..lines.len() - tail];
    if lines[cut.len()..].iter().any(|line| line.starts_with('>')) { cut } else { lines }
}

/// What stands below the last quoted line.
fn below_quotation<'a>(lines: &'a [&'a str]) -> &'a [&'a str] {
    lines.iter().rposition(|line| line.starts_with('>')).map_or(&[], |last| &lines[last + 1..])
}

fn without_signature<'a>(lines: &'a [&'a str]) -> &'a [&'a str] {
    let filled = |lines: &[&str]| lines.iter().filter(|line| !line.is_empty() && **line != QUOTE).count();
    let sign = lines.iter().position(|line| *line == "--").filter(|&at| filled(&lines[at + 1..]) <= LONGEST_SIGNATURE);
    let lines = sign.map_or(lines, |at| &lines[..at]);
    // "Sent from my …": at the end, with hardly anything below.
    let device = lines.iter().rposition(|line| is_device(line)).filter(|&at| filled(&lines[at + 1..]) <= 2);
    device.map_or(lines, |at| &lines[..at])
}

fn is_device(line: &str) -> bool {
    let line = line.trim_start_matches(['-', ' ', '*']).to_lowercase();
    let starts = [
        "dikirim dari ",
        "terkirim dari ",
        "sent from my ",
        "sent from mail for",
        "sent from yahoo",
        "sent from outlook",
        "sent via ",
        "get outlook for",
        "dapatkan outlook untuk",
        "unduh outlook untuk",
        "sent with ",
        "dikirim melalui ",
        "envoyé de mon",
        "von meinem iphone gesendet",
    ];
    line.len() < 120 && starts.iter().any(|start| line.starts_with(start))
}

/// No more than one empty line in a row, none at the ends.
fn squeezed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.lines().map(str::trim_end) {
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty < 2 {
            out.push_str(line);
            out.push('\n');
        }
    }
    out.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn new(text: &str) -> String {
        trimmed(text, false).text
    }

    #[test]
    fn each_programs_quotation_is_cut() {
        let quotations = [
            "Pada Sen, 2 Nov 2026 pukul 10.00 Warga <warga@example.id> menulis:\n> lama\n> sekali",
            "Pada tanggal Sen, 2 Nov 2026 10.00,\nPengaduan Kota <aduan@kota.example.id>\nmenulis:\n\nlama",
            "On Mon, Nov 2, 2026 at 10:00 AM Warga <warga@example.id> wrote:\n\n> lama",
            "On 2 Nov 2026, at 10:00, Warga <warga@example.id>\nwrote:\n\nlama",
            "-----Original Message-----\nFrom: Warga\nlama",
            "----- Pesan Asli -----\nDari: Warga\nlama",
            "________________________________\nDari: Warga <warga@example.id>\nDikirim: Senin, 02 November 2026 10.00\nKepada: Aduan\nPerihal: Jalan\n\nlama",
            "From: Warga <warga@example.id>\nSent: Monday, November 2, 2026 10:00 AM\nTo: Aduan\nSubject: Jalan\n\nlama",
            "*Dari:* Warga\n*Tanggal:* Senin\n*Kepada:* Aduan\n\nlama",
            "Warga <warga@example.id> schrieb:\n> lama",
            "-- Balas di atas baris ini --\nlama",
            "Pada Sen, 2 Nov 2026 aduan@kota.example.id menulis:\n> — Balas di atas baris ini —\n> lama",
            "\u{E000}\nPada Sen, 2 Nov 2026 Warga menulis:\nlama",
            "On Mon, Nov 2, 2026 Warga <warga@example.id> wrote:\n\u{E000}\nlama",
            "> lama\n> sekali\n",
        ];
        for quotation in quotations {
            let text = format!("Masih gelap sampai sekarang.\n\nTerima kasih\n\n{quotation}\n");
            let cut = trimmed(&text, false);
            assert_eq!(cut.text, "Masih gelap sampai sekarang.\n\nTerima kasih", "{quotation}");
            assert!(cut.left_out);
        }
    }

    #[test]
    fn signatures_are_cut() {
        for signature in
            ["--\nWarga\nJl. Melati 3", "-- \nWarga", "Dikirim dari iPhone saya", "Sent from my Galaxy", "Get Outlook for Android"]
        {
            assert_eq!(new(&format!("Lampu mati.\n\n{signature}\n")), "Lampu mati.", "{signature}");
        }
    }

    #[test]
    fn a_persons_own_words_stay() {
        for text in [
            "Pada hari Senin jalan itu rusak, kata tetangga:\nada lubang",
            "Dari: pasar\nlalu ke selatan",
            "Saya kutip:\n> peraturan pasal 3\nJadi mohon ditindak.",
            "On the other hand, she wrote: nothing",
            "Dari terminal ke pasar gelap.\n--lampu mati--",
            "sent from my house to yours, a letter\nand much more text\nthat goes on\nand on",
        ] {
            assert_eq!(new(text), text);
        }
    }

    #[test]
    fn what_is_written_below_its_quotation_is_found() {
        assert_eq!(new("On 2 Nov 2026 aduan@kota.example.id wrote:\n> Di sisi mana?\n\nSisi utara.\n"), "Sisi utara.");
        assert_eq!(new("> hanya kutipan"), "> hanya kutipan");
    }

    #[test]
    fn what_is_passed_on_is_kept_whole() {
        let text = "Mohon diteruskan.\n\n-----Original Message-----\nFrom: Warga\nSent: kemarin\nTo: saya\n\nJalan rusak";
        assert_eq!(trimmed(text, true), Trimmed { text: text.into(), left_out: false, ours: false });
    }

    #[test]
    fn our_own_words_are_known() {
        assert!(trimmed("ya\n\n> — Balas di atas baris ini —\n> Nomor: 1", false).ours);
        assert!(!trimmed("ya\n\n> Nomor: 1", false).ours);
    }

    proptest! {
        #[test]
        fn any_text_is_cut_without_panic_and_never_to_nothing(lines in prop::collection::vec("(>|--|Pada |On |wrote:|Dari:|Kepada:|Perihal:|\u{E000}|[a-z0-9@: ]{0,12}){0,3}", 0..20), forwards in any::<bool>()) {
            let text = lines.join("\n");
            let cut = trimmed(&text, forwards);
            let has_words = text.chars().any(char::is_alphanumeric);
            prop_assert!(!has_words || !cut.text.is_empty() || forwards, "{:?}", text);
        }
    }
}
