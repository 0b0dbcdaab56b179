//! What is left of letters when a program named the wrong alphabet.

/// The characters of 0x80 to 0x9F in Windows' Western alphabet, which is often called ISO 8859-1.
const WINDOWS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–',
    '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// The character that Windows means by a number of 0x80 to 0x9F.
pub(crate) fn windows_1252(code: u32) -> Option<char> {
    let place = usize::try_from(code.checked_sub(0x80)?).ok()?;
    WINDOWS.get(place).copied()
}

/// Mends a text that was read as Western although it was UTF-8 (`kafÃ©`), and control characters that were Windows' quotation marks.
pub(crate) fn mended(text: String) -> String {
    if text.is_ascii() {
        return text;
    }
    if let Some(bytes) = text.chars().map(western).collect::<Option<Vec<u8>>>()
        && let Ok(utf8) = String::from_utf8(bytes)
    {
        return utf8;
    }
    if text.chars().any(|c| matches!(c, '\u{80}'..='\u{9f}')) {
        return text.chars().map(|c| windows_1252(c.into()).unwrap_or(c)).collect();
    }
    text
}

/// The byte that stands for this character in Windows' Western alphabet.
fn western(c: char) -> Option<u8> {
    match u8::try_from(u32::from(c)) {
        Ok(byte) => Some(byte),
        Err(_) => u8::try_from(WINDOWS.iter().position(|&known| known == c)?).ok().map(|place| place + 0x80),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf8_under_a_wrong_name_is_mended() {
        let wrong: String = "kafé “tutup” – 💧".bytes().map(|byte| windows_1252(byte.into()).unwrap_or(char::from(byte))).collect();
        assert_eq!(mended(wrong), "kafé “tutup” – 💧");
        assert_eq!(mended("\u{93}tutup\u{94}".into()), "“tutup”");
    }

    #[test]
    fn what_is_right_stays_as_it_is() {
        for right in ["kafé", "Jalan rusak", "дорога", "道路", "naïve – “ya”"] {
            assert_eq!(mended(right.to_owned()), right);
        }
    }
}
