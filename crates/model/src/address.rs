//! Who and where: the names of adapters and the addresses of citizens.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The name of an adapter: `[a-z][a-z0-9_]*`, at most 32 characters. Open on purpose: no other crate may list them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct AdapterName(String);

impl AdapterName {
    /// The name as text; safe inside a NATS subject.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AdapterName {
    type Err = AddressError;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let starts = s.starts_with(|c: char| c.is_ascii_lowercase());
        let rest = s.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if starts && rest && s.len() <= 32 { Ok(Self(s.to_owned())) } else { Err(AddressError::AdapterName) }
    }
}

impl TryFrom<String> for AdapterName {
    type Error = AddressError;
    fn try_from(s: String) -> Result<Self, Self::Error> {
        s.parse()
    }
}

impl From<AdapterName> for String {
    fn from(name: AdapterName) -> Self {
        name.0
    }
}

impl fmt::Display for AdapterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a citizen can be reached, whatever the platform: `tel:+62…`, `mailto:…`, `whatsapp:…`. At most 512 bytes.
///
/// `Debug` hides the middle, so that a slip in a log shows stars.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Address {
    scheme: String,
    path: String,
}

impl Address {
    /// Builds one; the scheme is `[a-z][a-z0-9]*`, the path neither empty nor with control characters.
    pub fn new(scheme: &str, path: &str) -> Result<Self, AddressError> {
        let path = path.trim();
        let scheme_fits =
            scheme.starts_with(|c: char| c.is_ascii_lowercase()) && scheme.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let path_fits = !path.is_empty() && !path.chars().any(char::is_control) && scheme.len() + path.len() < 512;
        if scheme_fits && path_fits { Ok(Self { scheme: scheme.to_owned(), path: path.to_owned() }) } else { Err(AddressError::Address) }
    }

    /// A telephone number in E.164. Indonesian ways of writing are read: `0812…`, `62812…`, `+62 812-…`.
    pub fn tel(written: &str) -> Result<Self, AddressError> {
        let digits: String = written.chars().filter(char::is_ascii_digit).collect();
        let international = match (written.trim_start().starts_with('+'), digits.strip_prefix('0')) {
            (false, Some(national)) => format!("62{national}"),
            _ => digits,
        };
        let foreign = written.chars().any(|c| !c.is_ascii_digit() && !" +-().".contains(c));
        // E.164: at most fifteen digits; shorter than eight is a short code, not a subscriber.
        if foreign || !(8..=15).contains(&international.len()) {
            return Err(AddressError::Address);
        }
        Self::new("tel", &format!("+{international}"))
    }

    /// What kind of address it is: `tel`, `mailto`, ….
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The address without its scheme.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// For a screen: the first and last characters, the middle hidden.
    pub fn masked(&self) -> String {
        let shown: Vec<char> = self.path.chars().collect();
        let keep = (shown.len() / 4).min(4);
        let (head, tail) = (&shown[..keep], &shown[shown.len() - keep..]);
        format!("{}:{}***{}", self.scheme, head.iter().collect::<String>(), tail.iter().collect::<String>())
    }
}

/// Whether a mail server may be given this as an address of staff or bodies: plain ASCII, at most 254 bytes, nothing that means something in a
/// header. Whether it arrives, the server says.
pub fn is_mail_address(text: &str) -> bool {
    let plain = text.chars().all(|c| c.is_ascii_graphic() && !"<>()[],;:\"\\".contains(c));
    let parts = text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !host.contains('@'));
    plain && parts && text.len() <= 254
}

/// A mail address for a screen where others look on: the first letter of the name, and the host.
pub fn masked_mail(address: &str) -> String {
    let (name, host) = address.split_once('@').unwrap_or((address, ""));
    format!("{}***@{host}", name.chars().take(1).collect::<String>())
}

impl FromStr for Address {
    type Err = AddressError;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let (scheme, path) = s.split_once(':').ok_or(AddressError::Address)?;
        Self::new(scheme, path)
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;
    fn try_from(s: String) -> Result<Self, Self::Error> {
        s.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.scheme, self.path)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// The text is not a name or an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not `[a-z][a-z0-9_]*`, or too long.
    #[error("not the name of an adapter")]
    AdapterName,
    /// Not `scheme:path`, or too long, or with control characters.
    #[error("not an address")]
    Address,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indonesian_numbers_are_read_as_people_write_them() {
        for written in ["0812-3456-7890", "+62 812 3456 7890", "6281234567890", "(0812) 34567890"] {
            assert_eq!(Address::tel(written).map(|a| a.to_string()), Ok("tel:+6281234567890".to_owned()), "{written}");
        }
        for wrong in ["1708", "0812x34567890", "", "081234567890123456"] {
            assert!(Address::tel(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn debug_shows_stars() {
        let address = Address::tel("081234567890").expect("a number");
        assert!(!format!("{address:?}").contains("34567"));
        let short = Address::new("x", "ab").expect("an address");
        assert_eq!(format!("{short:?}"), "x:***");
    }

    #[test]
    fn adapter_names_are_safe_in_a_subject() {
        assert!("sms_gateway2".parse::<AdapterName>().is_ok());
        for wrong in ["", "2x", "a.b", "a b", "A", "a>", &"a".repeat(33)] {
            assert!(wrong.parse::<AdapterName>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_may_be_given_to_a_mail_server_is_one_plain_address() {
        let longest = format!("{}@contoh.example.id", "a".repeat(254 - "@contoh.example.id".len()));
        for good in ["ani@contoh.example.id", "a.b+c@dinas.example", &longest] {
            assert!(is_mail_address(good), "{good}");
        }
        for bad in [
            "",
            "ani",
            "ani@",
            "@contoh.example",
            "ani@contoh",
            "a@b@c.example",
            "a b@c.example",
            "a@c.example\nBcc: x",
            "<a@c.example>",
            "é@c.example",
            "a:b@c.example",
        ] {
            assert!(!is_mail_address(bad), "{bad:?}");
        }
        assert!(!is_mail_address(&format!("a{longest}")));
        assert_eq!(masked_mail("ani@contoh.example.id"), "a***@contoh.example.id");
    }
}
