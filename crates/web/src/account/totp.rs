//! Codes of authenticator apps: RFC 6238 with what every such app understands: SHA-1, six digits, thirty seconds.

use hmac::{Hmac, KeyInit, Mac};
use model::Timestamp;
use sha1::Sha1;
use subtle::ConstantTimeEq;

use crate::page;

/// Seconds of a step.
const STEP: i64 = 30;
/// A phone's clock may be off by one step, either way.
const OFF: i64 = 1;
/// As RFC 4226 recommends: 160 bits.
pub(crate) const SECRET_BYTES: usize = 20;

/// A new secret.
pub(crate) fn new_secret() -> [u8; SECRET_BYTES] {
    let mut secret = [0; SECRET_BYTES];
    let (front, back) = secret.split_at_mut(16);
    front.copy_from_slice(&model::id::random_bytes());
    back.copy_from_slice(&model::id::random_bytes()[..SECRET_BYTES - 16]);
    secret
}

/// The code of a step (RFC 4226, 5.3).
fn code(secret: &[u8], step: i64, digits: u32) -> u32 {
    let mut mac = <Hmac<Sha1> as KeyInit>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash[19] & 0xf);
    let number = u32::from_be_bytes([hash[at], hash[at + 1], hash[at + 2], hash[at + 3]]) & 0x7fff_ffff;
    number % 10_u32.pow(digits)
}

/// The code that an app shows now.
#[cfg(test)]
pub(crate) fn now(secret: &[u8], now: Timestamp) -> String {
    format!("{:06}", code(secret, now.as_second().div_euclid(STEP), 6))
}

/// The step whose code this is, if it is one of these minutes and later than the one that opened last.
pub(crate) fn step_of(secret: &[u8], typed: &str, now: Timestamp, last_step: i64) -> Option<i64> {
    let here = now.as_second().div_euclid(STEP);
    let mut found = None;
    for step in here - OFF..=here + OFF {
        let fits: bool = format!("{:06}", code(secret, step, 6)).as_bytes().ct_eq(typed.as_bytes()).into();
        if fits && step > last_step {
            found = Some(step);
        }
    }
    found
}

/// The secret for who types it: base32 in groups of four.
pub(crate) fn as_text(secret: &[u8]) -> String {
    let text = data_encoding::BASE32_NOPAD.encode(secret);
    text.as_bytes().chunks(4).map(|group| String::from_utf8_lossy(group).into_owned()).collect::<Vec<_>>().join(" ")
}

/// What the QR code says, as authenticator apps read it.
pub(crate) fn link(site: &str, login: &str, secret: &[u8]) -> String {
    // A colon parts the two names.
    let site = page::encoded(&site.replace(':', " "));
    let secret = data_encoding::BASE32_NOPAD.encode(secret);
    format!("otpauth://totp/{site}:{}?secret={secret}&issuer={site}&algorithm=SHA1&digits=6&period={STEP}", page::encoded(login))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        // Appendix B, the lines of SHA-1.
        for (seconds, expected) in [
            (59, 94_287_082),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
            (20_000_000_000_i64, 65_353_130),
        ] {
            assert_eq!(code(SECRET, seconds / STEP, 8), expected, "{seconds}");
        }
    }

    #[test]
    fn the_codes_are_those_of_rfc_4226() {
        // Appendix D.
        let expected = [755_224, 287_082, 359_152, 969_429, 338_314, 254_676, 287_922, 162_583, 399_871, 520_489];
        for (step, expected) in expected.into_iter().enumerate() {
            assert_eq!(code(SECRET, i64::try_from(step).expect("small"), 6), expected);
        }
    }

    #[test]
    fn a_code_fits_one_step_early_or_late_and_never_twice() {
        let at = |seconds: i64| Timestamp::from_second(seconds).expect("in range");
        let typed = now(SECRET, at(3000));
        for (seconds, fits) in [(2969, false), (2970, true), (3000, true), (3059, true), (3060, false)] {
            assert_eq!(step_of(SECRET, &typed, at(seconds), 0).is_some(), fits, "{seconds}");
        }
        assert_eq!(step_of(SECRET, &typed, at(3000), 99), Some(100));
        assert_eq!(step_of(SECRET, &typed, at(3000), 100), None, "it was used");
        for wrong in ["", "1", "0000000", "abcdef", " 287082"] {
            assert_eq!(step_of(SECRET, wrong, at(3000), 0), None, "{wrong}");
        }
    }

    #[test]
    fn the_link_holds_names_that_have_spaces_and_colons() {
        assert_eq!(
            link("Kota: Contoh", "ani@dinas", SECRET),
            "otpauth://totp/Kota%20%20Contoh:ani%40dinas?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Kota%20%20Contoh&algorithm=SHA1&digits=6&period=30"
        );
        assert_eq!(as_text(SECRET), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        assert_ne!(new_secret(), new_secret());
    }
}
