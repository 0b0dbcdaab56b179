//! Sizes as people write them.

use serde::{Deserialize, Deserializer, de::Error};

/// A number of bytes: `65536`, `"64 KiB"`, `"256 MiB"`, `"2 GiB"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl Size {
    /// As the machine counts in memory.
    pub fn get(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        let size = match Written::deserialize(from)? {
            Written::Number(bytes) => Some(bytes),
            Written::Text(text) => parse(&text),
        };
        size.map(Self).ok_or_else(|| D::Error::custom("a size is a number of bytes or a text such as \"256 MiB\""))
    }
}

fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let unit: u64 = match text[digits..].trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    text[..digits].parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (written, bytes) in [
            ("0", Some(0)),
            ("12", Some(12)),
            ("2 KiB", Some(2048)),
            ("3MiB", Some(3 << 20)),
            ("12 B", Some(12)),
            (" 2 GiB ", Some(2 << 30)),
            ("1 GiB", Some(1 << 30)),
        ] {
            assert_eq!(parse(written), bytes, "{written}");
        }
        for wrong in ["", "KiB", "1 kb", "1 TB", "-1", "99999999999 GiB"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
