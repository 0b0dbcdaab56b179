//! What adapters remember: they have no database, so it is kept here, in key-value buckets.
//!
//! Read and written by their subjects, without asking the server about the bucket: who may ask that may list every key in it, other
//! adapters' too.

use async_nats::{
    HeaderMap,
    jetstream::stream::{DirectGetErrorKind, Stream},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use model::{AdapterName, ReplyId};

use crate::{
    Bus, BusError,
    redirected::genuine,
    streams::{CURSOR, SENT},
};

/// Says that a key was removed, by hand: nothing here removes one.
const OPERATION: &str = "KV-Operation";

impl Bus {
    /// Where a poller stands in one account; `None`: at the beginning.
    pub async fn cursor(&self, adapter: &AdapterName, account: &str) -> Result<Option<Vec<u8>>, BusError> {
        let value = self.remembered(CURSOR, &cursor_key(adapter, account)).await?;
        Ok(value.map(Vec::from))
    }

    /// Moves it; only after everything before it is [`Accepted`](crate::Accepted).
    pub async fn move_cursor(&self, adapter: &AdapterName, account: &str, cursor: &[u8]) -> Result<(), BusError> {
        self.remember(CURSOR, &cursor_key(adapter, account), Bytes::copy_from_slice(cursor)).await
    }

    /// The platform's id of a reply that was sent within the last 30 days; `None`: not sent, as far as anyone knows.
    pub async fn sent(&self, reply: ReplyId) -> Result<Option<String>, BusError> {
        let value = self.remembered(SENT, &reply.to_string()).await?;
        Ok(value.map(|id| String::from_utf8_lossy(&id).into_owned()))
    }

    /// Remembers for 30 days that a reply was sent, and what the platform calls it (empty where it says nothing).
    pub async fn mark_sent(&self, reply: ReplyId, platform_id: &str) -> Result<(), BusError> {
        self.remember(SENT, &reply.to_string(), Bytes::copy_from_slice(platform_id.as_bytes())).await
    }

    /// The value of a key.
    pub(crate) async fn remembered(&self, bucket: &str, key: &str) -> Result<Option<Bytes>, BusError> {
        self.connected().await?;
        let name = format!("KV_{bucket}");
        let stream: Stream<()> = self.inner.jetstream.get_stream_no_info(&name).await.map_err(BusError::refused)?;
        match stream.direct_get_last_for_subject(subject(bucket, key)).await {
            Ok(message) if message.headers.get(OPERATION).is_some() => Ok(None),
            Ok(message) => Ok(Some(genuine(message)?.payload)),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Err(error) => Err(BusError::reading(error, &name)),
        }
    }

    /// Writes a key over what was there.
    pub(crate) async fn remember(&self, bucket: &str, key: &str, value: Bytes) -> Result<(), BusError> {
        self.publish(&subject(bucket, key), HeaderMap::new(), value).await.map(|_accepted| ())
    }
}

fn subject(bucket: &str, key: &str) -> String {
    format!("$KV.{bucket}.{key}")
}

/// Accounts are the platform's words; keys take few characters. The adapter's name comes first, so that the server can give each adapter
/// its own cursors only.
fn cursor_key(adapter: &AdapterName, account: &str) -> String {
    format!("{adapter}.a{}", BASE64_URL_SAFE_NO_PAD.encode(account))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_account_makes_a_key() {
        let adapter: AdapterName = "mail".parse().expect("a name");
        for account in ["", "a b", "lapor@kota.example", "日本", "a.*.>"] {
            let key = cursor_key(&adapter, account);
            assert!(key.starts_with("mail.a"), "{key}");
            assert!(key.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)), "{key}");
        }
    }
}
