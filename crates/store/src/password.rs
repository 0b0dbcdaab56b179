//! Passwords as they are kept: Argon2id with the parameters OWASP names (19 MiB, two rounds), as a PHC string.
//!
//! The work is given its memory here rather than by the library, because of what happens to it afterwards. An allocation of 19 MiB is
//! within what glibc learns to keep for itself: after a few sign-ins on a few threads a process that needs 40 MiB holds 160. One of more
//! than 32 MiB is always mapped and given back at once, and the pages that are not touched cost nothing.

use std::sync::LazyLock;

use argon2::{
    ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use model::id::random_bytes;

/// In blocks: a little more than glibc ever keeps.
const ALWAYS_MAPPED: usize = 33 * 1024 * 1024 / Block::SIZE;

/// A password as it is kept. Takes tens of milliseconds of one core on purpose: call it where that may block.
///
/// # Panics
/// When the operating system has no randomness to give: nothing safe could follow.
pub fn hash_password(password: &str) -> String {
    let salt = Salt::new(&random_bytes()).expect("sixteen bytes are a salt");
    hash(password, salt, &Params::default()).expect("any text can be hashed").to_string()
}

/// Whether the password is the one that was hashed. Without a hash (nobody has that login) it does the same work and says no, so that
/// the time taken tells nothing. As slow as [`hash_password`].
pub fn verify_password(password: &str, kept: Option<&str>) -> bool {
    static NOBODY: LazyLock<String> = LazyLock::new(|| hash_password("nobody has this password"));
    let fits = fits(password, kept.unwrap_or(&NOBODY)).unwrap_or(false);
    fits && kept.is_some()
}

fn fits(password: &str, kept: &str) -> Option<bool> {
    let kept = PasswordHash::new(kept).ok().filter(|kept| kept.algorithm == ARGON2ID_IDENT)?;
    let again = hash(password, kept.salt?, &Params::try_from(&kept).ok()?)?;
    // In constant time: the comparison of outputs is.
    Some(again.hash? == kept.hash?)
}

fn hash(password: &str, salt: Salt, params: &Params) -> Option<PasswordHash> {
    let mut memory = Vec::with_capacity(params.block_count().max(ALWAYS_MAPPED));
    memory.resize(params.block_count(), Block::new());
    let mut output = [0; Output::MAX_LENGTH];
    let output = output.get_mut(..params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    argon2.hash_password_into_with_memory(password.as_bytes(), &salt, output, &mut memory).ok()?;
    Some(PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).ok()?,
        salt: Some(salt),
        hash: Some(Output::new(output).ok()?),
    })
}

#[cfg(test)]
mod tests {
    use argon2::{PasswordHasher, PasswordVerifier};

    use super::*;

    #[test]
    fn a_password_fits_its_own_hash_only_and_nobody_fits_none() {
        let hash = hash_password("kopi tubruk");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify_password("kopi tubruk", Some(&hash)));
        assert!(!verify_password("kopi susu", Some(&hash)));
        assert!(!verify_password("nobody has this password", None));
        assert!(!verify_password("kopi tubruk", Some("not a hash")));
        assert_ne!(hash_password("kopi tubruk"), hash, "every hash has its own salt");
    }

    #[test]
    fn the_library_agrees_in_both_directions() {
        let theirs = Argon2::default().hash_password(b"kopi tubruk").expect("a hash").to_string();
        assert!(verify_password("kopi tubruk", Some(&theirs)));
        let ours = PasswordHash::new(&hash_password("kopi tubruk")).expect("a hash");
        assert!(Argon2::default().verify_password(b"kopi tubruk", &ours).is_ok());
    }
}
