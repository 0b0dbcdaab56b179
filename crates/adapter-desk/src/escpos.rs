//! A slip in the language of receipt printers (ESC/POS). Printers know no UTF-8 and each its own code page, so only letters that every
//! code page has are sent; what a name or a label holds besides cannot become a command.

use serde::Deserialize;

use crate::slip::SlipFacts;

/// The width of the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(crate) enum Roll {
    /// 80 mm: 576 dots, 48 letters.
    #[default]
    #[serde(rename = "80")]
    Wide,
    /// 58 mm: 384 dots, 32 letters.
    #[serde(rename = "58")]
    Narrow,
}

impl Roll {
    fn letters(self) -> usize {
        match self {
            Self::Wide => 48,
            Self::Narrow => 32,
        }
    }

    fn dots(self) -> usize {
        match self {
            Self::Wide => 576,
            Self::Narrow => 384,
        }
    }
}

/// How the printer draws the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Code {
    /// By its own command.
    #[default]
    Native,
    /// As a picture: for printers that do not know that command.
    Raster,
    /// Not at all.
    None,
}

const ESC: u8 = 0x1b;
const GS: u8 = 0x1d;
/// No line of a slip is longer, whatever the directory says.
const MOST_LETTERS: usize = 1_000;
/// As much of the paper's width as a code takes, in per cent: a larger one is read no better.
const CODE_WIDTH: usize = 55;

/// A whole slip: from resetting the printer to cutting the paper.
pub(crate) fn slip(slip: &SlipFacts, roll: Roll, code: Code, cut: bool) -> Vec<u8> {
    let mut paper = Paper::new(roll);
    paper.center();
    paper.bold(true);
    paper.text(&slip.site);
    paper.bold(false);
    paper.text(slip.t("slip.head"));
    paper.space();
    paper.text(slip.t("slip.number"));
    paper.large(&slip.reference);
    paper.space();
    if slip.link.is_empty() {
        paper.text(slip.t("slip.no_link"));
    } else {
        paper.text(slip.t("slip.scan"));
        paper.code(&slip.link, code);
        paper.unbroken(&slip.link);
    }
    paper.left();
    paper.rule();
    let facts = [
        ("slip.office", &slip.office),
        ("slip.time", &slip.time),
        ("slip.category", &slip.category),
        ("slip.agency", &slip.agency),
        ("slip.until", &slip.deadline),
        ("slip.hours", &slip.hours),
    ];
    for (key, value) in facts.into_iter().filter(|(_, value)| !value.is_empty()) {
        paper.text(&format!("{}: {value}", slip.t(key)));
    }
    paper.rule();
    for words in slip.closing() {
        paper.text(words);
        paper.space();
    }
    paper.end(cut)
}

/// A queue ticket.
pub(crate) fn ticket(site: &str, office: &str, title: &str, number: &str, time: &str, roll: Roll, cut: bool) -> Vec<u8> {
    let mut paper = Paper::new(roll);
    paper.center();
    paper.bold(true);
    paper.text(site);
    paper.bold(false);
    paper.text(office);
    paper.space();
    paper.text(title);
    paper.huge(number);
    paper.space();
    paper.text(time);
    paper.end(cut)
}

struct Paper {
    roll: Roll,
    bytes: Vec<u8>,
}

impl Paper {
    /// Initialized, and with the code page that every printer has.
    fn new(roll: Roll) -> Self {
        Self { roll, bytes: vec![ESC, b'@', ESC, b't', 0] }
    }

    fn center(&mut self) {
        self.bytes.extend([ESC, b'a', 1]);
    }

    fn left(&mut self) {
        self.bytes.extend([ESC, b'a', 0]);
    }

    fn bold(&mut self, on: bool) {
        self.bytes.extend([ESC, b'E', u8::from(on)]);
    }

    fn space(&mut self) {
        self.bytes.push(b'\n');
    }

    fn rule(&mut self) {
        self.bytes.extend(std::iter::repeat_n(b'-', self.roll.letters()));
        self.space();
    }

    /// Broken at spaces, so that no word is torn by the printer.
    fn text(&mut self, text: &str) {
        for line in wrapped(&plain(text), self.roll.letters()) {
            self.bytes.extend(line.bytes());
            self.space();
        }
    }

