//! `multipart/form-data` (RFC 7578), read from the whole raw body: pure, bounded, without copying files.

use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;

/// A filled form. `Debug` shows no content.
#[derive(Clone, Default)]
pub struct Form {
    texts: Vec<Text>,
    files: Vec<File>,
}

#[derive(Clone)]
struct Text {
    field: String,
    value: String,
    garbled: bool,
}

/// A file that came with a form.
#[derive(Clone)]
pub struct File {
    /// Which part of the body it is, counted from zero: how `parse` names it and `fetch_from` finds it.
    pub part: usize,
    /// The field it was chosen in.
    pub field: String,
    /// What it is called on the sender's device: a clean last path segment, at most 120 characters.
    pub filename: Option<String>,
    /// Its bytes, a view into the body.
    pub bytes: Bytes,
}

/// How much a form may hold. Sizes in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Parts of any kind.
    pub parts: usize,
    /// The head of one part.
    pub head: usize,
    /// One text field.
    pub text: usize,
}

impl Default for Limits {
    /// Far above what a form of ours sends, far below what hurts.
    fn default() -> Self {
        Self { parts: 64, head: 4 * 1024, text: 256 * 1024 }
    }
}

/// The bytes are no form, or more than one may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// Another media type, or no usable boundary.
    #[error("not a multipart form")]
    NotAForm,
    /// It ends in the middle, or a part has no proper head.
    #[error("a broken multipart form")]
    Broken,
    /// More parts than allowed.
    #[error("a form with too many parts")]
    TooManyParts,
    /// The head of a part or a text field is longer than allowed.
    #[error("a form with an oversized field")]
    TooLong,
}

impl Form {
    /// Reads a body by its `content-type`.
    pub fn read(content_type: &str, body: &Bytes, limits: &Limits) -> Result<Self, FormError> {
        let mark = [b"--", boundary(content_type).ok_or(FormError::NotAForm)?.as_bytes()].concat();
        let mut at = first(body, &mark).ok_or(FormError::Broken)?;
        let mut form = Self::default();
        let mut part = 0;
        while let Some(start) = after_mark(body, at)? {
            if part == limits.parts {
                return Err(FormError::TooManyParts);
            }
            let head_end = find(&body[start..], b"\r\n\r\n").map(|length| start + length);
            let head_end = head_end.ok_or(FormError::Broken)?;
            if head_end - start > limits.head {
                return Err(FormError::TooLong);
            }
            let content = head_end + 4;
            // A part without content: its closing line break is the blank line's own.
            let end = if body[head_end + 2..].starts_with(b"\r\n") { content - 2 } else { content };
            let end = next_mark(body, end, &mark).ok_or(FormError::Broken)?;
            let head = Head::read(&body[start..head_end]).ok_or(FormError::Broken)?;
            form.keep(part, head, body.slice(content.min(end)..end), limits)?;
            at = end + 2 + mark.len();
            part += 1;
        }
        Ok(form)
    }

    fn keep(&mut self, part: usize, head: Head, bytes: Bytes, limits: &Limits) -> Result<(), FormError> {
        match head.filename {
            // A file input that nobody used sends an empty file without a name.
            Some(name) if name.is_empty() && bytes.is_empty() => {}
            Some(name) => self.files.push(File { part, field: head.field, filename: file_name(&name), bytes }),
            None if bytes.len() > limits.text => return Err(FormError::TooLong),
            None => {
                let garbled = std::str::from_utf8(&bytes).is_err();
                self.texts.push(Text { field: head.field, value: String::from_utf8_lossy(&bytes).into_owned(), garbled });
            }
        }
        Ok(())
    }

    /// What was typed into a field, as it came; empty when the form has no such field.
    pub fn typed(&self, field: &str) -> &str {
        self.texts.iter().find(|text| text.field == field).map_or("", |text| &text.value)
    }

    /// What was typed into a field, [`clean`]; `None` when nothing remains.
    pub fn text(&self, field: &str) -> Option<String> {
        Some(clean(self.typed(field))).filter(|text| !text.is_empty())
    }

    /// How many characters a field has, if they are more than `most`.
    pub fn longer_than(&self, field: &str, most: usize) -> Option<usize> {
        self.text(field).map(|text| text.chars().count()).filter(|count| *count > most)
    }

    /// Whether the bytes of a field were not UTF-8: [`Form::typed`] shows `\u{fffd}` in their place.
    pub fn is_garbled(&self, field: &str) -> bool {
        self.texts.iter().any(|text| text.garbled && text.field == field)
    }

