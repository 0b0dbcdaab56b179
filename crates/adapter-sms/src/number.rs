//! Who wrote: a telephone number in E.164, or a name that nobody can answer.

use adapter_sdk::Address;

/// A sender as a gateway writes it: `0812…`, `62812…`, `+62 812…`, `0062812…`; a name; a short code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sender {
    /// Can be answered.
    Telephone(Address),
    /// A name or a short code of some service: recorded, never answered. Two programs that answer each other never end.
    Nameless(Address),
}

/// The longest name that is kept of a sender, in characters: the standard has eleven.
const LONGEST_NAME: usize = 64;

/// Reads a sender; `None` where there is none at all.
pub(crate) fn sender(written: &str) -> Option<Sender> {
    let written = written.trim();
    if let Some(address) = telephone(written) {
        return Some(Sender::Telephone(address));
    }
    let name: String = written.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
    Address::new("sms", &name).ok().map(Sender::Nameless)
}

/// A number that a telephone has.
pub(crate) fn telephone(written: &str) -> Option<Address> {
    let written = written.trim();
    // The prefix of international calls, as some networks deliver it.
    let international = written.strip_prefix("00").map(|rest| format!("+{rest}"));
    Address::tel(international.as_deref().unwrap_or(written)).ok()
}

/// Whether two ways of writing mean the same number of ours.
pub(crate) fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.trim(), other.trim());
    match (telephone(one), telephone(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one.trim_start_matches('+').eq_ignore_ascii_case(other.trim_start_matches('+')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telephones_are_told_from_names() {
        for written in ["081200000001", "6281200000001", "+6281200000001", "006281200000001", " +62 812-0000-0001 "] {
            let Some(Sender::Telephone(address)) = sender(written) else { panic!("{written}") };
            assert_eq!(address.to_string(), "tel:+6281200000001", "{written}");
        }
        for written in ["TELKOMSEL", "1708", "Bank-X", "62812x"] {
            assert!(matches!(sender(written), Some(Sender::Nameless(_))), "{written}");
        }
        assert_eq!(sender("  "), None);
        assert_eq!(sender("\u{7}"), None);
    }

    #[test]
    fn our_own_number_is_known_however_it_is_written() {
        assert!(same("1708", "+1708") && same("081200000000", "+6281200000000") && same("KOTA", "kota"));
        assert!(!same("1708", "1709") && !same("081200000000", "081200000001"));
    }
}
