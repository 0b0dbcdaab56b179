//! The header before a message's text (3GPP TS 23.040, 9.2.3.24): which part of which whole it is, or that it is not for people.

/// Which part of which whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The sender's telephone numbers its long messages; the number comes round again after 256 or 65536.
    pub reference: u16,
    /// Of how many, at least two.
    pub of: u8,
    /// Which, from 1.
    pub number: u8,
}

impl Part {
    /// `None` where the three make no sense together.
    pub fn new(reference: u16, of: u8, number: u8) -> Option<Self> {
        (of > 1 && (1..=of).contains(&number)).then_some(Self { reference, of, number })
    }
}

/// What a header says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Header {
    /// It is a part of a long message.
    pub part: Option<Part>,
    /// It is addressed to an application's port: a ring tone, a WAP push. Nobody wrote it.
    pub to_application: bool,
}

/// Reads a header with its length octet. Elements that are torn or unknown are left out.
pub fn read(bytes: &[u8]) -> Header {
    let mut header = Header::default();
    let Some((length, elements)) = bytes.split_first() else { return header };
    let mut rest = elements.get(..usize::from(*length)).unwrap_or(elements);
    while let [kind, length, after @ ..] = rest {
        let Some(value) = after.get(..usize::from(*length)) else { break };
        match (kind, value) {
            (0x00, [reference, of, number]) => header.part = Part::new((*reference).into(), *of, *number).or(header.part),
            (0x08, [high, low, of, number]) => {
                header.part = Part::new(u16::from_be_bytes([*high, *low]), *of, *number).or(header.part);
            }
            (0x04 | 0x05, _) => header.to_application = true,
            _ => {}
        }
        rest = &after[usize::from(*length)..];
    }
    header
}

/// Bytes written in hex, without or with spaces between them.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    digits.chunks_exact(2).map(|pair| Some(value(pair[0])? << 4 | value(pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_kinds_of_reference_are_read() {
        assert_eq!(read(&[5, 0, 3, 0xa7, 3, 2]).part, Part::new(0xa7, 3, 2));
        assert_eq!(read(&[6, 8, 4, 0x12, 0x34, 2, 1]).part, Part::new(0x1234, 2, 1));
        assert_eq!(read(&[7, 0x24, 0, 0, 3, 1, 2, 2]).part, Part::new(1, 2, 2), "behind an element that we do not know");
    }

    #[test]
    fn what_is_for_an_application_is_known() {
        assert!(read(&[6, 5, 4, 0x0b, 0x84, 0x23, 0xf0]).to_application);
        assert!(!read(&[5, 0, 3, 1, 2, 1]).to_application);
    }

    #[test]
    fn a_header_that_makes_no_sense_joins_nothing() {
        for wrong in [&[][..], &[5, 0, 3, 1, 2, 3], &[5, 0, 3, 1, 2, 0], &[5, 0, 3, 1, 1, 1], &[5, 0, 3, 1], &[0], &[255]] {
            assert_eq!(read(wrong), Header::default(), "{wrong:?}");
        }
    }

    #[test]
    fn hex_is_read_as_gateways_write_it() {
        assert_eq!(from_hex("05 00 03A7 0302"), Some(vec![5, 0, 3, 0xa7, 3, 2]));
        for wrong in ["0", "0g", "+1", "é"] {
            assert_eq!(from_hex(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Some(part) = read(&bytes).part {
                prop_assert!(part.number >= 1 && part.number <= part.of);
            }
        }
    }
}