    /// A number for the content of the fields `which` and of all files: a form sent again as it was has the same, whatever its
    /// boundary and the order of its parts.
    pub fn fingerprint(&self, which: &[&str]) -> u64 {
        let mut hash = DefaultHasher::new();
        for field in which {
            self.text(field).hash(&mut hash);
        }
        for file in &self.files {
            file.bytes.hash(&mut hash);
        }
        hash.finish()
    }

    /// The files chosen in a field, in their order.
    pub fn files(&self, field: &str) -> impl Iterator<Item = &File> {
        self.files.iter().filter(move |file| file.field == field)
    }

    /// The file that is this part of the body.
    pub fn file(&self, part: usize) -> Option<&File> {
        self.files.iter().find(|file| file.part == part)
    }
}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Form({} texts, {} files)", self.texts.len(), self.files.len())
    }
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "File(part {}, {} bytes)", self.part, self.bytes.len())
    }
}

/// A text as the database and every reader can take it: line breaks are `\n`, other control characters are gone, so are spaces around it.
pub fn clean(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    text.trim().to_owned()
}

struct Head {
    field: String,
    filename: Option<String>,
}

impl Head {
    fn read(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let value = text.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
        })?;
        let (kind, rest) = value.split_once(';')?;
        if !kind.trim().eq_ignore_ascii_case("form-data") {
            return None;
        }
        let mut field = None;
        let mut filename = None;
        for (name, value) in parameters(rest) {
            match name.as_str() {
                "name" => field = Some(value),
                "filename" => filename = Some(value),
                _ => {}
            }
        }
        Some(Self { field: field?, filename })
    }
}

/// `name="value"; other=value`. Inside quotes browsers write `"` as `%22`; curl writes `\"`.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches(|c: char| c == ';' || c.is_whitespace()).to_ascii_lowercase();
        let (value, tail) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => until_quote(quoted),
            None => after.split_once(';').map_or_else(|| (after.trim().to_owned(), ""), |(value, tail)| (value.trim().to_owned(), tail)),
        };
        found.push((name, value));
        rest = tail;
    }
    found
}

fn until_quote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value.replace("%22", "\""), &text[at + 1..]),
            '\\' if chars.peek().is_some_and(|(_, next)| matches!(next, '"' | '\\')) => value.extend(chars.next().map(|(_, next)| next)),
            _ => value.push(c),
        }
    }
    (value, "")
}

fn file_name(sent: &str) -> Option<String> {
    let last = sent.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = clean(last).chars().filter(|c| !c.is_control()).take(120).collect();
    (!name.is_empty()).then_some(name)
}

fn boundary(content_type: &str) -> Option<String> {
    let (kind, rest) = content_type.split_once(';')?;
    let form = kind.trim().eq_ignore_ascii_case("multipart/form-data");
    let boundary = parameters(rest).into_iter().find(|(name, _)| name == "boundary").map(|(_, value)| value)?;
    // RFC 2046: one to seventy characters.
    (form && (1..=70).contains(&boundary.len())).then_some(boundary)
}

/// Where the first mark begins: at once, or after a preamble.
fn first(body: &[u8], mark: &[u8]) -> Option<usize> {
    if body.starts_with(mark) { Some(0) } else { next_mark(body, 0, mark).map(|at| at + 2) }.map(|at| at + mark.len())
}

/// Where the part after a mark begins; `None` after the last mark.
fn after_mark(body: &[u8], at: usize) -> Result<Option<usize>, FormError> {
    let rest = body.get(at..).ok_or(FormError::Broken)?;
    if rest.starts_with(b"--") {
        return Ok(None);
    }
    let padding = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    if rest[padding..].starts_with(b"\r\n") { Ok(Some(at + padding + 2)) } else { Err(FormError::Broken) }
}

/// Where the next `\r\n--boundary` begins, from `from` on.
fn next_mark(body: &[u8], from: usize, mark: &[u8]) -> Option<usize> {
    let mut at = from;
    loop {
        at += body.get(at..)?.iter().position(|&byte| byte == b'\r')?;
        let rest = &body[at..];
        if rest.starts_with(b"\r\n") && rest[2..].starts_with(mark) {
            return Some(at);
        }
        at += 1;
    }
}

