//! What a text message is made of: the GSM 7-bit default alphabet with its extension table (3GPP TS 23.038), UCS-2, and how many parts a
//! text takes (3GPP TS 23.040: 140 octets, six of them gone where parts are joined).

/// The default alphabet, by code. 0x1B is the escape to the extension table.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1b}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                     ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const EXTENDED: [(u8, char); 10] =
    [(0x0a, '\u{c}'), (0x14, '^'), (0x28, '{'), (0x29, '}'), (0x2f, '\\'), (0x3c, '['), (0x3d, '~'), (0x3e, ']'), (0x40, '|'), (0x65, '€')];
const ESCAPE: u8 = 0x1b;

/// Septets of a message that stands alone, and of one of several parts.
const SEPTETS: (usize, usize) = (160, 153);
/// The same in UTF-16 units.
const UNITS: (usize, usize) = (70, 67);

/// How a text travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Seven bits a character, two characters' room for those of the extension table.
    Gsm7,
    /// UTF-16, big end first.
    Ucs2,
}

/// How long a text is, as a network counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length {
    /// How it travels.
    pub coding: Coding,
    /// In how many messages.
    pub parts: usize,
}

/// The codes of a character: one, or two with the escape.
fn codes(c: char) -> Option<(Option<u8>, u8)> {
    if c == '\u{1b}' {
        return None;
    }
    if let Some((code, _)) = (0_u8..).zip(BASIC.chars()).find(|(_, basic)| *basic == c) {
        return Some((None, code));
    }
    EXTENDED.iter().find(|(_, extended)| *extended == c).map(|(code, _)| (Some(ESCAPE), *code))
}

/// The septets of a text, one a byte; `None` where a character has none.
pub fn encode(text: &str) -> Option<Vec<u8>> {
    let mut septets = Vec::with_capacity(text.len());
    for c in text.chars() {
        let (escape, code) = codes(c)?;
        septets.extend(escape);
        septets.push(code);
    }
    Some(septets)
}

/// Reads septets, one a byte. A code of the extension table that nobody has defined is shown as the basic character, as the standard says;
/// a byte that is no septet as U+FFFD.
pub fn decode(septets: &[u8]) -> String {
    let basic: Vec<char> = BASIC.chars().collect();
    let plain = |code: u8| basic.get(usize::from(code)).copied().unwrap_or(char::REPLACEMENT_CHARACTER);
    let mut text = String::with_capacity(septets.len());
    let mut rest = septets.iter().copied();
    while let Some(code) = rest.next() {
        if code != ESCAPE {
            text.push(plain(code));
            continue;
        }
        // An escape at the end announces nothing; two announce a table of a later standard, shown as a space.
        let Some(code) = rest.next() else { break };
        let extended = EXTENDED.iter().find(|(known, _)| *known == code).map(|(_, c)| *c);
        text.push(extended.unwrap_or(if code == ESCAPE { ' ' } else { plain(code) }));
    }
    text
}

/// Packs septets eight into seven octets, after `fill` empty bits (0 to 6: what brings text behind a header to a septet's boundary).
pub fn pack(septets: &[u8], fill: u8) -> Vec<u8> {
    let (mut octets, mut bits, mut held) = (Vec::with_capacity(septets.len()), u32::from(fill % 7), 0_u32);
    for septet in septets {
        held |= u32::from(septet & 0x7f) << bits;
        bits += 7;
        while bits >= 8 {
            octets.push((held & 0xff) as u8);
            held >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 {
        octets.push((held & 0xff) as u8);
    }
    octets
}

/// Unpacks octets, of which the first `fill` bits are empty. `count`: how many septets there are, where that is known; without it seven
/// zero bits at the very end are taken for filling, as they cannot be told from "@".
pub fn unpack(octets: &[u8], fill: u8, count: Option<usize>) -> Vec<u8> {
    let skip = u32::from(fill % 7);
    let mut septets = Vec::with_capacity(octets.len() * 8 / 7);
    let (mut held, mut bits, mut skipped) = (0_u32, 0_u32, skip == 0);
    for octet in octets {
        held |= u32::from(*octet) << bits;
        bits += 8;
        if !skipped {
            held >>= skip;
            bits -= skip;
            skipped = true;
        }
        while bits >= 7 {
            septets.push((held & 0x7f) as u8);
            held >>= 7;
            bits -= 7;
        }
    }
    match count {
        Some(count) => septets.truncate(count),
        None if bits == 0 && septets.last() == Some(&0) => _ = septets.pop(),
        None => {}
    }
    septets
}

/// The UTF-16 units of big-endian bytes; a byte too many at the end is left out.
pub fn units(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
}

/// The text as a telephone would have typed it: quotation marks, dashes, dots and spaces of word processors become those of the 7-bit
/// alphabet, what cannot be seen is left out. One curly quotation mark more than doubles the price of a message.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\u{2018}'..='\u{201b}' | '\u{2032}' | '\u{2035}' | '\u{b4}' | '\u{60}' => plain.push('\''),
            '\u{201c}'..='\u{201f}' | '\u{2033}' | '\u{2036}' | '\u{ab}' | '\u{bb}' => plain.push('"'),
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2022}' | '\u{b7}' => plain.push('-'),
            '\u{2026}' => plain.push_str("..."),
            '\u{2192}' => plain.push_str("->"),
            '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' | '\t' => plain.push(' '),
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{fe0e}' | '\u{fe0f}' => {}
            c if c.is_control() && c != '\n' => {}
            c => plain.push(c),
        }
    }
    plain
}

/// How a text travels, and in how many messages.
pub fn measure(text: &str) -> Length {
    let (coding, ends) = cut(text);
    Length { coding, parts: ends.len() }
}

