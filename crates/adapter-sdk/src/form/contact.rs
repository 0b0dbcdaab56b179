//! A telephone number or a mail address, as people type it into one field.

use model::Address;

/// Reads it; `None` when it is neither. Says nothing about whose it is.
pub fn contact(typed: &str) -> Option<Address> {
    let typed = typed.trim();
    if !typed.contains('@') {
        return Address::tel(typed).ok();
    }
    let (local, domain) = typed.split_once('@')?;
    let plain = |text: &str| !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control() || "@,;<>()\"".contains(c));
    let domain_fits = plain(domain) && domain.contains('.') && domain.split('.').all(|label| !label.is_empty());
    // RFC 5321 allows 254 characters in all.
    let fits = plain(local) && domain_fits && typed.len() <= 254;
    fits.then(|| Address::new("mailto", &format!("{local}@{}", domain.to_lowercase())).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_mail_addresses_are_told_apart() {
        for (typed, read) in [
            ("0812-3456-7890", Some("tel:+6281234567890")),
            (" Warga@Example.ID ", Some("mailto:Warga@example.id")),
            ("warga", None),
            ("warga@", None),
            ("warga@rumah", None),
            ("a@b@c.id", None),
            ("warga@contoh..id", None),
            ("<warga@contoh.id>", None),
            ("a@b.id\nBcc: c@d.id", None),
            ("123", None),
            ("", None),
        ] {
            assert_eq!(contact(typed).map(|address| address.to_string()).as_deref(), read, "{typed}");
        }
    }
}