fn find(body: &[u8], needle: &[u8]) -> Option<usize> {
    body.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=batas";

    fn read(body: impl Into<Bytes>) -> Result<Form, FormError> {
        Form::read(TYPE, &body.into(), &Limits::default())
    }

    fn text(field: &str, value: &str) -> String {
        format!("--batas\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n")
    }

    #[test]
    fn texts_and_files_are_read_in_their_order() {
        let body = format!(
            "{}--batas\r\ncontent-disposition: form-data; name=\"foto\"; filename=\"C:\\fakepath\\a%22b.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n\
             \u{ff}x\r\n-\r\n--bata\r\n--batas\r\nContent-Disposition: form-data; name=foto; filename=\"\"\r\n\r\n\r\n{}--batas--\r\n",
            text("isi", " jalan\r\nrusak\0 "),
            text("kosong", "")
        );
        let form = read(body).expect("a form");
        assert_eq!(form.text("isi").as_deref(), Some("jalan\nrusak"));
        assert_eq!(form.text("kosong"), None);
        assert_eq!(form.text("lain"), None);
        let files: Vec<&File> = form.files("foto").collect();
        assert_eq!(files.len(), 1);
        assert_eq!((files[0].part, files[0].filename.as_deref()), (1, Some("a\"b.jpg")));
        assert_eq!(&files[0].bytes[..], "\u{ff}x\r\n-\r\n--bata".as_bytes());
        assert_eq!(form.file(1).map(|file| file.bytes.len()), Some(files[0].bytes.len()));
        assert!(form.file(0).is_none());
    }

    #[test]
    fn a_path_in_a_file_name_is_never_kept() {
        for (sent, kept) in
            [("../../etc/passwd", Some("passwd")), ("C:\\a\\b.jpg", Some("b.jpg")), ("..", Some("..")), ("a/", None), ("\u{7}", None)]
        {
            assert_eq!(file_name(sent).as_deref(), kept, "{sent}");
        }
        assert_eq!(file_name(&"x".repeat(500)).map(|name| name.len()), Some(120));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_named_and_shown_as_marks() {
        let mut body = b"--batas\r\nContent-Disposition: form-data; name=\"isi\"\r\n\r\n".to_vec();
        body.extend(b"lubang \xc3\x28\r\n--batas--");
        let form = read(body).expect("a form");
        assert!(form.is_garbled("isi") && !form.is_garbled("nama"));
        assert_eq!(form.typed("isi"), "lubang \u{fffd}(");
    }

    #[test]
    fn a_bomb_of_parts_or_of_heads_is_refused() {
        let many = text("isi", "x").repeat(65) + "--batas--";
        assert_eq!(read(many).err(), Some(FormError::TooManyParts));
        assert_eq!(read(text(&"x".repeat(5000), "x") + "--batas--").err(), Some(FormError::TooLong));
        assert_eq!(read(text("isi", &"x".repeat(300 * 1024)) + "--batas--").err(), Some(FormError::TooLong));
        let endless = "--batas\r\n".to_owned() + &"a: b\r\n".repeat(100_000);
        assert_eq!(read(endless).err(), Some(FormError::Broken));
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for (content_type, body, expected) in [
            ("application/json", "{}", FormError::NotAForm),
            ("multipart/form-data", "", FormError::NotAForm),
            ("multipart/form-data; boundary=", "", FormError::NotAForm),
            (TYPE, "", FormError::Broken),
            (TYPE, "--batas", FormError::Broken),
            (TYPE, "--batas\r\n", FormError::Broken),
            (TYPE, "--batas\r\nX: y\r\n\r\nz\r\n--batas--", FormError::Broken),
            (TYPE, "--batas\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\ncut off", FormError::Broken),
        ] {
            let found = Form::read(content_type, &Bytes::from(body), &Limits::default()).err();
            assert_eq!(found, Some(expected), "{content_type} {body:?}");
        }
        assert!(
            Form::read("Multipart/Form-Data; charset=utf-8; boundary=\"batas\"", &Bytes::from("--batas--"), &Limits::default()).is_ok()
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..400), boundary in ".{0,80}") {
            let _ = read(body.clone());
            let _ = Form::read(&format!("multipart/form-data; boundary={boundary}"), &body.into(), &Limits::default());
        }

        #[test]
        fn a_torn_form_never_panics_and_a_whole_one_comes_back(value in "[^\u{0}]{0,60}", cut in 0usize..400) {
            let body = text("isi", &value) + "--batas--";
            let whole = read(body.clone()).expect("a form");
            prop_assert!(value.contains("\r\n--batas") || whole.typed("isi") == value);
            let _ = read(body.as_bytes()[..cut.min(body.len())].to_vec());
        }
    }
}
