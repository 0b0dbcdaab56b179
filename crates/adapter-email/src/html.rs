//! HTML as a person would read it aloud: paragraphs, lists, and where links lead. One pass, no recursion, bounded.

use std::borrow::Cow;

/// Stands alone on a line where a mail program began to quote. A character for private use: no citizen's text has it.
pub(crate) const QUOTE: &str = "\u{E000}";
/// More HTML than a person writes: the rest is left out.
const MOST: usize = 4 << 20;
/// The longest address of a link that is shown.
const LONGEST_LINK: usize = 300;

/// The text of a page.
pub(crate) fn text(html: &str) -> String {
    let html = &html[..html.floor_char_boundary(MOST)];
    let mut page = Page::default();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        page.words(&rest[..at]);
        let Some((tag, after)) = tag(&rest[at..]) else {
            page.words("<");
            rest = &rest[at + 1..];
            continue;
        };
        rest = after;
        page.tag(&tag);
        // What scripts and styles hold is no text, whatever it looks like.
        if matches!(tag.name.as_str(), "script" | "style") && !tag.closes {
            rest = behind(rest, &tag.name);
        }
    }
    page.words(rest);
    page.done()
}

/// One tag, a comment included.
struct Tag<'a> {
    name: String,
    closes: bool,
    attributes: &'a str,
}

/// Reads the tag at the start; `None` when the `<` begins none.
fn tag(html: &str) -> Option<(Tag<'_>, &str)> {
    let inner = &html[1..];
    if let Some(comment) = inner.strip_prefix("!--") {
        let after = comment.find("-->").map_or("", |end| &comment[end + 3..]);
        return Some((Tag { name: String::new(), closes: false, attributes: "" }, after));
    }
    let closes = inner.starts_with('/');
    let inner = inner.strip_prefix('/').unwrap_or(inner);
    if !inner.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '!' | '?')) {
        return None;
    }
    let end = end_of_tag(inner).unwrap_or(inner.len());
    let (tag, after) = (&inner[..end], inner.get(end + 1..).unwrap_or_default());
    let name_end = tag.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, ':' | '-')).unwrap_or(tag.len());
    Some((Tag { name: tag[..name_end].to_ascii_lowercase(), closes, attributes: &tag[name_end..] }, after))
}

/// Where the `>` is that is in no quotation; a quotation that never ends does not hold it up.
fn end_of_tag(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            // A `<` inside a quotation of this length: somebody forgot to end it.
            (Some(_), b'<') if at > 4096 => break,
            _ => {}
        }
    }
    tag.find('>')
}

/// What follows the closing tag of that name.
fn behind<'a>(html: &'a str, name: &str) -> &'a str {
    let mut from = 0;
    while let Some(at) = html[from..].find("</") {
        let start = from + at + 2;
        let is_it = html.as_bytes().get(start..start + name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()));
        if is_it {
            return html[start..].find('>').map_or("", |end| &html[start + end + 1..]);
        }
        from = start;
    }
    ""
}

impl Tag<'_> {
    /// The value of an attribute, decoded.
    fn attribute(&self, wanted: &str) -> Option<String> {
        let mut rest = self.attributes;
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
            if rest.is_empty() {
                return None;
            }
            let end = rest.find(|c: char| c.is_whitespace() || c == '=' || c == '/').unwrap_or(rest.len());
            let name = &rest[..end.max(1).min(rest.len())];
            rest = rest.get(name.len()..).unwrap_or_default().trim_start();
            let Some(after) = rest.strip_prefix('=') else {
                if name.eq_ignore_ascii_case(wanted) {
                    return Some(String::new());
                }
                continue;
            };
            let after = after.trim_start();
            let (value, next) = match after.chars().next() {
                Some(quote @ ('"' | '\'')) => after[1..].split_once(quote).unwrap_or((&after[1..], "")),
                _ => after.split_at(after.find(char::is_whitespace).unwrap_or(after.len())),
            };
            if name.eq_ignore_ascii_case(wanted) {
                return Some(decoded(value).into_owned());
            }
            rest = next;
        }
    }

    /// Whether a mail program begins to quote here.
    fn quotes(&self) -> bool {
        let class = || self.attribute("class").unwrap_or_default().to_lowercase();
        let id = || self.attribute("id").unwrap_or_default().to_lowercase();
        match self.name.as_str() {
            "blockquote" => self.attribute("type").is_some_and(|kind| kind.eq_ignore_ascii_case("cite")) || class().contains("gmail_quote"),
            "div" => {
                ["gmail_quote", "yahoo_quoted", "moz-cite-prefix", "protonmail_quote", "zmail_extra"]
                    .iter()
                    .any(|name| class().contains(name))
                    || matches!(id().as_str(), "appendonsend" | "divrplyfwdmsg" | "mail-editor-reference-message-container")
            }
            _ => false,
        }
    }

    fn is_hidden(&self) -> bool {
        !self.attributes.is_empty()
            && self.attribute("style").is_some_and(|style| style.to_lowercase().replace(' ', "").contains("display:none"))
    }
}

