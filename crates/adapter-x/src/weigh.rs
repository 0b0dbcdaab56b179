//! How long a post is by X's count, and how a longer text is split.
//!
//! The rules are those of twitter-text, configuration 3: most scripts weigh one a character, everything else two, a link 23, and a post
//! 280. Where this count and X's differ, ours is the heavier one, so that what fits here fits there: X joins the parts of an emoji and
//! composes characters (NFC) before it counts, here every code point counts.

/// The heaviest post.
pub(crate) const HEAVIEST_POST: usize = 280;
/// The longest direct message, in characters.
pub(crate) const LONGEST_DIRECT: usize = 10_000;
/// Every link is replaced by one of this length.
const LINK: usize = 23;

/// How a text is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    /// As a post.
    Post,
    /// As a direct message.
    Direct,
}

impl Count {
    fn most(self) -> usize {
        match self {
            Self::Post => HEAVIEST_POST,
            Self::Direct => LONGEST_DIRECT,
        }
    }

    fn of(self, text: &str) -> usize {
        match self {
            Self::Post => weight(text),
            Self::Direct => text.chars().count(),
        }
    }
}

/// What a text weighs as a post.
pub(crate) fn weight(text: &str) -> usize {
    let spaces = text.chars().filter(|c| c.is_whitespace()).map(of_char).sum::<usize>();
    spaces + text.split_whitespace().map(of_word).sum::<usize>()
}

fn of_char(c: char) -> usize {
    match u32::from(c) {
        0..=4351 | 8192..=8205 | 8208..=8223 | 8242..=8247 => 1,
        _ => 2,
    }
}

fn plain(text: &str) -> usize {
    text.chars().map(of_char).sum()
}

/// A word, which may hold a link: with a scheme certainly, without one perhaps.
fn of_word(word: &str) -> usize {
    if let Some(at) = scheme_in(word) {
        // A link ends at the latest with the word; what is no part of it is counted besides.
        let (before, link) = word.split_at(at);
        let after = link.find(|c: char| !c.is_ascii() || ",;!?\"'()<>[]{}".contains(c)).map_or("", |end| &link[end..]);
        return plain(before) + LINK + plain(after);
    }
    if may_be_a_link(word) { plain(word).max(LINK + plain(word) - longest_name(word)) } else { plain(word) }
}

/// Where a link with a scheme begins.
fn scheme_in(word: &str) -> Option<usize> {
    let lower = word.to_ascii_lowercase();
    [lower.find("http://"), lower.find("https://")].into_iter().flatten().min()
}

/// `contoh.id` is made a link too: letters, a dot, letters.
fn may_be_a_link(word: &str) -> bool {
    let letters: Vec<char> = word.chars().collect();
    letters.windows(3).any(|three| three[1] == '.' && three[0].is_alphanumeric() && three[2].is_alphabetic())
}

/// What the characters of the word that could be part of such a link weigh: the rest counts besides it.
fn longest_name(word: &str) -> usize {
    word.chars().filter(|c| c.is_ascii_alphanumeric() || ".-/_".contains(*c)).count()
}

/// The text in parts that X takes, in order, nothing left out but the white space at the seams. Breaks between words; inside a word only
/// where the word alone is too long.
pub(crate) fn parts(text: &str, count: Count) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut part = String::new();
    let mut space = String::new();
    for word in words(text.trim()) {
        if word.starts_with(char::is_whitespace) {
            word.clone_into(&mut space);
            continue;
        }
        if !part.is_empty() && count.of(&part) + count.of(&space) + count.of(word) <= count.most() {
            part.push_str(&space);
            part.push_str(word);
            continue;
        }
        if !part.is_empty() {
            parts.push(std::mem::take(&mut part));
        }
        let mut pieces = pieces(word, count);
        part = pieces.pop().unwrap_or_default();
        parts.append(&mut pieces);
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// Runs of white space and runs of everything else, in turn.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c: char| c.is_whitespace() != first.is_whitespace()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        words.push(word);
        rest = after;
    }
    words
}

/// A word that fits stays whole.
fn pieces(word: &str, count: Count) -> Vec<String> {
    if count.of(word) <= count.most() {
        return vec![word.to_owned()];
    }
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for c in word.chars() {
        // As a link some of it weighs more than its characters: room is left for that.
        let weight = of_char(c);
        if used + weight > count.most() - LINK {
            pieces.push(String::new());
            used = 0;
        }
        used += weight;
        if let Some(piece) = pieces.last_mut() {
            piece.push(c);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn characters_weigh_as_the_platform_says() {
        for (text, expected) in [
            ("", 0),
            ("Terima kasih.", 13),
            ("é ü ñ", 5),
            ("日本", 4),
            ("🌊", 2),
            ("“kutip”", 7),
            ("a\nb", 3),
            ("lihat https://lapor.example.id/t/AAAAAAAAAAAAAAAAAAAAAA", 6 + 23),
            ("https://a.id", 23),
            ("(https://a.id)", 1 + 23 + 1),
            ("HTTPS://A.ID https://b.id", 23 + 1 + 23),
            ("contoh.id", 23),
            ("pukul 12.30", 11),
            ("7KQ2-M4XT-9PCH", 14),
        ] {
            assert_eq!(weight(text), expected, "{text}");
        }
    }

    #[test]
    fn what_weighs_exactly_280_is_one_post_and_one_more_is_two() {
        let fits = "a".repeat(279) + "b";
        assert_eq!(parts(&fits, Count::Post), std::slice::from_ref(&fits));
        let more = format!("{fits} c");
        assert_eq!(parts(&more, Count::Post).len(), 2);
        let long_link = format!("https://contoh.example.id/{}", "a".repeat(400));
        assert_eq!(parts(&long_link, Count::Post), [long_link], "a link weighs 23, however long it is");
    }

    #[test]
    fn a_text_breaks_between_words_and_keeps_its_lines() {
        let line = "Petugas sudah ke lokasi dan menambal lubang.";
        let text = [line; 12].join("\n");
        let parts = parts(&text, Count::Post);
        assert!(parts.len() >= 2 && parts.iter().all(|part| weight(part) <= HEAVIEST_POST), "{parts:?}");
        assert_eq!(parts.join("\n").split_whitespace().collect::<Vec<_>>(), text.split_whitespace().collect::<Vec<_>>());
        assert!(parts[0].contains(".\nPetugas"));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_every_part_fits(words in prop::collection::vec("(https://[a-z]{1,9}\\.id/|[a-z]{1,4}\\.)?[a-zé日😀.-]{0,400}", 0..20)) {
            let text = words.join(" ");
            for count in [Count::Post, Count::Direct] {
                let parts = parts(&text, count);
                for part in &parts {
                    prop_assert!(count.of(part) <= count.most() && !part.is_empty(), "{} in {:?}", count.of(part), part);
                }
                let bare = |text: &str| text.split_whitespace().collect::<String>();
                prop_assert_eq!(bare(&parts.concat()), bare(&text));
            }
        }

        #[test]
        fn any_text_has_a_weight_between_one_and_twenty_three_times_its_characters(text in any::<String>()) {
            let weight = weight(&text);
            prop_assert!(weight <= 23 * text.chars().count());
            prop_assert_eq!(weight == 0, text.is_empty());
        }
    }
}
