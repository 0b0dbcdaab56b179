//! Long texts in pieces that a platform takes.

/// The text in pieces of at most `longest` UTF-16 units, the strictest reading of a platform's "characters"; nothing is left out but the white
/// space at the seams. Breaks between paragraphs, lines or words; inside a word only where the word itself is too long. `longest` is at least 2.
pub fn split(text: &str, longest: usize) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    while rest.chars().map(char::len_utf16).sum::<usize>() > longest {
        let end = fitting(rest, longest);
        let head = &rest[..end];
        let seam = ["\n\n", "\n", " "].iter().find_map(|seam| head.rfind(seam).filter(|at| *at > end / 2)).unwrap_or(end);
        parts.push(rest[..seam].trim_end().to_owned());
        rest = rest[seam..].trim_start();
    }
    parts.push(rest.to_owned());
    parts
}

/// Where the longest beginning that fits ends, in bytes.
fn fitting(text: &str, longest: usize) -> usize {
    let mut units = 0;
    text.char_indices()
        .find(|(_, c)| {
            units += c.len_utf16();
            units > longest
        })
        .map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LONGEST: usize = 4096;

    #[test]
    fn a_short_text_is_one_message() {
        assert_eq!(split("Terima kasih.", LONGEST), ["Terima kasih."]);
    }

    #[test]
    fn a_long_text_breaks_between_paragraphs() {
        let paragraph = "Petugas sudah ke lokasi. ".repeat(100);
        let text = format!("{paragraph}\n\n{paragraph}");
        assert_eq!(split(&text, LONGEST), [paragraph.trim(), paragraph.trim()]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_everything_fits(words in prop::collection::vec("[a-zé😀]{1,600}", 1..60)) {
            let text = words.join(" ");
            let parts = split(&text, LONGEST);
            for part in &parts {
                prop_assert!(part.encode_utf16().count() <= LONGEST && !part.is_empty());
            }
            let bare = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(bare(&parts.concat()), bare(&text));
        }
    }
}