/// Elements that end by themselves.
const EMPTY: [&str; 14] = ["br", "img", "hr", "input", "meta", "link", "col", "area", "base", "wbr", "embed", "source", "track", "param"];

/// The text so far.
#[derive(Default)]
struct Page {
    text: String,
    /// An open link: where it leads, and where its words begin.
    link: Option<(String, usize)>,
    /// Inside an element that is not shown: its name, and how many of that name are open.
    skips: Option<(String, usize)>,
    /// Spaces and line breaks count.
    pre: usize,
    /// A space is due before the next word.
    space: bool,
}

impl Page {
    fn words(&mut self, words: &str) {
        if self.skips.is_some() || words.is_empty() {
            return;
        }
        let words = decoded(words);
        if self.pre > 0 {
            self.text.push_str(&words.replace(QUOTE, ""));
            return;
        }
        for c in words.chars() {
            if c.is_whitespace() && c != '\u{a0}' {
                self.space = true;
            } else if c != '\u{E000}' && !matches!(c, '\u{200b}'..='\u{200d}' | '\u{feff}' | '\u{ad}' | '\u{34f}') {
                if std::mem::take(&mut self.space) && !self.text.is_empty() && !self.text.ends_with('\n') {
                    self.text.push(' ');
                }
                self.text.push(if c == '\u{a0}' { ' ' } else { c });
            }
        }
    }

    fn tag(&mut self, tag: &Tag<'_>) {
        if let Some((name, depth)) = &mut self.skips {
            if *name == tag.name {
                *depth = if tag.closes { *depth - 1 } else { *depth + 1 };
                if *depth == 0 {
                    self.skips = None;
                }
            }
            return;
        }
        let ends_by_itself = EMPTY.contains(&tag.name.as_str());
        let unseen = matches!(tag.name.as_str(), "title" | "template" | "noscript") || (tag.is_hidden() && !ends_by_itself);
        if !tag.closes && unseen {
            self.skips = Some((tag.name.clone(), 1));
            return;
        }
        if !tag.closes && tag.quotes() {
            self.lines(1);
            self.text.push_str(QUOTE);
            self.text.push('\n');
        }
        match tag.name.as_str() {
            "br" => self.text.push('\n'),
            "p" | "table" | "ul" | "ol" | "dl" | "blockquote" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => self.lines(2),
            "pre" => {
                self.lines(1);
                self.pre = if tag.closes { self.pre.saturating_sub(1) } else { self.pre + 1 };
            }
            "div" | "tr" | "section" | "article" | "header" | "footer" | "center" | "form" | "address" | "dt" | "dd" => self.lines(1),
            "td" | "th" => self.space = true,
            "hr" => {
                self.lines(1);
                self.text.push_str("________\n");
            }
            "li" if !tag.closes => {
                self.lines(1);
                self.text.push_str("- ");
            }
            "img" => self.picture(tag),
            "a" if tag.closes => self.end_link(),
            "a" => {
                self.end_link();
                self.link = tag.attribute("href").map(|href| (href.trim().to_owned(), self.text.len()));
            }
            _ => {}
        }
    }

    /// What a picture stands for, where somebody said it.
    fn picture(&mut self, tag: &Tag<'_>) {
        let alt = tag.attribute("alt").unwrap_or_default();
        let alt = alt.trim();
        if !alt.is_empty() && alt.chars().count() <= 100 {
            self.space = true;
            self.words(alt);
            self.space = true;
        }
    }

    /// Behind the words of a link, where it leads: unless the words say that themselves.
    fn end_link(&mut self) {
        let Some((href, start)) = self.link.take() else { return };
        let leads = ["http://", "https://"].iter().any(|scheme| href.get(..scheme.len()).is_some_and(|s| s.eq_ignore_ascii_case(scheme)));
        let words = self.text.get(start..).unwrap_or_default().trim();
        let bare = |address: &str| {
            address
                .trim_start_matches("https://")
                .trim_start_matches("http://")
                .trim_start_matches("www.")
                .trim_end_matches('/')
                .to_lowercase()
        };
        if !leads || words.is_empty() || bare(words) == bare(&href) {
            return;
        }
        let shown: String = href.chars().take(LONGEST_LINK).filter(|c| !c.is_whitespace()).collect();
        self.text.truncate(self.text.trim_end_matches(' ').len());
        self.text.push_str(" (");
        self.text.push_str(&shown);
        self.text.push(')');
    }

