//! Until when a certificate is good.

use adapter_sdk::Timestamp;

/// Until when a certificate is good; `None` when it cannot be read.
pub(crate) fn good_until(certificate: &[u8]) -> Option<Timestamp> {
    let mut outer = Der(certificate);
    let mut certificate = Der(outer.value(0x30)?);
    let mut signed = Der(certificate.value(0x30)?);
    if signed.0.first() == Some(&0xA0) {
        signed.any()?; // the version
    }
    signed.value(0x02)?; // the serial number
    signed.value(0x30)?; // the algorithm
    signed.value(0x30)?; // the issuer
    let mut validity = Der(signed.value(0x30)?);
    validity.any()?;
    let (kind, time) = validity.any()?;
    let text = std::str::from_utf8(time).ok()?.strip_suffix('Z')?;
    let full = match kind {
        // Two digits for the year: RFC 5280, 4.1.2.5.1.
        0x17 if text.len() == 12 => format!("{}{text}", if text < "50" { "20" } else { "19" }),
        0x18 => text.to_owned(),
        _ => return None,
    };
    let part = |from: usize, until: usize| full.get(from..until);
    format!("{}-{}-{}T{}:{}:{}Z", part(0, 4)?, part(4, 6)?, part(6, 8)?, part(8, 10)?, part(10, 12)?, part(12, 14)?).parse().ok()
}

/// What is left of a DER encoding.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The next value with its tag.
    fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut length = usize::from(first);
        if first >= 0x80 {
            let (digits, after) = rest.split_at_checked(usize::from(first & 0x7F)).filter(|(digits, _)| (1..=4).contains(&digits.len()))?;
            length = digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit));
            rest = after;
        }
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, value))
    }

    /// The next value, when it has this tag.
    fn value(&mut self, wanted: u8) -> Option<&'a [u8]> {
        self.any().and_then(|(tag, value)| (tag == wanted).then_some(value))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_looked_at_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = good_until(&bytes);
        }
    }
}