    /// A link: the printer breaks it where the paper ends, with nothing between.
    fn unbroken(&mut self, text: &str) {
        let text = plain(text);
        self.bytes.extend(text.bytes().filter(|byte| *byte != b' '));
        self.space();
    }

    /// Double height, and double width where it fits.
    fn large(&mut self, text: &str) {
        let text = plain(text);
        let wide = text.len() * 2 <= self.roll.letters();
        self.sized(&text, (u8::from(wide) << 4) | 1);
    }

    fn huge(&mut self, text: &str) {
        self.sized(&plain(text), 0x33);
    }

    fn sized(&mut self, text: &str, size: u8) {
        self.bytes.extend([GS, b'!', size]);
        self.bold(true);
        self.bytes.extend(text.bytes());
        self.space();
        self.bold(false);
        self.bytes.extend([GS, b'!', 0]);
    }

    fn code(&mut self, link: &str, code: Code) {
        let Some(modules) = ui::qr_modules(link) else { return };
        let dots = self.roll.dots() * CODE_WIDTH / 100;
        let size = (dots / modules.len()).clamp(3, 12);
        match code {
            Code::Native => self.native(link, size),
            Code::Raster => self.raster(&modules, size),
            Code::None => {}
        }
    }

    /// `GS ( k`: model 2, size of a module, error level M, the data, print.
    fn native(&mut self, link: &str, size: usize) {
        let size = u8::try_from(size).unwrap_or(6);
        self.function(&[0x31, 0x41, 0x32, 0x00]);
        self.function(&[0x31, 0x43, size]);
        self.function(&[0x31, 0x45, 0x31]);
        self.function(&[&[0x31, 0x50, 0x30], link.as_bytes()].concat());
        self.function(&[0x31, 0x51, 0x30]);
        self.space();
    }

    fn function(&mut self, parameters: &[u8]) {
        let length = u16::try_from(parameters.len()).unwrap_or(0).to_le_bytes();
        self.bytes.extend([GS, b'(', b'k', length[0], length[1]]);
        self.bytes.extend(parameters);
    }

    /// `GS v 0`: a picture of dots, eight in a byte, with the white around it that readers need.
    fn raster(&mut self, modules: &[Vec<bool>], size: usize) {
        const QUIET: usize = 4;
        let dots = (modules.len() + 2 * QUIET) * size;
        let row = dots.div_ceil(8);
        let dark = |at: usize, of: usize| -> bool {
            let module = |dot: usize| (dot / size).checked_sub(QUIET);
            module(of).and_then(|y| modules.get(y)?.get(module(at)?)).copied().unwrap_or(false)
        };
        let [row_low, row_high] = u16::try_from(row).unwrap_or(0).to_le_bytes();
        let [low, high] = u16::try_from(dots).unwrap_or(0).to_le_bytes();
        self.bytes.extend([GS, b'v', b'0', 0, row_low, row_high, low, high]);
        for y in 0..dots {
            for byte in 0..row {
                let bits = (0..8).fold(0, |bits, bit| (bits << 1) | u8::from(dark(byte * 8 + bit, y)));
                self.bytes.push(bits);
            }
        }
        self.space();
    }

    /// Fed past the knife, and cut.
    fn end(mut self, cut: bool) -> Vec<u8> {
        self.bytes.extend([ESC, b'd', 4]);
        if cut {
            self.bytes.extend([GS, b'V', 66, 0]);
        }
        self.bytes
    }
}

/// Letters that every code page has. Marks are left off, dashes and quotes become plain ones, what is left over is a question mark;
/// control characters, with which commands begin, become spaces.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().take(MOST_LETTERS) {
        match c {
            ' '..='~' => out.push(c),
            '–' | '—' | '‐' | '‑' | '−' => out.push('-'),
            '‘' | '’' | '‚' => out.push('\''),
            '“' | '”' | '„' | '«' | '»' => out.push('"'),
            '…' => out.push_str("..."),
            'À'..='Å' | 'Ā' | 'Ă' => out.push('A'),
            'à'..='å' | 'ā' | 'ă' => out.push('a'),
            'È'..='Ë' | 'Ē' => out.push('E'),
            'è'..='ë' | 'ē' => out.push('e'),
            'Ì'..='Ï' | 'Ī' => out.push('I'),
            'ì'..='ï' | 'ī' => out.push('i'),
            'Ò'..='Ö' | 'Ø' | 'Ō' => out.push('O'),
            'ò'..='ö' | 'ø' | 'ō' => out.push('o'),
            'Ù'..='Ü' | 'Ū' => out.push('U'),
            'ù'..='ü' | 'ū' => out.push('u'),
            'Ç' => out.push('C'),
            'ç' => out.push('c'),
            'Ñ' => out.push('N'),
            'ñ' => out.push('n'),
            '\u{200b}'..='\u{200f}' | '\u{300}'..='\u{36f}' => {}
            c if c.is_control() || c.is_whitespace() => out.push(' '),
            _ => out.push('?'),
        }
    }
    out
}