    /// At least so many line breaks, and nothing at the very beginning.
    fn lines(&mut self, wanted: usize) {
        self.space = false;
        self.text.truncate(self.text.trim_end_matches(' ').len());
        if self.text.is_empty() {
            return;
        }
        let there = self.text.bytes().rev().take_while(|&byte| byte == b'\n').count();
        for _ in there..wanted {
            self.text.push('\n');
        }
    }

    fn done(mut self) -> String {
        self.end_link();
        self.text
    }
}

/// Character references as characters: the numeric ones, and the names that mail programs write.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let end = rest.bytes().take(12).position(|byte| !byte.is_ascii_alphanumeric() && byte != b'#').unwrap_or(rest.len().min(12));
        let end = rest.floor_char_boundary(end);
        match character(&rest[..end]) {
            Some(c) => {
                out.push(c);
                rest = rest[end..].strip_prefix(';').unwrap_or(&rest[end..]);
            }
            None => out.push('&'),
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn character(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        // As browsers do: these numbers were Windows' once.
        return Some(crate::charset::windows_1252(code).or_else(|| char::from_u32(code)).filter(|&c| c != '\0').unwrap_or('\u{fffd}'));
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" | "ensp" | "emsp" | "thinsp" => '\u{a0}',
        "zwnj" | "zwj" | "shy" => '\u{200b}',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        "laquo" => '«',
        "raquo" => '»',
        "bull" => '•',
        "middot" => '·',
        "copy" => '©',
        "reg" => '®',
        "trade" => '™',
        "deg" => '°',
        "sect" => '§',
        "times" => '×',
        "euro" => '€',
        "eacute" => 'é',
        "egrave" => 'è',
        "agrave" => 'à',
        "aacute" => 'á',
        "auml" => 'ä',
        "ouml" => 'ö',
        "uuml" => 'ü',
        "Auml" => 'Ä',
        "Ouml" => 'Ö',
        "Uuml" => 'Ü',
        "szlig" => 'ß',
        "ccedil" => 'ç',
        "ntilde" => 'ñ',
        "rarr" => '→',
        "larr" => '←',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paragraphs_lists_and_links_are_read() {
        let html = "<html><head><title>x</title><style>p{color:red}</style></head><body><p>Lampu&nbsp;mati\n  di <b>Jl.&#32;Melati</b></p>\
                    <ul><li>sejak Senin<li>lima tiang</ul><p>Peta: <a href=\"https://example.id/peta?a=1&amp;b=2\">di sini</a>, \
                    <a href='https://example.id/'>example.id</a></p><script>alert('<p>no</p>')</script></body></html>";
        assert_eq!(
            text(html),
            "Lampu mati di Jl. Melati\n\n- sejak Senin\n- lima tiang\n\nPeta: di sini (https://example.id/peta?a=1&b=2), example.id\n\n"
        );
    }

    #[test]
    fn what_is_hidden_or_broken_is_no_text() {
        assert_eq!(text("<div style='display: none'><div>rahasia</div></div>terlihat"), "terlihat");
        assert_eq!(text("a < b & c > d"), "a < b & c > d");
        assert_eq!(text("<!-- <p>x</p> -->y<!-- z"), "y");
        assert_eq!(text("<p title=\"a>b\">c</p>"), "c\n\n");
        assert_eq!(text("x<a href=\"https://example.id"), "x");
        assert_eq!(text("&#150;&#x1F4A7;&unknown;&#0;"), "–💧&unknown;\u{fffd}");
    }

    #[test]
    fn where_a_program_quotes_is_marked() {
        for html in [
            "<div>baru</div><div class=\"gmail_quote\">lama</div>",
            "<div>baru</div><blockquote type=cite>lama</blockquote>",
            "<div>baru</div><div id=\"appendonsend\"></div>lama",
        ] {
            let text = text(html);
            let (before, after) = text.split_once(QUOTE).unwrap_or_else(|| panic!("{html}: {text}"));
            assert!(before.trim() == "baru" && after.trim() == "lama", "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_html_is_read_without_panic(html in "[<>/a-z&;#\"'= \n!é-]{0,300}") {
            let text = text(&html);
            prop_assert!(text.len() <= html.len() * 4 + 64);
        }
    }
}
