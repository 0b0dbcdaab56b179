//! Files, in Meta's two steps: ask for the address, which lives five minutes, then get the file there; both with our token.

use adapter_sdk::{Bytes, FetchError, RemoteMedia, Response};
use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};

use crate::{
    Account, WhatsApp,
    parse::{ACCOUNT, SHA256},
    refusal::is_ours,
    wire::MediaAddress,
};

impl WhatsApp {
    /// Downloads one file. An address that died meanwhile, or a file that came over broken, is asked for once again; no other
    /// refusal is: resellers lock accounts that repeat them.
    pub(crate) async fn download(&self, media: &RemoteMedia) -> Result<Bytes, FetchError> {
        let number = media.params.get(ACCOUNT).map(String::as_str).unwrap_or_default();
        let account = self.account(number).ok_or_else(|| FetchError::Gone("no such account is configured".into()))?;
        let promised = media.params.get(SHA256).and_then(|hash| sha256(hash));
        match self.attempt(account, &media.id, promised).await? {
            Some(file) => Ok(file),
            None => self.attempt(account, &media.id, promised).await?.ok_or_else(|| FetchError::Later(NotWhole.into())),
        }
    }

    /// `None`: worth one more try.
    async fn attempt(&self, account: &Account, id: &str, promised: Option<[u8; 32]>) -> Result<Option<Bytes>, FetchError> {
        let token = account.access_token.expose();
        let answer = self.http.get(&self.graph(&[id])).bearer(token).send().await?;
        if !answer.status.is_success() {
            return Err(refused(&answer, account));
        }
        let address: MediaAddress = answer.json().map_err(|error| FetchError::Later(error.into()))?;
        let answer = self.http.get(&address.url).bearer(token).send().await?;
        match answer.status.as_u16() {
            404 => return Ok(None),
            _ if !answer.status.is_success() => return Err(refused(&answer, account)),
            _ => {}
        }
        let wanted = address.sha256.text().and_then(sha256).or(promised);
        let whole = wanted.is_none_or(|wanted| Sha256::digest(&answer.body)[..] == wanted);
        Ok(whole.then_some(answer.body))
    }
}

fn refused(answer: &Response, account: &Account) -> FetchError {
    match is_ours(answer) {
        Some(cause) => {
            tracing::error!(account = %account.name(), "Meta refuses our token: attachments wait until an administrator looks at the account.");
            FetchError::Later(cause)
        }
        None => FetchError::from_answer(answer),
    }
}

/// Webhooks carry the hash in base 64, the answer to a question in hex. Anything else is no hash, and nothing is compared with it.
fn sha256(text: &str) -> Option<[u8; 32]> {
    from_hex(text).or_else(|| BASE64_STANDARD.decode(text).ok()?.try_into().ok())
}

/// Thirty-two bytes in hex.
pub(crate) fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok().filter(|_| !pair.starts_with('+'))?;
    }
    Some(bytes)
}

/// The bytes are not those that were promised.
#[derive(Debug, thiserror::Error)]
#[error("the file did not come whole")]
struct NotWhole;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_writing_a_hash_are_read() {
        let digest: [u8; 32] = Sha256::digest(b"abc").into();
        assert_eq!(sha256("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), Some(digest));
        assert_eq!(sha256("ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="), Some(digest));
        for wrong in ["", "ba78", "not a hash", "4654+8g=", &"+1".repeat(32)] {
            assert_eq!(sha256(wrong), None, "{wrong}");
        }
    }
}