/// Lines of at most `most` letters; a word that is longer is broken. The text is ASCII.
fn wrapped(text: &str, most: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let mut word = word;
        if !line.is_empty() && line.len() + 1 + word.len() > most {
            lines.push(std::mem::take(&mut line));
        }
        while word.len() > most {
            let (start, rest) = word.split_at(most);
            lines.push(start.to_owned());
            word = rest;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use adapter_sdk::Language;
    use proptest::prelude::*;

    use super::*;
    use crate::escpos::reading::{Part, read};

    fn facts(language: Language) -> SlipFacts {
        SlipFacts {
            words: crate::pages::words(language),
            site: "Kota Contoh".into(),
            office: "Kelurahan Melati".into(),
            hours: "Senin–Kamis 07.30–16.00".into(),
            reference: "7KQ2-M4XT-9PCH".into(),
            link: "https://lapor.example.id/t/AAAAAAAAAAAAAAAAAAAAAA".into(),
            time: "20 November 2026 pukul 10.02 WIB".into(),
            category: "Jalan rusak".into(),
            limit: "Laporan diteruskan paling lambat 3 hari kerja.".into(),
            agency: String::new(),
            deadline: String::new(),
            by: String::new(),
            blank: false,
        }
    }

    #[test]
    fn a_slip_says_on_the_printer_what_it_says_on_the_screen() {
        for roll in [Roll::Wide, Roll::Narrow] {
            let parts = read(&slip(&facts(Language::Id), roll, Code::Native, true));
            let text = parts.iter().filter_map(Part::text).collect::<Vec<_>>().join("\n");
            let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for words in [
                "Kota Contoh",
                "Tanda terima laporan",
                "7KQ2-M4XT-9PCH",
                "Kelurahan Melati",
                "20 November 2026",
                "Senin-Kamis",
                "telepon 112",
            ] {
                assert!(flat.contains(words), "{words} in {text}");
            }
            assert!(text.lines().all(|line| line.len() <= roll.letters() || line.starts_with("https")), "{text}");
            assert_eq!(parts.last(), Some(&Part::Cut));
            assert!(
                parts.contains(&Part::Code { link: facts(Language::Id).link, size: if roll == Roll::Wide { 9 } else { 6 } }),
                "{parts:?}"
            );
        }
    }

    #[test]
    fn the_number_is_large_and_fits_the_paper() {
        for (roll, size) in [(Roll::Wide, 0x11), (Roll::Narrow, 0x11)] {
            let bytes = slip(&facts(Language::Id), roll, Code::None, false);
            let at = bytes.windows(3).position(|window| window == [GS, b'!', size]).expect("sized");
            assert!(bytes[at..].windows(14).any(|window| window == b"7KQ2-M4XT-9PCH"));
        }
    }

    #[test]
    fn a_code_as_a_picture_is_the_code_itself() {
        let parts = read(&slip(&facts(Language::Id), Roll::Narrow, Code::Raster, false));
        let (width, rows) = parts
            .iter()
            .find_map(|part| if let Part::Picture { width, rows } = part { Some((*width, rows)) } else { None })
            .expect("a picture");
        let modules = ui::qr_modules(&facts(Language::Id).link).expect("a code");
        assert!(width <= Roll::Narrow.dots(), "{width} dots on {}", Roll::Narrow.dots());
        let size = rows.len() / (modules.len() + 8);
        for (y, row) in modules.iter().enumerate() {
            for (x, dark) in row.iter().enumerate() {
                let (column, line) = ((x + 4) * size + size / 2, (y + 4) * size + size / 2);
                assert_eq!((rows[line][column / 8] >> (7 - column % 8)) & 1 == 1, *dark, "{x},{y}");
            }
        }
    }

    #[test]
    fn marks_are_left_off_and_commands_cannot_be_smuggled_in() {
        assert_eq!(plain("Désa Çoblong – “Loket”… Ñ 漢"), "Desa Coblong - \"Loket\"... N ?");
        assert_eq!(plain("a\x1b@b\x1dV\0c\nd"), "a @b V c d");
        assert_eq!(plain(&"x".repeat(5_000)).len(), MOST_LETTERS);
    }

    proptest! {
        #[test]
        fn whatever_an_office_is_called_the_printer_gets_the_same_commands(office in ".{0,200}", site in ".{0,80}", category in ".{0,80}") {
            let wild = SlipFacts { office, site, category: format!("x{category}"), ..facts(Language::En) };
            let commands = |facts: &SlipFacts| read(&slip(facts, Roll::Narrow, Code::Native, true)).into_iter().filter(|part| part.text().is_none()).collect::<Vec<_>>();
            prop_assert_eq!(commands(&wild), commands(&facts(Language::En)));
        }

        #[test]
        fn no_line_is_wider_than_the_paper_and_no_letter_is_lost(text in "[ -~]{0,300}", most in 1usize..60) {
            let lines = wrapped(&text, most);
            prop_assert!(lines.iter().all(|line| line.len() <= most));
            let letters = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }
    }
}

#[cfg(test)]
pub(crate) mod reading {
    //! Reads what a printer would get, written from the commands' published descriptions and not from the code above.

    /// What a printer does.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) enum Part {
        Text(String),
        Style(Vec<u8>),
        Code { link: String, size: u8 },
        Picture { width: usize, rows: Vec<Vec<u8>> },
        Cut,
    }

    impl Part {
        pub(crate) fn text(&self) -> Option<&str> {
            if let Self::Text(text) = self { Some(text) } else { None }
        }
    }

    /// Panics at what no printer knows.
    pub(crate) fn read(bytes: &[u8]) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        let (mut target, mut size) = (String::new(), 0);
        let mut rest = bytes;
        let mut line = Vec::new();
        while let Some((first, after)) = rest.split_first() {
            let taken = match (first, after) {
                (b'\n', _) => {
                    parts.push(Part::Text(String::from_utf8(std::mem::take(&mut line)).expect("ASCII")));
                    1
                }
                (0x1b, [b'@', ..]) => 2,
                (0x1b, [b't' | b'a' | b'E' | b'd', _, ..]) | (0x1d, [b'!', _, ..]) => {
                    parts.push(Part::Style(rest[..3].to_vec()));
                    3
                }
                (0x1d, [b'V', 66, 0, ..]) => {
                    parts.push(Part::Cut);
                    4
                }
                (0x1d, [b'(', b'k', low, high, parameters @ ..]) => {
                    let length = usize::from(*low) + 256 * usize::from(*high);
                    match &parameters[..length] {
                        [0x31, 0x41, 0x32, 0] | [0x31, 0x45, 0x31] => {}
                        [0x31, 0x43, n] => size = *n,
                        [0x31, 0x50, 0x30, data @ ..] => target = String::from_utf8(data.to_vec()).expect("a link"),
                        [0x31, 0x51, 0x30] => parts.push(Part::Code { link: target.clone(), size }),
                        other => panic!("an unknown function {other:?}"),
                    }
                    5 + length
                }
                (0x1d, [b'v', b'0', 0, row_low, row_high, low, high, dots @ ..]) => {
                    let row = usize::from(*row_low) + 256 * usize::from(*row_high);
                    let rows = usize::from(*low) + 256 * usize::from(*high);
                    parts.push(Part::Picture { width: row * 8, rows: dots[..row * rows].chunks(row).map(<[u8]>::to_vec).collect() });
                    8 + row * rows
                }
                (letter @ b' '..=b'~', _) => {
                    line.push(*letter);
                    1
                }
                (byte, after) => panic!("an unknown command {byte:#x} {:?}", &after[..after.len().min(3)]),
            };
            rest = &rest[taken..];
        }
        assert!(line.is_empty(), "the last line is not ended");
        parts
    }
}
