//! Files, in Meta's two steps: ask for the address, which lives five minutes, then get the file there; both with our token.

use std::time::Duration;

use adapter_sdk::{Bytes, FetchError, RemoteMedia, Response, SendError};
use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};

use crate::{
    Account, WhatsApp,
    parse::{ACCOUNT, SHA256},
    refusal::No,
    wire::MediaAddress,
};

/// Until a file is asked for again that our own credentials did not get: some resellers lock accounts that ask often.
const OUR_FAULT: Duration = Duration::from_secs(90);

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
        // Our token goes over no weaker way than the one on which the address came.
        if self.config.graph_url.starts_with("https://") && !address.url.starts_with("https://") {
            return Err(FetchError::Gone("its address is not protected".to_owned()));
        }
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

/// Meta's codes mean the same as for replies; but where the fault is ours, a file is not gone, it waits.
fn refused(answer: &Response, account: &Account) -> FetchError {
    let no = No::read(answer);
    if no.alarm {
        let code = no.code.unwrap_or_default();
        tracing::error!(account = %account.name(), meta.code = code, "Meta refuses to give files: an administrator must look at the account.");
        return FetchError::Throttled(Some(OUR_FAULT));
    }
    match no.error {
        SendError::Unreachable(cause) => FetchError::Later(cause),
        SendError::Throttled(wait) => FetchError::Throttled(wait),
        SendError::Rejected { code, .. } => FetchError::Gone(format!("the platform answered {code}")),
        SendError::Unknown { detail, .. } => FetchError::Later(detail.into()),
        SendError::OptedOut => FetchError::Gone("the platform does not give it".to_owned()),
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