/// The parts in which a text travels, in their order: as many as [`measure`] says.
pub fn split(text: &str) -> Vec<&str> {
    let mut begin = 0;
    let part = |end: usize| {
        let part = &text[begin..end];
        begin = end;
        part
    };
    cut(text).1.into_iter().map(part).collect()
}

/// How a text travels, and where each of its parts ends, in bytes.
fn cut(text: &str) -> (Coding, Vec<usize>) {
    let septets: Option<Vec<usize>> = text.chars().map(|c| codes(c).map(|(escape, _)| 1 + usize::from(escape.is_some()))).collect();
    match septets {
        Some(sizes) => (Coding::Gsm7, ends(text, &sizes, SEPTETS)),
        None => (Coding::Ucs2, ends(text, &text.chars().map(char::len_utf16).collect::<Vec<_>>(), UNITS)),
    }
}

/// No character is torn between two parts: neither an escape from what it announces, nor one half of a pair of units from the other.
fn ends(text: &str, sizes: &[usize], (alone, joined): (usize, usize)) -> Vec<usize> {
    if sizes.iter().sum::<usize>() <= alone {
        return vec![text.len()];
    }
    let (mut ends, mut used) = (Vec::new(), 0);
    for ((at, _), size) in text.char_indices().zip(sizes) {
        if used + size > joined {
            ends.push(at);
            used = 0;
        }
        used += size;
    }
    ends.push(text.len());
    ends
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_alphabet_is_the_standards() {
        assert_eq!(BASIC.chars().count(), 128);
        // Places that tables on the web get wrong.
        for (code, c) in
            [(0x00, '@'), (0x09, 'Ç'), (0x10, 'Δ'), (0x1c, 'Æ'), (0x24, '¤'), (0x40, '¡'), (0x5f, '§'), (0x60, '¿'), (0x7f, 'à')]
        {
            assert_eq!(decode(&[code]), c.to_string());
            assert_eq!(encode(&c.to_string()), Some(vec![code]));
        }
        assert_eq!(encode("€["), Some(vec![0x1b, 0x65, 0x1b, 0x3c]));
        assert_eq!(encode("ç`"), None);
    }

    #[test]
    fn the_standards_own_example_is_packed_as_it_says() {
        let packed = [0xe8, 0x32, 0x9b, 0xfd, 0x46, 0x97, 0xd9, 0xec, 0x37];
        assert_eq!(pack(&encode("hellohello").expect("plain"), 0), packed);
        assert_eq!(decode(&unpack(&packed, 0, Some(10))), "hellohello");
    }

    #[test]
    fn undefined_escapes_are_shown_as_the_standard_says() {
        assert_eq!(decode(&[0x1b, b'a', 0x1b, 0x1b, b'b', 0x1b]), "a b");
        assert_eq!(decode(&[0x80, 0xff]), "\u{fffd}\u{fffd}");
    }

    #[test]
    fn lengths_are_counted_as_networks_count_them() {
        let gsm = |parts| Length { coding: Coding::Gsm7, parts };
        let ucs = |parts| Length { coding: Coding::Ucs2, parts };
        assert_eq!(measure(""), gsm(1));
        assert_eq!(measure(&"a".repeat(160)), gsm(1));
        assert_eq!(measure(&"a".repeat(161)), gsm(2));
        assert_eq!(measure(&"a".repeat(306)), gsm(2));
        assert_eq!(measure(&"a".repeat(307)), gsm(3));
        assert_eq!(measure(&"€".repeat(80)), gsm(1));
        assert_eq!(measure(&"€".repeat(81)), gsm(2));
        assert_eq!(measure(&"€".repeat(153)), gsm(3), "76 to a part: an escape stays with its character");
        assert_eq!(measure(&"ч".repeat(70)), ucs(1));
        assert_eq!(measure(&"ч".repeat(71)), ucs(2));
        assert_eq!(measure(&"🌊".repeat(35)), ucs(1));
        assert_eq!(measure(&"🌊".repeat(67)), ucs(3), "33 to a part: a pair of units stays together");
    }

    #[test]
    fn what_word_processors_make_of_quotes_costs_nothing() {
        let typed = "\u{201c}Jalan rusak\u{201d} \u{2013} kata \u{2018}warga\u{2019}\u{2026}\u{a0}\u{2022} satu\u{200b}\u{fe0f}";
        assert_eq!(plain(typed), "\"Jalan rusak\" - kata 'warga'... - satu");
        assert_eq!(measure(&plain(typed)).coding, Coding::Gsm7);
        assert_eq!(plain("é 🌊 baris\r\ndua\ttiga"), "é 🌊 baris\ndua tiga");
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back(text in "[ -_a-zà-ü€{}\\[\\]~|^\\\\\n]{0,300}", fill in 0..7_u8) {
            if let Some(septets) = encode(&text) {
                prop_assert_eq!(&decode(&septets), &text);
                prop_assert_eq!(decode(&unpack(&pack(&septets, fill), fill, Some(septets.len()))), text);
            }
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), fill in any::<u8>(), count in proptest::option::of(0..500_usize)) {
            let _ = decode(&bytes);
            let septets = unpack(&bytes, fill, count);
            prop_assert!(septets.iter().all(|septet| *septet < 128));
            prop_assert_eq!(units(&bytes).len(), bytes.len() / 2);
        }

        #[test]
        fn a_plainer_text_never_takes_more_parts(text in "\\PC{0,400}") {
            prop_assert!(measure(&plain(&text)).parts <= measure(&text).parts.max(1) + text.matches(['…', '→']).count());
        }
    }
}
