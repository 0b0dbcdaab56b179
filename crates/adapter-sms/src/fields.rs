//! Fields of a request: `application/x-www-form-urlencoded` in bytes, because a gateway may send any charset in it, and JSON by path.

use serde_json::Value;

/// Names and values, in their order; values are bytes as they were before they were written down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields(Vec<(String, Vec<u8>)>);

impl Fields {
    /// Reads a query string, or the body of a form.
    pub(crate) fn read(text: &[u8]) -> Self {
        let pairs = text.split(|b| *b == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
            let at = pair.iter().position(|b| *b == b'=');
            let (name, value) = at.map_or((pair, &[][..]), |at| (&pair[..at], &pair[at + 1..]));
            (String::from_utf8_lossy(&decoded(name)).into_owned(), decoded(value))
        });
        Self(pairs.collect())
    }

    /// The first value of a name, byte for byte.
    pub(crate) fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_slice())
    }

    /// The first value of a name that is not empty, as text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let value = self.bytes(name).filter(|value| !value.is_empty())?;
        Some(words(value))
    }

    /// Every pair as text, for a signature over all of them.
    pub(crate) fn pairs(&self) -> Vec<(&str, String)> {
        self.0.iter().map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value).into_owned())).collect()
    }

    /// Names and values after those that are here.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
}

/// UTF-8, or else what everybody sent before there was UTF-8.
pub(crate) fn words(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|b| char::from(*b).to_digit(16)).and_then(|value| u8::try_from(value).ok());
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match (byte, digit(text.get(at + 1)), digit(text.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(high << 4 | low);
                at += 3;
            }
            (b'+', ..) => {
                bytes.push(b' ');
                at += 1;
            }
            _ => {
                bytes.push(byte);
                at += 1;
            }
        }
    }
    bytes
}

/// Writes a value so that it is one value in a query or a form.
pub(crate) fn encoded(value: &str) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}"); // writing into a String cannot fail
        }
    }
    text
}

/// What lies at a path in JSON, `results.0.from`, as text: texts, numbers, yes and no; nothing where there is nothing or more.
pub(crate) fn at_path(value: &Value, path: &str) -> Option<String> {
    match find(value, path)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

/// The value at a path; an empty path is the whole.
pub(crate) fn find<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').filter(|step| !step.is_empty()).try_fold(value, |value, step| match value {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        other => other.get(step),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_read_as_they_were_written() {
        let fields = Fields::read(b"from=%2B62812&text=a+b%0Ac%&empty=&twice=1&twice=2&raw=%00%41%ff");
        assert_eq!(fields.text("from").as_deref(), Some("+62812"));
        assert_eq!(fields.text("text").as_deref(), Some("a b\nc%"));
        assert_eq!((fields.text("empty"), fields.text("none")), (None, None));
        assert_eq!(fields.text("twice").as_deref(), Some("1"));
        assert_eq!(fields.bytes("raw"), Some(&[0, 0x41, 0xff][..]));
        assert_eq!(words(b"caf\xe9"), "café");
    }

    #[test]
    fn a_path_leads_to_a_value_or_to_nothing() {
        let value = json!({ "results": [{ "from": "62812", "count": 2, "ok": true, "more": {} }] });
        assert_eq!(at_path(&value, "results.0.from").as_deref(), Some("62812"));
        assert_eq!(at_path(&value, "results.0.count").as_deref(), Some("2"));
        assert_eq!(at_path(&value, "results.0.ok").as_deref(), Some("true"));
        for nothing in ["results.1.from", "results.0.more", "results.x", "from", "results"] {
            assert_eq!(at_path(&value, nothing), None, "{nothing}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in "\\PC{0,60}") {
            let text = format!("x={}", encoded(&value));
            prop_assert_eq!(Fields::read(text.as_bytes()).bytes("x").map(<[u8]>::to_vec), Some(value.into_bytes()));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Fields::read(&bytes).pairs();
        }
    }
}
